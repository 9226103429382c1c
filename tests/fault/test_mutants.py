"""Five ways to break the write path on purpose, each of which the simulation must notice.

A check that passes says little until it has been seen to fail: here the program is broken, one promise at a time,
and the same check that guards the whole one has to say what went wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ingest_cli.checkpoint.journal import Journal
from ingest_cli.engines.delivery import ChunkInFlight, Delivery
from ingest_cli.items.batching import Batch
from ingest_cli.pipeline import PreparedChunk
from ingest_cli.sinks import dynamodb
from ingest_cli.sinks.interface import Receipt
from ingest_cli.sinks.policies.pacing import Pacer
from ingest_cli.sinks.transports.interface import Answer
from tests.support.simulation import InvariantError, Simulation

SEEDS = range(200)


def check_the_write_path(folder: Path) -> None:
    """What every load promises, held against some seeds.

    Raises:
        InvariantError: a promise was broken.
    """
    for seed in SEEDS:
        Simulation(seed, folder).to_the_end()


def checkpoint_before_acknowledgement(patch: pytest.MonkeyPatch) -> None:
    """A chunk counts as done as soon as its batches are queued."""
    begin = Delivery.begin

    def settled_at_once(self: Delivery, work: PreparedChunk) -> list[tuple[Batch, ChunkInFlight]]:
        jobs = begin(self, work)
        if jobs:
            self._commit(work.pending.result(len(work.items), ()))
        return jobs

    patch.setattr(Delivery, "begin", settled_at_once)
    patch.setattr(ChunkInFlight, "done", lambda _pending, _acknowledged, _refused: False)


def remainder_dropped(patch: pytest.MonkeyPatch) -> None:
    """An answer of 200 counts as success, whatever it leaves unprocessed."""
    interpret = dynamodb.interpret

    def believing(answer: Answer, batch: Batch, table: str) -> Receipt:
        return Receipt(len(batch), interpret(answer, batch, table).wcu)

    patch.setattr(dynamodb, "interpret", believing)


def checksum_ignored(patch: pytest.MonkeyPatch) -> None:
    """Whatever parses counts as the answer that was sent."""
    parse = dynamodb._parse
    patch.setattr(dynamodb, "_parse", lambda answer: parse(answer._replace(crc32=None)))


def ceiling_ignored(patch: pytest.MonkeyPatch) -> None:
    """Nobody waits for the rate."""
    patch.setattr(Pacer, "acquire", lambda _pacer, _wcu: None)


def rejects_after_the_checkpoint(patch: pytest.MonkeyPatch) -> None:
    """The state is stored first, and the rejects that it speaks of are made safe behind it."""

    def save(self: Journal) -> None:
        checkpoint = self._targets.checkpoint
        if checkpoint is None or not self._unsaved:
            return
        checkpoint.rejects_bytes = self._targets.rejects.size_bytes
        self._unsaved = False
        try:
            self._store(checkpoint.to_bytes())
            self._targets.rejects.sync()
        except BaseException:
            self._unsaved = True
            raise

    patch.setattr(Journal, "save", save)


MUTANTS: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], str]] = {
    "checkpoint before acknowledgement": (checkpoint_before_acknowledgement, "calls rows done that are not in the"),
    "remainder dropped": (remainder_dropped, "calls rows done that are not in the table"),
    "checksum ignored": (checksum_ignored, "calls rows done that are not in the table"),
    "ceiling ignored": (ceiling_ignored, "units in the second before"),
    "rejects after the checkpoint": (rejects_after_the_checkpoint, "speaks of rejects that are not on the disk"),
}


def test_the_whole_program_passes(tmp_path: Path) -> None:
    check_the_write_path(tmp_path)


@pytest.mark.parametrize("name", MUTANTS)
def test_a_broken_program_does_not(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    breaks, complaint = MUTANTS[name]
    breaks(monkeypatch)
    with pytest.raises(InvariantError, match=complaint):
        check_the_write_path(tmp_path)
