"""What the scripts beside this one share: the items, made before the clock starts, and the clock.

Each of them is `python SCRIPT.py ITEMS.jsonl TABLE ENDPOINT-URL`. It writes items that are already what its library
takes, in the fastest way that library documents, and prints what only that took: a JSON document with the number of
items, and the seconds of processor time (user and system, of all threads) and of wall time.
"""

from __future__ import annotations

import base64
import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

IN_FLIGHT = 16
"""Requests at a time where a library can do several: the program's own default."""

BATCH_ITEMS = 25


class Task(NamedTuple):
    """What a script is asked to do: write these items, in DynamoDB's JSON, into a table."""

    items: list[dict[str, Any]]
    table: str
    url: str


def task() -> Task:
    """As the command line says."""
    path, table, url = sys.argv[1:]
    with Path(path).open(encoding="utf-8") as lines:
        return Task([json.loads(line) for line in lines], table, url)


def native(item: dict[str, Any]) -> dict[str, Any]:
    """An item as boto3's resources have it, but for bytes, which are those of Python."""
    from boto3.dynamodb.types import TypeDeserializer  # noqa: PLC0415 - not all of the libraries bring boto3

    plain = TypeDeserializer().deserialize
    return {name: base64.b64decode(value["B"]) if "B" in value else plain(value) for name, value in item.items()}


def batched(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """As many at a time as a request takes."""
    return (items[at : at + BATCH_ITEMS] for at in range(0, len(items), BATCH_ITEMS))


@contextmanager
def measured(items: int) -> Iterator[None]:
    """Print what the block took."""
    began_s, cpu_began_s = time.monotonic(), time.process_time()
    yield
    took = {"items": items, "cpu_s": time.process_time() - cpu_began_s, "wall_s": time.monotonic() - began_s}
    sys.stdout.write(json.dumps(took))
