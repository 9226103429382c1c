"""Credential lists: `email:password`, `user:password`, `url:user:password` and their like.

One line is one record, nothing is quoted, and the last column takes the rest of its line, because passwords
hold delimiters. What makes these lists a format of their own is a column named `url`: addresses hold
delimiters too, and which one ends an address has to be told. `UrlRule` tells it for one line and is what such
a file means; lines that leave no doubt are cut up all at once, to the same effect.

Only the columns asked for are ever cut out of a line. A password that nobody asked for stays in the block.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ingest_cli.errors import ManifestError
from ingest_cli.formats.interface import DEFAULT_CHUNK_BYTES, ChunkBytes
from ingest_cli.formats.joined import Beginnings, Begun
from ingest_cli.formats.lines import Found, Lines, slices, split_lines, to_rows
from ingest_cli.formats.record_stream import Blocks, Rows, read_records
from ingest_cli.records import WHOLE, IndexArray, OffsetArray, Position, RowChunk, Span

URL_COLUMN = "url"
"""Name, in any case, of a column that holds addresses."""

_SCHEME = rb"[A-Za-z][A-Za-z0-9+.\-]*"  # RFC 3986 §3.1
_MAX_PORT_DIGITS = 5
_WHOLE_SCHEME = r"^[A-Za-z][A-Za-z0-9+.\-]*$"
_SCHEME_AHEAD = r"^[ ]*[A-Za-z][A-Za-z0-9+.\-]*://"
_ORDINARY = frozenset({b":", b";", b"|", b"\t", b",", b" "})
_SLASH = ord("/")
_DIGITS = np.frombuffer(b"0123456789", np.uint8)

BoolArray = npt.NDArray[np.bool_]


class Combo:
    """Reads lines of cells of which the last takes the rest."""

    def __init__(
        self,
        columns: Sequence[str],
        wanted: Sequence[str],
        delimiter: str = ":",
        *,
        chunk_bytes: ChunkBytes = lambda: DEFAULT_CHUNK_BYTES,
    ) -> None:
        """Set up the parser.

        Args:
            columns: names of all columns in order, "" for those to be dropped. One of them may be `url`, in any
                case: addresses with a scheme, or, where it is the first column, without one.
            wanted: names of the columns to keep; all others are dropped while parsing.
            delimiter: one character.
            chunk_bytes: tells how many decoded bytes a chunk aims at.

        Raises:
            ManifestError: no column is given, a wanted one is not there, two hold addresses, or the delimiter is
                not one character.
        """
        if len(delimiter) != 1 or delimiter in "\r\n":
            raise ManifestError("`delimiter` in [format] must be one character, and no line break")
        if not columns:
            raise ManifestError('[format] needs `columns` for a list like this, like ["EMAIL", "PASSWORD"]')
        for name in wanted:
            if name not in columns:
                raise ManifestError(f'there is no column "{name}" in [format] columns')
        urls = [i for i, name in enumerate(columns) if name.casefold() == URL_COLUMN]
        if len(urls) > 1:
            raise ManifestError("two columns in [format] are named `url`; one record holds one address")
        self.width = len(columns)
        self.places = {name: columns.index(name) for name in wanted}
        self.delimiter = delimiter.encode("utf-8", "surrogatepass")
        self.url = UrlRule(self.delimiter, urls[0], self.width) if urls and self.width > 1 else None
        self._chunk_bytes = chunk_bytes
        self._beginnings = Beginnings()

    def read(self, stream: Iterable[bytes], spans: Sequence[Span] = (WHOLE,)) -> Iterator[RowChunk]:
        """See `Format.read`."""
        return read_records(stream, self._chunk_bytes, spans, _Source(self))

    def begin(self, text: bytes) -> Begun | None:
        """See `JoiningFormat.begin`."""
        return self._beginnings.of(text, _Source(self), header=False)

    def split(self, line: bytes) -> list[bytes]:
        """The cells of a line, by the rule that defines them; no more than there are columns."""
        if self.url is not None:
            return self.url.split(line)
        return line.split(self.delimiter, self.width - 1)


class UrlRule:
    """Where an address among other cells begins and ends.

    It begins at the beginning of the line if it is the first column, and else at the first scheme with `://`
    that stands behind enough delimiters. It ends at the first delimiter that is neither

    * part of the scheme's `://`, or of that of an address within the address, or in front of a port of that one;
    * within the brackets of an IPv6 address;
    * in front of a port: 1 to 5 digits up to `/`, `?` or `#`; or up to a delimiter, given that all the
      columns that follow still find a cell behind that one (without a path, a user name of digits is told from a
      port by nothing else);
    * in a path, a query or a fragment with a delimiter in it, as far as that can be told: if the cell behind
      the first possible end is no e-mail address, but a later cell is, and the columns that follow all find a
      cell from there on, the address reaches to that one. Users are often e-mail addresses; an e-mail address
      with something behind it is seldom a password.

    `user:password@` in front of a host is not known: it cannot be told from a host, a user who is an e-mail address,
    and a password, which is what these lists are full of. `android://hash@package/` is.
    """

    def __init__(self, delimiter: bytes, place: int, width: int) -> None:
        """Set up the rule for the column number `place` of `width`."""
        escaped = re.escape(delimiter)
        other = _except(delimiter, rb"/?#")
        blanks = b"" if delimiter == b" " else b"[ ]*"
        self.place = place
        self.width = width
        self.delimiter = delimiter
        self._needed = width - place - 1
        self._begin = re.compile(escaped + rb"(?=" + blanks + _SCHEME + rb"://)")
        self._host = re.compile(
            blanks + rb"(?:" + _SCHEME + rb"://)?(?:\[[0-9A-Fa-f:.]*\]|" + other + rb")" + other + rb"*+"
        )
        self._port = re.compile(rb":[0-9]{1,%d}(?=([/?#])|%b)" % (_MAX_PORT_DIGITS, escaped))
        self._end = re.compile(escaped + (rb"(?!//)" if delimiter == b":" else b""))
        self._nested_port = re.compile(rb"://[^/?#:]*:[0-9]{1,%d}(?=[/?#])" % _MAX_PORT_DIGITS)
        user = _except(delimiter, rb"@\s/?#") + rb"++"
        domain = rb"[A-Za-z0-9\-]+(?:\.[A-Za-z0-9\-]+)+"
        self._email = re.compile(escaped + rb"(?=" + user + rb"@" + domain + rb"(?:" + escaped + rb"|\Z))")

    def split(self, line: bytes) -> list[bytes]:
        """The cells of a line."""
        delimiter, place = self.delimiter, self.place
        begin = self._find_begin(line)
        if begin is None:
            return line.split(delimiter, self.width - 1)
        before = line[: begin - len(delimiter)].split(delimiter, place - 1) if place else []
        end = self._find_end(line, begin)
        after = line[end + len(delimiter) :].split(delimiter, self._needed - 1) if end < len(line) else []
        return [*before, line[begin:end], *after]

    def _find_begin(self, line: bytes) -> int | None:
        if not self.place:
            return 0
        at = -1
        for _ in range(self.place - 1):
            at = line.find(self.delimiter, at + 1)
            if at < 0:
                return None
        found = self._begin.search(line, at + 1)
        return found.end() if found else None

    def _find_end(self, line: bytes, begin: int) -> int:
        if not self._needed:
            return len(line)
        host = self._host.match(line, begin)
        at = host.end() if host else begin
        port = self._port.match(line, at)
        if port and (port[1] or line.count(self.delimiter, port.end()) >= self._needed):
            at = port.end()
        end = self._end.search(line, at)
        for nested in self._nested_port.finditer(line, at):
            if end is None or nested.end() < end.start():
                break
            if nested.start() < end.start():
                end = self._end.search(line, nested.end())
        if end is None:
            return len(line)
        if line[at : at + 1] not in (b"/", b"?", b"#") or self._email.match(line, end.start()):
            return end.start()
        for email in self._email.finditer(line, end.end()):
            enough = line.count(self.delimiter, email.end()) >= self._needed - 1
            return email.start() if enough else end.start()
        return end.start()


def _except(delimiter: bytes, others: bytes) -> bytes:
    """A pattern of one byte that is none of `others`, and does not begin a delimiter."""
    if len(delimiter) == 1:  # a class of bytes takes no memory to repeat
        return b"[^" + others + re.escape(delimiter) + b"]"
    return b"(?:(?!" + re.escape(delimiter) + b")[^" + others + b"])"


class _Source:
    """The parser of one source: see `RecordParser`."""

    def __init__(self, own: Combo) -> None:
        self._format = own

    def preamble(self, blocks: Blocks) -> Position:  # noqa: ARG002 - nothing stands before the first record
        """See `RecordParser.preamble`."""
        return Position()

    def parse(self, data: bytes, *, final: bool) -> Rows:
        """See `RecordParser.parse`."""
        own, lines = self._format, split_lines(data, final=final)
        filled = lines.filled
        places = _Delimiters.find(lines, filled, own.delimiter)
        if own.url is None:
            return to_rows(lines, _at_once(lines, filled, places, own))
        clear, inside = _clear(lines, filled, places, own.url)
        rest = filled[~clear]
        found = _at_once(lines, filled[clear], places.of(clear, inside), own)
        return to_rows(lines, found, _one_by_one(lines, rest, own)) if len(rest) else to_rows(lines, found)

    def parse_closed(self, data: bytes) -> Rows:
        """See `JoiningParser.parse_closed`."""
        return self.parse(data, final=True)

    def oversize(self, size: int) -> tuple[str, Sequence[str]]:
        """See `RecordParser.oversize`."""
        assert size > 0  # noqa: S101 - nothing is not too long
        return "record_too_long", list(self._format.places)


@dataclass(frozen=True, slots=True)
class _Delimiters:
    """Where the delimiters of some lines are.

    Attributes:
        at: offsets of all delimiters of the block.
        first: shape (lines,): position in `at` of the first one in or behind each line.
        count: shape (lines,): how many each line has.
        inside: shape (lines,): how many of them are part of the address.
    """

    at: OffsetArray
    first: OffsetArray
    count: OffsetArray
    inside: OffsetArray

    @classmethod
    def find(cls, lines: Lines, index: IndexArray, delimiter: bytes) -> _Delimiters:
        """Find the delimiters of the lines at `index`."""
        view = np.frombuffer(lines.data, np.uint8)[: lines.bounds[-1]]
        at = np.flatnonzero(view == delimiter[0])
        for i in range(1, len(delimiter)):
            at = at[at < len(view) - i]
            at = at[view[at + i] == delimiter[i]]
        first = np.searchsorted(at, lines.bounds[index])
        count = np.searchsorted(at, lines.ends[index]) - first
        return cls(at, first, count, np.zeros(len(index), np.int64))

    def of(self, chosen: BoolArray, inside: OffsetArray) -> _Delimiters:
        """Those of the `chosen` lines, given how many are part of the address."""
        return _Delimiters(self.at, self.first[chosen], self.count[chosen], inside[chosen])

    def nth(self, n: OffsetArray | int, otherwise: OffsetArray) -> OffsetArray:
        """Offset of the delimiter number `n` of each line, from 0; or what is given for lines that have none."""
        if not len(self.at):
            return otherwise
        place = np.minimum(self.first + n, len(self.at) - 1)
        return np.where(self.count > n, self.at[place], otherwise)


def _at_once(lines: Lines, index: IndexArray, places: _Delimiters, own: Combo) -> Found:
    """Cut up the lines at `index`: what `Combo.split` does, column by column."""
    bare = places.count == 0 if own.width > 1 else np.zeros(len(index), np.bool_)
    rejected = [(int(i), "no_delimiter") for i in index[bare]]
    index, places = index[~bare], places.of(~bare, places.inside)
    url = own.url.place if own.url else own.width
    ends = lines.ends[index]

    def end_of(column: int) -> OffsetArray:
        if column == own.width - 1:
            return ends
        return places.nth(column + (places.inside if column >= url else 0), ends)

    cells = {}
    for name, column in own.places.items():
        begins = lines.bounds[index]
        if column:
            begins = np.minimum(end_of(column - 1) + len(own.delimiter), ends)
        cells[name] = slices(lines.data, begins, end_of(column))
    short = int((places.count - places.inside < own.width - 1).sum())
    return Found(index, cells, rejected, {"short_row": short})


def _one_by_one(lines: Lines, index: IndexArray, own: Combo) -> Found:
    """Cut up the lines at `index` by the rule that defines them."""
    kept, rows = list[int](), list[list[bytes]]()
    rejected, short = list[tuple[int, str]](), 0
    for i, line in zip(index.tolist(), lines.texts(index), strict=True):
        cells = own.split(line)
        if len(cells) == 1:
            rejected.append((i, "no_delimiter"))
            continue
        short += len(cells) < own.width
        kept.append(i)
        rows.append(cells)
    columns = {
        name: pa.array([row[at] if at < len(row) else b"" for row in rows], pa.binary())
        for name, at in own.places.items()
    }
    return Found(np.array(kept, np.int32), columns, rejected, {"short_row": short})


def _clear(lines: Lines, index: IndexArray, places: _Delimiters, rule: UrlRule) -> tuple[BoolArray, OffsetArray]:
    """Which lines leave no doubt about their address, and how many delimiters it has in each of those.

    They have just as many delimiters as it takes, so that the address can reach no further than its first
    possible end without leaving a column empty; a port in front of a path is the one thing to look out for.
    """
    none = np.zeros(len(index), np.bool_)
    inside = np.zeros(len(index), np.int64)
    if rule.delimiter not in _ORDINARY or not len(index):
        return none, inside
    view = np.append(np.frombuffer(lines.data, np.uint8), np.zeros(3, np.uint8))
    ends = lines.ends[index]
    begins = lines.bounds[index]
    if rule.place:
        begins = np.minimum(places.nth(rule.place - 1, ends) + 1, ends)
    if rule.delimiter == b":":
        colon = places.nth(rule.place, ends)
        slashes = (view[colon + 1] == _SLASH) & (view[colon + 2] == _SLASH) & (colon < ends)
        is_scheme = slashes & _match(slices(lines.data, begins, colon), _WHOLE_SCHEME)
        inside = is_scheme.astype(np.int64)
        after = places.nth(rule.place + inside, ends) + 1
        port = np.isin(view[after], _DIGITS) | ((view[after] == _SLASH) & (view[after + 1] == _SLASH))
        clear = (is_scheme | (~slashes if not rule.place else none)) & ~port
    else:
        clear = _match(slices(lines.data, begins, ends), _SCHEME_AHEAD) if rule.place else ~none
    clear &= places.count - inside == rule.width - 1
    if b"[" in lines.data:
        brackets = np.flatnonzero(view == ord("["))
        clear &= np.searchsorted(brackets, lines.bounds[index]) == np.searchsorted(brackets, ends)
    return clear, inside


def _match(cells: pa.BinaryArray, pattern: str) -> BoolArray:
    matches: BoolArray = pc.match_substring_regex(cells, pattern).to_numpy(zero_copy_only=False)
    return matches
