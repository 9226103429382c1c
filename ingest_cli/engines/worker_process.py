"""A worker process, as the process that reads sees it: how it is started, what it was given, how it ended."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from ingest_cli.engines.messages import ChunkKey, Program
from ingest_cli.errors import TryAgainError
from ingest_cli.runtime import core_dumps
from ingest_cli.runtime.shared_state import process_context
from ingest_cli.runtime.stop import CONTINUE

PIPE_BYTES = 1 << 20
"""Of a pipe that results come through: what the kernel lets anybody have (pipe(7), `pipe-max-size`)."""

Main = Callable[[Program, Connection, Connection, Sequence[Connection], int], None]
"""What runs in the process: given the program, its ends of the pipes, those that it has inherited, and its number."""


@dataclass(slots=True, eq=False)
class Worker:
    """A worker process, and this end of the pipes to it.

    Attributes:
        assigned: the chunks that it was given.
        untaken: how many of these it has not dealt with so far that it wants the next.
        is_listened_to: whether somebody waits for it to say something.
        number: of it, from 1; the process that reads is 0.
        settled_items: items of the chunks that it has come to the end of.
        silent_looks: how often it was looked at in vain since it last said something.
        is_gone: whether it has said its last word.
    """

    process: BaseProcess
    chunks: Connection
    results: Connection
    number: int
    settled_items: int = 0
    assigned: set[ChunkKey] = field(default_factory=set)
    untaken: int = 0
    is_listened_to: bool = False
    silent_looks: int = 0
    is_gone: bool = False

    @classmethod
    def start(cls, main: Main, program: Program, before: Sequence[Worker]) -> Worker:
        """Start a process.

        Args:
            main: what runs in it.
            program: what it does.
            before: those that were started before, of whose pipes it inherits the ends that are here.

        Raises:
            TryAgainError: the system has no room for it.
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
        """End it if it has not ended, and wait until it has; returns how it did, in two words or three."""
        self.process.kill()
        self.process.join()
        code = self.process.exitcode
        return f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"


def _begin(main: Main, is_undumpable: bool, *arguments: Any) -> None:  # noqa: FBT001 - given by position to a process
    """What runs first in the process: leave no more of a core dump than the parent, even after an exec."""
    if is_undumpable:
        core_dumps.forbid()
    main(*arguments)


def _widen(pipe: Connection) -> None:
    """Let a pipe hold what a chunk comes to, where the system can, so that a worker need not wait until it is heard."""
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        with contextlib.suppress(OSError):  # all pipes of a user together may have too much already
            fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, PIPE_BYTES)
