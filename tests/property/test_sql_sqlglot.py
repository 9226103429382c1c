"""An INSERT however it is spelled: read as `sqlglot` reads it, which parses the SQL of every system.

The writers of `sql_writers` spell a value in the one way in which their tool does. Here each value is spelled in
any way that its system allows, with blanks and comments anywhere between.
"""
# ruff: noqa: S608 - what is put together here is parsed, and never executed

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlglot
from hypothesis import given
from hypothesis import strategies as st
from sqlglot import exp

from ingest_cli.formats.sql import scanner
from ingest_cli.formats.sql_dump import SqlDump

WANTED = ("a", "b", "c")
CHARACTERS = "ab7'\"\\`;(),.-#/*[]$\n\té漢😀%_&"


def doubled(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def escaped(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"


texts = st.text(st.sampled_from(CHARACTERS), max_size=12)
words = st.text(st.sampled_from("abé 7"), max_size=5)
numbers = st.one_of(
    st.integers(-(10**12), 10**12).map(str),
    st.builds("{}.{}".format, st.integers(-99, 99), st.integers(0, 99)),
    st.sampled_from(["1e5", "2.5E+10", "1e-3", "NULL", "null"]),
)
standard = texts.map(doubled)
hexadecimal = st.binary(min_size=1, max_size=5).map(bytes.hex)
x_strings = hexadecimal.map("X'{}'".format)

SPELLINGS: dict[str, st.SearchStrategy[str]] = {
    "mysql": st.one_of(
        texts.map(escaped),
        texts.map(lambda text: doubled(text.replace("\\", "\\\\"))),
        texts.map(lambda text: '"' + text.replace("\\", "\\\\").replace('"', '""') + '"'),
        texts.map(escaped).map("_binary {}".format),
        texts.map(escaped).map("N{}".format),
        hexadecimal.map("0x{}".format),
        x_strings,
        texts.map(escaped).map("CAST({} AS CHAR(10))".format),
        texts.map(escaped).map("CONVERT({} USING utf8mb4)".format),
    ),
    "postgres": st.one_of(
        standard,
        words.map("E'{}'".format),
        texts.filter(lambda text: "$" not in text).map("$${}$$".format),
        texts.filter(lambda text: "$" not in text).map("$q${}$q$".format),
        standard.map("{}::character varying(10)".format),
        st.builds("{} || {}".format, standard, standard),
    ),
    "tsql": st.one_of(
        standard,
        standard.map("N{}".format),
        hexadecimal.map("0x{}".format),
        standard.map("CAST(N{} AS NVarChar(10))".format),
        standard.map("CONVERT(nvarchar(10), {})".format),
        st.builds("{} + {}".format, standard, standard),
    ),
    "oracle": st.one_of(
        standard,
        texts.filter(lambda text: "]" not in text).map("q'[{}]'".format),
        texts.filter(lambda text: "!" not in text).map("Q'!{}!'".format),
        standard.map("TO_CLOB({})".format),
        st.builds("{} || CHR(10) || {}".format, standard, standard),
        hexadecimal.map("hextoraw('{}')".format),
    ),
    "sqlite": st.one_of(
        standard,
        x_strings,
        words.map("replace('{}\\n','\\n',char(10))".format),
    ),
}
HEADS = {
    "mysql": "-- MySQL dump 10.13\n",
    "postgres": "--\n-- PostgreSQL database dump\n--\n",
    "tsql": "USE [d]\nGO\n",
    "oracle": "SET DEFINE OFF;\n",
    "sqlite": "PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n",
}
blanks = st.sampled_from(["", "", "", " ", "\n", "\t", "/* ,( ' */", " -- ),('\n", "\r\n"])


@st.composite
def statements(draw: st.DrawFn, dialect: str) -> str:
    value = st.one_of(SPELLINGS[dialect], SPELLINGS[dialect], numbers)

    def between() -> str:
        return draw(blanks)

    rows = list[str]()
    for _ in range(draw(st.integers(1, 5))):
        cells = [between() + draw(value) + between() for _ in WANTED]
        rows.append("(" + ",".join(cells) + ")" + between())
    return "INSERT INTO t (a, b, c) VALUES " + ",".join(between() + row for row in rows)


@st.composite
def selects(draw: st.DrawFn, dialect: str) -> str:
    """The same rows as SELECTs, with names behind some of the values."""
    value = st.one_of(SPELLINGS[dialect], SPELLINGS[dialect], numbers)
    dual = " FROM dual" if dialect == "oracle" else ""
    rows = list[str]()
    for _ in range(draw(st.integers(1, 5))):
        cells = [draw(blanks) + draw(value) + draw(st.sampled_from(["", " AS x", "\nAS c"])) for _ in WANTED]
        rows.append("SELECT " + ",".join(cells) + dual)
    between = draw(st.sampled_from([" UNION ALL ", "\nUNION ALL\n", " union "]))
    return "INSERT INTO t (a, b, c) " + between.join(rows)


def selected(node: exp.Expression) -> list[list[exp.Expression]]:
    """The values of each SELECT of a UNION, in order."""
    if isinstance(node, exp.Union):
        return selected(node.this) + selected(node.expression)
    return [[one.this if isinstance(one, exp.Alias) else one for one in node.expressions]]


def _anonymous(node: exp.Expression) -> bytes:
    text = told(node.expressions[0])
    return bytes.fromhex(text.decode()) if node.name.lower() == "hextoraw" else text


def _text(node: exp.Expression) -> bytes:
    return str(node.this).encode()


TOLD: dict[type[exp.Expression], Callable[[exp.Expression], bytes]] = {
    exp.Null: lambda _: b"",
    exp.Literal: _text,
    exp.National: _text,
    exp.RawString: _text,
    exp.ByteString: _text,
    exp.HexString: lambda node: bytes.fromhex(node.name),
    exp.Neg: lambda node: b"-" + told(node.this),
    exp.Cast: lambda node: told(node.this),
    exp.Convert: lambda node: told(node.expression),
    exp.Introducer: lambda node: told(node.expression),
    exp.DPipe: lambda node: told(node.this) + told(node.expression),
    exp.Add: lambda node: told(node.this) + told(node.expression),
    exp.Chr: lambda node: b"".join(chr(int(one.name)).encode() for one in node.expressions),
    exp.Replace: lambda node: told(node.this).replace(told(node.expression), told(node.args["replacement"])),
    exp.Anonymous: _anonymous,
}


def told(node: exp.Expression) -> bytes:
    """What sqlglot takes a value for."""
    return next(tell for kind, tell in TOLD.items() if isinstance(node, kind))(node)


@pytest.mark.parametrize("fast_after", [0, 1_000_000])
@pytest.mark.parametrize("dialect", SPELLINGS)
@given(data=st.data())
def test_values_are_read_as_sqlglot_reads_them(dialect: str, fast_after: int, data: st.DataObject) -> None:
    statement = data.draw(statements(dialect))
    parsed = sqlglot.parse_one(statement, read=dialect)
    assert isinstance(parsed, exp.Insert)
    expected = [tuple(told(value) for value in row.expressions) for row in parsed.expression.expressions]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scanner, "FAST_AFTER_TUPLES", fast_after)
        chunks = list(SqlDump([], WANTED, None).read([(HEADS[dialect] + statement + ";\n").encode()]))
    assert not [reason for chunk in chunks for _, reason in chunk.rejected]
    assert [
        row for chunk in chunks for row in zip(*(chunk.cells[name].to_pylist() for name in WANTED), strict=True)
    ] == expected


@pytest.mark.parametrize("dialect", SPELLINGS)
@given(data=st.data())
def test_selects_are_read_as_sqlglot_reads_them(dialect: str, data: st.DataObject) -> None:
    statement = data.draw(selects(dialect))
    parsed = sqlglot.parse_one(statement, read=dialect)
    assert isinstance(parsed, exp.Insert)
    expected = [tuple(told(value) for value in row) for row in selected(parsed.expression)]
    chunks = list(SqlDump([], WANTED, None).read([(HEADS[dialect] + statement + ";\n").encode()]))
    assert not [reason for chunk in chunks for _, reason in chunk.rejected]
    assert [
        row for chunk in chunks for row in zip(*(chunk.cells[name].to_pylist() for name in WANTED), strict=True)
    ] == expected
