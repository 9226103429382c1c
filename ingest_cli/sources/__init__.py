"""Find the dumps that a manifest names: one module per kind of source, selected by the form of the entry."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from ingest_cli.errors import SourceError
from ingest_cli.model.settings import Target
from ingest_cli.sources import local, stdin
from ingest_cli.sources.interface import Sleep, Source
from ingest_cli.sources.joined import join
from ingest_cli.sources.places import Places, label

__all__ = [
    "FINDERS",
    "Sleep",
    "Source",
    "dataset_fingerprint",
    "find_by_entry",
    "find_sources",
    "join",
]

Finder = Callable[[str, Places], Sequence[Source]]


def _find_in_s3(entry: str, places: Places) -> Sequence[Source]:
    from ingest_cli.sources import s3  # noqa: PLC0415 - local dumps must not wait for the import of boto3

    return s3.find(entry, places)


FINDERS: Mapping[str, Finder] = {
    "": local.find,
    stdin.NAME: stdin.find,
    "s3": _find_in_s3,
}
"""Entry itself, or its scheme (before `://`), or "" → function that finds its sources."""


def find_sources(
    entries: Iterable[str], base: Path, target: Target | None = None, wait: Sleep = time.sleep
) -> list[Source]:
    """Return all sources that the entries name, in order and without duplicates; see `find_by_entry`."""
    return [source for found in find_by_entry(entries, base, target, wait) for source in found]


def find_by_entry(
    entries: Iterable[str],
    base: Path,
    target: Target | None = None,
    wait: Sleep = time.sleep,
    on_note: Callable[[str], None] = lambda _: None,
) -> list[list[Source]]:
    """Return for each entry its sources in order, without those that an earlier entry names.

    Args:
        entries: local paths, globs and folders, `s3://` addresses, and `-` for standard input.
        on_note: called with a note about skipped files.

    Raises:
        SourceError: an entry matches nothing, or is unreadable or of an unknown kind.
        UsageError: an entry is `-` but nothing is piped in, or the AWS settings are not usable.
    """
    places = Places(base, target, wait, on_note)
    known, found = set[object](), list[list[Source]]()
    for entry in entries:
        scheme, sep, _ = entry.partition("://")
        finder = FINDERS.get(entry if entry == stdin.NAME else scheme.lower() if sep else "")
        if finder is None:
            raise SourceError(
                f'"{label(entry)}" is not a supported source; use a local path, s3://BUCKET/KEY, '
                'or "-" for standard input'
            )
        found.append([])
        for source in finder(entry, places):
            if source.identity not in known:
                known.add(source.identity)
                found[-1].append(source)
    return found


def dataset_fingerprint(fingerprints: Iterable[str]) -> str:
    """Return the digest of a set of sources: SHA-256 of their sorted digests, one per line; 64 hex digits."""
    return hashlib.sha256("".join(f"{one}\n" for one in sorted(fingerprints)).encode()).hexdigest()
