"""Detect the character encoding of a sample.

In order of precedence: a byte order mark; the positions of NUL bytes (UTF-16, UTF-32); validity (UTF-8); the share of
blanks and digits (EBCDIC). Other encodings are distinguished by language: see `languages`.
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
    """Encoding of a sample, and the sample decoded with it.

    Attributes:
        encoding: Python codec name.
        confidence: 0 to 1.
        text: the sample without a byte order mark; undecodable bytes are U+FFFD.
        undecodable: number of undecodable bytes (UTF-16 and UTF-32: code units).
        rivals: other encodings of similar likelihood, the likeliest first.
    """

    encoding: str
    confidence: float
    text: str
    undecodable: int
    rivals: tuple[str, ...] = ()


def guess_charset(sample: bytes, *, complete: bool, further: bytes = b"") -> Charset:
    """Detect the encoding of `sample`, the head of a file, and decode it.

    A character cut at the end of a sample that is not `complete` is no error. `further` are whole lines from later
    parts of the file, since a head of ASCII says nothing about them.
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
        # A head of pure ASCII says nothing about the rest of the file.
        return Charset("utf-8", 0.99 if good else 0.9, text, 0)
    if good >= bad or _ends_within_a_character(sample):
        return Charset("utf-8", 0.9 if good >= _CONVINCING_UTF8_CHARACTERS else 0.6, text, bad)
    return _by_language(sample, complete=complete)


def _decode(data: bytes, encoding: str, *, complete: bool) -> tuple[str, int]:
    """Decode all that is decodable; return the text, and the number of undecodable bytes or code units."""
    if encoding != "utf-8":
        text = codecs.getincrementaldecoder(encoding)("replace").decode(data, final=complete)
        return text, text.count("\ufffd")
    # A lone surrogate per bad byte keeps these apart from any U+FFFD already in the file.
    text = codecs.getincrementaldecoder(encoding)("surrogateescape").decode(data, final=complete)
    text, bad = _LONE_SURROGATE.subn("\ufffd", text)
    return text, bad


def _ends_within_a_character(sample: bytes) -> bool:
    """Return whether the only undecodable part is the beginning of one character at the very end."""
    return not _decode(sample, "utf-8", complete=False)[1]


def _wide_by_nuls(sample: bytes) -> str | None:
    """Detect UTF-16 and UTF-32 without a byte order mark by the positions of their NUL bytes."""
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
    """Detect the encoding whose high bytes form words; UTF-8 with damage if there are only a few that do not."""
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
    """Return whether most bytes are blanks, letters and digits of EBCDIC, and few are those of ASCII."""
    head = sample[:65_536]
    return len(_EBCDIC_SIGNS.findall(head)) >= _EBCDIC_SHARE * len(head) and len(_ASCII_WORD_SIGNS.findall(head)) < (
        1 - _EBCDIC_SHARE
    ) * len(head)
