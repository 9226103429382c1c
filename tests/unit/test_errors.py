"""The tree of errors: every exception that leaves its module is in it, is drawn, and can be sent to another process."""

from __future__ import annotations

import inspect
import pickle
import pkgutil
import re
from collections.abc import Iterator
from importlib import import_module
from typing import TypeVar

import pytest

import ingest_cli
from ingest_cli import errors
from ingest_cli.errors import (
    CrashError,
    DamagedError,
    ExitCode,
    IngestError,
    MissingSourceError,
    ProgramError,
    ThrottledError,
    TransientFaultError,
    UnsafeFileError,
)


def exceptions() -> dict[str, type[BaseException]]:
    """Return every exception class that the program defines, by name."""
    names = [info.name for info in pkgutil.walk_packages(ingest_cli.__path__, "ingest_cli.")]
    values = [value for name in names if name != "ingest_cli.__main__" for value in vars(import_module(name)).values()]
    classes = [value for value in values if inspect.isclass(value) and issubclass(value, BaseException)]
    return {one.__name__: one for one in classes if one.__module__.startswith("ingest_cli.")}


EXCEPTIONS = exceptions()
TREE = {name: kind for name, kind in EXCEPTIONS.items() if issubclass(kind, ProgramError)}


def instance(kind: type[ProgramError]) -> ProgramError:
    """Return an error with an argument for each parameter without a default."""
    if issubclass(kind, OSError):
        return kind(1, "a message")
    if "__init__" not in {name for base in kind.__mro__[:-3] for name in vars(base)}:
        return kind("a message")
    parameters = inspect.signature(kind).parameters.values()
    needed = [one.name for one in parameters if one.default is one.empty and one.kind is one.POSITIONAL_OR_KEYWORD]
    return kind(*(f"a {name}" for name in needed))


E = TypeVar("E", bound=ProgramError)


def sent(error: E) -> E:
    """Return the error as it arrives in another process."""
    arrived: E = pickle.loads(pickle.dumps(error))  # noqa: S301 - made here
    return arrived


def drawn() -> Iterator[tuple[int, str, str]]:
    """Yield (depth, name, text) of each line of the drawing."""
    assert errors.__doc__ is not None
    for line in errors.__doc__.splitlines():
        match = re.match(r"^    ((?:│   |    |├── |└── )*)([A-Z]\w+Error)\s*(.*)$", line)
        if match:
            yield len(match[1]) // 4, match[2], match[3]


def test_every_exception_that_leaves_its_module_is_in_the_tree() -> None:
    outside = [name for name in EXCEPTIONS.keys() - TREE.keys() if not name.startswith("_")]
    assert outside == []


def test_the_drawing_shows_the_tree() -> None:
    parents: list[str] = []
    shown: dict[str, str | None] = {}
    for depth, name, _ in drawn():
        del parents[depth:]
        shown[name] = parents[-1] if parents else None
        parents.append(name)
    bases = {name: kind.__bases__[0].__name__ for name, kind in TREE.items() if not name.startswith("_")}
    assert shown == {**bases, "ProgramError": None}


def test_the_drawing_shows_exit_codes_and_what_is_transient() -> None:
    codes: list[tuple[str, bool]] = []
    for depth, name, text in drawn():
        del codes[depth:]
        note = re.match(r"\[(\d+)(, transient)?\]", text)
        codes.append((note[1], bool(note[2])) if note else codes[-1] if codes else ("1", False))
        kind = TREE[name]
        if issubclass(kind, IngestError | CrashError):
            assert (int(codes[-1][0]), codes[-1][1]) == (kind.exit_code, kind.transient), name


@pytest.mark.parametrize("kind", TREE.values(), ids=TREE.keys())
def test_an_error_arrives_in_another_process_as_it_was(kind: type[ProgramError]) -> None:
    error = instance(kind)
    error.add_note("a note")
    arrived = sent(error)
    assert type(arrived) is kind
    assert str(arrived) == str(error)
    assert vars(arrived) == vars(error)
    assert (arrived.args, arrived.exit_code, arrived.transient) == (error.args, kind.exit_code, kind.transient)


def test_a_message_that_is_made_of_parts_is_not_made_again() -> None:
    arrived = sent(MissingSourceError('"a.csv" is not there', "check the name"))
    assert (str(arrived), arrived.what) == ('"a.csv" is not there; check the name', '"a.csv" is not there')
    arrived = sent(DamagedError("cut off", "Get it again").with_text('"a.csv": cut off'))
    assert (str(arrived), arrived.what) == ('"a.csv": cut off', "cut off")


def test_attributes_of_a_throttle_arrive() -> None:
    arrived = sent(ThrottledError("TableWriteThroughputExceeded", "table"))
    assert isinstance(arrived, TransientFaultError)
    assert (arrived.reason, arrived.scope) == ("TableWriteThroughputExceeded", "table")


def test_an_unsafe_file_arrives_as_an_error_of_the_system() -> None:
    arrived = sent(UnsafeFileError(1, "it is a link", "a.csv"))
    assert (arrived.errno, arrived.strerror, arrived.filename) == (1, "it is a link", "a.csv")


def test_an_error_that_escapes_counts_as_a_crash() -> None:
    assert ProgramError.exit_code is ExitCode.CRASHED
