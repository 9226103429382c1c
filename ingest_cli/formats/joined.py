"""The texts of several small sources, parsed as one.

What parsing costs however little there is to parse is then paid once for all of them. That changes nothing of what
is found: texts are only joined where each begins and ends between records, which has to show in what was parsed.
Where it does not, they are parsed in halves, down to those that are parsed alone, so that whatever is wrong with one
of them, such as a quote that is never closed, is never seen by the others.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from ingest_cli.formats.interface import Format
from ingest_cli.formats.record_stream import Blocks, RecordParser, Rows, chunk_of
from ingest_cli.model.chunks import Position, RowChunk, count_lines

MOST_BEGINNINGS = 8
"""How many ways to begin are remembered: several kinds of files may take turns."""


class ClosedParser(Protocol):
    """Parses the records of several sources at once."""

    def parse_closed(self, data: bytes) -> Rows | None:
        """The records of `data`, which ends with a line end, as `parse` gives them; None if one may hold several.

        Args:
            data: whole lines; a source may begin with each of them.
        """
        ...


class JoiningParser(RecordParser, ClosedParser, Protocol):
    """A parser of records that can be given those of several sources at once."""


@runtime_checkable
class JoiningFormat(Format, Protocol):
    """A format that reads the texts of several small sources at once."""

    def begin(self, text: bytes) -> Begun | None:
        """Read what stands before the first record of `text`, which is all of a source; None: to be read by itself.

        Raises:
            ManifestError: as `Format.read`.
        """
        ...


@dataclass(frozen=True, slots=True)
class Begun:
    """A text that has been read up to its first record.

    Attributes:
        parser: of its records; the same for all texts that begin alike.
        first: where the first record begins.
    """

    parser: ClosedParser
    first: Position


class Beginnings:
    """Remembers how texts began, for others that begin with the same bytes: headers mostly are the same."""

    def __init__(self) -> None:
        self._known = deque[tuple[bytes, Begun]](maxlen=MOST_BEGINNINGS)

    def of(self, text: bytes, parser: JoiningParser, *, header: bool) -> Begun | None:
        """See `JoiningFormat.begin`.

        Args:
            text: all of a source.
            parser: one that has read nothing yet.
            header: whether something stands before the first record.
        """
        if not text.endswith(b"\n"):  # what follows could belong to its last record
            return None
        for head, begun in self._known:
            if text.startswith(head):
                return begun
        size = len(text)
        first = parser.preamble(Blocks([text], lambda: size))
        head = text[: first.offset]
        if first.offset == size:  # there is no record, and what stands before one might go on
            return None
        if (head or header) and not head.endswith(b"\n"):  # there is no header, or half of a line end at its end
            return None
        begun = Begun(parser, first)
        self._known.appendleft((head, begun))
        return begun


@dataclass(frozen=True, slots=True)
class Together:
    """What several texts were parsed into.

    Attributes:
        rows: their records, numbered through from the first text to the last.
        ends: for each text, where it ends.
    """

    rows: RowChunk
    ends: tuple[Position, ...]


def parse_together(texts: Sequence[bytes], begun: Begun) -> Together | None:
    """Parse the records of texts that all began as `begun` says; None if they have to be parsed one by one."""
    first = begun.first.offset
    data = b"".join([text[first:] for text in texts]) if first else b"".join(texts)
    rows = begun.parser.parse_closed(data)
    if rows is None or int(rows.bounds[-1]) != len(data):
        return None
    edges = np.cumsum([len(text) - first for text in texts])
    records = np.searchsorted(rows.bounds, edges)
    if (rows.bounds[records] != edges).any():  # the last record of one goes on in the next
        return None
    return Together(
        chunk_of(data, Position(), rows), tuple(_ends(texts, begun.first, np.diff(records, prepend=0).tolist()))
    )


def _ends(texts: Sequence[bytes], first: Position, records: Sequence[int]) -> Iterator[Position]:
    for text, count in zip(texts, records, strict=True):
        yield Position(len(text), count, first.line + count_lines(text[first.offset :]))
