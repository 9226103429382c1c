"""Damage of a whole row, and the result of a correct reader.

A wound is applied to a draft, the row before it is laid out in columns. The list for a shape goes
through every oddity of every field it has: beside other identifiers, so that the row is kept, and
where the oddity is a refusal also alone, so that the row is rejected for it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Literal, NamedTuple

from tests.support.oddities import ODDITIES, Charset, Oddity
from tests.support.people import Draws, Person
from tests.support.shapes import Shape
from tests.support.spelling import NULLS, Cell, clean_cells, nothing
from tests.support.truth import Identifier, RowTruth

Raw = Literal["", "blank", "header", "duplicate", "unclosed_quote"]
"""A row that is not laid out but written as something else."""


@dataclass
class Draft:
    """A row before it is laid out.

    Attributes:
        shape: where it will stand.
        person: whom it is about.
        n: drawn numbers.
        cells: field name → cell.
        cut_at: number of columns after which the row ends too early; 0 if it does not.
        extra: cells too many.
    """

    shape: Shape
    person: Person
    n: Draws
    cells: dict[str, Cell]
    cut_at: int = 0
    extra: tuple[str, ...] = ()

    def columns_of(self, field: str) -> str:
        """The content word of the column a field's value stands in."""
        in_other = field == "id" and self.person.document != self.person.mykad
        return "other_id" if in_other and any(content == "other_id" for _, content in self.shape.columns) else field

    def laid_out(self) -> list[str]:
        """The cells of the row, in the order of the columns."""
        person, cells = self.person, self.cells
        texts = {name: cell.text for name, cell in cells.items()}
        texts["other_id"] = ""
        if "id" in cells:
            if self.columns_of("id") == "other_id":
                texts["other_id"], texts["id"] = texts["id"], NULLS[self.n[11] % len(NULLS)]
            elif not cells["id"].absent and self.n[11] % 4 == 0:
                texts["other_id"] = person.old_ic  # never looked at: the first column is filled
        texts["blank"] = ""
        texts["plan"] = person.plan
        texts["number"] = str(person.number)
        texts["password"] = person.password
        row = [texts[content] for _, content in self.shape.columns]
        return [*(row[: self.cut_at] if self.cut_at else row), *self.extra]


class Wound(NamedTuple):
    """Something wrong with a row: how it is brought about in a draft, or as what it is written instead."""

    name: str
    apply: Callable[[Draft], None] | None
    raw: Raw = ""


def clean_draft(shape: Shape, person: Person, n: Draws, *, complete: bool) -> Draft:
    """A row without anything wrong with it; unless `complete`, some of its cells are empty."""
    fields = tuple(field.name for field in shape.fields)
    cells = clean_cells(person, fields, n, complete=complete)
    for name, source in (("name", shape.name_source), ("address", shape.address_source)):
        if name in cells and not cells[name].absent:
            cells[name] = Cell(getattr(person, source))
    return Draft(shape, person, n, cells)


def judged(draft: Draft, row: int, line: int) -> RowTruth:
    """What must become of a laid out row that begins at a row and a line."""
    if draft.extra or draft.cut_at:
        return RowTruth(row, line, "rejected", "too_many_cells" if draft.extra else "too_few_cells")
    cells = draft.cells
    found: list[Identifier] = []
    refused: list[tuple[str, str]] = []
    classes: set[str] = set()
    is_usable = False
    for field in draft.shape.fields:
        cell = cells.get(field.name)
        if cell is None or cell.absent:
            continue
        classes.add(field.exposes)
        if field.kind:
            found += cell.found
            refused += [(field.kind, reason) for reason in cell.refused]
            is_usable = is_usable or (field.lookup and bool(cell.found))
    content = (tuple(sorted(set(found))), tuple(sorted(classes)), tuple(refused))
    if is_usable:
        return RowTruth(row, line, "kept", None, *content)
    if refused:
        return RowTruth(row, line, "rejected", refused[0][1], *content)
    return RowTruth(row, line, "skipped", "no_identifier", *content)


def wounds(shape: Shape, charsets: Collection[Charset], *, header: bool) -> list[Wound]:
    """Every wound a dump of this shape can have if its encoding takes these sorts of cells."""
    has = {field.name for field in shape.fields}
    found: list[Wound] = []
    for oddity in ODDITIES:
        if oddity.field in has and oddity.charset in charsets:
            found.append(Wound(oddity.name, functools.partial(_put, oddity)))
            if oddity.refuses:
                found.append(Wound(f"{oddity.name}_alone", functools.partial(_put_alone, oddity)))
    found += [Wound(f"null_{i}", functools.partial(_without_phone, i)) for i in range(len(NULLS))]
    found += [Wound("no_identifier", _without_identifiers), Wound("all_refused", _all_refused)]
    count = len(shape.columns)
    found += [Wound(f"cut_at_{at}", functools.partial(_cut, at)) for at in sorted({2, count // 2, count - 1})]
    for extra in (("",), ("", ""), ("lebih",), ("", "lebih")):
        found.append(Wound(f"extra_{'_'.join(extra)}", functools.partial(_lengthen, extra)))
    found += [Wound("duplicate", None, "duplicate"), Wound("blank", None, "blank")]
    if header:
        found.append(Wound("repeated_header", None, "header"))
    if not shape.is_plain:
        found.append(Wound("unclosed_quote", None, "unclosed_quote"))
    return found


def _put(oddity: Oddity, draft: Draft) -> None:
    draft.cells[oddity.field] = oddity.make(draft.person, draft.n)


def _put_alone(oddity: Oddity, draft: Draft) -> None:
    _without_identifiers(draft)
    _put(oddity, draft)


def _without_phone(spelling: int, draft: Draft) -> None:
    draft.cells["phone"] = nothing(spelling)


def _without_identifiers(draft: Draft) -> None:
    for number, field in enumerate(draft.shape.fields):
        if field.kind:
            draft.cells[field.name] = nothing(draft.n[13] + number)


def _all_refused(draft: Draft) -> None:
    _without_identifiers(draft)
    for oddity in ODDITIES:
        if oddity.name in {"id_dummy", "phone_words", "email_no_address_0"} and oddity.field in draft.cells:
            _put(oddity, draft)


def _cut(at: int, draft: Draft) -> None:
    draft.cut_at = at


def _lengthen(extra: tuple[str, ...], draft: Draft) -> None:
    draft.extra = extra
