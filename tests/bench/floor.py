"""The floor below a load: what the same bytes cost if nothing but hashing, encrypting and sending was left to do.

For the items of a dump, with nothing of this program's in the measured part:

    hash       OpenSSL's SHA-256 over as many blocks as the two HMACs of an item need, their key blocks being known, in
               one call for each megabyte
    sign       OpenSSL's SHA-256 over the bodies, which a signature has to cover
    plain      the same requests through a blocking TCP socket of the loopback interface, one connection, an answer
               read after each: the kernel's part of sending
    TLS        the same with TLS, the kernel's part included

The floor is hash + sign + TLS. What it leaves out is everything that makes these bytes of a dump: reading, decoding,
parsing, normalizing, base64, JSON; and of the sending HTTP, many connections at a time, and the account of what was
acknowledged. Python's own part in it is some microseconds a request.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import multiprocessing
import socket
import ssl
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.compute as pc
from botocore.credentials import Credentials

from ingest_cli.items.batching import batches
from ingest_cli.items.builder import ItemBuilder, Items
from ingest_cli.items.hashing import ByteMatrix, Hasher
from ingest_cli.model.keys import Pepper
from ingest_cli.sinks.transports.signing import Signer
from tests.bench.options import Options
from tests.bench.stages import Stopwatch, walk
from tests.bench.surroundings import KID, PEPPER, TABLE, Surroundings
from tests.support.endpoint import ACCESS_KEY, SECRET_KEY
from tests.support.endpoint.tables import REGION

TITLE = "The floor: hashing, encrypting and sending the same bytes, and nothing else"
HASHED, SIGNED, PLAIN, TLS = PARTS = ("hash", "sign", "plain", "TLS")

_BLOCK_BYTES = 64
_PADDING_BYTES = 9
"""What SHA-256 adds to a message at the least (FIPS 180-4, 5.1.1)."""
_PIECE_BYTES = 1 << 20
_ANSWER_BYTES = 1 << 12


class CountingHasher(Hasher):
    """Counts the SHA-256 blocks that its HMACs need: those of the message, and one around the inner digest."""

    def __init__(self) -> None:
        super().__init__(Pepper(KID, PEPPER))
        self.blocks = 0

    def tags(self, kind: str, values: pa.StringArray) -> ByteMatrix:
        self._count(values)
        return super().tags(kind, values)

    def record_tags(self, messages: pa.StringArray) -> ByteMatrix:
        self._count(messages)
        return super().record_tags(messages)

    def _count(self, messages: pa.StringArray) -> None:
        sizes = pc.binary_length(messages).to_numpy(zero_copy_only=False)
        self.blocks += int((-(-(sizes + _PADDING_BYTES) // _BLOCK_BYTES) + 1).sum())


@dataclass
class Payload:
    """The bytes of a load.

    Attributes:
        items: in them.
        bodies: of the requests.
    """

    items: int = 0
    bodies: list[bytes] = field(default_factory=list)

    def take(self, items: Items) -> None:
        """Add those of a chunk."""
        self.items += len(items)
        self.bodies += [batch.body(TABLE) for batch in batches(items)]

    def requests(self, host: str) -> list[bytes]:
        """The requests as they go over the wire, signed."""
        signer, credentials = Signer(host, "/", REGION), Credentials(ACCESS_KEY, SECRET_KEY)
        return [_request(signer.lines(body, credentials, dt.datetime.now(dt.UTC)), body) for body in self.bodies]


def _request(lines: list[str], body: bytes) -> bytes:
    head = "".join(f"{line}\r\n" for line in lines)
    return f"POST / HTTP/1.1\r\n{head}content-length: {len(body)}\r\n\r\n".encode() + body


def figures(place: Surroundings, options: Options) -> dict[str, Any]:
    """Microseconds of processor time an item, medians; each run in a process that remembers nothing."""
    place.dump(options.slow_rows)
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawn, max_tasks_per_child=1) as pool:
        samples = list(pool.map(_once, [place] * options.runs, [options.slow_rows] * options.runs))
    told = {name: round(median(sample[name] for sample in samples), 2) for name in samples[0]}
    parts = {name: told.pop(name) for name in PARTS}
    return {
        "rows": options.slow_rows,
        "runs": options.runs,
        "us_per_item": {**parts, "floor": round(parts[HASHED] + parts[SIGNED] + parts[TLS], 2)},
        **told,
    }


def _once(place: Surroundings, rows: int) -> dict[str, float]:
    hasher, payload = CountingHasher(), Payload()
    walk(place.dump(rows), ItemBuilder(hasher, f"telco-{rows}", "00000000"), Stopwatch(), payload.take)
    items = payload.items
    requests = payload.requests(urlsplit(place.url).netloc)
    seconds = {HASHED: _timed(lambda: _hash(hasher.blocks * _BLOCK_BYTES))}
    seconds[SIGNED] = _timed(lambda: [hashlib.sha256(body).digest() for body in payload.bodies])
    seconds[PLAIN] = _timed_sending(_connected(place.plain_url), requests)
    before = place.counts()
    context = ssl.create_default_context(cafile=place.ca_path)
    secure = context.wrap_socket(_connected(place.url), server_hostname="localhost")
    seconds[TLS] = _timed_sending(secure, requests)
    after = place.counts()
    return {
        **{name: spent_s / items * 1e6 for name, spent_s in seconds.items()},
        "sha256_blocks_per_item": hasher.blocks / items,
        "bytes_per_item": sum(map(len, requests)) / items,
        "endpoint_cpu_us_per_request": (after.cpu_s - before.cpu_s) / (after.requests - before.requests) * 1e6,
    }


def _timed(work: Callable[[], object]) -> float:
    began_s = time.process_time()
    work()
    return time.process_time() - began_s


def _hash(size_bytes: int) -> None:
    piece = memoryview(bytes(_PIECE_BYTES))
    for at in range(0, size_bytes, _PIECE_BYTES):
        hashlib.sha256(piece[: size_bytes - at]).digest()


def _connected(url: str) -> socket.socket:
    parts = urlsplit(url)
    connected = socket.create_connection((parts.hostname or "", parts.port or 0))
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connected


def _timed_sending(connected: socket.socket, requests: list[bytes]) -> float:
    """Processor seconds for sending them; each answer comes in one piece, being small."""

    def send() -> None:
        for request in requests:
            connected.sendall(request)
            connected.recv(_ANSWER_BYTES)

    with connected:
        return _timed(send)
