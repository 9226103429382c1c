"""The endpoint as a thing that can be started and stopped: `Endpoint`, in a thread of this process."""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from .audit import Audit
from .clock import Clock
from .control import ControlledService
from .faults import Script
from .protocol import HttpProtocol, Shortcut
from .service import Service
from .signatures import Credentials, Verifier
from .tables import REGION

if TYPE_CHECKING:
    from pathlib import Path

    from .capacity import Limits
    from .items import Item
    from .tables import Table
    from .tls import Certificate

ACCESS_KEY, SECRET_KEY = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
"""AWS's documented example key pair; `Endpoint.client_arguments` holds it."""


@dataclass(slots=True, kw_only=True)
class Settings:
    """How an endpoint behaves.

    Attributes:
        clock: seconds; give a `FakeClock` to move time by hand.
        limits: throughput to enforce; None enforces none.
        transition_s: how long tables stay CREATING, UPDATING, DELETING.
        recovery: point-in-time recovery status that is reported.
        seed: of the script's chance.
        credentials: verify signatures against these; None: no Authorization header is needed at all;
            []: it must be there and be well-formed.
        certificate: speak TLS with it.
        audit_path: file that the audit log is appended to as JSON lines.
        latency_s: delay of each answer.
        shortcut: answers before anything else; see the module `fast`.
    """

    clock: Clock = time.monotonic
    limits: Limits | None = None
    transition_s: float = 0.0
    recovery: str = "DISABLED"
    seed: int = 0
    credentials: list[Credentials] | None = field(default_factory=lambda: [Credentials(ACCESS_KEY, SECRET_KEY)])
    certificate: Certificate | None = None
    audit_path: Path | None = None
    latency_s: float = 0.0
    shortcut: Shortcut | None = None


class Listener:
    """The socket side of an endpoint; belongs to one event loop.

    Args:
        settings: see `Settings`.
        service: who answers.
    """

    def __init__(self, settings: Settings, service: Service) -> None:
        self._settings = settings
        self._application = ControlledService(service, settings.shortcut)
        self._connections: set[HttpProtocol] = set()
        self._server: asyncio.Server | None = None

    async def open(self, port: int = 0) -> str:
        """Listen on 127.0.0.1; returns the URL."""
        context: ssl.SSLContext | None = None
        certificate = self._settings.certificate
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate.certificate_path, certificate.key_path)
        self._server = await asyncio.get_running_loop().create_server(
            self._new_connection, "127.0.0.1", port, ssl=context, backlog=1024
        )
        bound = self._server.sockets[0].getsockname()[1]
        return f"{'https' if context else 'http'}://127.0.0.1:{bound}"

    def _new_connection(self) -> HttpProtocol:
        return HttpProtocol(self._application, self._settings.shortcut, self._settings.latency_s, self._connections)

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._connections)

    async def close(self) -> None:
        """Stop listening and reset what is still connected, hanging requests included."""
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.abort()
        await asyncio.sleep(0)  # let the transports say goodbye


def new_service(settings: Settings, script: Script | None = None) -> Service:
    """The service that these settings describe."""
    return Service(
        clock=settings.clock,
        audit=Audit(settings.clock, settings.audit_path),
        script=Script(seed=settings.seed) if script is None else script,
        verifier=None if settings.credentials is None else Verifier(settings.credentials),
        limits=settings.limits,
        transition_s=settings.transition_s,
        recovery=settings.recovery,
    )


class Endpoint:
    """A DynamoDB endpoint on a loopback port, served by a thread; a context manager.

    Args:
        script: faults to begin with; more can be added at any time.
        settings: the attributes of `Settings`.

    Attributes:
        url: where it listens, once started.
        script: what goes wrong.
        audit: what it did.
        clock: seconds.
    """

    def __init__(self, script: Script | None = None, **settings: Any) -> None:
        self._settings = Settings(**settings)
        self.service = new_service(self._settings, script)
        self.script = self.service.script
        self.audit = self.service.audit
        self.clock = self._settings.clock
        self.url = ""
        self._listener: Listener | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, name="scripted-endpoint", daemon=True)
        self._failure: OSError | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> Self:
        """Listen.

        Raises:
            OSError: if there is no port to listen on.
        """
        self._thread.start()
        self._started.wait()
        if self._failure is not None:
            raise self._failure
        return self

    def stop(self) -> None:
        """Reset all connections and end the thread; the log and the tables stay readable."""
        if self._loop is not None and self._stop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self.audit.close()

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        listener = self._listener = Listener(self._settings, self.service)
        try:
            self.url = await listener.open()
        except OSError as error:
            self._failure = error
            return
        finally:
            self._started.set()
        await self._stop.wait()
        await listener.close()

    @property
    def client_arguments(self) -> dict[str, Any]:
        """Keyword arguments for `boto3.client("dynamodb", ...)`."""
        return client_arguments(self.url, self._settings)

    @property
    def connections(self) -> int:
        """How many are open: those of a process that was killed until all that it had sent is dealt with."""
        return 0 if self._listener is None else self._listener.connections

    @property
    def ca_path(self) -> Path | None:
        """The certificate that clients must trust, with TLS."""
        certificate = self._settings.certificate
        return None if certificate is None else certificate.certificate_path

    def table(self, name: str) -> Table:
        """A table by name.

        Raises:
            KeyError: if there is none.
        """
        with self.service.lock:
            return self.service.state.tables[name]

    def limit(self, name: str, limits: Limits | None, wcu_per_s: int | None) -> None:
        """Change what a table's throughput is, and what is enforced; its buckets are full again.

        Args:
            name: of the table.
            limits: see `Limits`.
            wcu_per_s: provisioned, and as much for reads; None: on-demand.
        """
        units = None if wcu_per_s is None else {"ReadCapacityUnits": wcu_per_s, "WriteCapacityUnits": wcu_per_s}
        with self.service.lock:
            table = self.service.state.tables[name]
            table.set_throughput(units)
            table.set_limits(limits)

    def items(self, name: str) -> dict[tuple[str, str], Item]:
        """A copy of a table's items by (pk, sk)."""
        with self.service.lock:
            return self.service.state.tables[name].items()


def client_arguments(url: str, settings: Settings) -> dict[str, Any]:
    """Keyword arguments for a boto3 client of the endpoint at `url`."""
    known = (settings.credentials or [Credentials(ACCESS_KEY, SECRET_KEY)])[0]
    arguments: dict[str, Any] = {
        "endpoint_url": url,
        "region_name": REGION,
        "aws_access_key_id": known.access_key,
        "aws_secret_access_key": known.secret_key,
        "aws_session_token": known.session_token,
    }
    if settings.certificate is not None:
        arguments["verify"] = str(settings.certificate.certificate_path)
    return arguments
