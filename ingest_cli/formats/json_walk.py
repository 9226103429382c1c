"""Find the rows of a JSON document in a stream, with at most one row in memory.

The walker reads a stream block by block. Its state is outside the rows, with a stack of open objects and arrays; among
the rows; or inside a value that is skipped. Rows are objects in an array, also in arrays inside it; values of an
object; or arrays in an array. Their container is given by a path, or is the first array with such rows. The text
around the rows is not validated; `json_elements` reads the rows.
"""

from __future__ import annotations

import re

from ingest_cli.formats.json_advice import LOOK_BYTES, refusal_of_object
from ingest_cli.formats.json_elements import MAX_DEPTH, Elements, Expect, Mode, text_of
from ingest_cli.formats.json_place import Holds, Place
from ingest_cli.formats.json_scan import (
    ARRAY_OF_ARRAYS,
    ARRAY_OF_OBJECTS,
    BLANKS,
    CLOSING,
    QUOTE,
    STRING,
    Block,
    Ending,
    end_of,
    find_array,
    holds_rows,
    scalar,
)
from ingest_cli.formats.json_values import BROKEN_JSON, TOO_LONG, parse_document

NO_ROWS = "no_rows"

_OUTSIDE_SCALAR = re.compile(rb'[^ \t\r\n,:\[\]{}"]++')
_JUNK = re.compile(rb"[^{\[]++")
_LINE_WITH_OBJECT = re.compile(rb"[\r\n](?=\{)")


class Walker(Elements):
    """Position of a stream within a document."""

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._of_arrays = place.holds is Holds.ARRAYS
        self._open: list[bool] = []  # for each open object or array outside the rows: whether it is an object
        self._keys: list[str] = []  # current name in each open object
        self._string = ""  # last string outside the rows
        self._found = False
        self._no_rows = -1  # depth of an object in place of the array of rows

    def walk(self, block: Block) -> int:
        """Find the records of `block`, which starts at the end of the last walk; return the end of this one."""
        steps = {Mode.OUTSIDE: self._outside, Mode.ROWS: self._inside, Mode.SKIPPING: self.skip, Mode.LOST: _to_end}
        at = 0
        while at < len(block.data) and not block.waiting and not block.full:
            at = steps[self.mode](block, at)
        if block.final and at == len(block.data) and self.is_unfinished:
            # The reject of the missing rest starts at the last byte: a record of no bytes would be in no span.
            block.add(at - (2 if block.data.endswith(b"\r\n") else 1), 0, BROKEN_JSON)
        self.seen = self.seen or bool(block.begins)
        return at

    @property
    def is_lost(self) -> bool:
        """Whether the rest of the stream is rejected."""
        return self.mode is Mode.LOST

    @property
    def is_unfinished(self) -> bool:
        """Whether the document is incomplete without a rejected row that reports it."""
        mode = self.mode
        if mode is Mode.SKIPPING and self.resume is Mode.OUTSIDE:
            mode = Mode.OUTSIDE
        return mode is Mode.ROWS or (mode is Mode.OUTSIDE and bool(self._open))

    def _inside(self, block: Block, at: int) -> int:
        at = self.rows(block, at)
        if self.mode is Mode.OUTSIDE:
            self._found = bool(self._open)
        return at

    def _outside(self, block: Block, at: int) -> int:
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
            return self._object(block, at)
        if character in CLOSING:
            self._close(block, at)
        elif character == ord(":") and self._open[-1]:
            self._keys[-1] = self._string
        return max(at + 1, end_of(_OUTSIDE_SCALAR, data, at))

    def _close(self, block: Block, at: int) -> None:
        """Leave an object or array outside the rows, or the document."""
        if self._open.pop():
            self._keys.pop()
        if len(self._open) == self._no_rows:
            block.add(at, at + 1, NO_ROWS)
            self._found, self._no_rows = True, -1
        if self._open:
            return
        if not self._found:
            block.add(at, at + 1, NO_ROWS if self.place.path else TOO_LONG)
        self._found = False

    def _outside_string(self, block: Block, at: int) -> int:
        found = STRING.match(block.data, at, block.limit(at))
        if found:
            self._string = text_of(found[0]) or ""
            return found.end()
        if block.in_sight(at):
            self.skip_from(0, in_string=True)
            self._string = ""
            return at + 1
        return at

    def _array(self, block: Block, at: int) -> int:
        """Enter an array outside the rows, which may be their container."""
        path = self.place.path
        if self._of_arrays and not self._open and not path and not holds_rows(block, at, of_arrays=True):
            return at if block.waiting else self._lone_array(block, at)
        if path is None and self._open and not self._found:
            holds = holds_rows(block, at, of_arrays=self._of_arrays)
        elif not path:
            holds = not self._open
        else:
            holds = self.place.is_at(self._keys)
        if holds is None:
            return at
        if not holds:
            return self._deeper(block, at, is_object=False)
        self.enter(block, self._keys, is_object=False)
        return at + 1

    def _lone_array(self, block: Block, at: int) -> int:
        """Read a document that is an array without arrays: a row, or a container of rows that are not arrays."""
        first = block.data[end_of(BLANKS, block.data, at + 1) :][:1]
        if first in {b"{", b"]"}:
            self.enter(block, self._keys, is_object=False)
            return at + 1
        end, found = self.element(block, at)
        if found is None:
            return at
        self.expect = Expect.FIRST
        self.add(block, (at, end), found, "")
        return end

    def _object(self, block: Block, at: int) -> int:
        """Enter an object outside the rows, which may be their container."""
        if not self.place.is_at(self._keys):
            return self._deeper(block, at, is_object=True)
        if self.place.has_members:
            self.enter(block, self._keys, is_object=True)
            return at + 1
        if self.is_first(block):
            if not block.in_sight(at, LOOK_BYTES):
                return at
            refusal = refusal_of_object(self.place.name, block.data[at : at + LOOK_BYTES])
            if refusal:
                raise refusal
        self._no_rows = len(self._open)
        return self._deeper(block, at, is_object=True)

    def _deeper(self, block: Block, at: int, *, is_object: bool) -> int:
        """Enter an object or array that is not a container of rows."""
        if len(self._open) == MAX_DEPTH:
            self.mode = Mode.LOST
            block.add(at, len(block.data), BROKEN_JSON)
            return len(block.data)
        self._open.append(is_object)
        if is_object:
            self._keys.append("")
        return at + 1

    def _document(self, block: Block, at: int) -> int:
        """Start a document that is not an array."""
        data = block.data
        if data[at] != ord("{"):
            found = end_of(_JUNK, data, at, block.limit(at))
            if found == len(data) and not block.in_sight(at):
                return at
            block.add(at, found, scalar(data[at:found]))
            return found
        place = self.place
        if place.path == () and place.has_members:
            self.enter(block, self._keys, is_object=True)
            return at + 1
        if place.path:
            return self._deeper(block, at, is_object=True)
        decoded = block.decode(at)
        array = ARRAY_OF_ARRAYS if self._of_arrays else ARRAY_OF_OBJECTS
        if decoded and (place.path is not None or not array.search(data, at, decoded[1])):
            if self.is_first(block):
                place.judge(decoded[0])
            block.add(at, decoded[1], decoded[0])
            return decoded[1]
        return self._doubtful_document(block, at)

    def _doubtful_document(self, block: Block, at: int) -> int:
        """Apply `_document` to an object that contains rows, or is broken, too long, or incomplete."""
        data, limit = block.data, block.limit(at)
        whole = block.final and limit == len(data)
        searched = block.brackets.is_searched(at)
        may_hold = self.place.path is None and not searched
        if may_hold and (opened := find_array(block, at, limit, of_arrays=self._of_arrays)):
            self._open, self._keys = [True] * opened[1], [""] * opened[1]
            self.enter(block, self._keys, is_object=False)
            return opened[0]
        if block.waiting:
            return at
        end = block.brackets.find_end(at, limit)
        if isinstance(end, int):
            document = parse_document(data[at:end])
            if not isinstance(document, str) and self.is_first(block):
                self.place.judge(document)
            block.add(at, end, document)
            return end
        if whole:
            block.brackets.note_searched()
        again = _LINE_WITH_OBJECT.search(data, at, limit) if whole or end is Ending.DAMAGED else None
        if not again and not block.in_sight(at):
            return at
        if not again and not whole:
            return self._deeper(block, at, is_object=True)  # a large document whose rows may follow
        if not again:
            self.mode = Mode.LOST
        after = again.end() if again else len(data)
        block.add(at, after, BROKEN_JSON)
        return after


def _to_end(block: Block, at: int) -> int:
    return max(at, len(block.data))
