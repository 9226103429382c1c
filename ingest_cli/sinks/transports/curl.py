"""The fast transport: libcurl, a connection per thread kept alive, requests signed here."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pycurl
from botocore.exceptions import BotoCoreError

from ingest_cli.errors import TryAgainError
from ingest_cli.sinks.interface import TransientFaultError
from ingest_cli.sinks.transports.interface import Answer
from ingest_cli.sinks.transports.signing import Signer

if TYPE_CHECKING:
    from botocore.credentials import Credentials

CONNECT_TIMEOUT_S = 5
"""A connection within a region takes milliseconds; one that takes seconds will not come."""

ANSWER_TIMEOUT_S = 20
"""DynamoDB answers a batch within a second, or not at all; the request is sent again then."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where requests go.

    Attributes:
        url: of the regional endpoint, or of a stand-in for it.
        region: the region that signs.
        ca_bundle: PEM file of the certificates to trust.
    """

    url: str
    region: str
    ca_bundle: str | None


class CurlTransport:
    """Sends with one libcurl handle per thread."""

    def __init__(
        self, endpoint: Endpoint, credentials: Credentials, utc_now: Callable[[], dt.datetime] | None = None
    ) -> None:
        """Set up; nothing is sent yet.

        Args:
            endpoint: where requests go.
            credentials: botocore's, which refresh themselves.
            utc_now: the clock that signatures are dated by.
        """
        parts = urlsplit(endpoint.url)
        self._endpoint = endpoint
        self._credentials = credentials
        self._signer = Signer(_host(endpoint.url), parts.path or "/", endpoint.region)
        self._now = utc_now or (lambda: dt.datetime.now(dt.UTC))
        self._local = threading.local()

    def send(self, body: bytes) -> Answer:
        """See `Transport.send`."""
        try:
            credentials = self._credentials.get_frozen_credentials()
        except BotoCoreError as error:
            raise TryAgainError(
                "the AWS credentials cannot be renewed; renew them, and run the same command again"
            ) from error
        signed = self._signer.headers(body, credentials, self._now())
        handle = self._handle()
        headers: list[bytes] = []
        handle.setopt(pycurl.POSTFIELDS, body)
        handle.setopt(pycurl.HTTPHEADER, [f"{name}: {value}" for name, value in signed.items()] + ["Expect:"])
        handle.setopt(pycurl.HEADERFUNCTION, headers.append)
        try:
            answer = handle.perform_rb()
        except pycurl.error as error:
            raise TransientFaultError(_REASONS.get(error.args[0], f"curl_{error.args[0]}")) from error
        return Answer(handle.getinfo(pycurl.RESPONSE_CODE), answer, _crc32(headers))

    def close(self) -> None:
        """See `Transport.close`. Each thread's connection is closed when the thread ends."""
        self._local = threading.local()

    def _handle(self) -> pycurl.Curl:
        """This thread's handle, which keeps its connection alive."""
        handle: pycurl.Curl | None = getattr(self._local, "handle", None)
        if handle is None:
            handle = self._local.handle = pycurl.Curl()
            handle.setopt(pycurl.URL, self._endpoint.url)
            handle.setopt(pycurl.POST, 1)
            handle.setopt(pycurl.NOSIGNAL, 1)  # required where several threads use libcurl
            handle.setopt(pycurl.TCP_NODELAY, 1)
            handle.setopt(pycurl.CONNECTTIMEOUT, CONNECT_TIMEOUT_S)
            handle.setopt(pycurl.TIMEOUT, ANSWER_TIMEOUT_S)
            if self._endpoint.ca_bundle:
                handle.setopt(pycurl.CAINFO, self._endpoint.ca_bundle)
        return handle


_REASONS = {
    pycurl.E_OPERATION_TIMEDOUT: "timeout",
    pycurl.E_COULDNT_CONNECT: "connection_refused",
    pycurl.E_COULDNT_RESOLVE_HOST: "host_not_found",
    pycurl.E_RECV_ERROR: "connection_reset",
    pycurl.E_SEND_ERROR: "connection_reset",
    pycurl.E_GOT_NOTHING: "connection_closed",
    pycurl.E_PARTIAL_FILE: "answer_cut_off",
    pycurl.E_SSL_CONNECT_ERROR: "tls_failed",
    pycurl.E_PEER_FAILED_VERIFICATION: "tls_certificate_refused",
}


def _crc32(headers: list[bytes]) -> str | None:
    for line in headers:
        name, _, value = line.partition(b":")
        if name.lower() == b"x-amz-crc32":
            return value.strip().decode("latin-1")
    return None


def _host(url: str) -> str:
    """The `Host` header that libcurl sends: without the port that the scheme implies, nor a user's name."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    implied = {"http": ":80", "https": ":443"}.get(parts.scheme, "")
    return host.removesuffix(implied) if implied else host
