"""SQL dumps of several tables and several files, and statements that cannot be read."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.e2e.harness import Cli, Place

CUSTOMERS = [("Ali", "ali.satu@example.com", "0123456781"), ("Ben", "ben.dua@example.com", "0123456782")]
SUPPLIERS = [("Cat", "cat.tiga@example.com", "0123456783"), ("Dee", "dee.empat@example.com", "0123456784")]
ORDERS = [(str(number), "12.50") for number in range(700)]


def table_of(name: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """CREATE TABLE and INSERT as mysqldump writes them."""
    created = ", ".join(f"`{column}` text" for column in columns)
    tuples = ",".join("(" + ",".join(f"'{cell}'" for cell in row) + ")" for row in rows)
    return f"CREATE TABLE `{name}` ({created}) ENGINE=InnoDB;\nINSERT INTO `{name}` VALUES {tuples};\n"


def shop() -> str:
    return (
        "-- MySQL dump 10.13\n"
        + table_of("customers", ["name", "email", "phone"], CUSTOMERS * 5)
        + table_of("orders", ["number", "total"], ORDERS)
        + table_of("suppliers", ["name", "email", "tel"], SUPPLIERS * 5)
    )


def manifest(folder: Path, sources: str, table: str, dataset: str = "demo-shop") -> Path:
    path = folder / f"{dataset}.toml"
    path.write_text(
        f'version = 1\n[dataset]\nid = "{dataset}"\ntitle = "Demo shop"\nsources = ["{sources}"]\n'
        f'[format]\nname = "sql"\n{table}\n[[fields]]\ncolumn = "email"\nkind = "email"\n'
    )
    return path


@pytest.mark.parametrize("workers", ["1", "2"])
def test_tables_that_are_not_read_are_named_with_their_rows(
    cli: Cli, table: Place, tmp_path: Path, workers: str
) -> None:
    (tmp_path / "shop.sql").write_text(shop())
    path = manifest(tmp_path, "shop.sql", 'table = "customers"')
    unread = {"orders": 700, "suppliers": 10}
    note = 'not read: table "orders" (700 rows), "suppliers" (10 rows)'
    validated = cli("validate", path, "--output", "json", "--workers", workers).report
    assert (validated["rows"]["read"], validated["unread_tables"], validated["notes"]) == (10, unread, [note])
    assert f"note        {note}" in cli("validate", path).out
    loaded = cli("load", path, *table.to, "--workers", workers, "--output", "json").report
    assert (loaded["outcome"], loaded["unread_tables"]) == ("complete", unread)
    assert note in loaded["notes"]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_file_without_rows_of_the_table_tells_of_its_own(
    cli: Cli, table: Place, tmp_path: Path, workers: str
) -> None:
    (tmp_path / "a.sql").write_text("-- MySQL dump 10.13\n" + table_of("customers", ["name", "email", "x"], CUSTOMERS))
    (tmp_path / "b.sql").write_text("-- MySQL dump 10.13\n" + table_of("orders", ["number", "total"], ORDERS))
    path = manifest(tmp_path, "*.sql", 'table = "customers"')
    for command in (("validate", path), ("load", path, *table.to)):
        report = cli(*command, "--output", "json", "--workers", workers).report
        assert (report["outcome"], report["balances"]) == ("complete", True)
        assert (report["rows"]["read"], report["unread_tables"]) == (2, {"orders": 700})


def test_a_statement_that_cannot_be_read_counts_for_its_rows_and_stops_the_load(cli: Cli, tmp_path: Path) -> None:
    rows = [(f"N{number}", f"n{number}@example.com") for number in range(20_000)]
    text = "-- MySQL dump 10.13\n" + table_of("members", ["name", "email"], [("A", "a.b@example.com")])
    text += table_of("members", ["name", "email"], rows).replace("` VALUES", "` HOW EVER VALUES")
    (tmp_path / "members.sql").write_text(text)
    path = manifest(tmp_path, "members.sql", 'table = "members"')
    result = cli("validate", path, "--output", "json", "--rejects", tmp_path / "rejects.jsonl")
    result.complains(3, "unread_statement")
    report = result.report
    assert report["rows"] == {"read": 20_001, "kept": 1, "rejected": 20_000, "skipped": 0}
    assert (report["balances"], report["rejected_by_reason"]) == (True, {"unread_statement": 20_000})
    assert any(note.startswith("20,000 of the rejected rows are an estimate") for note in report["notes"])
    assert len((tmp_path / "rejects.jsonl").read_text().splitlines()) == 20_000


# Several files


@pytest.mark.parametrize("schema", ["db.users-schema.sql", "db.users.99999-schema.sql"])
def test_columns_that_another_file_names_are_known(cli: Cli, tmp_path: Path, schema: str) -> None:
    (tmp_path / schema).write_text(
        "/*!40101 SET NAMES utf8mb4*/;\nCREATE TABLE `users` (\n  `name` text,\n  `email` text\n) ENGINE=InnoDB;\n"
    )
    for number, (name, email, _) in enumerate(CUSTOMERS):
        (tmp_path / f"db.users.0000{number}.sql").write_text(
            f'/*!40101 SET NAMES utf8mb4*/;\nINSERT INTO `users` VALUES\n("{name}","{email}")\n,("Nil",NULL);\n'
        )
    report = cli("validate", manifest(tmp_path, "db.users*.sql", 'table = "users"'), "--output", "json").report
    assert report["rows"] == {"read": 4, "kept": 2, "rejected": 0, "skipped": 2}
    assert report["items_by_kind"] == {"email": 2}


def test_files_that_do_not_agree_on_the_columns_are_refused(cli: Cli, tmp_path: Path) -> None:
    for number, columns in enumerate(("`name` text, `email` text", "`email` text, `name` text")):
        (tmp_path / f"s{number}.sql").write_text(f"CREATE TABLE `users` ({columns}) ENGINE=InnoDB;\n")
    (tmp_path / "t.sql").write_text("INSERT INTO `users` VALUES ('Ali','ali.satu@example.com');\n")
    cli("validate", manifest(tmp_path, "*.sql", 'table = "users"')).complains(2, "do not agree", "`columns`")


# Drafts


def test_a_draft_has_fields_for_each_table_with_identifiers(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "shop.sql").write_text(shop())
    drafted = cli("draft", tmp_path / "shop.sql", "--out", tmp_path / "shop.toml")
    assert 'not read: table "orders" (700 rows)' in drafted.err
    text = (tmp_path / "shop.toml").read_text()
    found = tomllib.loads(text)
    assert found["format"]["table"] == ["customers", "suppliers"]
    fields = [(field["column"], field.get("kind")) for field in found["fields"]]
    assert fields == [("email", "email"), ("phone", "phone"), ("tel", "phone"), ("name", None)]
    assert "# Table suppliers, column 3: phone" in text
    report = cli("validate", tmp_path / "shop.toml", "--output", "json").report
    assert (report["rows"]["kept"], report["items_by_kind"]) == (20, {"email": 4, "phone": 4})
    assert report["unread_tables"] == {"orders": 700}


def test_a_table_whose_columns_mean_something_else_needs_a_manifest_of_its_own(cli: Cli, tmp_path: Path) -> None:
    text = shop().replace("`tel`", "`name2`").replace("suppliers` (`name`", "suppliers` (`phone`")
    (tmp_path / "shop.sql").write_text(text)
    drafted = cli("draft", tmp_path / "shop.sql", "--out", tmp_path / "shop.toml")
    found = tomllib.loads((tmp_path / "shop.toml").read_text())
    other = "suppliers" if found["format"]["table"] == "customers" else "customers"
    assert f'the table "{other}" (10 rows) has identifiers, too' in drafted.err
    assert f"--from-table '{other}'" in drafted.err
    one = tomllib.loads(cli("draft", tmp_path / "shop.sql", "--from-table", other).out)
    assert (one["format"]["table"], one["dataset"]["id"]) == (other, f"shop-{other}")
    assert found["dataset"]["id"] == "shop"
    cli("draft", tmp_path / "shop.sql", "--from-table", "nope").complains(2, "--from-table", "orders")


def test_a_look_names_all_tables_with_their_rows(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "shop.sql").write_text(shop())
    looked = cli("validate", tmp_path / "shop.sql")
    assert 'other_tables: Not read: table "orders" (700 rows), "suppliers" (10 rows).' in looked.out
    told = json.loads(cli("validate", tmp_path / "shop.sql", "--output", "json").out)
    assert [(one["name"], one["rows"]) for one in told["tables"]] == [
        ("customers", 10),
        ("suppliers", 10),
        ("orders", 700),
    ]


def test_names_of_tables_that_are_persons_are_not_shown(cli: Cli, tmp_path: Path) -> None:
    text = shop().replace("`suppliers`", "`eve.lima@example.com`").replace("`orders`", "`60123456789`")
    (tmp_path / "shop.sql").write_text(text)
    path = manifest(tmp_path, "shop.sql", 'table = "customers"')
    for command in (("validate", path), ("validate", tmp_path / "shop.sql"), ("draft", tmp_path / "shop.sql")):
        result = cli(*command)
        assert result.code == 0
        assert "(hidden)" in result.out
        for name in ("eve.lima", "60123456789"):
            assert name not in result.out + result.err
