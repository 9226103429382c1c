"""A million dirty rows through the installed command: the table holds exactly what it must, in flat memory.

The expected items come from the generator's truth, computed by plain code that shares nothing with the program.
Both sides are kept as 16 bytes an item, so that two tables of three million items are compared in a few hundred
megabytes. `MILLION_ROWS=20000 pytest tests/e2e/test_million.py` tries it on fewer rows.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pytest

from ingest_cli.model.memory import memory_bytes
from ingest_cli.model.settings import RunSettings
from tests.bench import measure
from tests.e2e.conftest import make_table
from tests.e2e.harness import COMMAND, KID, PEPPER_HEX, Cli, Place, new_cli
from tests.support.dumps import Dump, manifest_of, write_dump
from tests.support.endpoint import Endpoint, acknowledge_all, canonical_json
from tests.support.endpoint.clients import Client, connected
from tests.support.shapes import SHAPES
from tests.support.truth import Reference, RowTruth, Tally, as_dynamodb_json

pytestmark = pytest.mark.slow

ROWS = int(os.environ.get("MILLION_ROWS", "1000000"))
FILES = 4
DIRTY = 0.05
SHAPE = SHAPES["dirty"]  # three identifiers that are looked up, and a fourth item where an e-mail has a base
PEAK_RSS_BYTES = 400 * 1024 * 1024
DIGEST_BYTES = 16

Digests = npt.NDArray[np.void]
"""One digest for each different item, sorted."""


def reference(dataset: str, src: str) -> Reference:
    return Reference(bytes.fromhex(PEPPER_HEX), KID, dataset, src)


def digest(item: dict[str, Any]) -> bytes:
    """Of an item in DynamoDB JSON; equal for items that are equal to DynamoDB."""
    return hashlib.sha256(canonical_json(item)).digest()[:DIGEST_BYTES]


def distinct(digests: Sequence[bytes | bytearray]) -> Digests:
    """The different ones of all these digests laid end to end."""
    return np.unique(np.frombuffer(b"".join(digests), np.dtype((np.void, DIGEST_BYTES))))


# -- what must come out ------------------------------------------------------------------------------------------------


class FileTruth(NamedTuple):
    """What was written into one file, and what must become of it."""

    sha256: str
    tally: Tally
    digests: bytes


@dataclass(frozen=True)
class Million:
    """The dump, and the truth about all of it.

    Attributes:
        manifest: where it is described.
        src: what every item must say about the state of the sources.
        counts: what the report must count.
        digests: of the items, without their `src`, which is known only once all files are written.
    """

    manifest: Path
    src: str
    counts: dict[str, Any]
    digests: Digests


def write_file(dump: Dump, path: Path) -> FileTruth:
    """Write one file of the dump, in a process of its own."""
    expected = reference("million", "")
    tally, digests = Tally(distinct=False), bytearray()

    def receive(truth: RowTruth) -> None:
        tally.add(truth)
        for item in expected.items(truth):
            typed = as_dynamodb_json(item)
            del typed["src"]
            digests.extend(digest(typed))

    write_dump(dump, path, receive)
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return FileTruth(sha256, tally, bytes(digests))


def source_set_src(sha256s: Sequence[str]) -> str:
    """First 8 hex digits of the fingerprint of a set of sources: the sorted digests, a line each."""
    return hashlib.sha256("".join(f"{one}\n" for one in sorted(sha256s)).encode()).hexdigest()[:8]


def summed(tallies: Sequence[Tally]) -> dict[str, Any]:
    total = Tally(distinct=False)
    for tally in tallies:
        total.outcomes.update(tally.outcomes)
        total.built += tally.built
        for outcome, reasons in tally.reasons.items():
            total.reasons[outcome].update(reasons)
    return total.expected()


@pytest.fixture(scope="module")
def million(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Million]:
    folder = tmp_path_factory.mktemp("million")
    names = [f"part-{n}.csv" for n in range(FILES)]
    starts = [ROWS * n // FILES for n in range(FILES + 1)]
    dumps = [Dump(shape=SHAPE, rows=starts[n + 1] - starts[n], first=starts[n], dirty=DIRTY) for n in range(FILES)]
    manifest = folder / "million.toml"
    manifest.write_text(manifest_of(dumps[0], "million", ["part-*.csv"]))
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(FILES, os.cpu_count() or 1), spawn) as pool:
        parts = list(pool.map(write_file, dumps, [folder / name for name in names]))
    yield Million(
        manifest,
        source_set_src([part.sha256 for part in parts]),
        summed([part.tally for part in parts]),
        distinct([part.digests for part in parts]),
    )
    for name in names:
        (folder / name).unlink()


# -- what comes out ----------------------------------------------------------------------------------------------------


@dataclass
class Received:
    """A shortcut of the endpoint: acknowledges every batch, and keeps a digest of each item in it."""

    items: int = 0
    srcs: Counter[str] = field(default_factory=Counter)
    digests: bytearray = field(default_factory=bytearray)

    def __call__(self, head: bytes, body: bytes) -> bytes | None:
        answer = acknowledge_all(head, body)
        if answer is not None:
            for puts in json.loads(body)["RequestItems"].values():
                self.items += len(puts)
                for put in puts:
                    item = put["PutRequest"]["Item"]
                    self.srcs[item.pop("src")["S"]] += 1
                    self.digests += digest(item)
        return answer


def measured(cli: Cli, folder: Path, *arguments: str | Path) -> tuple[dict[str, Any], int]:
    """Run the command; its report, and its peak memory in bytes."""
    cost = measure.run([COMMAND, *arguments, "--output", "json"], cli.env, folder)
    return cli.checked(0, cost.out.encode(), b"").report, cost.peak_rss_bytes


def counted(report: dict[str, Any]) -> dict[str, Any]:
    """The part of a report that `Tally.expected` has, too."""
    found = {name: report[name] for name in ("rows", "rejected_by_reason", "skipped_by_reason")}
    return {**found, "items": {"built": report["items"]["built"]}}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Cli:
    return new_cli(tmp_path_factory.mktemp("homes") / "million")


def test_load_of_a_million_dirty_rows_is_exact(million: Million, home: Cli) -> None:
    received = Received()
    with Endpoint(shortcut=received) as endpoint:
        place = Place(endpoint)
        with connected(endpoint.client_arguments) as client:
            make_table(place, client)
        report, peak_rss_bytes = measured(home, million.manifest.parent, "load", million.manifest, *place.to)
    assert peak_rss_bytes < memory_bytes(RunSettings())
    assert counted(report) == million.counts
    assert report["src"] == million.src
    assert report["balances"] is True
    assert report["items"]["acknowledged"] == received.items == report["items"]["built"] - report["items"]["merged"]
    assert received.srcs == {million.src: received.items}
    # One digest too many is an item that must not be there, or a key that came with two contents.
    sent = distinct([received.digests])
    assert np.array_equal(sent, million.digests)
    assert report["items"]["distinct_is_exact"] is True
    assert report["items"]["distinct"] == len(sent)


def test_validate_of_a_million_rows_needs_no_more_than_400_mb(million: Million, home: Cli) -> None:
    report, peak_rss_bytes = measured(home, million.manifest.parent, "validate", million.manifest)
    assert counted(report) == million.counts
    assert peak_rss_bytes < PEAK_RSS_BYTES


# -- the table does not know how it was written ------------------------------------------------------------------------


def write_small(folder: Path, dataset: str, first: int) -> Path:
    """A dump of a few rows; two of them share people when their `first` are close. Returns the manifest."""
    dump = Dump(shape=SHAPE, rows=2_000, first=first, dirty=DIRTY)
    write_dump(dump, folder / f"{dataset}.csv")
    manifest = folder / f"{dataset}.toml"
    manifest.write_text(manifest_of(dump, dataset, [f"{dataset}.csv"]))
    return manifest


def items_after(cli: Cli, place: Place, *loads: Sequence[str | Path]) -> dict[tuple[str, str], Any]:
    """The table once these loads, each a list of arguments, are done."""
    for arguments in loads:
        result = cli("load", *arguments, *place.to, "--output", "json")
        assert result.code == 0, result
        assert all(report["outcome"] == "complete" for report in result.reports)
    return {key: canonical_json(item) for key, item in place.items.items()}


def test_a_load_repeated_changes_nothing(table: Place, cli: Cli, tmp_path: Path) -> None:
    manifest = write_small(tmp_path, "once", 0)
    first = items_after(cli, table, [manifest])
    writes = len(table.writes)
    again = items_after(cli, table, [manifest, "--restart"])
    assert len(first) > 2_000
    assert again == first
    assert len(table.writes) >= writes + len(first)  # and yet it wrote all of them once more


def test_the_order_of_loads_does_not_matter(
    endpoint: Endpoint, admin: Client, table: Place, cli: Cli, tmp_path: Path
) -> None:
    one, other = write_small(tmp_path, "one", 0), write_small(tmp_path, "other", 1_000)
    in_order = items_after(cli, table, [one, other])
    turned = items_after(cli, make_table(Place(endpoint), admin), [other], [one])
    assert turned == in_order
    assert {key[1].partition("#")[0] for key in in_order} == {"one", "other"}
    partitions = Counter(pk for pk, _ in in_order)
    assert max(partitions.values()) > 1  # people who are in both
