"""The endpoint that the benchmarks load into counts what it takes, and is strict about all else."""

from __future__ import annotations

import json
import socket
import ssl
import zlib
from collections.abc import Iterator
from urllib.parse import urlsplit

import boto3
import pytest

from tests.bench.surroundings import TABLE, Surroundings, surroundings
from tests.support.endpoint import ACCESS_KEY, SECRET_KEY
from tests.support.endpoint.tables import REGION

HEAD = b"POST / HTTP/1.1\r\nx-amz-target: DynamoDB_20120810.BatchWriteItem\r\nContent-Length: %d\r\n\r\n"


@pytest.fixture(scope="module")
def place() -> Iterator[Surroundings]:
    with surroundings() as place:
        yield place


def request(items: int, padding: int = 0) -> bytes:
    puts = [{"PutRequest": {"Item": {"pk": {"S": f"{n}" + "x" * padding}, "sk": {"S": "_"}}}} for n in range(items)]
    body = json.dumps({"RequestItems": {TABLE: puts}}).encode()
    return HEAD % len(body) + body


def connected(place: Surroundings, *, secure: bool) -> socket.socket:
    parts = urlsplit(place.url if secure else place.plain_url)
    connection = socket.create_connection((parts.hostname or "", parts.port or 0), timeout=60)
    if not secure:
        return connection
    context = ssl.create_default_context(cafile=place.ca_path)
    return context.wrap_socket(connection, server_hostname="127.0.0.1")


def answer(connection: socket.socket) -> dict[str, object]:
    """The next answer, whose checksum is right."""
    data = b""
    while b"}]}" not in data:
        data += connection.recv(4096)
    head, _, body = data.partition(b"\r\n\r\n")
    assert b"x-amz-crc32: %d\r\n" % zlib.crc32(body) in head + b"\r\n"
    document: dict[str, object] = json.loads(body)
    return document


@pytest.mark.parametrize("secure", [True, False])
def test_it_counts_items_however_a_request_comes(place: Surroundings, *, secure: bool) -> None:
    before = place.counts()
    with connected(place, secure=secure) as connection:
        for items, padding, piece in [(25, 0, 1 << 20), (3, 0, 40), (25, 5_000, 1 << 20), (1, 0, 1 << 20)]:
            sent = request(items, padding)
            for at in range(0, len(sent), piece):
                connection.sendall(sent[at : at + piece])
            consumed = [{"TableName": TABLE, "CapacityUnits": float(items)}]
            assert answer(connection) == {"UnprocessedItems": {}, "ConsumedCapacity": consumed}
    after = place.counts()
    assert (after.items - before.items, after.requests - before.requests) == (54, 4)


def test_what_is_no_batch_is_answered_by_the_scripted_endpoint(place: Surroundings) -> None:
    client = boto3.client(
        "dynamodb",
        endpoint_url=place.url,
        region_name=REGION,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        verify=str(place.ca_path),
    )
    key = {"pk": {"S": "_run#x"}, "sk": {"S": "_"}}
    client.put_item(TableName=TABLE, Item={**key, "state": {"S": "loading"}})
    assert client.get_item(TableName=TABLE, Key=key)["Item"]["state"] == {"S": "loading"}
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.describe_table(TableName="another")
    client.close()


def test_a_client_that_does_not_trust_the_certificate_does_no_harm(place: Surroundings) -> None:
    parts = urlsplit(place.url)
    connection = socket.create_connection((parts.hostname or "", parts.port or 0), timeout=60)
    with connection, pytest.raises(ssl.SSLCertVerificationError):
        ssl.create_default_context().wrap_socket(connection, server_hostname="127.0.0.1")
    assert place.counts()  # and it goes on
