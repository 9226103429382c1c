"""Size and time limits for responses of AWS services.

The time covers connection, handshake, headers and body together. A socket timeout starts again with every byte, so an
endpoint that sends a byte now and then could hold a request indefinitely. `bounded_http` and the callers of `left_s`
apply the limit to the whole exchange.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

ANSWER_TIMEOUT_S = 20.0
"""Seconds to wait for a response before the request is retried; AWS usually responds within one."""

OPERATION_TIMEOUT_S = 30.0
"""Seconds for one operation, including the retries that botocore makes and its pauses before them."""

HEAD_BYTES = 64 << 10
"""Maximum size of status line and headers; AWS's take less than 4 KiB."""

_MAX_WRITE_BYTES = 17 << 20  # BatchWriteItem accepts 16 MB (DynamoDB API reference)


def write_answer_bytes(request_bytes: int) -> int:
    """Return the maximum size of a BatchWriteItem response: it may repeat the whole request, escaped."""
    return min(HEAD_BYTES + 4 * request_bytes, _MAX_WRITE_BYTES)


class _Here(threading.local):
    until_s = math.inf


_here = _Here()


@contextmanager
def time_limit(duration_s: float) -> Iterator[None]:
    """Limit the requests that this thread makes in the block to `duration_s` seconds in total.

    The block must not switch fibers: they share the thread.
    """
    outer = _here.until_s
    _here.until_s = min(outer, time.monotonic() + duration_s)
    try:
        yield
    finally:
        _here.until_s = outer


def left_s() -> float:
    """Return the seconds left to this thread: infinity without a limit, never less than 0."""
    return max(_here.until_s - time.monotonic(), 0.0)
