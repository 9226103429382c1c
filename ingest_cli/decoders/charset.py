"""Character sets: a byte order mark wins, then the manifest's word; UTF-8 comes out.

What cannot be decoded must not vanish. It is passed on as bytes that are not valid UTF-8 either, so
that one check further on finds it whatever the file was written in: UTF-8 is handed through as it is,
and a sequence without meaning in another encoding becomes an encoded lone surrogate, which UTF-8
forbids (RFC 3629 §3).
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from itertools import chain

from ingest_cli.errors import SourceError

_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16: its mark begins with that of UTF-16
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
        stream: pieces of any size.
        encoding: what to take it for if it has no byte order mark; a name known to Python.
    """
    pieces = iter(stream)
    head = b""
    try:
        for piece in pieces:
            head += piece
            if len(head) >= _BOM_BYTES:
                break
    except SourceError as fault:  # raised again behind what came before it
        pieces = raising(fault)
    canonical, mark_bytes = encoding_of(head, encoding)
    head = head[mark_bytes:]
    if canonical in {"utf-8", "ascii"}:
        return chain([head], pieces)
    return _recode(chain([head], pieces), canonical)


def encoding_of(head: bytes, encoding: str) -> tuple[str, int]:
    """What text that begins so is written in, as Python's `codecs` calls it, and how long its byte order mark is.

    Args:
        head: its first bytes.
        encoding: what to take it for if it has no byte order mark; a name known to Python.
    """
    for bom, name in _BOMS:
        if head.startswith(bom):
            return name, len(bom)
    canonical = codecs.lookup(encoding).name
    if canonical in {"utf-16", "utf-32"}:
        canonical += "-le"  # without a mark: what Windows writes
    return "utf-8" if canonical == "utf-8-sig" else canonical, 0


def raising(fault: SourceError) -> Iterator[bytes]:
    """A stream that ends at once, with `fault`."""
    yield b""
    raise fault


def _recode(pieces: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)("ingest-mark")
    for piece in pieces:
        yield decoder.decode(piece).encode("utf-8", "surrogatepass")
    yield decoder.decode(b"", final=True).encode("utf-8", "surrogatepass")
