"""Result of the detector of a format: a table of cells, and the manifest keys that describe its source."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import pyarrow as pa

from ingest_cli.formats.sniffing.guess import ColumnGuess, Finding, Layout


@dataclass(frozen=True, slots=True)
class Parsed(Layout):
    """Rows of a sample, with their format.

    Attributes:
        format: format name as in a manifest.
        names: column names; None if the file has none.
        cells: one list per row of data.
        findings: defects.
    """

    format: str
    names: list[str] | None
    cells: list[list[str]]
    findings: tuple[Finding, ...] = ()

    @property
    def width(self) -> int:
        """Number of columns."""
        return len(self.names) if self.names is not None else max(map(len, self.cells), default=0)


Judge = Callable[[Parsed], Sequence[ColumnGuess]]
"""Guesses what the columns of some rows hold."""


def count_kinds(columns: Iterable[ColumnGuess]) -> int:
    """Count the columns that look like identifiers."""
    return sum(column.kind is not None for column in columns)


def texts(column: pa.BinaryArray) -> list[str]:
    """Return the cells of a column; invalid UTF-8 is replaced."""
    return [cell.decode("utf-8", "replace") for cell in column.to_pylist()]
