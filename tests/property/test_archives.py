"""Whatever is done to an archive, what is read of it is right as far as it goes, and what is missing is said."""

from __future__ import annotations

import random

import pyrage
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_cli.model.source_budget import Limits
from tests.support.archives import ARCHIVERS, PACKERS, outcome, tar_of, zip_of

FILES = [("a.csv", b"id,name\n1,Ali\n" * 9), ("d/b.csv", random.Random(3).randbytes(200))]
CONTENTS = [content for _, content in FILES]
IDENTITY = pyrage.x25519.Identity.generate()

ARCHIVES: dict[str, bytes] = {name: archive(FILES) for name, archive in ARCHIVERS.items()}
ARCHIVES["zip in zip"] = zip_of([("inner.zip", zip_of(FILES))])
for packer, pack in PACKERS.items():
    ARCHIVES[f"tar in {packer}"] = pack(tar_of(FILES))
ENCRYPTED = pyrage.encrypt(tar_of(FILES), [IDENTITY.to_public()])

KNOWN_FROM = {"zip": 4, "tar": 263, "7z": 6}
"""How many bytes it takes to see what it is."""

LIMITS = Limits(expanded_bytes=1 << 26, ratio_from_bytes=1 << 22, members=1000)


def key() -> str:
    return str(IDENTITY)


def known_from(name: str) -> int:
    return 6 if " in " in name and not name.startswith("zip") else KNOWN_FROM[name.partition(",")[0].split()[0]]


def is_right_as_far_as_it_goes(found: list[bytes]) -> bool:
    whole, last = found[:-1], found[-1:]
    return (
        len(found) <= len(CONTENTS)
        and whole == CONTENTS[: len(whole)]
        and all(CONTENTS[len(whole)].startswith(content) for content in last)
    )


@pytest.mark.parametrize("name", ARCHIVES)
def test_a_cut_at_any_place_is_never_silent(name: str) -> None:
    data = ARCHIVES[name]
    for cut in range(known_from(name), len(data), 1 if len(data) < 1000 else 13):
        found = outcome(data[:cut], 7 if cut % 2 else 1 << 20)
        assert is_right_as_far_as_it_goes(found.contents), cut
        if found.error is None and not found.notes:  # the end of a tar is longer than it need be
            assert name.startswith("tar, "), cut
            assert found.contents == CONTENTS, cut
        if found.notes and data.startswith(b"PK"):  # all but the directory, or a part of the members and nothing else
            assert found.contents == CONTENTS or data[cut:].startswith(b"PK\x03\x04"), cut


@pytest.mark.parametrize("name", [name for name in ARCHIVES if not name.startswith("tar, ")])
def test_a_flipped_bit_at_any_place_never_gives_other_bytes_silently(name: str) -> None:
    data = ARCHIVES[name]
    for at in range(known_from(name), len(data)):
        broken = bytearray(data)
        broken[at] ^= 1 << at % 8
        found = outcome(bytes(broken))
        assert found.error is not None or found.contents == CONTENTS, at


def test_a_flipped_bit_in_what_is_encrypted_is_never_silent() -> None:
    for at in range(22, len(ENCRYPTED), 7):
        broken = bytearray(ENCRYPTED)
        broken[at] ^= 1 << at % 8
        assert outcome(bytes(broken), age_key=key).error is not None, at


@given(name=st.sampled_from(sorted(ARCHIVES)), piece=st.integers(1, 3000))
def test_the_size_of_the_pieces_makes_no_difference(name: str, piece: int) -> None:
    found = outcome(ARCHIVES[name], piece)
    assert (found.contents, found.error) == (CONTENTS, None)


HEADS: list[bytes] = [data[:size] for data in (*ARCHIVES.values(), ENCRYPTED) for size in (8, 40, 512)]


@given(head=st.sampled_from(HEADS), rest=st.binary(max_size=3000), piece=st.sampled_from([13, 1 << 20]))
def test_anything_behind_a_magic_number_is_read_or_refused(head: bytes, rest: bytes, piece: int) -> None:
    found = outcome(head + rest, piece, limits=LIMITS, age_key=key)
    assert found.largest <= 1 << 20
    assert found.error is None or found.error.isprintable()


PATCHES: list[bytes] = [b"PK\x03\x04", b"PK\x07\x08", b"PK\x05\x06", b"\xff" * 8, b"0" * 12, b"\0" * 512, *HEADS]
Patch = tuple[float, int, bytes]


@given(
    name=st.sampled_from(sorted(ARCHIVES)),
    patches=st.lists(
        st.tuples(st.floats(0, 1), st.integers(0, 600), st.one_of(st.sampled_from(PATCHES), st.binary(max_size=30))),
        min_size=1,
        max_size=5,
    ),
)
def test_archives_that_were_tampered_with_are_read_or_refused(name: str, patches: list[Patch]) -> None:
    data = bytearray(ARCHIVES[name])
    for place, removed, patch in patches:
        at = int(place * len(data))
        data[at : at + removed] = patch
    found = outcome(bytes(data), limits=LIMITS)
    assert found.largest <= 1 << 20
    assert found.error is None or found.error.isprintable()


@given(st.data())
def test_tar_headers_with_a_right_checksum_but_wrong_words_are_read_or_refused(draw: st.DataObject) -> None:
    data = bytearray(tar_of([("é" * 90, b"rows\n"), *FILES]))
    for _ in range(draw.draw(st.integers(1, 4))):
        header = 512 * draw.draw(st.integers(0, len(data) // 512 - 1))
        at = draw.draw(st.sampled_from([0, 124, 136, 156, 157, 257, 345, 386, 482, 483]))
        word = draw.draw(
            st.one_of(st.binary(min_size=1, max_size=24), st.sampled_from([b"S", b"x", b"L", b"\x80" * 12]))
        )
        data[header + at : header + at + len(word)] = word
        data[header + 148 : header + 156] = b" " * 8
        data[header + 148 : header + 156] = b"%06o\0 " % sum(data[header : header + 512])
    found = outcome(bytes(data), limits=LIMITS)
    assert found.error is None or found.error.isprintable()
