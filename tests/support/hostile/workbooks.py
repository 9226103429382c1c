"""Hostile workbooks."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator

from tests.support.hostile.case import Hostile

XLSX = 'name = "xlsx"'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"


def book(sheet: Callable[[], Iterator[str]], strings: Callable[[], Iterator[str]] = lambda: iter(())) -> bytes:
    """A workbook of raw XML, of which the content of the sheet and the shared strings are given piece by piece."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("[Content_Types].xml", f'<Types xmlns="{_PACKAGE}/content-types"/>')
        archive.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="r1" '
            f'Type="{_RELS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        )
        archive.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{_MAIN}" xmlns:r="{_RELS}"><sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets>'
            "</workbook>",
        )
        archive.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{_PACKAGE}/relationships">'
            f'<Relationship Id="r1" Type="{_RELS}/worksheet" Target="worksheets/sheet1.xml"/>'
            f'<Relationship Id="r2" Type="{_RELS}/sharedStrings" Target="sharedStrings.xml"/></Relationships>',
        )
        parts = {
            "xl/sharedStrings.xml": _whole("sst", strings()),
            "xl/worksheets/sheet1.xml": _whole("worksheet", sheet()),
        }
        for name, content in parts.items():
            with archive.open(name, "w") as part:
                for piece in content:
                    part.write(piece.encode())
    return buffer.getvalue()


def _whole(root: str, content: Iterator[str]) -> Iterator[str]:
    yield f'<?xml version="1.0"?><{root} xmlns="{_MAIN}">'
    yield from content
    yield f"</{root}>"


def _rows(*pieces: str, times: int = 1) -> Callable[[], Iterator[str]]:
    def content() -> Iterator[str]:
        yield '<sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>email</t></is></c></row>'
        for _ in range(times):
            yield from pieces
        yield "</sheetData>"

    return content


def _attribute(size: int) -> Callable[[], Iterator[str]]:
    def content() -> Iterator[str]:
        yield '<sheetData><row r="1" spans="'
        for _ in range(size >> 20):
            yield "x" * (1 << 20)
        yield '"><c r="A1" t="inlineStr"><is><t>email</t></is></c></row></sheetData>'

    return content


def _around(before: str, piece: str, times: int, after: str) -> Callable[[], Iterator[str]]:
    def content() -> Iterator[str]:
        yield before
        for _ in range(times):
            yield piece
        yield after

    return content


def _billion_laughs() -> bytes:
    lol = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    doctype = f'<!DOCTYPE x [<!ENTITY l0 "lol">{lol}]>'
    whole = book(_rows('<row><c t="inlineStr"><is><t>&l11;</t></is></c></row>'))
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            data = old.read(info)
            if info.filename.endswith("sheet1.xml"):
                data = data.replace(b'<?xml version="1.0"?>', b'<?xml version="1.0"?>' + doctype.encode())
            new.writestr(info.filename, data)
    return out.getvalue()


MIB = 1 << 20
CASES = {
    "xlsx, attribute": Hostile(lambda: book(_attribute(300 * MIB)), XLSX, says="a tag in it"),
    "xlsx, comment": Hostile(lambda: book(_around("<!--", "x" * MIB, 50, "-->")), XLSX, says="a tag in it"),
    "xlsx, name of an element": Hostile(lambda: book(_around("<", "x" * MIB, 50, "/>")), XLSX, says="a tag in it"),
    "xlsx, attributes": Hostile(
        lambda: book(_around("<x ", "", 0, "".join(f'a{n}="" ' for n in range(500_000)) + "/>")),
        XLSX,
        says="a tag in it",
    ),
    "xlsx, depth": Hostile(lambda: book(_around("", "<x>" * 100_000, 10, "")), XLSX, says="depth of its elements"),
    "xlsx, far cell": Hostile(
        lambda: book(_rows('<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>')), XLSX, says="cells"
    ),
    "xlsx, empty shared strings": Hostile(
        lambda: book(_rows(), _around("", "<si/>" * 10_000, 500, "")), XLSX, says="shared strings"
    ),
    "xlsx, one shared string": Hostile(
        lambda: book(
            _rows('<row><c t="s"><v>0</v></c></row>', times=3_000),
            lambda: iter(["<si><t>" + "x" * 30_000 + "</t></si>"]),
        ),
        XLSX,
        says="text of a sheet",
    ),
    "xlsx, billion laughs": Hostile(_billion_laughs, XLSX, says="no .xlsx workbook"),
    "xlsx, far row": Hostile(lambda: book(_rows('<row r="1048576"><c r="A1048576"><v>1</v></c></row>')), XLSX, code=3),
}
