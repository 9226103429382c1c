r"""Read the lines between a COPY … FROM stdin and its `\.`, in PostgreSQL's text format.

A line is a row and a tab separates cells, unless a backslash precedes the line end or tab (PostgreSQL manual, COPY,
"Text Format"); pg_dump writes `\n` and `\t` instead.
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
"""Bytes read at a time, which limits the memory of short lines."""

# A COPY without an end ends at the next COPY.
_END = re.compile(rb"^(?:\\\.\r?$|(?=COPY [^\t\n]+ FROM stdin;))", re.MULTILINE)


def find_lines(data: bytes, start: int, *, final: bool) -> tuple[int, int | None]:
    """Return (end of the lines to read now, offset behind the COPY if it ends there).

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
    """Return the lines from `start` to `stop` as records.

    A line without an end is rejected, because the dump may be cut off in the middle of a cell.
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
    """Return the number of rows in the lines from `start` to `stop`."""
    text = data[start:stop]
    if b"\\\n" in text:
        return len(_split(text.removesuffix(b"\n"), b"\n"))
    return text.count(b"\n") + (not text.endswith(b"\n"))


def _split(text: bytes, separator: bytes) -> list[bytes]:
    """Split at each separator that is not escaped."""
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
    """Return whether an odd number of backslashes precedes `at`."""
    first = at
    while first > start and data[first - 1 : first] == b"\\":
        first -= 1
    return (at - first) % 2 == 1
