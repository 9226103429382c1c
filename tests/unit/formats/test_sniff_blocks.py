"""What `sniff` and a draft make of blocks, of places counted in bytes, and of lists with several delimiters."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest_cli.formats.sniff import Sample, sniff
from ingest_cli.formats.sniffing.guess import FileGuess
from tests.unit.commands.test_draft import drafted_of, kinds, validated

LOG = "".join(
    f"URL: https://site{i}.example/login\nUsername: {f'u{i}@mail.example' if i % 2 else f'user{i}'}\n"
    f"Password: rahsia{i}\nApplication: Demo\n%s"
    for i in range(20)
)
VCARD = "".join(
    f"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ali {i}\r\nitem1.TEL;TYPE=CELL:+6012345678{i}\r\n"
    f"EMAIL;TYPE=HOME:u{i}@mail.\r\n example\r\nEND:VCARD\r\n"
    for i in range(5)
)
LDIF = "version: 1\n\n" + "".join(
    f"dn: uid=u{i},dc=x\nuid: user{i}\nmail: u{i}@mail.example\ntelephoneNumber: +6012345678{i}\n"
    "userPassword:: cmFoc2lh\n\n"
    for i in range(5)
)
MYSQL = "".join(
    f"*************************** {i}. row ***************************\n"
    f"      id: {i}\n   email: u{i}@mail.example\nusername: user{i}\n"
    for i in range(1, 5)
)
PSQL = "".join(f"-[ RECORD {i} ]------\nid    | {i}\nemail | u{i}@mail.example\n" for i in range(1, 5))
EQUALS = "".join(f"user=user{i}\nemail=u{i}@mail.example\npw=rahsia\n\n" for i in range(5))


def guess(text: str | bytes) -> FileGuess:
    return sniff(Sample(text if isinstance(text, bytes) else text.encode(), complete=True))


@pytest.mark.parametrize(
    ("text", "written", "rows", "found"),
    [
        (LOG.replace("%s", "===============\n"), ("", ""), 20, {"email": ("Username",), "username": ("Username",)}),
        (LOG.replace("%s", "\n"), ("", ""), 20, {"email": ("Username",), "username": ("Username",)}),
        (LOG.replace("%s", ""), ("", ""), 20, {"email": ("Username",), "username": ("Username",)}),
        (VCARD, ("BEGIN:VCARD", ""), 5, {"phone": ("TEL",), "email": ("EMAIL",)}),
        (LDIF, ("dn:", ""), 6, {"username": ("uid",), "email": ("mail",), "phone": ("telephoneNumber",)}),
        (MYSQL, ("***", ""), 4, {"email": ("email",), "username": ("username",)}),
        (PSQL, ("-[ RECORD", " | "), 4, {"email": ("email",)}),
        (EQUALS, ("", "="), 5, {"username": ("user",), "email": ("email",)}),
    ],
    ids=["log, rules", "log, blank lines", "log, first key", "vcard", "ldif", "mysql", "psql", "equals signs"],
)
def test_blocks_are_told_by_their_keys(
    text: str, written: tuple[str, str], rows: int, found: dict[str, tuple[str, ...]], tmp_path: Path
) -> None:
    seen = guess(text)
    assert (seen.format, seen.separator, seen.key_delimiter) == ("blocks", *written)
    draft = drafted_of(tmp_path, text.encode())
    assert kinds(draft.manifest) == found
    assert "rahsia" not in draft.text
    report = validated(draft.manifest).as_dict()
    assert report["rows"]["read"] == rows
    assert report["rows"]["rejected"] == 0


@pytest.mark.parametrize(
    "text",
    [
        "".join(f"u{i}@mail.example:rahsia{i}\n" for i in range(30)),
        "".join(f"u{i}@mail.example:rahsia{i}\n\n" for i in range(30)),
        "".join(f"https://site{i}.example/:user{i}:rahsia{i}\n" for i in range(30)),
        "NAME: EMAIL\n" + "".join(f"Ali: u{i}@mail.example\n" for i in range(30)),
        "NAME,EMAIL\n" + "".join(f"ALI,u{i}@mail.example\n\n" for i in range(30)),
    ],
)
def test_other_files_are_no_blocks(text: str) -> None:
    assert guess(text).format in {"csv", "combo"}


def test_keys_that_are_somebody_s_are_never_named() -> None:
    for key in (
        "user@key.example",
        "+60123456789",
        "850101-14-5678",
        "60123456789",
        "d41d8cd98f00b204e9800998ecf8427e",
    ):
        text = "".join(f"Email: u{i}@mail.example\n{key}: x\nCity: X\nName: Ali\n\n" for i in range(9))
        assert [column.name for column in guess(text).columns] == ["Email", "City", "Name"]
    text = "".join(f"dn: uid=u{i},dc=x\nmail: u{i}@mail.example\n+6012345678{i}: y\n\n" for i in range(9))
    assert [column.name for column in guess(text).columns] == ["dn", "mail"]


NAMES = ("Ali bin Abu", "José Tan", "Zoë Ñu", "Siti Aïshah", "Lim Ah Kow", "Raj", "Müller", "Tan")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("widths_in", ["bytes", "characters"])
def test_places_are_counted_in_what_all_lines_have_the_same_number_of(
    widths_in: str, encoding: str, tmp_path: Path
) -> None:
    lines = [(NAMES[i % 8], f"85010{i % 9 + 1}1456{i:02}", f"012345678{i % 10}") for i in range(30)]
    data = b"\xef\xbb\xbf" if encoding == "utf-8-sig" else b""
    for name, ic, phone in lines:
        padded = name.encode().ljust(16) if widths_in == "bytes" else name.ljust(16).encode()
        data += padded + f"{ic}  {phone}\n".encode()
    seen = guess(data)
    assert (seen.format, seen.widths, seen.widths_in) == ("fixed", (16, 14, 10), widths_in)
    report = validated(drafted_of(tmp_path, data).manifest).as_dict()
    assert report["rows"] == {"read": 30, "kept": 30, "rejected": 0, "skipped": 0}


def test_lists_put_together_of_several_have_several_delimiters(tmp_path: Path) -> None:
    text = "".join(f"u{i}@mail.example{':;|'[i % 3]}rah;sia:{i}\n" for i in range(30))
    seen = guess(text)
    assert (seen.format, {seen.delimiter, *seen.more_delimiters}) == ("combo", {":", ";", "|"})
    report = validated(drafted_of(tmp_path, text.encode()).manifest).as_dict()
    assert report["rows"] == {"read": 30, "kept": 30, "rejected": 0, "skipped": 0}
    text = "".join(f"https://s{i}.example/x{':;'[i % 2]}user{i}{':;'[i % 2]}rahsia\n" for i in range(30))
    seen = guess(text)
    assert (seen.format, {seen.delimiter, *seen.more_delimiters}) == ("combo", {":", ";"})
    assert seen.columns[0].name == "url"


def test_one_delimiter_is_one_though_passwords_hold_others() -> None:
    seen = guess("".join(f"u{i}@mail.example:rah{';|,'[i % 3]}sia{i}\n" for i in range(30)))
    assert (seen.format, seen.delimiter, seen.more_delimiters) == ("combo", ":", ())


def test_mailto_does_not_hide_a_list(tmp_path: Path) -> None:
    text = "".join(f"mailto:u{i}@mail.example:rahsia{i}\n" for i in range(30))
    seen = guess(text)
    assert (seen.format, seen.columns[0].kind, seen.columns[1].secret) == ("combo", "email", True)
    report = validated(drafted_of(tmp_path, text.encode()).manifest).as_dict()
    assert report["rows"]["kept"] == 30


def test_other_people_in_a_vcard_and_what_a_change_does_are_no_columns(tmp_path: Path) -> None:
    card = VCARD.replace("END:", "RELATED;TYPE=friend:mailto:friend@mail.example\r\nEND:")
    assert kinds(drafted_of(tmp_path, card.encode()).manifest) == {"phone": ("TEL",), "email": ("EMAIL",)}
    change = "dn: uid=u1,dc=x\nchangetype: modify\nadd: mail\nmail: u1@mail.example\n-\n\n" * 3
    assert [column.title for column in guess(change).columns] == ["dn", "mail"]
