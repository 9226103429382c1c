"""Invented people: every value a dump can hold about a person, drawn from a seed and a number.

`person(seed, i)` is a pure function, so any row of any dump can be made again on its own, on any
machine, without the rows before it. All people are invented: names are put together from lists, numbers
are drawn, and every e-mail name holds the word "contoh" (Malay for "example") and a running number.

The canonical forms are what is generated; how a dump spells them is decided in `spelling`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from hashlib import blake2b
from typing import NamedTuple

Draws = tuple[int, ...]
"""32 numbers below 65,536: all the randomness that one row uses for one purpose."""

_DRAWS = struct.Struct("<32H")
_KEY = struct.Struct("<QQ")


class Person(NamedTuple):
    """One invented person.

    Attributes:
        number: the one it was drawn with.
        name: in Latin letters, as an identity card has it; encodable in cp1252.
        native_name: the same kind of name in Chinese, Tamil or Jawi script, or `name`.
        mykad: 12 digits with a real date and an assigned birthplace code; the last digit is never 0.
        document: the number this person is known by: the MyKad of nine people in ten, else a
            passport, an old identity card or a company registration number.
        old_ic: 7 digits, issued until 1990.
        mobile, landline: E.164, Malaysian, valid.
        foreign: E.164 of one of the neighbouring countries, or empty.
        email: lower-case ASCII, with the dots and the +tag it was registered with.
        username: lower-case ASCII.
        street: address in one line, without quotes.
        address: address in several lines, with commas and sometimes quotes.
        plan, password: values of columns that no manifest names.
        imsi: 15 digits, MCC 502 (Malaysia, ITU-T E.212).
        imei: 15 digits with a Luhn check digit (3GPP TS 23.003 §6.2.1).
        iccid: 19 digits with a Luhn check digit (ITU-T E.118).
    """

    number: int
    name: str
    native_name: str
    mykad: str
    document: str
    old_ic: str
    mobile: str
    landline: str
    foreign: str
    email: str
    username: str
    street: str
    address: str
    plan: str
    password: str
    imsi: str
    imei: str
    iccid: str


AISYAH = Person(
    number=0,
    name="AISYAH BINTI RAHMAN",
    native_name="عائشة بنت رحمن",
    mykad="850101145678",
    document="850101145678",
    old_ic="5512348",
    mobile="+60123456789",
    landline="+60321612345",
    foreign="",
    email="aisyah@example.com",
    username="aisyah88",
    street="88, Jalan Contoh 1/2, 50480 Kuala Lumpur",
    address='No. 88, Jalan Contoh 1/2,\nTaman "Contoh",\n50480 Kuala Lumpur',
    plan="PRABAYAR 30",
    password="contoh-sahaja",
    imsi="502121234567890",
    imei="260531793113837",
    iccid="8960012345678901234",
)
"""The person to look up: also the subject of the published key vectors."""

_MALAY = (
    "AHMAD",
    "NURUL",
    "SITI",
    "MOHD",
    "FARAH",
    "HAFIZ",
    "ZULKIFLI",
    "AMINAH",
    "IZZATI",
    "KHAIRUL",
    "RENÉ",
)
_FATHERS = ("ABDULLAH", "RAHMAN", "ISMAIL", "HASSAN", "YUSOF", "KARIM", "OTHMAN", "SALLEH", "D'CRUZ", "AZIZ")
_CHINESE = ("TAN", "LIM", "LEE", "WONG", "CHONG", "NG", "GOH", "ONG")
_GIVEN = ("MEI LING", "WEI JIE", "KAH HOE", "SIEW LAN", "JUN KIT", "XIN YI", "BOON HUAT", "PEI SHAN")
_INDIAN = ("KAVITHA", "RAJESH", "PRIYA", "SURESH", "DEEPA", "MURUGAN", "ANJALI", "GANESH")
_NATIVE = ("陈美玲", "林伟杰", "李佳豪", "黄秀兰", "கவிதா முருகன்", "ராஜேஷ்", "احمد بن عبدالله", "نورول")
_TOWNS = (
    "50480 Kuala Lumpur",
    "40000 Shah Alam",
    "10050 Pulau Pinang",
    "80000 Johor Bahru",
    "88000 Kota Kinabalu",
    "93000 Kuching",
    "25000 Kuantan",
    "30000 Ipoh",
)
_ROADS = ("Mawar", "Melati", "Kenanga", "Cempaka", "Rasa Sayang", "Merdeka", "Tun Contoh", "Café Lama")
_PLANS = ("PRABAYAR 30", "PASCABAYAR 68", "PASCABAYAR 98", "IoT-5", "KELUARGA 4+1")
# gmail.com and googlemail.com are there for the base address; the others are reserved (RFC 2606).
_DOMAINS = (
    *("gmail.com",) * 4,
    "googlemail.com",
    *("example.com",) * 3,
    "example.net",
    "example.org",
    "pos.example",
    "surat.contoh.example",
)
_TAGS = ("+promo", "+bank", "+tol2u", "+x")
# Assigned birthplace codes (National Registration Department of Malaysia, as listed by python-stdnum).
_PLACES = (*range(1, 17), *range(21, 60), 60, 61, 66, 67, 71, 74, 75, 79, 82)
_PLACE_CODES = tuple(f"{place:02d}" for place in _PLACES)
# First digits of a national number and how many follow: valid in libphonenumber's plan of Malaysia.
_MOBILES = ("122", "123", "126", "132", "136", "162", "166", "172", "176", "192", "196")
_LANDLINES = (("321", 6), ("377", 6), ("426", 5), ("72", 6), ("882", 5), ("822", 5))
_FOREIGN = (("+6591", 6), ("+62812", 8), ("+6681", 7), ("+6738", 6), ("+447400", 6), ("+1212555", 4))
_TACS = ("35391805", "35674108", "86723403", "01332700")


_TWO = tuple(f"{n:02d}" for n in range(100))
_THREE = tuple(f"{n:03d}" for n in range(1000))
_DOUBLED = bytes.maketrans(b"0123456789", b"0246813579")


def luhn_digit(digits: str) -> str:
    """The Luhn check digit (ISO/IEC 7812-1 annex B) that follows an even number of digits."""
    text = digits.encode()
    total = sum(text[::2]) + sum(text[1::2].translate(_DOUBLED)) - len(text) * ord("0")
    return str(-total % 10)


def draw(seed: int, index: int, purpose: bytes) -> Draws:
    """The numbers that belong to (seed, index, purpose), independent of every other combination.

    Args:
        seed, index: 0 to 2**64 - 1.
        purpose: up to 16 bytes.
    """
    return _DRAWS.unpack(blake2b(_KEY.pack(seed, index), person=purpose).digest())


def person(seed: int, index: int) -> Person:
    """The person with this number in the world of this seed."""
    n = draw(seed, index, b"person")
    name, native_name = _name(n)
    mykad = (
        f"{_TWO[n[4] % 100]}{_TWO[1 + n[5] % 12]}{_TWO[1 + n[6] % 28]}"
        f"{_PLACE_CODES[n[7] % len(_PLACE_CODES)]}{_THREE[n[8] % 1000]}{1 + n[9] % 9}"
    )
    old_ic = f"{3 + n[10] % 6}{_THREE[n[11] % 1000]}{_THREE[n[9] % 1000]}"
    plot = f"{1 + n[20] % 300}, Jalan {_ROADS[n[21] % 8]} {1 + n[22] % 9}/{1 + n[23] % 30}"
    town = _TOWNS[n[24] % 8]
    local = f"{name.partition(' ')[0].lower()}.contoh".replace("é", "e")
    serial = f"{_THREE[n[25] % 1000]}{index}"
    drawn = f"{_THREE[n[26] % 1000]}{_THREE[n[27] % 1000]}{_THREE[n[28] % 1000]}{_THREE[n[30] % 1000]}"
    equipment = f"{_TACS[n[29] & 3]}{drawn[-6:]}"
    sim = f"896012{drawn}"
    return Person(
        index,
        name,
        native_name,
        mykad,
        _document(n, mykad, old_ic),
        old_ic,
        _mobile(n),
        _number("+60", _LANDLINES[n[14] % 6], n[15], n[12]),
        _number("", _FOREIGN[n[16] % 6], n[15], n[13]) if n[16] % 16 == 0 else "",
        f"{local}{serial}{_TAGS[n[18] >> 3 & 3] if n[18] % 8 == 0 else ''}@{_DOMAINS[n[19] % len(_DOMAINS)]}",
        f"{local[:4]}_{serial}",
        f"{plot}, {town}",
        f'No. {plot},\nTaman "{_ROADS[n[22] % 8]}",\n{town}' if n[21] % 4 == 0 else f"No. {plot},\n{town}",
        _PLANS[n[23] % 5],
        f"rahsia-{n[31]:04x}",
        f"50212{drawn[2:]}",
        equipment + luhn_digit(equipment),
        sim + luhn_digit(sim),
    )


def people(seed: int, first: int = 0) -> Iterator[Person]:
    """Everybody from number `first` on, without end and without memory."""
    index = first
    while True:
        yield person(seed, index)
        index += 1


def _name(n: Draws) -> tuple[str, str]:
    sort = n[0] % 8
    if sort < 5:
        link = "BIN" if n[1] & 1 else "BINTI"
        name = f"{_MALAY[n[1] % 11]} {_MALAY[n[2] % 11]} {link} {_FATHERS[n[3] % 10]}"
    elif sort < 7:
        name = f"{_CHINESE[n[1] & 7]} {_GIVEN[n[2] & 7]}"
    else:
        name = f"{_INDIAN[n[1] & 7]} A/L {_INDIAN[n[2] & 7]}"
    return name, _NATIVE[n[3] & 7] if n[2] & 1 else name


def _document(n: Draws, mykad: str, old_ic: str) -> str:
    sort = n[17] % 32
    if sort >= 3:
        return mykad
    if sort == 0:
        return f"{'AHK'[n[10] % 3]}{n[11] % 10000:04d}{n[12] % 10000:04d}"  # A: peninsula, H: Sabah, K: Sarawak
    if sort == 1:
        return old_ic
    # Companies Commission of Malaysia: year, 01 (local company) to 06, running number; since October 2019.
    return f"20{19 + n[10] % 6}0{1 + n[11] % 6}{n[12] % 1000:03d}{1 + n[13] % 999:03d}"


def _mobile(n: Draws) -> str:
    if n[13] % 12 == 0:
        return f"+6011{1 + n[14] % 5}{n[15] % 1000:03d}{n[12] % 10000:04d}"
    return f"+60{_MOBILES[n[13] % 11]}{n[15] % 1000:03d}{n[12] % 1000:03d}"


def _number(country: str, block: tuple[str, int], high: int, low: int) -> str:
    prefix, digits = block
    return f"{country}{prefix}{(high << 16 | low) % 10**digits:0{digits}d}"
