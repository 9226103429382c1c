"""Credential lists: which part of a line is what, and that the secret one is gone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from ingest_cli.errors import ManifestError
from tests.support.chunks import cells, fates, flags, repeated
from tests.support.text_formats import COMBO, combo_reader

ULP = ("url", "USER", "PASSWORD")


def split(columns: Sequence[str], line: str, *delimiters: str) -> tuple[str, ...]:
    """All cells of a line, by the parser as a whole."""
    parser = combo_reader(columns, columns, replace(COMBO, delimiters=delimiters or (":",), short_rows="fill"))
    (row,) = cells(parser.read([line.encode() + b"\n"]), *columns)
    assert list(row) == [*parser.split(line.encode()), *[b""] * (len(columns) - len(parser.split(line.encode())))]
    return tuple(cell.decode() for cell in row)


@pytest.mark.parametrize("delimiter", [":", ";", "\t", "|", " ", ","])
def test_a_password_may_hold_the_delimiter(delimiter: str) -> None:
    line = delimiter.join(["aisyah@mail.example", "pa", "", "ss", ""])
    assert split(["EMAIL", "PASSWORD"], line, delimiter) == ("aisyah@mail.example", line[20:])


@pytest.mark.parametrize(
    ("line", "url", "user", "password"),
    [
        ("https://site.example/login:aisyah:secret", "https://site.example/login", "aisyah", "secret"),
        ("https://site.example:8443/login:aisyah:se:cr:et", "https://site.example:8443/login", "aisyah", "se:cr:et"),
        ("https://site.example:8443:aisyah:secret", "https://site.example:8443", "aisyah", "secret"),
        ("https://[2001:db8::1]:8443/x:aisyah:secret", "https://[2001:db8::1]:8443/x", "aisyah", "secret"),
        ("https://[2001:db8::1]:aisyah:secret", "https://[2001:db8::1]", "aisyah", "secret"),
        ("android://aGFzaA==@com.app/:aisyah:secret", "android://aGFzaA==@com.app/", "aisyah", "secret"),
        ("site.example:aisyah:secret", "site.example", "aisyah", "secret"),
        ("site.example:443/x:aisyah:secret", "site.example:443/x", "aisyah", "secret"),
        ("site.example:60123456789:secret", "site.example", "60123456789", "secret"),
        ("https://s.example/?u=http://t/:a@b.example:pw", "https://s.example/?u=http://t/", "a@b.example", "pw"),
        ("https://s.example/a:b:a@b.example:pw", "https://s.example/a:b", "a@b.example", "pw"),
        ("https://site.example/:aisyah:http://x.example", "https://site.example/", "aisyah", "http://x.example"),
    ],
)  # fmt: skip
def test_an_address_may_hold_colons(line: str, url: str, user: str, password: str) -> None:
    assert split(ULP, line) == (url, user, password)


@pytest.mark.parametrize("delimiter", [";", "|", "\t", " "])
def test_other_delimiters_leave_an_address_alone(delimiter: str) -> None:
    row = ("https://[::1]:8443/a:b", "aisyah", f"se:cr{delimiter}et")
    assert split(ULP, delimiter.join(row), delimiter) == row


def test_the_address_may_come_last_or_between() -> None:
    assert split(["USER", "PASSWORD", "url"], "a:se:cr:https://s.example:81/") == (
        "a",
        "se:cr",
        "https://s.example:81/",
    )
    assert split(["USER", "url", "PASSWORD"], "a:https://s.example:81/x:p:w") == ("a", "https://s.example:81/x", "p:w")


def test_a_column_that_nobody_asked_for_is_in_no_cell() -> None:
    secret = b"correct-horse"
    data = b"a@b.example:" + secret + b"\nhttps://x:8/:c:" + secret + b"\n"
    for columns in (["EMAIL", "PASSWORD"], ["EMAIL", ""]):
        chunks = list(combo_reader(columns, ["EMAIL"]).read([data]))
        assert all(set(chunk.cells) == {"EMAIL"} for chunk in chunks)
        for chunk in chunks:
            # Not in the buffers behind the cells either: an array may be a view of more than it shows.
            assert all(secret not in (b or b"") for b in map(_bytes, chunk.cells["EMAIL"].buffers()))


def _bytes(buffer: object) -> bytes:
    return bytes(memoryview(buffer)) if buffer is not None else b""  # type: ignore[arg-type] - pyarrow has no types


def test_what_is_no_row_is_counted() -> None:
    data = b"a@b.example:1\nnothing here\n\n \t\na@c.example\r\nd@e.example:\n:x"
    chunks = list(combo_reader(["EMAIL", "PASSWORD"], ["EMAIL"]).read([data]))
    assert cells(chunks, "EMAIL") == [(b"a@b.example",), (b"d@e.example",), (b"",)]
    assert fates(chunks) == [(2, 2, "no_delimiter"), (3, 3, "blank"), (4, 4, "blank"), (5, 5, "no_delimiter")]


def test_a_line_with_too_few_cells_is_rejected_unless_the_manifest_says_otherwise() -> None:
    data = b"https://site.example/:aisyah\naisyah:secret\nhttps://site.example/:lim:secret\n"
    chunks = list(combo_reader(ULP, ["USER", "PASSWORD"]).read([data]))
    assert cells(chunks, "USER", "PASSWORD") == [(b"lim", b"secret")]
    assert fates(chunks) == [(1, 1, "too_few_cells"), (2, 2, "too_few_cells")]
    assert flags(chunks) == {}
    (chunk,) = combo_reader(ULP, ["USER", "PASSWORD"], replace(COMBO, short_rows="fill")).read([data])
    assert cells([chunk], "USER", "PASSWORD") == [(b"aisyah", b""), (b"secret", b""), (b"lim", b"secret")]
    assert chunk.loose.tolist() == [0, 1]
    assert flags([chunk]) == {"short_row": 2}


@pytest.mark.parametrize("columns", [("A", "B", "C"), ("A", "B", "url"), ("url", "B", "C")])
@pytest.mark.parametrize("delimiter", [":", ";", "::"])
def test_too_few_cells_are_too_few_in_any_list(columns: Sequence[str], delimiter: str) -> None:
    lines = [delimiter.join(cells) for cells in (["a"], ["a", "b"], ["a", "b", "c"], ["a", "b", "c", "d"])]
    chunks = list(
        combo_reader(columns, ["B"], replace(COMBO, delimiters=(delimiter,))).read(["\n".join(lines).encode()])
    )
    assert fates(chunks)[:2] == [(1, 1, "no_delimiter"), (2, 2, "too_few_cells")]


@pytest.mark.parametrize(
    ("line", "row"),
    [
        ("a@x.example:se;cr|et", ("a@x.example", "se;cr|et")),
        ("a@x.example;se:cr|et", ("a@x.example", "se:cr|et")),
        ("a@x.example|se:cr;et", ("a@x.example", "se:cr;et")),
        ("a@x.example::se:cret", ("a@x.example", "se:cret")),
        ("a@x.example:::se:cret", ("a@x.example", ":se:cret")),
    ],
)
def test_of_several_delimiters_the_first_one_in_a_line_counts(line: str, row: tuple[str, str]) -> None:
    assert split(("EMAIL", "PASSWORD"), line, ":", ";", "|", "::") == row
    assert split(("EMAIL", "PASSWORD"), line, "::", "|", ";", ":") == row


@pytest.mark.parametrize(
    ("line", "row"),
    [
        ("https://site.example/login:aisyah:se;cret", ("https://site.example/login", "aisyah", "se;cret")),
        ("https://site.example/login;aisyah;se:cret", ("https://site.example/login", "aisyah", "se:cret")),
        ("https://site.example:8443/x|aisyah|secret", ("https://site.example:8443/x", "aisyah", "secret")),
        ("https://[::1]:8443/x|aisyah|secret", ("https://[::1]:8443/x", "aisyah", "secret")),
        ("site.example;aisyah;secret", ("site.example", "aisyah", "secret")),
        ("android://aGFzaA==@com.app/;aisyah;secret", ("android://aGFzaA==@com.app/", "aisyah", "secret")),
    ],
)
def test_an_address_does_not_decide_which_delimiter_counts(line: str, row: tuple[str, ...]) -> None:
    assert split(ULP, line, ":", ";", "|") == row


def test_delimiters_of_several_characters() -> None:
    assert split(("A", "B"), "ali :: se::cr :: et", " :: ") == ("ali", "se::cr :: et")
    assert split(("A", "B", "C"), "a:::b::::c", "::") == ("a", ":b", "::c")
    assert split(ULP, "https://site.example:81/x::ali::se:cret", "::") == (
        "https://site.example:81/x",
        "ali",
        "se:cret",
    )
    assert split(ULP, "https://site.example/x | ali | se|cret", " | ") == ("https://site.example/x", "ali", "se|cret")


@pytest.mark.parametrize("mailto", ["mailto:", "MAILTO:", "Mailto:", " mailto:"])
@pytest.mark.parametrize("delimiters", [(":",), (":", ";"), (";",), ("::",)])
def test_mailto_is_no_cell(mailto: str, delimiters: tuple[str, ...]) -> None:
    delimiter = delimiters[-1]
    email, password = split(("EMAIL", "PASSWORD"), f"{mailto}ali@x.example{delimiter}se:cret", *delimiters)
    assert email.strip().casefold().removeprefix("mailto:") == "ali@x.example"
    assert password == "se:cret"
    url, email, password = split(ULP, f"https://s.example/x{delimiter}{mailto}ali@x.example{delimiter}pw", *delimiters)
    assert email.strip().casefold().removeprefix("mailto:") == "ali@x.example"
    assert (url, password) == ("https://s.example/x", "pw")


def test_a_user_may_be_called_mailto() -> None:
    assert split(("USER", "PASSWORD"), "mailto:secret") == ("mailto", "secret")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_skipped(end: str) -> None:
    data = end.join(["list of: everybody", "", "ali:secret", "lim:secret"]).encode()
    chunks = list(combo_reader(["USER", ""], ["USER"], replace(COMBO, skip_lines=2)).read([data]))
    assert cells(chunks, "USER") == [(b"ali",), (b"lim",)]
    assert (chunks[0].start.line, chunks[0].start.row) == (2, 0)
    assert list(combo_reader(["USER", ""], ["USER"], replace(COMBO, skip_lines=5)).read([data])) == []


@pytest.mark.parametrize(
    ("columns", "wanted", "delimiter", "message"),
    [
        ([], [], ":", "needs `columns`"),
        (["A"], ["B"], ":", 'no column "B"'),
        (["A"], ["A"], "", "one or more characters"),
        (["A"], ["A"], ":\n", "one or more characters"),
        (["url", "URL"], ["url"], ":", "two columns"),
    ],
)
def test_a_list_that_cannot_be_is_refused(
    columns: Sequence[str], wanted: Sequence[str], delimiter: str, message: str
) -> None:
    with pytest.raises(ManifestError, match=message):
        combo_reader(columns, wanted, replace(COMBO, delimiters=(delimiter,)))


@pytest.mark.slow
@pytest.mark.parametrize("delimiter", [":", "¦", "::"])
@pytest.mark.parametrize(
    "filling", [b"a", b":", b"https://", b"/:u@x.example", b"[", b"@a.b", b"mailto:", b"mailto:a@"]
)
def test_a_line_of_megabytes_is_read_in_one_go(filling: bytes, delimiter: str) -> None:
    chunks = list(combo_reader(ULP, ["USER"], replace(COMBO, delimiters=(delimiter,))).read(repeated(filling, 4 << 20)))
    assert sum(chunk.records for chunk in chunks) == 1
