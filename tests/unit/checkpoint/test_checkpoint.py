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

from ingest_cli.checkpoint.checkpoint import Checkpoint, Identity
from ingest_cli.checkpoint.ranges import RangeSet, SourceRanges
from ingest_cli.errors import UsageError
from ingest_cli.model.chunks import WHOLE, Position, Span
from ingest_cli.report.account import Account

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
    return found if len(found) > 1 else [Position()]  # as a member ends of which no chunk came


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
    assert RangeSet(end=Position()).holes() == ()
    assert RangeSet(end=Position(20, 1, 2)).holes() == (WHOLE,)


def test_a_chunk_without_rows_is_done_once_it_is_settled() -> None:
    ranges, end = SourceRanges(), Position(17, 0, 1)
    ranges.member_read(0, end)
    remaining = ranges.remaining()
    assert remaining is not None
    assert remaining.of(0) == (WHOLE,)
    ranges.add(0, Span(Position(), end))
    ranges.source_read(1)
    assert ranges.is_done


names = st.text(max_size=5)
counts = st.dictionaries(names, st.integers(1, 2**40), max_size=3).map(Counter)


def source_ranges(members: list[list[Position]], *, read: bool) -> SourceRanges:
    """A source of which every other chunk of each member is done, or all where there are few."""
    made = SourceRanges()
    for number, places in enumerate(members):
        for chunk in chunks_of(places)[::2]:
            made.add(number, chunk)
        if len(places) % 2 == 0 or len(places) < 3:
            made.member_read(number, places[-1])
    if read:
        made.source_read(len(members))
    return made


sources = st.builds(
    lambda members, read: source_ranges(members, read=read), st.lists(positions(), max_size=3), st.booleans()
)


def of(shard: SourceRanges) -> tuple[list[tuple[Span, ...]], bool] | None:
    """What is left of a source: of the members that are known, and of one more."""
    remaining = shard.remaining()
    return None if remaining is None else ([remaining.of(n) for n in range(5)], shard.is_started)


@given(
    st.lists(sources, max_size=3), counts, counts, st.dictionaries(st.tuples(names, names), st.integers(1, 99)),
    st.integers(0, 2**50),
)  # fmt: skip
def test_what_is_written_down_is_read_again(
    shards: list[SourceRanges],
    rejected: Counter[str],
    skipped: Counter[str],
    identifiers: dict[tuple[str, str], int],
    rejects_bytes: int,
) -> None:
    rows = sum(one.rows for one in shards)
    account = Account(rows, 3, rejected, skipped, Counter(identifiers), items_built=7, largest_item_bytes=9)
    checkpoint = Checkpoint(IDENTITY, shards, account, rejects_bytes)
    again = Checkpoint.from_bytes(checkpoint.to_bytes())
    assert again.identity == IDENTITY
    assert [of(one) for one in again.shards] == [of(one) for one in shards]
    assert again.account == account
    assert again.rejects_bytes == rejects_bytes
    assert again.is_started == any(one.is_started for one in shards)
    assert again.to_bytes() == checkpoint.to_bytes()


@given(st.lists(positions(), max_size=4), st.data())
def test_members_that_are_done_are_not_read_again(members: list[list[Position]], data: st.DataObject) -> None:
    ranges, done = SourceRanges(), set[int]()
    for number, places in enumerate(members):
        chosen = [chunk for chunk in chunks_of(places) if data.draw(st.booleans())]
        for chunk in chosen:
            ranges.add(number, chunk)
        if data.draw(st.booleans()):
            ranges.member_read(number, places[-1])
            if len(chosen) == len(places) - 1:
                done.add(number)
    read = data.draw(st.booleans())
    if read:
        ranges.source_read(len(members))
    remaining = ranges.remaining()
    assert (remaining is None) == ranges.is_done == (read and len(done) == len(members))
    if remaining is not None:
        assert {number for number in range(len(members)) if not remaining.of(number)} == done
        assert remaining.of(len(members)) == (WHOLE,), "of what has not been seen, all is to be read"


def test_what_is_left_does_not_change_while_it_is_read() -> None:
    ranges = SourceRanges()
    remaining = ranges.remaining()
    assert remaining is not None
    ranges.add(0, Span(Position(), Position(10, 1, 1)))
    ranges.member_read(0, Position(10, 1, 1))
    assert remaining.of(0) == (WHOLE,)


def test_it_is_small_and_holds_no_value() -> None:
    places = [Position(n * 100, n * 10, n * 10) for n in range(1001)]
    ranges = SourceRanges()
    for chunk in chunks_of(places):
        ranges.add(0, chunk)
    assert len(Checkpoint(IDENTITY, [ranges]).to_bytes()) < 600


@pytest.mark.slow
@pytest.mark.parametrize(("sources", "members"), [(100_000, 1), (1, 100_000)])
def test_any_number_of_files_fits_into_an_item(sources: int, members: int) -> None:
    """400 KB is what a DynamoDB item may have, and a kilobyte costs a write capacity unit each time it is saved."""
    shards = [SourceRanges() for _ in range(sources)]
    for shard in shards[: len(shards) // 2 + 1]:
        for member in range(members):
            end = Position(1000 + member, 7, 7)
            shard.add(member, Span(Position(), end))
            shard.member_read(member, end)
        shard.source_read(members + (sources == 1))
    rows = sum(one.rows for one in shards)
    state = Checkpoint(IDENTITY, shards, Account(rows_read=rows)).to_bytes()
    assert len(state) < 2000
    again = Checkpoint.from_bytes(state)
    assert sum(one.remaining() is None for one in again.shards) == sum(one.is_done for one in shards)
    assert Checkpoint.from_bytes(again.to_bytes()).account.rows_read == rows


def test_a_sound_state_is_gone_on_with() -> None:
    assert Checkpoint.from_bytes(packed(plain())).account.rows_read == 1


CHANGES = {
    "src": "the dump has changed",
    "manifest": "the manifest has changed",
    "kcv": "the pepper is a different one with the same id",
    "table": "the table was deleted and created again",
    "generation": "the dataset was withdrawn, or loaded in another way",
}


@pytest.mark.parametrize("name", CHANGES)
def test_it_goes_on_with_the_same_only_and_says_what_is_not(name: str) -> None:
    checkpoint = Checkpoint(IDENTITY, [])
    checkpoint.check(IDENTITY)
    with pytest.raises(UsageError) as caught:
        checkpoint.check(replace(IDENTITY, **{name: "other"}))
    assert str(caught.value) == (
        f'cannot resume the load of "demo": {CHANGES[name]}. Restore the original, or start over with --restart'
    )


def test_the_pepper_of_the_load_is_named_and_the_one_that_was_given() -> None:
    with pytest.raises(UsageError, match=f'was started with the pepper "{IDENTITY.kid}", and --key gives "k2"'):
        Checkpoint(IDENTITY, []).check(replace(IDENTITY, kid="k2"))
    damaged = replace(IDENTITY, kid="someone@example.org")
    with pytest.raises(UsageError, match='was started with another pepper, and --key gives "k2"'):
        Checkpoint(damaged, []).check(replace(IDENTITY, kid="k2"))


def test_the_state_of_another_dataset_is_not_touched() -> None:
    with pytest.raises(UsageError, match='is that of the dataset "demo", not of "other"; give each dataset a --state'):
        Checkpoint(IDENTITY, []).check(replace(IDENTITY, dataset="other"))


def test_every_part_of_the_identity_is_checked() -> None:
    assert {*CHANGES, "dataset", "kid"} == set(Identity.__slots__)


def plain() -> dict[str, Any]:
    ranges = SourceRanges()
    ranges.add(0, Span(Position(), Position(10, 1, 1)))
    ranges.member_read(0, Position(20, 2, 2))
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
    "members of numbers": {**plain(), "shards": [[None, [1, 2]]]},
    "half a span": {**plain(), "shards": [[1, [[None, [[0, 0, 0]]]]]]},
    "a place of four": {**plain(), "shards": [[1, [[[1, 2, 3, 4], []]]]]},
    "other rows in what is closed": {**plain(), "closed_rows": 1},
    "identity of text": {**plain(), "identity": "demo"},
    "too much identity": {**plain(), "identity": {**plain()["identity"], "host": "x"}},
    "bytes of text": {**plain(), "rejects_bytes": "many"},
    "other rows than it counts": {**plain(), "account": Account(rows_read=2).to_plain()},
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_state_is_not_gone_on_with(name: str) -> None:
    with pytest.raises(UsageError, match="the saved checkpoint is damaged; start over with --restart"):
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
    with pytest.raises(UsageError, match=r"from another version of this program \(3\); use that version, or start"):
        Checkpoint.from_bytes(packed({**plain(), "version": 3}))


def test_rejects_that_are_not_in_the_file_are_missed() -> None:
    checkpoint = Checkpoint(IDENTITY, [], Account(rejected=Counter(too_short=3)), rejects_bytes=100)
    assert not checkpoint.lacks_rejects(100)
    assert checkpoint.lacks_rejects(99)
    checkpoint.rejects_bytes = 0
    assert checkpoint.lacks_rejects(0), "the run before wrote none down"
    assert not Checkpoint(IDENTITY, []).lacks_rejects(0)
