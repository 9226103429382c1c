"""Estimate the number of rows in unreadable text.

What is rejected as a whole counts for as many rows as it holds. Two things are counted: the tuples of a statement
whose text is sound, but written in no known way (`RowCounter`, token by token), and what looks like the beginning of
a tuple in a stretch of damaged text, in which no token can be trusted (`Stretch`).
"""

from __future__ import annotations

import re

from ingest_cli.formats.sql.boundaries import LOOK_AHEAD_BYTES
from ingest_cli.formats.sql.tokens import IncompleteError, Kind, Token

# What stands before a tuple; no match is longer than `LOOK_AHEAD_BYTES`.
_EDGE = re.compile(
    rb"\)\s{0,28}+,\s{0,28}+(?=(?i:ROW ?+)?+\()|\n[ \t]{0,28}+(?=\()|(?i:VALUES)\s{0,28}+(?=(?i:ROW ?+)?+\()"
    rb"|(?i:UNION)\s{1,28}+(?=(?i:ALL|SELECT)\s)"
)
MAX_CUT_BYTES = _WINDOW_BYTES = 64 << 10
"""Damaged text up to this length is cut into rows in one go."""


class RowCounter:
    """Tells where in a statement another row begins."""

    def __init__(self) -> None:
        self._depth = 0
        self._level = 0  # depth at which the tuples are
        self._closed = False  # just behind a tuple
        self._comma = False  # behind a tuple and the comma that follows it

    def begins_row(self, token: Token) -> bool:
        """Whether, with the next token, a further row begins."""
        if token.kind is Kind.SPACE or token.kind is Kind.COMMENT:
            return False
        if token.kind is Kind.WORD:
            word = token.word
            if word == "ROW" and self._comma:
                return False
            self._closed = self._comma = False
            if word == "VALUES":
                self._level = self._depth
            return word == "UNION"
        begins = token.text == b"(" and self._comma and self._depth == self._level
        comma = token.text == b"," and self._closed
        if token.text == b"(":
            self._depth += 1
        elif token.text == b")":
            self._depth -= 1
        self._closed, self._comma = token.text == b")" and self._depth == self._level, comma
        return begins


def row_edges(data: bytes, start: int, stop: int) -> list[int]:
    """Where, in damaged text, further rows seem to begin."""
    return [edge.end() for edge in _EDGE.finditer(data, start, stop)]


def edges_that_begin(data: bytes, start: int, before: int, stop: int) -> tuple[list[int], int]:
    """(where further rows seem to begin, how far that was looked for).

    Args:
        data: what there is.
        start: where to begin.
        before: where what stands before a row has to begin at the latest.
        stop: where the text ends, at most.
    """
    places = list[int]()
    for edge in _EDGE.finditer(data, start, min(stop, before + LOOK_AHEAD_BYTES)):
        if edge.start() >= before:
            break
        places.append(edge.end())
    return places, max(before, places[-1]) if places else before


class Stretch:
    """Damaged text, of which it is known how long it is at least."""

    def __init__(self, size: int, head: int = 0, *, to_line_end: bool = False) -> None:
        """Set up.

        Args:
            size: bytes of it.
            head: bytes at its beginning before the first row.
            to_line_end: whether it goes on from there up to the end of the line.
        """
        self._left = size
        self._head = head
        self._to_line_end = to_line_end
        self._is_fresh = True  # the first row begins where it does

    def step(self, data: bytes, at: int, *, final: bool) -> tuple[list[int], int, bool]:
        """(where rows seem to begin, how far that was looked for, whether the stretch ends there).

        Raises:
            IncompleteError: more has to be read to tell.
        """
        stop, known = at + self._left, True
        if self._to_line_end:
            found = data.find(b"\n", stop) if stop <= len(data) else -1
            stop, known = (found, True) if found >= 0 else (len(data), final)
        elif stop > len(data):
            stop, known = len(data), final
        safe = min(stop, at + _WINDOW_BYTES)
        if not known:
            safe = min(safe, len(data) - LOOK_AHEAD_BYTES)
            if safe <= at:
                raise IncompleteError
        places, after = edges_that_begin(data, at + self._head, safe, stop)
        if self._is_fresh:
            places, self._is_fresh = [at, *places], False
        self._left = max(self._left - (after - at), 0)
        self._head = max(self._head - (after - at), 0)
        return places, after, known and after == stop
