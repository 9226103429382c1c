"""Most tests run the command in a fork of what has imported everything: it must say what a started one says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.e2e.harness import COMMANDS, SMALL_ROWS, Cli, Place, small_dump

STARTED = {"PYTHONDONTWRITEBYTECODE": "1"}
"""Counts when an interpreter starts, so that one is started, and changes nothing else."""


def both(cli: Cli, *arguments: str | Path, stdin: str = "") -> None:
    """Check that two ways to run the command are one."""
    assert COMMANDS.can_run(cli.env)
    assert not COMMANDS.can_run({**cli.env, **STARTED})
    forked, started = (cli(*arguments, stdin=stdin, env=env) for env in ({}, STARTED))
    assert forked == started


@pytest.mark.parametrize(
    "arguments",
    [
        ["--version"],
        ["--help"],
        ["load", "--help"],
        [],
        ["lod"],
        ["validate", "none.toml"],
        ["load", "--show-settings"],
    ],
)
def test_what_it_says_is_the_same(cli: Cli, arguments: Sequence[str]) -> None:
    both(cli, *arguments)


def test_results_and_standard_input_are_the_same(cli: Cli, table: Place, tmp_path: Path) -> None:
    manifest = small_dump(tmp_path)
    assert cli("load", manifest, *table.to).code == 0
    both(cli, "status", *table.at)
    for row in SMALL_ROWS:
        both(cli, "lookup", *table.to, stdin=f"{row[1]}\n")
    both(cli, "validate", "-", stdin="no,manifest\n" * 50_000)  # more than a pipe holds, and not read to the end


@pytest.mark.parametrize("name", ["PYTHONPATH", "PYTHONIOENCODING", "LC_ALL", "TZ", "LD_PRELOAD"])
def test_what_counts_when_it_starts_has_it_started(cli: Cli, name: str) -> None:
    assert not COMMANDS.can_run({**cli.env, name: "x"})
    assert not COMMANDS.can_run({key: value for key, value in cli.env.items() if key != "LANG"})
