"""Hints of an item, as JSON: masks of the other identifiers of its record, by class.

There are few masks: a million numbers have a hundred of them. So a class keeps a list of its distinct fragments, and
for each row only a position in it. Rows with several identifiers of a class add further fragments.

Also builds the messages for the record tags, which cover the other identifiers as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest_cli.identifiers.email import email_base
from ingest_cli.model.arrow_bytes import Pool, Positions, encoded, lengths_of
from ingest_cli.model.chunks import Identified, IndexArray, Records

_MOST_PAIRS = 1 << 20
"""Maximum number of pairs of identifiers of one record compared at a time: some 50 MB."""

_MOST_MESSAGE_BYTES = 32 << 20
"""Maximum bytes of messages hashed at a time: rows of hundreds of identifiers have messages of megabytes."""


class Own:
    """The identifiers of one class that become items.

    Attributes:
        kind: the class; `email_base`: the base form of addresses.
        all: the identifiers of the class.
        at: shape (n,): positions of those that become items.
        row: shape (n,): their rows.
        value: length n.
        label: length n.
    """

    def __init__(self, all_: Identified) -> None:
        self.kind, self.all = all_.kind, all_
        self.at: Positions = np.flatnonzero(all_.lookup)
        every = len(self.at) == len(all_.row)
        at = pa.array(self.at)
        self.row: IndexArray = all_.row if every else all_.row[self.at]
        self.value: pa.StringArray = all_.value if every else all_.value.take(at)
        self.label: pa.DictionaryArray = all_.label if every else all_.label.take(at)


class Said(NamedTuple):
    """Hints of items about the identifiers of one class.

    Attributes:
        fragments: `"class":[…]`, each; the first one is empty.
        which: shape (items,): position in `fragments`.
    """

    fragments: pa.StringArray
    which: IndexArray


class Hints:
    """Masks of all identifiers of one class, with any one of them excluded."""

    def __init__(self, one: Identified, rows: int) -> None:
        self._one = one
        self._code, masks = encoded(one.mask)
        self._masks: list[str] = masks.to_pylist()
        alone = [f'"{one.kind}":["{mask}"]' for mask in self._masks]
        self._fragments = [pa.array(["", *alone], pa.string())]
        self._count = 1 + len(alone)
        self._of_row = np.zeros(rows, np.int32)
        self._of_row[one.row] = self._code + 1
        self._several = np.bincount(one.row, minlength=rows) > 1
        if self._several.any():
            place = np.cumsum(self._several) - 1
            among = np.flatnonzero(self._several[one.row])
            self._of_row[self._several] = self._listed(place[one.row[among]], among, int(place[-1]) + 1)

    def of(self, owns: Sequence[Own]) -> Said:
        """Return the hints about this class for the items of `owns`, concatenated by class."""
        which = np.concatenate([self._without(own) if self._holds(own) else self._of_row[own.row] for own in owns])
        return Said(pa.concat_arrays(self._fragments), which)

    def _holds(self, own: Own) -> bool:
        return self._one.kind == ("email" if own.kind == "email_base" else own.kind)

    def _without(self, own: Own) -> IndexArray:
        """Return the fragments without the item's own identifier. Shape (items of `own`,)."""
        which = np.zeros(len(own.row), np.int32)
        items = np.flatnonzero(self._several[own.row])
        if not len(items):
            return which
        keys, own_keys = self._keys(own)
        first = np.searchsorted(self._one.row, own.row[items])
        count = np.searchsorted(self._one.row, own.row[items], side="right") - first
        for begin, end in _blocks(count, _MOST_PAIRS):
            counts = count[begin:end]
            item = np.repeat(np.arange(end - begin), counts)
            other = np.arange(len(item)) + np.repeat(first[begin:end] - np.cumsum(counts) + counts, counts)
            differs = keys[other] != own_keys[items[begin:end]][item]
            which[items[begin:end]] = self._listed(item[differs], other[differs], end - begin)
        return which

    def _keys(self, own: Own) -> tuple[Positions, Positions]:
        """Return numbers that are equal for an identifier of this class and an item if it is that item's own."""
        if own.kind != "email_base":
            return np.arange(len(self._one.row)), own.at  # no row has a value twice
        addresses = self._one.value
        keys, _ = encoded(pa.concat_arrays([pc.coalesce(email_base(addresses), addresses), own.value]))
        return keys[: len(addresses)], keys[len(addresses) :]

    def _listed(self, group: Positions, member: Positions, groups: int) -> Positions:
        """Add a fragment with the masks of each group; return their positions, 0 for an empty group.

        Args:
            group: shape (n,), ascending.
            member: shape (n,): positions of identifiers.
            groups: number of groups.
        """
        in_order = sorted(range(len(self._masks)), key=self._masks.__getitem__)
        rank = np.empty(len(in_order), np.int64)
        rank[in_order] = np.arange(len(in_order))
        pairs = np.unique(group * len(rank) + rank[self._code[member]])
        holder, mask = np.divmod(pairs, max(len(rank), 1))
        first = np.ones(len(pairs), np.bool_)
        first[1:] = holder[1:] != holder[:-1]
        pool = Pool()
        nothing = pool.add(["", ",", f'"{self._one.kind}":[', "]"])
        comma, opening, closing = nothing + 1, nothing + 2, nothing + 3
        pieces = np.empty((len(pairs), 3), np.int64)
        pieces[:, 0] = np.where(first, opening, comma)
        pieces[:, 1] = mask + pool.add([f'"{self._masks[code]}"' for code in in_order])
        pieces[:, 2] = np.where(np.roll(first, -1), closing, nothing)
        starts = np.flatnonzero(first)
        bounds = np.append(starts, len(pairs)) * 3
        position = np.zeros(groups, np.int64)
        position[holder[starts]] = self._count + np.arange(len(starts))
        self._fragments.append(pool.joined(pieces.ravel(), bounds))
        self._count += len(starts)
        return position


def _blocks(sizes: Positions, most: int) -> Iterator[tuple[int, int]]:
    """Yield (begin, end) of runs whose sizes add up to `most` or little more, except single larger elements."""
    block = (np.cumsum(sizes) - 1) // most
    starts = np.flatnonzero(np.diff(block, prepend=-1)).tolist()
    yield from zip(starts, [*starts[1:], len(sizes)], strict=True)


def messages(records: Records, owns: Sequence[Own]) -> Iterator[pa.StringArray]:
    """Yield the input of the record tags: `class 00 canonical 00 02` and the record, for each item of `owns`."""
    pool = Pool()
    row = np.concatenate([own.row for own in owns])
    kind = np.repeat(np.arange(len(owns)), [len(own.row) for own in owns]) + pool.add([f"{own.kind}\0" for own in owns])
    value = np.concatenate([np.arange(len(own.row)) + pool.add(own.value) for own in owns])
    records_ = _records(records)
    pieces = np.column_stack((kind, value, row + pool.add(records_)))
    for begin, end in _blocks(lengths_of(records_)[row], _MOST_MESSAGE_BYTES):
        yield pool.joined(pieces[begin:end].ravel(), np.arange(0, (end - begin) * 3 + 1, 3))


def _records(records: Records) -> pa.StringArray:
    """Return `00 02`, `class 00 canonical 00` of each identifier of a row, `01`, and `name 00` of each data class."""
    pool, kinds = Pool(), [one.kind for one in records.identifiers]
    nothing = pool.add([""])
    opening = pool.add([f"\0\2{kind}\0" for kind in kinds])
    following = pool.add([f"\0{kind}\0" for kind in kinds])
    kind = [np.full(len(one.row), place) for place, one in enumerate(records.identifiers)]
    value = [np.arange(len(one.row)) + pool.add(one.value) for one in records.identifiers]
    names = pool.add(["\0\1" + "".join(name + "\0" for name in names) for names in records.class_sets])

    # Identifiers row by row, class by class, followed by the data classes.
    row = np.concatenate([*(one.row for one in records.identifiers), np.arange(len(records.index))])
    order = np.argsort(row, kind="stable")
    first = np.ones(len(row), np.bool_)
    np.not_equal(row[order[1:]], row[order[:-1]], out=first[1:])
    pieces = np.empty((len(row), 2), np.int64)
    pieces[:, 0] = np.concatenate([*kind, np.full(len(records.index), nothing - following)])[order]
    pieces[:, 0] += np.where(first, opening, following)
    pieces[:, 1] = np.concatenate([*value, records.exposed + names])[order]
    return pool.joined(pieces.ravel(), np.append(np.flatnonzero(first), len(row)) * 2)
