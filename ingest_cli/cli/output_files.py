"""What the files that options name may be, beyond what the operating system says itself."""

from __future__ import annotations

import errno
import os
import stat


def refuse_pipe(name: str | os.PathLike[str]) -> None:
    """Refuse a pipe that has a name (`mkfifo`): opening it waits until somebody reads it, silently and for ever.

    One without a name, such as /dev/stdout or what a shell makes of `>(command)`, is open already, and may be used.

    Raises:
        OSError: it is one.
    """
    try:
        found = os.lstat(os.path.realpath(name))
    except OSError:  # there is no such file, or it cannot be looked at: whoever opens it will find out
        return
    if stat.S_ISFIFO(found.st_mode):
        raise OSError(errno.EINVAL, "not a regular file")
