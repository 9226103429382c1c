"""Which character keeps the cells apart, and which one quotes them.

Every pair of candidates reads the head of the file. The pair wins under which most lines have the same
number of cells, those cells are clean, and there are more than one. The score is that of G. van den
Burg, A. Nazábal and C. Sutton, "Wrangling messy CSV files by detecting row and type patterns" (2019):
a pattern score times a type score, both simplified.
"""

from __future__ import annotations

import re

from ingest_cli.formats.sniffing.rows import Dialect, read_in_step

# Weights: a colon is in every time of day, a caret or tilde is chosen by machines only.
_DELIMITERS = {",": 1.0, "\t": 1.0, ";": 1.0, "|": 1.0, "\x01": 1.0, "^": 0.95, "~": 0.95, ":": 0.8}
_LEAST_SCORE = 0.2
_HEAD_LINES = 1_000
_HEAD_CHARACTERS = 262_144
_JUDGED_RECORDS = 200
_JUDGED_CELLS = 50
_JUDGED_CHARACTERS = 200
_CLEAN = re.compile(r"[^,;\t|^~\x01\"]*|[-+]?\d{1,15}(?:[.,]\d{1,15}){0,5}")
_DIRTY = 0.2  # what is left of the score if no cell is clean
# A file of one column whose cells contain a candidate: times of day, dates, MAC and IPv6 addresses, URLs.
_WHOLE_LINE = re.compile(
    r"(?:\d{4}[-/.]\d\d?[-/.]\d\d?|\d\d?[-/.]\d\d?[-/.]\d{4})[ T]"
    r"\d\d?:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:Z|[-+]\d\d:?\d\d)?"
    r"|\d\d?:\d\d(?::\d\d)?|(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}|(?:[0-9A-Fa-f]{0,4}:){3,7}[0-9A-Fa-f]{0,4}"
    r"|[a-z]{3,10}://[^\s,;|]{1,2000}"
)


def guess_dialect(lines: list[str], name: str) -> tuple[Dialect, bool]:
    """Find delimiter and quote.

    Args:
        lines: physical lines, with their ends.
        name: the file's name: `.tsv` says what a file of one column would have had as delimiter.

    Returns:
        The dialect, and whether any delimiter was found: if not, the file has one column.
    """
    head = _head(lines)
    text = "".join(head)
    one_column = Dialect("\t" if name.casefold().endswith((".tsv", ".tab")) else ",", '"')
    stripped = [line.strip() for line in head if line.strip()]
    if sum(1 for line in stripped if _WHOLE_LINE.fullmatch(line[:2_100])) > 0.9 * len(stripped):
        return one_column, False
    best, best_score = one_column, _LEAST_SCORE
    for delimiter, weight in _DELIMITERS.items():
        if delimiter not in text:
            continue
        for quote in _quotes(text, delimiter):
            dialect = Dialect(delimiter, quote)
            score = weight * _score(head, dialect)
            if score > best_score + 1e-9:
                best, best_score = dialect, score
    return best, best_score > _LEAST_SCORE


def _head(lines: list[str]) -> list[str]:
    """As many lines as are worth reading with every pair of candidates; at least one."""
    head: list[str] = []
    characters = 0
    for line in lines[:_HEAD_LINES]:
        head.append(line)
        characters += len(line)
        if characters > _HEAD_CHARACTERS:
            break
    return head


def _quotes(text: str, delimiter: str) -> list[str | None]:
    """Candidates, the most likely first: without any evidence the double quote, as RFC 4180 has it."""
    candidates: list[str | None] = ['"']
    if '"' in text:
        candidates.append(None)
    edge = re.escape(delimiter)
    # An apostrophe begins words such as 'Abd; a quote has a partner before the next delimiter.
    if re.search(rf"(?:^|{edge})'[^'\n]{{0,200}}'(?:{edge}|\r?$)", text[:65_536], re.MULTILINE):
        candidates.append("'")
    return candidates


def _score(head: list[str], dialect: Dialect) -> float:
    """Consistency times number of cells times cleanness, 0 to 1; 0 for a single column."""
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
    """1 for a cell with nothing that would rather be a delimiter or a quote, -1 for half of a quoted one."""
    stripped = cell.strip()
    if any((stripped[:1] == quote) != (stripped[-1:] == quote) for quote in "\"'"):
        return -1
    if stripped[:1] in ('"', "'"):
        return 0
    return int(_CLEAN.fullmatch(stripped.replace(delimiter, "")) is not None)
