"""`--sandbox` and `demo`: the whole program for somebody without an AWS account."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.harness import SAMPLE_NAMES, Cli, plug, small_dump

NO_AWS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "PEPPER")


def test_a_load_into_the_sandbox_needs_nothing_and_says_that_nothing_stays(cli: Cli, tmp_path: Path) -> None:
    result = cli("load", small_dump(tmp_path), "--sandbox", "--output", "json", "--verbose", without=NO_AWS)
    assert (result.code, result.report["outcome"]) == (0, "complete")
    assert result.report["items"]["acknowledged"] == 9
    first, last = result.err.splitlines()
    assert "it is deleted at the end" in first
    assert "was deleted" in last
    assert "--table" in last


def test_the_sandbox_is_a_table_like_any_other_but_never_a_real_one(cli: Cli, tmp_path: Path) -> None:
    aws = {
        "AWS_PROFILE": "work",
        "AWS_SESSION_TOKEN": "t",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_CA_BUNDLE": "x",
    }
    manifest = small_dump(tmp_path)
    result = cli("load", manifest, manifest, "--sandbox", "--key", "env:PEPPER", "--output", "json", env=aws)
    assert result.code == 0
    assert [report["outcome"] for report in result.reports] == ["complete", "unchanged"]


def test_a_failure_in_the_sandbox_is_a_failure(cli: Cli, tmp_path: Path) -> None:
    result = cli("load", small_dump(tmp_path, source="none.csv"), "--sandbox", without=NO_AWS)
    assert result.code == 4
    assert "does not exist" in result.err


def test_without_the_extra_it_says_what_to_install(cli: Cli, tmp_path: Path) -> None:
    missing = plug(tmp_path / "plug", "import sys\nsys.modules['moto'] = sys.modules['moto.server'] = None\n")
    cli("load", small_dump(tmp_path), "--sandbox", env=missing).complains(2, "pip install 'ingest-cli[sandbox]'")


@pytest.mark.slow
def test_the_demo_loads_compares_and_finds(cli: Cli) -> None:
    result = cli("demo", "--output", "json", without=NO_AWS)
    assert result.code == 0
    assert [report["outcome"] for report in result.reports] == ["complete"] * len(SAMPLE_NAMES)
    assert all(report["balances"] for report in result.reports)
    assert result.err.count("items, all equal") == len(SAMPLE_NAMES)
    for title in ("Demo telco breach 2017", "Demo customer list of a shop"):
        assert f"in {title} (2017-10-19)" in result.err
    assert "was deleted" in result.err.splitlines()[-1]
