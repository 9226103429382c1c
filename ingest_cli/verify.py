"""Read back what a load should have written, and compare it item by item with what the sources give.

Either all items, or a sample of them. The sample is drawn from the distinct keys while the sources are read, all of
them equally likely to be in it: each key has 64 random bits of its own, part of an HMAC, and those win that are nearest
to a random number (a bottom-k sample: Cohen and Kaplan, "Summarizing data using bottom-k sketches", PODC 2007). Like
Vitter's reservoir it needs no more memory than the sample, and unlike it, does not mind keys that come again.

The other way round, the items of the dataset are counted by a scan: there must be as many as there are distinct keys.
"""

from __future__ import annotations

import heapq
import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

import numpy as np

from ingest_cli.catalog import COMPLETE, Catalog, DatasetRow
from ingest_cli.errors import ExitCode, KeyRefusedError, TableError
from ingest_cli.outcome import accounted, check
from ingest_cli.policies.shutdown import StopRequest
from ingest_cli.reading import MAX_KEYS, Key, Reader, Reading, Selection, keys_of, reader
from ingest_cli.report import Report
from ingest_cli.running import Watcher
from ingest_cli.settings import RunSettings
from ingest_cli.sinks.interface import Receipt
from ingest_cli.sinks.limits import refusals
from ingest_cli.validating import Surroundings, reproduce

if TYPE_CHECKING:
    from ingest_cli.batching import Batch
    from ingest_cli.keys import Pepper
    from ingest_cli.manifest import Manifest
    from ingest_cli.tables import Table

DEFAULT_SAMPLE = 10_000
SHOWN_KEYS = 20
"""Keys that are listed of each sort of difference; of the others there is only the number."""

CONFIDENCE = "95 %"
_RULE_OF_THREE = 3.0
_SIGMAS = 4.0
"""Standard errors that an estimated count may be off: one estimate in 15,000 is by more."""

_SETS = ("SS", "NS", "BS")


@dataclass(frozen=True, slots=True)
class Scope:
    """How much is to be verified.

    Attributes:
        sample: items to draw; None: all of them are compared.
        seed: of the draw; None: another one each time.
        count: whether to count the items in the table as well.
    """

    sample: int | None = DEFAULT_SAMPLE
    seed: int | None = None
    count: bool = True


@dataclass(slots=True)
class Differences:
    """Keys of items that are not as they should be: the first few, and how many there are.

    Attributes:
        count: of them.
        keys: the first `SHOWN_KEYS`.
    """

    count: int = 0
    keys: list[Key] = field(default_factory=list)

    def add(self, key: Key) -> None:
        """Note an item."""
        self.count += 1
        if len(self.keys) < SHOWN_KEYS:
            self.keys.append(key)

    def as_dict(self) -> dict[str, Any]:
        """For programs."""
        return {"count": self.count, "keys": [{"pk": pk, "sk": sk} for pk, sk in self.keys]}


@dataclass(slots=True)
class Verification(Report):
    """What the table holds of a dataset, against what it should. The account is that of the sources.

    Attributes:
        scope: how much was verified.
        seed: draws the same sample again.
        compared: items that were read back.
        equal: of those, items that are as they should be.
        missing: items that the table does not hold.
        different: items that it holds with other content.
        counted: items of the dataset in the table; None if they were not counted.
        surplus: those of them that were written by another load.
        rcu: read capacity units consumed.
        is_patchwork: whether some rows of another state of the dump were loaded since.
    """

    scope: Scope = field(default_factory=Scope)
    seed: int = 0
    compared: int = 0
    equal: int = 0
    missing: Differences = field(default_factory=Differences)
    different: Differences = field(default_factory=Differences)
    counted: int | None = None
    surplus: Differences = field(default_factory=Differences)
    rcu: float = 0.0
    is_patchwork: bool = False

    @property
    def expected(self) -> int:
        """Distinct keys that the sources give, but for items that no table takes."""
        return self.distinct.count() - self.account.items_refused

    @property
    def counts_agree(self) -> bool:
        """Whether as many items were counted as there should be, as far as that is known."""
        if self.counted is None:
            return True
        return abs(self.counted - self.expected) <= _SIGMAS * self.distinct.relative_error * self.expected

    @property
    def agrees(self) -> bool:
        """Whether nothing was found that is not as it should be."""
        return self.counts_agree and not (self.missing.count or self.different.count or self.surplus.count)

    @property
    def confidence(self) -> str | None:
        """What a sample without a fault says of all items; None if there was a fault, or if it says nothing.

        Of n drawn none is missing: then at 95 % confidence at most 3/n of all are (the rule of three; Hanley and
        Lippman-Hand, "If Nothing Goes Wrong, Is Everything All Right?", JAMA 249, 1983).
        """
        if self.missing.count or self.different.count or self.compared <= _RULE_OF_THREE or self.covers_all:
            return None
        return f"≤ {_RULE_OF_THREE / self.compared * 100:.2g} % missing at {CONFIDENCE}"

    @property
    def covers_all(self) -> bool:
        """Whether every item was read back."""
        return self.scope.sample is None or (self.distinct.is_exact and self.compared >= self.expected)

    def as_dict(self) -> dict[str, Any]:
        """See `Report.as_dict`; without what only a load has."""
        whole = Report.as_dict(self)
        for name in ("wcu", "retries", "retries_by_reason", "rows_before", "pruned"):
            del whole[name]
        return whole | {
            "compared": self.compared,
            "equal": self.equal,
            "all_compared": self.covers_all,
            "confidence": self.confidence,
            "seed": self.seed,
            "missing": self.missing.as_dict(),
            "different": self.different.as_dict(),
            "surplus": self.surplus.as_dict(),
            "counted": self.counted,
            "expected": self.expected,
            "expected_relative_error": self.distinct.relative_error,
            "rcu_consumed": round(self.rcu, 1),
        }


def verify(  # noqa: PLR0913 - each is a thing of its own
    manifest: Manifest,
    table: Table,
    pepper: Pepper,
    *,
    scope: Scope,
    reading: Reading,
    settings: RunSettings,
    watcher: Watcher | None = None,
    stop: StopRequest | None = None,
) -> Verification:
    """Compare a dataset in a table with what its sources give; memory does not grow with either.

    Args:
        manifest: of the dump.
        table: where it was loaded into.
        pepper: that it was loaded with.
        scope: how much to compare.
        reading: how to read the table.
        settings: how to read the sources.
        watcher: whom to tell how it is getting on.
        stop: ends it.
    """
    stop = stop or StopRequest()
    seed = secrets.randbits(32) if scope.seed is None else scope.seed
    dataset = manifest.dataset
    found = Verification("verify", dataset.id, dataset.title, table.target.table, scope=scope, seed=seed)
    with accounted(found):
        described = table.check()
        row = _loaded(manifest, table, pepper, found)
        around = Surroundings(table.target, watcher or Watcher(), stop, partial(_check_src, row))
        with reader(table, described, reading, stop) as source:
            try:
                sink = _Comparing(source, found) if scope.sample is None else _Sampling(source, found, scope.sample)
                reproduce(manifest, pepper, settings, sink=sink, report=found, around=around)
                sink.finish()
                check(found, manifest)
                if scope.count:
                    _count(source, found)
            finally:
                found.rcu, found.traffic.requests = source.rcu, source.requests
        found.outcome = "complete"
    if found.outcome == "complete" and not found.agrees:
        found.outcome, found.exit_code, found.message = "different", ExitCode.UNUSABLE, _sentence(found)
    return found


def _loaded(manifest: Manifest, table: Table, pepper: Pepper, found: Verification) -> DatasetRow:
    """What the table says about the dataset, if it can be compared with the dump at all.

    Raises:
        TableError: there is nothing to compare with.
        KeyRefusedError: the pepper is another one.
    """
    rows, dataset = Catalog(table), manifest.dataset.id
    rows.knows(pepper)
    row = rows.dataset(dataset)
    if row is None:
        raise TableError(f'the table "{table.target.table}" holds nothing of "{dataset}"; load it first')
    if row.state != COMPLETE:
        raise TableError(f'the load of "{dataset}" is not complete ({row.state}); run it to its end first')
    if row.kid != pepper.kid:
        raise KeyRefusedError(
            f'"{dataset}" was loaded with the pepper "{row.kid}", and this is "{pepper.kid}"; give that one with --key'
        )
    if row.patchwork:
        found.is_patchwork = True
        found.notes.append(row.patchwork)
    if row.manifest != manifest.digest:
        found.notes.append("the manifest has changed since the load; what differs may be due to that")
    return row


def _check_src(row: DatasetRow, src: str) -> None:
    """Make sure that the dump is the one that was loaded.

    Raises:
        TableError: it is another one.
    """
    if row.src != src:
        raise TableError(
            f'"{row.dataset}" was loaded from another state of the dump (src {row.src}, and now it is {src}); '
            "load it again, or put back the files that were loaded"
        )


class _Comparing:
    """A sink that looks up each item instead of writing it."""

    def __init__(self, source: Reader, found: Verification) -> None:
        self._source = source
        self._found = found
        self._waiting: dict[Key, Mapping[str, Any]] = {}

    def put(self, batch: Batch) -> Receipt:
        """See `Sink.put`."""
        refused = refusals(batch)
        given_up = {one.item for one in refused}
        requests = batch.items.request.take(batch.index).to_pylist()
        for place, text in zip(batch.index.tolist(), requests, strict=True):
            if place not in given_up:
                self._expect(text)
        return Receipt(len(batch) - len(refused), refused=refused)

    def finish(self) -> None:
        """Look up what is left."""
        compare(self._source, self._found, self._waiting)
        self._waiting.clear()

    def _expect(self, request: str) -> None:
        item = _item(request)
        self._waiting[item["pk"]["S"], item["sk"]["S"]] = item
        if len(self._waiting) == MAX_KEYS:
            self.finish()


class _Sampling:
    """A sink that keeps a sample of the items instead of writing them."""

    def __init__(self, source: Reader, found: Verification, size: int) -> None:
        self._source = source
        self._found = found
        self._size = size
        self._centre = np.uint64(Random(found.seed).getrandbits(64))  # noqa: S311 - a draw that can be repeated
        self._kept: dict[int, str] = {}
        self._farthest: list[int] = []  # a heap of the negated distances of those kept

    def put(self, batch: Batch) -> Receipt:
        """See `Sink.put`."""
        refused = refusals(batch)
        distance = batch.items.key_hash[batch.index] ^ self._centre
        for one in refused:
            distance = np.delete(distance, np.flatnonzero(batch.index == one.item))
        index = np.setdiff1d(batch.index, [one.item for one in refused]) if refused else batch.index
        if len(self._kept) == self._size:
            near = distance < np.uint64(-self._farthest[0])
            distance, index = distance[near], index[near]
        for far, place in zip(distance.tolist(), index.tolist(), strict=True):
            self._keep(far, batch, place)
        return Receipt(len(batch) - len(refused), refused=refused)

    def finish(self) -> None:
        """Look up the sample."""
        texts = list(self._kept.values())
        self._kept.clear()
        for first in range(0, len(texts), MAX_KEYS):
            items = map(_item, texts[first : first + MAX_KEYS])
            compare(self._source, self._found, {(item["pk"]["S"], item["sk"]["S"]): item for item in items})

    def _keep(self, distance: int, batch: Batch, place: int) -> None:
        if distance in self._kept:
            return
        if len(self._kept) == self._size:
            if distance >= -self._farthest[0]:
                return
            del self._kept[-heapq.heapreplace(self._farthest, -distance)]
        else:
            heapq.heappush(self._farthest, -distance)
        self._kept[distance] = batch.items.request[place].as_py()


def compare(source: Reader, found: Verification, expected: Mapping[Key, Mapping[str, Any]]) -> None:
    """Hold up to 100 items against what the table holds under their keys.

    First eventually consistently, for half the price. What does not agree may only be too new for that, and is
    read again strongly consistently before it counts.
    """
    wanted = {key: _comparable(item) for key, item in expected.items()}
    left = list(wanted)
    there: Mapping[Key, Any] = {}
    for consistent in (False, True):
        if left:
            there = source.items(left, consistent=consistent)
            left = [key for key in left if _comparable(there.get(key)) != wanted[key]]
    found.compared += len(wanted)
    found.equal += len(wanted) - len(left)
    for key in left:
        (found.different if key in there else found.missing).add(key)


def _count(source: Reader, found: Verification) -> None:
    """Count the items of the dataset. Strongly consistently: the last ones of a load must not be overlooked."""
    found.counted = 0
    for page in _pages(source, found.dataset):
        found.counted += len(page)
        for key, item in zip(keys_of(page), page, strict=True):
            if item.get("src", {}).get("S") != found.src:
                found.surplus.add(key)


def _pages(source: Reader, dataset: str) -> Iterator[list[Mapping[str, Any]]]:
    return source.scan(Selection.of_dataset(dataset, "pk", "sk", "src", consistent=True))


def _sentence(found: Verification) -> str:
    """What is wrong, and what to do about it."""
    wrong = [
        f"{differences.count:,} {what}"
        for what, differences in (("missing", found.missing), ("different", found.different))
        if differences.count
    ]
    if wrong:
        wrong[-1] += f" of {found.compared:,} items compared"
    if found.surplus.count:
        wrong.append(f"{found.surplus.count:,} of another load still there")
    if not found.counts_agree and not found.surplus.count:
        about = "" if found.distinct.is_exact else "about "
        wrong.append(f"{found.counted:,} items in the table where there should be {about}{found.expected:,}")
    cure = "`load --restart` writes them again"
    if not (found.missing.count or found.different.count or found.is_patchwork) and found.surplus.count:
        cure = f"`ingest-cli prune {found.dataset}` removes them"
    return f"the table is not what the dump gives: {', '.join(wrong)}; {cure}"


def _item(request: str) -> dict[str, Any]:
    """The item of a put request, as it stands in the body of a batch."""
    item: dict[str, Any] = json.loads(request.rstrip(","))["PutRequest"]["Item"]
    return item


def _comparable(value: Any) -> Any:
    """An attribute value without the order that sets do not have."""
    if isinstance(value, dict):
        return {name: sorted(one) if name in _SETS else _comparable(one) for name, one in value.items()}
    return value
