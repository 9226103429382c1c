"""A shard: what a load reads of one source."""

from __future__ import annotations

from dataclasses import dataclass

from ingest_cli.model.chunks import EVERYTHING, Remaining
from ingest_cli.sources.interface import Source


@dataclass(frozen=True, slots=True)
class Shard:
    """What is to be read of one source.

    Attributes:
        number: its place among the shards of the load.
        source: what is read.
        remaining: what of it.
    """

    number: int
    source: Source
    remaining: Remaining = EVERYTHING
