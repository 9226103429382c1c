"""Hostile files of text: one row, or one header, that takes many times its bytes of memory, or of time."""

from __future__ import annotations

from tests.support.hostile.case import Hostile, zstd_of

_RECORD_BYTES = 8 << 20  # no record is longer
JSON, BY_COLUMN, JSONL, SQL = 'name = "json"', 'name = "json"\nlayout = "columns"', 'name = "jsonl"', 'name = "sql"'


def _full(piece: bytes, *, head: bytes = b"", tail: bytes = b"", size: int = _RECORD_BYTES) -> bytes:
    """`head`, about `size` bytes of `piece` over and over, and `tail`."""
    return zstd_of(head + piece * (size // len(piece)) + tail)


def _names(count: int) -> bytes:
    """So many names of a JSON object, each with a value."""
    return b",".join(b'"%x":0' % place for place in range(count))


CASES = {
    "csv, quotes": Hostile(lambda: _full(b'"', head=b"email\n", size=9 << 20), says="record_too_long", code=3),
    "csv, escapes": Hostile(
        lambda: _full(b"\\", head=b"email\n", size=9 << 20),
        'name = "csv"\nescape = "\\\\"',
        says="record_too_long",
        code=3,
    ),
    "csv, many columns": Hostile(lambda: _full(b",x", head=b"email", size=100_000), says="32,767 is the limit"),
    "csv, columns without end": Hostile(
        lambda: _full(b",xy", head=b"email", tail=b"\nkenari@example.org\n"), says="too_many_cells", code=2
    ),
    "csv, cells without end": Hostile(
        lambda: _full(b",xy", head=b"email,b\nkenari", size=_RECORD_BYTES - 100), says="too_many_cells", code=3
    ),
    "json, objects in a row": Hostile(
        lambda: _full(b'{"":0},', head=b'[{"email":[', tail=b"0]}]", size=_RECORD_BYTES - 100),
        JSON,
        says="record_too_long",
        code=3,
    ),
    "json, members of a row": Hostile(
        lambda: zstd_of(b"[{" + _names(800_000) + b"}]"), JSON, says="record_too_long", code=3
    ),
    "json, arrays in arrays": Hostile(lambda: _full(b"[", size=4 << 20), JSON, says="broken_json", code=3),
    "jsonl, objects in a row": Hostile(
        lambda: _full(b'{"":0},', head=b'{"email":[', tail=b"0]}\n", size=_RECORD_BYTES - 100),
        JSONL,
        says="record_too_long",
        code=3,
    ),
    "jsonl, a string of quotes without end": Hostile(
        lambda: _full(b'\\"', head=b'{"a":ObjectId(1),"b":"', tail=b"\n", size=1 << 20),
        JSONL,
        says="broken_json",
        code=3,
    ),
    "json by column, values that are no cells": Hostile(
        lambda: _full(b'{"a":1},', head=b'{"email":[', tail=b'""]}'), BY_COLUMN, says="MiB"
    ),
    "sql, COPY of escaped line ends": Hostile(
        lambda: _full(b"\\\n", head=b"COPY t (email) FROM stdin;\n", tail=b"\n\\.\n", size=_RECORD_BYTES - 100),
        SQL,
        says="holds an identifier",
    ),
}
