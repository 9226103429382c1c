"""Limit the bytes and rows that one source may expand to, and the memory for decompressing it.

Everything that multiplies the content of a source is charged here, in whichever layer: compression, cells that share
a dictionary value, rows of a column that needs no bytes. Work is refused by ratio only beyond an absolute amount, so
that valid data that compresses well is read; memory is refused by amount alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ingest_cli.errors import SourceError

MIB = 1 << 20
PIPE_IT = 'if it is a dump, unpack it into a pipe, and load "-"'
"""Advice when a source expands too far: piped data has no ratio."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one source.

    Bytes are counted after every layer of compression, so that doubly compressed data counts twice: the limit is on
    work. A log or a table dump shrinks to a tenth, repetitive data to a 300th; deflate cannot exceed 1,032:1
    (https://zlib.net/zlib_tech.html). bzip2 and zstd shrink a constant to a 10,000th and less: such a file is read up
    to the free amounts below, and beyond them through a pipe.

    Attributes:
        expanded_bytes: maximum number of expanded bytes.
        ratio: maximum number of expanded bytes per stored byte.
        ratio_from_bytes: expanded bytes allowed at any ratio: a minute or two of work.
        rows_per_byte: maximum number of rows per stored byte: `ratio` by a row of 20 bytes.
        rows_from: rows allowed at any ratio.
        memory_bytes: maximum total of the windows of nested compression: one of `zstd --long=27`, or two of `xz -9`,
            and some MiB for the others.
        passing_memory_bytes: maximum, including those, for a step that frees its memory before the first byte is
            returned: the passphrase of `age -p` takes 256 MiB.
        members: maximum number of archive entries, including folders and others that are skipped.
    """

    expanded_bytes: int = 1 << 40
    ratio: int = 1000
    ratio_from_bytes: int = 2 << 30
    rows_per_byte: int = 50
    rows_from: int = 32 << 20
    memory_bytes: int = 136 * MIB
    passing_memory_bytes: int = 264 * MIB
    members: int = 100_000


class Budget:
    """Usage of one source, counted against its limits."""

    def __init__(
        self, limits: Limits | None = None, note: Callable[[str], None] = lambda _: None, advice: str = PIPE_IT
    ) -> None:
        """Start at zero.

        Args:
            limits: the limits; None: the defaults.
            note: called with remarks that are not errors.
        """
        self.note = note
        self._limits = limits or Limits()
        self._advice = advice
        self._packed = 0
        self._expanded = 0
        self._rows = 0
        self._members = 0
        self._memory = 0

    def packed(self, stream: Iterable[bytes]) -> Iterator[bytes]:
        """Pass on and count the stored bytes of the source."""
        for piece in stream:
            self._packed += len(piece)
            yield piece

    def expanded(self, stream: Iterable[bytes]) -> Iterator[bytes]:
        """Pass on and count the expanded bytes.

        Raises:
            SourceError: while iterating, if a limit is exceeded.
        """
        for piece in stream:
            self.add_bytes(len(piece))
            yield piece

    def read_at_any_place(self, size: int) -> None:
        """Count a random-access source of `size` bytes as read to its end."""
        self._packed = max(self._packed, size)

    def add_bytes(self, size: int) -> None:
        """Count expanded bytes.

        Raises:
            SourceError: a limit is exceeded.
        """
        self._expanded += size
        self.foresee_bytes(0)

    def foresee_bytes(self, size: int) -> None:
        """Check that there is room for bytes that are about to come out, before there is work with them.

        Raises:
            SourceError: they are more than the limits allow.
        """
        limits, expanded = self._limits, self._expanded + size
        if expanded > limits.expanded_bytes:
            raise SourceError(f"it unpacks to more than {limits.expanded_bytes:,} bytes; {self._advice}")
        if expanded > limits.ratio_from_bytes and expanded > limits.ratio * self._packed:
            raise SourceError(
                f"its first {self._packed:,} bytes unpack to more than {limits.ratio_from_bytes:,} bytes and "
                f"{limits.ratio:,} times as many; {self._advice}"
            )

    def add_rows(self, count: int) -> None:
        """Count rows, before or after they are produced.

        Raises:
            SourceError: a limit is exceeded.
        """
        limits = self._limits
        self._rows += count
        if self._rows > limits.rows_from and self._rows > limits.rows_per_byte * self._packed:
            raise SourceError(
                f"its first {self._packed:,} bytes hold more than {limits.rows_from:,} rows and "
                f"{limits.rows_per_byte:,} rows a byte; {self._advice}"
            )

    def entry(self) -> None:
        """Count an entry of an archive.

        Raises:
            SourceError: the limit is exceeded.
        """
        self._members += 1
        if self._members > self._limits.members:
            raise SourceError(
                f"the archive has more than {self._limits.members:,} entries; unpack it, and load fewer, larger files"
            )

    def reserve(self, size: int, what: str, command: str) -> None:
        """Reserve memory that is held during decompression.

        Args:
            size: number of bytes.
            what: its user, as in "the xz data".
            command: command that decompresses it to standard output.

        Raises:
            SourceError: the total reservation exceeds the limit.
        """
        if self._memory + size > self._limits.memory_bytes:
            raise self._too_much(size, what, command, self._limits.memory_bytes)
        self._memory += size

    def release(self, size: int) -> None:
        """Release reserved memory."""
        self._memory -= size

    @contextmanager
    def returned(self) -> Iterator[None]:
        """Release at the end of a `with` block all memory that was reserved in it."""
        before = self._memory
        try:
            yield
        finally:
            self._memory = before

    def check_passing(self, size: int, what: str, command: str) -> None:
        """Check that memory is available for a step that frees it before it ends; see `reserve`.

        Raises:
            SourceError: the limit would be exceeded.
        """
        if self._memory + size > self._limits.passing_memory_bytes:
            raise self._too_much(size, what, command, self._limits.passing_memory_bytes)

    def _too_much(self, size: int, what: str, command: str, limit: int) -> SourceError:
        beside = (
            f" in addition to the {self._memory // MIB:,} MiB of the packings around it" if self._memory >= MIB else ""
        )
        return SourceError(
            f"{what} needs {max(1, size // MIB):,} MiB of memory to unpack{beside}, and {limit // MIB:,} MiB is the "
            f"limit for a source; unpack it first, or pipe it: `{command} | ingest-cli load …`, "
            'with "-" as the source'
        )
