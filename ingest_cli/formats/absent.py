"""Complete the columns of sources that lack some of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import pyarrow as pa

from ingest_cli.errors import MissingColumnError
from ingest_cli.model.chunks import RowChunk

_MAX_LISTED = 5


def none_of(names: Sequence[str], where: str) -> MissingColumnError:
    """Return the error for a source without any of the wanted columns, all of them optional."""
    listed = ", ".join(f'"{name}"' for name in names[:_MAX_LISTED]) + (", …" if len(names) > _MAX_LISTED else "")
    return MissingColumnError(f"not one column of the manifest is {where}: {listed}")


def with_all(cells: Mapping[str, pa.BinaryArray], rows: int, names: Iterable[str]) -> Mapping[str, pa.BinaryArray]:
    """Return the `cells` of all `names`, empty for missing columns."""
    absent = [name for name in names if name not in cells]
    return {**cells, **dict.fromkeys(absent, pa.array([b""] * rows, pa.binary()))} if absent else cells


def all_with(chunks: Iterable[RowChunk], names: Sequence[str]) -> Iterator[RowChunk]:
    """Yield the chunks with the cells of all `names`."""
    for chunk in chunks:
        yield replace(chunk, cells=with_all(chunk.cells, len(chunk.index), names))
