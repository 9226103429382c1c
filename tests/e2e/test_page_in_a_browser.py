"""The page of `--report` as people see it: on a phone, on a wide screen, in the dark, on paper."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ingest_cli.cli.report_file import _printable
from ingest_cli.report.html.document import Document
from tests.support.browser import looked_at
from tests.support.reports import as_kept, long_load, short_runs

VIEWS = ("320:light:screen", "360:dark:screen", "1280:light:screen", "1280:dark:screen", "794:light:print")
"""The narrowest phone, a usual one, a desk, and A4 paper at 96 dots an inch."""

SMALLEST_TEXT_PX = 10.0


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("page")
    cost = {"currency": "USD", "ways": [{"way": "on-demand", "total": 43.75}]}
    report = as_kept(long_load(), *short_runs(), cost=cost)
    report["not_run"] = [{"manifest": "broken.toml", "message": "not TOML " + "x" * 200, "exit_code": 2}]
    (folder / "page.html").write_text(Document().render(_printable(report)), encoding="utf-8")
    return {one["view"]: one | {"folder": folder} for one in looked_at(folder / "page.html", folder, VIEWS)}


@pytest.mark.slow
@pytest.mark.parametrize("view", VIEWS)
def test_it_is_shown_without_a_fault_and_without_a_network(seen: dict[str, dict[str, Any]], view: str) -> None:
    one = seen[view]
    assert (one["faults"], one["elsewhere"], one["alert"]) == ([], [], None)
    assert (one["title"], one["pictures"]) == ("6 runs \N{EN DASH} ingest-cli", 15)
    width, scheme, media = view.split(":")
    assert (Path(one["folder"]) / f"{width}-{scheme}-{media}.png").stat().st_size > 50_000


@pytest.mark.slow
@pytest.mark.parametrize("view", VIEWS)
def test_it_fits_and_can_be_read(seen: dict[str, dict[str, Any]], view: str) -> None:
    one = seen[view]
    assert one["windowWidth"] == int(view.partition(":")[0])
    assert one["contentWidth"] <= one["windowWidth"], "nobody has to scroll sideways"
    assert one["tooWide"] == []
    assert one["smallestTextPx"] >= SMALLEST_TEXT_PX
    assert one["sticksOut"] == [], "every word of a figure is within it"


@pytest.mark.slow
def test_it_is_dark_where_that_is_wished_for_and_light_on_paper(seen: dict[str, dict[str, Any]]) -> None:
    light, dark = seen["1280:light:screen"], seen["1280:dark:screen"]
    assert (light["background"], dark["background"]) == ("rgb(255, 255, 255)", "rgb(13, 17, 23)")
    assert (light["colour"], dark["colour"]) == ("rgb(27, 31, 36)", "rgb(230, 237, 243)")
    assert seen["794:light:print"]["colour"] == "rgb(0, 0, 0)"
