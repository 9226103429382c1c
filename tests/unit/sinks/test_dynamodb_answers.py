"""When an answer to BatchWriteItem counts: only if it parses, is what was sent, and says what was left."""

from __future__ import annotations

import json
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_cli.errors import IngestError, RefusedBatchError, TableError, ThrottledError, TransientFaultError
from ingest_cli.items.batching import Batch
from ingest_cli.sinks.dynamodb import interpret
from ingest_cli.sinks.interface import Receipt
from ingest_cli.sinks.transports.interface import Answer
from tests.support.pipelines import BytesSource, manifest, run

CSV = "PHONE\n" + "".join(f"01234{i:05d}\n" for i in range(5))
[WORK] = run(manifest({"PHONE": "phone"}), [BytesSource(CSV.encode())]).works
BATCH = Batch(WORK.items, np.array([0, 1, 3, 4]))
PUTS = json.loads(BATCH.body("people"))["RequestItems"]["people"]
STRANGER = json.loads(WORK.items.request[2].as_py()[:-1])
ARN = "arn:aws:dynamodb:ap-southeast-1:000000000000:table/people"


def answer(document: Any, status: int = 200) -> Answer:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return Answer(status, body, str(zlib.crc32(body)))


def left(*puts: Any, table: str = "people", **more: Any) -> Answer:
    return answer({"UnprocessedItems": {table: list(puts)} if puts else {}, **more})


def test_an_answer_that_leaves_nothing_acknowledges_everything() -> None:
    consumed = [{"TableName": "people", "CapacityUnits": 4.0}]
    assert interpret(left(ConsumedCapacity=consumed), BATCH, "people") == Receipt(4, 4.0)
    assert interpret(left(), BATCH, "people") == Receipt(4, 0.0)


def test_without_a_checksum_the_rest_still_has_to_be_right() -> None:
    assert interpret(Answer(200, b'{"UnprocessedItems":{}}', None), BATCH, "people").acknowledged == 4
    with pytest.raises(TransientFaultError, match="no_acknowledgement"):
        interpret(Answer(200, b"{}", None), BATCH, "people")


@pytest.mark.parametrize("table", ["people", ARN])
@pytest.mark.parametrize("named", ["people", ARN])
def test_the_remainder_is_found_by_its_keys_whatever_the_table_is_called(table: str, named: str) -> None:
    if (table, named) == ("people", ARN):
        with pytest.raises(TransientFaultError):
            interpret(left(PUTS[3], table=named), BATCH, table)
        return
    receipt = interpret(left(PUTS[3], PUTS[1], table=named), BATCH, table)
    assert receipt.acknowledged == 2
    assert receipt.unprocessed is not None
    assert receipt.unprocessed.index.tolist() == [1, 4], "in the chunk's own order"


BROKEN: dict[str, Any] = {
    "nothing": b"",
    "half": b'{"UnprocessedItems":{',
    "html": b"<html></html>",
    "no UTF-8": b'{"UnprocessedItems":{}, "\xff": 1}',
    "too deep": b"[" * 100_000,
    "null": None,
    "a list": [{"UnprocessedItems": {}}],
    "an empty object": {},
    "null for a map": {"UnprocessedItems": None},
    "a list for a map": {"UnprocessedItems": []},
    "another table": {"UnprocessedItems": {"others": [PUTS[0]]}},
    "another table too": {"UnprocessedItems": {"people": [PUTS[0]], "others": [PUTS[1]]}},
    "an item never sent": {"UnprocessedItems": {"people": [STRANGER]}},
    "an item twice": {"UnprocessedItems": {"people": [PUTS[0], PUTS[0]]}},
    "an item without a key": {"UnprocessedItems": {"people": [{"PutRequest": {"Item": {"pk": {"S": "x"}}}}]}},
    "a deletion": {"UnprocessedItems": {"people": [{"DeleteRequest": {"Key": {}}}]}},
    "a key that is none": {
        "UnprocessedItems": {"people": [{"PutRequest": {"Item": {"pk": {"S": []}, "sk": {"S": []}}}}]}
    },
    "a map for a list": {"UnprocessedItems": {"people": PUTS[0]}},
    "text for a put": {"UnprocessedItems": {"people": ["PutRequest"]}},
    "text for units": {"UnprocessedItems": {}, "ConsumedCapacity": [{"CapacityUnits": "4"}]},
    "no units": {"UnprocessedItems": {}, "ConsumedCapacity": [{}]},
    "a number for capacity": {"UnprocessedItems": {}, "ConsumedCapacity": 4},
    "boundless units": {"UnprocessedItems": {}, "ConsumedCapacity": [{"CapacityUnits": 10**400}]},
    "units that are no number": {"UnprocessedItems": {}, "ConsumedCapacity": [{"CapacityUnits": float("nan")}]},
    "infinite units": {"UnprocessedItems": {}, "ConsumedCapacity": [{"CapacityUnits": float("inf")}]},
    "units given back": {"UnprocessedItems": {}, "ConsumedCapacity": [{"CapacityUnits": -1.0}]},
    "units beyond belief": {"UnprocessedItems": {}, "ConsumedCapacity": [{"CapacityUnits": 1e9}]},
}


@pytest.mark.parametrize("broken", BROKEN)
def test_an_answer_that_makes_no_sense_acknowledges_nothing(broken: str) -> None:
    with pytest.raises(TransientFaultError) as caught:
        interpret(answer(BROKEN[broken]), BATCH, "people")
    assert not isinstance(caught.value, ThrottledError)


def test_units_of_indexes_count_and_may_be_many() -> None:
    answered = left(ConsumedCapacity=[{"CapacityUnits": 4.0 * 51}])
    assert interpret(answered, BATCH, "people").wcu == 204.0


def test_units_of_what_was_replaced_count_and_may_be_many() -> None:
    """A request costs as much as the larger of what was there and what is there then."""
    answered = left(ConsumedCapacity=[{"CapacityUnits": 4.0 * 400}])
    assert interpret(answered, BATCH, "people").wcu == 1600.0


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("InvalidSignatureException", "Signature expired: 20261123T170000Z is now earlier than 20261123T172500Z"),
        ("InvalidSignatureException", "Signature not yet current: 20261123T180000Z is still later than"),
        ("RequestExpired", None),
        ("RequestTimeTooSkewed", "The difference between the request time and the current time is too large."),
    ],
)
@pytest.mark.parametrize("member", ["message", "Message"])
def test_a_signature_that_came_too_late_is_made_again(code: str, message: str | None, member: str) -> None:
    document = {"__type": f"com.amazon.coral.service#{code}", member: message}
    with pytest.raises(TransientFaultError, match="stale_signature"):
        interpret(answer(document, 400), BATCH, "people")


@pytest.mark.parametrize("message", [None, 7, "", "The request signature we calculated does not match"])
def test_a_signature_with_a_wrong_secret_is_not(message: object) -> None:
    with pytest.raises(TableError):
        interpret(answer({"__type": "InvalidSignatureException", "message": message}, 400), BATCH, "people")


@pytest.mark.parametrize("crc32", ["0", "", "-1", "not a number"])
def test_a_checksum_of_something_else_acknowledges_nothing(crc32: str) -> None:
    with pytest.raises(TransientFaultError, match="bad_checksum"):
        interpret(Answer(200, b'{"UnprocessedItems":{}}', crc32), BATCH, "people")


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("document", [b"", b"<html>Bad gateway</html>", {}, {"message": "?"}])
def test_a_server_error_needs_no_sense_to_be_one(status: int, document: Any) -> None:
    with pytest.raises(TransientFaultError, match=f"http_{status}"):
        interpret(answer(document, status), BATCH, "people")


PREFIX = "com.amazonaws.dynamodb.v20120810#"


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("InternalServerError", 500, TransientFaultError),
        ("ServiceUnavailable", 503, TransientFaultError),
        ("ReplicatedWriteConflictException", 400, TransientFaultError),
        ("ProvisionedThroughputExceededException", 400, ThrottledError),
        ("RequestLimitExceeded", 400, ThrottledError),
        ("com.amazon.coral.availability#ThrottlingException", 400, ThrottledError),
        ("ThrottlingException", 503, ThrottledError),
        ("com.amazon.coral.validate#ValidationException", 400, RefusedBatchError),
        ("SerializationException", 400, RefusedBatchError),
        ("ItemCollectionSizeLimitExceededException", 400, RefusedBatchError),
        ("NeverHeardOfException", 400, TransientFaultError),
    ],
)
def test_errors_are_told_by_their_name_whatever_its_prefix(code: str, status: int, kind: type[Exception]) -> None:
    for name in (code, PREFIX + code.rpartition("#")[2]):
        with pytest.raises(kind) as caught:
            interpret(answer({"__type": name}, status), BATCH, "people")
        assert type(caught.value) is kind


@pytest.mark.parametrize("member", ["ThrottlingReasons", "throttlingReasons"])
@pytest.mark.parametrize(
    ("reason", "scope"),
    [
        ("TableWriteProvisionedThroughputExceeded", "table"),
        ("TableWriteMaxOnDemandThroughputExceeded", "table"),
        ("TableWriteAccountLimitExceeded", "account"),
        ("TableWriteKeyRangeThroughputExceeded", "key_range"),
        ("IndexWriteProvisionedThroughputExceeded", "index"),
        ("IndexWriteKeyRangeThroughputExceeded", "index"),
        ("SomethingNew", "unknown"),
    ],
)
def test_whose_limit_a_throttle_was(member: str, reason: str, scope: str) -> None:
    document = {"__type": "ThrottlingException", member: [{"reason": reason, "resource": f"{ARN}/index/by-name"}]}
    with pytest.raises(ThrottledError) as caught:
        interpret(answer(document, 400), BATCH, "people")
    assert caught.value.scope == scope
    assert caught.value.reason == (f"{reason}:by-name" if scope == "index" else reason)


def test_what_the_other_side_calls_things_is_not_repeated_if_it_is_no_word() -> None:
    document = {"__type": "ThrottlingException", "ThrottlingReasons": [{"reason": "\x1b[31m 850101-14-5678"}]}
    with pytest.raises(ThrottledError) as caught:
        interpret(answer(document, 400), BATCH, "people")
    assert caught.value.reason == "ThrottlingException"


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["UnprocessedItems", "people", "PutRequest", "Item", "pk", "sk", "S", "reason", "__type"]),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=8,
)
MEMBERS = st.sampled_from(
    ["UnprocessedItems", "ConsumedCapacity", "ThrottlingReasons", "throttlingReasons", "__type", "message"]
)
NAMES = st.sampled_from(["ThrottlingException", "ValidationException", "AccessDeniedException", "#", ""])


@given(
    st.sampled_from([200, 200, 200, 204, 301, 400, 403, 413, 500]),
    st.dictionaries(MEMBERS, st.one_of(JSON, NAMES), max_size=4),
)
def test_whatever_the_answer_it_is_understood_or_not_but_never_a_crash(status: int, document: dict[str, Any]) -> None:
    try:
        receipt = interpret(answer(document, status), BATCH, "people")
    except (TransientFaultError, RefusedBatchError, IngestError):
        return
    assert status == 200
    assert document["UnprocessedItems"] in ({}, {"people": []})
    assert receipt.acknowledged == len(BATCH)
