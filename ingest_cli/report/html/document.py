"""Render the page: a section for each run of the JSON report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from ingest_cli.report.html import GENERATOR, charts
from ingest_cli.report.html.charts import Figure
from ingest_cli.report.html.series import Series

SILENT = frozenset({"unchanged", "locked"})
"""Outcomes of runs without rows read, for which no figures are drawn."""


MAX_NAMES = 20
"""Maximum number of sources listed on the page; the JSON report lists all."""


@dataclass(frozen=True, slots=True)
class Section:
    """Section of the page about one run.

    Attributes:
        run: run as in the JSON report.
        place: number of the run on the page.
        tiles: key figures: names and values.
        figures: figures, each with a table.
        facts: all other facts: names and values.
    """

    run: Mapping[str, Any]
    place: int
    tiles: list[tuple[str, str]] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    facts: list[tuple[str, str]] = field(default_factory=list)


class Document:
    """Render pages; caches drawn figures, so that adding a run costs one run's figures."""

    def __init__(self) -> None:
        self._sections: list[Section] = []

    def render(self, report: Mapping[str, Any]) -> str:
        """Render the page of a JSON report that starts with the runs of the previous call.

        Args:
            report: see `report_file`; its texts are printable, but not escaped for HTML.
        """
        for place, run in enumerate(report["runs"][len(self._sections) :], len(self._sections) + 1):
            self._sections.append(_section(run, place))
        return _template().render(report=report, sections=self._sections, generator=Markup(GENERATOR))  # noqa: S704 - a constant


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("ingest_cli.report.html", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["drawn"] = Markup  # SVG of `drawing`, already escaped
    environment.filters["shown"] = _shown
    return environment.get_template("page.html.jinja")


def _section(run: Mapping[str, Any], place: int) -> Section:
    section = Section(run, place)
    if run["outcome"] in SILENT or not run["rows"]["read"]:
        return section
    items, wcu = run["items"], run["wcu"]
    is_load = run["table"] is not None
    section.tiles.extend(
        [
            ("rows read", _shown(run["rows"]["read"])),
            ("items written" if is_load else "items checked", _shown(items["acknowledged" if is_load else "checked"])),
            ("rows rejected", _share(run["rows"]["rejected"], run["rows"]["read"])),
            ("time", _duration(run["elapsed_s"])),
            ("rows a second", _shown(round(run["rows_per_s"]))),
            (
                "WCU consumed" if is_load else "WCU to expect",
                _shown(round(wcu["consumed" if is_load else "predicted"])),
            ),
        ]
    )
    section.figures.extend(_figures(run, f"run {place}"))
    section.facts.extend(_facts(run))
    return section


def _figures(run: Mapping[str, Any], name: str) -> Iterator[Figure]:
    is_load = run["table"] is not None
    yield charts.account(run, f"{name} account")
    if series := Series.of(run["timeline"]):
        yield charts.throughput(run, series, f"{name} throughput")
        if is_load:
            yield charts.capacity(run, series, f"{name} capacity")
    if run["latency_buckets_ms"]:
        yield charts.latency(run, f"{name} latency")
    rows = [
        (what, reason, count)
        for what, counts in (("rejected", "rejected_by_reason"), ("skipped", "skipped_by_reason"))
        for reason, count in run[counts].items()
    ]
    yield charts.counted(
        "Rows not loaded, by reason",
        ("what", "reason", "rows"),
        rows,
        f"{name} rows",
        "No row was rejected, and none skipped.",
    )
    cells = [(column, why, n) for column, reasons in run["rejected_identifiers"].items() for why, n in reasons.items()]
    yield charts.counted(
        "Identifiers rejected, by column",
        ("column", "reason", "identifiers"),
        cells,
        f"{name} columns",
        "No identifier was rejected.",
    )
    yield charts.counted(
        "Items by kind of identifier",
        ("kind", "items"),
        list(run["items_by_kind"].items()),
        f"{name} kinds",
        "There are no items.",
    )
    for title in ("cost", "prediction"):
        if run.get(title):
            yield Figure(title.capitalize(), "", {}, ("figure", "value"), list(_flat(run[title])))


def _facts(run: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the facts not shown elsewhere."""
    items = run["items"]
    about = "" if items["distinct_is_exact"] else "about "
    repeated = [f"{reason}: {count:,}" for reason, count in run["retries_by_reason"].items()]
    refused = [f"{reason}: {count:,}" for reason, count in run["refused_by_reason"].items()]
    for fact, value in (
        ("table", run["table"]),
        ("state of the sources (src)", run["src"]),
        ("sources", _first(run["sources"])),
        ("bytes read", run["source_bytes"]),
        ("rows done by an earlier run", run["rows_before"] or None),
        ("duplicates", None if items["duplicates"] is None else f"{about}{items['duplicates']:,}"),
        ("flags", ", ".join(f"{flag}: {count:,}" for flag, count in run["flags"].items())),
        ("items refused for", ", ".join(refused)),
        ("requests repeated for", ", ".join(repeated)),
        ("bytes of items", items["bytes"]),
        ("largest item, bytes", items["largest_bytes"]),
        ("WCU predicted", run["wcu"]["predicted"]),
        ("the account balances", "yes" if run["balances"] else "no: this is a bug, please report it"),
    ):
        if value not in (None, ""):
            yield fact, _shown(value)


def _first(names: Sequence[str]) -> str:
    """Join the first names, and the number of further ones."""
    more = f" and {len(names) - MAX_NAMES:,} more" if len(names) > MAX_NAMES else ""
    return ", ".join(names[:MAX_NAMES]) + more


def _flat(values: Mapping[str, Any] | Iterable[Any], above: str = "") -> Iterator[tuple[str, str]]:
    """Flatten nested values to names and values."""
    named = values.items() if isinstance(values, Mapping) else enumerate(values, 1)
    for name, value in named:
        path = f"{above} / {name}".removeprefix(" / ").replace("_", " ")
        if isinstance(value, Mapping | list | tuple):
            yield from _flat(value, path)
        else:
            yield path, _shown(value)


def _shown(value: Any) -> str:
    """Format a value of a table for people."""
    if value is None:
        return "\N{EN DASH}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int | float) else str(value)


def _share(count: int, of: int) -> str:
    return f"{count:,} ({count / of:.2%})" if count and of else f"{count:,}"


def _duration(duration_s: float) -> str:
    """Format as `0.8 s`, `12 min 05 s`, `3 h 07 min`."""
    if duration_s < 60:  # noqa: PLR2004 - a minute
        return f"{duration_s:.1f} s"
    minutes, seconds = divmod(round(duration_s), 60)
    hours, minutes_of_hour = divmod(minutes, 60)
    return f"{hours} h {minutes_of_hour:02} min" if hours else f"{minutes} min {seconds:02} s"
