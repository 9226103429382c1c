"""Whatever the bytes: nothing raises, the fast ways read what the careful ones read, and sizes change nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import accumulate

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingest_cli.errors import ManifestError
from ingest_cli.formats import json_elements, json_scan, lines, record_stream
from ingest_cli.formats.combo import Combo
from ingest_cli.formats.fixed_widths import PADDING
from ingest_cli.formats.interface import ChunkBytes, Format
from ingest_cli.formats.json_rows import JsonRows
from ingest_cli.formats.jsonl import JsonLines
from ingest_cli.model.chunks import RowChunk, Span, line_ends
from tests.support import text_formats
from tests.support.chunks import read_to_fault

WIDTHS = (2, 3, 1)
NAMES = ("A", "B", "C")
PATHS = ("a", "b.c", "d[]")


def fixed(widths_in: str | None, encoding: str = "utf-8") -> Callable[[ChunkBytes], Format]:
    options = replace(text_formats.FIXED, widths_in=widths_in, encoding=encoding)
    return lambda chunk_bytes: text_formats.fixed_reader(WIDTHS, NAMES, NAMES, options, chunk_bytes)


def combo(columns: tuple[str, ...], *delimiters: str, fill: bool = True) -> Callable[[ChunkBytes], Format]:
    short_rows = "fill" if fill else "reject"
    options = replace(text_formats.COMBO, delimiters=delimiters or (":",), short_rows=short_rows)
    return lambda chunk_bytes: text_formats.combo_reader(columns, columns, options, chunk_bytes)


FORMATS: dict[str, Callable[[ChunkBytes], Format]] = {
    "fixed": fixed("characters"),
    "fixed, bytes": fixed("bytes"),
    "fixed, gbk": fixed("bytes", "gbk"),
    "fixed, either": fixed(None),
    "user:password": combo(("A", "B")),
    "url:user:password": combo(("url", "A", "B")),
    "user:password:url": combo(("A", "B", "url")),
    "user:url:password": combo(("A", "url", "B")),
    "url;user;password": combo(("url", "A", "B"), ";"),
    "user|password|url": combo(("A", "B", "url"), "|"),
    "url user password": combo(("url", "A", "B"), " "),
    "url¦user": combo(("url", "A"), "¦"),
    "email": combo(("A",)),
    "user::password": combo(("A", "B"), "::"),
    "url::user::password": combo(("url", "A", "B"), "::"),
    "user:password, strict": combo(("A", "B", "C"), fill=False),
    "url:user:password, strict": combo(("url", "A", "B"), fill=False),
    "user:;|::password": combo(("A", "B", "C"), ":", ";", "|", "::", fill=False),
    "url:;|user": combo(("url", "A", "B"), ":", ";", "|"),
    "user:;|url": combo(("A", "url"), ":", ";", "|"),
    "jsonl": lambda chunk_bytes: JsonLines(PATHS, chunk_bytes=chunk_bytes),
    "json": lambda chunk_bytes: JsonRows(PATHS, chunk_bytes=chunk_bytes),
    "json $": lambda chunk_bytes: JsonRows(PATHS, "$", chunk_bytes=chunk_bytes),
    "json r": lambda chunk_bytes: JsonRows(PATHS, "r", chunk_bytes=chunk_bytes),
    "json *": lambda chunk_bytes: JsonRows((*PATHS, "$key"), "*", chunk_bytes=chunk_bytes),
    "json r.*": lambda chunk_bytes: JsonRows((*PATHS, "$key"), "r.*", chunk_bytes=chunk_bytes),
    "json arrays": lambda chunk_bytes: JsonRows(("a", "b[]"), None, ("a", "b[]"), chunk_bytes=chunk_bytes),
    "json lines of arrays": lambda chunk_bytes: JsonLines(("a", "b[]"), ("a", "b[]"), chunk_bytes=chunk_bytes),
}
COMBOS = [name for name in FORMATS if "fixed" not in name and "json" not in name]

TEXT = ["a", "B", "12", " ", "\t", "\n", "\n", "\r\n", "\r", "\0", "é", "\ufeff", "¦"]
LISTS = [
    ":",
    ":",
    ":",
    ";",
    "|",
    "/",
    "//",
    "https://",
    "h.example",
    ":8443",
    ":80/x",
    "[::1]",
    "@",
    "mailto:",
    "u@x.example",
    "?",
]
JSON = ['"', "\\", "{", "}", "[", "]", ",", ":", "1", "-0.5e3", "true", "null", "NaN", "\\u00e9", "\\ud800"]
WHOLE = [
    *('{"a":"x"}', '{"a":1,"b":{"c":[2]}}', '{"d":["p","q"]}', '{"r":[', "[", "]", ",", ",", "]}", '"a":', "\n"),
    *('{"r":{', '"k":', '["x",["y"]]', "}}"),
]


def soup(*words: list[str]) -> st.SearchStrategy[bytes]:
    every = [word.encode() for several in words for word in several]
    return st.lists(st.sampled_from([*every, b"\xff", b"\xed\xa0\x80"]), max_size=60).map(b"".join)


SOUPS = {name: soup(TEXT, LISTS) for name in FORMATS if "json" not in name}
# Lines of which the beginning of the file leaves open what their places are counted in.
SOUPS |= {name: SOUPS[name].map("é\nabc\n".encode().__add__) for name in FORMATS if "fixed, " in name}
SOUPS |= {name: soup(TEXT, JSON, WHOLE, WHOLE, WHOLE) for name in FORMATS if "json" in name}


def read(name: str, data: bytes, *, chunk_bytes: int = 1 << 20, piece: int = 1 << 20) -> list[RowChunk]:
    return list(FORMATS[name](lambda: chunk_bytes).read([data[i : i + piece] for i in range(0, len(data), piece)]))


def refusal(name: str, data: bytes, *, chunk_bytes: int = 1 << 20, piece: int = 1 << 20) -> str:
    """Why a manifest is not believed to be of `data`; empty if it is."""
    try:
        read(name, data, chunk_bytes=chunk_bytes, piece=piece)
    except ManifestError as error:
        return str(error)
    return ""


def rows(chunks: list[RowChunk]) -> list[tuple[int, int, object]]:
    """(row, line, what became of it) of every record, in order."""
    out: list[tuple[int, int, object]] = []
    for chunk in chunks:
        fates: dict[int, object] = dict(chunk.rejected)
        fates |= {int(i): reason for reason, index in chunk.skipped.items() for i in index}
        columns = [column.to_pylist() for column in chunk.cells.values()]
        fates |= {int(index): tuple(cells) for index, *cells in zip(chunk.index, *columns, strict=True)}
        assert sorted(fates) == list(range(chunk.records)), "every record has one fate"
        places = chunk.lines(chunk.bounds[:-1] * 0 + range(chunk.records)) if chunk.records else []
        out += [(chunk.start.row + i, int(line), fates[i]) for i, line in enumerate(places)]
    return out


@pytest.mark.parametrize("name", FORMATS)
@given(draw=st.data(), chunk_bytes=st.integers(1, 40), piece=st.integers(1, 9))
def test_neither_chunk_size_nor_pieces_change_what_is_read(
    name: str, draw: st.DataObject, chunk_bytes: int, piece: int
) -> None:
    data = draw.draw(SOUPS[name])
    refused = refusal(name, data)
    assert refusal(name, data, chunk_bytes=chunk_bytes, piece=piece) == refused
    if refused:
        return
    whole, chunks = read(name, data), read(name, data, chunk_bytes=chunk_bytes, piece=piece)
    assert rows(chunks) == rows(whole)
    assert [c.start for c in chunks[1:]] == [c.end for c in chunks[:-1]]
    if whole:
        assert chunks[-1].end == whole[-1].end
        assert chunks[-1].end.offset == len(data)
    total = {key: sum(c.flags.get(key, 0) for c in whole) for c in whole for key in c.flags}
    assert {key: sum(c.flags.get(key, 0) for c in chunks) for c in chunks for key in c.flags} == total


@pytest.mark.parametrize("name", FORMATS)
@given(draw=st.data(), chunk_bytes=st.integers(1, 40), limit=st.integers(1, 30))
def test_nor_do_they_where_records_are_longer_than_any_may_be(
    name: str, draw: st.DataObject, chunk_bytes: int, limit: int
) -> None:
    data = draw.draw(SOUPS[name])
    with pytest.MonkeyPatch.context() as patch:
        for module in (record_stream, lines, json_scan, json_elements):
            patch.setattr(module, "MAX_RECORD_BYTES", limit)
        if refused := refusal(name, data):
            assert refusal(name, data, chunk_bytes=chunk_bytes) == refused
            return
        whole, chunks = read(name, data), read(name, data, chunk_bytes=chunk_bytes)
    assert rows(chunks) == rows(whole)
    assert [c.start for c in chunks[1:]] == [c.end for c in chunks[:-1]]


@pytest.mark.parametrize("name", FORMATS)
@given(draw=st.data(), chunk_bytes=st.integers(1, 40), other_bytes=st.integers(1, 40))
def test_any_spans_between_chunks_are_read_and_nothing_else(
    name: str, draw: st.DataObject, chunk_bytes: int, other_bytes: int
) -> None:
    data = draw.draw(SOUPS[name])
    if refusal(name, data):
        return
    chunks = read(name, data, chunk_bytes=chunk_bytes)
    chosen = [chunk for chunk in chunks if draw.draw(st.booleans())]
    parser = FORMATS[name](lambda: other_bytes)
    spans = [Span(c.start, c.end) for c in chosen]
    again = list(parser.read([data], spans))
    assert rows(again) == rows(chosen)
    if chosen and chosen[-1] is chunks[-1]:
        assert rows(list(parser.read([data], [*spans[:-1], Span(chosen[-1].start)]))) == rows(chosen)


@pytest.mark.parametrize("name", FORMATS)
@given(draw=st.data(), chunk_bytes=st.integers(1, 40), piece=st.integers(1, 9))
def test_where_a_stream_breaks_off_the_records_before_are_read_and_then_that_is_raised(
    name: str, draw: st.DataObject, chunk_bytes: int, piece: int
) -> None:
    data = draw.draw(SOUPS[name])
    if refusal(name, data):
        return
    cut = draw.draw(st.integers(0, len(data)))
    chunks = resumed(name, data, cut, chunk_bytes=chunk_bytes, piece=piece)
    if (
        "json " not in f"{name} " and name != "fixed, either"
    ):  # of lines, each one that has its end is read; a CR may be half of one
        complete = data[:cut].rstrip(b"\r")
        assert len(rows(chunks)) >= len(line_ends(complete)) - 1


def resumed(name: str, data: bytes, cut: int, *, chunk_bytes: int, piece: int) -> list[RowChunk]:
    """What is read of `data` that breaks off at `cut`, once it is checked that the next run can go on from there."""
    pieces = [data[i : min(i + piece, cut)] for i in range(0, cut, piece)]
    chunks, fault = read_to_fault(FORMATS[name](lambda: chunk_bytes), pieces)
    assert fault is not None
    whole = rows(read(name, data))
    assert rows(chunks) == whole[: len(rows(chunks))]
    if chunks:
        rest = list(FORMATS[name](lambda: chunk_bytes).read([data], [Span(chunks[-1].end)]))
        assert rows(chunks) + rows(rest) == whole
    return chunks


@pytest.mark.parametrize(
    "data", [b'x{"r":[', b'{"r":[{"a":1}', b'{"r":[{"a":1},', b'{"r":[1,,', b'x{"r":[\r\n', b'{"r":[{"a":1}],\n"b":{ ']
)
@pytest.mark.parametrize("name", [name for name in FORMATS if "json " in name])
def test_a_document_that_is_cut_off_counts_for_it_after_a_break_too(name: str, data: bytes) -> None:
    for cut in range(len(data) + 1):
        for chunk_bytes in (1, 7):
            resumed(name, data, cut, chunk_bytes=chunk_bytes, piece=2)


def lines_of(data: bytes) -> list[bytes]:
    ends = [*line_ends(data).tolist(), len(data)]
    lines = [data[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]
    return [
        line[:-2] if line.endswith(b"\r\n") else line[: len(line) - line.endswith((b"\n", b"\r"))] for line in lines
    ]


def cut(line: bytes, widths_in: str) -> object:
    """What becomes of a line of fixed widths."""
    if not line.strip(b" \t"):
        return "blank"
    whole = line if widths_in == "bytes" else line.decode("utf-8", "surrogateescape")
    padding = PADDING.encode() if isinstance(whole, bytes) else PADDING
    if whole[sum(WIDTHS) :].strip(padding):  # type: ignore[arg-type]
        return "too_many_cells"
    cells = [
        whole[end - width : end].strip(padding)  # type: ignore[arg-type]
        for width, end in zip(WIDTHS, accumulate(WIDTHS), strict=True)
    ]
    return tuple(cell if isinstance(cell, bytes) else cell.encode("utf-8", "surrogateescape") for cell in cells)


@pytest.mark.parametrize(("name", "widths_in"), [("fixed", "characters"), ("fixed, bytes", "bytes")])
@given(draw=st.data())
def test_fixed_widths_are_what_the_manifest_says(name: str, widths_in: str, draw: st.DataObject) -> None:
    data = draw.draw(SOUPS[name])
    found = [fate for _, _, fate in rows(read(name, data))]
    expected = [cut(line, widths_in) for line in lines_of(data)]
    assert found == [("repeated_header" if fate == (b"A", b"B", b"C") else fate) for fate in expected[: len(found)]]
    assert all(fate == "blank" for fate in expected[len(found) :])


@given(SOUPS["fixed, either"])
def test_without_a_word_in_the_manifest_a_line_is_read_if_it_can_be_read_in_one_way_only(data: bytes) -> None:
    found = [fate for _, _, fate in rows(read("fixed, either", data))]
    for line, fate in zip(lines_of(data), found, strict=False):
        one, other = cut(line, "characters"), cut(line, "bytes")
        expected = one if one == other else "width_ambiguous"
        assert fate == ("repeated_header" if expected == (b"A", b"B", b"C") else expected)


@given(st.lists(st.text(st.sampled_from("a1 丁一é")), max_size=9))
def test_bytes_are_those_of_the_encoding(texts: list[str]) -> None:
    lines = ["é", "abc", *texts]
    encoded = [line.replace("é", "Ω").encode("gbk") for line in lines]
    data = "".join(f"{line.decode('gbk')}\n" for line in encoded).encode()
    found = [fate for _, _, fate in rows(read("fixed, gbk", data))]
    for line, fate in zip(encoded, found, strict=True):
        expected = cut(line, "bytes")
        if isinstance(expected, str):
            assert fate == expected
            continue
        assert isinstance(fate, tuple)
        edges = {0, *accumulate(len(character.encode("gbk")) for character in line.decode("gbk"))}
        for raw, cell, width, end in zip(expected, fate, WIDTHS, accumulate(WIDTHS), strict=True):
            if {min(end - width, len(line)), min(end, len(line))} <= edges:
                assert cell == raw.decode("gbk").encode()
            else:  # the other half of a character, even if it goes with what stands beside it
                assert b"\xff" in cell


@pytest.mark.parametrize("name", COMBOS)
@given(draw=st.data())
def test_lists_are_cut_up_at_once_as_they_are_line_by_line(name: str, draw: st.DataObject) -> None:
    data = draw.draw(SOUPS[name])
    parser = FORMATS[name](lambda: 1 << 20)
    assert isinstance(parser, Combo)
    for line, (_, _, fate) in zip(lines_of(data), rows(read(name, data)), strict=False):
        cells = parser.split(line)
        if not line.strip(b" \t"):
            assert fate == "blank"
        elif len(cells) == 1 < parser.width:
            assert fate == "no_delimiter"
        elif len(cells) < parser.width and not parser.fill:
            assert fate == "too_few_cells"
        else:
            assert fate == (*cells, *[b""] * (parser.width - len(cells)))


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["x", "$oid", "y"]), inner, max_size=3),
    max_leaves=6,
)
documents = st.lists(st.dictionaries(st.sampled_from(["a", "b", "d", "e"]), values, max_size=4), max_size=6)


@given(documents, st.booleans(), st.integers(1, 40), st.sampled_from([None, 1]))
@example([{"a": "é"}], False, 1, None)  # noqa: FBT003 - as given
def test_the_same_objects_are_the_same_rows_however_they_are_written(
    several: list[dict[str, object]],
    is_ascii: bool,  # noqa: FBT001 - as given
    chunk_bytes: int,
    indent: int | None,
) -> None:
    one_a_line = "".join(json.dumps(each, ensure_ascii=is_ascii) + "\n" for each in several)
    expected = [fate for _, _, fate in rows(read("jsonl", one_a_line.encode(), chunk_bytes=chunk_bytes))]
    assert len(expected) == len(several)
    written = json.dumps(several, ensure_ascii=is_ascii, indent=indent)
    inside = json.dumps({"x": {"y": [1]}, "r": several}, ensure_ascii=is_ascii, indent=indent)
    for name, text in (("json", written), ("json $", written), ("json $", one_a_line), ("json r", inside)):
        found = [fate for _, _, fate in rows(read(name, text.encode(), chunk_bytes=chunk_bytes))]
        assert found == expected, name
