"""What fuzzing found stays fixed, and each target is fuzzed for a moment."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.campaign import REGRESSIONS, Campaign, Finding, attempt
from tests.fuzz.targets import Target, targets

TARGETS = targets()
FOUND = sorted(path for path in REGRESSIONS.iterdir() if path.name != "README.md")


@pytest.mark.parametrize("path", FOUND, ids=lambda path: path.name)
def test_what_was_found_stays_fixed(path: Path) -> None:
    attempt(TARGETS[path.name.rpartition(".")[0]], path.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
def test_whole_samples_break_nothing(name: str) -> None:
    for seed in TARGETS[name].seeds:
        attempt(TARGETS[name], seed)


@pytest.mark.parametrize("name", TARGETS)
def test_damaged_ones_break_nothing(name: str) -> None:
    campaign = Campaign(name, TARGETS[name], seed=0)
    campaign.run(inputs=8)
    assert not campaign.findings


def test_what_breaks_is_found_and_made_small(tmp_path: Path) -> None:
    def breaks(data: bytes, _: object) -> int:
        assert b"7" not in data, "a seven"
        return len(data) % 5

    campaign = Campaign("sevens", Target([b"0123456 89" * 30], breaks), seed=1)
    campaign.run(inputs=400)
    (finding,) = campaign.findings.values()
    assert finding.data == b"7"
    assert "a seven" in finding.what
    assert finding.keep(tmp_path).read_bytes() == b"7"


def test_a_finding_is_kept_by_its_target(tmp_path: Path) -> None:
    path = Finding("sql", b"x", "ValueError").keep(tmp_path)
    assert path.name.rpartition(".")[0] == "sql"
