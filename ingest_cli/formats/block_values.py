"""Extract the values of the wanted keys of a block, on one line or several.

The first lines of a block tell its kind, which determines how lines are continued:

* vCard (RFC 6350; 2.1: its specification of 1996): a line that begins with a blank continues the one before, without
  that blank; in quoted-printable, lines end with `=`; commas and semicolons are escaped; a group may precede the key
  (`item1.EMAIL`), and `tel:` a number;
* LDIF entry (RFC 2849): folded in the same way; `::` precedes base64, and `:<` a reference, which is never resolved;
* row of `mysql --vertical`: keys are right-aligned, so that a line with its colon elsewhere continues the value before;
* row of psql's expanded output: a line without a key continues the value before;
* any other: a line without a key that begins with one blank continues the line before.
"""

from __future__ import annotations

import base64
import binascii
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from ingest_cli.formats.block_bounds import (
    BLANK_LINE,
    LINE_END,
    MAX_KEY_BYTES,
    RECORD_OF_PSQL,
    ROW_OF_MYSQL,
    RULE_LINE,
    VCARD,
    behind_key_pattern,
    key_pattern,
)

UNDECODABLE = b"\xff"
"""Replacement for a value that cannot be decoded: invalid UTF-8, which is rejected later."""

_MAX_RECODED_BYTES = 1 << 16

_FOLD = re.compile(LINE_END + rb"[ \t]")
_FOLDED = re.compile(rb"[^\r\n]*+(?>" + LINE_END + rb"[ \t][^\r\n]*+)*+")
_SOFT_OR_FOLD = re.compile(rb"=" + LINE_END + rb"|" + LINE_END + rb"[ \t]")
_SOFTLY_FOLDED = re.compile(rb"(?>[^\r\n]*+(?:(?<==)" + LINE_END + rb"|" + LINE_END + rb"(?=[ \t])))*+[^\r\n]*+")
_QUOTED_PRINTABLE = re.compile(
    rb"[\r\n](?=[^:\r\n]{0,512}?(?i:QUOTED-PRINTABLE)[^:\r\n]{0,512}:)(?>[^\r\n]*+(?<==)" + LINE_END + rb")++[^\r\n]*+"
)
_QUOTED = re.compile(rb"(?i)QUOTED-PRINTABLE")
_END_OF_VCARD = re.compile(rb"[\r\n](?i:END:VCARD)(?![A-Za-z0-9_])")
_PARAMETERS = re.compile(rb'[ \t]*+[^;:]*+((?:;(?:"[^"]*+"|[^":])*+)?+):')
_CHARSET = re.compile(rb";CHARSET=\"?([A-Z0-9_-]{1,40})")
_IN_BASE64 = re.compile(rb";(?:ENCODING=)?(?:BASE64|B)(?=;|\Z)")
_ESCAPED = re.compile(rb"\\([\\,;:nN])")
_TELEPHONE_URI = re.compile(rb"(?i:tel):([^;]*)")
_GOES_ON = re.compile(rb"[ \t]*\+[ \t]*\Z")

_HEAD = rb"(?>" + BLANK_LINE + rb"|" + RULE_LINE + rb"|#[^\r\n]{0,2000}" + LINE_END
_HEAD += rb"|(?i:version):[^\r\n]{0,200}" + LINE_END + rb")*+[ \t]{0,64}"
_KINDS = re.compile(
    _HEAD
    + rb"(?:(?P<vcard>"
    + VCARD
    + rb")|(?P<ldif>(?i:dn):)|(?P<mysql>"
    + ROW_OF_MYSQL
    + rb"[ \t]*"
    + LINE_END
    + rb")|(?P<psql>"
    + RECORD_OF_PSQL
    + rb"))"
)
_FIRST_OF_MYSQL = re.compile(rb"(?>" + BLANK_LINE + rb")*+([^:\r\n]{1,%d}):" % (2 * MAX_KEY_BYTES))
_CHARACTER_OF_KEY = rb"(?:[\x00-\x09\x0b\x0c\x0e-\x39\x3b-\x7f]|[\xc2-\xf4][\x80-\xbf]{1,3})"


class _Block(NamedTuple):
    """Block of a known kind.

    Attributes:
        number: index of the block.
        begin, end: offsets in the data.
        kind: `vcard`, `ldif`, `mysql`, `psql` or empty.
        closed: offset of the end of a vCard.
        broken: (begin, end) of quoted-printable lines of a vCard that are continued.
        place: number of characters before the colons of a row of MySQL; -1 if unknown.
        lines: pattern of a line and its continuations.
    """

    number: int
    begin: int
    end: int
    kind: str
    closed: int
    broken: Sequence[tuple[int, int]]
    place: int
    lines: re.Pattern[bytes]


class Values:
    """Finder of the values of wanted keys."""

    def __init__(self, columns: Sequence[str], delimiter: bytes) -> None:
        """Compile the patterns of the keys `columns`, case-insensitive, followed by `delimiter`."""
        self._delimiter = delimiter
        self._is_quoted = False
        self._exact = {name.encode("utf-8", "surrogatepass"): name for name in columns}
        self._folded: dict[str, str] = {}
        for name in columns:
            self._folded.setdefault(name.casefold(), name)
        spelled = {each.encode("utf-8", "surrogatepass") for name in columns for each in _spellings(name)}
        keys = b"|".join(map(re.escape, sorted(spelled, key=len, reverse=True))) or rb"(?!)"
        behind = behind_key_pattern(delimiter)
        self._lines = re.compile(
            rb"[\r\n][ \t]{0,256}(?:[A-Za-z0-9-]{1,64}+\.)?((?i:" + keys + rb"))(?=" + behind + rb")"
        )
        key = rb"[ \t]*" + key_pattern(delimiter) + rb"{1,%d}?" % MAX_KEY_BYTES
        parameters = rb"(?:;[^\r\n]{0,255}?)?" if b";" not in delimiter else b""
        keyed = key + rb"[ \t]*" + parameters + re.escape(delimiter)
        self._plain = re.compile(rb"[^\r\n]*+(?>" + LINE_END + rb"[ \t](?![ \t\r\n])(?!" + keyed + rb")[^\r\n]*+)*+")
        keyless = LINE_END + rb"(?>[ \t]*+" + re.escape(delimiter) + rb")[^\r\n]*+"
        self._keyless = re.compile(rb"[^\r\n]*+(?>" + keyless + rb")*+")
        self._keyless_head = re.compile(LINE_END + rb"[ \t]*+" + re.escape(delimiter) + rb"[ \t]?")

    def find(self, data: bytes, bounds: Sequence[int]) -> Iterator[tuple[int, str, bytes | None]]:
        """Yield (block number, column, value) in order; the value is None after the end of its block.

        `data` begins with a block; `bounds` are the start of each block, and the end of the last one.
        """
        block: _Block | None = None
        number, done = 0, 0
        self._is_quoted = _QUOTED.search(data) is not None
        for match in self._lines.finditer(b"\n" + data[: bounds[-1]]):
            begin = match.start()
            if begin < done:
                continue
            if block is None or begin >= block.end:
                while bounds[number + 1] <= begin:
                    number += 1
                block = self._known(data, number, bounds[number], bounds[number + 1])
            column = self._column(match[1], data[begin : match.start(1) - 1].strip(), block.kind)
            if column is None or self._is_inside(data, begin, match.end(1) - 1, block):
                continue
            if begin > block.closed:
                yield number, column, None
                continue
            text, done = self._value(data, begin, match.end(1) - 1, block)
            if text:
                yield number, column, text

    def _column(self, key: bytes, group: bytes, kind: str) -> str | None:
        """Return the column of a key; None if a group precedes it that the kind does not permit."""
        whole = self._exact.get(group + key)
        if whole is not None or (group and kind != "vcard"):
            return whole
        return self._exact.get(key) or self._folded.get(key.decode("utf-8", "replace").casefold())

    def _is_inside(self, data: bytes, begin: int, key_end: int, block: _Block) -> bool:
        """Return whether the line at `begin` continues the one before."""
        if block.kind in {"vcard", "ldif"}:
            if data[begin : begin + 1] in (b" ", b"\t"):
                return True
            before = bisect_left(block.broken, (begin, 0)) - 1
            return before >= 0 and begin < block.broken[before][1]
        return block.place >= 0 and _characters(data[begin:key_end]) != block.place

    def _value(self, data: bytes, begin: int, key_end: int, block: _Block) -> tuple[bytes, int]:
        """Return the value of the line at `begin`, and the end of its continuations."""
        if block.kind == "vcard":
            return _of_vcard(data, begin, block.end)
        end = _end_of(block.lines, data, key_end, block.end)
        value = data[key_end:end].partition(self._delimiter)[2]
        if block.kind == "mysql":
            return value.strip(), end
        if block.kind == "psql":
            *several, last = self._keyless_head.split(value)
            return b"\n".join([*(_GOES_ON.sub(b"", line) for line in several), last]).strip(), end
        if b"\n" in value or b"\r" in value:
            value = _FOLD.sub(b"", value)
        if self._delimiter == b":" and value.startswith(b":"):
            return _from_base64(value[1:]), end
        is_elsewhere = block.kind == "ldif" and value.startswith(b"<")
        return b"" if is_elsewhere else value.strip(), end

    def _known(self, data: bytes, number: int, begin: int, end: int) -> _Block:
        """Determine the kind of a block."""
        match = _KINDS.match(data, begin, end)
        kind = (match.lastgroup or "") if match else ""
        if self._delimiter != b":" and kind != "psql":
            kind = ""
        closed, broken, place = end, list[tuple[int, int]](), -1
        if kind == "vcard":
            found = _END_OF_VCARD.search(data, begin, end)
            closed = found.start() if found else end
            if self._is_quoted:
                spans = (each.span() for each in _QUOTED_PRINTABLE.finditer(data, begin, end))
                broken = [(first + 1, last) for first, last in spans]
        elif match is not None and kind == "mysql":
            first = _FIRST_OF_MYSQL.match(data, match.end(), end)
            place = _characters(first[1]) if first else -1
        lines = {"ldif": _FOLDED, "mysql": _aligned(place), "psql": self._keyless}.get(kind, self._plain)
        return _Block(number, begin, end, kind, closed, broken, place, lines)


def _end_of(pattern: re.Pattern[bytes], data: bytes, begin: int, end: int) -> int:
    """Return the end of the match of a pattern at `begin`."""
    match = pattern.match(data, begin, end)
    return match.end() if match else begin


def _spellings(name: str) -> Iterable[str]:
    """Return the possible spellings of `name`; for ASCII, the pattern ignores case."""
    return (name,) if name.isascii() else (name, name.lower(), name.upper(), name.title(), name.capitalize())


def _characters(raw: bytes) -> int:
    return len(raw.decode("utf-8", "replace"))


@lru_cache(maxsize=64)
def _aligned(place: int) -> re.Pattern[bytes]:
    """Return a pattern of a line of a row of MySQL, and of those without a colon at the place of the keys."""
    another = _CHARACTER_OF_KEY + rb"{%d}:" % max(place, 0) if place >= 0 else rb"[^:\r\n]*+:"
    footer = rb"[0-9]{1,12} rows? in set"
    return re.compile(rb"[^\r\n]*+(?>" + LINE_END + rb"(?!" + another + rb"|" + footer + rb")[^\r\n]*+)*+")


def _of_vcard(data: bytes, begin: int, end: int) -> tuple[bytes, int]:
    """Return the value of the line of a vCard at `begin`, and the end of its continuations."""
    after = _end_of(_FOLDED, data, begin, end)
    line = data[begin:after]
    if b"\n" in line or b"\r" in line:
        line = _FOLD.sub(b"", line)
    head = _PARAMETERS.match(line)
    parameters = head[1].upper() if head else b""
    if b"QUOTED-PRINTABLE" in parameters:
        after = _end_of(_SOFTLY_FOLDED, data, begin, end)
        line = _SOFT_OR_FOLD.sub(b"", data[begin:after])
    value = line[head.end() :] if head else line.partition(b":")[2]
    if not parameters:
        pass
    elif b"QUOTED-PRINTABLE" in parameters:
        value = _recoded(binascii.a2b_qp(value.strip()), parameters)
    elif _IN_BASE64.search(parameters):
        value = _recoded(_from_base64(value), parameters)
    if b"\\" in value:
        value = _ESCAPED.sub(_unescaped, value)
    value = value.strip()
    address = _TELEPHONE_URI.match(value)
    return (address[1].strip() if address else value), after


def _unescaped(match: re.Match[bytes]) -> bytes:
    return b"\n" if match[1] in b"nN" else match[1]


def _recoded(value: bytes, parameters: bytes) -> bytes:
    """Return the value in UTF-8, decoded from the charset that the parameters name."""
    named = _CHARSET.search(parameters)
    if named is None or value.isascii() or named[1] in {b"UTF-8", b"UTF8"}:
        return value
    if len(value) > _MAX_RECODED_BYTES:
        return UNDECODABLE
    try:
        return value.decode(named[1].decode("ascii")).encode()
    except (LookupError, UnicodeError):
        return UNDECODABLE


def _from_base64(value: bytes) -> bytes:
    try:
        return base64.b64decode(b"".join(value.split()), validate=True).strip()
    except binascii.Error:
        return UNDECODABLE
