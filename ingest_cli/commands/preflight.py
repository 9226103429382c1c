"""Check all sources before reading the first: whether they are whole files, and fit the manifest.

Errors that would end a run later are to end it here, before anything is written: a file that ends in the middle
of a line, because the next one continues it; a column missing in the third file; an unreadable archive.
Only the start and the end of each source are read. Deeper errors, such as in the second file of an archive,
are found when it is read.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import pairwise

from ingest_cli.commands.heads import format_of
from ingest_cli.decoders import is_packed, members
from ingest_cli.decoders.charset import encoding_of, to_utf8
from ingest_cli.decoders.interface import shown
from ingest_cli.errors import DamagedError, ManifestError, SourceError
from ingest_cli.formats import FileFormat, Format
from ingest_cli.formats.sniffing.magic import known_format, refuse_known
from ingest_cli.model.format_options import Format as FormatTable
from ingest_cli.pipeline import Plan
from ingest_cli.sources import Sleep, Source
from ingest_cli.sources.error_place import named
from ingest_cli.sources.parts import JOIN, TAIL_BYTES, WholeEnd, are_siblings, is_part, neighbours
from ingest_cli.sources.shard import Shard

HEAD_BYTES = 4 << 10
"""Bytes of the start of a source that are read, and kept until all sources are checked."""

_TEXT_BYTES = 1 << 20  # bytes of unpacked text in which a header is searched
_CHUNK_BYTES = 4 << 10  # bytes of it parsed at a time
_NAMES_NOTHING = frozenset({"json", "jsonl", "combo", "blocks"})
"""Formats without a header or similar that could lack a column."""

_LEAST_OF_TEXT = ord("\t")
_PADDING = b"\x1a\0"  # padding of the last block by CP/M and tapes


def check_sources(
    planned: Plan, age_key: Callable[[], str] | None = None, wait: Sleep = time.sleep
) -> Mapping[int, WholeEnd]:
    """Check all sources of a plan.

    Args:
        age_key: returns the age identity or passphrase for encrypted sources.
        wait: see `Sleep`; called at each source, raises if the run is to end.

    Returns:
        For packed sources followed by another one, by shard number: the allowed ends of their text. These are
        checked when they are unpacked.

    Raises:
        SourceError: a source ends in the middle of a record, and another one follows; or one cannot be read.
        ManifestError: a source lacks a column, or does not fit the manifest otherwise.
    """
    heads = _Heads(planned, age_key)
    peeks = dict[int, _Peek]()
    for shard in planned.shards:
        wait(0)
        if shard.source.size_bytes:
            peeks[shard.number] = _peek(shard.source)
    seams = list[_Seam]()
    if not isinstance(heads.format, FileFormat):
        for shard, after in _pairs(planned, peeks):
            seams.append(_Seam(planned, shard, after, peeks[shard.number], peeks[after.number]))
            _check_seam(seams[-1], heads)
    for shard in planned.shards:
        wait(0)
        if shard.number in peeks:
            heads.check(shard, peeks[shard.number])
    packed = [seam for seam in seams if seam.first.packed and seam.second.packed]
    ends = ((seam.shard.number, heads.end_before(seam)) for seam in packed)
    return {number: end for number, end in ends if end is not None}


@dataclass(frozen=True, slots=True)
class _Peek:
    """The start and the end of a source."""

    head: bytes
    tail: bytes

    @property
    def packed(self) -> bool:
        """Whether it is packed, so that neither shows its content."""
        return is_packed(self.head)

    @property
    def is_text(self) -> bool:
        """Whether it may be text, as far as can be determined without its encoding."""
        return self.head.isascii() and min(self.head) >= _LEAST_OF_TEXT

    @property
    def first_line(self) -> bytes:
        """The first non-blank line, without its line end."""
        return self.head.lstrip(b"\r\n").partition(b"\n")[0].rstrip(b"\r")


def _peek(source: Source) -> _Peek:
    try:
        with source.open_file() as file:
            head = file.read(HEAD_BYTES)
            if len(head) >= source.size_bytes:
                return _Peek(head, head[-TAIL_BYTES:])
            file.seek(source.size_bytes - TAIL_BYTES)
            return _Peek(head, file.read(TAIL_BYTES))
    except SourceError as error:
        raise named(error, source, source.name, several=False) from error


def _pairs(planned: Plan, filled: Container[int]) -> Iterator[tuple[Shard, Shard]]:
    """Yield the non-empty shards that follow each other like parts of one file.

    Their names decide, where one entry of `sources` matches both; where each has a separate entry, the names must
    also look like parts of one file.
    """
    alone = list[Shard]()
    for entry in planned.entries:
        shards = [shard for shard in entry if shard.number in filled]
        yield from pairwise([shards[at] for at in neighbours([shard.source.name for shard in shards])])
        alone += shards if len(shards) == 1 else []
    yield from (pair for pair in pairwise(alone) if are_siblings(*(shard.source.name for shard in pair)))


@dataclass(frozen=True, slots=True)
class _Seam:
    """Two sources, the second of which may continue the first."""

    planned: Plan
    shard: Shard
    after: Shard
    first: _Peek
    second: _Peek

    @property
    def cuts(self) -> bool:
        """Return whether the first ends in the middle of a record."""
        return not _is_whole(
            self.planned.manifest.format, self.first.tail, self.second.head, ends_line=self._ends_line()
        )

    def _ends_line(self) -> bool:
        encoding, _ = encoding_of(self.first.head, self.planned.manifest.format.encoding)
        tail = self.first.tail
        if "\n".encode(encoding) == b"\n":
            tail = tail.rstrip(_PADDING) or b"\n"
        return tail.endswith(("\n".encode(encoding), "\r".encode(encoding)))


def _is_whole(table: FormatTable, tail: bytes, head: bytes, *, ends_line: bool) -> bool:
    """Return whether a source may end like this before another one that is not part of the same file.

    Args:
        table: format options.
        tail: end of the source.
        head: start of the next one.
        ends_line: whether it ends with a line end.
    """
    name = table.name
    end, begin = tail.rstrip(_PADDING).rstrip(), head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if name == "json" or (name == "jsonl" and not ends_line):
        # A value ends and starts with a bracket, and within a value these two never touch.
        return end.endswith((b"}", b"]")) and begin.startswith((b"{", b"["))
    if name == "sql" and end.endswith(b";"):
        return True
    if name == "blocks" and end.lower().endswith(b"end:vcard") and begin[:11].lower() == b"begin:vcard":
        return True
    return ends_line and not _cuts_quotes(table, tail, head)


def _cuts_quotes(table: FormatTable, tail: bytes, head: bytes) -> bool:
    """Return whether a line end between two sources is apparently quoted, so that it does not end a row.

    The last line opens a quote without closing it, or the first one of the next source closes one.
    """
    if table.name not in {"csv", "tsv"} or not table.quote or table.escape:
        return False
    quote, delimiter = table.quote.encode(), (table.delimiter or ("\t" if table.name == "tsv" else ",")).encode()
    *before, last = tail.rstrip(b"\r\n").split(b"\n")
    if (before or len(tail) < TAIL_BYTES) and last.count(quote) % 2:
        opened = last[: last.rindex(quote)]
        if not opened or opened.endswith(delimiter):
            return True
    first, *after = head.split(b"\n")
    if not after or first.count(quote) % 2 == 0:
        return False
    inside, _, behind = first.partition(quote)
    behind = behind.rstrip(b"\r")
    return bool(inside) and not inside.endswith(delimiter) and (not behind or behind.startswith(delimiter))


def _check_seam(seam: _Seam, heads: _Heads) -> None:
    """Refuse two sources that are parts of one file.

    Raises:
        SourceError: they apparently are.
    """
    name, after = seam.shard.source.name, seam.after.source.name
    if seam.first.packed:
        are_parts = is_part(name) and is_part(after) and not seam.second.is_text
        if not seam.second.packed and (are_parts or b"\0" in seam.second.head):
            raise SourceError(f'"{name}" is packed, and "{after}" after it continues the same data; {JOIN}')
        return
    if seam.second.packed or known_format(seam.second.head) is not None:
        return  # not text that continues
    if not seam.cuts or heads.has_own_header(seam):
        return
    raise SourceError(
        f'"{name}" ends in the middle of a line, without a line end, and "{after}" follows it; {JOIN}, or else give it '
        "a line end (sed -i '$a\\' FILE)"
    )


@dataclass(slots=True)
class _Heads:
    """Known starts of sources.

    Attributes:
        age_key: see `check_sources`.
        known: first lines of sources that fit the manifest.
    """

    planned: Plan
    age_key: Callable[[], str] | None
    format: Format | FileFormat = field(init=False)
    known: set[bytes] = field(default_factory=set)

    def __post_init__(self) -> None:
        planned, sources = self.planned, [shard.source for shard in self.planned.shards]
        self.format = format_of(planned.manifest, planned.wanted, sources, lambda: _CHUNK_BYTES, self.age_key)

    def has_own_header(self, seam: _Seam, packed: _Peek | None = None) -> bool:
        """Return whether the second of two sources has a header, and so is a separate file.

        Args:
            seam: the two sources.
            packed: the second one as stored, if `seam` holds its text.
        """
        table = self.planned.manifest.format
        if not table.header:
            return False
        if seam.second.first_line == seam.first.first_line:
            return True
        if table.columns or table.name not in {"csv", "tsv"}:
            return False
        try:
            self._parse(seam.after, packed or seam.second)
        except (SourceError, ManifestError):
            return False
        return True

    def end_before(self, seam: _Seam) -> WholeEnd | None:
        """Return the allowed end of the text of a packed source followed by another one; None: any."""
        try:
            first, second = self._unpacked(seam.shard, seam.first), self._unpacked(seam.after, seam.second)
        except (SourceError, ManifestError):
            return None  # reported when it is read
        unpacked = replace(seam, first=first, second=second)
        if not first.head or not second.head or self.has_own_header(unpacked, seam.second):
            return None
        table = self.planned.manifest.format

        def is_whole(tail: bytes) -> bool:
            ends_line = (tail.rstrip(_PADDING) or b"\n").endswith((b"\n", b"\r"))
            return _is_whole(table, tail, second.head, ends_line=ends_line)

        return WholeEnd(seam.after.source.name, is_whole)

    def _unpacked(self, shard: Shard, peek: _Peek) -> _Peek:
        """Return the start of the text in a packed source, unless it is an archive."""
        pieces = iter([peek.head]) if len(peek.head) >= shard.source.size_bytes else shard.source.open()
        member = next(members(pieces, age_key=self.age_key, open_file=shard.source.open_file), None)
        if member is None or member.name:
            return _Peek(b"", b"")
        return _Peek(next(to_utf8(member.pieces, self.planned.manifest.format.encoding), b"")[:HEAD_BYTES], b"")

    def check(self, shard: Shard, peek: _Peek) -> None:
        """Find the wanted columns in a source, if that is possible at its start.

        Raises:
            SourceError, ManifestError: as when the source is read.
        """
        if self._is_known(peek):
            return
        try:
            self._parse(shard, peek)
        except DamagedError:
            return  # the rows before that position count
        except (SourceError, ManifestError) as error:
            raise named(error, shard.source, shard.source.name, several=len(self.planned.shards) > 1) from error
        if self._is_plain(peek):
            self.known.add(peek.first_line)

    def _is_known(self, peek: _Peek) -> bool:
        return self._is_plain(peek) and peek.first_line in self.known

    def _is_plain(self, peek: _Peek) -> bool:
        """Return whether the first line is the whole header."""
        table = self.planned.manifest.format
        if table.name not in {"csv", "tsv"} or not table.header or table.skip_lines or peek.packed:
            return False
        if len(peek.head) == HEAD_BYTES and b"\n" not in peek.head.lstrip(b"\r\n"):
            return False
        quotes = peek.first_line.count(table.quote.encode()) if table.quote else 0
        return quotes % 2 == 0 and not table.escape

    def _parse(self, shard: Shard, peek: _Peek) -> None:
        """Parse up to the first rows."""
        source, format_ = shard.source, self.format
        if isinstance(format_, FileFormat):
            if len(self.planned.shards) > 1 and not is_packed(peek.head, but_for=format_.signatures):
                refuse_known(peek.head, but_for=format_.signatures)
                with source.open_file() as file:
                    next(format_.read_file(file), None)
            return
        pieces = iter([peek.head]) if len(peek.head) >= source.size_bytes else source.open()
        member = next(members(pieces, age_key=self.age_key, open_file=source.open_file), None)
        if member is None:
            return
        refuse_known(member.head, shown(member.name))
        table = self.planned.manifest.format
        if table.name in _NAMES_NOTHING or (table.name in {"csv", "tsv"} and table.columns):
            return
        with suppress(_EnoughError):
            next(format_.read(_limited(to_utf8(member.pieces, table.encoding))), None)


class _EnoughError(SourceError):
    """Enough text was read; end of the check."""


def _limited(pieces: Iterable[bytes]) -> Iterator[bytes]:
    left = _TEXT_BYTES
    for piece in pieces:
        yield piece[:left]
        left -= len(piece)
        if left <= 0:
            raise _EnoughError
