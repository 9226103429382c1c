"""AWS Signature Version 4 for one kind of request, with the day's signing key kept.

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
    """As botocore freezes them."""

    @property
    def access_key(self) -> str | None:
        """Goes into the header."""
        ...

    @property
    def secret_key(self) -> str | None:
        """Signs."""
        ...

    @property
    def token(self) -> str | None:
        """Goes along with temporary credentials."""
        ...


@dataclass(frozen=True, slots=True)
class _Scope:
    """What a signing key is for."""

    secret_key: str
    day: str


class Signer:
    """Makes the headers of signed BatchWriteItem requests. Safe to share between threads."""

    def __init__(self, host: str, path: str, region: str) -> None:
        """Set up for one endpoint.

        Args:
            host: as in the `Host` header.
            path: of the endpoint; "/" for AWS.
            region: the region that signs.
        """
        self._host = host
        self._path = path
        self._region = region
        self._cached: tuple[_Scope, bytes] | None = None

    def headers(self, body: bytes, credentials: Credentials, now: dt.datetime) -> dict[str, str]:
        """The headers of a request with this body, sent at `now` (UTC)."""
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
        lines = "".join(f"{name}:{signed[name].strip()}\n" for name in sorted(signed))
        payload = hashlib.sha256(body).hexdigest()
        request = f"POST\n{self._path}\n\n{lines}\n{names}\n{payload}"
        scope = f"{day}/{self._region}/{_SERVICE}/aws4_request"
        to_sign = f"{_ALGORITHM}\n{stamp}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
        signature = hmac.digest(self._key(credentials, day), to_sign.encode(), "sha256").hex()
        signed["authorization"] = (
            f"{_ALGORITHM} Credential={credentials.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
        )
        return signed

    def _key(self, credentials: Credentials, day: str) -> bytes:
        scope = _Scope(credentials.secret_key or "", day)
        if self._cached is not None and self._cached[0] == scope:
            return self._cached[1]
        key = b"AWS4" + scope.secret_key.encode()
        for part in (day, self._region, _SERVICE, "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        self._cached = (scope, key)
        return key
