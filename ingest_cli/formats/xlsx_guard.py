"""Measure the memory that a workbook needs, as a stream, before it is opened.

The library holds a sheet as a rectangle of cells, each with a separate text. A few bytes may require much memory: two
cells in opposite corners, or one long shared string in every cell. All parts of the file are therefore decompressed and
parsed once, piece by piece, and their sizes are added up. Element names are those of SpreadsheetML (ECMA-376, part 1,
18.3 and 18.4).
"""

from __future__ import annotations

import re
import zipfile
import zlib
from array import array
from collections.abc import Iterable
from typing import BinaryIO
from xml.parsers import expat

from ingest_cli.errors import SourceError

MAX_FILE_BYTES = 64 << 20
MAX_XML_BYTES = 384 << 20
"""Limit on all parts together, decompressed."""

MAX_CELLS = 2_000_000
"""Limit on the rectangle around all cells of a sheet."""

MAX_TEXT_BYTES = 64 << 20
"""Limit on the text of a sheet, each use of a shared string counted; also on the shared strings."""

MAX_PARTS = 10_000
MAX_TAG_BYTES = 1 << 20
"""Limit on a tag with its attributes, or a comment: the parser holds it as a whole, and parses it again for each piece.
Excel writes attributes of at most 32,767 characters ("Excel specifications and limits")."""

MAX_DEPTH = 256
"""Limit on nested elements: SpreadsheetML has about ten levels, drawings some dozens."""

MAX_STRINGS = 4_000_000
"""Limit on shared strings, of which there are at most as many as cells, except unused ones."""

_PIECE_BYTES = 1 << 18
_PLACE = re.compile(r"([A-Za-z]{0,4})([0-9]{0,9})")
_ENCRYPTED = 0x1  # APPNOTE.TXT 4.4.4, bit 0


class _WrongPartError(Exception):
    """Invalid part of a workbook."""


def check_workbook(file: BinaryIO) -> None:
    """Check the type and size of a workbook.

    Raises:
        SourceError: it is not an .xlsx workbook, or exceeds a limit.
    """
    size = file.seek(0, 2)
    file.seek(0)
    head = file.read(8)
    if head.startswith(b"\xd0\xcf\x11\xe0"):  # compound file, [MS-CFB]
        raise SourceError(
            "this is a workbook of the old .xls kind or one with a password; save it as .xlsx without one"
        )
    if not head.startswith(b"PK"):
        raise not_a_workbook()
    if size > MAX_FILE_BYTES:
        raise _too_large(f"{size >> 20:,} MiB", f"{MAX_FILE_BYTES >> 20} MiB")
    try:
        with zipfile.ZipFile(file) as archive:
            parts = archive.infolist()
            if len(parts) > MAX_PARTS:
                raise _too_large(f"a file of {len(parts):,} parts", f"{MAX_PARTS:,}")
            _check_parts(archive, [part for part in parts if part.filename.lower().endswith((".xml", ".rels"))])
    except (zipfile.BadZipFile, zlib.error, expat.ExpatError, _WrongPartError, *_OTHERS) as error:
        raise not_a_workbook() from error


# Other exceptions of `zipfile` for a damaged archive, an unknown or encrypted compression, and invalid numbers.
_OTHERS = (NotImplementedError, RuntimeError, EOFError, OSError, ValueError, OverflowError, IndexError)


def not_a_workbook() -> SourceError:
    """Return the error for a file that is not a workbook."""
    return SourceError(
        "this is no .xlsx workbook, or a damaged one; check `name` in [format], and unpack it if it is packed"
    )


def _too_large(what: str, limit: str) -> SourceError:
    return SourceError(f"the workbook is too large: {what} is more than {limit}; save its sheets as CSV")


def _check_parts(archive: zipfile.ZipFile, parts: Iterable[zipfile.ZipInfo]) -> None:
    strings, unpacked = array("q"), 0
    # The shared strings first, because the sheets refer to them.
    for part in sorted(parts, key=lambda each: "sharedstrings" not in each.filename.lower()):
        if part.flag_bits & _ENCRYPTED:
            raise SourceError("the workbook is encrypted; save it without a password")
        scan = _Scan(strings)
        with archive.open(part) as stream:
            while piece := stream.read(_PIECE_BYTES):
                unpacked += len(piece)
                if unpacked > MAX_XML_BYTES:
                    raise _too_large("what is in it", f"{MAX_XML_BYTES >> 20} MiB")
                scan.feed(piece)
                scan.check()
        scan.feed(b"", final=True)


class _Scan:
    """Sizes of a part."""

    def __init__(self, strings: array[int]) -> None:
        self._strings = strings
        self._rows = self._columns = self._row = self._column = self._cells = self._text = 0
        self._fed = self._depth = 0
        self._shared = False
        self._value: list[str] | None = None
        self._string: int | None = None
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.StartDoctypeDeclHandler = self._doctype
        self._parser = parser

    def feed(self, piece: bytes, *, final: bool = False) -> None:
        """Parse a piece."""
        self._fed += len(piece)
        self._parser.Parse(piece, final)
        if self._fed - max(0, self._parser.CurrentByteIndex) > MAX_TAG_BYTES + len(piece):
            raise _too_large("a tag in it", f"{MAX_TAG_BYTES >> 20} MiB")

    def check(self) -> None:
        """Check the sizes.

        Raises:
            SourceError: a size exceeds its limit.
        """
        cells = max(self._cells, self._rows * self._columns)
        if cells > MAX_CELLS:
            raise _too_large(f"a sheet of {self._rows:,} rows and {self._columns:,} columns", f"{MAX_CELLS:,} cells")
        if len(self._strings) > MAX_STRINGS:
            raise _too_large("a workbook of so many shared strings", f"{MAX_STRINGS:,}")
        if self._text > MAX_TEXT_BYTES:
            raise _too_large("the text of a sheet", f"{MAX_TEXT_BYTES >> 20} MiB")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _too_large("the depth of its elements", f"{MAX_DEPTH}")
        local = name.rpartition(":")[2]
        if local == "c":
            self._cells += 1
            self._shared = attributes.get("t") == "s"
            self._column += 1
            self._see(attributes.get("r", ""))
        elif local == "row":
            self._row += 1
            self._column = 0
            self._see(attributes.get("r", ""))
        elif local == "v" and self._shared:
            self._value = []
        elif local == "si":
            self._string = 0

    def _end(self, name: str) -> None:
        self._depth -= 1
        if self._value is None and self._string is None:
            return
        local = name.rpartition(":")[2]
        if local == "v" and self._value is not None:
            number = "".join(self._value).strip()
            self._value = None
            if number.isdecimal() and int(number[:9]) < len(self._strings):
                self._text += self._strings[int(number[:9])]
        elif local == "si" and self._string is not None:
            self._strings.append(self._string)
            self._string = None

    def _characters(self, text: str) -> None:
        if self._value is not None:
            self._value.append(text)
            return
        size = 4 * len(text) if not text.isascii() else len(text)
        self._text += size
        if self._string is not None:
            self._string += size

    def _see(self, place: str) -> None:
        """Add a row or a cell; without a reference it follows the one before."""
        found = _PLACE.fullmatch(place)
        if found is None:
            raise _WrongPartError
        if found[2]:
            self._row = int(found[2])
        if found[1]:
            self._column = 0
            for letter in found[1].upper():
                self._column = self._column * 26 + ord(letter) - ord("A") + 1
        self._rows, self._columns = max(self._rows, self._row), max(self._columns, self._column)

    @staticmethod
    def _doctype(*_: object) -> None:
        """Refuse a document type: no workbook has one, and its entities may expand to any amount of text."""
        raise _WrongPartError
