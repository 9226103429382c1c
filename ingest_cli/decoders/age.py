"""Decrypt files encrypted with age (https://age-encryption.org/v1) as a stream.

The library reads its input and writes its output; `pushed` turns that into an iterator. It yields only authenticated
data, in chunks of 64 KiB, and distinguishes truncation from the end.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from types import ModuleType
from typing import Any

from ingest_cli.decoders.pushed import Pull, Push, pushed
from ingest_cli.decoders.reader import PIECE_BYTES, ByteReader, in_pieces
from ingest_cli.errors import GET_WHOLE, DamagedError, SourceError
from ingest_cli.model.source_budget import Budget

MAX_PASSPHRASE_BYTES = 32 << 20
"""Maximum size of a file encrypted with a passphrase, which the library decrypts as a whole."""

_SCRYPT_BYTES = 1 << 10  # 128 r, and r is 8 (RFC 7914 §2, and age's specification)
_MAX_SCRYPT_LOG_N = 18  # 256 MiB of memory; what `age -p` uses
_HEAD_BYTES = 512
_ARMOR = b"-----BEGIN AGE ENCRYPTED FILE-----"
_SCRYPT = re.compile(rb"\Aage-encryption\.org/v1\n-> scrypt [^ \n]+ ([0-9]{1,3})\n")
_PIPE = '`age -d FILE | ingest-cli load …`, with "-" as the source'


def decrypt(stream: Iterable[bytes], age_key: Callable[[], str] | None, budget: Budget) -> Iterator[bytes]:
    """Decrypt `stream`, binary or armored.

    Args:
        age_key: returns the text of an identity file (age's own, or an SSH private key), or else a passphrase.
        budget: memory limit for checking a passphrase.

    Raises:
        SourceError: while iterating: there is no key, the key does not match, or the data is truncated or damaged.
            Everything decrypted before has been yielded.
    """
    pyrage = _library()
    if age_key is None:
        raise SourceError("it is encrypted with age; give the key with --age-identity")
    key = age_key()
    reader = ByteReader(stream)
    work = _SCRYPT.match(_dearmored(reader.peek(_HEAD_BYTES)))
    identities = _identities(pyrage, key)
    if work is None and not identities:
        raise SourceError(
            "it is encrypted with age for an identity, and the key given is a passphrase; give the identity file"
        )
    if work is None:
        return _streamed(pyrage, reader, identities)
    if identities:
        raise SourceError(
            "it is encrypted with an age passphrase, and the key given is an identity; give the passphrase"
        )
    log_n = int(work[1])
    if log_n <= _MAX_SCRYPT_LOG_N:
        budget.check_passing(_SCRYPT_BYTES << log_n, "its passphrase", "age -d FILE")
    return _as_a_whole(pyrage, reader, key.strip("\r\n"), log_n)


def _library() -> ModuleType:
    try:
        return import_module("pyrage")  # optional dependency
    except ImportError as error:
        raise SourceError(
            f"it is encrypted with age, which needs a library; install ingest-cli[age], or pipe it: {_PIPE}"
        ) from error


def _identities(pyrage: ModuleType, key: str) -> list[Any]:
    """Return the identities in an identity file's text; none if the text is a passphrase."""
    wrong = False
    found: list[Any] = []
    if "-----BEGIN OPENSSH PRIVATE KEY-----" in key or "-----BEGIN RSA PRIVATE KEY-----" in key:
        try:
            return [pyrage.ssh.Identity.from_buffer(key.encode())]
        except pyrage.IdentityError:
            wrong = True
    for line in key.split():
        if line.startswith("AGE-SECRET-KEY-"):
            try:
                found.append(pyrage.x25519.Identity.from_str(line))
            except pyrage.IdentityError:
                wrong = True
    if wrong:  # raised outside the handler, so that the exception context holds no part of the key
        raise SourceError("the identity given for age is not valid; check it")
    return found


def _streamed(pyrage: ModuleType, reader: ByteReader, identities: list[Any]) -> Iterator[bytes]:
    def work(source: Pull, sink: Push) -> None:
        pyrage.decrypt_io(source, sink, identities)

    try:
        yield from pushed(reader.rest(), work)
    except pyrage.DecryptError as error:
        raise SourceError(
            "it cannot be decrypted: it is encrypted with age for another identity, or damaged at the beginning"
        ) from error
    except (OSError, ValueError) as error:
        raise DamagedError(
            f"the age data is cut off or damaged near byte {reader.offset:,}; the rows before that were read",
            GET_WHOLE,
        ) from error


def _as_a_whole(pyrage: ModuleType, reader: ByteReader, passphrase: str, log_n: int) -> Iterator[bytes]:
    if log_n > _MAX_SCRYPT_LOG_N:
        raise SourceError(
            f"its passphrase would take {1 << max(log_n - 20, 0):,} GiB of memory or more to check; pipe it: {_PIPE}"
            if log_n >= 20  # noqa: PLR2004 - 2**20 KiB
            else f"its passphrase would take too much memory to check; pipe it: {_PIPE}"
        )
    data = reader.take(MAX_PASSPHRASE_BYTES + 1)
    if len(data) > MAX_PASSPHRASE_BYTES:
        raise SourceError(
            f"it is encrypted with age with a passphrase and longer than {MAX_PASSPHRASE_BYTES:,} bytes, which is too "
            f"much to decrypt at once; pipe it: {_PIPE}"
        )
    try:
        plain = pyrage.passphrase.decrypt(data, passphrase)
    except (pyrage.DecryptError, OSError, ValueError) as error:
        raise DamagedError(
            "it cannot be decrypted: it is encrypted with age with another passphrase, or cut off or damaged"
        ) from error
    yield from in_pieces([plain], PIECE_BYTES)


def _dearmored(head: bytes) -> bytes:
    """Return the first bytes of the binary form."""
    if not head.startswith(_ARMOR):
        return head
    letters = b"".join(head[len(_ARMOR) :].split())
    try:
        return base64.b64decode(letters[: len(letters) // 4 * 4])
    except binascii.Error:
        return b""
