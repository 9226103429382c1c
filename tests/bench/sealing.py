"""What the items of a chunk cost, and what share of that the seals have: processor time, µs an item.

    python -m tests.bench.sealing [--rows 8000]

The rows have an id, a phone number and an e-mail address each. "Keys" are those of the seals, "contents" their texts,
"seals" their encryption and the requests that carry them; "items" is all of it, without the hashing of the identifiers.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from random import Random
from statistics import median
from typing import Any
from unittest.mock import patch

from ingest_cli.items import builder as items_module
from ingest_cli.items.builder import HashedRecords, ItemBuilder
from ingest_cli.items.hashing import Hasher
from ingest_cli.model.chunks import Records
from tests.support.pipelines import PEPPER, SRC, BytesSource, manifest, run

RUNS = 15
PARTS = {"keys": "item_keys", "contents": "_contents", "seals": "sealed_requests"}


def records_of(rows: int) -> list[Records]:
    """The normalized records of a dump of so many rows."""
    random, found = Random(1), list[Records]()
    lines = [
        f"{random.randrange(50, 99):02d}{random.randrange(1, 13):02d}{random.randrange(1, 29):02d}-10-"
        f"{random.randrange(10**4):04d},01{random.randrange(2, 10)}-{random.randrange(10**6, 10**7)},"
        f"user{random.randrange(10**6)}@example.com,Name\n"
        for _ in range(rows)
    ]
    whole = ItemBuilder.hash

    def hashed(self: ItemBuilder, records: Records) -> HashedRecords:
        found.append(records)
        return whole(self, records)

    columns = {"IC": "id", "PHONE": "phone", "EMAIL": "email", "NAME": ""}
    with patch.object(ItemBuilder, "hash", hashed):
        run(manifest(columns), [BytesSource(("IC,PHONE,EMAIL,NAME\n" + "".join(lines)).encode())], chunk_bytes=1 << 20)
    return found


def main() -> None:
    """Print the medians."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.sealing", description=__doc__)
    parser.add_argument("--rows", type=int, default=8000)
    rows = parser.parse_args().rows
    builder = ItemBuilder(Hasher(PEPPER), "demo", SRC)
    spent: dict[str, list[float]] = {name: [] for name in (*PARTS, "items")}
    chunks = [builder.hash(records) for records in records_of(rows)]

    def timed(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            began_s = time.process_time()
            result = function(*arguments)
            spent[name][-1] += time.process_time() - began_s
            return result

        return call

    for name, function in PARTS.items():
        setattr(items_module, function, timed(name, getattr(items_module, function)))
    build = timed("items", builder.build)
    items = size_bytes = wire_bytes = 0
    for _ in range(RUNS):
        for each in spent.values():
            each.append(0.0)
        made = [build(chunk) for chunk in chunks]
        items = sum(map(len, made))
        size_bytes = sum(int(one.size_bytes.sum()) for one in made)
        wire_bytes = sum(one.request.nbytes for one in made)
    print(f"$ python -m tests.bench.sealing --rows {rows}")
    print(f"{items:,} items, medians of {RUNS} runs")
    for name, seconds in spent.items():
        print(f"  {name:<9}{median(seconds) / items * 1e6:5.2f} µs")
    print(f"  {size_bytes / items:.0f} bytes an item in the table, {wire_bytes / items:.0f} in a request")


if __name__ == "__main__":
    main()
