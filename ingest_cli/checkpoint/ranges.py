"""Completed ranges of the sources: a range set for each member of each source."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from ingest_cli.model.chunks import WHOLE, Position, Remaining, Span
from ingest_cli.model.plain_values import whole

_UNTOUCHED, _DONE = 0, 1


class Allowance:
    """Number of objects that may still be created while a state is parsed."""

    __slots__ = ("_left",)

    def __init__(self, parts: int) -> None:
        self._left = parts

    def take(self, parts: int = 1) -> None:
        """Deduct `parts` from the allowance.

        Raises:
            ValueError: fewer are left.
        """
        self._left -= parts
        if self._left < 0:
            raise ValueError("too many parts")


class RangeSet:
    """Completed ranges of one member; adjacent ranges are merged, so that the size depends on the gaps.

    Attributes:
        spans: disjoint, in order, no two touching.
        end: end of the member, once it was read to there.
    """

    __slots__ = ("end", "spans")

    def __init__(self, spans: Sequence[Span] = (), end: Position | None = None) -> None:
        self.spans = list(spans)
        self.end = end

    @property
    def rows(self) -> int:
        """Number of rows in all ranges."""
        return sum(_end(span).row - span.start.row for span in self.spans)

    @property
    def parts(self) -> int:
        """Number of objects that `from_plain` creates for it, as counted by an `Allowance`."""
        return 1 + 2 * len(self.spans)

    def add(self, span: Span) -> None:
        """Add a range that overlaps no other."""
        assert span.end is not None  # noqa: S101 - a chunk has an end
        at = len(self.spans)
        while at and self.spans[at - 1].start.offset > span.start.offset:
            at -= 1
        self.spans.insert(at, span)
        if at + 1 < len(self.spans) and self.spans[at + 1].start.offset == span.end.offset:
            self.spans[at : at + 2] = [Span(span.start, self.spans[at + 1].end)]
        if at and _end(self.spans[at - 1]).offset == span.start.offset:
            self.spans[at - 1 : at + 1] = [Span(self.spans[at - 1].start, self.spans[at].end)]

    def holes(self) -> tuple[Span, ...]:
        """Return the ranges still to be done, in order; empty if there are none."""
        if not self.spans:
            return () if self.end is not None and self.end.offset == 0 else (WHOLE,)  # no chunk was produced
        holes = []
        if self.spans[0].start.row > 0:
            holes.append(Span(Position(), self.spans[0].start))
        for before, after in zip(self.spans, self.spans[1:], strict=False):
            holes.append(Span(_end(before), after.start))
        last = _end(self.spans[-1])
        if self.end is None or last.offset < self.end.offset:
            holes.append(Span(last, self.end))
        return tuple(holes)

    def to_plain(self) -> Any:
        """Convert to JSON values: the end, then both ends of each range."""
        if not self.spans and self.end is None:
            return _UNTOUCHED
        ends = [position for span in self.spans for position in (span.start, _end(span))]
        return [_numbers(self.end), [_numbers(one) for one in ends]]

    @classmethod
    def from_plain(cls, plain: Any, allowance: Allowance) -> RangeSet:
        """Parse the result of `to_plain`.

        Args:
            plain: JSON values.
            allowance: number of objects that may be created.

        Raises:
            ValueError, TypeError: it is something else, or ranges overlap or are out of order.
        """
        allowance.take()
        if _is(plain, _UNTOUCHED):
            return cls()
        end, ends = plain
        allowance.take(len(ends))
        places = [_position(one) for one in ends]
        for before, after in pairwise(places):
            if after.offset < before.offset or after.row < before.row or after.line < before.line:
                raise ValueError("stretches overlap")
        spans = [Span(start, after) for start, after in zip(places[::2], places[1::2], strict=True)]
        return cls(spans, None if end is None else _position(end))


class SourceRanges:
    """Completed members of one source, and completed ranges of the others.

    A completed member, or a completed source, is stored as a single mark: there may be thousands of either.

    Attributes:
        closed_rows: number of rows in completed members, without those from before the state was last read.
    """

    __slots__ = ("_count", "_is_done", "_members", "closed_rows")

    def __init__(self) -> None:
        self.closed_rows = 0
        self._members: list[RangeSet | None] = []  # None: completed
        self._count: int | None = None
        self._is_done = False

    @property
    def is_done(self) -> bool:
        """Whether the source is complete."""
        return self._is_done

    @property
    def is_started(self) -> bool:
        """Whether anything is done."""
        return self._is_done or any(each is None or each.spans for each in self._members)

    @property
    def open_members(self) -> dict[int, RangeSet]:
        """Return the ranges of known, incomplete members, by number."""
        return {number: each for number, each in enumerate(self._members) if each is not None}

    @property
    def rows(self) -> int:
        """Number of completed rows, without those closed before the state was last read."""
        return self.closed_rows + sum(each.rows for each in self._members if each is not None)

    @property
    def parts(self) -> int:
        """Number of objects that `from_plain` creates for it, as counted by an `Allowance`."""
        return 1 + sum(each.parts for each in self._members if each is not None)

    def add(self, member: int, span: Span) -> None:
        """Add a range of a member."""
        ranges = self._open(member)
        ranges.add(span)
        if ranges.end is not None:
            self._close(member, ranges)

    def member_read(self, member: int, end: Position) -> None:
        """Record the end of a member."""
        self._grow(member)
        ranges = self._members[member]
        if ranges is not None:
            ranges.end = end
            self._close(member, ranges)

    def source_read(self, count: int) -> None:
        """Record the number of members."""
        self._count = max(count, len(self._members))  # members completed earlier are skipped without being counted
        self._finish()

    def remaining(self) -> Remaining | None:
        """Return a snapshot of the ranges still to be done; None if there are none."""
        if self._is_done:
            return None
        return Remaining(tuple(() if each is None else each.holes() for each in self._members))

    def to_plain(self) -> Any:
        """Convert to JSON values: the number of members, then each of them."""
        if self._is_done:
            return _DONE
        if not self._members and self._count is None:
            return _UNTOUCHED
        return [self._count, [_DONE if each is None else each.to_plain() for each in self._members]]

    @classmethod
    def from_plain(cls, plain: Any, allowance: Allowance) -> SourceRanges:
        """Parse the result of `to_plain`.

        Args:
            plain: JSON values.
            allowance: number of objects that may be created.

        Raises:
            ValueError, TypeError: it is something else.
        """
        allowance.take()
        made = cls()
        if _is(plain, _DONE):
            made._is_done = True
        elif not _is(plain, _UNTOUCHED):
            count, members = plain
            if not isinstance(members, list):
                raise ValueError("members are a list")
            made._count = None if count is None else whole(count)
            made._members = [None if _is(each, _DONE) else RangeSet.from_plain(each, allowance) for each in members]
        return made

    def _open(self, member: int) -> RangeSet:
        self._grow(member)
        ranges = self._members[member]
        assert ranges is not None  # noqa: S101 - completed members are not read again
        return ranges

    def _grow(self, member: int) -> None:
        self._members += [RangeSet() for _ in range(len(self._members), member + 1)]

    def _close(self, member: int, ranges: RangeSet) -> None:
        if not ranges.holes():
            self.closed_rows += ranges.rows
            self._members[member] = None
            self._finish()

    def _finish(self) -> None:
        if self._count == len(self._members) and not any(self._members):
            self._is_done = True
            self._members.clear()


def _end(span: Span) -> Position:
    assert span.end is not None  # noqa: S101 - the set holds only chunks
    return span.end


def _numbers(position: Position | None) -> list[int] | None:
    return None if position is None else [position.offset, position.row, position.line]


def _is(plain: Any, mark: int) -> bool:
    """Return whether `plain` is this integer, and not `true` or `1.0`."""
    return type(plain) is int and plain == mark


def _position(plain: Any) -> Position:
    """Parse a position in a member.

    Raises:
        ValueError, TypeError: it is not a position.
    """
    offset, row, line = plain
    return Position(whole(offset), whole(row), whole(line))
