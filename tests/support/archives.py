"""Archives built by a test, whole and broken, and the result of reading one."""

from __future__ import annotations

import base64
import bz2
import gzip
import hmac
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import py7zr
from backports import zstd
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from ingest_cli.decoders import members
from ingest_cli.errors import SourceError
from ingest_cli.model.source_budget import Budget, Limits

Files = Sequence[tuple[str, bytes]]
"""Names and contents, in order."""


@dataclass(frozen=True)
class Outcome:
    """What reading an archive came to.

    Attributes:
        files: name and content of each member, as far as it could be read.
        error: what was said at the end; None if all was well.
        largest: size of the largest piece.
        notes: what was odd, but no fault.
    """

    files: list[tuple[str, bytes]]
    error: str | None
    largest: int = 0
    notes: tuple[str, ...] = ()

    @property
    def contents(self) -> list[bytes]:
        """Contents alone."""
        return [content for _, content in self.files]


def in_pieces(data: bytes, size: int) -> Iterator[bytes]:
    """`data` in pieces of `size` bytes."""
    for at in range(0, len(data), size):
        yield data[at : at + size]


def outcome(
    data: bytes, piece: int = 1 << 20, *, limits: Limits | None = None, age_key: Callable[[], str] | None = None
) -> Outcome:
    """Read all of `data`, in pieces of `piece` bytes."""
    found: list[tuple[str, bytearray]] = []
    error = None
    largest = 0
    notes = list[str]()
    try:
        for member in members(in_pieces(data, piece), Budget(limits, notes.append), age_key, lambda: io.BytesIO(data)):
            content = bytearray()
            found.append((member.name, content))
            for each in member.pieces:
                content += each
                largest = max(largest, len(each))
    except SourceError as fault:
        error = str(fault)
    return Outcome([(name, bytes(content)) for name, content in found], error, largest, tuple(notes))


class Pipe(io.RawIOBase):
    """A file that can only be written from its beginning to its end."""

    def __init__(self) -> None:
        super().__init__()
        self.data = bytearray()

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: object) -> int:
        """Keep `data`."""
        raw = bytes(data)  # type: ignore[call-overload]  # whatever has a buffer
        self.data += raw
        return len(raw)


def zip_of(files: Files, method: int = zipfile.ZIP_DEFLATED, *, piped: bool = False) -> bytes:
    """A zip archive; `piped`: with CRC and sizes behind each member."""
    pipe, buffer = Pipe(), io.BytesIO()
    with zipfile.ZipFile(pipe if piped else buffer, "w", method) as archive:
        for name, content in files:
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return bytes(pipe.data) if piped else buffer.getvalue()


def zip_member(name: bytes, content: bytes, *, method: int = 0, packed: bytes | None = None, flags: int = 0) -> bytes:
    """A member of a zip archive by hand: its local header and its bytes."""
    packed = content if packed is None else packed
    fixed = (20, flags, method, 0, 0x21, zlib.crc32(content), len(packed), len(content), len(name), 0)
    return struct.pack("<4s5H3L2H", b"PK\x03\x04", *fixed) + name + packed


def zip_directory(members_: Sequence[bytes]) -> bytes:
    """The directory of a zip archive that consists of `members_`."""
    entries, at = b"", 0
    for member in members_:
        name_bytes = struct.unpack_from("<H", member, 26)[0]
        entries += b"PK\x01\x02" + struct.pack("<H", 20) + member[4:30] + struct.pack("<3H2L", 0, 0, 0, 0, at)
        entries += member[30 : 30 + name_bytes]
        at += len(member)
    end = (0, 0, len(members_), len(members_), len(entries), at, 0)
    return entries + struct.pack("<4s4H2LH", b"PK\x05\x06", *end)


def tar_of(files: Files, form: int = tarfile.PAX_FORMAT) -> bytes:
    """A tar archive; a name that ends with `/` is a folder."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for name, content in files:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            if name.endswith("/"):
                entry.type = tarfile.DIRTYPE
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def tar_entry(kind: bytes, name: str = "x", content: bytes = b"", linkname: str = "") -> bytes:
    """One entry of a tar of any kind, and its bytes."""
    entry = tarfile.TarInfo(name)
    entry.type, entry.size, entry.linkname = kind, len(content), linkname
    return entry.tobuf(tarfile.GNU_FORMAT) + content + bytes(-len(content) % 512)


def seven_zip_of(files: Files, filters: list[dict[str, int]] | None = None, password: str | None = None) -> bytes:
    """A 7z archive."""
    buffer = io.BytesIO()
    with py7zr.SevenZipFile(buffer, "w", filters=filters, password=password) as archive:
        for name, content in files:
            archive.writestr(content, name)
    return buffer.getvalue()


def age_with_passphrase(content: bytes, passphrase: str, log_n: int) -> bytes:
    """A short file encrypted with age by hand: its library would take a second and a GiB (C2SP's `age.md`)."""

    def letters(data: bytes) -> bytes:
        return base64.b64encode(data).rstrip(b"=")

    def derived(salt: bytes, info: bytes) -> bytes:
        return HKDF(SHA256(), 32, salt, info).derive(file_key)

    file_key, salt, nonce = bytes(range(16)), bytes(16), bytes(16)
    label = b"age-encryption.org/v1/scrypt" + salt
    wrapping = Scrypt(label, 32, 1 << log_n, 8, 1).derive(passphrase.encode())
    wrapped = ChaCha20Poly1305(wrapping).encrypt(bytes(12), file_key, None)
    head = b"age-encryption.org/v1\n-> scrypt %b %d\n%b\n---" % (letters(salt), log_n, letters(wrapped))
    mac = hmac.digest(derived(b"", b"header"), head, "sha256")
    payload = ChaCha20Poly1305(derived(nonce, b"payload")).encrypt(bytes(11) + b"\1", content, None)
    return head + b" " + letters(mac) + b"\n" + nonce + payload


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": lambda data: zstd.compress(data, options={zstd.CompressionParameter.checksum_flag: 1}),
}
"""Packings of one file."""

ARCHIVERS: dict[str, Callable[[Files], bytes]] = {
    "zip": zip_of,
    "zip, stored": lambda files: zip_of(files, zipfile.ZIP_STORED),
    "zip, piped": lambda files: zip_of(files, piped=True),
    "zip, stored and piped": lambda files: zip_of(files, zipfile.ZIP_STORED, piped=True),
    "zip, bzip2": lambda files: zip_of(files, zipfile.ZIP_BZIP2),
    "tar, ustar": lambda files: tar_of(files, tarfile.USTAR_FORMAT),
    "tar, gnu": lambda files: tar_of(files, tarfile.GNU_FORMAT),
    "tar, pax": lambda files: tar_of(files, tarfile.PAX_FORMAT),
    "7z": seven_zip_of,
    "7z, lzma": lambda files: seven_zip_of(files, [{"id": py7zr.FILTER_LZMA}]),
    "7z, copy": lambda files: seven_zip_of(files, [{"id": py7zr.FILTER_COPY}]),
}
"""Archives of files."""

STREAMED = [name for name in ARCHIVERS if not name.startswith("7z")]
"""Those that need not lie in a file."""
