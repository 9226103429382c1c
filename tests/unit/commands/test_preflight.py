"""What is checked of all sources before the first row of the first one is read."""

from __future__ import annotations

import bz2
import gzip
import io
import sqlite3
import struct
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingest_cli.commands import preflight
from ingest_cli.commands.validate import reproduce
from ingest_cli.decoders import members
from ingest_cli.errors import IngestError, MissingColumnError, MissingSourceError, SourceError
from ingest_cli.model.manifest import Manifest, parse_manifest
from ingest_cli.model.settings import RunSettings
from ingest_cli.report.report import Report
from ingest_cli.sinks.memory import MemorySink
from ingest_cli.sources.error_place import named
from ingest_cli.sources.joined import Joined
from tests.support.archives import tar_of, zip_of
from tests.support.pipelines import PEPPER, BytesSource

CSV = 'name = "csv"'
HEADERLESS = 'name = "csv"\nheader = false\ncolumns = ["email", "phone"]'
EMAIL = '[[fields]]\ncolumn = "email"\nkind = "email"\n'
PHONE = '[[fields]]\ncolumn = "phone"\nkind = "phone"\n'
OPTIONAL = '[[fields]]\ncolumn = ["phone", "mobile"]\nkind = "phone"\noptional = true\n'


@dataclass(frozen=True)
class Came:
    """What a run came to."""

    report: Report
    sink: MemorySink
    error: IngestError | None

    @property
    def kinds(self) -> Mapping[str, int]:
        """How many items of each kind were written."""
        return dict(self.report.account.identifiers)

    def refused(self, kind: type[IngestError], *words: str) -> None:
        """Hold a refusal against what it should say; nothing was written."""
        assert type(self.error) is kind, self.error
        for word in words:
            assert word in str(self.error), str(self.error)
        assert str(self.error).isprintable()
        assert not self.sink.items


Run = Callable[..., Came]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the files, name → content, through all stages, into memory."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def it(
        files: Mapping[str, bytes],
        format_: str = CSV,
        fields: str = EMAIL + PHONE,
        sources: str = '["*"]',
        rest: str = "",
    ) -> Came:
        folder = tmp_path / "dumps"
        for name, data in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        sink, report = MemorySink(), Report("verify", "demo", "Demo")
        try:
            reproduce(manifest(folder, format_, fields, sources, rest), PEPPER, RunSettings(), sink=sink, report=report)
        except IngestError as error:
            return Came(report, sink, error)
        return Came(report, sink, None)

    return it


def manifest(folder: Path, format_: str, fields: str, sources: str, rest: str = "") -> Manifest:
    text = f'version = 1\n[dataset]\nid = "demo"\ntitle = "Demo"\nsources = {sources}\n{rest}\n[format]\n{format_}\n'
    return parse_manifest(text + fields, folder / "demo.toml")


# -- ends ------------------------------------------------------------------------------------------------------------

ALI, BEN = b"ali@example.com,0123456781", b"ben@example.com,0123456782"


def test_a_file_that_ends_in_the_middle_of_a_line_is_a_part(run: Run) -> None:
    came = run({"u.aa": b"email,phone\n" + ALI, "u.ab": b"9\n" + BEN + b"\n"})
    came.refused(
        SourceError, '"u.aa" ends in the middle of a line', '"u.ab" follows it', "set `join = true` in [dataset]"
    )
    assert "sed -i" in str(came.error)
    whole = run({"u.aa": b"email,phone\n" + ALI, "u.ab": b"9\n" + BEN + b"\n"}, rest="join = true")
    assert (whole.error, whole.report.account.rows_read, whole.kinds) == (None, 2, {"email": 2, "phone": 2})
    assert whole.report.sources == ("u.aa … (2 parts)",)


@pytest.mark.parametrize(
    "files",
    [
        {"1.csv": b"email,phone\n" + ALI, "2.csv": b"email,phone\n" + BEN},
        {"1.csv": b"email,phone\r\n" + ALI, "2.csv": b"phone,name,email\r\n0123456782,Ben,ben@example.com"},
        {"1.csv": b"\xef\xbb\xbfemail,phone\n" + ALI, "2.csv": b'"email","phone"\n' + BEN},
        {"1.csv": b"email,phone\n" + ALI + b"\r", "2.csv": b"email,phone\n" + BEN},
        {"1.csv": b"email,phone\n" + ALI + b"\n\x1a", "2.csv": b"email,phone\n" + BEN},
        {"1.csv": b"email,phone\n" + ALI, "2.csv": b"", "3.csv": b"email,phone\n" + BEN},
        {"1.csv": gzip.compress(b"email,phone\n" + ALI), "2.csv": gzip.compress(b"email,phone\n" + BEN)},
        {"1.csv": gzip.compress(b"email,phone\n" + ALI), "2.csv": b"email,phone\n" + BEN},
    ],
)
def test_files_with_headers_of_their_own_are_no_parts(run: Run, files: Mapping[str, bytes]) -> None:
    assert (came := run(files)).error is None
    assert came.kinds == {"email": 2, "phone": 2}


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r", b"\n\x1a", b"\n\0\0"])
def test_without_a_header_the_line_end_decides(run: Run, end: bytes) -> None:
    assert run({"1.csv": ALI + end, "2.csv": BEN}, HEADERLESS).kinds == {"email": 2, "phone": 2}
    run({"1.csv": ALI, "2.csv": BEN}, HEADERLESS).refused(SourceError, '"1.csv" ends in the middle')


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp037", "utf-8-sig", "gb18030"])
def test_a_line_end_is_known_in_any_encoding(run: Run, encoding: str) -> None:
    rows = [f"{row.decode()}\n".encode(encoding) for row in (ALI, BEN)]
    format_ = f'{HEADERLESS}\nencoding = "{encoding}"'
    assert run({"1.csv": rows[0], "2.csv": rows[1]}, format_).kinds == {"email": 2, "phone": 2}
    cut = {"1.csv": ALI.decode().encode(encoding), "2.csv": rows[1]}
    run(cut, format_).refused(SourceError, '"1.csv" ends in the middle')


def test_parts_follow_each_other_by_their_numbers(run: Run) -> None:
    names = [f"u.{n}" for n in range(1, 11)]
    files = dict.fromkeys(names, ALI + b"\n") | {"u.9": ALI, "u.10": b"1\n"}
    run(files, HEADERLESS).refused(SourceError, '"u.9" ends in the middle', '"u.10" follows it')


def test_entries_of_their_own_are_parts_if_they_look_like_it(run: Run) -> None:
    parts = {"u.aa": ALI, "u.ab": b"9\n"}
    run(parts, HEADERLESS, sources='["u.aa", "u.ab"]').refused(SourceError, "join = true")
    others = {"jan.csv": ALI, "feb.csv": BEN}
    assert run(others, HEADERLESS, sources='["jan.csv", "feb.csv"]').kinds == {"email": 2, "phone": 2}


JSON = [b'{"email": "ali@example.com"}', b'{"email": "ben@example.com"}']


@pytest.mark.parametrize("name", ["json", "jsonl"])
def test_documents_need_no_line_end(run: Run, name: str) -> None:
    whole = {"1.json": JSON[0], "2.json": b"\n " + JSON[1]}
    assert run(whole, f'name = "{name}"', EMAIL).kinds == {"email": 2}
    cut = {"1.json": JSON[0] + JSON[1][:12], "2.json": JSON[1][12:]}
    run(cut, f'name = "{name}"', EMAIL).refused(SourceError, '"1.json" ends in the middle')


def test_statements_need_no_line_end(run: Run) -> None:
    statement = b"CREATE TABLE t (email text);\nINSERT INTO t VALUES ('ali@example.com');"
    assert run({"1.sql": statement, "2.sql": statement.replace(b"ali", b"ben")}, 'name = "sql"', EMAIL).error is None
    run({"1.sql": statement[:-9], "2.sql": b"e.com');\n"}, 'name = "sql"', EMAIL).refused(SourceError, "in the middle")


def test_parts_of_something_packed_are_told_to_be_joined(run: Run) -> None:
    whole = gzip.compress(b"email,phone\n" + b"\n".join([ALI, BEN]) + b"\n", mtime=0)
    parts = {"u.gz.001": whole[:40], "u.gz.002": whole[40:]}
    run(parts).refused(SourceError, '"u.gz.001" is packed', "continues the same data", "join = true")
    assert run(parts, rest="join = true").kinds == {"email": 2, "phone": 2}


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lambda data: zip_of([("a.csv", data)])])
def test_one_part_alone_is_told_to_be_one(run: Run, pack: Callable[[bytes], bytes]) -> None:
    data = pack(b"email,phone\n" + b"".join(b"a%d@example.com,\n" % n for n in range(3000)))
    cut = data[: len(data) // 2]
    came = run({"u.x.001": cut})
    assert "By its name it is a part of a split file: name all parts in `sources`, and set `join = true`" in str(
        came.error
    )
    assert "Get the" not in str(came.error)
    came = run({"u.x": cut}, sources='["u.x"]')
    assert "Get the whole file" in str(came.error)


def test_a_missing_part_is_named(run: Run) -> None:
    parts = {"u.001": b"email,phone\n", "u.003": ALI}
    run(parts, rest="join = true").refused(SourceError, '"u.002" is missing')


def test_workbooks_and_parquet_can_be_joined(run: Run) -> None:
    for name, whole in (
        ("parquet", parquet({"email": ["ali@example.com"]})),
        ("xlsx", xlsx([["email"], ["a@b.example"]])),
    ):
        parts = {f"{name}.{n:03}": whole[at : at + 700] for n, at in enumerate(range(0, len(whole), 700))}
        came = run(parts, f'name = "{name}"', EMAIL, f'["{name}.*"]', "join = true")
        assert (came.error, came.kinds) == (None, {"email": 1})


def test_a_definition_and_its_rows_may_be_joined_and_need_not(run: Run) -> None:
    files = {
        "db.users-schema.sql": b"CREATE TABLE `users` (`id` int, `email` varchar(99));\n",
        "db.users.00000.sql": b"INSERT INTO `users` VALUES(1,'ali@example.com');\n",
        "db.users.00001.sql": b"INSERT INTO `users` VALUES(2,'ben@example.com');\n",
    }
    assert run(files, 'name = "sql"', EMAIL).kinds == {"email": 2}
    listed = '["db.users-schema.sql", "db.users.*.sql"]'
    assert run(files, 'name = "sql"', EMAIL, listed, "join = true").kinds == {"email": 2}


def test_a_definition_in_another_source_counts_where_columns_are_optional_too(run: Run) -> None:
    files = {
        "1.sql": b"CREATE TABLE `users` (`id` int, `email` varchar(99));\n",
        "2.sql": b"INSERT INTO `users` VALUES(1,'ali@example.com');\n",
    }
    for fields in (EMAIL, EMAIL + OPTIONAL):
        came = run(files, 'name = "sql"', fields)
        assert (came.error, came.kinds) == (None, {"email": 1})


def test_a_message_is_named_once_and_its_advice_given_once() -> None:
    source = Joined((BytesSource(b"a", name="x"), BytesSource(b"b", name="y")))
    error = named(MissingSourceError("it does not exist"), source, source.name, several=False)
    assert str(error) == '"x … (2 parts)": it does not exist; check `sources` in [dataset]'
    assert isinstance(error, MissingSourceError)


# -- headers ---------------------------------------------------------------------------------------------------------


def parquet(columns: Mapping[str, list[str]]) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table(dict(columns)), out)
    return out.getvalue()


def arrow(columns: Mapping[str, list[str]]) -> bytes:
    out, table = io.BytesIO(), pa.table(dict(columns))
    with pa.ipc.new_file(out, table.schema) as writer:
        writer.write(table)
    return out.getvalue()


def xlsx(rows: list[list[str]]) -> bytes:
    book, out = openpyxl.Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)
    book.save(out)
    return out.getvalue()


def csv(columns: Mapping[str, list[str]], delimiter: str = ",") -> bytes:
    lines = [delimiter.join(columns), *(delimiter.join(row) for row in zip(*columns.values(), strict=True))]
    return "".join(f"{line}\n" for line in lines).encode()


def sql(columns: Mapping[str, list[str]]) -> bytes:
    rows = ",".join("({})".format(",".join(f"'{cell}'" for cell in row)) for row in zip(*columns.values(), strict=True))
    return f"INSERT INTO t ({','.join(columns)}) VALUES {rows};\n".encode()  # noqa: S608 - a dump


def jsonl(columns: Mapping[str, list[str]]) -> bytes:
    rows = zip(*columns.values(), strict=True)
    return "".join(str(dict(zip(columns, row, strict=True))).replace("'", '"') + "\n" for row in rows).encode()


WRITERS: Mapping[str, Callable[[Mapping[str, list[str]]], bytes]] = {
    "csv": csv,
    "tsv": lambda columns: csv(columns, "\t"),
    "sql": sql,
    "parquet": parquet,
    "arrow": arrow,
    "xlsx": lambda columns: xlsx([list(columns), *map(list, zip(*columns.values(), strict=True))]),
    "jsonl": jsonl,
}
MONTHS = (
    {"email": ["ali@example.com"], "phone": ["0123456781"]},
    {"name": ["Ben"], "email": ["ben@example.com"], "mobile": ["0123456782"]},
    {"email": ["cat@example.com"]},
    {"email": ["dee@example.com"], "phone": [""], "mobile": ["0123456784"]},
)


@pytest.mark.parametrize("name", WRITERS)
def test_optional_columns_differ_from_file_to_file(run: Run, name: str) -> None:
    files = {f"2017-{n}": WRITERS[name](columns) for n, columns in enumerate(MONTHS)}
    came = run(files, f'name = "{name}"', EMAIL + OPTIONAL)
    assert (came.error, came.report.account.rows_kept, came.kinds) == (None, 4, {"email": 4, "phone": 3})


@pytest.mark.parametrize("name", [name for name in WRITERS if name != "jsonl"])
@pytest.mark.parametrize("pack", [lambda data: data, gzip.compress], ids=["plain", "gzip"])
def test_a_column_that_a_later_file_lacks_is_named_first(run: Run, name: str, pack: Callable[[bytes], bytes]) -> None:
    if name in {"xlsx", "parquet", "arrow"} and pack is gzip.compress:
        return  # those are no streams, and seldom packed: they are looked at when they are read
    files = {f"2017-{n}": pack(WRITERS[name](columns)) for n, columns in enumerate(MONTHS[:2])}
    came = run(files, f'name = "{name}"')
    came.refused(
        MissingColumnError, '"2017-1": there is no column "phone"', "If some of the files lack it, set `optional"
    )


@pytest.mark.parametrize("name", [name for name in WRITERS if name != "jsonl"])
def test_a_file_without_any_of_the_columns_is_refused(run: Run, name: str) -> None:
    files = {
        f"2017-{n}": WRITERS[name](columns) for n, columns in enumerate([MONTHS[0], {"other": ["x"], "more": ["y"]}])
    }
    fields = f"{EMAIL}optional = true\n{OPTIONAL}"
    came = run(files, f'name = "{name}"', fields)
    came.refused(MissingColumnError, '"2017-1": not one column of the manifest is in', '"email", "phone", "mobile"')


def test_one_file_alone_is_told_nothing_of_others(run: Run) -> None:
    came = run({"a.csv": b"email,mobile\n"})
    came.refused(MissingColumnError, 'there is no column "phone" in the header of 2 columns')
    assert "optional" not in str(came.error)


def test_a_header_that_is_repeated_is_no_row_without_the_optional_columns_either(run: Run) -> None:
    data = b"email,name\nali@example.com,Ali\nemail,name\nben@example.com,Ben\n"
    came = run({"a.csv": data}, fields=EMAIL + OPTIONAL)
    assert (came.kinds, came.report.account.skipped["repeated_header"]) == ({"email": 2}, 1)


def test_an_absent_column_exposes_nothing(run: Run) -> None:
    fields = f'{EMAIL}[[fields]]\ncolumn = "address"\nexposes = "Physical addresses"\noptional = true\n'
    bare, full = b"email\nali@example.com\n", b"email,address\nali@example.com,x\n"
    without, with_it = run({"1": bare}, fields=fields), run({"1": full}, fields=fields)
    assert without.sink.items.keys() != with_it.sink.items.keys(), "what a record exposes is part of it"
    assert without.sink.items.keys() == run({"1": bare}, fields=EMAIL).sink.items.keys()


def test_files_within_an_archive_are_found_out_when_they_are_read(run: Run) -> None:
    archive = zip_of([("a.csv", b"email,phone\n" + ALI + b"\n"), ("b.csv", b"email,mobile\n" + BEN + b"\n")])
    came = run({"u.zip": archive})
    assert isinstance(came.error, MissingColumnError)
    assert '"u.zip/b.csv"' in str(came.error)
    assert "optional = true" in str(came.error)
    assert str(came.error).endswith("The rows before it were read, and by a load written"), "and not that nothing was"
    assert len(came.sink.items) == 2


def test_heads_that_are_alike_are_parsed_once(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    unpacked = list[int]()
    monkeypatch.setattr(preflight, "members", lambda *a, **b: (unpacked.append(1), members(*a, **b))[1])
    files = {f"{n:03}.csv": b"email,phone\n%d@example.com,\n" % n for n in range(50)}
    assert run(files).kinds == {"email": 50}
    assert len(unpacked) == 1


# -- what is no dump -------------------------------------------------------------------------------------------------


def sqlite_file() -> bytes:
    base = sqlite3.connect(":memory:")
    base.execute("CREATE TABLE t (email)")
    return base.serialize()


def bson() -> bytes:
    body = b"\x02email\x00" + struct.pack("<i", 16) + b"ali@example.com\x00\x00"
    return struct.pack("<i", len(body) + 4) + body


KNOWN: Mapping[str, tuple[bytes, str]] = {
    "PostgreSQL": (b"PGDMP\x01\x0e\x00\x04\x08\x01\x01\x01" + bytes(50), "pg_restore"),
    "SQLite": (sqlite_file(), ".dump"),
    "BSON": (bson(), "bsondump"),
    "RAR": (b"Rar!\x1a\x07\x01\x00" + bytes(50), "unrar"),
    "Parquet": (parquet({"email": ["x"]}), 'set `name = "parquet"` in [format]'),
    "Excel": (xlsx([["email"]]), "xlsx"),
    "Office": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "save it as .xlsx or CSV"),
    "Access": (b"\x00\x01\x00\x00Standard Jet DB\x00" + bytes(50), "mdb-export"),
    "PDF": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "pdftotext"),
    "Redis": (b"REDIS0009\xfa\tredis-ver\x055.0.7", "rdb --command json"),
}


@pytest.mark.parametrize("format_", [CSV, HEADERLESS, 'name = "jsonl"', 'name = "sql"'])
@pytest.mark.parametrize("kind", KNOWN)
def test_what_is_of_another_format_is_called_by_its_name(run: Run, kind: str, format_: str) -> None:
    data, advice = KNOWN[kind]
    came = run({"1.csv": csv({"email": ["ali@example.com"], "phone": [""]}), "2.dat": data}, format_)
    came.refused(SourceError, '"2.dat": ', advice)


def test_it_is_named_within_an_archive_and_under_a_file_format_too(run: Run) -> None:
    came = run({"u.tar": tar_of([("a.csv", b"email,phone\n" + ALI + b"\n"), ("b.db", sqlite_file())])})
    assert '"u.tar": "b.db" in it is an SQLite database; `sqlite3 FILE .dump`' in str(came.error)
    came = run({"u.tar": sqlite_file()}, 'name = "parquet"', EMAIL)
    came.refused(SourceError, '"u.tar": this is an SQLite database')


def test_a_member_that_needs_a_password_is_refused_first(run: Run) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.csv", "email,phone\n")
    locked = bytearray(out.getvalue())
    locked[6] |= 1
    came = run({"1.csv": b"email,phone\n" + ALI + b"\n", "2.zip": bytes(locked)})
    came.refused(SourceError, '"2.zip": "a.csv" is protected by a password')


# -- folders ---------------------------------------------------------------------------------------------------------


def test_a_folder_of_an_export_of_dynamodb(run: Run) -> None:
    folder = "AWSDynamoDB/01760000000000-0a1b2c3d"
    rows = b'{"Item":{"email":{"S":"ali@example.com"}}}\n'
    files = {
        f"{folder}/_started": b"",
        f"{folder}/data/abc.json.gz": gzip.compress(rows),
        f"{folder}/manifest-files.json": b'{"itemCount":1}',
        f"{folder}/manifest-files.md5": b"x",
        f"{folder}/manifest-summary.json": b'{"version":"2020-06-30"}',
        f"{folder}/manifest-summary.md5": b"3q2+7w==",
    }
    fields = EMAIL.replace('"email"', '"Item.email.S"', 1)
    came = run(files, 'name = "jsonl"', fields, '["AWSDynamoDB/"]')
    assert (came.error, came.report.account.rows_read, came.kinds) == (None, 1, {"email": 1})
    (note,) = came.report.notes
    assert note.startswith('skipped 5 files that are not dumps in "AWSDynamoDB/": 01760000000000-0a1b2c3d/_started')
