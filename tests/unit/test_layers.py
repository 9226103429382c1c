"""Imports inside `ingest_cli` point one way: along the way of the data, and never back.

The rules, each one a function below that returns what breaks it:

* **Every module is placed.** `LAYERS` lists the packages and files directly under `ingest_cli`, lowest first.
  A new one fails here until someone has decided where it stands.
* **Imports point down**, to layers strictly below. Neighbours in one layer are strangers: a format knows no
  source, a source knows no identifier. `NARROWED` takes away more from some of them.
* **Inside its own package** a module may import what it likes, first of all the package's `interface`, but
  not in a cycle. An import that only the type checker sees, or that waits inside a function, counts.
* **Libraries have a home.** Only `cli` talks to a terminal, and only what `LIBRARIES` names talks to AWS.
  What is optional or slow to import is imported where it is used.
* **One style**: `from ingest_cli.x import y`. No star, no relative import, no `import ingest_cli.x`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = "ingest_cli"
PACKAGE = Path(__file__).resolve().parents[2] / ROOT

LAYERS: tuple[tuple[str, ...], ...] = (
    ("errors",),
    ("runtime",),
    ("model",),
    ("report",),
    ("decoders", "formats", "identifiers"),
    ("aws", "items"),
    ("sources", "sinks", "lookup"),
    ("checkpoint",),
    ("pipeline",),
    ("engines",),
    ("commands",),
    (ROOT,),  # ingest_cli/__init__.py: the public API
    ("cli",),
    ("__main__",),
)

# What these packages and modules may import from the layers below them, where that is less than everything.
NARROWED: dict[str, tuple[str, ...]] = {
    # What reads a dump never sees a pepper.
    "sources": (
        "errors",
        "runtime",
        "model.chunks",
        "model.manifest",
        "model.settings",
        "aws.session",
        "aws.service_errors",
    ),
    "decoders": ("errors", "model.source_budget"),
    "formats": (
        *("errors", "model.chunks", "model.bundles", "model.manifest", "model.format_options", "model.toml_schema"),
        *("model.source_budget", "report.observer"),
    ),
    "identifiers": ("errors", "model.chunks", "model.arrow_bytes", "model.bundles", "model.manifest"),
    # What writes a table never sees a value in clear.
    "sinks": (
        *("errors", "runtime", "model.chunks", "model.settings", "report", "aws", "items.builder", "items.batching"),
    ),
    "report": (
        *("errors", "runtime.output_files", "model.chunks", "model.bundles", "model.plain_values", "model.toml_schema"),
    ),
}

# What these may import of our own at all, beside their own part of the package: a policy wraps any sink, so that it
# knows none.
ALONE: dict[str, tuple[str, ...]] = {
    "sinks.policies": (
        *("errors", "runtime", "model.chunks", "model.settings", "report", "items.builder", "items.batching"),
        "sinks.interface",
    ),
    "report.html": (),  # it knows what the JSON report says
    "report.metrics": ("errors", "runtime.output_files", "report.report"),
}


@dataclass(frozen=True)
class Home:
    """The modules that may import a library, and those among them that may only do so inside a function."""

    modules: tuple[str, ...]
    lazily: tuple[str, ...] = ()


AWS = Home(
    ("aws", "runtime.bounded_http", "model.key_references", "sources.s3*", "sinks", "lookup", "commands.table_reader"),
    lazily=("model.key_references",),  # a key from a file must not wait for botocore
)
BOTO3 = Home(AWS.modules, lazily=("aws", "model.key_references"))  # nor must a dump that is only checked wait for boto3
LIBRARIES: dict[str, Home] = {
    "click": Home(("cli",)),
    "tqdm": Home(("cli",)),
    "boto3": BOTO3,
    "botocore": AWS,
    "mypy_boto3_*": AWS,
    "moto": Home(("aws.sandbox",), lazily=("aws.sandbox",)),
    "phonenumbers": Home(("identifiers", "model.manifest"), lazily=("model.manifest",)),
    "idna": Home(("identifiers",)),
    "charset_normalizer": Home(("formats.sniffing.languages",)),
    "matplotlib": Home(("report.html",)),
    "jinja2": Home(("report.html",)),
    "markupsafe": Home(("report.html",)),
    "pycurl": Home(("sinks",)),
    "greenlet": Home(("runtime.fibers",)),
    "prometheus_client": Home(("report.metrics.prometheus",), lazily=("report.metrics.prometheus",)),
    "multiprocessing": Home(("engines", "runtime.shared_state")),
}


@dataclass(frozen=True)
class Import:
    """One import: `target` is a module of ours (as in `Modules`), or the top-level name of a library."""

    importer: str
    target: str
    ours: bool
    line: int
    lazy: bool
    misstyled: str = ""

    def __str__(self) -> str:
        return f"{self.importer}, line {self.line}"


Modules = Mapping[str, str]
"""Name of a module, without the leading `ingest_cli.`, and its source text."""


class Reader(ast.NodeVisitor):
    """Collects the imports of one module, with how and when each is made."""

    def __init__(self, importer: str, names: Iterable[str]) -> None:
        self.importer = importer
        self.names = frozenset(names)
        self.found: list[Import] = []
        self.depth = 0

    def deeper(self, node: ast.AST) -> None:
        self.depth += 1
        self.generic_visit(node)
        self.depth -= 1

    visit_FunctionDef = visit_AsyncFunctionDef = visit_Lambda = deeper  # noqa: N815 - names fixed by ast.NodeVisitor

    def visit_If(self, node: ast.If) -> None:
        if ast.unparse(node.test) not in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}:
            self.generic_visit(node)
            return
        self.depth += 1
        for child in node.body:
            self.visit(child)
        self.depth -= 1
        for child in node.orelse:
            self.visit(child)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            ours = alias.name.partition(".")[0] == ROOT
            self.add(node, alias.name, "written as `import ingest_cli…`" if ours else "")

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.level:
            self.add(node, f"{ROOT}.{node.module or ''}".rstrip("."), "relative")
            return
        module = node.module or ""
        for alias in node.names:
            inner = f"{module}.{alias.name}"
            is_module = inner.removeprefix(f"{ROOT}.") in self.names
            self.add(node, inner if is_module else module, "of a star" if alias.name == "*" else "")

    def add(self, node: ast.stmt, name: str, misstyled: str) -> None:
        ours = name == ROOT or name.startswith(f"{ROOT}.")
        target = name.removeprefix(f"{ROOT}.") if ours else name.partition(".")[0]
        self.found.append(Import(self.importer, target, ours, node.lineno, self.depth > 0, misstyled))


def imports_of(modules: Modules) -> tuple[Import, ...]:
    return _imports_of(tuple(modules.items()))


@cache
def _imports_of(modules: tuple[tuple[str, str], ...]) -> tuple[Import, ...]:
    found: list[Import] = []
    names = [name for name, _ in modules]
    for name, source in modules:
        reader = Reader(name, names)
        reader.visit(ast.parse(source, filename=name))
        found += reader.found
    return tuple(found)


def unit(module: str) -> str:
    """What `LAYERS` lists: `sinks` for `sinks.dynamodb`."""
    return module.partition(".")[0]


def rank(module: str) -> int | None:
    return next((rank for rank, units in enumerate(LAYERS) if unit(module) in units), None)


def is_in(module: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(module, pattern) or fnmatchcase(module, f"{pattern}.*") for pattern in patterns)


def unplaced(modules: Modules) -> list[str]:
    return [
        f"ingest_cli/{name} is not in LAYERS of tests/unit/test_layers.py: add it, above all that it imports"
        for name in sorted({unit(module) for module in modules})
        if rank(name) is None
    ]


def pointing_up(modules: Modules) -> list[str]:
    broken = []
    for found in imports_of(modules):
        if not found.ours or unit(found.target) == unit(found.importer):
            continue
        own, other = rank(found.importer), rank(found.target)
        if own is None or other is None:
            continue  # `unplaced` reports it
        if other >= own:
            broken.append(f"{found}: imports {found.target}, which does not stand below {unit(found.importer)}")
            continue
        if unit(found.importer) in NARROWED and not is_in(found.target, NARROWED[unit(found.importer)]):
            broken.append(f"{found}: imports {found.target}, which NARROWED keeps from {unit(found.importer)}")
    return broken


def leaving(modules: Modules) -> list[str]:
    """Imports by which a part of a package leaves what `ALONE` allows it."""
    broken = []
    for found in imports_of(modules):
        part = next((part for part in ALONE if is_in(found.importer, (part,))), None)
        if found.ours and part is not None and not is_in(found.target, (part, *ALONE[part])):
            broken.append(f"{found}: imports {found.target}, which ALONE keeps from {part}")
    return broken


def cycles(modules: Modules) -> list[str]:
    graph: dict[str, set[str]] = {name: set() for name in modules}
    for found in imports_of(modules):
        if found.ours and found.target in graph:
            graph[found.importer].add(found.target)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return ["a cycle: " + " → ".join(reversed(error.args[1]))]
    return []


def libraries_away_from_home(modules: Modules) -> list[str]:
    broken = []
    for found in imports_of(modules):
        home = next((home for library, home in LIBRARIES.items() if fnmatchcase(found.target, library)), None)
        if found.ours or home is None:
            continue
        if not is_in(found.importer, home.modules):
            broken.append(f"{found}: only {', '.join(home.modules)} may import {found.target}")
        elif is_in(found.importer, home.lazily) and not found.lazy:
            broken.append(f"{found}: may import {found.target} inside a function only")
    return broken


def misstyled(modules: Modules) -> list[str]:
    return [
        f"{found}: an import {found.misstyled}; write `from ingest_cli.x import y`"
        for found in imports_of(modules)
        if found.misstyled
    ]


Rule = Callable[[Modules], list[str]]
RULES: tuple[Rule, ...] = (unplaced, pointing_up, leaving, cycles, libraries_away_from_home, misstyled)


@pytest.fixture(scope="module")
def program() -> dict[str, str]:
    modules = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        modules[".".join(parts) or ROOT] = path.read_text(encoding="utf-8")
    return modules


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_program_keeps(rule: Rule, program: dict[str, str]) -> None:
    assert {ROOT, "errors", "model.chunks"} <= program.keys(), "the modules were not found where they are expected"
    assert rule(program) == []


def test_no_unit_is_placed_twice() -> None:
    placed = [name for units in LAYERS for name in units]
    assert len(placed) == len(set(placed))


def test_narrowed_only_takes_away() -> None:
    for name, allowed in NARROWED.items():
        own = rank(name)
        assert own is not None, name
        for other in allowed:
            below = rank(other)
            assert below is not None, other
            assert below < own, f"{name} may import {other}, which does not stand below it"


KEPT: dict[str, Modules] = {
    "down": {"items.hashing": "from ingest_cli.model.keys import Pepper", "model.keys": ""},
    "down, the module itself": {"items.hashing": "from ingest_cli.model import keys", "model.keys": ""},
    "down to a package's interface": {
        "checkpoint.journal": "from ingest_cli.sinks.interface import Sink",
        "sinks.interface": "",
    },
    "the own package's interface": {
        "formats": "from ingest_cli.formats.sql import Sql",
        "formats.sql": "from ingest_cli.formats.interface import Format",
        "formats.interface": "",
    },
    "the version, from above": {"cli.main": "from ingest_cli import __version__", ROOT: "__version__ = '1'"},
    "a library at home": {"cli.bar": "import tqdm.auto", "sources.s3": "from botocore.config import Config"},
    "a library in time": {
        "model.key_references": "def read():\n    import boto3",
        "aws.sandbox": "def start():\n    import moto.server",
    },
    "a library for the type checker": {
        "model.key_references": "if TYPE_CHECKING:\n    from mypy_boto3_kms import KMSClient"
    },
    "a library named like a unit": {"items": "import pipeline", "pipeline": ""},
}


@pytest.mark.parametrize("modules", KEPT.values(), ids=KEPT.keys())
def test_what_is_allowed_breaks_no_rule(modules: Modules) -> None:
    assert [broken for rule in RULES for broken in rule(modules)] == []


BROKEN: dict[str, tuple[Rule, Modules, str]] = {
    "a new module": (unplaced, {"helpers": ""}, "ingest_cli/helpers is not in LAYERS"),
    "a new package": (unplaced, {"helpers.text": ""}, "ingest_cli/helpers is not in LAYERS"),
    "up": (
        pointing_up,
        {"model.keys": "from ingest_cli.items.builder import Item", "items.builder": ""},
        "does not stand below",
    ),
    "up, the module": (pointing_up, {"items": "from ingest_cli import cli", "cli": ""}, "imports cli"),
    "up, late": (
        pointing_up,
        {"items": "def f():\n    from ingest_cli.cli import main"},
        "items, line 2: imports cli",
    ),
    "up, for the type checker": (
        pointing_up,
        {"items": "if TYPE_CHECKING:\n    from ingest_cli.cli import main"},
        "imports cli",
    ),
    "up, a module that is not there": (
        pointing_up,
        {"items": "from ingest_cli.cli.x import y"},
        "imports cli.x",
    ),
    "sideways": (
        pointing_up,
        {"formats.csv": "from ingest_cli.sources.local import Local", "sources.local": ""},
        "imports sources.local",
    ),
    "the public API, from below": (
        pointing_up,
        {"engines.local": "from ingest_cli import __version__", ROOT: ""},
        "imports ingest_cli",
    ),
    "a policy and one sink": (leaving, {"sinks.policies.a": "from ingest_cli.sinks.b import c"}, "ALONE keeps"),
    "narrowed, the pepper": (
        pointing_up,
        {"formats.csv": "from ingest_cli.model.keys import Key"},
        "NARROWED keeps",
    ),
    "a cycle of two": (
        cycles,
        {
            "formats.a": "from ingest_cli.formats.b import x",
            "formats.b": "from ingest_cli.formats.a import y",
        },
        "a cycle: formats.",
    ),
    "a cycle through the package": (
        cycles,
        {"formats": "from ingest_cli.formats.a import x", "formats.a": "from ingest_cli.formats import y"},
        "a cycle: formats",
    ),
    "the terminal": (libraries_away_from_home, {"pipeline": "import click"}, "only cli may import click"),
    "a bar": (
        libraries_away_from_home,
        {"engines.local": "from tqdm import tqdm"},
        "only cli may import tqdm",
    ),
    "AWS in the cli": (libraries_away_from_home, {"cli.load": "import boto3"}, "may import boto3"),
    "AWS in a local source": (
        libraries_away_from_home,
        {"sources.local": "import botocore.config"},
        "botocore",
    ),
    "AWS, too early": (
        libraries_away_from_home,
        {"model.key_references": "import boto3"},
        "model.key_references, line 1: may import boto3 inside",
    ),
    "AWS, too early, after the type checker": (
        libraries_away_from_home,
        {"model.key_references": "if TYPE_CHECKING:\n    pass\nelse:\n    import boto3"},
        "inside a function only",
    ),
    "a star": (misstyled, {"items": "from ingest_cli.errors import *", "errors": ""}, "of a star"),
    "a foreign star": (misstyled, {"items": "from os.path import *"}, "of a star"),
    "a relative one": (misstyled, {"formats.csv": "from .interface import Format"}, "relative"),
    "a plain one": (
        misstyled,
        {"items": "import ingest_cli.errors as e", "errors": ""},
        "`import ingest_cli",
    ),
}


@pytest.mark.parametrize(("rule", "modules", "said"), BROKEN.values(), ids=BROKEN.keys())
def test_what_is_forbidden_is_found(rule: Rule, modules: Modules, said: str) -> None:
    broken = rule(modules)
    assert len(broken) == 1
    assert said in broken[0]
