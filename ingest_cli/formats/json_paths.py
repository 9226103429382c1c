"""Parse column names as paths to one or several values of a JSON document.

A path is made of names with dots between them: `contact.email`. Behind a name, `[]` stands for all elements
of an array and `[0]` for one of them. A name with a dot, a bracket or a quote in it is written as a JSON
string: `"e.mail".work`. The path to the rows is made of names, and of `*` for all members of an object.

A row may also be an array, if `columns` names its elements; such a name is no path, but that `[]` at its end joins the
elements of an array there. What is found at the end of a path, `json_cells` says.
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
    """All members of an object; only on the way to the rows."""

    MEMBER = "*"


Step = str | int | Every
RowStep = str | Each


def parse_path(text: str) -> tuple[Step, ...]:
    """Return the steps of a path to a value.

    Raises:
        ManifestError: it is none.
    """
    steps = _steps(text)
    if Each.MEMBER in steps:
        raise _not_a_path(text, "* is for `rows` in [format] only")
    return tuple(step for step in steps if not isinstance(step, Each))


def parse_rows(text: str) -> tuple[RowStep, ...]:
    """Return the steps of a path to the rows.

    Raises:
        ManifestError: it is none.
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
        names: of the columns.
        steps: where each of them is in a row that is an object; in a row that is an array, in the object that `columns`
            make of it.
        columns: names of the elements of rows that are arrays; empty where rows are objects.
        presence: columns of which only the presence counts.
        key: the column that is the key of a row; None if there is none.
    """

    def __init__(
        self,
        names: Sequence[str],
        *,
        columns: Sequence[str] = (),
        presence: Collection[str] = (),
        keyed: bool = False,
    ) -> None:
        """Read the `names`.

        Args:
            names: of the columns.
            columns: see above.
            presence: see above.
            keyed: whether rows have keys, so that `$key` is no name of a member.

        Raises:
            ManifestError: one is not a path.
        """
        self.names = tuple(names)
        self.columns = tuple(columns)
        self.presence = frozenset(presence)
        self.key = ROW_KEY if keyed and ROW_KEY in self.names else None
        read = _element_steps if columns else parse_path
        self.steps = tuple((name,) if name == self.key else read(name) for name in self.names)


def _element_steps(name: str) -> tuple[Step, ...]:
    """The steps of a column that is an element of a row: its name is no path."""
    return (name, Every.ELEMENT) if name.endswith(Every.ELEMENT.value) else (name,)


def step(name: str) -> str:
    """A name as a step of a path."""
    try:
        if name != ROW_KEY and parse_path(name) == (name,):
            return name
    except ManifestError:
        pass  # a name that is no step as it stands is written as a JSON string
    return json.dumps(name, ensure_ascii=False)
