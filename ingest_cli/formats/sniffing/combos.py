"""Detect credential lists: `email:password`, `user:password`, `url:user:password`.

They have no header and no quotes. The last cell takes the rest of its line, because passwords contain delimiters; so
the first cells are better evidence than the number of delimiters.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from ingest_cli.formats.combo import Combo
from ingest_cli.formats.interface import Wanted
from ingest_cli.formats.sniffing.columns import LOGIN
from ingest_cli.formats.sniffing.header import Header, judge_header
from ingest_cli.formats.sniffing.names import is_known
from ingest_cli.formats.sniffing.parsed import Parsed
from ingest_cli.formats.sniffing.shapes import Shape, shapes_of
from ingest_cli.model.format_options import Format as FormatOptions

URL, SECRET = "url", "PASSWORD"
"""Titles of columns of such lists; `url` makes the parser handle the colons of addresses."""

_DELIMITERS = (":", ";", "|", "\t")
_MAX_LINES = 1_000
_FEWEST_LINES = 3
_FEWEST_USERS = 10
_SHARE = 0.8
_LEAST_SHARE = 0.02
_EVEN_SHARE = 0.97
_WIDEST = 12
_FEWEST_KNOWN = 2
_ADDRESS = re.compile(r"\s*[A-Za-z][A-Za-z0-9+.\-]{0,30}://[^\s]")
_USER = re.compile(r"(?=.*[A-Za-z])[\w.+\-@$!#]{2,64}")
_MAILTO = re.compile(r"^\s*mailto:(?=[^@\s:]{1,64}@)", re.IGNORECASE)
_TIME = re.compile(r"\d{1,2}:\d\d(?::\d\d)?")


def find_combo(lines: Sequence[str]) -> Parsed | None:
    """Return the cells of a credential list; None if `lines` are no such list."""
    filled = [line.rstrip("\r\n") for line in lines[: 2 * _MAX_LINES] if line.strip()][:_MAX_LINES]
    filled = [_MAILTO.sub("", line) for line in filled]
    if len(filled) < _FEWEST_LINES:
        return None
    mixed = _of_several(filled)
    if mixed:
        return mixed
    for delimiter in _DELIMITERS:
        if sum(delimiter in line for line in filled) < _SHARE * len(filled):
            continue
        if _has_header(filled, delimiter):
            return None
        names = _with_address(filled, delimiter) or _without_address(filled, delimiter)
        if names:
            return _parsed(filled, [delimiter], names)
    return None


def _of_several(lines: Sequence[str]) -> Parsed | None:
    """Return the cells of a list merged from several with different delimiters; None if there is only one delimiter."""
    by_address = sum(_ADDRESS.match(line) is not None for line in lines) >= _SHARE * len(lines)
    names = [URL, LOGIN, SECRET] if by_address else [LOGIN, SECRET]
    parser = _parser(names, _DELIMITERS)
    counts: Counter[str] = Counter()
    for line in lines:
        way = parser.way(line.encode("utf-8", "replace"))
        cells = way.split(line.encode("utf-8", "replace"))
        login = cells[len(names) - 2].decode("utf-8", "replace").strip() if len(cells) == len(names) else ""
        if login and (by_address or Shape.EMAIL in shapes_of(login)):
            counts[way.delimiter.decode()] += 1
    several = [delimiter for delimiter, count in counts.most_common() if count >= _LEAST_SHARE * len(lines)]
    if len(several) < 2 or sum(counts[each] for each in several) < _SHARE * len(lines):  # noqa: PLR2004 - several
        return None
    if any(_has_header(lines, delimiter) for delimiter in several):
        return None
    return _parsed(lines, several, names)


def _has_header(lines: Sequence[str], delimiter: str) -> bool:
    """Return whether the first line is a header, which makes the file a CSV file."""
    first, *rest = (line.split(delimiter) for line in lines[:_MAX_LINES])
    names = [name for name in first if name.strip()]
    known = sum(map(is_known, names))
    return judge_header(first, list(rest)) is Header.YES and (known == len(names) or known >= _FEWEST_KNOWN)


def _with_address(lines: Sequence[str], delimiter: str) -> list[str] | None:
    """Return the titles of the columns of a list with web addresses, at the start or end of each line."""
    if sum(_ADDRESS.match(line) is not None for line in lines) >= _SHARE * len(lines):
        return [URL, LOGIN, SECRET]
    behind = sum(_ADDRESS.match(_behind(line, delimiter)) is not None for line in lines)
    if behind >= _SHARE * len(lines):
        return [LOGIN, SECRET, URL]
    return None


def _behind(line: str, delimiter: str) -> str:
    parts = line.split(delimiter, 2)
    return parts[2] if len(parts) > 2 else ""  # noqa: PLR2004 - two delimiters make three parts


def _without_address(lines: Sequence[str], delimiter: str) -> list[str] | None:
    """Return the titles of the columns, "" for those judged by their cells; None if it is no such list."""
    firsts = [line.split(delimiter, 1)[0].strip() for line in lines]
    emails = sum(Shape.EMAIL in shapes_of(first) for first in firsts if first)
    users = sum(_USER.fullmatch(first) is not None for first in firsts)
    delimiters = Counter(line.count(delimiter) for line in lines)
    usual, times = delimiters.most_common(1)[0]
    even = times >= _EVEN_SHARE * len(lines)
    if emails >= _SHARE * len(lines):
        if even and 1 < usual < _WIDEST:
            return _told_by_cells(lines, delimiter, usual + 1)
        return [LOGIN, SECRET] if usual == 1 or not even else None
    if delimiter != ":" or usual != 1 or users < _SHARE * len(lines) or len(lines) < _FEWEST_USERS:
        return None
    typed = sum(_TIME.search(line) is not None and first.isdigit() for line, first in zip(lines, firsts, strict=True))
    distinct = len(set(firsts)) >= _SHARE * len(firsts)
    words = sum(" " in line.partition(delimiter)[2].strip() for line in lines)
    if typed or not distinct or words > (1 - _SHARE) * len(lines):
        return None
    return [LOGIN, SECRET]


def _told_by_cells(lines: Sequence[str], delimiter: str, width: int) -> list[str] | None:
    """Return empty titles for three or more columns separated by colons; other delimiters are left to CSV."""
    if delimiter != ":" or any('"' in line for line in lines):
        return None
    return [""] * width


def _parsed(lines: Sequence[str], delimiters: Sequence[str], names: list[str]) -> Parsed:
    parser_names = [name if name == URL else f"COL{place}" for place, name in enumerate(names)]
    parser = _parser(parser_names, delimiters)
    cells = [
        [cell.decode("utf-8", "replace") for cell in parser.split(line.encode("utf-8", "replace"))] for line in lines
    ]
    first, *more = delimiters
    return Parsed("combo", names if any(names) else None, cells, delimiter=first, more_delimiters=tuple(more))


def _parser(columns: Sequence[str], delimiters: Sequence[str]) -> Combo:
    return Combo(FormatOptions("combo", delimiters=tuple(delimiters), columns=tuple(columns)), Wanted(()))
