"""Guess what each column holds: by its name first, then by the share of cells with a telling shape.

A name without fitting cells gives low confidence. Cells without a name give more the more specific their shape is: few
things look like an e-mail address, while 10 digits may be a telephone number or a receipt. A column that could be a
password is marked as secret on weak evidence, since leaving it out does no harm.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ingest_cli.formats.sniffing.guess import ColumnGuess, Usable
from ingest_cli.formats.sniffing.names import is_second, meaning_of, shown
from ingest_cli.formats.sniffing.shapes import Shape, shapes_of
from ingest_cli.formats.sniffing.unwrapping import value_at
from ingest_cli.formats.sniffing.vocabulary import Meaning

MAX_COLUMNS = 1_000
"""Columns after these are ignored."""

UNSURE_BELOW = 0.7
"""Guesses with a lower confidence are reported as unsure."""

LOGIN, EMAIL = "LOGIN", "EMAIL"
"""Titles of the login column of a credential list; `EMAIL` if it holds only e-mail addresses."""

_MOST_CELLS = 100_000
_RARE_LOGINS = 0.02
_SURE_OF_USERS = 0.6
# Kind → (shape that identifies it without a name, confidence that gives, shape that suffices with a name).
_KINDS: dict[str, tuple[Shape, float, Shape]] = {
    "email": (Shape.EMAIL, 0.95, Shape.EMAIL),
    # Before `id`: cells with both shapes begin with 60, Malaysia's country code.
    "phone": (Shape.PHONE, 0.75, Shape.PHONE_LIKE),
    "id": (Shape.MYKAD, 0.9, Shape.ID_LIKE),
    "imsi": (Shape.IMSI, 0.85, Shape.IMSI),
    "imei": (Shape.IMEI, 0.85, Shape.IMEI),
    "iccid": (Shape.ICCID, 0.85, Shape.ICCID),
}
_WITH_NAME = {kind: enough for kind, (_, _, enough) in _KINDS.items()} | {"username": Shape.USERNAME_LIKE}
_CLASS_SHAPES = {
    "Dates of birth": Shape.DATE,
    "Genders": Shape.GENDER,
    "IP addresses": Shape.IP,
    "Names": Shape.WORDS,
}
_FIT = 0.7
_MISFIT = 0.2
_OUTWEIGHS = 0.5
_GENDER_SHARE = 0.95
_PERSON_SHARE = 0.2
_WORDS_SHARE = 0.8
_DISTINCT_SHARE = 0.8
_COMBO_WIDTH = 2
_SMALL_SAMPLE = 5
_CHECKED_CELLS = 500
_VAGUE = frozenset({"id", "username"})


@dataclass(frozen=True, slots=True)
class _Tally:
    """Numbers of cells per shape of one column, with a sample of the cells."""

    rows: int
    filled: int
    distinct: int
    shapes: Counter[Shape]
    cells: Sequence[str] = field(repr=False)
    usable: Usable | None

    def share(self, shape: Shape) -> float:
        return self.shapes[shape] / self.filled if self.filled else 0.0

    def valid(self, kind: str, otherwise: Shape) -> float:
        """Return the share of cells that are identifiers of `kind`; without rules, that of the shape `otherwise`."""
        if self.usable is None or not self.cells:
            return self.share(otherwise)
        usable = self.usable(kind, self.cells)
        # Nearly any cell is a valid ID or user name, so that the shape must match as well.
        return min(usable, self.share(otherwise)) if kind in _VAGUE else usable


@dataclass(frozen=True, slots=True)
class _Verdict:
    """Guessed meaning of a column."""

    meaning: Meaning
    confidence: float
    why: str


_NOTHING = Meaning()


def guess_columns(
    names: list[str] | None, rows: list[list[str]], width: int, usable: Usable | None = None
) -> tuple[ColumnGuess, ...]:
    """Guess the content of `width` columns, given the cells of the header, if there is one, and the rows below.

    Missing cells count as empty; `usable` checks cells by the rules of a load, by default by shape.
    """
    width = min(width, MAX_COLUMNS)
    rows = rows[: max(20, _MOST_CELLS // max(width, 1))]
    tallies = [_tally(rows, place, usable) for place in range(width)]
    titles = [name.strip() for name in (names or [])[:width]]
    titles += [""] * (width - len(titles))
    verdicts = [_judge(title, tally) for title, tally in zip(titles, tallies, strict=True)]
    if names is None:
        verdicts = _password_beside_login(verdicts, tallies)
    return tuple(
        ColumnGuess(
            name=shown(title) or f"COL{place + 1}",
            position=place,
            kind=verdict.meaning.kind,
            exposes=verdict.meaning.exposes,
            confidence=round(verdict.confidence, 2),
            filled=round(tally.filled / tally.rows, 4) if tally.rows else 0.0,
            why=_with_doubt(verdict),
            secret=verdict.meaning.secret,
            title=title,
            second=verdict.meaning.kind == "id" and (is_second(title) if title else _is_second(tally)),
        )
        for place, (title, tally, verdict) in enumerate(zip(titles, tallies, verdicts, strict=True))
    )


def with_logins(
    columns: tuple[ColumnGuess, ...], rows: list[list[str]], usable: Usable | None
) -> tuple[ColumnGuess, ...]:
    """Return the guesses for a credential list, whose logins may be e-mail addresses, user names or both."""
    out = list[ColumnGuess]()
    for column in columns:
        if column.title != LOGIN:
            out.append(column)
            continue
        tally = _tally(rows, column.position, usable)
        email = tally.valid("email", Shape.EMAIL)
        user = tally.valid("username", Shape.USERNAME_LIKE) if usable else 1 - email
        why = f"{_percent(email)} of cells look like e-mail addresses, {_percent(user)} like user names"
        sure = round(min(0.95, email + user), 2)
        if email >= 1 - _RARE_LOGINS or email > _RARE_LOGINS > user:
            out.append(replace(column, kind="email", exposes=None, confidence=sure, why=why, title=EMAIL, name=EMAIL))
        elif email <= _RARE_LOGINS:
            sure = min(sure, _SURE_OF_USERS)
            out.append(replace(column, kind="username", exposes=None, confidence=sure, why=why))
        else:
            out.append(replace(column, kind="email", also="username", exposes=None, confidence=sure, why=why))
    return tuple(out)


def _tally(rows: list[list[str]], place: int, usable: Usable | None) -> _Tally:
    shapes: Counter[Shape] = Counter()
    filled = 0
    distinct: set[str] = set()
    cells: list[str] = []
    for row in rows:
        if cell := value_at(row, place):
            filled += 1
            distinct.add(cell)
            shapes.update(shapes_of(cell))
            if usable and len(cells) < _CHECKED_CELLS:
                cells.append(cell)
    return _Tally(len(rows), filled, len(distinct), shapes, cells, usable)


def _is_second(tally: _Tally) -> bool:
    """Return whether an unnamed column of IDs holds old IDs, passports or other IDs."""
    return tally.share(Shape.MYKAD) < _FIT


def _judge(title: str, tally: _Tally) -> _Verdict:
    named = meaning_of(title) if title else None
    by_cells = _by_cells(tally)
    if named is None:
        return by_cells
    if named.secret:
        return _Verdict(named, 0.95, "its name")
    fit = _fit(named, tally)
    if fit is None:
        return _Verdict(
            named,
            0.6 if not tally.filled else 0.8,
            "its name" if tally.filled else "its name; all cells are empty",
        )
    other = by_cells.meaning
    if fit < _MISFIT and other != named and (other.kind or other.secret) and by_cells.confidence >= _OUTWEIGHS:
        return _Verdict(other, 0.5, f"{by_cells.why}, though its name says otherwise")
    if fit < _MISFIT:
        return _Verdict(named, 0.35, f"its name, but only {_percent(fit)} of cells fit")
    return _Verdict(named, 0.5 + 0.5 * fit, f"its name, {_percent(fit)} of cells fit")


def _fit(named: Meaning, tally: _Tally) -> float | None:
    """Return the share of cells that fit the meaning of a name; None if no shape can tell, or all cells are empty."""
    if not tally.filled:
        return None
    if named.kind is not None:
        return tally.valid(named.kind, _WITH_NAME[named.kind])
    shape = _CLASS_SHAPES.get(named.exposes or "")
    return None if shape is None else tally.share(shape)


def _by_cells(tally: _Tally) -> _Verdict:
    if not tally.filled:
        return _Verdict(_NOTHING, 0.0, "all cells are empty")
    trust = min(1.0, 0.5 + 0.5 * tally.filled / _SMALL_SAMPLE)
    kind = max(_KINDS, key=lambda name: tally.share(_KINDS[name][0]))
    shape, sure, _ = _KINDS[kind]
    share = tally.share(shape)
    if share >= _FIT:
        share = min(share, tally.valid(kind, shape))
        return _Verdict(Meaning(kind), trust * sure * share, f"{_percent(share)} of cells look like {shape.value}")
    for shape, least, sure, meaning in (
        (Shape.HASH, 0.7, 0.8, Meaning(secret=True)),
        (Shape.IP, 0.9, 0.9, Meaning(exposes="IP addresses")),
        (Shape.PASSPORT, 0.7, 0.6, Meaning("id")),
        (Shape.OTHER_ID, 0.9, 0.35, Meaning("id")),
        (Shape.ADDRESS, 0.5, 1.0, Meaning(exposes="Physical addresses")),
    ):
        share = tally.share(shape)
        if share >= least:
            return _Verdict(
                meaning, trust * min(0.9, sure * share), f"{_percent(share)} of cells look like {shape.value}"
            )
    return _by_words(tally, trust)


def _by_words(tally: _Tally, trust: float) -> _Verdict:
    if tally.share(Shape.GENDER) >= _GENDER_SHARE and tally.distinct > 1:
        return _Verdict(Meaning(exposes="Genders"), trust * 0.6, "cells look like genders")
    if tally.share(Shape.WORDS) >= _WORDS_SHARE and tally.share(Shape.PERSON) >= _PERSON_SHARE:
        return _Verdict(Meaning(exposes="Names"), trust * 0.8, "many cells look like names of persons")
    seldom_recur = tally.distinct >= _DISTINCT_SHARE * tally.filled and tally.filled >= _SMALL_SAMPLE
    if tally.share(Shape.WORDS) >= _WORDS_SHARE and seldom_recur:
        return _Verdict(Meaning(exposes="Names"), 0.4, "cells are words that seldom recur")
    for shape in (Shape.DATE, Shape.NUMBER):
        if tally.share(shape) >= _FIT:
            return _Verdict(_NOTHING, 0.0, f"cells look like {shape.value}")
    return _Verdict(_NOTHING, 0.0, "nothing known fits")


def _password_beside_login(verdicts: list[_Verdict], tallies: list[_Tally]) -> list[_Verdict]:
    """Mark as secret the column beside an e-mail address in a file of two columns, if its content is unknown."""
    if len(verdicts) != _COMBO_WIDTH or sum(verdict.meaning.kind == "email" for verdict in verdicts) != 1:
        return verdicts
    return [
        _Verdict(Meaning(secret=True), 0.7, "the only column beside e-mail addresses, and nothing else known")
        if tally.filled and verdict.meaning.kind is None and verdict.confidence < UNSURE_BELOW
        else verdict
        for verdict, tally in zip(verdicts, tallies, strict=True)
    ]


def _with_doubt(verdict: _Verdict) -> str:
    if verdict.meaning != _NOTHING and verdict.confidence < UNSURE_BELOW:
        return f"{verdict.why}; unsure"
    return verdict.why


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
