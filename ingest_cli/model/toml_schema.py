"""Typed access to a TOML table: known keys only, values of the requested type, one sentence per mistake."""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Iterable, Mapping
from typing import TypeVar

from ingest_cli.errors import ManifestError

_TYPE_NAMES: dict[type, str] = {
    str: "a string",
    bool: "a boolean",
    int: "an integer",
    float: "a float",
    list: "an array",
    dict: "a table",
    dt.date: "a date",
    dt.datetime: "a date with a time",
    dt.time: "a time",
}
_MAX_SHOWN_CHARS = 64
_MAX_LISTED = 12

_T = TypeVar("_T")


class TomlTable:
    """One TOML table with known keys only, which returns values of the requested type."""

    def __init__(
        self,
        raw: Mapping[str, object],
        file: str,
        known_keys: Mapping[str, tuple[str, ...]],
        name: str = "",
        where: str | None = None,
    ) -> None:
        """Check the keys of a table.

        Args:
            raw: the table as `tomllib` read it.
            file: name of the file in messages.
            known_keys: table name → its keys.
            name: name of the table; "" for the whole file.
            where: name of the table in messages.

        Raises:
            ManifestError: it has an unknown key.
        """
        self._raw = raw
        self._file = file
        self._known_keys = known_keys
        self._where = (f"[{name}]" if name else "") if where is None else where
        for key in raw:
            if key not in known_keys[name]:
                raise self.error(escaped(key[:_MAX_SHOWN_CHARS]), f"unknown key; {suggestion(key, known_keys[name])}")

    def error(self, key: str, problem: str) -> ManifestError:
        """Return the error for a mistake at `key`."""
        return ManifestError(f"{self._file}: {self._where + ' ' if self._where else ''}{key}: {problem}")

    def has(self, key: str) -> bool:
        """Return whether the key is present."""
        return key in self._raw

    def is_a(self, key: str, expected: type) -> bool:
        """Return whether the key's value has exactly this type."""
        return type(self._raw.get(key)) is expected

    def get(self, key: str, expected: type[_T], example: str = "") -> _T | None:
        """Return the value, or None if absent; a boolean is not an integer, nor a date with a time a date."""
        value = self._raw.get(key)
        if value is None or type(value) is expected:
            return value
        problem = f"must be {_TYPE_NAMES[expected]}, not {_TYPE_NAMES[type(value)]}"
        raise self.error(key, f"{problem}, like {example}" if example else problem)

    def text(self, key: str) -> str | None:
        """Return a string without control characters."""
        value = self.get(key, str)
        return None if value is None else self._printable(key, value)

    def required_text(self, key: str) -> str:
        """Return a required, non-empty string without control characters."""
        value = self.text(key)
        if value is None:
            raise self.error(key, "missing, and required")
        if not value.strip():
            raise self.error(key, "must not be empty")
        return value

    def texts(self, key: str, example: str) -> tuple[str, ...] | None:
        """Return a non-empty array of strings without control characters."""
        values = self.get(key, list, example)
        if values is None:
            return None
        if not values:
            raise self.error(key, f"must not be empty; write something like {example}")
        for number, value in enumerate(values, 1):
            if not isinstance(value, str):
                raise self.error(key, f"entry {number} must be a string, not {_TYPE_NAMES[type(value)]}")
            self._printable(key, value)
        return tuple(values)

    def one_or_more(self, key: str, example: str) -> tuple[str, ...] | None:
        """Return a string or an array of strings as a tuple."""
        if self.is_a(key, str):
            return (self.required_text(key),)
        return self.texts(key, example)

    def table(self, name: str, *, required: bool = True) -> TomlTable:
        """Return the table of this name."""
        if required and not self.has(name):
            raise self.error(f"[{name}]", "this table is missing, and required")
        return TomlTable(self.get(name, dict) or {}, self._file, self._known_keys, name)

    def tables(self, name: str) -> list[TomlTable]:
        """Return the tables of this name, at least one."""
        raw = self.get(name, list, f"the one that lines [[{name}]] make")
        if not raw:
            raise self.error(f"[[{name}]]", "missing; at least one is required")
        if not all(isinstance(entry, dict) for entry in raw):
            raise self.error(name, f"must be tables, each after a line [[{name}]]")
        return [
            TomlTable(entry, self._file, self._known_keys, name, f"[[{name}]] no. {n}")
            for n, entry in enumerate(raw, 1)
        ]

    def _printable(self, key: str, value: str) -> str:
        for character in value:
            if character < " " or "\x7f" <= character <= "\x9f":
                raise self.error(key, f"holds the control character U+{ord(character):04X}; remove it")
        return value


def suggestion(word: str, valid: Iterable[str], *, otherwise: str | None = None) -> str:
    """Suggest the nearest of `valid`, or else a few of them."""
    names = {name.casefold(): name for name in valid if name}
    near = difflib.get_close_matches(word.casefold()[:_MAX_SHOWN_CHARS], names, n=1)
    if near:
        return f"did you mean {shown(names[near[0]])}?"
    if otherwise is not None:
        return otherwise
    more = ", …" if len(names) > _MAX_LISTED else ""
    return f"valid: {', '.join(escaped(name) for name in list(names.values())[:_MAX_LISTED])}{more}"


def shown(text: str) -> str:
    """Return `text` in backquotes, shortened and escaped."""
    cut = text if len(text) <= _MAX_SHOWN_CHARS else text[: _MAX_SHOWN_CHARS - 1] + "…"
    return f"`{escaped(cut)}`"


def escaped(text: str) -> str:
    """Escape control and bidi characters in `text` for a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
