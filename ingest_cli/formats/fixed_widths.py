"""Unit of the widths in a file of fixed widths: characters, or bytes of the encoding of the file.

COBOL, DB2 and Oracle count bytes, most other programs characters. A single accented letter shifts the rest of its line,
so that another person's number would be read. Unless the manifest gives the unit, a line is accepted only if both units
give the same cells, or if the beginning of the file is unambiguous: all lines have one length in characters, and
several in bytes. If all have one length in bytes and several in characters, the manifest must give the unit.
"""

from __future__ import annotations

import codecs
from collections.abc import Mapping, Sequence

from ingest_cli.errors import ManifestError

CHARACTERS, BYTES, EITHER = "characters", "bytes", "either"

PADDING = " \t\v\f\0"
"""Padding of a cell: blanks, and the zero bytes of a C structure."""

SAMPLE_BYTES = 1 << 20
"""Number of bytes at the beginning of a file to inspect."""

_CUT = b"\xff"
"""Replacement for a character cut by the edge of a cell: invalid UTF-8, so that the cell is rejected later."""

_PADDING = PADDING.encode()
_ENOUGH_LINES = 8
_UTF_8 = frozenset({"utf-8", "utf-8-sig", "ascii"})
_ASCII = bytes(range(0x20, 0x7F))


class Ruler:
    """Splitter of lines into cells."""

    def __init__(self, places: Mapping[str, tuple[int, int]], width: int, encoding: str) -> None:
        """Prepare splitting; `places` maps columns to their begin and end, `width` is that of all columns."""
        self._places = tuple(places.values())
        self._width = width
        self._encoding = encoding
        self._sizes: dict[str, int] = {}
        self._is_utf8 = codecs.lookup(encoding).name in _UTF_8
        self.is_single_byte = not self._is_utf8 and _is_single_byte(encoding)
        self.has_bytes = self._is_utf8 or self.is_single_byte or _keeps_ascii(encoding)

    def check_bytes(self) -> None:
        """Check that the encoding permits counting bytes.

        Raises:
            ManifestError: it does not.
        """
        if not self.has_bytes:
            raise ManifestError(
                f'`widths_in = "bytes"` in [format] cannot be: of {self._encoding}, bytes cannot be counted; give '
                "`widths` in characters"
            )

    @property
    def counts_utf8(self) -> bool:
        """Whether the bytes of a line are those of the file."""
        return self._is_utf8

    def cells(self, line: bytes, unit: str) -> tuple[bytes, ...] | str:
        """Return the cells of a line without its line end, or the reason for rejecting it.

        `unit` is `characters`, `bytes`, or `either`, if both must give the same cells.
        """
        if unit == CHARACTERS or self.is_single_byte:
            return self._by_characters(line)
        if unit == BYTES:
            return self._by_bytes(line)
        found = self._by_characters(line)
        return found if not self.has_bytes or found == self._by_bytes(line) else "width_ambiguous"

    def length(self, line: bytes, unit: str) -> int:
        """Return the length of a line."""
        if unit == BYTES and not self.is_single_byte:
            return len(line) if self._is_utf8 else sum(map(self._size, self._text(line)))
        return len(self._text(line))

    def unit(self, lines: Sequence[bytes], widths_in: str | None) -> str:
        """Return the unit of the widths, by the manifest and the first `lines` of a file.

        Raises:
            ManifestError: the lines contradict the manifest, or it must give the unit.
        """
        if widths_in == CHARACTERS or self.is_single_byte or not self.has_bytes:
            return CHARACTERS
        if all(line.isascii() for line in lines):
            return widths_in or EITHER
        characters = {self.length(line, CHARACTERS) for line in lines}
        sizes = {self.length(line, BYTES) for line in lines}
        if self._is_even(characters, sizes, len(lines)):
            if widths_in == BYTES and len(sizes) == 1:  # a single line, or equal ones: no contradiction
                return BYTES
            if widths_in == BYTES:
                raise _wrong("characters", "bytes", lines, characters, sizes)
            return CHARACTERS
        if self._is_even(sizes, characters, len(lines)) and widths_in is None:
            raise _wrong("bytes", "characters", lines, sizes, characters)
        return widths_in or EITHER

    def _is_even(self, lengths: set[int], others: set[int], lines: int) -> bool:
        """Return whether all `lines` have one length that is no accident and not that of the `others`."""
        if len(lengths) > 1 or lengths == others:
            return False
        return lengths == {self._width} or (len(others) > 1 and lines >= _ENOUGH_LINES)

    def _text(self, line: bytes) -> str:
        if not self._is_utf8:
            try:
                return line.decode("utf-8", "surrogatepass")  # undecodable bytes as marked by `decoders.charset`
            except UnicodeDecodeError:
                pass
        return line.decode("utf-8", "surrogateescape")

    def _by_characters(self, line: bytes) -> tuple[bytes, ...] | str:
        text = self._text(line)
        if text[self._width :].strip(PADDING):
            return "too_many_cells"
        return tuple(_encoded(text[begin:end].strip(PADDING)) for begin, end in self._places)

    def _by_bytes(self, line: bytes) -> tuple[bytes, ...] | str:
        if self._is_utf8:
            if line[self._width :].strip(_PADDING):
                return "too_many_cells"
            return tuple(line[begin:end].strip(_PADDING) for begin, end in self._places)
        text = self._text(line)
        ends, at = list[int](), 0
        for character in text:
            at += self._size(character)
            ends.append(at)
        if self._between(text, ends, self._width, max(at, self._width)).strip(_PADDING):
            return "too_many_cells"
        return tuple(self._between(text, ends, begin, end).strip(_PADDING) for begin, end in self._places)

    def _between(self, text: str, ends: Sequence[int], begin: int, end: int) -> bytes:
        """Return the part of `text` between two places, given the end of each character; edges may be cut."""
        out = list[bytes]()
        before = 0
        for character, after in zip(text, ends, strict=True):
            if before >= end:
                break
            if after > begin:
                out.append(_encoded(character) if begin <= before and after <= end else _CUT)
            before = after
        return b"".join(out)

    def _size(self, character: str) -> int:
        """Return the number of bytes of a character in the file's encoding; an undecodable byte counts as one."""
        size = self._sizes.get(character)
        if size is None:
            try:
                size = len(character.encode(self._encoding))
            except UnicodeEncodeError:
                size = 1
            self._sizes[character] = size
        return size


def _wrong(unit: str, other: str, lines: Sequence[bytes], lengths: set[int], others: set[int]) -> ManifestError:
    length, shortest, longest = *lengths, min(others), max(others)
    several = f"{shortest}" if shortest == longest else f"{shortest} to {longest}"
    return ManifestError(
        f"`widths` in [format] are counted in {unit} in this file: each of the {len(lines):,} lines at its beginning "
        f'has {length} {unit}, and {several} {other}; set `widths_in = "{unit}"`, and check `widths`'
    )


def _encoded(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _is_single_byte(encoding: str) -> bool:
    """Return whether every byte is one character in `encoding`, which is not UTF-8."""
    every = bytes(range(0x100))
    return not _is_wide_or_stateful(encoding) and len(every.decode(encoding, "replace")) == len(every)


def _is_wide_or_stateful(encoding: str) -> bool:
    """Return whether ASCII takes more than single bytes, or bytes depend on those before them."""
    name = codecs.lookup(encoding).name.replace("_", "").replace("-", "")
    return name.startswith(("utf7", "utf16", "utf32", "iso2022", "hz"))


def _keeps_ascii(encoding: str) -> bool:
    """Return whether ASCII is unchanged in `encoding`."""
    return not _is_wide_or_stateful(encoding) and _ASCII.decode("ascii").encode(encoding, "replace") == _ASCII
