"""A rate is kept, and used, from second to second: minutes of loads, in virtual time.

What each load has to come to is also held against programs that are broken on purpose: a check that has never been
seen to fail says little.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from ingest_cli.model.ceiling import Ceiling
from ingest_cli.sinks.policies.hot_keys.detection import HotKeys
from ingest_cli.sinks.policies.pacing import Pacer
from tests.support.endpoint import Limits
from tests.support.virtual_load import Case, load

WIDE = Limits(partitions=64, partition_wcu_per_s=10_000)
HOT_WCU_PER_S = 50
HOT = Case(None, 700, limits=replace(WIDE, key_wcu_per_s=HOT_WCU_PER_S), hot=3, rows=4_000)
"""Its ordinary items are no more than writing may run ahead."""
NOISY = Case(120.0, 4000, max_wcu="700", limits=WIDE, rows=86_000)
CHANGES = ((0, 500), (20, 100), (40, 1000))
CHANGING = Case(60, changes=CHANGES[1:], limits=WIDE, rows=36_000)


def all_is_used(case: Case) -> None:
    seen = load(case)
    mean, throttled = seen.mean(0, 60), seen.throttled
    assert mean >= 0.95 * 500
    assert throttled <= 0.02


def a_ceiling_of_400_is_kept_and_used(case: Case) -> None:
    seen = load(case)
    mean, highest, throttled = seen.mean(0, 60), seen.highest(), seen.throttled
    assert 380 <= mean <= 400 + 25 / 60, "a request of 25 more or less makes a minute"
    assert highest <= 440
    assert throttled == 0


def a_ceiling_of_20_is_kept_and_used(case: Case) -> None:
    seen = load(case)
    mean, highest = seen.mean(0, 60), seen.highest()
    assert 19 <= mean <= 20 + 5 / 60, "a request of five more or less makes a minute"
    assert highest <= 25


def each_capacity_is_settled_into(case: Case) -> None:
    """Within ten seconds of the change, until the next one."""
    seen = load(case)
    ends = [at_s for at_s, _ in CHANGES[1:]] + [60]
    used = {wcu: seen.mean(at_s + 10, end_s) / wcu for (at_s, wcu), end_s in zip(CHANGES, ends, strict=True)}
    assert all(0.9 <= share <= 1.05 for share in used.values()), used


def what_a_table_takes_is_found_out(case: Case) -> None:
    """Although every throttle takes a share of the rate off."""
    mean = load(case).mean(10, 30)
    assert 0.85 * 500 <= mean <= 1.05 * 500


def the_undisturbed_rate_is_kept(case: Case) -> None:
    """But for the share of what is sent that the noise takes, and for what trying lower rates costs."""
    assert case.seconds is not None
    undisturbed = load(replace(case, noise=0.0)).mean(30, case.seconds)
    leaves = 1.0 if case.noise_leaves is None else case.noise_leaves
    mean = load(case).mean(30, case.seconds)
    assert mean >= 0.9 * (1 - case.noise * leaves) * undisturbed


def the_other_half_is_used(case: Case) -> None:
    seen = load(case)
    mean, throttled = seen.mean(10, 60), seen.throttled
    assert mean >= 0.9 * 250
    assert throttled <= 0.35


def nobody_else_is_held_up(case: Case) -> None:
    seconds = load(replace(case, limits=WIDE)).others[-1]
    done = len(load(replace(case, seconds=1.1 * seconds)).others)
    assert done == case.rows * 7 // 10


def the_hot_key_gets_its_share(case: Case) -> None:
    """As soon as nobody else stands in its way."""
    seen = load(case)
    alone = [at_s for at_s in seen.hot if at_s >= seen.others[-1] + 2]
    rate = len(alone) / (alone[-1] - alone[0])
    assert 0.95 * HOT_WCU_PER_S <= rate <= 1.05 * HOT_WCU_PER_S
    assert seen.acknowledged == case.rows


@dataclass(frozen=True)
class Promise:
    """What a load has to come to."""

    case: Case
    check: Callable[[Case], None]

    def hold(self) -> None:
        self.check(self.case)


PROMISES = {
    "all there is": Promise(Case(), all_is_used),
    "all there is, nothing saved up": Promise(Case(spent=True), all_is_used),
    "a number": Promise(Case(max_wcu="400"), a_ceiling_of_400_is_kept_and_used),
    "a share": Promise(Case(max_wcu="80%"), a_ceiling_of_400_is_kept_and_used),
    "a small number": Promise(Case(max_wcu="20", rows=5000), a_ceiling_of_20_is_kept_and_used),
    "changes": Promise(CHANGING, each_capacity_is_settled_into),
    "changes, nothing saved up": Promise(replace(CHANGING, spent=True), each_capacity_is_settled_into),
    "changes, five minutes saved up": Promise(
        replace(CHANGING, limits=replace(WIDE, burst_s=300)), each_capacity_is_settled_into
    ),
    "on demand": Promise(
        Case(30, None, limits=replace(WIDE, on_demand_wcu_per_s=500), rows=20_000), what_a_table_takes_is_found_out
    ),
    "another writer": Promise(Case(wcu_per_s=500, others_wcu_per_s=250, spent=True), the_other_half_is_used),
    "1 % throttled": Promise(replace(NOISY, noise=0.01), the_undisturbed_rate_is_kept),
    "2.5 % throttled": Promise(replace(NOISY, noise=0.025), the_undisturbed_rate_is_kept),
    "5 % throttled": Promise(replace(NOISY, noise=0.05), the_undisturbed_rate_is_kept),
    "10 % throttled": Promise(replace(NOISY, noise=0.1), the_undisturbed_rate_is_kept),
    "30 % throttled": Promise(replace(NOISY, noise=0.3), the_undisturbed_rate_is_kept),
    "10 % left unprocessed": Promise(replace(NOISY, noise=0.1, noise_leaves=0.5), the_undisturbed_rate_is_kept),
    "30 % left unprocessed": Promise(replace(NOISY, noise=0.3, noise_leaves=0.2), the_undisturbed_rate_is_kept),
    "hot key, some seconds": Promise(HOT, nobody_else_is_held_up),
    "hot key, its own": Promise(replace(HOT, rows=8000), the_hot_key_gets_its_share),
}


@pytest.mark.parametrize("name", PROMISES)
def test_a_promise_is_kept(name: str) -> None:
    PROMISES[name].hold()


def test_a_seed_says_everything() -> None:
    case = Case(4, changes=((1, 100),), spent=True, rows=2000)
    assert load(case) == load(case)
    assert load(case) != load(replace(case, seed=2))


def ceiling_ignored(patch: pytest.MonkeyPatch) -> None:
    """Nobody waits for the rate."""
    patch.setattr(Pacer, "acquire", lambda _pacer, _wcu: None)


def smaller_ceiling_ignored(patch: pytest.MonkeyPatch) -> None:
    """All that is provisioned is used, whatever was asked for."""
    patch.setattr(Ceiling, "of", lambda _ceiling, provisioned: provisioned)


def change_ignored(patch: pytest.MonkeyPatch) -> None:
    """The capacity of the table is not looked at again."""
    patch.setattr(Pacer, "set_ceiling", lambda _pacer, _wcu_per_s: None)


def every_throttle_heeded(patch: pytest.MonkeyPatch) -> None:
    """Every throttled request takes a share of the rate off, and every second of calm adds to it."""

    def each(self: Pacer, _wcu: float, unprocessed_wcu: float = 0.0) -> None:
        with self.state as state:
            factor = 0.8 if unprocessed_wcu else 1.002
            state.rate_wcu_per_s = max(min(state.rate_wcu_per_s * factor, state.ceiling_wcu_per_s), 1.0)

    patch.setattr(Pacer, "answered", each)


def throttles_ignored(patch: pytest.MonkeyPatch) -> None:
    """The rate stays where it is."""
    patch.setattr(Pacer, "answered", lambda _pacer, _wcu, _unprocessed_wcu=0.0: None)


def hot_keys_blamed_on_the_table(patch: pytest.MonkeyPatch) -> None:
    """A throttle is a throttle."""
    patch.setattr(HotKeys, "concerns_table", lambda _hot_keys, _sent, _scope: True)
    patch.setattr(HotKeys, "note", lambda _hot_keys, _sent, _left: True)


MUTANTS: dict[Callable[[pytest.MonkeyPatch], None], str] = {
    ceiling_ignored: "a small number",
    smaller_ceiling_ignored: "a number",
    change_ignored: "changes, five minutes saved up",
    every_throttle_heeded: "10 % throttled",
    throttles_ignored: "another writer",
    hot_keys_blamed_on_the_table: "hot key, some seconds",
}


@pytest.mark.parametrize("breaks", MUTANTS, ids=lambda breaks: breaks.__name__)
def test_a_broken_program_does_not_keep_it(
    breaks: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    promise = PROMISES[MUTANTS[breaks]]
    breaks(monkeypatch)
    with pytest.raises(AssertionError, match="assert"):
        promise.hold()


@pytest.mark.parametrize("wcu_per_s", [2, 5, 30])
def test_a_slow_load_settles_what_it_writes_every_few_seconds(wcu_per_s: int) -> None:
    """So that one that is broken off every minute gets to its end: what was begun at the same time is not settled."""
    seen = load(Case(seconds=60.0, wcu_per_s=wcu_per_s))
    written = sum(wcu for _, wcu in seen.consumed)
    assert written == pytest.approx(60.0 * wcu_per_s, rel=0.1)
    assert seen.acknowledged >= written - 12.5 * wcu_per_s - 50
