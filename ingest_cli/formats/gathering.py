"""Gather the rows of small sources, and the remainders of large ones, until they fill a chunk.

Each chunk has a fixed cost in the later stages, and its items are sent in separate requests: a thousand files of
twenty rows would cost as much as a thousand chunks. So rows that do not fill a chunk wait for those of the next
source, and the texts of small sources wait even to be parsed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from ingest_cli.errors import ManifestError, SourceError
from ingest_cli.formats.interface import MAX_CHUNK_ROWS, ChunkBytes, FileFormat, Format
from ingest_cli.formats.joined import Begun, JoiningFormat, parse_together
from ingest_cli.model.bundles import Bundle, Part, joined
from ingest_cli.model.chunks import Origin, Position, RowChunk, Span
from ingest_cli.report.observer import RunObserver

MOST_AGE_S = 1.0
"""Maximum time in seconds that rows wait, checked when the next rows come: the next source may be slow."""


@dataclass(frozen=True, slots=True)
class _Text:
    """Unparsed text of a whole member.

    Attributes:
        origin: source and member.
        data: text in UTF-8.
        begun: parsed beginning.
    """

    origin: Origin
    data: bytes
    begun: Begun


class Gatherer:
    """Gathers rows and passes them on in chunks. A context manager that flushes at its end.

    Gathered rows are passed on even if the next source cannot be read: rows before a fault count.
    """

    def __init__(
        self,
        write: Callable[[Bundle], None],
        format_: Format | FileFormat,
        chunk_bytes: ChunkBytes,
        observer: RunObserver,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Initialise without rows.

        Args:
            write: receives the chunks.
            format_: parses texts.
            chunk_bytes: returns the target size of a chunk in decoded bytes.
            observer: receives each chunk, and the end of each text.
            clock: returns the time in seconds.
        """
        self._write = write
        self._format = format_ if isinstance(format_, JoiningFormat) else None
        self._observer = observer
        self._chunk_bytes = chunk_bytes
        self._clock = clock
        self._bundles: list[Bundle] = []
        self._texts: list[_Text] = []
        self._afterwards: list[Callable[[], None]] = []
        self._size_bytes = self._records = 0
        self._since_s = 0.0

    @property
    def most_text_bytes(self) -> int:
        """Return the maximum size of a text for `take`; 0 if none is useful."""
        return 0 if self._format is None else self._chunk_bytes()

    def add(self, origin: Origin, rows: RowChunk) -> None:
        """Add a chunk of one source.

        Raises:
            IngestError: gathered rows cannot be written.
        """
        bundle = Bundle.of(origin, rows)
        if not bundle.can_be_joined or rows.size_bytes >= self._chunk_bytes() / 2:
            if self._is_old():
                self.flush()
            self._pass_on(bundle)
            return
        self._make_room(rows.size_bytes, rows.records)
        self._bundles.append(bundle)

    def take(self, origin: Origin, text: bytes) -> bool:
        """Add a whole member, to be parsed together with others; return False if it must be parsed alone.

        Raises:
            ManifestError: the manifest does not fit the member.
            IngestError: as for `add`.
        """
        begun = None if self._format is None else self._format.begin(text)
        if begun is None:
            return False
        self._make_room(len(text), text.count(b"\n"))
        self._texts.append(_Text(origin, text, begun))
        return True

    def afterwards(self, action: Callable[[], None]) -> None:
        """Run an action once everything added so far has been passed on."""
        if self._bundles or self._texts:
            self._afterwards.append(action)
        else:
            action()

    def flush(self) -> None:
        """Pass on the gathered rows.

        Raises:
            IngestError: the rows cannot be written.
        """
        bundles, texts, actions = self._bundles, self._texts, self._afterwards
        self._bundles, self._texts, self._afterwards = [], [], []
        self._size_bytes = self._records = 0
        read = list[tuple[Origin, Position]]()
        for alike in _grouped(texts):
            bundles += self._parsed(alike, read)
        for bundle in _joined(bundles):
            self._pass_on(bundle)
        for origin, end in read:
            self._observer.member_read(origin, end)
        for action in actions:
            action()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None or isinstance(error, SourceError | ManifestError):
            self.flush()

    def _pass_on(self, bundle: Bundle) -> None:
        self._observer.chunk_read(bundle)
        self._write(bundle)

    def _is_old(self) -> bool:
        """Return whether the gathered rows have waited for the maximum time."""
        return bool(self._bundles or self._texts) and self._clock() - self._since_s > MOST_AGE_S

    def _make_room(self, size_bytes: int, records: int) -> None:
        """Count what is about to be gathered; what is there already goes first if it would be too much, or is too old.

        What is there goes when the next comes, and not when it is enough: that is when it is known to be the most.
        """
        most = self._chunk_bytes()
        if self._size_bytes + size_bytes > most or self._records + records > MAX_CHUNK_ROWS or self._is_old():
            self.flush()
        if not (self._bundles or self._texts):
            self._since_s = self._clock()
        self._size_bytes += size_bytes
        self._records += records

    def _parsed(self, texts: Sequence[_Text], read: list[tuple[Origin, Position]]) -> list[Bundle]:
        """The rows of texts that begin alike; notes in `read` where each ends."""
        begun = texts[0].begun
        together = parse_together([text.data for text in texts], begun)
        if together is not None:
            read += [(text.origin, end) for text, end in zip(texts, together.ends, strict=True)]
            parts = tuple(_parts(texts, begun.first, together.ends))
            return [Bundle(parts, together.rows)] if parts else []
        if len(texts) == 1:
            return self._alone(texts[0], read)
        half = len(texts) // 2
        return self._parsed(texts[:half], read) + self._parsed(texts[half:], read)

    def _alone(self, text: _Text, read: list[tuple[Origin, Position]]) -> list[Bundle]:
        """The rows of one text, as if it were large."""
        assert self._format is not None  # noqa: S101 - it has begun to read the text
        chunks = list(self._format.read([text.data]))
        read.append((text.origin, chunks[-1].end if chunks else Position()))
        return [Bundle.of(text.origin, rows) for rows in chunks]


def _parts(texts: Sequence[_Text], first: Position, ends: Sequence[Position]) -> Iterator[Part]:
    """The texts that hold a record, given where the first record of all of them begins, and where each ends."""
    record = line = 0
    for text, end in zip(texts, ends, strict=True):
        if end.row:
            yield Part(text.origin, Span(first, end), record, line)
        record, line = record + end.row, line + end.line - first.line


def _grouped(texts: Sequence[_Text]) -> list[list[_Text]]:
    """The texts that begin alike, together."""
    groups: dict[int, list[_Text]] = {}
    for text in texts:
        groups.setdefault(id(text.begun), []).append(text)
    return list(groups.values())


def _joined(bundles: Sequence[Bundle]) -> Iterator[Bundle]:
    """The bundles, those joined that stand together and can be."""
    fitting: list[Bundle] = []
    for bundle in bundles:
        if fitting and not fitting[-1].fits(bundle):
            yield joined(fitting)
            fitting = []
        fitting.append(bundle)
    if fitting:
        yield joined(fitting)
