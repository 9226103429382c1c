from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import pickle
from pathlib import Path

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_cli.errors import ExitCode, ManifestError
from ingest_cli.model.format_options import Format
from ingest_cli.model.manifest import (
    DEFAULT_EXPOSES,
    KINDS,
    MAX_MANIFEST_BYTES,
    Dataset,
    Field,
    Manifest,
    RejectLimits,
    load_manifest,
    parse_manifest,
)

FULL = r"""
version = 1
[dataset]
id = "demo-telco-2017"
title = "Demo telco breach 2017"
occurred_on = 2017-10-19
description = "Invented."
sources = ["dumps/celcom-*.csv.gz", "s3://bucket/prefix/"]
[format]
name = "csv"
delimiter = ";"
quote = "'"
header = false
columns = ["NAME", "ICNUM", "ADDRESS", "", "", "OTHER_ID", "MOBILE"]
encoding = "latin1"
[[fields]]
column = ["ICNUM", "OTHER_ID"]
kind = "id"
exposes = "Government issued IDs"
lookup = true
[[fields]]
column = "MOBILE"
kind = "phone"
region = "SG"
[[fields]]
column = "ADDRESS"
exposes = "Physical addresses"
[rejects]
max_ratio = 0.1
min_sample = 500
"""

SMALL = """
version = 1
[dataset]
id = "demo"
title = "Demo"
sources = ["demo.csv"]
[format]
name = "csv"
[[fields]]
column = "MOBILE"
kind = "phone"
"""


def changed(old: str, new: str, text: str = SMALL) -> str:
    assert text.count(old) == 1
    return text.replace(old, new)


def in_format(lines: str) -> str:
    return changed('name = "csv"', f'name = "csv"\n{lines}')


def refusal(text: str) -> str:
    with pytest.raises(ManifestError) as caught:
        parse_manifest(text, Path("demo.toml"))
    return str(caught.value)


def test_every_key_is_read() -> None:
    assert parse_manifest(FULL, Path("m/demo.toml")) == Manifest(
        path=Path("m/demo.toml"),
        dataset=Dataset(
            id="demo-telco-2017",
            title="Demo telco breach 2017",
            sources=("dumps/celcom-*.csv.gz", "s3://bucket/prefix/"),
            occurred_on=dt.date(2017, 10, 19),
            description="Invented.",
        ),
        format=Format(
            name="csv",
            delimiters=(";",),
            quote="'",
            header=False,
            columns=("NAME", "ICNUM", "ADDRESS", "", "", "OTHER_ID", "MOBILE"),
            encoding="iso8859-1",
        ),
        fields=(
            Field(("ICNUM", "OTHER_ID"), "Government issued IDs", "id", lookup=True),
            Field(("MOBILE",), "Phone numbers", "phone", lookup=True, region="SG"),
            Field(("ADDRESS",), "Physical addresses"),
        ),
        rejects=RejectLimits(max_ratio=0.1, min_sample=500),
    )


def test_defaults() -> None:
    manifest = parse_manifest(SMALL)
    assert manifest.path is None
    assert manifest.dataset == Dataset("demo", "Demo", ("demo.csv",), None, "")
    assert manifest.format == Format("csv", (",",), '"', header=True, columns=(), encoding="utf-8")
    assert manifest.fields == (Field(("MOBILE",), "Phone numbers", "phone", lookup=True, region="MY"),)
    assert manifest.rejects == RejectLimits(0.05, 10_000)


def test_values_are_frozen_slotted_and_travel_to_workers() -> None:
    manifest = parse_manifest(FULL)
    with pytest.raises(dataclasses.FrozenInstanceError):
        manifest.path = Path()  # type: ignore[misc]
    parts = (manifest, manifest.dataset, manifest.format, manifest.fields[0], manifest.rejects)
    assert not any(hasattr(part, "__dict__") for part in parts)
    assert pickle.loads(pickle.dumps(manifest)) == manifest  # noqa: S301 - pickled on this line


@pytest.mark.parametrize(("kind", "lookup"), [
    ("id", True), ("phone", True), ("email", True), ("username", True),
    ("imsi", False), ("imei", False), ("iccid", False),
])  # fmt: skip
def test_kind_decides_class_and_lookup(kind: str, lookup: bool) -> None:  # noqa: FBT001 - a parameter set
    text = SMALL + f'[[fields]]\ncolumn = "X"\nkind = "{kind}"\n'
    field = parse_manifest(text).fields[1]
    assert (field.kind, field.exposes, field.lookup) == (kind, DEFAULT_EXPOSES[kind], lookup)
    assert KINDS == ("id", "phone", "email", "imsi", "imei", "iccid", "username")


def test_lookup_and_exposes_override_the_kind() -> None:
    text = SMALL + '[[fields]]\ncolumn = "X"\nkind = "imei"\nlookup = true\nexposes = "IMEI of the child"\n'
    assert parse_manifest(text).fields[1] == Field(("X",), "IMEI of the child", "imei", lookup=True)


@pytest.mark.parametrize(("lines", "delimiter", "quote", "header"), [
    ('name = "tsv"', "\t", '"', True),
    ('name = "tsv"\ndelimiter = "|"', "|", '"', True),
    ('name = "csv"\ndelimiter = "\\t"', "\t", '"', True),
    ('name = "csv"\ndelimiter = "\\u0001"', "\x01", '"', True),
    ('name = "csv"\nquote = ""', ",", "", True),
    ('name = "csv"\ncolumns = ["MOBILE"]', ",", '"', False),
    ('name = "csv"\ncolumns = ["MOBILE"]\nheader = true', ",", '"', True),
])  # fmt: skip
def test_format_options(lines: str, delimiter: str, quote: str, header: bool) -> None:  # noqa: FBT001 - a parameter set
    format_ = parse_manifest(changed('name = "csv"', lines)).format
    assert (format_.delimiter, format_.quote, format_.header) == (delimiter, quote, header)


@pytest.mark.parametrize(
    ("given", "normalised"),
    [("UTF8", "utf-8"), ("windows-1252", "cp1252"), ("utf-8-sig", "utf-8-sig"), ("UTF-16LE", "utf-16-le")],
)
def test_encodings_are_normalised(given: str, normalised: str) -> None:
    assert parse_manifest(changed('"csv"', f'"csv"\nencoding = "{given}"')).format.encoding == normalised


def test_the_caller_says_which_formats_there_are() -> None:
    text = changed('"csv"', '"avro"')
    assert parse_manifest(text, formats={"avro": None}).format.name == "avro"
    assert "is not a format; " in refusal(text)


def in_other(name: str, lines: str = "") -> str:
    return changed('name = "csv"', f'name = "{name}"\n{lines}')


FIXED = 'columns = ["NAME", "MOBILE"]\nwidths = [30, 12]'
COMBO = 'columns = ["MOBILE", ""]'


@pytest.mark.parametrize(("text", "expected"), [
    (in_other("fixed", FIXED), Format("fixed", header=False, columns=("NAME", "MOBILE"), widths=(30, 12))),
    (in_other("fixed", FIXED + "\nheader = true"), Format("fixed", columns=("NAME", "MOBILE"), widths=(30, 12))),
    (in_other("combo", COMBO), Format("combo", (":",), header=False, columns=("MOBILE", ""))),
    (in_other("combo", COMBO + '\ndelimiter = ";"'), Format("combo", (";",), header=False, columns=("MOBILE", ""))),
    (in_other("combo", COMBO + "\nheader = false"), Format("combo", (":",), header=False, columns=("MOBILE", ""))),
    (in_other("combo", COMBO + '\ndelimiter = [":", ";"]'),
     Format("combo", (":", ";"), header=False, columns=("MOBILE", ""))),
    (in_other("csv", 'delimiter = "||"\nescape = "\\\\"'), Format("csv", ("||",), escape="\\")),
    (in_other("csv", 'skip_lines = 4\nshort_rows = "fill"\nlong_rows = "trim"\noverflow = "ADDRESS"'),
     Format("csv", skip_lines=4, short_rows="fill", long_rows="trim", overflow="ADDRESS")),
    (in_other("fixed", FIXED + '\nwidths_in = "bytes"'),
     Format("fixed", header=False, columns=("NAME", "MOBILE"), widths=(30, 12), widths_in="bytes")),
    (in_other("blocks", 'separator = "BEGIN:VCARD"\nkey_delimiter = ": "'),
     Format("blocks", header=False, separator="BEGIN:VCARD", key_delimiter=": ")),
    (in_other("json", 'layout = "columns"'), Format("json", header=False, layout="columns")),
    (in_other("sql"), Format("sql", header=False)),
    (in_other("sql", 'table = "subs"'), Format("sql", header=False, table=("subs",))),
    (in_other("sql", 'table = ["a", "b"]'), Format("sql", header=False, table=("a", "b"))),
    (in_other("json", 'rows = "data.rows"'), Format("json", header=False, rows="data.rows")),
    (in_other("jsonl", 'encoding = "utf-16"'), Format("jsonl", header=False, encoding="utf-16")),
    (in_other("parquet"), Format("parquet", header=False)),
    (in_other("xlsx", 'table = "Sheet1"'), Format("xlsx", table=("Sheet1",))),
    (in_other("xlsx", 'columns = ["MOBILE"]'), Format("xlsx", header=False, columns=("MOBILE",))),
])  # fmt: skip
def test_every_format_has_keys_of_its_own(text: str, expected: Format) -> None:
    assert parse_manifest(text).format == expected


@pytest.mark.parametrize(("text", "ratio"), [("0", 0.0), ("1", 1.0), ("0.5", 0.5)])
def test_a_whole_ratio_becomes_a_float(text: str, ratio: float) -> None:
    found = parse_manifest(SMALL + f"[rejects]\nmax_ratio = {text}\n").rejects.max_ratio
    assert (found, type(found)) == (ratio, float)


def test_every_region_of_the_library_is_accepted() -> None:
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        text = changed('"phone"', f'"phone"\nregion = "{region}"')
        assert parse_manifest(text).fields[0].region == region


SECOND_FIELD = SMALL + '[[fields]]\ncolumn = "X"\n'
REJECTS = SMALL + "[rejects]\n"
MISTAKES = [
    # version, top level, TOML itself
    (changed("version = 1", ""), "version: missing; begin the manifest with `version = 1`"),
    (changed("version = 1", "version = 2\nnew = 1"), "version: this program reads manifests with"),
    (changed("version = 1", "version = true"), "version: this program reads manifests with"),
    (changed("version = 1", 'version = "1"'), "version: this program reads manifests with"),
    (changed("version = 1", "version = 1\nrejcts = 1"), "rejcts: unknown key; did you mean `rejects`?"),
    (changed("version = 1", "version = 1\nzzz = 1"), "zzz: unknown key; valid: version, dataset, format"),
    (changed("version = 1", 'version = 1\n"\\u001b[31m" = 1'), "\\x1b[31m: unknown key"),
    (changed("version = 1", "version = 1\nrejects = 1"), "rejects: must be a table, not an integer"),
    (changed('"Demo"', '"Demo'), "not valid TOML: Illegal character '\\n' (at line 5, column 14)"),
    (SMALL + "x = " + "9" * 5000, "not valid TOML: "),
    (SMALL + "x = " + "[" * 5000, "nested too deeply"),
    ("version = 1", "[dataset]: this table is missing"),
    # the dataset table
    (changed('id = "demo"', 'idd = "demo"'), "[dataset] idd: unknown key; did you mean `id`?"),
    (changed('id = "demo"', ""), "[dataset] id: missing, and required"),
    (changed('id = "demo"', 'id = "Demo"'), "[dataset] id: must be 1 to 64 of a-z"),
    (changed('id = "demo"', 'id = "-demo"'), "[dataset] id: must be 1 to 64 of a-z"),
    (changed('id = "demo"', 'id = "a#b"'), "[dataset] id: must be 1 to 64 of a-z"),
    (changed('id = "demo"', f'id = "{"a" * 65}"'), "[dataset] id: must be 1 to 64 of a-z"),
    (changed('id = "demo"', "id = 7"), "[dataset] id: must be a string, not an integer"),
    (changed('"Demo"', '" "'), "[dataset] title: must not be empty"),
    (changed('"Demo"', '"a\\u0007"'), "[dataset] title: holds the control character U+0007"),
    (changed('"Demo"', '"Demo"\ndescription = "a\\nb"'), "description: holds the control character"),
    (changed('"Demo"', '"Demo"\ndescription = "\\u0085"'), "description: holds the control character"),
    (changed('"Demo"', '"D"\noccurred_on = "2017-10-19"'), "occurred_on: must be a date, not a string"),
    (changed('"Demo"', '"D"\noccurred_on = 2017-10-19T00:00:00Z'), "must be a date, not a date with a time"),
    (changed('["demo.csv"]', "[]"), "[dataset] sources: must not be empty"),
    (changed('["demo.csv"]', '""'), '[dataset] sources: must be an array, not a string, like ["dumps/'),
    (changed('["demo.csv"]', '["a", " "]'), "[dataset] sources: holds an empty string"),
    (changed('["demo.csv"]', '["a", 1]'), "[dataset] sources: entry 2 must be a string, not an integer"),
    (changed('sources = ["demo.csv"]', ""), "[dataset] sources: missing, and required"),
    # the format table
    (changed('name = "csv"', ""), "[format] name: missing, and required"),
    (changed('"csv"', '"cvs"'), "[format] name: `cvs` is not a format; did you mean `csv`?"),
    (in_format('delimitr = ";"'), "[format] delimitr: unknown key; did you mean `delimiter`?"),
    (in_format('delimiter = ""'), "[format] delimiter: must be 1 to 8 characters, and has 0"),
    (in_format('delimiter = "123456789"'), "[format] delimiter: must be 1 to 8 characters, and has 9"),
    (in_format('delimiter = [";"]'), "[format] delimiter: must be one string; a list of delimiters is for"),
    (in_other("combo", COMBO + "\ndelimiter = []"), "[format] delimiter: must be different strings, like"),
    (in_other("combo", COMBO + '\ndelimiter = [":", ":"]'), "[format] delimiter: must be different strings, like"),
    (in_format("delimiter = '\\t'"), '[format] delimiter: this is a backslash and a t; a tab is "\\t"'),
    (in_format('delimiter = "\\n"'), "[format] delimiter: must not hold a line break"),
    (in_format('quote = "\\r"'), "[format] quote: must not be a line break"),
    (in_format('quote = "<>"'), '[format] quote: must be one character, or "" for none'),
    (in_format("delimiter = '\"'"), "[format] delimiter: must not contain the `quote` character"),
    (in_format('escape = "ab"'), '[format] escape: must be one character, or "" for none'),
    (in_format("escape = '\"'"), "[format] escape: must not be the `quote` character"),
    (in_format("delimiter = ';;'\nescape = ';'"), "[format] delimiter: must not contain the `escape` character"),
    (in_format("skip_lines = -1"), "[format] skip_lines: must be from 0 to 10,000 lines"),
    (in_format('short_rows = "trim"'), "[format] short_rows: `trim` is not one of its values; valid: reject, fill"),
    (in_format('long_rows = "fill"'), "[format] long_rows: `fill` is not one of its values; valid: reject, trim"),
    (in_format('overflow = ""'), "[format] overflow: must be the name of a column"),
    (in_format('columns = ["MOBILE"]\noverflow = "MOBIL"'), "[format] overflow: `MOBIL` is not in `columns`; did"),
    (in_format('layout = "columns"'), '[format] layout: means nothing for the format "csv"'),
    (in_other("json", 'layout = "column"'), "[format] layout: `column` is not one of its values; did you mean"),
    (in_other("json", 'layout = "columns"\ncolumns = ["MOBILE"]'), "[format] columns: means nothing with `layout ="),
    (in_other("blocks", 'key_delimiter = ""'), "[format] key_delimiter: must be 1 to 8 characters, and has 0"),
    (in_other("blocks", f'separator = "{"x" * 257}"'), "[format] separator: must have at most 256 characters, and has"),
    (in_format("header = 0"), "[format] header: must be a boolean, not an integer"),
    (in_format("header = false"), "[format] header: a dump without a header row needs"),
    (in_format("columns = []"), "[format] columns: must not be empty"),
    (in_format('columns = ["A", "", "", "A"]'), "[format] columns: `A` is there twice"),
    (in_format('encoding = "utf-9"'), "[format] encoding: `utf-9` is not an encoding of text; did"),
    (in_format('encoding = "hex"'), "[format] encoding: `hex` is not an encoding of text"),
    (in_format('encoding = "idna"'), "[format] encoding: `idna` is not an encoding of text"),
    (in_format('encoding = "undefined"'), "[format] encoding: `undefined` is not an encoding of text"),
    (in_format('encoding = "qqqqqqqq"'), "is not an encoding of text; try utf-8, cp1252 or utf-16"),
    (in_other("fixed"), '[format] columns: missing; the format "fixed" needs the list of its column names'),
    (in_other("combo"), '[format] columns: missing; the format "combo" needs the list of its column names'),
    (in_other("fixed", 'columns = ["MOBILE"]'), "[format] widths: must be the characters of each column, like"),
    (in_other("fixed", 'columns = ["MOBILE"]\nwidths = [0]'), "[format] widths: must be the characters of each"),
    (in_other("fixed", 'columns = ["MOBILE"]\nwidths = [true]'), "[format] widths: must be the characters of each"),
    (in_other("fixed", 'columns = ["MOBILE"]\nwidths = [3, 4]'), "[format] widths: has 2 entries, and `columns` 1"),
    (in_other("json", 'delimiter = ";"'), '[format] delimiter: means nothing for the format "json"; remove it (it is'),
    (in_other("combo", COMBO + "\nheader = true"), '[format] header: means nothing for the format "combo"'),
    (in_format('table = "subs"'), '[format] table: means nothing for the format "csv"; remove it (it is for sql,'),
    (in_format("widths = [3]"), '[format] widths: means nothing for the format "csv"'),
    (in_other("sql", "table = 1"), "[format] table: must be an array, not an integer"),
    (in_other("sql", 'table = ["a", 1]'), "[format] table: entry 2 must be a string, not an integer"),
    # the fields tables
    (SMALL.partition("[[fields]]")[0], "[[fields]]: missing; at least one is required"),
    (changed("[[fields]]", "[fields]"), "fields: must be an array, not a table, like the one that"),
    (changed("version = 1", "version = 1\nfields = [1]").partition("[[fields]]")[0], "must be tables"),
    (SECOND_FIELD + 'kinds = "id"', "no. 2 kinds: unknown key; did you mean `kind`?"),
    (SECOND_FIELD + 'kind = "phne"', "no. 2 kind: `phne` is not a kind; did you mean `phone`?"),
    (SECOND_FIELD + 'kind = "record"', "no. 2 kind: `record` is not a kind; valid: id, phone"),
    (SECOND_FIELD, "no. 2 kind: missing, as is `exposes`"),
    (SECOND_FIELD + "lookup = true", "no. 2 lookup: has no meaning without a `kind`"),
    (SECOND_FIELD + 'exposes = "X"\nregion = "MY"', "no. 2 region: has no meaning without a `kind`"),
    (SECOND_FIELD + 'kind = "phone"\nregion = "my"', "two upper-case letters; write MY"),
    (SECOND_FIELD + 'kind = "phone"\nregion = "XX"', "`XX` is not a region of two upper-case letters"),
    (SECOND_FIELD + 'kind = "id"\nregion_column = "CC"', "region_column: has a meaning for the kind `phone` only"),
    (SECOND_FIELD + 'kind = "phone"\nregion_column = ""', "region_column: must not be empty"),
    (SECOND_FIELD + 'kind = "phone"\noptional = 1', "no. 2 optional: must be a boolean, not an integer"),
    (SECOND_FIELD + 'kind = "id"\nlookup = 1', "no. 2 lookup: must be a boolean, not an integer"),
    (SECOND_FIELD + 'exposes = ""', "no. 2 exposes: must not be empty"),
    (SECOND_FIELD + f'exposes = "{"x" * 65}"', "no. 2 exposes: must have at most 64 characters, and has 65"),
    (SECOND_FIELD + 'exposes = "a\\u0000"', "no. 2 exposes: holds the control character U+0000"),
    (SMALL + '[[fields]]\nkind = "id"', "no. 2 column: missing, and required"),
    (changed('"MOBILE"', "[]"), "no. 1 column: must not be empty"),
    (changed('"MOBILE"', "[[]]"), "no. 1 column: entry 1 must be a string, not an array"),
    (changed('"MOBILE"', '["A", ""]'), "no. 1 column: must not be empty"),
    (changed('"MOBILE"', '["A", "A"]'), "no. 1 column: `A` is there twice"),
    (changed('"MOBILE"', "3"), "no. 1 column: must be an array, not an integer, like"),
    (in_format('columns = ["MOBIL", "IC"]'), "`MOBILE` is not in [format] columns; did you mean `MOBIL`"),
    (SMALL + '[[fields]]\ncolumn = "MOBILE"\nkind = "phone"', "[[fields]]: the same field is given twice"),
    (SMALL + "lookup = false", "[[fields]]: none has a `kind` and `lookup = true`"),
    (changed('"phone"', '"imei"'), "[[fields]]: none has a `kind` and `lookup = true`"),
    # the rejects table
    (REJECTS + "ratio = 1", "[rejects] ratio: unknown key; did you mean `max_ratio`?"),
    (REJECTS + "max_ratio = 1.5", "[rejects] max_ratio: must be from 0 to 1"),
    (REJECTS + "max_ratio = -1", "[rejects] max_ratio: must be from 0 to 1"),
    (REJECTS + "max_ratio = nan", "[rejects] max_ratio: must be from 0 to 1"),
    (REJECTS + "max_ratio = true", "[rejects] max_ratio: must be a float, not a boolean"),
    (REJECTS + "min_sample = -1", "[rejects] min_sample: must be 0 or more rows"),
    (REJECTS + "min_sample = 1.0", "[rejects] min_sample: must be an integer, not a float"),
    (REJECTS + "min_sample = 12:00:00", "[rejects] min_sample: must be an integer, not a time"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), MISTAKES)
def test_a_mistake_is_named_with_its_place(text: str, expected: str) -> None:
    message = refusal(text)
    assert message.startswith("demo.toml: ")
    assert expected in message
    assert message.isprintable()


def test_a_secret_put_where_it_does_not_belong_is_not_repeated() -> None:
    secret = "5ec2e7" * 12
    for text in (changed("version = 1", f'version = 1\npepper = "k1:{secret}"'), changed("1", f'"{secret}"')):
        assert secret not in refusal(text)


def test_a_dump_pasted_into_a_name_is_not_repeated_whole() -> None:
    for text in (in_format(f'"{"cell " * 999}" = 1'), changed('"csv"', f'"{"cell " * 999}"')):
        assert len(refusal(text)) < 250


def test_text_from_elsewhere_is_called_manifest() -> None:
    with pytest.raises(ManifestError, match=r"^manifest: version: missing"):
        parse_manifest("")


@given(st.text(max_size=200))
def test_any_text_is_a_manifest_or_a_manifest_error(text: str) -> None:
    for candidate in (text, "version = 1\n" + text, SMALL + text):
        try:
            parse_manifest(candidate)
        except ManifestError as error:
            assert str(error).isprintable()  # noqa: PT017 - a manifest may also be right


@pytest.mark.parametrize("encode", [str.encode, lambda text: b"\xef\xbb\xbf" + text.encode()])
def test_a_file_is_read_with_or_without_byte_order_mark(tmp_path: Path, encode: object) -> None:
    path = tmp_path / "demo.toml"
    path.write_bytes(encode(SMALL.replace("\n", "\r\n")))  # type: ignore[operator]
    manifest = load_manifest(path)
    assert manifest == parse_manifest(SMALL, path)
    assert manifest.base_dir == tmp_path


def test_relative_sources_start_at_the_manifests_folder() -> None:
    assert parse_manifest(SMALL, Path("demo.toml")).base_dir == Path()
    assert parse_manifest(SMALL, Path("a/b/demo.toml")).base_dir == Path("a/b")
    assert parse_manifest(SMALL).base_dir == Path()


@pytest.mark.parametrize(("content", "expected"), [
    (SMALL.encode("utf-16"), "not UTF-8 text"),
    (SMALL.encode() + b"# caf\xe9", "not UTF-8 text"),
    (b"#" * (MAX_MANIFEST_BYTES + 1), "larger than 1 MiB"),
])  # fmt: skip
def test_a_file_that_is_no_manifest(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "demo.toml"
    path.write_bytes(content)
    with pytest.raises(ManifestError, match=expected) as caught:
        load_manifest(path)
    assert caught.value.exit_code is ExitCode.USAGE


@pytest.mark.parametrize(("name", "expected"), [
    ("none.toml", "no such manifest"),
    ("", "cannot be read: Is a directory"),
    ("x\0y", "cannot be read: embedded null byte"),
    ("x" * 300, "cannot be read: File name too long"),
])  # fmt: skip
def test_a_file_that_cannot_be_read(tmp_path: Path, name: str, expected: str) -> None:
    with pytest.raises(ManifestError, match=expected) as caught:
        load_manifest(tmp_path / name)
    assert caught.value.exit_code is ExitCode.USAGE
    assert str(caught.value).isprintable()


SAME_ITEMS = [
    changed('"Demo"', '"Other title"\ndescription = "more"\noccurred_on = 2020-01-01'),
    changed('["demo.csv"]', '["other.csv"]'),
    changed('"csv"', '"csv"\ndelimiter = ","\nquote = \'"\'\nheader = true\nencoding = "UTF8"'),
    changed('"phone"', '"phone"\nlookup = true\nregion = "MY"\nexposes = "Phone numbers"'),
    changed('"MOBILE"', '["MOBILE"]  # comment'),
    REJECTS + "max_ratio = 1",
]
OTHER_ITEMS = [
    changed('"demo"', '"demo2"'),
    changed('"csv"', '"tsv"'),
    in_other("json"),
    in_other("json", 'rows = "a"'),
    in_other("sql"),
    in_other("sql", 'table = "a"'),
    in_other("sql", 'table = ["a", "b"]'),
    in_other("fixed", FIXED),
    in_other("fixed", FIXED.replace("30", "31")),
    changed('"csv"', '"csv"\ndelimiter = ";"'),
    changed('"csv"', '"csv"\nquote = ""'),
    changed('"csv"', '"csv"\nheader = true\ncolumns = ["MOBILE"]'),
    changed('"csv"', '"csv"\ncolumns = ["MOBILE"]'),
    changed('"csv"', '"csv"\ncolumns = ["MOBILE", ""]'),
    changed('"csv"', '"csv"\nencoding = "cp1252"'),
    changed('"MOBILE"', '"PHONE"'),
    changed('"MOBILE"', '["MOBILE", "PHONE"]'),
    changed('"MOBILE"', '["PHONE", "MOBILE"]'),
    changed('"phone"', '"id"'),
    changed('"phone"', '"phone"\nregion = "SG"'),
    changed('"phone"', '"phone"\nexposes = "Mobile numbers"'),
    SMALL + '[[fields]]\ncolumn = "IMEI"\nkind = "imei"',
    SMALL + '[[fields]]\ncolumn = "IMEI"\nkind = "imei"\nlookup = true',
]


def test_digest_is_one_for_the_same_items() -> None:
    digest = parse_manifest(SMALL).digest
    meaning = (
        '{"dataset":"demo",'
        '"fields":[{"columns":["MOBILE"],"exposes":"Phone numbers",'
        '"kind":"phone","lookup":true,"optional":false,"region":"MY","region_column":null}],'
        '"format":{"columns":[],"delimiters":[","],"encoding":"utf-8","escape":"","header":true,"key_delimiter":null,'
        '"layout":"rows","long_rows":"reject","name":"csv","overflow":"","quote":"\\"","rows":null,"separator":null,'
        '"short_rows":"reject","skip_lines":0,"table":[],"widths":[],"widths_in":null},'
        '"join":false,"max_identifiers":64}'
    )
    assert digest == hashlib.sha256(meaning.encode()).hexdigest()
    assert {parse_manifest(text, Path("x.toml")).digest for text in SAME_ITEMS} == {digest}


def test_digest_differs_for_other_items() -> None:
    digests = {parse_manifest(text).digest for text in (SMALL, *OTHER_ITEMS)}
    assert len(digests) == 1 + len(OTHER_ITEMS)


@pytest.mark.parametrize(("rows", "refused"), [("users.*", False), ("users", True)])
def test_the_key_of_a_row_is_a_column_beside_those_of_arrays(rows: str, refused: bool) -> None:  # noqa: FBT001 - as given
    text = (
        'version = 1\n[dataset]\nid = "d"\ntitle = "d"\nsources = ["d"]\n'
        f'[format]\nname = "json"\nrows = "{rows}"\ncolumns = ["a"]\n[[fields]]\ncolumn = "$key"\nkind = "phone"\n'
    )
    if refused:
        with pytest.raises(ManifestError, match="not in \\[format\\] columns"):
            parse_manifest(text)
    else:
        assert parse_manifest(text).fields[0].columns == ("$key",)
