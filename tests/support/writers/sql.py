r"""Writers of SQL dumps, as the tool of each database writes them.

How each one quotes a string is in its manual: MySQL escapes with backslashes; PostgreSQL's COPY does too, in its
own way (COPY, "Text Format"), and its INSERTs do not; SQLite, SQL Server and Oracle double quotes and nothing else.
Around the table that is wanted lies another one, with rows that must not be read.
"""

# ruff: noqa: S608 - what is put together here is written to a file, and never executed

from __future__ import annotations

from tests.support.writers.table import Table, Written

ROWS_A_STATEMENT = 25

_MYSQL = str.maketrans({"\0": "\\0", "\n": "\\n", "\r": "\\r", "\\": "\\\\", "'": "\\'", '"': '\\"', "\x1a": "\\Z"})
_COPY = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"})


def _mysql(cell: str) -> str:
    return f"'{cell.translate(_MYSQL)}'" if cell else "NULL"


def _standard(cell: str) -> str:
    return "'" + cell.replace("'", "''") + "'" if cell else "NULL"


def _national(cell: str) -> str:
    return f"N{_standard(cell)}" if cell else "NULL"


def _sqlite(cell: str) -> str:
    if "\n" in cell:
        return "replace(" + _standard(cell.replace("\n", "\\n")) + ",'\\n',char(10))"
    return _standard(cell)


def _oracle(cell: str) -> str:
    return "||chr(10)||".join(_standard(line) if line else "''" for line in cell.split("\n")) if cell else "null"


def _statements(table: Table) -> list[tuple[tuple[str, ...], ...]]:
    """The rows of each INSERT."""
    return [table.rows[at : at + ROWS_A_STATEMENT] for at in range(0, len(table.rows), ROWS_A_STATEMENT)]


def _layout(table: Table, schema: str = "") -> dict[str, object]:
    return {"name": "sql", "table": f"{schema}{table.name}"}


def mysqldump(table: Table) -> Written:
    """Extended INSERTs without a list of columns."""
    columns = "".join(f"  `{name}` varchar(255) DEFAULT NULL COMMENT 'a, (b); `c`',\n" for name in table.columns)
    inserts = "".join(
        f"INSERT INTO `{table.name}` VALUES "
        + ",".join(f"({number},{','.join(map(_mysql, row))})" for number, row in enumerate(rows))
        + ";\n"
        for rows in _statements(table)
    )
    text = (
        "-- MySQL dump 10.13  Distrib 8.0.36, for Linux (x86_64)\n--\n-- Host: localhost    Database: contoh\n"
        "/*!40101 SET NAMES utf8mb4 */;\n\n"
        "CREATE TABLE `log` (\n  `id` int NOT NULL,\n  `EMEL` text\n) ENGINE=InnoDB;\n"
        "INSERT INTO `log` VALUES (1,'it\\'s; INSERT INTO `x` VALUES (1)'),(2,'bukan@contoh.example');\n\n"
        f"CREATE TABLE `{table.name}` (\n  `nombor` int NOT NULL AUTO_INCREMENT,\n{columns}  PRIMARY KEY (`nombor`),\n"
        "  KEY `k` (`nombor`)\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;\n\n"
        f"LOCK TABLES `{table.name}` WRITE;\n/*!40000 ALTER TABLE `{table.name}` DISABLE KEYS */;\n{inserts}"
        f"/*!40000 ALTER TABLE `{table.name}` ENABLE KEYS */;\nUNLOCK TABLES;\n\n-- Dump completed on 2017-10-19\n"
    )
    return Written(text, _layout(table))


def phpmyadmin(table: Table) -> Written:
    """INSERTs with a list of columns, a row a line."""
    names = ", ".join(f"`{name}`" for name in table.columns)
    inserts = "".join(
        f"INSERT INTO `{table.name}` ({names}) VALUES\n"
        + ",\n".join(f"({', '.join(map(_mysql, row))})" for row in rows)
        + ";\n"
        for rows in _statements(table)
    )
    text = (
        "-- phpMyAdmin SQL Dump\n-- version 5.2.1\n-- https://www.phpmyadmin.net/\n\n"
        'SET SQL_MODE = "NO_AUTO_VALUE_ON_ZERO";\nSTART TRANSACTION;\n\n'
        f"--\n-- Dumping data for table `{table.name}`\n--\n\n{inserts}\n"
        "INSERT INTO `zzz` (`EMEL`) VALUES\n('bukan@contoh.example');\nCOMMIT;\n"
    )
    return Written(text, _layout(table))


_PG_HEAD = "--\n-- PostgreSQL database dump\n--\n\nSET standard_conforming_strings = on;\n\n"
_PG_TAIL = "--\n-- PostgreSQL database dump complete\n--\n"


def pg_dump(table: Table) -> Written:
    """COPY."""
    lines = "".join("\t".join(cell.translate(_COPY) if cell else "\\N" for cell in row) + "\n" for row in table.rows)
    names = ", ".join(f'"{name}"' for name in table.columns)
    text = (
        f'{_PG_HEAD}COPY public.log (id, "EMEL") FROM stdin;\n1\tbukan@contoh.example\n\\.\n\n'
        f'COPY public."{table.name}" ({names}) FROM stdin;\n{lines}\\.\n\n{_PG_TAIL}'
    )
    return Written(text, _layout(table, "public."))


def pg_dump_inserts(table: Table) -> Written:
    """What `pg_dump --inserts` writes: one INSERT a row, the columns in CREATE TABLE."""
    columns = ",\n".join(f'    "{name}" character varying(255)' for name in table.columns)
    inserts = "".join(
        f'INSERT INTO public."{table.name}" VALUES ({", ".join(map(_standard, row))});\n' for row in table.rows
    )
    text = (
        f'{_PG_HEAD}CREATE TABLE public."{table.name}" (\n{columns}\n);\n\n{inserts}\n'
        f"INSERT INTO public.log VALUES (1, 'bukan@contoh.example');\n\n{_PG_TAIL}"
    )
    return Written(text, _layout(table, "public."))


def pg_dump_identity(table: Table) -> Written:
    """What `pg_dump --inserts --rows-per-insert=25` writes of tables with GENERATED ALWAYS AS IDENTITY."""
    columns = ",\n".join(f'    "{name}" character varying(255)' for name in table.columns)
    inserts = "".join(
        f'INSERT INTO public."{table.name}" OVERRIDING SYSTEM VALUE VALUES\n\t'
        + ",\n\t".join(f"({number}, {', '.join(map(_standard, row))})" for number, row in enumerate(rows))
        + ";\n"
        for rows in _statements(table)
    )
    text = (
        f"{_PG_HEAD}CREATE TABLE public.log (\n    id integer NOT NULL,\n    emel text\n);\n"
        f'CREATE TABLE public."{table.name}" (\n    id integer NOT NULL,\n{columns}\n);\n\n'
        "INSERT INTO public.log OVERRIDING SYSTEM VALUE VALUES\n\t(1, 'bukan@contoh.example'),\n\t(2, NULL);\n"
        f"{inserts}\n{_PG_TAIL}"
    )
    return Written(text, _layout(table, "public."))


def sql_server(table: Table) -> Written:
    """A script of SQL Server Management Studio; usually in UTF-16."""
    names = ", ".join(f"[{name}]" for name in table.columns)
    columns = ",\n".join(f"\t[{name}] [nvarchar](255) NULL" for name in table.columns)
    inserts = "".join(
        f"INSERT [dbo].[{table.name}] ({names}) VALUES ({', '.join(map(_national, row))})\n" for row in table.rows
    )
    text = (
        "USE [contoh]\nGO\n/****** Object:  Table [dbo].[" + table.name + "]    Script Date: 19/10/2017 ******/\n"
        "SET ANSI_NULLS ON\nGO\nSET QUOTED_IDENTIFIER ON\nGO\n"
        f"CREATE TABLE [dbo].[{table.name}](\n{columns}\n) ON [PRIMARY]\nGO\n{inserts}GO\n"
        "INSERT [dbo].[Log] ([EMEL]) VALUES (N'bukan@contoh.example')\nGO\n"
    )
    return Written(text.replace("\n", "\r\n"), _layout(table, "dbo."))


def sqlite(table: Table) -> Written:
    """What `.dump` writes."""
    columns = ", ".join(f'"{name}" TEXT' for name in table.columns)
    inserts = "".join(f"INSERT INTO {table.name} VALUES({','.join(map(_sqlite, row))});\n" for row in table.rows)
    text = (
        "PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n"
        "CREATE TABLE log(id INTEGER PRIMARY KEY, EMEL TEXT);\nINSERT INTO log VALUES(1,'bukan@contoh.example');\n"
        f"CREATE TABLE {table.name} ({columns});\n{inserts}COMMIT;\n"
    )
    return Written(text, _layout(table))


def oracle(table: Table) -> Written:
    """What SQL Developer writes."""
    names = ",".join(f'"{name}"' for name in table.columns)
    inserts = "".join(
        f"Insert into CONTOH.{table.name} ({names}) values ({','.join(map(_oracle, row))});\n" for row in table.rows
    )
    text = (
        f"REM INSERTING into CONTOH.{table.name}\nSET DEFINE OFF;\n{inserts}"
        "REM INSERTING into CONTOH.LOG\nInsert into CONTOH.LOG (EMEL) values ('bukan@contoh.example');\n"
    )
    return Written(text, _layout(table))
