"""Blocks of lines with a key each: sizes change nothing, and a plain reading of the lines finds the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_cli.formats import block_bounds, blocks, record_stream
from ingest_cli.model.chunks import RowChunk, Span
from tests.property.test_line_formats import lines_of, rows
from tests.support.chunks import read_to_fault
from tests.support.text_formats import blocks_reader

WANTED = ("EMAIL", "TEL")
SEPARATORS = [None, "", "===", "***", "URL", "BEGIN:VCARD", "dn:"]
WORDS = [
    "EMAIL: a@x.example", "email:b@x.example", "TEL;TYPE=CELL:012", "EMAIL", "TEL", "URL: u", "url:v", ":", ";", "=",
    "==", "===", "=====", "***", "*** 1. row ***", "   email: c", "BEGIN:VCARD", "END:VCARD", "dn: x", "dn:: eA==",
    "mail:: YQ==", "EMAIL:: YQ==", "EMAIL:< f", "TEL;ENCODING=QUOTED-PRINTABLE:=31=", "-[ RECORD 1 ]", "# x",
    "version: 1", "x.EMAIL: d", " ", "  ", "\t", "\n", "\n", "\n", "\n", "\n\n", "\r\n", "\r", "a", "é",
]  # fmt: skip
SOUP = st.lists(st.sampled_from([*(word.encode() for word in WORDS), b"\xff"]), max_size=50).map(b"".join)


def read(data: bytes, separator: str | None, *, chunk_bytes: int = 1 << 20, piece: int = 1 << 20) -> list[RowChunk]:
    parser = blocks_reader(WANTED, separator, chunk_bytes=lambda: chunk_bytes)
    return list(parser.read([data[i : i + piece] for i in range(0, len(data), piece)]))


@contextmanager
def limits(longest: int, lookahead: int) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for module in (record_stream, blocks):
            patch.setattr(module, "MAX_RECORD_BYTES", longest)
        for module in (block_bounds, blocks):
            patch.setattr(module, "LOOKAHEAD_BYTES", lookahead)
        patch.setattr(blocks._Source, "lookahead_bytes", lookahead)
        yield


@pytest.mark.parametrize("separator", SEPARATORS)
@given(data=SOUP, chunk_bytes=st.integers(1, 60), piece=st.integers(1, 9))
def test_neither_chunk_size_nor_pieces_change_what_is_read(
    separator: str | None, data: bytes, chunk_bytes: int, piece: int
) -> None:
    whole, chunks = read(data, separator), read(data, separator, chunk_bytes=chunk_bytes, piece=piece)
    assert rows(chunks) == rows(whole)
    assert [c.start for c in chunks[1:]] == [c.end for c in chunks[:-1]]
    if data:
        assert chunks[-1].end == whole[-1].end
        assert chunks[-1].end.offset == len(data)


@pytest.mark.parametrize("separator", SEPARATORS)
@given(data=SOUP, chunk_bytes=st.integers(1, 60), limit=st.integers(1, 80))
def test_nor_do_they_where_blocks_are_longer_than_any_may_be(
    separator: str | None, data: bytes, chunk_bytes: int, limit: int
) -> None:
    with limits(limit, 40):
        whole, chunks = read(data, separator), read(data, separator, chunk_bytes=chunk_bytes)
        assert rows(chunks) == rows(whole)
        assert [c.start for c in chunks[1:]] == [c.end for c in chunks[:-1]]


@pytest.mark.parametrize("separator", SEPARATORS)
@given(data=SOUP, draw=st.data(), chunk_bytes=st.integers(1, 60), other_bytes=st.integers(1, 60))
def test_any_spans_between_chunks_are_read_and_nothing_else(
    separator: str | None, data: bytes, draw: st.DataObject, chunk_bytes: int, other_bytes: int
) -> None:
    chunks = read(data, separator, chunk_bytes=chunk_bytes)
    chosen = [chunk for chunk in chunks if draw.draw(st.booleans())]
    parser = blocks_reader(WANTED, separator, chunk_bytes=lambda: other_bytes)
    assert rows(list(parser.read([data], [Span(c.start, c.end) for c in chosen]))) == rows(chosen)


@pytest.mark.parametrize("separator", SEPARATORS)
@given(data=SOUP, draw=st.data(), chunk_bytes=st.integers(1, 60), limit=st.sampled_from([30, 1 << 20]))
def test_where_a_stream_breaks_off_the_rest_is_read_the_next_time(
    separator: str | None, data: bytes, draw: st.DataObject, chunk_bytes: int, limit: int
) -> None:
    cut = draw.draw(st.integers(0, len(data)))
    with limits(limit, 40):
        chunks, fault = read_to_fault(blocks_reader(WANTED, separator, chunk_bytes=lambda: chunk_bytes), [data[:cut]])
        assert fault is not None
        rest = [Span(chunks[-1].end)] if chunks else [Span(c.start) for c in read(data, separator)[:1]]
        again = list(blocks_reader(WANTED, separator).read([data], rest)) if rest else []
        assert rows(chunks) + rows(again) == rows(read(data, separator))


# Plain blocks, one line a value: what a loop over the lines makes of them.
_KEY = re.compile(rb"\s*([^:;]+?)\s*(?:;[^:]*)?:(.*)", re.DOTALL)
PLAIN = [word for word in WORDS if not re.search(r"BEGIN|END|RECORD|row|dn|mail|::|<|\.EMAIL|QUOTED|# |version", word)]
PLAIN_SOUP = st.lists(st.sampled_from([word.encode() for word in PLAIN if word != "\t"]), max_size=50).map(b"".join)


@given(PLAIN_SOUP)
def test_blank_lines_part_blocks(data: bytes) -> None:
    data = re.sub(rb"([\r\n])[ ]+", rb"\1", data).lstrip(b" ")  # no line is folded
    expected: list[tuple[bytes, ...]] = []
    values: dict[str, list[bytes]] | None = None
    for line in lines_of(data):
        if not line.strip(b" "):
            if values is not None:
                expected.append(_joined(values))
            values = None
            continue
        values = {"EMAIL": [], "TEL": []} if values is None else values
        match = _KEY.fullmatch(line)
        if match and not match[2].startswith(b"//") and match[1].decode().upper() in values:
            value = match[2].strip()
            if value and value not in values[match[1].decode().upper()]:
                values[match[1].decode().upper()].append(value)
    if values is not None:
        expected.append(_joined(values))
    found = [fate for _, _, fate in rows(read(data, ""))]
    nothing = (b"", b"")
    assert [fate for fate in found if fate not in {"blank", nothing}] == [row for row in expected if row != nothing]


def _joined(values: dict[str, list[bytes]]) -> tuple[bytes, ...]:
    return tuple(_cell(values[name]) for name in WANTED)


def _cell(values: list[bytes]) -> bytes:
    """A list as JSON writes it, of several; no value here has a character that it escapes."""
    return b'["' + b'","'.join(values) + b'"]' if len(values) > 1 else b"".join(values)
