"""Extract the value of a cell written as a spreadsheet formula, to keep its zeros, or as a list: `="01"`, `["a"]`."""

from __future__ import annotations

import json
import re

_FORMULA = re.compile(r'="((?:[^"]|"")*)"')


def unwrapped(cell: str) -> str:
    """Return the value of a trimmed cell `="…"`, or the first one of a list of JSON strings; otherwise the cell."""
    if cell.startswith('["'):
        return _first_of(cell)
    if not cell.startswith('="'):
        return cell
    found = _FORMULA.fullmatch(cell)
    return found[1].replace('""', '"').strip() if found else cell


def _first_of(cell: str) -> str:
    try:
        values = json.loads(cell)
    except (ValueError, RecursionError):
        return cell
    return next((value.strip() for value in values if isinstance(value, str) and value.strip()), cell)
