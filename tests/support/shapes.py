"""What the dumps of different origin look like: their columns, their way of writing, their manifest."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Field(NamedTuple):
    """A `[[fields]]` entry: its kind, or None where only presence counts, and what it exposes."""

    name: str
    kind: str | None
    columns: tuple[str, ...]
    exposes: str
    lookup: bool = False


class Shape(NamedTuple):
    """One sort of dump.

    Attributes:
        name: what it is called on the command line.
        title: what its manifest says it is.
        format: the manifest's name of its format.
        delimiter, encoding, header: defaults for writing it.
        columns: (column name, what is in it); the name is "" for a column to be ignored.
        fields: in the manifest's order.
        is_plain: whether cells hold neither quotes nor line breaks, as tab-separated files have it.
        name_source, address_source: attribute of a person for the fields `name` and `address`.
    """

    name: str
    title: str
    format: str
    delimiter: str
    encoding: str
    header: bool
    columns: tuple[tuple[str, str], ...]
    fields: tuple[Field, ...]
    is_plain: bool = False
    name_source: str = "name"
    address_source: str = "address"

    @property
    def column_names(self) -> list[str]:
        """The header."""
        return [name for name, _ in self.columns]


def _id(*columns: str) -> Field:
    return Field("id", "id", columns, "Government issued IDs", lookup=True)


def _phone(column: str) -> Field:
    return Field("phone", "phone", (column,), "Phone numbers", lookup=True)


def _email(column: str) -> Field:
    return Field("email", "email", (column,), "Email addresses", lookup=True)


def _name(column: str) -> Field:
    return Field("name", None, (column,), "Names")


def _address(column: str) -> Field:
    return Field("address", None, (column,), "Physical addresses")


SHAPES = {
    shape.name: shape
    for shape in (
        Shape(
            name="telco",
            title="Demo telco breach 2017",
            format="csv",
            delimiter=",",
            encoding="utf-8",
            header=False,
            columns=(
                ("NAME", "name"),
                ("ICNUM", "id"),
                ("OTHER_ID", "other_id"),
                ("ADDRESS", "address"),
                ("", "blank"),
                ("", "plan"),
                ("", "blank"),
                ("MOBILE", "phone"),
                ("IMSI", "imsi"),
                ("IMEI", "imei"),
                ("SIM", "iccid"),
            ),
            fields=(
                _id("ICNUM", "OTHER_ID"),
                _phone("MOBILE"),
                Field("imsi", "imsi", ("IMSI",), "IMSI numbers"),
                Field("imei", "imei", ("IMEI",), "IMEI numbers"),
                Field("iccid", "iccid", ("SIM",), "SIM card numbers"),
                _name("NAME"),
                _address("ADDRESS"),
            ),
        ),
        Shape(
            name="pelanggan",
            title="Demo customer list of a shop",
            format="csv",
            delimiter=";",
            encoding="cp1252",
            header=True,
            columns=(
                ("NAMA", "name"),
                ("NO_KP", "id"),
                ("NO_TEL", "phone"),
                ("EMEL", "email"),
                ("ALAMAT", "address"),
                ("PELAN", "plan"),
            ),
            fields=(_id("NO_KP"), _phone("NO_TEL"), _email("EMEL"), _name("NAMA"), _address("ALAMAT")),
        ),
        Shape(
            name="members",
            title="Demo forum members",
            format="tsv",
            delimiter="\t",
            encoding="utf-8",
            header=True,
            columns=(
                ("number", "number"),
                ("username", "username"),
                ("email", "email"),
                ("phone", "phone"),
                ("password", "password"),
                ("address", "address"),
            ),
            fields=(
                Field("username", "username", ("username",), "Usernames", lookup=True),
                _email("email"),
                _phone("phone"),
                _address("address"),
            ),
            is_plain=True,
            address_source="street",
        ),
        Shape(
            name="dirty",
            title="Demo of everything that goes wrong",
            format="csv",
            delimiter=",",
            encoding="utf-8",
            header=True,
            columns=(
                ("NAME", "name"),
                ("ICNUM", "id"),
                ("OTHER_ID", "other_id"),
                ("PHONE", "phone"),
                ("EMAIL", "email"),
                ("ADDRESS", "address"),
            ),
            fields=(
                _id("ICNUM", "OTHER_ID"),
                _phone("PHONE"),
                _email("EMAIL"),
                _name("NAME"),
                _address("ADDRESS"),
            ),
        ),
        Shape(
            name="legacy",
            title="Demo export of an old office program",
            format="csv",
            delimiter=",",
            encoding="utf-16",
            header=True,
            columns=(
                ("Name", "name"),
                ("IC Number", "id"),
                ("Tel", "phone"),
                ("Address", "address"),
                ("E-mail", "email"),
            ),
            fields=(_id("IC Number"), _phone("Tel"), _email("E-mail"), _name("Name"), _address("Address")),
            name_source="native_name",
        ),
    )
}
"""Every shape by its name."""


def manifest_text(
    shape: Shape,
    dataset: str,
    sources: Sequence[str],
    layout: Mapping[str, object],
    *,
    names: Mapping[str, str] | None = None,
    max_ratio: float = 0.05,
) -> str:
    """The manifest of a dump of this shape, as TOML.

    Args:
        shape: its columns and fields.
        dataset: its id.
        sources: the files, as it names them.
        layout: its [format] table.
        names: what it calls a column, where that is not its name.
        max_ratio: of rejects.
    """
    lines = [
        f"# {shape.title}. Invented data: nobody in it exists.",
        "version = 1",
        "",
        "[dataset]",
        f"id = {_toml(dataset)}",
        f"title = {_toml(shape.title)}",
        "occurred_on = 2017-10-19",
        f"sources = {_toml(list(sources))}",
        "",
        "[format]",
        *(f"{key} = {_toml(value)}" for key, value in layout.items()),
    ]
    for field in shape.fields:
        called = [(names or {}).get(name, name) for name in field.columns]
        lines += ["", "[[fields]]", f"column = {_toml(called[0] if len(called) == 1 else called)}"]
        if field.kind:
            lines.append(f"kind = {_toml(field.kind)}")
        if field.kind == "phone":
            lines.append('region = "MY"')
        lines.append(f"exposes = {_toml(field.exposes)}")
    lines += ["", "[rejects]", f"max_ratio = {max_ratio}", ""]
    return "\n".join(lines)


def _toml(value: object) -> str:
    """TOML 1.0 writes strings, numbers, booleans and arrays as JSON does."""
    return json.dumps(value, ensure_ascii=False)
