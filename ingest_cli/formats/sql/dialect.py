r"""Detect the tool that wrote a dump, and so whether a backslash in a string is an escape.

No SQL dump says so in one place. The manuals agree on who escapes: MySQL and MariaDB do unless the SQL mode
NO_BACKSLASH_ESCAPES is set (MySQL manual, "String Literals"); PostgreSQL does only in `E'…'`, or everywhere
where `standard_conforming_strings` is off (PostgreSQL manual §4.1.2); SQLite, SQL Server and Oracle never do.
So the tool is guessed from what its dumps begin with, once for the whole file.

Without any evidence a backslash is a backslash: where that is wrong, rows become rejects, which is seen; the
opposite mistake would turn `C:\new` into a line break, which is not.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

EVIDENCE_BYTES = 64 << 10
"""How much of the beginning is looked at: a fixed number, so that nothing depends on the size of blocks."""


class Family(StrEnum):
    """Database systems whose dumps are written alike."""

    MYSQL = "mysql"
    POSTGRESQL = "postgresql"
    SQLITE = "sqlite"
    SQL_SERVER = "sql_server"
    ORACLE = "oracle"
    UNKNOWN = "unknown"


class Syntax(NamedTuple):
    """What decides how text is cut into tokens.

    Attributes:
        family: the system the dump is written for.
        escapes: whether a backslash in a plain string is an escape.
    """

    family: Family
    escapes: bool


_BANNER_BYTES = 4 << 10
"""How far from the beginning the first line of a dump may be; the warnings of a client may stand before it."""

# The line by which a tool says who it is; the first there is settles the matter.
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
# What each tool writes elsewhere, and how much it says; single idioms add up.
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
    """The syntax of the dump that begins with `head`, which is `EVIDENCE_BYTES` long unless the dump is shorter."""
    family = _by_banner(head[:_BANNER_BYTES]) or _by_marks(head)
    return Syntax(family, _escapes(family, head))


def _by_banner(head: bytes) -> Family | None:
    """Whoever says first that the dump is theirs."""
    found = [(match.start(), family) for family, banner in _COMPILED_BANNERS if (match := banner.search(head))]
    return min(found, key=lambda one: one[0])[1] if found else None


def _by_marks(head: bytes) -> Family:
    """Whoever has left the most traces."""
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
    if family is Family.UNKNOWN:  # a quote in a word is escaped; before a comma, a backslash is the last character
        return _ESCAPED_QUOTE.search(head) is not None and not _FINAL_BACKSLASH.search(head)
    return False
