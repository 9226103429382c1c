"""From the identifiers of a chunk to the items of the table, as the JSON that DynamoDB takes.

The content of an item is a function of its key: nothing in it depends on when, where or how often it
is written, nor on how a value was spelled. Items with the same key within a chunk are therefore the
same item, and are merged. Everything is done a column at a time; no item ever is a Python object.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ingest_cli.hashing import Hasher, base64url
from ingest_cli.hints import Hints, record_parts
from ingest_cli.identifiers.email import email_base
from ingest_cli.records import Identified, IndexArray, OffsetArray, Records

CANON_VERSION = 1
"""Version of the canonicalization rules, stored in each item as `canon`."""

MAX_ITEM_BYTES = 400 * 1024
"""The largest item DynamoDB takes (AWS, "Service, account, and table quotas")."""

WCU_BYTES = 1024
"""One write capacity unit pays for so many bytes of an item, begun ones included."""


@dataclass(frozen=True, slots=True)
class Items:
    """The items of one chunk, ready to be sent.

    Attributes:
        request: length n: `{"PutRequest":{"Item":{…}}},` with the comma, so that neighbouring ones
            are the body of a batch as they stand in memory.
        pk, sk: length n: the keys.
        size_bytes: shape (n,): item sizes by DynamoDB's rules.
        kind: length n: the class of each item's own identifier.
        record: shape (n,): record index, in its chunk, of the row that each item comes from.
        key_hash: shape (n,): 64 bits of the key, uniformly distributed.
        merged: how many more items had the key of another one here.
    """

    request: pa.StringArray
    pk: pa.StringArray
    sk: pa.StringArray
    size_bytes: OffsetArray
    kind: pa.StringArray
    record: IndexArray
    key_hash: npt.NDArray[np.uint64]
    merged: int = 0

    def __len__(self) -> int:
        return len(self.request)

    @property
    def wcu(self) -> OffsetArray:
        """Write capacity units that each item consumes. Shape (n,)."""
        return -(-self.size_bytes // WCU_BYTES)

    def count_by_kind(self) -> dict[str, int]:
        """Class → number of items."""
        return {str(one["values"]): int(one["counts"]) for one in pc.value_counts(self.kind).to_pylist()}

    def take(self, index: npt.NDArray[np.int64]) -> Items:
        """The items at these positions."""
        at = pa.array(index)
        return Items(
            self.request.take(at),
            self.pk.take(at),
            self.sk.take(at),
            self.size_bytes[index],
            self.kind.take(at),
            self.record[index],
            self.key_hash[index],
            self.merged,
        )


class ItemBuilder:
    """Builds the items of one dataset."""

    def __init__(self, hasher: Hasher, dataset: str, src: str) -> None:
        """Set up for one load.

        Args:
            hasher: computes the tags.
            dataset: the dataset's id.
            src: first 8 hex digits of the fingerprint of its sources.
        """
        self._hasher = hasher
        self._pk_prefix = f"{hasher.kid}."
        self._sk_prefix = f"{dataset}#"
        self._tail = f',"src":{{"S":{json.dumps(src)}}},"canon":{{"N":"{CANON_VERSION}"}}}}}}}},'
        self._fixed_bytes = _fixed_bytes(self._pk_prefix, self._sk_prefix, src)

    def build(self, records: Records) -> Items:
        """The items of `records`, those with the same key merged."""
        shared = _Shared.of(records)
        parts = [self._of_class(one, shared) for one in (*records.identifiers, *_email_bases(records))]
        if not parts:
            return _NONE
        return _merge(_concat(parts))

    def _of_class(self, own: Identified, shared: _Shared) -> Items:
        """The items whose own identifiers are those of one class."""
        chosen = np.flatnonzero(own.lookup)
        row, at = own.row[chosen], pa.array(chosen)
        value, label = own.value.take(at), own.label.take(at)
        code = pa.array(shared.exposed[row])
        hints, hint_bytes = shared.hints.of(own, chosen)
        pk_tag = self._hasher.tags(own.kind, value)
        message = _join(own.kind + "\0", value, "\0\2", shared.record.take(pa.array(row)))
        sk_tag = self._hasher.record_tags(message)
        pk = _join(self._pk_prefix, base64url(pk_tag))
        sk = _join(self._sk_prefix, base64url(sk_tag))
        request = _join(
            '{"PutRequest":{"Item":{"pk":{"S":"', pk,
            '"},"sk":{"S":"', sk,
            '"},"label":{"S":"', label,
            '"},"classes":{"SS":', shared.classes_json.take(code),
            "}", hints,
            self._tail,
        )  # fmt: skip
        size = self._fixed_bytes + hint_bytes + _lengths(label) + shared.classes_bytes[shared.exposed[row]]
        kind = pa.array([own.kind]).take(pa.array(np.zeros(len(row), np.int8)))
        key_hash = np.ascontiguousarray(sk_tag[:, :8]).view(np.uint64).ravel()
        return Items(request, pk, sk, size, kind, shared.index[row], key_hash)


@dataclass(frozen=True, slots=True)
class _Shared:
    """What the items of a row have in common, computed once per row."""

    index: IndexArray
    exposed: IndexArray
    record: pa.StringArray
    classes_json: pa.StringArray
    classes_bytes: OffsetArray
    hints: Hints

    @classmethod
    def of(cls, records: Records) -> _Shared:
        sets = records.class_sets
        names = pa.array(["\1" + "".join(name + "\0" for name in names) for names in sets], pa.string())
        rows = len(records.index)
        parts = [record_parts(one, rows) for one in records.identifiers]
        record = _join(*parts, names.take(pa.array(records.exposed))) if parts else pa.array([], pa.string())
        return cls(
            index=records.index,
            exposed=records.exposed,
            record=record,
            classes_json=pa.array([json.dumps(names, ensure_ascii=False) for names in sets], pa.string()),
            classes_bytes=np.array([sum(len(name.encode()) for name in names) for names in sets], np.int64),
            hints=Hints(records.identifiers, rows),
        )


def _email_bases(records: Records) -> list[Identified]:
    """The e-mail addresses without tags and dots, where that makes a difference."""
    out = []
    for one in records.identifiers:
        if one.kind != "email":
            continue
        base = email_base(one.value)
        found = np.flatnonzero(pc.is_valid(base).to_numpy(zero_copy_only=False))
        if len(found):
            at = pa.array(found)
            label = pa.array(["email_base"] * len(found))
            out.append(
                Identified("email_base", one.row[found], base.take(at), label, one.lookup[found], one.mask.take(at))
            )
    return out


def _merge(items: Items) -> Items:
    """Keep the first of the items with the same key."""
    order = np.argsort(items.key_hash, kind="stable")
    hashes = items.key_hash[order]
    again = np.zeros(len(items), np.bool_)
    again[1:] = hashes[1:] == hashes[:-1]
    if not again.any():
        return items
    seen, repeated = set[tuple[str, str]](), set[int]()
    suspects = again.copy()
    suspects[:-1] |= again[1:]
    for at in np.sort(order[suspects]):
        key = (items.pk[at].as_py(), items.sk[at].as_py())
        if key in seen:
            repeated.add(int(at))
        seen.add(key)
    keep = np.setdiff1d(np.arange(len(items)), np.fromiter(repeated, np.int64, len(repeated)))
    return replace(items.take(keep), merged=len(repeated))


def _concat(parts: Sequence[Items]) -> Items:
    if len(parts) == 1:
        return parts[0]
    return Items(
        pa.concat_arrays([part.request for part in parts]),
        pa.concat_arrays([part.pk for part in parts]),
        pa.concat_arrays([part.sk for part in parts]),
        np.concatenate([part.size_bytes for part in parts]),
        pa.concat_arrays([part.kind for part in parts]),
        np.concatenate([part.record for part in parts]),
        np.concatenate([part.key_hash for part in parts]),
    )


def _join(*parts: pa.StringArray | str) -> pa.StringArray:
    """Put strings together row by row."""
    return pc.binary_join_element_wise(*parts, "")


def _lengths(text: pa.StringArray) -> OffsetArray:
    """Lengths in bytes. Shape (n,)."""
    lengths: OffsetArray = pc.binary_length(text).to_numpy(zero_copy_only=False).astype(np.int64)
    return lengths


def _fixed_bytes(pk_prefix: str, sk_prefix: str, src: str) -> int:
    """Bytes of an item without label, classes and hints.

    Names count as their UTF-8, strings likewise, a number of up to two digits as 2 (AWS, "DynamoDB item
    sizes and formats").
    """
    names = len("pk" + "sk" + "label" + "classes" + "src" + "canon")
    return names + len(pk_prefix) + 43 + len(sk_prefix) + 16 + len(src) + 2


_NONE = Items(
    *(pa.array([], pa.string()),) * 3,
    np.empty(0, np.int64),
    pa.array([], pa.string()),
    np.empty(0, np.int32),
    np.empty(0, np.uint64),
)
