"""Whatever was broken off, withdrawn, loaded in part or otherwise before: complete means that the table holds the dump.

Runs in this process, against the scripted endpoint: each sequence is a dozen runs of one dataset.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest

from ingest_cli.aws.lease import Lease, unlock
from ingest_cli.aws.table import Table
from ingest_cli.commands.load import load
from ingest_cli.commands.prune import PruneRequest, prune
from ingest_cli.commands.resume import OUTDATED
from ingest_cli.commands.table_reader import Reading
from ingest_cli.model.keys import Pepper
from ingest_cli.model.manifest import load_manifest
from ingest_cli.model.settings import RunSettings, Target
from ingest_cli.report.report import Report
from tests.e2e.harness import small_dump
from tests.support.endpoint import ACCESS_KEY, SECRET_KEY, Endpoint, faults
from tests.support.endpoint.faults import RequestView
from tests.support.endpoint.items import Item

DATASET, ROWS, PART = "demo-small", 60, 5
PEPPERS = {kid: Pepper(kid, bytes(range(place, place + 32))) for place, kid in enumerate(("k1", "k2"))}
SEEDS, STEPS = 6, 14
READING = Reading(give_up_after_s=60.0)

Items = dict[tuple[str, str], Item]


def _rows(dump: str) -> list[tuple[str, str, str, str]]:
    """Long rows, so that they are several chunks; of the second dump, some are those of the first."""
    first = 0 if dump == "a" else ROWS // 2
    return [("N" * 2_000, "", f"+6012{n:07}", f"kenari.{n}@example.org") for n in range(first, first + ROWS)]


def _by_phone_only(text: str) -> str:
    return text.replace('[[fields]]\ncolumn = "EMAIL"\nkind = "email"\n', "")


MANIFESTS: dict[str, Callable[[str], str]] = {"first": lambda text: text, "mended": _by_phone_only}


@dataclass(frozen=True)
class Run:
    """One command.

    Attributes:
        what: `load`, `prune` or `withdraw`.
        dump, manifest: of a load.
        kid: of the pepper.
        title: that its manifest gives.
        state: where it is kept.
        restart, limit: see `RunSettings`.
        batches: batches that are written before the permission to write any is withdrawn; None: all.
        requests: requests that are answered before none is any more, as if it was killed; None: all.
    """

    what: str = "load"
    dump: str = "a"
    manifest: str = "first"
    kid: str = "k1"
    title: str = "Demo of three rows"
    state: str = "table"
    restart: bool = False
    limit: int | None = None
    batches: int | None = None
    requests: int | None = None


@dataclass
class Operator:
    """Runs one command after the other, and looks at the table whenever one says that a load is complete."""

    endpoint: Endpoint
    name: str
    folder: Path
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        arguments = self.endpoint.client_arguments
        self.table = Table(Target(self.name, arguments["region_name"], endpoint_url=arguments["endpoint_url"]))
        self.table.create(None)

    @property
    def items(self) -> Items:
        return {key: item for key, item in self.endpoint.items(self.name).items() if not key[0].startswith("_")}

    def run(self, run: Run) -> Report | None:
        """Run it to its end, or to where it is broken off."""
        for limit, operation in ((run.batches, "BatchWriteItem"), (run.requests, None)):
            if limit is not None:
                predicate = _after(limit, self.name)
                self.endpoint.script.add(
                    faults.error("AccessDeniedException"), operation=operation, predicate=predicate
                )
        report = None
        if run.what == "load":
            report = self._load(run)
        else:
            request = PruneRequest(
                READING, self._settings(run), everything=run.what == "withdraw", agree=lambda _: True
            )
            found = prune(self.table, PEPPERS[run.kid], DATASET, request)
            self.said.append(f"{run.what} {found.outcome}")
        self.endpoint.script.clear()
        unlock(self.table, DATASET)  # of one that was killed
        return report

    def _settings(self, run: Run) -> RunSettings:
        state = None if run.state == "table" else self.folder / run.state
        return RunSettings(
            transport="boto3", workers=1, concurrency=2, state_folder=state, restart=run.restart, limit=run.limit
        )

    def _load(self, run: Run) -> Report:
        manifest = load_manifest(self._dump(run))
        report = load(manifest, self.table, PEPPERS[run.kid], self._settings(run))
        self.said.append(f"load {report.outcome}")
        if report.outcome in {"complete", "unchanged"}:
            there = {key: item for key, item in self.items.items() if item["src"]["S"] == report.src}
            wanted = self.wanted(run)
            assert not set(wanted) - set(there), f"{len(set(wanted) - set(there))} items are missing"
            assert {key: there[key] for key in wanted} == wanted
            if len(there) > len(wanted):
                assert report.outcome == "unchanged" or is_mixed(report)
        return report

    def _dump(self, run: Run) -> Path:
        folder = self.folder / f"{run.dump}-{run.manifest}"
        if not folder.exists():
            folder.mkdir()
        small_dump(folder, _rows(run.dump), MANIFESTS[run.manifest], title=run.title)
        return folder / f"{DATASET}.toml"

    def wanted(self, run: Run) -> Items:
        """What the table is to hold."""
        return _loaded_alone(self.endpoint, self._dump(run), (run.dump, run.manifest, run.kid))


_ALONE: dict[Any, Items] = {}
_names = itertools.count()


def _loaded_alone(endpoint: Endpoint, manifest: Path, what: tuple[str, str, str]) -> Items:
    """What a dump gives in a table of its own."""
    if what not in _ALONE:
        operator = Operator(endpoint, f"alone-{next(_names)}", manifest.parent)
        pepper = PEPPERS[what[-1]]
        assert load(load_manifest(manifest), operator.table, pepper, RunSettings(workers=1)).outcome == "complete"
        _ALONE[what] = operator.items
    return _ALONE[what]


def is_mixed(report: Report | None) -> bool:
    """Whether a load says that there are items which it cannot tell from its own."""
    assert report is not None
    return any("cannot be distinguished" in note for note in report.notes)


def _after(limit: int, table: str) -> Callable[[RequestView], bool]:
    """Whether so many requests about a table went before."""
    seen = itertools.count(1)

    def is_late(request: RequestView) -> bool:
        return any(name == table for name, _ in request.elements) and next(seen) > limit

    return is_late


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    with Endpoint() as running:
        yield running


@pytest.fixture
def operator(endpoint: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Operator]:
    """Has an empty table."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    yield Operator(endpoint, f"table-{next(_names)}", tmp_path)
    endpoint.script.clear()


BROKEN = Run(state="one", batches=2)
AGAIN = Run(state="one")

SEQUENCES: dict[str, tuple[Run, ...]] = {
    "withdrawn, and some rows since": (BROKEN, Run("withdraw"), Run(limit=PART), AGAIN),
    "withdrawn, and broken off since": (BROKEN, Run("withdraw"), Run(batches=1), AGAIN),
    "withdrawn, and broken off with other state": (BROKEN, Run("withdraw"), Run(state="two", batches=1), AGAIN),
    "another dump in between": (BROKEN, Run(dump="b", batches=3), AGAIN),
    "some rows of another dump in between": (BROKEN, Run(dump="b", limit=ROWS // 2), AGAIN),
    "the state is in the table, another dump's in a file": (
        Run(batches=2),
        Run(dump="b", state="one", restart=True, batches=3),
        Run(),
    ),
    "completed elsewhere, pruned, and some rows since": (
        BROKEN,
        Run(dump="b"),
        Run("prune"),
        Run(limit=PART),
        AGAIN,
    ),
    "completed elsewhere, withdrawn half-way, some rows": (
        BROKEN,
        Run(),
        Run("withdraw", requests=12),
        Run(limit=PART),
        AGAIN,
    ),
}


@pytest.mark.parametrize("name", SEQUENCES)
def test_a_state_that_is_not_that_of_the_load_under_way_is_left_aside(operator: Operator, name: str) -> None:
    *before, last = SEQUENCES[name]
    for run in before:
        operator.run(run)
    report = operator.run(last)
    assert report is not None
    assert (report.outcome, report.rows_before) == ("complete", 0)
    is_complete = name.endswith(
        "pruned, and some rows since"
    )  # some rows leave it so, and of such a one no state is expected
    assert report.notes == ([] if is_complete else [OUTDATED])


@pytest.mark.parametrize("state", ["table", "one"])
def test_some_rows_of_the_same_load_do_it_no_harm(operator: Operator, state: str) -> None:
    operator.run(Run(state=state, batches=3))
    operator.run(Run(limit=PART))
    report = operator.run(Run(state=state))
    assert report is not None
    assert (report.outcome, report.notes) == ("complete", [])
    assert report.rows_before > 0


@pytest.mark.parametrize("requests", range(4, 14))
def test_killed_at_any_moment_of_its_beginning(operator: Operator, requests: int) -> None:
    """Between the lock, the catalog and the state, in whichever order: none of them makes an old state a true one."""
    for run in (BROKEN, Run("withdraw"), Run(state="two", requests=requests), AGAIN):
        operator.run(run)
    assert operator.said[-1] == "load complete"


@pytest.mark.parametrize("run", [AGAIN, Run(title="Another title")], ids=["broken off", "complete, of another title"])
def test_what_counts_is_what_the_table_says_under_the_lock(
    operator: Operator, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    """The dataset is withdrawn after the load looked at the table, and before it has the lock."""
    operator.run(BROKEN if run == AGAIN else Run())
    acquire = Lease.acquire

    def late(lease: Lease) -> None:
        monkeypatch.setattr(Lease, "acquire", acquire)
        operator.run(Run("withdraw"))
        acquire(lease)

    monkeypatch.setattr(Lease, "acquire", late)
    report = operator.run(run)
    assert report is not None
    assert (report.outcome, report.rows_before, len(operator.items)) == ("complete", 0, 2 * ROWS)


MENDED = Run(manifest="mended")

MIXTURES: dict[str, tuple[tuple[Run, ...], bool]] = {
    "a mended manifest": ((Run(), MENDED), True),
    "a mended manifest, begun anew": ((BROKEN, Run(manifest="mended", state="one", restart=True)), True),
    "a trial with the older one": ((Run(limit=PART), MENDED), True),
    "another key": ((Run(), Run(kid="k2")), True),
    "the same files came back": ((Run(), Run(dump="b"), MENDED), True),
    "they were pruned before they came back": ((Run(), Run(dump="b"), Run("prune"), MENDED), False),
    "the dump has changed as well": ((Run(), Run(dump="b", manifest="mended")), False),
    "withdrawn in between": ((Run(), Run("withdraw"), MENDED), False),
    "the same once more": ((Run(), Run(restart=True)), False),
    "another title": ((Run(), Run(title="Another", restart=True)), False),
}


@pytest.mark.parametrize("name", MIXTURES)
def test_items_that_cannot_be_told_apart_are_told_of(operator: Operator, name: str) -> None:
    runs, mixed = MIXTURES[name]
    reports = [operator.run(run) for run in runs]
    assert is_mixed(reports[-1]) is mixed
    assert not is_mixed(reports[0])


def _drawn(chance: Random) -> Run:
    """Any command, broken off more often than not."""
    what = chance.choices(["load", "prune", "withdraw"], [8, 1, 2])[0]
    ends = chance.choice(["whole", "batches", "batches", "killed"])
    partial = what == "load" and chance.random() < 0.2
    return Run(
        what,
        dump=chance.choice("aaab"),
        manifest=chance.choice(["first"] * 7 + ["mended"]),
        state=chance.choice(["table", "one"]),
        restart=chance.random() < 0.15,
        limit=PART if partial else None,
        batches=chance.randint(1, 4) if ends == "batches" else None,
        requests=chance.randint(3, 20) if ends == "killed" else None,
    )


@pytest.mark.parametrize("seed", range(SEEDS))
def test_complete_is_true_after_anything(operator: Operator, seed: int) -> None:
    chance = Random(seed)
    for _ in range(STEPS):
        operator.run(_drawn(chance))
    for run in (AGAIN, Run("withdraw"), AGAIN):
        operator.run(run)
    assert operator.said[-2:] == ["withdraw complete", "load complete"]
    assert len(operator.items) == 2 * ROWS
