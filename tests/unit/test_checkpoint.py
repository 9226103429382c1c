"""What is done and what is not: whatever the order in which chunks are settled, they tile the source without a gap."""

from __future__ import annotations

import json
import zlib
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_cli.errors import UsageError
from ingest_cli.policies.checkpoint import Checkpoint, Identity, RangeSet
from ingest_cli.records import WHOLE, Position, Span
from ingest_cli.report import Account

IDENTITY = Identity("demo", "table-1", "ab" * 32, "manifest-1", "k1", "00112233")


@st.composite
def positions(draw: st.DrawFn) -> list[Position]:
    """Places between the chunks of a source, with or without a header before the first."""
    at = Position(draw(st.integers(0, 40)), 0, draw(st.integers(0, 3)))
    found = [at]
    for size in draw(st.lists(st.integers(1, 500), min_size=0, max_size=15)):
        rows = draw(st.integers(1, size))
        at = Position(at.offset + size, at.row + rows, at.line + rows)
        found.append(at)
    return found


def chunks_of(places: list[Position]) -> list[Span]:
    return [Span(start, end) for start, end in pairwise(places)]


def state(ranges: RangeSet) -> tuple[list[Span], Position | None]:
    return ranges.spans, ranges.end


@given(positions(), st.data())
def test_the_order_in_which_chunks_are_added_does_not_matter(places: list[Position], data: st.DataObject) -> None:
    chunks = chunks_of(places)
    done = data.draw(st.lists(st.sampled_from(chunks), unique=True)) if chunks else []
    one, other = RangeSet(end=places[-1]), RangeSet(end=places[-1])
    for chunk in done:
        one.add(chunk)
    for chunk in sorted(done, key=lambda span: span.start.offset):
        other.add(chunk)
    assert state(one) == state(other)
    assert one.holes() == other.holes()


@given(positions(), st.booleans(), st.data())
def test_what_is_done_and_what_is_not_tile_the_source(
    places: list[Position],
    read_to_its_end: bool,  # noqa: FBT001 - drawn
    data: st.DataObject,
) -> None:
    chunks = chunks_of(places)
    done = data.draw(st.lists(st.sampled_from(chunks), unique=True)) if chunks else []
    ranges = RangeSet(end=places[-1] if read_to_its_end else None)
    for chunk in done:
        ranges.add(chunk)
    assert all(a.end is not None and a.end.offset < b.start.offset for a, b in zip(ranges.spans, ranges.spans[1:]))  # noqa: B905 - neighbours
    holes = ranges.holes()
    for chunk in chunks:
        inside = [
            span
            for span in (*ranges.spans, *holes)
            if span.start.offset <= chunk.start.offset
            and (span.end is None or (chunk.end is not None and chunk.end.offset <= span.end.offset))
        ]
        assert len(inside) == 1, "each chunk is either done or to be done"
        assert (inside[0] in holes) == (chunk not in done)
    if read_to_its_end and len(done) == len(chunks):
        assert holes == ()
    if not read_to_its_end:
        assert holes, "nobody knows what follows"
        assert holes[-1].end is None
    if not done and chunks:
        assert holes == (WHOLE,)


@given(positions(), st.data())
def test_adding_the_holes_makes_it_whole(places: list[Position], data: st.DataObject) -> None:
    chunks = chunks_of(places)
    ranges = RangeSet(end=places[-1])
    for chunk in data.draw(st.lists(st.sampled_from(chunks), unique=True)) if chunks else []:
        ranges.add(chunk)
    for hole in ranges.holes():
        ranges.add(Span(places[0] if hole.start == Position() else hole.start, hole.end or places[-1]))
    assert ranges.holes() == ()
    assert len(ranges.spans) <= 1, "neighbours are merged"


def test_a_source_without_rows_is_done_once_it_was_read() -> None:
    assert RangeSet().holes() == (WHOLE,)
    assert RangeSet(end=Position(17, 0, 1)).holes() == ()
    assert RangeSet(end=Position(20, 1, 2)).holes() == (WHOLE,)


names = st.text(max_size=5)
counts = st.dictionaries(names, st.integers(1, 2**40), max_size=3).map(Counter)


@given(
    st.lists(positions(), max_size=3), counts, counts, st.dictionaries(st.tuples(names, names), st.integers(1, 99)),
    st.integers(0, 2**50),
)  # fmt: skip
def test_what_is_written_down_is_read_again(
    sources: list[list[Position]],
    rejected: Counter[str],
    skipped: Counter[str],
    identifiers: dict[tuple[str, str], int],
    rejects_bytes: int,
) -> None:
    shards = [RangeSet(chunks_of(places)[::2], places[-1] if len(places) % 2 else None) for places in sources]
    rows = sum(span.end.row - span.start.row for one in shards for span in one.spans if span.end is not None)
    account = Account(rows, 3, rejected, skipped, Counter(identifiers), items_built=7, largest_item_bytes=9)
    checkpoint = Checkpoint(IDENTITY, shards, account, rejects_bytes)
    again = Checkpoint.from_bytes(checkpoint.to_bytes())
    assert again.identity == IDENTITY
    assert [state(one) for one in again.shards] == [state(one) for one in shards]
    assert [one.holes() for one in again.shards] == [one.holes() for one in shards]
    assert again.account == account
    assert again.rejects_bytes == rejects_bytes
    assert again.is_started == any(one.spans for one in shards)
    assert again.to_bytes() == checkpoint.to_bytes()


def test_it_is_small_and_holds_no_value() -> None:
    places = [Position(n * 100, n * 10, n * 10) for n in range(1001)]
    ranges = RangeSet()
    for chunk in chunks_of(places):
        ranges.add(chunk)
    assert len(Checkpoint(IDENTITY, [ranges]).to_bytes()) < 600


def test_a_sound_state_is_gone_on_with() -> None:
    assert Checkpoint.from_bytes(packed(plain())).account.rows_read == 1


CHANGES = {
    "src": "the dump has changed since",
    "manifest": "the manifest has changed since",
    "kid": "the pepper is another one",
    "kcv": "the pepper is another one",
    "table": "the table was made anew since",
}


@pytest.mark.parametrize("name", CHANGES)
def test_it_goes_on_with_the_same_only_and_says_what_is_not(name: str) -> None:
    checkpoint = Checkpoint(IDENTITY, [])
    checkpoint.check(IDENTITY)
    with pytest.raises(UsageError) as caught:
        checkpoint.check(replace(IDENTITY, **{name: "other"}))
    assert str(caught.value) == (
        f'the load of "demo" was broken off and cannot go on: {CHANGES[name]}. Put back what it was, or begin again '
        "with --restart"
    )


def test_the_state_of_another_dataset_is_not_touched() -> None:
    with pytest.raises(UsageError, match='is that of the dataset "demo", not of "other"; give each dataset a --state'):
        Checkpoint(IDENTITY, []).check(replace(IDENTITY, dataset="other"))


def test_every_part_of_the_identity_is_checked() -> None:
    assert {*CHANGES, "dataset"} == set(Identity.__slots__)


def plain() -> dict[str, Any]:
    ranges = RangeSet([Span(Position(), Position(10, 1, 1))], Position(20, 2, 2))
    checkpoint = Checkpoint(IDENTITY, [ranges], Account(rows_read=1))
    document: dict[str, Any] = json.loads(zlib.decompress(checkpoint.to_bytes()))
    return document


def packed(document: Any) -> bytes:
    return zlib.compress(json.dumps(document).encode())


DAMAGE: dict[str, Any] = {
    "a list": [],
    "null": None,
    "nothing": {},
    "no account": {key: value for key, value in plain().items() if key != "account"},
    "account of lists": {**plain(), "account": {name: [] for name in plain()["account"]}},
    "shards of numbers": {**plain(), "shards": [1, 2]},
    "half a span": {**plain(), "shards": [[None, [[0, 0, 0]]]]},
    "a place of four": {**plain(), "shards": [[[1, 2, 3, 4], []]]},
    "identity of text": {**plain(), "identity": "demo"},
    "too much identity": {**plain(), "identity": {**plain()["identity"], "host": "x"}},
    "bytes of text": {**plain(), "rejects_bytes": "many"},
    "other rows than it counts": {**plain(), "account": Account(rows_read=2).to_plain()},
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_state_is_not_gone_on_with(name: str) -> None:
    with pytest.raises(UsageError, match="the saved state is damaged; begin again with --restart"):
        Checkpoint.from_bytes(packed(DAMAGE[name]))


@given(st.data())
def test_no_damage_of_the_bytes_goes_unnoticed(data: st.DataObject) -> None:
    whole = packed(plain())
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(UsageError, match="damaged"):
        Checkpoint.from_bytes(whole[:cut])
    bit = data.draw(st.integers(0, 7))
    flipped = whole[:cut] + bytes([whole[cut] ^ (1 << bit)]) + whole[cut + 1 :]
    try:
        read = Checkpoint.from_bytes(flipped)
    except UsageError:
        return
    assert read.to_bytes() == Checkpoint.from_bytes(whole).to_bytes(), "a bit that means nothing to zlib"


def test_the_state_of_another_version_is_left_to_it() -> None:
    with pytest.raises(UsageError, match=r"of another version of this program \(2\); go on with that one, or begin"):
        Checkpoint.from_bytes(packed({**plain(), "version": 2}))


def test_rejects_that_are_not_in_the_file_are_missed() -> None:
    checkpoint = Checkpoint(IDENTITY, [], Account(rejected=Counter(too_short=3)), rejects_bytes=100)
    assert not checkpoint.lacks_rejects(100)
    assert checkpoint.lacks_rejects(99)
    checkpoint.rejects_bytes = 0
    assert checkpoint.lacks_rejects(0), "the run before wrote none down"
    assert not Checkpoint(IDENTITY, []).lacks_rejects(0)
