"""How to run, as opposed to what to load: everything an operator can choose, and its defaults."""

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
    """Where the table is.

    Attributes:
        table: its name or ARN.
        region: AWS region; None: from the profile or the environment, as everywhere in AWS's tools.
        profile: name of a profile in AWS's configuration files.
        endpoint_url: another endpoint than the region's.
        insecure_http: whether requests may go in clear over a network.
    """

    table: str
    region: str | None = None
    profile: str | None = None
    endpoint_url: str | None = None
    insecure_http: bool = False


@dataclass(frozen=True, slots=True)
class RunSettings:
    """How to run a load or a validation.

    Memory is bounded, however large the dump and however slow the table, by

          120 MiB            the program and its libraries
        +  50 MiB            hashes of keys, for the count of duplicates (`distinct.DEFAULT_CAPACITY`), twice over
        +  3,000,000 x 17 B  rows and items of chunks of which something is still to be written
                             (`concurrent.MAX_OPEN_ENTRIES`)
        +   C x 0.3 MiB      C = `concurrency`: a connection, and three batches of 25 items
        +   W x 130 MiB      W = `workers`: for each of them

                 100 MiB            the chunk that is being prepared: 1 MiB of the dump (`chunk_size.MAX_BYTES`), its
                                    cells, identifiers, hashes and items
            +  50,000 x 0.6 KiB  items of hot keys: of a chunk, and of those begun before (`run_ahead.AHEAD_ITEMS`)

    and, where there are more of them than one, by

        +  64 MiB            chunks that are not settled, in case that a worker is killed (`pool.MAX_HELD_BYTES`)
        +   W x 40 MiB       what each of them does not share with the others of the program and its libraries, and
                             the chunk that waits for it

    for items of ordinary size; a record may have up to 8 MiB (`record_stream.MAX_RECORD_BYTES`), and where all do, the
    chunk that is being prepared takes that much more. `memory_bytes` is the sum. What unpacks a source comes on top:
    up to 136 MiB for the windows of xz, 7z and zstd together, and 256 MiB, before the first row, for a passphrase of
    age (`source_budget.Limits`), next to nothing for the others; as do the pages of Parquet and Arrow, the sheets of a
    workbook, and a packed file of those (64 MiB each).

    Attributes:
        skip: rows to pass over at the start.
        limit: rows to take after those; None: all.
        rejects: file for rejects; None: they are only counted.
        rejects_include_raw: whether that file holds the rejected records themselves.
        append_rejects: whether that file keeps what it holds: the rejects of an earlier manifest of the same command.
        age_identity: where the identities, or the passphrase, for sources encrypted with age are: as for a pepper.
        source_id: stands for the content of sources that cannot be fingerprinted.
        concurrency: requests in flight at the most, and as many again of hot keys.
        workers: processes that prepare and write; 0: as many as there are cores, if the dump is worth it.
        transport: one of `TRANSPORTS`.
        give_up_after_s: seconds without any progress after which a load stops, resumable.
        restart: begin again, whatever was done before.
        max_wcu: ceiling on consumption: write capacity units per second, or a percentage of what is provisioned.
        state: where the state of a load is kept: `table`, or `file:DIR`.
        spot_watch: stop when EC2 announces that it will take this spot instance back.
        replay: file of rejects of an earlier run; only the rows it names are loaded.
        max_cost: what a load may cost, in the currency of the price list, before it stops; None: whatever it does.
        cost_before: what of that other loads of the same command have had.
        prices: file with another price list than the packaged one.
        insecure_http: whether sources may be read in clear over a network, where there is no target that says so.
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
        """Whether only some of the rows are to be loaded; that leaves no state, and does not complete a dataset."""
        return self.skip > 0 or self.limit is not None or self.replay is not None

    @property
    def memory_bytes(self) -> int:
        """What a run needs at the most, in all of its processes: the sum above."""
        workers = self.workers or available_cores()
        each = 100 + 50_000 * 0.6 / 1024
        apart = 64 + workers * 40 if workers > 1 else 0
        return int((120 + 50 + self.concurrency * 0.3 + workers * each + apart) * MIB + 3_000_000 * 17)


def state_folder(state: str) -> Path | None:
    """The folder that `--state` names; None for the table.

    Raises:
        UsageError: it names neither.
    """
    if state == STATE_IN_TABLE:
        return None
    scheme, _, folder = state.partition(":")
    if scheme != "file" or not folder:
        raise UsageError(f'--state is "{STATE_IN_TABLE}" or file:DIR, not "{state}"')
    return Path(folder)
