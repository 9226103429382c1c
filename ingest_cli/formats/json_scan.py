"""What of a JSON document can be told from its bytes alone: where strings, brackets and whole values end.

Nothing here checks more of JSON than that. It tells where a value ends that is broken, and whether a value has
rows inside; what a value is, only the parser of `json_paths` says.
"""

from __future__ import annotations

import re
from enum import Enum, auto

from ingest_cli.formats.blocks import MAX_RECORD_BYTES
from ingest_cli.formats.interface import MAX_CHUNK_ROWS
from ingest_cli.formats.json_paths import BROKEN_JSON, DECODER, NOT_AN_OBJECT, Cells, parse_document

BLANKS = re.compile(rb"[ \t\r\n]*+")  # RFC 8259 §2
STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
STRING_BODY = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
BRACKET = re.compile(rb'[{}\[\]"]')
ARRAY_OF_OBJECTS = re.compile(rb"\[(?:[ \t\r\n]|\[)*+\{")
QUOTE = ord('"')
CLOSING = {ord("}"): ord("{"), ord("]"): ord("[")}

_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[{}\[\]"]', re.DOTALL)
_ARRAYS = re.compile(rb"\[(?:[ \t\r\n]|\[)*+")


class Ending(Enum):
    """How looking for the end of a value turned out, where it was not found."""

    OPEN = auto()
    DAMAGED = auto()


class Block:
    """A block of a stream, and the records found in it.

    Attributes:
        data: the bytes.
        final: whether the stream ends with them.
        begins: where each record begins; a record reaches to the next one, or to where the walk stopped.
        index: which of the records are rows.
        rejected: (record, reason) of those that are not.
        cells: takes the rows.
        undecodable: those of the records with bytes that are not UTF-8.
        waiting: whether the walk cannot go on without more bytes.
        is_damaged: whether something in it could not be parsed where it stood.
    """

    def __init__(self, data: bytes, cells: Cells, *, final: bool) -> None:
        self.data = data
        self.final = final
        self.cells = cells
        self.begins = list[int]()
        self.index = list[int]()
        self.rejected = list[tuple[int, str]]()
        self.undecodable = list[int]()
        self.waiting = False
        self.is_damaged = False
        self._is_ascii = data.isascii()
        self._text = data.decode("latin-1")  # one character for each byte, so that places are the same in both

    @property
    def full(self) -> bool:
        """Whether a chunk has as many rows as it may, but for one that the end of the stream may add."""
        return len(self.begins) >= MAX_CHUNK_ROWS - 1

    def add(self, at: int, end: int, found: dict[str, object] | str) -> None:
        """Add the record from `at` to `end`: a row, or the reason why it is none."""
        if not self._is_ascii and not _is_utf8(self.data[at : min(end, self.limit(at))]):
            self.undecodable.append(len(self.begins))
        if isinstance(found, str):
            self.rejected.append((len(self.begins), found))
        else:
            self.index.append(len(self.begins))
            self.cells.add(found)
        self.begins.append(at)

    def in_sight(self, at: int) -> bool:
        """Whether as much as may be looked at is there of what begins at `at`, and if not: wait for it."""
        if self.final or len(self.data) - at > MAX_RECORD_BYTES:
            return True
        self.waiting = True
        return False

    def limit(self, at: int) -> int:
        """How far what begins at `at` may be looked at."""
        return min(len(self.data), at + MAX_RECORD_BYTES)

    def decode(self, at: int) -> tuple[dict[str, object], int] | None:
        """The object that begins at `at` and where it ends; None if there is no whole and sound one."""
        if self.is_damaged:  # a second failure would count the lines before it a second time
            return None
        try:
            value, end = DECODER.raw_decode(self._text, at)
        except (ValueError, RecursionError):
            self.is_damaged = True
            return None
        if end - at > MAX_RECORD_BYTES:
            return None
        if not self._is_ascii and not (raw := self.data[at:end]).isascii():
            value = parse_document(raw)
        return (value, end) if isinstance(value, dict) else None


def find_end(data: bytes, at: int, limit: int, head: bytes | None = None) -> int | Ending:
    """Where the object or array that begins at `at` is closed.

    Args:
        data: the bytes around it.
        at: where it begins.
        limit: how far to look.
        head: what no string in it has inside, because it is how values like this one begin.

    Returns:
        Just behind its last bracket. `DAMAGED` if a string in it goes over a line end, which JSON forbids (RFC
        8259 §7), or has `head` inside, or if its brackets do not match; `OPEN` if it is not closed before `limit`.
    """
    kinds = bytearray()
    for token in _TOKEN.finditer(data, at, limit):
        first = data[token.start()]
        if first == QUOTE:
            is_open = token.end() == token.start() + 1
            text = data[token.start() : limit] if is_open else token[0]
            if b"\n" in text or b"\r" in text or (head and head in text):
                return Ending.DAMAGED
            if is_open:
                return Ending.OPEN
        elif first not in CLOSING:
            kinds.append(first)
        elif kinds.pop() != CLOSING[first]:
            return Ending.DAMAGED
        elif not kinds:
            return token.end()
    return Ending.OPEN


def find_array(block: Block, at: int, limit: int) -> tuple[int, int] | None:
    """Where the first array of objects in the object at `at` begins, and how much is open around it, if there is one.

    The block waits if that cannot be told yet of an array.
    """
    depth = 0
    for token in _TOKEN.finditer(block.data, at, limit):
        if token[0] == b"[":
            holds = holds_objects(block, token.start())
            if holds is None:
                return None
            if holds:
                return token.end(), depth
        if token[0] in (b"{", b"["):
            depth += 1
        elif token[0] in (b"}", b"]"):
            depth -= 1
            if not depth:
                return None
        elif token[0] == b'"' or b"\n" in token[0] or b"\r" in token[0]:
            return None
    return None


def holds_objects(block: Block, at: int) -> bool | None:
    """Whether the array at `at`, or the first array in it, begins with an object; None if that is not there yet."""
    end = end_of(_ARRAYS, block.data, at)
    if end < len(block.data):
        return block.data[end] == ord("{")
    return False if block.in_sight(at) else None


def scalar(raw: bytes) -> str:
    """Why something that is no object is no row."""
    return BROKEN_JSON if parse_document(raw) == BROKEN_JSON else NOT_AN_OBJECT


def end_of(pattern: re.Pattern[bytes], data: bytes, at: int, limit: int | None = None) -> int:
    """Where a match of `pattern` at `at` ends; `at` if there is none."""
    found = pattern.match(data, at, len(data) if limit is None else limit)
    return found.end() if found else at


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
