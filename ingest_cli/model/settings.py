"""Settings of a run, as opposed to what to load: all of the operator's options, and their defaults."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ingest_cli.errors import UsageError
from ingest_cli.runtime.cores import available_cores

DEFAULT_CONCURRENCY = 64
DEFAULT_GIVE_UP_AFTER_S = 1800.0
AUTO_WORKERS = 0
TRANSPORTS = ("curl", "boto3")
STATE_IN_TABLE = "table"
MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Target:
    """Location of the table.

    Attributes:
        table: name or ARN.
        region: AWS region; None: from the profile or the environment, as with AWS's own tools.
        profile: name of a profile in AWS's configuration files.
        endpoint_url: endpoint to use instead of the region's.
        insecure_http: whether requests may cross a network unencrypted.
    """

    table: str
    region: str | None = None
    profile: str | None = None
    endpoint_url: str | None = None
    insecure_http: bool = False


@dataclass(frozen=True, slots=True)
class RunSettings:
    """Settings of a load or a validation.

    Memory is bounded, for dumps of any size and tables of any speed, by

          120 MiB            the program and its libraries
        +  50 MiB            hashes of keys, for the count of duplicates (`distinct.DEFAULT_CAPACITY`), twice
        +  3,000,000 x 17 B  rows and items of chunks that are not completely written
                             (`concurrent.MAX_OPEN_ENTRIES`)
        +   C x 0.3 MiB      C = `concurrency`: a connection, and three batches of 25 items
        +   W x 130 MiB      W = `workers`: for each of them

                 100 MiB            the chunk being prepared: 1 MiB of the dump (`chunk_size.MAX_BYTES`), its
                                    cells, identifiers, hashes and items
            +  50,000 x 0.6 KiB  items of hot keys: of a chunk, and of those begun before (`run_ahead.AHEAD_ITEMS`)

    and, with more than one worker, by

        +  64 MiB            uncommitted chunks, in case a worker is killed (`pool.MAX_HELD_BYTES`)
        +   W x 40 MiB       memory of the program and its libraries that a worker does not share with the others,
                             and its next chunk

    for items of ordinary size; a record may have up to 8 MiB (`record_stream.MAX_RECORD_BYTES`), and if all do, the
    chunk being prepared takes that much more. `memory_bytes` is the sum. Decompression is extra: up to 136 MiB for the
    windows of xz, 7z and zstd together, and 256 MiB, before the first row, for a passphrase of age
    (`source_budget.Limits`), next to nothing for the others; as are the pages of Parquet and Arrow, the sheets of a
    workbook, and a compressed file of those (64 MiB each).

    Attributes:
        skip: number of rows to skip at the start.
        limit: number of rows to read after those; None: all.
        rejects: file for rejects; None: they are only counted.
        rejects_include_raw: whether that file holds the rejected records themselves.
        append_rejects: whether to keep its contents: the rejects of an earlier manifest of the same command.
        age_identity: reference to the identities or passphrase for sources encrypted with age: as for a pepper.
        source_id: identifies the content of sources that cannot be fingerprinted.
        concurrency: maximum number of requests in flight, and as many again for hot keys.
        workers: number of processes that prepare and write; 0: one per core if the dump is large enough.
        transport: one of `TRANSPORTS`.
        give_up_after_s: seconds without progress after which a load stops (resumable).
        restart: whether to ignore the saved checkpoint and load everything again.
        max_wcu: limit on consumption: write capacity units per second, or a percentage of the provisioned capacity.
        state: where the state of a load is stored: `table`, or `file:DIR`.
        spot_watch: whether to stop when EC2 announces that it will reclaim this spot instance.
        replay: reject file of an earlier run; only the rows it names are loaded.
        max_cost: cost limit of a load, in the currency of the price list; None: no limit.
        cost_before: part of it that other loads of the same command have spent.
        prices: file with a price list that replaces the packaged one.
        insecure_http: whether sources may be read unencrypted over a network, if no target specifies it.
    """

    skip: int = 0
    limit: int | None = None
    rejects: Path | None = None
    rejects_include_raw: bool = False
    append_rejects: bool = False
    age_identity: str | None = None
    source_id: str | None = None
    concurrency: int = DEFAULT_CONCURRENCY
    workers: int = AUTO_WORKERS
    transport: str = TRANSPORTS[0]
    give_up_after_s: float = DEFAULT_GIVE_UP_AFTER_S
    restart: bool = False
    max_wcu: str | None = None
    state: str = STATE_IN_TABLE
    spot_watch: bool = True
    replay: Path | None = None
    max_cost: float | None = None
    cost_before: float = 0.0
    prices: Path | None = None
    insecure_http: bool = False

    @property
    def is_partial(self) -> bool:
        """Whether only some of the rows are loaded; such a run saves no state and does not complete a dataset."""
        return self.skip > 0 or self.limit is not None or self.replay is not None

    @property
    def memory_bytes(self) -> int:
        """Maximum memory of a run, in all of its processes: the sum above."""
        workers = self.workers or available_cores()
        each = 100 + 50_000 * 0.6 / 1024
        apart = 64 + workers * 40 if workers > 1 else 0
        return int((120 + 50 + self.concurrency * 0.3 + workers * each + apart) * MIB + 3_000_000 * 17)


def state_folder(state: str) -> Path | None:
    """Return the folder that `--state` names; None for the table.

    Raises:
        UsageError: it names neither.
    """
    if state == STATE_IN_TABLE:
        return None
    scheme, _, folder = state.partition(":")
    if scheme != "file" or not folder:
        raise UsageError(f'--state is "{STATE_IN_TABLE}" or file:DIR, not "{state}"')
    return Path(folder)
