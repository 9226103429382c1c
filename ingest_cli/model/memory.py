"""Memory bound of a run, for dumps of any size and tables of any speed.

The bound is the sum of

      120 MiB            the program and its libraries
    +  50 MiB            hashes of keys, for the count of duplicates (`distinct.DEFAULT_CAPACITY`), twice
    +  3,000,000 x 17 B  rows and items of chunks that are not completely written (`concurrent.MAX_OPEN_ENTRIES`)
    +   C x 0.3 MiB      C = `concurrency`: a connection, and three batches of 25 items
    +   W x 130 MiB      W = `workers`: for each of them

             100 MiB            the chunk being prepared: 1 MiB of the dump (`chunk_size.MAX_BYTES`), its cells,
                                identifiers, hashes and items
        +  50,000 x 0.6 KiB  items of hot keys: of a chunk, and of those begun before (`run_ahead.AHEAD_ITEMS`)

and, with more than one worker,

    +  64 MiB            uncommitted chunks, in case a worker is killed (`pool.MAX_HELD_BYTES`)
    +   W x 40 MiB       memory of the program and its libraries that a worker does not share with the others, and its
                         next chunk

for items of ordinary size. A record may have up to 8 MiB (`record_stream.MAX_RECORD_BYTES`); if all do, the chunk being
prepared takes that much more. Decompression is extra: up to 136 MiB for the windows of xz, 7z and zstd together, and
256 MiB, before the first row, for a passphrase of age (`source_budget.Limits`), next to nothing for the others; as are
the pages of Parquet and Arrow, the sheets of a workbook, and a compressed file of those (64 MiB each).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest_cli.runtime.cores import available_cores

if TYPE_CHECKING:
    from ingest_cli.model.settings import RunSettings

_MIB = 1 << 20


def memory_bytes(settings: RunSettings) -> int:
    """Return the memory bound of a run, in all of its processes."""
    workers = settings.workers or available_cores()
    each = 100 + 50_000 * 0.6 / 1024
    apart = 64 + workers * 40 if workers > 1 else 0
    return int((120 + 50 + settings.concurrency * 0.3 + workers * each + apart) * _MIB + 3_000_000 * 17)
