"""stdin, stdout and stderr as this process was given them: closed, full, or with nobody at the other end.

A result that cannot be written is lost, whichever command made it, and however it prints. That is found out in one
place, beneath all that prints: at the writes to the file descriptor. What cannot be written is said once, what is
still to come goes nowhere, and the work goes on, since what was done is done; only a success is none any more.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import TYPE_CHECKING, ClassVar

import click

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_STDOUT = 1
_NAMES = ("stdin", "stdout", "stderr")
_DONE = "; what was done is done"


class ResultFile(io.FileIO):
    """Writes to a file descriptor, without raising but for a reader that is gone.

    Attributes:
        is_lost: whether some of the result of this process could not be written.
    """

    is_lost: ClassVar[bool] = False

    def write(self, data: ReadableBuffer, /) -> int:
        """See `io.FileIO.write`.

        Raises:
            BrokenPipeError: whoever read it has read enough, which is no loss.
        """
        try:
            return super().write(data)
        except BrokenPipeError:
            raise
        except OSError as error:
            ResultFile.is_lost = True
            lead_nowhere(self.fileno())
            with contextlib.suppress(OSError):  # nobody reads there either
                click.echo(f"ingest-cli: the result cannot be written to stdout ({error.strerror}){_DONE}", err=True)
            return memoryview(data).nbytes


def prepare() -> None:
    """Open what was closed (`>&-`), leading nowhere, and have stdout noted when it cannot be written.

    Python has no object for a closed one, and the next file that is opened gets its number.
    """
    for name in _NAMES:
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_RDWR)
            os.set_inheritable(nowhere, nowhere < len(_NAMES))
            setattr(sys, name, os.fdopen(nowhere, "r" if name == "stdin" else "w", encoding="utf-8"))
    out = sys.stdout
    if isinstance(out, io.TextIOWrapper) and out is sys.__stdout__ and out.fileno() == _STDOUT:
        sys.stdout = io.TextIOWrapper(
            io.BufferedWriter(ResultFile(_STDOUT, "w", closefd=False)),
            encoding=out.encoding,
            errors=out.errors,
            line_buffering=out.line_buffering,
            write_through=out.write_through,
        )


def lead_nowhere(descriptor: int) -> None:
    """Send nowhere what is still written to a file descriptor."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)
