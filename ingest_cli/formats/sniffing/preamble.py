"""Detect lines before the header (titles, dates, comments, blank lines) and totals after the last row.

They are only accepted if followed by a row of known names, or by rows with more cells than a title.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ingest_cli.formats.sniffing.header import Header, judge_header
from ingest_cli.formats.sniffing.rows import Records
from ingest_cli.formats.sniffing.shapes import DATA_SHAPES, is_null_like, shapes_of

_MOST_LINES = 50
_FEWEST_COLUMNS = 2
_FULL_SHARE = 0.5
_RULE = re.compile(r"[\s,;|+:=_*#~-]*-{2}[\s,;|+:=_*#~-]*")
_COMMENT = re.compile(r"(?:#|--|//|/\*)")
_LETTERS = re.compile(r"[^\W\d_]{2}")
_TOTAL = re.compile(
    r"[\"'*]*(?:(?:grand |sub)?total|jumlah|sum|count|end of|eof|--|(?:record|row) count|finished|generated"
    r"|\(?\d[\d,]* ?(?:rows?|records?|lines?|baris|rekod)\b|\(\d+\))",
    re.IGNORECASE,
)
_MOST_TOTALS = 3


def preamble_records(records: Records, width: int) -> int:
    """Return how many of the first records precede the table, whose rows mostly have `width` cells."""
    head = records.cells[:_MOST_LINES]
    if width < _FEWEST_COLUMNS:
        return 0
    first = next((at for at, cells in enumerate(head) if _filled(cells) and not _is_commented([cells])), 0)
    if not head:
        return 0
    named = judge_header(head[first], records.cells[first + 1 :]) is Header.YES
    before = first if named and any(map(_filled, head[:first])) else 0
    if named and not _is_title(head[first], width):
        return before
    for at, cells in enumerate(head[1:], 1):
        if not _is_title(head[at - 1], width):
            return before
        if 2 * len(cells) > width and judge_header(cells, records.cells[at + 1 :]) is Header.YES:
            return at
    return before


def comment_records(records: Records, width: int) -> int:
    """Return how many of the first records are comments or a title, if no header follows."""
    head = records.cells[:_MOST_LINES]
    for at, cells in enumerate(head):
        filled = _filled(cells)
        alone = len(filled) == 1 and len(cells) < width - 1 and _LETTERS.search(filled[0]) is not None
        if not (_is_commented([cells]) or (alone and _is_title(cells, width))):
            return at if any(_filled(before) for before in head[:at]) else 0
    return 0


def totals(rows: Sequence[list[str]], width: int) -> int:
    """Return how many of the last rows state counts or sums of the others."""
    count = 0
    for cells in reversed(rows[-_MOST_TOTALS:]):
        filled = _filled(cells)
        if not filled or len(filled) >= max(width, _FEWEST_COLUMNS) or not _TOTAL.match(filled[0]):
            break
        count += 1
    return count


def is_rule(cells: Sequence[str]) -> bool:
    """Return whether a record is a line of dashes, as below a header."""
    filled = _filled(cells)
    return bool(filled) and all(_RULE.fullmatch(cell) for cell in filled)


def _is_title(cells: Sequence[str], width: int) -> bool:
    """Return whether a record has fewer filled cells than a row, and no personal data."""
    filled = _filled(cells)
    if _is_commented([cells]):
        return True
    if len(filled) > _FULL_SHARE * width:
        return False
    return all(_TOO_PERSONAL.isdisjoint(shapes_of(cell)) for cell in filled)


_TOO_PERSONAL = DATA_SHAPES - {shape for shape in DATA_SHAPES if shape.name in {"NUMBER", "DATE"}}


def _is_commented(records: Sequence[Sequence[str]]) -> bool:
    return all(not (filled := _filled(cells)) or _COMMENT.match(filled[0]) for cells in records)


def _filled(cells: Sequence[str]) -> list[str]:
    return [stripped for cell in cells if (stripped := cell.strip()) and not is_null_like(stripped)]
