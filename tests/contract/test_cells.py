"""Dumps whose cells hold more than one plain value: exactly what has to be in the table then, and nothing else."""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.parquet as pq

from ingest_cli.items.hashing import Hasher, base64url
from ingest_cli.model.manifest import Manifest, parse_manifest
from tests.support.pipelines import PEPPER, BytesSource, ChunkResult, run, table_of

HASHER = Hasher(PEPPER)


def manifest(*fields: str, format_: str = 'name = "csv"') -> Manifest:
    tables = "\n".join(f"[[fields]]\n{field}" for field in fields)
    return parse_manifest(
        f'version = 1\n[dataset]\nid = "demo"\ntitle = "Demo"\nsources = ["a"]\n[format]\n{format_}\n{tables}'
    )


def a_field(kind: str, *more: str) -> str:
    return "\n".join([f'column = "{kind}"', f'kind = "{kind}"', "lookup = true", *more])


def assert_table_holds(settled: ChunkResult, **values: list[str]) -> None:
    """See that the keys in the table are those of `values` (kind → canonical values), each of them and no other."""
    expected = {
        f"{HASHER.kid}.{tag}"
        for kind, texts in values.items()
        for tag in base64url(HASHER.tags(kind, pa.array(texts, pa.string()))).to_pylist()
    }
    assert {pk for pk, _ in table_of(settled)} == expected


def rows(settled: ChunkResult) -> tuple[int, int, int]:
    """(kept, rejected, skipped)."""
    account = settled.account
    assert account.rows_read == account.rows_kept + account.rejected.total() + account.skipped.total()
    return account.rows_kept, account.rejected.total(), account.skipped.total()


def test_arrays_in_cells() -> None:
    dump = (
        "name,email,phone,id,username\n"
        'Ali,"{ali@example.com,ben@example.com}","{0123456781,0123456782}","{850101145678,850102145678}","{ali,ben}"\n'
        "Cat,{cat@example.com},{0123456783},{},{NULL}\n"
        'Dee,"[""dee@example.com""]","[""0123456784""]","[""A1234567""]","[""dee""]"\n'
        "Eve,eve@example.com,0123456785,850103145678,eve\n"
        "None,{},{},[],[null]\n"
    )
    fields = [a_field(kind) for kind in ("email", "phone", "id", "username")]
    settled = run(manifest(*fields), [BytesSource(dump.encode())])
    assert_table_holds(
        settled,
        email=[f"{name}@example.com" for name in ("ali", "ben", "cat", "dee", "eve")],
        phone=[f"+6012345678{digit}" for digit in range(1, 6)],
        id=["850101145678", "850102145678", "A1234567", "850103145678"],
        username=["ali", "ben", "dee", "eve"],
    )
    assert rows(settled) == (4, 0, 1)
    assert settled.account.rejected_identifiers == {}


def test_half_an_array_is_rejected_by_its_reason() -> None:
    dump = "email,phone\n{ali@example.com,0123456781\n{ben@example.com,{0123456782\n[cat@example.com,\n"
    settled = run(manifest(a_field("email"), a_field("phone")), [BytesSource(dump.encode())])
    assert_table_holds(settled, phone=["+60123456781"])
    assert rows(settled) == (1, 2, 0)
    assert settled.account.rejected == {"broken_list": 2}
    assert settled.account.rejected_identifiers == {("email", "broken_list"): 3, ("phone", "broken_list"): 1}


def test_formulas_of_a_spreadsheet_in_every_column() -> None:
    dump = (
        "id,phone,email,username\n"
        '="850101145678",="0123456781",="ali@example.com",="ali"\n'
        '"=""850102145678""","=""0123456782""","=""ben@example.com""","=""ben"""\n'
        '="","=""""",="NULL",=""\n'
    )
    fields = [a_field(kind) for kind in ("id", "phone", "email", "username")]
    settled = run(manifest(*fields), [BytesSource(dump.encode())])
    assert_table_holds(
        settled,
        id=["850101145678", "850102145678"],
        phone=["+60123456781", "+60123456782"],
        email=["ali@example.com", "ben@example.com"],
        username=["ali", "ben"],
    )
    assert rows(settled) == (2, 0, 1)


NUMBERS = (
    *("60123456781", "6281234567890", "12025550123", "61491570156", "5491123456789", "+6281234567891", "6591234567"),
    *("4791234567", "60 12-345 6782"),
)
CANONICAL = (
    *("+60123456781", "+6281234567890", "+12025550123", "+61491570156", "+5491123456789", "+6281234567891"),
    *("+6591234567", "+4791234567", "+60123456782"),
)


def test_numbers_with_country_code_and_without_plus() -> None:
    dump = "phone\n" + "".join(f"{number}\n" for number in NUMBERS)
    settled = run(manifest(a_field("phone", 'region = "international"')), [BytesSource(dump.encode())])
    assert_table_holds(settled, phone=list(CANONICAL))
    assert rows(settled) == (9, 0, 0)

    at_home = run(manifest(a_field("phone")), [BytesSource(dump.encode())])
    assert_table_holds(at_home, phone=["+60123456781", "+6281234567891", "+60123456782"])
    assert at_home.account.rejected == {"no_plus": 6}


def test_a_column_that_says_the_country_of_each_row() -> None:
    dump = (
        "phone,land\n0123456781,MY\n91234567,sg\n020 7946 0018,44\n0123456782,\n0123456783,Atlantis\n+6591234568,??\n"
        "018153,MY\n,SG\n"
    )
    settled = run(manifest(a_field("phone", 'region_column = "land"')), [BytesSource(dump.encode())])
    assert_table_holds(settled, phone=["+60123456781", "+6591234567", "+442079460018", "+60123456782", "+6591234568"])
    assert settled.account.rejected == {"unknown_region": 1, "local_only": 1}
    assert rows(settled) == (5, 2, 1)


def test_the_old_and_the_new_number_of_one_person_are_one_identifier() -> None:
    dump = "phone\n07 12 34 56\n+2250707123456\n002250707123456\n+225 07123456\n"
    settled = run(manifest(a_field("phone", 'region = "CI"')), [BytesSource(dump.encode())])
    assert_table_holds(settled, phone=["+2250707123456"])
    assert settled.account.flags == {"renumbered": 2}


def test_invisible_characters_in_every_column() -> None:
    dump = (
        "id,phone,email,username\n"
        "\u200b850101145678,012\u200e345\u202c6781\ufe0d,\ufeffali\u200b@exam\u00adple.com,al\u2060i\ufffc\n"
        "\u200b,\u200e,\ufeff,\u2060\n"
    )
    fields = [a_field(kind) for kind in ("id", "phone", "email", "username")]
    settled = run(manifest(*fields), [BytesSource(dump.encode())])
    assert_table_holds(
        settled, id=["850101145678"], phone=["+60123456781"], email=["ali@example.com"], username=["ali"]
    )
    assert rows(settled) == (1, 0, 1)


def test_numbers_that_became_floats_for_want_of_some() -> None:
    table = pa.table(
        {
            "id": [850101145678.0, None, 10203145678.0],
            "phone": [60123456781.0, 60123456782.0, None],
            "email": [b"ali@example.com", b"ben@example.com", b"cat@example.com"],
        }
    )
    file = io.BytesIO()
    pq.write_table(table, file)
    fields = [a_field(kind) for kind in ("id", "phone", "email")]
    settled = run(manifest(*fields, format_='name = "parquet"'), [BytesSource(file.getvalue())])
    assert_table_holds(
        settled,
        id=["850101145678", "010203145678"],
        phone=["+60123456781", "+60123456782"],
        email=["ali@example.com", "ben@example.com", "cat@example.com"],
    )
    assert rows(settled) == (3, 0, 0)


def test_arrays_of_json_are_several_ids() -> None:
    dump = '[{"id": ["850101145678", "850102145678"]}, {"id": ["A1234567"]}, {"id": []}]'
    settled = run(manifest('column = "id[]"\nkind = "id"', format_='name = "json"'), [BytesSource(dump.encode())])
    assert_table_holds(settled, id=["850101145678", "850102145678", "A1234567"])
    assert rows(settled) == (2, 0, 1)


def test_several_user_names_of_one_record_are_several() -> None:
    blocks = "Username: Ah;Kow\nUsername: siti\n\nUsername: ali\n"
    settled = run(manifest(a_list("Username"), format_='name = "blocks"'), [BytesSource(blocks.encode())])
    assert_table_holds(settled, username=["ah;kow", "siti", "ali"])


def a_list(column: str) -> str:
    return f'column = "{column}"\nkind = "username"'


def test_and_so_are_those_of_an_array() -> None:
    for format_, text in {
        "jsonl": '{"logins": ["Ah;Kow", "\\"siti\\""], "more": [{"n": "x"}, {"n": "y,z"}]}\n',
        "json": '[{"logins": ["Ah;Kow", "\\"siti\\""], "more": [{"n": "x"}, {"n": "y,z"}]}]',
    }.items():
        asked = manifest(a_list("logins[]"), a_list("more[].n"), format_=f'name = "{format_}"')
        assert_table_holds(run(asked, [BytesSource(text.encode())]), username=["ah;kow", '"siti"', "x", "y,z"])


def test_and_those_of_a_list_in_parquet() -> None:
    file = io.BytesIO()
    people = [[{"n": "x"}, {"n": "y,z"}], []]
    pq.write_table(pa.table({"logins": [["Ah;Kow", '"siti"'], ["ali"]], "more": people}), file)
    asked = manifest(a_list("logins"), a_list("more[].n"), format_='name = "parquet"')
    settled = run(asked, [BytesSource(file.getvalue())])
    assert_table_holds(settled, username=["ah;kow", '"siti"', "ali", "x", "y,z"])


def test_a_row_of_several_regions_has_none() -> None:
    dump = 'phone,land\n0123456781,"[MY,SG]"\n81234567,SG\n+6581234568,"{MY,SG}"\n'
    settled = run(manifest(a_field("phone", 'region_column = "land"')), [BytesSource(dump.encode())])
    assert_table_holds(settled, phone=["+6581234567", "+6581234568"])
    assert settled.account.rejected == {"unknown_region": 1}
