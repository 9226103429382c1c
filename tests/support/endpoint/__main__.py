"""The endpoint as a process: prints its URL (and, with TLS, its certificate) and serves until told to end.

The first line on stdout is one JSON document: {"url", "ca_path", "pid"}.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
from pathlib import Path

from .capacity import Limits
from .fast import Recorder, acknowledge_all
from .faults import Rule
from .protocol import Shortcut
from .server import Listener, Settings, new_service
from .tls import make_certificate


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.support.endpoint", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--null", action="store_true", help="acknowledge every BatchWriteItem unread")
    mode.add_argument("--count", action="store_true", help="the same, but keep what was sent")
    parser.add_argument("--tls", action="store_true", help="with a certificate made now")
    parser.add_argument("--audit", type=Path, help="append the audit log to this file as JSON lines")
    parser.add_argument("--latency-ms", type=float, default=0.0, help="wait so long before each answer")
    parser.add_argument("--transition-s", type=float, default=0.0, help="how long tables stay CREATING, …")
    parser.add_argument("--limits", help='JSON, such as {"burst_s": 300}; {} for the defaults; absent: none')
    parser.add_argument("--rules", help="JSON list of rules to begin with")
    parser.add_argument("--seed", type=int, default=0, help="of all chance")
    parser.add_argument("--no-auth", action="store_true", help="accept unsigned requests")
    return parser.parse_args()


async def _serve(arguments: argparse.Namespace, settings: Settings) -> None:
    service = new_service(settings)
    service.script.rules.extend(Rule.from_json(document) for document in json.loads(arguments.rules or "[]"))
    listener = Listener(settings, service)
    url = await listener.open(arguments.port)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    ca_path = None if settings.certificate is None else str(settings.certificate.certificate_path)
    sys.stdout.write(json.dumps({"url": url, "ca_path": ca_path, "pid": os.getpid()}) + "\n")
    sys.stdout.flush()
    await stop.wait()
    await listener.close()
    service.audit.close()


def main() -> None:
    """Serve."""
    arguments = _arguments()
    shortcut: Shortcut | None = None
    if arguments.null:
        shortcut = acknowledge_all
    elif arguments.count:
        shortcut = Recorder()
    with tempfile.TemporaryDirectory(prefix="scripted-endpoint-") as folder:
        settings = Settings(
            limits=None if arguments.limits is None else Limits(**json.loads(arguments.limits)),
            transition_s=arguments.transition_s,
            seed=arguments.seed,
            certificate=make_certificate(Path(folder)) if arguments.tls else None,
            audit_path=arguments.audit,
            latency_s=arguments.latency_ms / 1000,
            shortcut=shortcut,
        )
        if arguments.no_auth:
            settings.credentials = None
        asyncio.run(_serve(arguments, settings))


if __name__ == "__main__":
    main()
