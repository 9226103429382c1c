"""Keyed hashes against the published vectors and the standard library."""

from __future__ import annotations

import base64
import hmac
import json
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_cli.items.hashing import (
    KERNEL,
    RECORD_TAG_CHARACTERS,
    TAG_CHARACTERS,
    ColumnHmac,
    Hasher,
    base64url,
    compiled_hmac,
    looped_hmac,
)
from ingest_cli.model.keys import Pepper

VECTORS = json.loads((Path(__file__).parents[2] / "support" / "key_vectors.json").read_text("utf-8"))
PEPPER = Pepper(VECTORS["kid"], bytes.fromhex(VECTORS["pepper_hex"]))
HASHER = Hasher(PEPPER)


def strings(*values: str) -> pa.StringArray:
    return pa.array(values, pa.string())


@pytest.mark.parametrize("vector", VECTORS["identifiers"], ids=lambda vector: vector["kind"])
def test_tags_are_those_published(vector: dict[str, str]) -> None:
    [tag] = base64url(HASHER.tags(vector["kind"], strings(vector["canonical"]))).to_pylist()
    assert f"{HASHER.kid}.{tag}" == vector["pk"]


@pytest.mark.parametrize("item", VECTORS["record"]["items"], ids=lambda item: item["kind"])
def test_record_tags_are_those_published(item: dict[str, str]) -> None:
    canonical = dict(VECTORS["record"]["identifiers"])[item["kind"]]
    record = bytes.fromhex(VECTORS["record"]["record_bytes_hex"]).decode()
    [tag] = base64url(HASHER.record_tags(strings(f"{item['kind']}\0{canonical}\0\2{record}"))).to_pylist()
    assert f"{VECTORS['record']['dataset']}#{tag}" == item["sk"]


@given(
    kind=st.sampled_from(sorted(VECTORS["subkeys"])),
    values=st.lists(st.text(max_size=200), max_size=5),
    secret=st.binary(min_size=32, max_size=32).filter(lambda secret: len(set(secret)) > 1),
)
def test_tags_are_the_standard_librarys(kind: str, values: list[str], secret: bytes) -> None:
    pepper = Pepper("k2", secret)
    expected = [hmac.digest(pepper.subkey(kind), value.encode(), "sha256") for value in values]
    tags = Hasher(pepper).tags(kind, strings(*values))
    assert tags.shape == (len(values), 32)
    assert [tag.tobytes() for tag in tags] == expected
    if kind == "record":
        short = Hasher(pepper).record_tags(strings(*values))
        assert short.shape == (len(values), 12)
        assert short.flags.c_contiguous
        assert [tag.tobytes() for tag in short] == [tag[:12] for tag in expected]


def test_tags_of_a_slice_are_a_slice_of_the_tags() -> None:
    values = strings("a", "bb", "", "ccc", "dddd")
    assert HASHER.tags("id", values[1:4]).tolist() == HASHER.tags("id", values)[1:4].tolist()


def test_classes_and_key_ids_are_worlds_of_their_own() -> None:
    value = strings("850101145678")
    other = Hasher(Pepper("k2", PEPPER.secret))
    tags = {HASHER.tags(kind, value).tobytes() for kind in VECTORS["subkeys"]}
    assert len(tags | {other.tags("id", value).tobytes()}) == len(VECTORS["subkeys"]) + 1


@given(st.integers(0, 5), st.integers(1, 40), st.randoms(use_true_random=False))
def test_base64url_is_the_standard_librarys(rows: int, width: int, chance: object) -> None:
    seed = getattr(chance, "getrandbits")(32)  # noqa: B009 - hypothesis' generator has no public type
    tags = np.random.default_rng(seed).integers(0, 256, (rows, width), np.uint8)
    expected = [base64.urlsafe_b64encode(tag.tobytes()).rstrip(b"=").decode() for tag in tags]
    text = base64url(tags)
    text.validate(full=True)
    assert text.to_pylist() == expected


@pytest.mark.parametrize(("width", "characters"), [(32, TAG_CHARACTERS), (12, RECORD_TAG_CHARACTERS)])
def test_the_lengths_are_those_of_the_keys(width: int, characters: int) -> None:
    assert len(base64url(np.zeros((1, width), np.uint8))[0].as_py()) == characters
    assert base64url(np.zeros((0, width), np.uint8)).to_pylist() == []


needs_kernel = pytest.mark.skipif(KERNEL is None, reason="nothing was compiled: there was no C compiler")
WAYS = [looped_hmac, pytest.param(compiled_hmac, marks=needs_kernel)]
Way = Callable[[bytes], ColumnHmac]

# A block of SHA-256 has 64 bytes, the last 9 of a message are its end and its length, and a key block comes first.
LENGTHS = [*range(200), *(64 * n + d for n in (4, 5, 16, 63, 64, 65) for d in (-10, -9, -8, -1, 0, 1)), 100_000]


def column(values: list[bytes]) -> pa.BinaryArray:
    return pa.array(values, pa.binary())


def digests(key: bytes, values: list[bytes]) -> bytes:
    return b"".join(hmac.digest(key, value, "sha256") for value in values)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("key_bytes", [0, 1, 32, 63, 64])
def test_a_column_of_all_lengths(way: Way, key_bytes: int) -> None:
    chance = random.Random(key_bytes)
    values = [chance.randbytes(length) for length in LENGTHS]
    chance.shuffle(values)
    key = chance.randbytes(key_bytes)
    assert way(key)(column(values)) == digests(key, values)


@pytest.mark.parametrize("way", WAYS)
def test_a_column_of_any_number_of_values(way: Way) -> None:
    """However many of them are hashed at a time, there are some left over."""
    chance = random.Random(1)
    for count in [*range(70), 1023, 1024, 1025, 5000]:
        values = [chance.randbytes(chance.randrange(130)) for _ in range(count)]
        assert way(b"key")(column(values)) == digests(b"key", values), count


@pytest.mark.parametrize("way", WAYS)
def test_a_part_of_a_column(way: Way) -> None:
    values = [b"%d" % n * (n % 40) for n in range(300)]
    whole = column(values)
    for start, length in [(0, 300), (1, 299), (17, 100), (299, 1), (300, 0)]:
        part = whole.slice(start, length)
        assert way(b"key")(part) == digests(b"key", values[start : start + length])


@pytest.mark.parametrize("way", WAYS)
def test_a_column_with_nulls_is_refused(way: Way) -> None:
    values = pa.array([b"a", None, b"b"], pa.binary())
    with pytest.raises(ValueError, match="no nulls"):
        way(b"key")(values)
    assert way(b"key")(values.slice(2)) == digests(b"key", [b"b"])


@pytest.mark.parametrize("way", WAYS)
def test_columns_hashed_at_the_same_time(way: Way) -> None:
    values = [[b"%d-%d" % (n, m) for m in range(3000)] for n in range(4)]
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda some: way(b"key")(column(some)), values))
    assert made == [digests(b"key", some) for some in values]


def offsets(*places: int) -> bytes:
    return np.array(places, np.int32).tobytes()


@needs_kernel
@pytest.mark.parametrize(
    ("key", "places", "first", "count"),
    [
        (bytes(65), offsets(0, 1), 0, 1),
        (b"key", offsets(0, 11), 0, 1),
        (b"key", offsets(0, 2, 1), 0, 2),
        (b"key", offsets(-1, 1), 0, 1),
        (b"key", offsets(0, 1), 0, 2),
        (b"key", offsets(0, 1), 1, 1),
        (b"key", offsets(0, 1), -1, 1),
        (b"key", offsets(0, 1), 0, -1),
        (b"key", offsets(0, 1), 2**62, 2**62),
        (b"key", offsets(0, 1)[:-1], 0, 1),
    ],
)
def test_what_is_no_column_is_refused(key: bytes, places: bytes, first: int, count: int) -> None:
    """Before anything is read that is not there."""
    assert KERNEL is not None
    with pytest.raises((ValueError, OverflowError)):
        KERNEL(key, b"0123456789", places, first, count)
