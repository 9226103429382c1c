"""Row formats: one module per format, selected by the name in the manifest."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ingest_cli.formats.combo import Combo
from ingest_cli.formats.delimited import Delimited
from ingest_cli.formats.fixed import Fixed
from ingest_cli.formats.interface import DEFAULT_CHUNK_BYTES, ChunkBytes, Described, FileFormat, Format, Wanted
from ingest_cli.model.format_options import Format as FormatOptions

__all__ = ["FORMATS", "Described", "FileFormat", "Format", "Wanted", "open_format"]

Maker = Callable[[FormatOptions, Wanted, ChunkBytes], Format | FileFormat]


def _blocks(options: FormatOptions, wanted: Wanted, chunk_bytes: ChunkBytes) -> Format:
    from ingest_cli.formats.blocks import KeyedBlocks  # noqa: PLC0415 - start-up time of all others

    return KeyedBlocks(options, wanted, chunk_bytes)


def _sql(options: FormatOptions, wanted: Wanted, chunk_bytes: ChunkBytes) -> Format:
    from ingest_cli.formats.sql_dump import SqlDump  # noqa: PLC0415 - start-up time of all others

    columns = options.columns or None
    return SqlDump(options.table, wanted.names, columns, optional=wanted.optional, chunk_bytes=chunk_bytes)


def _json(options: FormatOptions, wanted: Wanted, chunk_bytes: ChunkBytes) -> Format:
    if options.layout == "columns":
        from ingest_cli.formats.json_columns import JsonColumns  # noqa: PLC0415 - start-up time of all others

        return JsonColumns(wanted, options.rows, chunk_bytes=chunk_bytes)
    from ingest_cli.formats.json_rows import JsonRows  # noqa: PLC0415 - start-up time of all others

    return JsonRows(wanted.names, options.rows, options.columns, presence=wanted.presence, chunk_bytes=chunk_bytes)


def _jsonl(options: FormatOptions, wanted: Wanted, chunk_bytes: ChunkBytes) -> Format:
    from ingest_cli.formats.jsonl import JsonLines  # noqa: PLC0415 - start-up time of all others

    return JsonLines(wanted.names, options.columns, presence=wanted.presence, chunk_bytes=chunk_bytes)


def _parquet(options: FormatOptions, wanted: Wanted, chunk_bytes: ChunkBytes) -> FileFormat:  # noqa: ARG001 - a maker
    from ingest_cli.formats.columnar import Parquet  # noqa: PLC0415 - start-up time of all others

    return Parquet(wanted.names, optional=wanted.optional, chunk_bytes=chunk_bytes)


def _arrow(options: FormatOptions, wanted: Wanted, chunk_bytes: ChunkBytes) -> FileFormat:  # noqa: ARG001 - a maker
    from ingest_cli.formats.columnar import ArrowFile  # noqa: PLC0415 - start-up time of all others

    return ArrowFile(wanted.names, optional=wanted.optional, chunk_bytes=chunk_bytes)


def _xlsx(options: FormatOptions, wanted: Wanted, chunk_bytes: ChunkBytes) -> FileFormat:
    from ingest_cli.formats.xlsx import Sheets, Workbook  # noqa: PLC0415 - start-up time of all others

    return Workbook(
        wanted.names,
        Sheets(options.table, options.skip_lines, options.columns or None, header=options.header),
        optional=wanted.optional,
        chunk_bytes=chunk_bytes,
    )


FORMATS: Mapping[str, Maker] = {
    "csv": Delimited,
    "tsv": Delimited,
    "fixed": Fixed,
    "combo": Combo,
    "blocks": _blocks,
    "sql": _sql,
    "json": _json,
    "jsonl": _jsonl,
    "parquet": _parquet,
    "arrow": _arrow,
    "xlsx": _xlsx,
}
"""Name in a manifest → constructor of the parser: options of [format], wanted columns, chunk size."""


def open_format(
    options: FormatOptions, wanted: Wanted, chunk_bytes: ChunkBytes = lambda: DEFAULT_CHUNK_BYTES
) -> Format | FileFormat:
    """Return the parser that keeps only the `wanted` columns.

    Raises:
        ManifestError: the options are invalid.
    """
    return FORMATS[options.name](options, wanted, chunk_bytes)
