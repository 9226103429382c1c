"""Dumps with one delimiter too many or too few, and what must not come of it: a password as an identifier.

A seed draws a dump (who is in it, in which order its columns are, how it is written), what its manifest says about rows
that do not fit, and the place of the one delimiter. Passwords look like every kind of identifier, and are invented.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from random import Random

import pyarrow as pa

from ingest_cli.errors import ManifestError
from ingest_cli.identifiers import IDENTIFIERS
from ingest_cli.model.manifest import parse_manifest
from tests.support import pipelines
from tests.support.people import Person, person
from tests.support.pipelines import PEPPER, BytesSource
from tests.support.shapes import Field, Shape
from tests.support.truth import Reference
from tests.support.writers import LOGIN_WRITERS, LOGINS, WRITERS, Table, Writer, manifest

ROWS = 8
DUMPS = 64
"""Tables that are drawn; each seed takes one of them."""

RULES = ("", "fill", "trim", "overflow", "all")

WAYS: dict[str, Writer] = {name: write for name, write in WRITERS.items() if name.startswith(("csv", "tsv"))}

_COLUMNS = {
    "nama": "name",
    "no_kp": "id",
    "no_tel": "phone",
    "emel": "email",
    "alamat": "address",
    "kata_laluan": "password",
    "pengguna": "username",
    "catatan": "plan",
}
_FIELDS = tuple(
    Field(kind, kind, (column,), kind, lookup=True)
    for column, kind in (("no_kp", "id"), ("no_tel", "phone"), ("emel", "email"), ("pengguna", "username"))
)


@dataclass(frozen=True)
class Case:
    """A dump with a delimiter misplaced in it.

    Attributes:
        manifest: TOML.
        data: of the dump.
        passwords: in it.
        has_keys: whether the manifest says anything about rows that do not fit.
    """

    manifest: str
    data: bytes
    passwords: tuple[str, ...]
    has_keys: bool


def password(rng: Random, number: int) -> str:
    """A password that looks like something else; no identifier of anybody."""
    stranger = person(rng.randrange(1 << 30), 100_000 + number)
    return rng.choice(
        [
            stranger.password,
            f"rahsia{number}{rng.randrange(1000)}",
            stranger.mykad,
            stranger.mykad.lstrip("0"),
            stranger.mobile.removeprefix("+6"),
            stranger.mobile,
            stranger.old_ic,
            stranger.imsi,
            f"A{rng.randrange(10**7, 10**8)}",
            stranger.email,
            stranger.username,
            f"pw {number}, {stranger.username}",
        ]
    )


@lru_cache(maxsize=DUMPS)
def table(number: int) -> Table:
    """A table of people with passwords, its columns in some order."""
    rng = Random(f"table {number}")
    names = [*_COLUMNS]
    rng.shuffle(names)
    rows: list[tuple[str, ...]] = []
    for row in range(ROWS):
        who = person(number, row)._replace(password=password(rng, row))
        rows.append(tuple(_cell(who, _COLUMNS[name], rng) for name in names))
    return Table("ahli", tuple(names), tuple(rows))


def _cell(who: Person, content: str, rng: Random) -> str:
    if content == "password":
        return who.password
    if rng.random() < 0.2:
        return ""
    if content == "name" and rng.random() < 0.3:
        return f'{who.name}, "Along"'
    return str(getattr(who, {"id": "document", "phone": "mobile"}.get(content, content)))


def case(seed: int) -> Case:
    """The dump of a seed."""
    rng = Random(f"misplaced {seed}")
    if rng.random() < 0.1:
        return _logins(rng)
    drawn, rule = table(rng.randrange(DUMPS)), rng.choice(RULES)
    written = WAYS[rng.choice([*WAYS])](drawn)
    layout = {**written.layout, **_row_keys(rule, rng.choice(drawn.columns))}
    shape = Shape("ahli", "Demo", "", ",", "utf-8", True, tuple(_COLUMNS.items()), _FIELDS)  # noqa: FBT003 - has a header
    text = manifest(shape, written._replace(layout=layout), ["memory.csv"], max_ratio=1.0)
    assert isinstance(written.data, str)
    column = drawn.columns.index("kata_laluan")
    data = misplaced(written.data, str(layout.get("delimiter", "\t")), rng)
    return Case(text, data.encode(), tuple(row[column] for row in drawn.rows), bool(rule))


def _row_keys(rule: str, column: str) -> dict[str, object]:
    keys: dict[str, object] = {}
    if rule in {"fill", "all"}:
        keys["short_rows"] = "fill"
    if rule in {"trim", "all"}:
        keys["long_rows"] = "trim"
    if rule in {"overflow", "all"}:
        keys["overflow"] = column
    return keys


def _logins(rng: Random) -> Case:
    """A list of logins, of two columns."""
    name = rng.choice(["email:password", "user:password"])
    who = [person(rng.randrange(DUMPS), row)._replace(password=password(rng, row)) for row in range(ROWS)]
    rows = tuple((one.email if name == "email:password" else one.username, one.password) for one in who)
    shape = LOGINS[name]
    written = LOGIN_WRITERS["colons"](Table("ahli", tuple(shape.column_names), rows))
    assert isinstance(written.data, str)
    text = manifest(shape, written, ["memory.csv"], max_ratio=1.0)
    return Case(text, misplaced(written.data, ":", rng).encode(), tuple(one.password for one in who), has_keys=False)


def misplaced(text: str, delimiter: str, rng: Random) -> str:
    """The text with one delimiter inserted or deleted anywhere."""
    places = [at for at in range(len(text)) if text.startswith(delimiter, at)]
    if places and rng.random() < 0.5:
        at = rng.choice(places)
        return text[:at] + text[at + len(delimiter) :]
    at = rng.randrange(len(text) + 1)
    return text[:at] + delimiter + text[at:]


def forbidden(case: Case) -> dict[str, str]:
    """Partition key → kind, of whatever the passwords would be as identifiers, where that must not be in the table."""
    keys: dict[str, str] = {}
    for kind, identifier in IDENTIFIERS.items():
        if case.has_keys and kind not in {"username", "id"}:
            continue
        cells = pa.array([each.strip() for each in case.passwords], pa.string())
        found = identifier.canonicalize(cells, "MY")
        for value, label, flagged in zip(found.value.to_pylist(), found.label.tolist(), found.flagged, strict=True):
            if not case.has_keys or kind == "username" or identifier.labels[label] != "mykad" or flagged:
                keys[_REFERENCE.pk((kind, value))] = kind
    return keys


_REFERENCE = Reference(PEPPER.secret, PEPPER.kid, "demo", pipelines.SRC)


def leaked(seed: int) -> list[str]:
    """The kinds of identifier as which a password got into the table; none, if all is well.

    Raises:
        AssertionError: the account of the rows does not balance.
    """
    drawn = case(seed)
    try:
        settled = pipelines.run(parse_manifest(drawn.manifest), [BytesSource(drawn.data)])
    except ManifestError:
        return []  # refused, before anything is written
    assert settled.account.balances
    keys = forbidden(drawn)
    return sorted({keys[pk] for pk, _ in pipelines.table_of(settled) if pk in keys})
