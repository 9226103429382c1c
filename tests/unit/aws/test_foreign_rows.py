"""Whatever stands in a reserved row or a saved state: it is taken, or refused in a sentence with an exit code.

Nothing of it crashes, nothing takes much memory, and the sentence does not repeat the value.
"""

from __future__ import annotations

import json
import tracemalloc
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, TypeVar, cast

import pytest

from ingest_cli.aws.authentication import StateKey
from ingest_cli.aws.capacity.raise_record import Raise, RaiseRow, SuspendedRow
from ingest_cli.aws.capacity.restore import restore
from ingest_cli.aws.catalog import COMPLETE, Catalog, DatasetRow
from ingest_cli.aws.lease import Lease, look
from ingest_cli.aws.table import Table
from ingest_cli.checkpoint import checkpoint as checkpoints
from ingest_cli.checkpoint.checkpoint import MAX_BYTES, Checkpoint, Identity
from ingest_cli.checkpoint.ranges import SourceRanges
from ingest_cli.checkpoint.store import TableLedger
from ingest_cli.commands.status import Watch
from ingest_cli.errors import ExitCode, IngestError, LockedError, StateTooLargeError, UntrustedStateError
from ingest_cli.model.chunks import Position, Span
from ingest_cli.model.keys import Pepper
from ingest_cli.report.account import Account

PEPPER = Pepper("k1", bytes(range(32)))
KEY = StateKey.of(PEPPER)
NOW_S = 1_900_000_000.0
_T = TypeVar("_T")

CANARY = "kenari-canary"
WRONG: tuple[Any, ...] = (
    None, True, 1, 1.5, -1, float("nan"), "", CANARY, "9" * 5000, [], {}, [1], {"S": 1}, {"S": CANARY * 200},
    {"N": "1.5"}, {"N": "-1"}, {"N": "nan"}, {"N": "NaN"}, {"N": "Infinity"}, {"N": "9" * 400}, {"N": "1e999999999"},
    {"N": CANARY}, {"N": 1}, {"N": "٣"}, {"B": b"\xff\xfe"}, {"B": 1}, {"BOOL": True}, {"BOOL": "yes"}, {"NULL": True},
    {"SS": [CANARY]}, {"SS": [1]}, {"NS": ["1"]}, {"L": [{"N": "1"}]}, {"L": 1}, {"M": {"a": {"N": "1.5"}}},
    {"M": {"a": {"S": CANARY}}}, {"M": {"a": 1}}, {"M": {CANARY: {"BOOL": True}}}, {"L": [{"L": [{"L": []}]}]},
)  # fmt: skip
"""Attribute values, most of them of a type or range that no attribute of ours has."""


@dataclass
class Rows:
    """A table of which only the rows that are put are there; stands in for the client as well."""

    rows: dict[str, Any] = field(default_factory=dict)
    changed: list[str] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)
    identity: str = "table-1"

    def __post_init__(self) -> None:
        class ConditionalCheckFailedError(Exception):
            pass

        self.target = SimpleNamespace(table="people")
        self.exceptions = SimpleNamespace(ConditionalCheckFailedException=ConditionalCheckFailedError)
        self.client = self

    def get_item(self, Key: Any, **_: Any) -> dict[str, Any]:  # noqa: N803 - boto3's name
        self.asked.add(Key["pk"]["S"])
        found = self.rows.get(Key["pk"]["S"])
        return {} if found is None else {"Item": found}

    def put_item(self, Item: Any, **_: Any) -> dict[str, Any]:  # noqa: N803 - boto3's name
        if Item["pk"]["S"] in self.rows:  # every condition of ours fails on a row that is not ours
            raise self.exceptions.ConditionalCheckFailedException
        self.rows[Item["pk"]["S"]] = Item
        self.changed.append(Item["pk"]["S"])
        return {}

    def delete_item(self, Key: Any, **_: Any) -> dict[str, Any]:  # noqa: N803 - boto3's name
        self.changed.append(Key["pk"]["S"])
        return {}


def table_of(rows: Rows) -> Table:
    return cast("Table", rows)


def sound() -> dict[str, dict[str, Any]]:
    """One of each row that this program writes."""
    rows = Rows()
    table = table_of(rows)
    catalog, key = Catalog(table, PEPPER), KEY
    catalog.put_dataset(
        DatasetRow(
            "demo", "Demo", "2017-10-19", "It is", ("Names",), "0" * 8, COMPLETE, "k1", "a" * 64, {"items": 3},
            loaded_at="2020-01-01T00:00:00+00:00", generation="ab", writers=("0" * 8 + "//k1",), partial=("1" * 8,),
        )
    )  # fmt: skip
    catalog.register(PEPPER)
    TableLedger(table, "demo", "run-1", key).take_over(state())
    Lease(table, "demo", "run-1", lambda: NOW_S).acquire()
    raised = Raise(5, 5, 50, {"DynamicScalingInSuspended": False}, NOW_S, "run-1")
    assert RaiseRow(table, lambda: NOW_S, key).write(raised, None)
    SuspendedRow(table).write({"DynamicScalingInSuspended": False})
    rows.rows["_datasets"] = {"pk": {"S": "_datasets"}, "sk": {"S": "_"}, "ids": {"SS": ["demo"]}}
    return dict(rows.rows)


def plain_state() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(zlib.decompress(state()))
    return document


def state() -> bytes:
    ranges = SourceRanges()
    ranges.add(0, Span(Position(), Position(10, 1, 1)))
    ranges.member_read(0, Position(20, 2, 2))
    account = Account(rows_read=1, rows_kept=1)
    account.rejected["why"], account.rejected_identifiers["column", "why"] = 1, 1
    return Checkpoint(Identity("demo", "t", "s", "m", "k1", "c", "g"), [ranges], account, wcu_consumed=1.5).to_bytes()


def seen(table: Table, pepper: Pepper | None) -> None:
    """Look at the dataset, and refuse what `status` says cannot be read."""
    (found,) = Watch(table, lambda: NOW_S, pepper)(["demo"])
    assert found.as_dict()["dataset"] == "demo"
    if found.fault is not None:
        raise UntrustedStateError(found.fault)


READERS: Mapping[str, Callable[[Table], object]] = {
    "the catalog": lambda table: Catalog(table, PEPPER).dataset("demo"),
    "the catalog, without a key": lambda table: Catalog(table).dataset("demo"),
    "the list": lambda table: Catalog(table).listed(),
    "a pepper": lambda table: Catalog(table).knows(PEPPER),
    "the state": lambda table: TableLedger(table, "demo", "run-2", KEY).read(),
    "status": lambda table: seen(table, None),
    "status, with a key": lambda table: seen(table, PEPPER),
    "the lock": lambda table: look(table, "demo", NOW_S),
    "the lock, to take it": lambda table: Lease(table, "demo", "run-2", lambda: NOW_S).acquire(),
    "the lock, to see": lambda table: Lease(table, "demo", "run-2", lambda: NOW_S).check(),
    "a raise": lambda table: RaiseRow(table, lambda: NOW_S, KEY).read(),
    "a raise, without a key": lambda table: RaiseRow(table, lambda: NOW_S).read(),
    "what was suspended": lambda table: SuspendedRow(table).read(),
}


def refusal(call: Callable[[_T], object], argument: _T) -> IngestError | None:
    """How it is refused; None: it is taken. Any other exception is a failure of the test."""
    try:
        call(argument)
    except IngestError as error:
        return error
    return None


def mutations(row: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The row without each attribute, and with each of the wrong values in its place."""
    for name in row.keys() - {"pk", "sk"}:
        yield name, {key: value for key, value in row.items() if key != name}
        for wrong in WRONG:
            yield name, {**row, name: wrong}


@pytest.mark.parametrize("who", READERS)
def test_a_row_is_taken_or_refused_in_a_sentence(who: str) -> None:
    rows, refused = sound(), 0
    whole = Rows(rows)
    taken = refusal(READERS[who], table_of(whole))
    assert taken is None or isinstance(taken, LockedError), "a lock is held, and all else is as it should be"
    for pk, row in rows.items():
        if pk not in whole.asked:
            continue
        for name, changed in mutations(row):
            # Without the key, and signed by somebody who has it, so that the MAC does not hide what comes behind it.
            signed = changed
            if {name, *changed} >= {"mac", "kid"} and name not in {"mac", "kid"}:
                try:
                    signed = KEY.signed({key: value for key, value in changed.items() if key != "mac"})
                except ValueError:
                    signed = changed
            for one in (changed, signed):
                found = Rows({**rows, pk: one})
                error = refusal(READERS[who], table_of(found))
                if error is None:
                    continue
                refused += 1
                assert error.exit_code in {ExitCode.USAGE, ExitCode.UNUSABLE, ExitCode.LOCKED}
                assert len(str(error)) < 600
                if error.exit_code != ExitCode.LOCKED:  # that sentence names the host, as it stands in the row
                    assert CANARY not in str(error)
                assert not found.changed, "nothing was written or deleted"
    assert refused > 20


def test_the_sentence_names_the_row_the_attribute_and_what_to_try() -> None:
    rows = sound()
    lock = {**rows["_lock#demo"], "pid": {"N": "1.5"}}
    with pytest.raises(IngestError) as caught:
        look(table_of(Rows({"_lock#demo": lock})), "demo", NOW_S)
    assert str(caught.value) == (
        'the row "_lock#demo" of the table "people" cannot be read: `pid` is not a whole number from 0 to 2147483647; '
        "`ingest-cli table unlock demo` removes it, if no load is running"
    )
    assert caught.value.exit_code == ExitCode.UNUSABLE


def test_a_forged_row_says_so() -> None:
    rows = sound()
    row = {**rows["_dataset#demo"], "counts": {"M": {"items": {"N": "1"}}}}
    with pytest.raises(UntrustedStateError) as caught:
        Catalog(table_of(Rows({"_dataset#demo": row})), PEPPER).dataset("demo")
    assert str(caught.value) == (
        'the row "_dataset#demo" of the table "people" is not authentic: its MAC does not match the pepper "k1", so it '
        "was changed without it or damaged; nothing was written or deleted. Give the --key that the dataset was "
        "loaded with, or load it again with --restart"
    )
    assert caught.value.exit_code == ExitCode.USAGE


def test_a_state_of_one_dataset_is_none_of_another() -> None:
    moved = {**sound()["_run#demo"], "pk": {"S": "_run#other"}}
    with pytest.raises(UntrustedStateError, match="not authentic"):
        TableLedger(table_of(Rows({"_run#other": moved})), "other", "run-2", KEY).read()


def test_a_raise_of_nobody_lowers_nothing() -> None:
    row = {**sound()["_capacity"], "wcu": {"N": "1"}}
    rows = Rows({"_capacity": row})
    with pytest.raises(UntrustedStateError, match="the capacity was not changed"):
        restore(table_of(rows), KEY, now_s=lambda: NOW_S + 1000)
    assert not rows.changed


def places(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something stands in a JSON document."""
    yield path
    if isinstance(document, dict):
        for name, value in document.items():
            yield from places(value, (*path, name))
    elif isinstance(document, list):
        for number, value in enumerate(document):
            yield from places(value, (*path, number))


def replaced(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    """The document with something else in that place; `...`: with nothing there."""
    if not path:
        return value
    copy = document.copy()
    if len(path) == 1 and value is ...:
        del copy[path[0]]
    else:
        copy[path[0]] = replaced(document[path[0]], path[1:], value)
    return copy


STATE_VALUES: tuple[Any, ...] = (
    None, True, 1.5, -1, float("nan"), float("inf"), 10**30, "", CANARY, [], {}, [[[[]]]], [1, 2], {"a": -1}, ...,
)  # fmt: skip


def test_a_state_is_taken_or_refused_in_a_sentence() -> None:
    document, refused = plain_state(), 0
    for path in places(document):
        for value in STATE_VALUES:
            if not path and value is ...:
                continue
            packed = zlib.compress(json.dumps(replaced(document, path, value)).encode())
            error = refusal(Checkpoint.from_bytes, packed)
            if error is None:
                written = Checkpoint.from_bytes(packed).to_bytes()
                assert Checkpoint.from_bytes(written).to_bytes() == written
            else:
                refused += 1
                assert error.exit_code == ExitCode.USAGE
                assert CANARY not in str(error)
    assert refused > 300


@pytest.mark.parametrize(
    "value", [1.5, -1, float("nan"), True, "1", 2**63, None, [], {}], ids=lambda value: type(value).__name__
)
@pytest.mark.parametrize("path", [("rejects_bytes",), ("closed_rows",), ("account", "rows_read"), ("shards", 0, 0)])
def test_a_count_is_a_whole_number(path: tuple[Any, ...], value: Any) -> None:
    if path == ("shards", 0, 0) and value is None:
        return  # the number of members is not known
    with pytest.raises(UntrustedStateError):
        Checkpoint.from_bytes(zlib.compress(json.dumps(replaced(plain_state(), path, value)).encode()))


FEW_PARTS = 20_000
"""Stands for `MAX_PARTS`, which take so long to count under `tracemalloc`."""


def zeros() -> bytes:
    packing = zlib.compressobj(9)
    return b"".join([*(packing.compress(bytes(1 << 20)) for _ in range(128)), packing.flush()])


def with_many(parts: bytes) -> bytes:
    """A state with one part more than there may be."""
    text = json.dumps({**plain_state(), "shards": "HERE"}).encode()
    return zlib.compress(text.replace(b'"HERE"', parts % (b"0," * FEW_PARTS)))


BOMBS: Mapping[str, Callable[[], bytes]] = {
    "zeros": zeros,
    "sources": lambda: with_many(b"[%b0]"),
    "members": lambda: with_many(b"[[null,[%b0]]]"),
    "lists": lambda: zlib.compress(b"[" * (MAX_BYTES // 2) + b"]" * (MAX_BYTES // 2)),
    "mappings": lambda: zlib.compress(b'{"a":' * 1_000_000 + b"1" + b"}" * 1_000_000),
    "digits": lambda: zlib.compress(b'{"version":' + b"9" * 5_000 + b"}"),
    "two states": lambda: state() + state(),
}
"""States that are small, and take much to unpack."""


@pytest.mark.parametrize("name", BOMBS)
def test_unpacking_is_bounded(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = BOMBS[name]()
    if name in {"sources", "members"}:
        monkeypatch.setattr(checkpoints, "MAX_PARTS", FEW_PARTS)
    tracemalloc.start()
    try:
        with pytest.raises(UntrustedStateError, match="the saved checkpoint is damaged; start over with --restart"):
            Checkpoint.from_bytes(bomb)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < (FEW_PARTS * 250 if name in {"sources", "members"} else 64 << 20), name


def test_what_could_not_be_read_again_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "MAX_PARTS", 2)
    identity = Identity("demo", "t", "s", "m", "k1", "c", "g")
    assert Checkpoint.from_bytes(Checkpoint.new(identity, 2).to_bytes()).shards
    with pytest.raises(IngestError, match=r"too large to be saved .* split the manifest") as caught:
        Checkpoint.new(identity, 3).to_bytes()
    assert caught.value.exit_code == ExitCode.USAGE


def test_what_is_counted_when_written_is_what_is_counted_when_read(monkeypatch: pytest.MonkeyPatch) -> None:
    many = Checkpoint.from_bytes(state())
    many.shards += [SourceRanges() for _ in range(3)]
    for member in range(4):
        many.shards[1].add(member, Span(Position(8, 0, 0), Position(9, 0, 0)))
    many.shards[2].source_read(0)
    packed, parts = many.to_bytes(), sum(shard.parts for shard in many.shards)
    monkeypatch.setattr(checkpoints, "MAX_PARTS", parts)
    assert Checkpoint.from_bytes(packed).to_bytes() == packed
    monkeypatch.setattr(checkpoints, "MAX_PARTS", parts - 1)
    with pytest.raises(StateTooLargeError):
        many.to_bytes()
    with pytest.raises(UntrustedStateError):
        Checkpoint.from_bytes(packed)
