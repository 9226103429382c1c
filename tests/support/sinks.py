"""Every sink, ready to be written to, and a look at what is really in it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config
from botocore.credentials import Credentials as BotoCredentials

from ingest_cli.runtime.fibers import Fibers
from ingest_cli.sinks.discard import DiscardSink
from ingest_cli.sinks.dynamodb import DynamoDBSink
from ingest_cli.sinks.interface import Sink
from ingest_cli.sinks.memory import MemorySink
from ingest_cli.sinks.transports.boto import BotoTransport
from ingest_cli.sinks.transports.curl import CurlTransport, Endpoint
from ingest_cli.sinks.transports.interface import Transport
from tests.support.endpoint import canonical_json
from tests.support.endpoint.clients import connected

Arguments = dict[str, Any]
"""Keyword arguments of a boto3 client."""

TableByKey = dict[tuple[str, str], bytes]
"""(pk, sk) → the item in a form in which equal items are equal bytes."""

TRANSPORTS = ("curl", "boto3")
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Rig:
    """A sink under test.

    Attributes:
        sink: empty.
        content: what it holds; None for a sink that holds nothing.
        counts_wcu: whether its receipts tell true capacity.
        table: name of the table, if there is one.
        arguments: for a client of the same table.
        fibers: whose turn it is while the sink waits.
    """

    sink: Sink
    content: Callable[[], TableByKey] | None = None
    counts_wcu: bool = True
    table: str = ""
    arguments: Arguments = field(default_factory=dict)
    fibers: Fibers = field(default_factory=Fibers)


def memory_rig() -> Rig:
    sink = MemorySink()
    return Rig(sink, lambda: {key: canonical_json(dict(item)) for key, item in sink.items.items()})


def discard_rig() -> Rig:
    return Rig(DiscardSink())


@contextmanager
def transport(
    name: str, arguments: Arguments, *, read_timeout_s: float = 10, fibers: Fibers | None = None
) -> Iterator[Transport]:
    """A transport by its name, closed at the end."""
    made = (
        CurlTransport(
            Endpoint(arguments["endpoint_url"], arguments["region_name"], None),
            BotoCredentials(
                arguments["aws_access_key_id"], arguments["aws_secret_access_key"], arguments.get("aws_session_token")
            ),
            fibers,
        )
        if name == "curl"
        else _boto(arguments, read_timeout_s, fibers)
    )
    try:
        yield made
    finally:
        made.close()


def _boto(arguments: Arguments, read_timeout_s: float, fibers: Fibers | None) -> BotoTransport:
    config = Config(
        read_timeout=read_timeout_s,
        connect_timeout=5,
        retries={"total_max_attempts": 1, "mode": "standard"},
        parameter_validation=False,
    )
    return BotoTransport(boto3.client("dynamodb", config=config, **arguments), fibers)


@contextmanager
def dynamodb_rig(name: str, arguments: Arguments, *, counts_wcu: bool = True) -> Iterator[Rig]:
    """A DynamoDBSink over the transport `name`, on a new table of the server that `arguments` lead to."""
    table = f"people-{next(_numbers)}"
    fibers = Fibers()
    with transport(name, arguments, fibers=fibers) as made:
        create_table(arguments, table)
        sink = DynamoDBSink(made, table)
        yield Rig(sink, lambda: content(arguments, table), counts_wcu, table, arguments, fibers)


def create_table(arguments: Arguments, table: str) -> None:
    """Make a table of our key schema, and wait until it is there."""
    with connected(arguments) as client:
        client.create_table(
            TableName=table,
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            BillingMode="PAY_PER_REQUEST",
        )
        # Not the client's waiter: it looks again only after 20 seconds.
        while client.describe_table(TableName=table)["Table"]["TableStatus"] != "ACTIVE":
            pass


def content(arguments: Arguments, table: str) -> TableByKey:
    """All items of a table."""
    found: TableByKey = {}
    with connected(arguments) as client:
        for page in client.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
            # The low-level client gives items back as DynamoDB JSON.
            found.update({(item["pk"]["S"], item["sk"]["S"]): canonical_json(item) for item in page["Items"]})
    return found
