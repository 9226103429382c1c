"""What a parser made of some bytes, put so that a test can say what it expects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from ingest_cli.errors import SourceError
from ingest_cli.formats.interface import Format
from ingest_cli.model.chunks import RowChunk

Fates = list[tuple[int, int, str]]


def cells(chunks: Iterable[RowChunk], *names: str) -> list[tuple[bytes, ...]]:
    """The rows, in the order of `names`."""
    return [
        tuple(chunk.cells[name][place].as_py() for name in names)
        for chunk in chunks
        for place in range(len(chunk.index))
    ]


def fates(chunks: Iterable[RowChunk]) -> Fates:
    """(row, line, why) of every record that is not a row of data."""
    out: Fates = []
    for chunk in chunks:
        found = [*chunk.rejected, *((int(i), why) for why, index in chunk.skipped.items() for i in index)]
        index = np.array([i for i, _ in found], np.int32)
        rows, lines = chunk.rows(index).tolist(), chunk.lines(index).tolist()
        out += [(row, line, why) for row, line, (_, why) in zip(rows, lines, found, strict=True)]
    return sorted(out)


def flags(chunks: Iterable[RowChunk]) -> dict[str, int]:
    """Name of an oddity → rows that have it."""
    total: dict[str, int] = {}
    for chunk in chunks:
        for name, count in chunk.flags.items():
            total[name] = total.get(name, 0) + count
    return total


def repeated(data: bytes, size: int, piece: int = 1 << 16) -> Iterator[bytes]:
    """`data` over and over, `size` bytes of it in all, in pieces."""
    several = data * (2 * piece // len(data) + 1)
    for at in range(0, size, piece):
        begin = at % len(data)
        yield several[begin : begin + min(piece, size - at)]


def read_to_fault(parser: Format, pieces: Iterable[bytes]) -> tuple[list[RowChunk], SourceError | None]:
    """The chunks of a stream that breaks off behind `pieces`, and what was raised then."""
    fault = SourceError("the disk is broken")

    def broken() -> Iterator[bytes]:
        yield from pieces
        raise fault

    chunks: list[RowChunk] = []
    try:
        for chunk in parser.read(broken()):
            chunks.append(chunk)  # noqa: PERF402 - a list made at once would be lost
    except SourceError as error:
        return chunks, error
    return chunks, None
