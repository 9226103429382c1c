"""How rows are written down: one file per way, found by the name a manifest uses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ingest_cli.formats.delimited import Delimited
from ingest_cli.formats.framing import Dialect
from ingest_cli.formats.interface import DEFAULT_CHUNK_BYTES, ChunkBytes, Format
from ingest_cli.manifest import Format as FormatTable

__all__ = ["FORMATS", "Format", "open_format"]


def _delimited(table: FormatTable, wanted: Sequence[str], chunk_bytes: ChunkBytes) -> Format:
    return Delimited(
        Dialect(table.delimiter, table.quote),
        wanted,
        table.columns or None,
        header=table.header,
        chunk_bytes=chunk_bytes,
    )


FORMATS: Mapping[str, Callable[[FormatTable, Sequence[str], ChunkBytes], Format]] = {
    "csv": _delimited,
    "tsv": _delimited,
}
"""Name in a manifest → what makes a parser of its [format] table, for the wanted columns."""


def open_format(
    table: FormatTable, wanted: Sequence[str], chunk_bytes: ChunkBytes = lambda: DEFAULT_CHUNK_BYTES
) -> Format:
    """The parser that `table` asks for, keeping only the `wanted` columns."""
    return FORMATS[table.name](table, wanted, chunk_bytes)
