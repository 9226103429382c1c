"""Recode text to UTF-8; a byte order mark overrides the manifest's encoding.

Undecodable bytes are passed on as invalid UTF-8, so that one later check finds them for every encoding: UTF-8
passes unchanged, and an invalid sequence in another encoding becomes an encoded lone surrogate, which UTF-8
forbids (RFC 3629 §3).
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from itertools import chain

from ingest_cli.errors import SourceError

_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark is a prefix of this one
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_BOM_BYTES = 4
_MARK = "\udcff"


def _mark_bad_bytes(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return _MARK * (error.end - error.start), error.end


codecs.register_error("ingest-mark", _mark_bad_bytes)


def to_utf8(stream: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """Recode `stream` to UTF-8 without a byte order mark.

    Args:
        encoding: Python codec name used if there is no byte order mark.
    """
    pieces = iter(stream)
    head = b""
    try:
        for piece in pieces:
            head += piece
            if len(head) >= _BOM_BYTES:
                break
    except SourceError as fault:  # raised again after the bytes before it
        pieces = raising(fault)
    canonical, mark_bytes = encoding_of(head, encoding)
    head = head[mark_bytes:]
    if canonical in {"utf-8", "ascii"}:
        return chain([head], pieces)
    return _recode(chain([head], pieces), canonical)


def encoding_of(head: bytes, encoding: str) -> tuple[str, int]:
    """Return the Python codec name of text that begins with `head`, and the length of its byte order mark.

    Args:
        encoding: Python codec name used if there is no byte order mark.
    """
    for bom, name in _BOMS:
        if head.startswith(bom):
            return name, len(bom)
    canonical = codecs.lookup(encoding).name
    if canonical in {"utf-16", "utf-32"}:
        canonical += "-le"  # Windows writes this order when there is no mark
    return "utf-8" if canonical == "utf-8-sig" else canonical, 0


def raising(fault: SourceError) -> Iterator[bytes]:
    """Return a stream that immediately raises `fault`."""
    yield b""
    raise fault


def _recode(pieces: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)("ingest-mark")
    for piece in pieces:
        yield decoder.decode(piece).encode("utf-8", "surrogatepass")
    yield decoder.decode(b"", final=True).encode("utf-8", "surrogatepass")
