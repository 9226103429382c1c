"""Find the rows in a dump with a state machine.

The states are: before a statement, inside a statement without rows, inside a routine, before a tuple, a SELECT or a
line of COPY, inside damaged text, inside text that is too long. The state depends only on the bytes before a place, not
on the ends of blocks: a token that may continue is left for the next call, and text longer than a record may be is
rejected after that many bytes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from itertools import accumulate

from ingest_cli.formats import record_stream
from ingest_cli.formats.sql.boundaries import after_tuple, is_over, opens_row
from ingest_cli.formats.sql.catalog import Catalog, Context
from ingest_cli.formats.sql.copy_lines import count_rows, find_lines, read_lines
from ingest_cli.formats.sql.dialect import Syntax
from ingest_cli.formats.sql.heads import Heads
from ingest_cli.formats.sql.machine import Scan
from ingest_cli.formats.sql.recovery import Recovery
from ingest_cli.formats.sql.rows import RowRun, cells_of_pattern, cells_of_tuple, empty_cells
from ingest_cli.formats.sql.selects import Selected, read_assignments, read_select
from ingest_cli.formats.sql.skipping import INSERTS, Skipping, TextState
from ingest_cli.formats.sql.statements import Copy, Form, Insert, read_copy, read_create_table, read_insert
from ingest_cli.formats.sql.tokens import NAMES, Cursor, IncompleteError, Kind, check_size, name_of
from ingest_cli.formats.sql.tuples import MAX_FAST_WIDTH, Broken, Tuple, read_tuple, read_usual, run_pattern
from ingest_cli.formats.sql.unread import Stretch

__all__ = ["Scan", "Scanner"]

FAST_AFTER_TUPLES = 5_000
"""Tuples of one shape after which a pattern is compiled for them, which takes as long as reading these tuples."""

WINDOW_BYTES = 256 << 10
"""Bytes matched at a time, which limits the memory of the matches."""

_MAX_FAST_HEAD_BYTES = 16 << 10
"""Maximum length of a head for which a pattern is compiled."""

_CONDITIONS = frozenset({"IF", "WITH"})
"""First words of statements that may contain an INSERT."""

# Complete spaces and comments between statements.
_BLANK = re.compile(rb"(?:\s++(?=\S)|--[^\r\n]*+(?=[\r\n]))++")


class Scanner(Recovery):
    """Finder of the rows of one dump, which is given block by block."""

    def __init__(self, syntax: Syntax, catalog: Catalog) -> None:
        super().__init__(syntax)
        self._catalog = catalog
        self._heads = Heads()
        self._passed_over = 0  # tuples of unread tables
        self._copy: Copy | None = None
        self._repeats = False
        self._rows = self._values

    # Statements

    def _statement(self, at: int) -> int:
        """State: before a statement, or the space before it."""
        if blank := _BLANK.match(self._data, at, at + record_stream.MAX_RECORD_BYTES):
            return blank.end()
        cursor = self._cursor(at)
        token = cursor.any()
        check_size(at, token.end)
        word = token.word if token.kind is Kind.WORD else ""
        if token.kind in {Kind.SPACE, Kind.COMMENT} or token.text in {b";", b"/"} or word in {"BEGIN", "GO"}:
            return token.end
        if word in INSERTS or (word == "INTO" and self._repeats):
            return self._insert(at, cursor, repeated=word == "INTO")
        self._repeats = False
        if word == "COPY":
            return self._copy_from(at, cursor)
        if word == "CREATE":
            return self._create(at, cursor)
        if word == "USE":
            self._use(at, cursor)
        what = self._skipping.what_begins_with(token)
        return self._skip(at if what is TextState.DELIMITER else token.end, what, condition=word in _CONDITIONS)

    def _use(self, at: int, cursor: Cursor) -> None:
        """Set the database of a USE."""
        token = cursor.next()
        check_size(at, cursor.seen)
        if token.kind in NAMES:
            self._catalog.use(name_of(token))
            self._forget()

    def _insert(self, at: int, cursor: Cursor, *, repeated: bool) -> int:
        """Read the head of an INSERT or REPLACE, or of an INTO of INSERT ALL."""
        context = self._heads.find(self._data, at)
        if context is None:
            after = cursor.position
            repeats = repeated
            if not repeated and cursor.peek().word in {"ALL", "FIRST"}:
                cursor.next()
                repeats = True
            found = read_insert(cursor)
            check_size(at, cursor.seen)
            self._repeats = repeats
            if found is None:
                return self._skip(after, TextState.STATEMENT)
            start = cursor.peek().start
            if found.form is Form.ASSIGNMENTS or found.form is Form.DEFAULTS:
                return self._alone(at, cursor, found)
            if found.form is not Form.TUPLES and found.form is not Form.SELECTS:
                reason = "not_values" if found.form is Form.QUERY else "unread_statement"
                return self._unread(at, cursor.position, self._catalog.unread(found.table), reason)
            context = self._catalog.open(found.table, found.columns, self._data[at:start])
            context.repeats = repeats
            self._rows = self._selects if found.form is Form.SELECTS else self._values
            if found.form is Form.TUPLES:
                self._heads.add(context)
        else:
            self._rows = self._values
        self._repeats = context.repeats
        self._context, self._state, self._lead = context, self._rows, len(context.head)
        return at

    def _alone(self, at: int, cursor: Cursor, found: Insert) -> int:
        """Read an INSERT … SET or DEFAULT VALUES, which has one row."""
        if found.form is Form.DEFAULTS:
            self._context = context = self._catalog.open_blank(found.table)
            end, following = after_tuple(cursor, final=self._final, repeats=False)
            check_size(at, end)
            self._row(at, RowRun([at], [end], cells=partial(empty_cells, context)))
            self._follow(following)
            return end
        row = read_assignments(cursor, final=self._final)
        if isinstance(row, Selected):
            check_size(at, max(row.end, cursor.seen))
            self._context = self._catalog.open(found.table, row.names, b"")
            return self._selected(at, row)
        context = self._catalog.unread(found.table)
        if row is None:
            check_size(at, cursor.seen)
            return self._unread(at, cursor.position, context, "unread_statement")
        self._context = context
        return self._broken(at, row.at, cursor)

    def _copy_from(self, at: int, cursor: Cursor) -> int:
        after = cursor.position
        found = read_copy(cursor)
        if found is None:
            check_size(at, cursor.seen)
            return self._skip(after, TextState.STATEMENT)
        end = self._data.find(b"\n", cursor.position) + 1
        if not end:
            raise IncompleteError
        check_size(at, end)
        self._copy, self._state = found, self._copy_lines
        return end

    def _create(self, at: int, cursor: Cursor) -> int:
        after = cursor.position
        what = Skipping.created(cursor)
        if what is not TextState.TABLE:
            check_size(at, cursor.seen)
            return self._skip(after, what)
        created = read_create_table(cursor)
        check_size(at, cursor.seen)
        if created is not None:
            self._catalog.create(created)
            self._forget()
        return self._skip(cursor.position, TextState.STATEMENT)

    def _forget(self) -> None:
        """Remove the cached heads, whose meaning may have changed."""
        self._heads.clear()
        self._context = Context(b"")

    # Rows

    def _values(self, at: int) -> int:
        """State: before a tuple, or before the head of its statement."""
        end = self._tuples(at)
        if end > at:
            return end
        context, start = self._context, at + self._lead
        cursor = self._cursor(start)
        opened = self._data[start : start + 1] == b"(" or opens_row(cursor, final=self._final)
        if not opened and is_over(cursor, final=self._final):
            self._state = self._statement
            return start
        found: Tuple | Broken = Broken(start)
        if opened:
            most = context.width + 1 if context.read else 0
            found = read_usual(cursor, self._syntax, most=most) or read_tuple(cursor, final=self._final, most=most)
        context.tuples += 1
        if isinstance(found, Broken):
            return self._broken(at, found.at, cursor)
        end, following = after_tuple(cursor, final=self._final, repeats=context.repeats)
        check_size(at, max(end, cursor.seen))
        self._passed_over += not context.read
        self._row(at, self._run(at, end, found.values) if context.read else None)
        self._follow(following)
        return end

    def _selects(self, at: int) -> int:
        """State: before a SELECT of an INSERT, or before the head of its statement."""
        cursor = self._cursor(at + self._lead)
        row = read_select(cursor, final=self._final)
        if isinstance(row, Broken):
            return self._broken(at, row.at, cursor)
        check_size(at, cursor.seen)
        if row is None:
            return self._unread(at, at + self._lead, self._context, "not_values")
        return self._selected(at, row)

    def _selected(self, at: int, row: Selected) -> int:
        self._row(at, self._run(at, row.end, row.values) if self._context.read else None)
        self._follow(row.following)
        return row.end

    def _run(self, at: int, end: int, values: Sequence[tuple[int, int]]) -> RowRun:
        """Return the row with these values as a record."""
        context = self._context
        if len(values) != context.width:
            return RowRun([at], [end], [(0, "too_many_cells" if len(values) > context.width else "too_few_cells")])
        raw = [self._data[begin:after] for begin, after in values]
        return RowRun([at], [end], cells=partial(cells_of_tuple, raw, context, self._syntax))

    def _row(self, at: int, run: RowRun | None) -> None:
        """Add a row as a record, or count it if its table is not read."""
        if run is not None and self._context.read:
            self._add(run)
        else:
            self._pass(at)

    # Many rows at a time

    def _tuples(self, at: int) -> int:
        """Read consecutive tuples that the pattern matches; return their end."""
        pattern, start = self._pattern(at)
        if pattern is None:
            return at
        found = pattern.findall(self._data, start, at + min(WINDOW_BYTES, record_stream.MAX_RECORD_BYTES))
        if not found or not found[-1][0]:
            found = found[:-1]
        if not found:
            return at
        bounds = list(accumulate((len(groups[0]) for groups in found), initial=start))
        if self._context.read:
            cells = partial(cells_of_pattern, found, self._context, self._syntax)
            self._add(RowRun(bounds[:-1], bounds[1:], cells=cells))
        else:
            self._pass(at, len(found))
        self._lead = 0
        self._state = self._values if self._data[bounds[-1] : bounds[-1] + 1] == b"(" else self._statement
        return bounds[-1]

    def _pattern(self, at: int) -> tuple[re.Pattern[bytes] | None, int]:
        """Return (pattern for many tuples if enough tuples were read to justify compiling it, start)."""
        context = self._context
        if context.width > MAX_FAST_WIDTH or len(context.head) > _MAX_FAST_HEAD_BYTES:
            return None, at
        if context.tuples >= FAST_AFTER_TUPLES:
            return run_pattern(context, self._syntax), at
        if not context.read and self._passed_over >= FAST_AFTER_TUPLES:
            return run_pattern(None, self._syntax), at + self._lead
        return None, at

    def _copy_lines(self, at: int) -> int:
        """State: before a line of a COPY."""
        stop, after = find_lines(self._data, at, final=self._final)
        if stop > at:
            check_size(at, stop)  # several lines are never that long
            self._open_copy()
            if self._context.read:
                self._add(read_lines(self._data, at, stop, self._context))
            else:
                self._pass(at, count_rows(self._data, at, stop))
        if after is None:
            return stop
        self._state, self._copy, self._context = self._statement, None, Context(b"")
        return after

    def _open_copy(self) -> None:
        """Open the table of a COPY, which is delayed until it has a line."""
        if self._copy is not None:
            self._context = self._catalog.open(self._copy.table, self._copy.columns, b"")
            self._context.plain = self._copy.plain
            self._copy = None

    def _give_up(self, at: int) -> None:
        """See `Machine._give_up`."""
        most = record_stream.MAX_RECORD_BYTES
        self._discard, self._reason = most, "record_too_long"
        if self._state == self._copy_lines:
            self._open_copy()
            self._reject([at], [at + 1], estimated=False)
            self._state = self._discard_line
        elif self._state in {self._values, self._selects} or self._is_of_read_table(at):
            stretch = Stretch(most, self._lead, to_line_end=True)
            self._begin_stretch(stretch, self._go_on_lost)
            self._lead = 0
        else:
            if self._state != self._text:
                self._skipping.begin(TextState.STATEMENT)
            self._state = self._discard_text

    def _discard_line(self, at: int) -> int:
        """State: inside a line of COPY that is too long."""
        least = min(at + self._discard, len(self._data))
        self._discard -= least - at
        end = self._data.find(b"\n", least) if not self._discard else -1
        if end < 0:
            return len(self._data)
        self._state = self._copy_lines
        return end + 1

    def _is_of_read_table(self, at: int) -> bool:
        """Return whether the statement at `at` has rows of a table that is read, as far as its head can be read."""
        if self._state != self._statement:
            return False
        seen = self._data[at : at + record_stream.MAX_RECORD_BYTES]  # independent of the size of blocks
        cursor = Cursor(seen, 0, self._syntax, final=False)
        try:
            found = read_insert(cursor) if cursor.next().word in INSERTS else None
        except IncompleteError:
            found = None
        if found is None or not self._catalog.is_read(found.table):
            return False
        self._context, self._rows, self._lead = self._catalog.unread(found.table), self._values, 0
        return True
