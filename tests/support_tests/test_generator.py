"""Every other test believes the generator, so it is checked against libraries that know nothing of it."""

from __future__ import annotations

import csv
import gzip
import itertools
import json
import re
import tomllib
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import phonenumbers
import pytest
from email_validator import validate_email
from stdnum import luhn
from stdnum.my import nric

from ingest_cli.model.manifest import load_manifest
from tests.support import dumps, make_samples
from tests.support.dumps import BLOCK_ROWS, ENCODINGS, LINE_ENDS, Dump
from tests.support.oddities import ODDITIES
from tests.support.people import AISYAH, draw, luhn_digit, people, person
from tests.support.shapes import SHAPES
from tests.support.spelling import clean_cells
from tests.support.truth import RowTruth, Tally, label

REASONS = {
    "rejected": {
        "bad_bytes", "dummy", "impossible_length", "non_ascii", "non_ascii_local", "not_a_phone",
        "not_an_address", "precision_lost", "too_few_cells", "too_long", "too_many_cells", "too_short",
        "unclosed_quote",
    },
    "skipped": {"blank", "no_identifier", "repeated_header"},
}  # fmt: skip


def e164(text: str) -> str:
    number = phonenumbers.parse(text, "MY")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def written(dump: Dump) -> tuple[str, list[RowTruth]]:
    truths: list[RowTruth] = []
    text = "".join(dumps.rows(dump, truths.append))
    return text, truths


def test_a_person_depends_on_seed_and_number_alone() -> None:
    assert list(itertools.islice(people(1, first=5), 3)) == [person(1, number) for number in (5, 6, 7)]
    assert person(1, 5) != person(2, 5)
    assert person(1, 5)[1:] != person(1, 6)[1:]


def test_people_have_the_numbers_that_the_libraries_call_valid() -> None:
    for someone in itertools.islice(people(1), 2000):
        assert nric.is_valid(someone.mykad), someone
        assert luhn.is_valid(someone.imei), someone
        assert luhn.is_valid(someone.iccid), someone
        assert (len(someone.imsi), len(someone.imei), len(someone.iccid)) == (15, 15, 19)
        for number in filter(None, (someone.mobile, someone.landline, someone.foreign)):
            assert phonenumbers.is_valid_number(phonenumbers.parse(number)), number


def test_people_have_addresses_that_are_canonical_already() -> None:
    for someone in itertools.islice(people(1), 300):
        found = validate_email(someone.email, check_deliverability=False, test_environment=True)
        assert found.ascii_email == someone.email.lower() == someone.email


def test_people_are_known_by_documents_of_every_sort() -> None:
    labels = [label(("id", someone.document)) for someone in itertools.islice(people(1), 2000)]
    assert {name: labels.count(name) > 20 for name in labels} == {
        "mykad": True,
        "old_ic": True,
        "passport": True,
        "other_id": True,
    }


def test_the_luhn_digit_is_that_of_the_person_in_the_key_vectors() -> None:
    assert AISYAH.imei == "26053179311383" + luhn_digit("26053179311383")


READ: Mapping[str, Callable[[str], str]] = {
    "id": lambda text: re.sub("[^A-Z0-9]", "", text.upper()),
    "phone": e164,
    "email": lambda text: re.sub(r"^mailto:|[<> ]", "", text).lower(),
    "imei": lambda text: text[:14],
    "iccid": lambda text: text.removesuffix("F"),
}


def test_a_spelling_never_changes_the_value() -> None:
    seen = set()
    for someone in itertools.islice(people(3), 2000):
        n = draw(3, someone.number, b"spelling")
        cells = clean_cells(someone, ("id", "phone", "email", "imei", "iccid"), n, complete=True)
        for cell in (cell for cell in cells.values() if not cell.absent):
            ((kind, canonical),) = cell.found
            assert READ[kind](cell.text) == canonical, cell
            seen.add((kind, re.sub("[a-z]+", "a", re.sub("[0-9]+", "0", cell.text.lower()))))
    assert len([1 for kind, _ in seen if kind == "phone"]) >= 10


@pytest.mark.parametrize("oddity", ODDITIES, ids=lambda oddity: oddity.name)
def test_the_libraries_agree_about_odd_cells(oddity: object) -> None:
    odd = next(one for one in ODDITIES if one is oddity)
    for someone in itertools.islice(people(4), 200):
        cell = odd.make(someone, draw(4, someone.number, b"spelling"))
        assert bool(cell.found or cell.refused or cell.absent) == (odd.field not in {"name", "address"} or cell.absent)
        for kind, canonical in cell.found:
            if kind == "phone":
                assert phonenumbers.is_possible_number(phonenumbers.parse(canonical)), cell
                is_valid = phonenumbers.is_valid_number(phonenumbers.parse(canonical))
                assert is_valid == (odd.name != "phone_not_valid"), cell
            if kind == "id":
                assert nric.is_valid(canonical) == (odd.name not in _NO_MYKAD), cell
        if cell.refused == ("impossible_length",) and not cell.found:
            assert not phonenumbers.is_possible_number(phonenumbers.parse(cell.text, "MY")), cell
        if cell.refused == ("not_a_phone",):
            with pytest.raises(phonenumbers.NumberParseException):
                phonenumbers.parse(cell.text, "MY")
        if cell.refused == ("not_an_address",):
            with pytest.raises(ValueError, match=r"."):
                validate_email(cell.text, check_deliverability=False, test_environment=True)


_NO_MYKAD = {"id_month_13", "id_30_february", "id_place_unassigned"}


def test_a_number_in_scientific_notation_is_the_number() -> None:
    odd = {oddity.name: oddity for oddity in ODDITIES}
    for someone in itertools.islice(people(5), 200):
        for name in ("id_full_mantissa", "phone_full_mantissa", "id_point_zero"):
            cell = odd[name].make(someone, draw(5, 1, b"spelling"))
            assert f"{float(cell.text):.0f}" == cell.found[0][1].lstrip("+0")
        for name in ("id_precision_lost", "phone_precision_lost"):
            mantissa, exponent = odd[name].make(someone, draw(5, 1, b"spelling")).text.split("E+")
            assert len(mantissa) - 2 < int(exponent)


@pytest.mark.parametrize("shape", SHAPES)
def test_every_row_has_one_truth_and_one_fate(shape: str) -> None:
    _, truths = written(Dump(shape=SHAPES[shape], rows=500, dirty=0.5))
    tally = Tally()
    for truth in truths:
        tally.add(truth)
        assert (truth.outcome == "kept") == (truth.reason is None)
        assert list(truth.identifiers) == sorted(set(truth.identifiers))
        assert list(truth.classes) == sorted(set(truth.classes))
        assert truth.reason is None or truth.reason in REASONS[truth.outcome]
    assert [truth.row for truth in truths] == list(range(1, 501))
    assert tally.outcomes.total() == 500
    assert 0 < tally.outcomes["rejected"] < tally.outcomes["kept"]
    assert tally.built >= tally.outcomes["kept"]


def test_a_dirty_dump_has_every_reason_and_every_oddity() -> None:
    text, truths = written(Dump(shape=SHAPES["dirty"], rows=400, dirty=0.7))
    for outcome, reasons in REASONS.items():
        assert {truth.reason for truth in truths if truth.outcome == outcome} == reasons
    assert any(truth.refused for truth in truths if truth.outcome == "kept")
    assert any("id" not in dict(truth.identifiers) for truth in truths if truth.outcome == "kept")
    for sign in ("\udc81", "\uff10", "E+", ".0,", ",'", '""', "\n\n", "mailto:", "<", "\\N", " or ", "\xa0"):
        assert sign in text, sign


def test_a_clean_dump_has_nothing_to_reject() -> None:
    for shape in SHAPES.values():
        _, truths = written(Dump(shape=shape, rows=300))
        assert {truth.outcome for truth in truths} == {"kept"}


@pytest.mark.parametrize("line_end", LINE_ENDS.values(), ids=LINE_ENDS)
@pytest.mark.parametrize("quoting", ["minimal", "all"])
@pytest.mark.parametrize("delimiter", [",", ";", "|", "\t"])
def test_rows_begin_on_the_line_the_truth_says(line_end: str, quoting: dumps.Quoting, delimiter: str) -> None:
    shape = SHAPES["dirty"]._replace(is_plain=True)  # without the quote that is never closed
    dump = Dump(shape=shape, rows=300, dirty=0.5, line_end=line_end, quoting=quoting, delimiter=delimiter, header=True)
    text, truths = written(dump)
    reader = csv.reader(text.split(line_end)[:-1], delimiter=delimiter, strict=True)
    # csv.reader counts the lines it is given, so the next row begins one after those read so far.
    begins = [1, *(reader.line_num + 1 for _ in reader)][:-1]
    assert begins[0] == 1
    assert begins[1:] == [truth.line for truth in truths]


def test_what_is_kept_is_in_the_row_and_what_is_cut_off_is_not() -> None:
    text, truths = written(Dump(shape=SHAPES["dirty"]._replace(is_plain=True), rows=600, dirty=0.5))
    records = list(csv.reader(text.splitlines(keepends=True), strict=True))[1:]
    assert len(records) == len(truths)
    for cells, truth in zip(records, truths, strict=True):
        filled = [cell for cell in cells[:6] if cell]
        if truth.reason == "blank":
            assert not cells
        if truth.reason == "too_many_cells":
            assert len(cells) > 6
        if truth.reason == "too_few_cells":
            assert 0 < len(cells) < 6
        if truth.outcome == "kept":
            assert len(cells) == 6
            assert len(filled) >= len({kind for kind, _ in truth.identifiers})


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_file_holds_the_rows_in_its_encoding(encoding: str, shape: str, tmp_path: Path) -> None:
    dump = Dump(shape=SHAPES[shape], rows=300, dirty=0.4, encoding=encoding)
    dumps.write_dump(dump, tmp_path / "dump")
    raw = (tmp_path / "dump").read_bytes()
    codec = ENCODINGS[encoding].in_manifest
    text = raw.decode("utf-8-sig" if codec == "utf-8" else codec, "surrogateescape")
    assert text == "".join(dumps.rows(dump))
    has_bad_bytes = "bytes" in ENCODINGS[encoding].charsets
    assert ("\udc81" in text) == has_bad_bytes


def test_gzip_holds_the_same_bytes_in_one_member_or_in_several(tmp_path: Path) -> None:
    rows = 2 * BLOCK_ROWS + 1
    members = {}
    for compression in ("none", "gzip", "gzip-members"):
        dump = Dump(shape=SHAPES["members"], rows=rows, header=False, compression=compression)
        dumps.write_dump(dump, tmp_path / compression)
        members[compression] = (tmp_path / compression).read_bytes()
    plain = members.pop("none")
    assert [gzip.decompress(raw) == plain for raw in members.values()] == [True, True]
    assert [count_members(raw) for raw in members.values()] == [1, 3]


def count_members(raw: bytes) -> int:
    count = 0
    while raw:
        one = zlib.decompressobj(wbits=31)
        one.decompress(raw)
        assert one.eof
        raw, count = one.unused_data, count + 1
    return count


def test_a_dump_of_ten_million_rows_is_made_as_it_is_read() -> None:
    dump = Dump(shape=SHAPES["telco"], rows=10_000_000, dirty=0.05)
    first = next(dumps.encoded(dump, dumps.rows(dump)))
    small = Dump(shape=SHAPES["telco"], rows=BLOCK_ROWS, dirty=0.05)
    assert first == b"".join(dumps.encoded(small, dumps.rows(small)))


def test_rows_can_be_made_from_the_middle_on() -> None:
    whole = list(dumps.rows(Dump(shape=SHAPES["telco"], rows=20)))
    assert list(dumps.rows(Dump(shape=SHAPES["telco"], rows=5, first=15))) == whole[15:]


def test_a_duplicate_is_the_row_before_with_the_same_truth() -> None:
    text, truths = written(Dump(shape=SHAPES["members"], rows=3000, dirty=0.5))
    lines = text.splitlines()[1:]
    again = [at for at in range(1, len(lines)) if lines[at] == lines[at - 1] and lines[at]]
    assert again
    for at in again:
        assert truths[at].identifiers == truths[at - 1].identifiers
        assert truths[at].outcome == truths[at - 1].outcome


def test_the_command_line_writes_dump_manifest_and_truth(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, truth = tmp_path / "big.csv.gz", tmp_path / "big.jsonl"
    arguments = f"--shape pelanggan --rows 50 --seed 9 --dirty 0.2 --compression gzip --out {out} --truth {truth}"
    assert dumps.main(arguments.split()) == 0
    path = tmp_path / "big.toml"
    assert capsys.readouterr().out == f"{path}\n"
    manifest = load_manifest(path)
    assert manifest.dataset.sources == ("big.csv.gz",)
    assert (manifest.format.delimiter, manifest.format.encoding) == (";", "cp1252")
    assert gzip.decompress(out.read_bytes()).startswith(b"NAMA;NO_KP;NO_TEL;EMEL;ALAMAT;PELAN\n")
    lines = [json.loads(line) for line in truth.read_text(encoding="utf-8").splitlines()]
    assert [line["row"] for line in lines] == list(range(1, 51))


@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
def test_manifests_say_how_the_dump_is_written(shape: str, header: bool, tmp_path: Path) -> None:  # noqa: FBT001 - parametrized
    dump = Dump(shape=SHAPES[shape], rows=1, header=header, delimiter="|")
    (tmp_path / "m.toml").write_text(dumps.manifest_of(dump, "demo", ["a.csv"]), encoding="utf-8")
    found = load_manifest(tmp_path / "m.toml")
    assert (found.format.header, found.format.delimiter) == (header, "|")
    assert found.format.columns == (() if header else tuple(SHAPES[shape].column_names))
    for field, expected in zip(found.fields, SHAPES[shape].fields, strict=True):
        assert (field.columns, field.kind, field.exposes, field.lookup) == expected[2:3] + expected[1:2] + expected[3:]


def test_passwords_are_in_the_dump_and_in_no_manifest() -> None:
    shape = SHAPES["members"]
    assert "rahsia-" in "".join(dumps.rows(Dump(shape=shape, rows=3)))
    assert "password" not in {column for field in shape.fields for column in field.columns}


def test_the_committed_samples_are_what_the_generator_makes(tmp_path: Path) -> None:
    make_samples.make(tmp_path)
    made = {path.name: path for path in tmp_path.iterdir()}
    committed = {path.name: path for path in make_samples.FOLDER.iterdir() if path.name != "README.md"}
    assert committed.keys() == made.keys()
    for name, path in made.items():
        ours, theirs = make_samples.content_of(path), make_samples.content_of(committed[name])
        assert ours == theirs, f"{name} differs: run python -m tests.support.make_samples"


@pytest.mark.parametrize("sample", make_samples.SAMPLES, ids=lambda sample: sample.name)
def test_a_sample_passes_its_own_limits_and_has_the_person_to_look_up(
    sample: make_samples.Sample, tmp_path: Path
) -> None:
    truths = make_samples.truths(sample, tmp_path)
    manifest = tomllib.loads((make_samples.FOLDER / f"{sample.name}.toml").read_text(encoding="utf-8"))
    assert 20 <= len(truths) <= 200
    rejected = sum(truth.outcome == "rejected" for truth in truths)
    assert rejected / len(truths) <= manifest["rejects"]["max_ratio"]
    found = {identifier for truth in truths if truth.outcome == "kept" for identifier in truth.identifiers}
    assert found & {("phone", AISYAH.mobile), ("email", "aisyah+forum@example.com"), ("username", AISYAH.username)}
    matched = {path.name for pattern in sample.sources for path in make_samples.FOLDER.glob(pattern)}
    assert matched == set(sample.files)


def test_the_dirty_sample_has_every_reason() -> None:
    expected = json.loads((make_samples.FOLDER / "dirty.expected.json").read_text(encoding="utf-8"))
    assert expected["rejected_by_reason"].keys() == REASONS["rejected"]
    assert expected["skipped_by_reason"].keys() == REASONS["skipped"]
    rows = expected["rows"]
    assert rows["read"] == rows["kept"] + rows["rejected"] + rows["skipped"]
    assert rows["rejected"] == sum(expected["rejected_by_reason"].values())


def test_a_share_of_the_rows_has_one_of_three_mailboxes() -> None:
    calm, hot = (Dump(shape=SHAPES["dirty"], rows=3000, seed=2, dirty=0.1, hot=share) for share in (0.0, 0.2))
    (_, before), (_, after) = written(calm), written(hot)
    shared = [truth for truth in after if {value for _, value in truth.identifiers} & set(dumps.SHARED)]
    assert len({value for truth in shared for _, value in truth.identifiers} & set(dumps.SHARED)) == 3
    assert 0.16 * 3000 < len(shared) < 0.2 * 3000
    assert all(len({kind for kind, _ in truth.identifiers}) == 3 for truth in shared)
    changed = sum(one.identifiers != other.identifiers for one, other in zip(before, after, strict=True))
    assert changed == len(shared)
