"""Keep to the rate: reserve before each attempt, settle up with what it really consumed."""

from __future__ import annotations

from ingest_cli.items.batching import Batch
from ingest_cli.runtime.fence import OVERDUE, Fence
from ingest_cli.runtime.stop import StopRequest
from ingest_cli.sinks.interface import Receipt, RefusedBatchError, Sink, ThrottledError, TransientFaultError
from ingest_cli.sinks.policies.budget import Budget
from ingest_cli.sinks.policies.hot_keys import HotKeys
from ingest_cli.sinks.policies.pacing import Pacer

SMOOTHING_S = 0.25
"""A batch worth more seconds than this at the current rate is sent in parts, so that no second gets it all."""


class Paced:
    """A sink that writes at the rate of a pacer, and behind a fence; attempts to repeat are paced like first ones."""

    def __init__(  # noqa: PLR0913, PLR0917 - each is a thing of its own
        self,
        sink: Sink,
        pacer: Pacer,
        hot_keys: HotKeys,
        stop: StopRequest,
        budget: Budget | None = None,
        fence: Fence | None = None,
    ) -> None:
        self._sink = sink
        self._pacer = pacer
        self._hot_keys = hot_keys
        self._stop = stop
        self._budget = budget or Budget(pacer.shared)
        self._fence = fence or Fence(pacer.shared)

    def put(self, batch: Batch) -> Receipt:
        """See `Sink.put`.

        Raises:
            TryAgainError: the run is being stopped.
            SpentError: it has consumed what it may.
        """
        whole: Receipt | None = None
        while True:
            part, rest = self._part(batch)
            try:
                receipt = self._send(part)
            except (TransientFaultError, RefusedBatchError):
                if whole is None or not (whole.acknowledged or whole.refused):
                    raise
                receipt = Receipt(0, unprocessed=part)
            whole = receipt if whole is None else whole.plus(receipt)
            if rest is None:
                return whole
            if receipt.unprocessed is not None:
                return whole.plus(Receipt(0, unprocessed=rest))
            batch = rest

    def _send(self, part: Batch) -> Receipt:
        """Send what is to be sent at once."""
        wcu = float(part.wcu)
        self._pacer.acquire(wcu)
        self._stop.check()
        if not self._fence.is_sure():  # asked after all waiting, just before it is sent
            self._pacer.charge(-wcu)
            raise TransientFaultError(OVERDUE)
        self._budget.reserve(wcu)
        try:
            receipt = self._sink.put(part)
        except ThrottledError as error:
            self._budget.settle(-wcu)  # of a batch that is throttled as a whole, nothing is consumed
            if self._hot_keys.concerns_table(part, error.scope):
                self._pacer.answered(wcu, wcu)
            raise
        blamed = receipt.unprocessed is not None and self._hot_keys.note(part, receipt.unprocessed)
        # What a throttled table did not consume is not given back: that would bring forward the turns of others, who
        # would be throttled for it. And a stand-in for DynamoDB may not say what it consumed.
        if receipt.wcu > wcu or (not blamed and (receipt.wcu or not receipt.acknowledged)):
            self._pacer.charge(receipt.wcu - wcu)
        if receipt.wcu or not receipt.acknowledged:
            self._budget.settle(receipt.wcu - wcu)
        left = receipt.unprocessed
        if blamed and left is not None:
            self._pacer.answered(wcu, float(left.wcu))
        elif left is None:
            self._pacer.answered(wcu)
        return receipt

    def _part(self, batch: Batch) -> tuple[Batch, Batch | None]:
        """As much of `batch` as may go at once, and what is left."""
        allowed = max(self._pacer.rate_wcu_per_s * SMOOTHING_S, 1.0)
        if batch.wcu <= allowed or len(batch) == 1:
            return batch, None
        return batch.split(max(int(len(batch) * allowed / batch.wcu), 1))
