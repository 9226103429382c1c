"""The samples of all formats, split into parts: what every format promises of a file that was cut at any bytes."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from ingest_cli.commands.validate import reproduce
from ingest_cli.errors import IngestError
from ingest_cli.model.manifest import parse_manifest
from ingest_cli.model.settings import RunSettings
from ingest_cli.report.report import Report
from ingest_cli.sinks.memory import MemorySink
from tests.support import format_cases, make_samples
from tests.support.pipelines import PEPPER

Items = Mapping[tuple[str, str], Mapping[str, Any]]

# Each sample, and each of its files.
FILES = [(sample.name, name) for sample in make_samples.SAMPLES for name in sample.files]
every_file = pytest.mark.parametrize(("sample", "name"), FILES, ids=[name for _, name in FILES])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "dumps").mkdir()
    return tmp_path / "dumps"


def _items(sample: str, folder: Path, source: str, *, join: bool = False) -> tuple[Items, IngestError | None]:
    """The items that a file gives, or several do, and why there are no more; the counts of a sample are not its own."""
    text = (format_cases.FOLDER / f"{sample}.toml").read_text(encoding="utf-8")
    text = re.sub(r"sources = \[.*?\]", f'sources = ["{source}"]\njoin = {str(join).lower()}', text, flags=re.DOTALL)
    manifest, sink = parse_manifest(text, folder / "demo.toml"), MemorySink()
    try:
        reproduce(manifest, PEPPER, RunSettings(), sink=sink, report=Report("verify", "demo", "Demo"))
    except IngestError as error:
        return dict(sink.items), error
    return dict(sink.items), None


def _split(data: bytes, folder: Path, seed: int) -> None:
    """Write 2 to 5 parts of `data`, cut at any bytes."""
    rng = random.Random(seed)
    edges = [0, *sorted(rng.sample(range(1, len(data)), rng.randint(1, 4))), len(data)]
    for number, (begin, end) in enumerate(pairwise(edges)):
        (folder / f"part.{number:03}").write_bytes(data[begin:end])


@pytest.mark.slow
@every_file
@pytest.mark.parametrize("seed", range(3))
def test_parts_that_are_joined_give_what_the_whole_file_gives(sample: str, name: str, seed: int, folder: Path) -> None:
    data = (format_cases.FOLDER / name).read_bytes()
    (folder / "whole").write_bytes(data)
    _split(data, folder, seed)
    whole, joined = _items(sample, folder, "whole"), _items(sample, folder, "part.*", join=True)
    assert whole[0]
    assert whole[1] is None
    assert joined == whole, "src included"


@pytest.mark.slow
@every_file
@pytest.mark.parametrize("seed", range(6))
def test_parts_that_are_not_give_no_half_of_anything(sample: str, name: str, seed: int, folder: Path) -> None:
    data = (format_cases.FOLDER / name).read_bytes()
    (folder / "whole").write_bytes(data)
    _split(data, folder, seed)
    whole, _ = _items(sample, folder, "whole")
    written, error = _items(sample, folder, "part.*")
    assert written.keys() <= whole.keys()
    assert written.keys() < whole.keys() or error is None
