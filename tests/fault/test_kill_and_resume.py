"""Killed at any moment and resumed by the same command, a load comes to what an undisturbed one comes to."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from ingest_cli.policies.chunking import MIN_BYTES
from tests.e2e.conftest import make_table
from tests.e2e.harness import Cli, Place
from tests.fault.campaign import Campaign, Outcome, moments, repeated_at_most, storm, write_archive, write_files
from tests.support.dumps import Dump
from tests.support.endpoint import Endpoint
from tests.support.endpoint.clients import Client
from tests.support.shapes import SHAPES

DIRTY, TELCO = SHAPES["dirty"], SHAPES["telco"]

WCU_PER_S, CONCURRENCY = 2_000, 4
SLOW_SAVE_S = 0.25
"""What a save may take on a machine that does much else; by itself it takes some milliseconds."""

SLOWLY = ("--max-wcu", str(WCU_PER_S), "--concurrency", str(CONCURRENCY))


@dataclass(frozen=True)
class Variant:
    """A way of being broken off.

    Attributes:
        dumps: the files of the dataset.
        signals: how often, and by which signal.
        name: of the files.
        options: of the command; "DIR" stands for a folder of its own.
        stormy: whether requests fail besides.
        archived: whether the files are in an archive.
        workers: how many, if what is written again is to be held against what may be.
    """

    dumps: tuple[Dump, ...]
    signals: Mapping[signal.Signals, int]
    name: str = "dump.csv"
    options: tuple[str, ...] = SLOWLY
    stormy: bool = False
    archived: bool = False
    workers: int = 0


KILL, TERM = signal.SIGKILL, signal.SIGTERM

SMALL_FILES = tuple(Dump(shape=DIRTY, rows=20, first=20 * n, dirty=0.3) for n in range(80))
"""Several of them share a chunk."""

VARIANTS = {
    "gzip": Variant((Dump(shape=TELCO, rows=2000, compression="gzip"),), {KILL: 6}, "dump.csv.gz"),
    "several sources, state in a folder": Variant(
        tuple(Dump(shape=DIRTY, rows=400, first=400 * n, dirty=0.3) for n in range(3)),
        {KILL: 6},
        options=(*SLOWLY, "--state", "file:DIR"),
    ),
    "archive": Variant(
        tuple(Dump(shape=DIRTY, rows=400, first=400 * n, dirty=0.3) for n in range(3)), {KILL: 6}, archived=True
    ),
    "SIGTERM in turn": Variant((Dump(shape=DIRTY, rows=1200, dirty=0.1),), {KILL: 4, TERM: 4}),
    "two workers": Variant(
        (Dump(shape=DIRTY, rows=4000, dirty=0.1),), {KILL: 5}, options=(*SLOWLY, "--workers", "2"), workers=2
    ),
    "a storm": Variant((Dump(shape=DIRTY, rows=1200, dirty=0.2),), {KILL: 6}, options=(), stormy=True),
    "small files": Variant(SMALL_FILES, {KILL: 4, TERM: 2}),
    "small files, two workers": Variant(SMALL_FILES, {KILL: 5}, options=(*SLOWLY, "--workers", "2")),
    "small files in an archive": Variant(SMALL_FILES, {KILL: 4}, archived=True),
    "all at once": Variant((Dump(shape=TELCO, rows=1500, dirty=0.2),), {KILL: 6}, options=("--transport", "boto3")),
}


def undisturbed(cli: Cli, place: Place, manifest: Path) -> Outcome:
    campaign = Campaign(cli, place, manifest)
    outcome = campaign.finish()
    campaign.is_sound(outcome)
    assert campaign.repeated(outcome) == 0
    return outcome


def repeats_little(campaign: Campaign, outcome: Outcome, kills: int, workers: int = 1) -> None:
    """Check that so many kills had no more written again than what each of them may cost."""
    items = len(outcome.items)
    (dump,) = campaign.manifest.parent.glob("*.csv")
    chunk_items = int(4 * MIN_BYTES * items / dump.stat().st_size)
    allowed = repeated_at_most(WCU_PER_S, CONCURRENCY, SLOW_SAVE_S, chunk_items, workers)
    assert allowed < items / 2  # the mean of what would be repeated if nothing was ever saved
    assert campaign.repeated(outcome) <= kills * allowed


@pytest.mark.slow
def test_twenty_kills(cli: Cli, endpoint: Endpoint, admin: Client, tmp_path: Path) -> None:
    manifest = write_files(tmp_path / "dump", Dump(shape=DIRTY, rows=3000, dirty=0.1))
    expected = undisturbed(cli, make_table(Place(endpoint), admin), manifest)
    campaign = Campaign(cli, make_table(Place(endpoint), admin), manifest, SLOWLY)
    outcome = campaign.fight((moment, KILL) for moment in moments(Random(20), 20, len(expected.items)))
    outcome.agrees_with(expected)
    campaign.is_sound(outcome)
    assert campaign.endings == [-KILL] * 20 + [0]
    assert outcome.report["rows_before"] > 0 or outcome.report["outcome"] == "unchanged"
    repeats_little(campaign, outcome, kills=18)


@pytest.mark.slow
@pytest.mark.parametrize("name", VARIANTS)
def test_broken_off(cli: Cli, endpoint: Endpoint, admin: Client, tmp_path: Path, name: str) -> None:
    variant = VARIANTS[name]
    if variant.archived:
        manifest = write_archive(tmp_path / "dump", *variant.dumps)
    else:
        manifest = write_files(tmp_path / "dump", *variant.dumps, name=variant.name)
    expected = undisturbed(cli, make_table(Place(endpoint), admin), manifest)
    assert (len(expected.rejects) > 0) == (name != "gzip")
    options = [option.replace("DIR", str(tmp_path / "state")) for option in variant.options]
    campaign = Campaign(cli, make_table(Place(endpoint), admin), manifest, options)
    if variant.stormy:
        endpoint.script.rules.extend(storm())
    random = Random(name)
    numbers = [number for number, count in variant.signals.items() for _ in range(count)]
    random.shuffle(numbers)
    outcome = campaign.fight(zip(moments(random, len(numbers), len(expected.items)), numbers, strict=True))
    outcome.agrees_with(expected)
    campaign.is_sound(outcome)
    if variant.workers:
        repeats_little(campaign, outcome, len(numbers), variant.workers)
    # A signal may come before the program has had time to listen for it.
    allowed = {-KILL, *([75] if variant.stormy else []), *([75, -TERM] if TERM in variant.signals else [])}
    assert set(campaign.endings[:-1]) <= allowed
    assert not (tmp_path / "state").is_dir() or not list((tmp_path / "state").iterdir())
