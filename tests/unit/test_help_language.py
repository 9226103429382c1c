"""The language of help texts and messages follows the rules of the project."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import ingest_cli
from ingest_cli.cli import COMMANDS, group

PACKAGE = Path(ingest_cli.__file__).parent
NOT_FIRST = {"what", "where", "whether", "how", "if", "which", "who", "when", "that", "it"}
"""First words of an option's help that do not name what the option sets."""

NOT_SAID = (
    "at the most",
    "anew",
    "broken off",
    "of its own",
    "by itself",
    "as it is",
    "in any case",
    "what became of",
    "whoever",
    "somebody",
    "nobody",
    "goes on",
    "go on",
    "stands for",
    "is said",
    "to be repeated",
    "what it is called",
    "put back",
)
"""Idioms, each of which has a standard term."""

OWN_PACKAGES = ("cli", "identifiers", "decoders", "sources")


def commands() -> Iterator[tuple[str, click.Command]]:
    ctx = click.Context(group)
    pending = [(name, group.get_command(ctx, name)) for name in COMMANDS]
    while pending:
        name, command = pending.pop()
        assert command is not None
        yield name, command
        if isinstance(command, click.Group):
            pending += [(f"{name} {child}", found) for child, found in command.commands.items()]


TREE = dict(commands())
OPTIONS = {
    f"{name} {option.opts[0]}": option
    for name, command in TREE.items()
    for option in command.params
    if isinstance(option, click.Option)
}


def has_idiom(text: str) -> list[str]:
    words = " ".join(text.split()).lower()
    return [idiom for idiom in NOT_SAID if re.search(rf"\b{idiom}\b", words)]


@pytest.mark.parametrize("name", TREE)
def test_a_command_begins_with_one_imperative_sentence(name: str) -> None:
    text = TREE[name].help or ""
    first = text.partition("\n\n")[0]
    assert re.fullmatch(r"[A-Z][a-z]+,? .*\.", first, re.DOTALL), text
    assert not has_idiom(text)
    assert ". " not in first


@pytest.mark.parametrize("name", OPTIONS)
def test_an_option_begins_with_what_it_sets_and_ends_with_a_full_stop(name: str) -> None:
    text = OPTIONS[name].help or ""
    assert text.endswith(".")
    assert not text.endswith("..")
    assert text.split()[0].lower() not in NOT_FIRST
    assert not has_idiom(text)


def strings(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the line and text of each string literal, docstrings included; of an f-string, its constant parts."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


@pytest.mark.parametrize("package", OWN_PACKAGES)
def test_no_text_of_a_package_has_an_idiom(package: str) -> None:
    found = [
        f"{path.relative_to(PACKAGE)}:{line}: {', '.join(idioms)}"
        for path in sorted((PACKAGE / package).rglob("*.py"))
        for line, text in strings(path)
        if (idioms := has_idiom(text))
    ]
    assert not found
