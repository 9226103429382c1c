"""Detect the character encoding.

A byte order mark wins. Without one: UTF-16 and UTF-32 betray themselves by where their NULs are, UTF-8 by being valid,
EBCDIC by its blanks and digits. What is left cannot be told apart without knowing languages, which a library does
(`languages`).
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
_HIGH_BYTE = re.compile(rb"[\x80-\xff]")
_LONE_SURROGATE = re.compile("[\udc80-\udcff]")
_NON_ASCII_CHARACTER = re.compile("[^\x00-\x7f]")
_DAMAGED_SHARE = 0.02
_DAMAGED_SPELLING = 0.5
_CONVINCING_UTF8_CHARACTERS = 20
_EBCDIC = "cp037"
_EBCDIC_SHARE = 0.8
_EBCDIC_SIGNS = re.compile(
    rb"[\x40\x4b\x60\x61\x6b\x7c\x15\x25\x81-\x89\x91-\x99\xa2-\xa9\xc1-\xc9\xd1-\xd9\xe2-\xe9\xf0-\xf9]"
)
_ASCII_WORD_SIGNS = re.compile(rb"[0-9A-Za-z ]")


@dataclass(frozen=True, slots=True)
class Charset:
    """Encoding, and the sample decoded with it.

    Attributes:
        encoding: a name Python's codecs know.
        confidence: 0 to 1.
        text: the sample, without a mark; what does not decode is U+FFFD.
        undecodable: bytes (UTF-16 and UTF-32: code units) that do not decode.
        rivals: other encodings that are about as likely, the likeliest first.
    """

    encoding: str
    confidence: float
    text: str
    undecodable: int
    rivals: tuple[str, ...] = ()


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
    if good >= bad or _ends_within_a_character(sample):
        return Charset("utf-8", 0.9 if good >= _CONVINCING_UTF8_CHARACTERS else 0.6, text, bad)
    return _by_language(sample, complete=complete)


def _decode(data: bytes, encoding: str, *, complete: bool) -> tuple[str, int]:
    """Decode all that can be; returns the text and the number of bytes or code units that cannot."""
    if encoding != "utf-8":
        text = codecs.getincrementaldecoder(encoding)("replace").decode(data, final=complete)
        return text, text.count("\ufffd")
    # One lone surrogate per byte keeps bytes that are wrong apart from a U+FFFD the file already holds.
    text = codecs.getincrementaldecoder(encoding)("surrogateescape").decode(data, final=complete)
    text, bad = _LONE_SURROGATE.subn("\ufffd", text)
    return text, bad


def _ends_within_a_character(sample: bytes) -> bool:
    """Whether all that does not decode is the beginning of one character at the very end."""
    return not _decode(sample, "utf-8", complete=False)[1]


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


def _by_language(sample: bytes, *, complete: bool) -> Charset:
    """The encoding in which the high bytes make words of some language; UTF-8 with damage if a few odd ones do not."""
    if _is_ebcdic(sample):
        text, bad = _decode(sample, _EBCDIC, complete=complete)
        return Charset(_EBCDIC, 0.6, text, bad)
    from ingest_cli.formats.sniffing.languages import guess_by_language  # noqa: PLC0415 - start-up time of all others

    found = guess_by_language(sample)
    few = len(_HIGH_BYTE.findall(sample)) <= _DAMAGED_SHARE * len(sample)
    if few and (found is None or found.misspelt >= _DAMAGED_SPELLING):
        text, bad = _decode(sample, "utf-8", complete=complete)
        return Charset("utf-8", 0.4, text, bad)
    if found is None:
        return Charset("latin-1", 0.1, sample.decode("latin-1"), 0)
    text, bad = _decode(sample, found.encoding, complete=complete)
    return Charset(found.encoding, found.confidence, text, bad, found.rivals)


def _is_ebcdic(sample: bytes) -> bool:
    """Whether the bytes are blanks, letters and digits of EBCDIC, and hardly any of ASCII."""
    head = sample[:65_536]
    return len(_EBCDIC_SIGNS.findall(head)) >= _EBCDIC_SHARE * len(head) and len(_ASCII_WORD_SIGNS.findall(head)) < (
        1 - _EBCDIC_SHARE
    ) * len(head)
