"""The same invented people, written down in every way that a dump without a manifest may come in.

Each is a function from rows of (name, MyKad, phone, e-mail address) to the bytes of a file.
"""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Callable, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

Row = tuple[str, str, str, str]
Writer = Callable[[Sequence[Row]], bytes]

NAMES = ("NAMA", "NO_KP", "NO_TEL", "EMEL")
SECRET = "Rahsia"
"""What every password that is written begins with."""

_GIVEN = ("AISYAH", "RAJ", "MEI LING", "FARID", "NURUL", "KUMAR", "WEI JIE", "SITI", "HAFIZ", "PRIYA")


def people(count: int, seed: int = 11) -> list[Row]:
    """Rows that all hold a valid MyKad, mobile number and address, no two alike."""
    rng = random.Random(seed)
    return [
        (
            f"{rng.choice(_GIVEN)} {rng.choice(('BIN', 'BINTI', 'A/L'))} {rng.choice(_GIVEN)}",
            f"{rng.randrange(60, 99)}{rng.randrange(1, 13):02d}{rng.randrange(1, 29):02d}14{row:04d}",
            f"012{rng.randrange(2, 9)}{row:06d}",
            f"orang{row}.contoh@example.com",
        )
        for row in range(count)
    ]


def delimited(delimiter: str, encoding: str = "utf-8", *, header: bool = True) -> Writer:
    """CSV."""

    def write(rows: Sequence[Row]) -> bytes:
        out = io.StringIO()
        writer = csv.writer(out, delimiter=delimiter)
        writer.writerows([NAMES] if header else [])
        writer.writerows(rows)
        return out.getvalue().encode(encoding)

    return write


def below_a_title(delimiter: str, *, total: bool = False) -> Writer:
    """A report: title, date and comment above the header, perhaps a total below the rows."""

    def write(rows: Sequence[Row]) -> bytes:
        title = f"Senarai ahli{delimiter * 3}\r\nDijana: 19/10/2017 03:00{delimiter * 3}\r\n# sulit\r\n\r\n"
        last = f"Total{delimiter}{len(rows)}\r\n" if total else ""
        return title.encode() + delimited(delimiter)(rows) + last.encode()

    return write


def long_delimiter(delimiter: str) -> Writer:
    """Cells with several characters between them; single ones of these are text."""

    def write(rows: Sequence[Row]) -> bytes:
        odd = [f" {delimiter[0]} {number}" if number % 5 == 0 else "" for number in range(len(rows))]
        lines = [NAMES, *((f"{row[0]}{more}", *row[1:]) for row, more in zip(rows, odd, strict=True))]
        lines[3] = ("", *lines[3][1:])
        return "".join(delimiter.join(cells) + "\n" for cells in lines).encode()

    return write


def outfile(rows: Sequence[Row]) -> bytes:
    """What MySQL writes: tabs between cells, and backslashes before what is none."""
    lines = list[str]()
    for number, (name, ic, phone, email) in enumerate(rows):
        odd = ("\\\t", "\\\n", "\\\\", "\\N")[number % 4]
        lines.append("\t".join((f"{name} {odd}" if number % 4 < 3 else odd, ic, phone, email)) + "\n")
    return "".join(lines).encode()


def spark(rows: Sequence[Row]) -> bytes:
    """CSV in which a quote within quotes has a backslash before it."""
    lines = [",".join(NAMES)]
    for number, row in enumerate(rows):
        called = f'"{row[0]} \\"A, {number}\\", x"' if number % 3 == 0 else f'"C:\\\\{number}\\\\"'
        lines.append(",".join((called, *row[1:])))
    return ("\n".join(lines) + "\n").encode()


def formulas(rows: Sequence[Row]) -> bytes:
    """Each cell as a formula, so that a spreadsheet keeps its zeros."""
    body = "".join(",".join(f'="{cell}"' for cell in row) + "\n" for row in rows)
    return f"{','.join(NAMES)}\n{body}".encode()


def with_trailing_delimiter(rows: Sequence[Row]) -> bytes:
    """Each row but the header ends with a delimiter."""
    return (",".join(NAMES) + "\n" + "".join(",".join(row) + ",\n" for row in rows)).encode()


def with_nameless_index(rows: Sequence[Row]) -> bytes:
    """Each row begins with its number, for which the header has no name."""
    body = "".join(f"{number},{','.join(row)}\n" for number, row in enumerate(rows, 1))
    return (",".join(NAMES) + "\n" + body).encode()


ADDRESS = ("NO_KP", "ALAMAT", "NO_TEL", "EMEL")


def with_commas_in_the_address(rows: Sequence[Row], every: int = 4) -> bytes:
    """An address without quotes, which holds delimiters in some rows."""
    lines = [",".join(ADDRESS)]
    for number, (_, ic, phone, email) in enumerate(rows):
        address = f"NO {number}, JALAN CONTOH 3, IPOH" if number % every == 0 else f"JALAN CONTOH {number}"
        lines.append(f"{ic},{address},{phone},{email}")
    return ("\n".join(lines) + "\n").encode()


def ending_early(rows: Sequence[Row], every: int = 4) -> bytes:
    """Some rows without the empty cells at their end."""
    lines = [",".join((*NAMES, "NOTA", "KOD"))]
    for number, row in enumerate(rows):
        lines.append(",".join(row if number % every == 0 else (*row, "x", str(number))))
    return ("\n".join(lines) + "\n").encode()


def going_on(rows: Sequence[Row], every: int = 4) -> bytes:
    """Some rows with empty cells too many."""
    lines = [",".join(NAMES)]
    for number, row in enumerate(rows):
        lines.append(",".join((*row, "", "") if number % every == 0 else row))
    return ("\n".join(lines) + "\n").encode()


def fixed(*, header: bool) -> Writer:
    """Cells at fixed places, the ID and the phone without anything between them."""

    def write(rows: Sequence[Row]) -> bytes:
        lines = [NAMES] * header + list(rows)
        return "".join(f"{name:<30}{ic:<12} {phone:<12}{email:<34}\n" for name, ic, phone, email in lines).encode()

    return write


def combo(delimiter: str) -> Writer:
    """E-mail address and password; passwords hold delimiters."""
    return lambda rows: "".join(
        f"{row[3]}{delimiter}{SECRET}{delimiter * (number % 3)}{number}\n" for number, row in enumerate(rows)
    ).encode()


def combo_with_url(rows: Sequence[Row]) -> bytes:
    """Address of a site, e-mail address or user name, password."""
    users = [row[3] if number % 2 else f"orang_{number}" for number, row in enumerate(rows)]
    return "".join(
        f"https://kedai{number % 7}.example:8443/masuk:{user}:{SECRET}:{number}\n" for number, user in enumerate(users)
    ).encode()


def combo_of_users(rows: Sequence[Row]) -> bytes:
    """User name and password."""
    return "".join(f"orang_{number}:{SECRET}{number}\n" for number in range(len(rows))).encode()


def _tuples(rows: Sequence[Row]) -> str:
    return ",".join(
        f"({number},'{row[0]}','{row[1]}','{row[2]}','{row[3]}','{SECRET}')" for number, row in enumerate(rows)
    )


def mysqldump(rows: Sequence[Row]) -> bytes:
    """Three tables, of which one is about persons and another holds an e-mail address."""
    return (
        "-- MySQL dump 10.13  Distrib 8.0.36\n\nCREATE TABLE `log` (`id` int, `note` text);\n"
        "INSERT INTO `log` VALUES (1,'a'),(2,'b');\n"
        "CREATE TABLE `ahli` (\n  `id` int NOT NULL,\n  `NAMA` varchar(99),\n  `NO_KP` varchar(12),\n"
        "  `NO_TEL` varchar(20),\n  `EMEL` text,\n  `pwd` char(32),\n  PRIMARY KEY (`id`)\n) ENGINE=InnoDB;\n"
        f"INSERT INTO `ahli` VALUES {_tuples(rows)};\n"
        "CREATE TABLE `pesanan` (`id` int, `email` text);\nINSERT INTO `pesanan` VALUES (1,'x@example.com');\n"
    ).encode()


def pg_dump(rows: Sequence[Row]) -> bytes:
    """COPY."""
    lines = "".join(f"{number}\t" + "\t".join(row) + "\n" for number, row in enumerate(rows))
    head = f"--\n-- PostgreSQL database dump\n--\n\nCOPY public.ahli (id, {', '.join(NAMES)}) FROM stdin;\n"
    return f"{head}{lines}\\.\n".encode()


def sql_server(rows: Sequence[Row]) -> bytes:
    """One INSERT a row, in UTF-16."""
    lines = "".join(
        f"INSERT [dbo].[Ahli] ([NAMA], [NO_KP], [NO_TEL], [EMEL]) "  # noqa: S608 - text for a file
        f"VALUES (N'{a}', N'{b}', N'{c}', N'{d}')\r\nGO\r\n"
        for a, b, c, d in rows
    )
    return f"USE [kedai]\r\nGO\r\n{lines}".encode("utf-16")


def bare_inserts(rows: Sequence[Row]) -> bytes:
    """No CREATE TABLE and no column list."""
    return f"INSERT INTO ahli VALUES {_tuples(rows)};\n".encode()  # noqa: S608 - text for a file


def _document(number: int, row: Row) -> dict[str, object]:
    name, ic, phone, email = row
    return {
        "_id": {"$oid": f"{number:024x}"},
        "NAMA": name,
        "NO_KP": ic,
        "contact": {"phones": [phone], "e.mail": email},
        "password": f"{SECRET}{number}",
    }


def jsonl(rows: Sequence[Row]) -> bytes:
    """A document a line."""
    return "".join(json.dumps(_document(*each)) + "\n" for each in enumerate(rows)).encode()


def json_inside(rows: Sequence[Row]) -> bytes:
    """The rows deep inside of a document, another array of objects in front."""
    documents = [_document(*each) for each in enumerate(rows)]
    return json.dumps({"columns": [{"n": 1}, {"n": 2}], "data": {"rows": documents}}, indent=1).encode()


def json_array(rows: Sequence[Row]) -> bytes:
    """An array on one line."""
    return json.dumps([_document(*each) for each in enumerate(rows)]).encode()


def table_of(rows: Sequence[Row]) -> pa.Table:
    """An Arrow table, with a column of passwords."""
    columns = dict(zip(NAMES, map(list, zip(*rows, strict=True)), strict=True))
    return pa.table({**columns, "password": [SECRET] * len(rows)})


def parquet(rows: Sequence[Row]) -> bytes:
    """Parquet."""
    out = io.BytesIO()
    pq.write_table(table_of(rows), out)
    return out.getvalue()


def arrow(rows: Sequence[Row]) -> bytes:
    """Arrow IPC, the file format."""
    out, table = io.BytesIO(), table_of(rows)
    with pa.ipc.new_file(out, table.schema) as writer:
        writer.write_table(table)
    return out.getvalue()


def xlsx(rows: Sequence[Row]) -> bytes:
    """A workbook whose second sheet is the one."""
    import openpyxl  # type: ignore[import-untyped]  # noqa: PLC0415 - half a second, wanted once

    book, out = openpyxl.Workbook(), io.BytesIO()
    book.active.title = "Nota"
    book.active.append(["x", "y"])
    sheet = book.create_sheet("Ahli")
    for row in (NAMES, *rows):
        sheet.append(row)
    book.save(out)
    return out.getvalue()


def titled_xlsx(rows: Sequence[Row]) -> bytes:
    """A workbook whose sheet has a title above its header; another sheet has rows without any identifiers."""
    import openpyxl  # noqa: PLC0415 - half a second, wanted once

    book, out = openpyxl.Workbook(), io.BytesIO()
    sheet = book.active
    sheet.title = "Ahli"
    for row in (("Senarai ahli",), ("Dijana 19/10/2017",), (), NAMES, *rows):
        sheet.append(row)
    other = book.create_sheet("Harga")
    for price in range(3):
        other.append([price, price])
    book.save(out)
    return out.getvalue()
