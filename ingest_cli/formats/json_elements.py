"""Read the elements of the array, or the members of the object, that contains the rows of a JSON document.

Elements are read strictly. Behind a broken row, reading continues where its brackets are closed, unless a string in it
is plainly not closed; else behind the next `},` that is followed by the first name of the broken row. If neither is
found, the rest of the stream is one broken row.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum, auto

from ingest_cli.formats.json_advice import refusal_of_arrays
from ingest_cli.formats.json_place import Holds, Place
from ingest_cli.formats.json_scan import BLANKS, BRACKET, QUOTE, STRING, STRING_BODY, Block, Ending, end_of
from ingest_cli.formats.json_values import BROKEN_JSON, DECODER, TOO_LONG, Row, parse_document
from ingest_cli.formats.record_stream import MAX_RECORD_BYTES

_SCALAR = re.compile(rb'[^ \t\r\n,\[\]{"]++')
_SCALAR_OF_MEMBER = re.compile(rb'[^ \t\r\n,\[\]{}"]++')
_MEMBER = re.compile(rb'("[^"\\]*+(?:\\.[^"\\]*+)*+")[ \t\r\n]*+:[ \t\r\n]*+', re.DOTALL)
_STRING_AND_BLANKS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"[ \t\r\n]*+', re.DOTALL)
_NEXT_ROW = re.compile(rb"[ \t\r\n]*+,[ \t\r\n]*+(?=\{)")
_HEAD = re.compile(rb'\{[ \t\r\n]*+"[^"\\\r\n]*+"[ \t\r\n]*+:|\[')


MAX_DEPTH = 1_000
"""Limit on the objects and arrays around the rows."""


class Mode(Enum):
    """State of a stream."""

    OUTSIDE = auto()
    ROWS = auto()
    SKIPPING = auto()
    LOST = auto()


class Expect(Enum):
    """Next token allowed among the rows."""

    FIRST = auto()
    ELEMENT = auto()
    SEPARATOR = auto()


_COMMA = (frozenset({Expect.SEPARATOR}), Expect.ELEMENT, 0)
_OPENED = (frozenset({Expect.FIRST, Expect.ELEMENT}), Expect.FIRST, +1)
_CLOSED = (frozenset({Expect.FIRST, Expect.SEPARATOR}), Expect.SEPARATOR, -1)
_IN_ARRAYS = {ord("["): _OPENED, ord(","): _COMMA, ord("]"): _CLOSED}
_IN_ARRAY = {ord(","): _COMMA, ord("]"): _CLOSED}
_IN_OBJECT = {ord(","): _COMMA, ord("}"): _CLOSED}
"""Separator → (states in which it is allowed, state after it, change of the nesting depth)."""


class Elements:
    """Position of a stream among the rows, or inside a value that is skipped."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.mode = Mode.OUTSIDE
        self.resume = Mode.OUTSIDE
        self.expect = Expect.FIRST
        self.seen = False  # whether any record was found in the blocks before
        self._is_object = False  # whether the rows are the values of an object
        self._separators = _IN_ARRAYS
        self._key = ""
        self._nested = 0  # arrays, or the object, that hold the rows and are open
        self._depth = 0
        self._in_string = False

    def is_first(self, block: Block) -> bool:
        """Return whether no record was found before."""
        return not self.seen and not block.begins

    def enter(self, block: Block, keys: Sequence[str], *, is_object: bool) -> None:
        """Enter the container of the rows."""
        self.mode, self.expect, self._nested, self._is_object = Mode.ROWS, Expect.FIRST, 1, is_object
        in_array = _IN_ARRAYS if self.place.holds is Holds.OBJECTS else _IN_ARRAY
        self._separators = _IN_OBJECT if is_object else in_array
        self._key = self.place.key(keys)
        block.opened(keys[-1] if keys else "", is_object=is_object)

    def rows(self, block: Block, at: int) -> int:
        """Read rows from `at` on; return the offset at which reading stopped."""
        data = block.data
        while not block.full:
            at = self._next(block, at)
            if at == len(data):
                return at
            if data[at] in self._separators:
                at = self._separator(block, at)
                if self.mode is not Mode.ROWS:
                    return at
                continue
            begin, key = at, None if self._is_object else self._key
            if self._is_object and data[at] == QUOTE:
                at, key = self._name(block, at)
                if block.waiting or at == len(data):  # nothing behind the colon, see `Walker.is_unfinished`
                    return begin if block.waiting else at
            end, value = self.element(block, at)
            if value is None:
                return begin
            self.add(block, (begin, end), value, key)
            at = end
            if self.mode is not Mode.ROWS:
                return at
        return at

    def _next(self, block: Block, at: int) -> int:
        """Return the offset of the next separator or element, behind plain values and a comma before an object."""
        if self.expect is Expect.SEPARATOR:
            if self.place.holds is Holds.VALUES:
                at = block.take_plain(at, is_object=self._is_object)
            elif not self._is_object and (found := _NEXT_ROW.match(block.data, at)):
                self.expect = Expect.ELEMENT
                return found.end()
        return end_of(BLANKS, block.data, at)

    def _name(self, block: Block, at: int) -> tuple[int, str | None]:
        """Return (offset of the value, name at `at`); (`at`, None) if there is no name."""
        data, limit = block.data, block.limit(at)
        found = _MEMBER.match(data, at, limit)
        if found and (found.end() < len(data) or block.in_sight(at)):
            return found.end(), text_of(found[1])
        is_cut = not found and end_of(_STRING_AND_BLANKS, data, at, limit) in {at, len(data)}
        if is_cut and block.in_sight(at) and block.final:
            return len(data), None
        return at, None

    def add(self, block: Block, place: tuple[int, int], value: Row | str | bytes, key: str | None) -> None:
        """Add a record.

        Args:
            block: block of the record.
            place: start and end.
            value: row, reason of a rejection, or the bytes of a value that is neither object nor array.
            key: name of the value; None if it has to have one and it cannot be read.
        """
        if self.expect is Expect.SEPARATOR or key is None:
            block.add(*place, BROKEN_JSON, key or "")
        elif isinstance(value, bytes):
            if self._nested > 1 and self.is_first(block) and self.place.holds is Holds.OBJECTS:
                raise refusal_of_arrays()
            block.add_scalar(*place, value, key)
        else:
            block.add(*place, value, key)
        self.expect = Expect.SEPARATOR

    def _separator(self, block: Block, at: int) -> int:
        """Read a comma between rows, or the start or end of a container of rows."""
        allowed, after, arrays = self._separators[block.data[at]]
        if self.expect not in allowed:
            block.misplaced(at)
        self.expect = after
        self._nested += arrays
        if self._nested > MAX_DEPTH:
            self.mode = Mode.LOST
            block.add(at, len(block.data), BROKEN_JSON)
            return len(block.data)
        if not self._nested:
            self.mode = Mode.OUTSIDE
            block.closed()
        return at + 1

    def element(self, block: Block, at: int) -> tuple[int, Row | str | bytes | None]:
        """Return (end, value) of the element at `at`; the value as in `add`, None if more has to be read."""
        data = block.data
        if data[at] in b"{[":
            decoded = block.decode(at)
            return (decoded[1], decoded[0]) if decoded else self._doubtful(block, at)
        is_string = data[at] == QUOTE
        pattern = STRING if is_string else _SCALAR_OF_MEMBER if self._is_object else _SCALAR
        found = pattern.match(data, at, block.limit(at))
        if found and (is_string or found.end() < len(data) or block.in_sight(at)):
            return found.end(), found[0]
        if found or not block.in_sight(at):
            return at, None
        return self._pass_over(block, at, Ending.OPEN)

    def _doubtful(self, block: Block, at: int) -> tuple[int, Row | str | None]:
        """Apply `element` to an object or array that is broken, too long, or incomplete."""
        data, limit = block.data, block.limit(at)
        head = _HEAD.match(data, at, limit)
        end = block.brackets.find_end(at, limit)
        if isinstance(end, int):
            return end, parse_document(data[at:end])
        key = _MEMBER.pattern if self._is_object else b""
        closed = rb"\]" if data[at] == ord("[") else rb"\}"
        again = head and re.compile(
            closed + rb"(?=" + BLANKS.pattern + rb"," + BLANKS.pattern + key + re.escape(head[0]) + rb")", re.DOTALL
        ).search(data, at, limit)
        if again and (end is Ending.DAMAGED or block.in_sight(at)):
            return again.end(), BROKEN_JSON
        return self._pass_over(block, at, end) if block.in_sight(at) else (at, None)

    def _pass_over(self, block: Block, at: int, end: Ending) -> tuple[int, str]:
        """Reject the value at `at`: up to its end if it is only too long, else the rest of the stream."""
        if end is Ending.DAMAGED or len(block.data) - at <= MAX_RECORD_BYTES:
            self.mode = Mode.LOST
            return len(block.data), BROKEN_JSON
        is_string = block.data[at] == QUOTE
        self.skip_from(0 if is_string else 1, in_string=is_string)
        return at + 1, TOO_LONG

    def skip_from(self, depth: int, *, in_string: bool) -> None:
        """Skip the open string, or `depth` open objects and arrays."""
        self.resume, self.mode = self.mode, Mode.SKIPPING
        self._depth, self._in_string = depth, in_string

    def skip(self, block: Block, at: int) -> int:
        """Continue in a value that is skipped; return the offset at which reading stopped."""
        data = block.data
        while at < len(data):
            if self._in_string:
                at = end_of(STRING_BODY, data, at)
                if data[at : at + 1] == b"\\":  # the escaped character is in the next block
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
                self.mode = self.resume
                return at
        return at


def text_of(key: bytes) -> str | None:
    """Decode a name; None if it is invalid."""
    try:
        return str(DECODER.decode(key.decode("utf-8", "surrogateescape")))
    except ValueError:
        return None
