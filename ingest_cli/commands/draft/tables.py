"""Draft for an SQL dump with several tables of persons: one manifest, with fields for each table.

A manifest may name several tables, and a table without a certain column has no values in it. So all tables
become one dataset, unless a column name has different meanings in two of them; then the table needs its
own manifest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ingest_cli.commands.draft.draft import Column, Draft, DraftField, propose_fields
from ingest_cli.errors import UsageError
from ingest_cli.formats.sniffing.guess import FileGuess, TableGuess
from ingest_cli.formats.sniffing.names import HIDDEN, discreet, told_tables
from ingest_cli.formats.sql.catalog import same_table, split_name


def check_table(guess: FileGuess, table: str) -> None:
    """Check that the inspected table is the requested one.

    Raises:
        UsageError: there is no table of that name.
    """
    if guess.table and same_table(split_name(guess.table), split_name(table)):
        return
    there = told_tables({one.name: one.rows for one in guess.tables}) if guess.tables else "no table"
    raise UsageError(f"--from-table names no table with rows in the sample, which has {there}")


def with_tables(draft: Draft) -> Draft:
    """Return the draft with fields for each other table with identifiers."""
    others = [one for one in draft.guess.tables[1:] if one.columns]
    if not others or not draft.guess.table:
        return draft
    columns, fields, tables = list(draft.columns), list(draft.fields), [draft.guess.table]
    secrets, apart = list(draft.secrets), list[str]()
    for other in others:
        named = _columns(other)
        proposed = propose_fields(named)[0]
        if not any(one.kind for one in proposed):
            continue
        why = "the dump does not say what its columns are called" if draft.listed else _why_apart(other)
        why = why or _conflict(columns, fields, named, proposed)
        if why:
            apart.append(_advice(other, why))
            continue
        used = {_key(column) for one in fields for column in one.columns}
        there = set(map(_key, columns))
        more = [column for column in named if _key(column) not in there]
        columns += more
        secrets += [column for column in more if column.guess.secret]
        fields += [one for one in proposed if not used.issuperset(map(_key, one.columns))]
        tables.append(other.title)
    fields.sort(key=lambda one: one.kind is None)
    return replace(
        draft,
        columns=tuple(columns),
        fields=tuple(fields),
        secrets=tuple(secrets),
        tables=tuple(tables),
        unsure=(*(one for one in draft.unsure if not _tells_of_tables(one)), *_unread(draft, tables), *apart),
    )


def _columns(table: TableGuess) -> tuple[Column, ...]:
    titles = [column.title for column in table.columns]
    usable = [titles.count(title) == 1 and title.isprintable() for title in titles]
    return tuple(
        Column(column.title if fine else "", column, table.name)
        for column, fine in zip(table.columns, usable, strict=True)
    )


def _why_apart(table: TableGuess) -> str:
    """Return why a table cannot share the manifest with another; empty if it can."""
    if not table.title:
        return "its name looks like an identifier"
    return "" if any(column.title for column in table.columns) else "the dump does not say what its columns are called"


def _conflict(
    columns: Sequence[Column], fields: Sequence[DraftField], named: Sequence[Column], proposed: Sequence[DraftField]
) -> str:
    """Return why the tables cannot share a manifest; empty if they can."""
    mine, its = _meanings(columns, fields), _meanings(named, proposed)
    for name in mine.keys() & its.keys():
        one, two = mine[name], its[name]
        is_kept = one.kinds or two.kinds or one.exposes or two.exposes
        differs = one.kinds != two.kinds or (one.exposes and two.exposes and one.exposes != two.exposes)
        if differs or (is_kept and one.secret != two.secret):
            return f"its column `{discreet(name)}` is not what the column of that name is in another table"
    return ""


@dataclass(slots=True)
class _Meaning:
    """Meaning of a column name in the fields, and whether it looks like a secret."""

    kinds: set[str] = field(default_factory=set)
    exposes: set[str] = field(default_factory=set)
    secret: bool = False


def _meanings(columns: Sequence[Column], fields: Sequence[DraftField]) -> dict[str, _Meaning]:
    found = dict[str, _Meaning]()
    for column in columns:
        if column.name:
            meaning = found.setdefault(_key(column), _Meaning())
            meaning.secret = meaning.secret or column.guess.secret
    for one in fields:
        for column in one.columns:
            meaning = found[_key(column)]
            if one.kind:
                meaning.kinds.add(one.kind)
            elif column.guess.exposes:
                meaning.exposes.add(column.guess.exposes)
    return found


def _key(column: Column) -> str:
    return column.name.casefold()


def _advice(table: TableGuess, why: str) -> str:
    draft_it = f"draft a separate manifest for it with --from-table '{table.name}'"
    what = draft_it if table.name != HIDDEN else "write a manifest for it by hand"
    return f'the table "{table.name}" ({table.rows:,} rows) has identifiers, too, but {why}: {what}'


def _tells_of_tables(sentence: str) -> bool:
    return sentence.startswith("Not read: ")


def _unread(draft: Draft, tables: Sequence[str]) -> list[str]:
    """List the tables that the manifest does not read."""
    rows = {one.name: one.rows for one in draft.guess.tables if one.title not in tables}
    return [f"not read: {told_tables(rows)}"] if rows else []
