"""aiodynamo: `Client.batch_write` over aiohttp, several tasks."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Iterator, Sequence
from typing import Any

import aiohttp
from aiodynamo.client import Client
from aiodynamo.credentials import Credentials
from aiodynamo.http.aiohttp import AIOHTTP
from aiodynamo.models import BatchWriteRequest
from ready import IN_FLIGHT, batched, measured, native, task
from yarl import URL


def plain(value: Any) -> Any:
    """Without the types that only boto3 has."""
    return float(value) if hasattr(value, "to_eng_string") else value


async def write(client: Client, table: str, batches: Iterator[Sequence[dict[str, Any]]]) -> None:
    for batch in batches:
        left = await client.batch_write({table: BatchWriteRequest(items_to_put=list(batch))})
        assert not left, "the endpoint takes everything"


async def main() -> None:
    work = task()
    items = [{name: plain(value) for name, value in native(item).items()} for item in work.items]
    trusted = ssl.create_default_context(cafile=os.environ["AWS_CA_BUNDLE"])
    connector = aiohttp.TCPConnector(ssl=trusted, limit=IN_FLIGHT)
    async with aiohttp.ClientSession(connector=connector) as session:
        region = os.environ["AWS_DEFAULT_REGION"]
        client = Client(AIOHTTP(session), Credentials.auto(), region, URL(work.url))
        batches = batched(items)
        with measured(len(items)):
            await asyncio.gather(*(write(client, work.table, batches) for _ in range(IN_FLIGHT)))


asyncio.run(main())
