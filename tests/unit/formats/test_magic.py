"""Files of formats that are not read are called by their names, and no text is taken for one of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_cli.formats.sniff import Sample, sniff
from ingest_cli.formats.sniffing.magic import known_format
from tests.support import undescribed as shapes
from tests.support.binary_files import FILES, bson, sqlite

ROWS = shapes.people(20)


@pytest.mark.parametrize("name", FILES)
def test_a_known_format_is_named_with_what_to_do(name: str) -> None:
    data, meaning, advice = FILES[name]
    found = known_format(data)
    assert found is not None
    assert meaning in found.meaning
    assert advice in found.advice
    guessed = sniff(Sample(data, complete=True))
    assert (guessed.format, [finding.text for finding in guessed.findings]) == (None, [f"Not text: {found.sentence}."])


def test_a_database_of_sqlite_is_named(tmp_path: Path) -> None:
    found = known_format(sqlite(tmp_path))
    assert found is not None
    assert found.sentence == "an SQLite database; `sqlite3 FILE .dump` makes SQL of it"


def test_a_length_that_leads_nowhere_makes_no_bson() -> None:
    whole = bson("_id", "email")
    assert known_format(whole[:-1] + b"x" + whole) is None
    assert known_format(whole + b"\x09\0\0\0abcd\x01") is None


TEXTS = {
    "csv": shapes.delimited(",")(ROWS),
    "csv in UTF-16": shapes.delimited(";", "utf-16-le")(ROWS),
    "csv in UTF-32": shapes.delimited(";", "utf-32-be")(ROWS),
    "fixed": shapes.fixed(header=True)(ROWS),
    "sql": shapes.mysqldump(ROWS),
    "json": shapes.json_array(ROWS),
    **{word: f"{word},NAMA\n1,AISYAH\n".encode() for word in ("TAPE", "REDIS0009", "MZ", "ORC", "Obj", "PGDMP", "CC")},
}


@pytest.mark.parametrize("name", TEXTS)
def test_text_is_no_binary_format(name: str) -> None:
    assert known_format(TEXTS[name]) is None


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1), st.sampled_from(
    ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le"]))  # fmt: skip
def test_no_text_without_control_characters_is_a_database(text: str, encoding: str) -> None:
    found = known_format(f"NAMA,{text}\n".encode(encoding))
    assert found is None


@given(st.binary(max_size=600))
def test_no_bytes_raise(data: bytes) -> None:
    found = known_format(data)
    assert found is None or found.sentence.isprintable()
