"""Delimited text that is written as it should be, parsed by Arrow straight into columns."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.csv as pacsv

from ingest_cli.formats.framing import Dialect

_BOM = b"\xef\xbb\xbf"


def read_cells(data: bytes, dialect: Dialect, width: int, positions: Sequence[int]) -> pa.Table | None:
    """Parse whole records into columns; None if they have not all as many cells.

    Args:
        data: records in which every quote is where it should be.
        dialect: of one byte each; without an escape that changes anything.
        width: cells of a record.
        positions: of the wanted cells, in the order of the columns.
    """
    if data.startswith(_BOM):  # Arrow would drop what is part of a cell here
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
