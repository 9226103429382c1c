"""Check whether non-ASCII characters are at plausible places.

A wrong encoding produces symbols within words, Cyrillic letters between Latin ones, capitals after small letters, and
words of accented letters only.
"""

from __future__ import annotations

import unicodedata

_OPENING = frozenset("\u00ab\u201c\u2018\u201e\u2039")  # quotation marks that begin a word
_CLOSING = frozenset("\u00bb\u201d\u203a\u00a9\u00ae\u2122\u00b0\u00ba\u00aa\u00a0\u060c\u061b\u061f\u3001\u3002\u30fb")
_ANYWHERE = frozenset("\u2019\u00b7\u2013\u2014\u2026\u2022\u20ac\u00a3\u2116\u30fc")
_FIRST_UNSPACED = "\u0590"  # scripts from here on need no blank between a full stop and the next word
_SELDOM = {**dict.fromkeys("ðþýÐÞÝ", 0.3), "ÿ": 1.0}  # rare except in Icelandic


def misspelt_share(text: str) -> float:
    """Return the share of the non-ASCII characters that are at places no language has them."""
    wrong, count = 0.0, 0
    before, prior = " ", " "
    for sign, after in zip(text, [*text[1:], " "], strict=True):
        if not sign.isascii():
            count += 1
            is_letter = unicodedata.category(sign)[0] in "LM" and sign not in _CLOSING
            wrong += _wrong_letter(sign, before, prior, after) if is_letter else _wrong_symbol(sign, prior, after)
        before, prior = prior, sign
    return wrong / max(count, 1)


def _wrong_symbol(sign: str, prior: str, after: str) -> float:
    if sign in _OPENING:
        return float(prior.isalpha())
    if sign in _CLOSING:
        return float(after.isalpha() and after < _FIRST_UNSPACED)
    return float(sign not in _ANYWHERE)


def _wrong_letter(sign: str, before: str, prior: str, after: str) -> float:
    """Rate how wrong a letter is after `before` and `prior`, and before `after`: 0 to 1."""
    if sign.isupper() and prior.islower():
        return 1.0
    if not unicodedata.name(sign, "").startswith(("LATIN", "COMBINING")):
        return float(any(one.isascii() and one.isalpha() for one in (prior, after)))
    shouted = sign.islower() and prior.isupper() and before.isupper()
    in_a_row = all(not one.isascii() and one.isalpha() for one in (before, prior))  # most Latin letters have no accent
    if shouted or in_a_row:
        return 1.0
    if sign in "õÕ":
        return 0.0 if after in "eE" else 0.1  # Portuguese; otherwise mostly a Hungarian letter read as cp1250
    return _SELDOM.get(sign, 0.0)
