"""Embedded DynamoDB that needs no AWS account: moto, in this process, on the loopback interface.

The real client sends real HTTP requests to it. It checks less than DynamoDB and never throttles: it shows the
program's behaviour, not DynamoDB's speed.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

from ingest_cli.aws.table import Table
from ingest_cli.errors import UsageError
from ingest_cli.model.settings import Target

REGION = "us-east-1"
_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "sandbox",
    "AWS_SECRET_ACCESS_KEY": "sandbox",
    "AWS_EC2_METADATA_DISABLED": "true",
}
_ELSEWHERE = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_CA_BUNDLE")


@contextmanager
def sandbox(table: str) -> Iterator[Target]:
    """Provide a table of this name for the duration of the block.

    During the block the process has invented AWS credentials, and no others.

    Raises:
        UsageError: the extra with the embedded DynamoDB is not installed.
    """
    try:
        from moto.server import ThreadedMotoServer  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise UsageError("the sandbox is not installed; install it with: pip install 'ingest-cli[sandbox]'") from error
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    before = dict(os.environ)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    try:
        for name in _ELSEWHERE:
            os.environ.pop(name, None)
        os.environ.update(_CREDENTIALS)
        os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"
        server.start()
        host, port = server.get_host_and_port()
        target = Target(table, REGION, None, f"http://{host}:{port}")
        Table(target).create(None)
        yield target
    finally:
        server.stop()
        os.environ.clear()
        os.environ.update(before)
