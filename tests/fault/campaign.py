"""A load that is broken off again and again, and begun again by the same command until it is done.

What it must come to is what one load that nobody disturbed comes to: the same table, the same rejects, the
same account. The endpoint's audit tells what was really written, and how often.
"""

from __future__ import annotations

import signal
import tarfile
import time
import urllib.request
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from ingest_cli.commands.watchers import SAVE_EVERY_S
from ingest_cli.engines.chunk_size import AIM_S
from ingest_cli.items.batching import MAX_BATCH_ITEMS
from ingest_cli.model.settings import DEFAULT_CONCURRENCY
from tests.e2e.harness import Cli, Place, Result
from tests.fault.rewrites import Cost, Run, costs
from tests.support.dumps import Dump, manifest_of, write_dump
from tests.support.endpoint import Rule, faults
from tests.support.waiting import until

if TYPE_CHECKING:
    from tests.support.endpoint import Endpoint
    from tests.support.endpoint.items import Item

DATASET = "demo-fault"
POLL_S, CLOSING_S = 0.002, 0.3


def storm() -> list[Rule]:
    """All that can befall a request short of a refusal: a third of the batches, before and after they are applied."""
    batches: dict[str, Any] = {"operation": "BatchWriteItem"}
    return [
        Rule(faults.server_error(), probability=0.06, **batches),
        Rule(faults.server_error(after=True), probability=0.06, **batches),
        Rule(faults.unavailable(), probability=0.03),
        Rule(faults.reset(), probability=0.03, **batches),
        Rule(faults.reset(after=True), probability=0.03, **batches),
        Rule(faults.truncate(), probability=0.03, **batches),
        Rule(faults.cut_json(), probability=0.03, **batches),
        Rule(faults.wrong_crc(), probability=0.03, **batches),
        Rule(faults.html(), probability=0.02, **batches),
        Rule(faults.empty_object(), probability=0.03, **batches),
        Rule(faults.close_after(), probability=0.03),
        Rule(faults.partial(), probability=0.10, **batches),
        Rule(faults.throttle("TableWriteProvisionedThroughputExceeded"), probability=0.02, **batches),
        Rule(faults.error("ThrottlingException"), operation="PutItem", probability=0.05),
    ]


@dataclass(frozen=True)
class Sight:
    """What can be seen of a run that is under way.

    Attributes:
        elapsed_s: since it was started.
        sent: writes of its that the table has taken, those of reserved rows among them.
        written: different items in the table, by whichever run.
    """

    elapsed_s: float
    sent: int
    written: int


Moment = Callable[[Sight], bool]
"""Whether it is time to break the run off."""


def write_files(folder: Path, *dumps: Dump, name: str = "dump.csv", dataset: str = DATASET) -> Path:
    """Write one dataset of one or several files into `folder`, which is made; returns its manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"{number}-{name}" for number, _ in enumerate(dumps)]
    for one, dump in zip(names, dumps, strict=True):
        write_dump(dump, folder / one)
    manifest = folder / "dump.toml"
    manifest.write_text(manifest_of(dumps[0], dataset, names, max_ratio=0.95))
    return manifest


def write_archive(folder: Path, *dumps: Dump) -> Path:
    """Write one dataset as a ZIP archive, with a TAR archive of all but the first file in it; returns its manifest."""
    manifest = write_files(folder, *dumps)
    first, *others = sorted(folder.glob("*.csv"))
    with tarfile.open(folder / "others.tar", "w") as tar:
        for one in others:
            tar.add(one, one.name)
    with zipfile.ZipFile(folder / "dump.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(first, first.name)
        archive.write(folder / "others.tar", "others.tar")
    for one in (first, *others, folder / "others.tar"):
        one.unlink()
    manifest.write_text(manifest_of(dumps[0], DATASET, ["dump.zip"], max_ratio=0.95))
    return manifest


_ACCOUNT = (
    "outcome",
    "rows",
    "rejected_by_reason",
    "skipped_by_reason",
    "rejected_identifiers",
    "flags",
    "refused_by_reason",
    "balances",
)


@dataclass(frozen=True)
class Outcome:
    """What a load came to.

    Attributes:
        items: the table but for its reserved rows.
        rejects: lines of the reject file, in no order.
        report: of the run that finished it; of one that found nothing to do, if that was killed after its last write.
        counts: of rows and items, as the table has them.
    """

    items: dict[tuple[str, str], Item]
    rejects: tuple[str, ...]
    report: dict[str, Any]
    counts: dict[str, int]

    def account(self) -> dict[str, Any]:
        """What does not depend on where the dump was cut into chunks.

        Items that repeat each other within a chunk are merged, so that a row twice in the dump counts as two
        acknowledged items or as one acknowledged and one merged.
        """
        report, items = self.report, self.report["items"]
        account = {name: report[name] for name in _ACCOUNT}
        account["built"], account["refused"] = items["built"], items["refused"]
        account["acknowledged or merged"] = items["acknowledged"] + items["merged"]
        if not items["merged"]:
            account |= {"kinds": report["items_by_kind"], "bytes": items["bytes"], "wcu": report["wcu"]["predicted"]}
        return account

    def rows(self) -> dict[str, int]:
        """Rows read, kept, rejected and skipped."""
        return {name: count for name, count in self.counts.items() if name.startswith("rows_")}

    def agrees_with(self, other: Outcome) -> None:
        """Check that both came to the same."""
        assert self.items == other.items
        assert self.rejects == other.rejects
        assert self.rows() == other.rows()
        if self.report["outcome"] != "unchanged":
            assert self.account() == other.account()


@dataclass
class Campaign:
    """One load, broken off as often as wanted.

    Attributes:
        cli: the command.
        place: the table.
        manifest: of what is loaded.
        options: of the command, beside the table, the key and the reject file.
        endings: exit codes of all runs so far, negative for a signal.
        concurrency: requests that a run has in flight at the most.
        between: called after each run that was broken off.
        restarts: whether the next run is told to leave the saved state aside.
        runs: all runs so far.
    """

    cli: Cli
    place: Place
    manifest: Path
    options: Sequence[str | Path] = ()
    endings: list[int] = field(default_factory=list)
    concurrency: int = DEFAULT_CONCURRENCY
    between: Callable[[Campaign], None] | None = None
    restarts: Callable[[], bool] = lambda: False
    runs: list[Run] = field(default_factory=list)
    _keys: set[tuple[str, str]] = field(default_factory=set)
    _seen: int = 0
    _sent: int = 0

    @property
    def rejects(self) -> Path:
        """Where the rejects go."""
        return self.manifest.parent / f"{self.place.name}.rejects"

    @property
    def command(self) -> list[str | Path]:
        """The command, which is always the same."""
        return ["load", self.manifest, *self.place.to, "--rejects", self.rejects, "--output", "json", *self.options]

    def until(self, moment: Moment, number: signal.Signals = signal.SIGKILL) -> Result:
        """Run the command, and signal it at the moment; if it ends before, so be it."""
        self._written()
        before, began = self._sent, time.monotonic()
        first, options = self._seen, self._options_now()
        endpoint = self.place.endpoint
        connections = endpoint.connections
        with self.cli.started(*self.command, *options) as process:
            while process.poll() is None:
                written = self._written()
                if moment(Sight(time.monotonic() - began, self._sent - before, written)):
                    process.send_signal(number)
                    break
                time.sleep(POLL_S)
            ended_s = endpoint.clock()
            result = self.cli.finish(process)
        _drain(endpoint, connections)
        self._ended(Run(first, ended_s, bool(options)), result)
        return result

    def _options_now(self) -> list[str]:
        """What the next run is told beside what all are."""
        return ["--restart"] if self.restarts() else []

    def _ended(self, run: Run, result: Result) -> None:
        self.runs.append(run)
        self.endings.append(result.code)

    def _written(self) -> int:
        """Different items in the table."""
        writes = self.place.endpoint.audit.writes
        seen = writes[self._seen : len(writes)]
        self._seen += len(seen)
        fresh = [one for one in seen if one.table == self.place.name]
        self._sent += len(fresh)
        self._keys.update((one.pk, one.sk) for one in fresh if not one.pk.startswith("_"))
        return len(self._keys)

    def fight(self, chosen: Iterable[tuple[Moment, signal.Signals]]) -> Outcome:
        """Break runs off one after the other, and let the last one finish.

        The end of a run is drawn out a little, so that a signal that is due then finds it alive.
        """
        self.place.endpoint.script.add(faults.delay(CLOSING_S), operation="DeleteItem", table=self.place.name)
        for moment, number in chosen:
            result = self.until(moment, number)
            if result.code == 0:
                return self.outcome(result)
            if self.between is not None:
                self.between(self)
        return self.finish()

    def finish(self) -> Outcome:
        """Run the command until it is done, which it is at once unless something else goes wrong."""
        for _ in range(10):
            first = len(self.place.endpoint.audit.writes)
            options = self._options_now()
            result = self.cli(*self.command, *options)
            self._ended(Run(first, self.place.endpoint.clock(), bool(options)), result)
            if result.code != 75:
                break
        assert result.code == 0, result
        return self.outcome(result)

    def outcome(self, result: Result) -> Outcome:
        """What it came to, given what the last run said."""
        counts = self.place.reserved(f"_dataset#{DATASET}")["counts"]["M"]
        rejects = tuple(sorted(self.rejects.read_text().splitlines()))
        return Outcome(self.place.items, rejects, result.report, {name: int(one["N"]) for name, one in counts.items()})

    def is_sound(self, outcome: Outcome) -> None:
        """Check what the table and the audit say about the load itself."""
        lines = [one for one in outcome.rejects if '"stage": "write"' not in one]
        assert len(set(lines)) == len(lines)
        rows = {tuple(one.split(", ")[:3]) for one in lines}
        assert len(rows) == outcome.counts["rows_rejected"]
        acknowledged = self.place.endpoint.audit.acknowledged_keys(self.place.name)
        assert {key for key in acknowledged if not key[0].startswith("_")} <= self.place.items.keys()
        if outcome.report["outcome"] != "unchanged":  # else the run before was killed while it put things away
            assert not {f"_run#{DATASET}", f"_lock#{DATASET}"} & {pk for pk, _ in self.place.everything}
        assert self.place.reserved(f"_dataset#{DATASET}")["state"] == {"S": "complete"}

    def repeated(self, outcome: Outcome) -> int:
        """Items that were written again."""
        puts = sum(not write.pk.startswith("_") for write in self.place.writes)
        return puts - outcome.counts["items"]

    def costs(self) -> list[Cost]:
        """What each run that was broken off had written in vain."""
        return costs(self.place.writes, self.runs, self.concurrency)[:-1]


def _drain(endpoint: Endpoint, connections: int) -> None:
    """Wait until all is dealt with that a process had sent; before it was started, so many connections were open."""
    with urllib.request.urlopen(f"{endpoint.url}/__state__?items=0") as answer:  # noqa: S310 - the endpoint's own
        answer.read()  # connections are accepted in turn, so that by now all of the process have been
    until(lambda: endpoint.connections <= connections)


def moments(random: Random, count: int, items: int) -> list[Moment]:
    """When to break runs off: twice in start-up, twice at the very end, else on the way."""
    starting = [_after(random.uniform(0.05, 0.3)), _after(random.uniform(0.3, 0.9))]
    return [*starting, *on_the_way(random, count - 4, items), _at(items - 24), _at(items)]


def on_the_way(random: Random, count: int, items: int) -> list[Moment]:
    """When to break runs off that write: by time and by progress in turn.

    Those by progress are spread over the whole load, so that all of them come however fast it is.
    """
    chosen = []
    for number in range(count):
        share = 0.9 * (number + random.random()) / count
        chosen.append(_at(share * items) if number % 2 else _into(random.randint(1, 200), random.uniform(0, 0.7)))
    return chosen


def _after(seconds: float) -> Moment:
    return lambda sight: sight.elapsed_s >= seconds


def _at(written: float) -> Moment:
    return lambda sight: sight.sent > 0 and sight.written >= written


def _into(sent: int, seconds: float) -> Moment:
    """So long after the so manyth item that the run itself wrote."""
    began: list[float] = []

    def moment(sight: Sight) -> bool:
        if sight.sent >= sent and not began:
            began.append(sight.elapsed_s)
        return bool(began) and sight.elapsed_s >= began[0] + seconds

    return moment


def repeated_at_most(items_per_s: float, concurrency: int, save_s: float, chunk_items: int, workers: int = 1) -> float:
    """Items that a killed run may have written and not saved: the formula of `Checkpoint`."""
    chunk = max(items_per_s * AIM_S, chunk_items)
    return items_per_s * (SAVE_EVERY_S + 2 * save_s) + 25 * concurrency + workers * chunk


AHEAD_ITEMS, RECENT_S = 5_000, 2.0


def written_again_at_most(items_per_s: float, concurrency: int) -> float:
    """Items that a killed run may have written and not saved, whatever the weather: the bound of `Checkpoint`."""
    return 2 * MAX_BATCH_ITEMS * concurrency + AHEAD_ITEMS + RECENT_S * items_per_s


HOT_KEYS = ("0129987341", "0129987342", "0129987343")
HOT_LIMITS: dict[str, Any] = {"partitions": 64, "partition_wcu_per_s": 1e6, "key_wcu_per_s": 150, "burst_s": 1.0}
"""What an endpoint enforces in the weather of three hot keys."""


def hot_rows(count: int) -> list[tuple[str, str, str, str]]:
    """Rows for `harness.small_dump`: three in ten have one of three phone numbers."""
    return [("N", "", HOT_KEYS[n % 3] if n % 10 < 3 else "", f"kenari.{n}@example.org") for n in range(count)]
