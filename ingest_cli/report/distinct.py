"""Count distinct keys in bounded memory.

Adaptive sampling (Philippe Flajolet, "On Adaptive Sampling", Computing 43, 1990): exact as long as the
keys fit; from then on only keys whose hash ends in k zero bits are kept, k growing as needed, and the
count is scaled by 2ᵏ. The hashes are parts of HMACs, and therefore uniform.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

HashArray = npt.NDArray[np.uint64]

DEFAULT_CAPACITY = 3_000_000
"""Maximum number of hashes kept, 8 bytes each: exact for a million rows of three identifiers."""

_ROOM_SHARE = 16  # divisor of the capacity: room for new hashes until duplicates are removed

_BLOCK = 1 << 16


class DistinctCounter:
    """Counts distinct 64-bit hashes."""

    def __init__(self, capacity: int = DEFAULT_CAPACITY) -> None:
        """Start empty.

        Args:
            capacity: hashes to keep; 8.5 bytes each.
        """
        self._capacity = capacity
        room = max(capacity // _ROOM_SHARE, 1)
        self._kept: HashArray = np.empty(capacity + room, np.uint64)  # untouched pages cost nothing
        self._settled = self._size = 0
        self._zero_bits = 0

    def add(self, hashes: HashArray) -> None:
        """Count `hashes`."""
        room = len(self._kept) - self._capacity
        for first in range(0, len(hashes), room):
            fresh = self._sampled(hashes[first : first + room])
            if self._size + len(fresh) > len(self._kept):
                self._settle()
                fresh = self._sampled(fresh)
            self._kept[self._size : self._size + len(fresh)] = fresh
            self._size += len(fresh)

    @property
    def is_exact(self) -> bool:
        """Whether no hash has been dropped so far."""
        self._settle()
        return self._zero_bits == 0

    @property
    def relative_error(self) -> float:
        """Standard error of `count`, as a share of it: 1.2/√capacity (Flajolet 1990); 0 while it is exact."""
        return 0.0 if self.is_exact else 1.2 / math.sqrt(self._capacity)

    def count(self) -> int:
        """Return the number of distinct hashes so far; an estimate unless `is_exact`, see `relative_error`."""
        self._settle()
        return self._size << self._zero_bits

    def _settle(self) -> None:
        """Remove duplicates, and hashes beyond the capacity."""
        if self._size == self._settled:
            return
        self._kept[: self._size].sort()
        self._leave(_first_of_equals)
        while self._size > self._capacity:
            self._zero_bits += 1
            self._leave(lambda _, hashes: self._sampled(hashes))

    def _leave(self, chosen: Callable[[HashArray, HashArray], HashArray]) -> None:
        """Move the chosen hashes of each block to the front, with temporary memory for one block only."""
        size = 0
        before = np.empty(0, np.uint64)
        for first in range(0, self._size, _BLOCK):
            block = self._kept[first : min(first + _BLOCK, self._size)].copy()
            left = chosen(before, block)
            self._kept[size : size + len(left)] = left
            size += len(left)
            before = block[-1:]
        self._settled = self._size = size

    def _sampled(self, hashes: HashArray) -> HashArray:
        if not self._zero_bits:
            return hashes
        kept: HashArray = hashes[hashes & np.uint64((1 << self._zero_bits) - 1) == 0]
        return kept


def _first_of_equals(before: HashArray, hashes: HashArray) -> HashArray:
    """Return the first of each run of equal hashes in sorted `hashes`, unless the previous block ends with it."""
    first = np.ones(len(hashes), np.bool_)
    np.not_equal(hashes[1:], hashes[:-1], out=first[1:])
    first[0] = not len(before) or before[0] != hashes[0]
    distinct: HashArray = hashes[first]
    return distinct
