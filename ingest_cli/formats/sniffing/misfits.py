"""Propose manifest keys for rows with too few or too many cells, with the evidence for each.

A key is proposed if it puts the e-mail addresses, telephone numbers, MyKads and device numbers of these rows into the
columns where all other rows have them. Content that cannot be checked, such as names and notes, is no evidence; it is
not loaded from such rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ingest_cli.formats.misfits import joined
from ingest_cli.formats.sniffing.guess import ColumnGuess, Proposal, Rules
from ingest_cli.formats.sniffing.names import meaning_of
from ingest_cli.formats.sniffing.rows import Unquoted
from ingest_cli.formats.sniffing.shapes import Shape, shapes_of
from ingest_cli.formats.sniffing.unwrapping import value_at

_CHECKED = {
    "email": Shape.EMAIL,
    "phone": Shape.PHONE_LIKE,
    "imsi": Shape.IMSI,
    "imei": Shape.IMEI,
    "iccid": Shape.ICCID,
    "id": Shape.MYKAD,
}
_SURE = 0.5
_MYKAD_SHARE = 0.9
_MOST_ROWS = 200
_MOST_CANDIDATES = 40
_CALLED_LIKE_TEXT = ("Physical addresses", "Names", None)

Row = list[str]


@dataclass(slots=True)
class Checks:
    """Validity checks of the columns with recognizable identifiers.

    Attributes:
        kinds: position → kind.
        rules: rules of a load; None: cells are checked by shape.
    """

    kinds: dict[int, str]
    rules: Rules | None
    _known: dict[tuple[str, str], bool] = field(default_factory=dict)

    @classmethod
    def of(cls, columns: Sequence[ColumnGuess], fitting: Sequence[Row], rules: Rules | None) -> Checks:
        """Return the checks for a table's `columns`, given rows of the same width."""
        kinds = {
            one.position: one.kind
            for one in columns
            if one.kind in _CHECKED and one.confidence >= _SURE and not one.also and not one.secret
        }
        checks = cls(kinds, rules)
        for place, kind in list(kinds.items()):
            if kind == "id" and _share(fitting, place) < _MYKAD_SHARE:
                del kinds[place]
        return checks

    def judge(self, rows: Sequence[Row]) -> list[bool | None]:
        """Return for each row whether all of its checked cells are valid; None if it has none."""
        verdicts: list[bool | None] = [None] * len(rows)
        for place, kind in self.kinds.items():
            cells = [value_at(row, place) for row in rows]
            self._learn(kind, cells)
            for at, cell in enumerate(cells):
                if cell:
                    verdicts[at] = verdicts[at] is not False and self._known[kind, cell]
        return verdicts

    def strength(self, rows: Sequence[Row], only: Mapping[int, str] | None = None) -> int:
        """Count the valid cells in rows already judged, in all checked columns or in `only` these."""
        kinds = (self.kinds if only is None else only).items()
        return sum(self._known.get((kind, value_at(row, place)), False) for row in rows for place, kind in kinds)

    def _learn(self, kind: str, cells: Sequence[str]) -> None:
        new = [cell for cell in dict.fromkeys(cells) if cell and (kind, cell) not in self._known]
        if not new:
            return
        if self.rules is None or kind == "id":
            valid: Sequence[bool] = [_CHECKED[kind] in shapes_of(cell) for cell in new]
        else:
            valid = self.rules.valid(kind, new)
        self._known.update({(kind, cell): bool(one) for cell, one in zip(new, valid, strict=True)})


def propose(
    rows: Sequence[Row], columns: Sequence[ColumnGuess], delimiter: str, rules: Rules | None
) -> tuple[Proposal, ...]:
    """Return the keys for the rows of data whose width differs from the number of `columns`."""
    width = len(columns)
    misfits = [row for row in rows if len(row) != width and not isinstance(row, Unquoted)]
    if not misfits or width < 2:  # noqa: PLR2004 - a single column has no neighbours
        return ()
    checks = Checks.of(columns, [row for row in rows if len(row) == width][:_MOST_ROWS], rules)
    long = [row for row in misfits if len(row) > width]
    short = [row for row in misfits if len(row) < width]
    empty = [row for row in long if not any(cell.strip() for cell in row[width:])]
    rest = [row for row in long if any(cell.strip() for cell in row[width:])]
    made = list[Proposal | None]()
    if short:
        filled = checks.judge([[*row, *[""] * (width - len(row))] for row in short[:_MOST_ROWS]])
        what = f"{len(short):,} of {len(rows):,} rows have too few cells; filled up at the end"
        made.append(_borne_out(_proposal("short_rows", "fill", what, filled), short[:_MOST_ROWS], columns, checks))
    if empty:
        trim = _trim(empty[:_MOST_ROWS], columns, delimiter, checks, f"{len(empty):,} of {len(rows):,}")
        made.append(trim)
        rest = rest if trim and trim.active else long
    if rest:
        what = f"{len(rest):,} of {len(rows):,} rows have too many cells; with the surplus in this column"
        made.append(_overflow(rest[:_MOST_ROWS], columns, delimiter, checks, what))
    return tuple(one for one in made if one is not None)


def _trim(
    long: Sequence[Row], columns: Sequence[ColumnGuess], delimiter: str, checks: Checks, count: str
) -> Proposal | None:
    """Propose dropping empty cells at the end, unless `overflow` would fit the identifiers as well."""
    width, last = len(columns), max(checks.kinds, default=0)
    trimmed = [row[:width] for row in long]
    what = f"{count} rows have empty cells too many at the end; without these"
    made = _borne_out(_proposal("long_rows", "trim", what, checks.judge(trimmed)), trimmed, columns, checks)
    strength = checks.strength(trimmed)
    for place in _texts(columns) if made else ():
        other = [joined(row, place, width, delimiter) for row in long]
        if place < last and False not in checks.judge(other) and checks.strength(other) >= strength:
            return _doubted(made, "but nothing tells it from `overflow`")
    return made


def _borne_out(
    made: Proposal | None, rows: Sequence[Row], columns: Sequence[ColumnGuess], checks: Checks
) -> Proposal | None:
    """Return the proposal, in doubt if no identifier follows a text that could contain the delimiter."""
    texts = _texts(columns)
    behind = {place: kind for place, kind in checks.kinds.items() if texts and place > texts[0]}
    if made is None or (texts and checks.strength(rows, behind)) or not texts:
        return made
    return _doubted(made, "but all of them stand before the first text, which may be what has a delimiter too many")


def _doubted(made: Proposal | None, doubt: str) -> Proposal | None:
    return made and replace(made, evidence=f"{made.evidence}; {doubt}", active=False)


def _texts(columns: Sequence[ColumnGuess]) -> list[int]:
    """Return the columns whose cells may contain delimiters, i.e. without identifiers."""
    return [place for place, column in enumerate(columns[:_MOST_CANDIDATES]) if column.kind is None]


def _overflow(
    long: Sequence[Row], columns: Sequence[ColumnGuess], delimiter: str, checks: Checks, what: str
) -> Proposal | None:
    """Propose the column that takes the surplus cells of most rows."""
    judged = {place: checks.judge([joined(row, place, len(columns), delimiter) for row in long])
              for place in _texts(columns)}  # fmt: skip
    if not judged:
        return None
    best = max(verdicts.count(True) for verdicts in judged.values())
    level = [place for place, verdicts in judged.items() if verdicts.count(True) == best]
    place = min(level, key=lambda one: (_likeness(columns[one]), one))
    made = _proposal("overflow", "", what, judged[place])
    if made is None:
        return None
    others = len(level) - 1
    evidence = f"{made.evidence}{f'; in {others:,} of the other columns it would do as well' if others else ''}"
    in_a_row = max(level) - min(level) == others
    return replace(made, evidence=evidence, active=made.active and in_a_row, column=place)


def _proposal(key: str, value: str, what: str, verdicts: Sequence[bool | None]) -> Proposal | None:
    """Return the key with its evidence; None if all evidence contradicts it."""
    count = Counter(verdicts)
    told = count[True] + count[False]
    if not told:
        return Proposal(key, value, f"{what}, no identifier tells whether they are right", active=False)
    if not count[True]:
        return None
    lines_up = f"the identifiers line up in {count[True]:,} of {told:,}"
    untold = f" ({count[None]:,} have none)" if count[None] else ""
    return Proposal(key, value, f"{what}, {lines_up}{untold}", active=not count[False])


@dataclass(frozen=True, slots=True)
class Alignment:
    """Assignment of a header's names to rows of another width.

    Attributes:
        names: one per column; empty for one without.
        overflow: position of the column whose text contains delimiters in most rows; None if there is none.
    """

    names: list[str]
    overflow: int | None = None


def align(
    names: Sequence[str], rows: Sequence[Row], width: int, judge: Callable[[list[str], Sequence[Row]], float]
) -> Alignment:
    """Find the columns the header `names` lack, or the one that contains delimiters, for rows of this width.

    `judge` returns how well the cells of some rows match some names.
    """
    if len(names) >= width:
        return Alignment(list(names[:width]))
    missing = [""] * (width - len(names))
    behind, before = [*names, *missing], [*missing, *names]
    if not any(cell.strip() for row in rows for cell in row[len(names) :]):
        return Alignment(behind)
    found = {(-1, False): judge(behind, rows), (-1, True): judge(before, rows)}
    for place in range(min(len(names), _MOST_CANDIDATES)):
        found[place, False] = judge(list(names), [joined(row, place, len(names), ",") for row in rows])
    place, is_before = max(found, key=lambda one: (round(found[one], 3), one[0] < 0))
    if place >= 0:
        return Alignment(list(names), place)
    return Alignment(before if is_before else behind)


def _likeness(column: ColumnGuess) -> int:
    """Rank a column by how unlikely its text is to contain delimiters."""
    exposes = column.exposes or (named.exposes if column.title and (named := meaning_of(column.title)) else None)
    if column.kind is not None or exposes not in _CALLED_LIKE_TEXT:
        return len(_CALLED_LIKE_TEXT)
    return _CALLED_LIKE_TEXT.index(exposes)


def _share(rows: Sequence[Row], place: int) -> float:
    cells = [cell for row in rows if (cell := value_at(row, place))]
    return sum(_CHECKED["id"] in shapes_of(cell) for cell in cells) / len(cells) if cells else 0.0
