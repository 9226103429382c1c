"""A new sink is one class with `put`: the contract of sinks holds it to every promise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ingest_cli.items.batching import Batch
from ingest_cli.sinks.interface import Receipt
from tests.contract.test_sinks import ITEMS, check, expected, put_all
from tests.support.endpoint import canonical_json
from tests.support.sinks import Rig, TableByKey


class LinesSink:
    """Append the items to a file, one request a line; the last of equal keys counts."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def put(self, batch: Batch) -> Receipt:
        refused = batch.too_large()
        kept = batch.only([at for at, item in enumerate(batch.index) if int(item) not in {one.item for one in refused}])
        with self._path.open("ab") as file:
            file.write(kept.body("lines") + b"\n")
        return Receipt(len(kept), float(kept.wcu), refused=refused)


def content(path: Path) -> TableByKey:
    requests: list[Any] = [json.loads(line)["RequestItems"]["lines"] for line in path.read_text().splitlines()]
    items = [put["PutRequest"]["Item"] for request in requests for put in request]
    return {(item["pk"]["S"], item["sk"]["S"]): canonical_json(item) for item in items}


def test_items_arrive_as_they_were_built_however_often_they_are_put(tmp_path: Path) -> None:
    path = tmp_path / "items"
    rig = Rig(LinesSink(path), lambda: content(path))
    for _ in range(2):
        assert sum(receipt.acknowledged for receipt in put_all(rig)) == len(ITEMS)
        check(rig, expected())
