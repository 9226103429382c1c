"""The page is valid, complete and inert, whatever the names in it."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import html5lib
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_cli.cli.report_file import _printable
from ingest_cli.report.html.charts import MAX_BARS, counted
from ingest_cli.report.html.document import Document
from ingest_cli.report.html.series import Series
from ingest_cli.report.timeline import Point, Timeline
from tests.support.reports import HOSTILE, as_kept, long_load, short_runs

pytestmark = pytest.mark.slow

CSS = Path(__file__).resolve().parents[3] / "ingest_cli" / "report" / "html" / "page.css"
HTML, SVG = "{http://www.w3.org/1999/xhtml}", "{http://www.w3.org/2000/svg}"


def parsed(page: str) -> Element:
    """The page as a browser reads it; it has no mistake."""
    parser = html5lib.HTMLParser(strict=True)
    root: Element = parser.parse(page)
    return root


@pytest.fixture(scope="module")
def page() -> str:
    report = as_kept(long_load(), *short_runs(), cost={"total": 12.5, "ways": [{"name": "on-demand", "usd": 12.5}]})
    report["not_run"] = [{"manifest": "<i>.toml", "message": "a <b>mistake</b>", "exit_code": 2}]
    report["message"] = "the capacity is <b>still</b> raised"
    return Document().render(_printable(report))


def _text(element: Element) -> str:
    return "".join(element.itertext())


def test_names_are_text_and_nothing_else(page: str) -> None:
    root = parsed(page)
    elements = {one.tag for one in root.iter() if isinstance(one.tag, str)}
    assert not elements & {f"{HTML}{tag}" for tag in ("script", "img", "iframe", "object", "i", "b", "link", "form")}
    assert not [one for one in root.iter() if isinstance(one.tag, str) and one.tag.endswith("script")]
    cells = [_text(one) for one in root.iter(f"{HTML}td")]
    for name in HOSTILE[:4]:
        assert name in cells
    assert "49" not in cells
    assert "\\u202eedirrevo\\x00\\x1b[31m" in cells
    assert "Demo <b>telco</b> & breach" in _text(root)
    assert "a <b>mistake</b>" in _text(root)
    assert "the capacity is <b>still</b> raised" in _text(root)


def test_nothing_is_fetched_and_nothing_is_executed(page: str) -> None:
    for element in parsed(page).iter():
        for name, value in element.attrib.items():
            assert not name.lower().startswith("on"), name
            if name.rpartition("}")[2] in {"src", "href", "srcset", "data", "action"} or name == "xlink:href":
                assert value.startswith("#"), value
            assert "url(" not in value or "url(#" in value
    assert not re.search(r"@import|url\((?!#)|https?://(?!www\.w3\.org/(2000/svg|1999/xlink))", page)
    assert "default-src 'none'" in page


def test_every_reference_within_the_page_leads_somewhere_and_no_id_is_there_twice(page: str) -> None:
    root = parsed(page)
    ids = [one.attrib["id"] for one in root.iter() if "id" in one.attrib]
    assert len(ids) == len(set(ids))
    targets = {value for one in root.iter() for name, value in one.attrib.items() if name.endswith("href")}
    assert {target.removeprefix("#") for target in targets} <= set(ids)


def test_every_picture_has_a_text_and_a_table(page: str) -> None:
    figures = [one for one in parsed(page).iter(f"{HTML}figure") if list(one.iter(f"{SVG}svg"))]
    assert len(figures) == 7 + 5 + 3, "the long load, the broken-off one, the checked one"
    for figure in figures:
        for picture in figure.iter(f"{SVG}svg"):
            assert (picture.attrib["role"], len(picture.attrib["aria-label"]) > 20) == ("img", True)
            assert {"width", "height"}.isdisjoint(picture.attrib), "as wide as the page, whatever it is"
        assert list(figure.iter(f"{HTML}figcaption"))
        assert len(list(figure.iter(f"{HTML}tr"))) > 1


def test_the_numbers_of_the_account_are_there(page: str) -> None:
    text = _text(parsed(page))
    for number in ("46,120,331", "36,998,120", "2,026,018", "7,096,193", "69,879,998", "120,000", "1 h 30 min"):
        assert number in text
    assert "an earlier, interrupted run processed 120,331" in text
    assert "12.5" in text, "the cost, where the report has one"
    assert "and 280 more" in text, "of the sources"


def test_what_read_nothing_has_no_figures() -> None:
    root = parsed(Document().render(as_kept(*short_runs()[2:])))
    assert not list(root.iter(f"{HTML}figure"))
    assert "nothing was written" in _text(root)


def test_a_page_that_grows_is_the_same_as_one_made_at_once() -> None:
    reports = [short_runs()[1], short_runs()[0]]
    growing = Document()
    growing.render(as_kept(reports[0]))
    assert growing.render(as_kept(*reports)) == Document().render(as_kept(*reports))


def test_more_bars_than_a_figure_takes_are_in_the_table() -> None:
    counts = [(f"column {number}", "dummy", number) for number in range(1, 101)]
    figure = counted("Title", ("column", "reason", "identifiers"), counts, "name", "nothing")
    assert len(figure.rows) == 100
    assert f"first {MAX_BARS} of 100" in figure.text
    assert figure.pictures["narrow"].count("column") == MAX_BARS + figure.text.count("column")


@given(st.lists(st.tuples(st.floats(0.5, 100.0), st.integers(0, 10**9)), min_size=1, max_size=60), st.integers(1, 40))
def test_rates_times_durations_are_what_was_counted(steps: list[tuple[float, int]], most: int) -> None:
    line, at_s, rows = Timeline([Point(0.0)]), 0.0, 0
    for duration_s, count in steps:
        at_s, rows = at_s + duration_s, rows + count
        line.points.append(Point(at_s, rows))
    series = Series.of(line.as_dict())
    assert series is not None
    spans = [after - before for before, after in pairwise(series.edges_s)]
    assert sum(rate * span for rate, span in zip(series.rates["rows"], spans, strict=True)) == pytest.approx(rows)
    merged = series.merged(most)
    assert len(merged) <= most
    assert sum((end - begin) * rates["rows"] for begin, end, rates in merged) == pytest.approx(rows)


@pytest.mark.parametrize("points", [[], [Point(0.0)], [Point(0.0), Point(0.0, 3)]])
def test_a_run_too_short_for_a_line_has_none(points: list[Point]) -> None:
    assert Series.of(Timeline(points).as_dict()) is None


def _colours(block: str) -> dict[str, tuple[float, ...]]:
    found = re.findall(r"--(\w+): #(\w{2})(\w{2})(\w{2})", block)
    return {name: tuple(int(part, 16) / 255 for part in parts) for name, *parts in found}


def _luminance(colour: tuple[float, ...]) -> float:
    """Relative luminance (WCAG 2.2)."""
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("scheme", [0, 1, 2], ids=["light", "dark", "print"])
def test_text_and_lines_stand_out_against_the_paper(scheme: int) -> None:
    """WCAG 2.2: 4.5 to 1 for text (1.4.3), 3 to 1 for what a figure says (1.4.11)."""
    colours = _colours(CSS.read_text().split(":root")[1 + scheme].partition("}")[0])
    for ground in ("paper", "panel"):
        for name in ("ink", "muted", "blue", "orange", "green", "red"):
            light, dark = sorted((_luminance(colours[name]) + 0.05, _luminance(colours[ground]) + 0.05), reverse=True)
            assert light / dark >= 4.5, (name, ground)


def _kept_keys(report: dict[str, Any]) -> set[str]:
    return set(report["runs"][0])


def test_the_page_needs_no_more_than_the_json_report_has() -> None:
    """So that whoever keeps the JSON can make the page of it."""
    assert {"timeline", "latency_ms", "latency_buckets_ms"} <= _kept_keys(as_kept(short_runs()[0]))
