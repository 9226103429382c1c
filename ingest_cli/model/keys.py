"""Read and write the pepper: the secret key of every identifier's hash.

A pepper is never passed on a command line or in a manifest, only by reference to where it is stored. The reference
leads to one line, `<kid>:<64 hex digits>`: the key id is stored with the key, so that a pepper cannot be used under
another's id.

No exception and no log entry may hold the secret, nor an exception that does: Python keeps the exception being handled
as the new one's `__context__`, even after `from None`, so values that may hold a secret are parsed without raising.
"""

from __future__ import annotations

import base64
import difflib
import hmac
import logging
import os
import re
import secrets
import shlex
import stat
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingest_cli.errors import KeyRefusedError
from ingest_cli.runtime.endpoints import dead_proxy
from ingest_cli.runtime.output_files import open_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import boto3

PEPPER_BYTES = 32
"""Length of a pepper: that of SHA-256, as RFC 2104 §3 advises for an HMAC key."""

EPHEMERAL_KID = "tmp"
"""Key id of a random pepper for a run that writes nothing."""

_LABEL = b"ingest-cli:v1:"
_SUBKEY_BITS = 256
_MAX_CODE_CHARS = 64
_KMS_MISMATCHES = frozenset({"IncorrectKeyException", "InvalidCiphertextException"})
_MAX_REFERENT_BYTES = 8192  # a KMS ciphertext has at most 6,144 bytes (KMS API, Decrypt), in base64 8,192
_PRIVATE_MODE = 0o600

_KID = re.compile(r"[a-z0-9]{1,8}")
_LOOKS_LIKE_A_KEY = re.compile(r"(?:[^:/]*:)?\s*[0-9A-Fa-f]{32,}\s*")
_ENVIRONMENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SECRET_ARN = re.compile(r"arn:aws[a-z-]*:secretsmanager:(?P<region>[a-z0-9-]+):[0-9]{12}:secret:\S+")
_LINE_FORM = "one line `<kid>:<64 hex digits>`"
_REFERENCE_FORMS = "file:PATH, env:NAME, secretsmanager:ARN or kms:PATH-OF-CIPHERTEXT[,key=ARN]"
_KMS = re.compile(
    r"(?P<path>.+),key=(?P<key>arn:aws[a-z-]*:kms:(?P<region>[a-z0-9-]+):[0-9]{12}:key/[A-Za-z0-9-]{1,64})"
)
KMS_CONTEXT = {"purpose": "ingest-cli-pepper"}
"""Encryption context of a pepper's ciphertext; rejects ciphertexts made under the same key for another purpose."""

NOT_PINNED = (
    "the KMS key of --key is not pinned: a ciphertext made with any key that these credentials may use is taken; "
    "give kms:PATH,key=ARN"
)
"""Note for a reference for which `is_pinned` is false."""


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
            raise KeyRefusedError(f"a pepper has {PEPPER_BYTES} bytes, and the one given does not")
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


@dataclass(frozen=True, slots=True)
class KeyReference:
    """Storage location of a pepper.

    Attributes:
        scheme: `file`, `env`, `secretsmanager` or `kms`.
        target: the path, variable name or ARN; for `kms`, path and ARN.
    """

    scheme: str
    target: str

    def __str__(self) -> str:
        return f"{self.scheme}:{self.target}"


def parse_key_reference(text: str) -> KeyReference:
    """Parse a key reference, without reading its target.

    Raises:
        KeyRefusedError: `text` is not a reference. The message never repeats it: it may be the key.
    """
    scheme, _, target = text.partition(":")
    if _LOOKS_LIKE_A_KEY.fullmatch(text) or _LOOKS_LIKE_A_KEY.fullmatch(target):
        raise KeyRefusedError(
            "what was given looks like the key itself, which must not be seen on a command line: treat it"
            f" as disclosed, and give a new one by reference only, as {_REFERENCE_FORMS}"
        )
    if scheme not in _READERS:
        near = difflib.get_close_matches(scheme.casefold(), _READERS, n=1)
        hint = f"; did you mean `{near[0]}:`?" if near else ""
        raise KeyRefusedError(f"a key is given by reference, as {_REFERENCE_FORMS}{hint}")
    if not target or not target.isprintable():
        raise KeyRefusedError(f"nothing usable follows `{scheme}:`; a key is given as {_REFERENCE_FORMS}")
    if scheme == "env" and not _ENVIRONMENT_NAME.fullmatch(target):
        raise KeyRefusedError("what follows `env:` is not the name of an environment variable, like PEPPER")
    if scheme == "secretsmanager" and not _SECRET_ARN.fullmatch(target):
        raise KeyRefusedError(
            "what follows `secretsmanager:` is not the ARN of a secret, like"
            " arn:aws:secretsmanager:ap-southeast-1:123456789012:secret:NAME"
        )
    if scheme == "kms" and ",key=" in target and not _KMS.fullmatch(target):
        raise KeyRefusedError(
            "what follows `,key=` is not the ARN of a KMS key, like"
            " kms:PATH,key=arn:aws:kms:REGION:ACCOUNT:key/ID (not that of an alias)"
        )
    return KeyReference(scheme, target)


def is_pinned(reference: str) -> bool:
    """Return whether `reference` pins the KMS key of its ciphertext; true of references that are not `kms`."""
    return not reference.startswith("kms:") or _KMS.fullmatch(reference.removeprefix("kms:")) is not None


def read_pepper(reference: str, session: boto3.Session | None = None) -> Pepper:
    """Read the pepper that `reference` refers to.

    Args:
        reference: `file:PATH` (readable by its owner alone), `env:NAME`, `secretsmanager:ARN`, or
            `kms:PATH,key=ARN` of a file with the ciphertext, binary or in base64, and of the KMS key. Without
            `,key=ARN` the KMS key is not pinned; see `is_pinned`.
        session: session with the credentials for the last two, used in the region of the ARN. None: boto3's default
            session.

    Raises:
        KeyRefusedError: there is no readable pepper, or it is too weak.
    """
    parsed = parse_key_reference(reference)
    return _parse_line(_READERS[parsed.scheme](parsed.target, session), str(parsed))


def read_age_identity(reference: str, session: boto3.Session | None = None) -> str:
    """Read the identity file or passphrase for sources encrypted with age.

    Args:
        reference: as for `read_pepper`.
        session: as for `read_pepper`.

    Raises:
        KeyRefusedError: nothing usable is stored there.
    """
    parsed = parse_key_reference(reference)
    try:
        text = _READERS[parsed.scheme](parsed.target, session).decode()
    except UnicodeDecodeError:
        raise KeyRefusedError(f"{parsed} is not text; it must hold age identities, or a passphrase") from None
    if not text.strip():
        raise KeyRefusedError(f"{parsed} is empty; it must hold age identities, or a passphrase")
    return text


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
            be written; no file is left behind then.
    """
    try:
        descriptor = open_file(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE_MODE)
    except FileExistsError:
        raise KeyRefusedError(f"{path} exists and is not overwritten; choose another name") from None
    except (OSError, ValueError) as error:
        raise KeyRefusedError(f"{path} cannot be written: {_cause(error)}; choose another place") from None
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, which Path.open does not take
            os.fchmod(descriptor, _PRIVATE_MODE)  # regardless of the umask
            file.write(pepper.line().encode("ascii"))
            file.flush()
            os.fsync(descriptor)
        _sync_directory(path.parent)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise KeyRefusedError(f"{path} cannot be written: {_cause(error)}") from None


def _sync_directory(path: Path) -> None:
    """Flush a new file's name to disk: fsync(2) of the file alone does not guarantee that."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _parse_line(raw: bytes, where: str) -> Pepper:
    """Parse the referenced line; messages reveal only its length."""
    content = raw.strip(b" \t\r\n")
    if not content:
        raise KeyRefusedError(f"{where} is empty; it must hold {_LINE_FORM}")
    if b"\n" in content or b"\r" in content:
        raise KeyRefusedError(f"{where} holds several lines; it must hold {_LINE_FORM}")
    text = content.decode("ascii", "replace")
    kid, colon, digits = text.partition(":")
    if not colon:
        raise KeyRefusedError(f"{where} holds no key id; it must hold {_LINE_FORM}")
    if not _KID.fullmatch(kid):
        raise KeyRefusedError(f"the key id in {where} is not 1 to 8 of a-z and 0-9")
    if not re.fullmatch(r"[0-9A-Fa-f]*", digits):
        raise KeyRefusedError(f"the key in {where} is not in hex digits; it must hold {_LINE_FORM}")
    if len(digits) != 2 * PEPPER_BYTES:
        side = "under" if len(digits) < 2 * PEPPER_BYTES else "over"
        raise KeyRefusedError(
            f"the key in {where} has {len(digits)} hex digits and not {2 * PEPPER_BYTES}: it is {side}"
            f" {PEPPER_BYTES} bytes; make one with `ingest-cli key generate`"
        )
    return Pepper(kid, bytes.fromhex(digits))


def _read_file(target: str, *, private: bool) -> bytes:
    """Read a small regular file; the checks apply to the opened descriptor, not to the name."""
    try:
        path = Path(target).expanduser()
        # Without O_NONBLOCK, opening a pipe would block until another process writes to it.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, RuntimeError, ValueError) as error:
        raise KeyRefusedError(f"the key file {target} cannot be read: {_cause(error)}") from None
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise KeyRefusedError(f"{target} is not a regular file; a key is kept in one")
        if private and stat.S_IMODE(mode) & 0o077:
            command = f"chmod 600 {shlex.quote(str(path))}"
            raise KeyRefusedError(f"{target} can be opened by others than its owner: run `{command}`")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            content = file.read(_MAX_REFERENT_BYTES + 1)
    except OSError as error:
        raise KeyRefusedError(f"the key file {target} cannot be read: {_cause(error)}") from None
    finally:
        os.close(descriptor)
    if len(content) > _MAX_REFERENT_BYTES:
        raise KeyRefusedError(f"{target} is too large for a key: over {_MAX_REFERENT_BYTES} bytes")
    return content


def _from_file(target: str, _session: boto3.Session | None) -> bytes:
    return _read_file(target, private=True)


def _from_environment(target: str, _session: boto3.Session | None) -> bytes:
    value = os.environ.get(target)
    if value is None:
        raise KeyRefusedError(f"the environment variable {target} is not set; export it, or use file:PATH")
    return os.fsencode(value)


def _from_secrets_manager(target: str, session: boto3.Session | None) -> bytes:
    match = _SECRET_ARN.fullmatch(target)
    region = match["region"] if match else None
    answer = _call_aws(target, lambda: _client("secretsmanager", session, region).get_secret_value(SecretId=target))
    secret = answer.get("SecretString")
    if not isinstance(secret, str):
        raise KeyRefusedError(f"{target} holds no SecretString; store {_LINE_FORM} as its text")
    return secret.encode("utf-8", "replace")  # an encoding error would hold the secret


def _from_kms(target: str, session: boto3.Session | None) -> bytes:
    """Decrypt with KMS; with `,key=ARN` only under that key and in the context of a pepper.

    Without it, KMS uses the key that the ciphertext names, whoever owns it (KMS API, Decrypt, "KeyId").
    """
    match = _KMS.fullmatch(target)
    path = target if match is None else match["path"]
    content = _read_file(path, private=False)  # readable only with access to the KMS key
    ciphertext = _from_base64(content)
    if not ciphertext:
        raise KeyRefusedError(f"{path} is empty; it must hold the ciphertext of {_LINE_FORM}")
    if match is None:
        return bytes(
            _call_aws(target, lambda: _client("kms", session, None).decrypt(CiphertextBlob=ciphertext))["Plaintext"]
        )
    request = {"CiphertextBlob": ciphertext, "KeyId": match["key"], "EncryptionContext": KMS_CONTEXT}
    answer = _call_aws(target, lambda: _client("kms", session, match["region"]).decrypt(**request))
    if answer.get("KeyId") != match["key"]:
        raise KeyRefusedError(f"the key at {target} cannot be read: what answers used another KMS key than that")
    return bytes(answer["Plaintext"])


def _from_base64(content: bytes) -> bytes:
    """Decode the base64 that `aws kms encrypt` prints; a binary ciphertext never consists of base64 letters only."""
    compact = b"".join(content.split())
    try:
        return base64.b64decode(compact, validate=True)
    except ValueError:
        return content


def _client(service: str, session: boto3.Session | None, region: str | None) -> Any:
    import boto3  # noqa: PLC0415 - takes longer to import than most commands take to run
    from botocore.config import Config  # noqa: PLC0415 - likewise

    from ingest_cli.runtime.bounded_http import watch  # noqa: PLC0415 - likewise

    config = Config(connect_timeout=10, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3})
    if session is None:
        session = boto3.Session()
        watch(session, insecure_http=False)
    # The service is a plain str here, and boto3's stubs know clients by literal names only.
    make_client: Any = session.client
    return make_client(service, region_name=region, config=config)


def _call_aws(target: str, call: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Make one call; report an error by its code or name only, since messages repeat what was sent."""
    from botocore.exceptions import BotoCoreError, ClientError, ProxyConnectionError  # noqa: PLC0415 - see _client

    try:
        with _secret_answers_unlogged():
            return call()
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", "an unnamed error"))[:_MAX_CODE_CHARS]
        reason = f"AWS answered {code}"
        if code in _KMS_MISMATCHES:
            context = ",".join(f"{name}={value}" for name, value in KMS_CONTEXT.items())
            reason += f": it was made with another key, or not with the encryption context {context}"
    except ProxyConnectionError as error:
        reason = dead_proxy(error.kwargs["proxy_url"], None, "AWS")
    except (BotoCoreError, ValueError) as error:  # ValueError: an invalid endpoint URL
        reason = f"the call to AWS failed with {type(error).__name__}"
    raise KeyRefusedError(f"the key at {target} cannot be read: {reason}")


@contextmanager
def _secret_answers_unlogged() -> Iterator[None]:
    """Keep botocore from logging the response body, which has the secret in clear, at level DEBUG."""
    logger = logging.getLogger("botocore.parsers")
    before = logger.disabled
    logger.disabled = True
    try:
        yield
    finally:
        logger.disabled = before


def _cause(error: Exception) -> str:
    """Return the operating system's message, without repeating the file name."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


_READERS: dict[str, Callable[[str, boto3.Session | None], bytes]] = {
    "file": _from_file,
    "env": _from_environment,
    "secretsmanager": _from_secrets_manager,
    "kms": _from_kms,
}
