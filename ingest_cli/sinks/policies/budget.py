"""What a run may still consume: reserved before each attempt, so that the limit is never passed, and settled after it.

One budget for all that write, in whichever process: it is one of the numbers that they share.
"""

from __future__ import annotations

import math

from ingest_cli.errors import SpentError
from ingest_cli.runtime.shared_state import Shared


class Budget:
    """Write capacity units that are left; without a limit it costs nothing to ask."""

    def __init__(self, shared: Shared) -> None:
        """Join those that spend from the same; see `starting` for the first of them."""
        self._shared = shared
        with shared as state:
            self._is_limited = not math.isnan(state.left_wcu)

    @classmethod
    def starting(cls, shared: Shared, limit_wcu: float | None) -> Budget:
        """Set the limit; None: there is none."""
        with shared as state:
            state.left_wcu = math.nan if limit_wcu is None else limit_wcu
        return cls(shared)

    def reserve(self, wcu: float) -> None:
        """Take what an attempt is expected to consume.

        Raises:
            SpentError: so much is not left.
        """
        if not self._is_limited:
            return
        with self._shared as state:
            if wcu > state.left_wcu:
                raise SpentError("what the run may consume is spent")
            state.left_wcu -= wcu

    def settle(self, wcu: float) -> None:
        """Take what was consumed beyond what was reserved; negative: give it back."""
        if wcu and self._is_limited:
            with self._shared as state:
                state.left_wcu -= wcu
