"""Sessions and clients: boto3 for everything that is not the hot path, and its errors as sentences.

boto3 itself is imported by whoever opens a session: reading a dump to check it must not wait for it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

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
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    ProxyConnectionError,
    RefreshWithMFAUnsupportedError,
    SSLError,
    SSOError,
    TokenRetrievalError,
)

from ingest_cli.errors import (
    BusyError,
    IngestError,
    MissingTableError,
    TableError,
    TryAgainError,
    UnreachableError,
    UsageError,
)
from ingest_cli.runtime.endpoints import dead_proxy, refuse_insecure

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_dynamodb import DynamoDBClient

    from ingest_cli.model.settings import Target

_MAX_CONNECTIONS = 260  # `--concurrency` is 256 at the most, and a few calls are made beside it
_CONNECT_TIMEOUT_S, _READ_TIMEOUT_S, _ATTEMPTS = 5, 20, 4

EXPIRED = frozenset({"ExpiredTokenException", "ExpiredToken"})
"""Error codes for credentials that were good once."""

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
"""Error codes for credentials that are not, or not for this."""


_RENEWING = frozenset(
    {"AssumeRole", "AssumeRoleWithWebIdentity", "GetRoleCredentials", "CreateToken", "CreateOAuth2Token"}
)
"""What botocore's credential providers ask STS, IAM Identity Center and the sign-in service for (botocore 1.44.5,
`credentials` and `tokens`)."""

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
"""botocore raises a plain RuntimeError that says so (`RefreshableCredentials`)."""


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
"""Error codes of requests that may well be taken later; all others will be refused again ("Common errors" of the AWS
General Reference; "Error handling" of DynamoDB, Application Auto Scaling, KMS and Secrets Manager)."""

_SERVER_ERROR, _TOO_MANY_REQUESTS = 500, 429


def may_succeed_later(error: ClientError) -> bool:
    """Whether a refused request may be taken if it is sent again, as it is."""
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    code = error.response.get("Error", {}).get("Code")
    return status >= _SERVER_ERROR or status == _TOO_MANY_REQUESTS or code in _BUSY


def code_of(error: ClientError) -> str:
    """The code of an error, if it is one: what answers may be anybody."""
    code = error.response.get("Error", {}).get("Code")
    return code if isinstance(code, str) and _CODE.fullmatch(code) else "unknown"


_CODE = re.compile(r"[A-Za-z0-9_.:-]{1,128}")


def is_unrenewed(error: Exception) -> bool:
    """Whether a request was never made, since there were no credentials to make it with: the old ones ended.

    botocore renews credentials while it makes a request of another kind, and lets through what that ends with.
    """
    if isinstance(error, ClientError):
        return error.operation_name in _RENEWING
    if isinstance(error, HTTPClientError | EndpointConnectionError | ConnectTimeoutError):
        return _RENEWING_HOST.match(str(error.kwargs.get("endpoint_url"))) is not None
    if isinstance(error, RuntimeError):
        return _RENEWED_TOO_OLD in str(error)
    return isinstance(error, _RENEWING_FAULTS)


def is_stale(code: str, message: object) -> bool:
    """Whether a request was refused for the time at which it was signed: the machine slept, or its clock is wrong.

    AWS takes signatures of the last minutes only (AWS General Reference, "Common errors": RequestExpired), and calls
    older ones by the name that it has for a wrong secret, too (AWS IAM User Guide, "Troubleshoot Signature Version 4").

    Args:
        code: of the error.
        message: of the error, as it came.
    """
    if code == "InvalidSignatureException":
        return isinstance(message, str) and message.startswith(_STALE_SIGNATURE)
    return code in _STALE


def open_session(target: Target) -> boto3.Session:
    """A session with the target's profile and region.

    `AWS_REGION` counts, and before `AWS_DEFAULT_REGION`, as in AWS's command line and the other SDKs (AWS SDKs and
    Tools Reference Guide, "AWS Region"); botocore by itself knows the latter only.

    Raises:
        UsageError: there is no such profile, or AWS's settings make no sense.
        TryAgainError: what hands the credentials out did not.
    """
    import boto3  # noqa: PLC0415 - see above

    from ingest_cli.runtime.bounded_http import guarded, watch  # noqa: PLC0415 - likewise

    region = target.region or os.environ.get("AWS_REGION") or None
    try:
        session = boto3.Session(profile_name=target.profile, region_name=region)
        watch(session, insecure_http=target.insecure_http)
        # The session keeps them. Where there are none, that is told by the first who needs them.
        with guarded():
            session.get_credentials()
    except ProfileNotFound as error:
        name = target.profile or os.environ.get("AWS_PROFILE", "")
        raise UsageError(
            f'there is no AWS profile "{name}"; `aws configure list-profiles` shows those there are'
        ) from error
    except CredentialRetrievalError as error:
        raise not_renewable() from error
    except (BotoCoreError, OSError, ValueError) as error:  # the last two of a `credential_process`
        raise UsageError(
            f"the AWS credentials cannot be read ({type(error).__name__}); check the variables AWS_… and AWS's "
            "configuration files, for example with `aws sts get-caller-identity`"
        ) from error
    return session


def dynamodb(session: boto3.Session, target: Target, *, single_attempt: bool = False) -> DynamoDBClient:
    """A low-level client for the target's endpoint.

    Args:
        session: as from `open_session`.
        target: where the table is.
        single_attempt: for the write path, which has its own retry loop, and builds its own requests.

    Raises:
        UsageError: the region or the endpoint is not usable, or is reached in clear over a network.
    """
    from botocore.config import Config  # noqa: PLC0415 - see above

    attempts = 1 if single_attempt else _ATTEMPTS
    config = Config(
        connect_timeout=_CONNECT_TIMEOUT_S,
        read_timeout=_READ_TIMEOUT_S,
        retries={"total_max_attempts": attempts, "mode": "standard"},
        max_pool_connections=_MAX_CONNECTIONS,
        parameter_validation=not single_attempt,
    )
    try:
        client = session.client("dynamodb", endpoint_url=target.endpoint_url, config=config)
    except NoRegionError as error:
        raise UsageError("no AWS region is set; give one with --region, or set AWS_REGION") from error
    except ValueError as error:
        raise UsageError(
            f'"{target.endpoint_url}" is not an endpoint; --endpoint-url takes something like http://127.0.0.1:8000'
        ) from error
    check_endpoint(client, target)
    return client


def check_endpoint(client: Any, target: Target, service: str = "DynamoDB") -> None:
    """Refuse a client whose requests would go in clear over a network, wherever its endpoint was set.

    Raises:
        UsageError: they would, and `--insecure-http` was not given.
    """
    url = str(client.meta.endpoint_url)
    refuse_insecure(url, proxy_for(url), allowed=target.insecure_http, service=service)


def ca_bundle(session: boto3.Session) -> str:
    """The certificates to trust: those AWS's tools are told to, else those that botocore brings along."""
    from botocore.httpsession import get_cert_path  # noqa: PLC0415 - only where a transport is set up

    configured = session._session.get_config_variable("ca_bundle")  # noqa: SLF001 - boto3 has no way of its own
    return str(configured or os.environ.get("REQUESTS_CA_BUNDLE") or get_cert_path(verify=True))


def proxy_for(url: str) -> str | None:
    """The proxy that botocore goes through to `url`, which may hold a password; None: none.

    It follows `urllib.request.getproxies`: HTTP_PROXY, HTTPS_PROXY and NO_PROXY in either case, and what macOS and
    Windows have set, but not ALL_PROXY. Who sends requests in another way has to go the same.
    """
    from botocore.httpsession import ProxyConfiguration  # noqa: PLC0415 - only where a transport is set up
    from botocore.utils import get_environ_proxies  # noqa: PLC0415 - see above

    found: str | None = ProxyConfiguration(proxies=get_environ_proxies(url)).proxy_url_for(url) or None
    if found is not None and (parts := urlsplit(found)).port is None:  # not every client takes the same by default
        implied = {"http": 80, "https": 443}[parts.scheme]
        return parts._replace(netloc=f"{parts.netloc.rstrip(':')}:{implied}").geturl()
    return found


# What DynamoDB says of a request that a table of other keys is asked; the code is that of many other faults.
_OTHER_KEYS = re.compile("does not match the schema|key schema element|Missing the key")


def is_too_large(error: BaseException) -> bool:
    """Whether an error is about an answer that is longer than any that the service gives."""
    from ingest_cli.runtime.bounded_http import is_too_large as found  # noqa: PLC0415 - start-up time of who asks nothing

    return found(error)


def too_large(place: str, service: str) -> str:
    """What to say about an answer that is longer than any that `service` gives."""
    return f"the answer of {place} is longer than any that {service} gives; check the endpoint and the proxy"


@contextmanager
def sentences(target: Target, *passed: type[Exception]) -> Iterator[None]:
    """Turn the errors of botocore into errors for people, but for those that are `passed` on.

    Raises:
        TableError, TryAgainError: instead of what botocore raised; UnreachableError and BusyError among
            them are worth another try.
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
    except (BotoCoreError, OSError) as error:  # OSError: of a file with the token of a web identity
        raise TableError(f"DynamoDB cannot be used ({type(error).__name__}); check the AWS settings") from error


@contextmanager
def _renewed() -> Iterator[None]:
    from ingest_cli.runtime.bounded_http import guarded  # noqa: PLC0415 - start-up time of who asks nothing

    try:
        with guarded():
            yield
    except (BotoCoreError, ClientError, RuntimeError) as error:
        if is_unrenewed(error):
            raise not_renewable() from error
        raise


def no_credentials() -> TableError:
    """What to say where there are no credentials."""
    return TableError(
        "there are no AWS credentials; set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, give "
        "--profile, or try the program without an account with --sandbox"
    )


def not_renewable() -> TryAgainError:
    """What to say where there were credentials, and there are no new ones."""
    return TryAgainError("the AWS credentials cannot be renewed; renew them, and run the same command again")


def expired() -> TryAgainError:
    """What to say where the credentials were good once."""
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


def _invalid(message: str, target: Target) -> TableError:
    if _OTHER_KEYS.search(message):
        return TableError(
            f'the table "{target.table}" has another key schema than pk (S HASH), sk (S RANGE); use a table made by '
            "`ingest-cli table create`"
        )
    return TableError(
        f'DynamoDB does not accept the request for "{target.table}"; check the name of the table, which has 3 to '
        "255 of a-z, A-Z, 0-9, _, - and ., and the length of what the manifest says"
    )
