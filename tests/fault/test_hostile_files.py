"""Files made to exhaust memory or to be read for ever: a sentence each, an exit code, and at most 400 MiB."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.forked import Forks, forks
from tests.support.hostile import HOSTILE

MAX_PEAK_BYTES = 400 << 20


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    """The command line, in one process for all of these files."""
    with forks(tmp_path_factory.mktemp("home")) as started:
        yield started


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_ends_in_a_sentence_within_its_memory(name: str, run: Forks, tmp_path: Path) -> None:
    case = HOSTILE[name]
    made = case.made(tmp_path, "hostile")
    passphrase = tmp_path / "passphrase"
    passphrase.touch(0o600)
    passphrase.write_text("kenari\n")
    ended = run("validate", made.manifest, "--age-identity", f"file:{passphrase}")
    assert ended.code == case.code, ended.err
    assert case.says in ended.err
    assert ended.peak_bytes < MAX_PEAK_BYTES, f"{ended.peak_bytes >> 20} MiB"
    looked = run("validate", made.dump, "--age-identity", f"file:{passphrase}")
    assert looked.code in {0, 4}, looked.err
    assert looked.peak_bytes < MAX_PEAK_BYTES, f"{looked.peak_bytes >> 20} MiB"
