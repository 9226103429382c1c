"""The state machine that finds the rows in a dump.

At every place it is in one state: before a statement, inside one that does not matter, inside a routine, before a
tuple, a SELECT or a line of COPY, or inside what is damaged or too long. The state depends on the bytes before that place and on
nothing else, above all not on where blocks end: what cannot be told yet is left for the next call, and what would
be longer than a record may be is given up after that many bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate

from ingest_cli.formats import record_stream
from ingest_cli.formats.interface import MAX_CHUNK_ROWS
from ingest_cli.formats.sql.boundaries import (
    LOOK_AHEAD_BYTES,
    Next,
    after_tuple,
    is_over,
    opens_row,
    resync,
    search_on,
)
from ingest_cli.formats.sql.catalog import Catalog, Context
from ingest_cli.formats.sql.copy_lines import count_rows, find_lines, read_lines
from ingest_cli.formats.sql.dialect import Syntax
from ingest_cli.formats.sql.heads import Heads
from ingest_cli.formats.sql.rows import Passed, Run, cells_of_pattern, cells_of_tuple, empty_cells
from ingest_cli.formats.sql.selects import Selected, read_assignments, read_select
from ingest_cli.formats.sql.skipping import Skipping, TextState
from ingest_cli.formats.sql.statements import Copy, Form, Insert, read_copy, read_create_table, read_insert
from ingest_cli.formats.sql.tokens import NAMES, Cursor, IncompleteError, Kind, TooLongError, check_size, name_of
from ingest_cli.formats.sql.tuples import MAX_FAST_WIDTH, Broken, Tuple, read_tuple, read_usual, run_pattern
from ingest_cli.formats.sql.unread import MAX_CUT_BYTES, Stretch, edges_that_begin, row_edges

FAST_AFTER_TUPLES = 5_000
"""Tuples of one shape after which a pattern for them is compiled, which costs as much as reading these does."""

WINDOW_BYTES = 256 << 10
"""How much the pattern is let loose on at a time, so that what it finds stays small."""

_MAX_FAST_HEAD_BYTES = 16 << 10
"""Patterns are compiled for heads up to this length."""

_INSERTS = frozenset({"INSERT", "REPLACE", "MERGE", "UPSERT"})
_CONDITIONS = frozenset({"IF", "WITH"})
"""What may begin a statement of which an INSERT is a part."""

# Space and comments between statements, many at a time, each of them whole.
_BLANK = re.compile(rb"(?:\s++(?=\S)|--[^\r\n]*+(?=[\r\n]))++")

State = Callable[[int], int]
"""Deals with what stands at a place, and says where to go on; raises IncompleteError or TooLongError."""


@dataclass(frozen=True, slots=True)
class Scan:
    """What a scanner found.

    Attributes:
        runs: the records, in order.
        passed: rows of tables that are not read, in order.
        consumed: bytes that have been dealt with.
    """

    runs: list[Run]
    passed: list[Passed]
    consumed: int


class Scanner:
    """Finds the rows of one dump; given all of its bytes in order."""

    def __init__(self, syntax: Syntax, catalog: Catalog) -> None:
        self._syntax = syntax
        self._catalog = catalog
        self._data = b""
        self._final = False
        self._runs = list[Run]()
        self._records = 0
        self._state: State = self._statement
        self._context = Context(b"")
        self._heads = Heads()
        self._passed = list[Passed]()  # rows of tables that are not read
        self._passed_over = 0  # tuples among them, up to the point where that has no further consequence
        self._joins_passed = False
        self._copy: Copy | None = None
        self._repeats = False
        self._lead = 0  # bytes of the statement's head before the next tuple, as part of its record
        self._discard = 0
        self._rows: State = self._values  # what reads the rows of the statement
        self._reason = ""  # why what is being passed through is rejected
        self._stretch = Stretch(0)
        self._after_stretch: Callable[[], None] = lambda: None
        self._skipping = Skipping(syntax)

    def scan(self, data: bytes, *, final: bool) -> Scan:
        """Go on, with `data`: what the last call did not consume, and more.

        Raises:
            ManifestError: the manifest does not fit the dump.
        """
        self._data, self._final = data, final
        self._runs, self._records, self._passed, self._joins_passed = [], 0, [], False
        at = 0
        while at < len(data) and self._records < MAX_CHUNK_ROWS:
            try:
                at = self._state(at)
            except IncompleteError:
                if len(data) - at > record_stream.MAX_RECORD_BYTES + (0 if final else LOOK_AHEAD_BYTES):
                    self._give_up(at)
                elif final:
                    at = len(data)
                else:
                    break
            except TooLongError:
                self._give_up(at)
        self._data = b""
        return Scan(self._runs, self._passed, at)

    # Statements

    def _statement(self, at: int) -> int:
        """Before a statement, or the space before it."""
        if blank := _BLANK.match(self._data, at, at + record_stream.MAX_RECORD_BYTES):
            return blank.end()
        cursor = self._cursor(at)
        token = cursor.any()
        check_size(at, token.end)
        word = token.word if token.kind is Kind.WORD else ""
        if token.kind in {Kind.SPACE, Kind.COMMENT} or token.text in {b";", b"/"} or word in {"BEGIN", "GO"}:
            return token.end
        if word in _INSERTS or (word == "INTO" and self._repeats):
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
        """A USE: what has no database before its name is in that one from here on."""
        token = cursor.next()
        check_size(at, cursor.seen)
        if token.kind in NAMES:
            self._catalog.use(name_of(token))
            self._forget()

    def _insert(self, at: int, cursor: Cursor, *, repeated: bool) -> int:
        """An INSERT or REPLACE, or an INTO of INSERT ALL."""
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
        """An INSERT … SET, or of DEFAULT VALUES: a statement of one row."""
        if found.form is Form.DEFAULTS:
            self._context = context = self._catalog.open_blank(found.table)
            end, following = after_tuple(cursor, final=self._final, repeats=False)
            check_size(at, end)
            self._row(at, end, Run([at], [end], cells=partial(empty_cells, context)))
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
        """A CREATE: of a table, of a routine, or of something else."""
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
        """What a head means may be another thing from now on."""
        self._heads.clear()
        self._context = Context(b"")

    # Rows

    def _values(self, at: int) -> int:
        """Before a tuple, or before the statement whose first it is."""
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
        self._row(at, end, self._run(at, end, found.values) if context.read else None)
        self._follow(following)
        return end

    def _selects(self, at: int) -> int:
        """Before a SELECT of an INSERT, or before the statement whose first it is."""
        cursor = self._cursor(at + self._lead)
        row = read_select(cursor, final=self._final)
        if isinstance(row, Broken):
            return self._broken(at, row.at, cursor)
        check_size(at, cursor.seen)
        if row is None:
            return self._unread(at, at + self._lead, self._context, "not_values")
        return self._selected(at, row)

    def _selected(self, at: int, row: Selected) -> int:
        self._row(at, row.end, self._run(at, row.end, row.values) if self._context.read else None)
        self._follow(row.following)
        return row.end

    def _follow(self, following: Next) -> None:
        """Go on behind a row."""
        self._lead = 0
        self._state = self._rows if following is Next.TUPLE else self._statement
        if following is Next.TAIL:
            self._skipping.begin(TextState.STATEMENT)
            self._state = self._text

    def _run(self, at: int, end: int, values: Sequence[tuple[int, int]]) -> Run:
        """The row with these values as a record."""
        context = self._context
        if len(values) != context.width:
            return Run([at], [end], [(0, "too_many_cells" if len(values) > context.width else "too_few_cells")])
        raw = [self._data[begin:after] for begin, after in values]
        return Run([at], [end], cells=partial(cells_of_tuple, raw, context, self._syntax))

    def _row(self, at: int, end: int, run: Run | None) -> None:
        """Note a row, as a record or as one that is passed over."""
        if run is not None and self._context.read:
            self._add(run)
        else:
            self._pass(at)

    # What cannot be read

    def _unread(self, at: int, after: int, context: Context, reason: str) -> int:
        """A statement that cannot be read, up to `after` so far: each of its rows is a reject."""
        self._context, self._reason = context, reason
        self._reject([at], [after], estimated=True)
        self._skipping.begin(TextState.STATEMENT, counts=True)
        self._state = self._text
        return after

    def _broken(self, at: int, found_at: int, cursor: Cursor) -> int:
        """A row at `at` that is damaged, as comes out at `found_at`; and what else is lost before the next sure one."""
        end, following = resync(self._data, found_at, final=self._final)
        check_size(at, max(end, cursor.seen))
        self._reason = "broken_tuple"
        if end - at > MAX_CUT_BYTES:
            self._begin_stretch(at, Stretch(end - at, self._lead), partial(self._follow, following))
            return at
        places = row_edges(self._data, at + self._lead, end)
        self._reject([at, *places], [*places, end], estimated=bool(places))
        self._follow(following)
        return end

    def _begin_stretch(self, at: int, stretch: Stretch, after: Callable[[], None]) -> None:
        self._reject_at([at])
        self._stretch, self._after_stretch, self._state = stretch, after, self._in_stretch

    def _in_stretch(self, at: int) -> int:
        """Inside damaged text."""
        places, end, over = self._stretch.step(self._data, at, final=self._final)
        self._reject_at(places)
        if over:
            self._after_stretch()
        return end

    def _reject_at(self, places: Sequence[int]) -> None:
        """Note rows that cannot be read, of which it is only known where they begin."""
        self._reject(places, [place + 1 for place in places], estimated=True)

    def _reject(self, starts: Sequence[int], ends: Sequence[int], *, estimated: bool) -> None:
        """Note rows that cannot be read."""
        if not starts:
            return
        if self._context.read:
            rejected = [(place, self._reason) for place in range(len(starts))]
            self._add(Run(starts, ends, rejected, estimated=estimated))
        else:
            self._pass(starts[0], len(starts), estimated=estimated)

    # Many rows at a time

    def _tuples(self, at: int) -> int:
        """As many tuples as follow one another and are written in the usual way; where they end."""
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
            self._add(Run(bounds[:-1], bounds[1:], cells=cells))
        else:
            self._pass(at, len(found))
        self._lead = 0
        self._state = self._values if self._data[bounds[-1] : bounds[-1] + 1] == b"(" else self._statement
        return bounds[-1]

    def _pattern(self, at: int) -> tuple[re.Pattern[bytes] | None, int]:
        """What may match many tuples, if so many are to be expected that making it pays; and from where on."""
        context = self._context
        if context.width > MAX_FAST_WIDTH or len(context.head) > _MAX_FAST_HEAD_BYTES:
            return None, at
        if context.tuples >= FAST_AFTER_TUPLES:
            return run_pattern(context, self._syntax), at
        if not context.read and self._passed_over >= FAST_AFTER_TUPLES:
            return run_pattern(None, self._syntax), at + self._lead
        return None, at

    def _copy_lines(self, at: int) -> int:
        """Before a line of a COPY."""
        stop, after = find_lines(self._data, at, final=self._final)
        if stop > at:
            check_size(at, stop)  # it is one line, if it is that much
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
        """Find out whose rows the lines of a COPY are, now that there are any."""
        if self._copy is not None:
            self._context = self._catalog.open(self._copy.table, self._copy.columns, b"")
            self._context.plain = self._copy.plain
            self._copy = None

    # What is not looked at

    def _skip(self, at: int, what: TextState, *, condition: bool = False) -> int:
        self._skipping.begin(what, condition=condition)
        self._state = self._text
        return at

    def _text(self, at: int) -> int:
        """Inside a statement, routine or line that does not matter."""
        end, over = self._skipping.skip(self._data, at, final=self._final)
        self._reject_at(self._skipping.rows_at.copy())
        if over:
            self._state = self._recover if self._skipping.is_damaged else self._statement
        return end

    def _recover(self, at: int) -> int:
        """Inside a statement that cannot be read, where a quote was lost."""
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

    def _give_up(self, at: int) -> None:
        """What stands at `at` is longer than a record may be."""
        most = record_stream.MAX_RECORD_BYTES
        self._discard, self._reason = most, "record_too_long"
        if self._state == self._copy_lines:
            self._open_copy()
            self._reject([at], [at + 1], estimated=False)
            self._state = self._discard_line
        elif self._state in {self._values, self._selects} or self._is_of_read_table(at):
            stretch = Stretch(most, self._lead, to_line_end=True)
            self._begin_stretch(at, stretch, partial(setattr, self, "_state", self._lost))
            self._lead = 0
        else:
            if self._state != self._text:
                self._skipping.begin(TextState.STATEMENT)
            self._state = self._discard_text

    def _is_of_read_table(self, at: int) -> bool:
        """Whether the statement at `at` has rows of a table that is read, if so much of its head can be read."""
        if self._state != self._statement:
            return False
        seen = self._data[at : at + record_stream.MAX_RECORD_BYTES]  # the same bytes, whatever the size of blocks
        cursor = Cursor(seen, 0, self._syntax, final=False)
        try:
            found = read_insert(cursor) if cursor.next().word in _INSERTS else None
        except IncompleteError:
            found = None
        if found is None or not self._catalog.is_read(found.table):
            return False
        self._context, self._rows, self._lead = self._catalog.unread(found.table), self._values, 0
        return True

    def _discard_text(self, at: int) -> int:
        end = min(at + self._discard, len(self._data))
        self._discard -= end - at
        if not self._discard:
            self._state = self._text
        return end

    def _discard_line(self, at: int) -> int:
        """Read past the rest of a line of COPY that is too long."""
        least = min(at + self._discard, len(self._data))
        self._discard -= least - at
        end = self._data.find(b"\n", least) if not self._discard else -1
        if end < 0:
            return len(self._data)
        self._state = self._copy_lines
        return end + 1

    def _lost(self, at: int) -> int:
        """Behind a tuple that was too long, and perhaps in the middle of it."""
        end, following = search_on(self._data, at, final=self._final)
        if following is not None:
            self._follow(following)
        return end

    def _add(self, run: Run) -> None:
        self._runs.append(run)
        self._records += len(run.starts)
        self._joins_passed = False

    def _pass(self, at: int, rows: int = 1, *, estimated: bool = False) -> None:
        """Count rows of a table that is not read."""
        if not self._context.name or not rows:
            return
        if not self._joins_passed:
            self._passed.append(Passed(at))
            self._joins_passed = True
        self._passed[-1].rows[self._context.name] += rows
        self._passed[-1].estimated += rows if estimated else 0

    def _cursor(self, at: int) -> Cursor:
        return Cursor(self._data, at, self._syntax, final=self._final)
