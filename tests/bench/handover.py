"""What it costs to hand a request to something that waits for its answer: a fiber, or a thread.

    python -m tests.bench.handover

Some dozen waiters, each of which waits for its own work, does next to nothing with it and reports back, as a policy of
the write path does around a request. Prints microseconds of processor time, of the whole process, for each of them.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections.abc import Sequence
from queue import SimpleQueue
from statistics import median

from ingest_cli.runtime.fibers import Fibers, Ticket
from tests.bench import machine

WAITERS = 24


def fibers(count: int) -> None:
    """Hand `count` pieces of work to fibers of this thread."""
    loop, waiting, done = Fibers(), list[Ticket](), 0

    def wait() -> None:
        nonlocal done
        while done < count:
            ticket = loop.ticket()
            waiting.append(ticket)
            loop.wait(ticket)
            done += 1

    for _ in range(WAITERS):
        loop.start(wait)
    while done < count:
        loop.turn()
        for ticket in waiting:
            loop.resume(ticket)
        waiting.clear()


def threads(count: int) -> None:
    """Hand `count` pieces of work to threads, each of which waits for its own."""
    own, results = [SimpleQueue[int]() for _ in range(WAITERS)], SimpleQueue[int]()

    def wait(work: SimpleQueue[int]) -> None:
        while work.get():
            results.put(1)

    waiters = [threading.Thread(target=wait, args=[work]) for work in own]
    for one in waiters:
        one.start()
    for _ in range(count // WAITERS):
        for work in own:
            work.put(1)
        for _ in own:
            results.get()
    for work, one in zip(own, waiters, strict=True):
        work.put(0)
        one.join()


def main(arguments: Sequence[str]) -> None:
    """Let both take turns, and print their medians."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.handover", description=__doc__)
    parser.add_argument("--count", type=int, default=48_000, help="hand-overs of a run (%(default)s)")
    parser.add_argument("--runs", type=int, default=9, help="repetitions; medians are shown (%(default)s)")
    options = parser.parse_args(arguments)
    taken: dict[str, list[float]] = {"fibers": [], "threads": []}
    for _ in range(options.runs):
        for name, way in (("fibers", fibers), ("threads", threads)):
            began_s = time.process_time()
            way(options.count)
            taken[name].append((time.process_time() - began_s) / options.count * 1e6)
    print(", ".join(f"{name} {value}" for name, value in machine.description().items()))
    for name, values in taken.items():
        print(f"{name}: {median(values):.2f} µs a hand-over, runs from {min(values):.2f} to {max(values):.2f}")


if __name__ == "__main__":
    main(sys.argv[1:])
