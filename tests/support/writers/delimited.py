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


def arrays(table: Table) -> Written:
    """CSV of a table some of whose columns are arrays: as PostgreSQL writes them, in turn with JSON and a formula."""
    plain = {column for column in table.columns if column not in ARRAYS}
    rows = [
        tuple(
            cell if column in plain else _array(cell, number) for column, cell in zip(table.columns, row, strict=True)
        )
        for number, row in enumerate(table.rows)
    ]
    return delimited()(table._replace(rows=tuple(rows)))


ARRAYS = ("NO_TEL", "EMEL")
"""Columns of people that may hold several values."""


def _array(cell: str, number: int) -> str:
    quoted = cell.replace("\\", "\\\\").replace('"', '\\"')
    if not cell:
        return ("{}", "[]", "{NULL}", '=""')[number % 4]
    return (f'{{"{quoted}"}}', f'["{quoted}"]', '="{}"'.format(cell.replace('"', '""')))[number % 3]


def tsv(table: Table) -> Written:
    """Tabs, as databases write them: nothing is quoted."""
    lines = ("\t".join(map(one_line, row)) for row in (table.columns, *table.rows))
    return Written("".join(f"{line}\n" for line in lines), {"name": "tsv", "quote": ""})


def outfile(table: Table) -> Written:
    """As MySQL's SELECT … INTO OUTFILE writes a table by default: a backslash before tabs, line breaks and itself."""
    escaped = str.maketrans({"\\": "\\\\", "\t": "\\\t", "\n": "\\\n"})
    lines = ("\t".join(cell.translate(escaped) or "\\N" for cell in row) for row in table.rows)
    layout = {"name": "tsv", "quote": "", "escape": "\\", "header": False, "columns": [*table.columns]}
    return Written("".join(f"{line}\n" for line in lines), layout)


def apart(delimiter: str) -> Writer:
    """A delimiter of several characters that no cell holds, so that nothing is quoted."""

    def write(table: Table) -> Written:
        lines = (delimiter.join(map(one_line, row)) for row in (table.columns, *table.rows))
        return Written("".join(f"{line}\n" for line in lines), {"name": "csv", "delimiter": delimiter, "quote": ""})

    return write


def report(table: Table) -> Written:
    """As a tool for reports writes a table: a title above the header."""
    text = str(delimited()(table._replace(rows=tuple(tuple(map(one_line, row)) for row in table.rows))).data)
    title = f"{table.name},,\nDijana: 19/10/2017 03:00,,\n\n"
    return Written(f"{title}{text}", {"name": "csv", "skip_lines": title.count("\n")})


LOOSE_OF = 4
"""Of so many rows of `misfits` all but the first have not as many cells as columns."""


def misfits(table: Table) -> Written:
    """By a person who quotes nothing, leaves out the last cell now and then, and adds some that are empty."""
    last, address = len(table.columns) - 1, table.columns.index("ALAMAT")
    lines = [",".join(table.columns)]
    for number, row in enumerate(table.rows):
        way = number % LOOSE_OF
        cells = [one_line(cell).replace('"', "").replace(",", "") for cell in row]
        if way == 1:
            cells[address] = cells[address].replace(" Jalan", ", Jalan") or ","
        lines.append(",".join(cells[:last] if way == 2 else cells) + ",," * (way == 3))
    layout = {"name": "csv", "short_rows": "fill", "long_rows": "trim", "overflow": "ALAMAT"}
    return Written("".join(f"{line}\n" for line in lines), layout)


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
