"""Unpack a source: undo nested packings and yield each file within, one at a time.

Formats are detected by their first bytes, never by name. Nothing is written to disk, and a name is never a path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from ingest_cli.decoders.age import decrypt
from ingest_cli.decoders.compressed import bunzip2, gunzip, unxz, unzstd
from ingest_cli.decoders.interface import Member
from ingest_cli.decoders.reader import PIECE_BYTES, in_pieces
from ingest_cli.decoders.sevenzip import un7z
from ingest_cli.decoders.tar import is_tar, untar
from ingest_cli.decoders.zip import unzip
from ingest_cli.errors import SourceError
from ingest_cli.model.source_budget import Budget

Unpacker = Callable[[Iterable[bytes], Budget], Iterator[bytes]]
Unarchiver = Callable[[Iterable[bytes], Budget], Iterator[Member]]

# "BZh" alone may be ordinary text; the level is part of the magic number. Damage after it is reported later.
_BZIP2 = [b"BZh%d" % level for level in range(1, 10)]

UNPACKERS: Mapping[bytes, Unpacker] = {
    b"\x1f\x8b\x08": gunzip,
    **dict.fromkeys(_BZIP2, bunzip2),
    b"\xfd7zXZ\x00": unxz,
    b"\x5d\x00\x00": unxz,  # .lzma has no magic number: these are its usual first settings
    b"\x28\xb5\x2f\xfd": unzstd,
}
"""Magic number of a packed stream → function that unpacks it."""

UNARCHIVERS: Mapping[bytes, Unarchiver] = {
    b"PK\x03\x04": unzip,
    b"PK\x05\x06": unzip,  # an archive without members
}
"""Magic number of a streamable archive → function that yields its members; tar is detected separately."""

AGE = (b"age-encryption.org/v1\n", b"-----BEGIN AGE ENCRYPTED FILE-----")
SEVEN_ZIP = b"7z\xbc\xaf\x27\x1c"

_PIPE = '| ingest-cli load …`, with "-" as the source'
REFUSED: Mapping[bytes, str] = {
    b"Rar!\x1a\x07": f"it is a RAR archive, which is not read; unpack it, or pipe it: `unrar p -inul FILE {_PIPE}",
    b"PK\x07\x08": "it is one part of a zip archive that was split; join them first (zip -s 0 FILE --out WHOLE.zip)",
    b"\x04\x22\x4d\x18": f"it is packed with lz4, which is not read; pipe it: `lz4 -dc FILE {_PIPE}",
    b"\x1f\x9d": f"it is packed with compress, which is not read; pipe it: `zcat FILE {_PIPE}",
    b"LZIP\x01": f"it is packed with lzip, which is not read; pipe it: `lzip -dc FILE {_PIPE}",
    b"MSCF\0\0\0\0": "it is a cabinet file (.cab), which is not read; unpack it first",
    b"Salted__": f"it is encrypted by openssl; pipe it: `openssl enc -d … -in FILE {_PIPE}",
    b"-----BEGIN PGP MESSAGE-----": f"it is encrypted by PGP; pipe it: `gpg -d FILE {_PIPE}",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": (
        "it is an old Office document (.xls, .doc), or one with a password; save it as .xlsx or CSV without one"
    ),
}
"""Magic number of a known but unsupported format → message and advice."""

MAX_DEPTH = 4
"""Maximum nesting of packings. Two levels occur in practice; more indicates a decompression bomb."""

HEAD_BYTES = 512
"""Number of bytes needed to detect packing: a tar header."""

_APPLE_DOUBLE = b"\x00\x05\x16\x07"  # RFC 1740, appendix B
_DS_STORE = b"\x00\x00\x00\x01Bud1"


def members(
    stream: Iterable[bytes],
    budget: Budget | None = None,
    age_key: Callable[[], str] | None = None,
    open_file: Callable[[], BinaryIO] | None = None,
) -> Iterator[Member]:
    """Yield the files within a source, one after another; one named "" for a source that is no archive.

    Folders, empty files, and macOS's companion files are omitted.

    Args:
        budget: limits the output and receives notes about oddities; None: a new one.
        age_key: called when age encryption is found; returns the text of an identity file or a passphrase.
            None: there is no key.
        open_file: opens the source as a seekable file, which 7z needs; None: not seekable.

    Raises:
        SourceError: while iterating, here or over the pieces of a member: something is truncated, damaged,
            unsupported or too large. Everything unpacked before has been yielded. Further reads raise the same
            error.
    """
    budget = budget or Budget()
    unpacking = _Unpacking(budget, age_key, open_file)
    for member in unpacking.files(budget.packed(stream), "", 0):
        fault: list[SourceError] = []
        pieces = _remembering(member.pieces, fault)
        yield Member(member.name, pieces, member.head)
        _drain(pieces)
        if fault:
            raise fault[0]


def is_packed(head: bytes, *, but_for: Sequence[bytes] = ()) -> bool:
    """Return whether a source that begins with `head` is packed or an archive.

    Args:
        head: first `HEAD_BYTES` of the source, or all of it.
        but_for: magic numbers of files to read as they are, although they are also archives.
    """
    if head.startswith(tuple(but_for)):
        return False
    return head.startswith((*UNPACKERS, *UNARCHIVERS, *AGE, SEVEN_ZIP)) or is_tar(head)


@dataclass(frozen=True, slots=True)
class _Unpacking:
    budget: Budget
    age_key: Callable[[], str] | None
    open_file: Callable[[], BinaryIO] | None

    def files(self, pieces: Iterable[bytes], name: str, depth: int) -> Iterator[Member]:
        """Yield the files in `pieces`, nested `depth` packings deep; each must be read to its end."""
        head, whole, fault = _look(pieces)
        if _is_aside(name, head):
            _drain(whole)
            return
        inner = self._unpacked(head, whole)
        found = self._archived(head, whole, depth) if inner is None else None
        if inner is None and found is None:
            _refuse(head)
            if fault is not None and not (b"\n" in head or b"\r" in head):
                raise fault  # the format is unknown, and there is no complete line
            if head or not name:
                yield Member(name, in_pieces(whole, PIECE_BYTES), head)
            return
        if depth == MAX_DEPTH:
            raise SourceError(f"it is nested in more than {MAX_DEPTH} packings; unpack it first")
        if inner is not None:
            yield from self.files(self.budget.expanded(inner), name, depth + 1)
        for member in found or ():
            label = "/".join(part for part in (name, member.name or "(no name)") if part)
            yield from self.files(member.pieces, label, depth + 1)
            _drain(member.pieces)

    def _unpacked(self, head: bytes, whole: Iterator[bytes]) -> Iterator[bytes] | None:
        if head.startswith(AGE):
            return decrypt(whole, self.age_key, self.budget)
        return next((unpack(whole, self.budget) for magic, unpack in UNPACKERS.items() if head.startswith(magic)), None)

    def _archived(self, head: bytes, whole: Iterator[bytes], depth: int) -> Iterator[Member] | None:
        if head.startswith(SEVEN_ZIP):
            if depth or self.open_file is None:
                raise SourceError(
                    "a 7z archive can only be read from a file, not from a pipe or from within another packing; "
                    "unpack it first"
                )
            return un7z(self.open_file, self.budget)
        if is_tar(head):
            return untar(whole, self.budget)
        return next(
            (unpack(whole, self.budget) for magic, unpack in UNARCHIVERS.items() if head.startswith(magic)), None
        )


def _look(pieces: Iterable[bytes]) -> tuple[bytes, Iterator[bytes], SourceError | None]:
    """Return the first bytes of a stream, the whole stream, and the error if one occurs within these bytes.

    The stream raises that error too, after the bytes before it.
    """
    stream = iter(pieces)
    head = bytearray()
    fault: SourceError | None = None
    try:
        while len(head) < HEAD_BYTES and (piece := next(stream, None)) is not None:
            head += piece
    except SourceError as error:
        fault = error
    return bytes(head[:HEAD_BYTES]), _again(bytes(head), stream, fault), fault


def _again(head: bytes, stream: Iterator[bytes], fault: SourceError | None) -> Iterator[bytes]:
    if head:
        yield head
    if fault is not None:
        raise fault
    yield from stream


def _is_aside(name: str, head: bytes) -> bool:
    """Return whether a file is a macOS companion file, by name and content."""
    *folders, last = name.split("/")
    if last == ".DS_Store":
        return head.startswith(_DS_STORE)
    return (last.startswith("._") or "__MACOSX" in folders) and head.startswith(_APPLE_DOUBLE)


def _refuse(head: bytes) -> None:
    for magic, what in REFUSED.items():
        if head.startswith(magic):
            raise SourceError(what)


def _remembering(pieces: Iterator[bytes], fault: list[SourceError]) -> Iterator[bytes]:
    try:
        yield from pieces
    except SourceError as error:
        fault.append(error)
        raise


def _drain(pieces: Iterator[bytes]) -> None:
    for _ in pieces:
        continue
