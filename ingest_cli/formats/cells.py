r"""Split records into cells where Python's `csv` module cannot.

That is for a delimiter of several characters, an escape character, and a spreadsheet formula, `="a,b"`. Otherwise the
rules and the cells are those of the `csv` module, which the tests check.

* A delimiter of several characters ends a cell at its first occurrence. Where two overlap, as in `a|||b`, `irregular`
  rejects the row.
* An escape character makes the next character literal, in quotes or not. Before `0 b n r t Z` the two
  are a control character, as in MySQL. Before any other letter or digit both are kept: `\N` marks a NULL.
* `="` at the start of a cell opens a quoted part that ends with `"`. All of it is the cell.
"""

from __future__ import annotations

import csv

from ingest_cli.formats.framing import CONTROL_ESCAPES, Dialect

Cells = list[str]

_FORMULA = '="'


class Splitter:
    """Splits one record, line by line.

    Attributes:
        cells: complete cells.
        is_quoted: whether a quote is open; else, in an unfinished record, the last character is an escaped line end.
    """

    def __init__(self, dialect: Dialect, *, strict: bool) -> None:
        """Start a record; if `strict`, text between a closing quote and the end of its cell is rejected."""
        self.cells: Cells = []
        self.is_quoted = False
        self._dialect = dialect
        self._strict = strict
        self._parts: list[str] = []
        self._is_formula = False
        self._is_begun = False

    def take(self, line: str) -> bool:
        """Split the next line of the record; return whether the record ends with it.

        Raises:
            csv.Error: text follows a closing quote.
        """
        text = line.rstrip("\r\n")
        end = line[len(text) :]
        if not self._is_begun:
            self._is_begun = True
            if not text:
                return True
            own = self._dialect
            if not (own.quote and own.quote in text) and not (own.escape and own.escape in text):
                self.cells = text.split(own.delimiter)
                return True
            return self._split(text, 0, end)
        at = self._quoted(text, 0, end) if self.is_quoted else self._bare(text, 0, end)
        return at is not None and self._split(text, at, end)

    def finish(self) -> None:
        """Treat an unfinished cell as complete."""
        self._end_cell()

    def _split(self, text: str, start: int, end: str) -> bool:
        """Split the text from the cell at `start`; return whether the record ends with the line."""
        own, at = self._dialect, start
        while at <= len(text):
            if own.quote and text.startswith(own.quote, at):
                self._is_formula = False
                after = self._quoted(text, at + 1, end)
            elif own.has_formulas and text.startswith(_FORMULA, at):
                self._is_formula = True
                self._parts.append(_FORMULA)
                after = self._quoted(text, at + len(_FORMULA), end)
            else:
                after = self._bare(text, at, end)
            if after is None:
                return False
            at = after
        return True

    def _bare(self, text: str, at: int, end: str) -> int | None:
        """Read a cell to its delimiter; return the start of the next, past the text if none; None: it continues."""
        own = self._dialect
        while True:
            found = own.ends_of_bare.search(text, at)
            if found is None:
                self._parts.append(text[at:])
                self._end_cell()
                return len(text) + 1
            self._parts.append(text[at : found.start()])
            if found[0] == own.delimiter:
                self._end_cell()
                return found.end()
            at = self._escape(text, found.end(), end)
            if at > len(text):
                self.is_quoted = False
                return None

    def _quoted(self, text: str, at: int, end: str) -> int | None:
        """Read a quoted part and the text after it; see `_bare`."""
        own = self._dialect
        while True:
            found = own.ends_of_quoted.search(text, at)
            if found is None:
                self._parts.append(text[at:] + end)
                self.is_quoted = True
                return None
            self._parts.append(text[at : found.start()])
            at = found.end()
            if found[0] == own.escape:
                at = self._escape(text, at, end)
                if at > len(text):
                    self.is_quoted = True
                    return None
                continue
            if text.startswith(own.quote, at):
                self._parts.append(own.quote * (2 if self._is_formula else 1))
                at += 1
                continue
            if self._is_formula:
                self._parts.append(own.quote)
            if self._strict and at < len(text) and not text.startswith(own.delimiter, at):
                raise csv.Error("a delimiter is expected behind a closing quote")
            return self._bare(text, at, end)

    def _escape(self, text: str, at: int, end: str) -> int:
        """Read the character after an escape; return the next offset, past the text if it was the line end."""
        own = self._dialect
        if at == len(text):
            self._parts.append(end or own.escape)
            return at + 1 if end else at
        character = text[at]
        if own.keeps_escape(character):
            self._parts.append(own.escape + character)
        elif character in {own.delimiter[0], own.quote, own.escape}:
            self._parts.append(character)
        else:
            self._parts.append(CONTROL_ESCAPES.get(character, character))
        return at + 1

    def _end_cell(self) -> None:
        self.cells.append("".join(self._parts))
        self._parts.clear()
