"""Select the rows of a load: by number (`--skip`, `--limit`), or those that a reject file names (`--replay`)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ingest_cli.errors import UsageError
from ingest_cli.model.chunks import IndexArray, RowChunk


class RowSelection(Protocol):
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


class RowRange:
    """Skips the first rows of a load, and limits the number of the others. Rows are counted across sources."""

    def __init__(self, skip: int = 0, limit: int | None = None) -> None:
        """Set up.

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
        """See `RowSelection.takes_all`."""
        return self._skip == 0 and self._left is None

    def take(self, source: str, chunks: Iterable[RowChunk]) -> Iterator[RowChunk]:  # noqa: ARG002 - any source
        """Yield the part of the `chunks` of `source` in the range; rows before it are marked as skipped."""
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
        """See `RowSelection.note`: the skipped or limited rows may exceed the available ones."""
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


@dataclass(frozen=True, slots=True)
class Replay:
    """Selection of rows by source and number.

    Attributes:
        rows: source → ascending row numbers.
        seen: number of selected rows in each chunk so far.
    """

    rows: Mapping[str, npt.NDArray[np.int64]]
    seen: list[int] = field(default_factory=list)

    @classmethod
    def of(cls, path: Path) -> Replay:
        """Return the selection of the rows named in a reject file.

        Raises:
            UsageError: the file cannot be read, or is no reject file.
        """
        named: dict[str, set[int]] = {}
        number = 0
        try:
            with path.open(encoding="utf-8") as file:
                for line in file:
                    number += 1
                    reject = json.loads(line)
                    named.setdefault(str(reject["source"]), set()).add(int(reject["row"]))
            rows = {source: np.array(sorted(numbers), np.int64) for source, numbers in named.items()}
        except OSError as error:
            raise UsageError(f'the reject file "{path}" cannot be read ({error.strerror}); check --replay') from error
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
            raise UsageError(f'"{path}" is not a file of rejects (see line {number}); check --replay') from error
        return cls(rows)

    def check(self, sources: Iterable[str]) -> None:
        """Check that the rejects belong to these sources.

        Raises:
            UsageError: none does, or there are no rejects.
        """
        if not self.rows:
            raise UsageError("the file given with --replay is empty: there is nothing to load again")
        known = tuple(sources)
        within = tuple(f"{source}/" for source in known)
        if not any(named in known or named.startswith(within) for named in self.rows):
            raise UsageError(
                "the file given with --replay names no source of this manifest; give the one that belongs to it"
            )

    def exhausted(self) -> bool:
        """See `RowSelection.exhausted`."""
        return False

    def takes_all(self) -> bool:
        """See `RowSelection.takes_all`."""
        return False

    def take(self, source: str, chunks: Iterable[RowChunk]) -> Iterator[RowChunk]:
        """Yield the chunks of `source`, with unselected rows marked as skipped."""
        wanted = self.rows.get(source, np.empty(0, np.int64))
        for chunk in chunks:
            numbers = chunk.rows(np.arange(chunk.records, dtype=np.int32))
            chosen = np.isin(numbers, wanted)
            self.seen.append(int(chosen.sum()))
            yield _replayed(chunk, chosen)

    def note(self) -> str | None:
        """See `RowSelection.note`."""
        named = sum(map(len, self.rows.values()))
        missing = named - sum(self.seen)
        if not missing:
            return None
        return f"{missing:,} of the {named:,} rows that --replay names are not in the dump, and were not loaded again"


def _replayed(chunk: RowChunk, chosen: npt.NDArray[np.bool_]) -> RowChunk:
    parsed = chosen[chunk.index]
    others: IndexArray = np.flatnonzero(~chosen).astype(np.int32)
    skipped = {reason: index[chosen[index]] for reason, index in chunk.skipped.items()}
    return replace(
        chunk,
        index=chunk.index[parsed],
        cells={name: column.filter(parsed) for name, column in chunk.cells.items()},
        skipped={**skipped, "not_replayed": others},
        rejected=tuple(one for one in chunk.rejected if chosen[one[0]]),
        loose=chunk.loose[chosen[chunk.loose]],
    )
