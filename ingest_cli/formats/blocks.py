"""Read blocks of `key: value` lines, one record each: logs of stealers, address books, LDIF, vertical query output.

`block_bounds` finds where a block begins: at a separator, or after a blank line. `block_values` reads the values in the
syntax of the kind of block. A key that recurs in a block gives a list of values, `["ali","ben"]`. Parameters after a
`;` in a key are ignored, as is its case unless two columns differ only in it.

Only the values of wanted columns are extracted from a block.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa

from ingest_cli.formats.block_bounds import (
    BLANK_LINE,
    LOOKAHEAD_BYTES,
    RULE_LINE,
    Boundaries,
    Within,
    delimiter_bytes,
    last_line,
)
from ingest_cli.formats.block_values import Values
from ingest_cli.formats.interface import DEFAULT_CHUNK_BYTES, MAX_CHUNK_ROWS, ChunkBytes, Wanted
from ingest_cli.formats.record_stream import MAX_RECORD_BYTES, Blocks, Rows, read_records
from ingest_cli.formats.several_values import cell_of_bytes
from ingest_cli.model.chunks import WHOLE, Position, RowChunk, Span, count_lines
from ingest_cli.model.format_options import Format as FormatOptions

NO_SEPARATOR = "no_separator"
"""Reason for rejecting values before the first separator, or after the end of a vCard."""

USUAL_DELIMITER = ":"

_BLANKS = re.compile(rb"(?>[ \t]*+(?>\r\n|[\r\n]))*+")
_NOTHING = re.compile(rb"(?>" + BLANK_LINE + rb"|" + RULE_LINE + rb")*+(?:[ \t]*|[-=*_#~]*)\Z")


class KeyedBlocks:
    """Reader of blocks of lines with keys."""

    def __init__(
        self, options: FormatOptions, wanted: Wanted, chunk_bytes: ChunkBytes = lambda: DEFAULT_CHUNK_BYTES
    ) -> None:
        delimiter = delimiter_bytes(options.key_delimiter or USUAL_DELIMITER)
        self.wanted = wanted.names
        self.boundaries = Boundaries(options.separator, delimiter)
        self.values = Values(wanted.names, delimiter)
        self._chunk_bytes = chunk_bytes

    def read(self, stream: Iterable[bytes], spans: Sequence[Span] = (WHOLE,)) -> Iterator[RowChunk]:
        """See `Format.read`."""
        return read_records(stream, self._chunk_bytes, spans, _Source(self))


class _Source:
    """Parser of one source: see `LongRecordParser`."""

    lookahead_bytes: int = LOOKAHEAD_BYTES

    def __init__(self, own: KeyedBlocks) -> None:
        self._format = own

    def preamble(self, blocks: Blocks) -> Position:  # noqa: ARG002 - text before the first block is a record
        """See `RecordParser.preamble`."""
        return Position()

    def parse(self, data: bytes, *, final: bool) -> Rows:
        """See `RecordParser.parse`."""
        own = self._format
        found = own.boundaries.find(data, final=final, most=MAX_CHUNK_ROWS)
        bounds = np.array(found, np.int64)
        rejected = {int(i): "record_too_long" for i in np.flatnonzero(np.diff(bounds) > MAX_RECORD_BYTES)}
        cells: dict[str, dict[int, list[bytes]]] = {name: {} for name in own.wanted}
        for block, column, text in own.values.find(data, found):
            if text is None:
                rejected.setdefault(block, NO_SEPARATOR)
            else:
                cells[column].setdefault(block, []).append(text)
        skipped = {}
        if len(found) > 1 and 0 not in rejected:
            reason = self._no_record(data, found[1])
            if reason == "preamble" and any(0 in column for column in cells.values()):
                rejected[0] = NO_SEPARATOR
            elif reason:
                skipped[reason] = np.zeros(1, np.int32)
        out = {*rejected, *(0 for _ in skipped)}
        index = np.array([i for i in range(len(found) - 1) if i not in out], np.int32)
        columns = {name: _column(texts, index.tolist()) for name, texts in cells.items()}
        return Rows(bounds, index, columns, skipped, tuple(sorted(rejected.items())))

    def _no_record(self, data: bytes, end: int) -> str:
        """Return why the first block of `data` is no record; empty if it is one. All other blocks are."""
        if _NOTHING.match(data, 0, end):
            return "blank"
        begins = self._format.boundaries.begins
        if begins is None:
            return ""
        blanks = _BLANKS.match(data, 0, end)
        return "" if begins.match(data, blanks.end() if blanks else 0) else "preamble"

    def oversize(self, size: int) -> tuple[str, Sequence[str]]:
        """See `RecordParser.oversize`."""
        assert size > 0  # noqa: S101 - nothing is not too long
        return "record_too_long", self._format.wanted

    def pass_over(self, blocks: Blocks) -> tuple[int, int]:
        """See `LongRecordParser.pass_over`."""
        boundaries = self._format.boundaries
        within = Within(boundaries.first_key(blocks.data), in_line=False)
        size = lines = 0
        begun = False
        while blocks.fill():
            data = blocks.data
            found = boundaries.find(data, final=blocks.final, most=1, within=within if begun else None)
            if len(found) > 1:
                passed = found[1]
            elif blocks.ended:
                blocks.raise_fault()
                passed = len(data)
            else:
                at = last_line(data)
                within = within._replace(in_line=len(data) - at >= LOOKAHEAD_BYTES)
                passed = len(data) - data.endswith(b"\r") if within.in_line else last_line(data[: max(at - 1, 0)])
            size, lines = size + passed, lines + count_lines(data[:passed])
            if not passed:
                blocks.grow()
                continue
            blocks.consume(passed)
            begun = True
            if len(found) > 1:
                break
        return size, lines


def _column(texts: dict[int, list[bytes]], index: Sequence[int]) -> pa.BinaryArray:
    """Return the cells of the blocks at `index`; duplicate values within one are dropped."""
    joined = {
        block: several[0] if len(several) == 1 else cell_of_bytes(list(dict.fromkeys(several)))
        for block, several in texts.items()
    }
    return pa.array([joined.get(i, b"") for i in index], pa.binary())
