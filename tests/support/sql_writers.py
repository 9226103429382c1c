r"""Writes rows as each of the tools does that dumps come from: with its preamble, its quoting, its odd habits.

Around the rows stands text that must not be read as rows: a second table, comments, routines with INSERTs inside,
commands to the client. Whatever a tool cannot write, its writer is not asked to.

Sources: the tools' own output for mariadb-dump, pg_dump and sqlite3 (see `sql_samples`); MySQL's manual for
mysqldump; phpMyAdmin's ExportSql; `unused_string` and `unistr` in SQLite's shell; scripts of SQL Server Management
Studio and exports of Oracle SQL Developer as they are found in public repositories.
"""
# ruff: noqa: S608 - what is put together here is text for a file, and never executed

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from tests.support.sql_quoting import (
    Value,
    copied,
    mysql_bytes,
    mysql_text,
    oracle,
    oracle_alternative,
    postgresql,
    sql_server,
    sqlite,
    sqlite_unistr,
)

T = TypeVar("T")
COLUMNS = ("id", "name", "email", "note", "score", "photo")


class Row(NamedTuple):
    """One row of the table `people`; `photo` is binary."""

    id: int
    name: str
    email: str
    note: str | None
    score: float | None
    photo: bytes | None


class Writer(NamedTuple):
    """A tool.

    Attributes:
        write: a whole dump with these rows in it.
        dialect: what sqlglot calls the SQL it writes.
        nul: whether it can write a NUL in a text.
        binary: how what it writes for bytes is read back.
    """

    write: Callable[[Sequence[Row]], str | bytes]
    dialect: str
    nul: bool = False
    binary: Callable[[bytes], bytes] = bytes

    def dump(self, rows: Sequence[Row]) -> bytes:
        """The dump in UTF-8, except binary columns, which are written raw."""
        text = self.write(rows)
        return text.encode() if isinstance(text, str) else text

    def cell(self, value: Value) -> bytes:
        """What a value is read back as; NULL is nothing."""
        if value is None:
            return b""
        if isinstance(value, bytes):
            return self.binary(value)
        return str(value).encode()


def _tuples(rows: Sequence[Row], quote: Callable[[Value], str], between: str) -> list[str]:
    return ["(" + between.join(quote(value) for value in row) + ")" for row in rows]


def _batches(tuples: Sequence[T], size: int) -> list[Sequence[T]]:
    return [tuples[i : i + size] for i in range(0, len(tuples), size)]


_MYSQL_TABLES = """\
DROP TABLE IF EXISTS `other`;
CREATE TABLE `other` (
  `x` text
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO `other` VALUES ('no;('),('INSERT INTO `people` VALUES (0,\\'no\\');\\n');

DROP TABLE IF EXISTS `people`;
/*!50503 SET character_set_client = utf8mb4 */;
CREATE TABLE `people` (
  `id` int NOT NULL AUTO_INCREMENT,
  `name` varchar(200) COLLATE utf8mb4_bin DEFAULT 'it''s; a (name),' COMMENT 'a ); b',
  `email` enum('a','b),(') NOT NULL,
  `note` text,
  `score` decimal(10,4) DEFAULT NULL,
  `photo` longblob,
  PRIMARY KEY (`id`),
  UNIQUE KEY `email` (`email`),
  KEY `by_name` (`name`(20)),
  CONSTRAINT `positive` CHECK ((`score` > 0))
) ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=utf8mb4 COMMENT='it''s; ('
/*!50100 PARTITION BY HASH (`id`) PARTITIONS 4 */;
"""
_MYSQL_ROUTINES = """\
/*!50003 SET sql_mode              = 'ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES' */ ;
DELIMITER ;;
/*!50003 CREATE*/ /*!50017 DEFINER=`root`@`localhost`*/ /*!50003 TRIGGER `t` BEFORE INSERT ON `people` FOR EACH ROW
begin
  insert into people values (0,'no','no',null,null,null);
INSERT INTO people VALUES (0,'no','no',null,null,null);
end */;;
DELIMITER ;
/*!50001 CREATE VIEW `v` AS SELECT 1 AS `name`*/;
-- Dump completed on 2024-02-03  4:05:06
"""


def mysqldump(rows: Sequence[Row]) -> bytes:
    """mysqldump 8: one line of many tuples."""
    head = (
        "-- MySQL dump 10.13  Distrib 8.0.36, for Linux (x86_64)\n--\n-- Host: localhost    Database: it's\n"
        "-- ------------------------------------------------------\n-- Server version\t8.0.36\n\n"
        "/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;\n/*!50503 SET NAMES utf8mb4 */;\n"
        "/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;\n\n"
    )
    tuples = [b"(" + b",".join(map(mysql_bytes, row)) + b")" for row in rows]
    lines = [b"INSERT INTO `people` VALUES " + b",".join(tuples[i : i + 5]) + b";\n" for i in range(0, len(rows), 5)]
    before = "LOCK TABLES `people` WRITE;\n/*!40000 ALTER TABLE `people` DISABLE KEYS */;\n"
    after = "/*!40000 ALTER TABLE `people` ENABLE KEYS */;\nUNLOCK TABLES;\n" + _MYSQL_ROUTINES
    return (head + _MYSQL_TABLES + before).encode() + b"".join(lines) + after.encode()


def mariadb_dump(rows: Sequence[Row]) -> str:
    """mariadb-dump: all databases, complete inserts, hexadecimal, a tuple a line."""
    names = ", ".join(f"`{name}`" for name in COLUMNS)
    statements = [
        f"INSERT INTO `people` ({names}) VALUES\n" + ",\n".join(batch) + ";\n"
        for batch in _batches(_tuples(rows, mysql_text, ","), 4)
    ]
    return (
        "/*M!999999\\- enable the sandbox mode */ \n-- MariaDB dump 10.19-11.4.2-MariaDB, for debian-linux-gnu\n"
        "--\n-- Host: localhost    Database: \n\nUSE `shop`;\n" + _MYSQL_TABLES + "".join(statements) + _MYSQL_ROUTINES
    )


def phpmyadmin(rows: Sequence[Row]) -> str:
    """phpMyAdmin: blanks behind commas, keys afterwards."""
    names = ", ".join(f"`{name}`" for name in COLUMNS)
    statements = [
        f"INSERT INTO `people` ({names}) VALUES\n" + ",\n".join(batch) + ";\n"
        for batch in _batches(_tuples(rows, mysql_text, ", "), 3)
    ]
    return (
        "-- phpMyAdmin SQL Dump\n-- version 5.2.1\n-- https://www.phpmyadmin.net/\n--\n-- Host: 127.0.0.1\n\n"
        'SET SQL_MODE = "NO_AUTO_VALUE_ON_ZERO";\nSTART TRANSACTION;\nSET time_zone = "+00:00";\n\n--\n'
        "-- Database: `shop`\n--\n\n-- --------------------------------------------------------\n\n"
        + _MYSQL_TABLES
        + "--\n-- Dumping data for table `people`\n--\n\n"
        + "\n".join(statements)
        + "\nALTER TABLE `people`\n  ADD PRIMARY KEY (`id`);\nCOMMIT;\n"
    )


_PG_HEAD = """\
--
-- PostgreSQL database dump
--

\\restrict abcDEF

-- Dumped from database version 16.2
-- Dumped by pg_dump version 16.2

SET statement_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);

CREATE FUNCTION public.f() RETURNS trigger
    LANGUAGE plpgsql
    AS $_$ begin
INSERT INTO public.people VALUES (0,'no',$1);
end; $_$;

CREATE TABLE public.other (
    x text
);

CREATE TABLE public.people (
    id integer NOT NULL,
    name character varying(200) DEFAULT 'a;('::character varying,
    email text,
    note text,
    score numeric(10,4),
    photo bytea,
    CONSTRAINT people_check CHECK (((name)::text <> '),('::text))
);

ALTER TABLE public.people OWNER TO postgres;

"""


def pg_dump(rows: Sequence[Row]) -> str:
    """pg_dump as it is by default: COPY."""
    lines = ["\t".join(map(copied, row)) + "\n" for row in rows]
    return (
        _PG_HEAD
        + "COPY public.other (x) FROM stdin;\n1;('no\nINSERT INTO public.people VALUES (0);\n\\.\n\n\n"
        + "COPY public.people (id, name, email, note, score, photo) FROM stdin;\n"
        + "".join(lines)
        + "\\.\n\n\nALTER TABLE ONLY public.people\n    ADD CONSTRAINT people_pkey PRIMARY KEY (id);\n\n"
        + "\\unrestrict abcDEF\n"
    )


def pg_dump_inserts(rows: Sequence[Row]) -> str:
    """pg_dump --inserts."""
    statements = [f"INSERT INTO public.people VALUES {one};\n" for one in _tuples(rows, postgresql, ", ")]
    return _PG_HEAD + "INSERT INTO public.other VALUES ('no;(');\n" + "".join(statements) + "\n\n"


def pg_dump_column_inserts(rows: Sequence[Row]) -> str:
    """pg_dump --column-inserts --rows-per-insert=3 --on-conflict-do-nothing."""
    statements = [
        "INSERT INTO public.people (id, name, email, note, score, photo) VALUES\n\t"
        + ",\n\t".join(batch)
        + "\n\tON CONFLICT DO NOTHING;\n"
        for batch in _batches(_tuples(rows, postgresql, ", "), 3)
    ]
    return _PG_HEAD + "".join(statements)


def management_studio(rows: Sequence[Row]) -> str:
    """SQL Server Management Studio, "schema and data": no semicolons, line ends of Windows."""
    names = ", ".join(f"[{name}]" for name in COLUMNS)
    head = (
        "USE [shop]\nGO\n/****** Object:  Table [dbo].[people]    Script Date: 2/3/2024 4:05:06 AM ******/\n"
        "SET ANSI_NULLS ON\nGO\nSET QUOTED_IDENTIFIER ON\nGO\nCREATE TABLE [dbo].[people](\n"
        "\t[id] [int] IDENTITY(1,1) NOT NULL,\n\t[name] [nvarchar](200) NULL,\n\t[email] [nvarchar](max) NULL,\n"
        "\t[note] [nvarchar](max) NULL,\n\t[score] [decimal](18, 4) NULL,\n\t[photo] [varbinary](max) NULL,\n"
        " CONSTRAINT [PK_people] PRIMARY KEY CLUSTERED \n(\n\t[id] ASC\n)WITH (PAD_INDEX = OFF) ON [PRIMARY]\n"
        ") ON [PRIMARY] TEXTIMAGE_ON [PRIMARY]\nGO\nINSERT [dbo].[other] ([x]) VALUES (N'no;(')\n"
        "SET IDENTITY_INSERT [dbo].[people] ON \n\n"
    ).replace("\n", "\r\n")
    statements = list[str]()
    for i, one in enumerate(_tuples(rows, sql_server, ", ")):
        go = "GO\r\n" if i % 3 == 2 else ""  # every 100 rows in truth
        statements.append(f"INSERT [dbo].[people] ({names}) VALUES {one}\r\n{go}")
    tail = (
        "SET IDENTITY_INSERT [dbo].[people] OFF\nGO\nALTER TABLE [dbo].[people] ADD  DEFAULT ('it''s') FOR [name]\nGO\n"
        "CREATE PROCEDURE [dbo].[p] AS\nBEGIN\n  SELECT 1;\n  INSERT [dbo].[people] ([id]) VALUES (0)\nEND\nGO\n"
    ).replace("\n", "\r\n")
    return head + "".join(statements) + tail


def sqlite_dump(rows: Sequence[Row], quote: Callable[[Value], str] = sqlite) -> str:
    """The `.dump` of sqlite3."""
    statements = [f"INSERT INTO people VALUES{one};\n" for one in _tuples(rows, quote, ",")]
    return (
        "PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nCREATE TABLE other (x text);\n"
        "INSERT INTO other VALUES('no;(');\n"
        "CREATE TABLE people (id integer primary key autoincrement, name text, email text, note text, score real,\n"
        "  photo blob, upper text generated always as (name || ')') virtual);\n"
        + "".join(statements)
        + "CREATE TRIGGER t AFTER INSERT ON people BEGIN\nINSERT INTO people VALUES(0,'no;',1,1,1,1); END;\n"
        "DELETE FROM sqlite_sequence;\nINSERT INTO sqlite_sequence VALUES('people',7);\nCOMMIT;\n"
    )


def sqlite_dump_unistr(rows: Sequence[Row]) -> str:
    """The same from SQLite 3.50 on."""
    return sqlite_dump(rows, sqlite_unistr)


_ORACLE_HEAD = (
    "--------------------------------------------------------\n--  File created - Saturday-February-03-2024   \n"
    "--------------------------------------------------------\n"
    '  CREATE TABLE "SHOP"."PEOPLE" \n   (\t"ID" NUMBER(*,0), \n\t"NAME" VARCHAR2(200 BYTE) DEFAULT \'a;(\', \n'
    '\t"EMAIL" VARCHAR2(200), \n\t"NOTE" CLOB, \n\t"SCORE" NUMBER(10,4), \n\t"PHOTO" RAW(20)\n   ) ;\n'
    "REM INSERTING into SHOP.OTHER's\nSET DEFINE OFF;\nInsert into SHOP.OTHER (X) values ('no;(');\n"
    "REM INSERTING into SHOP.PEOPLE\nSET DEFINE OFF;\n"
)
_ORACLE_TAIL = (
    'CREATE OR REPLACE EDITIONABLE TRIGGER "SHOP"."T" before insert on people for each row\nbegin\n'
    "  insert into people values (0,'no','no',null,null,null);\nend;\n/\nCOMMIT;\n"
)


def sql_developer(rows: Sequence[Row]) -> str:
    """Oracle SQL Developer's export as inserts."""
    names = ",".join(COLUMNS).upper()
    statements = [f"Insert into SHOP.PEOPLE ({names}) values {one};\n" for one in _tuples(rows, oracle, ",")]
    return _ORACLE_HEAD + "".join(statements) + _ORACLE_TAIL


def insert_all(rows: Sequence[Row]) -> str:
    """INSERT ALL, as scripts for Oracle have it that were written by other programs."""
    names = ", ".join(COLUMNS)
    statements = [
        "INSERT ALL\n" + "".join(f"  INTO people ({names}) VALUES {one}\n" for one in batch) + "SELECT * FROM dual;\n"
        for batch in _batches(_tuples(rows, oracle_alternative, ", "), 4)
    ]
    return "SET DEFINE OFF;\n" + "".join(statements) + "PROMPT it's done\n"


def pg_dump_identity(rows: Sequence[Row]) -> str:
    """pg_dump --inserts --rows-per-insert=3 of a table whose `id` is GENERATED ALWAYS AS IDENTITY."""
    statements = [
        "INSERT INTO public.people OVERRIDING SYSTEM VALUE VALUES\n\t" + ",\n\t".join(batch) + ";\n"
        for batch in _batches(_tuples(rows, postgresql, ", "), 3)
    ]
    return _PG_HEAD + "INSERT INTO public.other OVERRIDING USER VALUE VALUES ('no;(');\n" + "".join(statements)


def row_constructors(rows: Sequence[Row]) -> str:
    """VALUES ROW(…), which MySQL has had since 8.0.19."""
    tuples = ["ROW" + one for one in _tuples(rows, mysql_text, ",")]
    statements = ["INSERT INTO `people` VALUES " + ", ".join(batch) + ";\n" for batch in _batches(tuples, 3)]
    return "-- MySQL dump 10.13\n" + _MYSQL_TABLES + "".join(statements) + _MYSQL_ROUTINES


def assignments(rows: Sequence[Row]) -> str:
    """INSERT … SET, as programs for MySQL write it."""
    statements = [
        "INSERT INTO `people` SET "
        + ", ".join(f"`{name}` = {mysql_text(value)}" for name, value in zip(COLUMNS, row, strict=True))
        + " ON DUPLICATE KEY UPDATE `note` = 'no';\n"
        for row in rows
    ]
    return "-- MySQL dump 10.13\n" + _MYSQL_TABLES + "".join(statements) + _MYSQL_ROUTINES


def mydumper(rows: Sequence[Row]) -> str:
    """mydumper: double quotes, and the comma at the beginning of the next line."""
    quoted = str.maketrans({"\0": "\\0", "\n": "\\n", "\r": "\\r", "\\": "\\\\", '"': '\\"', "\x1a": "\\Z"})

    def quote(value: Value) -> str:
        return f'"{value.translate(quoted)}"' if isinstance(value, str) else mysql_text(value)

    statements = [
        "INSERT INTO `people` VALUES\n" + "\n,".join(batch) + ";\n" for batch in _batches(_tuples(rows, quote, ","), 4)
    ]
    return "/*!40101 SET NAMES utf8mb4*/;\n" + _MYSQL_TABLES + "".join(statements)


def selects(rows: Sequence[Row]) -> str:
    """INSERT … SELECT … UNION ALL SELECT …, as scripts for SQL Server have it that are older than its VALUES."""
    names = ", ".join(f"[{name}]" for name in COLUMNS)
    statements = [
        f"INSERT [dbo].[people] ({names})\r\n"
        + "\r\nUNION ALL\r\n".join("SELECT " + ", ".join(map(sql_server, row)) for row in batch)
        + "\r\nGO\r\n"
        for batch in _batches(rows, 3)
    ]
    return "USE [shop]\r\nGO\r\nINSERT [dbo].[other] SELECT N'no;('\r\nGO\r\n" + "".join(statements)


def selects_from_dual(rows: Sequence[Row]) -> str:
    """The same for Oracle, where a SELECT needs a table, with names for the values."""
    statements = [
        f"INSERT INTO people ({', '.join(COLUMNS)})\n"
        + "\nUNION ALL\n".join(
            "SELECT "
            + ", ".join(f"{oracle(value)} AS {name}" for name, value in zip(COLUMNS, row, strict=True))
            + " FROM dual"
            for row in batch
        )
        + ";\n"
        for batch in _batches(rows, 3)
    ]
    return _ORACLE_HEAD + "".join(statements) + _ORACLE_TAIL


def _bytea(value: bytes) -> bytes:
    return b"\\x" + value.hex().encode()


WRITERS: Mapping[str, Writer] = {
    "mysqldump": Writer(mysqldump, "mysql", nul=True),
    "mariadb-dump": Writer(mariadb_dump, "mysql", nul=True),
    "phpMyAdmin": Writer(phpmyadmin, "mysql", nul=True),
    "pg_dump": Writer(pg_dump, "postgres", binary=_bytea),
    "pg_dump --inserts": Writer(pg_dump_inserts, "postgres", binary=_bytea),
    "pg_dump --column-inserts": Writer(pg_dump_column_inserts, "postgres", binary=_bytea),
    "Management Studio": Writer(management_studio, "tsql"),
    "sqlite3 .dump": Writer(sqlite_dump, "sqlite"),
    "sqlite3 .dump, 3.50": Writer(sqlite_dump_unistr, "sqlite"),
    "SQL Developer": Writer(sql_developer, "oracle"),
    "INSERT ALL": Writer(insert_all, "oracle"),
    "pg_dump --inserts, identity": Writer(pg_dump_identity, "postgres", binary=_bytea),
    "VALUES ROW": Writer(row_constructors, "mysql", nul=True),
    "INSERT SET": Writer(assignments, "mysql", nul=True),
    "mydumper": Writer(mydumper, "mysql", nul=True),
    "SELECT UNION ALL": Writer(selects, "tsql"),
    "SELECT FROM dual": Writer(selects_from_dual, "oracle"),
}
"""Every tool by its name."""
