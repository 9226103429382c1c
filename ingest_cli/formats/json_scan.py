"""Find the ends of strings, brackets and values in the bytes of a JSON document.

This module finds the end of a broken value and whether a value contains rows. Only the parser of `json_values` decides
what a value is.
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
_SLAB_BYTES = MAX_VALUES >> 2  # cannot contain more than `MAX_VALUES` values
_BRACE, _BRACKET = ord("{"), ord("[")
_MAX_NOTED = 1_000_000  # open objects and arrays, 16 bytes each
_ARRAYS = re.compile(rb"\[(?:[ \t\r\n]|\[)*+")
_ARRAY = re.compile(rb"\[[ \t\r\n]*+")


class Ending(Enum):
    """Reason why the end of a value was not found."""

    OPEN = auto()
    DAMAGED = auto()


class Block:
    """Block of a stream, and the records found in it.

    Attributes:
        data: the bytes.
        final: whether the stream ends with them.
        begins: start of each record; a record extends to the next one, or to the end of the walk.
        index: records that are rows.
        rejected: (record, reason) of rejected records.
        headers: records that repeat the names of the columns.
        cells: cells of the rows.
        undecodable: records with bytes that are not UTF-8.
        brackets: finds the ends of objects.
        waiting: whether the walk needs more bytes.
        is_damaged: whether a value could not be parsed.
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
        self._text = data.decode("latin-1")  # one character per byte, so that offsets are the same in both

    @property
    def full(self) -> bool:
        """Whether the chunk has the maximum number of rows, less one that the end of the stream may add."""
        return len(self.begins) >= MAX_CHUNK_ROWS - 1

    def add(self, at: int, end: int, found: Row | str, key: str = "") -> None:
        """Add the record from `at` to `end`: a row and its key, or the reason of its rejection."""
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
        """Add the record from `at` to `end`, whose value `raw` is neither object nor array."""
        self.add(at, end, scalar(raw))

    def opened(self, name: str, *, is_object: bool) -> None:
        """Note the start of a container of rows, and its name."""

    def take_plain(self, at: int, *, is_object: bool) -> int:  # noqa: ARG002 - of a block of values
        """Add the plain values from the comma at `at` on, if rows are values; return the end of the last."""
        return at

    def closed(self) -> None:
        """Note the end of the container."""

    def misplaced(self, at: int) -> None:
        """Add a separator that is not allowed at `at`."""
        self.add(at, at + 1, BROKEN_JSON)

    def in_sight(self, at: int, size: int | None = None) -> bool:
        """Return whether the block has `size` bytes from `at` on; if not, set `waiting`.

        Args:
            at: start.
            size: number of bytes; None: the maximum length of a record.
        """
        if self.final or len(self.data) - at > (MAX_RECORD_BYTES if size is None else size):
            return True
        self.waiting = True
        return False

    def limit(self, at: int) -> int:
        """Return the end of the longest record that may start at `at`."""
        return min(len(self.data), at + MAX_RECORD_BYTES)

    def decode(self, at: int) -> tuple[Row, int] | None:
        """Return (value, end) of the object or array at `at`; None if it is broken or incomplete."""
        if self.is_damaged:  # the decoder counts all lines before an error, again for each error
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
        """Apply `decode` to an object or array of at most one slab; None if it is longer."""
        try:
            value, size = DECODER.raw_decode(self._text[at : at + _SLAB_BYTES])
        except (ValueError, RecursionError):
            return None
        if not self._is_ascii:
            value = parse_document(self.data[at : at + size])
        return (value, at + size) if isinstance(value, dict | list) else None

    def _may_be_crowded(self, at: int) -> bool:
        """Return whether decoding at `at` may return more than `MAX_VALUES` values."""
        if len(self.data) - at <= MAX_VALUES:
            return False
        first, last = at // _SLAB_BYTES, len(self.data) // _SLAB_BYTES + 1
        return self._separators[last] - self._separators[first] >= MAX_VALUES

    @cached_property
    def _separators(self) -> list[int]:
        """For each slab, the number of separators before it."""
        starts = range(0, len(self.data) + 1, _SLAB_BYTES)
        return [0, *accumulate(count_separators(self.data, start, start + _SLAB_BYTES) for start in starts)]


class Brackets:
    """Ends of the objects and arrays of a stream.

    If every row is left open, all of them have the same end. It is searched for once, not for every row and block, so
    the result is kept between blocks, and places are offsets in the stream.
    """

    def __init__(self) -> None:
        self._data = b""
        self._start = 0
        self._open = self._searched = array("q")
        self._end = 0  # of the text searched
        self._damage: int | None = None

    def enter(self, data: bytes, start: int) -> None:
        """Continue with the block of `data` at `start` of the stream."""
        self._data, self._start = data, start

    def find_end(self, at: int, limit: int) -> int | Ending:
        """Find the end of the object or array at `at` of the block.

        Args:
            at: start.
            limit: end of the text to search.

        Returns:
            Offset behind its last bracket. `DAMAGED` if a string in it contains a line end, which JSON forbids (RFC
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
        """Note that the object left open, and all open objects in it, contain no rows."""
        self._searched = self._open

    def is_searched(self, at: int) -> bool:
        """Return whether `note_searched` applies to the object at `at` of the block."""
        return self._is_in(self._searched, at)

    def _is_in(self, places: array[int], at: int) -> bool:
        found = bisect_left(places, at + self._start)
        return found < len(places) and places[found] == at + self._start

    def _look(self, at: int) -> int | None:
        """Return the end of the object at `at`; None if there is none, after noting open brackets and damage."""
        data, start = self._data, self._start
        damage: int | None = None
        kinds, places = bytearray(), array("q")
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
    """Return (offset behind the bracket, open objects and arrays) of the first array of rows in the object at `at`.

    None if there is none, or if the block has to wait for more bytes.
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
    """Return whether the array at `at` starts with a row; None if more has to be read.

    Args:
        block: block of the array.
        at: start of the array.
        of_arrays: whether rows are arrays. Else they are objects, also in arrays inside the array.
    """
    end = end_of(_ARRAY if of_arrays else _ARRAYS, block.data, at)
    if end < len(block.data):
        return block.data[end] == (_BRACKET if of_arrays else _BRACE)
    return False if block.in_sight(at) else None


def scalar(raw: bytes) -> str:
    """Return the reason why a value that is not an object is rejected."""
    return BROKEN_JSON if parse_document(raw) == BROKEN_JSON else NOT_AN_OBJECT


def end_of(pattern: re.Pattern[bytes], data: bytes, at: int, limit: int | None = None) -> int:
    """Return the end of the match of `pattern` at `at`; `at` if there is none."""
    found = pattern.match(data, at, len(data) if limit is None else limit)
    return found.end() if found else at
