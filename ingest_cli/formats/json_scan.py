"""What of a JSON document can be told from its bytes alone: where strings, brackets and whole values end.

Nothing here checks more of JSON than that. It tells where a value ends that is broken, and whether a value has
rows inside; what a value is, only the parser of `json_values` says.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left
from enum import Enum, auto
from functools import cached_property
from itertools import accumulate

from ingest_cli.formats.interface import MAX_CHUNK_ROWS
from ingest_cli.formats.json_cells import REPEATED_HEADER, Cells
from ingest_cli.formats.json_values import (
    BROKEN_JSON,
    DECODER,
    MAX_VALUES,
    NOT_AN_OBJECT,
    Row,
    count_separators,
    parse_document,
)
from ingest_cli.formats.record_stream import MAX_RECORD_BYTES
from ingest_cli.model.chunks import is_utf8

BLANKS = re.compile(rb"[ \t\r\n]*+")  # RFC 8259 §2
STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
STRING_BODY = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
BRACKET = re.compile(rb'[{}\[\]"]')
ARRAY_OF_OBJECTS = re.compile(rb"\[(?:[ \t\r\n]|\[)*+\{")
ARRAY_OF_ARRAYS = re.compile(rb"\[[ \t\r\n]*+\[")
QUOTE = ord('"')
CLOSING = {ord("}"): ord("{"), ord("]"): ord("[")}

_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[{}\[\]"]', re.DOTALL)
_LINE_END = re.compile(rb"[\r\n]")
_SLAB_BYTES = MAX_VALUES >> 2  # as much cannot hold too many values
_BRACE, _BRACKET = ord("{"), ord("[")
_MAX_NOTED = 1_000_000  # objects and arrays left open within one another, 16 bytes each
_ARRAYS = re.compile(rb"\[(?:[ \t\r\n]|\[)*+")
_ARRAY = re.compile(rb"\[[ \t\r\n]*+")


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
        headers: those of them that repeat the names of the columns.
        cells: takes the rows.
        undecodable: those of the rows with bytes that are not UTF-8.
        brackets: tells where objects are closed.
        waiting: whether the walk cannot go on without more bytes.
        is_damaged: whether something in it could not be parsed where it stood.
    """

    def __init__(self, data: bytes, cells: Cells, brackets: Brackets, *, final: bool) -> None:
        self.data = data
        self.final = final
        self.cells = cells
        self.begins = list[int]()
        self.index = list[int]()
        self.rejected = list[tuple[int, str]]()
        self.headers = list[int]()
        self.undecodable = list[int]()
        self.waiting = False
        self.is_damaged = False
        self.brackets = brackets
        self._is_ascii = data.isascii()
        self._text = data.decode("latin-1")  # one character for each byte, so that places are the same in both

    @property
    def full(self) -> bool:
        """Whether a chunk has as many rows as it may, but for one that the end of the stream may add."""
        return len(self.begins) >= MAX_CHUNK_ROWS - 1

    def add(self, at: int, end: int, found: Row | str, key: str = "") -> None:
        """Add the record from `at` to `end`: a row and its key, if it has one, or the reason why it is none."""
        reason = found if isinstance(found, str) else self.cells.add(found, key)
        if reason is None:
            if not self._is_ascii and not is_utf8(self.data[at : min(end, self.limit(at))]):
                self.undecodable.append(len(self.begins))
            self.index.append(len(self.begins))
        elif reason == REPEATED_HEADER:
            self.headers.append(len(self.begins))
        else:
            self.rejected.append((len(self.begins), reason))
        self.begins.append(at)

    def add_scalar(self, at: int, end: int, raw: bytes, key: str = "") -> None:  # noqa: ARG002 - a value may have one
        """Add the record from `at` to `end`, which is neither an object nor an array but `raw`."""
        self.add(at, end, scalar(raw))

    def opened(self, name: str, *, is_object: bool) -> None:
        """Take note that what holds the rows begins: an object or array, and the name it has."""

    def take_plain(self, at: int, *, is_object: bool) -> int:  # noqa: ARG002 - of a block of values
        """Add the values from the comma at `at` on that are plain, if rows are values; where the first other one is."""
        return at

    def closed(self) -> None:
        """Take note that it ends."""

    def misplaced(self, at: int) -> None:
        """Add what stands at `at` and should not."""
        self.add(at, at + 1, BROKEN_JSON)

    def in_sight(self, at: int, size: int | None = None) -> bool:
        """Whether as much as may be looked at is there of what begins at `at`, and if not: wait for it.

        Args:
            at: where it begins.
            size: how many bytes may be looked at; None: those that a record may have.
        """
        if self.final or len(self.data) - at > (MAX_RECORD_BYTES if size is None else size):
            return True
        self.waiting = True
        return False

    def limit(self, at: int) -> int:
        """How far what begins at `at` may be looked at."""
        return min(len(self.data), at + MAX_RECORD_BYTES)

    def decode(self, at: int) -> tuple[Row, int] | None:
        """The object or array that begins at `at` and where it ends; None if there is no whole and sound one."""
        if self.is_damaged:  # a second failure would count the lines before it a second time
            return None
        if self._may_be_crowded(at):
            return self._decode_small(at)
        try:
            value, end = DECODER.raw_decode(self._text, at)
        except (ValueError, RecursionError):
            self.is_damaged = True
            return None
        if end - at > MAX_RECORD_BYTES:
            return None
        if not self._is_ascii and not (raw := self.data[at:end]).isascii():
            value = parse_document(raw)
        return (value, end) if isinstance(value, dict | list) else None

    def _decode_small(self, at: int) -> tuple[Row, int] | None:
        """`decode` for an object or array of no more than a slab; None if it is longer."""
        try:
            value, size = DECODER.raw_decode(self._text[at : at + _SLAB_BYTES])
        except (ValueError, RecursionError):
            return None
        if not self._is_ascii:
            value = parse_document(self.data[at : at + size])
        return (value, at + size) if isinstance(value, dict | list) else None

    def _may_be_crowded(self, at: int) -> bool:
        """Whether decoding at `at` may make more values than a row may have."""
        if len(self.data) - at <= MAX_VALUES:
            return False
        first, last = at // _SLAB_BYTES, len(self.data) // _SLAB_BYTES + 1
        return self._separators[last] - self._separators[first] >= MAX_VALUES

    @cached_property
    def _separators(self) -> list[int]:
        """For each slab, how many separators stand in those before it."""
        starts = range(0, len(self.data) + 1, _SLAB_BYTES)
        return [0, *accumulate(count_separators(self.data, start, start + _SLAB_BYTES) for start in starts)]


class Brackets:
    """Where the objects and arrays of a stream are closed.

    Where each row is left open, all of them end alike. That is found out once, not once for each of them, nor
    for each block that such rows are read in; so this outlives a block, and places are offsets of the stream.
    """

    def __init__(self) -> None:
        """Begin with nothing known."""
        self._data = b""
        self._start = 0
        self._open = self._searched = array("q")
        self._end = 0  # how far was looked
        self._damage: int | None = None  # where it was found

    def enter(self, data: bytes, start: int) -> None:
        """Go on to the block of `data` that begins at `start` of the stream."""
        self._data, self._start = data, start

    def find_end(self, at: int, limit: int) -> int | Ending:
        """Where the object or array that begins at `at` of the block is closed.

        Args:
            at: where it begins.
            limit: how far to look.

        Returns:
            Just behind its last bracket. `DAMAGED` if a string in it goes over a line end, which JSON forbids (RFC
            8259 §7), or if its brackets do not match; `OPEN` if it is not closed before `limit`.
        """
        is_known = self._damage is not None or limit + self._start <= self._end
        if not (is_known and self._is_in(self._open, at)):
            end = self._look(at)
            if end is not None:
                return end if end <= limit else Ending.OPEN
        is_damaged = self._damage is not None and self._damage < limit + self._start
        return Ending.DAMAGED if is_damaged else Ending.OPEN

    def note_searched(self) -> None:
        """Note that there are no rows in the object that was left open, and so in none of those in it."""
        self._searched = self._open

    def is_searched(self, at: int) -> bool:
        """Whether that is known of the object at `at` of the block."""
        return self._is_in(self._searched, at)

    def _is_in(self, places: array[int], at: int) -> bool:
        found = bisect_left(places, at + self._start)
        return found < len(places) and places[found] == at + self._start

    def _look(self, at: int) -> int | None:
        """Where the object at `at` is closed; None, and what is open and damaged noted, if it is not."""
        data, start = self._data, self._start
        damage: int | None = None
        kinds, places = bytearray(), array("q")  # the latter: of what is still open
        for token in _TOKEN.finditer(data, at):
            first = data[token.start()]
            if first == QUOTE:
                is_open = token.end() == token.start() + 1
                line_end = _LINE_END.search(data, token.start(), len(data) if is_open else token.end())
                if line_end:
                    damage = line_end.start() + start
                if line_end or is_open:
                    break
            elif first not in CLOSING:
                if len(kinds) < _MAX_NOTED:
                    places.append(token.start() + start)
                kinds.append(first)
            elif kinds.pop() != CLOSING[first]:
                damage = token.start() + start
                break
            elif not kinds:
                return token.end()
            elif len(kinds) < len(places):
                places.pop()
        self._open, self._end, self._damage = places, len(data) + start, damage
        return None


def find_array(block: Block, at: int, limit: int, *, of_arrays: bool = False) -> tuple[int, int] | None:
    """Where the first array of rows in the object at `at` begins, and how much is open around it, if there is one.

    The block waits if that cannot be told yet of an array.
    """
    depth = 0
    for token in _TOKEN.finditer(block.data, at, limit):
        if token[0] == b"[":
            holds = holds_rows(block, token.start(), of_arrays=of_arrays)
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


def holds_rows(block: Block, at: int, *, of_arrays: bool = False) -> bool | None:
    """Whether the array at `at` begins with a row; None if that is not there yet.

    Args:
        block: where it is.
        at: where it begins.
        of_arrays: whether rows are arrays. Else they are objects, which may be in arrays inside of the array.
    """
    end = end_of(_ARRAY if of_arrays else _ARRAYS, block.data, at)
    if end < len(block.data):
        return block.data[end] == (_BRACKET if of_arrays else _BRACE)
    return False if block.in_sight(at) else None


def scalar(raw: bytes) -> str:
    """Why something that is no object is no row."""
    return BROKEN_JSON if parse_document(raw) == BROKEN_JSON else NOT_AN_OBJECT


def end_of(pattern: re.Pattern[bytes], data: bytes, at: int, limit: int | None = None) -> int:
    """Where a match of `pattern` at `at` ends; `at` if there is none."""
    found = pattern.match(data, at, len(data) if limit is None else limit)
    return found.end() if found else at
