"""The notice that a spot instance gets, from a metadata service that we play ourselves, on the loopback interface."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from ingest_cli.errors import TryAgainError
from ingest_cli.runtime import spot_notice as spot
from ingest_cli.runtime.spot_notice import SpotNotice
from ingest_cli.runtime.stop import StopRequest

VARIABLE = "AWS_EC2_METADATA_SERVICE_ENDPOINT"


class Metadata(BaseHTTPRequestHandler):
    """IMDSv2 as far as it concerns us."""

    notice: ClassVar[int] = 404
    token: ClassVar[str] = "token-1"
    seen: ClassVar[list[str]] = []

    def do_PUT(self) -> None:
        self.seen.append(f"PUT {self.path} {self.headers['X-aws-ec2-metadata-token-ttl-seconds']}")
        self._answer(200 if self.path == "/latest/api/token" else 404, self.token)

    def do_GET(self) -> None:
        self.seen.append(f"GET {self.path}")
        if self.headers["X-aws-ec2-metadata-token"] != self.token:
            self._answer(401, "")
        elif self.path == "/latest/meta-data/spot/instance-action":
            self._answer(self.notice, '{"action": "terminate", "time": "2031-01-01T00:00:00Z"}')
        else:
            self._answer(404, "")

    def _answer(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """A server of this kind; its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def metadata(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Metadata]]:
    """The service, told of in the environment, and nobody on the way to it."""
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED", raising=False)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # whoever used it would get nowhere
    monkeypatch.setattr(Metadata, "notice", 404)
    monkeypatch.setattr(Metadata, "token", "token-1")
    monkeypatch.setattr(Metadata, "seen", [])
    with serving(Metadata) as address:
        monkeypatch.setenv(VARIABLE, f"{address}/")
        yield Metadata


def test_without_a_notice_nothing_happens(metadata: type[Metadata]) -> None:
    notice, stop = SpotNotice.here(None), StopRequest()
    assert notice is not None
    notice.look(stop)
    notice.look(stop)
    assert not stop.requested
    assert metadata.seen == ["PUT /latest/api/token 21600", *["GET /latest/meta-data/spot/instance-action"] * 2]


def test_a_notice_stops_the_run(metadata: type[Metadata]) -> None:
    notice, stop = SpotNotice.here("http://127.0.0.1:1"), StopRequest()
    assert notice is not None, "who sets the variable means it, whatever the table's endpoint"
    metadata.notice = 200
    notice.look(stop)
    with pytest.raises(TryAgainError, match="EC2 is reclaiming this spot instance; run the same command again"):
        stop.check()


def test_a_token_that_has_expired_is_replaced(metadata: type[Metadata]) -> None:
    notice, stop = SpotNotice.here(None), StopRequest()
    assert notice is not None
    metadata.token, metadata.notice = "token-2", 200
    notice.look(stop)
    assert not stop.requested
    notice.look(stop)
    assert stop.requested


def test_other_answers_are_faults(metadata: type[Metadata]) -> None:
    notice = SpotNotice.here(None)
    assert notice is not None
    metadata.notice = 500
    with pytest.raises(OSError, match="500"):
        notice.look(StopRequest())


def test_the_token_is_not_shown() -> None:
    assert "token-1" not in repr(SpotNotice("http://127.0.0.1", _token="token-1"))


class Stranger(BaseHTTPRequestHandler):
    """Something that does not speak HTTP."""

    def handle(self) -> None:
        self.rfile.readline()
        self.wfile.write(b"220 smtp ready\r\n")


def test_where_nobody_answers_there_is_no_notice(metadata: type[Metadata], monkeypatch: pytest.MonkeyPatch) -> None:
    assert metadata.seen == []
    for address in ("http://127.0.0.1:9", "127.0.0.1:9", "nonsense"):
        monkeypatch.setenv(VARIABLE, address)
        assert SpotNotice.here(None) is None
    with serving(Stranger) as address:
        monkeypatch.setenv(VARIABLE, address)
        assert SpotNotice.here(None) is None


@pytest.mark.parametrize(
    ("vendor", "endpoint_url", "asked"),
    [
        ("Amazon EC2\n", None, True),
        ("Amazon EC2\n", "https://dynamodb.ap-southeast-1.amazonaws.com", True),
        ("Amazon EC2\n", "http://localhost:8000", False),
        ("Amazon EC2\n", "http://127.0.0.1:8000", False),
        ("Amazon EC2\n", "http://[::1]:8000", False),
        ("QEMU\n", None, False),
        (None, None, False),
    ],
)
def test_only_an_instance_of_ec2_with_a_real_table_is_asked(
    vendor: str | None,
    endpoint_url: str | None,
    asked: bool,  # noqa: FBT001 - a table's cell
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED", raising=False)
    monkeypatch.delenv(VARIABLE, raising=False)
    file = tmp_path / "sys_vendor"
    if vendor is not None:
        file.write_text(vendor, encoding="ascii")
    monkeypatch.setattr(spot, "_VENDOR", file)
    with serving(Metadata) as address:
        monkeypatch.setattr(spot, "_ADDRESS", address)
        found = SpotNotice.here(endpoint_url)
    assert (found is not None) is asked


def test_who_forbids_it_is_not_asked(metadata: type[Metadata], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "True")
    assert SpotNotice.here(None) is None
    assert metadata.seen == []
