"""A worker process as seen by the reading process: its start, its chunks and its end."""

from __future__ import annotations

import contextlib
import fcntl
import multiprocessing
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from typing import Any

from ingest_cli.engines.messages import ChunkKey, Program
from ingest_cli.errors import TryAgainError
from ingest_cli.runtime import core_dumps
from ingest_cli.runtime.stop import CONTINUE

PIPE_BYTES = 1 << 20
"""Bytes of the pipe for results: the maximum that the kernel allows any user (pipe(7), `pipe-max-size`)."""

Main = Callable[[Program, Connection, Connection, Sequence[Connection], int], None]
"""Function run in the process: takes the program, its ends of the pipes, those inherited, and its number."""


def process_context() -> BaseContext:
    """Return the multiprocessing context for worker processes.

    Workers are forked where that is safe (Linux), since a fork has all libraries loaded and shares their memory.
    macOS's own libraries do not survive a fork (CPython's issue 33725, which made `spawn` the default there).
    """
    return multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")


@dataclass(slots=True, eq=False)
class Worker:
    """A worker process, and the local end of its pipes.

    Attributes:
        assigned: chunks given to it.
        untaken: number of these that it has not processed far enough to want the next.
        is_listened_to: whether a thread waits for its messages.
        number: number of the worker, from 1; the reading process is 0.
        committed_items: items of its committed chunks.
        silent_looks: number of checks since its last message.
        is_gone: whether it has sent its last message.
    """

    process: BaseProcess
    chunks: Connection
    results: Connection
    number: int
    committed_items: int = 0
    assigned: set[ChunkKey] = field(default_factory=set)
    untaken: int = 0
    is_listened_to: bool = False
    silent_looks: int = 0
    is_gone: bool = False

    @classmethod
    def start(cls, main: Main, program: Program, before: Sequence[Worker]) -> Worker:
        """Start a process.

        Args:
            main: function run in it.
            program: program of the worker.
            before: workers started before, whose local pipe ends it inherits.

        Raises:
            TryAgainError: the system cannot start another process.
        """
        context, number = process_context(), len(before) + 1
        theirs_in, chunks = context.Pipe(duplex=False)
        results, theirs_out = context.Pipe(duplex=False)
        _widen(results)
        ours = [end for one in before for end in (one.chunks, one.results)] + [chunks, results]
        process = context.Process(  # type: ignore[attr-defined] # every context has it
            target=_begin,
            args=(
                main,
                core_dumps.is_undumpable(),
                *(program, theirs_in, theirs_out, ours if context.get_start_method() == "fork" else (), number),
            ),
            name="ingest-worker",
        )
        try:
            process.start()
        except OSError as error:
            raise TryAgainError(
                f"a worker process cannot be started ({error.strerror}); {CONTINUE}, with --workers 1"
            ) from error
        finally:
            theirs_in.close()
            theirs_out.close()
        return cls(process, chunks, results, number)

    def end(self) -> str:
        """End the process if it is running, and wait for it; return how it ended, in two or three words."""
        self.process.kill()
        self.process.join()
        code = self.process.exitcode
        return f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"


def _begin(main: Main, is_undumpable: bool, *arguments: Any) -> None:  # noqa: FBT001 - given by position to a process
    """Restrict core dumps as in the parent, even after an exec, before anything else runs."""
    if is_undumpable:
        core_dumps.forbid()
    main(*arguments)


def _widen(pipe: Connection) -> None:
    """Enlarge a pipe to hold the results of a chunk, where possible, so that a worker need not wait for the reader."""
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        with contextlib.suppress(OSError):  # all pipes of the user together may have reached the limit
            fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, PIPE_BYTES)
