"""Where the rows of a JSON document are, and what they are, as a manifest says it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from ingest_cli.formats.json_paths import Each, RowStep
from ingest_cli.formats.json_values import Row


class Holds(Enum):
    """What the rows are."""

    OBJECTS = auto()
    ARRAYS = auto()
    VALUES = auto()


@dataclass(frozen=True, slots=True)
class Place:
    """Where the rows of a document are, and what they are.

    Attributes:
        path: leads to what holds the rows, some steps with a choice of names; no steps: objects outside of everything
            are rows as well; None: the first array of rows in each document is taken, and a document without one is a
            row itself.
        has_members: whether rows may also be the values of an object there.
        holds: what the rows are.
        judge: told of a document that is a row itself, if it is the first; may raise.
        name: the path as the manifest has it.
    """

    path: tuple[RowStep | frozenset[str], ...] | None = None
    has_members: bool = False
    holds: Holds = Holds.OBJECTS
    judge: Callable[[Row], None] = lambda _document: None
    name: str = ""

    def is_at(self, keys: Sequence[str]) -> bool:
        """Whether the path leads there."""
        path = self.path
        if path is None or len(path) != len(keys):
            return False
        return all(
            step == key or step is Each.MEMBER or (isinstance(step, frozenset) and key in step)
            for step, key in zip(path, keys, strict=True)
        )

    def key(self, keys: Sequence[str]) -> str:
        """The innermost of the `keys` on the way there that the path leaves open; empty if there is none."""
        steps = zip(self.path or (), keys, strict=False)
        return next((key for step, key in reversed(list(steps)) if step is Each.MEMBER), "")
