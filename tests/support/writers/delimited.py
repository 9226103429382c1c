"""Writers of text in which a record is a line: delimited, of fixed widths, and lists of logins."""

from __future__ import annotations

import csv
import io
from typing import Literal

from tests.support.writers.table import Table, Writer, Written, one_line


def delimited(delimiter: str = ",", *, header: bool = True, quote_all: bool = False, line_end: str = "\n") -> Writer:
    """CSV with any delimiter and line end; cells are quoted if they have to be, or all of them."""

    def write(table: Table) -> Written:
        text = io.StringIO()
        quoting: Literal[0, 1] = csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL
        writer = csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=line_end)
        writer.writerows([table.columns] if header else [])
        writer.writerows(table.rows)
        layout: dict[str, object] = {"name": "csv", "delimiter": delimiter, "header": header}
        if not header:
            layout["columns"] = [*table.columns]
        return Written(text.getvalue(), layout)

    return write


def tsv(table: Table) -> Written:
    """Tabs, as databases write them: nothing is quoted."""
    lines = ("\t".join(map(one_line, row)) for row in (table.columns, *table.rows))
    return Written("".join(f"{line}\n" for line in lines), {"name": "tsv", "quote": ""})


def fixed(*, header: bool) -> Writer:
    """Each column as wide as its widest cell, padded with blanks, and nothing in between."""

    def write(table: Table) -> Written:
        lines = [tuple(map(one_line, row)) for row in ((table.columns,) * header + table.rows)]
        widths = [max(map(len, column)) + 1 for column in zip(table.columns, *lines, strict=True)]
        text = "".join(
            "".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + "\n" for row in lines
        )
        layout: dict[str, object] = {"name": "fixed", "widths": widths, "header": header, "columns": [*table.columns]}
        layout["widths_in"] = "characters"
        return Written(text, layout)

    return write


def fixed_in_bytes(table: Table) -> Written:
    """Each column as many bytes wide as its widest cell in UTF-8, as COBOL and DB2 write it."""
    rows = [tuple(map(one_line, row)) for row in table.rows]
    widths = [max(len(cell.encode()) for cell in column) + 1 for column in zip(*rows, strict=True)]
    lines = (
        "".join(cell + " " * (width - len(cell.encode())) for cell, width in zip(row, widths, strict=True))
        for row in rows
    )
    layout: dict[str, object] = {"name": "fixed", "widths": widths, "widths_in": "bytes", "columns": [*table.columns]}
    return Written("".join(f"{line}\n" for line in lines), layout)


def combo(delimiter: str = ":") -> Writer:
    """One login a line; only an address and the last cell may hold delimiters, so `mailto:` is left out."""

    def write(table: Table) -> Written:
        lines = (delimiter.join(cell.removeprefix("mailto:") for cell in row) for row in table.rows)
        text = "".join(f"{line}\n" for line in lines)
        return Written(text, {"name": "combo", "delimiter": delimiter, "columns": [*table.columns]})

    return write
