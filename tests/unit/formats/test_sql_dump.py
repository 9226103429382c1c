"""SQL dumps: what is a row and what is not, whose columns, and the true output of the tools."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ingest_cli.errors import ManifestError
from ingest_cli.formats.sql.catalog import MAX_NAMED, OTHER_TABLES
from ingest_cli.formats.sql_dump import SqlDump
from tests.support.sql_reading import (
    MYSQL,
    ORACLE,
    POSTGRESQL,
    SQL_SERVER,
    SQLITE,
    cells,
    flags,
    passed_over,
    read,
    records,
    rejects,
)

SAMPLES = Path(__file__).resolve().parents[2] / "support" / "sql_samples"


# True output of the tools

NAMES = ("id", "name", "email", "phone", "note", "blob")


def expected_rows() -> list[tuple[bytes, ...]]:
    """What was in the table that every sample is a dump of; `score` is left out, for each writes it differently."""
    out = list[tuple[bytes, ...]]()
    for row in json.loads((SAMPLES / "rows.json").read_text()):
        found = [value for place, value in enumerate(row) if place != 5]
        out.append(
            tuple(
                b""
                if value is None
                else bytes.fromhex(value["hex"])
                if isinstance(value, dict)
                else str(value).encode()
                for value in found
            )
        )
    return out


def bytea(cell: bytes) -> bytes:
    return bytes.fromhex(cell[2:].decode()) if cell.startswith(b"\\x") else cell


@pytest.mark.parametrize("chunk_bytes", [1, 700, 1 << 20])
@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.sql")), ids=lambda path: path.stem)
def test_what_the_tools_truly_write_is_read(path: Path, chunk_bytes: int) -> None:
    columns = ("id", "name", "email", "phone", "note", "score", "blob") if "mode-insert" in path.name else None
    chunks = read(path.read_bytes(), NAMES, ["people"], columns, chunk_bytes)
    assert rejects(chunks) == []
    found = sorted(cells(chunks), key=lambda row: int(row[0]))
    assert [(*row[:-1], bytea(row[-1])) for row in found] == expected_rows()


def test_there_are_samples() -> None:
    assert len(list(SAMPLES.glob("*.sql"))) == 7
    assert len(expected_rows()) == 64


# Tables and columns


def test_the_column_list_says_what_a_value_is() -> None:
    data = b"CREATE TABLE t (a int, b text);\nINSERT INTO t (b, x, a) VALUES (1,2,3);\nINSERT INTO t VALUES (4,5);\n"
    assert cells(read(data, columns=None)) == [(b"3", b"1"), (b"4", b"5")]


def test_names_have_no_case_and_any_quotes() -> None:
    data = b'INSERT INTO "S"."T" ("A", [B]) VALUES (1,2);\nINSERT INTO s.`t` (`b`, a) VALUES (3,4);\n'
    assert cells(read(data, tables=["[s].T"], columns=None)) == [(b"1", b"2"), (b"4", b"3")]


def test_keys_and_checks_are_no_columns() -> None:
    data = (
        b"CREATE TABLE IF NOT EXISTS t (\n  `key` varchar(20), -- a, comment)\n"
        b"  a enum('x','y),('), check varchar(3),\n"
        b"  /*!80023 unused int, */ PRIMARY KEY (a), KEY b (b(3)), UNIQUE KEY x USING BTREE (a), CHECK (a > (1)),\n"
        b"  CONSTRAINT c FOREIGN KEY (a) REFERENCES s (b), b decimal(10,2) DEFAULT ');'\n);\n"
        b"INSERT INTO t VALUES (1,2,3,4);\n"
    )
    assert cells(read(data, columns=None)) == [(b"2", b"4")]


def test_computed_columns_of_sqlite_are_not_dumped() -> None:
    data = SQLITE + b"CREATE TABLE t (c text AS (a || b), a, b);\nINSERT INTO t VALUES(1,2);\n"
    assert cells(read(data, columns=None)) == [(b"1", b"2")]


def test_the_manifest_may_say_what_the_dump_does_not() -> None:
    data = b"INSERT INTO t VALUES (1,2);\n"
    assert cells(read(data, columns=["b", "a"])) == [(b"2", b"1")]
    with pytest.raises(ManifestError, match=r'columns of "t".*name them with `columns`'):
        read(data, columns=None)


def test_more_or_fewer_values_than_columns_are_rejects() -> None:
    data = MYSQL + b"INSERT INTO t VALUES (1,2),(3),(4,5,6),(),(7,);\nCREATE TABLE s (x int);\n"
    chunks = read(data)
    assert cells(chunks) == [(b"1", b"2")]
    reasons = ["too_few_cells", "too_many_cells", "too_few_cells", "unread_expression"]
    assert rejects(chunks) == [(place, 2, reason) for place, reason in enumerate(reasons, 2)]
    lines = b"COPY t (a, b) FROM stdin;\n1\t2\n3\n4\t5\t6\n\\.\n"
    assert rejects(read(lines)) == [(2, 3, "too_few_cells"), (3, 4, "too_many_cells")]


def test_a_column_that_is_not_there_is_said_with_the_nearest_name() -> None:
    with pytest.raises(ManifestError, match=r'no column "emial" in the table "t" of 2 columns; did you mean "email"'):
        read(b"INSERT INTO t (id, email) VALUES (1,2);\n", ["emial"], columns=None)


def test_names_from_a_dump_are_shown_without_what_a_terminal_would_obey() -> None:
    with pytest.raises(ManifestError) as caught:
        read(b'INSERT INTO "t\x1b[2J" ("x\x1b[31m") VALUES (1);\n', ["x1"], [], None)
    assert "\x1b" not in str(caught.value)
    with pytest.raises(ManifestError) as caught:
        read(b'INSERT INTO "' + b"t" * 5_000 + b'" VALUES (1);\n', ["x"], [], None)
    assert len(str(caught.value)) < 500


def test_the_only_table_with_rows_need_not_be_named() -> None:
    data = b"CREATE TABLE s (a int);\nINSERT INTO t VALUES (1,2);\nINSERT INTO sqlite_sequence VALUES ('t',1);\n"
    assert cells(read(data, tables=[])) == [(b"1", b"2")]
    with pytest.raises(ManifestError, match=r'several tables \("s", "t", perhaps more\); select those'):
        read(data + b"INSERT INTO s VALUES (3);\n", tables=[])


def test_several_tables_may_be_read_and_need_not_have_the_same_columns() -> None:
    data = b"INSERT INTO s (a) VALUES (1);\nINSERT INTO u VALUES (9);\nINSERT INTO t (b, c) VALUES (2,3);\n"
    assert cells(read(data, tables=["s", "t"], columns=None)) == [(b"1", b""), (b"", b"2")]


def test_rows_of_other_tables_are_not_counted() -> None:
    data = b"INSERT INTO s VALUES (1),(2,'x'y'),(3;\nINSERT INTO t VALUES (1,2);\nCOPY s FROM stdin;\n1\n\\.\n"
    chunks = read(data)
    assert (cells(chunks), rejects(chunks), records(chunks)) == ([(b"1", b"2")], [], 1)
    assert passed_over(chunks) == {"s": 4}


def test_a_table_of_another_database_is_another_table() -> None:
    data = MYSQL + b"USE `one`;\nINSERT INTO t VALUES (1,2);\nUSE `two`;\nINSERT INTO t VALUES (3,4);\n"
    assert cells(read(data, tables=["two.t"])) == [(b"3", b"4")]
    assert cells(read(data, tables=["t"])) == [(b"1", b"2"), (b"3", b"4")]
    with pytest.raises(ManifestError, match=r'"one.t", "two.t"'):
        read(data, tables=[])


# What is passed over

COMMANDS = [
    (MYSQL, b"\\! echo it's\n"),
    (MYSQL, b"SOURCE /tmp/it's.sql\n"),
    (MYSQL, b"system rm -rf it's\n"),
    (MYSQL, b"DELIMITER $$\nCREATE PROCEDURE p()\nBEGIN\nINSERT INTO t VALUES (0,0);\nEND$$\nDELIMITER ;\n"),
    (MYSQL, b"# it's\n"),
    (MYSQL, b"/*!50003 CREATE TRIGGER x BEFORE INSERT ON t FOR EACH ROW INSERT INTO t VALUES (0,0); */;\n"),
    (MYSQL, b"/* it's ( ; */"),
    (MYSQL, b"-- it's ( ;\n"),
    (MYSQL, b"LOAD DATA INFILE 'it\\'s' INTO TABLE t;\n"),
    (MYSQL, b"CREATE TABLE s SELECT * FROM t;\n"),
    (POSTGRESQL, b"\\connect it's\n"),
    (POSTGRESQL, b"\\copy t FROM 'x'\n"),
    (POSTGRESQL, b"\\i it's.sql\n"),
    (POSTGRESQL, b"COPY t FROM PROGRAM 'rm -rf it''s';\n"),
    (POSTGRESQL, b"COPY t FROM '/etc/passwd' (FORMAT csv);\n"),
    (POSTGRESQL, b"COPY t TO stdout;\n"),
    (POSTGRESQL, b"CREATE FUNCTION f() AS $x$ BEGIN\nINSERT INTO t VALUES (0,'$$');\nEND; $x$;\n"),
    (POSTGRESQL, b"CREATE RULE r AS ON INSERT TO t DO INSTEAD  INSERT INTO t VALUES (new.a, new.b);\n"),
    (SQL_SERVER, b"CREATE PROCEDURE p AS\nBEGIN\nINSERT t VALUES (0,0);\nEND\nGO\n"),
    (SQL_SERVER, b"EXEC sys.sp_addextendedproperty @name=N'it''s', @value=N'('\nGO\n"),
    (SQL_SERVER, b"print 'it''s'\n"),
    (ORACLE, b"PROMPT it's\n"),
    (ORACLE, b"@it's.sql\n"),
    (ORACLE, b"HOST rm -rf it's\n"),
    (ORACLE, b"CREATE TRIGGER x BEFORE INSERT ON t BEGIN\n  INSERT INTO t VALUES (0,0);\nEND;\n/\n"),
    (SQLITE, b".shell rm -rf it's\n"),
    (
        SQLITE,
        b"CREATE TRIGGER x AFTER INSERT ON t BEGIN\nINSERT INTO t VALUES (0,0); END;\n",
    ),
]


@pytest.mark.parametrize(("head", "text"), COMMANDS, ids=[text[:20].decode() for _, text in COMMANDS])
def test_what_is_no_row_is_passed_over(head: bytes, text: bytes) -> None:
    data = head + b"INSERT INTO t VALUES (1,2);\n" + text + b"INSERT INTO t VALUES (3,4);\n"
    chunks = read(data)
    assert (cells(chunks), rejects(chunks)) == ([(b"1", b"2"), (b"3", b"4")], [])


# How rows are given

WAYS = [
    (POSTGRESQL, b"INSERT INTO t (a, b) OVERRIDING SYSTEM VALUE VALUES (1,'x'), (2,'y');\n"),
    (POSTGRESQL, b"INSERT INTO t OVERRIDING USER VALUE VALUES (1,'x'), (2,'y');\n"),
    (POSTGRESQL, b"INSERT INTO t AS o (a, b) VALUES (1,'x'), (2,'y') ON CONFLICT (a) DO UPDATE SET b = 'z';\n"),
    (MYSQL, b"INSERT INTO t VALUES ROW(1,'x'), ROW (2,'y');\n"),
    (MYSQL, b"INSERT LOW_PRIORITY IGNORE INTO t PARTITION (p0, p1) (b, a) VALUES ('x',1), ('y',2);\n"),
    (MYSQL, b"INSERT INTO t VALUES (1,'x'),(2,'y') AS new(m,n) ON DUPLICATE KEY UPDATE b = n;\n"),
    (MYSQL, b"INSERT INTO t SET a = 1, b = 'x' ON DUPLICATE KEY UPDATE a = 9;\nREPLACE t SET t.b := 'y', `a` = 2;\n"),
    (MYSQL, b"INSERT INTO t SELECT 1, 'x' UNION SELECT 2, 'y' ON DUPLICATE KEY UPDATE a = 9;\n"),
    (MYSQL, b"INSERT INTO t SET a = 1, b = concat('x', ''), c = 3;\nUPSERT INTO t (a, b) VALUES (2, 'y');\n"),
    (SQL_SERVER, b"INSERT t SELECT 1 AS a, N'x' b UNION ALL\nSELECT 2, CAST(N'y' AS nvarchar(9)) AS [b]\nGO\n"),
    (SQL_SERVER, b"INSERT INTO t WITH (TABLOCK) (a, b) OUTPUT inserted.a VALUES (1,'x')\nINSERT t SELECT 2,'y'\n"),
    (SQL_SERVER, b"IF NOT EXISTS (SELECT 1 FROM t WHERE a=1) INSERT t VALUES (1,'x')\nINSERT t VALUES (2,'y')\nGO\n"),
    (SQLITE, b"INSERT INTO 't' ('a','b') SELECT 1,'x' UNION ALL SELECT 2,'y';\n"),
    (ORACLE, b"INSERT INTO t (a, b) SELECT 1,'x' FROM dual UNION ALL SELECT 2,'y' FROM sys.dual;\n"),
    (ORACLE, b"INSERT INTO t (SELECT 1,'x' FROM dual);\nINSERT ALL INTO t VALUES (2,'y') SELECT * FROM dual;\n"),
    (b"", b"MERGE INTO t (a, b) KEY (a) VALUES (1,'x'), (2,'y');\n"),
]


@pytest.mark.parametrize(("head", "text"), WAYS, ids=[text[:50].decode() for _, text in WAYS])
def test_however_the_rows_are_given_they_are_read(head: bytes, text: bytes) -> None:
    table = b"CREATE TABLE t (a int, b text);\n"
    chunks = read(head + table + text + b"INSERT INTO t VALUES (3,'z');\n", columns=None)
    assert rejects(chunks) == []
    assert cells(chunks) == [(b"1", b"x"), (b"2", b"y"), (b"3", b"z")]


def test_a_row_of_defaults_has_nothing_in_it() -> None:
    chunks = read(POSTGRESQL + b"INSERT INTO t DEFAULT VALUES;\nINSERT INTO t VALUES (DEFAULT,'x');\n")
    assert (cells(chunks), rejects(chunks)) == ([(b"", b""), (b"", b"x")], [])


def test_more_or_fewer_values_than_columns_are_rejects_in_every_way() -> None:
    data = MYSQL + (
        b"INSERT INTO t VALUES ROW(1), ROW(1,2,3);\nINSERT INTO t SELECT 1 UNION ALL SELECT 1,2,3;\n"
        b"INSERT INTO t (a, b, c) VALUES (1,2);\nINSERT INTO t (a, b) SELECT 1,2,3;\n"
    )
    reasons = [reason for _, _, reason in rejects(read(data))]
    few, many = "too_few_cells", "too_many_cells"
    assert (cells(read(data)), reasons) == ([], [few, many, few, many, few, many])


# What cannot be read counts for the rows it has

UNREADABLE = [
    (b"INSERT INTO t SELECT * FROM s;\n", "not_values", 1),
    (b"INSERT INTO t SELECT a, b FROM s WHERE a IN ((1), (2));\n", "not_values", 1),
    (b"INSERT INTO t TABLE s;\n", "not_values", 1),
    (b"WITH c AS (SELECT 1, 2) INSERT INTO t SELECT * FROM c;\n", "not_values", 1),
    (b"INSERT INTO t WITH c AS (SELECT 1,2 UNION ALL SELECT 3,4) SELECT * FROM c;\n", "not_values", 2),
    (b"INSERT INTO t SELECT * FROM (VALUES (1,(2)),(3,'),('),(5,6)) AS v (a, b);\n", "not_values", 3),
    (b"MERGE INTO t USING (VALUES (1,2),(3,4)) AS s (a,b) ON t.a = s.a WHEN MATCHED THEN DELETE;\n", "not_values", 2),
    (b"INSERT INTO t (a, lower(b)) VALUES (1,2),(3,4),(5,6);\n", "unread_statement", 3),
    (b"INSERT INTO t HOW EVER VALUES ROW(1,2), ROW(3,4);\n", "unread_statement", 2),
    (b"INSERT INTO t HOW EVER (1,2),(3,4);\n", "unread_statement", 2),
    (b"INSERT INTO t SET a = ;\n", "unread_statement", 1),
    (b"INSERT INTO t HOW EVER VALUES (1,2),(3,'4),(5,6),(7,'8),(9,10);\n", "unread_statement", 5),
]


@pytest.mark.parametrize(("text", "reason", "rows"), UNREADABLE, ids=[text[:50].decode() for text, _, _ in UNREADABLE])
def test_a_statement_that_cannot_be_read_counts_for_its_rows(text: bytes, reason: str, rows: int) -> None:
    chunks = read(MYSQL + text + b"INSERT INTO t VALUES (3,4);\n")
    assert cells(chunks) == [(b"3", b"4")]
    assert rejects(chunks) == [(row, 2, reason) for row in range(1, rows + 1)]
    assert flags(chunks) == {"estimated_rows": rows}
    others = read(MYSQL + text.replace(b" t ", b" u ") + b"INSERT INTO t VALUES (3,4);\n")
    assert (cells(others), rejects(others)) == ([(b"3", b"4")], [])
    assert (passed_over(others), flags(others)) == ({"u": rows}, {"estimated_unread_rows": rows})


def test_a_thousand_rows_that_cannot_be_read_are_a_thousand_rejects() -> None:
    data = MYSQL + b"INSERT INTO t HOW VALUES " + b",".join(b"(%d,'x')" % i for i in range(1_000)) + b";\n"
    for chunk_bytes in (100, 5_000, 1 << 20):
        chunks = read(data, chunk_bytes=chunk_bytes)
        assert (records(chunks), len(rejects(chunks)), flags(chunks)) == (1_000, 1_000, {"estimated_rows": 1_000})


# Tables that are not read


def test_tables_that_are_not_read_are_counted_by_name() -> None:
    data = POSTGRESQL + (
        b"COPY public.orders (a) FROM stdin;\n1\n2\\\n3\n4\n\\.\n"
        b'INSERT INTO t VALUES (1,2);\nINSERT INTO "Log" VALUES (1),(2);\nINSERT INTO t VALUES (3,4);\n'
        b'INSERT INTO "Log" VALUES (5);\nINSERT INTO t VALUES (5,6);\n'
    )
    for chunk_bytes in (1, 40, 1 << 20):
        assert passed_over(read(data, chunk_bytes=chunk_bytes)) == {"public.orders": 3, "Log": 3}
    [only] = read(POSTGRESQL + b"COPY orders (a) FROM stdin;\n1\n\\.\n")
    assert (only.records, dict(only.passed_over), only.end.offset) == (0, {"orders": 1}, len(POSTGRESQL) + 33)


def test_columns_are_looked_up_in_other_sources_only_if_this_one_does_not_name_them() -> None:
    asked = list[int]()

    def heads() -> list[bytes]:
        asked.append(1)
        return [
            b"INSERT INTO t VALUES (0,0);\n",
            b"CREATE TABLE d.t (x int, b text, a int);\n",
            b"CREATE TABLE s (b int)",
        ]

    def rows(data: bytes, columns: list[str] | None = None, table: str = "t") -> list[tuple[bytes, ...]]:
        parser = SqlDump([table], ["a", "b"], columns)
        parser.learn_from(heads)
        return cells(list(parser.read([data])))

    assert rows(b"INSERT INTO t (a, b) VALUES (1,2);\n") == [(b"1", b"2")]
    assert rows(b"CREATE TABLE t (b int, a int);\nINSERT INTO t VALUES (1,2);\n") == [(b"2", b"1")]
    assert rows(b"INSERT INTO t VALUES (1,2);\n", ["a", "b"]) == [(b"1", b"2")]
    assert asked == []
    assert rows(b"INSERT INTO t VALUES (0,1,2);\nINSERT INTO d.t VALUES (0,3,4);\n") == [(b"2", b"1"), (b"4", b"3")]
    assert asked == [1]
    with pytest.raises(ManifestError, match="name them with `columns`"):
        rows(b"INSERT INTO e.t VALUES (0,1,2);\n")


def test_names_of_tables_that_are_not_read_tell_nothing_of_persons() -> None:
    data = MYSQL + b"INSERT INTO `ali@example.com` VALUES (1);\nINSERT INTO `60123456789` VALUES (1);\n"
    data += b"INSERT INTO `x\x1b[2J` VALUES (1);\nINSERT INTO `" + b"y" * 500 + b"` VALUES (1);\n"
    names = passed_over(read(data))
    assert names.pop("(hidden)") == 2
    assert sorted(names) == ["x\\u001b[2J", "y" * 59 + "…"]


def test_only_so_many_tables_are_named() -> None:
    data = MYSQL + b"".join(b"INSERT INTO t%d VALUES (1);\n" % i for i in range(MAX_NAMED + 9))
    names = passed_over(read(data))
    assert (len(names), names[OTHER_TABLES], names.total()) == (MAX_NAMED + 1, 9, MAX_NAMED + 9)


@pytest.mark.parametrize(
    "tail", [b"ON DUPLICATE KEY UPDATE a = VALUES(a)", b"ON CONFLICT DO NOTHING", b"RETURNING (a)"]
)
def test_what_follows_the_rows_is_no_row(tail: bytes) -> None:
    data = b"INSERT INTO t VALUES (1,2)\n" + tail + b";\nINSERT INTO t VALUES (3,4);\n"
    assert cells(read(data)) == [(b"1", b"2"), (b"3", b"4")]


def test_statements_need_no_semicolons_where_lines_end_them() -> None:
    data = (
        SQL_SERVER + b"INSERT t VALUES (1,N'a;\nGO\n')\nGO\nINSERT t VALUES (2,3)\n/\nSET x ON\nINSERT t VALUES (4,5)"
    )
    assert cells(read(data)) == [(b"1", b"a;\nGO\n"), (b"2", b"3"), (b"4", b"5")]


def test_copy_in_another_format_is_rejected_line_by_line() -> None:
    data = b"COPY t (a, b) FROM stdin WITH (FORMAT csv);\n1,2\n3,4\n\\.\nINSERT INTO t VALUES (5,6);\n"
    chunks = read(data)
    assert cells(chunks) == [(b"5", b"6")]
    assert rejects(chunks) == [(1, 2, "copy_options"), (2, 3, "copy_options")]


def test_the_escapes_of_copy() -> None:
    data = b"COPY t (a, b) FROM stdin;\n\\\\N\\t\\x41\\101\\n\t\\N\r\na\\\tb\\\nc\td\n\\.\n"
    assert cells(read(data)) == [(b"\\N\tAA\n", b""), (b"a\tb\nc", b"d")]
