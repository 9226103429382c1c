"""Detect the delimiter, the quote and the escape character.

The head of the file is read with every pair of candidates. The best pair gives most lines the same number of cells,
more than one, with clean content. The score is a simplified form of that in G. van den Burg, A. Nazábal and C. Sutton,
"Wrangling messy CSV files by detecting row and type patterns" (2019): a pattern score times a type score.
"""

from __future__ import annotations

import re
from collections import Counter

from ingest_cli.formats.framing import Dialect
from ingest_cli.formats.sniffing.guess import Finding
from ingest_cli.formats.sniffing.names import counted, is_known, meaning_of
from ingest_cli.formats.sniffing.rows import read_in_step, sound_lines
from ingest_cli.formats.sniffing.unwrapping import unwrapped

# Weights: a colon is part of every time of day; a caret or tilde is mostly written by programs.
_DELIMITERS = {",": 1.0, "\t": 1.0, ";": 1.0, "|": 1.0, "\x01": 1.0, "^": 0.95, "~": 0.95, ":": 0.8}
_LEAST_SCORE = 0.2
# A repeated run of two or more signs between words is hardly anything but a delimiter.
_LONG_WEIGHT = 1.3
_MOST_LONG = 6
_LONG_SHARE = 0.9
_LONG_WITHIN = 0.6
_PUNCTUATION = re.compile(r"[^\w\s\"'.+\-]{2,16}")
_LONGEST_DELIMITER = 8
# Runs that arise otherwise: empty cells, web addresses, punctuation, a sign at the edge of every cell.
_NOT_LONG = re.compile(r"([,;])\1*|:/*|[()@/]*|[,;|:\t^~][^,;|:\t^~]|[^,;|:\t^~][,;|:\t^~]")
ESCAPE = "\\"
_NULL = re.compile(r"(?:^|[\t,;|\x01])\\N(?=[\t,;|\x01\r\n]|$)")
_ESCAPED = re.compile(r"\\(?:[\"'\\\r\n]|N(?=[\t,;|\x01\r\n]|$))")
_HEAD_LINES = 1_000
_HEAD_CHARACTERS = 262_144
_JUDGED_RECORDS = 200
_JUDGED_CELLS = 50
_JUDGED_CHARACTERS = 200
_LONGEST_LINE = 4_096
_CLEAN = re.compile(r"[^,;\t|^~\x01\"]*|[-+]?\d{1,15}(?:[.,]\d{1,15}){0,5}")
_DIRTY = 0.2  # factor for a score without any clean cell
# Files of one column whose cells contain a candidate: times of day, dates, MAC and IPv6 addresses, URLs.
_WHOLE_LINE = re.compile(
    r"(?:\d{4}[-/.]\d\d?[-/.]\d\d?|\d\d?[-/.]\d\d?[-/.]\d{4})[ T]"
    r"\d\d?:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:Z|[-+]\d\d:?\d\d)?"
    r"|\d\d?:\d\d(?::\d\d)?|(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}|(?:[0-9A-Fa-f]{0,4}:){3,7}[0-9A-Fa-f]{0,4}"
    r"|[a-z]{3,10}://[^\s,;|]{1,2000}"
)


def guess_dialect(lines: list[str], name: str) -> tuple[Dialect, bool]:
    """Detect delimiter, quote and escape.

    Args:
        lines: physical lines with their line ends.
        name: file name; `.tsv` decides the delimiter of a file of one column.

    Returns:
        The dialect, and whether a delimiter was found; if not, the file has one column.
    """
    head = _head(lines)
    text = "".join(head)
    one_column = Dialect("\t" if name.casefold().endswith((".tsv", ".tab")) else ",", '"')
    stripped = [line.strip() for line in head if line.strip()]
    if sum(1 for line in stripped if _WHOLE_LINE.fullmatch(line[:2_100])) > 0.9 * len(stripped):
        return one_column, False
    best, best_score = one_column, _LEAST_SCORE
    for delimiter, weight in (_long_delimiters(stripped) | _with_blank(text) | _DELIMITERS).items():
        if delimiter not in text:
            continue
        for dialect in _dialects(text, delimiter):
            score = weight * _score(head, dialect)
            if score > best_score + 1e-9:
                best, best_score = dialect, score
    if best_score <= _LEAST_SCORE:
        by_header = _by_header(head)
        return (one_column, False) if by_header is None else (_with_escape(head, by_header), True)
    return _with_escape(head, _with_needed_quotes(text, best)), True


def escape_findings(lines: list[str], dialect: Dialect) -> list[Finding]:
    """Report the evidence for an escape character, whether the dialect has one or not."""
    head = _head(lines)
    if dialect.escape:
        count = sum(1 for line in head if ESCAPE in line)
        with_one, without = _sound_lines(head, dialect), _sound_lines(head, Dialect(dialect.delimiter, dialect.quote))
        text = f"{counted(count, 'line')} of {len(head):,} with a backslash: {with_one:,} lines are sound rows"
        return [Finding("escape", count, f"{text} if it is an escape, {without:,} if it is not.")]
    nulls = sum(len(_NULL.findall(line)) for line in head)
    if not nulls:
        return []
    text = f"{counted(nulls, 'cell')} with \\N, as MySQL and Hive write NULL: the backslash may be an escape elsewhere."
    return [Finding("escape_possible", nulls, text)]


def _sound_lines(head: list[str], dialect: Dialect) -> int:
    return sound_lines(head, dialect, read_in_step(head, dialect, _HEAD_LINES, 0).width())


def _dialects(text: str, delimiter: str) -> list[Dialect]:
    """Return the candidates with this delimiter, the likeliest first."""
    plain = [Dialect(delimiter, quote) for quote in _quotes(text, delimiter)]
    if not (_ESCAPED.search(text) or ESCAPE + delimiter in text):
        return plain
    return plain + [_escaped(one, text) for one in plain]


def _escaped(dialect: Dialect, text: str) -> Dialect:
    """Return the dialect with an escape; without quotes if none occurs, since an escape replaces them."""
    return Dialect(dialect.delimiter, dialect.quote if (dialect.quote or '"') in text else "", ESCAPE)


def _with_escape(head: list[str], best: Dialect) -> Dialect:
    """Return `best`, with an escape if that makes more lines sound rows."""
    if best.escape or not any(ESCAPE in line for line in head):
        return best
    escaped = _escaped(best, "".join(head))
    return escaped if _sound_lines(head, escaped) > _sound_lines(head, best) else best


def _with_needed_quotes(text: str, best: Dialect) -> Dialect:
    """Return `best`, without a quote if quotes occur but never enclose a cell."""
    if best.quote != '"' or '"' not in text:
        return best
    edge = re.escape(best.delimiter)
    enclosed = re.search(rf'(?:^|{edge})[ =]{{0,4}}"[^"]{{0,2000}}"[ "]{{0,4}}(?:{edge}|\r?$)', text, re.MULTILINE)
    return best if enclosed or '""' in text else Dialect(best.delimiter, "", best.escape)


def _by_header(lines: list[str]) -> Dialect | None:
    """Return the delimiter of a header whose names are all known, even if no two rows have equal widths."""
    first = next((line.strip() for line in lines if line.strip()), "")
    for delimiter in _DELIMITERS:
        names = [name.strip(" \"'") for name in first.split(delimiter)]
        if len(names) > 1 and all(map(is_known, names)) and any(map(meaning_of, names)):
            return Dialect(delimiter, '"')
    return None


def _long_delimiters(lines: list[str]) -> dict[str, float]:
    """Return runs of signs that occur in nearly all lines, as delimiters of several characters do, with weights."""
    judged = lines[:_JUDGED_RECORDS]
    found: Counter[str] = Counter()
    for line in judged:
        found.update({part for run in _PUNCTUATION.findall(line[:_LONGEST_LINE]) for part in _repeated(run)})
    likely = [one for one, times in found.most_common(50) if times >= _LONG_SHARE * len(judged)]
    fine = [one for one in likely if len(one) <= _LONGEST_DELIMITER and not _NOT_LONG.fullmatch(one)]
    text = "\n".join(judged)
    return {one: _LONG_WEIGHT for one in fine[:_MOST_LONG] if _is_whole(one, text)}


def _with_blank(text: str) -> dict[str, float]:
    """Return delimiters followed by a blank and a quote; without the blank the quote would not begin the cell."""
    return {f"{one} ": weight for one, weight in _DELIMITERS.items() if f'{one} "' in text}


def _repeated(run: str) -> set[str]:
    """Return the units of which a run of signs may be a repetition, at empty cells: `||||` of `||`."""
    lengths = range(2, min(len(run), _LONGEST_DELIMITER) + 1)
    return {run[:length] for length in lengths if run == (run[:length] * len(run))[: len(run)]}


def _is_whole(delimiter: str, text: str) -> bool:
    """Return whether the signs of a long delimiter seldom occur alone; otherwise one of them is the delimiter."""
    own = text.count(delimiter)
    return all(
        own * delimiter.count(sign) >= _LONG_WITHIN * text.count(sign) for sign in set(delimiter) if sign in _DELIMITERS
    )


def _head(lines: list[str]) -> list[str]:
    """Return the lines to read with every pair of candidates, at least one."""
    head: list[str] = []
    characters = 0
    for line in lines[:_HEAD_LINES]:
        head.append(line)
        characters += len(line)
        if characters > _HEAD_CHARACTERS:
            break
    return head


def _quotes(text: str, delimiter: str) -> list[str]:
    """Return the candidates, the likeliest first; the double quote without evidence, as in RFC 4180.

    A delimiter of several characters is mostly chosen to avoid quoting.
    """
    if len(delimiter) > 1 and '"' not in text:
        return [""]
    candidates = ['"']
    if '"' in text:
        candidates.append("")
    edge = re.escape(delimiter)
    # An apostrophe begins words such as 'Abd; a quote is closed before the next delimiter.
    if re.search(rf"(?:^|{edge})'[^'\n]{{0,200}}'(?:{edge}|\r?$)", text[:65_536], re.MULTILINE):
        candidates.append("'")
    return candidates


def _score(head: list[str], dialect: Dialect) -> float:
    """Return consistency times number of cells times cleanness, 0 to 1; 0 for a single column."""
    width = read_in_step(head, dialect, _HEAD_LINES, 0).width()
    if width <= 1:
        return 0.0
    records = read_in_step(head, dialect, _HEAD_LINES, width)
    counted = [(len(cells), lines) for cells, lines in zip(records.cells, records.lines, strict=True) if cells]
    even = sum(lines for cells, lines in counted if cells == width) - records.unclosed
    consistency = max(even, 0) / sum(lines for _, lines in counted)
    judged = clean = 0
    for cells in records.cells[:_JUDGED_RECORDS]:
        for cell in cells[:_JUDGED_CELLS]:
            judged += 1
            clean += _cleanness(cell[:_JUDGED_CHARACTERS], dialect.delimiter)
    return consistency**2 * (width - 1) / width * (_DIRTY + (1 - _DIRTY) * max(clean, 0) / judged)


def _cleanness(cell: str, delimiter: str) -> int:
    """Return 1 for a cell without unused delimiters or quotes, -1 for half of a quoted one, otherwise 0."""
    stripped = unwrapped(cell.strip())
    if any((stripped[:1] == quote) != (stripped[-1:] == quote) for quote in "\"'"):
        return -1
    if stripped[:1] in ('"', "'"):
        return 0
    return int(_CLEAN.fullmatch(stripped.replace(delimiter, "")) is not None)
