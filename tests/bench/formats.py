"""How fast each format is read: MB of a dump a second of processor time, on one core and without a disk.

    python -m tests.bench formats --format-mb 64

"Parse" is from the bytes of the file to columns; "all" goes on to canonical identifiers, hashes and items. All dumps
are of the same people, whose passwords are left behind. For what is no text, the MB are those of the file as it lies
there, and say little of a format that packs what comes again; there, look at the time a row takes.
"""

from __future__ import annotations

import io
import multiprocessing
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

from ingest_cli.decoders import to_utf8
from ingest_cli.formats import FileFormat, Wanted, open_format
from ingest_cli.identifiers.normalize import normalize
from ingest_cli.items.builder import ItemBuilder
from ingest_cli.items.hashing import Hasher
from ingest_cli.model.chunks import RowChunk
from ingest_cli.model.keys import Pepper
from ingest_cli.model.manifest import Manifest, parse_manifest
from tests.bench.options import Options
from tests.bench.surroundings import KID, PEPPER, Surroundings
from tests.support.shapes import Shape
from tests.support.writers import LOGIN_WRITERS, LOGINS, PEOPLE, WRITERS, Table, Writer, columnar, drawn, manifest

TITLE = "Each format, one core, processor time"
_READ_BYTES = 1 << 20
_PEOPLE = 5_000
"""Different people in a dump; they come again and again, thousands of rows apart."""


class Contender(NamedTuple):
    """A format to be measured.

    Attributes:
        shape: columns of its table.
        write: makes a dump of it.
        size: its share of the size asked for; a workbook takes minutes to write.
    """

    shape: Shape
    write: Writer
    size: float = 1.0


_PLAIN = PEOPLE._replace(address_source="street")
CONTENDERS: Mapping[str, Contender] = {
    "csv": Contender(_PLAIN, WRITERS["csv"]),
    "csv, lines in cells": Contender(PEOPLE, WRITERS["csv"]),
    "tsv": Contender(_PLAIN, WRITERS["tsv"]),
    "fixed": Contender(_PLAIN, WRITERS["fixed"]),
    "combo email:password": Contender(LOGINS["email:password"], LOGIN_WRITERS["colons"]),
    "combo url:user:password": Contender(LOGINS["url:user:password"], LOGIN_WRITERS["colons"]),
    "sql mysqldump": Contender(PEOPLE, WRITERS["mysqldump"]),
    "sql pg_dump": Contender(PEOPLE, WRITERS["pg_dump"]),
    "sql SQL Server": Contender(PEOPLE, WRITERS["SQL Server"]),
    "json": Contender(PEOPLE, WRITERS["json, rows"]),
    "jsonl": Contender(PEOPLE, WRITERS["jsonl"]),
    "jsonl mongoexport": Contender(PEOPLE, WRITERS["mongoexport"]),
    "parquet": Contender(PEOPLE, columnar.parquet(group_rows=100_000)),
    "arrow": Contender(PEOPLE, columnar.arrow_file(batch_rows=50_000)),
    "xlsx": Contender(PEOPLE, WRITERS["xlsx"], 0.02),
}
"""What is measured, by how it is called in the table."""


@dataclass(frozen=True)
class Dump:
    """A dump in memory, with its manifest."""

    manifest: Manifest
    data: bytes
    rows: int

    def chunks(self) -> Iterator[RowChunk]:
        """Its rows, parsed."""
        parser = open_format(self.manifest.format, Wanted.of(self.manifest))
        if isinstance(parser, FileFormat):
            return parser.read_file(io.BytesIO(self.data))
        pieces = (self.data[at : at + _READ_BYTES] for at in range(0, len(self.data), _READ_BYTES))
        return parser.read(to_utf8(pieces, self.manifest.format.encoding))


def dump_of(contender: Contender, size_bytes: float) -> Dump:
    """A dump of about so many bytes."""
    table = drawn(contender.shape, _PEOPLE).table
    once = contender.write(table).data
    times = max(1, round(contender.size * size_bytes / len(once)))
    rows = table.rows * times
    written = contender.write(Table(table.name, table.columns, rows))
    data = written.data.encode() if isinstance(written.data, str) else written.data
    return Dump(parse_manifest(manifest(contender.shape, written, ["memory"])), data, len(rows))


def _measured(name: str, mb: float) -> dict[str, float]:
    dump = dump_of(CONTENDERS[name], mb * 1e6)
    size_mb = len(dump.data) / 1e6
    parse_s = _timed(lambda _: None, dump)
    builder, fields = ItemBuilder(Hasher(Pepper(KID, PEPPER)), "bench", "00000000"), dump.manifest.fields
    all_s = _timed(lambda chunk: builder.build(builder.hash(normalize(chunk, fields).records)), dump)
    return {
        "MB": round(size_mb, 1),
        "parse MB/s": round(size_mb / parse_s, 1),
        "all MB/s": round(size_mb / all_s, 1),
        "parse µs/row": round(parse_s / dump.rows * 1e6, 2),
        "all µs/row": round(all_s / dump.rows * 1e6, 2),
    }


def _timed(take: Callable[[RowChunk], object], dump: Dump) -> float:
    """Processor seconds it takes to read a dump, and do something with each chunk."""
    began_s, rows = time.process_time(), 0
    for chunk in dump.chunks():
        take(chunk)
        rows += chunk.records
    assert rows == dump.rows, "all rows are read"
    return time.process_time() - began_s


def figures(_place: Surroundings, options: Options) -> dict[str, dict[str, float]]:
    """What each format comes to, each in a process that remembers nothing."""
    spawn = multiprocessing.get_context("spawn")
    sizes = [options.format_mb] * len(CONTENDERS)
    with ProcessPoolExecutor(1, spawn, max_tasks_per_child=1) as pool:
        return dict(zip(CONTENDERS, pool.map(_measured, CONTENDERS, sizes), strict=True))
