"""The [format] table of a manifest: the syntax of a dump's rows."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from ingest_cli.model.toml_schema import TomlTable, shown, suggestion

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

FORMAT_NAMES = ("csv", "tsv", "fixed", "combo", "blocks", "sql", "json", "jsonl", "parquet", "arrow", "xlsx")
"""Default names of formats."""

MAX_WIDTH_CHARS = 1_000_000
MAX_DELIMITER_CHARS = 8
MAX_SKIP_LINES = 10_000
MAX_SEPARATOR_CHARS = 256

# Key of [format] → the formats it applies to; for all others it is refused.
_ONLY_FOR: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "delimiter": ("csv", "tsv", "combo"),
        "quote": ("csv", "tsv"),
        "escape": ("csv", "tsv"),
        "header": ("csv", "tsv", "fixed", "xlsx"),
        "skip_lines": ("csv", "tsv", "fixed", "combo", "xlsx"),
        "short_rows": ("csv", "tsv", "combo"),
        "long_rows": ("csv", "tsv"),
        "overflow": ("csv", "tsv"),
        "widths": ("fixed",),
        "widths_in": ("fixed",),
        "table": ("sql", "xlsx"),
        "rows": ("json",),
        "layout": ("json",),
        "separator": ("blocks",),
        "key_delimiter": ("blocks",),
    }
)
_NAMED_IN_THE_DUMP = frozenset({"blocks", "sql", "json", "jsonl", "parquet", "arrow"})
"""Formats with column names in the dump itself."""

# Text encodings of Python that no dump uses (Python's codecs, "Python Specific Encodings").
_NOT_FOR_FILES = frozenset({"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"})


@dataclass(frozen=True, slots=True)
class Format:
    """Syntax of the dump.

    Attributes:
        delimiters: cell separators, 1 to 8 characters each; only `combo` may have more than one.
        quote: one character, or empty for no quoting.
        escape: one character that removes the special meaning of the next one; empty for none.
        header: whether the first row holds the column names.
        skip_lines: number of lines before the header, or before the first row if there is no header.
        columns: column names, "" for one to ignore; empty if the dump provides them.
        encoding: name of a text encoding, in the spelling of Python's `codecs`.
        short_rows: `reject` rows with too few cells, or `fill` the missing cells at the end with nothing.
        long_rows: `reject` rows with too many cells, or `trim` surplus cells at the end that are empty.
        overflow: column that surplus delimiters belong to; empty for none.
        widths: width of each column, for formats with fixed widths.
        widths_in: `characters` or `bytes`; None: not given, i.e. characters where that is unambiguous.
        table: tables of a database, or sheets of a workbook, to read; empty: the only one.
        rows: path of the array, or of the object of objects, that holds the rows of a JSON document; None: the
            obvious one.
        layout: `rows`, or `columns` for a JSON document that has an array or object of values for each column.
        separator: line that begins a block; None: a blank line ends one.
        key_delimiter: separator of key and value of a line in a block; None: the usual one.
    """

    name: str
    delimiters: tuple[str, ...] = (",",)
    quote: str = '"'
    escape: str = ""
    header: bool = True
    skip_lines: int = 0
    columns: tuple[str, ...] = ()
    encoding: str = "utf-8"
    short_rows: str = "reject"
    long_rows: str = "reject"
    overflow: str = ""
    widths: tuple[int, ...] = ()
    widths_in: str | None = None
    table: tuple[str, ...] = ()
    rows: str | None = None
    layout: str = "rows"
    separator: str | None = None
    key_delimiter: str | None = None

    @property
    def delimiter(self) -> str:
        """The cell separator of a format that has only one."""
        return self.delimiters[0]


def read_format(table: TomlTable, formats: Collection[str]) -> Format:
    """Read the table.

    Args:
        formats: valid values of `name`.

    Raises:
        ManifestError: the first mistake found.
    """
    name = table.required_text("name")
    if name not in formats:
        raise table.error("name", f"{shown(name)} is not a format; {suggestion(name, formats)}")
    _check_keys(table, name)
    columns = _columns(table)
    read = Format(
        name=name,
        delimiters=_delimiters(table, name),
        quote=_character(table, "quote", '"', empty_ok=True),
        escape=_character(table, "escape", "", empty_ok=True),
        header=_header(table, name, columns),
        skip_lines=_skip_lines(table),
        columns=columns,
        encoding=_encoding(table),
        short_rows=_one_of(table, "short_rows", ("reject", "fill")) or "reject",
        long_rows=_one_of(table, "long_rows", ("reject", "trim")) or "reject",
        overflow=_overflow(table, columns),
        widths=_widths(table, name, columns),
        widths_in=_one_of(table, "widths_in", ("characters", "bytes")),
        table=table.one_or_more("table", '"subs" or ["subs", "users"]') or (),
        rows=table.text("rows"),
        layout=_one_of(table, "layout", ("rows", "columns")) or "rows",
        separator=_separator(table),
        key_delimiter=_key_delimiter(table),
    )
    if name in _ONLY_FOR["quote"]:
        _check_distinct(table, read)
    if read.layout == "columns" and read.columns:
        raise table.error(
            "columns", 'means nothing with `layout = "columns"`, where the document names them; remove it'
        )
    return read


def _check_distinct(table: TomlTable, read: Format) -> None:
    """Refuse a quote or escape that is part of the delimiter, and an escape that is the quote."""
    if read.quote and read.quote in read.delimiter:
        raise table.error("delimiter", "must not contain the `quote` character")
    if read.escape and read.escape in read.delimiter:
        raise table.error("delimiter", "must not contain the `escape` character")
    if read.escape and read.escape == read.quote:
        raise table.error("escape", "must not be the `quote` character; a doubled quote is read without any `escape`")


def _one_of(table: TomlTable, key: str, values: tuple[str, ...]) -> str | None:
    value = table.text(key)
    if value is not None and value not in values:
        raise table.error(key, f"{shown(value)} is not one of its values; {suggestion(value, values)}")
    return value


def _skip_lines(table: TomlTable) -> int:
    value = table.get("skip_lines", int)
    if value is not None and not 0 <= value <= MAX_SKIP_LINES:
        raise table.error("skip_lines", f"must be from 0 to {MAX_SKIP_LINES:,} lines")
    return value or 0


def _overflow(table: TomlTable, columns: tuple[str, ...]) -> str:
    value = table.text("overflow")
    if value is None:
        return ""
    if not value:
        raise table.error("overflow", "must be the name of a column")
    if columns and value not in columns:
        raise table.error("overflow", f"{shown(value)} is not in `columns`; {suggestion(value, columns)}")
    return value


def _separator(table: TomlTable) -> str | None:
    """Return a line of text; empty for a blank line."""
    value = table.text("separator")
    if value is not None and len(value) > MAX_SEPARATOR_CHARS:
        raise table.error("separator", f"must have at most {MAX_SEPARATOR_CHARS} characters, and has {len(value)}")
    return value.strip() if value is not None else None


def _key_delimiter(table: TomlTable) -> str | None:
    if not table.has("key_delimiter"):
        return None
    return _delimiter(table, "key_delimiter", table.get("key_delimiter", str))


def _delimiters(table: TomlTable, name: str) -> tuple[str, ...]:
    default = {"tsv": "\t", "combo": ":"}.get(name, ",")
    if not table.is_a("delimiter", list):
        value = table.get("delimiter", str)
        return (default if value is None else _delimiter(table, "delimiter", value),)
    values: list[object] = table.get("delimiter", list) or []
    if name != "combo":
        raise table.error("delimiter", "must be one string; a list of delimiters is for the format `combo`")
    if not values or not all(isinstance(value, str) for value in values) or len(set(values)) < len(values):
        raise table.error("delimiter", 'must be different strings, like [":", ";"]')
    return tuple(_delimiter(table, "delimiter", str(value)) for value in values)


def _delimiter(table: TomlTable, key: str, value: str | None) -> str:
    """Return 1 to 8 characters; control characters are allowed (Hive writes U+0001), but not line ends."""
    if value is None or not 1 <= len(value) <= MAX_DELIMITER_CHARS:
        length = 0 if value is None else len(value)
        raise table.error(key, f"must be 1 to {MAX_DELIMITER_CHARS} characters, and has {length}")
    if value == "\\t":
        raise table.error(key, 'this is a backslash and a t; a tab is "\\t" in double quotes')
    if any(character in value for character in "\r\n\0"):
        raise table.error(key, "must not hold a line break or a zero byte")
    return value


def _check_keys(table: TomlTable, name: str) -> None:
    """Refuse keys that do not apply to this format; `header = false` applies to every format without a header."""
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
    """Return one character; control characters are allowed (Hive writes U+0001), but not line ends."""
    value = table.get(key, str)
    if value is None:
        return default
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
        "a".encode(found)  # LookupError for codecs that do not convert text to bytes, like hex
    except (LookupError, UnicodeError):
        found = ""
    if not found or found in _NOT_FOR_FILES:
        from encodings.aliases import aliases  # noqa: PLC0415 - needed for this message only

        near = suggestion(name, sorted(set(aliases) - _NOT_FOR_FILES), otherwise="try utf-8, cp1252 or utf-16")
        raise table.error("encoding", f"{shown(name)} is not an encoding of text; {near}")
    return found
