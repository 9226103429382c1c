"""The endpoint's face for benchmarks: it acknowledges batches at little cost, and hands on whatever else it is asked.

    python -m tests.bench.front UPSTREAM-PORT CERTIFICATE KEY

One process, one thread, epoll, and `ssl` on memory buffers, without an event loop's machinery: what the endpoint needs
of the machine, the client under test cannot have. It listens on two ports of the loopback interface, with TLS and
without, prints them as JSON, and ends when its standard input does. A BatchWriteItem is answered unread but for its
table and the number of its puts, which are counted; `GET /__counts__` tells how many came, and what that cost.
Everything else goes to the scripted endpoint behind it, which answers as strictly as ever.
"""

from __future__ import annotations

import json
import re
import select
import socket
import ssl
import sys
import time

from tests.support.endpoint.fast import acknowledgement, batch_of

_READ_BYTES = 1 << 15
"""More than a request of 25 small items; far more would cost more to allocate than to fill."""

_LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)


class Connection:
    """A client's connection, with TLS if there is a context for it."""

    def __init__(self, accepted: socket.socket, context: ssl.SSLContext | None) -> None:
        accepted.settimeout(0)
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = accepted
        self.buffer = b""
        self._handshaken = context is None
        self._unsent = b""
        self._tls: ssl.SSLObject | None = None
        if context is not None:
            self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)

    def receive(self) -> bool:
        """Take what has come into `buffer`; whether the connection is still open."""
        data = self.socket.recv(_READ_BYTES)
        if not data:
            return False
        if self._tls is None:
            self.buffer += data
            return True
        self._incoming.write(data)
        try:
            if not self._handshaken:
                self._tls.do_handshake()
                self._handshaken = True
            while self._incoming.pending or self._tls.pending():
                plain = self._tls.read(_READ_BYTES)
                if not plain:
                    return False
                self.buffer += plain
        except ssl.SSLWantReadError:
            pass
        if self._outgoing.pending:  # of the handshake
            self._write(self._outgoing.read())
        return True

    def send(self, answer: bytes) -> None:
        """Send an answer: answers are small, so that the kernel takes them whole."""
        if self._tls is None:
            self._write(answer)
        else:
            self._tls.write(answer)
            self._write(self._outgoing.read())

    def _write(self, data: bytes) -> None:
        sent = self.socket.send(data)
        if sent < len(data):  # a client that does not read: wait for it, which nobody measures
            self.socket.settimeout(None)
            self.socket.sendall(data[sent:])
            self.socket.settimeout(0)


class Front:
    """Answers the requests of all connections."""

    def __init__(self, upstream_port: int) -> None:
        self._upstream = ("127.0.0.1", upstream_port)
        self._items = self._requests = 0

    def answer(self, connection: Connection) -> None:
        """Answer every whole request that has come."""
        while (head_end := connection.buffer.find(b"\r\n\r\n")) >= 0:
            buffer = connection.buffer
            length = _LENGTH.search(buffer, 0, head_end)
            end = head_end + 4 + (int(length[1]) if length else 0)
            if len(buffer) < end:
                return
            head, body = buffer[:head_end], buffer[head_end + 4 : end]
            connection.buffer = buffer[end:]
            batch = batch_of(head, body)
            if batch is not None:
                self._items += batch[1]
                self._requests += 1
                connection.send(acknowledgement(*batch))
            elif head.startswith(b"GET /__counts__ "):
                connection.send(self._counts())
            else:
                connection.send(self._forwarded(head + b"\r\n\r\n" + body))

    def _counts(self) -> bytes:
        counts = {"items": self._items, "requests": self._requests, "cpu_s": time.process_time()}
        body = json.dumps(counts).encode()
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)

    def _forwarded(self, request: bytes) -> bytes:
        """What the endpoint behind answers."""
        with socket.create_connection(self._upstream) as upstream:
            upstream.sendall(request)
            answer = b""
            while True:
                head_end = answer.find(b"\r\n\r\n")
                length = _LENGTH.search(answer, 0, max(0, head_end))
                if length and len(answer) >= head_end + 4 + int(length[1]):
                    return answer
                more = upstream.recv(_READ_BYTES)
                if not more:
                    return answer
                answer += more


def _listener() -> socket.socket:
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    listener.settimeout(0)
    return listener


def serve(upstream_port: int, certificate: str, key: str) -> None:
    """Print the ports, and serve until standard input ends, as it does with the process that started this one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    front, poll = Front(upstream_port), select.epoll()
    listeners: dict[int, tuple[socket.socket, ssl.SSLContext | None]] = {}
    for chosen in (context, None):
        listener = _listener()
        listeners[listener.fileno()] = (listener, chosen)
        poll.register(listener, select.EPOLLIN)
    secure, plain = (listener.getsockname()[1] for listener, _ in listeners.values())
    sys.stdout.write(json.dumps({"secure_port": secure, "plain_port": plain}) + "\n")
    sys.stdout.flush()
    connections: dict[int, Connection] = {}
    poll.register(sys.stdin, select.EPOLLIN)
    while True:
        for number, _ in poll.poll():
            if number == sys.stdin.fileno():
                return
            if number in listeners:
                listener, chosen = listeners[number]
                accepted, _ = listener.accept()
                connections[accepted.fileno()] = Connection(accepted, chosen)
                poll.register(accepted, select.EPOLLIN)
            elif not _served(front, connections[number]):
                poll.unregister(number)
                connections.pop(number).socket.close()


def _served(front: Front, connection: Connection) -> bool:
    """Serve what has come; whether the connection is still open."""
    try:
        is_open = connection.receive()
        front.answer(connection)
    except OSError:  # ssl.SSLError is one, too
        return False
    return is_open


if __name__ == "__main__":
    serve(int(sys.argv[1]), *sys.argv[2:])
