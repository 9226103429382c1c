"""Read back what a load should have written, and compare it item by item with the items of the sources.

Either all items are compared, or a sample. The sample is drawn from the distinct keys while the sources are read,
all equally likely: each key has its own 64 random bits, part of an HMAC, and the keys nearest
to a random number are chosen (a bottom-k sample: Cohen and Kaplan, "Summarizing data using bottom-k sketches", PODC
2007). Like Vitter's reservoir it needs no more memory than the sample, and unlike it, allows duplicate keys.

In the other direction, a scan counts the items of the dataset: there must be as many as there are distinct keys.
"""

from __future__ import annotations

import base64
import heapq
import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ingest_cli.aws.catalog import COMPLETE, Catalog, DatasetRow
from ingest_cli.commands.outcome import accounted, check
from ingest_cli.commands.resume import of_another_table
from ingest_cli.commands.run import RunContext
from ingest_cli.commands.table_reader import MAX_KEYS, Key, Reading, Selection, TableReader, keys_of, reader
from ingest_cli.commands.validate import reproduce
from ingest_cli.commands.verify_result import Scope, Verification, sentence
from ingest_cli.errors import BrokenSealError, ExitCode, KeyRefusedError, TableError
from ingest_cli.items.batching import Refusal
from ingest_cli.items.sealed import open_seal
from ingest_cli.model.settings import RunSettings
from ingest_cli.report.distinct import DistinctCounter
from ingest_cli.report.observer import Observers, RunObserver
from ingest_cli.runtime.answer_limits import time_limit
from ingest_cli.sinks.interface import Receipt

if TYPE_CHECKING:
    from ingest_cli.aws.table import Table
    from ingest_cli.items.batching import Batch
    from ingest_cli.model.keys import Pepper
    from ingest_cli.model.manifest import Manifest


class Expected(NamedTuple):
    """An item built from the sources.

    Attributes:
        item: its attributes, in DynamoDB's JSON.
        seal_key: key of its sealed content.
    """

    item: Mapping[str, Any]
    seal_key: bytes

    @property
    def key(self) -> Key:
        """Key of the item."""
        return self.item["pk"]["S"], self.item["sk"]["S"]

    def equals(self, stored: Mapping[str, Any] | None) -> bool:
        """Return whether an item of the table has the same attributes, and the same content in its seal.

        The bytes of a seal may differ: an earlier version of the program may have stored the name of a data class that
        has a number now.
        """
        if stored is None:
            return False
        sealed = stored.get("sealed", {}).get("B")
        if sealed is None or {**stored, "sealed": None} != {**self.item, "sealed": None}:
            return False
        ours = base64.b64decode(self.item["sealed"]["B"])
        try:
            return ours == sealed or open_seal(self.seal_key, sealed) == open_seal(self.seal_key, ours)
        except BrokenSealError as error:
            if error.newer:
                raise
            return False


@dataclass(frozen=True, slots=True)
class VerifyRequest:
    """Request to verify a load: how much to compare, how to read the table, and how to read the sources."""

    scope: Scope
    reading: Reading
    settings: RunSettings


def verify(
    manifest: Manifest, table: Table, pepper: Pepper, request: VerifyRequest, context: RunContext | None = None
) -> Verification:
    """Compare a dataset in a table with its sources, in constant memory."""
    context, scope, reading = context or RunContext(), request.scope, request.reading
    seed = secrets.randbits(32) if scope.seed is None else scope.seed
    dataset = manifest.dataset
    found = Verification("verify", dataset.id, dataset.title, table.target.table, scope=scope, seed=seed)
    with accounted(found):
        with time_limit(reading.give_up_after_s):
            described = table.check()
            row = _loaded(manifest, table, pepper, found)
        observer = Observers(context.observer, _SourceCheck(row))
        with reader(table, described, reading, context.stop) as source:
            try:
                sink = _Comparing(source, found) if scope.sample is None else _Sampling(source, found, scope.sample)
                reading_context = replace(context, observer=observer, target=table.target)
                reproduce(manifest, pepper, request.settings, sink=sink, report=found, context=reading_context)
                sink.finish()
                check(found, manifest)
                if scope.count:
                    _count(source, found)
            finally:
                found.rcu, found.traffic.requests = source.rcu, source.requests
        found.outcome = "complete"
    if found.outcome == "complete" and not found.agrees:
        found.outcome, found.exit_code, found.message = "different", ExitCode.UNUSABLE, sentence(found)
    return found


def _loaded(manifest: Manifest, table: Table, pepper: Pepper, found: Verification) -> DatasetRow:
    """Return the dataset's catalog row, if it can be compared with the dump.

    Raises:
        TableError: there is nothing to compare with.
        KeyRefusedError: the dataset was loaded with another pepper.
    """
    rows, dataset = Catalog(table, pepper), manifest.dataset.id
    rows.knows(pepper)
    row = rows.dataset(dataset)
    if row is None:
        raise TableError(f'the table "{table.target.table}" holds nothing of "{dataset}"; load it first')
    if row.is_elsewhere:
        raise TableError(f"{of_another_table(dataset)}; load it again first")
    if row.state != COMPLETE:
        raise TableError(f'the load of "{dataset}" is not complete ({row.state}); finish it first')
    if row.kid != pepper.kid:
        raise KeyRefusedError(
            f'"{dataset}" was loaded with the pepper "{row.kid}", and this is "{pepper.kid}"; give that one with --key'
        )
    if row.patchwork:
        found.is_patchwork = True
        found.notes.append(row.patchwork)
    if row.manifest != manifest.digest:
        found.notes.append("the manifest has changed since the load; differences may be due to that")
    return row


class _SourceCheck(RunObserver):
    """Check that the dump is the one that was loaded."""

    def __init__(self, row: DatasetRow) -> None:
        self._row = row

    def fingerprinted(self, src: str) -> None:
        """See `RunObserver.fingerprinted`.

        Raises:
            TableError: it is another one.
        """
        row = self._row
        if row.src != src:
            raise TableError(
                f'"{row.dataset}" was loaded from another state of the dump (src {row.src}, and now it is {src}); '
                "load it again, or restore the files that were loaded"
            )


class _Comparing:
    """Sink that looks up each item instead of writing it."""

    def __init__(self, source: TableReader, found: Verification) -> None:
        self._source = source
        self._found = found
        self._waiting: dict[Key, Expected] = {}
        self._hashes: dict[Key, int] = {}
        self._distinct = DistinctCounter()

    def put(self, batch: Batch) -> Receipt:
        """See `Sink.put`."""
        refused = batch.too_large()
        index = _accepted(batch, refused)
        hashes = batch.items.key_hash[index]
        self._distinct.add(hashes)
        for place, key_hash in zip(index.tolist(), hashes.tolist(), strict=True):
            self._expect(_expected(batch, place), key_hash)
        return Receipt(len(batch) - len(refused), refused=refused)

    def finish(self) -> None:
        """Look up the remaining items. A duplicate row is looked up again; it counts once."""
        self._look_up()
        found = self._found
        found.compared = self._distinct.count()
        found.equal = max(found.compared - found.missing.count - found.different.count, 0)

    def _expect(self, expected: Expected, key_hash: int) -> None:
        self._waiting[expected.key], self._hashes[expected.key] = expected, key_hash
        if len(self._waiting) == MAX_KEYS:
            self._look_up()

    def _look_up(self) -> None:
        compare(self._source, self._found, self._waiting, self._hashes)
        self._waiting.clear()
        self._hashes.clear()


class _Sampling:
    """Sink that keeps a sample of the items instead of writing them."""

    def __init__(self, source: TableReader, found: Verification, size: int) -> None:
        self._source = source
        self._found = found
        self._size = size
        self._centre = np.uint64(Random(found.seed).getrandbits(64))  # noqa: S311 - a reproducible draw
        self._kept: dict[int, Expected] = {}
        self._farthest: list[int] = []  # heap of the negated distances of the kept keys

    def put(self, batch: Batch) -> Receipt:
        """See `Sink.put`."""
        refused = batch.too_large()
        index = _accepted(batch, refused)
        distance = batch.items.key_hash[index] ^ self._centre
        if len(self._kept) == self._size:
            near = distance < np.uint64(-self._farthest[0])
            distance, index = distance[near], index[near]
        for far, place in zip(distance.tolist(), index.tolist(), strict=True):
            self._keep(far, batch, place)
        return Receipt(len(batch) - len(refused), refused=refused)

    def finish(self) -> None:
        """Look up the sample."""
        sample = list(self._kept.values())
        self._kept.clear()
        for first in range(0, len(sample), MAX_KEYS):
            compare(self._source, self._found, {one.key: one for one in sample[first : first + MAX_KEYS]})

    def _keep(self, distance: int, batch: Batch, place: int) -> None:
        if distance in self._kept:
            return
        if len(self._kept) == self._size:
            if distance >= -self._farthest[0]:
                return
            del self._kept[-heapq.heapreplace(self._farthest, -distance)]
        else:
            heapq.heappush(self._farthest, -distance)
        self._kept[distance] = _expected(batch, place)


def _accepted(batch: Batch, refused: Sequence[Refusal]) -> npt.NDArray[np.int64]:
    """Return the positions in its chunk of the items of a batch that were not refused."""
    if not refused:
        return batch.index
    return batch.index[~np.isin(batch.index, [one.item for one in refused])]


def compare(
    source: TableReader,
    found: Verification,
    expected: Mapping[Key, Expected],
    hashes: Mapping[Key, int] | None = None,
) -> None:
    """Compare up to 100 items with those in the table under the same keys.

    First eventually consistently, for half the price. An item that differs may just be too recent for that, and is
    read again strongly consistently before it counts.

    Args:
        source: reader of the table.
        found: collects the differences.
        expected: items by key.
        hashes: 64 random bits of each key, if later calls may repeat keys.
    """
    left = list(expected)
    there: Mapping[Key, Any] = {}
    for consistent in (False, True):
        if left:
            there = source.items(left, consistent=consistent)
            left = [key for key in left if not expected[key].equals(there.get(key))]
    found.compared += len(expected)
    found.equal += len(expected) - len(left)
    for key in left:
        (found.different if key in there else found.missing).add(key, hashes[key] if hashes else None)


def _count(source: TableReader, found: Verification) -> None:
    """Count the items of the dataset. Strongly consistent: the last items of a load must not be missed."""
    found.counted = 0
    for page in _pages(source, found.dataset):
        found.counted += len(page)
        for key, item in zip(keys_of(page), page, strict=True):
            if item.get("src", {}).get("S") != found.src:
                found.surplus.add(key)


def _pages(source: TableReader, dataset: str) -> Iterator[list[Mapping[str, Any]]]:
    return source.scan(Selection.of_dataset(dataset, "pk", "sk", "src", consistent=True))


def _expected(batch: Batch, place: int) -> Expected:
    """Return the item at a position in its chunk."""
    items = batch.items
    assert items.seal_keys is not None  # noqa: S101 - `reproduce` keeps them
    item: dict[str, Any] = json.loads(items.request[place].as_py().rstrip(","))["PutRequest"]["Item"]
    return Expected(item, items.seal_keys[place].tobytes())
