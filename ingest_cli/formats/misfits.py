"""Rows whose cells are not as many as their columns, and what a manifest may say that makes up for it.

Without any rule such a row is rejected: a value one column off turns a password into an identifier. A row that
is accepted by a rule is *loose*: normalizing believes it only if its identifiers bear the rule out.
"""

from __future__ import annotations

from dataclasses import dataclass

from ingest_cli.formats.cells import Cells
from ingest_cli.formats.framing import Dialect
from ingest_cli.formats.irregular import Ambiguous, Record, UnclosedQuote

TOO_FEW, TOO_MANY, UNCLOSED_QUOTE = "too_few_cells", "too_many_cells", "unclosed_quote"

FILLED, TRIMMED, OVERFLOW, LITERAL_QUOTE = "filled_row", "trimmed_row", "overflow_row", "literal_quote"
"""Flags of the rows that are accepted."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A row that is accepted.

    Attributes:
        cells: as many as there are columns.
        flag: by which rule; empty: it fits as it is.
    """

    cells: Cells
    flag: str = ""


def fit(record: Record, width: int, dialect: Dialect, overflow_at: int | None) -> Fitted | str:
    """Bring a record to so many cells as there are columns, or say why that cannot be done.

    Args:
        record: its cells, or the reason why it has none.
        width: number of columns.
        dialect: with the rules of the manifest. Trimming comes first; if it does not do, all that is surplus overflows.
        overflow_at: position of the column that surplus delimiters belong to.
    """
    if isinstance(record, UnclosedQuote):
        return Fitted(record.literal, LITERAL_QUOTE) if len(record.literal) == width else UNCLOSED_QUOTE
    if isinstance(record, str):
        return record
    return _fit(record, width, dialect, overflow_at)


def _fit(cells: Cells, width: int, dialect: Dialect, overflow_at: int | None) -> Fitted | str:
    if isinstance(cells, Ambiguous) and len(cells) == width:
        # With one cell less, all that is wrong may be a delimiter that is missing beside a quote.
        return UNCLOSED_QUOTE if cells.enclosed == width - 1 else Fitted(cells, LITERAL_QUOTE)
    if len(cells) == width:
        return Fitted(cells)
    if len(cells) < width:
        return Fitted([*cells, *[""] * (width - len(cells))], FILLED) if dialect.rules.fill else TOO_FEW
    if dialect.rules.trim and not any(cell.strip() for cell in cells[width:]):
        return Fitted(cells[:width], TRIMMED)
    if overflow_at is None:
        return TOO_MANY
    end = overflow_at + 1 + len(cells) - width
    return Fitted([*cells[:overflow_at], dialect.delimiter.join(cells[overflow_at:end]), *cells[end:]], OVERFLOW)
