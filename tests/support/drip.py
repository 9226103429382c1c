"""A server on a loopback port whose answers are scripted byte by byte, and may have no end."""

from __future__ import annotations

import itertools
import re
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

PIECE = 1 << 16

Pieces = Callable[[], Iterable[bytes]]


@dataclass
class Dripping:
    """What listens.

    Attributes:
        url: where.
        sent: bytes of answers that the other sides have taken so far, by connection.
        requests: the requests so far, with their bodies.
    """

    url: str
    sent: list[int] = field(default_factory=list)
    requests: list[bytes] = field(default_factory=list)


def endless(head: bytes, piece: bytes) -> Pieces:
    """Endless answer: `head`, then `piece` again and again."""
    return lambda: itertools.chain([head], itertools.repeat(piece))


ENDLESS: dict[str, Pieces] = {
    "length": endless(b"HTTP/1.1 200 OK\r\nContent-Length: 10737418240\r\n\r\n", b" " * PIECE),
    "no length": endless(b"HTTP/1.1 200 OK\r\n\r\n", b" " * PIECE),
    "chunks": endless(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b" " * PIECE + b"\r\n"),
    "chunk size": endless(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0" * PIECE),
    "trailers": endless(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"x: y\r\n" * 9999),
    "headers": endless(b"HTTP/1.1 200 OK\r\n", b"".join(b"x-%d: y\r\n" % n for n in range(9999))),
    "status line": endless(b"HTTP/1.1 200 ", b"O" * PIECE),
    "interim answers": endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 999),
    "error": endless(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 10737418240\r\n\r\n", b" " * PIECE),
    "packed": endless(
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 10737418240\r\n\r\n", bytes(PIECE)
    ),
}
"""Answers without an end, by what has none."""


def _end_of(request: bytes) -> int:
    """Return the length of the request with its body; 0 if it is not whole yet."""
    head, separator, _ = request.partition(b"\r\n\r\n")
    if not separator:
        return 0
    length = re.search(rb"(?im)^content-length: *(\d+)", head)
    end = len(head) + len(separator) + (int(length[1]) if length else 0)
    return end if len(request) >= end else 0


@contextmanager
def dripping(answer: Pieces) -> Iterator[Dripping]:
    """Answer each request with the pieces that `answer` gives, until the other side hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host, port = listener.getsockname()
        server, over = Dripping(f"http://{host}:{port}"), threading.Event()

        def serve(connection: socket.socket, number: int) -> None:
            with connection, suppress(OSError):
                request = b""
                while not (end := _end_of(request)):
                    if not (piece := connection.recv(PIECE)):
                        return
                    request += piece
                server.requests.append(request[:end])
                for piece in answer():
                    if over.is_set():
                        return
                    connection.sendall(piece)
                    server.sent[number] += len(piece)
                # To close before the other side does could reset the connection, with what was sent on its way.
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(PIECE):
                    continue

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    server.sent.append(0)
                    threading.Thread(target=serve, args=(connection, len(server.sent) - 1), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield server
        finally:
            over.set()
            listener.shutdown(socket.SHUT_RDWR)
