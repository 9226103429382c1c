"""Compact results of chunks, kept until their items are written.

A chunk may stay open for long, because one of its items waits behind a hot key. Until then only this is kept of it:
counts, and a few numbers per row and item.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ingest_cli.identifiers.normalize import Normalized
from ingest_cli.items.batching import Refusal
from ingest_cli.items.builder import WCU_BYTES, Items
from ingest_cli.model.bundles import Bundle, Part, place
from ingest_cli.model.chunks import IndexArray, Origin, Reject, RowChunk
from ingest_cli.report.account import Account


@dataclass(frozen=True, slots=True)
class ChunkResult:
    """Result of a chunk: everything the journal records about it.

    Attributes:
        parts: origin of its rows.
        key_hash: shape (items,): 64 bits of each item's key.
        account: counts of its rows and items.
        rejects: one for each row, and each item, that did not reach the table, in order, with its origin.
    """

    parts: tuple[Part, ...]
    key_hash: npt.NDArray[np.uint64]
    account: Account
    rejects: tuple[tuple[Origin, Reject], ...]


@dataclass(frozen=True, slots=True)
class PendingChunk:
    """Account and rejects of a chunk, except the results from the sink.

    Attributes:
        parts: origin of its rows.
        key_hash: shape (items,): 64 bits of each item's key.
        rows: the chunk without its cells, and without its bytes unless rejects are to show them.
        lines: shape (records,): line on which each record begins.
        normalized_rejects: see `Normalized.rejected`.
        counted: account without the results from the sink.
        record: shape (items,): record index of the row that each item comes from.
        kinds: classes of items.
        kind: shape (items,): position in `kinds` of each item's class.
        size_bytes: shape (items,).
        keep_raw: whether rejects show their record.
    """

    parts: tuple[Part, ...]
    key_hash: npt.NDArray[np.uint64]
    rows: RowChunk
    lines: IndexArray
    normalized_rejects: tuple[tuple[int, str, str], ...]
    counted: Account
    record: IndexArray
    kinds: tuple[str, ...]
    kind: npt.NDArray[np.int8]
    size_bytes: npt.NDArray[np.int32]
    keep_raw: bool

    @classmethod
    def of(cls, bundle: Bundle, normalized: Normalized, items: Items, *, keep_raw: bool = False) -> PendingChunk:
        """Extract what is kept of a chunk."""
        rows = bundle.rows
        kinds = items.kind.dictionary_encode()
        return cls(
            parts=bundle.parts,
            key_hash=items.key_hash,
            rows=rows.for_rejects(keep_raw=keep_raw),
            lines=rows.lines(np.arange(rows.records, dtype=np.int32)).astype(np.int32),
            normalized_rejects=normalized.rejected,
            counted=_counted(rows, normalized, items),
            record=items.record,
            kinds=tuple(kinds.dictionary.to_pylist()),
            kind=kinds.indices.to_numpy(zero_copy_only=False).astype(np.int8),
            size_bytes=items.size_bytes.astype(np.int32),
            keep_raw=keep_raw,
        )

    @property
    def entries(self) -> int:
        """Number of rows and items, which determines its size."""
        return self.rows.records + len(self.key_hash)

    def result(self, acknowledged: int, refused: tuple[Refusal, ...]) -> ChunkResult:
        """Return the result of the chunk, given the sink's results for its items."""
        account, rejects = self.account(acknowledged, refused), tuple(self.rejects(refused))
        return ChunkResult(self.parts, self.key_hash, account, rejects)

    def account(self, acknowledged: int, refused: tuple[Refusal, ...]) -> Account:
        """Return the account of the chunk, given the sink's results."""
        account = Account()
        account.add(self.counted)
        account.items_acknowledged = acknowledged
        for one in refused:
            size = int(self.size_bytes[one.item])
            account.refused[one.reason] += 1
            account.bytes_acknowledged -= size
            account.wcu_predicted -= -(-size // WCU_BYTES)
        return account

    def rejects(self, refused: tuple[Refusal, ...]) -> Iterator[tuple[Origin, Reject]]:
        """Yield a reject, with its origin, for each row and each item that did not reach the table."""
        entries: list[tuple[int, str, str, str | None]] = [
            (index, "parse", reason, None) for index, reason in self.rows.rejected
        ]
        entries += [(index, "normalize", reason, column) for index, reason, column in self.normalized_rejects]
        entries += [
            (int(self.record[one.item]), "write", one.reason, self.kinds[self.kind[one.item]]) for one in refused
        ]
        before = self.rows.start.line + 1
        for at, stage, reason, column in sorted(entries, key=lambda entry: entry[0]):
            raw = self.rows.raw(at) if self.keep_raw else None
            origin, row, line = place(self.parts, at, int(self.lines[at]) - before)
            yield origin, Reject(row, line, stage, reason, column, raw)


def _counted(rows: RowChunk, normalized: Normalized, items: Items) -> Account:
    account = Account(
        rows_read=rows.records,
        rows_kept=len(normalized.records.index),
        rejected_identifiers=Counter(normalized.rejected_identifiers),
        items_built=len(items) + items.merged,
        items_merged=items.merged,
        bytes_acknowledged=int(items.size_bytes.sum()),
        wcu_predicted=int(items.wcu.sum()),
        largest_item_bytes=int(items.size_bytes.max(initial=0)),
        import_bytes=items.import_bytes,
    )
    for skipped in (rows.skipped, normalized.skipped):
        account.skipped.update({reason: len(index) for reason, index in skipped.items()})
    account.rejected.update(reason for _, reason in rows.rejected)
    account.rejected.update(reason for _, reason, _ in normalized.rejected)
    account.flags.update(rows.flags)
    account.flags.update(normalized.flags)
    account.passed_over.update(rows.passed_over)
    account.identifiers.update(items.count_by_kind())
    return account
