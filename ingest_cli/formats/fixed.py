"""Read lines whose cells have fixed positions and widths.

Widths are counted in characters, or in bytes of the file's encoding: see `fixed_widths`. Padding is stripped. Lines in
which the two are equal are split with array operations, other lines one by one, with the same result.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import accumulate

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest_cli.errors import ManifestError
from ingest_cli.formats.fixed_widths import BYTES, CHARACTERS, EITHER, PADDING, SAMPLE_BYTES, Ruler
from ingest_cli.formats.interface import DEFAULT_CHUNK_BYTES, ChunkBytes, Wanted
from ingest_cli.formats.lines import Found, Lines, slices, split_lines, to_rows
from ingest_cli.formats.record_stream import MAX_RECORD_BYTES, Blocks, Rows, read_records
from ingest_cli.model.chunks import WHOLE, IndexArray, Position, RowChunk, Span, count_lines
from ingest_cli.model.format_options import Format as FormatOptions


class Fixed:
    """Reader of lines of fixed-width cells."""

    def __init__(
        self, options: FormatOptions, wanted: Wanted, chunk_bytes: ChunkBytes = lambda: DEFAULT_CHUNK_BYTES
    ) -> None:
        """Check the options.

        Raises:
            ManifestError: the number of widths is not that of the columns, a width is less than 1, a wanted column is
                missing, or bytes cannot be counted in the encoding.
        """
        widths, columns = options.widths, options.columns
        if len(widths) != len(columns):
            raise ManifestError(
                f"[format] has {len(widths)} widths for {len(columns)} columns; give each column one width, in order"
            )
        if any(width < 1 for width in widths):
            raise ManifestError("a width in [format] is less than 1; widths are numbers of characters or bytes")
        places = dict(zip(columns, zip(accumulate(widths, initial=0), accumulate(widths), strict=False), strict=True))
        for name in wanted.names:
            if name not in places:
                raise ManifestError(f'there is no column "{name}" in [format] columns')
        self.places = {name: places[name] for name in wanted.names}
        self.options = options
        self.ruler = Ruler(self.places, sum(widths), options.encoding)
        if options.widths_in == BYTES:
            self.ruler.check_bytes()
        self.width = sum(widths)
        self.last_begins = self.width - widths[-1] if widths else 0
        self._chunk_bytes = chunk_bytes

    def read(self, stream: Iterable[bytes], spans: Sequence[Span] = (WHOLE,)) -> Iterator[RowChunk]:
        """See `Format.read`."""
        return read_records(stream, self._chunk_bytes, spans, _Source(self))


class _Source:
    """Parser of one source: see `RecordParser`."""

    def __init__(self, own: Fixed) -> None:
        self._format = own
        self._unit = EITHER
        # Without a header, a repeated header within the rows is recognized by the names in the manifest.
        self._header = {name: name.encode() for name in own.places}

    def preamble(self, blocks: Blocks) -> Position:
        """Read the lines to skip and the header, if any, and determine the unit of the widths.

        Raises:
            ManifestError: the header cannot be read, or the unit contradicts the manifest.
        """
        own = self._format
        skipped = blocks.skip_lines(own.options.skip_lines)
        header, size, lines = self._find_header(blocks) if own.options.header else (b"", 0, 0)
        self._unit = self._find_unit(blocks)
        if header:
            found = careful([header], own, self._unit if self._unit != EITHER else CHARACTERS)
            if len(found.index):
                self._header = {name: column[0].as_py() for name, column in found.cells.items()}
        return Position(skipped.offset + size, 0, skipped.line + lines)

    def _find_header(self, blocks: Blocks) -> tuple[bytes, int, int]:
        """Consume the first line that is not blank; return it, and the bytes and lines up to its end."""
        while blocks.fill():
            lines = split_lines(blocks.data, final=blocks.final)
            filled = np.flatnonzero(~lines.blank)
            if len(filled):
                at = int(filled[0])
                if lines.long[at]:
                    break
                size = int(lines.bounds[at + 1])
                text, count = lines.texts(np.array([at], np.int32))[0], count_lines(blocks.data[:size])
                blocks.consume(size)
                return text, size, count
            if blocks.ended:
                return b"", 0, 0
            if len(blocks.data) > MAX_RECORD_BYTES:
                break
            blocks.grow()
        if blocks.data:
            raise ManifestError("the header cannot be read (record_too_long); check `name` and `header` in [format]")
        return b"", 0, 0

    def _find_unit(self, blocks: Blocks) -> str:
        """Determine the unit of the widths from the beginning of the rows."""
        own = self._format
        if own.options.widths_in == CHARACTERS or own.ruler.is_single_byte:
            return CHARACTERS
        while blocks.fill() and not blocks.ended and len(blocks.data) < SAMPLE_BYTES:
            blocks.grow()
        data, final = blocks.data, blocks.final
        if data.isascii():
            blocks.consume(0)
            return own.options.widths_in or EITHER
        if blocks.ended and not final and len(data) < SAMPLE_BYTES:
            if own.options.widths_in is None:
                blocks.raise_fault()  # the rest could have changed the unit of these lines
            return BYTES
        lines = split_lines(data[:SAMPLE_BYTES], final=final and len(data) <= SAMPLE_BYTES)
        blocks.consume(0)
        return own.ruler.unit(lines.texts(lines.filled), own.options.widths_in)

    def parse(self, data: bytes, *, final: bool) -> Rows:
        """See `RecordParser.parse`."""
        own, lines = self._format, split_lines(data, final=final)
        filled = lines.filled
        if self._unit == BYTES and own.ruler.counts_utf8:
            return self._without_headers(to_rows(lines, _at_once(lines, filled, own)))
        is_ascii = lines.ascii()[filled]
        found = [_at_once(lines, filled[is_ascii], own)]
        if not is_ascii.all():
            rest = filled[~is_ascii]
            one_by_one = careful(lines.texts(rest), own, self._unit)
            rejected = [(int(rest[i]), reason) for i, reason in one_by_one.rejected]
            found.append(replace(one_by_one, index=rest[one_by_one.index], rejected=rejected))
        return self._without_headers(to_rows(lines, *found))

    def _without_headers(self, rows: Rows) -> Rows:
        """Skip the rows that equal the header in every wanted cell."""
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


def careful(lines: Sequence[bytes], own: Fixed, unit: str) -> Found:
    """Split `lines` one by one: the definition of a file of fixed widths.

    A cell that begins after the end of its line is empty, and the row is flagged; one that ends after it is cut there,
    since trailing blanks are often left out. A line with anything but padding after the last column is rejected, as is
    one whose unit is ambiguous.
    """
    index, rows = list[int](), list[tuple[bytes, ...]]()
    rejected, short = list[tuple[int, str]](), 0
    for i, line in enumerate(lines):
        cells = own.ruler.cells(line, unit)
        if isinstance(cells, str):
            rejected.append((i, cells))
            continue
        short += own.ruler.length(line, unit) <= own.last_begins
        index.append(i)
        rows.append(cells)
    columns = {name: pa.array([row[at] for row in rows], pa.binary()) for at, name in enumerate(own.places)}
    return Found(np.array(index, np.int32), columns, rejected, {"short_row": short})


def _at_once(lines: Lines, index: IndexArray, own: Fixed) -> Found:
    """Split the lines at `index`, whose places are bytes, as `careful` does, column by column."""
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
    return pc.ascii_trim(cells.view(pa.string()), characters=PADDING).cast(pa.binary())
