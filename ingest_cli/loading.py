"""A load and a validation from beginning to end: everything around the pipeline, composed in one place.

Each manifest is an account of its own. Whatever goes wrong ends up in its report, together with what had
been settled by then; nothing is raised but bugs.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING, Any

from ingest_cli import catalog
from ingest_cli.aws import ca_bundle, dynamodb, no_credentials
from ingest_cli.catalog import Catalog, DatasetRow
from ingest_cli.engines.journal import Journal, check_rejects
from ingest_cli.engines.serial import SerialWriter
from ingest_cli.engines.threaded import ThreadedWriter
from ingest_cli.errors import ExitCode, IngestError, SourceError, TooManyRejectsError
from ingest_cli.hashing import Hasher
from ingest_cli.items import ItemBuilder
from ingest_cli.keys import Pepper, ephemeral_pepper
from ingest_cli.pipeline import Plan, Stages, Writer, plan, run_shard
from ingest_cli.policies.clock import SystemClock
from ingest_cli.policies.isolation import Isolating
from ingest_cli.policies.metering import Metering
from ingest_cli.policies.rejects import RejectFile
from ingest_cli.policies.retry import Progress, Retrying, RetryRules
from ingest_cli.policies.window import RowWindow
from ingest_cli.report import Report
from ingest_cli.settings import RunSettings
from ingest_cli.sinks.discard import DiscardSink
from ingest_cli.sinks.dynamodb import DynamoDBSink
from ingest_cli.sinks.memory import MemorySink
from ingest_cli.sinks.transports.boto import BotoTransport
from ingest_cli.sinks.transports.curl import CurlTransport, Endpoint
from ingest_cli.sources import dataset_fingerprint

if TYPE_CHECKING:
    from ingest_cli.manifest import Manifest
    from ingest_cli.sinks.interface import Sink
    from ingest_cli.sinks.transports.interface import Transport
    from ingest_cli.tables import Table

SRC_DIGITS = 8
_NO_SRC = "0" * SRC_DIGITS


@dataclass(frozen=True, slots=True)
class Watcher:
    """Whom to tell how a run is getting on; called from several threads.

    Attributes:
        on_plan: told once what there is to do.
        on_bytes: told how many bytes were read from a source.
        on_settled: told after each settled chunk.
    """

    on_plan: Callable[[Plan], None] = lambda _: None
    on_bytes: Callable[[int], None] = lambda _: None
    on_settled: Callable[[Report], None] = lambda _: None


def validate(manifest: Manifest, settings: RunSettings, watcher: Watcher | None = None) -> Report:
    """Run all stages on a dump and write nothing. Needs no key, no table and no network."""
    watcher = watcher or Watcher()
    report = Report("validate", manifest.dataset.id, manifest.dataset.title)
    with _accounted(report):
        planned = _plan(manifest, report, watcher)
        builder = ItemBuilder(Hasher(ephemeral_pepper()), manifest.dataset.id, _NO_SRC)
        with _reject_file(settings) as rejects:
            journal = Journal(report, rejects, None, watcher.on_settled)
            sink = Metering(DiscardSink(), report.traffic)
            _run(planned, builder, SerialWriter(sink, journal), settings, _counting(report, watcher))
        report.traffic.requests, report.traffic.wcu_consumed = 0, 0.0
        _check(report, manifest)
        report.outcome = "partial" if _is_partial(settings) else "complete"
    return report


def load(
    manifest: Manifest, table: Table, pepper: Pepper, settings: RunSettings, watcher: Watcher | None = None
) -> Report:
    """Run all stages on a dump and write its items to a table, unless that was done before."""
    watcher = watcher or Watcher()
    report = Report("load", manifest.dataset.id, manifest.dataset.title, table.target.table)
    with _accounted(report):
        planned = _plan(manifest, report, watcher)
        table.check()
        rows = Catalog(table)
        known = rows.knows(pepper)
        report.src = _src(planned, settings)
        before = rows.dataset(manifest.dataset.id)
        row = _dataset_row(manifest, report.src, pepper, before)
        if before is not None and not settings.restart and _is_loaded(before, row):
            if before != row:  # only what it is called has changed
                rows.put_dataset(row)
            report.outcome = "unchanged"
            return report
        with _reject_file(settings) as rejects:
            if not known:
                rows.register(pepper)
            rows.put_dataset(replace(row, state=catalog.LOADING))
            builder = ItemBuilder(Hasher(pepper), manifest.dataset.id, report.src)
            journal = Journal(report, rejects, manifest.rejects, watcher.on_settled)
            stop = threading.Event()
            transport = _transport(table, settings)
            try:
                sink = _policies(DynamoDBSink(transport, table.target.table), report, settings, stop)
                with ThreadedWriter(sink, journal, settings.concurrency, stop) as writer:
                    _run(planned, builder, writer, settings, _counting(report, watcher))
            finally:
                transport.close()
        _check(report, manifest)
        report.outcome = "partial" if _is_partial(settings) else "complete"
        if report.outcome == "complete":
            rows.put_dataset(row.completed(_counts(report), dt.datetime.now(dt.UTC)))
    return report


def _policies(sink: Sink, report: Report, settings: RunSettings, stop: threading.Event) -> Sink:
    """The sink with all decisions on writing around it: sink ← metered ← retrying ← isolating."""
    clock = SystemClock(stop)
    rules = RetryRules(
        clock=clock,
        random=Random(),  # noqa: S311 - jitter, not a secret
        progress=Progress(clock),
        give_up_after_s=settings.give_up_after_s,
        on_retry=report.traffic.note_retry,
        stop=stop,
    )
    return Isolating(Retrying(Metering(sink, report.traffic), rules))


def _transport(table: Table, settings: RunSettings) -> Transport:
    if settings.transport == "boto3":
        return BotoTransport(dynamodb(table.session, table.target, single_attempt=True))
    endpoint = Endpoint(table.client.meta.endpoint_url, table.client.meta.region_name, ca_bundle(table.session))
    credentials = table.session.get_credentials()
    if credentials is None:
        raise no_credentials()
    return CurlTransport(endpoint, credentials)


def _plan(manifest: Manifest, report: Report, watcher: Watcher) -> Plan:
    planned = plan(manifest)
    report.sources = tuple(shard.source.name for shard in planned.shards)
    watcher.on_plan(planned)
    return planned


def _run(
    planned: Plan,
    builder: ItemBuilder,
    writer: Writer,
    settings: RunSettings,
    on_bytes: Callable[[int], None],
) -> None:
    """Take all shards through all stages, until the window of rows is used up."""
    manifest = planned.manifest
    stages = Stages(
        encoding=manifest.format.encoding,
        format=planned.format,
        window=RowWindow(settings.skip, settings.limit),
        fields=manifest.fields,
        items=builder,
        on_bytes=on_bytes,
        keep_raw=settings.rejects_include_raw,
    )
    for shard in planned.shards:
        if stages.window.exhausted():
            return
        try:
            run_shard(shard, stages, writer)
        except SourceError as error:
            raise SourceError(f'"{shard.source.name}": {error}') from error


def _check(report: Report, manifest: Manifest) -> None:
    """Hold a run that came to its end against what makes it a success.

    Raises:
        SourceError: it read nothing.
        TooManyRejectsError: it rejected too much.
    """
    account = report.account
    if not account.rows_read:
        names = ", ".join(f'"{name}"' for name in report.sources)
        raise SourceError(f"there is not a single row in {names}; check `sources`, and `header` in [format]")
    check_rejects(report, manifest.rejects)
    if account.rows_rejected and not account.rows_kept:
        reason, count = account.rejected.most_common(1)[0]
        raise TooManyRejectsError(
            f"not one of {account.rows_read:,} rows could be used; {count:,} were rejected for {reason}. "
            "Check [format] and [[fields]]"
        )


@contextmanager
def _accounted(report: Report) -> Iterator[None]:
    """Put the outcome of the block, however it ends, and the time it took into `report`."""
    began = time.monotonic()
    try:
        yield
        report.exit_code = ExitCode.DONE
    except IngestError as error:
        report.outcome, report.message, report.exit_code = "failed", str(error), error.exit_code
    except KeyboardInterrupt:
        report.outcome, report.exit_code = "interrupted", ExitCode.TRY_AGAIN
        report.message = "interrupted; run the same command again to go on"
    finally:
        report.elapsed_s = time.monotonic() - began
    if report.exit_code == ExitCode.DONE and not report.account.balances:
        raise AssertionError("the account of the run does not balance")


@contextmanager
def _reject_file(settings: RunSettings) -> Iterator[RejectFile]:
    rejects = RejectFile(settings.rejects)
    try:
        yield rejects
    finally:
        rejects.close()


def _counting(report: Report, watcher: Watcher) -> Callable[[int], None]:
    def on_bytes(count: int) -> None:
        report.source_bytes += count
        watcher.on_bytes(count)

    return on_bytes


def _src(planned: Plan, settings: RunSettings) -> str:
    """What the items say about the state of the sources."""
    prints = [settings.source_id] if settings.source_id else [one.source.fingerprint() for one in planned.shards]
    return dataset_fingerprint(prints)[:SRC_DIGITS]


def _dataset_row(manifest: Manifest, src: str, pepper: Pepper, before: DatasetRow | None) -> DatasetRow:
    """What the table is to say about the dataset."""
    dataset = manifest.dataset
    return DatasetRow(
        dataset=dataset.id,
        title=dataset.title,
        occurred_on=dataset.occurred_on.isoformat() if dataset.occurred_on else None,
        description=dataset.description,
        classes=tuple(sorted({each.exposes for each in manifest.fields})),
        src=src,
        state=catalog.COMPLETE,
        kid=pepper.kid,
        manifest=manifest.digest,
        counts=before.counts if before else {},
        loaded_at=before.loaded_at if before else None,
    )


def _is_loaded(before: DatasetRow, row: DatasetRow) -> bool:
    """Whether the table holds, completely, what this load would write."""
    same = (before.src, before.kid, before.manifest) == (row.src, row.kid, row.manifest)
    return same and before.state == catalog.COMPLETE


def _is_partial(settings: RunSettings) -> bool:
    return settings.skip > 0 or settings.limit is not None


def _counts(report: Report) -> dict[str, int]:
    account = report.account
    return {
        "rows_read": account.rows_read,
        "rows_kept": account.rows_kept,
        "rows_rejected": account.rows_rejected,
        "rows_skipped": account.rows_skipped,
        "items": account.items_acknowledged,
    }


def rebuild(manifest: Manifest, pepper: Pepper) -> dict[tuple[str, str], Mapping[str, Any]]:
    """All items that the sources of `manifest` give, in DynamoDB JSON by (pk, sk); holds them in memory.

    Raises:
        IngestError: a source cannot be read, or does not fit the manifest.
    """
    planned = plan(manifest)
    sink, settings = MemorySink(), RunSettings()
    builder = ItemBuilder(Hasher(pepper), manifest.dataset.id, _src(planned, settings))
    report = Report("verify", manifest.dataset.id, manifest.dataset.title)
    journal = Journal(report, RejectFile(None), None, lambda _: None)
    _run(planned, builder, SerialWriter(sink, journal), settings, lambda _: None)
    return sink.items
