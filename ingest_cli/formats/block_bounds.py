"""Find the start of each block of a text: at separators, or after blank lines.

A block ends where the next one begins, so that a separator between two belongs to the first. Only the first
`LOOKAHEAD_BYTES` of a line are used to classify it, whatever its length.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

LOOKAHEAD_BYTES = 4096
"""Number of bytes that suffice to classify a line."""

MAX_KEY_BYTES = 255

LINE_END = rb"(?>\r\n|[\r\n])"
_LAST_OF_END = rb"[\r\n](?!(?<=\r)\n)"  # begins with a class of bytes, which makes the search fast
BLANK_LINE = rb"(?>[ \t]{0,512}" + LINE_END + rb")"
RULE_LINE = (
    rb"(?>[ \t]{0,64}(?:={3,1000}|\*{3,1000}|_{3,1000}|#{3,1000}|~{3,1000}|-[-+]{2,1000}"
    rb"|(?:\xe2[\x94\x95][\x80-\xbf]){3,300})[ \t]{0,64}" + LINE_END + rb")"
)
"""Line of dashes or similar characters, which separates the lines before and after it."""

ROW_OF_MYSQL = rb"\*{3,200} [0-9]{1,12}\. row \*{3,200}"
RECORD_OF_PSQL = rb"(?:[-+*=]|\xe2[\x94\x95][\x80-\xbf]){0,3}\[ RECORD [0-9]{1,12} \]"
VCARD = rb"(?i:BEGIN:VCARD)(?![A-Za-z0-9_])"
_BEGINNING = rb"[ \t]{0,64}(?:" + ROW_OF_MYSQL + rb"|" + RECORD_OF_PSQL + rb"|" + VCARD + rb")"

_WORTH_A_LOOK = rb"(?=[ \t\r\n=*_#~+\[\xe2Bb-])"  # first bytes of blank lines, rules and beginnings

_CONTENT = re.compile(rb"[^ \t\r\n]")
_ENDS = re.compile(rb"[\r\n]")


def delimiter_bytes(delimiter: str) -> bytes:
    """Return the delimiter between key and value without surrounding blanks."""
    return (delimiter.strip(" ") or delimiter).encode("utf-8", "surrogatepass")


def key_pattern(delimiter: bytes) -> bytes:
    """Return a pattern of one byte of a key."""
    others = rb"\r\n" if b";" in delimiter else rb"\r\n;"
    if len(delimiter) == 1:
        return b"[^" + others + re.escape(delimiter) + b"]"
    return b"(?:(?!" + re.escape(delimiter) + b")[^" + others + b"])"


def behind_key_pattern(delimiter: bytes) -> bytes:
    """Return a pattern of what follows a key: blanks, and the delimiter or a `;` before parameters."""
    semicolon = b"" if b";" in delimiter else b";|"
    address = rb"(?!//)" if delimiter == b":" else b""
    return rb"[ \t]{0,64}(?:" + semicolon + re.escape(delimiter) + address + rb")"


class Within(NamedTuple):
    """State within a block whose beginning has been consumed.

    Attributes:
        first_key: key that begins another block when it recurs; empty for none.
        in_line: whether the data starts within a line.
    """

    first_key: bytes
    in_line: bool


class Boundaries:
    """Finder of block starts."""

    def __init__(self, separator: str | None, delimiter: bytes) -> None:
        """Compile the patterns.

        Args:
            separator: beginning of a line that begins a block; a line of punctuation only, such as `===`, is between
                two blocks. Empty: only blank lines separate blocks. None: so do lines of `===` and the like, the
                headings that databases and address books write, and a recurrence of the first key of a block.
            delimiter: bytes after a key.
        """
        self._delimiter = delimiter
        self.begins: re.Pattern[bytes] | None = None
        self._by_first_key = separator is None
        if not separator:
            lines = BLANK_LINE + b"|" + RULE_LINE if separator is None else BLANK_LINE
            beginning = rb"|(?=" + _BEGINNING + rb")" if separator is None else b""
            self._boundary = re.compile(_LAST_OF_END + _WORTH_A_LOOK + rb"(?:(?>" + lines + rb")++" + beginning + rb")")
            return
        text = separator.encode("utf-8", "surrogatepass")
        line = _line_beginning_with(text)
        if re.search(rb"[^!-/:-@\[-`{-~ \t]", text):
            self.begins = re.compile(line)
            self._boundary = re.compile(_LAST_OF_END + rb"(?=" + line + rb")")
            return
        rule = rb"(?>" + line + rb"[!-/:-@\[-`{-~ \t]{0,1000}" + LINE_END + rb")"
        rules = rb"(?>" + rule + rb"(?>" + BLANK_LINE + rb"|" + rule + rb")*+)"
        self._boundary = re.compile(_LAST_OF_END + rb"(?:" + rules + rb"|(?=" + line + rb"))")

    def find(self, data: bytes, *, final: bool, most: int, within: Within | None = None) -> list[int]:
        """Return the start of each block that ends in `data`, and the end of the last one; [0] if none ends.

        `data` begins with a block, or `within` one of this state; if `final`, the stream ends with it. `most` is the
        maximum number of blocks.
        """
        known = len(data) - 1 if final else _last_known(data)
        found = [0]
        lead = b"x" if within and within.in_line else b"\n"
        for match in self._boundary.finditer(lead + data):
            at = match.end() - 1
            if at > known or len(found) > most:
                break
            if at <= found[-1]:
                continue
            if len(found) == 1 and within is None and not _CONTENT.search(data, 0, max(match.start() - 1, 0)):
                continue
            self._split(data, found, at, within, closed=True)
            found.append(at)
        if len(found) <= most:
            self._split(data, found, known + 1, within, closed=False)
            if final and len(data) > found[-1]:
                found.append(len(data))
        return found[: most + 1]

    def first_key(self, data: bytes) -> bytes:
        """Return the key of the block at the start of `data` that begins another one when it recurs; empty for none."""
        found = self._first_key(data, 0, len(data))
        return found[0] if found else b""

    def _first_key(self, data: bytes, begin: int, end: int) -> tuple[bytes, int] | None:
        """Return that key and the start of its line; `end` is the end of the block, as far as known."""
        if not self._by_first_key or _BEGINS_AT.match(data, begin):
            return None
        found = _keys(self._delimiter).search(b"\n" + data[begin : min(begin + 2 * LOOKAHEAD_BYTES, end)])
        return (found[1].rstrip(b" \t"), begin + found.start()) if found else None

    def _split(self, data: bytes, found: list[int], end: int, within: Within | None, *, closed: bool) -> None:
        """Append to `found` the blocks before `end` that begin with the first key of the last block found.

        If the block is not `closed`, `end` is only the place up to which lines are known.
        """
        if not self._by_first_key or end <= found[-1]:
            return
        if within is not None and len(found) == 1:
            key, begin = within.first_key, 0
            before = 0 if key and _lines_with(key, self._delimiter).match(b"\n" + data[:LOOKAHEAD_BYTES]) else -1
        else:
            key, begin = self._first_key(data, found[-1], end if closed else len(data)) or (b"", 0)
            before = begin
        if not key or begin >= end:
            return
        for again in _lines_with(key, self._delimiter).finditer(data, begin, end + LOOKAHEAD_BYTES):
            at = again.start() + 1
            if at >= end:
                break
            if before < 0 or _next_line(data, before) != at:
                found.append(at)
            before = at


_BEGINS_AT = re.compile(rb"(?>" + BLANK_LINE + rb"|" + RULE_LINE + rb")*+" + _BEGINNING)


def _line_beginning_with(text: bytes) -> bytes:
    """Return a pattern of a line that begins with `text`; folded lines of cards and LDIF do not match."""
    folds = re.match(rb"(?i:begin:|dn:|dn$)", text)
    whole = rb"(?![A-Za-z0-9_])" if re.search(rb"[A-Za-z0-9_]\Z", text) else b""
    return (b"" if folds else rb"[ \t]{0,64}") + rb"(?i:" + re.escape(text) + rb")" + whole


@lru_cache(maxsize=8)
def _keys(delimiter: bytes) -> re.Pattern[bytes]:
    """Return a pattern of a line with a key."""
    key = rb"(" + key_pattern(delimiter) + rb"{1,%d}?)" % MAX_KEY_BYTES
    return re.compile(rb"[\r\n][ \t]{0,256}(?![ \t])" + key + behind_key_pattern(delimiter))


@lru_cache(maxsize=64)
def _lines_with(key: bytes, delimiter: bytes) -> re.Pattern[bytes]:
    """Return a pattern of a line with this key."""
    return re.compile(rb"[\r\n][ \t]{0,256}(?i:" + re.escape(key) + rb")" + behind_key_pattern(delimiter))


def _next_line(data: bytes, at: int) -> int:
    """Return the start of the line after the one at `at`."""
    end = _ENDS.search(data, at)
    if end is None:
        return len(data)
    return end.end() + (data[end.start() : end.start() + 2] == b"\r\n")


def last_line(data: bytes) -> int:
    """Return the start of the unfinished last line; a CR at the very end may be half of a line end."""
    size = len(data) - data.endswith(b"\r")
    return max(data.rfind(b"\n", 0, size), data.rfind(b"\r", 0, size)) + 1


def _last_known(data: bytes) -> int:
    """Return the last place where a line begins of which enough is known."""
    at = last_line(data)
    return at if len(data) - at >= LOOKAHEAD_BYTES else at - 1
