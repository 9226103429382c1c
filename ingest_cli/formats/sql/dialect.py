r"""Detect the tool that wrote a dump, and so whether a backslash in a string is an escape.

No SQL dump states this in one place. MySQL and MariaDB escape unless the SQL mode NO_BACKSLASH_ESCAPES is set (MySQL
manual, "String Literals"); PostgreSQL only in `E'…'`, or everywhere if `standard_conforming_strings` is off (PostgreSQL
manual §4.1.2); SQLite, SQL Server and Oracle never do. The tool is guessed from the start of a dump, once per file.

Without evidence a backslash is a backslash: if that is wrong, rows become rejects, which are reported. The opposite
mistake would turn `C:\new` into a line break without a report.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

EVIDENCE_BYTES = 64 << 10
"""Bytes of the start of a dump that are inspected; fixed, so that the result does not depend on block sizes."""


class Family(StrEnum):
    """Database systems whose dumps share a syntax."""

    MYSQL = "mysql"
    POSTGRESQL = "postgresql"
    SQLITE = "sqlite"
    SQL_SERVER = "sql_server"
    ORACLE = "oracle"
    UNKNOWN = "unknown"


class Syntax(NamedTuple):
    """Rules for splitting text into tokens.

    Attributes:
        family: database system of the dump.
        escapes: whether a backslash in a plain string is an escape.
    """

    family: Family
    escapes: bool


_BANNER_BYTES = 4 << 10
"""Bytes that are searched for a banner; the warnings of a client may precede it."""

# Line with the name of the tool; the first match decides.
_BANNERS: tuple[tuple[Family, bytes], ...] = (
    (Family.MYSQL, rb"^(?:--|\#) ?(?:MySQL|MariaDB|phpMyAdmin|Sequel Pro|Sequel Ace|mysqldump-php)\b"),
    (Family.MYSQL, rb"^-- Adminer [\w.-]+ (?:MySQL|MariaDB)|^ *Source Server Type *: (?:MySQL|MariaDB)"),
    (Family.MYSQL, rb"^ *(?:Navicat MySQL|Navicat MariaDB|SQLyog )"),
    (Family.POSTGRESQL, rb"^-- PostgreSQL database (?:cluster )?dump"),
    (Family.POSTGRESQL, rb"^-- Adminer [\w.-]+ PostgreSQL|^ *Source Server Type *: PostgreSQL|^ *Navicat PGSQL"),
    (Family.SQLITE, rb"\A\s*PRAGMA foreign_keys\s*=\s*OFF;\s*BEGIN TRANSACTION;"),
    (Family.SQLITE, rb"^-- Adminer [\w.-]+ SQLite|^ *Source Server Type *: SQLite|^ *Navicat SQLite"),
    (Family.SQL_SERVER, rb"^/\*{6} Object: |^ *Source Server Type *: SQL Server|^ *Navicat SQL Server"),
    (Family.ORACLE, rb"^REM INSERTING into\b|^ *Source Server Type *: Oracle|^ *Navicat Oracle"),
)
# Other text of each tool, with a weight; the weights are added.
_MARKS: tuple[tuple[Family, int, bytes], ...] = (
    (Family.MYSQL, 3, rb"(?i)\bENGINE\s*=\s*\w"),
    (Family.MYSQL, 3, rb"/\*!\d{5}"),
    (Family.MYSQL, 3, rb"(?im)^[ \t]*+(?:INSERT|REPLACE|CREATE|DROP|ALTER|LOCK) [A-Z ]{1,40}`"),
    (Family.MYSQL, 2, rb"(?im)^[ \t]*+(?:UN)?LOCK TABLES\b"),
    (Family.MYSQL, 1, rb"(?i)\bAUTO_INCREMENT\b"),
    (Family.POSTGRESQL, 4, rb"(?i)\bstandard_conforming_strings\b"),
    (Family.POSTGRESQL, 3, rb"(?im)^COPY\s[^;]{1,2000}?\bFROM\s+stdin\b"),
    (Family.POSTGRESQL, 2, rb"\bpg_catalog\b"),
    (Family.POSTGRESQL, 1, rb"(?i)\bcharacter varying\b|\bSET search_path\b"),
    (Family.SQLITE, 4, rb"\bsqlite_(?:sequence|master|schema|stat1)\b"),
    (Family.SQLITE, 4, rb",'\\[nr]',char\(1[03]\)\)"),
    (Family.SQLITE, 2, rb"\A\s*BEGIN TRANSACTION;"),
    (Family.SQLITE, 1, rb"\bAUTOINCREMENT\b"),
    (Family.SQL_SERVER, 4, rb"(?im)^(?:USE|INSERT(?: INTO)?|CREATE TABLE)\s+\["),
    (Family.SQL_SERVER, 3, rb"(?i)\bSET (?:IDENTITY_INSERT|ANSI_NULLS|QUOTED_IDENTIFIER)\b"),
    (Family.SQL_SERVER, 2, rb"(?im)^GO[ \t]*\r?$"),
    (Family.SQL_SERVER, 1, rb"[(,]\s*N'"),
    (Family.ORACLE, 4, rb"(?im)^(?:REM |SET DEFINE OFF|PROMPT )"),
    (Family.ORACLE, 3, rb"(?i)\bVARCHAR2\s*\(|\bTO_(?:DATE|TIMESTAMP|CLOB)\s*\("),
    (Family.ORACLE, 3, rb"(?i)\bINSERT\s+ALL\b|\bFROM\s+dual\b"),
)
_COMPILED_BANNERS = tuple((family, re.compile(banner, re.MULTILINE)) for family, banner in _BANNERS)
_COMPILED_MARKS = tuple((family, weight, re.compile(mark, re.DOTALL)) for family, weight, mark in _MARKS)
_NO_ESCAPES = re.compile(rb"\bNO_BACKSLASH_ESCAPES\b")
_NOT_CONFORMING = re.compile(rb"(?i)\bstandard_conforming_strings\s*(?:=|TO)\s*'?off\b")
_ESCAPED_QUOTE = re.compile(rb"\\'[\w ]|\\\"")
_FINAL_BACKSLASH = re.compile(rb"\\'\s*[,)]")


def decide(head: bytes) -> Syntax:
    """Return the syntax of a dump, given its first `EVIDENCE_BYTES`."""
    family = _by_banner(head[:_BANNER_BYTES]) or _by_marks(head)
    return Syntax(family, _escapes(family, head))


def _by_banner(head: bytes) -> Family | None:
    found = [(match.start(), family) for family, banner in _COMPILED_BANNERS if (match := banner.search(head))]
    return min(found, key=lambda one: one[0])[1] if found else None


def _by_marks(head: bytes) -> Family:
    weights = dict.fromkeys(Family, 0)
    for family, weight, mark in _COMPILED_MARKS:
        if mark.search(head):
            weights[family] += weight
    family = max(weights, key=lambda one: weights[one])
    return family if weights[family] else Family.UNKNOWN


def _escapes(family: Family, head: bytes) -> bool:
    if family is Family.MYSQL:
        return not _NO_ESCAPES.search(head)
    if family is Family.POSTGRESQL:
        return _NOT_CONFORMING.search(head) is not None
    if family is Family.UNKNOWN:  # `\'x` is an escape; in `\',` the backslash ends a string
        return _ESCAPED_QUOTE.search(head) is not None and not _FINAL_BACKSLASH.search(head)
    return False
