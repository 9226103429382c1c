"""Writers of what is no text: Parquet, Arrow, and workbooks."""

from __future__ import annotations

import io
import os
import re
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq

from tests.support.writers.table import Table, Writer, Written

ROWS_A_GROUP = 16
"""Rows of a row group or record batch: few, so that a small file has several."""

_SAVED = re.compile(rb"(<dcterms:\w+[^>]*>)[^<]*")
_SAVED_AT = rb"\g<1>2017-10-19T00:00:00Z"


def _arrow_table(table: Table) -> pa.Table:
    columns = zip(*table.rows, strict=True) if table.rows else ((),) * len(table.columns)
    return pa.table(
        {
            name: pa.array([cell or None for cell in column], pa.string())
            for name, column in zip(table.columns, columns, strict=True)
        }
    )


def parquet(compression: str = "snappy", *, group_rows: int = ROWS_A_GROUP) -> Writer:
    """Parquet in row groups of so many rows."""

    def write(table: Table) -> Written:
        out = io.BytesIO()
        pq.write_table(_arrow_table(table), out, row_group_size=group_rows, compression=compression)
        return Written(out.getvalue(), {"name": "parquet"})

    return write


def arrow_file(*, batch_rows: int = ROWS_A_GROUP) -> Writer:
    """The file format of Arrow, also known as Feather version 2, in record batches of so many rows."""

    def write(table: Table) -> Written:
        out, content = io.BytesIO(), _arrow_table(table)
        with pa.ipc.new_file(out, content.schema) as writer:
            writer.write_table(content, max_chunksize=batch_rows)
        return Written(out.getvalue(), {"name": "arrow"})

    return write


def arrow_stream(table: Table) -> Written:
    """The stream format of Arrow."""
    out, content = io.BytesIO(), _arrow_table(table)
    with pa.ipc.new_stream(out, content.schema) as writer:
        writer.write_table(content, max_chunksize=ROWS_A_GROUP)
    return Written(out.getvalue(), {"name": "arrow"})


def xlsx(table: Table) -> Written:
    """A workbook whose second sheet holds the rows."""
    os.environ["OPENPYXL_LXML"] = "False"  # equal bytes with and without lxml; tests/conftest.py sets it earlier
    import openpyxl  # type: ignore[import-untyped]  # noqa: PLC0415 - half a second, wanted seldom

    book, out = openpyxl.Workbook(), io.BytesIO()
    book.active.title = "Nota"
    book.active.append(["disediakan oleh", "contoh"])
    sheet = book.create_sheet(table.name)
    for row in (table.columns, *table.rows):
        sheet.append([cell or None for cell in row])
    book.save(out)
    return Written(_undated(out.getvalue()), {"name": "xlsx", "table": table.name, "header": True})


def _undated(book: bytes) -> bytes:
    """The workbook without the moment it was saved at, so that the same rows are the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "docProps/core.xml":
                content = _SAVED.sub(_SAVED_AT, content)
            new.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()
