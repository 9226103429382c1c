"""E-mail addresses: their one form, several in a cell, the mailbox behind them, and their mask."""

from __future__ import annotations

import pyarrow as pa
import pytest

from ingest_cli.identifiers import IDENTIFIERS
from ingest_cli.identifiers.email import email_base

EMAIL = IDENTIFIERS["email"]


def values(text: str) -> list[str]:
    found: list[str] = EMAIL.canonicalize(pa.array([text], pa.string()), "MY").value.to_pylist()
    return found


def reasons(text: str) -> list[str]:
    return EMAIL.canonicalize(pa.array([text], pa.string()), "MY").rejected_reason


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Ana.Lim@Example.COM", "ana.lim@example.com"),
        ("<ana@example.com>", "ana@example.com"),
        ("Ana Lim <ana@example.com>", "ana@example.com"),
        ('"Lim, Ana" <ana@example.com>', "ana@example.com"),
        ("mailto:ana@example.com", "ana@example.com"),
        ("MAILTO:ana@example.com?subject=Hi,there", "ana@example.com"),
        ("<mailto:ana@example.com?subject=Hi>", "ana@example.com"),
        ("mailto:ana%2Bx@example.com", "ana+x@example.com"),
        ("'ana@example.com'", "ana@example.com"),
        ("o'brien@example.com", "o'brien@example.com"),
        ("a/b@example.com", "a/b@example.com"),
        ("ana@bücher.example", "ana@xn--bcher-kva.example"),
        ("ana@BÜCHER.example", "ana@xn--bcher-kva.example"),
        ("ana@xn--bcher-kva.example", "ana@xn--bcher-kva.example"),
        ("ana@example.xn--p1ai", "ana@example.xn--p1ai"),
        ("\u200bana@example.com\ufeff", "ana@example.com"),
        ("an\u200ba@exam\u00adple.com", "ana@example.com"),
        ('="ana@example.com"', "ana@example.com"),
        ("{ana@example.com}", "ana@example.com"),
        ("a{b}@example.com", "a{b}@example.com"),
        ("x" * 64 + "@example.com", "x" * 64 + "@example.com"),
    ],
)
def test_one_address_however_it_is_written(text: str, value: str) -> None:
    assert values(text) == [value]
    assert reasons(text) == []


@pytest.mark.parametrize("separator", [";", ",", "/", "|", " ", "\t", " ; ", "\n", ";;"])
def test_several_addresses_in_a_cell(separator: str) -> None:
    text = separator.join(["ana@example.com", "ben@example.com", "ANA@example.com"])
    assert values(text) == ["ana@example.com", "ben@example.com"]
    assert reasons(text) == []


def test_several_bracketed_addresses() -> None:
    text = "Ana <ana@example.com>, Ben Tan <ben@example.com>; cy@example.com"
    assert values(text) == ["ana@example.com", "ben@example.com", "cy@example.com"]
    assert reasons(text) == []


def test_a_bad_part_is_rejected_alone() -> None:
    assert values("ana@example.com; ben@; año@example.com") == ["ana@example.com"]
    assert reasons("ana@example.com; ben@; año@example.com") == ["not_an_address", "non_ascii_local"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not_an_address"),
        ("no address here", "not_an_address"),
        ("@", "not_an_address"),
        ("<@>", "not_an_address"),
        ("ana@localhost", "not_an_address"),
        ("ana@127.0.0.1", "not_an_address"),
        ("ana@[127.0.0.1]", "not_an_address"),
        ("ana@@example.com", "not_an_address"),
        (".ana@example.com", "not_an_address"),
        ("ana.@example.com", "not_an_address"),
        ("an..a@example.com", "not_an_address"),
        ("ana@-example.com", "not_an_address"),
        ("ana@example..com", "not_an_address"),
        ("ana@exa_mple.com", "not_an_address"),
        ("ana@" + "x" * 64 + ".com", "not_an_address"),
        ("x" * 65 + "@example.com", "not_an_address"),
        ("ana@" + "example." * 40 + "com", "not_an_address"),
        ("a@b.co " * 10_000, "not_an_address"),
        ("ana@\u2603\u0301\u0301.\u0000é", "not_an_address"),
        ("añã@example.com", "non_ascii_local"),
        ("{ana@example.com", "broken_list"),
        ('["ana@example.com"', "broken_list"),
        ("'{ana@example.com", "not_an_address"),
        ("<{ana@example.com>", "not_an_address"),
        ("mailto:{ana@example.com", "not_an_address"),
        ("x;{ana@example.com", "not_an_address"),
        ("{ana}@example.com", "not_an_address"),
        ("ana@example.com}", "not_an_address"),
        ("ana%40example.com", "not_an_address"),
        ("ana\\@example.com", "not_an_address"),
        ("ana@example.com.", "not_an_address"),
        ("(office)ana@example.com", "not_an_address"),
    ],
)
def test_rejected(text: str, reason: str) -> None:
    assert values(text) == []
    assert reasons(text) == [reason]


@pytest.mark.parametrize(
    ("value", "base"),
    [
        ("ana@example.com", None),
        ("ana+shop@example.com", "ana@example.com"),
        ("ana+a+b@example.com", "ana@example.com"),
        ("an.a@example.com", None),
        ("an.a@gmail.com", "ana@gmail.com"),
        ("an.a+x.y@gmail.com", "ana@gmail.com"),
        ("ana@gmail.com", None),
        ("ana@googlemail.com", "ana@gmail.com"),
        ("a.n.a+z@googlemail.com", "ana@gmail.com"),
        ("ana@notgmail.com", None),
        ("a.b@mail.gmail.com", None),
        ("+tag@example.com", None),
        ("+tag@gmail.com", None),
        ("a.+tag@example.com", None),
    ],
)
def test_base(value: str, base: str | None) -> None:
    assert email_base(pa.array([value])).to_pylist() == [base]


def test_base_of_a_column_keeps_its_places() -> None:
    column = pa.array(["a.b@gmail.com", "ana@example.com", "ana+x@example.com", "c.d@googlemail.com"])
    assert email_base(column).to_pylist() == ["ab@gmail.com", None, "ana@example.com", "cd@gmail.com"]
    assert email_base(column.slice(1, 2)).to_pylist() == [None, "ana@example.com"]
    assert email_base(column.slice(0, 0)).to_pylist() == []


@pytest.mark.parametrize(
    ("value", "mask"),
    [
        ("ana.lim@example.com", "a***@e***.com"),
        ("ana.lim@mail.example.com.my", "a***@m***.my"),
        ("_ana.lim@example.com", "****@e***.com"),
        ("ana.lim@example.xn--p1ai", "a***@e***.***"),
        ("a@b.com", "************"),
        ("ana@cy.com", "************"),
        ("ana@b.international", "************"),
    ],
)
def test_mask(value: str, mask: str) -> None:
    assert EMAIL.mask(pa.array([value])).to_pylist() == [mask]
