"""stdout on a full disk, and outputs that are closed: a result that is lost is no success, and nothing else changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.harness import SMALL_ROWS, Cli, Place, small_dump

LOST = "ingest-cli: the result cannot be written to stdout (No space left on device); completed work is not affected"


@pytest.fixture(scope="module")
def loaded(shared_cli: Cli, shared_table: Place, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The manifest of a dump that the table holds."""
    manifest = small_dump(tmp_path_factory.mktemp("dump"))
    assert shared_cli("load", manifest, *shared_table.to).code == 0
    return manifest


@pytest.mark.parametrize(
    "arguments",
    [
        "status TABLE --output json",
        "verify MANIFEST TO --no-count",
        "prune demo-small TO --yes --output json",
        "lookup TO",
        "table describe TABLE",
        "draft DUMP",
        "validate MANIFEST --metrics-emf - --quiet",
        "key generate",
        "--help",
    ],
)
def test_75_when_the_result_is_lost(shared_cli: Cli, shared_table: Place, loaded: Path, arguments: str) -> None:
    words: list[str | Path] = []
    for word in arguments.split():
        places = {"TABLE": shared_table.at, "TO": shared_table.to, "MANIFEST": [loaded]}
        words += places.get(word, [loaded.with_suffix(".csv")] if word == "DUMP" else [word])
    result = shared_cli.redirected(">/dev/full", *words, stdin=f"{SMALL_ROWS[0][3]}\n")
    assert (result.code, result.err.splitlines()[0]) == (75, LOST)
    assert result.err.count("stdout") == 1


def test_what_was_to_be_done_is_done_whoever_hears_of_it(cli: Cli, table: Place, tmp_path: Path) -> None:
    manifests = [small_dump(tmp_path, dataset=f"demo-{number}") for number in range(3)]
    metrics = tmp_path / "load.prom"
    result = cli.redirected(">/dev/full", "load", *manifests, *table.to, "--metrics-file", metrics)
    assert (result.code, result.err.splitlines()) == (75, [LOST])
    assert len(table.items) == 27
    (code,) = (line for line in metrics.read_text().splitlines() if line.startswith("ingest_cli_exit_code{"))
    assert code.endswith(" 75.0")


def test_a_failure_stays_what_it_is(cli: Cli, table: Place) -> None:
    result = cli.redirected(">/dev/full", "prune", "nobody", *table.to, "--yes", "--output", "json")
    assert (result.code, result.err.splitlines()[0]) == (2, LOST)


@pytest.mark.parametrize("redirection", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_outputs_are_no_trouble(cli: Cli, table: Place, tmp_path: Path, redirection: str) -> None:
    manifests = [small_dump(tmp_path, dataset=f"demo-{number}") for number in range(2)]
    result = cli.redirected(redirection, "load", *manifests, *table.to, "--rejects", tmp_path / "rejects.jsonl")
    assert (result.code, result.err) == (0, "")
    assert len(table.items) == 18
    assert (tmp_path / "rejects.jsonl").read_text() == ""
    assert cli.redirected(redirection, "validate", *manifests).code == 0
