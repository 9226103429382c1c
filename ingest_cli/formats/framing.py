"""Find record boundaries in a block with array operations, and split regular records into columns with Arrow.

Quoting is followed by parity: a line end is a record end if an even number of quotes precedes it. That is exact if
every quote is where RFC 4180 §2 allows one (at the start or end of a field, or doubled inside it), or around a
spreadsheet formula, `="012"`. `scan` checks this and declines any other block, which is then read by the slower parser
of `irregular`. A byte after an escape character is neither a quote nor a delimiter nor a line end.

A delimiter of several bytes is replaced by a byte that does not occur in the block, so that the same operations apply;
`Frame` keeps both forms.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pacsv

from ingest_cli.model.chunks import CR, LF, OffsetArray, line_ends
from ingest_cli.model.format_options import Format as FormatOptions

MAX_RECORD_LINES = 20_000
"""A record of more lines is taken for the result of a lost quote. A chunk may have as many rows."""

MAX_QUOTES = 1 << 20
"""Maximum number of quotes or escapes to process at once, at 40 bytes of memory each; otherwise `irregular` is used."""

CONTROL_ESCAPES = {"0": "\0", "b": "\b", "n": "\n", "r": "\r", "t": "\t", "Z": "\x1a"}
"""Letter after an escape character → meaning of the two (MySQL 8.4 Reference Manual, LOAD DATA)."""

Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

_BOM = b"\xef\xbb\xbf"
_EQUALS = ord("=")
_STAND_INS = bytes(byte for byte in range(0x1F, 0, -1) if byte not in b"\t\n\r")
"""Replacements for a delimiter of several bytes, the least likely to occur first."""

_FIRST_BEYOND_ASCII = 0x80


@dataclass(frozen=True, slots=True)
class RowRules:
    """Rules for the rows of a dump: the options of the same names, `fill` for short rows and `trim` for long ones."""

    fill: bool = False
    trim: bool = False
    overflow: str = ""
    skip_lines: int = 0


@dataclass(frozen=True)
class Dialect:
    """Syntax that separates cells and records.

    Attributes:
        delimiter: one or more characters.
        quote: one character; empty for no quoting.
        escape: one character; empty for none.
        rules: for records whose cells do not fit their columns.
    """

    delimiter: str
    quote: str
    escape: str = ""
    rules: RowRules = RowRules()

    @classmethod
    def of(cls, options: FormatOptions) -> Dialect:
        """Return the dialect that a manifest describes."""
        fill, trim = options.short_rows == "fill", options.long_rows == "trim"
        rules = RowRules(fill, trim, options.overflow, options.skip_lines)
        return cls(options.delimiter, options.quote, options.escape, rules)

    @property
    def is_single_byte(self) -> bool:
        """Whether delimiter, quote and escape are single bytes, as `scan` requires."""
        return len(self.delimiter) == 1 and self.delimiter.isascii() and self.quote.isascii() and self.escape.isascii()

    @property
    def is_plain(self) -> bool:
        """Whether Python's `csv` module can read it."""
        return len(self.delimiter) == 1 and not self.escape

    @property
    def has_formulas(self) -> bool:
        """Whether `="…"` is a quoted cell."""
        return self.quote == '"'

    @cached_property
    def overlapping(self) -> tuple[str, ...]:
        """Two delimiters that overlap, as in `a|||b`; empty if none can."""
        one = self.delimiter
        return tuple(one + one[size:] for size in range(1, len(one)) if one.startswith(one[-size:]))

    @cached_property
    def nested(self) -> tuple[str, ...]:
        """A delimiter within another one, which is then none, as in `a~~|^|^b` for `~|^`."""
        one = self.delimiter
        return tuple(
            one[:size] + one + one[size:] for size in range(1, len(one)) if one[:size] + one != one + one[:size]
        )

    @cached_property
    def unquoted(self) -> Dialect:
        """The same dialect with the quote as an ordinary character."""
        return replace(self, quote="")

    @cached_property
    def ends_of_bare(self) -> re.Pattern[str]:
        """Pattern of the end of an unquoted cell, or of an escape in it."""
        return re.compile("|".join(re.escape(each) for each in (self.delimiter, self.escape) if each))

    @cached_property
    def ends_of_quoted(self) -> re.Pattern[str]:
        """Pattern of the end of a quoted cell, or of an escape in it."""
        return re.compile("|".join(re.escape(each) for each in (self.quote, self.escape) if each))

    def keeps_escape(self, character: str) -> bool:
        r"""Return whether an escape character before this one is an ordinary character, as in `\N`.

        True for letters and digits without a special meaning: no writer escapes these, while one that escapes nothing
        in unquoted cells (Spark) leaves `DOMAIN\user` unchanged.
        """
        if character in {self.delimiter[0], self.quote, self.escape}:
            return False
        return not character.isascii() or (character.isalnum() and character not in CONTROL_ESCAPES)

    @cached_property
    def changed_by_escape(self) -> Mask:
        """Shape (256,): bytes that lose or change their meaning after an escape byte."""
        kept = [byte >= _FIRST_BEYOND_ASCII or self.keeps_escape(chr(byte)) for byte in range(256)]
        return ~np.array(kept, np.bool_)


@dataclass(frozen=True, slots=True)
class Frame:
    """Records at the start of a block with all quotes in regular places.

    Attributes:
        data: bytes with a single byte as delimiter.
        dialect: dialect of `data`.
        bounds: shape (records + 1,): start of each record in `data`, and end of the last one.
        source: original bytes.
        source_bounds: shape (records + 1,): `bounds` in `source`.
    """

    data: bytes
    dialect: Dialect
    bounds: OffsetArray
    source: bytes
    source_bounds: OffsetArray

    @property
    def has_stand_in(self) -> bool:
        """Whether `data` has another delimiter than `source`."""
        return self.data is not self.source

    def first(self, records: int) -> Frame:
        """Return the frame of at most this many of the records."""
        return replace(self, bounds=self.bounds[: records + 1], source_bounds=self.source_bounds[: records + 1])


def frame(data: bytes, dialect: Dialect, *, final: bool) -> Frame | None:
    """Find the complete records of `data`, which begins at the start of a record.

    `final` means that the stream ends with `data`, so that the last record needs no line end. Returns None if `scan`
    declines, if no byte is free to replace the delimiter, or if two delimiters overlap.
    """
    if dialect.is_single_byte:
        bounds = scan(data, dialect, final=final)
        return None if bounds is None else Frame(data, dialect, bounds, data, bounds)
    if not (dialect.quote.isascii() and dialect.escape.isascii()):
        return None
    if dialect.escape and dialect.escape.encode() in data:
        return None  # an escape before a delimiter of several characters applies to its first one
    free = next((byte for byte in _STAND_INS if byte not in data and chr(byte) != dialect.quote), None)
    if free is None or any(each.encode() in data for each in dialect.nested):
        return None
    delimiter, stand_in = dialect.delimiter.encode(), bytes([free])
    short = data.replace(delimiter, stand_in)
    overlaps = bool(dialect.overlapping) and data[::-1].replace(delimiter[::-1], stand_in)[::-1] != short
    single = Dialect(chr(free), dialect.quote)
    bounds = None if overlaps else scan(short, single, final=final)
    if bounds is None:
        return None
    places = np.flatnonzero(np.frombuffer(short, np.uint8) == free)
    longer = np.searchsorted(places, bounds) * (len(delimiter) - 1)
    return Frame(short, single, bounds, data, bounds + longer)


def scan(data: bytes, dialect: Dialect, *, final: bool) -> OffsetArray | None:
    """Find the complete records of `data`, which begins at the start of a record.

    Args:
        data: any bytes, normally UTF-8.
        dialect: single-byte delimiter, quote and escape.
        final: whether the stream ends with `data`, so that the last record needs no line end.

    Returns:
        Shape (records + 1,): start of each record, and end of the last one; only [0] if no record is complete. None if
        a quote is where RFC 4180 has none, is never closed, or not within `MAX_RECORD_LINES`, if there are more than
        `MAX_QUOTES`, and if the stream ends with an escape.
    """
    view = np.frombuffer(data, np.uint8)
    if any(data.count(sign.encode()) > MAX_QUOTES for sign in (dialect.quote, dialect.escape) if sign):
        return None
    ends = lines = line_ends(data, final=final)
    escaped = escaped_bytes(data, dialect)
    if escaped is not None:
        ends = ends[~escaped[ends - 1]]
        if final and ((escaped[-1] and view[-1] in (LF, CR)) or _ends_with_escape(data, dialect)):
            return None
    quote = dialect.quote.encode()
    if quote and quote in data:
        is_quote = view == quote[0]
        quotes = np.flatnonzero(is_quote if escaped is None else is_quote & ~escaped)
        if not _regular(view, quotes, escaped, dialect):
            return None
        ends = ends[np.searchsorted(quotes, ends) % 2 == 0]
        if final and len(quotes) % 2:
            return None
    bounds = np.concatenate((np.zeros(1, np.int64), ends))
    if final and bounds[-1] < len(data):
        bounds = np.append(bounds, len(data))
    if len(lines) > len(ends) and _most_lines(lines, bounds, len(data)) > MAX_RECORD_LINES:
        return None
    return bounds


def count_cells(data: bytes, bounds: OffsetArray, dialect: Dialect) -> npt.NDArray[np.int64]:
    """Return the number of cells of each record, for data accepted by `scan`. Shape (records,)."""
    view = np.frombuffer(data, np.uint8)
    escaped = escaped_bytes(data, dialect)
    delimiters = _offsets(view, dialect.delimiter, escaped)
    if dialect.quote:
        quotes = _offsets(view, dialect.quote, escaped)
        delimiters = delimiters[np.searchsorted(quotes, delimiters) % 2 == 0]
    return np.diff(np.searchsorted(delimiters, bounds)) + 1


def has_changes(data: bytes, bounds: OffsetArray, dialect: Dialect) -> Mask | None:
    """Return which records contain an escape that changes the next byte. Shape (records,); None if there are none."""
    escaped = escaped_bytes(data, dialect)
    if escaped is None:
        return None
    places = np.flatnonzero(escaped[: bounds[-1]])
    places = places[dialect.changed_by_escape[np.frombuffer(data, np.uint8)[places]]]
    if not len(places):
        return None
    changed = np.zeros(len(bounds) - 1, np.bool_)
    changed[np.searchsorted(bounds, places, side="right") - 1] = True
    return changed


def _offsets(view: Bytes, character: str, escaped: Mask | None) -> npt.NDArray[np.int64]:
    found = view == ord(character)
    return np.flatnonzero(found if escaped is None else found & ~escaped)


def escaped_bytes(data: bytes, dialect: Dialect) -> Mask | None:
    """Return which bytes are escaped, all bytes of an escaped line end included; None if there is no escape byte."""
    if not dialect.escape or dialect.escape.encode() not in data:
        return None
    view = np.frombuffer(data, np.uint8)
    escapes = np.flatnonzero(view == ord(dialect.escape))
    # In a run of escapes, the first escapes the second, the third escapes the fourth, and so on.
    begins = np.flatnonzero(np.diff(escapes, prepend=-2) > 1)
    in_row = np.arange(len(escapes)) - np.repeat(begins, np.diff(begins, append=len(escapes)))
    after = escapes[in_row % 2 == 0] + 1
    escaped = np.zeros(len(data) + 1, np.bool_)
    escaped[after] = True
    returns = after[after < len(data) - 1]
    returns = returns[view[returns] == CR] + 1
    escaped[returns[view[returns] == LF]] = True
    return escaped[:-1]


def _ends_with_escape(data: bytes, dialect: Dialect) -> bool:
    escape = dialect.escape.encode()
    return (len(data) - len(data.rstrip(escape))) % 2 == 1


def _regular(view: Bytes, quotes: npt.NDArray[np.int64], escaped: Mask | None, dialect: Dialect) -> bool:
    """Return whether opening and closing quotes, by parity, are at the edges of fields or doubled."""
    opening, closing = quotes[::2], quotes[1::2]
    edge = np.array([ord(dialect.delimiter), LF, CR], np.uint8)
    doubled = closing[: len(opening) - 1] + 1 == opening[1:]
    opens = _follows_edge(view, opening, escaped, edge)
    opens[1:] |= doubled
    closes = np.isin(np.append(view, LF)[closing + 1], edge)
    if not opens.all() and dialect.has_formulas:
        formulas = ~opens & (view[opening - 1] == _EQUALS)
        formulas[formulas] = _follows_edge(view, opening[formulas] - 1, escaped, edge)
        opens |= formulas
        formulas = formulas[: len(closing)]
        edges = np.flatnonzero(np.isin(view, edge))
        within = np.searchsorted(edges, closing[formulas]) - np.searchsorted(edges, opening[: len(closing)][formulas])
        if within.any() or not closes[formulas].all():
            return False
    closes[: len(doubled)] |= doubled
    return bool(opens.all() and closes.all())


def _follows_edge(view: Bytes, places: npt.NDArray[np.int64], escaped: Mask | None, edge: Bytes) -> Mask:
    """Return whether each place is the first one of a field."""
    follows = np.isin(view[places - 1], edge)
    if escaped is not None:
        follows &= ~escaped[places - 1]
    follows |= places == 0
    return follows


def _most_lines(lines: OffsetArray, bounds: OffsetArray, size: int) -> int:
    """Return the maximum number of lines per record and in the rest after the last one; `lines` are the line ends."""
    counts = np.diff(np.searchsorted(lines, np.append(bounds, size), side="right"))
    if bounds[-1] == size and len(counts) > 1 and (not len(lines) or lines[-1] < size):
        counts[-2] += 1  # the last line needs no line end
    return int(counts.max())


def read_cells(data: bytes, dialect: Dialect, width: int, positions: Sequence[int]) -> pa.Table | None:
    """Parse complete records into columns; None if a record has not `width` cells.

    Args:
        data: records whose quotes are all well-formed.
        dialect: delimiter and quote of one byte each, no escape with an effect.
        width: number of cells of a record.
        positions: indices of the wanted cells, in the order of the columns.
    """
    if data.startswith(_BOM):  # Arrow would remove it from the first cell
        return None
    names = [str(i) for i in range(width)]
    if not data.endswith((b"\n", b"\r")):
        data += b"\n"
    try:
        return pacsv.read_csv(
            pa.BufferReader(data),
            pacsv.ReadOptions(use_threads=False, column_names=names, block_size=len(data) + 1),
            pacsv.ParseOptions(
                delimiter=dialect.delimiter,
                quote_char=dialect.quote or False,
                double_quote=bool(dialect.quote),
                newlines_in_values=bool(dialect.quote),
            ),
            pacsv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.binary()),
                include_columns=[names[position] for position in positions],
                check_utf8=False,
                strings_can_be_null=False,
                quoted_strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid:
        return None
