"""Drafts: whatever a dump is written in, the manifest made by looking at it is valid, and loads what is in it."""

from __future__ import annotations

import bz2
import codecs
import dataclasses
import gzip
import io
import itertools
import json
import os
import tomllib
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest_cli.commands.draft.draft import Draft, dataset_id, dataset_title, make_draft
from ingest_cli.commands.draft.kinds import LoadRules
from ingest_cli.commands.draft.looking import find_dumps, look_at
from ingest_cli.commands.draft.manifest_text import manifest_text
from ingest_cli.commands.draft.sampling import FURTHER_BYTES
from ingest_cli.commands.validate import validate
from ingest_cli.errors import IngestError, SourceError, UsageError
from ingest_cli.formats.sniff import MAX_SAMPLE_BYTES
from ingest_cli.model.manifest import Manifest, load_manifest, parse_manifest
from ingest_cli.model.settings import RunSettings
from ingest_cli.report.report import Report
from tests.support import undescribed as shapes
from tests.support.undescribed import SECRET, Writer, people

SAMPLES = Path(__file__).parents[3] / "sample_data"
ROWS = people(60)
ROW_KEYS = ("short_rows", "long_rows", "overflow")


class Drafted(NamedTuple):
    """A draft, its text, and the manifest that it is."""

    draft: Draft
    text: str
    manifest: Manifest


def drafted(*paths: Path) -> Drafted:
    draft = make_draft([look_at(source) for source in find_dumps(map(str, paths))])
    text = manifest_text(draft, [str(path) for path in paths])
    return Drafted(draft, text, parse_manifest(text, paths[0].parent / "draft.toml"))


def drafted_of(folder: Path, data: bytes, name: str = "dump.txt") -> Drafted:
    (folder / name).write_bytes(data)
    return drafted(folder / name)


def validated(manifest: Manifest) -> Report:
    report = validate(manifest, RunSettings())
    assert report.outcome == "complete", report.message
    return report


def kinds(manifest: Manifest) -> dict[str, tuple[str, ...]]:
    """Kind → the columns in which it is looked for."""
    return {field.kind: field.columns for field in manifest.fields if field.kind}


# --- the samples -------------------------------------------------------------------------------------------


def sources_of(manifest: Path) -> list[Path]:
    patterns = tomllib.loads(manifest.read_text(encoding="utf-8"))["dataset"]["sources"]
    return [path for pattern in patterns for path in sorted(SAMPLES.glob(pattern))]


@pytest.mark.slow
@pytest.mark.parametrize("manifest", sorted(SAMPLES.glob("*.toml")), ids=lambda path: path.stem)
def test_every_sample_is_drafted_as_its_manifest_says(manifest: Path) -> None:
    wanted, found = load_manifest(manifest), drafted(*sources_of(manifest)).manifest
    for key in ("name", "delimiter", "quote", "header"):
        assert getattr(found.format, key) == getattr(wanted.format, key), key
    assert wanted.format.table in {(), found.format.table}
    assert len(found.format.columns) == len(wanted.format.columns)
    assert codecs.lookup(found.format.encoding) == codecs.lookup(wanted.format.encoding)
    # What a draft says of rows that do not fit has tests of its own.
    layout = dataclasses.replace(found.format, **{key: getattr(wanted.format, key) for key in ROW_KEYS})
    report = validated(dataclasses.replace(found, format=layout)).as_dict()
    expected = json.loads(manifest.with_suffix(".expected.json").read_text())
    assert report["rows"] == expected["rows"]
    assert report["items"]["built"] == expected["items"]["built"]
    assert report["items"]["distinct"] == expected["items"]["distinct"]


# --- every format ------------------------------------------------------------------------------------------

BY_NAME: dict[str, tuple[str, ...]] = {"id": ("NO_KP",), "phone": ("NO_TEL",), "email": ("EMEL",)}
BY_CELLS: dict[str, tuple[str, ...]] = {"id": ("ID",), "phone": ("PHONE",), "email": ("EMAIL",)}
BY_PATH: dict[str, tuple[str, ...]] = {"id": ("NO_KP",), "phone": ("contact.phones[]",), "email": ('contact."e.mail"',)}
FORMATS: dict[str, tuple[Writer, dict[str, object], dict[str, tuple[str, ...]]]] = {
    "csv": (shapes.delimited(","), {"name": "csv", "header": True}, BY_NAME),
    "tsv without a header": (shapes.delimited("\t", header=False), {"name": "tsv", "header": False}, BY_CELLS),
    "semicolons in UTF-16": (
        shapes.delimited(";", "utf-16"),
        {"name": "csv", "delimiter": ";", "encoding": "utf-16"},
        BY_NAME,
    ),
    "bars in UTF-16 without a mark": (
        shapes.delimited("|", "utf-16-be"),
        {"name": "csv", "delimiter": "|", "encoding": "utf-16-be"},
        BY_NAME,
    ),
    "below a title": (shapes.below_a_title(","), {"name": "csv", "skip_lines": 4, "header": True}, BY_NAME),
    "tabs below a title": (shapes.below_a_title("\t"), {"name": "tsv", "skip_lines": 4, "header": True}, BY_NAME),
    "semicolons below a title": (shapes.below_a_title(";"), {"delimiter": ";", "skip_lines": 4}, BY_NAME),
    **{
        f"delimiter {delimiter}": (shapes.long_delimiter(delimiter), {"name": "csv", "delimiter": delimiter}, BY_NAME)
        for delimiter in ("||", "::", "|~|", "^|^", ";@/", "!#", "~~~", "<|>")
    },
    "OUTFILE": (shapes.outfile, {"name": "tsv", "escape": "\\", "header": False}, BY_CELLS),
    "Spark": (shapes.spark, {"name": "csv", "escape": "\\", "header": True}, BY_NAME),
    "trailing delimiter": (
        shapes.with_trailing_delimiter,
        {"header": True, "columns": (*shapes.NAMES, "")},
        BY_NAME,
    ),
    "nameless index": (
        shapes.with_nameless_index,
        {"header": True, "columns": ("", *shapes.NAMES)},
        BY_NAME,
    ),
    "fixed": (shapes.fixed(header=False), {"name": "fixed", "widths": (30, 13, 12, 34), "header": False}, BY_CELLS),
    "fixed with a header": (
        shapes.fixed(header=True),
        {"name": "fixed", "widths": (30, 13, 12, 34), "header": True},
        BY_NAME,
    ),
    "combo": (shapes.combo(":"), {"name": "combo", "delimiter": ":"}, {"email": ("EMAIL",)}),
    "combo, semicolons": (shapes.combo(";"), {"name": "combo", "delimiter": ";"}, {"email": ("EMAIL",)}),
    "combo, tabs": (shapes.combo("\t"), {"name": "combo", "delimiter": "\t"}, {"email": ("EMAIL",)}),
    "combo, bars": (shapes.combo("|"), {"name": "combo", "delimiter": "|"}, {"email": ("EMAIL",)}),
    "combo of users": (shapes.combo_of_users, {"name": "combo", "delimiter": ":"}, {"username": ("LOGIN",)}),
    "combo with addresses": (
        shapes.combo_with_url,
        {"name": "combo", "columns": ("url", "LOGIN", "PASSWORD")},
        {"email": ("LOGIN",), "username": ("LOGIN",)},
    ),
    "mysqldump": (shapes.mysqldump, {"name": "sql", "table": ("ahli",)}, BY_NAME),
    "pg_dump": (shapes.pg_dump, {"name": "sql", "table": ("public.ahli",)}, BY_NAME),
    "SQL Server": (shapes.sql_server, {"name": "sql", "table": ("dbo.Ahli",), "encoding": "utf-16"}, BY_NAME),
    "bare INSERT": (shapes.bare_inserts, {"name": "sql", "table": ("ahli",)}, BY_CELLS),
    "jsonl": (shapes.jsonl, {"name": "jsonl"}, BY_PATH),
    "json": (shapes.json_inside, {"name": "json", "rows": "data.rows"}, BY_PATH),
    "json array": (shapes.json_array, {"name": "json", "rows": "$"}, BY_PATH),
    "parquet": (shapes.parquet, {"name": "parquet"}, BY_NAME),
    "arrow": (shapes.arrow, {"name": "arrow"}, BY_NAME),
    "xlsx": (shapes.xlsx, {"name": "xlsx", "table": ("Ahli",), "header": True}, BY_NAME),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_a_draft_of_every_format_loads_every_row(name: str, tmp_path: Path) -> None:
    write, layout, columns = FORMATS[name]
    found = drafted_of(tmp_path, write(ROWS))
    for key, value in layout.items():
        assert getattr(found.manifest.format, key) == value
    assert kinds(found.manifest) == columns
    account = validated(found.manifest).account
    assert (account.rows_read, account.rows_kept) == (len(ROWS), len(ROWS))
    if len(columns) == 3:
        assert account.items_built == 3 * len(ROWS)


@pytest.mark.parametrize("name", FORMATS)
def test_no_value_of_the_dump_is_in_its_draft(name: str, tmp_path: Path) -> None:
    found = drafted_of(tmp_path, FORMATS[name][0](ROWS))
    said = "\n".join([found.text, *found.draft.unsure])
    assert SECRET not in said
    assert not any(cell in said for row in ROWS for cell in row[1:])
    assert not any(row[0] in said for row in ROWS)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress], ids=["gzip", "bzip2"])
def test_packings_are_seen_through(pack: Any, tmp_path: Path) -> None:
    found = drafted_of(tmp_path, pack(shapes.mysqldump(ROWS)), "ahli.sql.gz")
    assert (found.manifest.dataset.id, found.manifest.format.table) == ("ahli", ("ahli",))


def test_of_an_archive_the_largest_file_is_looked_at(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("baca\x1b[2J.txt", "x")
        archive.writestr("ahli.csv", shapes.delimited(",")(ROWS))
    found = drafted_of(tmp_path, out.getvalue(), "ahli.zip")
    assert kinds(found.manifest) == BY_NAME
    assert found.draft.unsure == ("an archive, of which the file `ahli.csv` was looked at",)
    assert found.text.replace("\n", "").isprintable()


def test_of_a_packing_that_is_cut_off_its_head_is_looked_at(tmp_path: Path) -> None:
    found = drafted_of(tmp_path, gzip.compress(shapes.delimited(",")(ROWS * 50))[:-400], "ahli.csv.gz")
    assert kinds(found.manifest) == BY_NAME
    assert any("cut off" in sentence for sentence in found.draft.unsure)


# --- what is left out, and what is unsure ------------------------------------------------------------------


@pytest.mark.parametrize("title", ["password", "pwd", "pass_hash", "salt", "PIN", "secret", "auth_token", "Contraseña"])
def test_columns_called_like_passwords_are_named_and_left_out(title: str, tmp_path: Path) -> None:
    lines = [f"EMEL,{title}", *(f"{row[3]},{number}" for number, row in enumerate(ROWS))]
    found = drafted_of(tmp_path, "\n".join(lines).encode())
    assert kinds(found.manifest) == {"email": ("EMEL",)}
    (comment,) = [line for line in found.text.splitlines() if "look like passwords" in line]
    assert comment.endswith(f": {title}")


def test_columns_whose_values_look_like_hashes_are_left_out(tmp_path: Path) -> None:
    lines = ["EMEL,note", *(f"{row[3]},{number:032x}" for number, row in enumerate(ROWS))]
    found = drafted_of(tmp_path, "\n".join(lines).encode())
    assert [column.name for column in found.draft.secrets] == ["note"]


def test_what_is_unsure_is_said(tmp_path: Path) -> None:
    lines = ["EMEL,TEL", *(f"{row[3]},{row[2] if number % 4 else 'tiada'}" for number, row in enumerate(ROWS[:20]))]
    lines += [f"{row[3]},kosong" for row in ROWS[20:]]
    found = drafted_of(tmp_path, "\n".join(lines).encode())
    (sentence,) = found.draft.unsure
    assert "`TEL`" in sentence
    assert "phone" in sentence
    assert f"# UNSURE: {sentence}" in found.text.splitlines()


def test_a_column_that_is_too_unsure_stands_in_comments(tmp_path: Path) -> None:
    lines = ["EMEL,TEL", *(f"{row[3]},abc{number}" for number, row in enumerate(ROWS))]
    found = drafted_of(tmp_path, "\n".join(lines).encode())
    assert kinds(found.manifest) == {"email": ("EMEL",)}
    assert '# column = "TEL"' in found.text.splitlines()
    wanted = "\n".join(line.removeprefix("# ") if line.startswith(("# [[f", "# col", "# kin", "# reg")) else line
                       for line in found.text.splitlines())  # fmt: skip
    assert kinds(parse_manifest(wanted)) == {"email": ("EMEL",), "phone": ("TEL",)}


def test_an_unsure_column_is_proposed_where_there_is_no_other(tmp_path: Path) -> None:
    lines = ["NOTE,TEL", *(f"x{number},abc{number}" for number in range(60))]
    found = drafted_of(tmp_path, "\n".join(lines).encode())
    assert kinds(found.manifest) == {"phone": ("TEL",)}
    assert any("column `TEL` is the only one" in sentence for sentence in found.draft.unsure)


def test_a_device_number_that_is_all_there_is_becomes_one_to_be_looked_up(tmp_path: Path) -> None:
    lines = ["NOTE,IMSI", *(f"x{number},5021200000{number:05d}" for number in range(60))]
    found = drafted_of(tmp_path, "\n".join(lines).encode())
    (field,) = found.manifest.fields
    assert (field.kind, field.lookup) == ("imsi", True)


def test_a_dump_without_identifiers_is_none(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no column looks like an ID"):
        drafted_of(tmp_path, b"A,B\n" + b"1,2\n" * 40)


# --- IDs in one of several columns -------------------------------------------------------------------------


def test_an_old_id_stands_in_for_a_new_one(tmp_path: Path) -> None:
    lines = ["NEW_IC,OLD_IC", *(f"{row[1]},A{number:07d}" for number, row in enumerate(ROWS))]
    assert kinds(drafted_of(tmp_path, "\n".join(lines).encode()).manifest) == {"id": ("NEW_IC", "OLD_IC")}


def test_the_ids_of_two_people_are_two_fields(tmp_path: Path) -> None:
    lines = ["IC,SPOUSE_IC", *(f"{row[1]},{other[1]}" for row, other in itertools.pairwise(ROWS))]
    manifest = drafted_of(tmp_path, "\n".join(lines).encode()).manifest
    assert [field.columns for field in manifest.fields] == [("IC",), ("SPOUSE_IC",)]


# --- names that a manifest cannot use as they are ----------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    [
        "NAME,TEL,TEL,EMAIL",  # the same twice
        "NAME,TEL,,EMAIL",  # none
        "NAME,TEL,MOBILE\0,EMAIL",  # a sign that was not looked at
    ],
)
def test_odd_headers_are_replaced_by_names_of_ours(header: str, tmp_path: Path) -> None:
    lines = [header, *(f"{row[0]},{row[2]},0{int(row[2]) + 7000},{row[3]}" for row in ROWS)]
    found = drafted_of(tmp_path, "\n".join(lines).encode())
    assert (found.manifest.format.header, len(set(found.manifest.format.columns))) == (True, 4)
    assert [field.kind for field in found.manifest.fields[:3]] == ["phone", "phone", "email"]
    account = validated(found.manifest).account
    assert (account.rows_kept, account.items_built) == (60, 180)


def test_excels_sep_line_is_skipped(tmp_path: Path) -> None:
    found = drafted_of(tmp_path, b"sep=;\r\n" + shapes.delimited(";")(ROWS))
    layout = found.manifest.format
    assert (layout.delimiter, layout.skip_lines, layout.header, layout.columns) == (";", 1, True, ())
    assert validated(found.manifest).account.rows_kept == 60


@pytest.mark.parametrize("title", ["E-mail \u202elarutan", 'the "E-mail" \\ of', "E-mail\u200b", "E-mail #1 'x'"])
def test_names_of_columns_obey_neither_toml_nor_a_terminal(title: str, tmp_path: Path) -> None:
    quoted = title.replace('"', '""')
    lines = [f'NAME,"{quoted}"', *(f"{row[0]},{row[3]}" for row in ROWS)]
    found = drafted_of(tmp_path, "\n".join(lines).encode())
    assert all(line.isprintable() for line in found.text.splitlines())
    assert validated(found.manifest).account.rows_kept == 60


def test_a_table_whose_name_has_a_dot_in_it(tmp_path: Path) -> None:
    data = shapes.mysqldump(ROWS).replace(b"`ahli`", b"`kedai.ahli`")
    assert validated(drafted_of(tmp_path, data).manifest).account.rows_kept == 60


# --- several files -----------------------------------------------------------------------------------------


def test_several_files_are_one_dump(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("ahli-2019-1.csv", "ahli-2019-2.csv.gz")]
    paths[0].write_bytes(shapes.delimited(";")(ROWS[:30]))
    paths[1].write_bytes(gzip.compress(shapes.delimited(";")(ROWS[30:])))
    manifest = drafted(*paths).manifest
    assert (manifest.dataset.id, manifest.dataset.sources) == ("ahli-2019", tuple(map(str, paths)))
    assert validated(manifest).account.rows_kept == 60


def test_the_file_that_tells_decides_on_the_encoding(tmp_path: Path) -> None:
    rows = [(f"RENÉ ÉTIENNE {row[0]}", *row[1:]) for row in ROWS]
    (tmp_path / "1.csv").write_bytes(shapes.delimited(",")(ROWS))
    (tmp_path / "2.csv").write_bytes(shapes.delimited(",", "cp1252")(rows))
    assert drafted(tmp_path / "1.csv", tmp_path / "2.csv").manifest.format.encoding == "cp1252"


@pytest.mark.parametrize("other", [shapes.delimited(";"), shapes.delimited(",", header=False), shapes.jsonl])
def test_files_that_are_not_written_alike_need_a_manifest_each(other: Writer, tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_bytes(shapes.delimited(",")(ROWS))
    (tmp_path / "2.csv").write_bytes(other(ROWS[:20]))
    with pytest.raises(UsageError, match=r"2\.csv. cannot share a manifest"):
        drafted(tmp_path / "1.csv", tmp_path / "2.csv")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["dumps/Celcom 2017.csv.gz"], "celcom-2017"),
        (["a/telco-1.csv", "a/telco-2.csv"], "telco"),
        (["x.csv", "y.csv"], "x"),
        (["Ahli_Kelab (é).TAR.GZ"], "ahli-kelab-e"),
        (["姓名.csv"], "dump"),
        ([".csv"], "dump"),
        (["-" * 90 + "a" * 90], "a" * 64),
    ],
)
def test_ids_made_of_names_of_files(names: Sequence[str], expected: str) -> None:
    assert dataset_id(names) == expected
    assert dataset_title(names)


@pytest.mark.parametrize("name", ["a\nb.csv", "a\x1b[2J.csv", os.fsdecode(b"a\xff.csv")])
def test_a_name_that_no_manifest_can_hold_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(shapes.delimited(",")(ROWS))
    with pytest.raises(UsageError, match="rename the file") as refused:
        drafted(tmp_path / name)
    assert str(refused.value).isprintable()


# --- bounds ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["middle", "end"])
def test_a_head_of_ascii_says_nothing_about_the_rest(place: str, tmp_path: Path) -> None:
    plain = shapes.delimited(",", header=False)(ROWS)
    accented = "".join(f"RENÉ ÉTIENNE,{row[1]},{row[2]},{row[3]}\r\n" for row in ROWS).encode("cp1252")
    many = MAX_SAMPLE_BYTES // len(plain) + FURTHER_BYTES // len(plain)
    behind = [plain] * (2 * many) if place == "middle" else []
    before = [plain] * (2 * many)
    data = b"".join([*before, *[accented] * (2 * many // 2), *behind])
    assert drafted_of(tmp_path, data).manifest.format.encoding == "cp1252"


def test_a_file_that_is_mostly_a_hole_is_no_dump(tmp_path: Path) -> None:
    with (tmp_path / "sparse.csv").open("wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(SourceError, match="cannot be loaded"):
        drafted(tmp_path / "sparse.csv")


def test_rows_are_found_in_a_document_that_the_sample_cuts_off(tmp_path: Path) -> None:
    data = shapes.json_inside(ROWS * 200)
    assert len(data) > 2 * MAX_SAMPLE_BYTES
    found = drafted_of(tmp_path, data)
    assert (found.manifest.format.rows, kinds(found.manifest)) == ("data.rows", BY_PATH)


@pytest.mark.parametrize("write", [shapes.mysqldump, shapes.jsonl, shapes.combo(":"), shapes.fixed(header=True)])
def test_a_record_that_the_sample_cuts_off_changes_nothing(write: Writer, tmp_path: Path) -> None:
    whole, cut = drafted_of(tmp_path, write(ROWS)), drafted_of(tmp_path, write(ROWS * 300))
    assert cut.manifest.format == whole.manifest.format
    assert cut.manifest.fields == whole.manifest.fields


@pytest.mark.parametrize(
    "data",
    [
        b"PAR1" + bytes(range(256)) * 8,
        b"ARROW1\0\0" + bytes(range(256)) * 8,
        b"PK\x03\x04" + b"xl/workbook.xml" + bytes(range(256)) * 8,
        b"\x80\x04\x95" + bytes(range(256)) * 8,
        b'{"a": [' * 50_000,
        b"[" * 100_000,
        b'{"a":"' + b"x" * MAX_SAMPLE_BYTES,
        b"INSERT INTO t VALUES (" * 20_000,
        b"CREATE TABLE t (" + b"a int," * 100_000,
        b"COPY t (a) FROM stdin;\n" + b"x\n" * 100_000,
        b"a:b\n" * 200_000,
        b"x" * (4 * MAX_SAMPLE_BYTES),
        b"  a  b\n" * 100_000,
        b"",
    ],
)
def test_hostile_files_end_in_a_sentence_or_in_a_manifest(data: bytes, tmp_path: Path) -> None:
    try:
        drafted_of(tmp_path, data)
    except IngestError as error:
        assert str(error).isprintable()  # noqa: PT017 - whether it is raised is left open


ALPHABETS = st.sampled_from(
    ["a@b.co:;|\t\n1x ", '{}[]":,\n ea', "INSERTOVALU() '`,;\n1", '0123,-"\n@.é\0', "AB12  \n", "\x00\xff\xfe,\n:ab"]
)


@given(data=ALPHABETS.flatmap(lambda signs: st.text(signs, max_size=300)), prefix=st.sampled_from(
    ["", "INSERT INTO t VALUES (", "NAME,EMAIL\n", '[{"email":', '{"a":1}\n', "a@example.com:"]))  # fmt: skip
@pytest.mark.slow
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_ends_in_a_sentence_or_in_a_valid_manifest(data: str, prefix: str, tmp_path: Path) -> None:
    try:
        found = drafted_of(tmp_path, (prefix + data).encode("latin-1", "replace"))
    except IngestError as error:
        assert str(error).isprintable()  # noqa: PT017 - whether it is raised is left open
    else:
        assert all(line.isprintable() for line in found.text.splitlines())
        assert found.manifest.fields


# --- how sure ----------------------------------------------------------------------------------------------


def test_a_share_is_that_of_the_cells_that_would_be_loaded() -> None:
    assert LoadRules().usable("email", ["a@example.com", "kosong", "b@example.com", "c@"]) == 0.5
    assert LoadRules().usable("phone", ["012-345 6789 / 013-345 6789", "1"]) == 0.5
    assert (
        LoadRules().usable("id", ["\uff18\uff15\uff10\uff11\uff10\uff11\uff11\uff14\uff15\uff16\uff17\uff18", "123456"])
        == 0.5
    )
    assert LoadRules().usable("imei", []) == 0.0
    assert LoadRules().usable("username", ["a\udcff", "budi"]) >= 0.5
