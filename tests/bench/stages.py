"""Where the time of a load goes: processor time of each stage, in one thread.

The stages are called as the pipeline calls them, each behind a stopwatch. Then the bodies of a chunk are made, signed,
and sent over TLS by the program's transport, as many at a time as it has in flight by itself. Not in it: the account of
rows and items, pacing, checkpoints, and what worker processes say to each other.
"""

from __future__ import annotations

import datetime as dt
import multiprocessing
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
from botocore.credentials import Credentials

from ingest_cli.decoders import decode
from ingest_cli.formats import FileFormat, Wanted, open_format
from ingest_cli.identifiers.normalize import normalize
from ingest_cli.items.batching import batches
from ingest_cli.items.builder import HashedRecords, ItemBuilder, Items
from ingest_cli.items.hashing import ByteMatrix, Hasher
from ingest_cli.model.chunks import Records
from ingest_cli.model.keys import Pepper
from ingest_cli.model.manifest import load_manifest
from ingest_cli.model.settings import DEFAULT_CONCURRENCY
from ingest_cli.runtime.fibers import Fibers
from ingest_cli.sinks.transports.curl import CurlTransport, Endpoint
from ingest_cli.sinks.transports.signing import Signer
from tests.bench.options import Options
from tests.bench.surroundings import KID, PEPPER, TABLE, Surroundings
from tests.support.endpoint import ACCESS_KEY, SECRET_KEY
from tests.support.endpoint.tables import REGION

TITLE = "Where the time of a load goes, one thread"
PARSE, NORMALIZE, HASH, BUILD, BODIES, SIGN, SEND = STAGES = (
    "read, decode, parse",
    "normalize",
    "hash",
    "build items",
    "batch bodies",
    "sign",
    "send",
)


_READ_BYTES = 1 << 20


@dataclass
class Stopwatch:
    """Processor seconds of this process, by stage."""

    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))

    @contextmanager
    def on(self, stage: str) -> Iterator[None]:
        """Add what the block takes."""
        began_s = time.process_time()
        yield
        self.seconds[stage] += time.process_time() - began_s


class TimedHasher(Hasher):
    """A hasher behind a stopwatch."""

    def __init__(self, pepper: Pepper, watch: Stopwatch) -> None:
        super().__init__(pepper)
        self._watch = watch

    def tags(self, kind: str, values: pa.StringArray) -> ByteMatrix:
        with self._watch.on(HASH):
            return super().tags(kind, values)

    def record_tags(self, messages: pa.StringArray) -> ByteMatrix:
        with self._watch.on(HASH):
            return super().record_tags(messages)


class TimedBuilder(ItemBuilder):
    """An item builder behind a stopwatch, which also measures the hashing."""

    def __init__(self, dataset: str, watch: Stopwatch) -> None:
        super().__init__(TimedHasher(Pepper(KID, PEPPER), watch), dataset, "00000000")
        self._watch = watch

    def hash(self, records: Records) -> HashedRecords:
        hashing_before_s = self._watch.seconds[HASH]
        with self._watch.on(BUILD):
            hashed = super().hash(records)
        self._watch.seconds[BUILD] -= self._watch.seconds[HASH] - hashing_before_s
        return hashed

    def build(self, hashed: HashedRecords) -> Items:
        with self._watch.on(BUILD):
            return super().build(hashed)


@dataclass
class TimedWriter:
    """Sends the batches of each chunk, and measures the three parts of that."""

    place: Surroundings
    watch: Stopwatch
    items: int = 0

    def __post_init__(self) -> None:
        self._credentials = Credentials(ACCESS_KEY, SECRET_KEY)
        self._signer = Signer(urlsplit(self.place.url).netloc, "/", REGION)
        self._fibers = Fibers()
        endpoint = Endpoint(self.place.url, REGION, str(self.place.ca_path))
        self._transport = CurlTransport(endpoint, self._credentials, self._fibers)

    def write(self, items: Items) -> None:
        """Send them."""
        self.items += len(items)
        with self.watch.on(BODIES):
            bodies = [batch.body(TABLE) for batch in batches(items)]
        signing_before_s = self.watch.seconds[SIGN]
        with self.watch.on(SIGN):
            for body in bodies:
                self._signer.lines(body, self._credentials, dt.datetime.now(dt.UTC))
        with self.watch.on(SEND):  # which signs once more
            self._send(bodies)
        self.watch.seconds[SEND] -= self.watch.seconds[SIGN] - signing_before_s

    def _send(self, bodies: list[bytes]) -> None:
        """Send them as the program does, several at a time."""
        waiting, busy = bodies[::-1], DEFAULT_CONCURRENCY

        def send() -> None:
            nonlocal busy
            while waiting:
                self._transport.send(waiting.pop())
            busy -= 1

        for _ in range(DEFAULT_CONCURRENCY):
            self._fibers.start(send)
        self._fibers.run_until(lambda: busy == 0)


def walk(path: Path, builder: ItemBuilder, watch: Stopwatch, take: Callable[[Items], None]) -> None:
    """Take the dump of a manifest through the stages up to its items, chunk by chunk."""
    manifest = load_manifest(path)
    with path.with_suffix(".csv").open("rb") as file:
        text = decode(iter(lambda: file.read(_READ_BYTES), b""), manifest.format.encoding)
        parser = open_format(manifest.format, Wanted.of(manifest))
        assert not isinstance(parser, FileFormat), "CSV is read as a stream"
        chunks = parser.read(text)
        while True:
            with watch.on(PARSE):
                chunk = next(chunks, None)
            if chunk is None:
                return
            with watch.on(NORMALIZE):
                normalized = normalize(chunk, manifest.fields)
            take(builder.build(builder.hash(normalized.records)))


def _once(place: Surroundings, rows: int) -> dict[str, float]:
    """Microseconds an item by stage, of one run."""
    watch = Stopwatch()
    builder, writer = TimedBuilder(f"telco-{rows}", watch), TimedWriter(place, watch)
    walk(place.dump(rows), builder, watch, writer.write)
    return {stage: watch.seconds[stage] / writer.items * 1e6 for stage in STAGES}


def figures(place: Surroundings, options: Options) -> dict[str, Any]:
    """Microseconds of processor time an item by stage, medians; each run in a process that remembers nothing."""
    place.dump(options.slow_rows)
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawn, max_tasks_per_child=1) as pool:
        samples = list(pool.map(_once, [place] * options.runs, [options.slow_rows] * options.runs))
    by_stage = {stage: round(median(sample[stage] for sample in samples), 2) for stage in STAGES}
    by_stage["all"] = round(sum(by_stage.values()), 2)
    return {"rows": options.slow_rows, "runs": options.runs, "us_per_item": by_stage}
