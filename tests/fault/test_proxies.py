"""Both halves of a load, boto3's and libcurl's, go through the proxy that the environment names, or neither does."""

from __future__ import annotations

import base64
import contextlib
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from botocore.credentials import Credentials as BotoCredentials

from ingest_cli.aws.session import proxy_for
from ingest_cli.sinks.transports import curl
from ingest_cli.sinks.transports.curl import CurlTransport
from tests.e2e.harness import Cli, Place, small_dump
from tests.support.endpoint import ACCESS_KEY, SECRET_KEY, Endpoint, make_certificate

DEAD = "http://127.0.0.1:9"
"""Nobody listens there."""

USER, PASSWORD = "somebody", "not/so secret"


class Proxy(socketserver.ThreadingTCPServer):
    """A proxy on a loopback port that asks for a password: it forwards requests, and opens tunnels.

    Attributes:
        url: its own, password included.
        seen: the first line of each request to it.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.url = f"http://{USER}:not%2Fso%20secret@127.0.0.1:{self.server_address[1]}"
        self.seen: list[str] = []


class _Connection(socketserver.StreamRequestHandler):
    """Serves one request, or one tunnel."""

    def handle(self) -> None:
        proxy = self.server
        assert isinstance(proxy, Proxy)
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            if not (line := self.rfile.readline()):
                return
            head += line
        first, *lines = head.decode("latin-1").split("\r\n")[:-2]
        proxy.seen.append(first)
        expected = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if not any(line.lower() == f"proxy-authorization: basic {expected}".lower() for line in lines):
            self.wfile.write(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")
            return
        method, target, version = first.split()
        parts = urlsplit(f"//{target}" if method == "CONNECT" else target)
        with socket.create_connection((parts.hostname or "", parts.port or 80)) as other:
            if method == "CONNECT":
                self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                kept = [line for line in lines if not line.lower().startswith(("proxy-", "connection:"))]
                asked = "\r\n".join([f"{method} {parts.path or '/'} {version}", *kept, "Connection: close", "", ""])
                other.sendall(asked.encode("latin-1"))
            forth = threading.Thread(target=_pass_on, args=(self.rfile.read1, other))
            forth.start()
            _pass_on(lambda: other.recv(65536), self.connection)
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
            forth.join()


def _pass_on(read: Callable[[], bytes], other: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := read():
            other.sendall(data)
        other.shutdown(socket.SHUT_WR)


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with Proxy() as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.05,))
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def _load(cli: Cli, table: Place, folder: Path, transport: str, env: dict[str, str]) -> None:
    manifest = small_dump(folder)
    options = ["--workers", "1", "--transport", transport, "--give-up-after", "5"]
    result = cli("load", manifest, *table.to, *options, env=env)
    assert result.code == 0, result
    assert len(table.items) == 9
    for secret in (PASSWORD, "not%2Fso", USER):
        assert secret not in result.out + result.err


@pytest.mark.parametrize("transport", ["curl", "boto3"])
def test_items_go_through_the_proxy_that_all_else_goes_through(
    cli: Cli, table: Place, tmp_path: Path, proxy: Proxy, transport: str
) -> None:
    before = len(table.requests)
    _load(cli, table, tmp_path, transport, {"HTTP_PROXY": proxy.url, "ALL_PROXY": DEAD})
    assert {"DescribeTable", "BatchWriteItem"} <= table.operations(before)
    assert len(proxy.seen) == len(table.requests) - before


def test_a_proxy_that_boto3_does_not_look_at_is_not_there_for_items_either(
    cli: Cli, table: Place, tmp_path: Path, proxy: Proxy
) -> None:
    env = {"ALL_PROXY": DEAD, "all_proxy": DEAD, "HTTP_PROXY": proxy.url, "NO_PROXY": "example.org,127.0.0.1"}
    _load(cli, table, tmp_path, "curl", env)
    assert proxy.seen == []


def test_a_proxy_that_is_not_there_is_named_without_its_password(cli: Cli, table: Place, tmp_path: Path) -> None:
    dead = f"http://{USER}:not%2Fso%20secret@127.0.0.1:9"
    done = cli("load", small_dump(tmp_path), *table.to, env={"HTTP_PROXY": dead, "NO_PROXY": "", "no_proxy": ""})
    done.complains(4, "no connection to DynamoDB through the proxy 127.0.0.1:9", "set NO_PROXY=127.0.0.1")
    assert USER not in done.err
    assert "secret" not in done.err


def test_a_tunnel_for_tls(tmp_path: Path, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    certificate = make_certificate(tmp_path)
    with Endpoint(certificate=certificate) as endpoint:
        place = curl.Endpoint(endpoint.url, "us-east-1", str(certificate.certificate_path), proxy_for(endpoint.url))
        assert PASSWORD not in repr(place)
        assert "not%2F" not in repr(place)
        with closing(CurlTransport(place, BotoCredentials(ACCESS_KEY, SECRET_KEY))) as made:
            answers = [made.send(b'{"RequestItems":{}}') for _ in range(3)]
    assert [answer.status for answer in answers] == [400] * 3
    assert all(b"ValidationException" in answer.body for answer in answers)
    assert [line.split()[0] for line in proxy.seen] == ["CONNECT"], "one tunnel, kept"
