r"""The lines between a COPY … FROM stdin and its `\.`, in PostgreSQL's text format.

A line is a row and a tab is between cells, unless a backslash stands before either (PostgreSQL manual, COPY,
"Text Format"); pg_dump itself writes `\n` and `\t`.
"""

from __future__ import annotations

import re
from functools import partial
from itertools import accumulate

from ingest_cli.formats import record_stream
from ingest_cli.formats.sql.catalog import Context
from ingest_cli.formats.sql.rows import RowRun, cells_of_lines
from ingest_cli.formats.sql.tokens import IncompleteError

WINDOW_BYTES = 256 << 10
"""How much is looked at in one go, so that what is kept of short lines stays small."""

# A COPY whose end was lost ends where the next begins.
_END = re.compile(rb"^(?:\\\.\r?$|(?=COPY [^\t\n]+ FROM stdin;))", re.MULTILINE)


def find_lines(data: bytes, start: int, *, final: bool) -> tuple[int, int | None]:
    """(where the lines that can be read in one go end, where reading goes on if the COPY is over there).

    Raises:
        IncompleteError: the first line has no end yet.
    """
    window = start + min(WINDOW_BYTES, record_stream.MAX_RECORD_BYTES)
    stop = data.rfind(b"\n", start, window) + 1
    while stop and _is_escaped(data, stop - 1, start):
        stop = data.rfind(b"\n", start, stop - 1) + 1
    if not stop:  # one line longer than that
        stop = data.find(b"\n", start) + 1
        while stop and _is_escaped(data, stop - 1, start):
            stop = data.find(b"\n", stop) + 1
    if not stop:
        if not final:
            raise IncompleteError
        stop = len(data)
    over = _END.search(data, start, stop)
    if over is None:
        return stop, None
    after = over.end()
    if after > over.start():
        after = data.find(b"\n", after, stop) + 1 or stop
    return over.start(), after


def read_lines(data: bytes, start: int, stop: int, context: Context) -> RowRun:
    """The lines from `start` to `stop` as records.

    A line without an end is rejected: the dump was cut off, and perhaps in the middle of a cell.
    """
    texts = _split(data[start:stop], b"\n")
    ends = [min(end, stop) for end in accumulate((len(text) + 1 for text in texts), initial=start)]
    whole = len(texts) - 1
    if not texts[-1]:
        texts.pop()
        ends.pop()
    lines, rejected = list[list[bytes]](), list[tuple[int, str]]()
    for place, text in enumerate(texts):
        cells = _split(text.removesuffix(b"\r"), b"\t")
        if place >= whole:
            rejected.append((place, "broken_tuple"))
        elif not context.plain:
            rejected.append((place, "copy_options"))
        elif len(cells) != context.width:
            rejected.append((place, "too_many_cells" if len(cells) > context.width else "too_few_cells"))
        else:
            lines.append(cells)
    return RowRun(ends[:-1], ends[1:], rejected, partial(cells_of_lines, lines, context) if lines else None)


def count_rows(data: bytes, start: int, stop: int) -> int:
    """How many rows the lines from `start` to `stop` are."""
    text = data[start:stop]
    if b"\\\n" in text:
        return len(_split(text.removesuffix(b"\n"), b"\n"))
    return text.count(b"\n") + (not text.endswith(b"\n"))


def _split(text: bytes, separator: bytes) -> list[bytes]:
    """Cut at each separator that has no backslash of its own before it."""
    if b"\\" + separator not in text:
        return text.split(separator)
    out, begin, at = list[bytes](), 0, text.find(separator)
    while at >= 0:
        if not _is_escaped(text, at, begin):
            out.append(text[begin:at])
            begin = at + 1
        at = text.find(separator, at + 1)
    return [*out, text[begin:]]


def _is_escaped(data: bytes, at: int, start: int) -> bool:
    """Whether an odd number of backslashes stands before `at`."""
    first = at
    while first > start and data[first - 1 : first] == b"\\":
        first -= 1
    return (at - first) % 2 == 1
