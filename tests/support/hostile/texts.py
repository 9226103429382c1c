"""Hostile files of text, packed so that they are small."""

from __future__ import annotations

from tests.support.hostile.case import Hostile, packed

GIB = 1 << 30
JSON, JSONL, SQL, COMBO, FIXED, BLOCKS = (f'name = "{name}"' for name in ("json", "jsonl", "sql", "combo", "fixed", "blocks"))
_HUGE = GIB // 2
_END = "unpack to more than"


def _text(format_: str, piece: bytes, head: bytes = b"", tail: bytes = b"", *, size: int = _HUGE, says: str = "", code: int = 4, column: str = "email") -> Hostile:
    return Hostile(lambda: packed(size, piece, head=head, tail=tail), format_, says, column, code)


_X = b"x" * 4096
_FIXED = 'name = "fixed"\ncolumns = ["email", "rest"]\nwidths = [40, 2000000000]'
_COMBO = 'name = "combo"\ncolumns = ["email", "password"]'
CASES = {
    "csv, a line": _text('name = "csv"', _X, b"email\n", code=3),
    "csv, a quoted cell": _text('name = "csv"', b"x\n" * 4096, b'email\n"', code=3),
    "csv, quotes": _text('name = "csv"', b'"' * 4095 + b"\n", b"email\n", code=3),
    "csv, delimiters": _text('name = "csv"', b"," * 4096, b"email\n", code=3),
    "csv, lines of delimiters": _text('name = "csv"', (b"," * (4 << 20)) + b"\n", b"email\n", code=3),
    "csv, a header of 10 M columns": _text('name = "csv"', b"kenari@example.org\n", b"email" + b",x" * 4_000_000 + b"\n", size=1 << 24, says="", code=3),
    "csv, wide": _text('name = "csv"', b"kenari@example.org" + b"," * 1_000_000 + b"\n", b"email" + b",x" * 1_000_000 + b"\n", size=1 << 26, says="", code=0),
    "csv, escapes": _text('name = "csv"\nescape = "\\\\"', b"\\" * 4096, b"email\n", code=3),
    "csv, skipped lines": _text('name = "csv"\nskip_lines = 1000000000', b"\n" * 4096, b"", size=GIB, code=4),
    "csv, long delimiter": _text('name = "csv"\ndelimiter = "|~|"', b"|~" * 4096, b"email\n", code=3),
    "csv, utf-16": _text('name = "csv"\nencoding = "utf-16"', b"\xd8\x00" * 4096, b"\xff\xfee\0m\0a\0i\0l\0\n\0", code=3),
    "csv, utf-7": _text('name = "csv"\nencoding = "utf-7"', b"+AAAA" * 4096, b"email\n", code=3),
    "csv, utf-7 without an end": _text('name = "csv"\nencoding = "utf-7"', b"A" * 4096, b"email\n+", code=3),
    "csv, idna": _text('name = "csv"\nencoding = "idna"', b"a" * 4096, b"email\n", code=3),
    "csv, punycode": _text('name = "csv"\nencoding = "punycode"', b"a" * 4096, b"email\n", code=3),
    "csv, latin-1": _text('name = "csv"\nencoding = "latin-1"', b"\xff" * 4096, b"email\n", code=3),
    "json, arrays": _text(JSON, b"[" * 4096),
    "json, objects": _text(JSON, b'{"a":' * 4096),
    "json, a number": _text(JSON, b"9" * 4096, b'[{"email":', b"}]", code=3),
    "json, a string": _text(JSON, _X, b'[{"email":"', b'"}]', code=3),
    "json, a key": _text(JSON, _X, b'[{"', b'":1}]', code=3),
    "json, an object": _text(JSON, b'"a":1,' * 4096, b"[{", b'"email":"b"}]', code=3),
    "json, keys": _text(JSON, b'"a":1,' * 4096, b"{", b'"email":"b"}', code=3),
    "json, numbers": _text(JSON, b"1," * 4096, b"[", b"1]", code=3),
    "json, empty objects": _text(JSON, b"{}," * 4096, b"[", b"{}]", code=3),
    "json, blanks": _text(JSON, b" " * 4096, b"[", b'{"email":"a@example.org"}]', code=0),
    "json, documents": _text(JSON, b"{}" * 4096, code=3),
    "json, rows not found": _text(JSON + '\nrows = "a.b.c"', b'"x":[1],' * 4096, b'{"a":{', b'"x":1}}'),
    "json, columns": _text(JSON + '\nlayout = "columns"', b'"k@example.org",' * 4096, b'{"email":[', b'"x"]}', says="memory"),
    "json, columns of nulls": _text(JSON + '\nlayout = "columns"', b"null," * 4096, b'{"email":[', b'"x"]}', says="memory"),
    "json, columns by key": _text(JSON + '\nlayout = "columns"', b'"":null,' * 4096, b'{"email":{', b'"x":""}}', says="memory"),
    "json, faults by column": _text(JSON + '\nlayout = "columns"', b"{}," * 4096, b'{"email":[', b'"x"]}', says="memory"),
    "json, arrays of arrays": _text(JSON + '\ncolumns = ["email"]', b"[[" * 4096),
    "json, a row of 8 MiB": Hostile(lambda: packed(GIB // 4, b'{"email":"a@example.org",' + b'"b":[{}],' * 800_000 + b'"c":1},', head=b"["), JSON, code=4),
    "json, rows of lists": Hostile(lambda: packed(GIB // 4, b'{"email":[' + b'"",' * 2_000_000 + b'""]},', head=b"["), JSON, code=4),
    "jsonl, a line": _text(JSONL, _X, b'{"email":"', code=3),
    "jsonl, arrays": _text(JSONL, b"[" * 4095 + b"\n", code=3),
    "jsonl, rows of lists": Hostile(lambda: packed(GIB // 4, b'{"email":[' + b"1," * 4_000_000 + b"1]}\n"), JSONL, code=3),
    "sql, a statement": _text(SQL, b"('a')," * 4096, b"INSERT INTO t (email) VALUES ", code=3),
    "sql, a tuple": _text(SQL, b"1," * 4096, b"INSERT INTO t (email) VALUES (", code=3),
    "sql, a string": _text(SQL, _X, b"INSERT INTO t (email) VALUES ('", code=3),
    "sql, a comment": _text(SQL, _X, b"/*"),
    "sql, comments": _text(SQL, b"/**/" * 4096),
    "sql, brackets": _text(SQL, b"(" * 4096, b"INSERT INTO t (email) VALUES ", code=3),
    "sql, words": _text(SQL, b"CREATE " * 4096),
    "sql, a COPY line": _text(SQL, _X, b"COPY t (email) FROM stdin;\n", code=3),
    "sql, COPY": _text(SQL, b"\n" * 4096, b"COPY t (email) FROM stdin;\n", code=3),
    "sql, a table of columns": _text(SQL, b"x int," * 4096, b"CREATE TABLE t (", b"email text);\nINSERT INTO t VALUES (1);\n"),
    "sql, tables": Hostile(lambda: b"".join(b"CREATE TABLE t%d (email text);\nINSERT INTO t%d VALUES ('');\n" % (n, n) for n in range(400_000)), SQL, says="", code=2),
    "sql, names": Hostile(lambda: packed(GIB // 4, b"CREATE TABLE `" + b"t" * 1_000_000 + b"` (email text);\n"), SQL),
    "sql, semicolons": _text(SQL, b";" * 4096),
    "sql, INSERTs": _text(SQL, b"INSERT INTO t VALUES (1);" * 4096, b"CREATE TABLE t (email text);\n", code=3),
    "sql, SELECTs": _text(SQL, b" UNION ALL SELECT 1" * 4096, b"INSERT INTO t (email) SELECT 1", code=3),
    "combo, a line": _text(_COMBO, _X, code=3),
    "combo, colons": _text(_COMBO, b":" * 4096, code=3),
    "combo, lines": _text(_COMBO, b":\n" * 4096, code=3),
    "fixed, widths": _text(_FIXED, _X, code=3),
    "fixed, lines": _text('name = "fixed"\ncolumns = ["email"]\nwidths = [40]', b"\n" * 4096, code=4),
    "blocks, a block": _text(BLOCKS, b"a: b\n" * 4096, b"email: a@example.org\n", code=3),
    "blocks, a key": _text(BLOCKS, _X, code=3),
    "blocks, values": _text(BLOCKS, b"email: a\n" * 4096, b"", code=3),
    "blocks, folded lines": _text(BLOCKS + '\nseparator = "BEGIN:VCARD"', b" x\n" * 4096, b"BEGIN:VCARD\nemail:", code=3),
    "blocks, ends": _text(BLOCKS, b"===\n" * 4096, b""),
    "blocks, quoted-printable": _text(BLOCKS + '\nseparator = "BEGIN:VCARD"', b"=\n" * 4096, b"BEGIN:VCARD\nemail;ENCODING=QUOTED-PRINTABLE:", code=3),
    "utf-32 of nothing": _text('name = "csv"', bytes(4096), b"\xff\xfe\0\0"),
}
