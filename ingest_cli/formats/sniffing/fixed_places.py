"""Detect cells at fixed positions, separated by columns of characters that are blank in all lines.

Adjacent cells without a blank between them are only separated where a long number is followed by a letter in all lines.
A minimum number of lines is required, since blanks within cells are only recognized by a line that fills them.
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
    """Return the cells of a file of fixed-width columns; None if `lines` are no such file.

    Positions may be counted in bytes of the file's `encoding`.
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
    """Return the lines with one character per byte; None if the encoding has one byte per character."""
    try:
        raw = [line.encode(encoding).decode("latin-1") for line in lines]
    except (LookupError, UnicodeError):
        return None
    return raw if any(len(one) != len(line) for one, line in zip(raw, lines, strict=True)) else None


def _find(filled: Sequence[str]) -> Parsed | None:
    """Return the cells if the lines, none of them blank, have blank columns between them."""
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
    """Return whether lines have one length, apart from blanks at their ends, and runs of blanks inside."""
    length = max(map(len, lines))
    even = sum(len(line) == length for line in lines)
    runs = sum("  " in line.strip() for line in lines)
    cut = all(not line.endswith(" ") for line in lines)
    if runs < _PADDED_SHARE * len(lines):
        return False
    return even >= _SAME_LENGTH_SHARE * len(lines) or cut


def _starts(columns: Sequence[str]) -> list[int]:
    """Return the cell starts: after columns of blanks, and where a long number ends in all lines."""
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
    """Return the start of the cell first seen at `place`; it is earlier for right-aligned values."""
    first_filled = sum(character not in PADDING for character in columns[place])
    if 2 * first_filled >= len(columns[place]):
        return place
    gap = place
    while blank[gap - 1]:
        gap -= 1
    return min(place, gap + 1)


def _ends_number(columns: Sequence[str], place: int) -> bool:
    """Return whether in all lines a long number ends before `place`, and a letter follows."""
    if place < _LONG_NUMBER or not all(character.isalpha() for character in columns[place]):
        return False
    return all(column.isdigit() for column in columns[place - _LONG_NUMBER : place])
