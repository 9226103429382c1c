"""Shard: the part of one source that a load reads."""

from __future__ import annotations

from dataclasses import dataclass

from ingest_cli.model.chunks import EVERYTHING, Remaining
from ingest_cli.sources.interface import Source


@dataclass(frozen=True, slots=True)
class Shard:
    """Part of one source to read.

    Attributes:
        number: index among the shards of the load.
    """

    number: int
    source: Source
    remaining: Remaining = EVERYTHING
