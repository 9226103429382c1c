"""Frozen, columnar values that pass from stage to stage.

A row is identified by its *record index* within its chunk; the index is converted to a row number and a line number
only for output to the operator.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

IndexArray = npt.NDArray[np.int32]
OffsetArray = npt.NDArray[np.int64]

LF, CR = 0x0A, 0x0D

CLASS_ORDER = ("email", "email_base", "iccid", "id", "imei", "imsi", "phone", "username")
"""Namespaces of the keyed hash, in the byte order in which a record lists its identifiers."""


def line_ends(data: bytes, *, final: bool = True) -> OffsetArray:
    """Return the offsets just after each LF, CRLF or lone CR, except a CR at the very end of unfinished data."""
    view = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(view == LF) + 1
    if b"\r" in data:
        returns = np.flatnonzero(view == CR)
        if not final and returns[-1] == len(data) - 1:
            returns = returns[:-1]
        following = np.append(view, 0)[returns + 1]
        ends = np.sort(np.concatenate((ends, returns[following != LF] + 1)))
    return ends.astype(np.int64)


def count_lines(data: bytes) -> int:
    """Return the number of line ends in `data`, which does not end between a CR and its LF."""
    lines = data.count(b"\n")
    if b"\r" in data:
        lines += data.count(b"\r") - data.count(b"\r\n")
    return lines


def head_of(data: bytes, lines: int) -> bytes:
    """Return a prefix of `data` with more than `lines` lines if it has as many; short data is returned whole.

    A block of very short lines may have many more of them than a chunk has rows. This avoids splitting all of them
    again for each chunk.
    """
    while len(data) > 2 * lines and count_lines(half := data[: len(data) // 2]) > lines + 1:
        data = half  # the extra line: a CR at its end is ambiguous
    return data


@dataclass(frozen=True, slots=True)
class Position:
    """A position between two records of a decoded stream.

    Attributes:
        offset: number of decoded UTF-8 bytes before it.
        row: number of rows before it; a header is not a row.
        line: number of line ends before it; a header is a line.
    """

    offset: int = 0
    row: int = 0
    line: int = 0


@dataclass(frozen=True, slots=True)
class Span:
    """A range of a decoded stream, between two record boundaries.

    Attributes:
        start: first position.
        end: end position; None: the end of the stream.
    """

    start: Position
    end: Position | None = None


WHOLE = Span(Position())
"""The whole stream."""


@dataclass(frozen=True, slots=True)
class Remaining:
    """The ranges of a source that are still to be read.

    Attributes:
        members: ranges in order, by member number. Members after these are read whole.
    """

    members: tuple[tuple[Span, ...], ...] = ()

    def of(self, member: int) -> tuple[Span, ...]:
        """Return the ranges of a member, in order."""
        return self.members[member] if member < len(self.members) else (WHOLE,)


EVERYTHING = Remaining()
"""All members of a source, whole."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Source of rows.

    Attributes:
        shard: number of the source.
        member: number of the file within it; 0 for a source that is not an archive.
        name: display name of the source, followed by that of the member.
    """

    shard: int
    member: int
    name: str


@dataclass(frozen=True, slots=True)
class Reject:
    """A row, or an item of a row, that did not reach the table, and the reason. Never its content.

    Attributes:
        row, line: numbers within the source, counted from 1.
        stage: `parse`, `normalize` or `write`.
        reason: a fixed word such as `too_short`.
        field: the manifest's column name, or the item's kind at the stage `write`; None for a whole row.
        raw: the record as found in the dump; only if the operator requested it.
    """

    row: int
    line: int
    stage: str
    reason: str
    field: str | None = None
    raw: str | None = None


@dataclass(frozen=True, slots=True)
class RowChunk:
    """Consecutive records of one source, parsed into columns.

    Attributes:
        start, end: position of the chunk in the decoded stream.
        data: bytes of its records.
        bounds: shape (records + 1,): start of each record in `data`; the last is len(data).
        index: shape (rows,), ascending: record index of each parsed row.
        cells: column name → binary array of length rows; only the columns the manifest names. Bytes
            as read, which need not be valid UTF-8.
        skipped: reason → record indices of the records that are not rows of data.
        rejected: (record index, reason) of each record that could not be parsed.
        flags: name of an oddity → number of rows read in spite of it.
        loose: ascending: record indices of the rows whose cells fit their columns only by a rule of the manifest, or by
            treating a quote as an ordinary character. Normalizing accepts such a row only if its identifiers confirm
            it.
        passed_over: name of a table, sheet or the like that is not read → number of its rows between these records, or
            beside them. These rows are neither records nor counted in the account.
    """

    start: Position
    end: Position
    data: bytes
    bounds: OffsetArray
    index: IndexArray
    cells: Mapping[str, pa.BinaryArray]
    skipped: Mapping[str, IndexArray] = field(default_factory=dict)
    rejected: tuple[tuple[int, str], ...] = ()
    flags: Mapping[str, int] = field(default_factory=dict)
    loose: IndexArray = field(default_factory=lambda: np.empty(0, np.int32))
    passed_over: Mapping[str, int] = field(default_factory=dict)

    @property
    def records(self) -> int:
        """Number of all records in the chunk."""
        return len(self.bounds) - 1

    @property
    def size_bytes(self) -> int:
        """Number of decoded bytes in the chunk."""
        return len(self.data)

    def place(self, records: int) -> Position:
        """Return the end position of the first `records` records."""
        data = self.data[: int(self.bounds[records])]
        return Position(self.start.offset + len(data), self.start.row + records, self.start.line + count_lines(data))

    def for_rejects(self, *, keep_raw: bool) -> Self:
        """Return a copy that keeps only what rejects need.

        Args:
            keep_raw: whether `raw` will be called.
        """
        return replace(self, cells={}) if keep_raw else replace(self, cells={}, data=b"")

    def without_bytes(self) -> RowChunk:
        """Return a copy with line numbers in place of bytes; `raw` cannot show records of it."""
        line = (self.lines(np.arange(self.records, dtype=np.int32)) - self.start.line).astype(np.int32)
        return NumberedChunk(
            self.start,
            self.end,
            b"",
            self.bounds,
            self.index,
            self.cells,
            self.skipped,
            self.rejected,
            self.flags,
            self.loose,
            self.passed_over,
            line,
            self.size_bytes,
        )

    def rows(self, index: IndexArray) -> OffsetArray:
        """Return the row numbers, from 1, of the records at `index`. Shape of `index`."""
        return self.start.row + 1 + index.astype(np.int64)

    def lines(self, index: IndexArray) -> OffsetArray:
        """Return the numbers, from 1, of the lines on which the records at `index` begin. Shape of `index`."""
        if self._has_a_line_each():
            return self.start.line + 1 + index.astype(np.int64)
        return self.start.line + 1 + np.searchsorted(line_ends(self.data), self.bounds[index], side="right")

    def _has_a_line_each(self) -> bool:
        """Return whether each record is exactly one line, including its line end."""
        if self.end.line - self.start.line != self.records or not self.data:
            return False
        last = np.frombuffer(self.data, np.uint8)[self.bounds[1:] - 1]
        return bool(((last == LF) | (last == CR)).all())

    def raw(self, index: int) -> str:
        """Return the record at `index` as found in the dump, without its line end."""
        return self.data[self.bounds[index] : self.bounds[index + 1]].decode("utf-8", "replace").rstrip("\r\n")


@dataclass(frozen=True, slots=True)
class NumberedChunk(RowChunk):
    """A chunk without its bytes, for transfer to another process.

    Attributes:
        line: shape (records,): line on which each record begins, from 1, not counting the lines before the chunk.
        decoded_bytes: number of decoded bytes it had.
    """

    line: IndexArray = field(default_factory=lambda: np.empty(0, np.int32))
    decoded_bytes: int = 0

    @property
    def size_bytes(self) -> int:
        """Number of decoded bytes it had."""
        return self.decoded_bytes

    def for_rejects(self, *, keep_raw: bool) -> Self:  # noqa: ARG002 - there are no bytes to keep
        """See `RowChunk.for_rejects`."""
        return replace(self, cells={})

    def lines(self, index: IndexArray) -> OffsetArray:
        """See `RowChunk.lines`."""
        return self.start.line + self.line[index].astype(np.int64)


@dataclass(frozen=True, slots=True)
class TableChunk(RowChunk):
    """Consecutive rows of a binary source, such as a Parquet file.

    `data` is empty and `bounds` all zeros; the offset and the line of a position are its row.
    """

    @property
    def size_bytes(self) -> int:
        """Number of bytes in its cells."""
        return sum(pc.sum(pc.binary_length(column)).as_py() or 0 for column in self.cells.values())

    def without_bytes(self) -> RowChunk:
        """Return the chunk itself, which has no bytes."""
        return self

    def place(self, records: int) -> Position:
        """Return the end position of the first `records` records."""
        row = self.start.row + records
        return Position(row, row, row)

    def for_rejects(self, *, keep_raw: bool) -> Self:
        """See `RowChunk.for_rejects`; `raw` shows the cells."""
        return self if keep_raw else replace(self, cells={})

    def lines(self, index: IndexArray) -> OffsetArray:
        """Return the row numbers. Shape of `index`."""
        return self.rows(index)

    def raw(self, index: int) -> str:
        """Return the manifest's cells of the record at `index` as a JSON object; empty if it was not parsed."""
        at = int(np.searchsorted(self.index, index))
        if at == len(self.index) or self.index[at] != index:
            return ""
        texts = {name: column[at].as_py().decode("utf-8", "replace") for name, column in self.cells.items()}
        return json.dumps(texts, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Identified:
    """The identifiers of one class in a chunk, in long form: a row may have none, one or several.

    Sorted by (row, value), no pair twice. `row` counts the kept rows of the chunk from 0.

    Attributes:
        kind: the class, i.e. the namespace of the keyed hash.
        row: shape (n,).
        value: length n: canonical values.
        label: length n: fine labels, dictionary-encoded.
        lookup: shape (n,): whether the value becomes an item of its own.
        mask: length n: displayable part of the value, dictionary-encoded or not.
    """

    kind: str
    row: IndexArray
    value: pa.StringArray
    label: pa.DictionaryArray
    lookup: npt.NDArray[np.bool_]
    mask: pa.StringArray | pa.DictionaryArray


@dataclass(frozen=True, slots=True)
class Records:
    """The rows of a chunk with at least one usable identifier.

    Attributes:
        index: shape (rows,): record index of each row in its chunk.
        identifiers: one entry for each class in the chunk, in `CLASS_ORDER`, without `email_base`.
        exposed: shape (rows,): position in `class_sets` of the data classes the row exposes.
        class_sets: sorted tuples of data class names.
    """

    index: IndexArray
    identifiers: tuple[Identified, ...]
    exposed: IndexArray
    class_sets: tuple[tuple[str, ...], ...]
