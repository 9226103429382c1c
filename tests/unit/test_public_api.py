"""The public API: every name is there, the same to Python and to a type checker, and costs nothing until it is used."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import ingest_cli


def _seen_by_type_checkers() -> dict[str, str]:
    """Name → module, as the imports for type checkers have it."""
    tree = ast.parse(Path(ingest_cli.__file__).read_text(encoding="utf-8"))
    (block,) = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    return {
        alias.name: str(node.module)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname is None
    }


def test_python_and_type_checkers_see_the_same_names() -> None:
    seen = _seen_by_type_checkers()
    assert sorted(seen) == ingest_cli.__all__ == sorted(set(ingest_cli.__all__))
    assert seen == {name: f"ingest_cli.{home}" for name, home in ingest_cli._HOMES.items()}


@pytest.mark.parametrize("name", ingest_cli.__all__)
def test_a_name_is_what_its_module_defines(name: str) -> None:
    assert getattr(ingest_cli, name) is getattr(import_module(f"ingest_cli.{ingest_cli._HOMES[name]}"), name)
    assert name in dir(ingest_cli)


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Lokup'"):
        getattr(ingest_cli, "Lokup")  # noqa: B009 - a type checker would not let it pass


def test_importing_it_imports_nothing_but_python_s_own() -> None:
    code = "import sys; before = set(sys.modules); import ingest_cli; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert [name for name in done.stdout.split() if name.partition(".")[0] not in sys.stdlib_module_names] == [
        "ingest_cli"
    ]


def test_a_name_brings_no_more_than_it_needs() -> None:
    code = "import sys; from ingest_cli import load_manifest, read_pepper; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"pyarrow", "numpy", "boto3", "botocore", "pycurl", "phonenumbers"} & set(done.stdout.split())


def test_the_last_word_waits_for_no_library() -> None:
    """It may be about a signal that came while one of them was being imported."""
    code = "import sys; import ingest_cli.cli.console; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"pyarrow", "numpy", "boto3", "botocore", "pycurl"} & set(done.stdout.split())
