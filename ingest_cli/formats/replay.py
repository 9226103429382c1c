"""Select the rows that an earlier run's reject file names (`--replay`)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ingest_cli.errors import UsageError
from ingest_cli.model.chunks import IndexArray, RowChunk


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
        """See `Window.exhausted`."""
        return False

    def takes_all(self) -> bool:
        """See `Window.takes_all`."""
        return False

    def take(self, source: str, chunks: Iterable[RowChunk]) -> Iterator[RowChunk]:
        """Yield the chunks of `source`, with unselected rows marked as skipped."""
        wanted = self.rows.get(source, np.empty(0, np.int64))
        for chunk in chunks:
            numbers = chunk.rows(np.arange(chunk.records, dtype=np.int32))
            chosen = np.isin(numbers, wanted)
            self.seen.append(int(chosen.sum()))
            yield _only(chunk, chosen)

    def note(self) -> str | None:
        """See `Window.note`."""
        named = sum(map(len, self.rows.values()))
        missing = named - sum(self.seen)
        if not missing:
            return None
        return f"{missing:,} of the {named:,} rows that --replay names are not in the dump, and were not loaded again"


def _only(chunk: RowChunk, chosen: npt.NDArray[np.bool_]) -> RowChunk:
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
