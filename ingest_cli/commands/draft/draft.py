"""Contents of a drafted manifest: columns, their names, and what is uncertain about them."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from ingest_cli.commands.draft.looking import Look
from ingest_cli.errors import SourceError, UsageError
from ingest_cli.formats.sniffing.columns import UNSURE_BELOW
from ingest_cli.formats.sniffing.guess import ColumnGuess, FileGuess, Proposal
from ingest_cli.model.manifest import LOOKUP_KINDS
from ingest_cli.model.toml_schema import shown

PROPOSED_FROM = 0.5
"""Minimum confidence of a guess for a column to be proposed; otherwise it is only mentioned."""

_SECOND_FROM = 0.3
_UNSURE_CODES = frozenset(
    {
        "undecodable",
        "encoding_unsure",
        "header_unsure",
        "header_width",
        "unclosed_quote",
        "stray_quotes",
        "one_column",
        "excel_exponent",
        "fixed_unsure",
        "other_tables",
        "more_tables",
        "no_rows_read",
        "unread_columns",
        "broken_json",
        "broken_rows",
    }
)
_HIDES_HEADER = frozenset({"nul", "header_width"})
_NAMED_IN_MANIFEST = frozenset({"csv", "tsv", "fixed", "combo", "sql", "xlsx"})
_ALWAYS_LISTED = frozenset({"fixed", "combo"})


@dataclass(frozen=True, slots=True)
class Column:
    """A column, and its name in the manifest.

    Attributes:
        name: name in the manifest; empty for a column that cannot, or need not, be named.
        table: printable name of its table, if there are several.
    """

    name: str
    guess: ColumnGuess
    table: str = ""


@dataclass(frozen=True, slots=True)
class DraftField:
    """A `[[fields]]` entry.

    Attributes:
        columns: columns to search, in order.
        kind: kind of identifier; None where only presence counts.
        lookup: whether `lookup` must be set for its values to become items.
    """

    columns: tuple[Column, ...]
    kind: str | None
    lookup: bool = False


@dataclass(frozen=True, slots=True)
class Draft:
    """Contents of a manifest.

    Attributes:
        looks: findings about the sources, in the given order.
        listed: whether [format] must list `columns`.
        doubtful: fields only to mention.
        secrets: columns that look like passwords or other secrets.
        unsure: uncertain points, one sentence each.
        proposals: further keys of [format], each with its value.
        tables: all tables to read, if there are several.
    """

    looks: tuple[Look, ...]
    guess: FileGuess
    columns: tuple[Column, ...]
    listed: bool
    header: bool
    fields: tuple[DraftField, ...]
    doubtful: tuple[DraftField, ...]
    secrets: tuple[Column, ...]
    unsure: tuple[str, ...]
    proposals: tuple[Proposal, ...] = ()
    tables: tuple[str, ...] = ()


def make_draft(looks: Sequence[Look]) -> Draft:
    """Combine the findings about the sources of one dump.

    Raises:
        SourceError: a source is not a dump, or no column looks like an identifier.
        UsageError: their formats differ, so that one manifest cannot describe them.
    """
    for look in looks:
        if look.guess.format is None:
            why = look.guess.findings[0].text if look.guess.findings else "Nothing in it looks like rows."
            raise SourceError(f'"{look.source.name}" cannot be loaded: {why}')
    first = max(looks, key=lambda look: look.guess.rows_sampled)
    for look in looks:
        _check_alike(first, look)
    guess, unsure = _with_encoding(first, looks)
    columns, listed = _named(guess)
    fields, doubtful = propose_fields(columns)
    fields, doubtful, more = _with_lookup(fields, doubtful, first)
    proposals = _proposals(looks, columns)
    unsure += [*_doubts(looks, guess), *map(_doubt, fields), *map(_doubt_of_region, fields), *more]
    unsure += [f"{one.evidence}; `{one.key}` may be right" for one in proposals if not one.active]
    secrets = tuple(column for column in columns if column.guess.secret)
    unsure = list(dict.fromkeys(sentence for sentence in unsure if sentence))
    return Draft(
        looks=tuple(looks),
        guess=guess,
        columns=columns,
        listed=listed,
        header=guess.header,
        fields=tuple(fields),
        doubtful=tuple(doubtful),
        secrets=secrets,
        unsure=tuple(unsure),
        proposals=tuple(proposals),
    )


def dataset_id(names: Sequence[str]) -> str:
    """Derive a dataset id from file names: their common part, without extensions."""
    plain = unicodedata.normalize("NFKD", dataset_title(names)).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:64].strip("-") or "dump"


def dataset_title(names: Sequence[str]) -> str:
    """Derive a title from file names."""
    stems = [_ENDINGS.sub("", name.rstrip("/").rpartition("/")[2]) for name in names]
    common = stems[0]
    for stem in stems[1:]:
        while not stem.startswith(common):
            common = common[:-1]
    if len(stems) > 1 and common[-1:].isdigit():
        common = common.rstrip("0123456789")  # of a number that differs
    printable = "".join(character for character in (common or stems[0]) if character.isprintable())
    return printable.strip(" .-_")[:100] or "dump"


_ENDINGS = re.compile(
    r"(?:\.(?:csv|tsv|tab|txt|lst|dat|log|sql|dump|json|jsonl|ndjson|parquet|arrow|feather|xlsx|vcf|ldif|ldf"
    r"|gz|bz2|xz|lzma|zst|zip|tar|tgz|tbz2|txz|7z|age))+\Z",
    re.IGNORECASE,
)


def _check_alike(first: Look, other: Look) -> None:
    one, two = first.guess, other.guess
    titles = [[column.title for column in guess.columns] for guess in (one, two)]
    places = ("csv", "tsv", "fixed", "combo")
    for what, mine, its in (
        ("format", one.format, two.format),
        ("delimiter", one.delimiter, two.delimiter),
        ("escape", one.escape, two.escape),
        ("number of lines before the header", one.skip_lines, two.skip_lines),
        ("header", one.header, two.header),
        ("widths", one.widths, two.widths),
        ("separator", (one.separator, one.key_delimiter), (two.separator, two.key_delimiter)),
        ("table", one.table, two.table),
        ("rows", one.rows, two.rows),
        ("layout", one.layout, two.layout),
        ("columns", *(titles if one.format in places else ("", ""))),
        ("number of columns", *(map(len, titles) if one.format in places else ("", ""))),
    ):
        if mine != its:
            raise UsageError(
                f'"{first.source.name}" and "{other.source.name}" cannot share a manifest, since the {what} differs; '
                "draft a manifest for each"
            )


def _with_encoding(first: Look, looks: Sequence[Look]) -> tuple[FileGuess, list[str]]:
    """Return the guess with the encoding of all sources. ASCII fits any encoding; a byte order mark wins."""
    plain = 0.9  # confidence in UTF-8 if the head is pure ASCII
    telling = [one.guess for one in looks if (one.guess.encoding, one.guess.encoding_confidence) != ("utf-8", plain)]
    unmarked = [guess for guess in telling if guess.encoding_confidence < 1] or telling or [first.guess]
    best = max(unmarked, key=lambda guess: guess.encoding_confidence)
    unsure = []
    if len({guess.encoding for guess in unmarked}) > 1:
        unsure.append(f"the files have different encodings; {best.encoding} is the likeliest")
    guess = replace(first.guess, encoding=best.encoding, encoding_confidence=best.encoding_confidence)
    return guess, unsure


def _named(guess: FileGuess) -> tuple[tuple[Column, ...], bool]:
    """Return the columns with their names, and whether [format] must list these.

    It must where the file has no names, or unusable ones (empty, duplicate, with control characters); or
    where a load would not find the header as it was read here.
    """
    titles = [column.title for column in guess.columns]
    usable = [bool(title) and _is_printable(title) and titles.count(title) == 1 for title in titles]
    in_arrays = guess.layout == "arrays"  # arrays have no names
    listable = guess.format in _NAMED_IN_MANIFEST or in_arrays
    found = any(titles) and guess.format not in _ALWAYS_LISTED and not in_arrays and not _has(guess, _HIDES_HEADER)
    asked_for = {one.column for one in guess.proposals} | _region_places(guess)
    needed = [_needed(column, fine, asked_for) for column, fine in zip(guess.columns, usable, strict=True)]
    if not listable or (found and all(needed)):
        return tuple(
            Column(column.title if fine else "", column) for column, fine in zip(guess.columns, usable, strict=True)
        ), False
    taken = {title for title, fine in zip(titles, usable, strict=True) if fine}
    names = list[str]()
    for column, fine, is_needed in zip(guess.columns, usable, needed, strict=True):
        nameless = _header_lacks(guess, column) and is_needed
        name = column.title if fine else "" if nameless else _invented(column, taken)
        taken.add(name)
        names.append(name)
    return tuple(Column(name, column) for name, column in zip(names, guess.columns, strict=True)), True


def _header_lacks(guess: FileGuess, column: ColumnGuess) -> bool:
    """Return whether the header lacks a name for this column, but names others."""
    return guess.header and not column.title and _has(guess, frozenset({"header_width"}))


def _region_places(guess: FileGuess) -> set[int | None]:
    """Return the positions of the columns that hold the region of phone numbers in others."""
    titles = {column.region_column for column in guess.columns if column.region_column}
    return {column.position for column in guess.columns if column.title in titles}


def _has(guess: FileGuess, codes: frozenset[str]) -> bool:
    return any(finding.code in codes for finding in guess.findings)


def _needed(column: ColumnGuess, usable: bool, asked_for: Collection[int | None]) -> bool:  # noqa: FBT001 - one of three
    """Return whether the header suffices for a column: its name is usable, or not needed."""
    return usable or not (column.kind or column.exposes or column.position in asked_for)


def _is_printable(title: str) -> bool:
    return not any(character < " " or "\x7f" <= character <= "\x9f" or character == "\ufffd" for character in title)


def _invented(column: ColumnGuess, taken: set[str]) -> str:
    """Generate a name, after the content of the column if that is known well enough."""
    base = f"COL{column.position + 1}"
    if column.secret:
        base = "PASSWORD"
    elif column.confidence >= PROPOSED_FROM and column.kind:
        base = "SIM" if column.kind == "iccid" else column.kind.upper()
    elif column.second:
        base = "OTHER_ID"
    elif column.confidence >= PROPOSED_FROM and column.exposes:
        base = {"Names": "NAME", "Physical addresses": "ADDRESS"}.get(column.exposes, base)
    name, number = base, 2
    while name in taken:
        name, number = f"{base}{number}", number + 1
    return name


def propose_fields(columns: Sequence[Column]) -> tuple[list[DraftField], list[DraftField]]:
    """Return the fields to propose, identifiers first, and those only to mention."""
    known = [one for one in columns if one.name and (one.guess.kind or one.guess.exposes) and not one.guess.secret]
    sure = [one for one in known if one.guess.confidence >= PROPOSED_FROM]
    first_ids = [one for one in sure if one.guess.kind == "id" and not one.guess.second]
    if len(first_ids) == 1:
        sure = [one for one in known if one in sure or (one.guess.second and one.guess.confidence >= _SECOND_FROM)]
    doubtful = [DraftField((one,), one.guess.kind) for one in known if one not in sure]
    fields, seconds = list[DraftField](), [one for one in sure if one.guess.second]
    for one in sure:
        kind = one.guess.kind
        if len(first_ids) == 1 and one in seconds:
            continue
        whole = (one, *seconds) if one in first_ids and len(first_ids) == 1 else (one,)
        fields.append(DraftField(whole, kind))
        if one.guess.also:
            fields.append(DraftField((one,), one.guess.also))
    fields.sort(key=lambda field: field.kind is None)
    return fields, doubtful


def _with_lookup(
    fields: list[DraftField], doubtful: list[DraftField], first: Look
) -> tuple[list[DraftField], list[DraftField], list[str]]:
    """Return fields of which at least one becomes items; a manifest requires one.

    Raises:
        SourceError: no field can.
    """
    if any(field.kind in LOOKUP_KINDS for field in fields):
        return fields, doubtful, []
    for candidates in (doubtful, fields):
        for field in candidates:
            if field.kind is not None:
                chosen = replace(field, lookup=field.kind not in LOOKUP_KINDS)
                name = shown(field.columns[0].name)
                rest = [chosen if one is field else one for one in fields]
                if candidates is doubtful:
                    rest, doubtful = [chosen, *fields], [one for one in doubtful if one is not field]
                return (
                    rest,
                    doubtful,
                    [f"column {name} is the only one that could be looked up, and its kind is uncertain"],
                )
    raise SourceError(
        f'"{first.source.name}": no column looks like an ID, a telephone number, an e-mail address or a user name, so '
        "there would be nothing to load; `ingest-cli validate` shows what its columns look like"
    )


def _proposals(looks: Sequence[Look], columns: Sequence[Column]) -> list[Proposal]:
    """Return the keys that any of the files needs; active if no file contradicts them."""
    out = dict[tuple[str, str], Proposal]()
    for look in looks:
        for one in look.guess.proposals:
            value = one.value if one.column is None else columns[one.column].name
            if not value:
                continue
            known = out.setdefault((one.key, value), replace(one, value=value, column=None))
            out[one.key, value] = replace(known, active=known.active and one.active)
    several = Counter(key for key, _ in out)
    return [replace(one, active=one.active and several[one.key] == 1) for one in out.values()]


def _doubt_of_region(field: DraftField) -> str:
    """Describe the uncertainty about the region of a field's phone numbers."""
    guess = field.columns[0].guess
    if not guess.region_why or guess.region_sure:
        return ""
    return f"the region of column {shown(field.columns[0].name)} is not sure: {guess.region_why}"


def _doubts(looks: Sequence[Look], guess: FileGuess) -> list[str]:
    """Describe the uncertainty about the files as a whole."""
    out = list[str]()
    for look in looks:
        name = f'"{look.source.name}": ' if len(looks) > 1 else ""
        out += [f"{name}{finding.text}" for finding in look.guess.findings if finding.code in _UNSURE_CODES]
        if look.member:
            out.append(f"{name}an archive, of which the file {shown(look.member)} was looked at")
        if look.fault:
            out.append(f"{name}{look.fault}")
    if guess.format == "combo":
        out.append("the cells beside the logins were taken for passwords")
    return out


def _doubt(field: DraftField) -> str:
    """Describe the uncertainty about a field; empty if the guess is confident enough."""
    column = min(field.columns, key=lambda one: one.guess.confidence)
    if column.guess.confidence >= UNSURE_BELOW:
        return ""
    what = field.kind or column.guess.exposes
    why = column.guess.why.removesuffix("; unsure")
    return f"column {shown(column.name)} is only {column.guess.confidence:.0%} sure to be {what} ({why})"
