"""The budget of one source: how many bytes and rows may come out of it, and the memory that unpacking it may take.

Anything that multiplies what a source holds is charged here, whichever layer does it: a packing, the cells that refer
to one value of a dictionary, the rows of a column that needs no bytes. Work is refused by ratio only beyond an absolute
amount, so that honest data that compresses well is read; memory is refused by amount alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ingest_cli.errors import SourceError

MIB = 1 << 20
PIPE_IT = 'if it is a dump, unpack it into a pipe, and load "-"'
"""What to try where too much comes out of a packing: what is piped in is as large as it is."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one source may come to.

    Bytes are counted at every packing they come out of, so that what is packed twice counts twice: it is work that
    is bounded. A log or a dump of a table shrinks to a tenth, one that repeats itself to a 300th; deflate cannot do
    more than 1,032:1 (https://zlib.net/zlib_tech.html). bzip2 and zstd shrink a constant to a 10,000th and less:
    such a file is read up to the free amounts below, and beyond them through a pipe.

    Attributes:
        expanded_bytes: the most that may come out.
        ratio: how many bytes may come out of a byte.
        ratio_from_bytes: what may come out whatever the ratio: a minute or two of work.
        rows_per_byte: how many rows may come out of a byte: `ratio` by a row of 20 bytes.
        rows_from: rows that may come out whatever the ratio.
        memory_bytes: what the windows of all packings within each other may take together: one of `zstd --long=27`, or
            two of `xz -9`, and some MiB for the others.
        passing_memory_bytes: what may be taken, together with those, by a step that gives it back before the first
            byte comes out: the passphrase of `age -p` takes 256 MiB.
        members: how many entries its archives may have, folders and other things passed over among them.
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
    """What one source has used of its limits."""

    def __init__(
        self, limits: Limits | None = None, note: Callable[[str], None] = lambda _: None, advice: str = PIPE_IT
    ) -> None:
        """Begin at nothing.

        Args:
            limits: how much there may be; None: the defaults.
            note: told what is odd, but no fault.
            advice: what to try where it is too much.
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
        """Pass on the bytes of the source, counted."""
        for piece in stream:
            self._packed += len(piece)
            yield piece

    def expanded(self, stream: Iterable[bytes]) -> Iterator[bytes]:
        """Pass on what came out of a packing, counted.

        Raises:
            SourceError: while iterating, where it is more than the limits allow.
        """
        for piece in stream:
            self.add_bytes(len(piece))
            yield piece

    def read_at_any_place(self, size: int) -> None:
        """Take a source of `size` bytes for read to its end: one that is no stream."""
        self._packed = max(self._packed, size)

    def add_bytes(self, size: int) -> None:
        """Count bytes that came out.

        Raises:
            SourceError: they are more than the limits allow.
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
        """Count rows that came out, or are about to.

        Raises:
            SourceError: they are more than the limits allow.
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
            SourceError: it is one too many.
        """
        self._members += 1
        if self._members > self._limits.members:
            raise SourceError(
                f"the archive has more than {self._limits.members:,} entries; unpack it, and load fewer, larger files"
            )

    def reserve(self, size: int, what: str, command: str) -> None:
        """Take memory that is held while bytes come out.

        Args:
            size: in bytes.
            what: takes it, as in "the xz data".
            command: unpacks it to standard output.

        Raises:
            SourceError: with what is held already it is more than the limit.
        """
        if self._memory + size > self._limits.memory_bytes:
            raise self._too_much(size, what, command, self._limits.memory_bytes)
        self._memory += size

    def release(self, size: int) -> None:
        """Give back what was reserved."""
        self._memory -= size

    @contextmanager
    def returned(self) -> Iterator[None]:
        """Take all that is reserved in a `with` block for given back at its end."""
        before = self._memory
        try:
            yield
        finally:
            self._memory = before

    def check_passing(self, size: int, what: str, command: str) -> None:
        """Check that there is memory for a step that gives it back before it ends; see `reserve`.

        Raises:
            SourceError: there is not.
        """
        if self._memory + size > self._limits.passing_memory_bytes:
            raise self._too_much(size, what, command, self._limits.passing_memory_bytes)

    def _too_much(self, size: int, what: str, command: str, limit: int) -> SourceError:
        beside = f" beside the {self._memory // MIB:,} MiB of the packings around it" if self._memory >= MIB else ""
        return SourceError(
            f"{what} needs {max(1, size // MIB):,} MiB of memory to unpack{beside}, and {limit // MIB:,} MiB is the "
            f"limit for a source; unpack it first, or pipe it: `{command} | ingest-cli load …`, "
            'with "-" as the source'
        )
