"""Killed at any moment and resumed by the same command, a load comes to what an undisturbed one comes to."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import pytest

from ingest_cli.engines.chunk_size import MIN_BYTES
from tests.e2e.conftest import make_table
from tests.e2e.harness import Cli, Place
from tests.fault.campaign import (
    Campaign,
    Moment,
    Outcome,
    moments,
    on_the_way,
    repeated_at_most,
    write_archive,
    write_files,
)
from tests.fault.weathers import WEATHERS, Scene, refusals
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
        archived: whether the files are in an archive.
        workers: how many, if what is written again is to be held against what may be.
    """

    dumps: tuple[Dump, ...]
    signals: Mapping[signal.Signals, int]
    name: str = "dump.csv"
    options: tuple[str, ...] = SLOWLY
    archived: bool = False
    workers: int = 0


KILL, TERM = signal.SIGKILL, signal.SIGTERM

SMALL_FILES = tuple(Dump(shape=DIRTY, rows=20, first=20 * n, dirty=0.3) for n in range(80))
"""Several of them share a chunk."""

VARIANTS = {
    "one file": Variant((Dump(shape=DIRTY, rows=3000, dirty=0.1),), {KILL: 5}, workers=1),
    "two workers": Variant(
        (Dump(shape=DIRTY, rows=4000, dirty=0.1),), {KILL: 5}, options=(*SLOWLY, "--workers", "2"), workers=2
    ),
    "gzip": Variant((Dump(shape=TELCO, rows=1200, compression="gzip"),), {KILL: 3}, "dump.csv.gz"),
    "several sources, state in a folder": Variant(
        tuple(Dump(shape=DIRTY, rows=300, first=300 * n, dirty=0.3) for n in range(3)),
        {KILL: 3},
        options=(*SLOWLY, "--state", "file:DIR"),
    ),
    "archive": Variant(
        tuple(Dump(shape=DIRTY, rows=300, first=300 * n, dirty=0.3) for n in range(3)), {KILL: 3}, archived=True
    ),
    "small files": Variant(SMALL_FILES, {KILL: 2, TERM: 2}),
    "small files, two workers": Variant(SMALL_FILES, {KILL: 3}, options=(*SLOWLY, "--workers", "2")),
    "small files in an archive": Variant(SMALL_FILES, {KILL: 3}, archived=True),
    "boto3": Variant((Dump(shape=TELCO, rows=1000, dirty=0.2),), {KILL: 3}, options=("--transport", "boto3")),
}

WEATHER_ROWS = 600
HOT_ROWS, HOT_S = 4_500, 12.0
IN_WEATHERS: dict[str, tuple[int, int]] = {
    "unprocessed": (3, 0),
    "hot keys": (3, 0),
    "somebody else": (3, 0),
    "forged rows": (3, 0),
    "forged files": (3, 4),
    "all at once": (5, 6),
}
"""Weather → how many kills, twenty in all, and which kind of forgery is the first, so that each has its turn."""


def undisturbed(cli: Cli, place: Place, manifest: Path) -> Outcome:
    campaign = Campaign(cli, place, manifest)
    outcome = campaign.finish()
    campaign.is_sound(outcome)
    assert campaign.repeated(outcome) == 0
    return outcome


def _moments(random: Random, count: int, items: int) -> list[Moment]:
    """When to break runs off: at the very beginning and end only where there are enough of them."""
    return moments(random, count, items) if count > 4 else on_the_way(random, count, items)


def repeats_little(campaign: Campaign, outcome: Outcome, kills: int, workers: int = 1) -> None:
    """Check that so many kills had no more written again than what each of them may cost."""
    items = len(outcome.items)
    (dump,) = campaign.manifest.parent.glob("*.csv")
    chunk_items = int(4 * MIN_BYTES * items / dump.stat().st_size)
    allowed = repeated_at_most(WCU_PER_S, CONCURRENCY, SLOW_SAVE_S, chunk_items, workers)
    assert allowed < items / 2  # the mean of what would be repeated if nothing was ever saved
    assert campaign.repeated(outcome) <= kills * allowed


@pytest.mark.slow
@pytest.mark.timed
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
    random = Random(name)
    numbers = [number for number, count in variant.signals.items() for _ in range(count)]
    random.shuffle(numbers)
    outcome = campaign.fight(zip(_moments(random, len(numbers), len(expected.items)), numbers, strict=True))
    outcome.agrees_with(expected)
    campaign.is_sound(outcome)
    if variant.workers:
        repeats_little(campaign, outcome, len(numbers), variant.workers)
    # A signal may come before the program has had time to listen for it.
    allowed = {-KILL, *([75, -TERM] if TERM in variant.signals else [])}
    assert set(campaign.endings[:-1]) <= allowed
    assert not (tmp_path / "state").is_dir() or not list((tmp_path / "state").iterdir())


@pytest.mark.slow
@pytest.mark.timed
@pytest.mark.parametrize("name", IN_WEATHERS)
def test_killed_in_every_weather(cli: Cli, endpoint: Endpoint, admin: Client, tmp_path: Path, name: str) -> None:
    weather, (kills, first_forgery) = WEATHERS[name], IN_WEATHERS[name]
    scene = Scene(cli, endpoint, admin, tmp_path, Dump(shape=DIRTY, rows=WEATHER_ROWS, dirty=0.1))
    manifest, expected = scene.undisturbed(weather.hot)
    random = Random(name)
    campaign = scene.campaign(weather, manifest, random, kills, first_forgery)
    chosen = _moments(random, kills, len(expected.items))
    outcome = campaign.fight((moment, random.choice(weather.signals)) for moment in chosen)
    outcome.agrees_with(expected)
    campaign.is_sound(outcome)
    assert set(campaign.endings[:-1]) <= {-KILL, 75, *([-TERM] if TERM in weather.signals else [])}
    assert [cost for cost in campaign.costs() if not cost.is_within] == []
    assert bool(refusals([campaign])) == weather.is_forged


@pytest.mark.slow
@pytest.mark.timed
def test_hot_keys_do_not_put_off_what_is_saved(cli: Cli, endpoint: Endpoint, admin: Client, tmp_path: Path) -> None:
    """A fifth of the rows wait for three keys; what is written besides may not run too far ahead of them."""
    hot = replace(WEATHERS["hot keys"], is_stormy=False, key_wcu_per_s=15)
    scene = Scene(cli, endpoint, admin, tmp_path, Dump(shape=DIRTY, rows=HOT_ROWS, dirty=0.1))
    manifest, expected = scene.undisturbed(hot.hot)
    campaign = scene.campaign(hot, manifest, Random(1), kills=1)
    campaign.until(lambda sight: sight.written >= 0.85 * len(expected.items) or sight.elapsed_s >= HOT_S)
    assert campaign.endings == [-KILL]
    endpoint.limit(campaign.place.name, None, None)  # the keys cool down
    outcome = campaign.finish()
    outcome.agrees_with(expected)
    (cost,) = campaign.costs()
    assert len(expected.items) > cost.bound + 2_000  # so that it is no more than the bound
    assert cost.is_within, cost
