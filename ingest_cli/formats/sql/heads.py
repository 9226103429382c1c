"""The heads of the INSERTs seen so far: where each has one of its own, they all look the same.

A head is everything from the statement's first word up to its first tuple. The same bytes are the same tokens, so
that one that was seen before need not be taken to pieces again.
"""

from __future__ import annotations

from ingest_cli.formats.sql.catalog import Context

MAX_HEAD_BYTES = 64 << 10
"""A longer head is read each time anew."""

_MAX_HEADS = 256


class Heads:
    """What the statements that begin with the same bytes are about."""

    def __init__(self) -> None:
        self._contexts: dict[bytes, Context] = {}
        self._last = Context(b"")

    def clear(self) -> None:
        """Forget everything: the same bytes may mean something else from now on."""
        self._contexts.clear()
        self._last = Context(b"")

    def add(self, context: Context) -> None:
        """Remember `context`."""
        if len(context.head) > MAX_HEAD_BYTES:
            return
        if len(self._contexts) >= _MAX_HEADS:
            self._contexts.clear()
        self._contexts[context.head] = self._last = context

    def find(self, data: bytes, at: int) -> Context | None:
        """The context of the statement at `at`, if one began with the same bytes."""
        head = self._last.head
        if head and data.startswith(head + b"(", at):
            return self._last
        stop = at + MAX_HEAD_BYTES + 1
        opened = data.find(b"(", at, stop)
        found = self._contexts.get(data[at:opened]) if opened >= 0 else None
        if found is None and opened >= 0:  # that was its column list
            opened = data.find(b"(", data.find(b")", opened, stop), stop)
            found = self._contexts.get(data[at:opened]) if opened >= 0 else None
        if found is not None:
            self._last = found
        return found
