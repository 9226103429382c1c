"""Signatures against botocore's, request by request, and against a verifier written from the specification."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

import pytest
from botocore import auth
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials

from ingest_cli.sinks.transports import curl
from ingest_cli.sinks.transports.curl import CurlTransport
from ingest_cli.sinks.transports.signing import Signer
from tests.support.endpoint import Credentials, Endpoint
from tests.support.endpoint.clients import TABLE, connected, create

REGIONS = ["ap-southeast-1", "us-east-1", "eu-central-2", "us-gov-west-1", "cn-north-1"]
URLS = [
    "https://dynamodb.{region}.amazonaws.com",
    "https://dynamodb.{region}.amazonaws.com/",
    "https://dynamodb.{region}.amazonaws.com:443/",
    "https://vpce-0123-abcd.dynamodb.{region}.vpce.amazonaws.com:8443",
    "http://127.0.0.1:8000",
    "http://localhost:80",
    "http://localhost:443/",
    "http://[::1]:4566",
    "https://proxy.example.org/dynamodb",
]
_SECRET = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/="


def signer(url: str, region: str) -> Signer:
    """As the fast transport makes it."""
    return CurlTransport(curl.Endpoint(url, region, None), BotoCredentials("a", "b"))._signer


def credentials(chance: random.Random) -> BotoCredentials:
    def text(length: int) -> str:
        return "".join(chance.choices(_SECRET, k=length))

    token = None if chance.random() < 0.5 else text(chance.choice([16, 356, 1000]))
    return BotoCredentials(text(20), text(40), token)


def expected(
    url: str, region: str, body: bytes, known: BotoCredentials, *, now: dt.datetime, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """The headers that botocore signs, `Authorization` among them; names in lower case."""
    monkeypatch.setattr(auth, "get_current_datetime", lambda *_, **__: now)
    request = AWSRequest(
        "POST",
        url,
        {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "DynamoDB_20120810.BatchWriteItem"},
        body,
    )
    SigV4Auth(known, "dynamodb", region).add_auth(request)
    return {name.lower(): value for name, value in request.headers.items()}


def headers(lines: list[str]) -> dict[str, str]:
    """Return name → value."""
    return dict(line.split(": ", 1) for line in lines)


def test_two_thousand_requests_are_signed_as_botocore_signs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(20171019)
    midnight = dt.datetime(2024, 2, 28, 23, 50, tzinfo=dt.UTC)
    people = [credentials(chance) for _ in range(6)]
    signers = {(url, region): signer(url.format(region=region), region) for url in URLS for region in REGIONS}
    for number in range(2000):
        # One signer, many days and people: its remembered key must never be another's.
        now = midnight + dt.timedelta(seconds=chance.randrange(1200), days=chance.choice([0, 0, 0, 1, 307]))
        url, region = chance.choice(URLS), chance.choice(REGIONS)
        known, body = chance.choice(people), chance.randbytes(chance.choice([0, 1, 63, 64, 500, 5000]))
        ours = headers(signers[url, region].lines(body, known.get_frozen_credentials(), now))
        theirs = expected(url.format(region=region), region, body, known, now=now, monkeypatch=monkeypatch)
        assert ours["authorization"] == theirs["authorization"], f"request {number} to {url}"
        named = ours["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
        assert sorted(set(ours) - {"authorization"}) == named
        assert all(theirs[name] == ours[name] for name in named if name != "host")


def test_the_remembered_key_is_the_days(monkeypatch: pytest.MonkeyPatch) -> None:
    made, known = signer(URLS[0].format(region="us-east-1"), "us-east-1"), credentials(random.Random(1))
    evening = dt.datetime(2024, 12, 31, 23, 59, 59, tzinfo=dt.UTC)
    seen = set()
    for now in (evening, evening + dt.timedelta(seconds=1), evening, evening):
        ours = headers(made.lines(b"{}", known.get_frozen_credentials(), now))
        theirs = expected(
            URLS[0].format(region="us-east-1"), "us-east-1", b"{}", known, now=now, monkeypatch=monkeypatch
        )
        assert ours["authorization"] == theirs["authorization"]
        seen.add(ours["authorization"])
    assert len(seen) == 2


@pytest.mark.parametrize("token", [None, "a/session+token=="])
def test_a_verifier_of_its_own_accepts_what_the_fast_transport_sends(token: str | None) -> None:
    known = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", token)
    with Endpoint(credentials=[known]) as endpoint, connected(endpoint.client_arguments) as client:
        create(client)
        answer = send(endpoint, BotoCredentials(known.access_key, known.secret_key, token))
        assert (answer.status, b"UnprocessedItems" in answer.body) == (200, True)
        assert list(endpoint.items(TABLE)) == [("p", "s")]


@pytest.mark.parametrize(
    ("known", "error"),
    [
        (BotoCredentials("AKIDEXAMPLE", "another secret", "token"), b"InvalidSignatureException"),
        (BotoCredentials("AKIDOTHER", "secret", "token"), b"UnrecognizedClientException"),
        (BotoCredentials("AKIDEXAMPLE", "secret"), b"UnrecognizedClientException"),
        (BotoCredentials("AKIDEXAMPLE", "secret", "another token"), b"UnrecognizedClientException"),
    ],
)
def test_and_nothing_else(known: BotoCredentials, error: bytes) -> None:
    right = Credentials("AKIDEXAMPLE", "secret", "token")
    with Endpoint(credentials=[right]) as endpoint, connected(endpoint.client_arguments) as client:
        create(client)
        answer = send(endpoint, known)
        assert (answer.status, error in answer.body) == (400, True)
        assert endpoint.items(TABLE) == {}


def send(endpoint: Endpoint, known: BotoCredentials) -> Any:
    arguments = endpoint.client_arguments
    transport = CurlTransport(curl.Endpoint(endpoint.url, arguments["region_name"], None), known)
    try:
        put = b'{"PutRequest":{"Item":{"pk":{"S":"p"},"sk":{"S":"s"}}}}'
        return transport.send(b'{"RequestItems":{"%s":[%s]}}' % (TABLE.encode(), put))
    finally:
        transport.close()
