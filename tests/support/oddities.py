"""Everything that is wrong or odd in a cell of a real dump, with what must come of it.

An oddity is made from a person, so that two of them are never the same value; its truth is written
down beside it and not worked out by anything.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

from tests.support.people import AISYAH, Draws, Person
from tests.support.spelling import Cell

Charset = Literal["any", "unicode", "bytes"]
"""In which files it can stand: all; those in a Unicode encoding; those in UTF-8, as raw bytes."""

BAD_BYTE = "\udc81"
"""Stands for the byte 0x81, which begins no character in UTF-8."""

_TO_FULL_WIDTH = {ord("0") + digit: 0xFF10 + digit for digit in range(10)}
_FULL_WIDTH_AT = "\uff20"


class Oddity(NamedTuple):
    """An odd cell.

    Attributes:
        name: what is odd.
        field: the field it stands in.
        make: the cell, for a person and drawn numbers.
        charset: in which files it can stand.
    """

    name: str
    field: str
    make: Callable[[Person, Draws], Cell]
    charset: Charset = "any"

    @property
    def refuses(self) -> bool:
        """Whether nothing usable is left in the cell."""
        cell = self.make(AISYAH, (0,) * 32)
        return bool(cell.refused) and not cell.found


def _refused(reason: str, text: Callable[[Person, Draws], str]) -> Callable[[Person, Draws], Cell]:
    return lambda person, n: Cell(text(person, n), refused=(reason,))


def _id(canonical: Callable[[Person], str], text: Callable[[str], str]) -> Callable[[Person, Draws], Cell]:
    def make(person: Person, _: Draws) -> Cell:
        value = canonical(person)
        return Cell(text(value), (("id", value),))

    return make


def _mobile(text: Callable[[str], str]) -> Callable[[Person, Draws], Cell]:
    """A mobile number of which `text` gets the national digits without the trunk prefix 0."""
    return lambda person, _: Cell(text(person.mobile[3:]), (("phone", person.mobile),))


def _two_phones(separator: str) -> Callable[[Person, Draws], Cell]:
    def make(person: Person, _: Draws) -> Cell:
        text = f"0{person.mobile[3:]}{separator}0{person.landline[3:]}"
        return Cell(text, (("phone", person.mobile), ("phone", person.landline)))

    return make


def _phone_beside_refused(person: Person, _: Draws) -> Cell:
    return Cell(f"0{person.mobile[3:]} / 01234", (("phone", person.mobile),), ("impossible_length",))


def _idna_email(person: Person, _: Draws) -> Cell:
    # RFC 5891 and Punycode (RFC 3492): the A-label of "bücher" is the textbook example.
    return Cell(f"{person.username}@BÜCHER.example", (("email", f"{person.username}@xn--bcher-kva.example"),))


def _no_address(template: str) -> Callable[[Person, Draws], Cell]:
    return lambda person, _: Cell(template.format(person.username), refused=("not_an_address",))


def _born_in_the_2000s(person: Person) -> str:
    return "07" + person.mykad[2:]


def _born_in_2000(person: Person) -> str:
    return "0011" + person.mykad[4:]


def full_mantissa(digits: str) -> str:
    """A number as a spreadsheet writes it when it keeps every digit; the last one must not be 0."""
    return f"{digits[0]}.{digits[1:]}E+{len(digits) - 1:02d}"


def short_mantissa(digits: str) -> str:
    """A number as a spreadsheet writes it when it keeps six digits."""
    return f"{digits[0]}.{digits[1:5]}1E+{len(digits) - 1:02d}"


def _ends_in_1(digits: str) -> str:
    return digits[:-1] + "1"


def _full_mantissa_phone(person: Person, _: Draws) -> Cell:
    number = _ends_in_1(person.mobile)
    return Cell(full_mantissa(number[1:]), (("phone", number),))


_DUMMY_IDS = ("123456", "123456789012", "000000000000", "999999999999", "111111")
_NO_PHONES = ("tiada", "TIDAK BERKENAAN", "call me later", "???")
_NO_ADDRESSES = ("{0}.example.com", "{0}@", "@example.com", "{0}@@example.com", "{0}@example..com")

_IDS = (
    Oddity("id_month_13", "id", _id(lambda p: f"{p.mykad[:2]}13{p.mykad[4:]}", str)),
    Oddity("id_30_february", "id", _id(lambda p: f"{p.mykad[:2]}0230{p.mykad[6:]}", str)),
    Oddity("id_place_unassigned", "id", _id(lambda p: f"{p.mykad[:6]}17{p.mykad[8:]}", str)),
    Oddity("id_zero_lost", "id", _id(_born_in_the_2000s, lambda v: v.lstrip("0"))),
    Oddity("id_zeros_lost", "id", _id(_born_in_2000, lambda v: v.lstrip("0"))),
    Oddity("id_point_zero", "id", _id(lambda p: p.mykad, lambda v: f"{v}.0")),
    Oddity("id_apostrophe", "id", _id(lambda p: p.mykad, lambda v: f"'{v}")),
    Oddity("id_full_mantissa", "id", _id(lambda p: "85" + p.mykad[2:], full_mantissa)),
    Oddity("id_full_width", "id", _id(lambda p: p.mykad, lambda v: v.translate(_TO_FULL_WIDTH)), "unicode"),
    Oddity("id_too_short", "id", _refused("too_short", lambda p, _: f"A{p.mykad[-3:]}")),
    Oddity("id_too_long", "id", _refused("too_long", lambda p, _: f"{p.mykad}/{p.mykad}")),
    Oddity("id_non_ascii", "id", _refused("non_ascii", lambda p, _: f"É{p.mykad[4:]}")),
    Oddity("id_dummy", "id", _refused("dummy", lambda _, n: _DUMMY_IDS[n[7] % 5])),
    Oddity("id_precision_lost", "id", _refused("precision_lost", lambda p, _: short_mantissa("85" + p.mykad[2:]))),
    Oddity(
        "id_bad_bytes",
        "id",
        _refused("bad_bytes", lambda p, _: p.mykad[:6] + BAD_BYTE + p.mykad[6:]),
        "bytes",
    ),
)
_PHONES = (
    Oddity("phone_zero_lost", "phone", _mobile(str)),
    Oddity("phone_point_zero", "phone", _mobile(lambda v: f"60{v}.0")),
    Oddity("phone_apostrophe", "phone", _mobile(lambda v: f"'0{v}")),
    Oddity("phone_full_mantissa", "phone", _full_mantissa_phone),
    Oddity("phone_full_width", "phone", _mobile(lambda v: f"0{v}".translate(_TO_FULL_WIDTH)), "unicode"),
    Oddity("phone_hard_space", "phone", _mobile(lambda v: f"0{v[:2]}\xa0{v[2:]}")),
    # Possible but not valid: a length the plan of Malaysia knows, and first digits it does not.
    Oddity(
        "phone_not_valid",
        "phone",
        lambda p, _: Cell(f"+602{p.mykad[:7]}", (("phone", f"+602{p.mykad[:7]}"),)),
    ),
    *(Oddity(f"two_phones{s.strip()}", "phone", _two_phones(s)) for s in (" / ", ";", ", ", " & ", " or ")),
    Oddity("two_phones_one_refused", "phone", _phone_beside_refused),
    Oddity("phone_too_short", "phone", _refused("impossible_length", lambda p, _: f"01{p.mykad[-3:]}")),
    Oddity("phone_too_long", "phone", _refused("impossible_length", lambda p, _: f"01{p.mykad}")),
    Oddity("phone_words", "phone", _refused("not_a_phone", lambda _, n: _NO_PHONES[n[7] & 3])),
    Oddity("phone_precision_lost", "phone", _refused("precision_lost", lambda p, _: short_mantissa(p.mobile[1:]))),
    Oddity("phone_bad_bytes", "phone", _refused("bad_bytes", lambda p, _: f"0{p.mobile[3:]}{BAD_BYTE}"), "bytes"),
)
_EMAILS = (
    Oddity("email_idna", "email", _idna_email),
    Oddity(
        "email_full_width",
        "email",
        lambda p, _: Cell(p.email.replace("@", _FULL_WIDTH_AT), (("email", p.email),)),
        "unicode",
    ),
    *(
        Oddity(
            f"email_no_address_{i}",
            "email",
            _no_address(template),
        )
        for i, template in enumerate(_NO_ADDRESSES)
    ),
    Oddity("email_non_ascii", "email", _refused("non_ascii_local", lambda p, _: f"é{p.username}@example.com")),
    Oddity("email_bad_bytes", "email", _refused("bad_bytes", lambda p, _: BAD_BYTE + p.email), "bytes"),
)
_TEXTS = (
    Oddity("name_quotes", "name", lambda p, _: Cell(f'{p.name} "MAT"')),
    Oddity("name_line_break", "name", lambda p, _: Cell(f"{p.name}\n(CONTOH)")),
    Oddity("name_comma", "name", lambda p, _: Cell(f"{p.name}, DATO'; TUAN")),
    Oddity("name_null", "name", lambda *_: Cell("NULL", absent=True)),
    Oddity("name_bad_bytes", "name", lambda p, _: Cell(p.name + BAD_BYTE), "bytes"),
    Oddity("address_null", "address", lambda *_: Cell("N/A", absent=True)),
)

ODDITIES = (*_IDS, *_PHONES, *_EMAILS, *_TEXTS)
