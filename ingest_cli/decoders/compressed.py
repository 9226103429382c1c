"""bzip2, xz and zstd, streamed: any number of members, and a word where one is cut off.

Their decompressors share one interface, that of Python's `bz2`. For zstd it is `backports.zstd`, the module
that becomes `compression.zstd` in Python 3.14: unlike the older bindings it tells the end of a frame from
the end of the input.
"""

from __future__ import annotations

import bz2
import lzma
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from backports import zstd

from ingest_cli.decoders.reader import FEED_BYTES, PIECE_BYTES, in_pieces
from ingest_cli.errors import GET_AGAIN, GET_WHOLE, DamagedError, SourceError

_MEMORY_LIMIT_BYTES = 256 << 20  # of an xz dictionary: four times that of `xz -9`
_WINDOW_LOG_MAX = 27  # of a zstd window, 128 MiB: what `zstd -d` takes without being asked


class Decompressor(Protocol):
    """What the decompressors of Python's library have in common."""

    @property
    def eof(self) -> bool:
        """Whether the end was reached."""
        ...

    @property
    def needs_input(self) -> bool:
        """Whether nothing more comes out without more going in."""
        ...

    @property
    def unused_data(self) -> bytes:
        """What followed the end."""
        ...

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        """Unpack at most `max_length` bytes."""
        ...


def bunzip2(stream: Iterable[bytes]) -> Iterator[bytes]:
    """Unpack bzip2; see `_decompress`."""
    return _decompress(stream, bz2.BZ2Decompressor, "bzip2")


def unxz(stream: Iterable[bytes]) -> Iterator[bytes]:
    """Unpack xz (and its forerunner, lzma); see `_decompress`."""
    return _decompress(stream, make_unxz, "xz")


def unzstd(stream: Iterable[bytes]) -> Iterator[bytes]:
    """Unpack zstd; see `_decompress`."""
    return _decompress(stream, make_unzstd, "zstd")


def make_unxz() -> Decompressor:
    """What unpacks one xz stream, within a limit of memory."""
    return lzma.LZMADecompressor(memlimit=_MEMORY_LIMIT_BYTES)


def make_unzstd() -> Decompressor:
    """What unpacks one zstd frame, within a limit of memory."""
    options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: _WINDOW_LOG_MAX}
    return zstd.ZstdDecompressor(options=options)


def beyond_memory(error: Exception) -> SourceError | None:
    """What to raise if `error`, of a decompressor made here, is about the limit of memory, and not about the data."""
    text = str(error)  # neither library has a code for it
    if isinstance(error, lzma.LZMAError) and "Memory usage limit" in text:
        name, limit_bytes, command = "xz", _MEMORY_LIMIT_BYTES, "xz -dc FILE"
    elif isinstance(error, zstd.ZstdError) and "too much memory" in text:
        name, limit_bytes, command = "zstd", 1 << _WINDOW_LOG_MAX, "zstd -dc --long=31 FILE"
    else:
        return None
    return SourceError(
        f"the {name} data is sound so far, but was packed with a window so large that unpacking it needs more memory "
        f"than the limit of {limit_bytes >> 20} MiB; unpack it first, or pipe it: `{command} | ingest-cli load …`, "
        'with "-" as the source'
    )


def _decompress(stream: Iterable[bytes], make: Callable[[], Decompressor], name: str) -> Iterator[bytes]:
    """Unpack `stream`.

    Raises:
        SourceError: where the stream is cut off or damaged, or something else follows the last member. All
            that was unpacked before has been yielded.
    """
    read = 0
    member: Decompressor | None = None
    for piece in in_pieces(stream, FEED_BYTES):
        rest = piece
        while rest or (member is not None and not member.needs_input):
            if member is None:
                rest = rest.lstrip(b"\0")  # xz pads with zeros between streams; so do some tapes
                if not rest:
                    break
                member = make()
            try:
                out = member.decompress(rest, PIECE_BYTES)
            except (OSError, EOFError, ValueError, lzma.LZMAError, zstd.ZstdError) as error:
                if (refusal := beyond_memory(error)) is not None:
                    raise refusal from error
                raise DamagedError(
                    f"the {name} data is damaged near byte {read:,}; the rows before that were read",
                    GET_AGAIN,
                ) from error
            if out:
                yield out
            rest = b""
            if member.eof:
                rest, member = member.unused_data, None
        read += len(piece)
    if member is not None:
        raise DamagedError(
            f"the {name} data is cut off after byte {read:,}; the rows before the cut were read",
            GET_WHOLE,
        )
