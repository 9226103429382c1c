"""No answer is read without an end, however it is sent, and none takes longer than it may."""

from __future__ import annotations

import itertools
import json
import socket
import threading
from collections.abc import Callable, Iterator
from io import BufferedReader, BytesIO, RawIOBase
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import HTTPClientError

from ingest_cli.aws.authentication import StateKey
from ingest_cli.aws.capacity import temporary_raise
from ingest_cli.aws.capacity.autoscaling import Autoscaling
from ingest_cli.aws.capacity.raise_record import Raise
from ingest_cli.aws.capacity.temporary_raise import Scaling
from ingest_cli.aws.service_errors import sentences
from ingest_cli.aws.table import Table
from ingest_cli.commands.load import load
from ingest_cli.commands.status import Watch, find_all
from ingest_cli.commands.table_reader import Reading
from ingest_cli.errors import (
    AnswerTooLargeError,
    BusyError,
    IngestError,
    KeyRefusedError,
    SourceError,
    TableError,
    TransientFaultError,
)
from ingest_cli.lookup.lookup import Lookup
from ingest_cli.model.key_references import read_pepper
from ingest_cli.model.keys import Pepper
from ingest_cli.model.manifest import load_manifest
from ingest_cli.model.settings import RunSettings, Target
from ingest_cli.runtime import bounded_http
from ingest_cli.runtime.answer_limits import HEAD_BYTES, left_s, time_limit, write_answer_bytes
from ingest_cli.runtime.bounded_http import BoundedResponse, Exchange, guarded, is_too_large, watch
from ingest_cli.runtime.stop import StopRequest
from ingest_cli.sinks.transports.boto import BotoTransport
from ingest_cli.sinks.transports.curl import CurlTransport, Endpoint
from ingest_cli.sources import find_sources
from tests.e2e.harness import small_dump
from tests.support.drip import ENDLESS, Dripping, dripping, endless
from tests.support.fake_clock import FakeClock


def silent() -> Iterator[bytes]:
    """No answer at all, while the other side waits for one."""
    return itertools.repeat(b"")


KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
MIB = 1 << 20
SPARE = 16 * MIB
"""What the buffers of two sockets hold, which the server has sent and nobody has read."""


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKID")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def curl(server: Dripping) -> CurlTransport:
    return CurlTransport(Endpoint(server.url, "us-east-1", None), Credentials("a", "b"))


def boto(server: Dripping) -> BotoTransport:
    session = boto3.Session("a", "b", region_name="us-east-1")
    watch(session, insecure_http=False)
    config = Config(retries={"total_max_attempts": 1}, parameter_validation=False)
    return BotoTransport(session.client("dynamodb", endpoint_url=server.url, config=config))


@pytest.mark.parametrize("how", ENDLESS)
@pytest.mark.parametrize("open_transport", [curl, boto])
def test_an_endless_answer_to_a_write_is_a_fault_to_be_repeated(
    how: str, open_transport: Callable[[Dripping], CurlTransport | BotoTransport]
) -> None:
    with dripping(ENDLESS[how]) as server:
        transport = open_transport(server)
        with pytest.raises(TransientFaultError) as caught:
            transport.send(b"{}" * 100)
        transport.close()
        assert server.sent[0] < SPARE
    if how in {"length", "no length", "chunks", "error", "packed", "interim answers"}:
        assert caught.value.reason == "answer_too_large"


def test_the_answer_to_a_write_is_bounded_by_what_was_sent() -> None:
    assert write_answer_bytes(0) == HEAD_BYTES
    assert write_answer_bytes(MIB) == HEAD_BYTES + 4 * MIB
    assert write_answer_bytes(16 * MIB) == 17 * MIB


@pytest.mark.parametrize("how", ["length", "chunks", "error"])
def test_a_table_that_answers_without_an_end(how: str) -> None:
    with dripping(ENDLESS[how]) as server:
        table = Table(Target("people", "us-east-1", endpoint_url=server.url))
        with pytest.raises(TableError, match=r"longer, .* than any that DynamoDB gives; check the endpoint"):
            table.describe()
        table.client.close()
        assert sum(server.sent) < 4 * (2 * MIB + SPARE)


DEEP = b"[" * 500_000
"""JSON that no parser reads without running out of stack."""


def deep() -> list[bytes]:
    return [b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(DEEP), DEEP]


def test_answers_that_are_nested_too_deeply(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pepper.kms").write_bytes(b"\x01")
    with dripping(deep) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", server.url)
        monkeypatch.setenv("AWS_ENDPOINT_URL_APPLICATION_AUTO_SCALING", server.url)
        table = Table(Target("people", "us-east-1", endpoint_url=server.url))
        with pytest.raises(TableError, match=r"nested more deeply, than any that DynamoDB gives; check the endpoint"):
            table.describe()
        with pytest.raises(TableError, match="nested more deeply, than any that Application Auto Scaling gives"):
            Autoscaling(table).look()
        with pytest.raises(KeyRefusedError, match="cannot be read"):
            read_pepper(f"kms:{tmp_path}/pepper.kms,key={KEY}")
        table.client.close()


def test_what_botocore_parses_for_itself_may_be_nested_too_deeply_too() -> None:
    with pytest.raises(HTTPClientError) as caught, guarded():
        json.loads(DEEP)
    assert is_too_large(caught.value)


def test_pages_have_their_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = list[float]()
    monkeypatch.setattr(bounded_http.Exchange, "took", lambda self, _: taken.append(self.left_bytes))
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    with dripping(lambda: [answer]) as server:
        client: Any = Table(Target("people", "us-east-1", endpoint_url=server.url)).client
        for ask in (
            lambda: client.batch_get_item(RequestItems={"people": {"Keys": [{}]}}),
            lambda: client.scan(TableName="people"),
            lambda: client.query(TableName="people"),
            lambda: client.get_item(TableName="people", Key={}),
        ):
            ask()
        client.close()
    assert sorted(set(taken)) == [2 * MIB, 4 * MIB, 24 * MIB]


def test_kms_that_answers_without_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pepper.kms").write_bytes(b"\x01")
    with dripping(ENDLESS["length"]) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", server.url)
        with pytest.raises(KeyRefusedError, match="cannot be read"):
            read_pepper(f"kms:{tmp_path}/pepper.kms,key={KEY}")


def test_autoscaling_that_answers_without_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    with dripping(ENDLESS["length"]) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_APPLICATION_AUTO_SCALING", server.url)
        table = Table(Target("people", "us-east-1"))
        with pytest.raises(TableError, match=r"longer, .* than any that Application Auto Scaling gives"):
            Autoscaling(table).look()


@pytest.mark.parametrize("address", ["s3://leaks/dumps/", "s3://leaks/dump.csv"])
def test_s3_that_answers_without_an_end(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with dripping(ENDLESS["interim answers" if address.endswith("csv") else "length"]) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server.url)
        with pytest.raises(SourceError, match=r"longer, .* than any that S3 gives"):
            find_sources([address], Path(), Target("", "us-east-1"), lambda _: None)


def socket_with(data: bytes) -> Iterator[socket.socket]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(data)
        yield ours


@pytest.fixture
def dribbled() -> Iterator[socket.socket]:
    yield from socket_with(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n123456789")


class Slow:
    """A socket that gives a byte at a time, each a second later by a clock that nobody else moves."""

    def __init__(self, data: bytes, clock: FakeClock) -> None:
        self.data, self.clock, self.timeouts = BytesIO(data), clock, list[float | None]()

    def gettimeout(self) -> float:
        return 5.0

    def settimeout(self, timeout_s: float | None) -> None:
        self.timeouts.append(timeout_s)

    def makefile(self, _: str) -> Any:
        outer = self

        class Raw(RawIOBase):
            def readable(self) -> bool:
                return True

            def readinto(self, buffer: Any) -> int:
                outer.clock.sleep(1.0)
                byte = outer.data.read(1)
                buffer[: len(byte)] = byte
                return len(byte)

        return BufferedReader(Raw())


def exchange(monkeypatch: pytest.MonkeyPatch, clock: FakeClock, **limits: Any) -> Exchange:
    made = Exchange(now_s=clock.monotonic_s, **limits)
    monkeypatch.setattr(bounded_http._here, "exchange", made, raising=False)
    return made


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"


def test_a_byte_now_and_then_does_not_make_the_time_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FakeClock()
    exchange(monkeypatch, clock, until_s=clock.monotonic_s() + 8)
    slow: Any = Slow(HEAD, clock)
    with pytest.raises(TimeoutError, match="takes too long"):
        BoundedResponse(slow).begin()
    assert slow.data.tell() == 8  # a second each
    assert slow.timeouts == [5, 5, 5, 5, 4, 3, 2, 1]


def test_a_stream_takes_as_long_as_its_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FakeClock()
    exchange(monkeypatch, clock, until_s=clock.monotonic_s() + len(HEAD) + 1, stream_bytes=9)
    slow: Any = Slow(HEAD + b"123456789", clock)
    response = BoundedResponse(slow)
    response.begin()
    assert response.read() == b"123456789"


def test_a_range_is_bounded_by_what_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FakeClock()
    one = exchange(monkeypatch, clock, left_bytes=1000, stream_bytes=9)
    slow: Any = Slow(HEAD, clock)
    BoundedResponse(slow).begin()
    one.took(9 + HEAD_BYTES)
    with pytest.raises(AnswerTooLargeError):
        one.took(1)


def test_the_error_of_a_stream_is_bounded_as_any_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FakeClock()
    one = exchange(monkeypatch, clock, left_bytes=1000, stream_bytes=float("inf"))
    slow: Any = Slow(HEAD.replace(b"200", b"500"), clock)
    BoundedResponse(slow).begin()
    assert one.left_bytes == 1000 - len(HEAD)


def test_requests_of_others_are_left_alone() -> None:
    clock = FakeClock()
    slow: Any = Slow(HEAD + b"123456789", clock)
    response = BoundedResponse(slow)
    response.begin()
    assert response.read() == b"123456789"
    assert slow.timeouts == []


def test_what_botocore_asks_for_itself_is_bounded_too(dribbled: socket.socket) -> None:
    with guarded():
        response = BoundedResponse(dribbled)
        assert response._exchange is not None
        assert response._exchange.left_bytes == 2 * MIB
        response.close()


def test_limits_of_time_lie_within_each_other() -> None:
    assert left_s() == float("inf")
    with time_limit(1000):
        with time_limit(5000):
            assert left_s() <= 1000
        with time_limit(0):
            assert left_s() == 0
        assert left_s() > 0
    assert left_s() == float("inf")


def test_no_request_is_sent_when_the_time_is_over() -> None:
    with dripping(endless(b"", b"")) as server:
        table = Table(Target("people", "us-east-1", endpoint_url=server.url))
        with time_limit(0), pytest.raises(BusyError, match="does not answer in time"), sentences(table.target):
            table.client.describe_table(TableName="people")
        assert server.requests == []


@pytest.mark.timed
def test_an_operation_that_is_sent_again_has_its_time_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """botocore sends a request that was not answered four times, with 20 seconds for each."""
    monkeypatch.setattr(bounded_http, "OPERATION_TIMEOUT_S", 2.0)
    with dripping(silent) as server:
        table = Table(Target("people", "us-east-1", endpoint_url=server.url))
        with pytest.raises(BusyError, match=r"does not answer in time|broke off"):
            table.describe()
        assert len(server.requests) == 1


def test_each_operation_has_a_time_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 100.0
    monkeypatch.setattr(bounded_http.time, "monotonic", lambda: now_s)
    bounded_http._begin_operation()
    assert bounded_http._remaining_s() == 30
    now_s += 31
    assert bounded_http._remaining_s() == 0
    bounded_http._begin_operation()
    assert bounded_http._remaining_s() == 30


def test_one_look_at_a_table_takes_no_longer_than_it_may() -> None:
    with dripping(silent) as server:
        table = Table(Target("people", "us-east-1", endpoint_url=server.url))
        with pytest.raises(BusyError, match="does not answer in time"):
            Watch(table, give_up_after_s=0)(["demo"])
        with pytest.raises(BusyError, match="does not answer in time"):
            find_all(table, Reading(0), StopRequest())
        assert server.requests == []


def test_a_table_that_does_not_answer_is_not_asked_again_at_the_end(tmp_path: Path) -> None:
    manifest = load_manifest(small_dump(tmp_path))
    pepper = Pepper("k1", bytes(range(32)))
    with dripping(silent) as server:
        table = Table(Target("people", "us-east-1", endpoint_url=server.url))
        scaling = Scaling(table, StateKey.of(pepper))
        report = load(manifest, table, pepper, RunSettings(give_up_after_s=0), scaling=scaling)
        assert report.message is not None
        assert "does not answer in time" in report.message
        scaling.finish()
        assert (scaling.fault, scaling.notes, server.requests) == (None, [], [])


def test_what_could_not_be_lowered_is_let_go_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody has asked to stop, and the table does not answer any more."""
    monkeypatch.setattr(temporary_raise, "LAST_LOOK_S", 0.0)
    with dripping(silent) as server:
        table = Table(Target("people", "us-east-1", endpoint_url=server.url))
        scaling = Scaling(table, StateKey.of(Pepper("k1", bytes(range(32)))))
        scaling._raise = Raise(10, 5, 100, None, 0.0, "token")
        scaling.finish(wait_s=0.0)
        assert "still raised" in str(scaling.fault)
        assert server.requests == []


def test_a_write_that_dribbles_ends_with_the_time_that_is_left() -> None:
    beats = threading.Event()

    def slowly() -> Iterator[bytes]:
        yield HEAD
        for _ in itertools.repeat(None):
            beats.wait(0.05)
            yield b""

    with dripping(slowly) as server:
        for transport in (curl(server), boto(server)):
            transport.left_s = lambda: 0.3
            with pytest.raises(TransientFaultError) as caught:
                transport.send(b"{}")
            assert caught.value.reason in {"timeout", "ReadTimeoutError"}
            transport.close()


def test_a_lookup_refuses_an_endless_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PEPPER", "k1:" + "5ca1ab1e0ddba11c0ffee15be77ec0de" * 2)
    with dripping(ENDLESS["no length"]) as server, pytest.raises(IngestError, match=r"longer, .* than any"):
        Lookup.open(Target("people", "us-east-1", endpoint_url=server.url), "env:PEPPER")
