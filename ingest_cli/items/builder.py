"""Build the table's items from the identifiers of a chunk, as DynamoDB JSON.

The content of an item is a function of its key: it does not depend on when, where or how often it is written, nor on
the spelling of a value. Items with the same key within a chunk are therefore the same item, and are merged. All items
are processed at once; no item is ever a Python object.

The keys have a fixed width and are laid out in a matrix of bytes. The content to be sealed consists of a few texts that
many items share. One pass over the pieces builds all contents, another one all requests.

Items are in the order of their key hashes, so that the order of writes does not tell which items belong to one record.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ingest_cli.identifiers.email import email_base
from ingest_cli.items.hashing import (
    RECORD_TAG_BYTES,
    RECORD_TAG_CHARACTERS,
    TAG_BYTES,
    TAG_CHARACTERS,
    ByteMatrix,
    Hasher,
    base64url,
)
from ingest_cli.items.hints import Hints, Own, messages
from ingest_cli.items.sealing import item_keys, numbered, padding_of, sealed_requests
from ingest_cli.model.arrow_bytes import Pool, Positions, bytes_of, compacted, encoded, lengths_of, text_of
from ingest_cli.model.chunks import Identified, IndexArray, OffsetArray, Records

CANON_VERSION = 1
"""Version of the canonicalization rules, stored in each item as `canon`."""

MAX_ITEM_BYTES = 400 * 1024
"""Maximum size of an item (AWS, "Service, account, and table quotas")."""

WCU_BYTES = 1024
"""Bytes of an item per write capacity unit, rounded up."""


@dataclass(frozen=True)
class Items:
    """The items of one chunk, ready to be sent.

    Attributes:
        request: length n: `{"PutRequest":{"Item":{…}}},` with the comma, so that adjacent ones form the body of a batch
            in memory. Or `{"DeleteRequest":{"Key":{…}}},`.
        pk, sk: length n: the keys.
        size_bytes: shape (n,): item sizes by DynamoDB's rules.
        kind: length n: the class of each item's own identifier.
        record: shape (n,): record index, in its chunk, of the row that each item comes from.
        key_hash: shape (n,): 64 bits of the key, uniformly distributed.
        merged: number of further items that had the key of another one here.
        seal_keys: shape (n, 32): keys of the seals, to compare their contents; None unless the builder keeps them.
    """

    request: pa.StringArray
    pk: pa.StringArray
    sk: pa.StringArray
    size_bytes: OffsetArray
    kind: pa.StringArray | pa.DictionaryArray
    record: IndexArray
    key_hash: npt.NDArray[np.uint64]
    merged: int = 0
    seal_keys: ByteMatrix | None = None

    def __len__(self) -> int:
        return len(self.request)

    @cached_property
    def wcu(self) -> OffsetArray:
        """Write capacity units that each item consumes. Shape (n,)."""
        return -(-self.size_bytes // WCU_BYTES)

    @cached_property
    def largest_bytes(self) -> int:
        """Size of the largest item; 0 if there is none."""
        return int(self.size_bytes.max(initial=0))

    @property
    def import_bytes(self) -> int:
        """Total size of the items in an import from S3: `{"Item":{…}}` and a line end each."""
        offsets, _ = bytes_of(self.request)
        return int(offsets[-1] - offsets[0]) - len(self) * _MORE_THAN_IMPORTED if len(self) else 0

    def count_by_kind(self) -> dict[str, int]:
        """Return the number of items by class."""
        which, kinds = encoded(self.kind)
        counts = np.bincount(which, minlength=len(kinds)).tolist()
        return {kind: count for kind, count in zip(kinds.to_pylist(), counts, strict=True) if count}

    def take(self, index: npt.NDArray[np.int64]) -> Items:
        """Return the items at these positions."""
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
            None if self.seal_keys is None else self.seal_keys[index],
        )

    @classmethod
    def joined(cls, several: Sequence[Items]) -> Items:
        """Concatenate the items of several chunks."""
        kinds = [one.kind for one in several]
        plain = [kind.dictionary_decode() if isinstance(kind, pa.DictionaryArray) else kind for kind in kinds]
        return cls(
            pa.concat_arrays([one.request for one in several]),
            pa.concat_arrays([one.pk for one in several]),
            pa.concat_arrays([one.sk for one in several]),
            np.concatenate([one.size_bytes for one in several]),
            pa.concat_arrays(plain),
            np.concatenate([one.record for one in several]),
            np.concatenate([one.key_hash for one in several]),
        )


@dataclass(frozen=True, slots=True)
class HashedRecords:
    """Records with the hashes of their identifiers.

    Attributes:
        records: the rows.
        identifiers: identifiers that become items, by class.
        tags: shape (items, 32): hash of each identifier.
        record_tags: shape (items, 12): hash of each identifier and its record.
    """

    records: Records
    identifiers: Sequence[Own]
    tags: ByteMatrix
    record_tags: ByteMatrix


class ItemBuilder:
    """Builder of the items of one dataset."""

    def __init__(self, hasher: Hasher, dataset: str, src: str, *, keep_seal_keys: bool = False) -> None:
        """Set up for one load.

        Args:
            hasher: computes the tags.
            dataset: id of the dataset.
            src: first 8 hex digits of the fingerprint of its sources.
            keep_seal_keys: whether items come with the keys of their seals.
        """
        self._keep_seal_keys = keep_seal_keys
        self._hasher = hasher
        self._heads = _Heads(f"{hasher.kid}.", f"{dataset}#")
        self._tail = f'"}},"src":{{"S":{json.dumps(src)}}},"canon":{{"N":"{CANON_VERSION}"}}}}}}}},'.encode()
        self._fixed_bytes = _fixed_bytes(f"{hasher.kid}.", f"{dataset}#", src)

    def hash(self, records: Records) -> HashedRecords:
        """Hash the identifiers of `records`, each of which becomes an item."""
        owns = [own for own in map(Own, (*records.identifiers, *_email_bases(records))) if len(own.at)]
        if not owns:
            none = np.empty((0, TAG_BYTES), np.uint8)
            return HashedRecords(records, (), none, none[:, :RECORD_TAG_BYTES])
        tags = np.concatenate([self._hasher.tags(own.kind, own.value) for own in owns])
        record_tags = np.concatenate([self._hasher.record_tags(some) for some in messages(records, owns)])
        return HashedRecords(records, owns, tags, record_tags)

    def build(self, hashed: HashedRecords) -> Items:
        """Build the items of hashed records, in the order of their key hashes, and merge those with the same key."""
        records, owns = hashed.records, hashed.identifiers
        if not owns:
            return _NONE
        row = np.concatenate([own.row for own in owns])
        key_hash = np.ascontiguousarray(hashed.record_tags[:, :8]).view(np.uint64).ravel()
        order = np.argsort(key_hash)
        tag, record_tag = _characters(hashed.tags), _characters(hashed.record_tags)
        keys = item_keys(self._hasher, owns, self._heads.endings(record_tag))[order]
        heads, pk, sk = self._heads.of(tag[order], record_tag[order])
        contents = _contents(records, owns, records.exposed[row], order)
        request, seal_bytes = sealed_requests(keys, heads, self._tail, contents)
        kind = np.repeat(np.arange(len(owns), dtype=np.int8), [len(own.at) for own in owns])
        kinds = pa.DictionaryArray.from_arrays(kind[order], pa.array([own.kind for own in owns], pa.string()))
        size_bytes, record = seal_bytes + self._fixed_bytes, records.index[row[order]]
        kept = keys if self._keep_seal_keys else None
        return _merge(Items(request, pk, sk, size_bytes, kinds, record, key_hash[order], seal_keys=kept))


def _characters(tags: ByteMatrix) -> ByteMatrix:
    """Return the base64url characters of each tag. Shape (n, characters)."""
    return bytes_of(base64url(tags))[1].reshape(len(tags), -1)


class _Heads:
    """Start of a request, which has the same width for all items of a dataset."""

    def __init__(self, pk_prefix: str, sk_prefix: str) -> None:
        pk, sk = pk_prefix + "?" * TAG_CHARACTERS, sk_prefix + "?" * RECORD_TAG_CHARACTERS
        head = f'{{"PutRequest":{{"Item":{{"pk":{{"S":"{pk}"}},"sk":{{"S":"{sk}"}},"sealed":{{"B":"'
        self._template = np.frombuffer(head.encode(), np.uint8)
        self._pk, self._sk = (slice(head.index(key), head.index(key) + len(key)) for key in (pk, sk))

    def of(self, tag: ByteMatrix, record_tag: ByteMatrix) -> tuple[ByteMatrix, pa.StringArray, pa.StringArray]:
        """Return the starts of the requests up to the seal, shape (n, width), and pk and sk, length n each.

        Args:
            tag: shape (n, 43): characters of the tags.
            record_tag: shape (n, 16): characters of the record tags.
        """
        matrix = np.empty((len(tag), len(self._template)), np.uint8)
        matrix[:] = self._template
        matrix[:, self._pk.stop - TAG_CHARACTERS : self._pk.stop] = tag
        matrix[:, self._sk.stop - RECORD_TAG_CHARACTERS : self._sk.stop] = record_tag
        pk, sk = (text_of(np.ascontiguousarray(matrix[:, field])) for field in (self._pk, self._sk))
        return matrix, pk, sk

    def endings(self, record_tag: ByteMatrix) -> pa.StringArray:
        """Return `00 sk` of each item, the end of the message that its seal key is derived from. Length n."""
        ending = np.frombuffer(b"\0" + self._template[self._sk].tobytes(), np.uint8)
        matrix = np.empty((len(record_tag), len(ending)), np.uint8)
        matrix[:] = ending
        matrix[:, -RECORD_TAG_CHARACTERS:] = record_tag
        return text_of(matrix)


def _contents(records: Records, owns: Sequence[Own], exposed: IndexArray, order: Positions) -> pa.StringArray:
    """Return what is to be sealed of each item: a zero byte and `[label,classes,hints]` as JSON, padded. Length n.

    Args:
        records: the rows.
        owns: identifiers that become items.
        exposed: shape (items,): position in `records.class_sets`.
        order: shape (items,): order of the items in the result.
    """
    by_name = sorted(records.identifiers, key=lambda one: one.kind)
    said = [Hints(one, len(records.index)).of(owns) for one in by_name]
    pool = Pool()
    openings, which = _openings(records, owns, exposed)
    pieces = np.empty((len(exposed), 2 + len(said)), np.int64)
    pieces[:, 0] = which + pool.add(openings)
    size = lengths_of(openings)[which] - len("\0") + len("}]")
    hinted = np.zeros(len(exposed), np.bool_)
    for place, one in enumerate(said, 1):
        says = one.which > 0
        first, following = pool.add(one.fragments), pool.add(pc.binary_join_element_wise(",", one.fragments, ""))
        pieces[:, place] = one.which + np.where(says & hinted, following, first)
        size += lengths_of(one.fragments)[one.which] + (says & hinted)
        hinted |= says
    padding, padding_at = compacted(padding_of(size))
    pieces[:, -1] = padding_at + pool.add(["}]" + " " * count for count in padding.tolist()])
    return pool.joined(pieces[order].ravel(), np.arange(0, pieces.size + 1, pieces.shape[1]))


def _openings(records: Records, owns: Sequence[Own], exposed: IndexArray) -> tuple[pa.StringArray, Positions]:
    """Return the texts before the hints, of which there are few.

    Returns:
        The distinct texts; shape (items,): position of each item's text.
    """
    names = [name for own in owns for name in own.label.dictionary.to_pylist()]
    first = np.cumsum([0, *(len(own.label.dictionary) for own in owns)])
    label = np.concatenate([own.label.indices.to_numpy() + begin for own, begin in zip(owns, first, strict=False)])
    sets = records.class_sets
    seen, which = compacted(label * len(sets) + exposed)
    distinct = list[str]()
    for code in seen.tolist():
        name_at, set_at = divmod(code, len(sets))
        classes = json.dumps(numbered(sets[set_at]), ensure_ascii=False, separators=(",", ":"))
        distinct.append(f'\0["{names[name_at]}",{classes},{{')
    return pa.array(distinct, pa.string()), which


def _email_bases(records: Records) -> list[Identified]:
    """Return the e-mail addresses without tags and dots, if that makes a difference."""
    out = []
    for one in records.identifiers:
        if one.kind != "email":
            continue
        base = email_base(one.value)
        found = np.flatnonzero(base.is_valid().to_numpy(zero_copy_only=False))
        if len(found):
            at = pa.array(found)
            label = pa.DictionaryArray.from_arrays(np.zeros(len(found), np.int8), pa.array(["email_base"]))
            out.append(
                Identified("email_base", one.row[found], base.take(at), label, one.lookup[found], one.mask.take(at))
            )
    return out


def _merge(items: Items) -> Items:
    """Keep the first of the items with the same key. Items are in the order of their key hashes."""
    hashes = items.key_hash
    repeated_hashes = hashes[1:][hashes[1:] == hashes[:-1]]
    if not len(repeated_hashes):
        return items
    seen, repeated = set[tuple[str, str]](), set[int]()
    for at in np.flatnonzero(np.isin(items.key_hash, repeated_hashes)).tolist():
        key = (items.pk[at].as_py(), items.sk[at].as_py())
        if key in seen:
            repeated.add(at)
        seen.add(key)
    keep = np.setdiff1d(np.arange(len(items)), np.fromiter(repeated, np.int64, len(repeated)))
    return replace(items.take(keep), merged=len(repeated))


def _fixed_bytes(pk_prefix: str, sk_prefix: str, src: str) -> int:
    """Return the size of an item without its seal, in bytes.

    Names count as their UTF-8, strings likewise, a number of up to two digits as 2 (AWS, "DynamoDB item
    sizes and formats").
    """
    names = len("pk" + "sk" + "sealed" + "src" + "canon")
    return names + len(pk_prefix) + TAG_CHARACTERS + len(sk_prefix) + RECORD_TAG_CHARACTERS + len(src) + 2


_MORE_THAN_IMPORTED = len('{"PutRequest":},') - len("\n")

_NONE = Items(
    *(pa.array([], pa.string()),) * 3,
    np.empty(0, np.int64),
    pa.array([], pa.string()),
    np.empty(0, np.int32),
    np.empty(0, np.uint64),
)
