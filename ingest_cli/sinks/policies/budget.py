"""Limit a run's consumption: reserve before each attempt, so that the limit is never exceeded, and settle afterwards.

One budget for all writers in all processes, kept in their shared state.
"""

from __future__ import annotations

import math

from ingest_cli.errors import SpentError, ThrottledError
from ingest_cli.items.batching import Batch
from ingest_cli.runtime.shared_state import BudgetState
from ingest_cli.sinks.interface import Receipt, Sink


class Budget:
    """Remaining write capacity units; reserving without a limit costs nothing."""

    def __init__(self, state: BudgetState) -> None:
        """Join an existing budget; `starting` creates it."""
        self._state = state
        with state:
            self._is_limited = not math.isnan(state.left_wcu)

    @classmethod
    def starting(cls, state: BudgetState, limit_wcu: float | None) -> Budget:
        """Create the budget; None: no limit."""
        with state:
            state.left_wcu = math.nan if limit_wcu is None else limit_wcu
        return cls(state)

    def reserve(self, wcu: float) -> None:
        """Reserve the expected consumption of an attempt.

        Raises:
            SpentError: less than that is left.
        """
        if not self._is_limited:
            return
        with self._state as state:
            if wcu > state.left_wcu:
                raise SpentError("the cost limit of the run is reached")
            state.left_wcu -= wcu

    def settle(self, wcu: float) -> None:
        """Charge the consumption beyond the reservation; negative: refund it."""
        if wcu and self._is_limited:
            with self._state as state:
                state.left_wcu -= wcu


class Budgeted:
    """Sink that writes within a budget."""

    def __init__(self, sink: Sink, budget: Budget) -> None:
        self._sink = sink
        self._budget = budget

    def put(self, batch: Batch) -> Receipt:
        """See `Sink.put`. The consumption of an attempt whose result is unknown stays reserved.

        Raises:
            SpentError: the budget of the run is used up.
        """
        wcu = float(batch.wcu)
        self._budget.reserve(wcu)
        try:
            receipt = self._sink.put(batch)
        except ThrottledError:
            self._budget.settle(-wcu)  # a batch that is throttled as a whole consumes nothing
            raise
        if receipt.wcu or not receipt.acknowledged:  # a substitute for DynamoDB may not report its consumption
            self._budget.settle(receipt.wcu - wcu)
        return receipt
