"""What a value in a SQL dump stands for, which depends on the system that wrote it."""

from __future__ import annotations

import pytest

from ingest_cli.formats.sql.dialect import Family, decide
from tests.support.sql_reading import MYSQL, ORACLE, POSTGRESQL, SQL_SERVER, cells, read, rejects

# What a dump is written in


@pytest.mark.parametrize(
    ("head", "family", "escapes"),
    [
        (b"", Family.UNKNOWN, False),
        (MYSQL, Family.MYSQL, True),
        (b"mysqldump: [Warning] Using a password can be insecure.\n-- MySQL dump 10.13\n", Family.MYSQL, True),
        (b"/*M!999999\\- enable the sandbox mode */ \n-- MariaDB dump 10.19\n", Family.MYSQL, True),
        (b"# phpMyAdmin MySQL-Dump\n", Family.MYSQL, True),
        (b"-- Adminer 4.8.1 MySQL 8.0.36 dump\n", Family.MYSQL, True),
        (b"-- Adminer 4.8.1 PostgreSQL 16.1 dump\n", Family.POSTGRESQL, False),
        (b"/*\n Navicat Premium Data Transfer\n\n Source Server Type    : SQL Server\n*/\n", Family.SQL_SERVER, False),
        (MYSQL + b"/*!40101 SET SQL_MODE='NO_BACKSLASH_ESCAPES' */;\n", Family.MYSQL, False),
        (b"INSERT INTO `t` VALUES (1);\n", Family.MYSQL, True),
        (POSTGRESQL + b"SET standard_conforming_strings = on;\n", Family.POSTGRESQL, False),
        (POSTGRESQL + b"SET standard_conforming_strings = off;\n", Family.POSTGRESQL, True),
        (b"COPY t (a) FROM stdin;\n", Family.POSTGRESQL, False),
        (b"INSERT INTO t VALUES(replace('a\\nb','\\n',char(10)));\n", Family.SQLITE, False),
        (b"INSERT [dbo].[t] ([a]) VALUES (N'x')\r\nGO\r\n", Family.SQL_SERVER, False),
        (b"Insert into T (A) values (to_date('x','y'));\n", Family.ORACLE, False),
        (b"INSERT INTO t VALUES ('it\\'s');\n", Family.UNKNOWN, True),
        (b"INSERT INTO t VALUES ('C:\\','it''s \\'x');\n", Family.UNKNOWN, False),
    ],
)
def test_the_beginning_tells_who_wrote_a_dump(head: bytes, family: Family, escapes: bool) -> None:  # noqa: FBT001 - a table
    assert decide(head) == (family, escapes)


def test_the_first_banner_counts_and_not_one_that_a_row_holds() -> None:
    assert decide(MYSQL + b"INSERT INTO t VALUES ('\n-- PostgreSQL database dump\n');\n").family is Family.MYSQL


@pytest.mark.parametrize("escapes", [True, False])
def test_a_backslash_means_what_it_means_to_the_system(escapes: bool) -> None:  # noqa: FBT001 - a table
    head = MYSQL if escapes else POSTGRESQL
    data = head + rb"INSERT INTO t VALUES ('a\tb\\','\%\0\Zx');"
    assert cells(read(data)) == ([(b"a\tb\\", b"\\%\0\x1ax")] if escapes else [(rb"a\tb\\", rb"\%\0\Zx")])


# Values


@pytest.mark.parametrize(
    ("head", "value", "cell"),
    [
        (MYSQL, b"_binary 'a\\0'", b"a\0"),
        (MYSQL, b"0x4142", b"AB"),
        (MYSQL, b"_utf8mb4 0x4142 COLLATE utf8mb4_bin", b"AB"),
        (MYSQL, b"x'4142'", b"AB"),
        (MYSQL, b"b'0101'", b"0101"),
        (MYSQL, b"'a' 'b'", b"ab"),
        (MYSQL, b'"it\'s"', b"it's"),
        (MYSQL, b"CONCAT('a', 'b', 1)", b"ab1"),
        (MYSQL, b"CONVERT(0xC3A9 USING utf8mb4)", "é".encode()),
        (MYSQL, b"-1.50e-3", b"-1.50e-3"),
        (MYSQL, b"NOW()", b""),
        (MYSQL, b"CURRENT_TIMESTAMP(6)", b""),
        (MYSQL, b"default", b""),
        (POSTGRESQL, b"E'a\\'\\x41\\u00e9\\ud83d\\ude00'", "a'Aé😀".encode()),
        (POSTGRESQL, b"$$it's (;$$", b"it's (;"),
        (POSTGRESQL, b"nextval('t_id_seq'::regclass)", b""),
        (POSTGRESQL, b"'2017-01-02'::date", b"2017-01-02"),
        (SQL_SERVER, b"CAST(N'it''s' AS NVarChar(10))", b"it's"),
        (SQL_SERVER, b"CONVERT([nvarchar](10), N'x', 120)", b"x"),
        (SQL_SERVER, b"N'a' + CHAR(13) + NCHAR(10) + N'b'", b"a\r\nb"),
        (SQL_SERVER, b"NEWID()", b""),
        (ORACLE, b"TO_DATE('02-JAN-17','DD-MON-RR')", b"02-JAN-17"),
        (ORACLE, b"q'[it's (]'", b"it's (]"[:-1]),
        (ORACLE, "nq'éit'sé'".encode(), b"it's"),
        (ORACLE, b"TO_CLOB('a')\n|| TO_CLOB('b') || chr(10)", b"ab\n"),
        (ORACLE, b"UNISTR('\\D83D\\DE00\\00e9')", "😀é".encode()),
        (ORACLE, b"T_SEQ.NEXTVAL", b""),
        (ORACLE, b"sysdate", b""),
        (ORACLE, b"EMPTY_CLOB()", b""),
        (b"", b"unistr('a\\u000ab\\\\')", b"a\nb\\"),
        (b"", b"replace(replace('a\\r\\nb','\\r',char(13)),'\\n',char(10))", b"a\r\nb"),
    ],
)
def test_a_value_is_what_the_database_would_hold(head: bytes, value: bytes, cell: bytes) -> None:
    chunks = read(head + b"INSERT INTO t VALUES (1," + value + b"),(2,'x');\n")
    assert cells(chunks) == [(b"1", cell), (b"2", b"x")]


@pytest.mark.parametrize(
    "value",
    [
        b"MD5('x')",
        b"(SELECT 1)",
        b"1 + 1",
        b"AES_ENCRYPT('a','b')",
        b"replace('aaaa','a','bbbbbbbb')",
        b"a b",
        b"((((((((((((((((((((1))))))))))))))))))))",
        b"CONCAT(" * 40 + b"1" + b")" * 40,
    ],
)
def test_an_expression_that_would_have_to_be_executed_is_a_reject(value: bytes) -> None:
    data = MYSQL + b"INSERT INTO t VALUES (1,'x'),(2," + value + b"),(3,'y');\n"
    chunks = read(data)
    assert (cells(chunks), rejects(chunks)) == ([(b"1", b"x"), (b"3", b"y")], [(2, 2, "unread_expression")])
    assert cells(read(data, ["a"])) == [(b"1",), (b"2",), (b"3",)], "of no interest in a column that is not wanted"
