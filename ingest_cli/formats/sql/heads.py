"""Cache the contexts of INSERT statements by their heads.

A head is the text from the first word of a statement to its first tuple. In a dump with one statement per row most
heads are equal, and the head of a later statement need not be parsed again.
"""

from __future__ import annotations

from ingest_cli.formats.sql.catalog import Context

MAX_HEAD_BYTES = 64 << 10
"""Maximum length of a cached head."""

_MAX_HEADS = 256


class Heads:
    """Contexts by head."""

    def __init__(self) -> None:
        self._contexts: dict[bytes, Context] = {}
        self._last = Context(b"")

    def clear(self) -> None:
        """Remove all contexts, after a statement that may change the meaning of a head."""
        self._contexts.clear()
        self._last = Context(b"")

    def add(self, context: Context) -> None:
        """Store `context`."""
        if len(context.head) > MAX_HEAD_BYTES:
            return
        if len(self._contexts) >= _MAX_HEADS:
            self._contexts.clear()
        self._contexts[context.head] = self._last = context

    def find(self, data: bytes, at: int) -> Context | None:
        """Return the stored context of the statement at `at`, if there is one."""
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
