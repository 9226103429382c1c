"""aioboto3: several of its batch writers at a time, each with its share of the items."""

from __future__ import annotations

import asyncio
from typing import Any

import aioboto3
from ready import IN_FLIGHT, measured, native, task


async def write(table: Any, items: list[dict[str, Any]]) -> None:
    async with table.batch_writer() as batch:
        for item in items:
            await batch.put_item(Item=item)


async def main() -> None:
    work = task()
    items = [native(item) for item in work.items]
    async with aioboto3.Session().resource("dynamodb", endpoint_url=work.url) as dynamodb:
        table = await dynamodb.Table(work.table)
        with measured(len(items)):
            await asyncio.gather(*(write(table, items[n::IN_FLIGHT]) for n in range(IN_FLIGHT)))


asyncio.run(main())
