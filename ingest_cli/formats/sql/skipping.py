"""Skip text without rows: other statements, commands to a client, routines.

A statement is skipped by finding its end, which is not always a semicolon: scripts for SQL Server need none, a routine
contains semicolons, and a client command ends with its line. No statement is executed.
"""

from __future__ import annotations

import re
from enum import Enum, auto

from ingest_cli.formats import record_stream
from ingest_cli.formats.sql.dialect import Family, Syntax
from ingest_cli.formats.sql.tokens import STRINGS, Cursor, IncompleteError, Kind, Token, TooLongError, check_size
from ingest_cli.formats.sql.tuples import touch
from ingest_cli.formats.sql.unread import RowCounter, row_edges


class TextState(Enum):
    """Kind of the skipped text."""

    STATEMENT = auto()
    ROUTINE = auto()
    LINE = auto()
    DELIMITER = auto()  # from DELIMITER ;; to DELIMITER ;
    TABLE = auto()  # not skipped: its columns are read


_ROUTINES = frozenset({"TRIGGER", "PROCEDURE", "PROC", "FUNCTION", "EVENT", "PACKAGE"})
_OTHERS = frozenset({"VIEW", "INDEX", "SEQUENCE", "DATABASE", "SCHEMA", "USER", "ROLE", "TYPE", "EXTENSION", "RULE"})
_CREATE_WORDS = 24  # CREATE ALGORITHM=… DEFINER=`…`@`…` SQL SECURITY … VIEW
_AFTER_END = frozenset({"IF", "LOOP", "WHILE", "REPEAT", "FOR"})  # END IF closes what opened without BEGIN
INSERTS = frozenset({"INSERT", "REPLACE", "MERGE", "UPSERT"})
_LINE_STARTERS = frozenset({"INSERT", "CREATE", "GO"})
_WITH_MYSQL = frozenset({Family.MYSQL, Family.UNKNOWN})
_WITH_ORACLE = frozenset({Family.ORACLE, Family.UNKNOWN})
# Client commands that end with their line: MySQL manual, "mysql Client Commands"; SQL*Plus reference.
_MYSQL_LINES = frozenset({"SOURCE", "SYSTEM", "TEE", "NOTEE", "PAGER", "NOPAGER", "CHARSET", "STATUS", "WARNINGS"})
_ORACLE_LINES = frozenset({"REM", "REMARK", "PROMPT", "SPOOL", "HOST", "DEFINE", "WHENEVER", "CONNECT", "PAUSE"})
_NO_SEMICOLONS = frozenset({Family.SQL_SERVER, Family.ORACLE, Family.UNKNOWN})
# Runs of tokens that cannot be an end: operators and, behind the start of a line, words not followed by a quote.
_OPERATORS = rb"[^\s\w@$#'\"`\[/;\-\x80-\xff]++"
_WORDS = rb"[\w@\x80-\xff]++(?=[^\w@$#'\"`\x80-\xff])"
_DULL = {
    TextState.STATEMENT: re.compile(rb"(?:" + _OPERATORS + rb"|" + _WORDS + rb"|[ \t]++(?=[^\s]))++"),
    TextState.ROUTINE: re.compile(_OPERATORS),
}
_DELIMITER_LINE = re.compile(rb"[ \t]*+DELIMITER[ \t]++(\S++)", re.IGNORECASE)


class Skipping:
    """Finder of the ends of skipped text."""

    def __init__(self, syntax: Syntax) -> None:
        self._syntax = syntax
        self._what = TextState.STATEMENT
        self._fresh = False  # at the beginning of a line
        self._depth = 0
        self._last_word = ""
        self._rows: RowCounter | None = None
        self._condition = False
        self._before: Token | None = None  # the previous token, if no blank follows it
        self.rows_at = list[int]()
        self.is_damaged = False

    def begin(self, what: TextState, *, counts: bool = False, condition: bool = False) -> None:
        """Start to skip.

        Args:
            what: kind of the text.
            counts: whether to find the rows behind the first one, in a statement that cannot be read.
            condition: whether an INSERT may be part of it, as behind IF or WITH.
        """
        self._what, self._fresh, self._depth, self._last_word = what, False, 0, ""
        self._rows, self._before = RowCounter() if counts else None, None
        self._condition = condition

    def what_begins_with(self, token: Token) -> TextState:
        """Return the kind of a statement without rows, given its first token."""
        family, word = self._syntax.family, token.word
        if word in {"\\", "."}:  # a command to psql or mysql; to sqlite3
            return TextState.LINE
        if token.kind is Kind.WORD:
            if word == "DELIMITER" and family in _WITH_MYSQL:
                return TextState.DELIMITER
            if (word in _MYSQL_LINES and family in _WITH_MYSQL) or (word in _ORACLE_LINES and family in _WITH_ORACLE):
                return TextState.LINE
            if word.startswith("@") and family in _WITH_ORACLE:
                return TextState.LINE
        return TextState.STATEMENT

    @staticmethod
    def created(cursor: Cursor) -> TextState:
        """Return the kind of a CREATE; for a table, the cursor is then after TABLE.

        Raises:
            IncompleteError: more has to be read.
        """
        for _ in range(_CREATE_WORDS):
            token = cursor.next()
            word = token.word
            if token.kind is Kind.END or token.text == b";" or (token.kind is Kind.WORD and word in _OTHERS):
                break
            if token.kind is Kind.WORD and word == "TABLE":
                return TextState.TABLE
            if token.kind is Kind.WORD and word in _ROUTINES:
                return TextState.ROUTINE
        return TextState.STATEMENT

    def skip(self, data: bytes, at: int, *, final: bool) -> tuple[int, bool]:
        """Return (end of the text skipped from `at` on, whether it is the end of the statement).

        `rows_at` are then the starts of further rows in it, and `is_damaged` is whether a quote is missing there.

        Raises:
            IncompleteError: more has to be read.
            TooLongError: the next token is longer than a record may be.
        """
        self.rows_at.clear()
        self.is_damaged = False
        if self._what is TextState.LINE:
            end = data.find(b"\n", at) + 1
            return (end, True) if end else (len(data), False)
        if self._what is TextState.DELIMITER:
            return self._skip_delimited(data, at, final=final)
        return self._skip_tokens(data, at, final=final)

    def _skip_tokens(self, data: bytes, at: int, *, final: bool) -> tuple[int, bool]:
        dull = _DULL[self._what]
        cursor = Cursor(data, at, self._syntax, final=final)
        watched = self._condition or self._rows is not None
        while True:
            at_most = cursor.position + record_stream.MAX_RECORD_BYTES
            if not watched and not self._fresh and (found := dull.match(data, cursor.position, at_most)):
                cursor.advance(found.end())
                self._last_word = ""
            start = cursor.position
            try:
                token = cursor.any()
                check_size(start, token.end)
                is_glued = self._rows is not None and self._is_glued(token, cursor)
            except (IncompleteError, TooLongError):
                if start == at:
                    raise
                return start, False
            if is_glued:
                self.rows_at += row_edges(data, start, token.end)
                self.is_damaged = True
                return token.end, True
            over = self._end(token)
            if over is not None:
                return over, True
            if token.kind is Kind.SPACE:
                self._fresh = self._begins_line(token.text)
            elif token.kind is not Kind.COMMENT:
                self._fresh = False

    def _end(self, token: Token) -> int | None:
        """Return the end of the skipped text if `token` ends it."""
        if token.kind is Kind.END:
            return token.end
        over = self._in_statement(token) if self._what is TextState.STATEMENT else self._in_routine(token)
        return self._look_for_rows(token, self._rows) if over is None and self._rows is not None else over

    @staticmethod
    def _is_glued(token: Token, cursor: Cursor) -> bool:
        """Return whether a word follows a string without a blank: a quote is missing, and the string contains rows."""
        if token.kind not in STRINGS:
            return False
        following = cursor.any()
        cursor.position = token.end
        return touch(token, following)

    def _look_for_rows(self, token: Token, rows: RowCounter) -> int | None:
        """Note the start of a row; return the end of the text if it is damaged."""
        if self._before is not None and touch(self._before._replace(end=token.start), token):
            self.is_damaged = True
            return token.start
        self._before = None if token.kind in {Kind.SPACE, Kind.COMMENT} else token
        if rows.begins_row(token):
            self.rows_at.append(token.start)
        return None

    def _begins_line(self, space: bytes) -> bool:
        """Return whether a statement may start behind this space; an indented one only if semicolons are optional."""
        if self._syntax.family in _NO_SEMICOLONS:
            return b"\n" in space
        return space.endswith(b"\n")

    def _in_statement(self, token: Token) -> int | None:
        if token.text == b";":
            return token.end
        if self._condition:
            self._depth += {b"(": 1, b")": -1}.get(token.text, 0)
            if token.kind is Kind.WORD and token.word in INSERTS and self._depth == 0:
                return token.start
        if not self._fresh:
            return None
        if token.kind is Kind.WORD and (token.word in _LINE_STARTERS or self._begins_delimiter(token)):
            return token.start
        return token.start if token.text in {b"/", b"\\"} and self._syntax.family is not Family.SQL_SERVER else None

    def _in_routine(self, token: Token) -> int | None:
        family = self._syntax.family
        if token.kind is Kind.WORD:
            word, last = token.word, self._last_word
            self._last_word = word
            if self._fresh and (self._begins_delimiter(token) or (word == "GO" and family in _NO_SEMICOLONS)):
                return token.start
            if word == "END":
                self._depth -= 1
            elif word == "BEGIN" or (word == "CASE" and last != "END") or (word in _AFTER_END and last == "END"):
                self._depth += 1
        elif token.kind not in {Kind.SPACE, Kind.COMMENT}:
            self._last_word = ""
            if token.text == b"/" and self._fresh and family in _NO_SEMICOLONS:
                return token.end
            if token.text == b";" and self._depth <= 0 and family not in {Family.SQL_SERVER, Family.ORACLE}:
                return token.end
        return None

    def _begins_delimiter(self, token: Token) -> bool:
        return token.word == "DELIMITER" and self._syntax.family in _WITH_MYSQL

    @staticmethod
    def _skip_delimited(data: bytes, at: int, *, final: bool) -> tuple[int, bool]:
        """Skip lines up to the one that makes the semicolon the delimiter again."""
        start = at
        while True:
            end = data.find(b"\n", start) + 1
            if not end and not final:
                if start == at:
                    raise IncompleteError
                return start, False
            found = _DELIMITER_LINE.match(data, start, end or len(data))
            if not end or (found and found[1] == b";"):
                return end or len(data), True
            start = end
