"""How much of the sources is settled, by the stages as they are: plain or packed, in one run or two."""

from __future__ import annotations

import gzip
import io
import lzma
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from ingest_cli.checkpoint.chunk_result import ChunkResult
from ingest_cli.checkpoint.journal import Journal, JournalTargets
from ingest_cli.checkpoint.rejects import RejectFile
from ingest_cli.commands.run import announced, run_all
from ingest_cli.formats import Wanted, open_format
from ingest_cli.formats.row_selection import RowRange
from ingest_cli.model.bundles import Bundle
from ingest_cli.model.chunks import Position, Remaining, Span
from ingest_cli.pipeline import Plan, RowStages
from ingest_cli.report.account import Account
from ingest_cli.report.observer import Observers, ReportUpdater, RunObserver
from ingest_cli.report.report import Report
from ingest_cli.sources.shard import Shard
from tests.support.pipelines import BytesSource, FixedSize, manifest

CHUNK_BYTES = 16 << 10
TEXT = b"EMAIL\n" + b"".join(b"kenari.%d@example.org\n" % (n * 7919 % 999_983) for n in range(60_000))


@dataclass
class Slow:
    """A writer that settles each chunk when the next one but so many comes, and notes how much was done then."""

    journal: Journal
    report: Report
    behind: int = 3
    waiting: list[Bundle] = field(default_factory=list)
    done: list[tuple[float, float]] = field(default_factory=list)

    def write(self, bundle: Bundle) -> None:
        """Take a chunk."""
        self.waiting.append(bundle)
        if len(self.waiting) > self.behind:
            self.settle()

    def settle(self) -> None:
        """Settle the oldest."""
        bundle = self.waiting.pop(0)
        nothing = np.empty(0, np.uint64)
        self.journal.commit(ChunkResult(bundle.parts, nothing, Account(), ()))
        self.done.append((bundle.rows.end.offset / len(TEXT), self.report.byte_progress.done_bytes))


def run(sources: list[BytesSource], remaining: Remaining | None = None) -> Slow:
    """Read sources of `TEXT`, or what of the first remains."""
    report, wanted = Report("load", "demo", "Demo"), manifest({"EMAIL": "email"})
    shards = tuple(Shard(number, source) for number, source in enumerate(sources))
    announced(Plan(wanted, shards, Wanted(("EMAIL",))), report, RunObserver())
    journal = Journal(JournalTargets(report, RejectFile(None)))
    stages = RowStages(
        encoding="utf-8",
        format=open_format(wanted.format, Wanted(("EMAIL",)), FixedSize(CHUNK_BYTES)),
        chunk_bytes=FixedSize(CHUNK_BYTES),
        selection=RowRange(),
        observer=Observers(ReportUpdater(report), journal),
    )
    slow = Slow(journal, report)
    run_all(shards if remaining is None else [replace(shards[0], remaining=remaining)], stages, slow, report)
    while slow.waiting:
        slow.settle()
    return slow


def tarred(data: bytes) -> bytes:
    """An archive that is packed."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        info = tarfile.TarInfo("dump.csv")
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "none": bytes,
    "gzip": gzip.compress,
    "xz": lambda data: lzma.compress(data, preset=0),
    "tar.gz": tarred,
}


@pytest.mark.parametrize("packing", PACKINGS)
def test_a_source_is_done_in_proportion(packing: str) -> None:
    data = PACKINGS[packing](TEXT)
    slow = run([BytesSource(data)])
    assert len(slow.done) > 50
    for share, done in slow.done[:-3]:  # then the source was read to its end
        assert done == pytest.approx(share * len(data), abs=0.01 * len(data)), share
    done = [done for _, done in slow.done]
    assert done == sorted(done)
    assert done[-1] == pytest.approx(len(data))


def test_plain_text_is_counted_to_the_byte_with_what_waits_left_out() -> None:
    slow = run([BytesSource(TEXT), BytesSource(TEXT, name="other.csv")])
    first, *_ = slow.done
    assert first[1] == pytest.approx(first[0] * len(TEXT))
    assert slow.report.byte_progress.done_bytes == 2 * len(TEXT)


def test_what_an_earlier_run_has_settled_is_done() -> None:
    half = TEXT.index(b"\n", len(TEXT) // 2) + 1
    rest = Remaining(((Span(Position(half, 30_000, 30_001)),),))
    slow = run([BytesSource(TEXT), BytesSource(TEXT, name="done.csv")], rest)
    assert slow.done[0][1] > 1.4 * len(TEXT)
    assert slow.report.byte_progress.done_bytes == 2 * len(TEXT)
