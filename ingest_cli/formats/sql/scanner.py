"""The state machine that finds the rows in a dump.

At every place it is in one state: before a statement, inside one that does not matter, inside a routine, before a
tuple or a line of COPY, or behind something too long. The state depends on the bytes before that place and on
nothing else, above all not on where blocks end: what cannot be told yet is left for the next call, and what would
be longer than a record may be is given up after that many bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import accumulate

from ingest_cli.formats import record_stream
from ingest_cli.formats.interface import MAX_CHUNK_ROWS
from ingest_cli.formats.sql.boundaries import LOOK_AHEAD_BYTES, Next, after_tuple, is_over, last_chance, resync
from ingest_cli.formats.sql.catalog import Catalog, Context
from ingest_cli.formats.sql.copy_lines import find_lines, read_lines
from ingest_cli.formats.sql.dialect import Syntax
from ingest_cli.formats.sql.heads import Heads
from ingest_cli.formats.sql.rows import Run, cells_of_pattern, cells_of_tuple
from ingest_cli.formats.sql.skipping import Skipping, TextState
from ingest_cli.formats.sql.statements import Copy, read_copy, read_create_table, read_insert
from ingest_cli.formats.sql.tokens import NAMES, Cursor, IncompleteError, Kind, TooLongError, check_size, name_of
from ingest_cli.formats.sql.tuples import MAX_FAST_WIDTH, Broken, Tuple, read_tuple, read_usual, run_pattern

FAST_AFTER_TUPLES = 5_000
"""Tuples of one shape after which a pattern for them is compiled, which costs as much as reading these does."""

WINDOW_BYTES = 256 << 10
"""How much the pattern is let loose on at a time, so that what it finds stays small."""

_MAX_FAST_HEAD_BYTES = 16 << 10
"""Patterns are compiled for heads up to this length."""

# Space and comments between statements, many at a time, each of them whole.
_BLANK = re.compile(rb"(?:\s++(?=\S)|--[^\r\n]*+(?=[\r\n]))++")

State = Callable[[int], int]
"""Deals with what stands at a place, and says where to go on; raises IncompleteError or TooLongError."""


@dataclass(frozen=True, slots=True)
class Scan:
    """What a scanner found.

    Attributes:
        runs: the records, in order.
        consumed: bytes that have been dealt with.
    """

    runs: list[Run]
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
        self._passed_over = 0  # tuples of tables that are not read
        self._copy: Copy | None = None
        self._repeats = False
        self._lead = 0  # bytes of the statement's head before the next tuple, as part of its record
        self._discard = 0
        self._skipping = Skipping(syntax)

    def scan(self, data: bytes, *, final: bool) -> Scan:
        """Go on, with `data`: what the last call did not consume, and more.

        Raises:
            ManifestError: the manifest does not fit the dump.
        """
        self._data, self._final = data, final
        self._runs, self._records = [], 0
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
        return Scan(self._runs, at)

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
        if word in {"INSERT", "REPLACE"} or (word == "INTO" and self._repeats):
            return self._insert(at, cursor, repeated=word == "INTO")
        self._repeats = False
        if word == "COPY":
            return self._copy_from(at, cursor)
        if word == "CREATE":
            return self._create(at, cursor)
        if word == "USE":
            self._use(at, cursor)
        what = self._skipping.what_begins_with(token)
        return self._skip(at if what is TextState.DELIMITER else token.end, what)

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
            if not found.has_values:
                if self._catalog.is_read(found.table):
                    self._add(Run([at], [cursor.position], [(0, "not_values")]))
                return self._skip(cursor.position, TextState.STATEMENT)
            context = self._catalog.open(found.table, found.columns, self._data[at : cursor.peek().start])
            context.repeats = repeats
            self._heads.add(context)
        self._repeats = context.repeats
        self._context, self._state, self._lead = context, self._values, len(context.head)
        return at

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
        opened = self._data[start : start + 1] == b"("
        if not opened and is_over(cursor, final=self._final):
            self._state = self._statement
            return start
        found: Tuple | Broken = Broken(start)
        if opened:
            most = context.width + 1 if context.read else 0
            found = read_usual(cursor, self._syntax, most=most) or read_tuple(cursor, final=self._final, most=most)
        if isinstance(found, Broken):
            end, following = resync(self._data, found.at, final=self._final)
            run = Run([at], [end], [(0, "broken_tuple")])
        else:
            end, following = after_tuple(cursor, final=self._final, repeats=context.repeats)
            run = self._row(at, end, [self._data[begin:after] for begin, after in found.values])
        check_size(at, max(end, cursor.seen))
        if context.read:
            self._add(run)
        else:
            self._passed_over += 1
        context.tuples += 1
        self._follow(following)
        return end

    def _follow(self, following: Next) -> None:
        """Go on behind a tuple."""
        self._lead = 0
        self._state = self._values if following is Next.TUPLE else self._statement
        if following is Next.TAIL:
            self._skipping.begin(TextState.STATEMENT)
            self._state = self._text

    def _row(self, at: int, end: int, raw: list[bytes]) -> Run:
        context = self._context
        if not context.read:
            return Run([at], [end])
        if len(raw) != context.width:
            return Run([at], [end], [(0, "too_many_cells" if len(raw) > context.width else "too_few_cells")])
        return Run([at], [end], cells=partial(cells_of_tuple, raw, context, self._syntax))

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
            run = read_lines(self._data, at, stop, self._context)
            if self._context.read:
                self._add(run)
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

    def _skip(self, at: int, what: TextState) -> int:
        self._skipping.begin(what)
        self._state = self._text
        return at

    def _text(self, at: int) -> int:
        """Inside a statement, routine or line that does not matter."""
        end, over = self._skipping.skip(self._data, at, final=self._final)
        if over:
            self._state = self._statement
        return end

    def _give_up(self, at: int) -> None:
        """What stands at `at` is longer than a record may be."""
        self._discard = record_stream.MAX_RECORD_BYTES
        if self._state in {self._values, self._copy_lines}:
            self._open_copy()
            if self._context.read:
                self._add(Run([at], [at], [(0, "record_too_long")]))
            after = self._lost if self._state == self._values else self._copy_lines
            self._state = partial(self._discard_line, after)
            self._lead = 0
        else:
            if self._state != self._text:
                self._skipping.begin(TextState.STATEMENT)
            self._state = self._discard_text

    def _discard_text(self, at: int) -> int:
        end = min(at + self._discard, len(self._data))
        self._discard -= end - at
        if not self._discard:
            self._state = self._text
        return end

    def _discard_line(self, after: State, at: int) -> int:
        """Read past the rest of something too long, up to the end of the line it ends in; then go on with `after`."""
        least = min(at + self._discard, len(self._data))
        self._discard -= least - at
        end = self._data.find(b"\n", least) if not self._discard else -1
        if end < 0:
            return len(self._data)
        self._state = after
        return end + 1 if after == self._copy_lines else end  # a tuple may be told by the line end before it

    def _lost(self, at: int) -> int:
        """Behind a tuple that was too long, and perhaps in the middle of it."""
        try:
            end, following = resync(self._data, at, final=self._final)
        except IncompleteError:
            end = last_chance(self._data, at)
            if end == at:
                raise
            return end
        self._follow(following)
        return end

    def _add(self, run: Run) -> None:
        self._runs.append(run)
        self._records += len(run.starts)

    def _cursor(self, at: int) -> Cursor:
        return Cursor(self._data, at, self._syntax, final=self._final)
