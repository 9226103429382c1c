"""Text formats built from the arguments that tests vary, with the other options of a manifest at their defaults."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ingest_cli.formats.blocks import KeyedBlocks
from ingest_cli.formats.combo import Combo
from ingest_cli.formats.delimited import Delimited
from ingest_cli.formats.fixed import Fixed
from ingest_cli.formats.framing import Dialect
from ingest_cli.formats.interface import DEFAULT_CHUNK_BYTES, ChunkBytes, Wanted
from ingest_cli.model.format_options import Format as FormatOptions

FIXED = FormatOptions("fixed", header=False)
COMBO = FormatOptions("combo", delimiters=(":",))


def usual_size() -> int:
    """Return the default size of a chunk in bytes."""
    return DEFAULT_CHUNK_BYTES


def delimited_reader(
    dialect: Dialect,
    wanted: Sequence[str],
    columns: Sequence[str] | None,
    *,
    header: bool,
    chunk_bytes: ChunkBytes = usual_size,
) -> Delimited:
    """Return the reader of a dialect."""
    rules = dialect.rules
    options = FormatOptions(
        "csv",
        delimiters=(dialect.delimiter,),
        quote=dialect.quote,
        escape=dialect.escape,
        header=header,
        skip_lines=rules.skip_lines,
        columns=tuple(columns or ()),
        short_rows="fill" if rules.fill else "reject",
        long_rows="trim" if rules.trim else "reject",
        overflow=rules.overflow,
    )
    return Delimited(options, Wanted(tuple(wanted)), chunk_bytes)


def fixed_reader(
    widths: Sequence[int],
    columns: Sequence[str],
    wanted: Sequence[str],
    options: FormatOptions = FIXED,
    chunk_bytes: ChunkBytes = usual_size,
) -> Fixed:
    """Return the reader of columns of these widths."""
    whole = replace(options, widths=tuple(widths), columns=tuple(columns))
    return Fixed(whole, Wanted(tuple(wanted)), chunk_bytes)


def combo_reader(
    columns: Sequence[str],
    wanted: Sequence[str],
    options: FormatOptions = COMBO,
    chunk_bytes: ChunkBytes = usual_size,
) -> Combo:
    """Return the reader of a credential list."""
    return Combo(replace(options, columns=tuple(columns)), Wanted(tuple(wanted)), chunk_bytes)


def blocks_reader(
    wanted: Sequence[str],
    separator: str | None = None,
    key_delimiter: str | None = None,
    chunk_bytes: ChunkBytes = usual_size,
) -> KeyedBlocks:
    """Return the reader of blocks of keys and values."""
    options = FormatOptions("blocks", separator=separator, key_delimiter=key_delimiter)
    return KeyedBlocks(options, Wanted(tuple(wanted)), chunk_bytes)
