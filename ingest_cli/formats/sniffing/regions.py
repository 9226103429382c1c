"""Detect the region of telephone numbers: home, another country, several, or given by another column.

The region that makes most numbers valid by the rules of a load is proposed, unless the home region is as good.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ingest_cli.formats.sniffing.guess import ColumnGuess, Rules
from ingest_cli.formats.sniffing.names import meaning_of
from ingest_cli.formats.sniffing.unwrapping import value_at

HOME, INTERNATIONAL = "MY", "international"

_MOST_CELLS = 300
_MOST_CELLS_ABROAD = 40
_FEWEST_CELLS = 3
_GOOD, _SURE = 0.9, 0.85
_CLEARLY_MORE, _UNSURE = 0.1, 0.5
_HOME_ENOUGH = 0.7
_CODE_SHARE = 0.9
# Regions with known dumps; of regions with a common numbering plan, the largest.
_ABROAD = tuple(
    "SG ID TH PH VN KH LA MM BN IN PK BD LK NP CN HK TW KR JP AU NZ US GB FR DE IT ES PT NL BE CH AT SE NO DK PL CZ "  # noqa: SIM905 - one a line is no easier to read
    "HU RO GR TR RU UA IL SA AE QA KW EG MA DZ NG KE ZA GH BR MX AR CL CO PE".split()
)
_NEXT_DOOR = "SG"  # likelier than other regions with numbers of the same form
_BARE = re.compile(r"[\d\s.()/-]{4,30}")
_ISO = re.compile(r"[A-Za-z]{2}")
_CODE = re.compile(r"(?:\+|00)?([1-9]\d{0,2})")
_NOT_DIGITS = re.compile(r"\D")


@dataclass(frozen=True, slots=True)
class _Reading:
    region: str
    share: float
    why: str
    column: str = ""
    countries: tuple[str, ...] = ()


def with_regions(
    columns: tuple[ColumnGuess, ...], rows: Sequence[Sequence[str]], rules: Rules | None
) -> tuple[ColumnGuess, ...]:
    """Return the guesses, with the region of each column of telephone numbers outside the home region.

    `rules` provide the numbering plans; without them the guesses are unchanged.
    """
    if rules is None or not any(column.kind == "phone" for column in columns):
        return columns
    out = list[ColumnGuess]()
    for column in columns:
        reading = _read(column, columns, rows, rules) if column.kind == "phone" else None
        if reading is None:
            out.append(column)
        else:
            why = f"{reading.share:.0%} of {reading.why}"
            sure = reading.share >= _SURE
            out.append(replace(column, region=reading.region, region_column=reading.column, region_why=why,
                               region_sure=sure))  # fmt: skip
    return tuple(out)


def _read(
    column: ColumnGuess, columns: Sequence[ColumnGuess], rows: Sequence[Sequence[str]], rules: Rules
) -> _Reading | None:
    """Return how to read the numbers of a column that have no plus sign; None: as in the home region."""
    bare = [(row, cell) for row in rows if _BARE.fullmatch(cell := value_at(row, column.position))][:_MOST_CELLS]
    cells = [cell for _, cell in bare]
    if len(cells) < _FEWEST_CELLS:
        return None
    home = _share(rules.calling_codes(cells, HOME))
    beside = _beside(column, columns, bare, rules)
    if beside and beside.share >= max(_GOOD, home + _CLEARLY_MORE):
        return beside
    abroad = _abroad(cells, home, rules)
    if len(abroad.countries) > 1 and abroad.share > home + _CLEARLY_MORE:
        return abroad
    one = None if home >= _HOME_ENOUGH else _one_region(cells, rules)
    best = max(filter(None, (abroad, one)), key=lambda reading: reading.share)
    return best if home < _HOME_ENOUGH and (best.share > home + _CLEARLY_MORE or best is one) else None


def _abroad(cells: Sequence[str], home: float, rules: Rules) -> _Reading:
    """Read the numbers as international ones without their plus sign."""
    codes = rules.calling_codes([f"+{_digits(cell)}" for cell in cells], HOME)
    countries = tuple(dict.fromkeys(code for code in codes if code))
    where = f"of {len(countries):,} countries" if len(countries) != 1 else f"+{countries[0]}"
    why = f"the numbers are valid with their country code in front, {where}; {home:.0%} are in {HOME}"
    return _Reading(INTERNATIONAL, _share(codes), why, countries=countries)


def _one_region(cells: Sequence[str], rules: Rules) -> _Reading | None:
    """Return the region in which most numbers are valid without a country code; None if no region stands out."""
    few = list(dict.fromkeys(cells))[:_MOST_CELLS_ABROAD]
    shares = sorted(((_share(rules.calling_codes(few, region)), region) for region in _ABROAD), reverse=True)
    share, region = shares[0]
    level = [other for one, other in shares if one > share - _CLEARLY_MORE]
    if share < _GOOD:
        return None
    if len(level) > 1:
        likely = min(level, key=_ABROAD.index)
        others = ", ".join(sorted(set(level) - {likely})[:5])
        why = f"the numbers, at least, are valid in {likely}, and so they are in {others}"
        return _Reading(likely, share if likely == _NEXT_DOOR else _UNSURE, why)
    return _Reading(region, share, f"the numbers are valid in {region}")


def _beside(
    column: ColumnGuess, columns: Sequence[ColumnGuess], bare: Sequence[tuple[Sequence[str], str]], rules: Rules
) -> _Reading | None:
    """Find the column of countries, or of calling codes, that makes most of the numbers valid."""
    best: _Reading | None = None
    for other in columns:
        if (
            other.position == column.position
            or other.kind
            or other.secret
            or not other.title
            or meaning_of(other.title)
        ):
            continue
        hints = [value_at(row, other.position) for row, _ in bare]
        given = [hint for hint in hints if hint]
        codes = sum(1 for hint in given if _ISO.fullmatch(hint) or _CODE.fullmatch(hint))
        if not given or codes < _CODE_SHARE * len(given):
            continue
        groups = defaultdict[str, list[str]](list)
        for hint, (_, cell) in zip(hints, bare, strict=True):
            groups[hint].append(cell)
        share = sum(_count(hint, cells, rules) for hint, cells in groups.items()) / len(bare)
        if len(groups) > 1 and (best is None or share > best.share):
            best = _Reading(HOME, share, "the numbers are valid in the country that this column names", other.title)
    return best


def _count(hint: str, cells: Sequence[str], rules: Rules) -> int:
    """Count the numbers that are valid in the country given by a cell beside them."""
    if _ISO.fullmatch(hint):
        return sum(1 for code in rules.calling_codes(cells, hint.upper()) if code)
    code = _CODE.fullmatch(hint)
    if code is None:
        return sum(1 for one in rules.calling_codes(cells, HOME) if one)
    whole = [f"+{code[1]}{_digits(cell).removeprefix('0')}" for cell in cells]
    return sum(1 for one in rules.calling_codes(whole, HOME) if one)


def _share(codes: Sequence[str]) -> float:
    return sum(1 for code in codes if code) / len(codes)


def _digits(cell: str) -> str:
    return _NOT_DIGITS.sub("", cell).removeprefix("00")
