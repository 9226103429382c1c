"""Whatever a document looks like and whatever the manifest says of it: nobody's values are in another's record.

Values carry the number of the person whose they are, and a person is one row, however the rows are laid out. The
document may have anything else in it, and the manifest may be of another layout. A record then holds one person's
values, unless a path with `[]` joins them, or it goes through arrays and objects that stand for no rows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from ingest_cli.errors import IngestError
from ingest_cli.formats import open_format
from ingest_cli.formats.interface import FileFormat, Wanted
from ingest_cli.identifiers.normalize import normalize
from ingest_cli.model.chunks import RowChunk, Span
from ingest_cli.model.manifest import Manifest, parse_manifest

Row = dict[str, object]
Layout = Callable[[Sequence[Row]], object]

COLUMNS = ("email", "phone", "more")
_PERSON = re.compile(r"^u(\d+)[a-z]?@|^\+6012(\d{3})")


def person(number: int, shape: str) -> Row:
    """The row of one person: identifiers carry the number."""
    email, phone = f"u{number}@x{number}.example.com", f"012{number:03d}5678"
    more: object = {
        "text": f"u{number}a@example.com",
        "array": [f"u{number}a@example.com", f"u{number}b@example.com"],
        "object": {"x": f"u{number}a@example.com"},
        "objects": [{"x": f"u{number}a@example.com"}, {"x": f"u{number}b@example.com"}],
        "null": None,
    }[shape]
    return {"email": email, "phone": phone, "more": more}


def by_column(rows: Sequence[Row]) -> object:
    return {name: {str(i): row[name] for i, row in enumerate(rows)} for name in COLUMNS}


def by_column_shuffled(rows: Sequence[Row]) -> object:
    numbered = list(enumerate(rows))
    orders = (numbered, numbered[::-1], numbered[1:] + numbered[:1])
    return {name: {f"k{i}": row[name] for i, row in order} for name, order in zip(COLUMNS, orders, strict=True)}


LAYOUTS: dict[str, Layout] = {
    "array": list,
    "inside": lambda rows: {"meta": {"n": len(rows)}, "users": list(rows)},
    "keyed": lambda rows: {"users": {f"k{i}": row for i, row in enumerate(rows)}},
    "keyed by e-mail": lambda rows: {"users": {str(row["email"]): {**row, "email": None} for row in rows}},
    "document": lambda rows: {f"k{i}": row for i, row in enumerate(rows)},
    "regions": lambda rows: {"r": {f"q{i % 2}": {"users": {f"k{i}": row}} for i, row in enumerate(rows)}},
    "by column": by_column,
    "by column, shuffled": by_column_shuffled,
    "by column, in it": lambda rows: {"users": by_column(rows)},
    "lists": lambda rows: {name: [row[name] for row in rows] for name in COLUMNS},
    "arrays": lambda rows: [[row[name] for name in COLUMNS] for row in rows],
    "arrays, in it": lambda rows: {"columns": [*COLUMNS], "users": [[row[name] for name in COLUMNS] for row in rows]},
    "arrays by key": lambda rows: {"users": {f"k{i}": [row[name] for name in COLUMNS] for i, row in enumerate(rows)}},
    "one by one": lambda rows: [{"a": [row]} for row in rows],
}
FORMATS = (
    'name = "json"',
    'name = "json"\nrows = "$"',
    'name = "json"\nrows = "users"',
    'name = "json"\nrows = "*"',
    'name = "json"\nrows = "users.*"',
    'name = "json"\nrows = "*.*"',
    'name = "json"\nrows = "r.*.users.*"',
    'name = "json"\nlayout = "columns"',
    'name = "json"\nlayout = "columns"\nrows = "users"',
    'name = "json"\ncolumns = ["email", "phone", "more"]',
    'name = "json"\nrows = "users"\ncolumns = ["email", "phone", "more"]',
    'name = "json"\nrows = "users.*"\ncolumns = ["email", "phone", "more"]',
    'name = "jsonl"',
    'name = "jsonl"\ncolumns = ["email", "phone", "more"]',
)
OWN: dict[str, tuple[int, ...]] = {
    "array": (0, 1),
    "inside": (0, 2),
    "keyed": (4,),
    "document": (3,),
    "regions": (6,),
    "by column": (7,),
    "by column, shuffled": (7,),
    "by column, in it": (8,),
    "lists": (7,),
    "arrays": (9,),
    "arrays, in it": (9, 10),
    "arrays by key": (11,),
}
"""Layout → the manifests that are of it."""

MORE = ("more", "more[]", "more.x", "more[].x")


class Case(NamedTuple):
    """A document, and a manifest for it."""

    data: bytes
    manifest: Manifest


def manifest_of(format_: str, more: str, *, keyed: bool = False) -> Manifest:
    columns = "columns" in format_ and "layout" not in format_
    email = "$key" if keyed else "email"
    fields = [(email, "email"), ("phone", "phone"), ("more" if columns else more, "email")]
    head = 'version = 1\n[dataset]\nid = "d"\ntitle = "d"\nsources = ["d"]\n[format]\n'
    text = "".join(f"\n[[fields]]\ncolumn = {json.dumps(column)}\nkind = {json.dumps(kind)}" for column, kind in fields)
    return parse_manifest(f"{head}{format_}{text}\n")


def people_of(chunks: Sequence[RowChunk], manifest: Manifest) -> list[set[str]]:
    """The people in each record that is kept."""
    found = list[set[str]]()
    for chunk in chunks:
        records = normalize(chunk, manifest.fields).records
        people: list[set[str]] = [set() for _ in records.index]
        for each in records.identifiers:
            for row, value in zip(each.row.tolist(), each.value.to_pylist(), strict=True):
                matched = _PERSON.match(value)
                assert matched, "nobody has this identifier"
                people[row].add(str(int(matched[1] or matched[2])))
        found += people
    return found


def read(case: Case, spans: Sequence[Span] | None = None, *, chunk_bytes: int = 1 << 20, piece: int = 1 << 20):  # noqa: ANN201
    """The chunks, or why there are none."""
    pieces = [case.data[i : i + piece] for i in range(0, len(case.data), piece)]
    try:
        parser = open_format(case.manifest.format, Wanted.of(case.manifest), lambda: chunk_bytes)
        assert not isinstance(parser, FileFormat)
        return list(parser.read(pieces) if spans is None else parser.read(pieces, spans))
    except IngestError as error:
        return str(error)


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, bytes, int]:
    """A layout, a document of it, and the number of people in it."""
    count = draw(st.integers(2, 5))
    shapes = draw(
        st.lists(st.sampled_from(["text", "array", "object", "objects", "null"]), min_size=count, max_size=count)
    )
    layout = draw(st.sampled_from(sorted(LAYOUTS)))
    rows = [person(i, shape) for i, shape in enumerate(shapes)]
    drop = draw(st.sampled_from([None, *COLUMNS]))
    for row in rows[1:2]:
        if drop:
            row[drop] = None
    indent = draw(st.sampled_from([None, 1]))
    return layout, json.dumps(LAYOUTS[layout](rows), indent=indent).encode(), count


@settings(max_examples=400)
@given(documents(), st.sampled_from(FORMATS), st.sampled_from(["more", "more.x"]), st.booleans())
def test_no_record_is_of_two_people_whatever_the_manifest(
    document: tuple[str, bytes, int],
    format_: str,
    more: str,
    keyed: bool,  # noqa: FBT001 - as given
) -> None:
    manifest = manifest_of(format_, more, keyed=keyed and "*" in format_ and "columns" not in format_)
    found = read(Case(document[1], manifest))
    if not isinstance(found, str):
        assert all(len(people) == 1 for people in people_of(found, manifest))


@settings(max_examples=200)
@given(documents(), st.sampled_from(MORE), st.data())
def test_with_its_own_manifest_everybody_is_a_record_of_their_own(
    document: tuple[str, bytes, int], more: str, draw: st.DataObject
) -> None:
    layout, data, count = document
    if layout not in OWN:
        return
    manifest = manifest_of(FORMATS[draw.draw(st.sampled_from(OWN[layout]))], more)
    found = read(Case(data, manifest))
    assert not isinstance(found, str)
    people = people_of(found, manifest)
    assert all(len(one) == 1 for one in people)
    assert len(people) == len(set.union(set(), *people)), "and of nobody there are two"
    rejected = sum(len(chunk.rejected) for chunk in found)
    assert len(people) + rejected == count


@settings(max_examples=200)
@given(documents(), st.sampled_from(FORMATS), st.sampled_from(MORE), st.integers(1, 200), st.integers(1, 30), st.data())
def test_sizes_change_nothing_and_reading_goes_on_from_any_chunk(
    document: tuple[str, bytes, int], format_: str, more: str, chunk_bytes: int, piece: int, draw: st.DataObject
) -> None:
    case = Case(document[1], manifest_of(format_, more))
    whole, found = read(case), read(case, chunk_bytes=chunk_bytes, piece=piece)
    if isinstance(whole, str) or isinstance(found, str):
        assert found == whole
        return
    assert fates(found) == fates(whole)
    if found:
        begin = draw.draw(st.integers(0, len(found) - 1))
        rest = read(case, [Span(found[begin].start)], chunk_bytes=draw.draw(st.integers(1, 500)))
        assert not isinstance(rest, str)
        assert fates(rest) == fates(found[begin:])


def fates(chunks: Sequence[RowChunk]) -> list[tuple[int, object]]:
    """What became of each row."""
    out = list[tuple[int, object]]()
    for chunk in chunks:
        found: dict[int, object] = dict(chunk.rejected)
        found |= {int(i): reason for reason, index in chunk.skipped.items() for i in index}
        columns = [chunk.cells[name].to_pylist() for name in sorted(chunk.cells)]
        found |= {int(index): cells for index, *cells in zip(chunk.index, *columns, strict=True)}
        out += [(chunk.start.row + i, found[i]) for i in sorted(found)]
    return out


def test_the_wanted_columns_are_those_of_the_manifest() -> None:
    assert Wanted.of(manifest_of(FORMATS[0], "more")) == Wanted(COLUMNS)
