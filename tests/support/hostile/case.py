"""A hostile file, and the manifest that it is read by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from backports import zstd

FRAME_BYTES = 16 << 20
"""Unpacked size of the pieces that long streams are put together of."""


@dataclass(frozen=True)
class Made:
    """A hostile file on disk.

    Attributes:
        dump: the file.
        manifest: reads it.
    """

    dump: Path
    manifest: Path


@dataclass(frozen=True)
class Hostile:
    """One kind of hostile file.

    Attributes:
        content: makes its bytes.
        format: keys of `[format]`.
        says: words of the sentence that refuses it; empty where it is read to its end.
        column: the only one that is wanted.
    """

    content: Callable[[], bytes]
    format: str = 'name = "csv"'
    says: str = ""
    column: str = "email"
    code: int = 4

    def made(self, folder: Path, name: str) -> Made:
        """Put the file and its manifest into `folder`."""
        dump, manifest = folder / f"{name}.dump", folder / f"{name}.toml"
        dump.write_bytes(self.content())
        manifest.write_text(
            f'version = 1\n[dataset]\nid = "hostile"\ntitle = "Hostile"\nsources = ["{dump.name}"]\n'
            f"[format]\n{self.format}\n[[fields]]\ncolumn = '{self.column}'\nkind = \"email\"\n",
            encoding="utf-8",
        )
        return Made(dump, manifest)


def zstd_of(data: bytes, window_log: int | None = None) -> bytes:
    """One frame; with a window of `1 << window_log` bytes, which is named in its header whatever the data is."""
    if window_log is None:
        return zstd.compress(data, 3)
    options: dict[int, int] = {
        zstd.CompressionParameter.compression_level: 3,
        zstd.CompressionParameter.window_log: window_log,
    }
    packer = zstd.ZstdCompressor(options=options)
    return packer.compress(data) + packer.flush()  # a stream, so that the header does not tell the size


def packed(count_bytes: int, piece: bytes, *, head: bytes = b"", tail: bytes = b"") -> bytes:
    """Frames of zstd that unpack to `head`, about `count_bytes` of `piece` over and over, and `tail`."""
    each = piece * max(1, FRAME_BYTES // len(piece))
    frames = zstd_of(each) * max(1, count_bytes // len(each))
    return (zstd_of(head) if head else b"") + frames + (zstd_of(tail) if tail else b"")
