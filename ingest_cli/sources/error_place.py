"""Name the source, or the file in it, in errors that occur while it is read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ingest_cli.errors import IngestError, ManifestError, MissingColumnError, SourceError
from ingest_cli.sources.parts import with_advice

if TYPE_CHECKING:
    from ingest_cli.model.chunks import Origin
    from ingest_cli.sources.interface import Source
    from ingest_cli.sources.shard import Shard

OPTIONAL = "If some of the files lack it, set `optional = true` in its [[fields]]"
"""Advice when a column is missing from some of several files."""

BEGUN = "The rows before it were read, and by a load written"
"""Remark for a manifest error that is found after rows were read."""


class ErrorPlace:
    """Member of a shard that is read.

    Attributes:
        members: number of members read so far, with the current one.
        is_begun: whether rows were read before.
    """

    def __init__(self, shard: Shard) -> None:
        self._source = shard.source
        self._name = shard.source.name
        self.members = 0
        self.is_begun = shard.number > 0

    def begin(self, origin: Origin) -> None:
        """Set the member that is read from now on."""
        self._name, self.members = origin.name, origin.member + 1

    def end(self) -> None:
        """Set that the current member was read to its end."""
        self._name, self.is_begun = self._source.name, True

    @contextmanager
    def named(self) -> Iterator[None]:
        """Name the current member in errors of the block."""
        try:
            yield
        except (SourceError, ManifestError) as error:
            raise named(error, self._source, self._name, several=self.is_begun, is_begun=self.is_begun) from error


def named(
    error: SourceError | ManifestError, source: Source, name: str, *, several: bool, is_begun: bool = False
) -> IngestError:
    """Return a copy of the error that names the source or the file in it.

    Args:
        error: the original error.
        source: the source that was read.
        name: name of the source or of the file in it.
        several: whether other sources exist that may have a column missing from this one.
        is_begun: whether rows were read before the error.
    """
    text = f'"{name}": {with_advice(error, source.name) if isinstance(error, SourceError) else error}'
    if several and isinstance(error, MissingColumnError):
        text += f"{'' if text.endswith('?') else '.'} {OPTIONAL}"
    if is_begun and isinstance(error, ManifestError):
        text += f"{'' if text.endswith('?') else '.'} {BEGUN}"
    return error.with_text(text)
