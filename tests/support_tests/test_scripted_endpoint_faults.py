"""The scripted endpoint against the real boto3 client: throttling, faults, signatures, other processes."""

from __future__ import annotations

import json
import socket
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from tests.support.endpoint import (
    Credentials,
    Endpoint,
    EndpointProcess,
    FakeClock,
    Fault,
    Limits,
    Rule,
    faults,
    make_certificate,
)
from tests.support.endpoint.clients import (
    TABLE,
    Client,
    connected,
    create,
    outcome,
    person,
    provisioned,
    puts,
    refusal,
)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def endpoint(clock: FakeClock) -> Iterator[Endpoint]:
    with Endpoint(clock=clock) as running:
        yield running


@pytest.fixture
def client(endpoint: Endpoint) -> Iterator[Client]:
    with connected(endpoint.client_arguments) as made:
        create(made)
        yield made


@pytest.mark.parametrize(
    ("limits", "billing", "code", "member", "reason"),
    [
        (
            Limits(),
            provisioned(5),
            "ProvisionedThroughputExceededException",
            "ThrottlingReasons",
            "TableWriteProvisionedThroughputExceeded",
        ),
        (
            Limits(key_wcu_per_s=5),
            provisioned(100),
            "ProvisionedThroughputExceededException",
            "ThrottlingReasons",
            "TableWriteKeyRangeThroughputExceeded",
        ),
        (
            Limits(on_demand_wcu_per_s=5, account_wcu_per_s=5),
            {},
            "RequestLimitExceeded",
            "ThrottlingReasons",
            "TableWriteAccountLimitExceeded",
        ),
        (
            Limits(),
            {"BillingMode": "PAY_PER_REQUEST", "OnDemandThroughput": {"MaxWriteRequestUnits": 5}},
            "ThrottlingException",
            "throttlingReasons",
            "TableWriteMaxOnDemandThroughputExceeded",
        ),
    ],
)
def test_capacity_runs_out_and_comes_back(
    limits: Limits, billing: dict[str, Any], code: str, member: str, reason: str, *, clock: FakeClock
) -> None:
    with Endpoint(clock=clock, limits=limits) as endpoint, connected(endpoint.client_arguments) as client:
        create(client, **billing)
        items = [person("hot", f"d#{n}") for n in range(8)]
        left = client.batch_write_item(RequestItems=puts(*items))["UnprocessedItems"]
        assert left == puts(*items[5:])
        with pytest.raises(ClientError) as caught:
            client.batch_write_item(RequestItems=left)
        answer: Any = caught.value.response
        assert answer["Error"]["Code"] == code
        arn = client.describe_table(TableName=TABLE)["Table"]["TableArn"]
        assert answer[member] == [{"reason": reason, "resource": arn}]
        clock.advance(0.2)
        client.put_item(TableName=TABLE, Item=person("hot", "again"))
        assert refusal(lambda: client.put_item(TableName=TABLE, Item=person("hot", "more")))[0] == code


def test_another_client_takes_its_turns(clock: FakeClock) -> None:
    limits = Limits(others_wcu_per_s=((10, 0), (5, 7), (5, 20)))
    with Endpoint(clock=clock, limits=limits) as endpoint, connected(endpoint.client_arguments) as client:
        create(client, **provisioned(10))
        clock.advance(20 - clock() % 20)
        batch = puts(*(person(str(n)) for n in range(20)))

        def processed() -> int:
            try:
                return 20 - len(client.batch_write_item(RequestItems=batch)["UnprocessedItems"].get(TABLE, []))
            except ClientError:
                return 0

        assert processed() == 0  # at the end of a stretch in which the other wants more than there is
        seconds = []
        for _ in range(40):
            clock.advance(1)
            seconds.append(processed())
        assert seconds == 2 * [*[10] * 10, *[3] * 5, *[0] * 5]
        clock.advance(1_000_010)
        assert processed() == 10


def test_an_on_demand_table_doubles_what_it_serves(clock: FakeClock) -> None:
    limits = Limits(on_demand_wcu_per_s=4, doubling_s=60, partition_wcu_per_s=100)
    with Endpoint(clock=clock, limits=limits) as endpoint, connected(endpoint.client_arguments) as client:
        create(client)
        batch = puts(*(person(str(n)) for n in range(20)))

        def processed() -> int:
            return 20 - len(client.batch_write_item(RequestItems=batch)["UnprocessedItems"].get(TABLE, []))

        assert processed() == 4
        clock.advance(1)
        assert processed() == 4
        clock.advance(60)
        assert processed() == 8


FAILURES: dict[str, tuple[Fault, str, bool]] = {
    # fault, what boto3 makes of it, whether the put was applied
    "500 before": (faults.server_error(), "InternalServerError", False),
    "500 after": (faults.server_error(after=True), "InternalServerError", True),
    "503": (faults.unavailable(), "ServiceUnavailable", False),
    "reset before": (faults.reset(), "ConnectionClosedError", False),
    "reset after": (faults.reset(after=True), "ConnectionClosedError", True),
    "hang before": (faults.hang(), "ReadTimeoutError", False),
    "hang after": (faults.hang(after=True), "ReadTimeoutError", True),
    "late": (faults.delay(60), "ReadTimeoutError", True),
    "truncated": (faults.truncate(), "success", True),
    "cut JSON": (faults.cut_json(), "success", True),
    "wrong CRC": (faults.wrong_crc(), "success", True),
    "HTML": (faults.html(), "success", True),
    "empty object": (faults.empty_object(), "success", True),
    "expired": (faults.error("ExpiredTokenException"), "ExpiredTokenException", False),
    "unknown key": (faults.error("UnrecognizedClientException"), "UnrecognizedClientException", False),
    "forbidden": (faults.error("AccessDeniedException"), "AccessDeniedException", False),
    "conflict": (faults.error("ReplicatedWriteConflictException"), "ReplicatedWriteConflictException", False),
}


@pytest.mark.parametrize("case", FAILURES)
def test_a_fault_below_the_client(case: str, endpoint: Endpoint) -> None:
    fault, expected, applied = FAILURES[case]
    with connected(endpoint.client_arguments, read_timeout_s=0.2) as client:
        create(client)
        rule = endpoint.script.add(fault, operation="BatchWriteItem", nth=1)
        batch = puts(person("a"), person("b"))
        assert outcome(lambda: client.batch_write_item(RequestItems=batch)) == expected
        assert rule.fired == 1
        assert len(endpoint.items(TABLE)) == (2 if applied else 0)
        # Even where boto3 reports success, the endpoint has not acknowledged anything.
        assert endpoint.audit.acknowledged_keys(TABLE) == set()
        assert endpoint.audit.requests[-1].fault == fault.name
        client.batch_write_item(RequestItems=batch)
        assert endpoint.audit.acknowledged_keys(TABLE) == {("a", "d#1"), ("b", "d#1")}


def test_every_spelling_of_throttling_reasons(client: Client, endpoint: Endpoint) -> None:
    members = {
        "ProvisionedThroughputExceededException": "ThrottlingReasons",
        "RequestLimitExceeded": "ThrottlingReasons",
        "ThrottlingException": "throttlingReasons",
    }
    for kind, member in members.items():
        endpoint.script.add(faults.throttle("IndexWriteKeyRangeThroughputExceeded", kind=kind), times=1)
        with pytest.raises(ClientError) as caught:
            client.put_item(TableName=TABLE, Item=person("a"))
        answer: Any = caught.value.response
        assert answer["Error"]["Code"] == kind
        assert answer[member][0]["reason"] == "IndexWriteKeyRangeThroughputExceeded"


def test_part_of_a_batch_is_left(client: Client, endpoint: Endpoint) -> None:
    endpoint.script.add(faults.partial(7), operation="BatchWriteItem", times=1)
    items = [person(str(n)) for n in range(25)]
    left = client.batch_write_item(RequestItems=puts(*items))["UnprocessedItems"][TABLE]
    assert len(left) == 7
    returned = {put["PutRequest"]["Item"]["pk"]["S"] for put in left}
    stored = {pk for pk, _ in endpoint.items(TABLE)}
    assert returned | stored == {str(n) for n in range(25)}
    assert not returned & stored
    assert {pk for pk, _ in endpoint.audit.acknowledged_keys(TABLE)} == stored


def test_a_share_of_the_items_is_left(client: Client, endpoint: Endpoint) -> None:
    endpoint.script.rules.append(Rule.from_json(Rule(faults.partial(share=0.1), operation="BatchWriteItem").to_json()))
    left = []
    for first in range(0, 2500, 25):
        batch = puts(*(person(str(n)) for n in range(first, first + 25)))
        left.append(len(client.batch_write_item(RequestItems=batch)["UnprocessedItems"].get(TABLE, [])))
    assert 200 < sum(left) < 300
    assert min(left) == 0
    assert len(endpoint.items(TABLE)) == 2500 - sum(left)


def test_poison_and_changes_of_state(client: Client, endpoint: Endpoint, clock: FakeClock) -> None:
    endpoint.script.add(faults.error("ValidationException", "Bad item"), pk="poison")
    batch = puts(person("a"), person("poison"))
    assert refusal(lambda: client.batch_write_item(RequestItems=batch)) == ("ValidationException", "Bad item")
    client.batch_write_item(RequestItems=puts(person("a")))
    endpoint.script.add(faults.set_capacity(TABLE, 1), from_s=60, times=1)
    endpoint.script.add(faults.set_status(TABLE, "DELETING"), from_s=120, times=1)
    clock.advance(60)
    left = client.batch_write_item(RequestItems=puts(person("d"), person("e")))["UnprocessedItems"]
    assert left == puts(person("e"))
    clock.advance(60)
    assert refusal(lambda: client.put_item(TableName=TABLE, Item=person("f")))[0] == "ResourceNotFoundException"


def test_a_connection_is_closed_behind_a_true_answer() -> None:
    with Endpoint(credentials=None) as endpoint:
        endpoint.script.add(faults.close_after())
        address = urlsplit(endpoint.url)
        with socket.create_connection((address.hostname or "", address.port or 0)) as connection:
            connection.sendall(
                b"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: DynamoDB_20120810.ListTables\r\n"
                b"Content-Length: 2\r\n\r\n{}"
            )
            answer = b"".join(iter(partial(connection.recv, 65536), b""))
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b'{"TableNames":[]}')
    assert b"connection: close" not in answer.lower()


def test_chance_is_the_same_for_the_same_seed() -> None:
    def failures(seed: int) -> list[str]:
        with Endpoint(seed=seed) as endpoint, connected(endpoint.client_arguments) as client:
            endpoint.script.add(faults.server_error(), probability=0.5)
            return [outcome(client.list_tables) for _ in range(20)]

    first = failures(1)
    assert first == failures(1)
    assert set(first) == {"success", "InternalServerError"}


def test_signatures_are_verified(endpoint: Endpoint) -> None:
    arguments = endpoint.client_arguments
    wrong = {
        "InvalidSignatureException": {"aws_secret_access_key": "another"},
        "UnrecognizedClientException": {"aws_access_key_id": "AKIDUNKNOWN"},
    }
    for expected, change in wrong.items():
        with connected(arguments | change) as client:
            assert refusal(client.list_tables)[0] == expected
    with connected(arguments) as client:
        client.list_tables()
        client.meta.events.register(
            "before-send.dynamodb", lambda request, **_: request.headers.pop("Authorization") and None
        )
        assert refusal(client.list_tables)[0] == "MissingAuthenticationTokenException"


def test_temporary_credentials_expire() -> None:
    for expired, expected in ((False, "success"), (True, "ExpiredTokenException")):
        known = [Credentials("ASIATEMPORARY", "secret", "token", expired=expired)]
        with Endpoint(credentials=known) as endpoint, connected(endpoint.client_arguments) as client:
            assert outcome(client.list_tables) == expected


def test_every_answer_carries_its_crc(endpoint: Endpoint) -> None:
    address = urlsplit(endpoint.url)
    with socket.create_connection((address.hostname or "", address.port or 0)) as connection:
        for _ in range(2):  # on one connection
            connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
            answer = connection.recv(65536)
            head, _, body = answer.partition(b"\r\n\r\n")
            assert b"x-amz-crc32: %d" % zlib.crc32(body) in head
            assert b"x-amzn-RequestId: " in head


def test_in_another_process_with_tls_and_a_log(tmp_path: Path) -> None:
    log = tmp_path / "audit.jsonl"
    with EndpointProcess("--tls", "--audit", str(log)) as process:
        with connected(process.client_arguments) as client:
            create(client)
            process.add_rule(faults.server_error(after=True), operation="PutItem", times=1)
            assert outcome(lambda: client.put_item(TableName=TABLE, Item=person("a"))) == "InternalServerError"
            client.put_item(TableName=TABLE, Item=person("b"))
            assert process.control(limits={}, capacity={TABLE: 1}) == {"rules": [{"seen": 2, "fired": 1}]}
            left = client.batch_write_item(RequestItems=puts(person("c"), person("d")))["UnprocessedItems"]
            assert left == puts(person("d"))
        table = process.state()["tables"][TABLE]
        assert (table["status"], sorted(i["pk"]["S"] for i in table["items"])) == ("ACTIVE", ["a", "b", "c"])
        acknowledged = {w["pk"]: w["acknowledged"] for w in process.audit()["writes"]}
        assert acknowledged == {"a": False, "b": True, "c": True}
    logged = [json.loads(line) for line in log.read_text().splitlines()]
    assert {w["pk"]: w["acknowledged"] for w in logged if w["record"] == "write"} == acknowledged


def test_count_mode_keeps_exactly_what_was_sent() -> None:
    with EndpointProcess("--count") as process, connected(process.client_arguments) as client:
        create(client)
        for items in ([person("a"), person("b")], [person("a")], [person("b", n={"N": "1"})]):
            answer = client.batch_write_item(RequestItems=puts(*items), ReturnConsumedCapacity="TOTAL")
            assert answer["ConsumedCapacity"][0]["CapacityUnits"] == len(items)
        assert process.state()["shortcut"] == {"items": 4, "keys": 2, "conflicts": 1}


def test_tls_in_this_process(tmp_path: Path) -> None:
    with Endpoint(certificate=make_certificate(tmp_path)) as endpoint:
        with connected(endpoint.client_arguments) as client:
            assert client.list_tables()["TableNames"] == []
        with connected(endpoint.client_arguments | {"verify": True}) as client:
            assert outcome(client.list_tables) == "SSLError"
