"""Read the pepper, or the key for encrypted sources, from the place that a key reference names.

No exception and no log entry may hold the secret, nor an exception that does: Python keeps the exception being handled
as the new one's `__context__`, even after `from None`, so values that may hold a secret are parsed without raising.
"""

from __future__ import annotations

import base64
import difflib
import logging
import os
import re
import shlex
import stat
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ingest_cli.errors import KeyRefusedError
from ingest_cli.model.keys import LINE_FORM, Pepper, cause_of, parse_pepper
from ingest_cli.runtime.endpoints import dead_proxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import boto3

_MAX_CODE_CHARS = 64
_KMS_MISMATCHES = frozenset({"IncorrectKeyException", "InvalidCiphertextException"})
_MAX_REFERENT_BYTES = 8192  # a KMS ciphertext has at most 6,144 bytes (KMS API, Decrypt), in base64 8,192
_LOOKS_LIKE_A_KEY = re.compile(r"(?:[^:/]*:)?\s*[0-9A-Fa-f]{32,}\s*")
_ENVIRONMENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SECRET_ARN = re.compile(r"arn:aws[a-z-]*:secretsmanager:(?P<region>[a-z0-9-]+):[0-9]{12}:secret:\S+")
_REFERENCE_FORMS = "file:PATH, env:NAME, secretsmanager:ARN or kms:PATH-OF-CIPHERTEXT[,key=ARN]"
_LOCAL_SCHEMES = ("file", "env")
_KMS = re.compile(
    r"(?P<path>.+),key=(?P<key>arn:aws[a-z-]*:kms:(?P<region>[a-z0-9-]+):[0-9]{12}:key/[A-Za-z0-9-]{1,64})"
)
KMS_CONTEXT = {"purpose": "ingest-cli-pepper"}
"""Encryption context of a pepper's ciphertext; rejects ciphertexts made under the same key for another purpose."""

NOT_PINNED = (
    "the KMS key of --key is not pinned: a ciphertext made with any key that these credentials may use is taken; "
    "give kms:PATH,key=ARN"
)
"""Note for a reference that is not pinned."""


@dataclass(frozen=True, slots=True)
class KeyReference:
    """Storage location of a pepper.

    Attributes:
        scheme: `file`, `env`, `secretsmanager` or `kms`.
        target: the path, variable name or ARN; for `kms`, path and ARN.
    """

    scheme: str
    target: str

    @classmethod
    def parse(cls, text: str) -> Self:
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
        return cls(scheme, target)

    def __str__(self) -> str:
        return f"{self.scheme}:{self.target}"

    @property
    def is_local(self) -> bool:
        """Whether reading it sends no request."""
        return self.scheme in _LOCAL_SCHEMES

    @property
    def is_pinned(self) -> bool:
        """Whether it names the KMS key of its ciphertext; true of references that are not `kms`."""
        return self.scheme != "kms" or _KMS.fullmatch(self.target) is not None

    def read(self, session: boto3.Session | None) -> bytes:
        """Read its target.

        Raises:
            KeyRefusedError: it cannot be read.
        """
        return _READERS[self.scheme](self.target, session)


def read_pepper(reference: KeyReference | str, session: boto3.Session | None = None) -> Pepper:
    """Read the pepper that `reference` refers to.

    Args:
        reference: `file:PATH` (readable by its owner alone), `env:NAME`, `secretsmanager:ARN`, or
            `kms:PATH,key=ARN` of a file with the ciphertext, binary or in base64, and of the KMS key. Without
            `,key=ARN` the KMS key is not pinned.
        session: session with the credentials for the last two, used in the region of the ARN. None: boto3's default
            session.

    Raises:
        KeyRefusedError: there is no readable pepper, or it is too weak.
    """
    parsed = KeyReference.parse(reference) if isinstance(reference, str) else reference
    return parse_pepper(parsed.read(session), str(parsed))


def read_age_identity(reference: KeyReference) -> str:
    """Read the identity file or passphrase for sources encrypted with age.

    Raises:
        KeyRefusedError: nothing usable is stored there.
    """
    try:
        text = reference.read(None).decode()
    except UnicodeDecodeError:
        raise KeyRefusedError(f"{reference} is not text; it must hold age identities, or a passphrase") from None
    if not text.strip():
        raise KeyRefusedError(f"{reference} is empty; it must hold age identities, or a passphrase")
    return text


def _read_file(target: str, *, private: bool) -> bytes:
    """Read a small regular file; the checks apply to the opened descriptor, not to the name."""
    try:
        path = Path(target).expanduser()
        # Without O_NONBLOCK, opening a pipe would block until another process writes to it.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, RuntimeError, ValueError) as error:
        raise KeyRefusedError(f"the key file {target} cannot be read: {cause_of(error)}") from None
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
        raise KeyRefusedError(f"the key file {target} cannot be read: {cause_of(error)}") from None
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
        raise KeyRefusedError(f"{target} holds no SecretString; store {LINE_FORM} as its text")
    return secret.encode("utf-8", "replace")  # an encoding error would hold the secret


def _from_kms(target: str, session: boto3.Session | None) -> bytes:
    """Decrypt with KMS; with `,key=ARN` only under that key and in the context of a pepper.

    Without it, KMS uses the key that the ciphertext names, in any account (KMS API, Decrypt, "KeyId").
    """
    match = _KMS.fullmatch(target)
    path = target if match is None else match["path"]
    content = _read_file(path, private=False)  # readable only with access to the KMS key
    ciphertext = _from_base64(content)
    if not ciphertext:
        raise KeyRefusedError(f"{path} is empty; it must hold the ciphertext of {LINE_FORM}")
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


_READERS: dict[str, Callable[[str, boto3.Session | None], bytes]] = {
    "file": _from_file,
    "env": _from_environment,
    "secretsmanager": _from_secrets_manager,
    "kms": _from_kms,
}
