"""The many ways in which dumps write one and the same value.

Each function takes a canonical form and drawn numbers, and gives back a text that means just that
value: the spelling changes nothing about the truth. What does change it is in `oddities`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from tests.support.people import Draws, Person
from tests.support.truth import Identifier

NULLS = ("", "NULL", "\\N", "-", "N/A", "n.a", "nan", "None")
"""Cells that say that there is nothing."""


class Cell(NamedTuple):
    """A cell as it is written, and what must be found in it.

    Attributes:
        text: without any quoting. A lone surrogate U+DC80 to U+DCFF represents that raw byte.
        found: the identifiers in it.
        refused: the reason for each value in it that is no identifier.
        absent: whether it says that there is nothing.
    """

    text: str
    found: tuple[Identifier, ...] = ()
    refused: tuple[str, ...] = ()
    absent: bool = False


def nothing(number: int = 0) -> Cell:
    """A cell that says that there is nothing, in one of the ways to say it."""
    return Cell(NULLS[number % len(NULLS)], absent=True)


def official_id(canonical: str, n: Draws) -> Cell:
    """A MyKad with or without its dashes, any other number in either case."""
    return Cell(_official_id(canonical, n[0] % 8), (("id", canonical),))


def phone(canonical: str, n: Draws) -> Cell:
    """A number with or without country code, trunk prefix and punctuation."""
    form = n[1] % 10
    if canonical.startswith("+60"):
        return Cell(_malaysian_phone(canonical[3:], form), (("phone", canonical),))
    digits = canonical[1:]
    texts = (
        canonical,
        f"00{digits}",
        f"+{digits[:2]} {digits[2:5]} {digits[5:]}",
        f"+{digits[:2]}-{digits[2:]}",
    )
    return Cell(texts[form % 4], (("phone", canonical),))


def email(canonical: str, n: Draws) -> Cell:
    """An address in lower or upper case, bare or in one of its wrappings."""
    form = n[2] % 9
    if form < 4:
        text = canonical
    elif form == 4:
        text = canonical.upper()
    elif form == 5:
        text = canonical.title()
    elif form == 6:
        text = f"<{canonical}>"
    elif form == 7:
        text = f"mailto:{canonical}"
    else:
        text = f" {canonical} "
    return Cell(text, (("email", canonical),))


def username(canonical: str, n: Draws) -> Cell:
    """A name in lower or upper case."""
    return Cell((canonical, canonical, canonical.upper(), f" {canonical}")[n[3] & 3], (("username", canonical),))


def imsi(canonical: str, _: Draws) -> Cell:
    """Fifteen digits; there is no other notation."""
    return Cell(canonical, (("imsi", canonical),))


def imei(digits: str, n: Draws) -> Cell:
    """15 digits with the check digit or a zero for it, 14 without, 16 with a software version instead."""
    canonical = digits[:14]
    texts = (digits, digits, canonical, f"{canonical}0", f"{canonical}01")
    return Cell(texts[n[4] % 5], (("imei", canonical),))


def iccid(canonical: str, n: Draws) -> Cell:
    """With or without the filler that makes 19 digits 10 bytes."""
    return Cell(canonical if n[5] & 1 else f"{canonical}F", (("iccid", canonical),))


def clean_cells(person: Person, fields: tuple[str, ...], n: Draws, *, complete: bool) -> dict[str, Cell]:
    """One cell for each of the named fields.

    Unless `complete`, some are missing, but never the identity number and the phone of one person.
    """
    cells = {}
    for name in fields:
        cells[name] = _clean_cell(person, name, n, complete=complete)
    return cells


def _clean_cell(person: Person, name: str, n: Draws, *, complete: bool) -> Cell:
    if not complete and n[_MISSING[name][0]] % 16 in _MISSING[name][1]:
        return nothing(n[9] if name == "phone" else 0)
    if name == "id":
        return official_id(person.document, n)
    if name == "phone":
        return phone(person.foreign or (person.landline if n[8] % 16 == 3 else person.mobile), n)
    if name in _SPELLERS:
        return _SPELLERS[name](getattr(person, name), n)
    return Cell(getattr(person, name))


# Field → which drawn number decides whether it is missing, and for which of 16 values it is.
_MISSING: Mapping[str, tuple[int, tuple[int, ...]]] = {
    "id": (8, (0,)),
    "phone": (8, (1,)),
    "email": (10, (0, 4, 8, 12)),
    "imsi": (10, (1, 5, 9)),
    "imei": (10, (2, 5, 9)),
    "iccid": (10, (3, 5, 9)),
    "username": (10, ()),
    "name": (10, ()),
    "address": (10, (15,)),
}
_SPELLERS = {"email": email, "username": username, "imsi": imsi, "imei": imei, "iccid": iccid}


def _official_id(canonical: str, form: int) -> str:
    if len(canonical) == 12 and form < 5:
        separator = ("-", "-", "-", " ", "")[form]
        text = f"{canonical[:6]}{separator}{canonical[6:8]}{separator}{canonical[8:]}"
        return f" {text} " if form == 2 else text
    return canonical.lower() if form == 5 else canonical


def _malaysian_phone(national: str, form: int) -> str:
    if form < 3:
        return (f"0{national}", f"60{national}", f"+60{national}")[form]
    area_digits = 1 if national[0] in "345679" else 2
    area, number = national[:area_digits], national[area_digits:]
    spaced = f"{number[:-4]} {number[-4:]}"
    return (
        f"0{area}-{spaced}",
        f"+60 {area}-{spaced}",
        f"0{area}-{number}",
        f"0060{national}",
        f"(0{area}) {number}",
        f"+60 (0){area}-{spaced}",
        f" 0{area} {spaced} ",
    )[form - 3]
