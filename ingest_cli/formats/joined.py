"""Parse the texts of several small sources as one.

The fixed cost of parsing is then paid once for all. The result is the same: texts are only joined if each begins and
ends between records, which is checked in the parsed rows. Otherwise they are parsed in halves, down to single texts, so
that a defect in one of them, such as an unclosed quote, does not affect the others.
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
"""Number of cached beginnings: several kinds of files may alternate."""


class ClosedParser(Protocol):
    """Parser of the records of several sources at once."""

    def parse_closed(self, data: bytes) -> Rows | None:
        """Return the records of whole lines, of which any may begin a source; None if one may span sources."""
        ...


class JoiningParser(RecordParser, ClosedParser, Protocol):
    """Record parser that accepts the records of several sources at once."""


@runtime_checkable
class JoiningFormat(Format, Protocol):
    """Format that reads the texts of several small sources at once."""

    def begin(self, text: bytes) -> Begun | None:
        """Read what precedes the first record of `text`, a whole source; return None if it must be read alone.

        Raises:
            ManifestError: as for `Format.read`.
        """
        ...


@dataclass(frozen=True, slots=True)
class Begun:
    """Text that has been read up to its first record.

    Attributes:
        parser: parser of the records; shared by all texts with the same beginning.
        first: position of the first record.
    """

    parser: ClosedParser
    first: Position


class Beginnings:
    """Cache of parsed beginnings for texts that begin with the same bytes, since most headers are equal."""

    def __init__(self) -> None:
        self._known = deque[tuple[bytes, Begun]](maxlen=MOST_BEGINNINGS)

    def of(self, text: bytes, parser: JoiningParser, *, header: bool) -> Begun | None:
        """See `JoiningFormat.begin`; `header` says whether something precedes the first record.

        The `parser` must not have read anything yet.
        """
        if not text.endswith(b"\n"):  # the next source could continue its last record
            return None
        for head, begun in self._known:
            if text.startswith(head):
                return begun
        size = len(text)
        first = parser.preamble(Blocks([text], lambda: size))
        head = text[: first.offset]
        if first.offset == size:  # without records, the beginning might continue
            return None
        if (head or header) and not head.endswith(b"\n"):  # no header, or one that ends with half of a line end
            return None
        begun = Begun(parser, first)
        self._known.appendleft((head, begun))
        return begun


@dataclass(frozen=True, slots=True)
class Together:
    """Rows parsed from several texts.

    Attributes:
        rows: their records, numbered consecutively from the first text to the last.
        ends: end position of each text.
    """

    rows: RowChunk
    ends: tuple[Position, ...]


def parse_together(texts: Sequence[bytes], begun: Begun) -> Together | None:
    """Parse the records of texts that share the beginning `begun`; return None if they must be parsed one by one."""
    first = begun.first.offset
    data = b"".join([text[first:] for text in texts]) if first else b"".join(texts)
    rows = begun.parser.parse_closed(data)
    if rows is None or int(rows.bounds[-1]) != len(data):
        return None
    edges = np.cumsum([len(text) - first for text in texts])
    records = np.searchsorted(rows.bounds, edges)
    if (rows.bounds[records] != edges).any():  # a record spans two texts
        return None
    return Together(
        chunk_of(data, Position(), rows), tuple(_ends(texts, begun.first, np.diff(records, prepend=0).tolist()))
    )


def _ends(texts: Sequence[bytes], first: Position, records: Sequence[int]) -> Iterator[Position]:
    for text, count in zip(texts, records, strict=True):
        yield Position(len(text), count, first.line + count_lines(text[first.offset :]))
