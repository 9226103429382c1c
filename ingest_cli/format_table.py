"""The [format] table of a manifest: how the rows of a dump are written down."""

from __future__ import annotations

import codecs
import dataclasses
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ingest_cli.toml_table import TomlTable, shown, suggestion

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

FORMAT_NAMES = ("csv", "tsv", "fixed", "combo", "sql", "json", "jsonl", "parquet", "arrow", "xlsx")
"""Formats known unless the caller says otherwise."""

MAX_WIDTH_CHARS = 1_000_000

# Key of [format] → the formats it says something about; the others of its keys may stand in any.
_ONLY_FOR: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "delimiter": ("csv", "tsv", "combo"),
        "quote": ("csv", "tsv"),
        "header": ("csv", "tsv", "fixed", "xlsx"),
        "widths": ("fixed",),
        "table": ("sql", "xlsx"),
        "rows": ("json",),
    }
)
_ADDED_LATER = frozenset({"widths", "table", "rows"})  # not in the digest unless set
_NAMED_IN_THE_DUMP = frozenset({"sql", "json", "jsonl", "parquet", "arrow"})
"""Formats in which the dump itself says how its columns are called."""

# Text encodings to Python, but no way a dump is written (Python's codecs, "Python Specific Encodings").
_NOT_FOR_FILES = frozenset({"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"})


@dataclass(frozen=True, slots=True)
class Format:
    """How the dump is written.

    Attributes:
        name: name of the format.
        delimiter: one character.
        quote: one character, or empty where nothing is quoted.
        header: whether the first row holds the column names.
        columns: the column names, "" for one to be ignored; empty where the dump gives them.
        encoding: name of a text encoding, as Python's `codecs` spells it.
        widths: characters of each column, where that is how columns are told apart.
        table: the tables of a database, or the sheets of a workbook, to read; empty: the only one there is.
        rows: path of the array that holds the rows of a JSON document; None: the obvious one.
    """

    name: str
    delimiter: str = ","
    quote: str = '"'
    header: bool = True
    columns: tuple[str, ...] = ()
    encoding: str = "utf-8"
    widths: tuple[int, ...] = ()
    table: tuple[str, ...] = ()
    rows: str | None = None


def meaning_of(format_: Format) -> dict[str, Any]:
    """All of it, by name, but for keys that say nothing and that the first manifests could not have."""
    return {key: value for key, value in dataclasses.asdict(format_).items() if key not in _ADDED_LATER or value}


def read_format(table: TomlTable, formats: Collection[str]) -> Format:
    """Read the table.

    Args:
        table: as it stands in the manifest.
        formats: the names that `name` may have.

    Raises:
        ManifestError: the first mistake found.
    """
    name = table.required_text("name")
    if name not in formats:
        raise table.error("name", f"{shown(name)} is not a format; {suggestion(name, formats)}")
    _check_keys(table, name)
    quote = _character(table, "quote", '"', empty_ok=True)
    delimiter = _character(table, "delimiter", {"tsv": "\t", "combo": ":"}.get(name, ","))
    if delimiter == quote and name in _ONLY_FOR["quote"]:
        raise table.error("delimiter", "must not be the `quote` character")
    columns = _columns(table)
    return Format(
        name,
        delimiter,
        quote,
        _header(table, name, columns),
        columns,
        _encoding(table),
        _widths(table, name, columns),
        table.one_or_more("table", '"subs" or ["subs", "users"]') or (),
        table.text("rows"),
    )


def _check_keys(table: TomlTable, name: str) -> None:
    """Refuse keys that say nothing about this format; `header = false` is true of any but those that have one."""
    for key, formats in _ONLY_FOR.items():
        if table.has(key) and name not in formats and not (key == "header" and table.get(key, bool) is False):
            raise table.error(key, f'means nothing for the format "{name}"; remove it (it is for {", ".join(formats)})')


def _columns(table: TomlTable) -> tuple[str, ...]:
    columns = table.texts("columns", '["NAME", "", "MOBILE"]') or ()
    named = [column for column in columns if column]
    for number, column in enumerate(named):
        if column in named[:number]:
            raise table.error("columns", f'{shown(column)} is there twice; name columns to be ignored ""')
    return columns


def _header(table: TomlTable, name: str, columns: tuple[str, ...]) -> bool:
    if name in _NAMED_IN_THE_DUMP:
        return False
    if name in {"fixed", "combo"}:
        if not columns:
            raise table.error("columns", f'missing; the format "{name}" needs the list of its column names, in order')
        return table.get("header", bool) or False
    header = table.get("header", bool)
    if header is False and not columns:
        raise table.error("header", "a dump without a header row needs `columns`, the list of its column names")
    return not columns if header is None else header


def _widths(table: TomlTable, name: str, columns: tuple[str, ...]) -> tuple[int, ...]:
    if name not in _ONLY_FOR["widths"]:
        return ()
    widths: list[object] = table.get("widths", list, "[30, 12, 14], the characters of each column") or []
    if not all(type(width) is int and 0 < width <= MAX_WIDTH_CHARS for width in widths) or not widths:
        raise table.error("widths", "must be the characters of each column, like [30, 12, 14]")
    if len(widths) != len(columns):
        raise table.error(
            "widths", f"has {len(widths)} entries, and `columns` {len(columns)}; give one for each column"
        )
    return tuple(width for width in widths if isinstance(width, int))


def _character(table: TomlTable, key: str, default: str, *, empty_ok: bool = False) -> str:
    """One character; a control character may be meant (Hive writes U+0001), but not a line's end."""
    value = table.get(key, str)
    if value is None:
        return default
    if value == "\\t":
        raise table.error(key, 'this is a backslash and a t; a tab is "\\t" in double quotes')
    if value in ("\r", "\n", "\0"):
        raise table.error(key, "must not be a line break or a zero byte")
    if len(value) != 1 and not (empty_ok and not value):
        wanted = 'one character, or "" for none' if empty_ok else "one character"
        raise table.error(key, f"must be {wanted}, and has {len(value)}")
    return value


def _encoding(table: TomlTable) -> str:
    name = table.text("encoding")
    if name is None:
        return "utf-8"
    try:
        found = codecs.lookup(name).name
        "a".encode(found)  # a LookupError for the codecs that are not between text and bytes, like hex
    except (LookupError, UnicodeError):
        found = ""
    if not found or found in _NOT_FOR_FILES:
        from encodings.aliases import aliases  # noqa: PLC0415 - wanted for this message alone

        near = suggestion(name, sorted(set(aliases) - _NOT_FOR_FILES), otherwise="try utf-8, cp1252 or utf-16")
        raise table.error("encoding", f"{shown(name)} is not an encoding of text; {near}")
    return found
