"""Every format with its samples, and the result of reading bytes with one of them.

Both the contract suite and the fuzzer read through here, so that both hold a parser to the same promises.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ingest_cli.decoders import members, to_utf8
from ingest_cli.errors import ManifestError, SourceError
from ingest_cli.formats import FileFormat, Format, Wanted, open_format
from ingest_cli.model.chunks import WHOLE, RowChunk, Span
from ingest_cli.model.manifest import Manifest, load_manifest

FOLDER = Path(__file__).resolve().parents[2] / "sample_data"

Fate = tuple[int, int, object]
"""Row and line of a record, and the cells or the reason it came to."""


@dataclass(frozen=True)
class Case:
    """A sample.

    Attributes:
        name: of the sample.
        manifest: of the sample.
        data: its first file as its format gets to see it: unpacked and UTF-8, or as it is.
    """

    name: str
    manifest: Manifest
    data: bytes

    @property
    def format(self) -> str:
        """Name of its format."""
        return self.manifest.format.name

    @property
    def wanted(self) -> Wanted:
        """The columns to keep."""
        return Wanted.of(self.manifest)

    @property
    def is_stream(self) -> bool:
        """Whether its format reads the rows of a stream one by one, not a file, nor columns that have to be whole."""
        by_column = self.manifest.format.layout == "columns"
        return not by_column and not isinstance(open_format(self.manifest.format, self.wanted), FileFormat)


@dataclass(frozen=True)
class Outcome:
    """What reading came to.

    Attributes:
        chunks: that were yielded.
        error: what was raised behind the last, if anything was.
    """

    chunks: list[RowChunk]
    error: ManifestError | SourceError | None

    @property
    def fates(self) -> list[Fate]:
        """Fate of each record, in order."""
        return [fate for chunk in self.chunks for fate in fates(chunk)]

    @property
    def flags(self) -> Counter[str]:
        """Oddities, counted over all chunks."""
        return sum((Counter(chunk.flags) for chunk in self.chunks), Counter[str]())


def cases() -> list[Case]:
    """All samples."""
    return [_case(path) for path in sorted(FOLDER.glob("*.toml"))]


def _case(path: Path) -> Case:
    manifest = load_manifest(path)
    file = min(FOLDER.glob(manifest.dataset.sources[0]))
    data = file.read_bytes()
    case = Case(path.stem, manifest, data)
    if case.is_stream:
        member = next(members([data]))
        case = Case(path.stem, manifest, b"".join(to_utf8(member.pieces, manifest.format.encoding)))
    return case


def read(
    case: Case,
    data: bytes,
    *,
    chunk_bytes: int = 1 << 20,
    piece: int = 1 << 20,
    spans: Sequence[Span] = (WHOLE,),
    fault: SourceError | None = None,
    parser: Format | FileFormat | None = None,
) -> Outcome:
    """Read `data` as the sample is read.

    Args:
        case: whose manifest counts.
        data: what a format gets to see.
        chunk_bytes: what a chunk aims at.
        piece: size of the pieces of a stream.
        spans: what to read.
        fault: raised where a stream ends.
        parser: what reads; None: one made for this, with `chunk_bytes`.
    """
    parser = parser or open_format(case.manifest.format, case.wanted, lambda: chunk_bytes)
    if isinstance(parser, FileFormat):
        found = parser.read_file(io.BytesIO(data), spans)
    else:
        found = parser.read(_pieces(data, piece, fault), spans)
    chunks: list[RowChunk] = []
    try:
        chunks.extend(found)
    except (ManifestError, SourceError) as error:
        return Outcome(chunks, error)
    return Outcome(chunks, None)


def _pieces(data: bytes, size: int, fault: SourceError | None) -> Iterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]
    if fault is not None:
        raise fault


def fates(chunk: RowChunk) -> list[Fate]:
    """Fate of each record of a chunk; checks that every one has exactly one fate, and that the chunk adds up."""
    found: dict[int, object] = {}

    def settle(index: int, fate: object) -> None:
        assert 0 <= index < chunk.records, "a fate belongs to a record"
        assert index not in found, "a record has one fate"
        found[index] = fate

    names = sorted(chunk.cells)
    columns = [chunk.cells[name].to_pylist() for name in names]
    for place, index in enumerate(chunk.index.tolist()):
        settle(index, tuple(column[place] for column in columns))
    for column in columns:
        assert len(column) == len(chunk.index), "a column has a cell for each row"
    for index, reason in chunk.rejected:
        settle(index, reason)
    for reason, several in chunk.skipped.items():
        for index in several.tolist():
            settle(index, reason)
    assert len(found) == chunk.records, "every record has a fate"
    assert chunk.bounds[-1] == len(chunk.data), "the records are all of the bytes"
    assert chunk.end.row - chunk.start.row == chunk.records, "a position counts the records before it"
    every = np.arange(chunk.records, dtype=np.int32)
    places = zip(chunk.rows(every).tolist(), chunk.lines(every).tolist(), strict=True)
    return [(row, line, found[index]) for index, (row, line) in enumerate(places)]


def check(outcome: Outcome) -> None:
    """Hold what was read against what every parser promises, whatever the bytes."""
    assert [fate[0] for fate in outcome.fates] == [*range(1, len(outcome.fates) + 1)], "rows are numbered from 1"
    for before, after in zip(outcome.chunks, outcome.chunks[1:], strict=False):
        assert before.end == after.start, "chunks lie side by side"
    if outcome.error is not None:
        message = str(outcome.error)
        assert message.isprintable(), "a message holds nothing that a terminal obeys"
        assert len(message) < 1000, "a message is a sentence"
