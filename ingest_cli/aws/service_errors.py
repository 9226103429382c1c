"""Errors of botocore as errors of this program: one sentence each, with what to try."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    HTTPClientError,
    LoginError,
    MetadataRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    ProxyConnectionError,
    RefreshWithMFAUnsupportedError,
    SSLError,
    SSOError,
    TokenRetrievalError,
)

from ingest_cli.errors import BusyError, IngestError, MissingTableError, TableError, TryAgainError, UnreachableError
from ingest_cli.runtime.endpoints import dead_proxy

if TYPE_CHECKING:
    from ingest_cli.model.settings import Target

EXPIRED = frozenset({"ExpiredTokenException", "ExpiredToken"})
"""Error codes of expired credentials."""

_STALE = frozenset({"RequestExpired", "RequestTimeTooSkewed"})
_STALE_SIGNATURE = ("Signature expired", "Signature not yet current")

DENIED = frozenset(
    {
        "AccessDeniedException",
        "AccessDenied",
        "UnrecognizedClientException",
        "InvalidSignatureException",
        "MissingAuthenticationTokenException",
        "InvalidClientTokenId",
        "IncompleteSignatureException",
        "NotAuthorizedException",
        "OptInRequired",
        "SignatureDoesNotMatch",
    }
)
"""Error codes of credentials that are invalid, or not authorized."""


_RENEWING = frozenset(
    {"AssumeRole", "AssumeRoleWithWebIdentity", "GetRoleCredentials", "CreateToken", "CreateOAuth2Token"}
)
"""Operations of STS, IAM Identity Center and the sign-in service that botocore's credential providers call (botocore
1.44.5, `credentials` and `tokens`).
"""

_RENEWING_FAULTS = (
    CredentialRetrievalError,
    LoginError,
    MetadataRetrievalError,
    RefreshWithMFAUnsupportedError,
    SSOError,
    TokenRetrievalError,
)
_RENEWING_HOST = re.compile(r"https?://(?:sts|oidc|portal\.sso|[a-z0-9-]+\.signin)[.-]")
_RENEWED_TOO_OLD = "refreshed credentials are still expired"
"""Message of a plain RuntimeError in botocore (`RefreshableCredentials`)."""


_BUSY = frozenset(
    {
        "ConcurrentUpdateException",
        "InternalFailure",
        "InternalServerError",
        "InternalServiceException",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "ReplicatedWriteConflictException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "RequestTimeout",
        "RequestTimeoutException",
        "ResourceInUseException",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
"""Error codes of requests that may succeed later; all others will be refused again ("Common errors" of the AWS
General Reference; "Error handling" of DynamoDB, Application Auto Scaling, KMS and Secrets Manager).
"""

_SERVER_ERROR, _TOO_MANY_REQUESTS = 500, 429


def may_succeed_later(error: ClientError) -> bool:
    """Return whether a refused request may succeed if it is sent again unchanged."""
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    code = error.response.get("Error", {}).get("Code")
    return status >= _SERVER_ERROR or status == _TOO_MANY_REQUESTS or code in _BUSY


def code_of(error: ClientError) -> str:
    """Return the code of an error, or "unknown" if it is not a valid code: any server may have responded."""
    code = error.response.get("Error", {}).get("Code")
    return code if isinstance(code, str) and _CODE.fullmatch(code) else "unknown"


_CODE = re.compile(r"[A-Za-z0-9_.:-]{1,128}")


def is_unrenewed(error: Exception) -> bool:
    """Return whether a request was never sent because expired credentials could not be renewed.

    botocore renews credentials within other requests, and passes on the exceptions of the renewal.
    """
    if isinstance(error, ClientError):
        return error.operation_name in _RENEWING
    if isinstance(error, HTTPClientError | EndpointConnectionError | ConnectTimeoutError):
        return _RENEWING_HOST.match(str(error.kwargs.get("endpoint_url"))) is not None
    if isinstance(error, RuntimeError):
        return _RENEWED_TOO_OLD in str(error)
    return isinstance(error, _RENEWING_FAULTS)


def is_stale(code: str, message: object) -> bool:
    """Return whether a request was refused for its signing time: the machine slept, or its clock is wrong.

    AWS accepts signatures of the last minutes only (AWS General Reference, "Common errors": RequestExpired), and
    reports older ones also with the code for a wrong secret (AWS IAM User Guide, "Troubleshoot Signature Version 4").
    """
    if code == "InvalidSignatureException":
        return isinstance(message, str) and message.startswith(_STALE_SIGNATURE)
    return code in _STALE


# DynamoDB's messages for a request to a table with other keys; many other faults have the same code.
_OTHER_KEYS = re.compile("does not match the schema|key schema element|Missing the key")


def is_too_large(error: BaseException) -> bool:
    """Return whether an error stems from a response longer, or more deeply nested, than any that the service sends."""
    from ingest_cli.runtime.bounded_http import is_too_large as found  # noqa: PLC0415 - start-up time without requests

    return found(error)


def too_large(place: str, service: str) -> str:
    """Return the message for a response longer, or more deeply nested, than any that `service` sends."""
    return (
        f"the answer of {place} is longer, or nested more deeply, than any that {service} gives; check the endpoint "
        "and the proxy"
    )


@contextmanager
def sentences(target: Target, *passed: type[Exception]) -> Iterator[None]:
    """Convert the errors of botocore to this program's, except the classes in `passed`.

    Raises:
        TableError, TryAgainError: in place of a botocore error; of these, UnreachableError and BusyError may be
            retried.
    """
    try:
        with _renewed():
            yield
    except passed:
        raise
    except ClientError as error:
        raise _refused(error, target) from error
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise no_credentials() from error
    except (EndpointConnectionError, ConnectTimeoutError) as error:
        where = target.endpoint_url or "the region's endpoint"
        raise UnreachableError(
            f"no connection to DynamoDB at {where}; check --endpoint-url, --region and the network"
        ) from error
    except ProxyConnectionError as error:
        raise UnreachableError(dead_proxy(error.kwargs["proxy_url"], target.endpoint_url, "DynamoDB")) from error
    except SSLError as error:
        raise TableError(
            "the TLS certificate of the endpoint is not trusted; check --endpoint-url, or set AWS_CA_BUNDLE"
        ) from error
    except HTTPClientError as error:
        if is_too_large(error):
            raise TableError(too_large(target.endpoint_url or "the region's endpoint", "DynamoDB")) from error
        raise BusyError("the connection to DynamoDB broke off; run the same command again") from error
    except (BotoCoreError, OSError) as error:  # OSError: from a web identity token file
        raise TableError(f"DynamoDB cannot be used ({type(error).__name__}); check the AWS settings") from error


@contextmanager
def _renewed() -> Iterator[None]:
    from ingest_cli.runtime.bounded_http import guarded  # noqa: PLC0415 - start-up time without requests

    try:
        with guarded():
            yield
    except (BotoCoreError, ClientError, RuntimeError) as error:
        if is_unrenewed(error):
            raise not_renewable() from error
        raise


def no_credentials() -> TableError:
    """Return the error for missing credentials."""
    return TableError(
        "there are no AWS credentials; set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, give "
        "--profile, or try the program without an account with --sandbox"
    )


def not_renewable() -> TryAgainError:
    """Return the error for credentials that could not be renewed."""
    return TryAgainError("the AWS credentials cannot be renewed; renew them, and run the same command again")


def expired() -> TryAgainError:
    """Return the error for expired credentials."""
    return TryAgainError("the AWS credentials have expired; renew them, and run the same command again")


def _refused(fault: ClientError, target: Target) -> IngestError:
    error: Mapping[str, Any] = fault.response.get("Error", {})
    code = code_of(fault)
    if code in EXPIRED:
        return expired()
    if is_stale(code, error.get("Message")):
        return BusyError(
            "DynamoDB takes a request for too old, or too new; check the clock of this machine, and run the same "
            "command again"
        )
    if code == "ResourceNotFoundException":
        return MissingTableError(
            f'there is no table "{target.table}" here; check --table and --region, or make it with '
            f"`ingest-cli table create --table {target.table}`"
        )
    if code in DENIED:
        return TableError(
            f'AWS refuses to use the table "{target.table}" ({code}); check the credentials and their policy'
        )
    if code == "ValidationException":
        return _invalid(str(error.get("Message")), target)
    busy = f'DynamoDB answered {code} for the table "{target.table}"; run the same command again later'
    refused = f'DynamoDB refuses the request for the table "{target.table}" ({code}); check --endpoint-url'
    return BusyError(busy) if may_succeed_later(fault) else TableError(refused)


_TABLE_NAME = re.compile(r"[A-Za-z0-9_.-]{3,255}")
"""Names of tables (Amazon DynamoDB Developer Guide, "Supported data types and naming rules")."""


def _invalid(message: str, target: Target) -> TableError:
    if _OTHER_KEYS.search(message):
        return TableError(
            f'the table "{target.table}" has another key schema than pk (S HASH), sk (S RANGE); use a table made by '
            "`ingest-cli table create`"
        )
    if not _TABLE_NAME.fullmatch(target.table.rpartition("/")[2]):
        return TableError(
            f'DynamoDB accepts no table of the name "{target.table}": check --table; a name has 3 to 255 of a-z, A-Z, '
            "0-9, _, - and ."
        )
    return TableError(
        f'DynamoDB does not accept the request for "{target.table}"; check --table, and the length of the texts in the '
        "manifest"
    )
