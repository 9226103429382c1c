"""Values that describe a guess; frozen, without behaviour.

No value contains a cell of the dump, since it is printed and written to a draft manifest. Column names are included
only from an unambiguous header, or from a format that separates names from values.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

Usable = Callable[[str, Sequence[str]], float]
"""Returns the share of cells, trimmed and none empty, that are usable as identifiers of a kind."""


class Rules(Protocol):
    """Rules of a load applied to cells, which are trimmed and not empty."""

    def usable(self, kind: str, cells: Sequence[str]) -> float:
        """Return the share of `cells` that are usable as identifiers of `kind`."""
        ...

    def valid(self, kind: str, cells: Sequence[str]) -> Sequence[bool]:
        """Return for each cell whether it is usable as an identifier of `kind`."""
        ...

    def calling_codes(self, cells: Sequence[str], region: str) -> Sequence[str]:
        """Return the calling code of each cell that is a currently valid telephone number; empty for the others.

        `region` is the ISO 3166 region of numbers without a country code.
        """
        ...


@dataclass(frozen=True, slots=True)
class Proposal:
    """Proposed key of a manifest.

    Attributes:
        key: name of the key, in [format] unless `field` is given.
        value: value in the manifest; empty if it is the name of a column.
        evidence: one sentence, without a full stop.
        active: whether no evidence contradicts it; otherwise it is only mentioned.
        column: position of the column whose name is the value.
        field: position of the column whose [[fields]] entry gets the key.
    """

    key: str
    value: str
    evidence: str
    active: bool
    column: int | None = None
    field: int | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """Defect of the file, or other fact to know before a load.

    Attributes:
        code: fixed identifier such as `short_rows`.
        count: number of occurrences in the sample, in the unit the text names.
        text: one sentence for the operator.
    """

    code: str
    count: int
    text: str


@dataclass(frozen=True, slots=True)
class ColumnGuess:
    """Guessed content of one column.

    Attributes:
        name: printable name from the header; `COL1`, `COL2`, … if there is none.
        kind: kind of identifier; None for anything else.
        exposes: data class of a column without a kind; None if unknown.
        confidence: confidence in kind, data class or secrecy, 0 (unknown) to 1.
        filled: share of cells that are neither empty nor NULL-like, 0 to 1.
        why: evidence in words; ends with "unsure" where the confidence is low.
        secret: looks like a password, a hash or another secret, and must be left out of the manifest.
        title: exact name for the manifest; empty if there is none.
        also: second kind of identifier among the cells; empty if there is none.
        second: holds substitute IDs, such as old IDs or passports.
        region_column: title of the column with the region of each number; empty if there is none.
        region_why: evidence for the region.
        region_sure: whether nearly all numbers support it.
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
    """Table with rows.

    Attributes:
        name: printable name.
        title: exact name for the manifest; empty if it looks like an identifier.
        columns: its columns, if any of them look like identifiers; otherwise empty.
    """

    name: str
    title: str
    rows: int
    columns: tuple[ColumnGuess, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Keys of [format] that describe where the rows of a file are; empty where they do not apply.

    Attributes:
        delimiter: one or more characters; `,` for a file of a single column; empty if the format has none.
        table: table of an SQL dump, or sheet of a workbook, with these columns.
        other_tables: other tables with identifiers in the sample.
        layout: layout of a JSON document: `columns` for an array of values per column, `arrays` for rows as arrays,
            otherwise empty.
        separator: beginning of a block; empty for blank lines, and for other formats.
        key_delimiter: separator after the keys of a block, if not a colon.
        more_delimiters: further delimiters in a list merged from several.
        tables: all tables of an SQL dump with rows in the sample; the one with `columns` first.
    """

    delimiter: str = ""
    widths: tuple[int, ...] = ()
    table: str = ""
    other_tables: tuple[str, ...] = ()
    rows: str = ""
    skip_lines: int = 0
    layout: str = ""
    widths_in: str = ""
    separator: str = ""
    key_delimiter: str = ""
    more_delimiters: tuple[str, ...] = ()
    tables: tuple[TableGuess, ...] = ()


@dataclass(frozen=True, slots=True)
class FileGuess(Layout):
    """Guessed format and columns of a file.

    Attributes:
        format: name of a format; None if the file is empty, binary, or text of another format.
        quote: `"`, `'`, or None if nothing is quoted.
        encoding: Python codec name; empty if the file is not text.
        rows_sampled: number of rows of data in the sample.
        findings: the gravest first.
        proposals: keys of the manifest beyond the layout.
    """

    format: str | None
    quote: str | None
    header: bool
    encoding: str
    encoding_confidence: float
    columns: tuple[ColumnGuess, ...]
    rows_sampled: int
    findings: tuple[Finding, ...]
    escape: str = ""
    proposals: tuple[Proposal, ...] = ()
