"""Present the parts of a split file as one source by concatenating their bytes."""

from __future__ import annotations

import hashlib
import io
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING, BinaryIO

from ingest_cli.errors import SourceError, UsageError
from ingest_cli.sources import local, stdin
from ingest_cli.sources.interface import Source
from ingest_cli.sources.parts import in_order
from ingest_cli.sources.seekable import SeekableFile

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


@dataclass(frozen=True)
class Joined:
    """Split file.

    Attributes:
        parts: at least two sources, in order.
    """

    parts: tuple[Source, ...]

    @property
    def name(self) -> str:
        """See `Source.name`."""
        return f"{self.parts[0].name} … ({len(self.parts):,} parts)"

    @cached_property
    def size_bytes(self) -> int:
        """See `Source.size_bytes`."""
        return sum(part.size_bytes for part in self.parts)

    @property
    def identity(self) -> object:
        """See `Source.identity`."""
        return tuple(part.identity for part in self.parts)

    def fingerprint(self) -> str:
        """Return the SHA-256 of all bytes if every part is a local file: that of the unsplit file.

        Otherwise return that of the parts' digests, one per line, in order.
        """
        files = [part for part in self.parts if isinstance(part, local.LocalFile)]
        if len(files) == len(self.parts):
            return local.digest_of(files)
        return hashlib.sha256("".join(f"{part.fingerprint()}\n" for part in self.parts).encode()).hexdigest()

    def open(self) -> Iterator[bytes]:
        """See `Source.open`."""
        for part in self.parts:
            with _named(part):
                yield from part.open()

    def open_file(self) -> BinaryIO:
        """See `Source.open_file`."""
        return io.BufferedReader(_JoinedFile(self.parts))


class _JoinedFile(SeekableFile):
    """Seekable file over the parts; keeps one part open at a time."""

    def __init__(self, parts: Sequence[Source]) -> None:
        self._begins = [0, *accumulate(part.size_bytes for part in parts)]
        super().__init__(self._begins[-1])
        self._parts = parts
        self._number = -1
        self._open: BinaryIO | None = None

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """See `io.RawIOBase.readinto`; raises `SourceError`."""
        with memoryview(buffer) as view, view.cast("B") as room:
            if self._at >= self._begins[-1] or not len(room):
                return 0
            number = bisect_right(self._begins, self._at) - 1
            part, begin = self._parts[number], self._begins[number]
            with _named(part):
                file = self._part(number)
                file.seek(self._at - begin)
                data = file.read(min(len(room), self._begins[number + 1] - self._at))
            room[: len(data)] = data
        self._at += len(data)
        return len(data)

    def close(self) -> None:
        """See `io.IOBase.close`."""
        if self._open is not None:
            self._open.close()
        super().close()

    def _part(self, number: int) -> BinaryIO:
        if self._open is None or number != self._number:
            if self._open is not None:
                self._open.close()
            self._open, self._number = self._parts[number].open_file(), number
        return self._open


def join(found: Sequence[Sequence[Source]]) -> Source:
    """Return the file made of the parts found.

    Args:
        found: for each entry of `sources` the parts it named, in any order.

    Raises:
        SourceError: the names do not determine the order of the parts, or a part is missing.
        UsageError: standard input is one of the parts.
    """
    parts = list[Source]()
    for several in found:
        parts += [several[at] for at in in_order([one.name for one in several], is_begun=bool(parts))]
    if len(parts) == 1:
        return parts[0]
    if any(isinstance(part, stdin.StandardInput) for part in parts):
        raise UsageError(
            'standard input ("-") cannot be joined with other parts; name all parts as files, or pipe all of them in: '
            "cat PARTS | ingest-cli load …"
        )
    return Joined(tuple(parts))


@contextmanager
def _named(part: Source) -> Iterator[None]:
    """Add the part's name to its errors: the reader only knows the joined file."""
    try:
        yield
    except SourceError as error:
        raise error.with_text(f'the part "{part.name}": {error}') from error
