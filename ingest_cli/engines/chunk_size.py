"""How large a chunk should be: worth the fixed cost of a kernel, and no more than a moment's work.

What a crash has to repeat is what was under way. At full speed that is a moment whatever the size; under
a low ceiling a large chunk would take minutes, and a process that is killed every minute would never get
anywhere. So chunks start small, grow while they are quickly dealt with, and shrink when they are not.
"""

from __future__ import annotations

MIN_BYTES = 1 << 10
MAX_BYTES = 1 << 20
FIRST_BYTES = 16 << 10
AIM_S = 0.2

BYTES_A_WCU = 50
"""Of a dump: a row of 150 bytes with three identifiers. Only where to begin depends on it."""


def first_bytes(wcu_per_s: float) -> int:
    """Decoded bytes that the first chunk of a load should have: what is written at this rate in some seconds."""
    return int(min(max(2.0 * wcu_per_s * BYTES_A_WCU, MIN_BYTES), FIRST_BYTES))


class ChunkSize:
    """Decoded bytes that the next chunk should have."""

    def __init__(self, first: int = FIRST_BYTES) -> None:
        self._bytes = first

    def __call__(self) -> int:
        """Bytes of the next chunk."""
        return self._bytes

    def took(self, size: int, duration_s: float) -> None:
        """Learn that a chunk of `size` bytes kept its writer busy for `duration_s` seconds."""
        if not size:
            return
        fitting = size * AIM_S / max(duration_s, AIM_S / 1024)
        self._bytes = int(min(max(fitting, self._bytes / 4, MIN_BYTES), self._bytes * 2, MAX_BYTES))
