"""Figures of a run: each as a picture, a sentence and a table."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from matplotlib.ticker import EngFormatter, FuncFormatter, MaxNLocator, NullLocator

from ingest_cli.report.html.drawing import BLUE, GREEN, INK, MUTED, ORANGE, RED, both
from ingest_cli.report.html.series import Series

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawn

MAX_BARS = 20
"""Maximum number of bars of a figure; the table has all."""

MAX_LABEL = 42
"""Maximum characters of a name in a figure, so that it fits a phone; the table has all of it."""

MAX_TABLE_ROWS = 30
"""Maximum rows of the table of a line chart; the JSON report has every point."""

_ROW, _TALL, _NAMES, _SIGN = 30.0, 190.0, 70.0, 8.0
"""Pixels: a bar with its spacing, a figure, the names of steps, a digit."""

_TITLE, _LEGEND, _TICKS, _SCALE, _MARGIN = 22.0, 24.0, 40.0, 48.0, 20.0
"""Pixels: margins above, below and left of an axis, and on its right."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of the page.

    Attributes:
        title: heading.
        text: one sentence on what it shows.
        pictures: `narrow` and `wide`, as SVG elements; empty if the sentence suffices.
        head: column names of the table.
        rows: rows of the table: text, numbers, or None.
    """

    title: str
    text: str
    pictures: Mapping[str, str]
    head: tuple[str, ...] = ()
    rows: Sequence[Sequence[Any]] = ()


def account(run: Mapping[str, Any], name: str) -> Figure:
    """Show the rows and their items step by step."""
    rows, items = run["rows"], run["items"]
    written, count = ("checked", items["checked"]) if run["table"] is None else ("written", items["acknowledged"])
    stairs = (
        ("rows", (("read", rows["read"]), ("skipped", -rows["skipped"]), ("rejected", -rows["rejected"]),
                  ("kept", rows["kept"]))),
        ("items", (("built", items["built"]), ("merged", -items["merged"]), ("refused", -items["refused"]),
                   (written, count))),
    )  # fmt: skip
    text = (
        f"{rows['read']:,} rows read = {rows['kept']:,} kept + {rows['rejected']:,} rejected + {rows['skipped']:,} "
        f"skipped. Those kept gave {items['built']:,} items = {count:,} {written} + "
        f"{items['merged']:,} merged before sending + {items['refused']:,} refused."
    )

    def draw(figure: Drawn) -> None:
        for axes, (what, steps) in zip(_panels(figure, (1, 1), _NAMES, bottom=0), stairs, strict=True):
            _waterfall(axes, what, steps)

    table = [(what, step, abs(count)) for what, steps in stairs for step, count in steps]
    return Figure("The account", text, both(draw, 8 * _ROW + 60, name, text), ("of", "step", "count"), table)


def throughput(run: Mapping[str, Any], series: Series, name: str) -> Figure:
    """Show rows and items per second."""
    mean = f"{run['rows_per_s']:,.0f} rows a second on average, at most {max(series.rates['rows']):,.0f}."
    lines = [("rows/s", series.rates["rows"], BLUE, "-"), ("items/s", series.rates["items"], ORANGE, "-")]

    def draw(figure: Drawn) -> None:
        (axes,) = _panels(figure)
        _lines(axes, series, lines)
        _over_time(axes, series)

    head = ("from s", "to s", "rows/s", "items/s")
    table = [
        tuple(_near(value) for value in (begin, end, rates["rows"], rates["items"]))
        for begin, end, rates in series.merged(MAX_TABLE_ROWS)
    ]
    return Figure("Throughput", mean, both(draw, _TALL, name, mean), head, table)


def capacity(run: Mapping[str, Any], series: Series, name: str) -> Figure:
    """Show write capacity against the ceiling, and throttled requests."""
    ceilings = series.levels["ceiling_wcu_per_s"]
    known = [level for level in ceilings if level is not None]
    under = f", under a ceiling of {known[-1]:,.0f} a second at the end" if known else ", without a ceiling"
    timeline = [dict(zip(run["timeline"]["columns"], point, strict=True)) for point in run["timeline"]["points"]]
    throttled, faulty = timeline[-1]["throttles"], timeline[-1]["faults"]
    text = (
        f"{run['wcu']['consumed']:,.0f} write capacity units (WCU) consumed{under}. {run['requests']:,} requests, of "
        f"which {throttled:,} were throttled, in whole or in part, and {faulty:,} were retried for other reasons."
    )
    lines = [
        ("consumed", series.rates["wcu"], BLUE, "-"),
        ("rate aimed at", _numbers(series.levels["rate_wcu_per_s"]), MUTED, ":"),
        *([("ceiling", _numbers(ceilings), RED, "--")] if known else []),
    ]
    trouble = [("throttled", series.rates["throttles"], RED, "-"), ("faults", series.rates["faults"], ORANGE, "--")]

    def draw(figure: Drawn) -> None:
        above, below = _panels(figure, (3, 2), top=_TITLE + _LEGEND)
        above.tick_params(labelbottom=False)
        _lines(above, series, lines, "WCU/s")
        _lines(below, series, trouble, "requests retried, per s")
        _over_time(below, series)

    head = ("from s", "to s", "WCU/s", "throttled/s", "faults/s")
    table = [
        tuple(_near(value) for value in (begin, end, rates["wcu"], rates["throttles"], rates["faults"]))
        for begin, end, rates in series.merged(MAX_TABLE_ROWS)
    ]
    return Figure("Write capacity", text, both(draw, _TALL * 1.7, name, text), head, table)


def latency(run: Mapping[str, Any], name: str) -> Figure:
    """Show the latency of requests."""
    found, buckets = run["latency_ms"], run["latency_buckets_ms"]
    requests = sum(count for _, count in buckets)
    text = f"Half of {requests:,} requests were answered within {_ms(found['p50'])}, 99 % within "
    text += f"{_ms(found['p99'])}, the slowest within {_ms(found['max'])}. Rounded up to the next step of 9 %."

    def draw(figure: Drawn) -> None:
        (axes,) = _panels(figure)
        axes.set_xscale("log")
        lefts = [bound / 2 ** (1 / 8) for bound, _ in buckets]
        shares = [count / requests * 100 for _, count in buckets]
        axes.bar(lefts, shares, [bound - left for (bound, _), left in zip(buckets, lefts, strict=True)], 0,
                 align="edge", color=BLUE, edgecolor=BLUE, linewidth=0.5)  # fmt: skip
        for key, style in (("p50", "-"), ("p99", "--")):
            axes.axvline(found[key], color=INK, linestyle=style, linewidth=1.5, label=f"{key}: {_ms(found[key])}")
        axes.set_xlim(lefts[0] / 1.5, buckets[-1][0] * 1.5)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _ms(value)))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} %"))
        axes.yaxis.set_major_locator(MaxNLocator(4))
        axes.grid(axis="y")
        _legend(axes)
        axes.set_xlabel("time to the answer")

    table = [
        ("half" if key == "p50" else "all" if key == "max" else f"{key[1:]} %", _ms(value))
        for key, value in found.items()
    ]
    return Figure("Latency of requests", text, both(draw, _TALL, name, text), ("of the requests", "within"), table)


def counted(title: str, head: Sequence[str], counts: Iterable[tuple[str, ...]], name: str, nothing: str) -> Figure:
    """Show a bar for each count, the largest first.

    Args:
        title: heading of the figure.
        head: column names of the table; the last is for the counts.
        counts: names, followed by their count.
        name: unique name of the figure on the page.
        nothing: text if there are no counts.
    """
    found: list[tuple[Any, ...]] = sorted(counts, key=lambda one: (-int(one[-1]), one[:-1]))
    if not found:
        return Figure(title, nothing, {})
    shown = found[:MAX_BARS]
    total = sum(count for *_, count in found)
    text = f"{total:,} in all; the most, {found[0][-1]:,}, are {' / '.join(found[0][:-1])}."
    if len(found) > MAX_BARS:
        text += f" The figure shows the first {MAX_BARS} of {len(found):,}."
    labels = [_short(names) for *names, _ in shown]

    def draw(figure: Drawn) -> None:
        _bars(figure.add_axes((0, 0, 1, 1)), labels, [count for *_, count in shown])

    height = len(shown) * (_ROW + 8) + 16
    return Figure(title, text, both(draw, height, name, text), tuple(head), found)


def _panels(
    figure: Drawn,
    heights: Sequence[float] = (1,),
    left: float = _SCALE,
    *,
    top: float = _LEGEND,
    bottom: float = _TICKS,
) -> list[Axes]:
    """Create axes one below the other, with these relative heights and margins in pixels.

    Matplotlib can compute the margins, but has to draw everything twice for it.
    """
    width, height = figure.bbox.width, figure.bbox.height
    free = height - bottom - top * len(heights)
    panels, above = [], 0.0
    for share in heights:
        tall = free * share / sum(heights)
        above += top + tall
        box = (left / width, 1 - above / height, (width - left - _MARGIN) / width, tall / height)
        panels.append(figure.add_axes(box))
    return panels


def _waterfall(axes: Axes, what: str, steps: Sequence[tuple[str, int]]) -> None:
    """Draw steps from top to bottom; a negative count is subtracted from the previous one."""
    top = max(steps[0][1], 1)
    left_over = steps[0][1]
    for place, (step, count) in enumerate(steps):
        is_total = place in (0, len(steps) - 1)
        if count < 0:
            left_over += count
        left, width = (0, count) if is_total else (left_over, -count)
        colour = (GREEN if place else BLUE) if is_total else (RED if step in {"rejected", "refused"} else ORANGE)
        # The edge makes a step visible that is thinner than a line.
        axes.barh(place, width, 0.62, left, color=colour, edgecolor=colour, linewidth=1.0 if width else 0.0)
        sign = "" if is_total else "\N{MINUS SIGN}" if width else ""
        axes.annotate(f"{sign}{abs(count):,}", (left + width, place), (6, 0), textcoords="offset points", va="center")
    axes.set_ylim(len(steps) - 0.4, -0.6)
    axes.set_yticks(range(len(steps)), [step for step, _ in steps])
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    axes.set_title(what, color=MUTED)
    _leave_room(axes, top, f"{top:,}", beside=_NAMES + _MARGIN)


def _bars(axes: Axes, labels: Sequence[str], counts: Sequence[int]) -> None:
    """Draw bars below their names, with the numbers at their ends."""
    axes.barh(range(len(counts)), counts, 0.32, color=BLUE, edgecolor=BLUE)
    for place, (label, count) in enumerate(zip(labels, counts, strict=True)):
        axes.annotate(label, (0, place), (0, 9), textcoords="offset points", va="bottom", ha="left")
        axes.annotate(f"{count:,}", (count, place), (6, 0), textcoords="offset points", va="center", color=MUTED)
    _leave_room(axes, max(counts), f"{max(counts):,}")
    axes.set_ylim(len(counts) - 0.6, -0.85)
    axes.set_axis_off()


def _leave_room(axes: Axes, longest: float, label: str, beside: float = 0.0) -> None:
    """Scale the axis so that the label of the longest bar fits; `beside` is the width left of the bars, in pixels."""
    width = axes.figure.bbox.width - beside
    axes.set_xlim(0, longest * width / (width - len(label) * _SIGN - 12))


def _lines(
    axes: Axes, series: Series, lines: Sequence[tuple[str, Sequence[float], str, str]], title: str | None = None
) -> None:
    """Draw rates over time as steps, each over its interval."""
    _, per_unit = series.unit
    edges = [edge / per_unit for edge in series.edges_s]
    for label, values, colour, style in lines:
        axes.stairs(values, edges, baseline=None, color=colour, linestyle=style, linewidth=1.6, label=label)
    axes.set_ylim(0, max([value for _, values, *_ in lines for value in values if not math.isnan(value)] + [1]) * 1.08)
    axes.set_xlim(edges[0], edges[-1])
    axes.yaxis.set_major_formatter(EngFormatter(sep=""))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.grid(axis="y")
    axes.tick_params(length=0)
    if title:
        axes.set_title(title, color=MUTED, pad=22)
    _legend(axes)


def _legend(axes: Axes) -> None:
    axes.legend(
        loc="lower left",
        bbox_to_anchor=((4 - _SCALE) / axes.bbox.width, 1.0),
        ncols=3,
        borderaxespad=0.0,
        columnspacing=1.0,
        handlelength=1.6,
        handletextpad=0.5,
    )


def _over_time(axes: Axes, series: Series) -> None:
    axes.set_xlabel(f"{series.unit[0]} since the run began to read")
    axes.xaxis.set_major_locator(MaxNLocator(6))


def _numbers(levels: Iterable[float | None]) -> list[float]:
    return [math.nan if level is None else level for level in levels]


def _short(names: Sequence[str]) -> str:
    """Join names; shorten the first, which may be a column's, to the remaining width."""
    first, rest = names[0], "".join(f" / {name}" for name in names[1:])
    room, wanted = max(MAX_LABEL - len(rest), 8), 0
    for place, sign in enumerate(first):
        wanted += 2 if unicodedata.east_asian_width(sign) in "WF" else 1
        if wanted > room:
            return f"{first[: place - 1]}\N{HORIZONTAL ELLIPSIS}{rest}"
    return first + rest


def _near(value: float) -> float:
    """Round to the significant digits."""
    return round(value) if value >= 10 or value == 0 else round(value, 1)  # noqa: PLR2004 - two digits


def _ms(value: float) -> str:
    """Format milliseconds with three significant digits."""
    return f"{value / 1000:,.3g} s" if value >= 1000 else f"{value:.3g} ms"  # noqa: PLR2004 - a second has 1000
