"""One target, fuzzed: inputs that come to something new are damaged further, those that break it are made small."""

from __future__ import annotations

import hashlib
import random
import resource
import signal
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from tests.fuzz.mutations import damaged
from tests.fuzz.targets import Target

REGRESSIONS = Path(__file__).parent / "regressions"
"""What was found, one file an input: `TARGET.DIGEST`."""

HANG_S = 20
"""Seconds of processor time after which an input is taken to hang; most take a hundredth of one."""

_MOST_BYTES = 1 << 30  # of memory; the program's own limit is for a process without a test suite in it
_SMALLER_TRIES = 300


class HangError(Exception):
    """An input took too long."""


@dataclass(frozen=True)
class Finding:
    """An input that broke a promise.

    Attributes:
        target: name of what it broke.
        data: the input, made as small as it could be.
        what: the exception, and where it was raised.
    """

    target: str
    data: bytes
    what: str

    def keep(self, folder: Path) -> Path:
        """Write it where it is tried again every time the tests run."""
        path = folder / f"{self.target}.{hashlib.sha256(self.data).hexdigest()[:12]}"
        path.write_bytes(self.data)
        return path


@dataclass
class Campaign:
    """Fuzzes one target."""

    name: str
    target: Target
    seed: int
    inputs: int = 0
    corpus: list[bytes] = field(default_factory=list)
    findings: dict[str, Finding] = field(default_factory=dict)

    def run(self, seconds: float = float("inf"), inputs: float = float("inf")) -> None:
        """Fuzz for so long, or with so many inputs; never the same bug twice."""
        rng = random.Random(f"{self.name} {self.seed}")
        seen = set[object]()
        pool = list(self.target.seeds)
        until = time.monotonic() + seconds
        while time.monotonic() < until and self.inputs < inputs:
            # The newest are tried most: what is new about them is not exhausted yet.
            chosen = pool if rng.random() < 0.5 else pool[-20:]
            data = damaged(rng, chosen)
            self.inputs += 1
            try:
                novelty = attempt(self.target, data)
            except Exception as error:  # noqa: BLE001 - any at all is a finding
                self._found(data, error)
                continue
            if novelty not in seen:
                seen.add(novelty)
                pool.append(data)
                self.corpus.append(data)

    def _found(self, data: bytes, error: Exception) -> None:
        what = _where(error)
        if what not in self.findings:
            self.findings[what] = Finding(self.name, self._smaller(data, what), what)

    def _smaller(self, data: bytes, what: str) -> bytes:
        """Leave out parts of an input as long as the same goes wrong."""
        size, tries = len(data) // 2, 0
        while size and tries < _SMALLER_TRIES:
            at = 0
            while at < len(data) and tries < _SMALLER_TRIES:
                shorter, tries = data[:at] + data[at + size :], tries + 1
                try:
                    attempt(self.target, shorter)
                except Exception as error:  # noqa: BLE001 - it is known that it fails
                    if _where(error) == what:
                        data = shorter
                        continue
                at += size
            size //= 2
        return data


def attempt(target: Target, data: bytes) -> object:
    """Run a target on an input, the same way each time; what it came to.

    Raises:
        Exception: a promise is broken.
    """
    before_bytes = _peak_bytes()  # other tests in this process may have taken as much
    with _limited():
        novelty = target.run(data, random.Random(data))
    peak_bytes = _peak_bytes()
    assert peak_bytes < max(_MOST_BYTES, before_bytes + 1), f"{peak_bytes >> 20} MiB of memory"
    return novelty


def _peak_bytes() -> int:
    """Return the maximum resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@contextmanager
def _limited() -> Iterator[None]:
    def too_long(_: int, __: FrameType | None) -> None:
        raise HangError

    before = signal.signal(signal.SIGVTALRM, too_long)
    signal.setitimer(signal.ITIMER_VIRTUAL, HANG_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _where(error: Exception) -> str:
    """An exception by what tells it from another: its type, and the last place of ours it came through."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "ingest_cli" in frame.filename]
    frames = frames or traceback.extract_tb(error.__traceback__)[-1:]
    says = str(error).split("\n", 1)[0][:80] if isinstance(error, AssertionError) else ""
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}"
    return f"{type(error).__name__} at {place} {says}".strip()
