"""What counts as this machine, and which endpoints are refused because requests would go in clear over a network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ingest_cli.aws import session
from ingest_cli.aws.session import open_session
from ingest_cli.aws.table import Table
from ingest_cli.errors import ExitCode, IngestError, UsageError
from ingest_cli.model.key_references import read_pepper
from ingest_cli.model.settings import Target
from ingest_cli.runtime.endpoints import is_aws, is_loopback, refuse_insecure
from ingest_cli.sources import find_sources

ELSEWHERE = (
    "http://localhost.evil.com",
    "http://127.0.0.1.nip.io:8000",
    "http://dynamodb.local:8000",
    "http://10.0.0.7:8000",
    "http://[fe80::1]:8000",
    "http://0.0.0.0:8000",
    "http://127.1:8000",
    "http://2130706433:8000",
    "http://0x7f.0.0.1",
    "http://[::ffff:10.0.0.7]",
    "HTTP://10.0.0.7",
)


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKID")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")


@pytest.mark.parametrize(
    "url", ["http://localhost:8000", "http://LOCALHOST", "http://127.0.0.1", "http://127.9.9.9:1", "http://[::1]:8000"]
)
def test_this_machine(url: str) -> None:
    assert is_loopback(url)
    refuse_insecure(url, None, allowed=False)
    refuse_insecure(url, "http://127.0.0.1:3128", allowed=False)


@pytest.mark.parametrize("url", ELSEWHERE)
def test_elsewhere(url: str) -> None:
    assert not is_loopback(url)
    with pytest.raises(UsageError, match=r"without encryption.*use https://, or give --insecure-http"):
        refuse_insecure(url, None, allowed=False)
    refuse_insecure(url, None, allowed=True)
    refuse_insecure("https" + url[4:], "http://proxy:3128", allowed=False)  # it sees TLS


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1@evil.com", "https://me:secret@evil.com", "http://127.0.0.1:8\\@evil"]
)
def test_a_url_that_is_read_in_two_ways_is_refused_in_any_case(url: str) -> None:
    for allowed in (False, True):
        with pytest.raises(UsageError, match="must not have a user name or a backslash") as caught:
            refuse_insecure(url, None, allowed=allowed)
        assert "secret" not in str(caught.value)


def test_a_proxy_takes_requests_elsewhere() -> None:
    with pytest.raises(
        UsageError, match=r"proxy proxy.example:3128 without encryption; set NO_PROXY=127.0.0.1"
    ) as caught:
        refuse_insecure("http://127.0.0.1:8000", "http://me:secret@proxy.example:3128", allowed=False)
    assert "secret" not in str(caught.value)


def test_endpoints_of_aws() -> None:
    assert is_aws("https://vpce-1-dynamodb.us-east-1.vpce.amazonaws.com")
    assert not is_aws("https://amazonaws.com.evil.com")


@pytest.mark.slow
@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB", "config", "option"])
def test_wherever_it_was_set(variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url, endpoint_url = "http://10.255.255.1:8000", None
    if variable == "config":
        (tmp_path / "config").write_text(f"[default]\nendpoint_url = {url}\n")
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    elif variable == "option":
        endpoint_url = url
    else:
        monkeypatch.setenv(variable, url)
    with pytest.raises(UsageError, match=r"DynamoDB at http://10.255.255.1:8000 would be reached without") as caught:
        Table(Target("people", "us-east-1", endpoint_url=endpoint_url))
    assert caught.value.exit_code is ExitCode.USAGE
    Table(Target("people", "us-east-1", endpoint_url=endpoint_url, insecure_http=True)).client.close()


def test_s3_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://10.255.255.1:9000")
    with pytest.raises(UsageError, match=r"S3 at http://10.255.255.1:9000 would be reached without"):
        find_sources(["s3://leaks/dump.csv"], Path(), Target("", "us-east-1"))


def test_services_that_nobody_has_checked_are_refused_before_anything_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://10.255.255.1:9000")
    opened = open_session(Target("", "us-east-1"))
    with pytest.raises(UsageError, match=r"AWS at http://10.255.255.1:9000 would be reached without"):
        opened.client("sts").get_caller_identity()


def test_a_dead_proxy_is_named_for_every_service_without_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://somebody:not%2Fso@127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKID")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setattr(session, "_ATTEMPTS", 1)  # no pause before another one
    (tmp_path / "pepper.kms").write_bytes(b"\x01")
    key = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    asked: dict[str, Callable[[], object]] = {
        "DynamoDB": Table(Target("people", "us-east-1", endpoint_url="http://127.0.0.1:8000")).describe,
        "S3": lambda: find_sources(["s3://leaks/dump.csv"], Path(), Target("", "us-east-1"), lambda _: None),
        "AWS": lambda: read_pepper(f"kms:{tmp_path}/pepper.kms,key={key}"),
    }
    for service, ask in asked.items():
        said = f"no connection to {service} through the proxy 127.0.0.1:9; .*NO_PROXY="
        with pytest.raises(IngestError, match=said) as caught:
            ask()
        assert "somebody" not in str(caught.value)
        assert "not%2F" not in str(caught.value)
