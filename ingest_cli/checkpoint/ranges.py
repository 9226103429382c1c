"""Which stretches of the sources are done: sets of ranges, one for each member of each source."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from ingest_cli.model.chunks import WHOLE, Position, Remaining, Span
from ingest_cli.model.plain_values import whole

_UNTOUCHED, _DONE = 0, 1


class Allowance:
    """How many objects may still be made of a state that is read."""

    __slots__ = ("_left",)

    def __init__(self, parts: int) -> None:
        self._left = parts

    def take(self, parts: int = 1) -> None:
        """Take some.

        Raises:
            ValueError: there are not so many left.
        """
        self._left -= parts
        if self._left < 0:
            raise ValueError("too many parts")


class RangeSet:
    """Which stretches of one member are done; neighbours are merged, so that its size is that of the gaps.

    Attributes:
        spans: disjoint, in order, no two touching.
        end: where the member ends, once it was read to there.
    """

    __slots__ = ("end", "spans")

    def __init__(self, spans: Sequence[Span] = (), end: Position | None = None) -> None:
        self.spans = list(spans)
        self.end = end

    @property
    def rows(self) -> int:
        """Rows in all stretches."""
        return sum(_end(span).row - span.start.row for span in self.spans)

    def add(self, span: Span) -> None:
        """Add a stretch, which overlaps with none that is there."""
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
        """What is still to be done, in order; empty if nothing is."""
        if not self.spans:
            return () if self.end is not None and self.end.offset == 0 else (WHOLE,)  # no chunk came of it
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
        """As JSON has it: its end, then both ends of each stretch."""
        if not self.spans and self.end is None:
            return _UNTOUCHED
        ends = [position for span in self.spans for position in (span.start, _end(span))]
        return [_numbers(self.end), [_numbers(one) for one in ends]]

    @classmethod
    def from_plain(cls, plain: Any, allowance: Allowance) -> RangeSet:
        """What `to_plain` made.

        Args:
            plain: as JSON has it.
            allowance: what may still be made.

        Raises:
            ValueError, TypeError: it is something else, or stretches overlap or go backwards.
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
    """Which members of one source are done, and which stretches of the others.

    A member that is done takes no more room than the word for it, and a source that is done no more than that:
    there may be thousands of either.

    Attributes:
        closed_rows: rows of the members that are done; those from before the state was last read are not in it.
    """

    __slots__ = ("_count", "_is_done", "_members", "closed_rows")

    def __init__(self) -> None:
        self.closed_rows = 0
        self._members: list[RangeSet | None] = []  # None: done
        self._count: int | None = None
        self._is_done = False

    @property
    def is_done(self) -> bool:
        """Whether nothing is left of the source."""
        return self._is_done

    @property
    def is_started(self) -> bool:
        """Whether anything is done."""
        return self._is_done or any(each is None or each.spans for each in self._members)

    @property
    def open_members(self) -> dict[int, RangeSet]:
        """Number → ranges, for the members that are known and not done."""
        return {number: each for number, each in enumerate(self._members) if each is not None}

    @property
    def rows(self) -> int:
        """Rows done, but for those that were closed before the state was last read."""
        return self.closed_rows + sum(each.rows for each in self._members if each is not None)

    def add(self, member: int, span: Span) -> None:
        """Add a stretch of a member."""
        ranges = self._open(member)
        ranges.add(span)
        if ranges.end is not None:
            self._close(member, ranges)

    def member_read(self, member: int, end: Position) -> None:
        """Note where a member ends."""
        self._grow(member)
        ranges = self._members[member]
        if ranges is not None:
            ranges.end = end
            self._close(member, ranges)

    def source_read(self, count: int) -> None:
        """Note how many members there are."""
        self._count = max(count, len(self._members))  # those that were done before are passed over uncounted
        self._finish()

    def remaining(self) -> Remaining | None:
        """What is still to be done; None if nothing is. Does not change with this set."""
        if self._is_done:
            return None
        return Remaining(tuple(() if each is None else each.holes() for each in self._members))

    def to_plain(self) -> Any:
        """As JSON has it: the number of members, then each of them."""
        if self._is_done:
            return _DONE
        if not self._members and self._count is None:
            return _UNTOUCHED
        return [self._count, [_DONE if each is None else each.to_plain() for each in self._members]]

    @classmethod
    def from_plain(cls, plain: Any, allowance: Allowance) -> SourceRanges:
        """What `to_plain` made.

        Args:
            plain: as JSON has it.
            allowance: what may still be made.

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
        assert ranges is not None  # noqa: S101 - nothing is read again of what is done
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
    assert span.end is not None  # noqa: S101 - only chunks are in the set
    return span.end


def _numbers(position: Position | None) -> list[int] | None:
    return None if position is None else [position.offset, position.row, position.line]


def _is(plain: Any, mark: int) -> bool:
    """Whether it is that number, and not `true` or `1.0`."""
    return type(plain) is int and plain == mark


def _position(plain: Any) -> Position:
    """A place in a member.

    Raises:
        ValueError, TypeError: it is none.
    """
    offset, row, line = plain
    return Position(whole(offset), whole(row), whole(line))
