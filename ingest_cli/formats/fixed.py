"""Cells at fixed places of a line, told apart by nothing but their width.

Widths are counted in characters, as the programs that write such files count them, and what pads a cell is
cut off. Lines of ASCII, in which a character is a byte, are cut up all at once; any other line is decoded and
cut up by itself. Both give the same cells.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import accumulate

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest_cli.errors import ManifestError
from ingest_cli.formats.interface import DEFAULT_CHUNK_BYTES, ChunkBytes
from ingest_cli.formats.lines import Found, Lines, slices, split_lines, to_rows
from ingest_cli.formats.record_stream import MAX_RECORD_BYTES, Blocks, Rows, read_records
from ingest_cli.records import WHOLE, IndexArray, Position, RowChunk, Span, count_lines

PADDING = " \t\v\f\0"
"""What pads a cell: blanks, and the zero bytes that a C structure is filled up with."""


class Fixed:
    """Reads lines of cells of fixed widths."""

    def __init__(
        self,
        widths: Sequence[int],
        columns: Sequence[str],
        wanted: Sequence[str],
        *,
        header: bool = False,
        chunk_bytes: ChunkBytes = lambda: DEFAULT_CHUNK_BYTES,
    ) -> None:
        """Set up the parser.

        Args:
            widths: characters of each column, in order.
            columns: their names, "" for those without one.
            wanted: names of the columns to keep; all others are dropped while parsing.
            header: whether the first line that is not blank is a header; it is read past.
            chunk_bytes: tells how many decoded bytes a chunk aims at.

        Raises:
            ManifestError: there is not one width, of at least 1, for each column, or a wanted one is not there.
        """
        if len(widths) != len(columns):
            raise ManifestError(
                f"[format] has {len(widths)} widths for {len(columns)} columns; give each column one width, in order"
            )
        if any(width < 1 for width in widths):
            raise ManifestError("a width in [format] is less than 1; widths are numbers of characters")
        places = dict(zip(columns, zip(accumulate(widths, initial=0), accumulate(widths), strict=False), strict=True))
        for name in wanted:
            if name not in places:
                raise ManifestError(f'there is no column "{name}" in [format] columns')
        self.places = {name: places[name] for name in wanted}
        self.header = header
        self.width = sum(widths)
        self.last_begins = self.width - widths[-1] if widths else 0
        self._chunk_bytes = chunk_bytes

    def read(self, stream: Iterable[bytes], spans: Sequence[Span] = (WHOLE,)) -> Iterator[RowChunk]:
        """See `Format.read`."""
        return read_records(stream, self._chunk_bytes, spans, _Source(self))


class _Source:
    """The parser of one source: see `RecordParser`."""

    def __init__(self, own: Fixed) -> None:
        self._format = own
        # Without a header, the names in the manifest are what one in the midst of the rows would look like.
        self._header = {name: name.encode() for name in own.places}

    def preamble(self, blocks: Blocks) -> Position:
        """Read past the header, if there is one."""
        own = self._format
        while own.header and blocks.fill():
            lines = split_lines(blocks.data, final=blocks.final)
            filled = np.flatnonzero(~lines.blank)
            if len(filled):
                at = int(filled[0])
                if lines.long[at]:
                    break
                cells = careful(lines.texts(np.array([at], np.int32)), own)
                if len(cells.index):
                    self._header = {name: column[0].as_py() for name, column in cells.cells.items()}
                return self._past(blocks, int(lines.bounds[at + 1]))
            if blocks.ended:
                return Position()
            if len(blocks.data) > MAX_RECORD_BYTES:
                break
            blocks.grow()
        if own.header and blocks.data:
            raise ManifestError("the header cannot be read (record_too_long); check `name` and `header` in [format]")
        return Position()

    def _past(self, blocks: Blocks, size: int) -> Position:
        at = Position(size, 0, count_lines(blocks.data[:size]))
        blocks.consume(size)
        return at

    def parse(self, data: bytes, *, final: bool) -> Rows:
        """See `RecordParser.parse`."""
        lines = split_lines(data, final=final)
        filled = lines.filled
        is_ascii = lines.ascii()[filled]
        found = [_at_once(lines, filled[is_ascii], self._format)]
        if not is_ascii.all():
            rest = filled[~is_ascii]
            one_by_one = careful(lines.texts(rest), self._format)
            rejected = [(int(rest[i]), reason) for i, reason in one_by_one.rejected]
            found.append(replace(one_by_one, index=rest[one_by_one.index], rejected=rejected))
        return self._without_headers(to_rows(lines, *found))

    def _without_headers(self, rows: Rows) -> Rows:
        """Skip the rows in which every wanted cell holds what the header holds there."""
        repeated = np.full(len(rows.index), bool(self._header))
        for name, text in self._header.items():
            if not repeated.any():
                return rows
            repeated &= pc.equal(rows.cells[name], text).to_numpy(zero_copy_only=False)
        if not repeated.any():
            return rows
        cells = {name: column.filter(pa.array(~repeated)) for name, column in rows.cells.items()}
        skipped = {**rows.skipped, "repeated_header": rows.index[repeated]}
        return replace(rows, index=rows.index[~repeated], cells=cells, skipped=skipped)

    def oversize(self, size: int) -> tuple[str, Sequence[str]]:
        """See `RecordParser.oversize`."""
        assert size > 0  # noqa: S101 - nothing is not too long
        return "record_too_long", list(self._format.places)


def careful(lines: Sequence[bytes], own: Fixed) -> Found:
    """Cut up `lines` one by one: what a file of fixed widths means.

    A cell that begins behind the end of its line is absent, and the row is flagged; one that ends behind it is
    as long as it is, since trailing blanks are often left out. A line with anything but padding behind the
    last column is rejected.
    """
    index, texts = list[int](), list[str]()
    rejected, short = list[tuple[int, str]](), 0
    for i, line in enumerate(lines):
        text = line.decode("utf-8", "surrogateescape")
        if text[own.width :].strip(PADDING):
            rejected.append((i, "too_many_cells"))
            continue
        short += len(text) <= own.last_begins
        index.append(i)
        texts.append(text)
    cells = {
        name: pa.array(
            [text[begin:end].strip(PADDING).encode("utf-8", "surrogateescape") for text in texts], pa.binary()
        )
        for name, (begin, end) in own.places.items()
    }
    return Found(np.array(index, np.int32), cells, rejected, {"short_row": short})


def _at_once(lines: Lines, index: IndexArray, own: Fixed) -> Found:
    """Cut up the lines at `index`, which are ASCII: what `careful` does, column by column."""
    begins, ends = lines.bounds[index], lines.ends[index]
    over = np.zeros(len(index), np.bool_)
    longer = ends - begins > own.width
    if longer.any():
        extra = _trimmed(slices(lines.data, begins[longer] + own.width, ends[longer]))
        over[longer] = pc.greater(pc.binary_length(extra), 0).to_numpy(zero_copy_only=False)
    rejected = [(int(i), "too_many_cells") for i in index[over]]
    index, begins, ends = index[~over], begins[~over], ends[~over]
    cells = {
        name: _trimmed(slices(lines.data, np.minimum(begins + begin, ends), np.minimum(begins + end, ends)))
        for name, (begin, end) in own.places.items()
    }
    short = int((ends - begins <= own.last_begins).sum())
    return Found(index, cells, rejected, {"short_row": short})


def _trimmed(cells: pa.BinaryArray) -> pa.BinaryArray:
    return pc.ascii_trim(cells.cast(pa.string()), characters=PADDING).cast(pa.binary())
