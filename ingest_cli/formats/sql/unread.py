"""Estimate the number of rows in unreadable text.

Text that is rejected as a whole counts as the number of its rows. `RowCounter` counts, token by token, the tuples of a
statement in an unknown form; `Stretch` counts the apparent starts of tuples in damaged text, whose tokens are
unreliable.
"""

from __future__ import annotations

import re

from ingest_cli.formats.sql.boundaries import LOOK_AHEAD_BYTES
from ingest_cli.formats.sql.tokens import IncompleteError, Kind, Token

# Text before a tuple; no match is longer than `LOOK_AHEAD_BYTES`.
_EDGE = re.compile(
    rb"\)\s{0,28}+,\s{0,28}+(?=(?i:ROW ?+)?+\()|\n[ \t]{0,28}+(?=\()|(?i:VALUES)\s{0,28}+(?=(?i:ROW ?+)?+\()"
    rb"|(?i:UNION)\s{1,28}+(?=(?i:ALL|SELECT)\s)"
)
MAX_CUT_BYTES = _WINDOW_BYTES = 64 << 10
"""Maximum length of damaged text that is split into rows in one step."""


class RowCounter:
    """Finder of the starts of further rows in a statement."""

    def __init__(self) -> None:
        self._depth = 0
        self._level = 0  # depth of the tuples
        self._closed = False  # behind a tuple
        self._comma = False  # behind a tuple and a comma

    def begins_row(self, token: Token) -> bool:
        """Return whether the next token starts a further row."""
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
    """Return the apparent starts of further rows in damaged text."""
    return [edge.end() for edge in _EDGE.finditer(data, start, stop)]


def edges_that_begin(data: bytes, start: int, before: int, stop: int) -> tuple[list[int], int]:
    """Return (apparent starts of further rows, end of the text searched).

    Args:
        data: the block.
        start: start of the text.
        before: end of the places at which the text before a row may start.
        stop: end of the text.
    """
    places = list[int]()
    for edge in _EDGE.finditer(data, start, min(stop, before + LOOK_AHEAD_BYTES)):
        if edge.start() >= before:
            break
        places.append(edge.end())
    return places, max(before, places[-1]) if places else before


class Stretch:
    """Damaged text of a known minimum length."""

    def __init__(self, size: int, head: int = 0, *, to_line_end: bool = False) -> None:
        """Initialise at the start of the text.

        Args:
            size: minimum length in bytes.
            head: length of the text before the first row.
            to_line_end: whether the text extends to the end of the line.
        """
        self._left = size
        self._head = head
        self._to_line_end = to_line_end
        self._is_fresh = True  # the first row starts at its start

    def step(self, data: bytes, at: int, *, final: bool) -> tuple[list[int], int, bool]:
        """Return (apparent starts of rows, end of the text searched, whether it is the end of the stretch).

        Raises:
            IncompleteError: more has to be read.
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
