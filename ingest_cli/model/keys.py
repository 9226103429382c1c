"""Read and write the pepper: the secret key of every identifier's hash.

A pepper is never passed on a command line or in a manifest, only by reference to where it is stored. The reference
leads to one line, `<kid>:<64 hex digits>`: the key id is stored with the key, so that a pepper cannot be used under
another's id.

No exception may hold the secret, nor an exception that does: values that may hold a secret are parsed without raising.
"""

from __future__ import annotations

import hmac
import os
import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from ingest_cli.errors import KeyRefusedError
from ingest_cli.runtime.output_files import open_file

PEPPER_BYTES = 32
"""Length of a pepper: that of SHA-256, as RFC 2104 §3 advises for an HMAC key."""

EPHEMERAL_KID = "tmp"
"""Key id of a random pepper for a run that writes nothing."""

_LABEL = b"ingest-cli:v1:"
_SUBKEY_BITS = 256
_PRIVATE_MODE = 0o600

_KID = re.compile(r"[a-z0-9]{1,8}")
LINE_FORM = "one line `<kid>:<64 hex digits>`"
"""Storage format of a pepper, for messages."""


@dataclass(frozen=True, slots=True)
class Pepper:
    """A secret key and its id.

    Pickles with the secret, since worker processes need it; its `repr` and `str` show the key id only.

    Attributes:
        kid: key id, 1 to 8 of `[a-z0-9]`; the first part of every partition key made with it.
        secret: 32 bytes, neither all zeros nor one byte repeated.

    Raises:
        KeyRefusedError: on construction, if either is anything else.
    """

    kid: str
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not _KID.fullmatch(self.kid):
            raise KeyRefusedError("a key id is 1 to 8 of a-z and 0-9, and the one given is not")
        if len(self.secret) != PEPPER_BYTES:
            raise KeyRefusedError(f"a pepper has {PEPPER_BYTES} bytes, and the given one does not")
        if not any(self.secret):
            raise KeyRefusedError("the pepper is all zeros; make one with `ingest-cli key generate`")
        if len(set(self.secret)) == 1:
            raise KeyRefusedError("the pepper is one byte repeated; make one with `ingest-cli key generate`")

    def subkey(self, class_: str) -> bytes:
        """Derive the key of one class of identifiers (or of `record`): 32 bytes.

        One block of the counter-mode KDF of NIST SP 800-108r1 §4.1 over HMAC-SHA256: 32-bit counter 1,
        label, a zero byte, context (the key id), and the output's length in bits in 32 bits.

        Raises:
            ValueError: `class_` is empty, not ASCII, or holds the zero byte that ends the label.
        """
        if not class_ or not class_.isascii() or "\0" in class_:
            raise ValueError("a class of identifiers is named in ASCII, without zero bytes")
        counter, length_bits = (1).to_bytes(4, "big"), _SUBKEY_BITS.to_bytes(4, "big")
        fixed = _LABEL + class_.encode("ascii") + b"\0" + self.kid.encode("ascii")
        return hmac.digest(self.secret, counter + fixed + length_bits, "sha256")

    @property
    def check_value(self) -> str:
        """Key check value, 8 hex digits: distinguishes two peppers of one id, and reveals nothing about either."""
        return hmac.digest(self.secret, _LABEL + b"kcv", "sha256")[:4].hex()

    def line(self) -> str:
        """Return the pepper in clear, in its storage format, for writing it to storage."""
        return f"{self.kid}:{self.secret.hex()}\n"


def parse_pepper(raw: bytes, where: str) -> Pepper:
    """Parse the referenced line; messages reveal only its length."""
    content = raw.strip(b" \t\r\n")
    if not content:
        raise KeyRefusedError(f"{where} is empty; it must hold {LINE_FORM}")
    if b"\n" in content or b"\r" in content:
        raise KeyRefusedError(f"{where} holds several lines; it must hold {LINE_FORM}")
    text = content.decode("ascii", "replace")
    kid, colon, digits = text.partition(":")
    if not colon:
        raise KeyRefusedError(f"{where} holds no key id; it must hold {LINE_FORM}")
    if not _KID.fullmatch(kid):
        raise KeyRefusedError(f"the key id in {where} is not 1 to 8 of a-z and 0-9")
    if not re.fullmatch(r"[0-9A-Fa-f]*", digits):
        raise KeyRefusedError(f"the key in {where} is not in hex digits; it must hold {LINE_FORM}")
    if len(digits) != 2 * PEPPER_BYTES:
        side = "under" if len(digits) < 2 * PEPPER_BYTES else "over"
        raise KeyRefusedError(
            f"the key in {where} has {len(digits)} hex digits and not {2 * PEPPER_BYTES}: it is {side}"
            f" {PEPPER_BYTES} bytes; make one with `ingest-cli key generate`"
        )
    return Pepper(kid, bytes.fromhex(digits))


def generate_pepper(kid: str) -> Pepper:
    """Generate a new pepper from the operating system's randomness.

    Raises:
        KeyRefusedError: `kid` is not 1 to 8 of `[a-z0-9]`.
    """
    return Pepper(kid, secrets.token_bytes(PEPPER_BYTES))


def ephemeral_pepper() -> Pepper:
    """Generate a pepper for a run that writes nothing and needs no stored key."""
    return generate_pepper(EPHEMERAL_KID)


def write_pepper_file(path: Path, pepper: Pepper) -> None:
    """Write `pepper` to a new file, mode 0600, and flush it to disk.

    Raises:
        KeyRefusedError: the file exists (an overwritten key is lost, and with it every item made with it), or cannot
            be written; no file remains then.
    """
    try:
        descriptor = open_file(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE_MODE)
    except FileExistsError:
        raise KeyRefusedError(f"{path} exists and is not overwritten; choose another name") from None
    except (OSError, ValueError) as error:
        raise KeyRefusedError(f"{path} cannot be written: {cause_of(error)}; choose another place") from None
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, which Path.open does not take
            os.fchmod(descriptor, _PRIVATE_MODE)  # regardless of the umask
            file.write(pepper.line().encode("ascii"))
            file.flush()
            os.fsync(descriptor)
        _sync_directory(path.parent)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise KeyRefusedError(f"{path} cannot be written: {cause_of(error)}") from None


def _sync_directory(path: Path) -> None:
    """Flush a new file's name to disk: fsync(2) of the file alone does not guarantee that."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def cause_of(error: Exception) -> str:
    """Return the operating system's message, without repeating the file name."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
