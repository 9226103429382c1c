"""The DynamoDB sink over both transports, against an endpoint that fails on command: what counts as written."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import boto3
import botocore.session
import numpy as np
import pytest
from botocore.config import Config
from botocore.credentials import Credentials as BotoCredentials
from botocore.credentials import RefreshableCredentials
from botocore.exceptions import ClientError, CredentialRetrievalError

from ingest_cli.errors import ExitCode, IngestError, TableError, ThrottledError, TransientFaultError, TryAgainError
from ingest_cli.items.batching import Batch
from ingest_cli.sinks.dynamodb import DynamoDBSink
from ingest_cli.sinks.transports import curl
from ingest_cli.sinks.transports.boto import BotoTransport
from ingest_cli.sinks.transports.curl import CurlTransport
from ingest_cli.sinks.transports.interface import Transport
from tests.support.endpoint import Credentials, Endpoint, Fault, canonical_json, faults
from tests.support.pipelines import BytesSource, manifest, run
from tests.support.sinks import TRANSPORTS, TableByKey, content, create_table, transport

TABLE = "people"
CSV = "PHONE\n" + "".join(f"01234{i:05d}\n" for i in range(25))
[WORK] = run(manifest({"PHONE": "phone"}), [BytesSource(CSV.encode())]).works
BATCH = Batch(WORK.items, np.arange(25))
BOTH = pytest.mark.parametrize("name", TRANSPORTS)
HANG_TIMEOUT_S = 1


def expected(batch: Batch = BATCH) -> TableByKey:
    puts = json.loads(batch.body(TABLE))["RequestItems"][TABLE]
    every = [put["PutRequest"]["Item"] for put in puts]
    return {(item["pk"]["S"], item["sk"]["S"]): canonical_json(item) for item in every}


@pytest.fixture(scope="module")
def running() -> Iterator[Endpoint]:
    with Endpoint() as made:
        create_table(made.client_arguments, TABLE)
        yield made


@pytest.fixture
def endpoint(running: Endpoint) -> Iterator[Endpoint]:
    """The endpoint, its table empty and its script too."""
    yield running
    running.script.clear()
    with running.service.lock:
        running.service.state.tables.clear()
    create_table(running.client_arguments, TABLE)


@pytest.fixture
def sink(endpoint: Endpoint, name: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[DynamoDBSink]:
    monkeypatch.setattr(curl, "ANSWER_TIMEOUT_S", HANG_TIMEOUT_S)
    with transport(name, endpoint.client_arguments, read_timeout_s=HANG_TIMEOUT_S) as made:
        yield DynamoDBSink(made, TABLE)


def script(endpoint: Endpoint, fault: Fault, **conditions: Any) -> None:
    endpoint.script.add(fault, operation="BatchWriteItem", **conditions)


FAULTS = {
    "500": faults.server_error(),
    "500-after": faults.server_error(after=True),
    "503": faults.unavailable(),
    "replicated-write-conflict": faults.error("ReplicatedWriteConflictException"),
    "reset": faults.reset(),
    "reset-after": faults.reset(after=True),
    "truncated": faults.truncate(),
    "truncated-to-nothing": faults.truncate(0.0),
    "cut-json": faults.cut_json(),
    "cut-json-crc-of-the-whole": faults.cut_json(right_crc=False),
    "wrong-crc": faults.wrong_crc(),
    "html": faults.html(),
    "empty-object": faults.empty_object(),
    "empty-body": faults.cut_json(0.0),
    "hang": faults.hang(),
    "hang-after": faults.hang(after=True),
    "unheard-of-400": faults.error("NeverHeardOfException", status=400),
}


@pytest.mark.slow
@BOTH
@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_not_known_to_be_written_is_never_acknowledged(
    endpoint: Endpoint, sink: DynamoDBSink, fault: str
) -> None:
    script(endpoint, FAULTS[fault], times=1)
    with pytest.raises(TransientFaultError) as caught:
        sink.put(BATCH)
    assert not isinstance(caught.value, ThrottledError)
    assert caught.value.reason
    # Sending it again is all it takes, over the same transport.
    receipt = sink.put(BATCH)
    assert (receipt.acknowledged, receipt.unprocessed, receipt.refused) == (25, None, ())
    assert content(endpoint.client_arguments, TABLE) == expected()


@BOTH
@pytest.mark.parametrize(
    "kind", ["ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded"]
)
def test_a_throttle_is_told_apart(endpoint: Endpoint, sink: DynamoDBSink, kind: str) -> None:
    script(endpoint, faults.throttle("TableWriteProvisionedThroughputExceeded", kind=kind), times=1)
    with pytest.raises(ThrottledError):
        sink.put(BATCH)
    assert content(endpoint.client_arguments, TABLE) == {}
    assert sink.put(BATCH).acknowledged == 25


@BOTH
@pytest.mark.parametrize("left", [1, 7, 24])
def test_the_unprocessed_are_the_right_ones(endpoint: Endpoint, sink: DynamoDBSink, left: int) -> None:
    script(endpoint, faults.partial(left), times=1)
    receipt = sink.put(BATCH)
    assert (receipt.acknowledged, receipt.refused) == (25 - left, ())
    assert receipt.unprocessed is not None
    assert len(receipt.unprocessed) == left
    before = content(endpoint.client_arguments, TABLE)
    missing = expected(receipt.unprocessed)
    assert not before.keys() & missing.keys()
    assert before | missing == expected()
    assert sink.put(receipt.unprocessed).acknowledged == left
    assert content(endpoint.client_arguments, TABLE) == expected()


@BOTH
def test_all_may_be_unprocessed(endpoint: Endpoint, sink: DynamoDBSink) -> None:
    script(endpoint, faults.partial(25), times=1)
    receipt = sink.put(BATCH)
    assert receipt.acknowledged == 0
    assert receipt.unprocessed is not None
    assert receipt.unprocessed.item_keys() == BATCH.item_keys()


@BOTH
def test_remainders_of_remainders(endpoint: Endpoint, sink: DynamoDBSink) -> None:
    script(endpoint, faults.partial(), times=6)
    rest: Batch | None = BATCH
    acknowledged = 0
    for _ in range(40):
        if rest is None:
            break
        receipt = sink.put(rest)
        acknowledged += receipt.acknowledged
        rest = receipt.unprocessed
    assert (rest, acknowledged) == (None, 25)
    assert content(endpoint.client_arguments, TABLE) == expected()


@BOTH
def test_a_connection_closed_between_two_batches_is_no_harm(endpoint: Endpoint, sink: DynamoDBSink) -> None:
    script(endpoint, faults.close_after(), times=3)
    acknowledged = 0
    for _ in range(8):
        try:
            acknowledged += sink.put(BATCH).acknowledged
        except TransientFaultError:
            continue
    assert acknowledged >= 25 * 5
    assert content(endpoint.client_arguments, TABLE) == expected()


@BOTH
@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        ("AccessDeniedException", TableError, "AccessDeniedException"),
        ("UnrecognizedClientException", TableError, "UnrecognizedClientException"),
        ("InvalidSignatureException", TableError, "InvalidSignatureException"),
        ("ExpiredTokenException", TryAgainError, "credentials have expired"),
        ("ResourceNotFoundException", TryAgainError, 'the table "people" is gone'),
    ],
)
def test_what_no_further_try_will_change_ends_the_run(
    endpoint: Endpoint, sink: DynamoDBSink, code: str, kind: type[IngestError], words: str
) -> None:
    script(endpoint, faults.error(code), times=1)
    with pytest.raises(kind, match=words) as caught:
        sink.put(BATCH)
    assert caught.value.exit_code is (ExitCode.TRY_AGAIN if kind is TryAgainError else ExitCode.UNUSABLE)
    assert BATCH.item_keys()[0][0] not in str(caught.value)


@BOTH
def test_a_table_that_is_not_there(endpoint: Endpoint, name: str) -> None:
    with transport(name, endpoint.client_arguments) as made, pytest.raises(TryAgainError, match='"nobody" is gone'):
        DynamoDBSink(made, "nobody").put(BATCH)


@BOTH
def test_an_expired_session(name: str) -> None:
    with Endpoint(credentials=[Credentials("AKID", "secret", "token", expired=True)]) as endpoint:
        with transport(name, endpoint.client_arguments) as made, pytest.raises(TryAgainError) as caught:
            DynamoDBSink(made, TABLE).put(BATCH)
        assert caught.value.transient


@BOTH
def test_where_nobody_listens_it_is_worth_another_try(name: str) -> None:
    with Endpoint() as endpoint:
        arguments = endpoint.client_arguments
    with transport(name, arguments) as made, pytest.raises(TransientFaultError) as caught:
        DynamoDBSink(made, TABLE).put(BATCH)
    assert not isinstance(caught.value, ThrottledError)


class _Unrenewable(BotoCredentials):
    def get_frozen_credentials(self) -> Any:
        raise CredentialRetrievalError(provider="test", error_msg="the role is gone")


def _transport(name: str, endpoint: Endpoint, known: BotoCredentials) -> Transport:
    """A transport with these credentials, as a load makes it."""
    region = endpoint.client_arguments["region_name"]
    if name == "curl":
        return CurlTransport(curl.Endpoint(endpoint.url, region, None), known)
    session = botocore.session.get_session()
    session._credentials = known  # type: ignore[attr-defined] # there is no other way in
    config = Config(retries={"total_max_attempts": 1}, parameter_validation=False)
    client: Any = boto3.Session(region_name=region, botocore_session=session).client(
        "dynamodb", endpoint_url=endpoint.url, config=config
    )
    return BotoTransport(client, credentials=known)


@BOTH
def test_credentials_that_cannot_be_renewed(endpoint: Endpoint, name: str) -> None:
    made = _transport(name, endpoint, _Unrenewable("a", "b"))
    with closing(made), pytest.raises(TryAgainError, match="cannot be renewed") as caught:
        DynamoDBSink(made, TABLE).put(BATCH)
    assert caught.value.exit_code is ExitCode.TRY_AGAIN


def _ending(left: dt.timedelta, renew: Callable[[], dict[str, str]]) -> RefreshableCredentials:
    return RefreshableCredentials("AKIDFIRST", "secret", "token", dt.datetime.now(dt.UTC) + left, renew, "test")


def _refused() -> dict[str, str]:
    raise ClientError({"Error": {"Code": "AccessDenied", "Message": "sts:AssumeRole"}}, "AssumeRole")


def _issued(left: dt.timedelta) -> dict[str, str]:
    ends = (dt.datetime.now(dt.UTC) + left).isoformat()
    return {"access_key": "AKIDSECOND", "secret_key": "secret", "token": "token", "expiry_time": ends}


@BOTH
@pytest.mark.parametrize("renew", [_refused, lambda: _issued(-dt.timedelta(hours=1))], ids=["refused", "too-old"])
@pytest.mark.parametrize("keeps", [True, False], ids=["renewed-here", "renewed-by-the-client"])
def test_a_refused_renewal_is_no_bug_and_no_fault_of_the_table(
    endpoint: Endpoint, name: str, renew: Callable[[], dict[str, str]], *, keeps: bool
) -> None:
    made = _transport(name, endpoint, _ending(dt.timedelta(minutes=5), renew))
    if not keeps and isinstance(made, BotoTransport):
        made._credentials = None
    with closing(made), pytest.raises(TryAgainError, match="cannot be renewed") as caught:
        DynamoDBSink(made, TABLE).put(BATCH)
    assert caught.value.exit_code is ExitCode.TRY_AGAIN


@BOTH
def test_credentials_that_expire_before_their_time_are_renewed(name: str) -> None:
    known = [Credentials("AKIDFIRST", "secret", "token", expired=True), Credentials("AKIDSECOND", "secret", "token")]
    hour = dt.timedelta(hours=1)
    with Endpoint(credentials=known) as endpoint:
        arguments = {**endpoint.client_arguments, "aws_access_key_id": "AKIDSECOND"}
        create_table({**arguments, "aws_secret_access_key": "secret", "aws_session_token": "token"}, TABLE)
        with closing(_transport(name, endpoint, _ending(hour, lambda: _issued(hour)))) as made:
            sink = DynamoDBSink(made, TABLE)
            with pytest.raises(TransientFaultError, match="expired_credentials"):
                sink.put(BATCH)
            assert sink.put(BATCH).acknowledged == 25
            script(endpoint, faults.error("ExpiredTokenException"))
            with pytest.raises(TryAgainError, match="credentials have expired"):
                sink.put(BATCH)


@BOTH
def test_a_signature_that_came_too_late_is_made_anew(endpoint: Endpoint, sink: DynamoDBSink) -> None:
    late = "Signature expired: 20261123T170000Z is now earlier than 20261123T172500Z (20261123T173000Z - 5 min.)"
    script(endpoint, faults.error("InvalidSignatureException", late), times=1)
    with pytest.raises(TransientFaultError, match="stale_signature"):
        sink.put(BATCH)
    assert sink.put(BATCH).acknowledged == 25
