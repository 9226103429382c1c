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

from ingest_cli.formats import blocks
from ingest_cli.formats.interface import MAX_CHUNK_ROWS
from ingest_cli.formats.sql.catalog import Catalog, Context
from ingest_cli.formats.sql.copy_lines import find_lines, read_lines
from ingest_cli.formats.sql.dialect import Family, Syntax
from ingest_cli.formats.sql.rows import Run, cells_of_pattern, cells_of_tuple
from ingest_cli.formats.sql.skipping import Skipping, TextState
from ingest_cli.formats.sql.statements import Copy, read_copy, read_create_table, read_insert
from ingest_cli.formats.sql.tokens import Cursor, IncompleteError, Kind, TooLongError, check_size
from ingest_cli.formats.sql.tuples import MAX_FAST_WIDTH, Broken, read_tuple, run_pattern

FAST_AFTER_TUPLES = 1_000
"""Tuples of one shape after which a pattern for them is compiled, which costs as much as reading these does."""

WINDOW_BYTES = 256 << 10
"""How much the pattern is let loose on at a time, so that what it finds stays small."""

_LOOK_AHEAD_BYTES = 64
"""What has to be seen behind a record, at most, to know where it ends; the longest word in `_SYNC` is shorter."""

_MAX_CONTEXTS = 256
_STATEMENTS = frozenset(
    [
        "ALTER",
        "ANALYZE",
        "BEGIN",
        "COMMENT",
        "COMMIT",
        "COPY",
        "CREATE",
        "DECLARE",
        "DELETE",
        "DELIMITER",
        "DROP",
        "END",
        "EXEC",
        "EXIT",
        "GO",
        "GRANT",
        "IF",
        "INSERT",
        "LOCK",
        "MERGE",
        "PRAGMA",
        "PRINT",
        "PROMPT",
        "QUIT",
        "REM",
        "REPLACE",
        "REVOKE",
        "ROLLBACK",
        "SELECT",
        "SET",
        "TRUNCATE",
        "UNLOCK",
        "UPDATE",
        "USE",
        "VACUUM",
    ]
)
"""What may follow a tuple without a semicolon between them."""

_TAILS = frozenset({"ON", "RETURNING", "AS"})
"""What an INSERT may have behind its tuples."""

# Where reading can go on after a broken tuple: at the next that follows one, or stands on a line of its own; or
# at the next statement, behind a semicolon at the end of a line or on a line of its own.
_NEXT_TUPLE = rb"\)\s*+,\s*+(?=\()|\n[ \t]*+(?=\()"
_NEXT_STATEMENT = rb";[ \t\r]*+(?:\n|\Z)|\n[ \t]*+(?=(?i:INSERT|REPLACE|CREATE|COPY|GO|SET|UPDATE|ALTER|DROP|COMMIT)\s)"
_SYNC = re.compile(rb"(?P<tuple>" + _NEXT_TUPLE + rb")|(?:" + _NEXT_STATEMENT + rb")")

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
        self._contexts: dict[bytes, Context] = {}
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
                if len(data) - at > blocks.MAX_RECORD_BYTES + (0 if final else _LOOK_AHEAD_BYTES):
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

    def _statement(self, at: int) -> int:  # noqa: PLR0911 - one line for each kind of statement
        """Before a statement, or the space before it."""
        cursor = self._cursor(at)
        token = cursor.any()
        check_size(at, token.end)
        if token.kind in {Kind.SPACE, Kind.COMMENT} or token.text in {b";", b"/"}:
            return token.end
        if token.text == b"\\":
            return self._skip(token.end, TextState.LINE)
        if token.kind is not Kind.WORD:
            return self._skip(token.end, TextState.STATEMENT)
        word = token.word
        if word in {"INSERT", "REPLACE"} or (word == "INTO" and self._repeats):
            return self._insert(at, cursor, repeated=word == "INTO")
        self._repeats = False
        if word == "COPY":
            return self._copy_from(at, cursor)
        if word == "CREATE":
            return self._create(at, cursor)
        if word in {"BEGIN", "GO"}:
            return token.end
        if word == "DELIMITER" and self._syntax.family in {Family.MYSQL, Family.UNKNOWN}:
            return self._skip(at, TextState.DELIMITER)
        if word in {"REM", "REMARK", "PROMPT"} and self._syntax.family in {Family.ORACLE, Family.UNKNOWN}:
            return self._skip(token.end, TextState.LINE)
        return self._skip(token.end, TextState.STATEMENT)

    def _insert(self, at: int, cursor: Cursor, *, repeated: bool) -> int:
        """An INSERT or REPLACE, or an INTO of INSERT ALL."""
        head = self._context.head
        if head and self._data.startswith(head + b"(", at) and not self._context.repeats:
            self._state, self._lead = self._values, len(head)
            return at
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
        start = cursor.peek().start
        head = self._data[at:start]
        context = self._contexts.get(head)
        if context is None:
            if len(self._contexts) >= _MAX_CONTEXTS:
                self._contexts.clear()
            context = self._catalog.open(found.table, found.columns, head)
            context.repeats = repeats
            self._contexts[head] = context
        self._context, self._state, self._lead = context, self._values, len(head)
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
            self._contexts.clear()
            self._context = Context(b"")
        return self._skip(cursor.position, TextState.STATEMENT)

    # Rows

    def _values(self, at: int) -> int:
        """Before a tuple, or before the statement whose first it is."""
        context = self._context
        if context.tuples >= FAST_AFTER_TUPLES and not context.repeats and context.width <= MAX_FAST_WIDTH:
            end = self._tuples(at)
            if end > at:
                return end
        start = at + self._lead
        cursor = self._cursor(start)
        opened = self._data[start : start + 1] == b"("
        if not opened and self._is_over(cursor):
            self._state = self._statement
            return start
        found = read_tuple(cursor, final=self._final) if opened else Broken(start)
        if isinstance(found, Broken):
            end, state = self._sync(found.at)
            run = Run([at], [end], [(0, "broken_tuple")])
        else:
            end, state = self._after_tuple(cursor)
            run = self._row(at, end, [self._data[begin:after] for begin, after in found.values])
        check_size(at, max(end, cursor.seen))
        if context.read:
            self._add(run)
        context.tuples += 1
        self._state, self._lead = state, 0
        return end

    def _row(self, at: int, end: int, raw: list[bytes]) -> Run:
        context = self._context
        if not context.read:
            return Run([at], [end])
        if len(raw) != context.width:
            return Run([at], [end], [(0, "too_many_cells" if len(raw) > context.width else "too_few_cells")])
        return Run([at], [end], cells=partial(cells_of_tuple, raw, context, self._syntax))

    def _tuples(self, at: int) -> int:
        """As many tuples as follow one another and are written in the usual way; where they end."""
        context = self._context
        pattern = run_pattern(context, self._syntax)
        found = pattern.findall(self._data, at, at + min(WINDOW_BYTES, blocks.MAX_RECORD_BYTES))
        if not found[-1][0]:
            found.pop()
        if not found:
            return at
        bounds = list(accumulate((len(groups[0]) for groups in found), initial=at))
        if context.read:
            cells = partial(cells_of_pattern, found, context, self._syntax)
            self._add(Run(bounds[:-1], bounds[1:], cells=cells))
        self._lead = 0
        self._state = self._values if self._data[bounds[-1] : bounds[-1] + 1] == b"(" else self._statement
        return bounds[-1]

    def _is_over(self, cursor: Cursor) -> bool:
        """Whether, instead of a tuple, there is what may come after the last."""
        try:
            token = cursor.peek()
        except IncompleteError:
            if not self._final:
                raise
            return False
        return token.kind is Kind.END or token.text == b";" or (token.kind is Kind.WORD and token.word in _STATEMENTS)

    def _after_tuple(self, cursor: Cursor) -> tuple[int, State]:
        """Where the next record or statement begins, and what it is to be taken for."""
        end = cursor.position
        try:
            token = cursor.next()
            following = cursor.peek() if token.text == b"," else token
        except IncompleteError:
            if not self._final:
                raise
            return end, self._values
        if token.kind is Kind.END or token.text == b";":
            return token.end, self._statement
        if token.text == b"," or token.kind is not Kind.WORD:
            return following.start, self._statement if token.text in {b"/", b"\\"} else self._values
        if token.word in _STATEMENTS or (token.word == "INTO" and self._context.repeats):
            return token.start, self._statement
        if token.word in _TAILS:
            self._skipping.begin(TextState.STATEMENT)
            return token.start, self._text
        return token.start, self._values

    def _sync(self, at: int) -> tuple[int, State]:
        """Where reading can go on from `at` on, and with what."""
        found = _SYNC.search(self._data, at)
        if found is None or (found.end() == len(self._data) and not self._final):
            if not self._final:
                raise IncompleteError
            return len(self._data), self._statement
        return found.end(), self._values if found["tuple"] is not None else self._statement

    def _copy_lines(self, at: int) -> int:
        """Before a line of a COPY."""
        stop, after = find_lines(self._data, at, final=self._final)
        if stop > at:
            self._open_copy()
            run = read_lines(self._data, at, stop, self._context)
            check_size(at, run.ends[0])
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
        self._discard = blocks.MAX_RECORD_BYTES
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
        """Read past the rest of something too long, and the line it ends in; then go on with `after`."""
        least = min(at + self._discard, len(self._data))
        self._discard -= least - at
        end = self._data.find(b"\n", least) + 1 if not self._discard else 0
        if not end:
            return len(self._data)
        self._state = after
        return end

    def _lost(self, at: int) -> int:
        """Behind a tuple that was too long, and perhaps in the middle of it."""
        try:
            end, self._state = self._sync(at)
        except IncompleteError:  # keep what may be the beginning of such a place
            end = max(self._data.rfind(mark, at) for mark in (b")", b";", b"\n"))
            if end == at:
                raise
        return end if end >= 0 else len(self._data)

    def _add(self, run: Run) -> None:
        self._runs.append(run)
        self._records += len(run.starts)

    def _cursor(self, at: int) -> Cursor:
        return Cursor(self._data, at, self._syntax, final=self._final)
