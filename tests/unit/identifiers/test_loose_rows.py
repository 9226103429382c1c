"""What is believed of rows that fit their columns by a rule only."""

from __future__ import annotations

import pytest

from tests.support import pipelines
from tests.support.pipelines import BytesSource, ChunkResult
from tests.support.truth import Reference

COLUMNS = {"email": "email", "phone": "phone", "id": "id", "user": "username", "sim": "iccid", "imei": "imei"}
REFERENCE = Reference(pipelines.PEPPER.secret, pipelines.PEPPER.kid, "demo", pipelines.SRC)
MYKAD, MOBILE = "850101145678", "0123456789"


def run(*rows: str, keys: str = 'short_rows = "fill"') -> ChunkResult:
    """Rows without their last cell, which is filled."""
    manifest = pipelines.manifest(COLUMNS, format_=f'name = "csv"\n{keys}')
    text = "".join(f"{row}\n" for row in (",".join([*COLUMNS, "end"]), *rows))
    settled = pipelines.run(manifest, [BytesSource(text.encode())])
    assert settled.account.balances
    return settled


def kinds(settled: ChunkResult) -> dict[str, int]:
    return dict(settled.account.identifiers)


def rejects(settled: ChunkResult) -> list[tuple[int, str, str, str | None]]:
    return [(one.row, one.stage, one.reason, one.field) for one in settled.rejects]


def test_what_is_valid_is_believed_but_no_user_name_and_no_other_id() -> None:
    settled = run(f"a@example.com,{MOBILE},{MYKAD},ahkow,,", "b@example.com,,A12345678,ahkow,,")
    assert kinds(settled) == {"email": 2, "phone": 1, "id": 1}
    assert REFERENCE.pk(("id", MYKAD)) in {pk for pk, _ in pipelines.table_of(settled)}
    hints = [item.get("hints", {}) for item in pipelines.table_of(settled).values()]
    assert not any("username" in str(hint) for hint in hints)
    assert settled.account.flags["filled_row"] == 2


def test_the_same_rows_are_believed_as_they_are_if_they_fit() -> None:
    settled = run(f"a@example.com,{MOBILE},{MYKAD},ahkow,,,", "b@example.com,,A12345678,ahkow,,,")
    assert kinds(settled) == {"email": 2, "phone": 1, "id": 2, "username": 2}


@pytest.mark.parametrize(
    ("row", "column"),
    [
        (f"a@example.com,secret,{MYKAD},,,", "phone"),
        (f"ahkow,{MOBILE},{MYKAD},,,", "email"),
        ("a@example.com,0100000000,,,,", "phone"),  # possible, but in no range of today's plan
        ("a@example.com,0123456789/12,,,,", "phone"),  # one of several
        ("a@example.com,,,,8960012345678901235,", "sim"),  # the check digit is wrong
        ("a@example.com,,,,,260531793113838", "imei"),
        ("ahkow,secret,,,,", "email"),
        ("a@example.com;b,,,,,", "email"),
    ],
)
def test_a_cell_of_a_checked_kind_that_is_not_valid_misaligns_the_row(row: str, column: str) -> None:
    settled = run(row)
    assert rejects(settled) == [(1, "normalize", "misaligned", column)]
    assert kinds(settled) == {}


def test_a_value_that_is_flagged_for_its_country_is_valid() -> None:
    manifest = pipelines.manifest({"email": "email", "imsi": "imsi"}, format_='name = "csv"\nshort_rows = "fill"')
    settled = pipelines.run(manifest, [BytesSource(b"email,imsi,end\na@example.com,525010123456789\n")])
    assert settled.account.rows_kept == 1
    assert settled.account.flags["mcc_not_502"] == 1


def test_several_values_in_a_cell_are_valid_if_all_are() -> None:
    assert kinds(run("a@example.com,0123456789/0129876543,,,,")) == {"email": 1, "phone": 2}


@pytest.mark.parametrize("cell", ["101014567", "0101145678", "850101975678", "7654321", "A12345678", "TEST", "87"])
def test_an_id_that_is_no_mykad_is_left_out_and_rejects_nothing(cell: str) -> None:
    settled = run(f"a@example.com,,{cell},,,")
    assert kinds(settled) == {"email": 1}
    assert rejects(settled) == []


@pytest.mark.parametrize(("row", "column"), [(",,,ahkow,,", "user"), (",,A12345678,ahkow,,", "id"), (",,87,,,", "id")])
def test_a_row_that_is_left_without_identifiers_is_misaligned(row: str, column: str) -> None:
    assert rejects(run(row)) == [(1, "normalize", "misaligned", column)]


def test_a_row_that_held_none_is_skipped() -> None:
    settled = run(",,,,,", "-,NULL,n/a,,,")
    assert settled.account.skipped["no_identifier"] == 2
    assert rejects(settled) == []


def test_a_cell_that_cannot_be_decoded_misaligns_the_row() -> None:
    manifest = pipelines.manifest({"email": "email", "phone": "phone"}, format_='name = "csv"\nshort_rows = "fill"')
    settled = pipelines.run(manifest, [BytesSource(b"email,phone,end\na@example.com,\xff\n")])
    assert rejects(settled) == [(1, "normalize", "misaligned", "phone")]


def test_a_password_that_slipped_is_no_user_name() -> None:
    """A delimiter too many in a name, with the wrong column said to overflow."""
    manifest = pipelines.manifest(
        {"email": "email", "username": "username"}, format_='name = "csv"\noverflow = "username"'
    )
    text = b"email,name,password,username,notes\na@example.com,Tan, Ah Kow,SECRETPW,ahkow,\n"
    settled = pipelines.run(manifest, [BytesSource(text)])
    assert kinds(settled) == {"email": 1}


def test_loose_and_other_rows_are_told_apart_within_a_chunk() -> None:
    settled = run("x@example.com,nobody,,,,,", "y@example.com,nobody,,,,", ",,,bo,,,", ",,,bo,,", "bad,,,,,,")
    assert rejects(settled) == [
        (2, "normalize", "misaligned", "phone"),
        (4, "normalize", "misaligned", "user"),
        (5, "normalize", "not_an_address", "email"),
    ]
    assert kinds(settled) == {"email": 1, "username": 1}
