"""Parse column names as paths to one or several values of a JSON document.

A path is a list of names separated by dots: `contact.email`. After a name, `[]` selects all elements of an array and
`[0]` one of them. A name with a dot, a bracket or a quote is written as a JSON string: `"e.mail".work`. The path to the
rows consists of names, and of `*` for all members of an object.

If rows are arrays, `columns` names their elements; such a name is not a path, except that `[]` at its end joins the
elements of an array. `json_cells` converts the value at the end of a path.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from enum import Enum

from ingest_cli.errors import ManifestError
from ingest_cli.formats.json_values import DECODER
from ingest_cli.model.manifest import ROW_KEY

_NAME = re.compile(r'[^.\[\]"\s](?:[^.\[\]"]*[^.\[\]"\s])?')
_INDEX = re.compile(r"\[([0-9]{0,9})\]")


class Every(Enum):
    """All elements of an array."""

    ELEMENT = "[]"


class Each(Enum):
    """All members of an object; only in a path to the rows."""

    MEMBER = "*"


Step = str | int | Every
RowStep = str | Each


def parse_path(text: str) -> tuple[Step, ...]:
    """Return the steps of a path to a value.

    Raises:
        ManifestError: `text` is not a path.
    """
    steps = _steps(text)
    if Each.MEMBER in steps:
        raise _not_a_path(text, "* is for `rows` in [format] only")
    return tuple(step for step in steps if not isinstance(step, Each))


def parse_rows(text: str) -> tuple[RowStep, ...]:
    """Return the steps of a path to the rows.

    Raises:
        ManifestError: `text` is not such a path.
    """
    steps = _steps(text)
    names = tuple(step for step in steps if isinstance(step, str | Each))
    if len(names) < len(steps):
        raise ManifestError(
            f'`rows` in [format] is "{text}"; it is made of names and dots only, like data.rows, and of * for all '
            "members of an object, like users.*"
        )
    return names


def _steps(text: str) -> tuple[Step | Each, ...]:
    steps, at = list[Step | Each](), 0
    while True:
        if text.startswith('"', at):
            try:
                name, at = DECODER.raw_decode(text, at)
            except ValueError:
                raise _not_a_path(text, "a quote is not closed") from None
            steps.append(name)
        elif found := _NAME.match(text, at):
            steps.append(Each.MEMBER if found[0] == Each.MEMBER.value else found[0])
            at = found.end()
        else:
            raise _not_a_path(text, "a name is missing")
        while found := _INDEX.match(text, at):
            steps.append(int(found[1]) if found[1] else Every.ELEMENT)
            at = found.end()
        if at == len(text):
            return tuple(steps)
        if text[at] != ".":
            raise _not_a_path(text, "something stands where a dot, [] or [0] should")
        at += 1


def _not_a_path(text: str, problem: str) -> ManifestError:
    return ManifestError(
        f'column "{text}": {problem}; a column of JSON is a path like contact.phones[] or tags[0], with a name like '
        '"a.b" in double quotes if there is a dot in it'
    )


class Paths:
    """Wanted columns of rows.

    Attributes:
        names: names of the columns.
        steps: path of each column in an object; an array is an object whose names are `columns`.
        columns: names of the elements of array rows; empty if rows are objects.
        presence: columns of which only the presence of a value is recorded.
        key: column of the keys of the rows, if there is one.
    """

    def __init__(
        self,
        names: Sequence[str],
        *,
        columns: Sequence[str] = (),
        presence: Collection[str] = (),
        keyed: bool = False,
    ) -> None:
        """Parse the `names`.

        Args:
            names: paths, or names of elements if there are `columns`.
            columns: see `Paths`.
            presence: see `Paths`.
            keyed: whether rows have keys, so that `$key` is not a member.

        Raises:
            ManifestError: a name is not a path.
        """
        self.names = tuple(names)
        self.columns = tuple(columns)
        self.presence = frozenset(presence)
        self.key = ROW_KEY if keyed and ROW_KEY in self.names else None
        read = _element_steps if columns else parse_path
        self.steps = tuple((name,) if name == self.key else read(name) for name in self.names)


def _element_steps(name: str) -> tuple[Step, ...]:
    return (name, Every.ELEMENT) if name.endswith(Every.ELEMENT.value) else (name,)


def step(name: str) -> str:
    """Write a name as a step of a path."""
    try:
        if name != ROW_KEY and parse_path(name) == (name,):
            return name
    except ManifestError:
        pass
    return json.dumps(name, ensure_ascii=False)
