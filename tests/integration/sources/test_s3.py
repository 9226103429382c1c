"""Objects in S3, from moto's server: which ones an address names, what they are called, how they are recognised."""

from __future__ import annotations

import hashlib
import io
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.stub import Stubber
from moto.server import ThreadedMotoServer

from ingest_cli.errors import SourceError, UsageError
from ingest_cli.model.settings import Target
from ingest_cli.sources import find_by_entry, find_sources, join, s3
from ingest_cli.sources.places import Places
from ingest_cli.sources.s3_requests import Requests

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET = "leaks"
KEYS = (
    "2017/.hidden.csv",
    "2017/_SUCCESS",
    "2017/celcom-1.csv.gz",
    "2017/celcom-2.csv.gz",
    "2017/deep/celcom-3.csv.gz",
    "2017/digi.csv",
    "2018/telco.csv",
    "notes.txt",
)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def client(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Client]:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "synthetic",
        "AWS_SECRET_ACCESS_KEY": "synthetic",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_S3": url,
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
    }.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3", endpoint_url=url, region_name="us-east-1")
    client.create_bucket(Bucket=BUCKET)
    for key in KEYS:
        client.put_object(Bucket=BUCKET, Key=key, Body=key.encode())
    client.put_object(Bucket=BUCKET, Key="2017/", Body=b"")
    client.put_object(Bucket=BUCKET, Key="2017/deep/", Body=b"")
    yield client
    for entry in client.list_objects_v2(Bucket=BUCKET)["Contents"]:
        client.delete_object(Bucket=BUCKET, Key=entry["Key"])
    client.delete_bucket(Bucket=BUCKET)
    client.close()


def names(*addresses: str) -> list[str]:
    """Keys that are found."""
    return [one.name.removeprefix(f"s3://{BUCKET}/") for one in find_sources(addresses, Path())]


@pytest.mark.usefixtures("client")
def test_an_object_is_named_by_its_key() -> None:
    [source] = find_sources(["s3://leaks/2017/digi.csv"], Path())
    assert (source.name, source.size_bytes) == ("s3://leaks/2017/digi.csv", len("2017/digi.csv"))
    assert b"".join(source.open()) == b"2017/digi.csv"
    assert source.identity == ("leaks", "2017/digi.csv")


@pytest.mark.usefixtures("client")
def test_a_prefix_stands_for_all_objects_under_it_but_for_what_is_no_dump() -> None:
    under = ["2017/celcom-1.csv.gz", "2017/celcom-2.csv.gz", "2017/deep/celcom-3.csv.gz", "2017/digi.csv"]
    assert names("s3://leaks/2017/") == names("s3://leaks/2017") == names("S3://leaks/2017/") == under
    assert names("s3://leaks") == names("s3://leaks/") == [*under, "2018/telco.csv", "notes.txt"]
    assert names("s3://leaks/2017/_SUCCESS", "s3://leaks/2017/.hidden.csv") == ["2017/_SUCCESS", "2017/.hidden.csv"]


@pytest.mark.usefixtures("client")
@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("2017/cel*.csv.gz", ["2017/celcom-1.csv.gz", "2017/celcom-2.csv.gz"]),
        ("2017/celcom-[2-9]*", ["2017/celcom-2.csv.gz"]),
        ("*/celcom-?.csv.gz", ["2017/celcom-1.csv.gz", "2017/celcom-2.csv.gz"]),
        ("**/celcom-*", ["2017/celcom-1.csv.gz", "2017/celcom-2.csv.gz", "2017/deep/celcom-3.csv.gz"]),
        ("2017/**/celcom-3*", ["2017/deep/celcom-3.csv.gz"]),
        ("**/*.csv", ["2017/.hidden.csv", "2017/digi.csv", "2018/telco.csv"]),
        ("*", ["notes.txt"]),
        ("**", [*sorted(KEYS)]),
    ],
)
def test_patterns_match_within_the_parts_of_a_key(pattern: str, found: list[str]) -> None:
    assert names(f"s3://leaks/{pattern}") == found


def test_a_key_that_looks_like_a_pattern_is_one_only_where_there_is_no_such_object(client: S3Client) -> None:
    client.put_object(Bucket=BUCKET, Key="2017/[d]igi.csv", Body=b"x")
    assert names("s3://leaks/2017/[d]igi.csv") == ["2017/[d]igi.csv"]


@pytest.mark.usefixtures("client")
def test_an_object_named_twice_is_read_once_and_the_client_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    real = boto3.Session.client

    def make(session: boto3.Session, name: str, **settings: Any) -> object:
        made.append(name)
        return real(session, name, **settings)  # type: ignore[call-overload]  # any service

    monkeypatch.setattr(boto3.Session, "client", make)
    assert names("s3://leaks/notes.txt", "s3://leaks/*", "s3://leaks/2018/") == ["notes.txt", "2018/telco.csv"]
    assert made == ["s3"]


@pytest.mark.usefixtures("client")
@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("s3://leaks/2016/", 'there is no dump under "s3://leaks/2016/"'),
        ("s3://leaks/none.csv", '"s3://leaks/none.csv" does not exist'),
        ("s3://leaks/none*.csv", 'no object matches "s3://leaks/none[*].csv"'),
        ("s3://", "names no bucket"),
        ("s3:///x.csv", "names no bucket"),
        ("s3://no-such/x.csv", 'the bucket of "s3://no-such/x.csv" does not exist'),
        ("s3://no-such/", 'the bucket of "s3://no-such/" does not exist'),
        ("s3://leaks/\x1b[2J", r'no object matches "s3://leaks/\\x1b.2J"'),
    ],
)
def test_what_is_not_there_is_said_before_anything_is_read(address: str, words: str) -> None:
    with pytest.raises(SourceError, match=words) as caught:
        names("s3://leaks/notes.txt", address)
    assert str(caught.value).isprintable()


@pytest.mark.usefixtures("client")
def test_a_profile_that_is_not_there() -> None:
    with pytest.raises(UsageError, match='there is no AWS profile "nobody"'):
        find_sources(["s3://leaks/notes.txt"], Path(), Target("", profile="nobody"))


def test_a_fingerprint_is_that_of_tag_and_size_and_reads_nothing(client: S3Client) -> None:
    [source] = find_sources(["s3://leaks/notes.txt"], Path())
    tag = hashlib.md5(b"notes.txt", usedforsecurity=False).hexdigest()
    known = source.fingerprint()
    assert known == hashlib.sha256(f"{tag}\n9\n".encode()).hexdigest()
    assert find_sources(["s3://leaks/not*"], Path())[0].fingerprint() == known, "listed or asked for alone"
    client.put_object(Bucket=BUCKET, Key="notes.txt", Body=b"NOTES.TXT")
    assert source.fingerprint() == known, "it is that of the content it was found with"
    assert find_sources(["s3://leaks/notes.txt"], Path())[0].fingerprint() != known
    with pytest.raises(SourceError, match="changed during this run"):
        list(source.open())


def test_hundreds_of_objects_come_in_pages(client: S3Client) -> None:
    for n in range(25):
        client.put_object(Bucket=BUCKET, Key=f"many/part-{n:04}.csv", Body=b"x")
    pages: list[bool] = []

    def small(params: dict[str, Any], **_: object) -> None:
        pages.append("ContinuationToken" in params)
        params["MaxKeys"] = 10

    client.meta.events.register("provide-client-params.s3.ListObjectsV2", small)
    places = Places(Path())
    vars(places)["s3"] = Requests(client, places.wait)
    found = s3.find("s3://leaks/many/", places)
    client.meta.events.unregister("provide-client-params.s3.ListObjectsV2", small)
    assert [one.version.key for one in found] == [f"many/part-{n:04}.csv" for n in range(25)]
    assert pages == [False, True, True]


def test_an_empty_object_has_no_bytes(client: S3Client) -> None:
    client.put_object(Bucket=BUCKET, Key="empty.csv", Body=b"")
    [source] = find_sources(["s3://leaks/empty.csv"], Path())
    assert list(source.open()) == []
    with source.open_file() as file:
        assert file.read() == b""


def test_a_key_is_shown_escaped(client: S3Client) -> None:
    client.put_object(Bucket=BUCKET, Key="odd/\u202ecsv", Body=b"x")
    assert names("s3://leaks/odd/") == [r"odd/\u202ecsv"]


def test_a_parquet_file_can_be_read_in_place(client: S3Client) -> None:
    table = pa.table({"phone": [f"+6012{n:07}" for n in range(100_000)], "n": list(range(100_000))})
    buffer = io.BytesIO()
    pq.write_table(table, buffer, row_group_size=10_000)
    client.put_object(Bucket=BUCKET, Key="x.parquet", Body=buffer.getvalue())
    [source] = find_sources(["s3://leaks/x.parquet"], Path())
    with source.open_file() as file:
        assert pq.ParquetFile(file).read(["phone"]).equals(table.select(["phone"]))


def test_a_listed_object_in_an_archive_is_refused_unless_it_was_restored() -> None:
    client = boto3.client("s3", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    entry = {"Key": "a.csv", "ETag": '"e"', "Size": 5, "StorageClass": "DEEP_ARCHIVE"}
    with Stubber(client) as stub:
        for restore in ({}, {"Restore": 'ongoing-request="false", expiry-date="x"'}):
            stub.add_response("list_objects_v2", {"IsTruncated": False, "Contents": [entry]})
            stub.add_response("head_object", restore)
        requests = Requests(client, lambda _: None)
        with pytest.raises(SourceError, match=r'"s3://leaks/a\.csv" is archived'):
            s3._under(requests, BUCKET, "", '"s3://leaks/"', [])
        [version] = s3._under(requests, BUCKET, "", '"s3://leaks/"', [])
        assert version.key == "a.csv"


@pytest.mark.usefixtures("client")
def test_parts_are_joined(client: S3Client) -> None:
    whole = b"NAME,TEL\nAli,0123456781\n" * 200_000
    for number, at in enumerate(range(0, len(whole), 1_900_000)):
        client.put_object(Bucket=BUCKET, Key=f"parts/u.csv.{number + 9}", Body=whole[at : at + 1_900_000])
    source = join(find_by_entry(["s3://leaks/parts/u.csv.?", "s3://leaks/parts/u.csv.??"], Path()))
    assert source.name == "s3://leaks/parts/u.csv.9 … (3 parts)"
    assert b"".join(source.open()) == whole
    with source.open_file() as file:
        file.seek(1_899_990)
        assert file.read(30) == whole[1_899_990:1_900_020]
    known = source.fingerprint()
    client.put_object(Bucket=BUCKET, Key="parts/u.csv.10", Body=b"other")
    assert join(find_by_entry(["s3://leaks/parts/u.csv.?", "s3://leaks/parts/u.csv.??"], Path())).fingerprint() != known


@pytest.mark.usefixtures("client")
def test_companions_under_a_prefix_are_passed_over_and_told_of(client: S3Client) -> None:
    for key in ("x/_started", "x/data/a.json", "x/manifest-summary.json", "x/manifest-summary.md5"):
        client.put_object(Bucket=BUCKET, Key=f"export/{key}", Body=b"{}")
    notes = list[str]()
    [found] = find_by_entry(["s3://leaks/export/"], Path(), on_note=notes.append)
    assert [source.name for source in found] == ["s3://leaks/export/x/data/a.json"]
    listed = "x/_started, x/manifest-summary.json, x/manifest-summary.md5"
    assert notes == [f'skipped 3 files that are not dumps in "s3://leaks/export/": {listed}']
