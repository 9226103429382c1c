"""What `sniff` makes of many shapes of files; every value in them is invented."""

from __future__ import annotations

import bz2
import codecs
import csv
import gzip
import io
import lzma
import random
import tomllib
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest_cli.formats.sniff import MAX_SAMPLE_BYTES, Sample, sniff
from ingest_cli.formats.sniffing.guess import ColumnGuess, FileGuess
from ingest_cli.formats.sniffing.names import is_known, meaning_of, shown

SAMPLES = Path(__file__).parents[3] / "sample_data"
GIVEN_NAMES = ("AISYAH", "RAJ", "MEI LING", "FARID", "NURUL", "KUMAR", "WEI JIE", "SITI", "HAFIZ", "PRIYA")
NAMES = ("NAME", "ICNUM", "ADDRESS", "MOBILE", "EMAIL")
KINDS = (None, "id", None, "phone", "email")


def mykad(rng: random.Random) -> str:
    date = f"{rng.randrange(100):02d}{rng.randrange(1, 13):02d}{rng.randrange(1, 29):02d}"
    return f"{date}{rng.randrange(1, 17):02d}{rng.randrange(10_000):04d}"


def people(count: int, seed: int = 7) -> list[list[str]]:
    rng = random.Random(seed)
    return [
        [
            f"{rng.choice(GIVEN_NAMES)} {rng.choice(('BIN', 'BINTI', 'A/L'))} {rng.choice(GIVEN_NAMES)}",
            mykad(rng),
            f"NO {rng.randrange(200)}, JALAN CONTOH {rng.randrange(30)}, {rng.randrange(10**4, 10**5)} IPOH",
            f"01{rng.choice('023467')}{rng.randrange(10**7):07d}",
            f"orang{row}.contoh@example.com",
        ]
        for row in range(count)
    ]


def written(rows: list[list[str]], delimiter: str = ",", quote: str | None = '"', end: str = "\n") -> str:
    out = io.StringIO()
    if quote is None:
        csv.writer(
            out,
            delimiter=delimiter,
            quoting=csv.QUOTE_NONE,
            lineterminator=end,
            escapechar="\\",
            quotechar=None,
        ).writerows(rows)
    else:
        csv.writer(out, delimiter=delimiter, quotechar=quote, lineterminator=end).writerows(rows)
    return out.getvalue()


def guess(text: str, name: str = "") -> FileGuess:
    return sniff(Sample(text.encode(), complete=True, name=name))


def counts(guessed: FileGuess) -> dict[str, int]:
    return {finding.code: finding.count for finding in guessed.findings}


def column(values: list[str], title: str = "") -> ColumnGuess:
    """The guess for one column, beside a column of row numbers."""
    rows = [[f"r{row}", value] for row, value in enumerate(values)]
    return guess(written(([["SEQ", title]] if title else []) + rows)).columns[1]


@pytest.mark.parametrize("quote", ['"', "'"])
@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("delimiter", list(",;\t|:^~\x01"))
def test_finds_delimiter_quote_header_and_kinds(delimiter: str, quote: str, header: bool) -> None:  # noqa: FBT001 - a parameter of the test
    rows = [[cell.replace(",", delimiter) for cell in row] for row in people(60)]
    found = guess(written([list(NAMES)] * header + rows, delimiter, quote))
    assert (found.format, found.delimiter) == ("tsv" if delimiter == "\t" else "csv", delimiter)
    assert found.quote == quote
    assert found.header is header
    assert found.rows_sampled == 60
    assert tuple(column.kind for column in found.columns) == KINDS
    assert [column.exposes for column in found.columns] == ["Names", None, "Physical addresses", None, None]
    names = NAMES if header else ("COL1", "COL2", "COL3", "COL4", "COL5")
    assert tuple(column.name for column in found.columns) == names
    assert set(counts(found)) <= {"no_header"}


def test_unquoted_file_with_quotes_in_its_cells() -> None:
    rows = people(50)
    for row in rows[::5]:
        row[0] = '"' + row[0]
    found = guess(written(rows, "|", None).replace("\\", ""))
    assert (found.delimiter, found.quote) == ("|", None)
    assert counts(found)["stray_quotes"] == 10


def test_quoted_newlines_are_part_of_their_cell() -> None:
    rows = people(40)
    for row in rows:
        row[2] = row[2].replace(", ", ",\n")
    found = guess(written(rows, end="\r\n"))
    assert (found.delimiter, found.rows_sampled, len(found.columns)) == (",", 40, 5)
    assert set(counts(found)) == {"no_header"}


@pytest.mark.parametrize("place", [0, 17, 39])
def test_a_quote_nobody_closed_costs_its_own_row_only(place: int) -> None:
    lines = written([list(NAMES), *people(40)]).splitlines(keepends=True)
    lines[place + 1] = lines[place + 1].replace("orang", '"orang')
    found = guess("".join(lines))
    assert (found.delimiter, found.quote, found.header) == (",", '"', True)
    assert found.rows_sampled == 40
    assert counts(found)["unclosed_quote"] == 1
    assert tuple(column.kind for column in found.columns) == KINDS


def test_blanks_between_delimiter_and_quote() -> None:
    text = "".join(", ".join(f'"{cell}"' for cell in row) + "\n" for row in people(30))
    found = guess(text)
    assert (found.delimiter, found.quote, len(found.columns)) == (", ", '"', 5), "else quotes enclose nothing"
    assert tuple(column.kind for column in found.columns) == KINDS


def test_a_title_may_be_a_known_name_and_padded_with_delimiters() -> None:
    rows = "".join(f"u{i}@mail.example,01234567{i:02d},Ali {i}\n" for i in range(12))
    found = guess(f"Company X\nCustomer list,,\n,,\nemail,phone,name\n{rows}")
    assert (found.skip_lines, found.header) == (3, True)
    assert [column.title for column in found.columns] == ["email", "phone", "name"]


def test_a_known_name_alone_is_a_header_where_no_better_one_follows() -> None:
    found = guess("email\n" + "".join(f"u{i}@mail.example,x{i}\n" for i in range(12)))
    assert (found.skip_lines, found.header) == (0, True)


def test_a_header_of_a_list_need_not_be_known_in_full() -> None:
    rows = "".join(f"u{i}@mail.example||{f'01234567{i:02d}||p|' if i % 3 else '||p'}w{i}\n" for i in range(12))
    found = guess("email||phone||pw2\n" + rows)
    assert (found.format, found.delimiter, found.header) == ("csv", "||", True)


def test_apostrophes_may_be_quotes_with_an_escape() -> None:
    found = guess("".join(f"'u{i}@mail.example','01234567{i:02d}','O\\'Neil, {i}'\n" for i in range(12)))
    assert (found.quote, found.escape, len(found.columns)) == ("'", "\\", 3)


def test_a_title_does_not_make_a_file_one_of_a_single_column() -> None:
    found = guess("Report of 2017\n\nemail,phone\nali@example.com,0123456789\nTotal: 1\n")
    assert len(found.columns) == 2
    assert "one_column" not in counts(found)


def test_times_of_day_do_not_make_the_colon_a_delimiter() -> None:
    rows = [[str(row), f"2017-10-19 {row % 24:02d}:00:{row:02d}", "x"] for row in range(50)]
    assert guess(written(rows)).delimiter == ","
    alone = guess("".join(f"{row[1]}\n" for row in rows))
    assert (alone.format, list(counts(alone))) == (None, ["unknown_format"])


def test_decimal_commas_do_not_make_the_comma_a_delimiter() -> None:
    assert guess("".join(f"{row},5;{row},25;{row},75\n" for row in range(30))).delimiter == ";"


@pytest.mark.parametrize(("name", "format_name"), [("a.csv", "csv"), ("a.TSV", "tsv"), ("", "csv")])
def test_one_column(name: str, format_name: str) -> None:
    found = guess("EMAIL\n" + "".join(f"{row[4]}\n" for row in people(30)), name)
    assert (found.format, found.header) == (format_name, True)
    assert [(column.name, column.kind) for column in found.columns] == [("EMAIL", "email")]
    assert counts(found) == {"one_column": 1}


def test_excels_sep_line_names_the_delimiter() -> None:
    found = guess("sep=;\r\n" + written([list(NAMES), *people(10)], ";", end="\r\n"))
    assert (found.delimiter, found.header, found.rows_sampled) == (";", True, 10)
    assert counts(found)["sep_line"] == 1


# --- encodings ---------------------------------------------------------------------------------------------

WITH_ACCENTS = written([list(NAMES), *[[row[0] + " RENÉ", *row[1:]] for row in people(30)]])


@pytest.mark.parametrize(
    ("mark", "encoding", "expected"),
    [
        (codecs.BOM_UTF8, "utf-8", "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16-le", "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be", "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le", "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be", "utf-32-be"),
        (b"", "utf-8", "utf-8"),
        (b"", "utf-16-le", "utf-16-le"),
        (b"", "utf-16-be", "utf-16-be"),
        (b"", "utf-32-le", "utf-32-le"),
        (b"", "utf-32-be", "utf-32-be"),
        (b"", "cp1252", "cp1252"),
    ],
)
def test_encodings(mark: bytes, encoding: str, expected: str) -> None:
    found = sniff(Sample(mark + WITH_ACCENTS.encode(encoding), complete=True))
    assert found.encoding == expected
    assert found.header
    assert found.columns[0].name == "NAME"
    assert found.findings == ()


@pytest.mark.parametrize(
    ("encoding", "expected", "word"),
    [
        ("gbk", "gb18030", "陈伟杰住在中国大街"),
        ("big5", "big5", "陳偉傑住在中國大街"),
        ("euc-kr", "cp949", "서울특별시 강남구 테헤란로"),
        ("shift_jis", "cp932", "とうきょうとしぶやく"),
    ],
)
def test_double_byte_encodings(encoding: str, expected: str, word: str) -> None:
    found = sniff(Sample(written([[str(row), word, "x"] for row in range(20)]).encode(encoding), complete=True))
    assert found.encoding == expected
    assert found.encoding_confidence < 0.9


def test_pure_ascii_is_utf8_but_not_quite_sure() -> None:
    found = guess(written(people(5)))
    assert found.encoding == "utf-8"
    assert found.encoding_confidence < 0.95


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_a_character_cut_at_the_end_of_the_sample_is_no_error(cut: int) -> None:
    whole = ("a,b\n" * 200 + "x,𝄞").encode()
    head = sniff(Sample(whole[:-cut], complete=False))
    assert head.encoding == "utf-8"
    assert "undecodable" not in counts(head)
    assert counts(sniff(Sample(whole[:-cut], complete=True)))["undecodable"] == 4 - cut


def test_a_few_odd_bytes_are_damage_not_an_encoding() -> None:
    data = bytearray(written(people(100)).encode())
    data[500], data[3_000] = 0xFF, 0xFE
    found = sniff(Sample(bytes(data), complete=True))
    assert found.encoding == "utf-8"
    assert found.encoding_confidence < 0.5
    assert counts(found)["undecodable"] == 2
    assert "encoding_unsure" in counts(found)


def test_characters_lost_before_the_file_was_written() -> None:
    assert counts(guess(written(people(10)) + "x,\ufffd\ufffd,y,z,e\n"))["replacement_characters"] == 2


# --- headers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "first",
    [
        ["Nama Penuh", "No. K/P", "Alamat", "No Telefon", "Emel"],
        ["nama", "no_kp", "alamat", "no_hp", "e-mail"],
        ["custName", "custIC", "custAddr", "custMobileNo", "custEmail"],
        ["姓名", "身份证", "地址", "电话", "邮箱"],
    ],
)
def test_headers(first: list[str]) -> None:
    found = guess(written([first, *people(30)]))
    assert found.header
    assert [column.name for column in found.columns] == first
    assert tuple(column.kind for column in found.columns) == KINDS


@pytest.mark.parametrize(
    "first",
    [
        ["ALI BIN ABU", "TIADA", "JALAN CONTOH", "TAK ADA", "KOSONG"],
        ["ALI BIN ABU", "880101145678", "JALAN CONTOH", "0123456789", "ali@example.com"],
        ["NAMA", "880101145678", "ALAMAT", "TELEFON", "EMEL"],
        ["NAME", "NULL", "NULL", "NULL", "NULL"],
        ["", "", "", "", "email"],
    ],
)
def test_a_first_row_that_may_be_data_is_never_shown(first: list[str]) -> None:
    found = guess(written([first, *people(30)]))
    assert not found.header
    assert [column.name for column in found.columns] == ["COL1", "COL2", "COL3", "COL4", "COL5"]
    assert found.rows_sampled == 31
    assert not any(word and word in repr(found) for word in first if word not in {"NULL", "email"})


def test_a_row_whose_words_recur_below_is_no_header() -> None:
    rows = [["mobile", "email", row[1]] for row in people(30)]
    assert not guess(written([["mobile", "email", "name"], *rows])).header


def test_the_word_password_on_top_of_a_list_of_passwords_is_one() -> None:
    assert not guess("password\nqwerty\nletmein\nsecret1\n").header


def test_an_unsure_header_is_said_to_be_unsure() -> None:
    found = guess(written([["wxyz", "qrst"], *[[row[4], row[0]] for row in people(20)]]))
    assert not found.header
    assert "header_unsure" in counts(found)


def test_control_and_bidi_characters_in_names_are_escaped() -> None:
    found = guess(written([["NAME", "EMAIL \u202e\x1b[31m", "NO_TEL"], *[[r[0], r[4], r[3]] for r in people(20)]]))
    assert "\u202e" not in repr(found)
    assert "\x1b" not in repr(found)
    assert shown("A\u202e\x1bB\u2028") == "A\\u202e\\u001bB\\u2028"
    assert shown("x" * 100) == "x" * 59 + "…"


def test_odd_headers() -> None:
    rows = [[*row, "x", "y"] for row in people(20)]
    found = guess(written([["NAME", "IC", "ADDRESS", "PHONE", "EMAIL", "phone"], *rows]))
    assert {"duplicate_names": 1, "header_width": 1}.items() <= counts(found).items()
    assert [column.name for column in found.columns][5:] == ["phone", "COL7"]
    assert "unnamed_columns" in counts(guess(written([["NAME", "IC", "", "PHONE", "EMAIL"], *people(20)])))


# --- columns -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "titles"),
    [
        (
            "id",
            "NO_KP NRIC IC ICNUM MYKAD NO_IC KAD_PENGENALAN PASSPORT PASPORT no.kp IcNo OLD_IC IC/Passport",
        ),
        (
            "phone",
            "MSISDN MOBILE PHONE TEL NO_TEL TELEFON HP NO_HP CONTACT phone2 Tel.No mobileNumber HomePhone",
        ),
        ("email", "EMAIL EMEL E-MAIL MAIL Email_Address emailAddress user_email"),
        ("imei", "IMEI imei_1"),
        ("imsi", "IMSI"),
        ("iccid", "ICCID SIM SIM_NO SimCardNumber"),
        ("username", "USERNAME LOGIN USER NAMA_PENGGUNA user_name UserName"),
    ],
)
def test_names_of_kinds(kind: str, titles: str) -> None:
    for title in titles.split():
        meaning = meaning_of(title)
        assert meaning is not None, title
        assert (meaning.kind, meaning.secret) == (kind, False), title


@pytest.mark.parametrize(
    ("exposes", "titles"),
    [
        ("Names", "NAME NAMA FirstName LAST_NAME cust_name NAMA_PENUH"),
        ("Physical addresses", "ADDRESS ALAMAT POSTCODE POSKOD address_1 MailingAddress"),
        ("Dates of birth", "DOB TARIKH_LAHIR date_of_birth BirthDate"),
        ("Genders", "GENDER JANTINA"),
    ],
)
def test_names_of_data_classes(exposes: str, titles: str) -> None:
    for title in titles.split():
        meaning = meaning_of(title)
        assert meaning is not None, title
        assert (meaning.kind, meaning.exposes) == (None, exposes), title


@pytest.mark.parametrize(
    "title",
    [
        "PASSWORD",
        "PWD",
        "KATALALUAN",
        "PASS",
        "HASH",
        "SALT",
        "PIN",
        "SECRET",
        "TOKEN",
        "user_pass",
        "pwHash",
        "pw",
        "user_pw",
        "psw",
        "mdp",
        "lösenord",
        "hasło",
        "sha256",
    ],
)
def test_secrets_are_left_out(title: str) -> None:
    found = column(["abc1", "880101145678", "0123456789"], title)
    assert (found.secret, found.kind, found.exposes) == (True, None, None)


@pytest.mark.parametrize(
    "title", ["ID_TYPE", "EMAIL_VERIFIED", "PHONE_MODEL", "BANK_NAME", "PLAN_NAME", "NOTE", "LAST_LOGIN"]
)
def test_names_that_only_sound_like_it(title: str) -> None:
    assert meaning_of(title) is None


def test_ordinary_words_are_not_names_of_columns() -> None:
    assert is_known("CUSTOMER_ID")
    assert is_known("TARIKH")
    assert not is_known("ALI BIN ABU")
    assert not is_known("")


def many(template: str, count: int = 40) -> list[str]:
    rng = random.Random(template)
    return ["".join(str(rng.randrange(10)) if sign == "#" else sign for sign in template) for _ in range(count)]


@pytest.mark.parametrize(
    ("values", "kind", "exposes", "secret"),
    [
        ([row[1] for row in people(40)], "id", None, False),
        ([f"{row[1][:6]}-{row[1][6:8]}-{row[1][8:]}" for row in people(40)], "id", None, False),
        (many("A########"), "id", None, False),
        (many("601########"), "phone", None, False),
        (many("6012#######") + many("60101######"), "phone", None, False),
        (many("6012#######"), "phone", None, False),
        (many("+65 9### ####"), "phone", None, False),
        (many("03-#### ####"), "phone", None, False),
        (many("012-### #### / 013-### ####"), "phone", None, False),
        (many("50212##########"), "imsi", None, False),
        (many("35#############0"), "imei", None, False),
        (many("35############0"), "imei", None, False),
        (many("89601##############"), "iccid", None, False),
        ([row[4] for row in people(40)], "email", None, False),
        (many("a###b###c###d###e###f###0123abcd"), None, None, True),
        (many("$2y$10$##########################"), None, None, True),
        (many("10.1.2#.1#"), None, "IP addresses", False),
        ([row[0] for row in people(40)], None, "Names", False),
        ([row[2] for row in people(40)], None, "Physical addresses", False),
        (["LELAKI", "PEREMPUAN"] * 20, None, "Genders", False),
        (many("2017-10-1#"), None, None, False),
        (many("#.##"), None, None, False),
        (["", "-", "NULL"] * 10, None, None, False),
    ],
)
def test_cells_without_a_name(values: list[str], kind: str | None, exposes: str | None, secret: bool) -> None:  # noqa: FBT001 - a parameter of the test
    found = column(values)
    assert (found.kind, found.exposes, found.secret) == (kind, exposes, secret)
    assert 0.0 <= found.confidence <= 1.0
    assert not any(value in repr(found) for value in values if len(value) > 4)


def test_name_and_cells_together_are_surer_than_either() -> None:
    phones = [row[3] for row in people(40)]
    both, cells, name = column(phones, "NO_TEL"), column(phones), column(["tiada"] * 40, "NO_TEL")
    assert both.kind == cells.kind == name.kind == "phone"
    assert both.confidence > cells.confidence > name.confidence
    assert both.why == "its name, 100 % of cells fit"
    assert name.why == "its name, but only 0 % of cells fit; unsure"


def test_cells_outweigh_a_name_they_contradict() -> None:
    found = column([row[4] for row in people(40)], "CONTACT")
    assert found.kind == "email"
    assert found.why.endswith("unsure")


def test_few_cells_are_less_sure_than_many() -> None:
    emails = [row[4] for row in people(40)]
    assert column(emails[:2]).confidence < column(emails).confidence


def test_filled_ratio_does_not_count_null_like_cells() -> None:
    assert column(["a1", "NULL", "", "\\N"] * 5, "NOTE").filled == 0.25


def test_combo_lists_have_a_password() -> None:
    found = guess("".join(f"{row[4]}:Rahsia{place}!\n" for place, row in enumerate(people(40))))
    assert found.delimiter == ":"
    assert [(column.kind, column.secret) for column in found.columns] == [("email", False), (None, True)]
    assert not any("Rahsia" in text for text in map(repr, found.columns))


# --- what is wrong -----------------------------------------------------------------------------------------


def test_ragged_blank_and_repeated_rows() -> None:
    rows = [list(NAMES), *people(60)]
    rows[10].pop()
    rows[20] += ["x"]
    rows[30] += ["x", "y"]
    rows.insert(40, list(NAMES))
    rows.insert(41, [])
    found = guess(written(rows))
    assert counts(found) == {"short_rows": 1, "long_rows": 2, "repeated_header": 1, "blank_lines": 1}
    assert found.rows_sampled == 60


def test_mixed_line_ends() -> None:
    text = written(people(10), end="\r\n") + written(people(5)) + written(people(3), end="\r")
    assert counts(guess(text))["mixed_line_ends"] == 8


def test_nul_and_control_characters() -> None:
    found = guess(written(people(30)).replace("CONTOH", "CON\0TOH\x07", 3))
    assert {"nul": 3, "control_characters": 3}.items() <= counts(found).items()
    assert len(found.columns) == 5


def test_spreadsheet_damage_and_null_like_cells() -> None:
    rows = people(40)
    rows[0][3], rows[1][1], rows[2][1], rows[3][3] = "6.01E+10", "880101145678.0", '="880101145678"', "N/A"
    rows[4][4] = rows[5][4] = "\\N"
    found = guess(written(rows, quote="'"))
    expected = {"excel_exponent": 1, "excel_decimal": 1, "excel_formula": 1, "null_like": 3}
    assert expected.items() <= counts(found).items()


def test_a_very_long_line() -> None:
    rows = people(10)
    rows[4][2] = "x" * 200_000
    assert counts(guess(written(rows)))["long_line"] == 1


@pytest.mark.parametrize(
    "empty", [b"", b"\n\r\n \t\n", codecs.BOM_UTF8, codecs.BOM_UTF16_LE + b"\n\0", b"\0" * 9, b"\x1a"]
)
def test_empty_files(empty: bytes) -> None:
    found = sniff(Sample(empty, complete=True))
    assert (found.format, found.columns) == (None, ())
    assert counts(found) == {"empty": 1}


def zipped(member: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("[Content_Types].xml", "x")
        archive.writestr(member, "x")
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (gzip.compress(b"a,b\n", mtime=0), "gzip"),
        (bz2.compress(b"a,b\n"), "bzip2"),
        (lzma.compress(b"a,b\n"), "xz"),
        (zipped("xl/workbook.xml"), "Excel"),
        (zipped("word/document.xml"), "Office"),
        (b"PK\x03\x04\x14\0a.csv", "ZIP"),
        (b"PAR1\x15\x04", "Parquet"),
        (b"SQLite format 3\0\x10\0", "SQLite"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0", "Office"),
        (b"a.csv" + bytes(252) + b"ustar\x0000", "tar"),
        (b"-----BEGIN PGP MESSAGE-----\n", "OpenPGP"),
        (random.Random(1).randbytes(4_096), "control characters"),
    ],
)
def test_binary_files_are_named(data: bytes, word: str) -> None:
    found = sniff(Sample(data, complete=True))
    assert found.format is None
    assert [finding.code for finding in found.findings] == ["binary"]
    assert word in found.findings[0].text


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('[["x"]]', "JSON"),
        ('{"a": [', "JSON"),
        ("-- MySQL dump 10.13\n\nCREATE TABLE `users` (id int);\n", "SQL"),
        ("INSERT INTO users SELECT * FROM people;\n", "SQL"),
        ('<?xml version="1.0"?><rows/>', "XML"),
    ],
)
def test_text_that_holds_no_rows_is_named(text: str, word: str) -> None:
    found = guess(text)
    assert (found.format, found.encoding) == (None, "utf-8")
    assert word in found.findings[0].text


@pytest.mark.parametrize(
    ("text", "format_", "names"),
    [
        ('{"name": "x", "email": "y"}\n{"name": "z"}\n', "jsonl", ["name", "email"]),
        ('{"a": {"b": 1}, "c": []}\n{broken\n' + '{"a": {"b": 2}}\n' * 8, "jsonl", ["a.b"]),
        ('[{"a": 1}, {"b": [1, 2]}, {"c": [{"d": 1}]}]', "json", ["a", "b[]", "c[].d"]),
        ('{"rows": [{"a": 1}, {"a": {"$oid": "x"}}]}', "json", ["a"]),
        ("SET x=1;\nINSERT INTO users VALUES (1,'a'),(2,'b');\n", "sql", ["COL1", "COL2"]),
        ("INSERT INTO users (id, name) VALUES (1,'a');\n", "sql", ["id", "name"]),
        ("CREATE TABLE t (a int, KEY b (a));\nINSERT INTO t VALUES (1);\n", "sql", ["a"]),
        ("COPY t (a, b) FROM stdin;\n1\t2\n\\.\n", "sql", ["a", "b"]),
    ],
)
def test_structured_text(text: str, format_: str, names: list[str]) -> None:
    found = guess(text)
    assert (found.format, [column.name for column in found.columns]) == (format_, names)


@pytest.mark.parametrize(
    "lines",
    [
        [f"12:{minute:02d}:00 masuk" for minute in range(40)],
        [f"orang{n}:x:{1000 + n}:{1000 + n}:Orang {n}:/home/orang{n}:/bin/bash" for n in range(40)],
        [f"nama: orang {n}" for n in range(40)],
        [f"00:1b:44:11:3a:{n:02x}" for n in range(40)],
    ],
)
def test_colons_alone_make_no_credential_list(lines: list[str]) -> None:
    assert guess("\n".join(lines)).format in {"csv", "tsv"}


@pytest.mark.parametrize(
    "lines",
    [
        [f"Baris {n} daripada cerita yang panjang  sekali, {'kata ' * (n % 7)}" for n in range(40)],
        [f"| {n:>5} | {'x' * (n % 9):<12} |" for n in range(40)],
        [f"{n}   x" for n in range(4)],
    ],
)
def test_blanks_alone_make_no_fixed_places(lines: list[str]) -> None:
    assert guess("\n".join(lines)).format in {"csv", "tsv", None}


def test_numbers_set_flush_right_begin_behind_the_cell_before() -> None:
    lines = [f"{row[0]:<26}{7 ** (place % 9):>12}  {row[3]:<12}" for place, row in enumerate(people(60))]
    assert guess("\n".join(lines)).widths[0] <= 27


# --- bounds ------------------------------------------------------------------------------------------------


def test_the_record_the_sample_cuts_off_does_not_count() -> None:
    data = written(people(20)).encode()
    found = sniff(Sample(data[:-30], complete=False))
    assert found.rows_sampled == 19
    assert set(counts(found)) == {"no_header"}


def test_no_more_than_the_head_is_looked_at() -> None:
    line = written(people(1)).encode()
    found = sniff(Sample(line * (MAX_SAMPLE_BYTES // len(line)) + b"\0" * MAX_SAMPLE_BYTES, complete=True))
    assert found.format == "csv"
    assert found.rows_sampled == 1_000


@pytest.mark.slow
@pytest.mark.parametrize(
    "nasty",
    [
        b"," * MAX_SAMPLE_BYTES,
        b'"' * MAX_SAMPLE_BYTES,
        b'"a""\n' * (MAX_SAMPLE_BYTES // 5),
        b'a,"b\n' * (MAX_SAMPLE_BYTES // 5),
        b"\n" * (MAX_SAMPLE_BYTES - 1) + b"x",
        b"a" * MAX_SAMPLE_BYTES,
        b"a.@" * (MAX_SAMPLE_BYTES // 3),
        (b"1" * 255 + b",") * (MAX_SAMPLE_BYTES // 256),
        b"\xe9" * MAX_SAMPLE_BYTES,
        (b"," * 999 + b"\n") * (MAX_SAMPLE_BYTES // 1_000),
        (b"1," * 999 + b"\n") * (MAX_SAMPLE_BYTES // 2_000),
        b"COPY x " * (MAX_SAMPLE_BYTES // 7),
        b'\\"' * (MAX_SAMPLE_BYTES // 2),
        b"\\\n" * (MAX_SAMPLE_BYTES // 2),
        b'="' * (MAX_SAMPLE_BYTES // 2),
        b"||" * (MAX_SAMPLE_BYTES // 2),
        b"EMAIL,NAME\n" + b"a@example.com,a,b,c,d\n" * (MAX_SAMPLE_BYTES // 30),
        (bytes(range(128, 256)) + b"\n") * (MAX_SAMPLE_BYTES // 129),
        b"Title\n" * (MAX_SAMPLE_BYTES // 6),
    ],
)
def test_hostile_samples_end(nasty: bytes) -> None:
    assert len(sniff(Sample(nasty, complete=False)).columns) <= 1_000


@given(st.binary(max_size=2_000), st.booleans())
@settings(max_examples=300, deadline=None)
def test_no_bytes_raise(sample: bytes, complete: bool) -> None:  # noqa: FBT001 - hypothesis passes by position
    found = sniff(Sample(sample, complete=complete))
    assert (found.format is None) == (found.columns == ())
    assert all(finding.count > 0 and finding.text for finding in found.findings)


@given(st.text(alphabet="\"',;\t|:\n\r \\=ab1@.é姓\0N", max_size=400), st.booleans())
@settings(max_examples=300, deadline=None)
def test_no_text_raises(text: str, complete: bool) -> None:  # noqa: FBT001 - hypothesis passes by position
    for guessed in sniff(Sample(text.encode(), complete=complete)).columns:
        assert 0.0 <= guessed.confidence <= 1.0
        assert 0.0 <= guessed.filled <= 1.0
        assert guessed.name
        assert guessed.why


@given(
    st.lists(
        st.lists(st.text(alphabet="QXZqxz ", min_size=4, max_size=12), min_size=3, max_size=3),
        min_size=2,
        max_size=20,
    )
)
@settings(max_examples=100, deadline=None)
def test_no_cell_of_the_data_is_ever_shown(rows: list[list[str]]) -> None:
    shown_text = repr(guess(written(rows)))
    assert not any(cell.strip() in shown_text for row in rows for cell in row if len(cell.strip()) >= 4)


# --- the samples the repository ships ----------------------------------------------------------------------


def shipped() -> list[tuple[Path, Path]]:
    return [
        (manifest, source)
        for manifest in sorted(SAMPLES.glob("*.toml"))
        for pattern in tomllib.loads(manifest.read_text(encoding="utf-8"))["dataset"]["sources"]
        for source in sorted(SAMPLES.glob(pattern))
        if source.suffix in {".csv", ".tsv", ".txt", ".gz"}
    ]


@pytest.mark.skipif(not shipped(), reason="no samples beside the tests")
def test_every_shipped_sample_is_guessed_as_its_manifest_says() -> None:
    for manifest, source in shipped():
        described = tomllib.loads(manifest.read_text(encoding="utf-8"))
        layout = described["format"]
        raw = source.read_bytes()
        found = sniff(Sample(gzip.decompress(raw) if source.suffix == ".gz" else raw, complete=True, name=source.name))
        if layout["name"] not in {"csv", "tsv"}:
            continue
        assert found.format == layout["name"], source.name
        assert found.delimiter == layout.get("delimiter", found.delimiter), source.name
        assert found.header is layout.get("header", True), source.name
        assert same_encoding(found.encoding, layout.get("encoding", "utf-8")), source.name
        names = layout.get("columns") or [column.name for column in found.columns]
        by_name = dict(zip(names, found.columns, strict=True))
        for wanted in described["fields"]:
            columns = wanted["column"] if isinstance(wanted["column"], list) else [wanted["column"]]
            if "kind" in wanted:
                assert by_name[columns[0]].kind == wanted["kind"], (source.name, columns[0])


def same_encoding(one: str, other: str) -> bool:
    """Whether two names mean the same once a byte order mark has been seen."""

    def family(name: str) -> str:
        return codecs.lookup(name).name.removesuffix("-sig").removesuffix("-le").removesuffix("-be")

    return family(one) == family(other)
