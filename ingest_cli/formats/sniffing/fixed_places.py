"""Cells at fixed places: where the columns of blanks are that run through all lines.

A column of characters that is blank in every line keeps two cells apart. Where two cells touch, nothing does but
their sort: a long number is followed by a letter in all lines. Columns of blanks within cells are told from those
between them by being filled in some line, for which it takes a number of lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from ingest_cli.formats.fixed_widths import PADDING
from ingest_cli.formats.sniffing.parsed import Parsed

_FEWEST_LINES = 8
_MAX_LINES = 1_000
_WIDEST_LINE = 4_000
_SAME_LENGTH_SHARE = 0.95
_PADDED_SHARE = 0.5
_DELIMITERS = ",;|\t\x01"
_LONG_NUMBER = 6


def find_places(lines: Sequence[str], encoding: str = "utf-8") -> Parsed | None:
    """The cells of a file with columns of fixed widths; None if `lines` do not look like one.

    Args:
        lines: from its beginning.
        encoding: in which it is written: places may be counted in its bytes.
    """
    encoding = encoding.removesuffix("-sig")
    filled = [line.rstrip("\r\n") for line in lines[: 2 * _MAX_LINES] if line.strip()][:_MAX_LINES]
    raw = None if all(map(str.isascii, filled)) else _in_bytes(filled, encoding)
    if raw is None:
        return _find(filled)
    sizes, lengths = {len(line) for line in raw}, {len(line) for line in filled}
    if len(sizes) == 1 < len(lengths):
        found = _find(raw)
        if found is None:
            return None
        cells = [[cell.encode("latin-1").decode(encoding, "replace") for cell in row] for row in found.cells]
        return replace(found, cells=cells, widths_in="bytes")
    found = _find(filled)
    return replace(found, widths_in="characters") if found and len(lengths) == 1 < len(sizes) else found


def _in_bytes(lines: Sequence[str], encoding: str) -> list[str] | None:
    """The lines with one character for each byte; None if that is what they have."""
    try:
        raw = [line.encode(encoding).decode("latin-1") for line in lines]
    except (LookupError, UnicodeError):
        return None
    return raw if any(len(one) != len(line) for one, line in zip(raw, lines, strict=True)) else None


def _find(filled: Sequence[str]) -> Parsed | None:
    """The cells, if the lines, none of them blank, have columns of blanks between them."""
    if len(filled) < _FEWEST_LINES or max(map(len, filled)) > _WIDEST_LINE:
        return None
    if any("\t" in line for line in filled) or not _is_padded(filled):
        return None
    width = max(map(len, filled))
    padded = [line.ljust(width) for line in filled]
    columns = list(map("".join, zip(*padded, strict=True)))
    if any(len(set(column)) == 1 and column[0] in _DELIMITERS for column in columns):
        return None
    starts = _starts(columns)
    if len(starts) < 2:  # noqa: PLR2004 - one column is no table
        return None
    widths = tuple(after - begin for begin, after in pairwise([*starts, width]))
    cells = [[line[begin:after].strip(PADDING) for begin, after in pairwise([*starts, width])] for line in padded]
    return Parsed("fixed", None, cells, widths=widths)


def _is_padded(lines: Sequence[str]) -> bool:
    """Whether lines are of one length, or would be but for blanks at their ends; with runs of blanks inside."""
    length = max(map(len, lines))
    even = sum(len(line) == length for line in lines)
    runs = sum("  " in line.strip() for line in lines)
    cut = all(not line.endswith(" ") for line in lines)
    if runs < _PADDED_SHARE * len(lines):
        return False
    return even >= _SAME_LENGTH_SHARE * len(lines) or cut


def _starts(columns: Sequence[str]) -> list[int]:
    """Where the cells begin: behind blanks that run through all lines, and where a long number ends in all of them."""
    blank = [not column.strip(PADDING) for column in columns]
    starts = [0]
    for place in range(1, len(columns)):
        begins = blank[place - 1] and not blank[place]
        if begins and not all(blank[:place]):
            starts.append(_left_edge(columns, blank, place))
        elif _ends_number(columns, place):
            starts.append(place)
    return starts


def _left_edge(columns: Sequence[str], blank: Sequence[bool], place: int) -> int:
    """Where the cell that shows first at `place` begins: earlier if its values are set flush right."""
    first_filled = sum(character not in PADDING for character in columns[place])
    if 2 * first_filled >= len(columns[place]):
        return place
    gap = place
    while blank[gap - 1]:
        gap -= 1
    return min(place, gap + 1)


def _ends_number(columns: Sequence[str], place: int) -> bool:
    """Whether in all lines a number of so many digits stands before `place`, and a letter at it."""
    if place < _LONG_NUMBER or not all(character.isalpha() for character in columns[place]):
        return False
    return all(column.isdigit() for column in columns[place - _LONG_NUMBER : place])
