"""Classify endpoint URLs: this machine, AWS, or unencrypted over a network."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from ingest_cli.errors import UsageError

_AWS_HOSTS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")


def is_loopback(url: str | None) -> bool:
    """Return whether a URL names this machine: exactly `localhost`, 127.0.0.0/8 or ::1, no similar name."""
    host = urlsplit(url or "").hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_aws(url: str) -> bool:
    """Return whether an endpoint belongs to AWS."""
    return (urlsplit(url).hostname or "").endswith(_AWS_HOSTS)


def refuse_insecure(url: str, proxy: str | None, *, allowed: bool, service: str = "DynamoDB") -> None:
    """Refuse an endpoint that requests would reach unencrypted over a network, unless that is allowed.

    Requests and responses could be read and changed on the way, and a signature reused within minutes.

    Args:
        url: URL of the endpoint.
        proxy: URL of the proxy for it; None: no proxy. A proxy cannot read TLS.
        allowed: whether `--insecure-http` was given.
        service: name of the service.

    Raises:
        UsageError: the endpoint is unencrypted, or not a valid endpoint.
    """
    parts = urlsplit(url)
    place = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    if "@" in parts.netloc or "\\" in url:
        raise UsageError(f"the endpoint {place} must not have a user name or a backslash in its URL; remove it")
    if parts.scheme != "http" or allowed:
        return
    if not is_loopback(url):
        raise UsageError(
            f"{service} at {place} would be reached without encryption: keys, items and acknowledgements could be "
            "read and changed on the way; use https://, or give --insecure-http if you trust the network"
        )
    if proxy is not None and not is_loopback(proxy):
        way = urlsplit(proxy)
        raise UsageError(
            f"requests to {place} would go through the proxy {way.hostname}:{way.port} without encryption; set "
            f"NO_PROXY={parts.hostname}, or give --insecure-http"
        )


def dead_proxy(proxy: object, url: str | None, service: str) -> str:
    """Return the message for a proxy that cannot be reached, without the password in its URL.

    Args:
        proxy: URL of the proxy.
        url: URL to be reached through it; None: one of AWS's endpoints.
        service: name of the service at that URL.
    """
    place = urlsplit(str(proxy)).netloc.rpartition("@")[2]
    direct = urlsplit(url or "").hostname or "amazonaws.com"
    return (
        f"no connection to {service} through the proxy {place}; check HTTP_PROXY and HTTPS_PROXY, or set "
        f"NO_PROXY={direct} to connect without it"
    )
