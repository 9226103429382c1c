"""Who reads what a command says: somebody at a terminal, a program, or whoever gets cron's mail.

cron, systemd and the like start a command without a terminal, and lead both its outputs into one pipe or socket
(`cron(8)`: output is mailed; `systemd.exec(5)`: `StandardError=inherit`). Whatever comes out there is a mail that
somebody has to read, so that a success of what changes a table says nothing. A shell does the same for `2>&1 | less`,
and nothing tells the one from the other: a command that is run for its result has to print it in any case.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

_STDOUT, _STDERR = 1, 2


class Audience(Enum):
    """Who is there."""

    PERSON = "a terminal at one of stdin, stdout and stderr"
    PROGRAM = "no terminal; stdout leads somewhere of its own"
    MAIL = "no terminal; stdout and stderr lead into one pipe or socket"


def audience(descriptors: Sequence[int] = (0, 1, 2)) -> Audience:
    """Who is there, by what stdin, stdout and stderr are."""
    if any(_is_terminal(one) for one in descriptors):
        return Audience.PERSON
    try:
        out, err = os.fstat(descriptors[_STDOUT]), os.fstat(descriptors[_STDERR])
    except OSError:  # closed: nobody
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
    """What is said.

    Attributes:
        chatty: messages about what is no trouble, on stderr.
        result: the report as text, on stdout. What was asked for in JSON is written in any case: a program waits
            for it.
    """

    chatty: bool
    result: bool

    @classmethod
    def of(cls, verbose: bool | None, who: Audience, *, asks: bool) -> Manners:  # noqa: FBT001 - the setting as it is
        """What to say.

        Args:
            verbose: whether `--verbose` (True), `--quiet` (False) or nothing (None) was asked for.
            who: reads it.
            asks: whether the command is run for its result, and not for what it does to a table.
        """
        if verbose is not None:
            return cls(verbose, verbose)
        return cls(chatty=who is Audience.PERSON, result=asks or who is not Audience.MAIL)
