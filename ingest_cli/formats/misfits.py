"""Fit rows whose number of cells differs from that of the columns, by rules of the manifest.

Without a rule such a row is rejected: a value one column off turns a password into an identifier. A row accepted
by a rule is *loose*: normalizing keeps only identifiers that confirm the rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ingest_cli.formats.cells import Cells
from ingest_cli.formats.framing import Dialect
from ingest_cli.formats.irregular import Ambiguous, Record, UnclosedQuote

TOO_FEW, TOO_MANY, UNCLOSED_QUOTE = "too_few_cells", "too_many_cells", "unclosed_quote"

FILLED, TRIMMED, OVERFLOW, LITERAL_QUOTE = "filled_row", "trimmed_row", "overflow_row", "literal_quote"
"""Flags of the accepted rows."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """Accepted row.

    Attributes:
        cells: one per column.
        flag: name of the rule; empty: no rule was needed.
    """

    cells: Cells
    flag: str = ""


def fit(record: Record, width: int, dialect: Dialect, overflow_at: int | None) -> Fitted | str:
    """Fit a record to the number of columns, or return the reason why it does not fit.

    By the rules of the `dialect`, trimming comes first; if it is not enough, all surplus cells overflow into the column
    at `overflow_at`.
    """
    if isinstance(record, UnclosedQuote):
        return Fitted(record.literal, LITERAL_QUOTE) if len(record.literal) == width else UNCLOSED_QUOTE
    return record if isinstance(record, str) else _fit(record, width, dialect, overflow_at)


def joined(cells: Sequence[str], place: int, width: int, delimiter: str) -> Cells:
    """Return the cells with the surplus ones joined into the one at `place`."""
    end = place + 1 + len(cells) - width
    return [*cells[:place], delimiter.join(cells[place:end]), *cells[end:]]


def _fit(cells: Cells, width: int, dialect: Dialect, overflow_at: int | None) -> Fitted | str:
    if isinstance(cells, Ambiguous) and len(cells) == width:
        # With one cell less, the only defect may be a missing delimiter beside a quote.
        return UNCLOSED_QUOTE if cells.enclosed == width - 1 else Fitted(cells, LITERAL_QUOTE)
    if len(cells) == width:
        return Fitted(cells)
    if len(cells) < width:
        return Fitted([*cells, *[""] * (width - len(cells))], FILLED) if dialect.rules.fill else TOO_FEW
    if dialect.rules.trim and not any(cell.strip() for cell in cells[width:]):
        return Fitted(cells[:width], TRIMMED)
    if overflow_at is None:
        return TOO_MANY
    return Fitted(joined(cells, overflow_at, width, dialect.delimiter), OVERFLOW)
