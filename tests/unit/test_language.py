"""Docstrings are plain technical English: few idioms, and a first line that says what a module does."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHECKED = ("ingest_cli", "tests/support")
MAX_MARKED_RATIO = 0.01
MAX_FIRST_LINE_CHARS = 120

MARKERS = (
    # persons for code
    *("who asks", "who reads", "whoever", "nobody", "somebody", "it knows", "wants to", "has to say"),
    *("is told", "are told", "unless told", "is said", "are said", "hears of", "makes of"),
    # idioms for results, states and time
    *("what became of", "what becomes of", "what there is", "what is there", "what it does", "all that is"),
    *("stands for", "stand for", "as it stands", "as they stand", "as it came", "as they come", "has come"),
    *("comes to", "come to", "goes on", "go on", "gone on", "anew", "begin again", "begins again", "put back"),
    *("for good", "for ever", "in the end", "in vain", "in any case", "so long", "so be it", "either way"),
    *("at the most", "at the least", "but for", "lest", "the like", "taken for", "left behind", "one after the other"),
    *("of its own", "of their own", "a thing of", "by itself", "by themselves", "is to be", "are to be", "not to be"),
)
"""Phrases that have a plain or a technical replacement; CONTRIBUTING.md has the list."""

MARKED = re.compile(rf"\b(?:{'|'.join(map(re.escape, MARKERS))})\b")


class Docstring(NamedTuple):
    module: Path
    name: str
    text: str

    @property
    def package(self) -> str:
        return "/".join(self.module.parts[:2])

    @property
    def marker(self) -> str | None:
        found = MARKED.search(" ".join(self.text.lower().split()))
        return found and found[0]


def docstrings() -> Iterator[Docstring]:
    for path in sorted(path for folder in CHECKED for path in (ROOT / folder).rglob("*.py")):
        if "node_modules" in path.parts:
            continue
        module = path.relative_to(ROOT)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                name = "" if isinstance(node, ast.Module) else node.name
                yield Docstring(module, name, ast.get_docstring(node) or "")


@pytest.fixture(scope="module")
def everything() -> list[Docstring]:
    return list(docstrings())


def test_few_docstrings_hold_an_idiom(everything: list[Docstring]) -> None:
    written = [one for one in everything if one.text]
    marked = [one for one in written if one.marker]
    packages = Counter(one.package for one in marked)
    places = "".join(f"\n{one.module}: {one.name}: {one.marker}" for one in marked)
    assert len(marked) <= MAX_MARKED_RATIO * len(written), f"{len(marked)} of {len(written)}: {packages}{places}"


def test_the_first_line_of_a_module_is_one_short_sentence(everything: list[Docstring]) -> None:
    assert len(everything) > 1_000, "the modules were not found where they are expected"
    modules = [one for one in everything if not one.name]
    wrong = []
    for one in modules:
        first = one.text.partition("\n")[0]
        if not first.endswith(".") or len(first) > MAX_FIRST_LINE_CHARS:
            wrong.append(f"{one.module}: {first}")
    assert wrong == []


@pytest.mark.parametrize(
    ("text", "marker"),
    [
        ("What became of a chunk.", "what became of"),
        ("Stop after so\n    long.", "so long"),
        ("Result of a chunk: everything the journal records about it.", None),
        ("Understand the unlike.", None),
    ],
)
def test_markers_are_found_whole_and_across_lines(text: str, marker: str | None) -> None:
    assert Docstring(Path("ingest_cli/x.py"), "", text).marker == marker
