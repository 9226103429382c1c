"""Fast transport: libcurl's multi interface, one connection per request in flight, requests signed here.

A sending fiber waits while others run in the same thread. libcurl manages and keeps alive the connections,
and handles proxies and the verification of certificates.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pycurl

from ingest_cli.errors import TransientFaultError
from ingest_cli.runtime.answer_limits import ANSWER_TIMEOUT_S, HEAD_BYTES, write_answer_bytes
from ingest_cli.runtime.fibers import Fibers, Ticket
from ingest_cli.sinks.transports.credentials import EXPIRED_CREDENTIALS, Renewing, calls_expired
from ingest_cli.sinks.transports.interface import TOO_LARGE, Answer, no_limit
from ingest_cli.sinks.transports.signing import Signer

if TYPE_CHECKING:
    from botocore.credentials import Credentials

CONNECT_TIMEOUT_S = 5
"""Seconds to connect: within a region it takes milliseconds; one that takes seconds will not succeed."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Endpoint of the requests.

    Attributes:
        url: URL of the regional endpoint, or of a substitute for it.
        region: region for signing.
        ca_bundle: PEM file of trusted certificates.
        proxy: URL of the proxy, which may hold a password; None: no proxy, regardless of the environment.
    """

    url: str
    region: str
    ca_bundle: str | None
    proxy: str | None = field(default=None, repr=False)


@dataclass(slots=True)
class _Line:
    """A reused libcurl handle, and the answer received through it.

    Attributes:
        handle: the libcurl handle.
        crc32: value of that header of the answer; None without one.
        pieces: parts of the body.
        room: bytes left for the body.
        head_room: bytes left for status line and headers, including interim answers and trailers.
        timeout_ms: current timeout of the handle; 0: not set.
        ticket: ticket of the waiting fiber.
    """

    handle: pycurl.Curl
    crc32: str | None = None
    pieces: list[bytes] = field(default_factory=list)
    room: int = 0
    head_room: int = 0
    timeout_ms: int = 0
    ticket: Ticket | None = None

    def take(self, piece: bytes) -> int | None:
        """Store a piece of the body; return 0, which makes libcurl abort, if the body is too long."""
        self.room -= len(piece)
        if self.room < 0:
            self.pieces.clear()
            return 0
        self.pieces.append(piece)
        return None

    def take_header(self, line: bytes) -> int | None:
        """Parse a header line; return 0, which makes libcurl abort, if the headers are too long."""
        self.head_room -= len(line)
        if self.head_room < 0:
            return 0
        if line[:12].lower() == b"x-amz-crc32:":
            self.crc32 = line[12:].strip().decode("latin-1")
        return None


class CurlTransport:
    """Send with one libcurl handle per request in flight. For one thread and its fibers; see `Transport`."""

    left_s: Callable[[], float]

    def __init__(
        self,
        endpoint: Endpoint,
        credentials: Credentials,
        fibers: Fibers | None = None,
        utc_now: Callable[[], dt.datetime] | None = None,
    ) -> None:
        """Set up without sending anything.

        Args:
            endpoint: endpoint of the requests.
            credentials: botocore's.
            fibers: loop of the sending fibers; None: nothing else runs meanwhile.
            utc_now: clock for the dates of signatures.
        """
        parts = urlsplit(endpoint.url)
        self.left_s = no_limit
        self._endpoint = endpoint
        self._signer = Signer(_host(endpoint.url), parts.path or "/", endpoint.region)
        self._now = utc_now or (lambda: dt.datetime.now(dt.UTC))
        self._fibers = fibers or Fibers()
        self._fibers.attach(self)
        self._credentials = Renewing(credentials, self._fibers)
        self._multi = pycurl.CurlMulti()
        self._idle: list[_Line] = []
        self._busy: dict[pycurl.Curl, _Line] = {}

    def send(self, body: bytes) -> Answer:
        """See `Transport.send`."""
        credentials = self._credentials.current()
        signed = self._signer.lines(body, credentials, self._now())
        line = self._idle.pop() if self._idle else self._new()
        handle = line.handle
        timeout_ms = max(int(min(self.left_s(), ANSWER_TIMEOUT_S) * 1000), 1)  # libcurl takes 0 as no timeout
        if timeout_ms != line.timeout_ms:
            handle.setopt(pycurl.TIMEOUT_MS, timeout_ms)
            line.timeout_ms = timeout_ms
        line.room, line.head_room, line.crc32 = write_answer_bytes(len(body)), HEAD_BYTES, None
        handle.setopt(pycurl.POSTFIELDS, body)
        handle.setopt(pycurl.HTTPHEADER, [*signed, "Expect:"])
        line.ticket = ticket = self._fibers.ticket()
        self._busy[handle] = line
        self._multi.add_handle(handle)
        fault = self._fibers.wait(ticket)
        answer = Answer(handle.getinfo(pycurl.RESPONSE_CODE), b"".join(line.pieces), line.crc32)
        line.pieces.clear()
        self._idle.append(line)
        if fault:
            raise TransientFaultError(_REASONS.get(fault, f"curl_{fault}"))
        if calls_expired(answer) and self._credentials.replaced(credentials):
            raise TransientFaultError(EXPIRED_CREDENTIALS)
        return answer

    def close(self) -> None:
        """See `Transport.close`."""
        for handle in self._busy:
            self._multi.remove_handle(handle)
        for line in (*self._idle, *self._busy.values()):
            line.handle.close()
        self._idle.clear()
        self._busy.clear()
        self._multi.close()
        self._fibers.close()

    def sockets(self) -> tuple[Sequence[int], Sequence[int]]:
        """See `Driver.sockets`."""
        if not self._busy:
            return (), ()
        readable, writable, _ = self._multi.fdset()
        return readable, writable

    def timeout_s(self) -> float | None:
        """See `Driver.timeout_s`."""
        if not self._busy:
            return None
        wanted_ms = self._multi.timeout()
        return None if wanted_ms < 0 else wanted_ms / 1000

    def advance(self) -> None:
        """See `Driver.advance`."""
        if not self._busy:
            return
        self._multi.perform()
        more = 1
        while more:
            more, done, failed = self._multi.info_read()
            for handle in done:
                self._finish(handle, 0)
            for handle, number, _ in failed:
                self._finish(handle, number)

    def _finish(self, handle: pycurl.Curl, fault: int) -> None:
        self._multi.remove_handle(handle)
        line = self._busy.pop(handle)
        assert line.ticket is not None  # noqa: S101 - set when the request is sent
        self._fibers.resume(line.ticket, fault)

    def _new(self) -> _Line:
        line = _Line(pycurl.Curl())
        handle = line.handle
        handle.setopt(pycurl.URL, self._endpoint.url)
        handle.setopt(pycurl.POST, 1)
        handle.setopt(pycurl.NOSIGNAL, 1)  # signals belong to the program, not to the resolver
        handle.setopt(pycurl.TCP_NODELAY, 1)
        handle.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)  # DynamoDB speaks nothing newer
        handle.setopt(pycurl.CONNECTTIMEOUT, CONNECT_TIMEOUT_S)
        handle.setopt(pycurl.HEADERFUNCTION, line.take_header)
        handle.setopt(pycurl.WRITEFUNCTION, line.take)
        handle.setopt(pycurl.PROXY, self._endpoint.proxy or "")  # "": no proxy, and ignore the environment
        handle.setopt(pycurl.NOPROXY, "")
        if self._endpoint.ca_bundle:
            handle.setopt(pycurl.CAINFO, self._endpoint.ca_bundle)
            handle.setopt(pycurl.PROXY_CAINFO, self._endpoint.ca_bundle)
        return line


_REASONS = {
    pycurl.E_OPERATION_TIMEDOUT: "timeout",
    pycurl.E_COULDNT_CONNECT: "connection_refused",
    pycurl.E_COULDNT_RESOLVE_HOST: "host_not_found",
    pycurl.E_COULDNT_RESOLVE_PROXY: "proxy_not_found",
    pycurl.E_WRITE_ERROR: TOO_LARGE,  # set by `_Line` to abort a transfer
    100: TOO_LARGE,  # CURLE_TOO_LARGE, which pycurl does not name: libcurl's own limit on headers
    pycurl.E_RECV_ERROR: "connection_reset",
    pycurl.E_SEND_ERROR: "connection_reset",
    pycurl.E_GOT_NOTHING: "connection_closed",
    pycurl.E_PARTIAL_FILE: "answer_cut_off",
    pycurl.E_SSL_CONNECT_ERROR: "tls_failed",
    pycurl.E_PEER_FAILED_VERIFICATION: "tls_certificate_refused",
}


def _host(url: str) -> str:
    """Return the `Host` header that libcurl sends: without the scheme's default port and without a user name."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    implied = {"http": ":80", "https": ":443"}.get(parts.scheme, "")
    return host.removesuffix(implied) if implied else host
