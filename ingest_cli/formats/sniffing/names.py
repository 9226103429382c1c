"""Derive the meaning of a column from its name.

Case, blanks, punctuation, trailing digits and words such as *number* or *customer* are ignored: `NO_TEL`, `Tel. No` and
`custTelNo2` all mean a telephone number.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from ingest_cli.formats.sniffing.shapes import MAX_CELL_CHARACTERS, Shape, shapes_of
from ingest_cli.formats.sniffing.vocabulary import ABOUT, FILLERS, GENERIC, MEANINGS, SECOND, Meaning

MAX_NAME_CHARACTERS = 60
"""Maximum length of a printed name; a first row with longer cells is no header."""

HIDDEN = "(hidden)"
"""Replacement for a name that looks like an identifier."""

_MOST_TOLD = 20
"""Maximum number of tables named in a sentence; the machine-readable report has all."""

_IDENTIFIERS = frozenset(
    {Shape.EMAIL, Shape.MYKAD, Shape.PASSPORT, Shape.PHONE_LIKE, Shape.IMEI, Shape.IMSI, Shape.ICCID, Shape.HASH}
)
_MANY_DIGITS = re.compile(r"\d(?:[ .()-]?\d){8}")
_EVERYWHERE = {word: meaning for meaning, words, _ in reversed(MEANINGS) for word in words.split()}
_WHOLE = {word: meaning for meaning, _, words in reversed(MEANINGS) for word in words.split()} | _EVERYWHERE
_RANK = {meaning: rank for rank, (meaning, _, _) in enumerate(MEANINGS)}
_FILLERS = tuple(FILLERS.split())
_ABOUT = frozenset(ABOUT.split())
_KNOWN = _ABOUT.union(GENERIC.split(), _EVERYWHERE, _FILLERS)
_SECOND = frozenset(SECOND.split())
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})  # Unicode general categories
_ACCENT = re.compile("[\u0300-\u036f]")  # of Latin letters; the vocabulary has none
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_A-Za-z]+")


def meaning_of(name: str) -> Meaning | None:
    """Return the meaning of a column name, or None if it has none; of a path, `contact.email`, the end counts first."""
    if "." in name.strip(".") and not any(character.isspace() for character in name):
        found = _meaning_of(name.rpartition(".")[2])
        if found:
            return found
    return _meaning_of(name)


def is_second(name: str) -> bool:
    """Return whether a column of IDs with this name holds substitutes for a better ID."""
    return not _SECOND.isdisjoint(_words(name))


def _meaning_of(name: str) -> Meaning | None:
    words = _words(name)
    key = "".join(words)
    whole = _WHOLE.get(key) or _WHOLE.get(_without_fillers(key))
    if whole:
        return whole
    found = [_EVERYWHERE[word] for word in words if word in _EVERYWHERE]
    if not found:
        return None
    best = min(found, key=_RANK.__getitem__)
    return best if best.secret or _ABOUT.isdisjoint(words) else None


def is_known(name: str) -> bool:
    """Return whether a name has a meaning, or at least half of its words are in the vocabulary."""
    if meaning_of(name):
        return True
    words = _words(name)
    return 0 < len(words) <= 2 * sum(1 for word in words if word in _KNOWN)


def shown(name: str) -> str:
    """Return a name for printing: invisible characters (control, bidi, …) escaped, length limited."""
    short = name if len(name) <= MAX_NAME_CHARACTERS else name[: MAX_NAME_CHARACTERS - 1] + "…"
    return "".join(
        f"\\u{ord(character):04x}" if unicodedata.category(character) in _INVISIBLE else character
        for character in short
    )


def looks_like_identifier(name: str) -> bool:
    """Return whether a name is or contains a possible identifier; the keys of a dump may be those of persons."""
    short = name[:MAX_CELL_CHARACTERS].strip()
    return "@" in short or bool(_MANY_DIGITS.search(short)) or not shapes_of(short).isdisjoint(_IDENTIFIERS)


def discreet(name: str) -> str:
    """Return a name for printing, or `(hidden)` if it looks like an identifier."""
    return HIDDEN if looks_like_identifier(name) else shown(name)


def told_tables(rows: Mapping[str, int]) -> str:
    """List printable table names with rows, the largest first: `table "orders" (20,000 rows), "logs" (3 rows)`."""
    most = sorted(rows, key=lambda name: (-rows[name], name))
    named = [f'"{name}" ({counted(rows[name], "row")})' for name in most[:_MOST_TOLD]]
    if rest := most[_MOST_TOLD:]:
        named.append(f"{len(rest):,} more ({counted(sum(rows[name] for name in rest), 'row')})")
    return f"table {', '.join(named)}"


def counted(number: int, noun: str) -> str:
    """Return number and noun: `1 row`, `2,000 rows`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _words(name: str) -> list[str]:
    """Return the words of a name in upper case, split at blanks, punctuation, digits and camelCase, without digits."""
    plain = unicodedata.normalize("NFKC", _ACCENT.sub("", unicodedata.normalize("NFKD", name[:200])))
    return [_singular(word.upper()) for word in _WORD.findall(plain) if not word.isdigit()]


def _singular(word: str) -> str:
    one = word.removesuffix("S")
    return one if one in _EVERYWHERE and word not in _EVERYWHERE else word


def _without_fillers(key: str) -> str:
    """Strip fillers from both ends of a name written as one word, as long as a part remains."""
    stripped = True
    while stripped and key not in _WHOLE:
        stripped = False
        for filler in _FILLERS:
            if len(key) > len(filler) and key.endswith(filler):
                key, stripped = key.removesuffix(filler), True
                break
            if len(key) > len(filler) and key.startswith(filler):
                key, stripped = key.removeprefix(filler), True
                break
    return key
