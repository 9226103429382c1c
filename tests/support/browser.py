"""Headless Chromium, to see a page as people do. The tests install it with npm, together with dynalite."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

_FOLDER = Path(__file__).parent / "node"
_NO_BROWSER, _TIMEOUT_S = 3, 120


def looked_at(page: Path, folder: Path, views: Sequence[str]) -> list[dict[str, Any]]:
    """What was found in each view of a page; skips the test if there is no browser.

    Args:
        page: a file.
        folder: gets a screenshot of each view.
        views: `WIDTH:SCHEME:MEDIA`, for example `360:dark:screen`.
    """
    node = shutil.which("node")
    if node is None:
        pytest.skip("Chromium: there is no `node` on the PATH to start it with")
    if not (_FOLDER / "node_modules" / "puppeteer-core").is_dir():
        pytest.skip("Chromium is not installed: run `npm install --ignore-scripts` in tests/support/node")
    done = subprocess.run(
        [node, str(_FOLDER / "look.mjs"), str(page), str(folder), *views],
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        env=dict(os.environ),
        check=False,
    )
    if done.returncode == _NO_BROWSER:
        pytest.skip(f"Chromium: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]
