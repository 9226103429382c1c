"""S3 as it must not be relied upon: answers that break off, objects that change, refusals of all kinds."""

from __future__ import annotations

import io
import random
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError, CredentialRetrievalError

from ingest_cli.errors import ExitCode, SourceBusyError, SourceError, TryAgainError, UsageError
from ingest_cli.model.settings import Target
from ingest_cli.sources import Source, find_sources
from ingest_cli.sources.places import READ_BYTES
from ingest_cli.sources.s3_requests import FINDING, READING, open_requests
from tests.support.fake_clock import FakeClock
from tests.support.object_store import Fault, ObjectStore, cut

DATA = random.Random(1).randbytes(3 * READ_BYTES + 12_345)
BUSY = Fault(503, "SlowDown")
REGION = "ap-southeast-1"


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    with ObjectStore(DATA) as store:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "synthetic")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "synthetic")
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", store.url)
        yield store


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def found(clock: FakeClock, address: str = "s3://leaks/dump.csv") -> Source:
    [source] = find_sources([address], Path(), Target("", REGION), clock.sleep)
    return source


# -- reading on


def test_a_body_that_breaks_off_is_resumed_at_the_very_byte(store: ObjectStore, clock: FakeClock) -> None:
    source = found(clock)
    store.goes_wrong("GET", cut(READ_BYTES + 1), cut(READ_BYTES + 7), cut(0), Fault())
    assert b"".join(source.open()) == DATA
    last, once, twice = len(DATA) - 1, READ_BYTES + 1, 2 * READ_BYTES + 8
    assert store.spans == [None, f"bytes={once}-{last}", *[f"bytes={twice}-{last}"] * 3]
    assert {one.if_match for one in store.asked if one.what == "GET"} == {f'"{store.etag}"'}
    assert len(clock.slept_s) == 4


def test_the_waits_grow_from_failure_to_failure_and_start_anew_with_progress(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch, clock: FakeClock
) -> None:
    monkeypatch.setattr("ingest_cli.sources.s3_requests.SystemRandom.uniform", lambda _self, low, high: high + low)
    source = found(clock)
    store.goes_wrong("GET", *[BUSY] * 7, cut(READ_BYTES + 1))
    assert b"".join(source.open()) == DATA
    assert clock.slept_s == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 0.2]


def test_an_object_that_cannot_be_read_is_given_up_after_a_bounded_number_of_attempts(
    store: ObjectStore, clock: FakeClock
) -> None:
    source = found(clock)
    store.goes_wrong("GET", cut(READ_BYTES), *[Fault()] * 50)
    with pytest.raises(SourceBusyError, match="failed repeatedly") as caught:
        list(source.open())
    assert caught.value.exit_code is ExitCode.TRY_AGAIN
    assert len(store.spans) == READING.attempts


def test_a_wait_may_end_the_run(store: ObjectStore) -> None:
    def stopped(_: float) -> None:
        raise TryAgainError("stopped")

    [source] = find_sources(["s3://leaks/dump.csv"], Path(), Target("", REGION), stopped)
    store.goes_wrong("GET", BUSY)
    with pytest.raises(TryAgainError, match="stopped"):
        list(source.open())


def test_pieces_are_bounded(store: ObjectStore, clock: FakeClock) -> None:
    assert [len(piece) for piece in found(clock).open()] == [READ_BYTES] * 3 + [12_345]
    assert store.spans == [None]


def test_half_a_second_thought_leaves_no_connection_behind(store: ObjectStore, clock: FakeClock) -> None:
    pieces = found(clock).open()
    assert next(pieces) == DATA[:READ_BYTES]
    pieces.close()  # type: ignore[attr-defined]  # it is a generator
    assert store.spans == [None]


# -- what has changed


def test_an_object_that_is_replaced_before_it_is_read(store: ObjectStore, clock: FakeClock) -> None:
    source = found(clock)
    store.etag = "another"
    with pytest.raises(SourceError, match="changed during this run"):
        list(source.open())


@pytest.mark.parametrize("heeds_conditions", [True, False])
def test_an_object_that_is_replaced_while_it_is_read(
    store: ObjectStore, clock: FakeClock, *, heeds_conditions: bool
) -> None:
    store.heeds_conditions = heeds_conditions
    source = found(clock)
    store.goes_wrong("GET", cut(READ_BYTES + 5))
    received = bytearray()
    with pytest.raises(SourceError, match="changed during this run") as caught:  # noqa: PT012 - in between
        for piece in source.open():
            received += piece
            store.etag = "another"
    assert caught.value.exit_code is ExitCode.UNUSABLE
    assert received == DATA[: READ_BYTES + 5]


def test_an_object_that_shrinks_without_saying_so(store: ObjectStore, clock: FakeClock) -> None:
    source = found(clock)
    store.heeds_conditions, store.data = False, DATA[:-1]
    with pytest.raises(SourceError, match="changed during this run"):
        list(source.open())
    store.data = b""
    with source.open_file() as file, pytest.raises(SourceError, match="changed during this run"):
        file.read(1)


def test_an_object_that_is_deleted_while_it_is_read(store: ObjectStore, clock: FakeClock) -> None:
    source = found(clock)
    store.goes_wrong("GET", cut(READ_BYTES + 5))
    with pytest.raises(SourceError, match="was deleted after this run began"):  # noqa: PT012 - in between
        for _ in source.open():
            store.key = "elsewhere"


def test_a_store_that_gives_no_parts_is_not_believed(store: ObjectStore, clock: FakeClock) -> None:
    source = found(clock)
    store.heeds_ranges = False
    store.goes_wrong("GET", cut(READ_BYTES + 5))
    with pytest.raises(SourceError, match="does not return parts of objects"):
        list(source.open())


def test_a_wrong_checksum_is_noticed(store: ObjectStore, clock: FakeClock) -> None:
    source = found(clock)
    store.head = {"x-amz-checksum-crc32": "AAAAAA=="}
    with pytest.raises(SourceError, match="does not match its checksum"):
        list(source.open())


# -- refusals

REFUSALS = [
    (Fault(403, "AccessDenied"), r"AWS denies access to the object \(AccessDenied\)", 4),
    (Fault(403, "SignatureDoesNotMatch"), "AWS denies", 4),
    (Fault(403, "InvalidObjectState"), "the object is archived; restore it", 4),
    (Fault(400, "ExpiredToken"), "credentials have expired; renew them", 75),
    (Fault(403, "RequestTimeTooSkewed"), "the clock of this machine", 4),
    (Fault(404, "NoSuchKey"), "was deleted", 4),
    (Fault(301, "PermanentRedirect", {"x-amz-bucket-region": "eu-west-1"}), "in another region, eu-west-1; set", 4),
    (Fault(307, "TemporaryRedirect"), "in another region; set", 4),
    (Fault(400, "Sur\x7fprise"), r"refuses to serve the object \(unknown\)", 4),
    (Fault(400, "NotImplemented"), r"refuses to serve the object \(NotImplemented\)", 4),
]


@pytest.mark.parametrize(("fault", "words", "code"), REFUSALS, ids=[fault.code for fault, _, _ in REFUSALS])
def test_a_refusal_is_one_sentence(store: ObjectStore, clock: FakeClock, fault: Fault, words: str, code: int) -> None:
    source = found(clock)
    store.goes_wrong("GET", *[fault] * 5)
    with pytest.raises(SourceError, match=words) as caught:
        list(source.open())
    assert caught.value.exit_code == code
    assert str(caught.value).isprintable()
    assert not clock.slept_s, "another attempt is of no use"


@pytest.mark.parametrize(
    "fault",
    [
        BUSY,
        Fault(500, "InternalError"),
        Fault(429, "TooMany"),
        Fault(400, "RequestTimeout"),
        Fault(502, body=b"<html>"),
    ],
)
def test_what_passes_is_waited_for(store: ObjectStore, clock: FakeClock, fault: Fault) -> None:
    for what in ("HEAD", "GET"):
        if not (what == "HEAD" and fault.status == 400):  # which says nothing without a body
            store.goes_wrong(what, fault, fault)
    assert b"".join(found(clock).open()) == DATA
    assert len(clock.slept_s) >= 2


def test_what_does_not_pass_is_a_reason_to_try_later(store: ObjectStore, clock: FakeClock) -> None:
    store.goes_wrong("HEAD", *[BUSY] * 50)
    with pytest.raises(SourceBusyError, match=r'"s3://leaks/dump.csv" at present \(503\)'):
        found(clock)
    assert len(store.asked) == FINDING.attempts


# -- finding


@pytest.mark.parametrize(
    ("head", "listing", "words"),
    [
        (Fault(403), Fault(403, "AccessDenied"), r'denies access to "s3://leaks/x.csv" \(AccessDenied\)'),
        (Fault(403), None, 'AWS denies access to "s3://leaks/x.csv"; check the policy'),
        (Fault(404), None, '"s3://leaks/x.csv" does not exist'),
        (Fault(404), Fault(404, "NoSuchBucket"), 'the bucket of "s3://leaks/x.csv" does not exist'),
        (Fault(400), Fault(400, "ExpiredToken"), "have expired"),
        (Fault(400), Fault(403, "InvalidAccessKeyId"), "AWS denies"),
        (Fault(404), Fault(200, body=b"<html>no XML"), r"at present \(500\)"),
        (Fault(404), Fault(200, body=b"<p>A page.</p>"), "does not respond like S3"),
        (Fault(200, headers={"Last-Modified": "yesterday"}), None, "does not respond like S3"),
        (Fault(200), None, "does not return the entity tag and size"),
    ],
)
def test_what_cannot_be_found_is_said_in_one_sentence(
    store: ObjectStore, clock: FakeClock, head: Fault, listing: Fault | None, words: str
) -> None:
    store.goes_wrong("HEAD", head)
    if listing is not None:
        store.goes_wrong("LIST", *[listing] * FINDING.attempts)
    with pytest.raises(SourceError, match=words):
        found(clock, "s3://leaks/x.csv")


def test_a_bucket_elsewhere_is_found_by_itself(store: ObjectStore, clock: FakeClock) -> None:
    store.goes_wrong("HEAD", Fault(301, headers={"x-amz-bucket-region": "eu-west-1"}))
    assert b"".join(found(clock).open()) == DATA
    assert [one.signed_for for one in store.asked] == [REGION, "eu-west-1", "eu-west-1"]


@pytest.mark.parametrize("restore", [None, 'ongoing-request="true"'])
def test_an_archived_object_is_refused_before_anything_is_read(
    store: ObjectStore, clock: FakeClock, restore: str | None
) -> None:
    store.head = {"x-amz-storage-class": "GLACIER"} | ({"x-amz-restore": restore} if restore else {})
    with pytest.raises(SourceError, match=r'"s3://leaks/dump.csv" is archived; restore it'):
        found(clock)
    store.head["x-amz-restore"] = 'ongoing-request="false", expiry-date="Fri, 21 Dec 2035 00:00:00 GMT"'
    assert b"".join(found(clock).open()) == DATA


def test_no_credentials(store: ObjectStore, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(SourceError, match="there are no AWS credentials"):
        found(clock)
    assert store.asked == []


@pytest.mark.parametrize(
    "fault",
    [
        ClientError({"Error": {"Code": "AccessDenied"}}, "AssumeRole"),
        CredentialRetrievalError(provider="custom-process", error_msg="exit 1"),
    ],
    ids=repr,
)
@pytest.mark.usefixtures("store")
def test_credentials_that_cannot_be_renewed(clock: FakeClock, fault: Exception) -> None:
    def asked() -> None:
        raise fault

    requests = open_requests(None, clock.sleep)
    with pytest.raises(SourceBusyError, match="credentials cannot be renewed"):
        requests.call(asked, "s3://leaks/dump.csv")


def test_nobody_there(monkeypatch: pytest.MonkeyPatch, store: ObjectStore, clock: FakeClock) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{unused.getsockname()[1]}")
        with pytest.raises(SourceError, match=r"there is no connection to S3 at http://127\.0\.0\.1") as caught:
            found(clock)
    assert caught.value.exit_code is ExitCode.UNUSABLE, "it is a wrong address rather than bad weather"
    assert len(clock.slept_s) == FINDING.attempts - 1
    assert store.asked == []


def test_a_server_that_goes_away_while_it_is_read_from_is_bad_weather(
    monkeypatch: pytest.MonkeyPatch, clock: FakeClock
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "synthetic")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "synthetic")
    with ObjectStore(DATA) as store:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", store.url)
        source = found(clock)
    with pytest.raises(SourceBusyError, match="there is no connection to S3") as caught:
        list(source.open())
    assert caught.value.exit_code is ExitCode.TRY_AGAIN


@pytest.mark.parametrize(("variable", "value"), [("AWS_ENDPOINT_URL_S3", "nowhere"), ("AWS_REGION", "no region!")])
def test_settings_that_are_none(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(UsageError, match="S3 cannot be used with these settings"):
        find_sources(["s3://leaks/dump.csv"], Path())


def test_a_bucket_that_cannot_be_one(clock: FakeClock, store: ObjectStore) -> None:
    with pytest.raises(SourceError, match="is not an address in S3"):
        found(clock, "s3://not a bucket/x")
    assert store.asked == []


# -- reading at any place


def test_reading_at_any_place_equals_reading_all(store: ObjectStore, clock: FakeClock) -> None:
    draw = random.Random(2)
    with found(clock).open_file() as file:
        assert (file.readable(), file.seekable(), file.writable()) == (True, True, False)
        for _ in range(50):
            at, size = draw.randrange(len(DATA) + 10), draw.choice([0, 1, 100, READ_BYTES + 3])
            assert file.seek(at) == at == file.tell()
            assert file.read(size) == DATA[at : at + size]
        assert file.seek(-8, io.SEEK_END) == len(DATA) - 8
        assert file.read() == DATA[-8:]
        file.seek(0)
        assert file.read() == DATA
        with pytest.raises(ValueError, match="before the first byte"):
            file.seek(-len(DATA) - 1, io.SEEK_END)
    assert all(span is not None for span in store.spans)


def test_reading_at_any_place_goes_on_after_a_fault(store: ObjectStore, clock: FakeClock) -> None:
    store.goes_wrong("GET", cut(10), BUSY, Fault())
    with found(clock).open_file() as file:
        file.seek(-100, io.SEEK_END)
        assert file.read(100) == DATA[-100:]
    assert len(clock.slept_s) == 3


def test_reading_at_any_place_asks_for_little(store: ObjectStore, clock: FakeClock) -> None:
    with found(clock).open_file() as file:
        file.seek(-16, io.SEEK_END)
        file.read(8)
        file.read(8)
    assert store.spans == [f"bytes={len(DATA) - 16}-{len(DATA) - 1}"]


def test_reading_at_any_place_notices_a_change(store: ObjectStore, clock: FakeClock) -> None:
    with found(clock).open_file() as file:
        file.read(10)
        store.etag = "another"
        file.seek(2 * READ_BYTES)
        with pytest.raises(SourceError, match="changed during this run"):
            file.read(10)
