"""Which characters the bytes stand for.

A byte order mark wins. Without one: UTF-16 and UTF-32 betray themselves by where their NULs are, UTF-8
by being valid, the East Asian double-byte sets by pairs of bytes that are all frequent characters.
What is left is some single-byte set, and those cannot be told apart without knowing the language:
windows-1252 it is, as the WHATWG Encoding Standard decrees for everything labelled latin-1, and unsure.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, replace

# UTF-32 first: its little-endian mark begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_UNDEFINED_IN_CP1252 = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
_HIGH_BYTE = re.compile(rb"[\x80-\xff]")
_LONE_SURROGATE = re.compile("[\udc80-\udcff]")
_NON_ASCII_CHARACTER = re.compile("[^\x00-\x7f]")
# (codec, a character of two bytes, a frequent one). Frequent: the hangul of KS X 1001, the level-1 hanzi
# of GB 2312 and Big5, the kana of JIS X 0208. From the rarer to the more common lead bytes.
_DOUBLE_BYTE = (
    (
        "cp932",
        re.compile(rb"[\x81-\x9f\xe0-\xfc][\x40-\x7e\x80-\xfc]"),
        re.compile(rb"\x82[\x9f-\xf1]|\x83[\x40-\x96]"),
    ),
    ("cp949", re.compile(rb"[\x81-\xfe][\x41-\xfe]"), re.compile(rb"[\xb0-\xc8][\xa1-\xfe]")),
    ("gb18030", re.compile(rb"[\x81-\xfe][\x40-\x7e\x80-\xfe]"), re.compile(rb"[\xb0-\xd7][\xa1-\xfe]")),
    (
        "big5",
        re.compile(rb"[\xa1-\xf9][\x40-\x7e\xa1-\xfe]"),
        re.compile(rb"[\xa4-\xc6][\x40-\x7e\xa1-\xfe]"),
    ),
)
_FREQUENT_SHARE = {"cp932": 0.6, "cp949": 0.98, "gb18030": 0.9, "big5": 0.9}
# Accented letters beside other letters, dashes, curly quotes, the euro sign, a no-break space.
_LIKELY_IN_CP1252 = re.compile(
    "[À-ÖØ-öø-ý](?=[A-Za-z])|(?<=[A-Za-z])[À-ÖØ-öø-ý]|[\u2013\u2014\u2018-\u201d\u2022\u2026\u20ac\xa0]"
)
_LIKELY_SHARE = 0.5
_DAMAGED_SHARE = 0.02
_FEWEST_DOUBLE_BYTE_CHARACTERS = 10
_CONVINCING_UTF8_CHARACTERS = 20


@dataclass(frozen=True, slots=True)
class Charset:
    """An encoding, and the sample read in it.

    Attributes:
        encoding: a name Python's codecs know.
        confidence: 0 to 1.
        text: the sample, without a mark; what does not decode is U+FFFD.
        undecodable: bytes (UTF-16 and UTF-32: code units) that do not decode.
    """

    encoding: str
    confidence: float
    text: str
    undecodable: int


def guess_charset(sample: bytes, *, complete: bool, further: bytes = b"") -> Charset:
    """Find the encoding of `sample` and decode it.

    Args:
        sample: the head of the file.
        complete: whether it is the whole file; if not, a character cut at its end is not an error.
        further: whole lines from further on, if they were easy to come by. A head of ASCII says nothing of them.
    """
    guess = _guess(sample, complete=complete)
    if further.isascii() or b"\0" in sample or sample.startswith(tuple(mark for mark, _ in _MARKS)):
        return guess
    both = _guess(sample + b"\n" + further, complete=False)
    if both.encoding == guess.encoding == "utf-8":
        return replace(guess, confidence=both.confidence, undecodable=both.undecodable)
    return replace(both, text=_decode(sample, both.encoding, complete=complete)[0])


def _guess(sample: bytes, *, complete: bool) -> Charset:
    for mark, encoding in _MARKS:
        if sample.startswith(mark):
            text, bad = _decode(sample[len(mark) :], encoding.removesuffix("-sig"), complete=complete)
            return Charset(encoding, 1.0, text, bad)
    wide = _wide_by_nuls(sample)
    if wide:
        text, bad = _decode(sample, wide, complete=complete)
        return Charset(wide, 0.9, text, bad)
    text, bad = _decode(sample, "utf-8", complete=complete)
    good = len(_NON_ASCII_CHARACTER.findall(text)) - bad
    if not bad:
        # Pure ASCII in the head says nothing about the rest of the file.
        return Charset("utf-8", 0.99 if good else 0.9, text, 0)
    if good >= bad:
        return Charset("utf-8", 0.9 if good >= _CONVINCING_UTF8_CHARACTERS else 0.6, text, bad)
    return _double_byte(sample, complete=complete) or _single_byte(sample, complete=complete)


def _decode(data: bytes, encoding: str, *, complete: bool) -> tuple[str, int]:
    """Decode all that can be; returns the text and the number of bytes or code units that cannot."""
    if encoding != "utf-8":
        text = codecs.getincrementaldecoder(encoding)("replace").decode(data, final=complete)
        return text, text.count("\ufffd")
    # One lone surrogate per byte keeps bytes that are wrong apart from a U+FFFD the file already holds.
    text = codecs.getincrementaldecoder(encoding)("surrogateescape").decode(data, final=complete)
    text, bad = _LONE_SURROGATE.subn("\ufffd", text)
    return text, bad


def _wide_by_nuls(sample: bytes) -> str | None:
    """Tell UTF-16 and UTF-32 without a mark by the places of their NUL bytes."""
    head = sample[:65_536]
    head = head[: len(head) // 4 * 4]
    if not head or b"\x00" not in head:
        return None
    share = [head[place::4].count(0) / (len(head) // 4) for place in range(4)]
    many, few, nearly_all = 0.3, 0.05, 0.9
    if share[0] <= few and min(share[2], share[3]) >= nearly_all:
        return "utf-32-le"
    if share[3] <= few and min(share[0], share[1]) >= nearly_all:
        return "utf-32-be"
    if max(share[0], share[2]) <= few and min(share[1], share[3]) >= many:
        return "utf-16-le"
    if max(share[1], share[3]) <= few and min(share[0], share[2]) >= many:
        return "utf-16-be"
    return None


def _double_byte(sample: bytes, *, complete: bool) -> Charset | None:
    """The first double-byte set that reads every byte and yields nearly only frequent characters."""
    for encoding, character, frequent in _DOUBLE_BYTE:
        pairs = character.findall(sample)
        if len(pairs) < _FEWEST_DOUBLE_BYTE_CHARACTERS:
            continue
        if sum(1 for pair in pairs if frequent.fullmatch(pair)) < _FREQUENT_SHARE[encoding] * len(pairs):
            continue
        text, bad = _decode(sample, encoding, complete=complete)
        if not bad:
            return Charset(encoding, 0.6, text, 0)
    return None


def _single_byte(sample: bytes, *, complete: bool) -> Charset:
    """windows-1252 if the high bytes make words; UTF-8 with damage if there are only a few odd ones."""
    high = len(_HIGH_BYTE.findall(sample))
    if _UNDEFINED_IN_CP1252.search(sample):
        text, encoding = sample.decode("latin-1"), "latin-1"
    else:
        text, encoding = sample.decode("cp1252"), "cp1252"
    likely = len(_LIKELY_IN_CP1252.findall(text)) / high
    if likely >= _LIKELY_SHARE:
        return Charset(encoding, 0.4 + 0.4 * likely if encoding == "cp1252" else 0.3, text, 0)
    if high <= _DAMAGED_SHARE * len(sample):
        text, bad = _decode(sample, "utf-8", complete=complete)
        return Charset("utf-8", 0.4, text, bad)
    return Charset(encoding, 0.2, text, 0)
