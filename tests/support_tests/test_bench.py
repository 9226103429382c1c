"""The benchmarks run, and their record can be read: on tiny dumps, whose figures mean nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.bench.__main__ import BENCHMARKS
from tests.bench.surroundings import REPOSITORY
from tests.support.readme_figures import text

pytestmark = pytest.mark.slow

# The others need many processes, which takes its time even on tiny dumps.
QUICK = [name for name in BENCHMARKS if name in {"start-up", "load", "validate", "stages", "floor", "memory"}]
TINY = ["--rows", "200", "--wall-rows", "200", "--slow-rows", "100", "--runs", "1", "--most-rows", "400"]


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("bench") / "record.json"
    command = [sys.executable, "-m", "tests.bench", *QUICK, *TINY, "--json", path]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done
    return json.loads(Path(path).read_text(encoding="utf-8"))


def test_every_benchmark_is_recorded_or_says_why_not(record: Any) -> None:
    assert list(record["benchmarks"]) == QUICK
    for name, figures in record["benchmarks"].items():
        assert figures.get("left_out", "--workers").endswith("--workers"), name
        assert figures["command"].startswith("python -m tests.bench start-up load "), name


def test_the_contenders_of_a_load_are_compared(record: Any) -> None:
    load = record["benchmarks"]["load"]
    assert {"ingest-cli load", "the 2017 way", "boto3 batch_writer, ready items"} <= load["contenders"].keys()
    assert all("is not installed" in reason for reason in load["not_compared"].values())
    ready = {one["items"] for name, one in load["contenders"].items() if "ready" in name}
    assert ready == {load["contenders"]["ingest-cli load --transport boto3"]["items"]}, "the same items for all of them"


def test_the_readme_can_be_written_from_it(record: Any) -> None:
    written = text(record)
    for name in record["benchmarks"]["load"]["contenders"]:
        assert f"| {name} |" in written
    assert "rows per second of processor time" in written
    assert "peak memory (" in written
