"""What a source looks like: a stream by its sample, a file that has to be read at its end as a whole."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from ingest_cli.drafting.kinds import usable_share
from ingest_cli.drafting.sampling import take_sample
from ingest_cli.errors import SourceError
from ingest_cli.formats.sniff import FileGuess, sniff, sniff_container
from ingest_cli.formats.sniffing.magic import container_format
from ingest_cli.sources import Source, find_sources, stdin

_MAGIC_BYTES = 64 << 10
_PATTERN_SIGNS = "*?["


@dataclass(frozen=True, slots=True)
class Look:
    """What was found out about one source.

    Attributes:
        source: what was looked at.
        guess: what it looks like.
        complete: whether all of it was looked at.
        member: name of the file that was looked at, if the source is an archive; a label, with any signs in it.
        fault: why no more of it could be unpacked; empty if nothing went wrong.
    """

    source: Source
    guess: FileGuess
    complete: bool
    member: str = ""
    fault: str = ""


def find_dumps(names: Iterable[str]) -> list[Source]:
    """The sources that a person named on the command line: files, folders, `s3://` addresses.

    Raises:
        SourceError: one is not there, or is nothing that can be read.
    """
    names = list(names)
    if stdin.NAME in names:
        raise SourceError("standard input cannot be looked at, since a look reads twice; save it as a file first")
    return find_sources([_literally(name) for name in names], Path.cwd())


def look_at(source: Source, age_key: Callable[[], str] | None = None, table: str = "") -> Look:
    """Look at a bounded part of `source`.

    Args:
        source: what to look at.
        age_key: gives what opens a source that is encrypted with age.
        table: see `sniff`.

    Raises:
        SourceError: it cannot be read, or not even its head can be unpacked.
    """
    container = container_format(_first_bytes(source))
    if container:
        try:
            with source.open_file() as file:
                return Look(source, sniff_container(container, file, usable=usable_share), complete=False)
        except SourceError as error:
            raise SourceError(f'"{source.name}": {error}') from error
    sample = take_sample(source, age_key)
    guess = sniff(
        sample.head,
        complete=sample.complete,
        name=Path(sample.member or source.name).name,
        further=sample.further,
        usable=usable_share,
        table=table,
    )
    return Look(source, guess, sample.complete, sample.member, sample.fault)


def _first_bytes(source: Source) -> bytes:
    head = b""
    try:
        for piece in source.open():
            head += piece
            if len(head) >= _MAGIC_BYTES:
                break
    except SourceError as error:
        raise SourceError(f'"{source.name}": {error}') from error
    return head[:_MAGIC_BYTES]


def _literally(name: str) -> str:
    """The name of a file, with nothing in it taken for a pattern."""
    if "://" in name or not os.path.isfile(name):  # noqa: PTH113 - `Path.is_file` raises for names that cannot be
        return name
    return "".join(f"[{sign}]" if sign in _PATTERN_SIGNS else sign for sign in name)
