"""Parse well-formed delimited text into columns with Arrow."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.csv as pacsv

from ingest_cli.formats.framing import Dialect

_BOM = b"\xef\xbb\xbf"


def read_cells(data: bytes, dialect: Dialect, width: int, positions: Sequence[int]) -> pa.Table | None:
    """Parse complete records into columns; None if a record has not `width` cells.

    Args:
        data: records whose quotes are all well-formed.
        dialect: delimiter and quote of one byte each, no escape with an effect.
        width: number of cells of a record.
        positions: indices of the wanted cells, in the order of the columns.
    """
    if data.startswith(_BOM):  # Arrow would remove it from the first cell
        return None
    names = [str(i) for i in range(width)]
    if not data.endswith((b"\n", b"\r")):
        data += b"\n"
    try:
        return pacsv.read_csv(
            pa.BufferReader(data),
            pacsv.ReadOptions(use_threads=False, column_names=names, block_size=len(data) + 1),
            pacsv.ParseOptions(
                delimiter=dialect.delimiter,
                quote_char=dialect.quote or False,
                double_quote=bool(dialect.quote),
                newlines_in_values=bool(dialect.quote),
            ),
            pacsv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.binary()),
                include_columns=[names[position] for position in positions],
                check_utf8=False,
                strings_can_be_null=False,
                quoted_strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid:
        return None
