"""Blocks of lines with a key each: where one begins, and what stands behind a key."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from tests.support import pipelines
from tests.support.chunks import cells, fates, repeated
from tests.support.pipelines import PEPPER, BytesSource
from tests.support.text_formats import blocks_reader
from tests.support.truth import Reference


def read(
    text: str | bytes, *wanted: str, separator: str | None = None, key_delimiter: str | None = None
) -> list[tuple[str, ...]]:
    raw = text.encode() if isinstance(text, str) else text
    chunks = blocks_reader(wanted, separator, key_delimiter).read([raw])
    return [tuple(map(shown, row)) for row in cells(chunks, *wanted)]


def shown(cell: bytes) -> str:
    """The text of a cell; of a list, its entries with semicolons between."""
    text = cell.decode("utf-8", "surrogateescape")
    return ";".join(json.loads(text)) if text.startswith('["') else text


LOG = "URL: https://a.example/\nUSER: ali\nPASS: rahsia\n{}url: https://b.example/\nUser: ben\nPass: x: y\n{}"


@pytest.mark.parametrize("between", ["\n", "\n\n \t\n", "=====\n", "\n----------\n\n", "### ### \n***\n", "━━━━\n", ""])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_blank_lines_rules_and_the_first_key_part_blocks(between: str, end: str) -> None:
    text = LOG.format(between, between).replace("\n", end)
    assert read(text, "USER") == [("ali",), ("ben",)]


@pytest.mark.parametrize(
    ("separator", "between"),
    [("===", "======\n"), ("", "\n"), ("URL", ""), ("url:", "\n"), ("***", "*** 7 ***\n"), ("Log of", "log of 3\n\n")],
)
def test_a_separator_begins_a_block(separator: str, between: str) -> None:
    assert read(LOG.format(between, ""), "USER", separator=separator)[-1] == ("ben",)
    assert [user for (user,) in read(between + LOG.format(between, ""), "USER", separator=separator)] == ["ali", "ben"]


def test_with_a_separator_a_blank_line_ends_nothing() -> None:
    text = "URL: a\n\nUSER: ali\n\n\nURL: b\nUSER: ben\n"
    assert read(text, "URL", "USER", separator="URL") == [("a", "ali"), ("b", "ben")]


def test_a_separator_is_a_whole_word() -> None:
    assert read("USER: ali\nUsername: x\nUSER: ben\n", "USER", separator="USER") == [("ali",), ("ben",)]


def test_values_in_front_of_the_first_separator_are_rejected() -> None:
    chunks = list(blocks_reader(["USER"], "URL").read([b"\n# list 5\nURL: a\nUSER: ali\n"]))
    assert cells(chunks, "USER") == [(b"ali",)]
    assert fates(chunks) == [(1, 1, "preamble")]
    chunks = list(blocks_reader(["USER"], "URL").read([b"USER: stray\n\nURL: a\nUSER: ali\n"]))
    assert cells(chunks, "USER") == [(b"ali",)]
    assert fates(chunks) == [(1, 1, "no_separator")]


def test_nothing_but_blanks_and_rules_is_no_row() -> None:
    for text in (b"\n\n", b"=====\n", b" \n---\n\n----"):
        chunks = list(blocks_reader(["USER"]).read([text]))
        assert fates(chunks) == [(1, 1, "blank")]
        assert cells(chunks, "USER") == []


def test_a_key_that_comes_again_has_several_values() -> None:
    assert read("MAIL: a@x.example\nMAIL: b@x.example\nmail: a@x.example\nTEL: 1\n", "MAIL", "TEL") == [
        ("a@x.example;b@x.example", "1")
    ]
    assert read("NAME: n\nMAIL: a\nTEL: 1\nMAIL: b\n", "MAIL") == [("a;b",)]


def test_the_first_key_parts_people_unless_a_separator_is_given() -> None:
    text = "MAIL: a\nTEL: 1\nMAIL: b\nTEL: 2\n"
    assert read(text, "MAIL", "TEL") == [("a", "1"), ("b", "2")]
    assert read(text, "MAIL", "TEL", separator="") == [("a;b", "1;2")]


def test_case_tells_columns_apart_only_where_nothing_else_does() -> None:
    assert read("mail: a\nMail: b\nMAIL: c\n", "Mail") == [("a;b;c",)]
    assert read("mail: a\nMail: b\n", "Mail", "mail") == [("b", "a")]
    assert read("ΤΗΛ: 1\nτηλ: 2\n", "Τηλ") == [("1;2",)]


def test_what_stands_behind_a_semicolon_in_a_key_does_not_count() -> None:
    assert read("MAIL;TYPE=HOME:a\nmail;lang-ms: b\nMAILS: c\nX MAIL: d\n", "MAIL") == [("a;b",)]


def test_a_value_goes_on_behind_one_blank_unless_there_is_a_key() -> None:
    assert read("MAIL: ali@exam\n ple.com\nX: y\n", "MAIL") == [("ali@example.com",)]
    assert read("X: y\n MAIL: a\n  TEL: 1\n", "MAIL", "TEL") == [("a", "1")]
    assert read("MAIL: a\n   see below\n", "MAIL") == [("a",)]


VCARD = """BEGIN:VCARD
VERSION:{version}
FN:Ali
{lines}
END:VCARD
"""


@pytest.mark.parametrize("separator", [None, "BEGIN:VCARD"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("lines", "email", "tel"),
    [
        ("EMAIL:ali@x.example\nTEL;TYPE=CELL:+6012", "ali@x.example", "+6012"),
        ("item1.EMAIL;TYPE=INTERNET,PREF:ali@x.example\nitem1.X-ABLabel:_$!<Home>!$_", "ali@x.example", ""),
        ("email;type=HOME:ali@x.ex\n ample\nEMAIL:b@x\n\t.example", "ali@x.example;b@x.example", ""),
        ('EMAIL;X-NOTE="a:b;c":ali@x.example', "ali@x.example", ""),
        ('EMAIL;X-NOTE="a:ali@x.example', "ali@x.example", ""),
        ("EMAIL;TYPE=HOME;PREF=1;X-VERY-LONG-PARAMETER=yes\n ;MORE=no:ali@x.example", "ali@x.example", ""),
        ('TEL;VALUE=uri;TYPE="voice,home":tel:+60-12-345;ext=5\nTEL:TEL:+6013', "", "+60-12-345;+6013"),
        ("EMAIL;ENCODING=QUOTED-PRINTABLE:ali=40x.=\nexample\nTEL:1", "ali@x.example", "1"),
        ("EMAIL;QUOTED-PRINTABLE;CHARSET=ISO-8859-1:jos=E9@x.example", "josé@x.example", ""),
        ("EMAIL;CHARSET=KOI7;ENCODING=QUOTED-PRINTABLE:jos=E9@x.example", "\udcff", ""),
        ("EMAIL;ENCODING=b:YWxpQHguZXhhbXBsZQ==", "ali@x.example", ""),
        ("NOTE;ENCODING=QUOTED-PRINTABLE:a=\nEMAIL:b@x.example=\nTEL:9\nTEL:1", "", "1"),
        ("NOTE:see\n EMAIL:b@x.example\nTEL:1", "", "1"),
        ("EMAIL:a\\;b@x.example\\, c\nTEL:1\\n2", "a;b@x.example, c", "1\n2"),
        ("PHOTO;BASE64:\n /9j/4AAQ==\n\nEMAIL:ali@x.example", "ali@x.example", ""),
        ("EMAIL:\nTEL;TYPE=CELL:", "", ""),
    ],
)  # fmt: skip
def test_a_card_is_unfolded(lines: str, email: str, tel: str, end: str, separator: str | None) -> None:
    if "PHOTO" in lines and separator is None:
        lines = lines.replace("\n\n", "\n")
    text = (VCARD.format(version="2.1", lines=lines) + VCARD.format(version="4.0", lines="EMAIL:b@y.example")).replace(
        "\n", end
    )
    assert read(text, "EMAIL", "TEL", separator=separator) == [(email, tel.replace("\n", "\n")), ("b@y.example", "")]


def test_what_stands_behind_the_end_of_a_card_is_nobody_s() -> None:
    inner = VCARD.format(version="2.1", lines="EMAIL:inner@x.example")
    text = VCARD.format(version="2.1", lines=f"AGENT:\n{inner}EMAIL:outer@x.example")
    chunks = list(blocks_reader(["EMAIL"], "BEGIN:VCARD").read([text.encode()]))
    assert cells(chunks, "EMAIL") == [(b"",)]
    assert [why for _, _, why in fates(chunks)] == ["no_separator"]


LDIF = """version: 1
# mail: nobody@x.example

dn: cn=Ali,dc=x
objectClass: top
objectClass: person
mail: ali@x.ex
 ample
mail;lang-ms:: YWJ1QHguZXhhbXBsZQ==
description: see
 mail: evil@x.example
jpegPhoto:< file:///etc/passwd
mobile:< file:///etc/passwd

# a comment
dn:: Y249QmVu
changetype: modify
add: mail
mail: ben@x.example
-
replace: mobile
mobile:: %%%
-
"""


@pytest.mark.parametrize("separator", [None, "dn:"])
def test_entries_of_ldif(separator: str | None) -> None:
    found = [row for row in read(LDIF, "mail", "mobile", separator=separator) if any(row)]
    assert found == [("ali@x.example;abu@x.example", ""), ("ben@x.example", "\udcff")]


MYSQL = """*************************** 1. row ***************************
      id: 1
   email: ali@x.example
username: ali
    note: first
user: evil
email: evil@x.example

   phone: 012
*************************** 2. row ***************************
      id: 2
   email: NULL
username: béa
    note: x
   phone: 013
2 rows in set (0.00 sec)
"""


def test_rows_of_mysql_keep_their_keys_flush_right() -> None:
    assert read(MYSQL, "email", "username", "phone", separator="***") == [
        ("ali@x.example", "ali", "012"),
        ("NULL", "béa", "013"),
    ]
    assert read(MYSQL.replace("\n\n", "\n"), "email", "username", "phone") == [
        ("ali@x.example", "ali", "012"),
        ("NULL", "béa", "013"),
    ]


PSQL = """-[ RECORD 1 ]----------
id    | 1
email | ali@x.example +
      | abu@x.example
-[ RECORD 2 ]----------
id    | 2
email |
tel   | 1 | 2
(2 rows)
"""


@pytest.mark.parametrize("separator", [None, "-[ RECORD"])
def test_records_of_psql(separator: str | None) -> None:
    assert read(PSQL, "email", "tel", separator=separator, key_delimiter=" | ") == [
        ("ali@x.example\nabu@x.example", ""),
        ("", "1 | 2"),
    ]


@pytest.mark.parametrize(
    ("text", "key_delimiter"),
    [
        ("user=ali\nmail=a=b\n\nuser=ben\n", "="),
        ("user\tali\nmail\ta\n\nuser\tben", "\t"),
        ("user => ali\n\nuser=>ben", "=>"),
    ],
)
def test_other_delimiters(text: str, key_delimiter: str) -> None:
    assert [user for (user,) in read(text, "user", key_delimiter=key_delimiter)] == ["ali", "ben"]


def test_a_value_that_nobody_asked_for_is_in_no_buffer() -> None:
    for chunk in blocks_reader(["USER"]).read([LOG.format("\n", "\n").encode()]):
        assert chunk.cells.keys() == {"USER"}
        assert all(b"rahsia" not in bytes(memoryview(b)) for b in chunk.cells["USER"].buffers() if b is not None)


@pytest.mark.slow
@pytest.mark.parametrize("wanted", [["EMAIL"], ["EMAIL", "TEL"]])
@pytest.mark.parametrize("separator", [None, "", "BEGIN:VCARD", "==="])
@pytest.mark.parametrize(
    "filling",
    [
        b"a", b"\n", b"\r", b" \n", b"\n ", b" ", b"=\n", b"EMAIL:", b"EMAIL:a\n", b"EMAIL:a\nTEL:1\n", b"EMAIL:a\n b",
        b";", b'EMAIL;x="', b"===\n", b"EMAIL;ENCODING=QUOTED-PRINTABLE:=\n", b"k%d: v\n", b"EMAIL:: YWxp\n YWxp",
        b"QUOTED-PRINTABLE;", b"\n\n=\n",
    ],
)  # fmt: skip
def test_a_lot_of_anything_is_read_in_one_go(filling: bytes, separator: str | None, wanted: Sequence[str]) -> None:
    for head in (b"", b"BEGIN:VCARD\n"):
        chunks = blocks_reader(wanted, separator).read([head, *repeated(filling, 1 << 17)])
        assert sum(chunk.records for chunk in chunks) > 0


@pytest.mark.parametrize("filling", [b"k: v\n", b"a"])
def test_a_block_that_is_longer_than_any_may_be_is_one_reject(filling: bytes) -> None:
    def stream() -> Sequence[bytes]:
        return [b"EMAIL: a\n", *repeated(filling, 20 << 20), b"z\nTEL: 1\n\nEMAIL: b\n"]

    chunks = list(blocks_reader(["EMAIL"], "").read(stream()))
    assert fates(chunks) == [(1, 1, "record_too_long")]
    assert cells(chunks, "EMAIL") == [(b"b",)]
    assert chunks[-1].end.offset == sum(map(len, stream()))
    assert chunks[-1].end.line == sum(piece.count(b"\n") for piece in stream())
    assert max(chunk.size_bytes for chunk in chunks) < 100


def test_of_several_user_names_in_a_block_each_is_one() -> None:
    text = b'URL: u\nUSER: ben\nUSER: a"b\\c;d\nUSER: ben\n\nURL: u\nUSER: eva;fay\n\n'
    wanted = pipelines.manifest({"USER": "username"}, format_='name = "blocks"')
    table = pipelines.table_of(pipelines.run(wanted, [BytesSource(text)]))
    reference = Reference(PEPPER.secret, PEPPER.kid, "demo", pipelines.SRC)
    assert {pk for pk, _ in table} == {reference.pk(("username", name)) for name in ("ben", 'a"b\\c;d', "eva;fay")}
