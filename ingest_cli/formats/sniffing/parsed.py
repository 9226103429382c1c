"""What the finders of the formats hand over: a table of cells, and how a manifest would describe where it came from."""

from __future__ import annotations

from dataclasses import dataclass

from ingest_cli.formats.sniffing.guess import Finding, TableGuess


@dataclass(frozen=True, slots=True)
class Parsed:
    """Some rows of a sample.

    Attributes:
        format: its name, as a manifest writes it.
        names: of the columns; None if the file does not tell.
        cells: one list per row of data.
        delimiter, widths, table, other_tables, rows, skip_lines, layout, widths_in, separator, key_delimiter,
            more_delimiters, tables: see `FileGuess`.
        findings: what is wrong.
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
