"""JSON as others have reported it: under keys, by column, as arrays; with the right manifest, and with a wrong one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.harness import Cli

PHONES = ("+60123456781", "+60123456782")
KEYED = {
    "users": {
        PHONES[0]: {"name": "Ali", "email": "ali@example.com"},
        PHONES[1]: {"name": "Ben", "email": "ben@example.com"},
        "canary,person@example,com": {"name": "Cat", "email": "cat@example.com"},
    }
}
FRAME = {
    "email": {str(i): f"u{i}@example{i}.com" for i in range(6)},
    "phone": {str(i): f"012345678{i}" for i in range(6)},
}
ARRAYS = [["email", "phone"], *([FRAME["email"][str(i)], FRAME["phone"][str(i)]] for i in range(6)), ["x@example.com"]]
CROWD = {"users": [{"email": ";".join(f"u{i}@example.com" for i in range(65))}, {"email": "a@example.com"}]}


def written(folder: Path, document: object, format_: str, *fields: str, more: str = "") -> Path:
    (folder / "d.json").write_text(json.dumps(document), encoding="utf-8")
    text = f'version = 1\n[dataset]\nid = "d"\ntitle = "d"\nsources = ["d.json"]\n[format]\nname = "json"\n{format_}\n'
    for field in fields:
        kind = "phone" if field in {"phone", "$key"} else "email"
        text += f'[[fields]]\ncolumn = "{field}"\nkind = "{kind}"\n'
    (folder / "d.toml").write_text(f"{text}[rejects]\nmax_ratio = 1.0\n{more}", encoding="utf-8")
    return folder / "d.toml"


@pytest.mark.parametrize(
    ("document", "format_", "fields", "kept", "rejected", "items"),
    [
        (KEYED, 'rows = "users.*"', ["email"], 3, {}, 3),
        (KEYED, 'rows = "users.*"', ["$key", "email"], 3, {}, 5),
        (FRAME, 'layout = "columns"', ["email", "phone"], 6, {}, 12),
        (ARRAYS, 'columns = ["email", "phone"]', ["email", "phone"], 6, {"too_few_cells": 1}, 12),
        (CROWD, "", ["email"], 1, {"too_many_identifiers": 1}, 1),
    ],
)
def test_with_what_is_known_of_it_everybody_is_a_row(  # noqa: PLR0917 - as given
    document: object,
    format_: str,
    fields: list[str],
    kept: int,
    rejected: dict[str, int],
    items: int,
    cli: Cli,
    tmp_path: Path,
) -> None:
    done = cli("validate", written(tmp_path, document, format_, *fields), "--output", "json")
    assert done.code == 0
    assert done.report["rows"]["kept"] == kept
    assert done.report["rejected_by_reason"] == rejected
    assert done.report["items"]["built"] == items


def test_max_identifiers_raises_what_a_row_may_have(cli: Cli, tmp_path: Path) -> None:
    manifest = written(tmp_path, {"users": CROWD["users"][:1]}, "", "email")
    done = cli("validate", manifest)
    assert done.code == 3
    assert "rejected for too_many_identifiers" in done.err
    assert "raise `max_identifiers` in [rejects]" in done.err
    manifest = written(tmp_path, {"users": CROWD["users"][:1]}, "", "email", more="max_identifiers = 65\n")
    assert cli("validate", manifest, "--output", "json").report["items"]["built"] == 65


@pytest.mark.parametrize(
    ("document", "format_", "code", "said"),
    [
        (
            KEYED,
            'rows = "users"',
            2,
            'an object of 3 objects, keyed by what looks like phone numbers; set rows = "users.*"',
        ),
        (KEYED, "", 2, 'set rows = "users.*" in [format]'),
        (FRAME, "", 3, 'set layout = "columns"'),
        ({"data": FRAME}, 'rows = "data"', 2, 'set rows = "data" and layout = "columns" in [format]'),
        ({name: list(values.values()) for name, values in FRAME.items()}, "", 3, 'set layout = "columns"'),
        (ARRAYS, "", 2, 'columns = ["EMAIL", "", "PHONE"]'),
        ([{"email": {"x": "a@example.com"}}], "", 3, "name its values by a path like contact.email"),
        ([{"a": 1}], 'layout = "columns"', 2, 'there is no column "email"'),
    ],
)
def test_a_manifest_of_another_layout_is_answered_with_what_to_write(
    document: object, format_: str, code: int, said: str, cli: Cli, tmp_path: Path
) -> None:
    done = cli("validate", written(tmp_path, document, format_, "email"))
    assert done.code == code
    assert said in done.err
    for key in (*PHONES, "canary"):
        assert key.removeprefix("+") not in done.out + done.err


def test_a_file_of_rows_under_keys_is_looked_at_and_drafted_without_any_of_them(cli: Cli, tmp_path: Path) -> None:
    written(tmp_path, KEYED, "", "email")
    looked = cli("validate", tmp_path / "d.json")
    assert "format      json, rows in users.*" in looked.out
    assert "an object of 3 objects, keyed by what looks like phone numbers" in looked.out
    drafted = cli("draft", tmp_path / "d.json")
    assert drafted.code == 0
    assert 'rows = "users.*"' in drafted.out
    for key in (*PHONES, "canary"):
        assert key.removeprefix("+") not in looked.out + looked.err + drafted.out + drafted.err


def test_a_file_by_column_is_drafted_and_the_draft_reads_it(cli: Cli, tmp_path: Path) -> None:
    written(tmp_path, FRAME, "", "email")
    (tmp_path / "draft.toml").write_text(cli("draft", tmp_path / "d.json").out, encoding="utf-8")
    done = cli("validate", tmp_path / "draft.toml", "--output", "json")
    assert done.report["rows"] == {"read": 6, "kept": 6, "rejected": 0, "skipped": 0}
