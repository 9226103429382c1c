"""A disk that loses, when the power fails, some of what was written and not synced."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

from ingest_cli.checkpoint.rejects import RejectFile


class Disk:
    """What outlives a crash.

    Attributes:
        rejects: the reject file.
        state: the checkpoint last stored.
        synced_bytes: how much of the reject file is safe from a loss of power.
    """

    def __init__(self, rejects: Path) -> None:
        self.rejects = rejects
        self.state: bytes | None = None
        self.synced_bytes = 0

    def crash(self, random: Random) -> None:
        """Lose some of what was not synced."""
        size = self.rejects.stat().st_size
        with self.rejects.open("r+b") as file:
            file.truncate(random.randint(min(self.synced_bytes, size), size))

    def named_rows(self, size_bytes: int | None = None) -> list[int]:
        """Rows, from 0, that the rejects in the first `size_bytes` of the file name, in order."""
        lines = self.rejects.read_bytes()[:size_bytes].splitlines()
        return sorted(int(json.loads(line)["row"]) - 1 for line in lines)


class SimulatedRejects(RejectFile):
    """A reject file on a disk that keeps, when the power fails, no more than was synced for certain."""

    def __init__(self, disk: Disk, keep_bytes: int) -> None:
        super().__init__(disk.rejects, keep_bytes)
        self._disk = disk
        disk.synced_bytes = self.size_bytes

    def sync(self) -> None:
        """See `RejectFile.sync`."""
        self._disk.synced_bytes = self.size_bytes
