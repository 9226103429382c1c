"""The same invented people, written down in every shape a dump comes in, each with its manifest.

A writer formats a table of text as its tool does, and provides its manifest.
Who is in the table, and what must become of each row, is drawn by `drawn`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tests.support.people import Person, draw, person
from tests.support.shapes import Field, Shape, manifest_text
from tests.support.truth import RowTruth
from tests.support.wounds import clean_draft, judged
from tests.support.writers import blocks, columnar, delimited, documents, sql
from tests.support.writers.table import Table, Writer, Written

__all__ = [
    "KEYED_WRITERS",
    "LOGINS",
    "LOGIN_WRITERS",
    "MISFIT_WRITERS",
    "PEOPLE",
    "UTF_8_WRITERS",
    "WRITERS",
    "Drawn",
    "Table",
    "Writer",
    "Written",
    "drawn",
    "manifest",
]

WRITERS: Mapping[str, Writer] = {
    "csv": delimited.delimited(),
    "csv, semicolons": delimited.delimited(";"),
    "csv, bars": delimited.delimited("|", line_end="\r\n"),
    "csv, headless": delimited.delimited(header=False),
    "csv, all quoted": delimited.delimited(quote_all=True, line_end="\r\n"),
    "csv, arrays": delimited.arrays,
    "tsv": delimited.tsv,
    "tsv, escapes": delimited.outfile,
    "csv, two bars": delimited.apart("||"),
    "csv, title": delimited.report,
    "fixed": delimited.fixed(header=False),
    "fixed, header": delimited.fixed(header=True),
    "mysqldump": sql.mysqldump,
    "phpMyAdmin": sql.phpmyadmin,
    "pg_dump": sql.pg_dump,
    "pg_dump --inserts": sql.pg_dump_inserts,
    "pg_dump, identity": sql.pg_dump_identity,
    "SQL Server": sql.sql_server,
    "SQLite": sql.sqlite,
    "Oracle": sql.oracle,
    "jsonl": documents.jsonl,
    "json": documents.json_array,
    "json, rows": documents.json_rows,
    "json, documents": documents.json_documents,
    "json, columns": documents.json_columns,
    "json, arrays": documents.json_arrays,
    "mongoexport": documents.mongoexport,
    "mongoexport --jsonArray": documents.mongoexport_array,
    "parquet": columnar.parquet(),
    "parquet, zstd": columnar.parquet("zstd"),
    "arrow": columnar.arrow_file(),
    "arrow, stream": columnar.arrow_stream,
    "xlsx": columnar.xlsx,
    "vcard": blocks.vcard,
    "ldif": blocks.ldif,
    "mysql -E": blocks.mysql_vertical,
}
"""What a table of people can be written as."""

UTF_8_WRITERS: Mapping[str, Writer] = {"fixed, bytes": delimited.fixed_in_bytes}
"""What is right in UTF-8 alone."""
MISFIT_WRITERS: Mapping[str, Writer] = {"csv, misfits": delimited.misfits}
"""What it can be written as so that most rows are believed in part only: see `tests.support.truth.loosened`."""

PEOPLE = Shape(
    name="Ahli",
    title="Demo members",
    format="",
    delimiter=",",
    encoding="utf-8",
    header=True,
    columns=(
        ("NAMA", "name"),
        ("NO_KP", "id"),
        ("NO_TEL", "phone"),
        ("EMEL", "email"),
        ("ALAMAT", "address"),
        ("KATA_LALUAN", "password"),
    ),
    fields=(
        Field("id", "id", ("NO_KP",), "Government issued IDs", lookup=True),
        Field("phone", "phone", ("NO_TEL",), "Phone numbers", lookup=True),
        Field("email", "email", ("EMEL",), "Email addresses", lookup=True),
        Field("name", None, ("NAMA",), "Names"),
        Field("address", None, ("ALAMAT",), "Physical addresses"),
    ),
)
"""Everybody's columns."""

_EMAIL = Field("email", "email", ("email",), "Email addresses", lookup=True)
_USERNAME = Field("username", "username", ("user",), "Usernames", lookup=True)

LOGINS = {
    "email:password": PEOPLE._replace(columns=(("email", "email"), ("password", "password")), fields=(_EMAIL,)),
    "user:password": PEOPLE._replace(columns=(("user", "username"), ("password", "password")), fields=(_USERNAME,)),
    "url:user:password": PEOPLE._replace(
        columns=(("url", "url"), ("user", "username"), ("password", "password")), fields=(_USERNAME,)
    ),
}
"""The columns of lists of logins."""

LOGIN_WRITERS: Mapping[str, Writer] = {
    "colons": delimited.combo(":"),
    "semicolons": delimited.combo(";"),
    "bars": delimited.combo("|"),
    "tabs": delimited.combo("\t"),
    "blocks": blocks.stealer,
}
"""What logins can be written as."""

KEYED_WRITERS: Mapping[str, Writer] = {"json, keyed": documents.json_keyed}
"""What logins can be written as, of which no two are the same."""

URLS = (
    "https://kedai.contoh.example/login",
    "https://kedai.contoh.example:8443/",
    "http://forum.contoh.example/a/b?x=1",
    "android://Zm9v-_==@com.contoh.app/",
)
"""Where people log in."""

# What passwords hold, beside letters: delimiters, quotes and escapes.
_TANGLES = (":", ";", "|", "\\", "'", ",")


class Drawn(NamedTuple):
    """A table, and the truth about its rows."""

    table: Table
    truths: tuple[RowTruth, ...]


def drawn(
    shape: Shape, rows: int, *, seed: int = 1, planted: Mapping[int, Person] | None = None, complete: bool = False
) -> Drawn:
    """The first people of a world, as rows of a shape.

    Args:
        shape: its columns.
        rows: how many.
        seed: the world.
        planted: row, from 0, → a person to stand there with every identifier.
        complete: whether every person has every value.
    """
    names, contents = zip(*shape.columns, strict=True)
    # The one column that a person does not have.
    bare = shape._replace(columns=tuple(column for column in shape.columns if column[1] != "url"))
    cells: list[tuple[str, ...]] = []
    truths: list[RowTruth] = []
    for row in range(rows):
        somebody = (planted or {}).get(row)
        who = somebody or person(seed, row)
        who = who._replace(password=f"{who.password}{_TANGLES[row % len(_TANGLES)]}x")
        draft = clean_draft(bare, who, draw(seed, row, b"spelling"), complete=complete or somebody is not None)
        laid_out = draft.laid_out()
        if "url" in contents:
            laid_out.insert(contents.index("url"), URLS[row % len(URLS)])
        cells.append(tuple(laid_out))
        truths.append(judged(draft, row + 1, row + 1))
    return Drawn(Table(shape.name, names, tuple(cells)), tuple(truths))


def manifest(
    shape: Shape,
    written: Written,
    sources: Sequence[str],
    *,
    dataset: str = "demo",
    encoding: str = "",
    max_ratio: float = 0.05,
) -> str:
    """The manifest of a shape that was written down, as TOML."""
    layout = {**written.layout, **({"encoding": encoding} if encoding else {})}
    return manifest_text(shape, dataset, sources, layout, names=written.names, max_ratio=max_ratio)
