"""Whom an engine tells what: the two functions that every writer is given."""

from __future__ import annotations

from collections.abc import Callable

from ingest_cli.checkpoint.chunk_result import Settled

Settle = Callable[[Settled], None]
"""Told what became of a chunk once all of its items are acknowledged or refused."""

Took = Callable[[int, float], None]
"""Told how many bytes a chunk had, and for how many seconds it kept its writer busy."""
