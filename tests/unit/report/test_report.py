"""The account of a run has to balance, and adds up."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import fields, replace

import numpy as np
import pytest

from ingest_cli.report.account import Account
from ingest_cli.report.report import Report
from ingest_cli.report.traffic import Traffic


def account() -> Account:
    return Account(
        rows_read=10,
        rows_kept=6,
        rejected=Counter(too_short=1, dummy=2),
        skipped=Counter(blank=1),
        rejected_identifiers=Counter({("IC", "dummy"): 4, ("IC", "too_short"): 1, ("EMAIL", "not_an_address"): 2}),
        flags=Counter(short_row=1),
        identifiers=Counter(id=6, email=3),
        items_built=11,
        items_merged=2,
        items_acknowledged=8,
        refused=Counter(item_too_large=1),
        bytes_acknowledged=1000,
        wcu_predicted=9,
        import_bytes=1100,
        passed_over=Counter(orders=5),
        largest_item_bytes=300,
    )


def test_an_empty_account_balances() -> None:
    assert Account().balances


def test_every_row_and_every_item_is_accounted_for() -> None:
    one = account()
    assert (one.rows_rejected, one.rows_skipped, one.items_refused) == (3, 1, 1)
    assert one.balances


@pytest.mark.parametrize(
    "changed",
    [
        {"rows_read": 11},
        {"rows_kept": 5},
        {"rejected": Counter(dummy=2)},
        {"skipped": Counter()},
        {"items_built": 10},
        {"items_merged": 3},
        {"items_acknowledged": 9},
        {"refused": Counter()},
        {"rows_read": 11, "items_built": 12},
    ],
)
def test_one_row_or_item_more_or_less_does_not_balance(changed: dict[str, object]) -> None:
    assert not replace(account(), **changed).balances  # type: ignore[arg-type]


def test_accounts_add_up() -> None:
    total, other = account(), replace(account(), largest_item_bytes=200)
    total.add(other)
    assert (total.rows_read, total.rows_kept, total.rows_rejected, total.rows_skipped) == (20, 12, 6, 2)
    assert total.rejected == Counter(too_short=2, dummy=4)
    assert total.rejected_identifiers["IC", "dummy"] == 8
    assert (total.items_built, total.items_merged, total.items_acknowledged, total.items_refused) == (22, 4, 16, 2)
    assert (total.bytes_acknowledged, total.wcu_predicted, total.largest_item_bytes) == (2000, 18, 300)
    assert total.balances
    assert other == replace(account(), largest_item_bytes=200), "what is added stays as it is"


def test_adding_leaves_no_figure_out() -> None:
    total = Account()
    total.add(account())
    assert {each.name: getattr(total, each.name) for each in fields(Account)} == {
        each.name: getattr(account(), each.name) for each in fields(Account)
    }
    assert all(getattr(account(), each.name) for each in fields(Account)), "each figure is there to be left out"


def test_traffic() -> None:
    traffic = Traffic()
    traffic.note_request(25.0, 0.010)
    traffic.note_request(0.0, 0.020)
    traffic.note_retry("timeout")
    assert traffic.now() == (2, Counter(timeout=1), 25.0)
    assert traffic.latencies.counts.total() == 2


def test_a_report_for_programs() -> None:
    report = Report("load", "demo", "Demo", "breaches", account=account(), elapsed_s=2.0)
    report.distinct.add(np.arange(7, dtype=np.uint64))
    out = json.loads(json.dumps(report.as_dict()))
    assert out["rows"] == {"read": 10, "kept": 6, "rejected": 3, "skipped": 1}
    assert list(out["rejected_by_reason"].items()) == [("dummy", 2), ("too_short", 1)]
    assert out["rejected_identifiers"] == {"EMAIL": {"not_an_address": 2}, "IC": {"dummy": 4, "too_short": 1}}
    items = out["items"]
    assert (items["built"], items["acknowledged"], items["merged"], items["refused"]) == (11, 8, 2, 1)
    report.table = None
    dry = report.as_dict()["items"]
    assert (items["checked"], dry["acknowledged"], dry["checked"]) == (0, 0, 8), "a dry run has nothing acknowledged"
    assert (items["distinct"], items["duplicates"], items["distinct_is_exact"]) == (7, 4, True)
    assert (out["balances"], out["rows_per_s"]) == (True, 5.0)


def test_reasons_that_did_not_occur_are_not_reported() -> None:
    report = Report("validate", "demo", "Demo", account=Account(skipped=Counter(no_identifier=0)))
    assert report.as_dict()["skipped_by_reason"] == {}
    assert report.as_dict()["rows_per_s"] == 0.0


def test_duplicates_are_never_fewer_than_none() -> None:
    report = Report("load", "demo", "Demo")
    report.distinct.add(np.arange(7, dtype=np.uint64))
    assert report.duplicates == 0, "an estimate may be larger than what was built"
