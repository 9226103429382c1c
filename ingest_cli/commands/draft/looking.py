"""Inspect a source: a stream by a sample, and as a whole a file that must be read from its end."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from ingest_cli.commands.draft.kinds import LoadRules
from ingest_cli.commands.draft.sampling import take_sample
from ingest_cli.decoders import HEAD_BYTES, is_packed, members
from ingest_cli.decoders.interface import shown
from ingest_cli.errors import MissingSourceError, SourceError
from ingest_cli.formats.sniff import sniff, sniff_container
from ingest_cli.formats.sniffing.guess import FileGuess
from ingest_cli.formats.sniffing.magic import container_format
from ingest_cli.model.settings import Target
from ingest_cli.model.source_budget import Budget
from ingest_cli.sources import Source, find_sources, stdin
from ingest_cli.sources.parts import with_advice

_MAGIC_BYTES = 64 << 10
_PATTERN_SIGNS = "*?["


@dataclass(frozen=True, slots=True)
class Look:
    """Findings about one source.

    Attributes:
        complete: whether all of it was inspected.
        member: name of the inspected file, if the source is an archive; a label, may contain any character.
        fault: why unpacking ended early; empty without a fault.
    """

    source: Source
    guess: FileGuess
    complete: bool
    member: str = ""
    fault: str = ""


def find_dumps(names: Iterable[str], *, insecure_http: bool = False) -> list[Source]:
    """Return the sources named on the command line: files, folders, `s3://` addresses.

    `insecure_http` permits S3 without TLS over a network.

    Raises:
        SourceError: a source is missing, or cannot be read.
    """
    names = list(names)
    if stdin.NAME in names:
        raise SourceError("standard input cannot be inspected, because it is read twice; save it as a file first")
    try:
        target = Target("", insecure_http=insecure_http)
        return find_sources([_literally(name) for name in names], Path.cwd(), target)
    except MissingSourceError as error:
        raise SourceError(f"{error.what}; check the names on the command line") from error


def look_at(source: Source, age_key: Callable[[], str] | None = None, table: str = "") -> Look:
    """Inspect a bounded part of `source`.

    `age_key` returns the age identity or passphrase for an encrypted source; for `table` see `sniff`.

    Raises:
        SourceError: the source cannot be read, or not even its head can be unpacked.
    """
    container = container_format(_first_bytes(source))
    if container:
        try:
            with source.open_file() as file:
                guess = sniff_container(container, file, rules=LoadRules())
                return Look(source, guess, complete=False)
        except SourceError as error:
            raise SourceError(f'"{source.name}": {error}') from error
    sample = take_sample(source, age_key)
    named = replace(sample, name=Path(sample.member or source.name).name)
    guess = sniff(named, rules=LoadRules(), table=table)
    return Look(source, guess, sample.complete, sample.member, sample.fault)


def find_damage(source: Source, age_key: Callable[[], str] | None = None) -> str:
    """Unpack all of a packed source; return a description of its damage, or an empty string."""
    head = _first_bytes(source)
    notes = list[str]()
    try:
        if container_format(head) == "xlsx":
            return _workbook_damage(source)
        if is_packed(head[:HEAD_BYTES]):
            for member in members(
                source.open(), Budget(note=notes.append), age_key=age_key, open_file=source.open_file
            ):
                for _ in member.pieces:
                    continue
    except SourceError as error:
        return str(with_advice(error, source.name))
    return "; ".join(notes)


def _workbook_damage(source: Source) -> str:
    """Describe the damage of a workbook already checked for its size; it is a zip archive."""
    try:
        with source.open_file() as file, ZipFile(file) as archive:
            bad = archive.testzip()
    except (BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError):
        return "the workbook is damaged; get the file again"
    return "" if bad is None else f'the checksum of "{shown(bad)}" in the workbook does not fit; get the file again'


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
    """Escape a file name so that no part of it is a pattern."""
    if "://" in name or not os.path.isfile(name):  # noqa: PTH113 - `Path.is_file` raises for invalid names
        return name
    return "".join(f"[{sign}]" if sign in _PATTERN_SIGNS else sign for sign in name)
