"""What a load that rejected too much is advised to do."""

from __future__ import annotations

from collections import Counter

import pytest

from ingest_cli.checkpoint.journal import check_rejects
from ingest_cli.errors import TooManyRejectsError
from ingest_cli.model.manifest import RejectLimits
from ingest_cli.report.account import Account
from ingest_cli.report.reject_advice import ADVICE, advice
from ingest_cli.report.report import Report


def message(**rejected: int) -> str:
    report = Report("load", "demo", "Demo")
    report.account = Account(rows_read=20_000, rejected=Counter(rejected))
    with pytest.raises(TooManyRejectsError) as error:
        check_rejects(report, RejectLimits())
    return str(error.value)


@pytest.mark.parametrize(
    ("reason", "key"),
    [
        ("too_few_cells", 'short_rows = "fill"'),
        ("too_many_cells", 'long_rows = "trim"'),
        ("too_many_cells", 'overflow = "COLUMN"'),
        ("unclosed_quote", 'quote = ""'),
        ("unclosed_quote", "escape"),
        ("misaligned", "ingest-cli validate FILE"),
        ("no_plus", 'region = "international"'),
        ("too_many_identifiers", "`rows`"),
    ],
)
def test_the_key_that_fits_is_named_with_the_rows_it_is_about(reason: str, key: str) -> None:
    said = message(**{reason: 1_234})
    assert "1,234 of 20,000 rows (6.2%)" in said
    assert f"{reason} (1,234 rows): " in said
    assert key in said
    assert "max_ratio" not in said


def test_several_reasons_are_named_the_commonest_first() -> None:
    said = message(too_few_cells=1_000, too_many_cells=1, not_an_address=5_000)
    assert said.index("too_few_cells (1,000 rows)") < said.index("too_many_cells (1 row)")
    assert "max_ratio" not in said


def test_what_most_rows_were_rejected_for_is_not_passed_over_in_silence() -> None:
    assert message(no_plus=1, not_an_address=5_000).endswith(
        "For the other reasons, check [format] and [[fields]] with `validate`"
    )
    assert "other reasons" not in message(no_plus=5_000, not_an_address=1)


def test_for_other_reasons_the_limit_may_be_raised() -> None:
    assert message(not_an_address=5_000).endswith("or raise `max_ratio` in [rejects]")


def test_no_advice_is_an_empty_one() -> None:
    assert advice({}, "x") == "x"
    assert all(ADVICE.values())
