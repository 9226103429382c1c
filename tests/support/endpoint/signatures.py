"""Verification of AWS Signature Version 4, written from its specification and not with botocore.

Being independent of botocore and of the signer under test, it can judge both. Source: "Create a signed
AWS API request", IAM user guide; messages as dynalite 4.0.0 records them from the live service.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote

from .errors import DynamoError

_ALGORITHM = "AWS4-HMAC-SHA256"
_SKEW = timedelta(minutes=15)
_PART = re.compile(r"\s*(Credential|SignedHeaders|Signature)=([^,\s]+)\s*")
_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
    "Access Key and signing method. Consult the service documentation for details."
)


@dataclass(frozen=True, slots=True)
class Credentials:
    """A key pair that the endpoint knows.

    Attributes:
        access_key: its id.
        secret_key: the secret.
        session_token: for temporary credentials, what X-Amz-Security-Token must be.
        expired: answer ExpiredTokenException to every request that uses it.
    """

    access_key: str
    secret_key: str
    session_token: str | None = None
    expired: bool = False


@dataclass(frozen=True, slots=True)
class _Authorization:
    access_key: str
    scope: tuple[str, str, str]
    signed_headers: list[str]
    signature: str


def _parse(header: str, wanted: str) -> _Authorization:
    algorithm, _, rest = header.partition(" ")
    if algorithm != _ALGORITHM:
        raise DynamoError("IncompleteSignatureException", f"Unsupported AWS 'algorithm': '{algorithm}'")
    parts: dict[str, str] = {}
    for piece in rest.split(","):
        match = _PART.fullmatch(piece)
        if match:
            parts[match[1]] = match[2]
    missing = [name for name in ("Credential", "Signature", "SignedHeaders") if name not in parts]
    if missing:
        listed = " ".join(f"Authorization header requires '{name}' parameter." for name in missing)
        raise DynamoError("IncompleteSignatureException", f"{listed} Authorization={header}")
    elements = parts["Credential"].split("/")
    if len(elements) != 5:
        raise DynamoError(
            "IncompleteSignatureException",
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, "
            f"got '{parts['Credential']}'",
        )
    access_key, day, region, service, terminator = elements
    if service != wanted or terminator != "aws4_request":
        raise DynamoError("InvalidSignatureException", f"Credential should be scoped to correct service: '{wanted}'. ")
    if not re.fullmatch(r"[0-9a-f]{64}", parts["Signature"]):
        raise DynamoError("InvalidSignatureException", _MISMATCH)
    return _Authorization(access_key, (day, region, service), parts["SignedHeaders"].split(";"), parts["Signature"])


def _signed_at(headers: Mapping[str, str], day: str, now: datetime) -> str:
    stamp = headers.get("x-amz-date", "")
    try:
        signed_at = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise DynamoError(
            "IncompleteSignatureException", f"Date must be in ISO-8601 'basic format'. Got '{stamp}'."
        ) from None
    if stamp[:8] != day:
        raise DynamoError(
            "InvalidSignatureException",
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{day}' != '{stamp[:8]}', from '{stamp}'.",
        )
    if abs(now - signed_at) > _SKEW:
        raise DynamoError("InvalidSignatureException", f"Signature expired: {stamp} is now earlier than allowed")
    return stamp


def canonical_request(
    method: str, target: str, headers: Mapping[str, str], signed_headers: list[str], body: bytes
) -> str:
    """The canonical request of the specification.

    Args:
        method: such as "POST".
        target: path and query, as in the request line.
        headers: lower-case name → value.
        signed_headers: lower-case names, in the order given.
        body: the payload.
    """
    path, _, query_string = target.partition("?")
    query = sorted((quote(k, safe="-_.~"), quote(v, safe="-_.~")) for k, v in parse_qsl(query_string, True))  # noqa: FBT003 - keep_blank_values is positional in no other sense
    lines = [
        method,
        quote(path, safe="/-_.~%"),
        "&".join(f"{k}={v}" for k, v in query),
        *(f"{name}:{' '.join(headers.get(name, '').split())}" for name in signed_headers),
        "",
        ";".join(signed_headers),
        hashlib.sha256(body).hexdigest(),
    ]
    return "\n".join(lines)


def signature(secret_key: str, stamp: str, scope: tuple[str, str, str], canonical: str) -> str:
    """The hex signature of a canonical request.

    Args:
        secret_key: of the signer.
        stamp: X-Amz-Date.
        scope: (YYYYMMDD, region, service).
        canonical: see `canonical_request`.
    """
    key = b"AWS4" + secret_key.encode()
    for part in (*scope, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    to_sign = "\n".join(
        [
            _ALGORITHM,
            stamp,
            "/".join((*scope, "aws4_request")),
            hashlib.sha256(canonical.encode()).hexdigest(),
        ]
    )
    return hmac.new(key, to_sign.encode(), "sha256").hexdigest()


class Verifier:
    """Decides whether a request may come in.

    Args:
        known: credentials to verify against; none: the header must be there and be well-formed, no more.
        now: the wall clock, for the age of a signature.
    """

    def __init__(self, known: list[Credentials], now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.known = {one.access_key: one for one in known}
        self._now = now

    def check(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes, service: str = "dynamodb"
    ) -> None:
        """Let the request pass, or not.

        Args:
            method: such as "POST".
            target: path and query.
            headers: lower-case name → value.
            body: the payload.
            service: whose request it is.

        Raises:
            DynamoError: as the service answers it.
        """
        header = headers.get("authorization", "")
        if not header.startswith("AWS4-"):
            raise DynamoError("MissingAuthenticationTokenException")
        given = _parse(header, service)
        stamp = _signed_at(headers, given.scope[0], self._now())
        if "host" not in given.signed_headers:
            raise DynamoError("InvalidSignatureException", "'Host' must be a 'SignedHeader' in the AWS Authorization.")
        unsigned = [n for n in headers if n.startswith("x-amz-") and n not in given.signed_headers]
        absent = [n for n in given.signed_headers if n not in headers]
        if unsigned or absent or given.signed_headers != sorted(given.signed_headers):
            raise DynamoError("InvalidSignatureException", _MISMATCH)
        if self.known:
            self._check_signature(
                given, stamp, headers, canonical_request(method, target, headers, given.signed_headers, body)
            )

    def _check_signature(self, given: _Authorization, stamp: str, headers: Mapping[str, str], canonical: str) -> None:
        credentials = self.known.get(given.access_key)
        if credentials is None:
            raise DynamoError("UnrecognizedClientException")
        expected = signature(credentials.secret_key, stamp, given.scope, canonical)
        if not hmac.compare_digest(expected, given.signature):
            raise DynamoError("InvalidSignatureException", _MISMATCH)
        if headers.get("x-amz-security-token") != credentials.session_token:
            raise DynamoError("UnrecognizedClientException")
        if credentials.expired:
            raise DynamoError("ExpiredTokenException")
