"""Read JSON Lines: one object or array per line, as https://jsonlines.org defines, with any line end.

A line is always a record: an invalid line is rejected alone, and reading continues with the next. Column names are
paths, or names of array elements; see `json_paths`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from ingest_cli.formats.interface import DEFAULT_CHUNK_BYTES, ChunkBytes
from ingest_cli.formats.joined import Beginnings, Begun
from ingest_cli.formats.json_cells import REPEATED_HEADER, Cells
from ingest_cli.formats.json_paths import Paths
from ingest_cli.formats.json_values import TOO_LONG, parse_document
from ingest_cli.formats.lines import Found, split_lines, to_rows
from ingest_cli.formats.record_stream import Blocks, Rows, read_records
from ingest_cli.model.chunks import WHOLE, Position, RowChunk, Span


class JsonLines:
    """Reader of one JSON object or array per line."""

    def __init__(
        self,
        wanted: Sequence[str],
        columns: Sequence[str] = (),
        *,
        presence: Collection[str] = (),
        chunk_bytes: ChunkBytes = lambda: DEFAULT_CHUNK_BYTES,
    ) -> None:
        """Initialise the parser.

        Args:
            wanted: paths of the columns to keep; nothing else is kept.
            columns: names of the elements of array rows; empty if rows are objects.
            presence: wanted columns of which only the presence of a value is recorded.
            chunk_bytes: returns the target size of a chunk in decoded bytes.

        Raises:
            ManifestError: a name is not a path.
        """
        self.wanted = tuple(wanted)
        self.paths = Paths(wanted, columns=columns, presence=presence)
        self._chunk_bytes = chunk_bytes
        self._beginnings = Beginnings()

    def read(self, stream: Iterable[bytes], spans: Sequence[Span] = (WHOLE,)) -> Iterator[RowChunk]:
        """See `Format.read`."""
        return read_records(stream, self._chunk_bytes, spans, _Source(self))

    def begin(self, text: bytes) -> Begun | None:
        """See `JoiningFormat.begin`."""
        return self._beginnings.of(text, _Source(self), header=False)


class _Source:
    """Parser of one source; see `RecordParser`."""

    def __init__(self, own: JsonLines) -> None:
        self._format = own

    def preamble(self, blocks: Blocks) -> Position:  # noqa: ARG002 - nothing precedes the first record
        """See `RecordParser.preamble`."""
        return Position()

    def parse(self, data: bytes, *, final: bool) -> Rows:
        """See `RecordParser.parse`."""
        lines = split_lines(data, final=final)
        filled = lines.filled
        index, rejected, headers = list[int](), list[tuple[int, str]](), list[int]()
        cells = Cells(self._format.paths)
        for i, raw in zip(filled.tolist(), lines.texts(filled), strict=True):
            document = parse_document(raw)
            reason = document if isinstance(document, str) else cells.add(document)
            if reason is None:
                index.append(i)
            elif reason == REPEATED_HEADER:
                headers.append(i)
            else:
                rejected.append((i, reason))
        rows = to_rows(lines, Found(np.array(index, np.int32), cells.columns(), rejected))
        if not headers:
            return rows
        return replace(rows, skipped={**rows.skipped, REPEATED_HEADER: np.array(headers, np.int32)})

    def parse_closed(self, data: bytes) -> Rows:
        """See `ClosedParser.parse_closed`."""
        return self.parse(data, final=True)

    def oversize(self, size: int) -> tuple[str, Sequence[str]]:
        """See `RecordParser.oversize`."""
        assert size > 0  # noqa: S101 - nothing is not too long
        return TOO_LONG, self._format.wanted
