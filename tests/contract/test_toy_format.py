"""A new format is one class and one line in `FORMATS`: the toy one below is read by the pipeline and the CLI."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pytest
from click.testing import CliRunner

from ingest_cli import formats
from ingest_cli.cli import group
from ingest_cli.formats.interface import ChunkBytes, Wanted
from ingest_cli.formats.lines import Found, split_lines, to_rows
from ingest_cli.formats.record_stream import Blocks, Rows, read_records
from ingest_cli.model.chunks import WHOLE, Position, RowChunk, Span
from ingest_cli.model.format_options import FORMAT_NAMES
from ingest_cli.model.format_options import Format as FormatOptions
from ingest_cli.model.manifest import parse_manifest
from tests.support.pipelines import BytesSource, run, table_of

MANIFEST = """
version = 1
[dataset]
id = "toy"
title = "Toy"
sources = ["toy.txt"]
[format]
name = "toy"
columns = ["EMAIL"]
[[fields]]
column = "EMAIL"
kind = "email"
"""
DATA = b"aisyah@example.com\n\nlim@example.org\n"


class Toy:
    """Format with one value per line, all of them in the same column."""

    def __init__(self, options: FormatOptions, wanted: Wanted, chunk_bytes: ChunkBytes) -> None:
        self.column, self.wanted, self.chunk_bytes = options.columns[0], wanted.names, chunk_bytes

    def read(self, stream: Iterable[bytes], spans: Sequence[Span] = (WHOLE,)) -> Iterator[RowChunk]:
        return read_records(stream, self.chunk_bytes, spans, self)

    def preamble(self, blocks: Blocks) -> Position:
        return blocks.skip_lines(0)

    def parse(self, data: bytes, *, final: bool) -> Rows:
        lines = split_lines(data, final=final)
        return to_rows(lines, Found(lines.filled, {self.column: pa.array(lines.texts(lines.filled), pa.binary())}))

    def oversize(self, size: int) -> tuple[str, Sequence[str]]:  # noqa: ARG002 - the same for any size
        return "record_too_long", self.wanted


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(formats.FORMATS, "toy", Toy)


def test_the_pipeline_loads_the_rows_of_a_toy_format() -> None:
    manifest = parse_manifest(MANIFEST, formats=formats.FORMATS)
    done = run(manifest, [BytesSource(DATA, piece=7)])
    assert len(table_of(done)) == 2


def test_the_command_line_reads_a_toy_format(tmp_path: Path) -> None:
    (tmp_path / "toy.toml").write_text(MANIFEST)
    (tmp_path / "toy.txt").write_bytes(DATA)
    done = CliRunner().invoke(group, ["validate", str(tmp_path / "toy.toml")])
    assert done.exit_code == 0, done.output
    assert "3 read = 2 kept" in done.output


def test_the_names_that_the_library_accepts_by_default_are_those_of_the_formats() -> None:
    assert {*FORMAT_NAMES, "toy"} == set(formats.FORMATS)
