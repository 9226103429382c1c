"""What a guess consists of: frozen values without behaviour.

None of them ever holds a cell of the dump: a draft manifest or a terminal is no place for somebody's
telephone number. Names of columns are shown only where the first row is a header beyond doubt, or where the
format itself keeps names and values apart.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

Usable = Callable[[str, Sequence[str]], float]
"""Says for a kind of identifier which share of some cells, trimmed and none of them empty, can be used as such."""


class Rules(Protocol):
    """The rules by which identifiers are loaded, asked about cells: trimmed, and none of them empty."""

    def usable(self, kind: str, cells: Sequence[str]) -> float:
        """See `Usable`."""
        ...

    def valid(self, kind: str, cells: Sequence[str]) -> Sequence[bool]:
        """Which cells can be used as identifiers of `kind`."""
        ...

    def calling_codes(self, cells: Sequence[str], region: str) -> Sequence[str]:
        """The country's calling code of each cell that is a telephone number valid today; empty for the others.

        Args:
            cells: of a column of telephone numbers.
            region: ISO 3166 region in which a number without a country code is dialled.
        """
        ...


@dataclass(frozen=True, slots=True)
class Proposal:
    """A key of a manifest that would make up for something, with what speaks for it.

    Attributes:
        key: its name, in [format] unless `field` says otherwise.
        value: as it is in the manifest; empty if it is the name of a column.
        evidence: one sentence, without a stop.
        active: whether all that was looked at speaks for it; else it is only mentioned.
        column: position of the column that the value is the name of.
        field: position of the column in whose [[fields]] entry it belongs.
    """

    key: str
    value: str
    evidence: str
    active: bool
    column: int | None = None
    field: int | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with the file, or at least worth knowing before it is loaded.

    Attributes:
        code: a fixed word such as `short_rows`.
        count: how often, in the unit the text names; within the sample.
        text: one sentence for the person at the shell.
    """

    code: str
    count: int
    text: str


@dataclass(frozen=True, slots=True)
class ColumnGuess:
    """What one column looks like.

    Attributes:
        name: its name in the header, escaped; `COL1`, `COL2`, … if there is none.
        position: counted from 0.
        kind: the kind of identifier it holds, as a manifest writes it; None for anything else.
        exposes: the data class it exposes, for a column without a kind; None where the kind's own
            default applies, or nothing is known.
        confidence: 0 (nothing is known) to 1, in the kind, the data class or the secrecy.
        filled: share of its cells that are neither empty nor NULL-like, 0 to 1.
        why: what the guess rests on, in words; says so where it is unsure.
        secret: looks like a password, a hash or the like: to be left out of the manifest.
        title: its name as a manifest has to write it, i.e. neither escaped nor cut; empty if it has none.
        also: another kind that the cells hold which are not of the first; empty if there is none.
        second: holds IDs that stand in for a better one: an old ID's, a passport's.
        region: in which its telephone numbers are dialled, as a manifest writes it; empty: nothing speaks against the
            default.
        region_column: title of the column that says it for each number; empty if none does.
        region_why: what that rests on.
        region_sure: whether nearly all numbers speak for it.
    """

    name: str
    position: int
    kind: str | None
    exposes: str | None
    confidence: float
    filled: float
    why: str
    secret: bool
    title: str = ""
    also: str = ""
    second: bool = False
    region: str = ""
    region_column: str = ""
    region_why: str = ""
    region_sure: bool = False


@dataclass(frozen=True, slots=True)
class TableGuess:
    """A table with rows.

    Attributes:
        name: as it may be printed.
        title: as a manifest has to write it; empty if its name looks like an identifier.
        rows: how many there are in what was looked at.
        columns: its columns, if some of them look like identifiers; else none.
    """

    name: str
    title: str
    rows: int
    columns: tuple[ColumnGuess, ...] = ()


@dataclass(frozen=True, slots=True)
class FileGuess:
    """What a file looks like.

    Attributes:
        format: name of a format, as a manifest writes it; None if it is empty, binary, or text of another format.
        delimiter: one character or several; `,` for a file of a single column; empty if the format has none.
        quote: `"`, `'`, or None if quotes mean nothing in this file.
        header: whether the first row names the columns.
        encoding: a name Python's codecs know; empty if the bytes are not text.
        encoding_confidence: 0 to 1.
        columns: one per column, in the order of the file.
        rows_sampled: rows of data looked at: no header, no blank lines.
        findings: the gravest first.
        widths: of the columns, in characters, if the format is `fixed`.
        table: the table of an SQL dump, or the sheet of a workbook, that the columns are those of.
        other_tables: others with rows in the sample that hold identifiers, too.
        rows: names that lead to the rows of a JSON document, as a manifest writes them; empty for other formats.
        escape: one character, or empty.
        skip_lines: lines before the header, or before the first row.
        proposals: keys of the manifest that go with this file, beside those that its layout needs.
        layout: of a JSON document: `columns` if it has the values of each column in one place, `arrays` if its rows are
            arrays, empty otherwise.
        widths_in: what `widths` are counted in, where that makes a difference; else empty.
        separator: what a block begins with; empty for blank lines and the like, and for other formats.
        key_delimiter: what stands behind the keys of a block, if not a colon.
        more_delimiters: others beside `delimiter`, in a list put together of several.
        tables: all tables of an SQL dump with rows in the sample, the one of `columns` first.
    """

    format: str | None
    delimiter: str
    quote: str | None
    header: bool
    encoding: str
    encoding_confidence: float
    columns: tuple[ColumnGuess, ...]
    rows_sampled: int
    findings: tuple[Finding, ...]
    widths: tuple[int, ...] = ()
    table: str = ""
    other_tables: tuple[str, ...] = ()
    rows: str = ""
    escape: str = ""
    skip_lines: int = 0
    proposals: tuple[Proposal, ...] = ()
    layout: str = ""
    widths_in: str = ""
    separator: str = ""
    key_delimiter: str = ""
    more_delimiters: tuple[str, ...] = ()
    tables: tuple[TableGuess, ...] = ()
