"""Extract the value of a cell written as a spreadsheet formula, to keep its zeros, or as a list: `="01"`, `["a"]`."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from ingest_cli.formats.sniffing.shapes import is_null_like

_FORMULA = re.compile(r'="((?:[^"]|"")*)"')


def unwrapped(cell: str) -> str:
    """Return the value of a trimmed cell `="…"`, or the first one of a list of JSON strings; otherwise the cell."""
    if cell.startswith('["'):
        return _first_of(cell)
    if not cell.startswith('="'):
        return cell
    found = _FORMULA.fullmatch(cell)
    return found[1].replace('""', '"').strip() if found else cell


def value_at(row: Sequence[str], place: int) -> str:
    """Return the value of a cell; empty if the cell is missing or means "no value"."""
    cell = unwrapped(row[place].strip()) if place < len(row) else ""
    return "" if is_null_like(cell) else cell


def _first_of(cell: str) -> str:
    try:
        values = json.loads(cell)
    except (ValueError, RecursionError):
        return cell
    return next((value.strip() for value in values if isinstance(value, str) and value.strip()), cell)
