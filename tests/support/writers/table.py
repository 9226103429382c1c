"""What a writer is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple


class Table(NamedTuple):
    """Some people as rows of text; an empty cell says that there is nothing.

    Attributes:
        name: what it is called where tables have names.
        columns: their names.
        rows: as many cells each as there are columns.
    """

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class Written(NamedTuple):
    """A table, written down.

    Attributes:
        data: text that is still to be encoded, or bytes where the format has its own way of holding text.
        layout: the [format] table of its manifest, without `encoding`.
        names: what a manifest calls a column, where that is not its name.
    """

    data: str | bytes
    layout: Mapping[str, object]
    names: Mapping[str, str] = {}


Writer = Callable[[Table], Written]


def one_line(cell: str) -> str:
    """The cell for formats that have no way to write a line break."""
    return cell.replace("\n", " ")
