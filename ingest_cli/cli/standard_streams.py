"""Handle stdin, stdout and stderr that are closed, full, or without a reader.

A result that cannot be written is lost. That is detected in one place for all commands, below all printing: at the
writes to the file descriptor. The failure is reported once, further
output is discarded, and the work continues; but a successful exit code becomes a failure.
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
_DONE = "; completed work is not affected"


class ResultFile(io.FileIO):
    """Write to a file descriptor, raising only if the reader is gone.

    Attributes:
        is_lost: whether part of this process's result could not be written.
    """

    is_lost: ClassVar[bool] = False

    def write(self, data: ReadableBuffer, /) -> int:
        """See `io.FileIO.write`.

        Raises:
            BrokenPipeError: the reader has closed the pipe, which is not a loss.
        """
        try:
            return super().write(data)
        except BrokenPipeError:
            raise
        except OSError as error:
            ResultFile.is_lost = True
            lead_nowhere(self.fileno())
            with contextlib.suppress(OSError):  # stderr has no reader either
                click.echo(f"ingest-cli: the result cannot be written to stdout ({error.strerror}){_DONE}", err=True)
            return memoryview(data).nbytes


def prepare() -> None:
    """Open closed streams (`>&-`) on the null device, and detect failed writes to stdout.

    Python has no object for a closed stream, and the next file opened gets its number.
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
    """Redirect a file descriptor to the null device."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)
