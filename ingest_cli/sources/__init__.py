"""Where dumps come from: one file per kind of place, found by how a manifest writes it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from ingest_cli.errors import SourceError
from ingest_cli.sources import local
from ingest_cli.sources.interface import Source

__all__ = ["SCHEMES", "Source", "dataset_fingerprint", "find_sources"]

SCHEMES: Mapping[str, Callable[[str, Path], Sequence[Source]]] = {
    "": local.find,
}
"""What stands before `://` in an entry of `sources` → what finds the sources it names."""


def find_sources(entries: Iterable[str], base: Path) -> list[Source]:
    """All sources the entries name, each once, in order.

    Raises:
        SourceError: an entry names nothing, something unreadable, or a place of unknown kind.
    """
    found: dict[object, Source] = {}
    for entry in entries:
        scheme, sep, _ = entry.partition("://")
        finder = SCHEMES.get(scheme if sep else "")
        if finder is None:
            raise SourceError(f'"{entry}" is not a place this version can read; use a path on this machine')
        for source in finder(entry, base):
            found.setdefault(source.identity, source)
    return list(found.values())


def dataset_fingerprint(fingerprints: Iterable[str]) -> str:
    """One digest of a whole set of sources: the SHA-256 of their sorted digests, a line each. 64 hex digits."""
    return hashlib.sha256("".join(f"{one}\n" for one in sorted(fingerprints)).encode()).hexdigest()
