"""Select the rows of a load (`--skip` and `--limit`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Protocol

import numpy as np

from ingest_cli.model.chunks import RowChunk


class Window(Protocol):
    """Selection of rows."""

    def exhausted(self) -> bool:
        """Return whether no further row is selected, so that reading can stop."""
        ...

    def takes_all(self) -> bool:
        """Return whether every row is selected from here on."""
        ...

    def take(self, source: str, chunks: Iterable[RowChunk]) -> Iterator[RowChunk]:
        """Yield the `chunks` of `source`; unselected rows are skipped rows, or dropped after the last selected one."""
        ...

    def note(self) -> str | None:
        """Return a message about selected rows that do not exist after all sources were read, or None."""
        ...


class RowWindow:
    """Skips the first rows of a load, and limits the number of the others. Rows are counted across sources."""

    def __init__(self, skip: int = 0, limit: int | None = None) -> None:
        """Initialise the window.

        Args:
            skip: number of rows to skip.
            limit: maximum number of rows after those; None: no limit.
        """
        self._skip = skip
        self._left = limit

    def exhausted(self) -> bool:
        """Return whether no further row is selected, so that reading can stop."""
        return self._left == 0

    def takes_all(self) -> bool:
        """See `Window.takes_all`."""
        return self._skip == 0 and self._left is None

    def take(self, source: str, chunks: Iterable[RowChunk]) -> Iterator[RowChunk]:  # noqa: ARG002 - any source
        """Yield the part of the `chunks` of `source` inside the window; rows before it are marked as skipped."""
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
        """See `Window.note`: the skipped or limited rows may exceed the available ones."""
        return None


def _cut(chunk: RowChunk, first: int, after: int) -> RowChunk:
    """Return the records before `after`, with those before `first` marked as skipped."""
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
