"""How rows are written down: one file per way, found by the name a manifest uses."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ingest_cli.format_table import Format as FormatTable
from ingest_cli.formats.absent import with_absent
from ingest_cli.formats.combo import Combo
from ingest_cli.formats.delimited import Delimited
from ingest_cli.formats.fixed import Fixed
from ingest_cli.formats.framing import Dialect
from ingest_cli.formats.interface import DEFAULT_CHUNK_BYTES, ChunkBytes, FileFormat, Format, Wanted

__all__ = ["FORMATS", "FileFormat", "Format", "Wanted", "open_format"]

Maker = Callable[[FormatTable, Wanted, ChunkBytes], Format | FileFormat]


def _delimited(table: FormatTable, wanted: Wanted, chunk_bytes: ChunkBytes) -> Format:
    dialect = Dialect(table.delimiter, table.quote)
    columns = table.columns or None
    optional = wanted.optional
    return Delimited(dialect, wanted.names, columns, header=table.header, optional=optional, chunk_bytes=chunk_bytes)


def _fixed(table: FormatTable, wanted: Wanted, chunk_bytes: ChunkBytes) -> Format:
    return Fixed(table.widths, table.columns, wanted.names, header=table.header, chunk_bytes=chunk_bytes)


def _combo(table: FormatTable, wanted: Wanted, chunk_bytes: ChunkBytes) -> Format:
    return Combo(table.columns, wanted.names, table.delimiter, chunk_bytes=chunk_bytes)


def _sql(table: FormatTable, wanted: Wanted, chunk_bytes: ChunkBytes) -> Format:
    from ingest_cli.formats.sql_dump import SqlDump  # noqa: PLC0415 - start-up time of all others

    columns = table.columns or None
    return SqlDump(table.table, wanted.names, columns, optional=wanted.optional, chunk_bytes=chunk_bytes)


def _json(table: FormatTable, wanted: Wanted, chunk_bytes: ChunkBytes) -> Format:
    from ingest_cli.formats.json_rows import JsonRows  # noqa: PLC0415 - start-up time of all others

    return JsonRows(wanted.names, table.rows, chunk_bytes=chunk_bytes)


def _jsonl(table: FormatTable, wanted: Wanted, chunk_bytes: ChunkBytes) -> Format:  # noqa: ARG001 - a maker
    from ingest_cli.formats.jsonl import JsonLines  # noqa: PLC0415 - start-up time of all others

    return JsonLines(wanted.names, chunk_bytes=chunk_bytes)


def _parquet(table: FormatTable, wanted: Wanted, chunk_bytes: ChunkBytes) -> FileFormat:  # noqa: ARG001 - a maker
    from ingest_cli.formats.columnar import Parquet  # noqa: PLC0415 - start-up time of all others

    return Parquet(wanted.names, optional=wanted.optional, chunk_bytes=chunk_bytes)


def _arrow(table: FormatTable, wanted: Wanted, chunk_bytes: ChunkBytes) -> FileFormat:  # noqa: ARG001 - a maker
    from ingest_cli.formats.columnar import ArrowFile  # noqa: PLC0415 - start-up time of all others

    return ArrowFile(wanted.names, optional=wanted.optional, chunk_bytes=chunk_bytes)


def _xlsx(table: FormatTable, wanted: Wanted, chunk_bytes: ChunkBytes) -> FileFormat:
    from ingest_cli.formats.xlsx import Workbook  # noqa: PLC0415 - start-up time of all others

    return Workbook(
        wanted.names,
        table.columns or None,
        header=table.header,
        tables=table.table,
        optional=wanted.optional,
        chunk_bytes=chunk_bytes,
    )


FORMATS: Mapping[str, Maker] = {
    "csv": _delimited,
    "tsv": _delimited,
    "fixed": _fixed,
    "combo": _combo,
    "sql": _sql,
    "json": _json,
    "jsonl": _jsonl,
    "parquet": _parquet,
    "arrow": _arrow,
    "xlsx": _xlsx,
}
"""Name in a manifest → what makes a parser of its [format] table, for the wanted columns."""


def open_format(
    table: FormatTable, wanted: Wanted, chunk_bytes: ChunkBytes = lambda: DEFAULT_CHUNK_BYTES
) -> Format | FileFormat:
    """The parser that `table` asks for, keeping only the `wanted` columns.

    Raises:
        ManifestError: the table asks for what cannot be.
    """
    made = FORMATS[table.name](table, wanted, chunk_bytes)
    return with_absent(made, wanted.names) if wanted.optional else made
