"""Turn a library that reads its input by `read` and writes its output by `write` into an iterator of pieces.

The library runs in its own thread, but never concurrently with the consumer: each waits for the other's messages.
So the input is read in the consumer's thread, and at most one piece is buffered.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from ingest_cli.decoders.reader import PIECE_BYTES

_WANTED: Final = "wanted"


class _StoppedError(Exception):
    """The consumer has stopped requesting pieces."""


@dataclass(slots=True)
class _Link:
    """Connection between the two threads; each side waits for the other.

    Attributes:
        out: messages from the library: pieces, `_WANTED` for more input, an exception, or None at its end.
        back: messages to the library: pieces, b"" at the end of the input, an exception, or None to continue.
        stopped: whether the consumer has stopped.
    """

    out: queue.SimpleQueue[bytes | str | BaseException | None] = field(default_factory=queue.SimpleQueue)
    back: queue.SimpleQueue[bytes | BaseException | None] = field(default_factory=queue.SimpleQueue)

    stopped: bool = False

    def ask(self, word: bytes | str) -> bytes:
        """Send `word`, and return the answer.

        Raises:
            _StoppedError: the consumer has stopped.
            Exception: the input failed.
        """
        if self.stopped:
            raise _StoppedError
        self.out.put(word)
        answer = self.back.get()
        self.stopped = isinstance(answer, _StoppedError)
        if isinstance(answer, BaseException):
            raise answer
        return answer or b""


class Pull:
    """Input file object for the library."""

    def __init__(self, link: _Link) -> None:
        self._link = link
        self._piece = b""
        self._at = 0

    def read(self, size: int = -1) -> bytes:
        """Return at most `size` bytes; none at the end."""
        if self._at == len(self._piece):
            self._piece, self._at = self._link.ask(_WANTED), 0
        data = self._piece[self._at :] if size < 0 else self._piece[self._at : self._at + size]
        self._at += len(data)
        return data


class Push:
    """Output file object for the library."""

    def __init__(self, link: _Link) -> None:
        self._link = link
        self._pending = bytearray()

    def write(self, data: bytes) -> int:
        """Accept all of `data`."""
        self._pending += data
        if len(self._pending) >= PIECE_BYTES:
            self.flush()
        return len(data)

    def flush(self) -> None:
        """Pass on the accepted data."""
        while self._pending:
            piece = bytes(self._pending[:PIECE_BYTES])
            del self._pending[:PIECE_BYTES]
            self._link.ask(piece)


def pushed(pieces: Iterator[bytes], work: Callable[[Pull, Push], None]) -> Iterator[bytes]:
    """Yield what `work` writes while it reads `pieces`.

    Raises:
        Exception: any exception of `pieces` or `work`, after everything written before.
    """
    link = _Link()
    thread = threading.Thread(target=_run, args=(link, work), name="unpacking", daemon=True)
    thread.start()
    fault: BaseException | None = None
    ended = False
    try:
        while not ended:
            word = link.out.get()
            if word is None or isinstance(word, BaseException):
                ended = True
                if word is not None:
                    raise fault or word
            elif word is _WANTED:
                try:
                    link.back.put(next(pieces, b""))
                except Exception as error:  # noqa: BLE001 - raised again below, once the library has ended
                    fault = error
                    link.back.put(error)
            elif isinstance(word, bytes):
                yield word
                link.back.put(None)
    finally:
        if not ended:
            link.back.put(_StoppedError())
        thread.join()


def _run(link: _Link, work: Callable[[Pull, Push], None]) -> None:
    sink = Push(link)
    end: BaseException | None = None
    try:
        try:
            work(Pull(link), sink)
        finally:
            sink.flush()
    except BaseException as error:  # noqa: BLE001 - raised in the consumer's thread
        end = error
    link.out.put(end)
