"""What a load sends, counted: figures of its effort that are the same on every machine, however busy.

Time cannot be asserted in a test; requests and bytes can. What is expected is worked out from the items that are in
the table at the end, and from DynamoDB's rules.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from ingest_cli.engines.chunk_size import FIRST_BYTES
from tests.bench import dumping
from tests.e2e.conftest import make_table
from tests.e2e.harness import Place, new_cli, plug
from tests.support.dumps import Dump, manifest_of
from tests.support.endpoint import Endpoint
from tests.support.endpoint.clients import connected
from tests.support.endpoint.fast import batch_of

ROWS = 4_000
BATCH_ITEMS = 25  # BatchWriteItem's most (DynamoDB API reference)
HEAD_BYTES = 620
"""Of a request line and headers at the most: the signature's own line of about 220 bytes, and what HTTP needs."""

PATIENT = "from ingest_cli.engines import chunk_size\nchunk_size.AIM_S = 3600.0\n"
"""So that chunks do not become smaller on a machine that is busy."""


@dataclass
class Scales:
    """A shortcut of the endpoint that answers nothing: it weighs what comes.

    Attributes:
        heads: sizes of the request lines and headers of batches.
        bodies: sizes of their bodies.
        puts: items in each.
    """

    heads: list[int] = field(default_factory=list)
    bodies: list[int] = field(default_factory=list)
    puts: list[int] = field(default_factory=list)

    def __call__(self, head: bytes, body: bytes) -> bytes | None:
        if batch := batch_of(head, body):
            self.heads.append(len(head) + len(b"\r\n\r\n"))
            self.bodies.append(len(body))
            self.puts.append(batch[1])
        return None


@dataclass(frozen=True)
class Sent:
    """A load, as the endpoint saw it.

    Attributes:
        scales: what came.
        place: what is in the table now, and what was asked of it.
        report: the load's own.
    """

    scales: Scales
    place: Place
    report: dict[str, Any]


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sent]:
    folder, scales = tmp_path_factory.mktemp("effort"), Scales()
    dumping.write(folder / "telco.csv", ROWS)
    manifest = folder / "telco.toml"
    manifest.write_text(manifest_of(Dump(shape=dumping.DESCRIBED, rows=ROWS), "telco", ["telco.csv"]))
    with Endpoint(shortcut=scales) as endpoint:
        place = Place(endpoint)
        with connected(endpoint.client_arguments) as client:
            make_table(place, client)
        env = plug(folder / "plug", PATIENT)
        done = new_cli(folder / "home")(
            "load", manifest, *place.to, "--max-wcu", "1000000", "--output", "json", env=env
        )
        assert done.code == 0, done
        yield Sent(scales, place, done.report)


def compact_bytes(item: dict[str, Any]) -> int:
    """The least that an item takes in a request: JSON without a space in it."""
    return len(json.dumps({"PutRequest": {"Item": item}}, separators=(",", ":"), ensure_ascii=False).encode())


def test_each_item_is_sent_once(sent: Sent) -> None:
    assert len(sent.place.items) == sent.report["items"]["acknowledged"] > 2.5 * ROWS
    assert sum(sent.scales.puts) == len(sent.place.items)
    assert Counter(write.pk for write in sent.place.writes if not write.pk.startswith("_")) == Counter(
        pk for pk, _ in sent.place.items
    )


def test_requests_are_full(sent: Sent) -> None:
    """But for the last one of each chunk, of which none is smaller than the first."""
    fewest = math.ceil(len(sent.place.items) / BATCH_ITEMS)
    chunks = math.ceil(sent.report["source_bytes"] / FIRST_BYTES)
    assert fewest <= len(sent.scales.puts) <= fewest + chunks < 1.1 * fewest
    assert sum(puts < BATCH_ITEMS for puts in sent.scales.puts) <= chunks
    assert max(sent.scales.puts) == BATCH_ITEMS


def test_hardly_a_byte_of_a_body_is_wasted(sent: Sent) -> None:
    items = sum(compact_bytes(item) for item in sent.place.items.values())
    around = len(json.dumps({"RequestItems": {sent.place.name: []}, "ReturnConsumedCapacity": "TOTAL"}))
    commas = sum(puts - 1 for puts in sent.scales.puts)
    least = items + commas + around * len(sent.scales.bodies)
    assert least * 0.99 < sum(sent.scales.bodies) < least * 1.01


def test_heads_are_short(sent: Sent) -> None:
    assert max(sent.scales.heads) <= HEAD_BYTES


def test_everything_else_that_is_asked_does_not_depend_on_the_rows(sent: Sent) -> None:
    """Describing the table, the lock, the ledger, the dataset's row: begun, renewed and ended."""
    others = Counter(request.operation for request in sent.place.requests)
    assert others.pop("BatchWriteItem") == len(sent.scales.puts)
    assert others.total() <= 25, others
