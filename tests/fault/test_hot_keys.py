"""Killed while three hot keys hold the load up, a load writes little again, and comes to what it has to."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.e2e.conftest import make_table
from tests.e2e.harness import Cli, Place, small_dump
from tests.fault.campaign import HOT_LIMITS, Campaign, hot_rows, written_again_at_most
from tests.support.endpoint import Endpoint, Limits
from tests.support.endpoint.clients import connected

ROWS, CONCURRENCY, WCU_PER_S = 20_000, 8, 2_000
ITEMS = ROWS * 13 // 10


@pytest.mark.slow
@pytest.mark.timed
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_kill_among_hot_keys_is_cheap(cli: Cli, tmp_path: Path, workers: str) -> None:
    (tmp_path / "dump").mkdir()
    manifest = small_dump(tmp_path / "dump", hot_rows(ROWS))
    options = ("--concurrency", str(CONCURRENCY), "--max-wcu", str(WCU_PER_S), "--workers", workers)
    with Endpoint(limits=Limits(**HOT_LIMITS)) as endpoint, connected(endpoint.client_arguments) as admin:
        campaign = Campaign(cli, make_table(Place(endpoint), admin), manifest, options)
        campaign.until(lambda sight: sight.written >= 0.6 * ITEMS, signal.SIGKILL)
        before = len(campaign.place.items)
        result = cli(*campaign.command)
        puts = [(write.pk, write.sk) for write in campaign.place.writes if not write.pk.startswith("_")]
        throttled = [one for one in endpoint.audit.requests if one.processed < one.items]
    assert result.code == 0, result
    assert campaign.endings == [-signal.SIGKILL]
    assert throttled, "the keys were not hot"
    assert len(set(puts)) == ITEMS
    allowed = written_again_at_most(WCU_PER_S, CONCURRENCY)
    assert len(puts) - ITEMS <= allowed < 0.7 * before
