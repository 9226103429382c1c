"""Recognize the shape of a single cell, regardless of its column's name.

Shapes only distinguish columns; validity is decided by `identifiers`. Every pattern runs in linear time on at most
`MAX_CELL_CHARACTERS`.

Sources: MyKad: birthplace codes of the National Registration Department (JPN), as in python-stdnum; telephone: the
numbering plan of the Malaysian Communications and Multimedia Commission (01x mobile, 03 to 09 fixed), and E.164; IMEI:
3GPP TS 23.003 and Luhn; IMSI: MCC 502 of ITU-T E.212; ICCID: prefix 89 of ITU-T E.118; hashes: the lengths of MD5 to
SHA-512 and the prefixes of crypt(5).
"""

from __future__ import annotations

import re
from enum import Enum

MAX_CELL_CHARACTERS = 256


class Shape(Enum):
    """Shape of a cell; one cell may have several."""

    EMAIL = "e-mail addresses"
    MYKAD = "MyKad numbers"
    OTHER_ID = "old identity card, service or passport numbers"
    PASSPORT = "passport numbers"
    ID_LIKE = "identity numbers of some kind"
    PHONE = "telephone numbers"
    PHONE_LIKE = "telephone numbers of some country"
    IMEI = "IMEI numbers"
    IMSI = "IMSI numbers"
    ICCID = "SIM card numbers"
    USERNAME_LIKE = "user names"
    NUMBER = "numbers"
    DATE = "dates"
    IP = "IP addresses"
    HASH = "hashes"
    PERSON = "names of persons"
    WORDS = "words"
    ADDRESS = "postal addresses"
    GENDER = "genders"


DATA_SHAPES = frozenset(
    {Shape.EMAIL, Shape.MYKAD, Shape.PASSPORT, Shape.PHONE, Shape.NUMBER, Shape.DATE, Shape.IP, Shape.HASH}
)
"""Shapes that no column name has."""

_NULL_LIKE = frozenset({"NULL", "\\N", "-", "--", "N/A", "#N/A", "NA", "N.A", "N.A.", "NAN", "NONE", "NIL", "(NULL)"})
_LONGEST_NULL_LIKE = max(map(len, _NULL_LIKE))
_MYKAD = re.compile(
    r"\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])[- ]?"
    r"(?:0[1-9]|1[0-6]|2[1-9]|[3-5]\d|6[0-8]|7[124-9]|8[2-9]|9[0-389])[- ]?\d{4}"
)
_OTHER_ID = re.compile(r"\d{7}|[A-Z]{1,3}\d{6,8}")
_PASSPORT = re.compile(r"[A-Z]{1,2}\d{7,8}")
_ID_LIKE = re.compile(r"(?=.{5,20}$)[A-Za-z]{0,4}\d{4,20}[A-Za-z]{0,2}")
_ID_SEPARATORS = re.compile(r"[ ./()-]")
_PHONE = re.compile(
    r"(?:\+|00)?60(?:1\d{8,9}|[3-9]\d{7,8})|0(?:1\d{8,9}|[3-9]\d{7,8})|\+[1-9]\d{7,14}|1[0-46-9]\d{7,8}"
)
_PHONE_LIKE = re.compile(r"\+?\d{7,15}")
_PHONE_SEPARATORS = re.compile(r"[ .()-]")
_SEVERAL = re.compile(r"[/;,&]")
_EMAIL = re.compile(r"[^\s@,;:\"<>()]{1,64}@(?:[^\s@,;:\"<>().]{1,63}\.){1,8}[^\s@,;:\"<>().\d]{2,24}")
_NUMBER = re.compile(r"[-+]?[\d.,]{0,30}\d[\d.,]{0,30}(?:[Ee][-+]?\d{1,4})?")
_DATE = re.compile(
    r"(?:\d{4}[-/.]\d\d?[-/.]\d\d?|\d\d?[-/. ](?:\d\d?|[A-Za-z]{3,9})[-/. ](?:\d{4}|\d\d))"
    r"(?:[ T]\d\d?[:.]\d\d.{0,15})?"
    r"|(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
)
_IP = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}|(?:[0-9A-Fa-f]{0,4}:){3,7}[0-9A-Fa-f]{0,4}")
_HASH = re.compile(
    r"(?:0x|\*)?(?:[0-9A-Fa-f]{32}(?:[0-9A-Fa-f]{8}){0,4}|[0-9A-Fa-f]{96}|[0-9A-Fa-f]{128})"
    r"|\$(?:1|2[abxy]?|5|6|y|P|H|S|argon2(?:id|i|d)|apr1|scrypt|pbkdf2[a-z0-9-]{0,12})\$.{10,200}"
    r"|\{(?:S?SHA(?:256|512)?|S?MD5|CRYPT)\}.{10,200}|pbkdf2_sha\d{1,3}\$.{10,200}"
)
_USERNAME_LIKE = re.compile(r"(?=[\W\d_]{0,63}[^\W\d_])[^\s@,;|]{2,64}")
_WORDS = re.compile(r"[^\W\d_][^\d_:;|\\<>\[\]{}=+*#$%^~!?\"]{1,100}")
# Particles of Malaysian names (bin, binti, anak lelaki, anak perempuan) and the commonest titles.
_PERSON = re.compile(r"\b(?:BIN|BINTI|BT|BTE|A/L|A/P|S/O|D/O|ANAK|HAJI|HAJAH|MOHD|MUHAMMAD|NUR|SITI)\b", re.IGNORECASE)
_ADDRESS = re.compile(
    r"\b(?:JALAN|JLN|LORONG|LRG|TAMAN|TMN|KAMPUNG|KG|LOT|BLOK|BLOCK|PERSIARAN"
    r"|BANDAR|FLAT|FELDA|APARTMENT|CONDO(?:MINIUM)?"
    r"|ROAD|RD|STREET|AVENUE|LANE|UNIT|NO\. ?\d{1,6})\b",
    re.IGNORECASE,
)
_GENDERS = frozenset({"M", "F", "L", "P", "MALE", "FEMALE", "LELAKI", "PEREMPUAN", "MAN", "WOMAN"})
_SHORTEST_ADDRESS = 8
_IMSI = re.compile(r"502\d{12}")
_IMEI = re.compile(r"\d{15}")
# Without check digit, or with software version; the prefix is that of a reporting body.
_IMEI_OTHER = re.compile(r"(?:01|35|86|99)(?:\d{12}|\d{14})")
_ICCID = re.compile(r"89\d{16,18}F?", re.IGNORECASE)
_DIGITS = re.compile(r"\d+")


def is_null_like(cell: str) -> bool:
    """Return whether a trimmed cell is a written form of "no value"."""
    return len(cell) <= _LONGEST_NULL_LIKE and cell.upper() in _NULL_LIKE


def shapes_of(cell: str) -> set[Shape]:
    """Return all shapes of a trimmed, non-empty cell; only its first `MAX_CELL_CHARACTERS` count."""
    cell = cell[:MAX_CELL_CHARACTERS]
    if "@" in cell and " " not in cell:  # between blanks, it means "also known as" in Malaysia
        bare = cell.removeprefix("mailto:").removeprefix("<").removesuffix(">")
        return {Shape.EMAIL} if _EMAIL.fullmatch(bare) else set()
    shapes = {shape for shape, pattern in _ALWAYS if pattern.fullmatch(cell)}
    if cell.upper() in _GENDERS:
        shapes.add(Shape.GENDER)
    if any(character.isdigit() for character in cell):
        shapes |= _numeric_shapes(cell)
    elif Shape.WORDS in shapes and _PERSON.search(cell):
        shapes.add(Shape.PERSON)
    if len(cell) >= _SHORTEST_ADDRESS and _ADDRESS.search(cell):
        shapes.add(Shape.ADDRESS)
    return shapes


_ALWAYS = ((Shape.HASH, _HASH), (Shape.WORDS, _WORDS), (Shape.USERNAME_LIKE, _USERNAME_LIKE))
_WITH_DIGITS = ((Shape.MYKAD, _MYKAD), (Shape.NUMBER, _NUMBER), (Shape.DATE, _DATE), (Shape.IP, _IP))


def _numeric_shapes(cell: str) -> set[Shape]:
    shapes = {shape for shape, pattern in _WITH_DIGITS if pattern.fullmatch(cell)}
    bare = _ID_SEPARATORS.sub("", cell)
    if _ID_LIKE.fullmatch(bare):
        shapes.add(Shape.ID_LIKE)
        if _PASSPORT.fullmatch(bare):
            shapes.add(Shape.PASSPORT)
    number = _PHONE_SEPARATORS.sub("", _SEVERAL.split(cell, maxsplit=1)[0])
    if _PHONE_LIKE.fullmatch(number):
        shapes.add(Shape.PHONE_LIKE)
        if _PHONE.fullmatch(number):
            shapes.add(Shape.PHONE)
    if _ICCID.fullmatch(bare):
        shapes.add(Shape.ICCID)
    if _OTHER_ID.fullmatch(bare):
        shapes.add(Shape.OTHER_ID)
    if _DIGITS.fullmatch(bare) and bare.isascii():
        shapes |= _device_shapes(bare)
    return shapes


def _device_shapes(digits: str) -> set[Shape]:
    if _IMSI.fullmatch(digits):
        return {Shape.IMSI}
    checked = _IMEI.fullmatch(digits) and (digits.endswith("0") or _luhn(digits))
    return {Shape.IMEI} if checked or _IMEI_OTHER.fullmatch(digits) else set()


def _luhn(digits: str) -> bool:
    """Check a number by ISO/IEC 7812-1, annex B."""
    odd = sum(map(int, digits[-1::-2]))
    even = sum(sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (odd + even) % 10 == 0
