"""Detect blocks of lines with keys: address books, LDIF, vertical query output, logs of stealers.

The first three are recognized by their markers. Other blocks are recognized by the same few keys on most lines of most
blocks; a list of logins has a different "key" on every line.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from ingest_cli.formats.block_bounds import MAX_KEY_BYTES, Boundaries, delimiter_bytes, key_pattern
from ingest_cli.formats.blocks import USUAL_DELIMITER, KeyedBlocks
from ingest_cli.formats.interface import Wanted
from ingest_cli.formats.sniffing.guess import ColumnGuess
from ingest_cli.formats.sniffing.names import meaning_of
from ingest_cli.formats.sniffing.parsed import Parsed, texts
from ingest_cli.formats.sniffing.shapes import Shape, is_null_like, shapes_of
from ingest_cli.model.format_options import Format as FormatOptions

_MAX_SAMPLE_CHARACTERS = 1 << 19
_MAX_BLOCKS = 1_000
_MAX_NAMES = 200
_FEWEST_BLOCKS = 3
_FEWEST_KEYS = 2
_COMMON_SHARE = 0.5
_LISTED_SHARE = 0.02
_KEYED_SHARE = 0.6
_RARE_SHARE = 0.02
_LONGEST_KEY = 40
_DELIMITERS = (":", "=", " | ", "\t", "=>")
_STRUCTURE = frozenset({"begin", "end", "version", "changetype", "-"})
_NOT_OF_THE_PERSON = {
    "BEGIN:VCARD": frozenset({"related", "agent", "member"}),  # other people
    "dn:": frozenset({"add", "replace", "delete", "increment", "control"}),  # RFC 2849: what a change does
}
"""Separator → keys whose values do not describe the person of the block."""
_PERSONAL = frozenset({Shape.EMAIL, Shape.PHONE, Shape.MYKAD, Shape.IMSI, Shape.IMEI, Shape.ICCID, Shape.HASH})
_LONG_NUMBER = re.compile(r"[0-9]{5}")

_CARD = "BEGIN:VCARD"
_VCARD = re.compile(r"\s{0,1000}BEGIN:VCARD[ \t]{0,64}[\r\n]", re.IGNORECASE)
_LDIF = re.compile(r"(?:\s|#[^\r\n]{0,2000}[\r\n]|version:[^\r\n]{0,64}[\r\n]){0,1000}dn::? ", re.IGNORECASE)
_MYSQL = re.compile(r"\s{0,1000}\*{3,200} 1\. row \*{3,200}")
_PSQL = re.compile(r"\s{0,1000}(?:[-+*=\u2500-\u257f]{0,3})\[ RECORD 1 \]")


def find_blocks(text: str, *, complete: bool) -> Parsed | None:
    """Return the values of blocks of lines with keys; None if `text` has no such blocks."""
    head = text[:_MAX_SAMPLE_CHARACTERS]
    final = complete and len(head) == len(text)
    for pattern, options in (
        (_VCARD, _syntax(_CARD)),
        (_LDIF, _syntax("dn:")),
        (_MYSQL, _syntax("***")),
        (_PSQL, _syntax("-[ RECORD", " | ")),
    ):
        if pattern.match(head):
            return _parsed(head, options, final=final)
    for delimiter in _DELIMITERS:
        if delimiter in head:
            usual = _syntax(None, delimiter)
            blocks = _blocks(head, usual, final=final)
            if _are_alike(blocks):
                return _parsed(head, usual, final=final)
    return None


def _syntax(separator: str | None, key_delimiter: str = USUAL_DELIMITER) -> FormatOptions:
    return FormatOptions(
        "blocks", separator=separator, key_delimiter=None if key_delimiter == USUAL_DELIMITER else key_delimiter
    )


def _blocks(text: str, options: FormatOptions, *, final: bool) -> list[tuple[list[str], int]]:
    """Return the keys and the number of lines of each block."""
    delimiter = delimiter_bytes(options.key_delimiter or USUAL_DELIMITER)
    data = text.encode("utf-8", "replace")
    bounds = Boundaries(options.separator, delimiter).find(data, final=final, most=_MAX_BLOCKS)
    key = re.compile(
        rb"[ \t]{0,256}("
        + key_pattern(delimiter)
        + rb"{1,%d}?)[ \t]*(?:;[^\r\n]*?)?" % MAX_KEY_BYTES
        + re.escape(delimiter)
        + (rb"(?!//)" if delimiter == b":" else b"")
    )
    out = list[tuple[list[str], int]]()
    for begin, end in pairwise(bounds):
        lines = [line for line in re.split(rb"[\r\n]+", data[begin:end]) if line.strip(b" \t-=*_#~")]
        found = [match[1].decode("utf-8", "replace").strip() for line in lines if (match := key.match(line))]
        out.append((found, len(lines)))
    return [block for block in out if block[1]]


def _are_alike(blocks: Sequence[tuple[list[str], int]]) -> bool:
    """Return whether most blocks share a few keys, one of them about a person, and little else."""
    if len(blocks) < _FEWEST_BLOCKS:
        return False
    counts = Counter(name for keys, _ in blocks for name in {key.casefold() for key in keys})
    common = [name for name, count in counts.items() if count >= _COMMON_SHARE * len(blocks) and _is_name(name)]
    keyed = sum(sum(key.casefold() in common for key in keys) for keys, _ in blocks)
    lines = sum(count for _, count in blocks)
    told = any((meaning := meaning_of(name)) is not None and (meaning.kind or meaning.secret) for name in common)
    return len(common) >= _FEWEST_KEYS and keyed >= _KEYED_SHARE * lines and told


def _parsed(text: str, options: FormatOptions, *, final: bool) -> Parsed | None:
    blocks = _blocks(text, options, final=final)
    names = _names([keys for keys, _ in blocks], options)
    if not names:
        return None
    raw = text.encode("utf-8", "replace")
    columns: dict[str, list[str]] = {name: [] for name in names}
    for chunk in KeyedBlocks(options, Wanted(tuple(names)), lambda: len(raw) + 1).read([raw]):
        for name in names:
            columns[name] += texts(chunk.cells[name])
    rows = [list(row) for row in zip(*columns.values(), strict=True) if any(row)][:_MAX_BLOCKS]
    if not rows:
        return None
    if not final and len(rows) > 1:
        rows.pop()  # may be cut off by the sample
    return Parsed("blocks", names, rows, separator=options.separator or "", key_delimiter=options.key_delimiter or "")


def _names(blocks: Sequence[Sequence[str]], options: FormatOptions) -> list[str]:
    """Return the printable keys in their commonest spelling; only common ones if the format does not mark keys."""
    spelled: dict[str, Counter[str]] = {}
    inside: Counter[str] = Counter()
    for keys in blocks:
        plain = [key.rpartition(".")[2] if options.separator == _CARD else key for key in keys]
        inside.update({key.casefold() for key in plain})
        for key in plain:
            spelled.setdefault(key.casefold(), Counter())[key] += 1
    least = 1 if options.separator else max(2, _LISTED_SHARE * len(blocks))
    left_out = _STRUCTURE | _NOT_OF_THE_PERSON.get(options.separator or "", frozenset())
    found = [name for name in spelled if name not in left_out and _is_name(name) and inside[name] >= least]
    return [spelled[name].most_common(1)[0][0] for name in found[:_MAX_NAMES]]


def _is_name(key: str) -> bool:
    """Return whether a key is printable: short like a name, and no identifier."""
    short = 0 < len(key) <= _LONGEST_KEY and key.isprintable() and "@" not in key
    return short and not _LONG_NUMBER.search(key) and _PERSONAL.isdisjoint(shapes_of(key))


def with_both_logins(columns: Sequence[ColumnGuess], rows: Sequence[Sequence[str]]) -> tuple[ColumnGuess, ...]:
    """Return the guesses for blocks, whose logins may be e-mail addresses, user names or both."""
    out = list[ColumnGuess]()
    for column in columns:
        named = meaning_of(column.title)
        if named is not None and named.kind == "username" and column.kind in {"username", "email"}:
            cells = [row[column.position].strip() for row in rows]
            filled = [cell for cell in cells if cell and not is_null_like(cell)]
            share = sum(Shape.EMAIL in shapes_of(cell) for cell in filled) / max(len(filled), 1)
            if share > 1 - _RARE_SHARE:
                column = replace(column, kind="email", exposes=None, confidence=0.95)  # noqa: PLW2901 - one of two
            elif share > _RARE_SHARE:
                why = f"its name, and {100 * share:.0f} % of cells look like e-mail addresses"
                column = replace(column, kind="email", also="username", exposes=None, confidence=0.9, why=why)  # noqa: PLW2901
        out.append(column)
    return tuple(out)
