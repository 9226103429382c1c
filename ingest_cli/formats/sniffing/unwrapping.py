"""What a cell holds that is written for a spreadsheet, so that it keeps its zeros: `="0123"`."""

from __future__ import annotations

import re

_FORMULA = re.compile(r'="((?:[^"]|"")*)"')


def unwrapped(cell: str) -> str:
    """The value of a trimmed cell `="…"`; any other cell as it is."""
    if not cell.startswith('="'):
        return cell
    found = _FORMULA.fullmatch(cell)
    return found[1].replace('""', '"').strip() if found else cell
