"""Limits on the answers of AWS's services: how long one may be, and how long it may take, whatever sends it.

The time is for connection, handshake, headers and body together. A timeout of a socket starts again with every byte,
so an endpoint that sends a byte now and then holds a request for as long as it likes. `bounded_http` and the callers of
`left_s` turn the limit into an end of the whole exchange.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

ANSWER_TIMEOUT_S = 20.0
"""AWS answers within a second or not at all; a request is sent again then."""

OPERATION_TIMEOUT_S = 30.0
"""For one operation, however often it is sent again: what botocore repeats by itself, with a pause before each."""

HEAD_BYTES = 64 << 10
"""Status line and headers; AWS's take less than 4 KiB."""

_MAX_WRITE_BYTES = 17 << 20  # BatchWriteItem takes 16 MB (DynamoDB API reference)


def write_answer_bytes(request_bytes: int) -> int:
    """Maximum size of the answer to a BatchWriteItem: it repeats what was sent, perhaps with all of it escaped."""
    return min(HEAD_BYTES + 4 * request_bytes, _MAX_WRITE_BYTES)


class _Here(threading.local):
    until_s = math.inf


_here = _Here()


@contextmanager
def time_limit(duration_s: float) -> Iterator[None]:
    """End the requests that this thread makes in the block after `duration_s` seconds, all of them together.

    The block must not let other fibers run: they are of the same thread.
    """
    outer = _here.until_s
    _here.until_s = min(outer, time.monotonic() + duration_s)
    try:
        yield
    finally:
        _here.until_s = outer


def left_s() -> float:
    """Seconds that are left to this thread; infinity if there is no limit, never less than 0."""
    return max(_here.until_s - time.monotonic(), 0.0)
