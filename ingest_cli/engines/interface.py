"""Callbacks of an engine: the two functions given to every writer."""

from __future__ import annotations

from collections.abc import Callable

from ingest_cli.checkpoint.chunk_result import ChunkResult

Commit = Callable[[ChunkResult], None]
"""Called with the result of a chunk once all of its items are acknowledged or refused."""

OnChunkDone = Callable[[int, float], None]
"""Called with the bytes of a chunk, and the seconds that it occupied its writer."""
