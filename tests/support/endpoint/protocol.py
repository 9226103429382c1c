"""HTTP/1.1 on an asyncio transport: keep-alive, one request at a time, no more than DynamoDB needs."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import ClassVar, Protocol

from .reply import Reply
from .service import HttpRequest

_MAX_BODY_BYTES = 64 * 1024 * 1024  # enough to hold a request that is to be refused as too large
_LINGER_OFF = struct.pack("ii", 1, 0)  # close() then sends RST

Shortcut = Callable[[bytes, bytes], bytes | None]
"""(head, body) → the whole answer, or None to take the long way."""


class Application(Protocol):
    """Who answers."""

    def handle(self, request: HttpRequest) -> Reply:
        """Answer one request."""
        ...


_ENDLESS_HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 10737418240\r\n\r\n"
_PIECE = b" " * (1 << 20)


class HttpProtocol(asyncio.Protocol):
    """One connection.

    Args:
        application: who answers.
        shortcut: asked first; for benchmarks.
        latency_s: delay of each answer, like a distant region.
        connections: set that this connection is in while it is open.

    Attributes:
        dribbled_bytes: sent so far by the fault of that name, on all connections of this process.
    """

    dribbled_bytes: ClassVar[int] = 0

    def __init__(
        self,
        application: Application,
        shortcut: Shortcut | None,
        latency_s: float,
        connections: set[HttpProtocol],
    ) -> None:
        self._application = application
        self._shortcut = shortcut
        self._latency_s = latency_s
        self._connections = connections
        self._buffer = bytearray()
        self._head_end = -1
        self._request_end = -1
        self._busy = False
        self._pending: Reply | None = None
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment] # a stream transport, as create_server makes
        self._transport.set_write_buffer_limits(high=0)
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._connections.discard(self)
        self._end(sent=False)

    def resume_writing(self) -> None:
        """The kernel has taken everything."""
        self._end(sent=True)
        self._work()

    def _end(self, *, sent: bool) -> None:
        reply, self._pending = self._pending, None
        if reply is not None:
            reply.on_end(sent=sent and reply.is_whole, final=True)

    def abort(self) -> None:
        """Reset the connection."""
        connected: socket.socket | None = self._transport.get_extra_info("socket")
        if connected is not None and not self._transport.is_closing():
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_OFF)
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._work()

    def _work(self) -> None:
        """Answer what is in the buffer, one request after the other."""
        while not self._busy and self._pending is None and self._is_complete():
            head = bytes(self._buffer[: self._head_end])
            body = bytes(self._buffer[self._head_end + 4 : self._request_end])
            del self._buffer[: self._request_end]
            self._head_end = self._request_end = -1
            self._serve(head, body)

    def _is_complete(self) -> bool:
        if self._head_end < 0:
            self._head_end = self._buffer.find(b"\r\n\r\n")
            if self._head_end < 0:
                return False
            lower = bytes(self._buffer[: self._head_end]).lower()
            at = lower.find(b"\r\ncontent-length:")
            length = int(lower[at + 17 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if b"\r\ntransfer-encoding:" in lower or length > _MAX_BODY_BYTES:
                self._transport.write(b"HTTP/1.1 411 Length Required\r\nContent-Length: 0\r\n\r\n")
                self._transport.close()
                self._buffer.clear()
                self._head_end = -1
                return False
            self._request_end = self._head_end + 4 + length
            if b"\r\nexpect: 100-continue" in lower and len(self._buffer) < self._request_end:
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return len(self._buffer) >= self._request_end

    def _serve(self, head: bytes, body: bytes) -> None:
        if self._shortcut is not None:
            answer = self._shortcut(head, body)
            if answer is not None:
                if self._latency_s:
                    self._busy = True
                    asyncio.get_running_loop().call_later(self._latency_s, self._send_late, answer)
                else:
                    self._transport.write(answer)
                return
        request_line, *lines = head.decode("latin-1").split("\r\n")
        method, target, version = [*request_line.split(" "), "", ""][:3]
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        reply = self._application.handle(HttpRequest(method, target, headers, body))
        if headers.get("connection", "").lower() == "close" or version == "HTTP/1.0":
            reply.close = True
        delay_s = reply.delay_s + self._latency_s
        if delay_s:
            self._busy = True
            asyncio.get_running_loop().call_later(delay_s, self._deliver_late, reply)
        else:
            self._deliver(reply)

    def _send_late(self, answer: bytes) -> None:
        self._busy = False
        if not self._transport.is_closing():
            self._transport.write(answer)
            self._work()

    def _deliver_late(self, reply: Reply) -> None:
        self._busy = False
        self._deliver(reply)
        self._work()

    def _deliver(self, reply: Reply) -> None:
        if self._transport.is_closing():
            reply.on_end(sent=False, final=True)
            return
        self._pending = reply
        if reply.delivery == "reset":
            self._end(sent=False)
            self.abort()
            return
        if reply.delivery == "hang":
            self._busy = True  # for good: nothing more is read from this connection
            return
        if reply.delivery in {"flood", "dribble"}:
            self._busy = True
            self._go_on(reply, _ENDLESS_HEAD)
            return
        # Noted before the write: once the client has read the answer, the log must say so.
        reply.on_end(sent=reply.is_whole, final=False)
        self._transport.write(reply.wire())
        if self._transport.get_write_buffer_size():
            reply.on_end(sent=False, final=False)  # until the kernel has taken the rest
        else:
            self._end(sent=True)
        if reply.close or reply.sent_bytes is not None:
            self._busy = True
            self._transport.close()

    def _go_on(self, reply: Reply, piece: bytes) -> None:
        """Send the next piece of an answer without an end, once the last one has gone."""
        if self._transport.is_closing():
            return
        if not self._transport.get_write_buffer_size():
            self._transport.write(piece)
        HttpProtocol.dribbled_bytes += reply.delivery == "dribble"
        following = b" " if reply.delivery == "dribble" else _PIECE
        asyncio.get_running_loop().call_later(reply.beat_s, self._go_on, reply, following)
