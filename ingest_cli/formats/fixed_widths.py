"""What the widths of a file of fixed widths are counted in: characters, or bytes of the encoding it was written in.

COBOL, DB2 and Oracle count bytes, and most other programs characters. One letter with an accent makes the difference,
and from it on the line is shifted: another person's number is read. So where the manifest does not say which, a line
counts only if both readings give the same cells, or if the beginning of the file leaves no doubt: all of its lines have
one length in characters, and several in bytes. Where it is the other way round, the manifest has to say so.
"""

from __future__ import annotations

import codecs
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ingest_cli.errors import ManifestError

CHARACTERS, BYTES, EITHER = "characters", "bytes", "either"

PADDING = " \t\v\f\0"
"""What pads a cell: blanks, and the zero bytes that a C structure is filled up with."""

SAMPLE_BYTES = 1 << 20
"""How much of the beginning of a file is looked at."""

_CUT = b"\xff"
"""In place of a character that lies on the edge of a cell: no UTF-8, so that the cell is rejected further on."""

_PADDING = PADDING.encode()
_ENOUGH_LINES = 8
_UTF_8 = frozenset({"utf-8", "utf-8-sig", "ascii"})
_ASCII = bytes(range(0x20, 0x7F))


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file of fixed widths is laid out, apart from its columns.

    Attributes:
        header: whether the first line that is not blank is a header; it is read past.
        skip_lines: lines in front of it, or of the first row.
        widths_in: `characters` or `bytes`; None: not said.
        encoding: in which the file was written, as Python's `codecs` spells it.
    """

    header: bool = False
    skip_lines: int = 0
    widths_in: str | None = None
    encoding: str = "utf-8"


class Ruler:
    """Cuts lines into cells."""

    def __init__(self, places: Mapping[str, tuple[int, int]], width: int, encoding: str) -> None:
        """Set up the ruler.

        Args:
            places: column → where it begins and ends.
            width: of all columns together.
            encoding: in which the file was written.
        """
        self._places = tuple(places.values())
        self._width = width
        self._encoding = encoding
        self._sizes: dict[str, int] = {}
        self._is_utf8 = codecs.lookup(encoding).name in _UTF_8
        self.is_single_byte = not self._is_utf8 and _is_single_byte(encoding)
        self.has_bytes = self._is_utf8 or self.is_single_byte or _keeps_ascii(encoding)

    def check_bytes(self) -> None:
        """Refuse to count bytes where that cannot be done.

        Raises:
            ManifestError: they cannot be counted in this encoding.
        """
        if not self.has_bytes:
            raise ManifestError(
                f'`widths_in = "bytes"` in [format] cannot be: of {self._encoding}, bytes cannot be counted; give '
                "`widths` in characters"
            )

    @property
    def counts_utf8(self) -> bool:
        """Whether the bytes of a line are those that were written."""
        return self._is_utf8

    def cells(self, line: bytes, unit: str) -> tuple[bytes, ...] | str:
        """The cells of a line, or why it is rejected.

        Args:
            line: without its line end.
            unit: `characters`, `bytes`, or `either`, if both have to come to the same.
        """
        if unit == CHARACTERS or self.is_single_byte:
            return self._by_characters(line)
        if unit == BYTES:
            return self._by_bytes(line)
        found = self._by_characters(line)
        return found if not self.has_bytes or found == self._by_bytes(line) else "width_ambiguous"

    def length(self, line: bytes, unit: str) -> int:
        """Length of a line."""
        if unit == BYTES and not self.is_single_byte:
            return len(line) if self._is_utf8 else sum(map(self._size, self._text(line)))
        return len(self._text(line))

    def unit(self, lines: Sequence[bytes], widths_in: str | None) -> str:
        """What the widths are counted in, as far as the manifest and the first `lines` of a file say.

        Raises:
            ManifestError: the lines say that the manifest is wrong, or has to tell.
        """
        if widths_in == CHARACTERS or self.is_single_byte or not self.has_bytes:
            return CHARACTERS
        if all(line.isascii() for line in lines):
            return widths_in or EITHER
        characters = {self.length(line, CHARACTERS) for line in lines}
        sizes = {self.length(line, BYTES) for line in lines}
        if self._is_even(characters, sizes, len(lines)):
            if widths_in == BYTES and len(sizes) == 1:  # a single line, or many alike: no reason to know better
                return BYTES
            if widths_in == BYTES:
                raise _wrong("characters", "bytes", lines, characters, sizes)
            return CHARACTERS
        if self._is_even(sizes, characters, len(lines)) and widths_in is None:
            raise _wrong("bytes", "characters", lines, sizes, characters)
        return widths_in or EITHER

    def _is_even(self, lengths: set[int], others: set[int], lines: int) -> bool:
        """Whether all `lines` have one length, and that is neither chance nor true of the `others`, too."""
        if len(lengths) > 1 or lengths == others:
            return False
        return lengths == {self._width} or (len(others) > 1 and lines >= _ENOUGH_LINES)

    def _text(self, line: bytes) -> str:
        if not self._is_utf8:
            try:
                return line.decode("utf-8", "surrogatepass")  # as `decoders.charset` marks bytes without meaning
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
        """What of `text` lies between two places, given where each of its characters ends; edges may be cut."""
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
        """Bytes of a character in the encoding of the file; a byte without meaning is one."""
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
    """Whether every byte is a character by itself in `encoding`, if it is one at all."""
    if _is_wide_or_stateful(encoding):
        return False
    for first in range(0x100):
        for second in (first, 0x40, 0x41, 0xA1):
            try:
                if len(bytes([first, second]).decode(encoding, "replace")) != 2:  # noqa: PLR2004 - one each
                    return False
            except UnicodeError:
                return False
    return True


def _is_wide_or_stateful(encoding: str) -> bool:
    """Whether ASCII is not written in single bytes, or what is written of a character hangs on those before it."""
    name = codecs.lookup(encoding).name.replace("_", "").replace("-", "")
    return name.startswith(("utf7", "utf16", "utf32", "iso2022", "hz"))


def _keeps_ascii(encoding: str) -> bool:
    """Whether ASCII is written as it is in `encoding`."""
    return not _is_wide_or_stateful(encoding) and _ASCII.decode("ascii").encode(encoding, "replace") == _ASCII
