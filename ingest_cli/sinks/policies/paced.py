"""Limit the rate: reserve before each attempt, and settle with the actual consumption."""

from __future__ import annotations

from ingest_cli.items.batching import Batch
from ingest_cli.runtime.fence import OVERDUE, Fence
from ingest_cli.runtime.stop import StopRequest
from ingest_cli.sinks.interface import Receipt, RefusedBatchError, Sink, ThrottledError, TransientFaultError
from ingest_cli.sinks.policies.budget import Budget
from ingest_cli.sinks.policies.hot_keys import HotKeys
from ingest_cli.sinks.policies.pacing import Pacer

SMOOTHING_S = 0.25
"""A batch worth more seconds than this at the current rate is split, so that it is spread over several seconds."""


class Paced:
    """Sink that writes at the rate of a pacer, and behind a fence; retries are paced like first attempts."""

    def __init__(  # noqa: PLR0913, PLR0917 - independent collaborators
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
            TryAgainError: the run is stopping.
            SpentError: the budget of the run is used up.
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
        """Send a part that fits the rate."""
        wcu = float(part.wcu)
        self._pacer.acquire(wcu)
        self._stop.check()
        if not self._fence.is_sure():  # checked after all waiting, immediately before sending
            self._pacer.charge(-wcu)
            raise TransientFaultError(OVERDUE)
        self._budget.reserve(wcu)
        try:
            receipt = self._sink.put(part)
        except ThrottledError as error:
            self._budget.settle(-wcu)  # a batch that is throttled as a whole consumes nothing
            if self._hot_keys.concerns_table(part, error.scope):
                self._pacer.answered(wcu, wcu)
            raise
        blamed = receipt.unprocessed is not None and self._hot_keys.note(part, receipt.unprocessed)
        # Units that a throttled table did not consume are not refunded: that would advance the turns of other
        # writers, who would be throttled for it. And a substitute for DynamoDB may not report its consumption.
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
        """Split `batch` into what may be sent now and the rest."""
        allowed = max(self._pacer.rate_wcu_per_s * SMOOTHING_S, 1.0)
        if batch.wcu <= allowed or len(batch) == 1:
            return batch, None
        return batch.split(max(int(len(batch) * allowed / batch.wcu), 1))
