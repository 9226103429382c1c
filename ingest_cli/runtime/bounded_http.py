"""Limit the size and duration of responses that botocore reads.

botocore reads a response to its end, however long, and its timeouts start again with each byte. Here every exchange
of a session gets a limit in bytes and in seconds. Bytes are counted below HTTP, so that endless headers, interim
responses (1xx), chunk sizes and trailers count with the body, before anything is decompressed. botocore's connections
are replaced by counting ones through urllib3's `ConnectionCls`; only requests of sessions passed to `watch` are
affected.

Sources of the limits: Amazon DynamoDB Developer Guide, "Quotas", and API Reference (BatchWriteItem and BatchGetItem
16 MB, Query and Scan 1 MB, an item 400 KB, in the service's own count of bytes, to which JSON and base64 add about a
third); Amazon S3 API Reference, ListObjectsV2 (1,000 keys of up to 1,024 bytes, up to three times that when encoded).
"""

from __future__ import annotations

import io
import math
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Any

from botocore.awsrequest import (
    AWSHTTPConnection,
    AWSHTTPConnectionPool,
    AWSHTTPSConnection,
    AWSHTTPSConnectionPool,
)
from botocore.exceptions import HTTPClientError

from ingest_cli.errors import AnswerTooLargeError, BusyError
from ingest_cli.runtime.answer_limits import (
    ANSWER_TIMEOUT_S,
    HEAD_BYTES,
    OPERATION_TIMEOUT_S,
    left_s,
    write_answer_bytes,
)
from ingest_cli.runtime.endpoints import refuse_insecure

if TYPE_CHECKING:
    import socket

    import boto3
    from _typeshed import WriteableBuffer

MIB = 1 << 20

_DEFAULT_BYTES = 2 * MIB  # an item of 400 KB in base64, or a table description, with a wide margin
_BYTES: Mapping[str, int] = {
    "BatchGetItem": 24 * MIB,
    "Query": 4 * MIB,
    "Scan": 4 * MIB,
    "ListObjectsV2": 8 * MIB,
}
_RANGE = re.compile(r"bytes=([0-9]+)-([0-9]+)")


@dataclass(slots=True)
class Exchange:
    """One request and its response.

    Attributes:
        left_bytes: number of bytes that may still arrive.
        until_s: deadline of the response, on the clock `now_s`.
        stream_bytes: size limit of a body that is read as a stream; None: no stream.
        now_s: source of the time.
    """

    left_bytes: float = _DEFAULT_BYTES
    until_s: float = math.inf
    stream_bytes: float | None = None
    now_s: Callable[[], float] = time.monotonic

    @classmethod
    def beginning(cls, left_bytes: float = _DEFAULT_BYTES, stream_bytes: float | None = None) -> Exchange:
        """Return an exchange that starts now, limited to the time left to its thread and operation, or the default."""
        return cls(left_bytes, time.monotonic() + min(_remaining_s(), ANSWER_TIMEOUT_S), stream_bytes)

    def timeout_s(self, most_s: float | None) -> float | None:
        """Return the timeout of the next read, at most `most_s`; None: no timeout.

        Raises:
            TimeoutError: the deadline has passed.
        """
        remaining_s = self.until_s - self.now_s()
        if remaining_s <= 0:
            raise TimeoutError("the answer takes too long")
        shorter_s = min(remaining_s, math.inf if most_s is None else most_s)
        return None if math.isinf(shorter_s) else shorter_s

    def took(self, count: int) -> None:
        """Count received bytes.

        Raises:
            AnswerTooLargeError: the limit is exceeded.
        """
        self.left_bytes -= count
        if self.left_bytes < 0:
            raise AnswerTooLargeError

    def stream(self) -> None:
        """Switch to the body of a stream, which has no deadline: its reader sets the pace."""
        if self.stream_bytes is not None:
            self.left_bytes, self.until_s = self.stream_bytes + HEAD_BYTES, math.inf


class _Here(threading.local):
    exchange: Exchange | None = None
    is_guarded = False
    operation_until_s = math.inf


_here = _Here()


def _remaining_s() -> float:
    """Return the seconds left to this thread and its current operation."""
    return min(left_s(), max(_here.operation_until_s - time.monotonic(), 0.0))


@contextmanager
def guarded() -> Iterator[None]:
    """Also limit what botocore requests outside a client: the metadata services for credentials."""
    outer, _here.is_guarded = _here.is_guarded, True
    try:
        with _nesting_bounded():
            yield
    finally:
        _here.is_guarded = outer


@contextmanager
def _nesting_bounded() -> Iterator[None]:
    """Convert the error of a response whose JSON is nested too deeply to be parsed.

    Raises:
        HTTPClientError: in its place, as for a response that is too long.
    """
    try:
        yield
    except RecursionError as error:
        raise HTTPClientError(error=AnswerTooLargeError()) from error


class _NestingBounded:
    """Mixin for botocore's clients: none fails with a RecursionError."""

    def _make_api_call(self, operation_name: str, api_params: Any) -> Any:
        with _nesting_bounded():
            return super()._make_api_call(operation_name, api_params)  # type: ignore[misc] # of the class mixed into


def _bound_nesting(base_classes: list[type], **_: object) -> None:
    base_classes.insert(0, _NestingBounded)


def watch(session: boto3.Session, *, insecure_http: bool) -> None:
    """Limit all responses to the session's own requests and to the clients it makes from now on.

    Args:
        session: a session that has no clients yet.
        insecure_http: whether requests may cross a network unencrypted; others are refused before they are sent.
    """
    AWSHTTPConnectionPool.ConnectionCls = _Connection
    AWSHTTPSConnectionPool.ConnectionCls = _SecureConnection
    session.events.register("creating-client-class", _bound_nesting)
    session.events.register("before-call", _begin_operation)
    session.events.register("before-send", partial(_begin, insecure_http=insecure_http))
    session.events.register("response-received", _end)


def is_too_large(error: BaseException) -> bool:
    """Return whether an error of botocore or urllib3 stems from a response too long, or too deeply nested."""
    inner: Any = getattr(error, "kwargs", {}).get("error")
    return isinstance(error, AnswerTooLargeError) or isinstance(inner, AnswerTooLargeError)


def _begin_operation(**_: object) -> None:
    _here.operation_until_s = time.monotonic() + OPERATION_TIMEOUT_S


def _begin(request: Any, event_name: str, *, insecure_http: bool, **_: object) -> None:
    """Set the limits of a request that is about to be sent.

    Raises:
        UsageError: the request would cross a network unencrypted.
        BusyError: no time is left for it.
    """
    refuse_insecure(request.url, None, allowed=insecure_http, service="AWS")
    if not _remaining_s():
        raise BusyError("AWS does not answer in time; run the same command again later")
    operation = event_name.rpartition(".")[2]
    if request.stream_output:
        wanted = _RANGE.fullmatch(_text(request.headers.get("Range")))
        size = math.inf if wanted is None else int(wanted[2]) - int(wanted[1]) + 1
        _here.exchange = Exchange.beginning(_DEFAULT_BYTES, size)
    elif operation == "BatchWriteItem":
        _here.exchange = Exchange.beginning(write_answer_bytes(len(request.body or b"")))
    else:
        _here.exchange = Exchange.beginning(_BYTES.get(operation, _DEFAULT_BYTES))


def _end(**_: object) -> None:
    _here.exchange = None


def _text(header: object) -> str:
    return header.decode("latin-1") if isinstance(header, bytes) else str(header or "")


def _current() -> Exchange | None:
    """Return the exchange of this thread that is limited, or None."""
    if _here.exchange is None and _here.is_guarded:
        return Exchange.beginning()
    return _here.exchange


class BoundedResponse(HTTPResponse):
    """A response that is read only as far as its exchange allows."""

    def __init__(self, sock: socket.socket, *args: Any, **named: Any) -> None:
        """See `HTTPResponse`."""
        super().__init__(sock, *args, **named)
        self._exchange = _current()
        if self._exchange is not None:
            inner: Any = self.fp
            self.fp = io.BufferedReader(_Counted(inner.detach(), sock, self._exchange))

    def begin(self) -> None:
        """See `HTTPResponse`: read the status and the headers."""
        super().begin()
        if self._exchange is not None and self.status < 300:  # noqa: PLR2004 - successes; others are read whole
            self._exchange.stream()


class _Counted(io.RawIOBase):
    """Raw stream of a socket, counted and timed."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, exchange: Exchange) -> None:
        super().__init__()
        self._raw = raw
        self._socket = sock
        self._exchange = exchange
        self._timeout_s = sock.gettimeout()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int | None:
        self._socket.settimeout(self._exchange.timeout_s(self._timeout_s))
        count: int | None = self._raw.readinto(buffer)
        self._exchange.took(count or 0)
        return count

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


class _Bounding:
    """Mixin for connections: connects and reads within the limits of an exchange."""

    response_class = BoundedResponse
    timeout: Any

    def connect(self) -> None:
        exchange = _current()
        if exchange is not None and isinstance(self.timeout, float | int):
            self.timeout = exchange.timeout_s(self.timeout)
        super().connect()  # type: ignore[misc] # of the class that this is mixed into


class _Connection(_Bounding, AWSHTTPConnection):  # type: ignore[misc] # botocore has no types
    pass


class _SecureConnection(_Bounding, AWSHTTPSConnection):  # type: ignore[misc] # botocore has no types
    pass
