"""Send S3 requests, each once through botocore with retries here, and translate errors into messages.

Exponential backoff with full jitter (Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
botocore's own retries are disabled: they do not cover a response that breaks off while being read, and would
multiply with these.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import SystemRandom
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    FlexibleChecksumError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ProxyConnectionError,
    SSLError,
)
from botocore.exceptions import (
    ConnectionError as NoConnectionError,
)
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError

from ingest_cli.aws.service_errors import (
    DENIED,
    EXPIRED,
    expired,
    is_too_large,
    is_unrenewed,
    not_renewable,
    too_large,
)
from ingest_cli.aws.session import check_endpoint, open_session
from ingest_cli.errors import AnswerTooLargeError, MissingSourceError, SourceBusyError, SourceError, UsageError
from ingest_cli.model.settings import Target
from ingest_cli.runtime.endpoints import dead_proxy
from ingest_cli.sources.interface import Sleep

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

FAULTS = (BotoCoreError, ClientError, ResponseParserError, HTTPError, OSError, ValueError, AnswerTooLargeError)
"""Exceptions of a request or of reading its response; botocore raises ValueError for an invalid date."""

_BASE_S, _CAP_S = 0.2, 5.0
_CONNECT_TIMEOUT_S, _READ_TIMEOUT_S = 5, 20

_TRANSIENT = frozenset({"InternalError", "RequestTimeout", "ServiceUnavailable", "SlowDown", "Throttling"})
_TOO_MANY_REQUESTS, _SERVER_ERROR, _REDIRECTS = 429, 500, range(300, 400)
_STALE = EXPIRED | {"RequestExpired", "TokenRefreshRequired"}
_CHANGED = frozenset({"PreconditionFailed", "412", "InvalidRange", "416"})
_ELSEWHERE = frozenset(
    {"PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"}
)
_MAX_CODE_CHARS = 64

ARCHIVED = "{what} is archived; restore it with `aws s3api restore-object`, and run the same command once that is done"
"""Message for an object that must be restored from an archive first."""

_REFUSALS: tuple[tuple[frozenset[str], str], ...] = (
    (
        DENIED | {"403", "AccountProblem", "AllAccessDisabled", "InvalidAccessKeyId", "InvalidToken"},
        (
            "AWS denies access to {what} ({code}); check the credentials and their policy, which must allow "
            "s3:GetObject, and s3:ListBucket for more than single objects"
        ),
    ),
    (frozenset({"InvalidObjectState"}), ARCHIVED),
    (
        frozenset({"RequestTimeTooSkewed"}),
        "the clock of this machine differs too much from AWS's to read {what}; set it",
    ),
)
"""Permanent error codes ("Error responses", Amazon S3 API Reference) → message."""

_MISSING = {"NoSuchBucket": "the bucket of {what}", **dict.fromkeys(("NoSuchKey", "NoSuchVersion", "404"), "{what}")}
"""Error codes for missing things → name of the thing."""

_FAILURES: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    (
        (NoCredentialsError, PartialCredentialsError),
        (
            "there are no AWS credentials to read {what} with; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY"
        ),
    ),
    (
        (SSLError,),
        "the TLS certificate of S3 at {url} is not trusted; check AWS_ENDPOINT_URL_S3, or set AWS_CA_BUNDLE",
    ),
    ((ParamValidationError,), "{what} is not an address in S3; write s3://BUCKET/KEY"),
    ((FlexibleChecksumError,), "the data of {what} does not match its checksum; run the same command again"),
    (
        (ResponseParserError, ValueError),
        "the server at {url} does not respond like S3, so {what} cannot be read; check AWS_ENDPOINT_URL_S3",
    ),
)
"""Permanent botocore exceptions → message."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Patience:
    """Retry limits.

    Attributes:
        attempts: maximum consecutive attempts without receiving a byte.
        unreachable: exception raised if there is still no connection.
    """

    attempts: int
    unreachable: type[SourceError]


FINDING = Patience(6, SourceError)
"""Retries while finding sources, where a mistyped address should fail fast: some 3 s on average."""

READING = Patience(15, SourceBusyError)
"""Retries in the middle of a load: some 25 s on average."""


class Requests:
    """S3 client with retries."""

    def __init__(self, client: S3Client, wait: Sleep, uniform: Callable[[float, float], float] | None = None) -> None:
        """Initialise without sending anything.

        Args:
            uniform: draws the jitter between two bounds.
        """
        self.client = client
        self._wait = wait
        self._uniform = uniform or SystemRandom().uniform

    def call(self, action: Callable[[], T], what: str, patience: Patience = FINDING) -> T:
        """Run an action, and retry it on transient errors.

        Args:
            what: name of the requested object in messages.

        Raises:
            SourceError: the action failed permanently.
        """
        failed = 0
        while True:
            try:
                return action()
            except FAULTS as fault:
                failed += 1
                self.pause(fault, what, failed, patience)

    def pause(self, fault: Exception, what: str, failed: int, patience: Patience) -> None:
        """Wait before the next attempt.

        Args:
            failed: number of consecutive failed attempts, at least 1.

        Raises:
            SourceError: retrying is useless, or the limit is reached; `SourceBusyError` if a later run may succeed.
        """
        if not _is_transient(fault) or failed >= patience.attempts:
            raise self._sentence(fault, what, patience) from fault
        self._wait(self._uniform(0, min(_CAP_S, _BASE_S * 2.0 ** (failed - 1))))

    def _sentence(self, fault: Exception, what: str, patience: Patience) -> SourceError:
        url = self.client.meta.endpoint_url
        if is_too_large(fault) or is_unrenewed(fault):
            return (
                SourceError(f"{what} cannot be read: {too_large(url, 'S3')}")
                if is_too_large(fault)
                else SourceBusyError(str(not_renewable()))
            )
        if isinstance(fault, ClientError):
            return _refusal(fault, what)
        for kinds, text in _FAILURES:
            if isinstance(fault, kinds):
                return SourceError(text.format(what=what, url=url))
        if isinstance(fault, NoConnectionError):
            return patience.unreachable(_no_connection(fault, what, url))
        if _is_transient(fault):
            return SourceBusyError(
                f"the connection to S3 failed repeatedly while reading {what}; run the same command again"
            )
        return SourceError(f"{what} cannot be read ({type(fault).__name__}); check the AWS settings")


def open_requests(target: Target | None, wait: Sleep) -> Requests:
    """Return S3 requests with the target's profile and region.

    botocore reads another endpoint from AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL and the profile (AWS SDKs and
    Tools Reference Guide, "Service-specific endpoints").

    Raises:
        UsageError: the profile, region or endpoint does not exist, or the endpoint is plain HTTP over a network.
    """
    target = target or Target("")
    session = open_session(target)
    config = Config(
        connect_timeout=_CONNECT_TIMEOUT_S,
        read_timeout=_READ_TIMEOUT_S,
        retries={"total_max_attempts": 1, "mode": "standard"},
    )
    try:
        client = session.client("s3", config=config)
    except ValueError as error:  # raised by botocore for an invalid endpoint URL or region
        raise UsageError(
            "S3 cannot be used with these settings; check AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL and the region"
        ) from error
    check_endpoint(client, target, "S3")
    return Requests(client, wait)


def _is_transient(fault: Exception) -> bool:
    if isinstance(fault, ClientError):
        status = _status(fault)
        return status >= _SERVER_ERROR or status == _TOO_MANY_REQUESTS or _code(fault) in _TRANSIENT
    if isinstance(fault, SSLError) or is_too_large(fault):
        return False
    return isinstance(fault, NoConnectionError | HTTPClientError | IncompleteReadError | HTTPError | OSError)


def _no_connection(fault: NoConnectionError, what: str, url: str) -> str:
    if isinstance(fault, ProxyConnectionError):
        return f"{what} cannot be read: {dead_proxy(fault.kwargs['proxy_url'], url, 'S3')}"
    return (
        f"there is no connection to S3 at {url} to read {what}; check AWS_ENDPOINT_URL_S3, the region and the network, "
        "and run the same command again"
    )


def _refusal(error: ClientError, what: str) -> SourceError:
    code = _code(error)
    if _is_transient(error):
        return SourceBusyError(f"S3 cannot serve {what} at present ({code}); run the same command again later")
    if code in _STALE:
        return SourceBusyError(str(expired()))
    if code in _CHANGED:
        return changed()
    if code in _MISSING:
        return MissingSourceError(f"{_MISSING[code].format(what=what)} does not exist")
    if code in _ELSEWHERE or _status(error) in _REDIRECTS:
        return SourceError(
            f"the bucket of {what} is in another region{_region(error)}; set it with --region or AWS_REGION, and "
            "check AWS_ENDPOINT_URL_S3"
        )
    otherwise = "S3 refuses to serve {what} ({code}); check its address, and the AWS settings"
    return SourceError(
        next((text for codes, text in _REFUSALS if code in codes), otherwise).format(what=what, code=code)
    )


def _region(error: ClientError) -> str:
    """Return the region that a redirect names, for a message."""
    headers: dict[str, Any] = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    region = headers.get("x-amz-bucket-region") or error.response.get("Error", {}).get("Region")
    return f", {region[:_MAX_CODE_CHARS]}" if isinstance(region, str) and region.isprintable() else ""


def changed() -> SourceError:
    """Return the error for an object that changed since it was found."""
    return SourceError("the object changed during this run; load it with --restart, and do not change it meanwhile")


def _code(error: ClientError) -> str:
    code = str(error.response.get("Error", {}).get("Code") or _status(error))
    return code[:_MAX_CODE_CHARS] if code.isprintable() else "unknown"


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
