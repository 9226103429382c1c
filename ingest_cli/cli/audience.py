"""Determine the reader of the output: a person at a terminal, a program, or the recipient of cron's mail.

cron and systemd start a command without a terminal, with both outputs in one pipe or socket
(`cron(8)`: output is mailed; `systemd.exec(5)`: `StandardError=inherit`). All output there becomes a mail that
a person has to read, so a successful command that changes a table prints nothing. `2>&1 | less` in a shell looks the
same, and the two cannot be distinguished: a command run for its result always prints it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

_STDOUT, _STDERR = 1, 2


class Audience(Enum):
    """Kinds of readers."""

    PERSON = "a terminal at one of stdin, stdout and stderr"
    PROGRAM = "no terminal; stdout and stderr are separate"
    MAIL = "no terminal; stdout and stderr lead into one pipe or socket"


def audience(descriptors: Sequence[int] = (0, 1, 2)) -> Audience:
    """Return the audience, as determined by stdin, stdout and stderr."""
    if any(_is_terminal(one) for one in descriptors):
        return Audience.PERSON
    try:
        out, err = os.fstat(descriptors[_STDOUT]), os.fstat(descriptors[_STDERR])
    except OSError:  # closed: no reader
        return Audience.PROGRAM
    one_pipe = os.path.samestat(out, err) and (stat.S_ISFIFO(out.st_mode) or stat.S_ISSOCK(out.st_mode))
    return Audience.MAIL if one_pipe else Audience.PROGRAM


def _is_terminal(descriptor: int) -> bool:
    try:
        return os.isatty(descriptor)
    except OSError:
        return False


@dataclass(frozen=True, slots=True)
class Manners:
    """Kinds of output to print.

    Attributes:
        chatty: whether to print messages other than failures on stderr.
        result: whether to print the report as text on stdout. JSON is always printed if requested: a program
            waits for it.
    """

    chatty: bool
    result: bool

    @classmethod
    def of(cls, verbose: bool | None, who: Audience, *, asks: bool) -> Manners:  # noqa: FBT001 - value of an option
        """Return the kinds of output for a command.

        Args:
            verbose: True for `--verbose`, False for `--quiet`, None for neither.
            who: reader of the output.
            asks: whether the result of the command is its purpose, and not a change of a table.
        """
        if verbose is not None:
            return cls(verbose, verbose)
        return cls(chatty=who is Audience.PERSON, result=asks or who is not Audience.MAIL)
