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

from ingest_cli.formats.json_paths import BROKEN_JSON, DECODER, parse_document
from ingest_cli.formats.json_scan import (
    ARRAY_OF_OBJECTS,
    BLANKS,
    BRACKET,
    CLOSING,
    QUOTE,
    STRING,
    STRING_BODY,
    Block,
    Ending,
    end_of,
    find_array,
    holds_objects,
    scalar,
)
from ingest_cli.formats.record_stream import MAX_RECORD_BYTES

TOO_LONG = "record_too_long"
NO_ROWS = "no_rows"

_SCALAR = re.compile(rb'[^ \t\r\n,\[\]{"]++')
_OUTSIDE_SCALAR = re.compile(rb'[^ \t\r\n,:\[\]{}"]++')
_JUNK = re.compile(rb"[^{\[]++")
_NEXT_OBJECT = re.compile(rb"[ \t\r\n]*+,[ \t\r\n]*+(?=\{)")
_HEAD = re.compile(rb'\{[ \t\r\n]*+"[^"\\\r\n]*+"[ \t\r\n]*+:')
_LINE_WITH_OBJECT = re.compile(rb"[\r\n](?=\{)")

MAX_DEPTH = 1_000
"""More objects and arrays around the rows than this are nobody's data, but what a bomb looks like."""


class _Mode(Enum):
    OUTSIDE = auto()
    ROWS = auto()
    SKIPPING = auto()
    LOST = auto()


class _Expect(Enum):
    FIRST = auto()
    ELEMENT = auto()
    SEPARATOR = auto()


_SEPARATORS = {
    ord("["): (frozenset({_Expect.FIRST, _Expect.ELEMENT}), _Expect.FIRST, +1),
    ord(","): (frozenset({_Expect.SEPARATOR}), _Expect.ELEMENT, 0),
    ord("]"): (frozenset({_Expect.FIRST, _Expect.SEPARATOR}), _Expect.SEPARATOR, -1),
}
"""Where each may stand, what is expected behind it, and how many arrays it opens."""


class Walker:
    """Knows where in a document a stream has come to."""

    def __init__(self, path: tuple[str, ...] | None) -> None:
        """Begin at the beginning of a stream.

        Args:
            path: names that lead to the array of rows; none of them: objects outside of everything are rows as
                well; None: the first array of objects in each document is taken, and a document without one is a
                row itself.
        """
        self._path = None if path is None else list(path)
        self._mode = _Mode.OUTSIDE
        self._resume = _Mode.OUTSIDE
        self._expect = _Expect.FIRST
        self._open: list[bool] = []  # outside of the rows: whether it is an object, for all that is open
        self._keys: list[str] = []  # where each of the objects is at
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
            _Mode.LOST: _to_end,
        }
        at = 0
        while at < len(block.data) and not block.waiting and not block.full:
            at = steps[self._mode](block, at)
        if block.final and at == len(block.data) and self._is_unfinished():
            # The last byte stands for all that is missing: a record of no bytes would be in no span.
            block.add(at - (2 if block.data.endswith(b"\r\n") else 1), 0, BROKEN_JSON)
        return at

    def _is_unfinished(self) -> bool:
        """Whether the document is cut off here, without a broken row that says so."""
        mode = self._mode
        if mode is _Mode.SKIPPING and self._resume is _Mode.OUTSIDE:
            mode = _Mode.OUTSIDE
        return mode is _Mode.ROWS or (mode is _Mode.OUTSIDE and bool(self._open))

    def _rows(self, block: Block, at: int) -> int:
        """Go on inside of the rows."""
        data = block.data
        while not block.full:
            if self._expect is _Expect.SEPARATOR and (found := _NEXT_OBJECT.match(data, at)):
                self._expect = _Expect.ELEMENT
                at = found.end()
            else:
                at = end_of(BLANKS, data, at)
            if at == len(data):
                return at
            if data[at] in _SEPARATORS:
                at = self._separator(block, at)
                if not self._arrays:
                    return at
                continue
            end, value = self._element(block, at)
            if value is None:
                return at
            block.add(at, end, BROKEN_JSON if self._expect is _Expect.SEPARATOR else value)
            self._expect = _Expect.SEPARATOR
            at = end
            if self._mode is not _Mode.ROWS:
                return at
        return at

    def _separator(self, block: Block, at: int) -> int:
        """Go past a comma between rows, or the beginning or end of an array of them."""
        allowed, after, arrays = _SEPARATORS[block.data[at]]
        if self._expect not in allowed:
            block.add(at, at + 1, BROKEN_JSON)
        self._expect = after
        self._arrays += arrays
        if not self._arrays:
            self._mode = _Mode.OUTSIDE
            self._found = bool(self._open)
        return at + 1

    def _element(self, block: Block, at: int) -> tuple[int, dict[str, object] | str | None]:
        """Where the element at `at` ends, and what it is; None if it is not all there yet."""
        data = block.data
        if data[at] == ord("{"):
            decoded = block.decode(at)
            return (decoded[1], decoded[0]) if decoded else self._doubtful(block, at)
        is_string = data[at] == QUOTE
        found = (STRING if is_string else _SCALAR).match(data, at, block.limit(at))
        if found and (is_string or found.end() < len(data) or block.in_sight(at)):
            return found.end(), scalar(found[0])
        if found or not block.in_sight(at):
            return at, None
        return self._pass_over(block, at, Ending.OPEN)

    def _doubtful(self, block: Block, at: int) -> tuple[int, dict[str, object] | str | None]:
        """`_element` for an object that is broken, or too long, or not all there."""
        data, limit = block.data, block.limit(at)
        head = _HEAD.match(data, at, limit)
        end = block.brackets.find_end(at, limit)
        if isinstance(end, int):
            return end, parse_document(data[at:end])
        again = head and re.compile(
            rb"\}(?=" + BLANKS.pattern + rb"," + BLANKS.pattern + re.escape(head[0]) + rb")"
        ).search(data, at, limit)
        if again and (end is Ending.DAMAGED or block.in_sight(at)):
            return again.end(), BROKEN_JSON
        return self._pass_over(block, at, end) if block.in_sight(at) else (at, None)

    def _pass_over(self, block: Block, at: int, end: Ending) -> tuple[int, str]:
        """Give up what begins at `at`: up to where it is closed, if it is just too long, or else all that is left."""
        if end is Ending.DAMAGED or len(block.data) - at <= MAX_RECORD_BYTES:
            self._mode = _Mode.LOST
            return len(block.data), BROKEN_JSON
        is_string = block.data[at] == QUOTE
        self._skip_from(0 if is_string else 1, in_string=is_string)
        return at + 1, TOO_LONG

    def _skip_from(self, depth: int, *, in_string: bool) -> None:
        self._resume, self._mode = self._mode, _Mode.SKIPPING
        self._depth, self._in_string = depth, in_string

    def _skip(self, block: Block, at: int) -> int:
        """Go on inside of a value that is passed over, however long it is."""
        data = block.data
        while at < len(data):
            if self._in_string:
                at = end_of(STRING_BODY, data, at)
                if data[at : at + 1] == b"\\":  # what it escapes is not there yet
                    block.waiting = not block.final
                    return len(data) if block.final else at
                if at == len(data):
                    return at
                self._in_string = False
                at += 1
            else:
                found = BRACKET.search(data, at)
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
        at = end_of(BLANKS, data, at)
        if at == len(data):
            return at
        character = data[at]
        if character == ord("["):
            return self._array(block, at)
        if not self._open:
            return self._document(block, at)
        if character == QUOTE:
            return self._outside_string(block, at)
        if character == ord("{"):
            return self._deeper(block, at, is_object=True)
        if character in CLOSING:
            self._close(block, at)
        elif character == ord(":") and self._open[-1]:
            self._keys[-1] = self._string
        return max(at + 1, end_of(_OUTSIDE_SCALAR, data, at))

    def _close(self, block: Block, at: int) -> None:
        """Leave an object or array outside of the rows, and perhaps the document."""
        if self._open.pop():
            self._keys.pop()
        if self._open:
            return
        if not self._found:
            block.add(at, at + 1, NO_ROWS if self._path else TOO_LONG)
        self._found = False

    def _outside_string(self, block: Block, at: int) -> int:
        found = STRING.match(block.data, at, block.limit(at))
        if found:
            try:
                self._string = str(DECODER.decode(found[0].decode("utf-8", "surrogateescape")))
            except ValueError:
                self._string = ""
            return found.end()
        if block.in_sight(at):
            self._skip_from(0, in_string=True)
            self._string = ""
            return at + 1
        return at

    def _array(self, block: Block, at: int) -> int:
        """Enter an array outside of the rows: the rows themselves, or not."""
        if self._path is None and self._open and not self._found:
            holds = holds_objects(block, at)
        elif self._path is None or not self._path:
            holds = not self._open
        else:
            holds = self._keys == self._path
        if holds is None:
            return at
        if not holds:
            return self._deeper(block, at, is_object=False)
        self._enter_rows()
        return at + 1

    def _deeper(self, block: Block, at: int, *, is_object: bool) -> int:
        """Enter an object or array that holds no rows itself."""
        if len(self._open) == MAX_DEPTH:
            self._mode = _Mode.LOST
            block.add(at, len(block.data), BROKEN_JSON)
            return len(block.data)
        self._open.append(is_object)
        if is_object:
            self._keys.append("")
        return at + 1

    def _enter_rows(self) -> None:
        self._mode, self._expect, self._arrays = _Mode.ROWS, _Expect.FIRST, 1

    def _document(self, block: Block, at: int) -> int:
        """Begin with a document that is no array."""
        data = block.data
        if data[at] != ord("{"):
            found = end_of(_JUNK, data, at, block.limit(at))
            if found == len(data) and not block.in_sight(at):
                return at
            block.add(at, found, scalar(data[at:found]))
            return found
        if self._path:
            return self._deeper(block, at, is_object=True)
        decoded = block.decode(at)
        if decoded and (self._path is not None or not ARRAY_OF_OBJECTS.search(data, at, decoded[1])):
            block.add(at, decoded[1], decoded[0])
            return decoded[1]
        return self._doubtful_document(block, at)

    def _doubtful_document(self, block: Block, at: int) -> int:
        """`_document` for an object that has rows in it, or is broken, or too long, or not all there."""
        data, limit = block.data, block.limit(at)
        whole = block.final and limit == len(data)
        searched = block.brackets.is_searched(at)
        if self._path is None and not searched and (opened := find_array(block, at, limit)):
            self._open, self._keys = [True] * opened[1], [""] * opened[1]
            self._enter_rows()
            return opened[0]
        if block.waiting:
            return at
        end = block.brackets.find_end(at, limit)
        if isinstance(end, int):
            block.add(at, end, parse_document(data[at:end]))
            return end
        if whole:
            block.brackets.note_searched()
        again = _LINE_WITH_OBJECT.search(data, at, limit) if whole or end is Ending.DAMAGED else None
        if not again and not block.in_sight(at):
            return at
        if not again and not whole:
            return self._deeper(block, at, is_object=True)  # a large document: its rows may be further on
        if not again:
            self._mode = _Mode.LOST
        after = again.end() if again else len(data)
        block.add(at, after, BROKEN_JSON)
        return after


def _to_end(block: Block, at: int) -> int:
    """Go past all that is left, wherever in it one is."""
    return max(at, len(block.data))
