"""Process a dump from bytes to items without a table: to validate it, or to reproduce what the table should hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ingest_cli.checkpoint.journal import Books, Journal
from ingest_cli.checkpoint.rejects import RejectFile
from ingest_cli.commands.outcome import accounted, check, note_undecodable
from ingest_cli.commands.preflight import check_sources
from ingest_cli.commands.run import (
    NO_SRC,
    Watcher,
    age_key_of,
    announced,
    counting,
    fingerprints,
    reject_file,
    run_all,
    src_of,
    stages_of,
    window_of,
)
from ingest_cli.commands.sampler import recorded
from ingest_cli.engines.chunk_size import ChunkSize
from ingest_cli.engines.factory import Staff, checking
from ingest_cli.engines.serial import SerialWriter
from ingest_cli.engines.worker import Recipe
from ingest_cli.items.builder import ItemBuilder
from ingest_cli.items.hashing import Hasher
from ingest_cli.model.keys import Pepper, ephemeral_pepper
from ingest_cli.model.settings import RunSettings, Target
from ingest_cli.pipeline import Preparation, plan
from ingest_cli.report.report import Report
from ingest_cli.runtime.stop import StopRequest

if TYPE_CHECKING:
    from ingest_cli.model.manifest import Manifest
    from ingest_cli.sinks.interface import Sink


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Environment of a dump that is read without being loaded.

    Attributes:
        target: profile and region for sources in AWS.
        watcher: callbacks for progress.
        stop: stop request.
        on_src: called with the fingerprint of the sources before the first row is read; may raise.
    """

    target: Target | None = None
    watcher: Watcher = field(default_factory=Watcher)
    stop: StopRequest = field(default_factory=StopRequest)
    on_src: Callable[[str], None] = lambda _: None


def validate(
    manifest: Manifest, settings: RunSettings, watcher: Watcher | None = None, stop: StopRequest | None = None
) -> Report:
    """Run all stages on a dump and write nothing. Needs no key, no table and no network."""
    watcher, stop = watcher or Watcher(), stop or StopRequest()
    report = Report("validate", manifest.dataset.id, manifest.dataset.title)
    with accounted(report):
        planned = announced(
            plan(manifest, Target("", insecure_http=settings.insecure_http), stop.wait), report, watcher
        )
        ends = check_sources(planned, age_key_of(settings), stop.wait)
        recipe = Recipe.of(manifest, ephemeral_pepper(), NO_SRC, keep_raw=settings.rejects_include_raw)
        with reject_file(settings) as rejects:
            journal, chunk_size = Journal(Books(report, rejects), watcher.on_commit), ChunkSize()
            stages = stages_of(
                planned, window_of(planned, settings), settings, chunk_size, counting(report, watcher), ends=ends
            )
            with (
                checking(Staff.of(settings, planned), recipe, journal, chunk_size, stop) as engine,
                recorded(report),
                engine as writer,
            ):
                run_all(planned.shards, stages, writer, journal)
        note_undecodable(report, manifest)
        check(report, manifest)
        report.outcome = "partial" if settings.is_partial else "complete"
    return report


def reproduce(  # noqa: PLR0913 - independent collaborators
    manifest: Manifest,
    pepper: Pepper,
    settings: RunSettings,
    *,
    sink: Sink,
    report: Report,
    around: Surroundings | None = None,
) -> None:
    """Write the items built from the sources of `manifest` into `sink`, chunk by chunk.

    Args:
        manifest: manifest of the dump.
        pepper: pepper to hash with.
        settings: how to read.
        sink: sink for the items.
        report: account of the items.
        around: callbacks and stop request.

    Raises:
        IngestError: a source cannot be read, or does not fit the manifest; or raised by a callback of `around`.
    """
    around = around or Surroundings()
    planned = announced(plan(manifest, around.target, around.stop.wait), report, around.watcher)
    report.src = src_of(fingerprints(planned, settings))
    around.on_src(report.src)
    ends = check_sources(planned, age_key_of(settings), around.stop.wait)
    builder = ItemBuilder(Hasher(pepper), manifest.dataset.id, report.src, keeps_seal_keys=True)
    journal, chunk_size = Journal(Books(report, RejectFile(None)), around.watcher.on_commit), ChunkSize()
    stages = stages_of(
        planned, window_of(planned, settings), settings, chunk_size, counting(report, around.watcher), ends=ends
    )
    preparation = Preparation(manifest.fields, builder, max_identifiers=manifest.rejects.max_identifiers)
    run_all(
        planned.shards, stages, SerialWriter(preparation, sink, journal.commit, chunk_size.record, around.stop), journal
    )
