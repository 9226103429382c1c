"""Observer of a run: one method for each event. Depends on nothing that causes or handles an event."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from ingest_cli.model.bundles import Bundle
    from ingest_cli.model.chunks import Origin, Position
    from ingest_cli.report.report import Report


class Pace(Protocol):
    """Rate of a load."""

    @property
    def rate_wcu_per_s(self) -> float:
        """Current rate."""
        ...

    @property
    def ceiling_wcu_per_s(self) -> float | None:
        """Maximum rate; None: no limit."""
        ...


class RunObserver:
    """Base of observers: ignores all events, listed here in the order in which they first occur.

    Called from several threads. An error that a method raises ends the run.
    """

    def planned(self, dataset: str, sizes_bytes: Sequence[int]) -> None:
        """Handle the plan: id of the dataset, and stored sizes of its sources, 0 if unknown."""

    def fingerprinted(self, src: str) -> None:
        """Handle the fingerprint of the sources, before any row is read."""

    def pace_set(self, pace: Pace) -> None:
        """Handle the rate of a load, which changes during the load."""

    def source_begun(self, number: int) -> None:
        """Handle the start of reading a source."""

    def bytes_read(self, count: int) -> None:
        """Handle stored bytes read from the current source."""

    def text_decoded(self, count: int) -> None:
        """Handle bytes of text decoded from the current source."""

    def note(self, text: str) -> None:
        """Handle a remark for the report."""

    def chunk_read(self, chunk: Bundle) -> None:
        """Handle a chunk of rows, before it is passed to the writer."""

    def member_read(self, origin: Origin, end: Position) -> None:
        """Handle the end of a member. Some of its chunks may not be committed yet."""

    def source_read(self, number: int, members: int) -> None:
        """Handle the end of a source, after all of its chunks were passed to the writer."""

    def source_damaged(self) -> None:
        """Handle a source that cannot be read to its end."""

    def chunk_queued(self) -> None:
        """Handle a chunk that is about to be queued for a worker process."""

    def chunk_done(self, size_bytes: int, duration_s: float) -> None:
        """Handle the time for which a chunk occupied its writer."""

    def requests_counted(
        self, requests: int, retries: Counter[str], wcu_consumed: float, latencies: Counter[int]
    ) -> None:
        """Handle counters of a worker process; see `Traffic.take`."""

    def worker_lost(self, number: int, committed_items: int) -> None:
        """Handle the death of a worker process, and the number of items that it had committed."""

    def committed(self, report: Report) -> None:
        """Handle a committed chunk, which the report includes."""


EVENTS = tuple(name for name in vars(RunObserver) if not name.startswith("_"))


class Observers(RunObserver):
    """Pass each event to several observers, in their order. Events that none of them handles cost nothing more."""

    def __init__(self, *several: RunObserver) -> None:
        for name in EVENTS:
            handlers = [getattr(one, name) for one in several if _handles(one, name)]
            if handlers:
                setattr(self, name, handlers[0] if len(handlers) == 1 else partial(_call_all, handlers))


class ReportUpdater(RunObserver):
    """Record in the report what is read, and the requests of worker processes."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._byte_progress = report.byte_progress

    def source_begun(self, number: int) -> None:
        """See `RunObserver.source_begun`."""
        self._byte_progress.source(number)

    def bytes_read(self, count: int) -> None:
        """See `RunObserver.bytes_read`."""
        self._report.source_bytes += count
        self._byte_progress.read(count)

    def text_decoded(self, count: int) -> None:
        """See `RunObserver.text_decoded`."""
        self._byte_progress.decoded(count)

    def chunk_read(self, chunk: Bundle) -> None:
        """See `RunObserver.chunk_read`."""
        for part in chunk.parts:
            self._byte_progress.handed_out(part.origin, part.span)
        self._byte_progress.rows += chunk.rows.records

    def source_read(self, number: int, members: int) -> None:  # noqa: ARG002 - only the end matters
        """See `RunObserver.source_read`."""
        self._byte_progress.end(number)

    def requests_counted(
        self, requests: int, retries: Counter[str], wcu_consumed: float, latencies: Counter[int]
    ) -> None:
        """See `RunObserver.requests_counted`."""
        self._report.traffic.add(requests, retries, wcu_consumed, latencies)


def _handles(observer: RunObserver, event: str) -> bool:
    return getattr(getattr(observer, event), "__func__", None) is not getattr(RunObserver, event)


def _call_all(handlers: Sequence[Callable[..., None]], *arguments: Any) -> None:
    for handler in handlers:
        handler(*arguments)
