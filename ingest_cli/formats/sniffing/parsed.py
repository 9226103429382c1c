"""Result of the detector of a format: a table of cells, and the manifest keys that describe its source."""

from __future__ import annotations

from dataclasses import dataclass

from ingest_cli.formats.sniffing.guess import Finding, TableGuess


@dataclass(frozen=True, slots=True)
class Parsed:
    """Rows of a sample, with their format.

    Attributes:
        format: format name as in a manifest.
        names: column names; None if the file has none.
        cells: one list per row of data.
        delimiter, widths, table, other_tables, rows, skip_lines, layout, widths_in, separator, key_delimiter,
            more_delimiters, tables: see `FileGuess`.
        findings: defects.
    """

    format: str
    names: list[str] | None
    cells: list[list[str]]
    delimiter: str = ""
    findings: tuple[Finding, ...] = ()
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

    @property
    def width(self) -> int:
        """Number of columns."""
        return len(self.names) if self.names is not None else max(map(len, self.cells), default=0)
