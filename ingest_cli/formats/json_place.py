"""Location and type of the rows in a JSON document, as defined by a manifest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from ingest_cli.formats.json_paths import Each, RowStep
from ingest_cli.formats.json_values import Row


class Holds(Enum):
    """Type of the rows."""

    OBJECTS = auto()
    ARRAYS = auto()
    VALUES = auto()


@dataclass(frozen=True, slots=True)
class Place:
    """Location and type of the rows in a document.

    Attributes:
        path: steps to the container of the rows, some with a choice of names; no steps: top-level objects are rows as
            well; None: the first array of rows in each document is used, and a document without one is a row
            itself.
        has_members: whether rows may also be the values of an object there.
        holds: type of the rows.
        judge: called for the first document if it is a row itself; may raise.
        name: path as in the manifest.
    """

    path: tuple[RowStep | frozenset[str], ...] | None = None
    has_members: bool = False
    holds: Holds = Holds.OBJECTS
    judge: Callable[[Row], None] = lambda _document: None
    name: str = ""

    def is_at(self, keys: Sequence[str]) -> bool:
        """Return whether the path matches the keys."""
        path = self.path
        if path is None or len(path) != len(keys):
            return False
        return all(
            step == key or step is Each.MEMBER or (isinstance(step, frozenset) and key in step)
            for step, key in zip(path, keys, strict=True)
        )

    def key(self, keys: Sequence[str]) -> str:
        """Return the innermost of the `keys` that the path leaves open; empty if there is none."""
        steps = zip(self.path or (), keys, strict=False)
        return next((key for step, key in reversed(list(steps)) if step is Each.MEMBER), "")
