"""Define the states that skip text: other statements, damaged text, text that is too long.

The rows lost in it are rejects, counted by `unread`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ingest_cli.formats.sql.boundaries import LOOK_AHEAD_BYTES, Next, resync, search_on
from ingest_cli.formats.sql.catalog import Context
from ingest_cli.formats.sql.dialect import Syntax
from ingest_cli.formats.sql.machine import Machine, State
from ingest_cli.formats.sql.skipping import Skipping, TextState
from ingest_cli.formats.sql.tokens import Cursor, IncompleteError, check_size
from ingest_cli.formats.sql.unread import MAX_CUT_BYTES, Stretch, edges_that_begin, row_edges


class Recovery(Machine):
    """States that find the next place at which a dump can be read."""

    def __init__(self, syntax: Syntax) -> None:
        super().__init__(syntax)
        self._skipping = Skipping(syntax)
        self._rows: State = self._statement  # state that reads the rows of the statement
        self._discard = 0
        self._stretch = Stretch(0)
        self._after_stretch: Callable[[], None] = lambda: None

    def _follow(self, following: Next) -> None:
        """Set the state behind a row."""
        self._lead = 0
        self._state = self._rows if following is Next.TUPLE else self._statement
        if following is Next.TAIL:
            self._skipping.begin(TextState.STATEMENT)
            self._state = self._text

    def _skip(self, at: int, what: TextState, *, condition: bool = False) -> int:
        self._skipping.begin(what, condition=condition)
        self._state = self._text
        return at

    def _text(self, at: int) -> int:
        """State: inside a statement, routine or line without rows."""
        end, over = self._skipping.skip(self._data, at, final=self._final)
        self._reject_at(self._skipping.rows_at.copy())
        if over:
            self._state = self._recover if self._skipping.is_damaged else self._statement
        return end

    def _recover(self, at: int) -> int:
        """State: inside a statement that cannot be read because a quote is missing."""
        end, following = search_on(self._data, at, final=self._final)
        if following is None:
            end = min(end, len(self._data) - LOOK_AHEAD_BYTES)
            if end <= at:
                raise IncompleteError
            places, end = edges_that_begin(self._data, at, end, len(self._data))
        else:
            places = row_edges(self._data, at, end)
        if following is Next.TUPLE:
            places.append(end)
            self._skipping.begin(TextState.STATEMENT, counts=True)
            self._state = self._text
        elif following is not None:
            self._state = self._statement
        self._reject_at(places)
        return end

    def _unread(self, at: int, after: int, context: Context, reason: str) -> int:
        """Reject each row of a statement that cannot be read and is known up to `after`."""
        self._context, self._reason = context, reason
        self._reject([at], [after], estimated=True)
        self._skipping.begin(TextState.STATEMENT, counts=True)
        self._state = self._text
        return after

    def _broken(self, at: int, found_at: int, cursor: Cursor) -> int:
        """Reject the damaged row at `at`, and the rows up to the next place to continue behind `found_at`."""
        end, following = resync(self._data, found_at, final=self._final)
        check_size(at, max(end, cursor.seen))
        self._reason = "broken_tuple"
        if end - at > MAX_CUT_BYTES:
            self._begin_stretch(Stretch(end - at, self._lead), partial(self._follow, following))
            return at
        places = row_edges(self._data, at + self._lead, end)
        self._reject([at, *places], [*places, end], estimated=bool(places))
        self._follow(following)
        return end

    def _begin_stretch(self, stretch: Stretch, after: Callable[[], None]) -> None:
        self._stretch, self._after_stretch, self._state = stretch, after, self._in_stretch

    def _in_stretch(self, at: int) -> int:
        """State: inside damaged text."""
        places, end, over = self._stretch.step(self._data, at, final=self._final)
        self._reject_at(places)
        if over:
            self._after_stretch()
        return end

    def _go_on_lost(self) -> None:
        self._state = self._lost

    def _discard_text(self, at: int) -> int:
        end = min(at + self._discard, len(self._data))
        self._discard -= end - at
        if not self._discard:
            self._state = self._text
        return end

    def _lost(self, at: int) -> int:
        """State: behind the maximum length of a tuple, perhaps inside it."""
        end, following = search_on(self._data, at, final=self._final)
        if following is not None:
            self._follow(following)
        return end
