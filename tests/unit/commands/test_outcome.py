"""A run that came to its end is a success only if nothing is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest_cli.commands.outcome import check
from ingest_cli.model.manifest import load_manifest
from ingest_cli.report.account import Account
from ingest_cli.report.report import Report

MANIFEST = load_manifest(Path(__file__).parents[3] / "sample_data" / "telco.toml")


def report(*, read: int, kept: int, handed_out: int, before: int = 0) -> Report:
    made = Report("load", "demo", "Demo")
    made.account = Account(rows_read=read, rows_kept=kept)
    made.byte_progress.rows, made.rows_before = handed_out, before
    return made


def test_all_that_was_handed_out_was_committed() -> None:
    check(report(read=7, kept=7, handed_out=7), MANIFEST)
    check(report(read=7, kept=7, handed_out=2, before=5), MANIFEST)


@pytest.mark.parametrize(("handed_out", "before"), [(8, 0), (6, 0), (3, 5), (0, 0)])
def test_rows_that_nobody_committed_are_a_bug(handed_out: int, before: int) -> None:
    with pytest.raises(AssertionError, match="not all rows that were handed out were committed"):
        check(report(read=7, kept=7, handed_out=handed_out, before=before), MANIFEST)


def test_an_account_that_does_not_balance_is_a_bug() -> None:
    with pytest.raises(AssertionError, match="does not balance"):
        check(report(read=7, kept=6, handed_out=7), MANIFEST)
