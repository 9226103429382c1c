"""Interface of an engine: a writer that accepts chunks of rows."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from ingest_cli.model.bundles import Bundle


class Writer(Protocol):
    """Writer of chunks, which commits each one once all of its items are safe."""

    def write(self, bundle: Bundle) -> None:
        """Accept a chunk; may return before it is written.

        Raises:
            IngestError: this chunk, or an earlier one, cannot be written.
        """
        ...


Engine = AbstractContextManager[Writer]
"""Context manager: accepts chunks inside the block; at its end all of them are committed, or it raises."""
