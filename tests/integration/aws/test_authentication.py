"""MACs of reserved rows and state files: over what they say, where they stand, and by which pepper."""

from __future__ import annotations

import base64
import hmac
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_cli.aws.authentication import MAX_NESTING, StateKey, authenticate, authenticated_file
from ingest_cli.aws.capacity.raise_record import RaiseRow
from ingest_cli.aws.capacity.restore import restore
from ingest_cli.aws.capacity.temporary_raise import Scaling
from ingest_cli.aws.table import Table
from ingest_cli.errors import ExitCode, UntrustedStateError
from ingest_cli.model.keys import Pepper

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[2] / "support/key_vectors.json").read_text())
PEPPER = Pepper(VECTORS["kid"], bytes.fromhex(VECTORS["pepper_hex"]))
KEY, OTHER = StateKey.of(PEPPER), StateKey.of(Pepper("k2", bytes(range(1, 33))))

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
numbers = st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**9), max_value=10**9)
values: st.SearchStrategy[dict[str, Any]] = st.recursive(
    st.one_of(
        texts.map(lambda one: {"S": one}),
        numbers.map(lambda one: {"N": str(one)}),
        st.binary(max_size=8).map(lambda one: {"B": one}),
        st.booleans().map(lambda one: {"BOOL": one}),
        st.just({"NULL": True}),
        st.sets(texts, min_size=1, max_size=3).map(lambda one: {"SS": list(one)}),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda one: {"L": one}),
        st.dictionaries(texts, inner, max_size=3).map(lambda one: {"M": one}),
    ),
    max_leaves=6,
)
rows = st.dictionaries(texts.filter(lambda name: name not in {"pk", "sk", "mac", "kid"}), values, max_size=4)


def row(attributes: dict[str, Any], pk: str = "_dataset#demo", sk: str = "_") -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"S": sk}, **attributes}


def check(item: dict[str, Any], key: StateKey | None = KEY) -> bool:
    return authenticate(item, key, "the row", "try something")


def test_the_subkey_is_that_of_the_vectors() -> None:
    assert PEPPER.subkey("state").hex() == VECTORS["state_subkey"]


def test_the_mac_is_over_the_key_and_canonical_json() -> None:
    """By hand, so that another program can check a row as well."""
    item = row({"title": {"S": "Kenari é"}, "n": {"N": "1.50"}, "ids": {"SS": ["b", "a"]}, "raw": {"B": b"\xff"}})
    canonical = (
        '{"ids":{"SS":["a","b"]},"kid":{"S":"k1"},"n":{"N":"15E-1"},"raw":{"B":"/w=="},"title":{"S":"Kenari é"}}'
    )
    message = b"_dataset#demo\0_\0" + canonical.encode()
    expected = hmac.digest(bytes.fromhex(VECTORS["state_subkey"]), message, "sha256")
    assert KEY.signed(item)["mac"] == {"B": expected}


@given(rows)
def test_what_was_signed_is_authentic_and_what_names_another_pepper_is_not_known(attributes: dict[str, Any]) -> None:
    signed = KEY.signed(row(attributes))
    assert check(signed)
    assert not check(signed, OTHER)
    assert not check(signed, None)


@given(rows, values, st.data())
def test_no_change_goes_unnoticed(attributes: dict[str, Any], value: dict[str, Any], data: st.DataObject) -> None:
    signed = KEY.signed(row(attributes))
    name = data.draw(st.sampled_from([*attributes, "pk", "sk", "mac", "another"]))
    changed = {**signed, name: value}
    if name in {"pk", "sk"}:
        changed[name] = {"S": signed[name]["S"] + "x"}
    unchanged = KEY.signed(changed)["mac"] == signed["mac"] and name != "mac"
    if unchanged:
        assert check(changed), "another spelling of the same"
        return
    with pytest.raises(
        UntrustedStateError, match="the row is not authentic: its MAC does not match the pepper"
    ) as said:
        check(changed)
    assert said.value.exit_code == ExitCode.USAGE


def test_a_row_of_another_dataset_is_not_authentic_here() -> None:
    signed = KEY.signed(row({"state": {"S": "complete"}}))
    with pytest.raises(UntrustedStateError):
        check({**signed, "pk": {"S": "_dataset#other"}})


@pytest.mark.parametrize("kid", [None, {"N": "1"}, {"S": "no kid"}, {"S": ""}, "k1", {"S": "K1"}])
def test_a_row_that_names_no_pepper_is_refused(kid: Any) -> None:
    signed = KEY.signed(row({}))
    with pytest.raises(UntrustedStateError, match="names no pepper"):
        check({**signed, "kid": kid})


@pytest.mark.parametrize(
    "value",
    [
        None, 1, [], {}, {"S": 1}, {"N": "nan"}, {"N": "Infinity"}, {"N": "x"}, {"N": 1}, {"N": "9" * 500}, {"B": "x"},
        {"BOOL": 1}, {"SS": "a"}, {"SS": [1]}, {"X": "a"}, {"S": "a", "N": "1"}, {"M": []}, {"L": {}},
    ],
)  # fmt: skip
def test_what_dynamodb_has_no_type_for_is_refused(value: Any) -> None:
    signed = KEY.signed(row({}))
    with pytest.raises(UntrustedStateError):
        check({**signed, "more": value})


def test_nesting_beyond_what_dynamodb_allows_is_refused() -> None:
    value: dict[str, Any] = {"S": "deep"}
    for _ in range(MAX_NESTING):
        value = {"L": [value]}
    assert check(KEY.signed(row({"deep": value})))
    signed = KEY.signed(row({}))
    for _ in range(5000):
        value = {"L": [value]}
    with pytest.raises(UntrustedStateError):
        check({**signed, "deep": value})


@given(numbers)
def test_numbers_are_one_in_whichever_spelling(number: Decimal) -> None:
    """DynamoDB gives them back without zeros at their end, or with an exponent."""
    spellings = {str(number), f"{number:f}", f"{number.normalize()}", f"{number:E}"}
    macs = {KEY.signed(row({"n": {"N": one}}))["mac"]["B"] for one in spellings}
    assert len(macs) == 1


def test_a_row_that_the_table_has_kept_is_authentic(table: Table) -> None:
    item = KEY.signed(row({"n": {"N": "1900000000.000"}, "state": {"B": b"\0\xff"}, "ids": {"SS": ["b", "a"]}}))
    table.client.put_item(TableName=table.target.table, Item=item)
    key = {"pk": item["pk"], "sk": item["sk"]}
    assert check(dict(table.client.get_item(TableName=table.target.table, Key=key)["Item"]))


@given(st.binary(max_size=64), st.data())
def test_a_file_is_authentic_whole_and_under_its_name_only(content: bytes, data: st.DataObject) -> None:
    signed = KEY.signed_file("ingest-state", content)

    def read(found: bytes, name: str = "ingest-state", key: StateKey = KEY) -> tuple[bytes, bool]:
        one = authenticated_file(found, name, key, "the file", "try something")
        return one.content, one.is_authentic

    assert read(signed) == (content, True)
    assert read(signed, key=OTHER) == (content, False)
    at = data.draw(st.integers(0, len(signed) - 1))
    flipped = signed[:at] + bytes([signed[at] ^ (1 << data.draw(st.integers(0, 7)))]) + signed[at + 1 :]
    for changed in (flipped, signed[:at], signed + b"x"):
        try:
            _, is_authentic = read(changed)
        except UntrustedStateError:
            continue
        assert not is_authentic, "it names another pepper"
    with pytest.raises(UntrustedStateError):
        read(signed, "another")


def test_the_key_is_never_shown() -> None:
    secret = PEPPER.subkey("state")
    for shown in (repr(KEY), str(KEY)):
        assert secret.hex() not in shown
        assert repr(secret) not in shown
        assert base64.b64encode(secret).decode() not in shown


def test_a_row_names_the_table_that_it_was_written_to() -> None:
    here, there = KEY.for_table("table-1"), KEY.for_table("table-2")
    signed = here.signed(row({"state": {"S": "complete"}}))
    assert signed["table"] == {"S": "table-1"}
    assert (here.is_elsewhere(signed), there.is_elsewhere(signed), KEY.is_elsewhere(signed)) == (False, True, False)
    assert here.is_elsewhere(KEY.signed(row({}))), "names none"
    with pytest.raises(UntrustedStateError):
        check({**signed, "table": {"S": "table-2"}})


def test_a_raise_of_another_table_is_not_undone(table: Table) -> None:
    table.client.put_item(TableName=table.target.table, Item=_raise_of(KEY.for_table("another")))
    found = RaiseRow(table, lambda: 0.0, KEY).read()
    assert found is not None
    assert (found.is_authentic, found.is_elsewhere) == (False, True)
    scaling = Scaling(table, KEY)
    scaling.recover()
    scaling.finish()
    assert scaling.fault is None
    assert ["is of another table" in note for note in scaling.notes] == [True]
    assert RaiseRow(table, lambda: 0.0, KEY).read() is not None
    (said,) = restore(table, KEY)
    assert "it was removed, and the capacity left unchanged" in said
    assert RaiseRow(table, lambda: 0.0, KEY).read() is None


def _raise_of(key: StateKey) -> dict[str, Any]:
    numbers = {name: {"N": "5"} for name in ("wcu", "rcu", "raised_wcu", "began", "pid", "expires")}
    texts = {name: {"S": "-"} for name in ("token", "host", "machine", "started")}
    return key.signed({"pk": {"S": "_capacity"}, "sk": {"S": "_"}, **numbers, **texts})
