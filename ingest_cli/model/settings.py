"""Settings of a run: the options that the operator gave, parsed, and their defaults."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from ingest_cli.model.ceiling import NO_CEILING, Ceiling
from ingest_cli.model.key_references import KeyReference

DEFAULT_CONCURRENCY = 64
DEFAULT_GIVE_UP_AFTER_S = 1800.0
AUTO_WORKERS = 0
TransportName = Literal["curl", "boto3"]
TRANSPORTS: tuple[TransportName, ...] = get_args(TransportName)


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
    """Settings of a load or a validation; `model.memory` has the bound on its memory.

    Attributes:
        skip: number of rows to skip at the start.
        limit: number of rows to read after those; None: all.
        rejects: file for rejects; None: they are only counted.
        rejects_include_raw: whether that file holds the rejected records themselves.
        age_identity: place of the identities or the passphrase for sources encrypted with age.
        source_id: identifies the content of sources that cannot be fingerprinted.
        concurrency: maximum number of requests in flight, and as many again for hot keys.
        workers: number of processes that prepare and write; 0: one per core if the dump is large enough.
        transport: library that sends the write requests.
        give_up_after_s: seconds without progress after which a load stops (resumable).
        restart: whether to ignore the saved checkpoint and load everything again.
        max_wcu: ceiling of the write rate.
        state_folder: folder for the state of a load; None: the state is stored in the table.
        spot_watch: whether to stop when EC2 announces that it will reclaim this spot instance.
        replay: reject file of an earlier run; only the rows it names are loaded.
        max_cost: cost limit of a load, in the currency of the price list; None: no limit.
        prices: file with a price list that replaces the packaged one.
        insecure_http: whether sources may be read unencrypted over a network, if no target specifies it.
    """

    skip: int = 0
    limit: int | None = None
    rejects: Path | None = None
    rejects_include_raw: bool = False
    age_identity: KeyReference | None = None
    source_id: str | None = None
    concurrency: int = DEFAULT_CONCURRENCY
    workers: int = AUTO_WORKERS
    transport: TransportName = "curl"
    give_up_after_s: float = DEFAULT_GIVE_UP_AFTER_S
    restart: bool = False
    max_wcu: Ceiling = NO_CEILING
    state_folder: Path | None = None
    spot_watch: bool = True
    replay: Path | None = None
    max_cost: float | None = None
    prices: Path | None = None
    insecure_http: bool = False

    @property
    def is_partial(self) -> bool:
        """Whether only some of the rows are loaded; such a run saves no state and does not complete a dataset."""
        return self.skip > 0 or self.limit is not None or self.replay is not None
