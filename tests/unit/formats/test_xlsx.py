"""Workbooks: cells as Excel shows them, which sheet is read, and what is refused before it takes any memory."""

from __future__ import annotations

import datetime as dt
import io
import sys
import zipfile
from collections.abc import Sequence

import numpy as np
import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest_cli.errors import IngestError, ManifestError, SourceError, UsageError
from ingest_cli.formats import xlsx_guard
from ingest_cli.formats.xlsx import Sheets, Workbook, as_text
from ingest_cli.identifiers.spreadsheet import restore
from ingest_cli.model.chunks import Position, RowChunk, Span

Rows = Sequence[Sequence[object]]


def book(*sheets: Rows) -> bytes:
    """A workbook with the sheets One, Two and so on."""
    made = openpyxl.Workbook()
    made.remove(made.worksheets[0])
    for name, rows in zip(("One", "Two", "Three"), sheets, strict=False):
        sheet = made.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def read(made: Workbook, data: bytes, *spans: Span) -> list[RowChunk]:
    return list(made.read_file(io.BytesIO(data), spans) if spans else made.read_file(io.BytesIO(data)))


def column(chunks: list[RowChunk], name: str) -> list[bytes]:
    return [cell for chunk in chunks for cell in chunk.cells[name].to_pylist()]


def test_cells_are_as_excel_shows_them() -> None:
    values = {
        "60123456789": 60123456789,
        "1.5": 1.5,
        "0.1": 0.1,
        "text": "text",
        "060123": "060123",
        "true": True,
        "2017-10-19": dt.date(2017, 10, 19),
        "2017-10-19T01:02:03": dt.datetime(2017, 10, 19, 1, 2, 3),  # noqa: DTZ001 - a workbook knows no zones
        "01:02:03": dt.time(1, 2, 3),
        "6.01234567890123E+19": 60123456789012345678,
        "ü": "ü",
    }
    names = [f"C{number}" for number in range(len(values))]
    chunks = read(Workbook(names), book([names, list(values.values())]))
    assert [column(chunks, name)[0].decode() for name in names] == list(values)


def test_errors_and_empty_cells_are_nothing() -> None:
    data = book([["A", "B"], ["#N/A", 1], ["#DIV/0!", "x"]])
    assert column(read(Workbook(["A", "B"]), data), "A") == [b"", b""]


TITLED: Rows = [[None], ["Members"], [None, "as of today"], ["A", "B"], ["1", "2"], ["A", "B"], ["3", "4"]]


@pytest.mark.parametrize("header", [True, False])
def test_rows_are_skipped_on_every_sheet(header: bool) -> None:  # noqa: FBT001 - as given
    columns = None if header else ["A", "B"]
    made = Workbook(["B"], Sheets(["One", "Two"], 3 if header else 4, columns, header=header))
    chunks = read(made, book(TITLED, TITLED))
    one = [b"2", b"4"] if header else [b"2", b"B", b"4"]
    assert column(chunks, "B") == one * 2
    whole = read(made, book(TITLED, TITLED))
    again = read(made, book(TITLED, TITLED), Span(Position(2, 2, 2)))
    assert column(again, "B") == column(whole, "B")[1 if header else 2 :]


def test_a_sheet_with_nothing_behind_the_rows_to_be_skipped_has_no_rows() -> None:
    made = Workbook(["B"], Sheets(skip_rows=3))
    assert column(read(made, book(TITLED, [["note"], ["of"], ["three"], ["lines"]])), "B") == [b"2", b"4"]
    assert read(Workbook(["B"], Sheets(skip_rows=99)), book(TITLED)) == []


def test_numbers_of_which_excel_lost_digits_say_so() -> None:
    assert restore(as_text(8960012345678901234.0)) is None
    assert restore(as_text(1234567890123456.0)) is None
    assert restore(as_text(502121234567890.0)) == "502121234567890"


def test_the_header_is_the_first_row_with_anything_in_it() -> None:
    data = book([[], [None, None], [" A ", "B"], ["1", "2"], [], ["A", "B"], ["3", "4"]])
    (chunk,) = read(Workbook(["A"]), data)
    assert chunk.cells["A"].to_pylist() == [b"1", b"A", b"3"]
    assert chunk.skipped["blank"].tolist() == [1]
    assert chunk.start == Position()
    assert chunk.end == Position(4, 4, 4)


def test_a_repeated_header_is_skipped() -> None:
    (chunk,) = read(Workbook(["A"]), book([["A"], ["1"], ["A"], ["2"]]))
    assert chunk.cells["A"].to_pylist() == [b"1", b"2"]
    assert chunk.skipped["repeated_header"].tolist() == [1]
    assert chunk.index.tolist() == [0, 2]
    assert [chunk.raw(i) for i in range(3)] == ['{"A": "1"}', "", '{"A": "2"}']
    assert chunk.rows(np.array([2], np.int32)).tolist() == [3]


def test_columns_are_named_by_the_manifest_where_there_is_no_header() -> None:
    data = book([["1", "2"], ["3"]])
    chunks = read(Workbook(["X", "Y"], Sheets(columns=["X", "Y"], header=False)), data)
    assert (column(chunks, "X"), column(chunks, "Y")) == ([b"1", b"3"], [b"2", b""])
    assert column(read(Workbook(["Y"], Sheets(columns=["X", "Y"])), data), "Y") == [b""]


def test_the_only_sheet_with_rows_is_read() -> None:
    assert column(read(Workbook(["A"]), book([], [["A"]], [["A"], ["1"]])), "A") == [b"1"]


def test_of_several_sheets_one_has_to_be_chosen() -> None:
    data = book([["A"], ["1"]], [["A"], ["2"]], [["B"], ["3"]])
    with pytest.raises(ManifestError, match=r'3 sheets have rows \("One", "Two", "Three"\); select those .* `table`'):
        read(Workbook(["A"]), data)
    assert column(read(Workbook(["A"], Sheets(["Two"])), data), "A") == [b"2"]
    chunks = read(Workbook(["A"], Sheets(["Two", "One"])), data)
    assert column(chunks, "A") == [b"2", b"1"]
    assert chunks[-1].end.row == 2
    with pytest.raises(ManifestError, match=r'no sheet "Twoo" .* did you mean "Two"'):
        read(Workbook(["A"], Sheets(["Twoo"])), data)


def test_a_missing_column_is_named_with_the_nearest() -> None:
    data = book([["MOBILE", "ID", "ID"], ["1", "2", "3"]])
    with pytest.raises(ManifestError, match='no column "MOBIL" in the header of 3 columns; did you mean "MOBILE"'):
        read(Workbook(["MOBIL"]), data)
    with pytest.raises(ManifestError, match=r"in the header of 1 columns$"):  # a person, and no header
        read(Workbook(["NAME"]), book([["NAIM"]]))
    with pytest.raises(ManifestError, match='2 columns named "ID"'):
        read(Workbook(["ID"]), data)


@pytest.mark.slow
@given(st.lists(st.none() | st.text("ab", min_size=1, max_size=6), max_size=30), st.integers(1, 30), st.data())
@settings(deadline=None, max_examples=40)
def test_chunks_tile_the_rows_and_reading_goes_on_at_any(
    values: list[str | None], chunk_bytes: int, draw: st.DataObject
) -> None:
    data = book([["A", "n"], *([value, 1] for value in values)])
    made = Workbook(["A"], chunk_bytes=lambda: chunk_bytes)
    chunks = read(made, data)
    expected = [(value or "").encode() for value in values]
    assert column(chunks, "A") == expected
    ends = [Position(), *(chunk.end for chunk in chunks)]
    assert [chunk.start for chunk in chunks] == ends[:-1]
    assert ends[-1] == Position(len(values), len(values), len(values))
    first, last = sorted((draw.draw(st.sampled_from(ends)), draw.draw(st.sampled_from(ends))), key=lambda at: at.row)
    rest = read(Workbook(["A"], chunk_bytes=lambda: 7), data, Span(first, last), Span(last))
    assert column(rest, "A") == expected[first.row :]


PARTS = {
    "[Content_Types].xml": (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Override '
        'PartName="/xl/workbook.xml" '
        'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>'
    ),
    "_rels/.rels": (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" '
        'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>'
    ),
    "xl/workbook.xml": (
        '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
        'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">'
        '<sheets><sheet name="One" sheetId="1" r:id="r1"/></sheets></workbook>'
    ),
    "xl/_rels/workbook.xml.rels": (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" '
        'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" '
        'Target="worksheets/sheet1.xml"/><Relationship Id="r2" '
        'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings" '
        'Target="sharedStrings.xml"/></Relationships>'
    ),
}
HEADER = '<row><c t="inlineStr"><is><t>A</t></is></c></row>'


def raw_book(rows: str, strings: str = "", *, doctype: str = "") -> bytes:
    """A workbook of exactly this XML."""
    space = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    sheet = f"{doctype}<worksheet {space}><sheetData>{rows}</sheetData></worksheet>"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in PARTS.items():
            archive.writestr(name, content)
        archive.writestr("xl/worksheets/sheet1.xml", sheet)
        archive.writestr("xl/sharedStrings.xml", f"<sst {space}>{strings}</sst>")
    return out.getvalue()


def test_a_sound_book_of_raw_xml_is_read() -> None:
    data = raw_book(HEADER + '<row><c t="s"><v>0</v></c></row>', "<si><t>shared</t></si>")
    assert column(read(Workbook(["A"]), data), "A") == [b"shared"]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ('<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>', "1,048,576 rows and 16,384 columns"),
        ('<row r="1048576"/><row><c r="AZZ1"/></row>', "rows and 1,378 columns"),
        ("<row>" + "<c><v>1</v></c>" * 200 + "</row>", "1 rows and 200 columns|2 rows and 200 columns"),
        ('<row><c t="s"><v>0</v></c><c t="s"><v>0</v></c><c t="s"><v>0</v></c></row>', "text of a sheet"),
    ],
)
def test_what_would_take_too_much_memory_is_refused(rows: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx_guard, "MAX_CELLS", 150)
    monkeypatch.setattr(xlsx_guard, "MAX_TEXT_BYTES", 2500)
    with pytest.raises(SourceError, match=said):
        read(Workbook(["A"]), raw_book(HEADER + rows, f"<si><t>{'x' * 1000}</t></si>"))


def test_too_much_xml_and_too_many_parts_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = raw_book(HEADER + "<row/>" * 100_000)
    assert len(data) < 10_000
    monkeypatch.setattr(xlsx_guard, "MAX_XML_BYTES", 500_000)
    with pytest.raises(SourceError, match="too large"):
        read(Workbook(["A"]), data)
    monkeypatch.setattr(xlsx_guard, "MAX_PARTS", 3)
    with pytest.raises(SourceError, match="a file of 6 parts"):
        read(Workbook(["A"]), data)
    monkeypatch.setattr(xlsx_guard, "MAX_FILE_BYTES", 100)
    with pytest.raises(SourceError, match="too large"):
        read(Workbook(["A"]), data)


def test_entities_are_refused() -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>'
    with pytest.raises(SourceError, match="or a damaged one"):
        read(Workbook(["A"]), raw_book(HEADER + '<row><c t="inlineStr"><is><t>&b;</t></is></c></row>', doctype=bomb))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK",
        b"PK\x03\x04" + bytes(200),
        b"a,b\n1,2\n",
        b"\x80\x04pickle",
        raw_book("")[:-30],
        raw_book("<row><c>"),
    ],
)
def test_what_is_no_workbook_gets_one_sentence(data: bytes) -> None:
    with pytest.raises(SourceError, match="or a damaged one"):
        read(Workbook(["A"]), data)


def test_old_and_encrypted_workbooks_are_named() -> None:
    with pytest.raises(SourceError, match="of the old"):
        read(Workbook(["A"]), b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))


def test_the_library_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    with pytest.raises(UsageError, match=r"install ingest-cli\[xlsx\]"):
        read(Workbook(["A"]), raw_book(HEADER))


def test_no_damage_ever_raises_anything_else() -> None:
    random, said = np.random.default_rng(4), set[str]()
    sound = raw_book(HEADER + '<row><c t="s"><v>0</v></c></row>' * 50, "<si><t>shared</t></si>")
    stored = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(sound)) as archive, zipfile.ZipFile(stored, "w") as copy:
        for name in archive.namelist():
            copy.writestr(name, archive.read(name))
    for base in (sound, stored.getvalue()):
        for _ in range(150):
            data = bytearray(base)
            for at in random.integers(0, len(data), 1 + int(random.integers(0, 4))):
                data[at] = random.integers(0, 256)
            try:
                chunks = read(Workbook(["A"]), bytes(data))
            except IngestError as error:
                said.add(str(error))
            else:
                assert all(len(chunk.cells["A"]) == len(chunk.index) for chunk in chunks)
    assert said
    assert not any("\n" in sentence for sentence in said)
