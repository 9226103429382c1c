"""Drafts of dumps whose rows do not fit, lie below a title, or hold numbers of other countries: what they propose, and
that it loads what it says."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest_cli.commands.draft.draft import Draft, make_draft
from ingest_cli.commands.draft.looking import find_dumps, look_at
from ingest_cli.commands.draft.manifest_text import manifest_text
from ingest_cli.commands.validate import validate
from ingest_cli.formats.sniff import Sample, sniff
from ingest_cli.formats.sniffing.guess import FileGuess
from ingest_cli.model.manifest import Manifest, parse_manifest
from ingest_cli.model.settings import RunSettings
from ingest_cli.report.report import Report
from tests.support import undescribed as shapes

ROWS = shapes.people(60)
ALL = len(ROWS)


def drafted(folder: Path, data: bytes, name: str = "dump.csv") -> tuple[Draft, str, Manifest]:
    path = folder / name
    path.write_bytes(data)
    draft = make_draft([look_at(source) for source in find_dumps([str(path)])])
    text = manifest_text(draft, [str(path)])
    return draft, text, parse_manifest(text, folder / "draft.toml")


def loaded(manifest: Manifest) -> Report:
    report = validate(manifest, RunSettings())
    assert report.account.balances
    return report


def proposed(draft: Draft) -> dict[str, tuple[str, bool]]:
    return {one.key: (one.value, one.active) for one in draft.proposals}


def lines(*rows: Sequence[str], delimiter: str = ",") -> bytes:
    return "".join(delimiter.join(row) + "\n" for row in rows).encode()


# --- rows that do not fit ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "key", "value", "items"),
    [
        (shapes.with_commas_in_the_address(ROWS), "overflow", "ALAMAT", 3 * ALL),
        (shapes.ending_early(ROWS), "short_rows", "fill", 3 * ALL),
        (shapes.going_on(ROWS), "long_rows", "trim", 3 * ALL),
    ],
)
def test_a_key_that_all_rows_speak_for_is_written_down_and_takes_them(
    data: bytes, key: str, value: str, items: int, tmp_path: Path
) -> None:
    draft, text, manifest = drafted(tmp_path, data)
    assert proposed(draft) == {key: (value, True)}
    assert f'{key} = "{value}"' in text.splitlines()
    report = loaded(manifest)
    assert (report.account.rows_kept, report.account.items_built) == (ALL, items)
    assert "15 of 15" in text
    assert "A password of digits" in text


def test_a_key_that_some_rows_speak_against_stands_in_a_comment(tmp_path: Path) -> None:
    data = shapes.with_commas_in_the_address(ROWS).replace(b"NO 8, JALAN CONTOH 3, IPOH,", b"JALAN CONTOH 3,x,0,")
    lines_ = data.splitlines(keepends=True)
    lines_[5] = b",".join(lines_[5].split(b",")[::-1])  # nothing in it is where it belongs
    lines_[5] = lines_[5].replace(b"\n", b"") + b"\n"
    draft, text, manifest = drafted(tmp_path, b"".join(lines_))
    assert proposed(draft) == {"overflow": ("ALAMAT", False)}
    assert '# overflow = "ALAMAT"' in text.splitlines()
    assert "14 of 15" in text
    assert any("`overflow` may be right" in sentence for sentence in draft.unsure)
    assert manifest.format.overflow == ""
    assert loaded(manifest).account.rejected == {"too_many_cells": 15}


def test_the_column_that_swallows_the_surplus_is_found_by_what_stands_behind_it(tmp_path: Path) -> None:
    rows = [("NAMA", "NO_KP", "NOTA", "EMEL", "KOD")]
    for number, (name, ic, _, email) in enumerate(ROWS):
        rows.append((name, ic, "a,b,c" if number % 3 else "a", email, "x"))
    draft, _, manifest = drafted(tmp_path, lines(*rows))
    assert proposed(draft) == {"overflow": ("NOTA", True)}
    assert loaded(manifest).account.items_built == 2 * ALL


def test_nothing_is_written_down_where_no_identifier_stands_behind_a_text(tmp_path: Path) -> None:
    rows = [("email", "name", "password", "username", "notes")]
    for number, row in enumerate(ROWS):
        odd = ("Tan, Ah Kow", f"{shapes.SECRET}{number}", "u", "") if number % 5 == 0 else None
        rows.append((row[3], *(odd or ("Ali", f"{shapes.SECRET}{number}", f"orang{number}", "x"))))
    draft, text, manifest = drafted(tmp_path, lines(*rows))
    assert {active for _, active in proposed(draft).values()} == {False}
    assert shapes.SECRET not in text
    report = loaded(manifest)
    assert report.account.rejected == {"too_many_cells": 12}


def test_a_column_of_a_header_less_file_is_named_for_the_overflow(tmp_path: Path) -> None:
    data = shapes.with_commas_in_the_address(ROWS).split(b"\n", 1)[1]
    draft, _, manifest = drafted(tmp_path, data)
    ((key, (name, active)),) = proposed(draft).items()
    assert (key, active, manifest.format.overflow) == ("overflow", True, name)
    assert manifest.format.columns.index(name) == 1
    assert loaded(manifest).account.items_built == 3 * ALL


def test_rows_with_a_quote_that_is_never_closed_speak_for_nothing() -> None:
    rows = [(f'"{row[0]}, x"', *row[1:]) for row in ROWS]
    rows[7] = (rows[7][0].removesuffix('"'), *rows[7][1:])
    guess = sniff(Sample(lines(shapes.NAMES, *rows), complete=True))
    assert guess.proposals == ()
    assert "unclosed_quote" in {finding.code for finding in guess.findings}


@given(st.integers(0, 2**32), st.sampled_from(["insert", "delete"]))
@settings(max_examples=60, deadline=None)
def test_one_delimiter_too_many_or_too_few_never_makes_a_key_that_misplaces_a_checked_cell(seed: int, how: str) -> None:
    rng = random.Random(seed)
    rows = [[name, ic, f"JALAN {number}", phone, email] for number, (name, ic, phone, email) in enumerate(ROWS)]
    texts = [",".join(row) for row in rows]
    for at in rng.sample(range(len(texts)), 5):
        places = [place for place, sign in enumerate(texts[at]) if (sign == ",") is (how == "delete")]
        place = rng.choice(places)
        texts[at] = texts[at][:place] + ("," if how == "insert" else "") + texts[at][place + (how == "delete") :]
    guess = sniff(Sample(("NAMA,NO_KP,ALAMAT,NO_TEL,EMEL\n" + "\n".join(texts) + "\n").encode(), complete=True))
    for one in guess.proposals:
        if not one.active:
            continue
        for text, row in zip(texts, rows, strict=True):
            cells = text.split(",")
            if one.key == "overflow" and len(cells) > 5:
                assert one.column is not None
                end = one.column + 1 + len(cells) - 5
                cells = [*cells[: one.column], "", *cells[end:]]
            elif one.key == "short_rows" and len(cells) < 5:
                cells += [""] * (5 - len(cells))
            elif one.key == "long_rows" and len(cells) > 5 and not cells[5]:
                cells = cells[:5]
            else:
                continue
            assert all(cell in {"", row[3]} for cell in cells[3:4])
            assert all(cell in {"", row[4]} for cell in cells[4:5])


# --- a header that has another number of cells -------------------------------------------------------------


def test_the_names_of_a_header_that_lacks_one_are_moved_to_where_the_cells_fit(tmp_path: Path) -> None:
    for write, columns in (
        (shapes.with_trailing_delimiter, (*shapes.NAMES, "")),
        (shapes.with_nameless_index, ("", *shapes.NAMES)),
    ):
        draft, _, manifest = drafted(tmp_path, write(ROWS))
        assert (manifest.format.columns, manifest.format.header) == (columns, True)
        assert draft.proposals == ()
        account = loaded(manifest).account
        assert (account.rows_kept, account.items_built) == (ALL, 3 * ALL)


def test_a_text_that_holds_delimiters_in_every_row_makes_no_columns(tmp_path: Path) -> None:
    draft, _, manifest = drafted(tmp_path, shapes.with_commas_in_the_address(ROWS, every=1))
    assert proposed(draft) == {"overflow": ("ALAMAT", True)}
    assert manifest.format.columns == ()
    assert loaded(manifest).account.items_built == 3 * ALL


# --- above and below the rows ------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_title_is_passed_over_and_a_total_is_mentioned(delimiter: str, tmp_path: Path) -> None:
    draft, text, manifest = drafted(tmp_path, shapes.below_a_title(delimiter, total=True)(ROWS))
    assert (manifest.format.skip_lines, manifest.format.header) == (4, True)
    found = {finding.code: finding.count for finding in draft.guess.findings}
    assert (found["preamble"], found["totals"]) == (4, 1)
    assert not {"Senarai", "Dijana", "sulit"} & set(text.replace("#", " ").split())
    assert loaded(manifest).account.rows_kept == ALL


@pytest.mark.parametrize(
    ("above", "skipped"),
    [
        ("# exported by x\n", 1),
        ("-- exported\n-- by x\n", 2),
        ("Report\n\n", 2),
        ('"Report, of\nmembers"\n', 2),
        ("", 0),
        ("\n\n", 0),  # blank lines are passed over by themselves
    ],
)
@pytest.mark.parametrize("header", [True, False])
def test_lines_above_the_rows(above: str, skipped: int, header: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a parameter of the test
    _, _, manifest = drafted(tmp_path, above.encode() + shapes.delimited(",", header=header)(ROWS))
    assert (manifest.format.skip_lines, manifest.format.header) == (skipped, header)
    assert loaded(manifest).account.rows_kept == ALL


def test_the_first_row_of_a_file_without_a_header_is_no_title() -> None:
    rows = [("AISYAH", "", "", ""), *ROWS]
    assert sniff(Sample(lines(*rows), complete=True)).skip_lines == 0
    rows[0] = ("", "", "0123456789", "")
    assert sniff(Sample(lines(*rows), complete=True)).skip_lines == 0


def test_a_title_above_the_header_of_a_sheet(tmp_path: Path) -> None:
    draft, _, manifest = drafted(tmp_path, shapes.titled_xlsx(ROWS), "ahli.xlsx")
    assert (manifest.format.table, manifest.format.skip_lines) == (("Ahli",), 3)
    (finding,) = [one for one in draft.guess.findings if one.code == "other_sheets"]
    assert finding.text == "Not read: 1 other sheet with rows: Harga (3 rows)."
    assert [column for field in manifest.fields for column in field.columns][:3] == ["NO_KP", "NO_TEL", "EMEL"]


# --- escapes and delimiters --------------------------------------------------------------------------------


def test_an_escape_is_proposed_with_its_evidence(tmp_path: Path) -> None:
    _, text, _ = drafted(tmp_path, shapes.outfile(ROWS))
    (line,) = [line for line in text.splitlines() if line.startswith("escape")]
    assert line.startswith('escape = "\\\\"  # 60 lines of 75 with a backslash: 75 lines are sound rows if it is')


def test_a_path_of_windows_is_no_escape() -> None:
    rows = [[*row, f"C:\\temp\\{number}\\"] for number, row in enumerate(ROWS)]
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows([[*shapes.NAMES, "PATH"], *rows])
    guess = sniff(Sample(out.getvalue().encode(), complete=True))
    assert (guess.escape, guess.quote, len(guess.columns)) == ("", '"', 5)


def test_a_null_of_mysql_alone_is_mentioned(tmp_path: Path) -> None:
    rows = [(*row[:3], "\\N" if number % 7 == 0 else row[3]) for number, row in enumerate(ROWS)]
    _, text, manifest = drafted(tmp_path, lines(shapes.NAMES, *rows, delimiter="\t"))
    assert manifest.format.escape == ""
    assert '# escape = "\\\\"' in text.splitlines()


@pytest.mark.parametrize("delimiter", ["||", "::", "|~|", "^|^", "##"])
def test_empty_cells_between_long_delimiters(delimiter: str) -> None:
    rows = [(name, "", "", email) if number % 2 else (name, ic, phone, email)
            for number, (name, ic, phone, email) in enumerate(ROWS)]  # fmt: skip
    guess = sniff(Sample(lines(shapes.NAMES, *rows, delimiter=delimiter), complete=True))
    assert (guess.delimiter, len(guess.columns)) == (delimiter, 4)


@pytest.mark.parametrize("delimiter", [",", ";", "|", "\t"])
def test_empty_columns_make_no_long_delimiter(delimiter: str) -> None:
    rows = [(row[0], "", row[1], "", row[2], row[3]) for row in ROWS]
    guess = sniff(Sample(lines(*rows, delimiter=delimiter), complete=True))
    assert (guess.delimiter, len(guess.columns)) == (delimiter, 6)


def test_formulas_are_seen_through(tmp_path: Path) -> None:
    _, _, manifest = drafted(tmp_path, shapes.formulas(ROWS))
    assert {field.kind: field.columns for field in manifest.fields if field.kind} == {
        "id": ("NO_KP",),
        "phone": ("NO_TEL",),
        "email": ("EMEL",),
    }
    assert loaded(manifest).account.rows_kept == ALL


# --- regions -----------------------------------------------------------------------------------------------

ABROAD = ("65912345{:02d}", "6281234567{:02d}", "4479460009{:02d}", "614123456{:02d}", "601234567{:02d}")


def phones(numbers: Sequence[str], more: Sequence[str] = ()) -> bytes:
    names = ("EMEL", "NO_TEL", *(("NEGARA",) if more else ()))
    rest = more or [""] * len(numbers)
    rows = [(row[3], number, *((one,) if more else ())) for row, number, one in zip(ROWS, numbers, rest, strict=False)]
    return lines(names, *rows)


def phone_field(data: bytes, folder: Path) -> tuple[str, str | None, str]:
    _, text, manifest = drafted(folder, data)
    (field,) = [field for field in manifest.fields if field.kind == "phone"]
    return field.region, field.region_column, text


def test_numbers_of_several_countries_are_international(tmp_path: Path) -> None:
    numbers = [ABROAD[number % 5].format(number) for number in range(ALL)]
    region, column, text = phone_field(phones(numbers), tmp_path)
    assert (region, column) == ("international", None)
    assert "of 5 countries" in text
    assert not any(number in text for number in numbers)


def test_numbers_with_a_plus_need_nothing(tmp_path: Path) -> None:
    numbers = ["+" + ABROAD[number % 5].format(number) for number in range(ALL)]
    assert phone_field(phones(numbers), tmp_path)[:2] == ("MY", None)


def test_numbers_of_one_other_region(tmp_path: Path) -> None:
    region, _, text = phone_field(phones([f"9123{number:04d}" for number in range(ALL)]), tmp_path)
    assert region == "SG"
    assert "valid in SG" in text


def test_a_region_that_is_one_of_several_stands_in_a_comment(tmp_path: Path) -> None:
    region, _, text = phone_field(phones([f"20255501{number:02d}" for number in range(ALL)]), tmp_path)
    assert region == "MY"
    assert "# region = " in text


@pytest.mark.parametrize("codes", [("SG", "ID", "GB"), ("65", "62", "44"), ("+65", "+62", "+44")])
def test_a_column_beside_the_numbers_names_their_countries(codes: tuple[str, str, str], tmp_path: Path) -> None:
    local = ("912345{:02d}", "081234567{:02d}", "079460009{:02d}")
    numbers = [local[number % 3].format(number) for number in range(ALL)]
    beside = [codes[number % 3] for number in range(ALL)]
    assert phone_field(phones(numbers, beside), tmp_path)[:2] == ("MY", "NEGARA")


def test_numbers_at_home_need_nothing(tmp_path: Path) -> None:
    region, column, text = phone_field(phones([row[2] for row in ROWS], ["MY", "SG"] * (ALL // 2)), tmp_path)
    assert (region, column) == ("MY", None)
    assert 'region = "MY"  # of numbers without a country code' in text


# --- what is no dump ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "Kepada semua ahli.\nMesyuarat diadakan esok.\nTerima kasih atas perhatian.\n" * 20,
        "".join(f"  - item {number}\n" for number in range(50)),
    ],
)
def test_text_of_no_known_format_is_said_to_be_that(text: str) -> None:
    guess = sniff(Sample(text.encode(), complete=True))
    assert (guess.format, [finding.code for finding in guess.findings]) == (None, ["unknown_format"])


@pytest.mark.parametrize("values", [[row[at] for row in ROWS] for at in (1, 2, 3)])
def test_a_list_of_identifiers_is_one_though_it_has_no_delimiter(values: list[str]) -> None:
    guess: FileGuess = sniff(Sample("\n".join(values).encode(), complete=True))
    assert (guess.format, len(guess.columns)) == ("csv", 1)


@pytest.mark.parametrize("name", ["ahli.csv.aa", "ahli.csv.001", "ahli.part1"])
def test_the_part_of_a_split_file_is_told_by_its_name(name: str, tmp_path: Path) -> None:
    _, text, _ = drafted(tmp_path, shapes.delimited(",")(ROWS), name)
    assert any(line.startswith("# join = true") for line in text.splitlines())


# --- nothing is said of anybody ----------------------------------------------------------------------------

ALL_SHAPES = {
    "title": shapes.below_a_title(",", total=True),
    "long delimiter": shapes.long_delimiter("||"),
    "outfile": shapes.outfile,
    "spark": shapes.spark,
    "formulas": shapes.formulas,
    "trailing": shapes.with_trailing_delimiter,
    "index": shapes.with_nameless_index,
    "address": shapes.with_commas_in_the_address,
    "early": shapes.ending_early,
    "on": shapes.going_on,
}


@pytest.mark.slow
@given(
    name=st.sampled_from(sorted(ALL_SHAPES)),
    seed=st.integers(0, 2**32),
    sign=st.sampled_from([",", '"', "\\", "\n", "|", "="]),
)
@settings(
    max_examples=settings.default.max_examples * 3 // 10,  # a quarter of a second each
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_whatever_is_damaged_no_cell_is_shown_and_the_manifest_parses(
    name: str, seed: int, sign: str, tmp_path: Path
) -> None:
    data, rng = bytearray(ALL_SHAPES[name](ROWS)), random.Random(seed)
    for _ in range(rng.randrange(8)):
        at = rng.randrange(len(data))
        data[at:at] = sign.encode()
    draft, text, manifest = drafted(tmp_path, bytes(data))
    said = "\n".join([text, *draft.unsure, *(finding.text for finding in draft.guess.findings)])
    assert not any(cell in said for row in ROWS for cell in row[1:])
    assert loaded(manifest).account.rows_read > 0
