"""The weathers that a load is killed in: what the dump is like, what the table does, and who breaks runs off.

Each is plain data, and any of it goes together with any other.
"""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tests.e2e.conftest import make_table
from tests.e2e.harness import Cli, Place
from tests.fault.campaign import Campaign, Outcome, storm, write_files
from tests.fault.forgery import FileShelf, Forger, RowShelf, Shelf
from tests.support.dumps import Dump
from tests.support.endpoint import Limits, Rule, faults
from tests.support.shapes import SHAPES

if TYPE_CHECKING:
    from random import Random

    from tests.support.endpoint import Endpoint
    from tests.support.endpoint.clients import Client

KILL, TERM = signal.SIGKILL, signal.SIGTERM
CONCURRENCY = 16
UNLIMITED_WCU_PER_S = 1_500
"""`--max-wcu` where the table has no limit of its own: slow enough that no run comes to its end between two kills."""


@dataclass(frozen=True)
class Weather:
    """What a campaign goes through.

    Attributes:
        signals: drawn from for each run that is broken off.
        workers: of the command.
        is_stormy: whether a third of the requests fail besides.
        unprocessed: share of the items of each batch that are left unprocessed.
        hot: share of the rows that have one of three mailboxes.
        wcu_per_s: that the table is provisioned with; None: on-demand, and nothing is throttled.
        key_wcu_per_s: that each key takes; None: as much as the table.
        others_wcu_per_s: what somebody else takes: (seconds, WCU/s) of each stretch, over and over.
        state: where it is kept.
        is_forged: whether it is damaged or forged between the runs.
    """

    signals: tuple[signal.Signals, ...] = (KILL,)
    workers: int = 1
    is_stormy: bool = False
    unprocessed: float = 0.0
    hot: float = 0.0
    wcu_per_s: int | None = None
    key_wcu_per_s: float | None = None
    others_wcu_per_s: tuple[tuple[float, float], ...] = ()
    state: Literal["table", "file"] = "table"
    is_forged: bool = False

    @property
    def limits(self) -> Limits | None:
        """What the endpoint enforces: partitions are never the narrowest place."""
        if self.wcu_per_s is None:
            return None
        return Limits(
            partitions=64,
            partition_wcu_per_s=10_000,
            key_wcu_per_s=self.key_wcu_per_s,
            others_wcu_per_s=self.others_wcu_per_s,
        )

    def rules(self) -> list[Rule]:
        """What befalls requests."""
        left = Rule(faults.partial(share=self.unprocessed), operation="BatchWriteItem")
        return [*(storm() if self.is_stormy else []), *([left] if self.unprocessed else [])]

    def options(self, state: Path) -> list[str | Path]:
        """Of the command; `state` is a folder for it."""
        ceiling = ["--max-wcu", str(UNLIMITED_WCU_PER_S)] if self.wcu_per_s is None else []
        kept = ["--state", f"file:{state}"] if self.state == "file" else []
        return [*ceiling, "--workers", str(self.workers), "--concurrency", str(CONCURRENCY), *kept]


HOT = Weather(is_stormy=True, hot=0.2, wcu_per_s=1_000, key_wcu_per_s=25)
OTHERS = Weather(is_stormy=True, wcu_per_s=1_500, others_wcu_per_s=((2, 0), (3, 750), (1, 2_000), (2, 300)))

WEATHERS: Mapping[str, Weather] = {
    "calm": Weather(),
    "storm": Weather(is_stormy=True),
    "SIGTERM": Weather(signals=(KILL, TERM)),
    "workers": Weather(workers=2),
    "storm, SIGTERM, workers": Weather(signals=(KILL, TERM), is_stormy=True, workers=2),
    "unprocessed": Weather(is_stormy=True, unprocessed=0.1),
    "hot keys": HOT,
    "somebody else": OTHERS,
    "forged rows": Weather(is_stormy=True, is_forged=True),
    "forged files": Weather(is_stormy=True, state="file", is_forged=True),
    "all at once": replace(
        HOT, signals=(KILL, TERM), workers=2, unprocessed=0.1, others_wcu_per_s=((4, 0), (2, 600)), is_forged=True
    ),
}
"""By name. All that are newer than the first five are under the storm as well."""


@dataclass(frozen=True)
class Scene:
    """Where campaigns take place, and the dump that all of them load.

    Attributes:
        cli: the command.
        endpoint: that it writes to.
        admin: makes the tables.
        folder: for dumps and states; made by whoever makes this.
        dump: of those weathers that have no hot keys; others change that about it.
    """

    cli: Cli
    endpoint: Endpoint
    admin: Client
    folder: Path
    dump: Dump

    def undisturbed(self, hot: float) -> tuple[Path, Outcome]:
        """Load the dump into a table of its own while nothing goes wrong; returns its manifest too."""
        manifest = write_files(self.folder / f"dump-{hot}", replace(self.dump, hot=hot))
        campaign = Campaign(self.cli, self.table(), manifest)
        outcome = campaign.finish()
        campaign.is_sound(outcome)
        assert campaign.endings == [0]
        self.endpoint.audit.clear()
        return manifest, outcome

    def table(self) -> Place:
        """A new and empty table."""
        return make_table(Place(self.endpoint), self.admin)

    def campaign(
        self, weather: Weather, manifest: Path, random: Random, kills: int, first_forgery: int = 0
    ) -> Campaign:
        """A load in a weather, with somebody who forges its state if need be.

        The true state is lost a third of the way. Forgeries begin with the so manyth kind.
        """
        place, state = self.table(), self.folder / f"state-{self.endpoint.clock()}"
        campaign = Campaign(self.cli, place, manifest, weather.options(state), concurrency=CONCURRENCY)
        if weather.is_forged:
            shelf: Shelf = FileShelf(state) if weather.state == "file" else RowShelf(place)
            campaign.between = Forger(
                random, shelf, self._state_of_others(weather, state), first=first_forgery, loses_at=kills // 3
            )
        if weather.limits is not None:
            self.endpoint.limit(place.name, weather.limits, weather.wcu_per_s)
        self.endpoint.script.rules.extend(weather.rules())
        return campaign

    def _state_of_others(self, weather: Weather, state: Path) -> object:
        """The saved state of another dataset that was broken off, with the same pepper."""
        place, name = self.table(), "demo-other"
        folder = state.with_name(f"{state.name}-other")
        manifest = write_files(folder, Dump(shape=SHAPES["telco"], rows=400), dataset=name)
        shelf: Shelf = FileShelf(folder / "state") if weather.state == "file" else RowShelf(place, f"_run#{name}")
        campaign = Campaign(self.cli, place, manifest, ("--max-wcu", "500", *weather.options(folder / "state")[2:]))
        campaign.until(lambda sight: sight.written > 100)
        found = shelf.read()
        assert found is not None, "the other dataset was loaded before it could be broken off"
        return found


def refusals(campaigns: Sequence[Campaign]) -> dict[str, int]:
    """Kind of forgery → how often it was refused."""
    total: dict[str, int] = {}
    for campaign in campaigns:
        if isinstance(campaign.between, Forger):
            for kind, count in campaign.between.refused.items():
                total[kind] = total.get(kind, 0) + count
    return total
