"""Sessions and clients of boto3, for everything but the hot path.

boto3 is imported only when a session is opened: reading a dump to check it must not wait for it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, CredentialRetrievalError, NoRegionError, ProfileNotFound

from ingest_cli.aws.service_errors import not_renewable
from ingest_cli.errors import UsageError
from ingest_cli.runtime.endpoints import refuse_insecure

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_dynamodb import DynamoDBClient

    from ingest_cli.model.settings import Target

_MAX_CONNECTIONS = 260  # `--concurrency` is at most 256, plus a few other calls
_CONNECT_TIMEOUT_S, _READ_TIMEOUT_S, _ATTEMPTS = 5, 20, 4


def open_session(target: Target) -> boto3.Session:
    """Open a session with the target's profile and region.

    `AWS_REGION` is used, and takes precedence over `AWS_DEFAULT_REGION`, as in AWS's command line and the other SDKs
    (AWS SDKs and Tools Reference Guide, "AWS Region"); botocore alone reads only the latter.

    Raises:
        UsageError: the profile does not exist, or AWS's settings are invalid.
        TryAgainError: the provider of the credentials failed.
    """
    import boto3  # noqa: PLC0415 - see above

    from ingest_cli.runtime.bounded_http import guarded, watch  # noqa: PLC0415 - likewise

    region = target.region or os.environ.get("AWS_REGION") or None
    try:
        session = boto3.Session(profile_name=target.profile, region_name=region)
        watch(session, insecure_http=target.insecure_http)
        # The session caches them. If there are none, the first request reports it.
        with guarded():
            session.get_credentials()
    except ProfileNotFound as error:
        name = target.profile or os.environ.get("AWS_PROFILE", "")
        raise UsageError(
            f'there is no AWS profile "{name}"; `aws configure list-profiles` shows those there are'
        ) from error
    except CredentialRetrievalError as error:
        raise not_renewable() from error
    except (BotoCoreError, OSError, ValueError) as error:  # the last two from a `credential_process`
        raise UsageError(
            f"the AWS credentials cannot be read ({type(error).__name__}); check the variables AWS_… and AWS's "
            "configuration files, for example with `aws sts get-caller-identity`"
        ) from error
    return session


def dynamodb(session: boto3.Session, target: Target, *, single_attempt: bool = False) -> DynamoDBClient:
    """Create a low-level client for the target's endpoint.

    Args:
        session: session from `open_session`.
        single_attempt: whether to disable retries: the write path retries and builds requests itself.

    Raises:
        UsageError: the region or the endpoint is invalid, or would be reached unencrypted over a network.
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
    """Refuse a client whose requests would cross a network unencrypted, wherever its endpoint was set.

    Raises:
        UsageError: they would, and `--insecure-http` was not given.
    """
    url = str(client.meta.endpoint_url)
    refuse_insecure(url, proxy_for(url), allowed=target.insecure_http, service=service)


def ca_bundle(session: boto3.Session) -> str:
    """Return the trusted certificates: those configured for AWS's tools, else those packaged with botocore."""
    from botocore.httpsession import get_cert_path  # noqa: PLC0415 - needed only to set up a transport

    configured = session._session.get_config_variable("ca_bundle")  # noqa: SLF001 - boto3 has no public equivalent
    return str(configured or os.environ.get("REQUESTS_CA_BUNDLE") or get_cert_path(verify=True))


def proxy_for(url: str) -> str | None:
    """Return the URL of the proxy that botocore uses for `url`, which may include a password; None: no proxy.

    It follows `urllib.request.getproxies`: HTTP_PROXY, HTTPS_PROXY and NO_PROXY in either case, and the settings of
    macOS and Windows, but not ALL_PROXY. Other transports must use the same proxy.
    """
    from botocore.httpsession import ProxyConfiguration  # noqa: PLC0415 - needed only to set up a transport
    from botocore.utils import get_environ_proxies  # noqa: PLC0415 - see above

    found: str | None = ProxyConfiguration(proxies=get_environ_proxies(url)).proxy_url_for(url) or None
    if found is not None and (parts := urlsplit(found)).port is None:  # the default port differs between clients
        implied = {"http": 80, "https": 443}[parts.scheme]
        return parts._replace(netloc=f"{parts.netloc.rstrip(':')}:{implied}").geturl()
    return found
