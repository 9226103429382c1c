"""boto3 clients, tables and requests in the shape most tests want."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from .items import Item

Client = Any  # so that no stubs are needed to check what uses it
TABLE = "people"
_ONCE: Any = {"total_max_attempts": 1}


@contextmanager
def connected(arguments: dict[str, Any], read_timeout_s: float = 10) -> Iterator[Client]:
    """A client that never retries, closed at the end.

    Args:
        arguments: `client_arguments` of an endpoint.
        read_timeout_s: how long it waits for an answer.
    """
    config = Config(retries=_ONCE, read_timeout=read_timeout_s, max_pool_connections=2)
    client: Client = boto3.client("dynamodb", config=config, **arguments)
    try:
        yield client
    finally:
        client.close()


def create(client: Client, **options: Any) -> None:
    """Make the table `TABLE`, on-demand unless the options say otherwise."""
    client.create_table(
        TableName=TABLE,
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        **(options or {"BillingMode": "PAY_PER_REQUEST"}),
    )


def provisioned(units_per_s: int) -> dict[str, Any]:
    """The option of `create` for that much reading and writing."""
    return {"ProvisionedThroughput": {"ReadCapacityUnits": units_per_s, "WriteCapacityUnits": units_per_s}}


def person(pk: str, sk: str = "d#1", **more: Any) -> Item:
    """An item."""
    return {"pk": {"S": pk}, "sk": {"S": sk}, **more}


def puts(*items: Item) -> dict[str, Any]:
    """RequestItems that put them into `TABLE`."""
    return {TABLE: [{"PutRequest": {"Item": item}} for item in items]}


def send_instead(body: bytes, params: dict[str, Any], **_: object) -> None:
    """A before-call handler that replaces what boto3 was about to send."""
    params["body"] = body


def refusal(action: Callable[[], object]) -> tuple[str, str]:
    """Code and message of the error that an action must end in."""
    with pytest.raises(ClientError) as caught:
        action()
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def outcome(action: Callable[[], object]) -> str:
    """Result as boto3 reports it: an error code, the name of an exception, or "success"."""
    try:
        action()
    except ClientError as error:
        return error.response["Error"]["Code"]
    except BotoCoreError as error:
        return type(error).__name__
    return "success"
