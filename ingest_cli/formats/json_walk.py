"""Finding the rows of a JSON document in a stream, with no more of it in memory than one row.

The walker goes through a stream block by block and remembers where it is: outside of the rows, with so many
objects and arrays open; inside of the rows; or inside of something that is passed over. Rows are objects in an
array, or in arrays inside of that. Which array it is, is told by a path, or by being the first one that holds
objects. What stands around the rows is looked at no closer than finding them takes; the rows, and the commas
between them, are read strictly.

A row that is broken is given up alone if it can be told where the next one begins: where its brackets are all
closed, unless a string in it was plainly never closed; else at the next `},` that is followed by the name that
the broken row begins with. If neither can be found, what is left of the stream is one broken row.
"""

from __future__ import annotations

import re
from enum import Enum, auto

from ingest_cli.formats.blocks import MAX_RECORD_BYTES
from ingest_cli.formats.interface import MAX_CHUNK_ROWS
from ingest_cli.formats.json_paths import BROKEN_JSON, DECODER, NOT_AN_OBJECT, Cells, parse_document

TOO_LONG = "record_too_long"
NO_ROWS = "no_rows"

_WS = rb"[ \t\r\n]*+"  # RFC 8259 §2
_BLANK = re.compile(_WS)
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_STRING_BODY = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[{}\[\]"]', re.DOTALL)
_BRACKET = re.compile(rb'[{}\[\]"]')
_SCALAR = re.compile(rb'[^\s,\[\]{"]++')
_OUTSIDE_SCALAR = re.compile(rb'[^\s,:\[\]{}"]++')
_JUNK = re.compile(rb"[^{\[]++")
_ARRAYS = re.compile(rb"\[(?:[ \t\r\n]|\[)*+")
_NEXT_OBJECT = re.compile(rb"[ \t\r\n]*+,[ \t\r\n]*+(?=\{)")
_HEAD = re.compile(rb'\{[ \t\r\n]*+"[^"\\\r\n]*+"[ \t\r\n]*+:')
_LINE_WITH_OBJECT = re.compile(rb"[\r\n](?=\{)")
_CLOSING = {ord("}"): ord("{"), ord("]"): ord("[")}
_ARRAY = None  # in the place of a key


class Ending(Enum):
    """How looking for the end of a value turned out, where it was not found."""

    OPEN = auto()
    DAMAGED = auto()


class _Mode(Enum):
    OUTSIDE = auto()
    ROWS = auto()
    SKIPPING = auto()
    LOST = auto()


class _Expect(Enum):
    FIRST = auto()
    ELEMENT = auto()
    SEPARATOR = auto()


class Block:
    """A block of a stream, and the records found in it.

    Attributes:
        data: the bytes.
        final: whether the stream ends with them.
        begins: where each record begins; a record reaches to the next one, or to where the walk stopped.
        index: which of the records are rows.
        rejected: (record, reason) of those that are not.
        cells: takes the rows.
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
        self.waiting = False
        self.is_damaged = False
        self._is_ascii = data.isascii()
        self._text = data.decode("latin-1")  # one character for each byte, so that places are the same in both

    @property
    def full(self) -> bool:
        """Whether a chunk has as many rows as it may, but for one that the end of the stream may add."""
        return len(self.begins) >= MAX_CHUNK_ROWS - 1

    def add(self, at: int, found: dict[str, object] | str) -> None:
        """Add the record that begins at `at`: a row, or the reason why it is none."""
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


class Walker:
    """Knows where in a document a stream has come to."""

    def __init__(self, path: tuple[str, ...] | None) -> None:
        """Begin at the beginning of a stream.

        Args:
            path: names that lead to the array of rows; none of them: objects outside of everything are rows as
                well; None: the first array of objects in each document is taken, and a document without one is a
                row itself.
        """
        self._path = path
        self._mode = _Mode.OUTSIDE
        self._resume = _Mode.OUTSIDE
        self._expect = _Expect.FIRST
        self._open: list[str | None] = []  # outside of the rows: the key that an object is at, or _ARRAY
        self._string = ""  # the last one seen there
        self._found = False
        self._arrays = 0
        self._depth = 0
        self._in_string = False

    def walk(self, block: Block) -> int:
        """Find the records of `block`, which begins where the last walk stopped; returns where this one does."""
        steps = {
            _Mode.OUTSIDE: self._outside,
            _Mode.ROWS: self._rows,
            _Mode.SKIPPING: self._skip,
            _Mode.LOST: lambda block, _: len(block.data),
        }
        at = 0
        while at < len(block.data) and not block.waiting and not block.full:
            at = steps[self._mode](block, at)
        if block.final and at == len(block.data):
            mode = self._resume if self._mode is _Mode.SKIPPING and self._depth == 0 else self._mode
            if mode is _Mode.ROWS or (mode is _Mode.OUTSIDE and self._open):
                block.add(at, BROKEN_JSON)  # the document is cut off
        return at

    def _rows(self, block: Block, at: int) -> int:
        """Go on inside of the rows."""
        data = block.data
        while not block.full:
            if self._expect is _Expect.SEPARATOR and (found := _NEXT_OBJECT.match(data, at)):
                self._expect = _Expect.ELEMENT
                at = found.end()
            else:
                at = _end_of(_BLANK, data, at)
            character = data[at : at + 1]
            if character == b"]":
                if self._expect is _Expect.ELEMENT:
                    block.add(at, BROKEN_JSON)  # there is nothing behind the last comma
                self._arrays -= 1
                self._expect = _Expect.SEPARATOR
                at += 1
                if not self._arrays:
                    self._mode = _Mode.OUTSIDE
                    self._found = bool(self._open)
                    return at
            elif character == b",":
                if self._expect is not _Expect.SEPARATOR:
                    block.add(at, BROKEN_JSON)  # there is nothing before it
                self._expect = _Expect.ELEMENT
                at += 1
            elif character == b"[":
                if self._expect is _Expect.SEPARATOR:
                    block.add(at, BROKEN_JSON)
                self._arrays += 1
                self._expect = _Expect.FIRST
                at += 1
            elif not character:
                return at
            else:
                end, found_there = self._element(block, at)
                if found_there is None:
                    return end
                block.add(at, BROKEN_JSON if self._expect is _Expect.SEPARATOR else found_there)
                self._expect = _Expect.SEPARATOR
                at = end
                if self._mode is not _Mode.ROWS:
                    return at
        return at

    def _element(self, block: Block, at: int) -> tuple[int, dict[str, object] | str | None]:
        """Where the element at `at` ends, and what it is; None if it is not all there yet."""
        data = block.data
        if data[at] == ord("{"):
            decoded = block.decode(at)
            return (decoded[1], decoded[0]) if decoded else self._doubtful(block, at)
        is_string = data[at] == ord('"')
        found = (_STRING if is_string else _SCALAR).match(data, at, block.limit(at))
        if found and (is_string or found.end() < len(data) or block.in_sight(at)):
            return found.end(), _scalar(found[0])
        if found or not block.in_sight(at):
            return at, None
        return self._pass_over(block, at, Ending.OPEN)

    def _doubtful(self, block: Block, at: int) -> tuple[int, dict[str, object] | str | None]:
        """`_element` for an object that is broken, or too long, or not all there."""
        data, limit = block.data, block.limit(at)
        head = _HEAD.match(data, at, limit)
        end = find_end(data, at, limit, head[0] if head else None)
        if isinstance(end, int):
            return end, parse_document(data[at:end])
        again = head and re.compile(rb"\}(?=" + _WS + rb"," + _WS + re.escape(head[0]) + rb")").search(data, at, limit)
        if again and (end is Ending.DAMAGED or block.in_sight(at)):
            return again.end(), BROKEN_JSON
        return self._pass_over(block, at, end) if block.in_sight(at) else (at, None)

    def _pass_over(self, block: Block, at: int, end: Ending) -> tuple[int, str]:
        """Give up what begins at `at`: up to where it is closed, if it is just too long, or else all that is left."""
        if end is Ending.DAMAGED or len(block.data) - at <= MAX_RECORD_BYTES:
            self._mode = _Mode.LOST
            return len(block.data), BROKEN_JSON
        self._resume, self._mode = self._mode, _Mode.SKIPPING
        self._depth, self._in_string = 1, block.data[at] == ord('"')
        if self._in_string:
            self._depth = 0
        return at + 1, TOO_LONG

    def _skip(self, block: Block, at: int) -> int:
        """Go on inside of a value that is passed over, however long it is."""
        data = block.data
        while at < len(data):
            if self._in_string:
                at = _end_of(_STRING_BODY, data, at)
                if data[at : at + 1] == b"\\":  # what it escapes is not there yet
                    block.waiting = not block.final
                    return len(data) if block.final else at
                if at == len(data):
                    return at
                self._in_string = False
                at += 1
            else:
                found = _BRACKET.search(data, at)
                if not found:
                    return len(data)
                at = found.end()
                self._in_string = found[0] == b'"'
                self._depth += 1 if found[0] in b"{[" else 0 if self._in_string else -1
            if not self._in_string and not self._depth:
                self._mode = self._resume
                return at
        return at

    def _outside(self, block: Block, at: int) -> int:
        """Take one step outside of the rows."""
        data = block.data
        at = _end_of(_BLANK, data, at)
        if at == len(data):
            return at
        character = data[at]
        if character == ord("["):
            return self._array(block, at)
        if not self._open:
            return self._document(block, at)
        if character == ord("{"):
            self._open.append("")
        elif character in _CLOSING:
            self._open.pop()
            if not self._open:
                if not self._found:
                    block.add(at, TOO_LONG if self._path is None else NO_ROWS)
                self._found = False
        elif character == ord('"'):
            return self._outside_string(block, at)
        elif character == ord(":"):
            if self._open[-1] is not _ARRAY:
                self._open[-1] = self._string
        elif character != ord(","):
            return _end_of(_OUTSIDE_SCALAR, data, at)
        return at + 1

    def _outside_string(self, block: Block, at: int) -> int:
        found = _STRING.match(block.data, at, block.limit(at))
        if found:
            try:
                self._string = str(DECODER.decode(found[0].decode("utf-8", "surrogateescape")))
            except ValueError:
                self._string = ""
            return found.end()
        if block.in_sight(at):
            self._resume, self._mode = self._mode, _Mode.SKIPPING
            self._depth, self._in_string, self._string = 0, True, ""
            return at + 1
        return at

    def _array(self, block: Block, at: int) -> int:
        """Enter an array outside of the rows: the rows themselves, or not."""
        if self._path is None and self._open and not self._found:
            holds = _holds_objects(block, at)
        elif self._path is None or not self._path:
            holds = not self._open
        else:
            holds = tuple(key for key in self._open if key is not _ARRAY) == self._path
        if holds is None:
            return at
        if holds:
            self._enter_rows()
        else:
            self._open.append(_ARRAY)
        return at + 1

    def _enter_rows(self) -> None:
        self._mode, self._expect, self._arrays = _Mode.ROWS, _Expect.FIRST, 1

    def _document(self, block: Block, at: int) -> int:
        """Begin with a document that is no array."""
        data = block.data
        if data[at] != ord("{"):
            found = _end_of(_JUNK, data, at, block.limit(at))
            if found == len(data) and not block.in_sight(at):
                return at
            block.add(at, _scalar(data[at:found]))
            return found
        if self._path:
            self._open.append("")
            return at + 1
        decoded = block.decode(at)
        if decoded and (self._path is not None or not _has_rows(decoded[0])):
            block.add(at, decoded[0])
            return decoded[1]
        return self._doubtful_document(block, at)

    def _doubtful_document(self, block: Block, at: int) -> int:
        """`_document` for an object that has rows in it, or is broken, or too long, or not all there."""
        data, limit = block.data, block.limit(at)
        opened = self._find_array(block, at, limit) if self._path is None else None
        if opened is not None:
            self._open = [""] * opened[1]
            return opened[0] if not block.waiting else at
        if block.waiting:
            self._open = []
            return at
        end = find_end(data, at, limit, None)
        if end is Ending.DAMAGED and (again := _LINE_WITH_OBJECT.search(data, at, limit)):
            block.add(at, BROKEN_JSON)
            return again.end()
        if isinstance(end, int):
            block.add(at, parse_document(data[at:end]))
            return end
        if not block.in_sight(at):
            return at
        if block.final and len(data) == limit:
            block.add(at, BROKEN_JSON)
            self._mode = _Mode.LOST
            return len(data)
        self._open.append("")  # a large document: its rows may be further on
        return at + 1
