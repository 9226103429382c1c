"""Reports as runs leave them, for pages to show: a long load with everything in it, and others with almost nothing."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

from ingest_cli.report.report import Report
from ingest_cli.report.timeline import Point

HOSTILE = (
    "<script>window.hurt = 1</script>",
    '"><img src=x onerror="window.hurt = 2">',
    "</svg></td></style><script>window.hurt = 3</script>",
    "]]><!-- {{ 7 * 7 }} {% raw %} $x^{2 \\frac{ &lt; &#x41;",
    "\N{RIGHT-TO-LEFT OVERRIDE}edirrevo\x00\x1b[31m",
    "電話番号" * 20,
)
"""Names of columns that somebody hopes will be obeyed, or will break something."""


def long_load() -> Report:
    """An hour and a half under a ceiling that is raised half-way, with throttles, faults and every sort of reject."""
    report = Report("load", "demo-telco", "Demo <b>telco</b> & breach", "breaches", "ab12cd34")
    report.sources = tuple(f"dumps/{number:04}-{'x' * 60}.csv.gz" for number in range(300))
    report.outcome, report.exit_code, report.elapsed_s, report.rows_before = "complete", 0, 5400.0, 120_331
    account = report.account
    account.rows_read, account.rows_kept = 46_120_331, 36_998_120
    account.rejected = Counter(too_many_cells=1_203_411, bad_bytes=21_340, dummy=801_223, precision_lost=44)
    account.skipped = Counter(blank=12, no_identifier=46_120_331 - 36_998_120 - account.rejected.total() - 12)
    account.rejected_identifiers = Counter({(name, "not_an_address"): 90 + at for at, name in enumerate(HOSTILE)})
    account.rejected_identifiers["ICNUM", "dummy"] = 801_223
    account.identifiers = Counter(phone=36_000_000, mykad=30_000_000, email=2_000_111, passport=1)
    account.items_built, account.items_merged = 70_000_000, 120_000
    account.refused, account.items_acknowledged = Counter(item_too_large=2), 70_000_000 - 120_002
    account.flags = Counter(not_valid_today=1_231, padded=12)
    report.notes.append("a worker was killed (signal 9), and its work was given to others")
    _pass_time(report, Random(1))
    return report


def _pass_time(report: Report, chance: Random) -> None:
    seconds, account, traffic = int(report.elapsed_s), report.account, report.traffic
    wcu, throttled, faults = 0.0, 0, 0
    for second in range(seconds + 1):
        share, ceiling = second / seconds, 14_000.0 if second < seconds / 2 else 20_000.0
        rate = ceiling * (1 - chance.random() * (0.4 if 1000 < second < 1400 else 0.05))
        rows = report.rows_before + round((account.rows_read - report.rows_before) * share)
        items = round(account.items_acknowledged * share)
        report.timeline.add(
            Point(float(second), rows, items, wcu, int(wcu / 25), throttled, faults, rate, ceiling),
            is_last=second == seconds,
        )
        wcu += rate
        throttled += chance.randrange(60) if 1000 < second < 1400 else 0
        faults += second % 700 == 0
    traffic.requests, traffic.wcu_consumed = int(wcu / 25), wcu
    traffic.retries = Counter(unprocessed=throttled, InternalServerError=faults)
    for _ in range(20_000):
        traffic.latencies.note(chance.lognormvariate(-4.6, 0.5))
    traffic.latencies.note(9.0)


def short_runs() -> list[Report]:
    """Broken off, checked only, unchanged, locked, failed before it began."""
    stopped = Report("load", "demo-combo", "Broken off", "breaches", sources=("combo.txt",), outcome="stopped")
    stopped.exit_code, stopped.message = 75, "stopped by SIGINT; run the same command again to resume"
    stopped.account.rows_read = stopped.account.rows_kept = stopped.account.items_built = 1000
    stopped.account.items_acknowledged, stopped.account.identifiers, stopped.elapsed_s = 1000, Counter(email=1000), 0.7
    stopped.timeline.add(Point(0.0, rate_wcu_per_s=4000.0))
    stopped.timeline.add(Point(0.6, 1000, 1000, 900.0, 40, 0, 0, 4200.0), is_last=True)
    stopped.traffic.note_request(900.0, 0.004)
    checked = Report("validate", "demo-small", "Checked only", sources=("x.csv",), outcome="complete", exit_code=0)
    checked.account.rows_read = checked.account.rows_kept = 3
    checked.account.items_built = checked.account.items_acknowledged = 9
    checked.account.identifiers, checked.elapsed_s = Counter(phone=9), 0.1
    checked.timeline.add(Point(0.0))
    checked.timeline.add(Point(0.1, 3, 9), is_last=True)
    others = [Report("load", f"demo-{how}", f"A run that is {how}", "breaches", outcome=how) for how in
              ("unchanged", "locked", "failed")]  # fmt: skip
    return [stopped, checked, *others]


def as_kept(*reports: Report, **more: Any) -> dict[str, Any]:
    """What the JSON report says of them; `more` goes into the first."""
    runs = [
        {
            **report.as_dict(),
            "latency_buckets_ms": report.traffic.latencies.buckets_ms(),
            "timeline": report.timeline.as_dict(),
        }
        for report in reports
    ]
    runs[0] |= more
    head = {"ingest_cli_report": 1, "version": "1.2.3", "written_at": "2026-11-23T03:17:59+00:00", "exit_code": 0}
    return {**head, "message": None, "not_run": [], "runs": runs}
