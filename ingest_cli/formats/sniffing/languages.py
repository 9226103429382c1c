"""Guess the encoding by language, with charset-normalizer.

Its input is the distinct cells with high bytes, without the ASCII that most dumps consist of. Among the encodings it
finds plausible, those with correct spelling are preferred (`spelling`), then common ones; remaining ties are unsure.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import charset_normalizer

from ingest_cli.formats.sniffing.spelling import misspelt_share

# In order of preference: encodings of dumps, Windows' "ANSI" ones first. Of encodings with equal text, one is listed:
# cp1252 for latin-1, cp949 for EUC-KR, cp874 for TIS-620.
_COMMON = ("cp1252", "cp1251", "cp1250", "cp1256", "cp874", "gb18030", "big5", "cp932", "cp949", "euc_jp")
_LESS_COMMON = ("cp1254", "cp1253", "cp1255", "koi8_r", "iso8859_2", "iso8859_7", "iso8859_5", "iso8859_6", "cp866")
_RARE = ("cp1257", "cp1258", "iso8859_15", "big5hkscs", "cp850", "cp437", "cp852", "mac_roman")
_CANDIDATES = (*_COMMON, *_LESS_COMMON, *_RARE)
_HANDICAP = {
    **dict.fromkeys(_COMMON, 0.0),
    **dict.fromkeys(_LESS_COMMON, 0.01),
    **dict.fromkeys(_RARE, 0.1),
    "cp1250": 0.02,  # shares most letters with cp1252, and suits many languages
}
_MULTI_BYTE = ("gb18030", "big5", "cp932", "cp949", "euc_jp")

# A bar, a caret or a tilde may be the second byte of a character; bytes below 0x40 are not.
_CELL = re.compile(rb"[^,;\t\"\r\n]{0,1000}[\x80-\xff][^,;\t\"\r\n]{0,1000}")
_FED_BYTES = 16_384
_LEAST_BYTES = 512  # the library needs more than a few words; repeating these keeps the frequencies of letters
_FEW_LETTERS = 6
_ENOUGH_CELLS = 10
_GUESS, _TOSS_UP = 0.3, 0.4  # confidence in a poor best candidate, and in one of several equal ones
_LEVEL, _TIE = 0.004, 0.02
_MOST_RIVALS = 3
_MOST_DISORDER = 0.5
_DISORDER, _COHERENCE = 0.25, 0.1  # weights of the library's measures; that of the spelling is 1
_POOR_SPELLING = 0.2
_DAMAGED_CELLS = 0.1


@dataclass(frozen=True, slots=True)
class LanguageGuess:
    """Likeliest encoding.

    Attributes:
        encoding: Python codec name.
        confidence: 0 to 1.
        misspelt: share of the non-ASCII characters that are out of place.
        rivals: encodings of the same likelihood with another text, the likeliest first.
    """

    encoding: str
    confidence: float
    misspelt: float
    rivals: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Candidate:
    encoding: str
    text: str
    misspelt: float
    penalty: float


def guess_by_language(sample: bytes) -> LanguageGuess | None:
    """Guess the encoding of bytes that are not UTF-8; None if no candidate decodes them."""
    cells = Counter(cell.strip() for cell in _CELL.findall(sample))
    found = _candidates(_payload(cells), _CANDIDATES)
    if not found or found[0].misspelt > _POOR_SPELLING:
        found = sorted([*found, *_with_damage(cells)], key=lambda one: one.penalty)
    if not found:
        return None
    level = [one for one in found if one.penalty - found[0].penalty <= _LEVEL]
    best = min(level, key=lambda one: _CANDIDATES.index(one.encoding))
    others = [one for one in found if one.text != best.text]
    rivals = [one for one in others if one.penalty - best.penalty <= _TIE and one.misspelt <= _POOR_SPELLING]
    margin = others[0].penalty - best.penalty if others else 1.0
    sure = _TOSS_UP if rivals else min(0.85, 0.6 + max(margin, 0.0))
    if best.misspelt > _POOR_SPELLING:
        sure = _GUESS
    elif others and margin < _POOR_SPELLING and len({sign for sign in best.text if sign >= "\x80"}) < _FEW_LETTERS:
        sure = min(sure, 0.5)
    sure = _GUESS + (sure - _GUESS) * min(1.0, len(cells) / _ENOUGH_CELLS)
    names = tuple(dict.fromkeys(one.encoding for one in rivals))[:_MOST_RIVALS]
    return LanguageGuess(best.encoding, round(sure, 2), best.misspelt, names)


def _payload(cells: Iterable[bytes]) -> bytes:
    """Return some of `cells`, one per line."""
    lines, size = list[bytes](), 0
    for cell in cells:
        if size + len(cell) > _FED_BYTES:
            break
        lines.append(cell)
        size += len(cell) + 1
    whole = b"\n".join(lines)
    return whole if not whole or len(whole) >= _LEAST_BYTES else b"\n".join([whole] * (_LEAST_BYTES // len(whole) + 1))


def _candidates(payload: bytes, encodings: Sequence[str]) -> list[_Candidate]:
    """Return the library's candidates for `payload`, the likeliest first."""
    if not payload:
        return []
    out = list[_Candidate]()
    for match in charset_normalizer.from_bytes(payload, cp_isolation=list(encodings), threshold=_MOST_DISORDER):
        text = str(match)
        misspelt = misspelt_share(text)
        penalty = misspelt + _DISORDER * match.chaos - _COHERENCE * match.coherence
        # One match covers all encodings in which the bytes are the same text.
        names = _HANDICAP.keys() & {match.encoding, *match.could_be_from_charset}
        out += [_Candidate(name, text, round(misspelt, 3), penalty + _HANDICAP[name]) for name in names]
    return sorted(out, key=lambda one: one.penalty)


def _with_damage(cells: Counter[bytes]) -> list[_Candidate]:
    """Return multi-byte encodings that decode all but a few cells; the library requires all bytes to decode."""
    out = list[_Candidate]()
    for encoding in _MULTI_BYTE:
        sound = [cell for cell in cells if _decodes(cell, encoding)]
        if sum(cells[cell] for cell in sound) >= (1 - _DAMAGED_CELLS) * cells.total():
            out += _candidates(_payload(sound), (encoding,))
    return out


def _decodes(cell: bytes, encoding: str) -> bool:
    try:
        cell.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
