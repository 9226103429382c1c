"""Decide whether the first row names the columns.

Personal data must never be printed as a column name, while a header read as data costs only one rejected row.
So no cell of a header may look like data, and its names must be known or differ in type from the cells below.
"""

from __future__ import annotations

import re
from enum import Enum

from ingest_cli.formats.sniffing.names import MAX_NAME_CHARACTERS, is_known, meaning_of
from ingest_cli.formats.sniffing.shapes import DATA_SHAPES, is_null_like, shapes_of
from ingest_cli.formats.sniffing.unwrapping import unwrapped, value_at

_NAME_SHAPE = re.compile(rf"[#*_]?[^\W\d][\w .()/#&'\-:?*%]{{0,{MAX_NAME_CHARACTERS}}}")
_MOST_DIGITS = 3
_TYPED_SHARE = 0.8
_COMPARED_ROWS = 200
_COMPARED_COLUMNS = 200


class Header(Enum):
    """Judgement of the first row."""

    YES = "yes"
    UNSURE = "unsure"
    NO = "no"


def judge_header(first: list[str], rows: list[list[str]]) -> Header:
    """Judge the first row by its cells and by the rows below it; repetitions of the first row are ignored."""
    cells = [unwrapped(cell.strip()) for cell in first[:_COMPARED_COLUMNS]]
    names = [cell for cell in cells if cell]
    if not names or 2 * len(names) < len(cells) or any(_is_data(name) for name in names):
        return Header.NO
    below = [row for row in rows[:_COMPARED_ROWS] if row != first]
    if any(_recurs(cell, place, below) for place, cell in enumerate(cells) if cell):
        return Header.NO
    known = sum(1 for name in names if is_known(name))
    contrasts = sum(1 for place, cell in enumerate(cells) if cell and _is_typed(place, below))
    if 2 * known >= len(names) and (known == len(names) or known + contrasts > 1) and not _only_secret(names):
        return Header.YES
    if contrasts > 1 and 3 * known >= len(names) and len({name.casefold() for name in names}) == len(names):
        return Header.YES
    return Header.UNSURE if known or contrasts else Header.NO


def _is_data(cell: str) -> bool:
    """Return whether a cell cannot be the name of a column."""
    if not _NAME_SHAPE.fullmatch(cell) or is_null_like(cell):
        return True
    if sum(character.isdigit() for character in cell) > _MOST_DIGITS:
        return True
    return not DATA_SHAPES.isdisjoint(shapes_of(cell))


def _recurs(cell: str, place: int, below: list[list[str]]) -> bool:
    """Return whether a cell recurs below itself more often than by accident."""
    times = sum(1 for row in below if place < len(row) and unwrapped(row[place].strip()) == cell)
    return times > len(below) // 50


def _is_typed(place: int, below: list[list[str]]) -> bool:
    """Return whether the cells below have a recognizable type, which a name differs from."""
    filled = [cell for row in below if (cell := value_at(row, place))]
    typed = sum(1 for cell in filled if not DATA_SHAPES.isdisjoint(shapes_of(cell)))
    return typed > 0 and typed >= _TYPED_SHARE * len(filled)


def _only_secret(names: list[str]) -> bool:
    """Return whether the only name means a secret: the first line of a list of passwords may be `password`."""
    return len(names) == 1 and (meaning := meaning_of(names[0])) is not None and meaning.secret
