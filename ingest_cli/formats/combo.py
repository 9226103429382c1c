"""Read credential lists: `email:password`, `user:password`, `url:user:password`.

One line is one record, nothing is quoted, and the last column takes the rest of its line, because passwords contain
delimiters. A column named `url` needs its own rule, since addresses contain delimiters too: `UrlRule` defines for one
line where an address ends; unambiguous lines are split with array operations, with the same result.

A list may be merged from several with different delimiters. The first of the manifest's delimiters in a line, outside
the address, applies to that line. A line with too few cells is rejected, since it is unknown which are missing:
in a list of `url:user:password`, `user:password` would turn a password into a user name. `mailto:` before an address is
ignored.

Only wanted columns are extracted from a line; other values, such as passwords, are never copied.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ingest_cli.errors import ManifestError
from ingest_cli.formats.combo_urls import UrlRule, address_before
from ingest_cli.formats.interface import DEFAULT_CHUNK_BYTES, ChunkBytes, Wanted
from ingest_cli.formats.joined import Beginnings, Begun
from ingest_cli.formats.lines import Found, Lines, slices, split_lines, to_rows
from ingest_cli.formats.record_stream import Blocks, Rows, read_records
from ingest_cli.model.chunks import WHOLE, IndexArray, OffsetArray, Position, RowChunk, Span
from ingest_cli.model.format_options import Format as FormatOptions

URL_COLUMN = "url"
"""Name of a column of addresses, in upper or lower case."""

_WHOLE_SCHEME = r"^[A-Za-z][A-Za-z0-9+.\-]*$"
_SCHEME_AHEAD = r"^[ ]*[A-Za-z][A-Za-z0-9+.\-]*://"
_ORDINARY = frozenset({b":", b";", b"|", b"\t", b",", b" "})
_MAILTO = re.compile(rb"((?:\A|:)[ \t]*)(?i:mailto):(?=[^@\s:]{1,64}@)")  # RFC 6068
_BEFORE_MAILTO_COLON = b"mailto"
_SLASH = ord("/")
_DIGITS = np.frombuffer(b"0123456789", np.uint8)

BoolArray = npt.NDArray[np.bool_]


class Combo:
    """Reader of delimited lines whose last cell takes the rest."""

    def __init__(
        self, options: FormatOptions, wanted: Wanted, chunk_bytes: ChunkBytes = lambda: DEFAULT_CHUNK_BYTES
    ) -> None:
        """Check the options. One column may be `url` (upper or lower case), with a scheme unless it is the first.

        Raises:
            ManifestError: there are no columns, a wanted one is missing, two hold addresses, or a delimiter is invalid.
        """
        columns = options.columns
        if not options.delimiters or any(not each or set(each) & {"\r", "\n"} for each in options.delimiters):
            raise ManifestError("`delimiter` in [format] must be one or more characters, and no line break")
        if not columns:
            raise ManifestError('[format] needs `columns` for a list like this, like ["EMAIL", "PASSWORD"]')
        for name in wanted.names:
            if name not in columns:
                raise ManifestError(f'there is no column "{name}" in [format] columns')
        urls = [i for i, name in enumerate(columns) if name.casefold() == URL_COLUMN]
        if len(urls) > 1:
            raise ManifestError("two columns in [format] are named `url`; one record holds one address")
        self.width = len(columns)
        self.places = {name: columns.index(name) for name in wanted.names}
        self.skip_lines = options.skip_lines
        self.fill = options.short_rows == "fill"
        place = urls[0] if urls and self.width > 1 else None
        # Of two delimiters that match at the same place, the longer one applies.
        texts = sorted((each.encode("utf-8", "surrogatepass") for each in options.delimiters), key=len, reverse=True)
        self.ways = tuple(
            Way(text, self.width, None if place is None else UrlRule(text, place, self.width)) for text in texts
        )
        self._delimiters = re.compile(b"|".join(map(re.escape, texts)))
        self._address = address_before(texts) if place == 0 else None
        self.has_colons = b":" in texts
        self.has_addresses = place is not None
        self._chunk_bytes = chunk_bytes
        self._beginnings = Beginnings()

    def read(self, stream: Iterable[bytes], spans: Sequence[Span] = (WHOLE,)) -> Iterator[RowChunk]:
        """See `Format.read`."""
        return read_records(stream, self._chunk_bytes, spans, _Source(self))

    def begin(self, text: bytes) -> Begun | None:
        """See `JoiningFormat.begin`."""
        return self._beginnings.of(text, _Source(self), header=self.skip_lines > 0)

    def split(self, line: bytes) -> list[bytes]:
        """Return the cells of a line by the rule that defines them; at most one per column."""
        if self.has_colons:
            line = _MAILTO.sub(rb"\1", line)
        return self.way(line).split(line)

    def way(self, line: bytes) -> Way:
        """Return the rule for a line, by its first delimiter."""
        if len(self.ways) == 1:
            return self.ways[0]
        address = self._address.match(line) if self._address else None
        found = self._delimiters.search(line, address.end() if address else 0)
        return next((way for way in self.ways if found and way.delimiter == found[0]), self.ways[0])


@dataclass(frozen=True, slots=True)
class Way:
    """Rule for lines with one delimiter.

    Attributes:
        delimiter: delimiter of the cells.
        width: number of columns.
        url: rule for the address, if there is one.
    """

    delimiter: bytes
    width: int
    url: UrlRule | None

    def split(self, line: bytes) -> list[bytes]:
        """Return the cells of a line."""
        if self.url is not None:
            return self.url.split(line)
        return line.split(self.delimiter, self.width - 1)


class _Source:
    """Parser of one source: see `RecordParser`."""

    def __init__(self, own: Combo) -> None:
        self._format = own

    def preamble(self, blocks: Blocks) -> Position:
        """See `RecordParser.preamble`."""
        return blocks.skip_lines(self._format.skip_lines)

    def parse(self, data: bytes, *, final: bool) -> Rows:
        """See `RecordParser.parse`."""
        own, lines = self._format, split_lines(data, final=final)
        filled = lines.filled
        several = [_Delimiters.find(lines, filled, way.delimiter) for way in own.ways]
        rest = np.zeros(len(filled), np.bool_)
        if own.has_colons:
            colons = next(each for way, each in zip(own.ways, several, strict=True) if way.delimiter == b":")
            rest = _with_mailto(lines, filled, colons)
        if len(several) == 1 and own.ways[0].url is None and not rest.any():
            return to_rows(lines, _at_once(lines, filled, several[0], own, own.ways[0]))
        found = list[Found]()
        chosen = _first_of(several) if len(several) > 1 else np.zeros(len(filled), np.int64)
        if len(several) > 1 and own.has_addresses:
            rest[:] = True
        for number, (way, places) in enumerate(zip(own.ways, several, strict=True)):
            clear, inside = (chosen == number) & ~rest, places.inside
            if way.url is not None:
                sure, inside = _clear(lines, filled, places, way.url)
                rest |= clear & ~sure
                clear &= sure
            if clear.any() or not number:
                found.append(_at_once(lines, filled[clear], places.of(clear, inside), own, way))
        if rest.any():
            found.append(_one_by_one(lines, filled[rest], own))
        return to_rows(lines, *found)

    def parse_closed(self, data: bytes) -> Rows:
        """See `ClosedParser.parse_closed`."""
        return self.parse(data, final=True)

    def oversize(self, size: int) -> tuple[str, Sequence[str]]:
        """See `RecordParser.oversize`."""
        assert size > 0  # noqa: S101 - nothing is not too long
        return "record_too_long", list(self._format.places)


@dataclass(frozen=True, slots=True)
class _Delimiters:
    """Positions of the delimiters in some lines.

    Attributes:
        at: offsets of all delimiters of the block.
        first: shape (lines,): index in `at` of the first one in or after each line.
        count: shape (lines,): number in each line.
        inside: shape (lines,): number within the address.
    """

    at: OffsetArray
    first: OffsetArray
    count: OffsetArray
    inside: OffsetArray

    @classmethod
    def find(cls, lines: Lines, index: IndexArray, delimiter: bytes) -> _Delimiters:
        view = np.frombuffer(lines.data, np.uint8)[: lines.bounds[-1]]
        at = np.flatnonzero(view == delimiter[0])
        for i in range(1, len(delimiter)):
            at = at[at < len(view) - i]
            at = at[view[at + i] == delimiter[i]]
        if len(delimiter) > 1 and (np.diff(at) < len(delimiter)).any():
            at = _apart(at, len(delimiter))
        first = np.searchsorted(at, lines.bounds[index])
        count = np.searchsorted(at, lines.ends[index]) - first
        return cls(at, first, count, np.zeros(len(index), np.int64))

    def begins(self) -> OffsetArray:
        """Return the offset of the first one of each line; the maximum integer for a line without one."""
        return self.nth(0, np.full(len(self.count), np.iinfo(np.int64).max))

    def of(self, chosen: BoolArray, inside: OffsetArray) -> _Delimiters:
        """Return those of the `chosen` lines, with the numbers within their addresses."""
        return _Delimiters(self.at, self.first[chosen], self.count[chosen], inside[chosen])

    def nth(self, n: OffsetArray | int, otherwise: OffsetArray) -> OffsetArray:
        """Return the offset of the delimiter number `n`, from 0, of each line; `otherwise` for lines without it."""
        if not len(self.at):
            return otherwise
        place = np.minimum(self.first + n, len(self.at) - 1)
        return np.where(self.count > n, self.at[place], otherwise)


def _apart(at: OffsetArray, size: int) -> OffsetArray:
    """Drop places within the delimiter before: in `:::` no `::` begins at the second colon."""
    kept, free = list[int](), 0
    for place in at.tolist():
        if place >= free:
            kept.append(place)
            free = place + size
    return np.array(kept, np.int64)


def _first_of(several: Sequence[_Delimiters]) -> OffsetArray:
    """Return the number of the first delimiter of each line; 0 for lines without one."""
    first: OffsetArray = np.argmin(np.stack([each.begins() for each in several]), axis=0)
    return first


def _with_mailto(lines: Lines, index: IndexArray, colons: _Delimiters) -> BoolArray:
    """Return which of the lines at `index` contain `mailto:`."""
    view = np.frombuffer(lines.data, np.uint8)
    at = colons.at[np.searchsorted(colons.at, len(_BEFORE_MAILTO_COLON)) :]
    for back, letter in enumerate(reversed(_BEFORE_MAILTO_COLON), 1):
        at = at[view[at - back] | 0x20 == letter]
    found = np.zeros(len(index), np.bool_)
    if len(at):
        found = np.searchsorted(at, lines.bounds[index]) < np.searchsorted(at, lines.ends[index])
    return found


def _at_once(lines: Lines, index: IndexArray, places: _Delimiters, own: Combo, way: Way) -> Found:
    """Split the lines at `index` as `Combo.split` does, column by column."""
    needed = own.width - 1
    bare = (places.count == 0) & (needed > 0)
    short = (places.count - places.inside < needed) & ~bare
    rejected = [(int(i), "no_delimiter") for i in index[bare]]
    if not own.fill:
        rejected += [(int(i), "too_few_cells") for i in index[short]]
    out = bare if own.fill else bare | short
    if out.any():
        index, places, short = index[~out], places.of(~out, places.inside), short[~out]
    url = way.url.place if way.url else own.width
    ends = lines.ends[index]

    def end_of(column: int) -> OffsetArray:
        if column == needed:
            return ends
        return places.nth(column + (places.inside if column >= url else 0), ends)

    cells = {}
    for name, column in own.places.items():
        begins = lines.bounds[index]
        if column:
            begins = np.minimum(end_of(column - 1) + len(way.delimiter), ends)
        cells[name] = slices(lines.data, begins, end_of(column))
    loose = index[short] if own.fill else index[:0]
    return Found(index, cells, rejected, {"short_row": len(loose)}, loose)


def _one_by_one(lines: Lines, index: IndexArray, own: Combo) -> Found:
    """Split the lines at `index` one by one with `Combo.split`."""
    kept, rows, loose = list[int](), list[list[bytes]](), list[int]()
    rejected = list[tuple[int, str]]()
    for i, line in zip(index.tolist(), lines.texts(index), strict=True):
        cells = own.split(line)
        if len(cells) < own.width:
            if len(cells) == 1 or not own.fill:
                rejected.append((i, "no_delimiter" if len(cells) == 1 else "too_few_cells"))
                continue
            loose.append(i)
        kept.append(i)
        rows.append(cells)
    columns = {
        name: pa.array([row[at] if at < len(row) else b"" for row in rows], pa.binary())
        for name, at in own.places.items()
    }
    return Found(np.array(kept, np.int32), columns, rejected, {"short_row": len(loose)}, np.array(loose, np.int32))


def _clear(lines: Lines, index: IndexArray, places: _Delimiters, rule: UrlRule) -> tuple[BoolArray, OffsetArray]:
    """Return which lines have an unambiguous address, and the number of delimiters in it.

    These have the minimum number of delimiters, so that an address beyond its first possible end would leave a column
    without a cell. The only exception is a port before a path.
    """
    none = np.zeros(len(index), np.bool_)
    inside = np.zeros(len(index), np.int64)
    if rule.delimiter not in _ORDINARY or not len(index):
        return none, inside
    view = np.append(np.frombuffer(lines.data, np.uint8), np.zeros(3, np.uint8))
    ends = lines.ends[index]
    begins = lines.bounds[index]
    if rule.place:
        begins = np.minimum(places.nth(rule.place - 1, ends) + 1, ends)
    if rule.delimiter == b":":
        colon = places.nth(rule.place, ends)
        slashes = (view[colon + 1] == _SLASH) & (view[colon + 2] == _SLASH) & (colon < ends)
        is_scheme = slashes & _match(slices(lines.data, begins, colon), _WHOLE_SCHEME)
        inside = is_scheme.astype(np.int64)
        after = places.nth(rule.place + inside, ends) + 1
        port = np.isin(view[after], _DIGITS) | ((view[after] == _SLASH) & (view[after + 1] == _SLASH))
        clear = (is_scheme | (~slashes if not rule.place else none)) & ~port
    else:
        clear = _match(slices(lines.data, begins, ends), _SCHEME_AHEAD) if rule.place else ~none
    clear &= places.count - inside == rule.width - 1
    if b"[" in lines.data:
        brackets = np.flatnonzero(view == ord("["))
        clear &= np.searchsorted(brackets, lines.bounds[index]) == np.searchsorted(brackets, ends)
    return clear, inside


def _match(cells: pa.BinaryArray, pattern: str) -> BoolArray:
    matches: BoolArray = pc.match_substring_regex(cells, pattern).to_numpy(zero_copy_only=False)
    return matches
