"""Files made to exhaust memory or to be read without an end, all small and invented: kind → what makes it."""

from __future__ import annotations

from collections.abc import Mapping

from tests.support.hostile import columnar, packings, texts, workbooks
from tests.support.hostile.case import Hostile, Made

__all__ = ["HOSTILE", "Hostile", "Made"]

HOSTILE: Mapping[str, Hostile] = {**packings.CASES, **columnar.CASES, **workbooks.CASES, **texts.CASES}
"""Name of a kind → the file."""
