"""Limit of a run's consumption: reserved before each attempt, so that it is never exceeded, and settled afterwards.

One budget for all writers in all processes, kept in their shared state.
"""

from __future__ import annotations

import math

from ingest_cli.errors import SpentError
from ingest_cli.runtime.shared_state import Shared


class Budget:
    """Remaining write capacity units; reserving without a limit costs nothing."""

    def __init__(self, shared: Shared) -> None:
        """Join an existing budget; `starting` creates it."""
        self._shared = shared
        with shared as state:
            self._is_limited = not math.isnan(state.left_wcu)

    @classmethod
    def starting(cls, shared: Shared, limit_wcu: float | None) -> Budget:
        """Create the budget; None: no limit."""
        with shared as state:
            state.left_wcu = math.nan if limit_wcu is None else limit_wcu
        return cls(shared)

    def reserve(self, wcu: float) -> None:
        """Reserve the expected consumption of an attempt.

        Raises:
            SpentError: less than that is left.
        """
        if not self._is_limited:
            return
        with self._shared as state:
            if wcu > state.left_wcu:
                raise SpentError("what the run may consume is spent")
            state.left_wcu -= wcu

    def settle(self, wcu: float) -> None:
        """Charge the consumption beyond the reservation; negative: refund it."""
        if wcu and self._is_limited:
            with self._shared as state:
                state.left_wcu -= wcu
