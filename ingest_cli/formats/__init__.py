"""Row formats: one module per format, selected by the name in the manifest."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ingest_cli.formats.absent import with_absent
from ingest_cli.formats.combo import Combo, ComboLines
from ingest_cli.formats.delimited import Delimited
from ingest_cli.formats.fixed import Fixed
from ingest_cli.formats.fixed_widths import Layout
from ingest_cli.formats.framing import Dialect, RowRules
from ingest_cli.formats.interface import DEFAULT_CHUNK_BYTES, ChunkBytes, Described, FileFormat, Format, Wanted
from ingest_cli.model.format_options import Format as FormatTable

__all__ = ["FORMATS", "Described", "FileFormat", "Format", "Wanted", "open_format"]

Maker = Callable[[FormatTable, Wanted, ChunkBytes], Format | FileFormat]


def _delimited(table: FormatTable, wanted: Wanted, chunk_bytes: ChunkBytes) -> Format:
    rules = RowRules(table.short_rows == "fill", table.long_rows == "trim", table.overflow, table.skip_lines)
    dialect = Dialect(table.delimiter, table.quote, table.escape, rules)
    columns, optional = table.columns or None, wanted.optional
    return Delimited(dialect, wanted.names, columns, header=table.header, optional=optional, chunk_bytes=chunk_bytes)


def _fixed(table: FormatTable, wanted: Wanted, chunk_bytes: ChunkBytes) -> Format:
    layout = Layout(table.header, table.skip_lines, table.widths_in, table.encoding)
    return Fixed(table.widths, table.columns, wanted.names, layout=layout, chunk_bytes=chunk_bytes)


def _combo(table: FormatTable, wanted: Wanted, chunk_bytes: ChunkBytes) -> Format:
    lines = ComboLines(table.delimiters, table.skip_lines, table.short_rows == "fill")
    return Combo(table.columns, wanted.names, lines, chunk_bytes=chunk_bytes)


def _blocks(table: FormatTable, wanted: Wanted, chunk_bytes: ChunkBytes) -> Format:
    from ingest_cli.formats.blocks import KeyedBlocks  # noqa: PLC0415 - start-up time of all others

    return KeyedBlocks(wanted.names, table.separator, table.key_delimiter, chunk_bytes=chunk_bytes)


def _sql(table: FormatTable, wanted: Wanted, chunk_bytes: ChunkBytes) -> Format:
    from ingest_cli.formats.sql_dump import SqlDump  # noqa: PLC0415 - start-up time of all others

    columns = table.columns or None
    return SqlDump(table.table, wanted.names, columns, optional=wanted.optional, chunk_bytes=chunk_bytes)


def _json(table: FormatTable, wanted: Wanted, chunk_bytes: ChunkBytes) -> Format:
    if table.layout == "columns":
        from ingest_cli.formats.json_columns import JsonColumns  # noqa: PLC0415 - start-up time of all others

        return JsonColumns(wanted, table.rows, chunk_bytes=chunk_bytes)
    from ingest_cli.formats.json_rows import JsonRows  # noqa: PLC0415 - start-up time of all others

    return JsonRows(wanted.names, table.rows, table.columns, presence=wanted.presence, chunk_bytes=chunk_bytes)


def _jsonl(table: FormatTable, wanted: Wanted, chunk_bytes: ChunkBytes) -> Format:
    from ingest_cli.formats.jsonl import JsonLines  # noqa: PLC0415 - start-up time of all others

    return JsonLines(wanted.names, table.columns, presence=wanted.presence, chunk_bytes=chunk_bytes)


def _parquet(table: FormatTable, wanted: Wanted, chunk_bytes: ChunkBytes) -> FileFormat:  # noqa: ARG001 - a maker
    from ingest_cli.formats.columnar import Parquet  # noqa: PLC0415 - start-up time of all others

    return Parquet(wanted.names, optional=wanted.optional, chunk_bytes=chunk_bytes)


def _arrow(table: FormatTable, wanted: Wanted, chunk_bytes: ChunkBytes) -> FileFormat:  # noqa: ARG001 - a maker
    from ingest_cli.formats.columnar import ArrowFile  # noqa: PLC0415 - start-up time of all others

    return ArrowFile(wanted.names, optional=wanted.optional, chunk_bytes=chunk_bytes)


def _xlsx(table: FormatTable, wanted: Wanted, chunk_bytes: ChunkBytes) -> FileFormat:
    from ingest_cli.formats.xlsx import Sheets, Workbook  # noqa: PLC0415 - start-up time of all others

    return Workbook(
        wanted.names,
        Sheets(table.table, table.skip_lines, table.columns or None, header=table.header),
        optional=wanted.optional,
        chunk_bytes=chunk_bytes,
    )


FORMATS: Mapping[str, Maker] = {
    "csv": _delimited,
    "tsv": _delimited,
    "fixed": _fixed,
    "combo": _combo,
    "blocks": _blocks,
    "sql": _sql,
    "json": _json,
    "jsonl": _jsonl,
    "parquet": _parquet,
    "arrow": _arrow,
    "xlsx": _xlsx,
}
"""Name in a manifest → function that builds the parser from the [format] table and the wanted columns."""


def open_format(
    table: FormatTable, wanted: Wanted, chunk_bytes: ChunkBytes = lambda: DEFAULT_CHUNK_BYTES
) -> Format | FileFormat:
    """Return the parser for `table` that keeps only the `wanted` columns.

    Raises:
        ManifestError: the table is invalid.
    """
    made = FORMATS[table.name](table, wanted, chunk_bytes)
    return with_absent(made, wanted.names) if wanted.optional else made
