"""Sign one kind of request with AWS Signature Version 4, caching the day's signing key.

The rules are those of the AWS IAM User Guide, "Create a signed AWS API request"; the tests compare every
signature with botocore's.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
from dataclasses import dataclass
from typing import Protocol

_ALGORITHM = "AWS4-HMAC-SHA256"
_SERVICE = "dynamodb"
_TARGET = "DynamoDB_20120810.BatchWriteItem"
_CONTENT_TYPE = "application/x-amz-json-1.0"


class Credentials(Protocol):
    """Credentials as frozen by botocore."""

    @property
    def access_key(self) -> str | None:
        """Access key id, sent in the header."""
        ...

    @property
    def secret_key(self) -> str | None:
        """Secret key to sign with."""
        ...

    @property
    def token(self) -> str | None:
        """Session token of temporary credentials."""
        ...


@dataclass(frozen=True, slots=True)
class _Prepared:
    """Common parts of all signatures of one second.

    Attributes:
        known_by: the second and the credentials.
        lines: header lines as in a request.
        request: canonical request up to the hash of the body.
        to_sign: string to sign up to the hash of the request.
        authorization: header up to the signature.
        key: signing key.
    """

    known_by: tuple[int, str | None, str | None, str | None]
    lines: tuple[str, ...]
    request: bytes
    to_sign: bytes
    authorization: str
    key: bytes


class Signer:
    """Build the headers of signed BatchWriteItem requests."""

    def __init__(self, host: str, path: str, region: str) -> None:
        """Set up for one endpoint.

        Args:
            host: value of the `Host` header.
            path: path of the endpoint; "/" for AWS.
            region: region for signing.
        """
        self._host = host
        self._path = path
        self._region = region
        self._prepared: _Prepared | None = None
        self._key_of: tuple[tuple[str, str], bytes] = (("", ""), b"")

    def lines(self, body: bytes, credentials: Credentials, now: dt.datetime) -> list[str]:
        """Return the header lines of a request with this body, sent at `now` (UTC)."""
        prepared = self._at(credentials, now)
        return [*prepared.lines, f"authorization: {_signed(prepared, body)}"]

    def _at(self, credentials: Credentials, now: dt.datetime) -> _Prepared:
        known_by = (int(now.timestamp()), credentials.access_key, credentials.secret_key, credentials.token)
        if self._prepared is None or self._prepared.known_by != known_by:
            self._prepared = self._prepare(credentials, now, known_by)
        return self._prepared

    def _prepare(
        self, credentials: Credentials, now: dt.datetime, known_by: tuple[int, str | None, str | None, str | None]
    ) -> _Prepared:
        stamp = now.strftime("%Y%m%dT%H%M%SZ")
        day = stamp[:8]
        signed = {
            "content-type": _CONTENT_TYPE,
            "host": self._host,
            "x-amz-date": stamp,
            "x-amz-target": _TARGET,
        }
        if credentials.token:
            signed["x-amz-security-token"] = credentials.token
        names = ";".join(sorted(signed))
        canonical = "".join(f"{name}:{signed[name].strip()}\n" for name in sorted(signed))
        scope = f"{day}/{self._region}/{_SERVICE}/aws4_request"
        return _Prepared(
            known_by,
            tuple(f"{name}: {value}" for name, value in signed.items()),
            f"POST\n{self._path}\n\n{canonical}\n{names}\n".encode(),
            f"{_ALGORITHM}\n{stamp}\n{scope}\n".encode(),
            f"{_ALGORITHM} Credential={credentials.access_key}/{scope}, SignedHeaders={names}, Signature=",
            self._key(credentials.secret_key or "", day),
        )

    def _key(self, secret_key: str, day: str) -> bytes:
        """Return the signing key of a day, derived once."""
        if self._key_of[0] != (secret_key, day):
            key = b"AWS4" + secret_key.encode()
            for part in (day, self._region, _SERVICE, "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            self._key_of = ((secret_key, day), key)
        return self._key_of[1]


def _signed(prepared: _Prepared, body: bytes) -> str:
    """Return the header `authorization` of a request with this body."""
    payload = hashlib.sha256(body).hexdigest().encode()
    request = hashlib.sha256(prepared.request + payload).hexdigest().encode()
    return prepared.authorization + hmac.digest(prepared.key, prepared.to_sign + request, "sha256").hex()
