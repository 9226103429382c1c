"""`--skip` and `--limit`: which rows of a load count."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Protocol

import numpy as np

from ingest_cli.model.chunks import RowChunk


class Window(Protocol):
    """Which rows count."""

    def exhausted(self) -> bool:
        """Whether no further row will be taken, so that nothing more need be read."""
        ...

    def takes_all(self) -> bool:
        """Whether every row counts from here on."""
        ...

    def take(self, source: str, chunks: Iterable[RowChunk]) -> Iterator[RowChunk]:
        """The `chunks` of `source` with the rows that do not count as skipped ones, or left out behind the last."""
        ...

    def note(self) -> str | None:
        """A sentence on rows that were wanted, and are not there, once all sources were read; None if there is none."""
        ...


class RowWindow:
    """Passes over the first rows of a load, and ends it after so many more. Rows are counted across sources."""

    def __init__(self, skip: int = 0, limit: int | None = None) -> None:
        """Set the window.

        Args:
            skip: rows to pass over.
            limit: rows to take after those; None for all.
        """
        self._skip = skip
        self._left = limit

    def exhausted(self) -> bool:
        """Whether no further row will be taken, so that nothing more need be read."""
        return self._left == 0

    def takes_all(self) -> bool:
        """See `Window.takes_all`."""
        return self._skip == 0 and self._left is None

    def take(self, source: str, chunks: Iterable[RowChunk]) -> Iterator[RowChunk]:  # noqa: ARG002 - any source
        """The part of the `chunks` of `source` inside the window; rows that are passed over stay, as skipped ones."""
        if self.exhausted():
            return
        for chunk in chunks:
            skipped = min(self._skip, chunk.records)
            self._skip -= skipped
            after = chunk.records if self._left is None else min(chunk.records, skipped + self._left)
            if self._left is not None:
                self._left -= after - skipped
            yield chunk if (skipped, after) == (0, chunk.records) else _cut(chunk, skipped, after)
            if self.exhausted():
                return

    def note(self) -> str | None:
        """See `Window.note`: more rows may be asked for than there are."""
        return None


def _cut(chunk: RowChunk, first: int, after: int) -> RowChunk:
    """The records before `after`, those before `first` as skipped ones."""
    inside = (chunk.index >= first) & (chunk.index < after)
    places = np.flatnonzero(inside)
    cells = {
        name: column[places[0] : places[-1] + 1] if len(places) else column[:0] for name, column in chunk.cells.items()
    }
    skipped = {reason: index[(index >= first) & (index < after)] for reason, index in chunk.skipped.items()}
    bounds = chunk.bounds[: after + 1]
    return replace(
        chunk,
        end=chunk.place(after) if after < chunk.records else chunk.end,
        data=chunk.data[: int(bounds[-1])],
        bounds=bounds,
        index=chunk.index[inside],
        cells=cells,
        skipped={**skipped, "skip": np.arange(first, dtype=np.int32)},
        rejected=tuple(one for one in chunk.rejected if first <= one[0] < after),
        loose=chunk.loose[(chunk.loose >= first) & (chunk.loose < after)],
    )
