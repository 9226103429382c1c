"""A new kind of source is one module with `find` and a class, and one entry in `FINDERS`."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import pytest

from ingest_cli import sources
from ingest_cli.sources import Source, find_sources
from ingest_cli.sources.places import Places
from tests.support.pipelines import manifest, run


class Inline:
    """The data in the address itself."""

    def __init__(self, entry: str) -> None:
        self._data = entry.partition("://")[2].encode()
        self.name = self.identity = "inline"
        self.size_bytes = len(self._data)

    def fingerprint(self) -> str:
        return hashlib.sha256(self._data).hexdigest()

    def open_file(self) -> BinaryIO:
        return io.BytesIO(self._data)

    def open(self) -> Iterator[bytes]:
        yield self._data


def find(entry: str, places: Places) -> Sequence[Source]:
    assert places.base
    return [Inline(entry)]


def test_it_is_found_by_its_scheme_and_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sources.FINDERS, "inline", find)  # type: ignore[arg-type] # a dict
    found = find_sources(["inline://EMAIL\nkenari@example.org\n"], Path())
    done = run(manifest({"EMAIL": "email"}), found)  # type: ignore[arg-type] # any source
    assert (done.account.rows_read, len(done.works[0].items)) == (1, 1)
