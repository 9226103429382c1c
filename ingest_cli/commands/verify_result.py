"""Result of a comparison of a table with a dump, in numbers and as a sentence."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ingest_cli.commands.table_reader import Key
from ingest_cli.report.distinct import DistinctCounter
from ingest_cli.report.report import Report

DEFAULT_SAMPLE = 10_000
SHOWN_KEYS = 20
"""Maximum number of keys listed per kind of difference; further ones are only counted."""

CONFIDENCE = "95 %"
_RULE_OF_THREE = 3.0
_SIGMAS = 4.0
"""Tolerance of an estimated count in standard errors: one estimate in 15,000 exceeds it."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Extent of a verification.

    Attributes:
        sample: number of items to draw; None: compare all.
        seed: seed of the draw; None: a new one each time.
        count: whether to count the items in the table as well.
    """

    sample: int | None = DEFAULT_SAMPLE
    seed: int | None = None
    count: bool = True


@dataclass(slots=True)
class Differences:
    """Keys of wrong items: the first few, and their number.

    Attributes:
        keys: the first `SHOWN_KEYS`.
    """

    keys: list[Key] = field(default_factory=list)
    _count: int = 0
    _hashes: DistinctCounter | None = None

    def add(self, key: Key, key_hash: int | None = None) -> None:
        """Record an item.

        Args:
            key_hash: 64 random bits of the key, if it may be repeated, as by a duplicate row of a
                dump; such a key counts once. Either all calls pass it or none.
        """
        if key_hash is None:
            self._count += 1
        else:
            if self._hashes is None:
                self._hashes = DistinctCounter()
            self._hashes.add(np.array([key_hash], np.uint64))
        if len(self.keys) < SHOWN_KEYS and key not in self.keys:
            self.keys.append(key)

    @property
    def count(self) -> int:
        """Return the number of items; an estimate if there are very many that may repeat, see `DistinctCounter`."""
        return self._count if self._hashes is None else self._hashes.count()

    def as_dict(self) -> dict[str, Any]:
        """Return the differences for programs."""
        return {"count": self.count, "keys": [{"pk": pk, "sk": sk} for pk, sk in self.keys]}


@dataclass(slots=True)
class Verification(Report):
    """Comparison of a dataset in a table with its sources. The account is that of the sources.

    Attributes:
        seed: seed that reproduces the sample.
        compared: number of items read back.
        equal: number of these that are correct.
        missing: items that the table lacks.
        different: items with different content in the table.
        counted: number of items of the dataset in the table; None if not counted.
        surplus: number of these written by another load.
        rcu: read capacity units consumed.
        is_patchwork: whether selected rows of another state of the dump were loaded since.
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
        """Number of distinct keys of the sources, except items that no table accepts."""
        return self.distinct.count() - self.account.items_refused

    @property
    def counts_agree(self) -> bool:
        """Whether as many items were counted as expected, as far as that is known."""
        if self.counted is None:
            return True
        return abs(self.counted - self.expected) <= self._tolerance

    @property
    def excess(self) -> int:
        """Items of the current `src` that the dump certainly does not give; 0 if they were not counted."""
        there = (self.counted or 0) - self.surplus.count
        given = self.expected - (self.missing.count if self.covers_all else 0)
        return there - given if there - given > self._tolerance else 0

    @property
    def _tolerance(self) -> float:
        """Maximum error of the expected count."""
        return _SIGMAS * self.distinct.relative_error * self.expected

    @property
    def agrees(self) -> bool:
        """Whether no difference was found."""
        return self.counts_agree and not (self.missing.count or self.different.count or self.surplus.count)

    @property
    def confidence(self) -> str | None:
        """Return what a sample without differences implies for all items; None if it had any, or implies nothing.

        If none of n drawn is missing, then at 95 % confidence at most 3/n of all are (the rule of three; Hanley and
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
        """See `Report.as_dict`; without the figures of a load."""
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


def sentence(found: Verification) -> str:
    """Return a sentence on what is wrong and what to do about it."""
    wrong = [
        f"{differences.count:,} {what}"
        for what, differences in (("missing", found.missing), ("different", found.different))
        if differences.count
    ]
    if wrong:
        wrong[-1] += f" of {found.compared:,} items compared"
    if found.surplus.count:
        wrong.append(f"{found.surplus.count:,} of another load still present")
    about = "" if found.distinct.is_exact else "about "
    if found.excess:
        wrong.append(f"{about}{found.excess:,} of this src that the dump does not produce")
    elif not found.counts_agree and not found.surplus.count:
        wrong.append(f"{found.counted:,} items in the table where there should be {about}{found.expected:,}")
    cure = "`load --restart` writes them again"
    if found.excess:
        cure = (
            "items of an older manifest or key cannot be distinguished from the others: "
            f"`ingest-cli prune {found.dataset} --all`, and then `load`, leaves only current items"
        )
    elif not (found.missing.count or found.different.count or found.is_patchwork) and found.surplus.count:
        cure = f"`ingest-cli prune {found.dataset}` removes them"
    return f"the table differs from the dump: {', '.join(wrong)}; {cure}"
