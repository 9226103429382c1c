"""Where one record ends and the next begins, found without looking at each byte in Python.

Quoting is followed by parity: a line end is a record end when an even number of quotes lies before
it. That is exact as long as each quote stands where RFC 4180 §2 allows one (at the start of a field,
at its end, or doubled inside it). `scan` checks just that, and declines anything else, which is then
read by the slower parser of `irregular`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ingest_cli.records import CR, LF, OffsetArray, line_ends

MAX_RECORD_LINES = 20_000
"""A record of more lines than this is not believed: a lost quote looks like that. A chunk may have as many rows."""

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Dialect:
    """How cells and records are told apart: one character each; an empty `quote` means none."""

    delimiter: str
    quote: str

    @property
    def is_single_byte(self) -> bool:
        """Whether the byte-wise scanner and parser can be used."""
        return self.delimiter.isascii() and self.quote.isascii()


def scan(data: bytes, dialect: Dialect, *, final: bool) -> OffsetArray | None:
    """Find the records that are complete in `data`, which begins at the start of a record.

    Args:
        data: UTF-8, or any bytes at all.
        dialect: single-byte delimiter and quote.
        final: whether the stream ends with `data`, so that its last record needs no line end.

    Returns:
        Shape (records + 1,): where each record begins, and where the last one ends; just [0] if no
        record is complete. None if a quote stands where RFC 4180 has none, is never closed, or is not within
        `MAX_RECORD_LINES`.
    """
    view = np.frombuffer(data, np.uint8)
    ends = lines = line_ends(data, final=final)
    quote = dialect.quote.encode()
    if quote and quote in data:
        quotes = np.flatnonzero(view == quote[0])
        if not _regular(view, quotes, dialect):
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
    """Number of cells of each record, for data that `scan` found regular. Shape (records,)."""
    view = np.frombuffer(data, np.uint8)
    delimiters = np.flatnonzero(view == ord(dialect.delimiter))
    if dialect.quote:
        quotes = np.flatnonzero(view == ord(dialect.quote))
        delimiters = delimiters[np.searchsorted(quotes, delimiters) % 2 == 0]
    return np.diff(np.searchsorted(delimiters, bounds)) + 1


def _regular(view: Bytes, quotes: npt.NDArray[np.int64], dialect: Dialect) -> bool:
    """Whether the quotes that parity calls opening and closing stand at the edges of fields, or are doubled."""
    opening, closing = quotes[::2], quotes[1::2]
    edge = np.array([ord(dialect.delimiter), LF, CR], np.uint8)
    doubled = closing[: len(opening) - 1] + 1 == opening[1:]
    opens = np.isin(view[opening - 1], edge)
    opens[1:] |= doubled
    opens |= opening == 0
    closes = np.isin(np.append(view, LF)[closing + 1], edge)
    closes[: len(doubled)] |= doubled
    return bool(opens.all() and closes.all())


def _most_lines(lines: OffsetArray, bounds: OffsetArray, size: int) -> int:
    """Lines of the record that has most of them, what follows the last one included; `lines`: where they end."""
    counts = np.diff(np.searchsorted(lines, np.append(bounds, size), side="right"))
    if bounds[-1] == size and len(counts) > 1 and (not len(lines) or lines[-1] < size):
        counts[-2] += 1  # the last line needs no line end
    return int(counts.max())
