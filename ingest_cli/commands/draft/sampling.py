"""Take a bounded sample of a source: its head, unpacked, and lines of its middle and end if these are cheap to read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ingest_cli.decoders import Member, members
from ingest_cli.errors import SourceError
from ingest_cli.formats.sniff import MAX_SAMPLE_BYTES, Sample
from ingest_cli.sources import Source
from ingest_cli.sources.parts import with_advice

FURTHER_BYTES = 128 << 10
"""Bytes of each of the later pieces."""

MAX_MEMBERS = 20
"""Maximum number of archive members checked to find the largest; only heads are read, so a large one ends it."""


@dataclass(frozen=True, slots=True)
class SourceSample(Sample):
    """Sample of a source; without `further` lines if it is packed, or can only be read in order.

    Attributes:
        member: name of the sampled file, if the source is an archive; a label, may contain any character.
        fault: why unpacking ended early; empty without a fault.
    """

    member: str = ""
    fault: str = ""


def take_sample(source: Source, age_key: Callable[[], str] | None = None) -> SourceSample:
    """Sample `source`; of an archive, the largest of its first files.

    `age_key` returns the age identity or passphrase for an encrypted source.

    Raises:
        SourceError: the source cannot be read, or not even its head can be unpacked.
    """
    try:
        sample = _largest(source, age_key)
        first = next(source.open(), b"")
        if not sample.complete and not sample.fault and sample.head.startswith(first[:MAX_SAMPLE_BYTES]):
            sample = replace(sample, further=_further(source))
    except SourceError as error:
        raise SourceError(f'"{source.name}": {error}') from error
    return sample


def _largest(source: Source, age_key: Callable[[], str] | None) -> SourceSample:
    largest = SourceSample(b"", complete=True)
    found = members(source.open(), age_key=age_key, open_file=source.open_file)
    for number in range(MAX_MEMBERS):
        try:
            member = next(found, None)
        except SourceError as error:
            if not largest.head:
                raise
            return replace(largest, fault=str(with_advice(error, source.name)))
        if member is None:
            return largest
        sample = _head(member, source.name)
        if len(sample.head) > len(largest.head) or not number:
            largest = sample
        if not sample.complete:
            break
    return replace(largest, complete=False)


def _head(member: Member, name: str) -> SourceSample:
    """Return the head of a file in a source of this name, and the fault that ended it early."""
    head = bytearray()
    try:
        for piece in member.pieces:
            head += piece
            if len(head) > MAX_SAMPLE_BYTES:
                return SourceSample(bytes(head[:MAX_SAMPLE_BYTES]), complete=False, member=member.name)
    except SourceError as error:
        if not head:
            raise
        return SourceSample(bytes(head), complete=False, member=member.name, fault=str(with_advice(error, name)))
    return SourceSample(bytes(head), complete=True, member=member.name)


def _further(source: Source) -> bytes:
    """Return lines from the middle and the end of an unpacked source."""
    pieces = list[bytes]()
    try:
        with source.open_file() as file:
            for start in (source.size_bytes // 2, source.size_bytes - FURTHER_BYTES):
                if start >= MAX_SAMPLE_BYTES:
                    file.seek(start)
                    pieces.append(_whole_lines(file.read(FURTHER_BYTES)))
    except SourceError:
        return b""  # it can only be read from start to end, which is too much for a sample
    return b"".join(pieces)


def _whole_lines(data: bytes) -> bytes:
    return data[data.find(b"\n") + 1 : data.rfind(b"\n") + 1]
