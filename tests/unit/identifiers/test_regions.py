"""Which region a cell names, and columns whose numbers are dialled in different ones."""

from __future__ import annotations

import numpy as np
import phonenumbers
import pyarrow as pa
import pytest

from ingest_cli.identifiers import IDENTIFIERS
from ingest_cli.identifiers.normalize import Normalized, normalize
from ingest_cli.identifiers.phone import NO_REGION
from ingest_cli.identifiers.regions import canonicalized_by_region, region_of
from ingest_cli.model.chunks import Position, RowChunk
from ingest_cli.model.manifest import Field

PHONE = IDENTIFIERS["phone"]


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("MY", "MY"),
        ("my", "MY"),
        ("Sg", "SG"),
        ("MYS", "MY"),
        ("deu", "DE"),
        ("UK", "GB"),
        ("60", "MY"),
        ("+60", "MY"),
        ("0060", "MY"),
        ("(+60)", "MY"),
        ("60.0", "MY"),
        ("1", "US"),
        ("44", "GB"),
        ("7", "RU"),
        ("Malaysia", NO_REGION),
        ("ZZ", NO_REGION),
        ("QQQ", NO_REGION),
        ("999", NO_REGION),
        ("800", NO_REGION),
        ("6012", NO_REGION),
        ("0", NO_REGION),
        ("6.01E+10", NO_REGION),
        ("?", NO_REGION),
    ],
)
def test_a_cell_names_a_region_by_a_code_of_iso_or_a_calling_code(text: str, region: str) -> None:
    assert region_of(text) == region


def test_every_region_of_the_library_is_known_by_both_its_codes() -> None:
    for region in phonenumbers.SUPPORTED_REGIONS:
        assert region_of(region.lower()) == region
        code = phonenumbers.country_code_for_region(region)
        assert (
            region
            in phonenumbers.COUNTRY_CODE_TO_REGION_CODE[phonenumbers.country_code_for_region(region_of(str(code)))]
        )


ROWS = [
    # number, country, value or reason
    ("0123456789", "MY", "+60123456789"),
    ("81234567", "sg", "+6581234567"),
    ("81234567", "SGP", "+6581234567"),
    ("81234567", "65", "+6581234567"),
    ("020 7946 0018", "+44", "+442079460018"),
    ("0123456789", "", "+60123456789"),
    ("0123456789", "NULL", "+60123456789"),
    ("0123456789", "Atlantis", "unknown_region"),
    ("+6581234567", "Atlantis", "+6581234567"),
    ("+6581234567", "MY", "+6581234567"),
    ("6581234567", "MY", "no_plus"),
    ("6581234567", "SG", "+6581234567"),
    ("{81234567,91234567}", "SG", "+6581234567 +6591234567"),
    ("", "SG", ""),
    ("office", "SG", "not_a_phone"),
    ("81234567", "SG\u200b", "+6581234567"),
    ("81234567", '="SG"', "+6581234567"),
]


def normalized(rows: list[tuple[bytes, bytes]], region: str = "MY") -> Normalized:
    count = len(rows)
    chunk = RowChunk(
        Position(),
        Position(),
        b"\n" * count,
        np.arange(count + 1, dtype=np.int64),
        np.arange(count, dtype=np.int32),
        {name: pa.array([row[at] for row in rows], pa.binary()) for at, name in enumerate(["TEL", "CC"])},
    )
    return normalize(chunk, [Field(("TEL",), "Phone numbers", "phone", lookup=True, region=region, region_column="CC")])


def outcomes(found: Normalized, count: int) -> list[str]:
    texts: list[list[str]] = [[] for _ in range(count)]
    for identified in found.records.identifiers:
        for row, value in zip(found.records.index[identified.row].tolist(), identified.value.to_pylist(), strict=True):
            texts[row].append(value)
    for row, reason, column in found.rejected:
        assert column == "TEL"
        texts[row].append(reason)
    return [" ".join(each) for each in texts]


def test_each_row_is_read_in_its_own_region() -> None:
    found = normalized([(number.encode(), country.encode()) for number, country, _ in ROWS])
    assert outcomes(found, len(ROWS)) == [outcome for _, _, outcome in ROWS]


def test_where_the_row_says_nothing_the_region_of_the_field_counts() -> None:
    rows = [(b"81234567", b""), (b"0123456789", b"MY"), (b"6581234567", b"\\N")]
    assert outcomes(normalized(rows, "SG"), 3) == ["+6581234567", "+60123456789", "+6581234567"]
    assert outcomes(normalized(rows[2:], "international"), 1) == ["+6581234567"]


def test_a_region_that_cannot_be_decoded_is_unknown() -> None:
    assert outcomes(normalized([(b"0123456789", b"\xff"), (b"+60123456789", b"\xff")]), 2) == [
        "unknown_region",
        "+60123456789",
    ]


def test_a_column_of_regions_is_as_if_each_cell_stood_alone() -> None:
    numbers = ["0123456789", "81234567", "6581234567", "0100000000", None, "020 7946 0018", "x", "{1", "12/0123456789"]
    countries = ["MY", "SG", None, "GB", "US", "Atlantis", "60"]
    pairs = [(number, country) for number in numbers for country in countries]
    cells, regions = (pa.array(list(each), pa.string()) for each in zip(*pairs, strict=True))
    whole = canonicalized_by_region(PHONE, cells, regions, "MY")
    assert (np.diff(whole.cell) >= 0).all()
    assert (np.diff(whole.rejected_cell) >= 0).all()
    values: list[list[str]] = [[] for _ in pairs]
    reasons: list[list[str]] = [[] for _ in pairs]
    for cell, value in zip(whole.cell.tolist(), whole.value.to_pylist(), strict=True):
        values[cell].append(value)
    for cell, reason in zip(whole.rejected_cell.tolist(), whole.rejected_reason, strict=True):
        reasons[cell].append(reason)
    flags = 0
    for place, (number, country) in enumerate(pairs):
        region = "MY" if country is None else region_of(country)
        alone = PHONE.canonicalize(pa.array([number], pa.string()), region)
        assert (values[place], reasons[place]) == (alone.value.to_pylist(), alone.rejected_reason)
        flags += sum(alone.flags.values())
    assert sum(whole.flags.values()) == flags
    assert whole.flagged.sum() == whole.flags["not_valid_today"]


def test_a_column_without_cells_has_no_regions() -> None:
    nothing = pa.array([], pa.string())
    assert len(canonicalized_by_region(PHONE, nothing, nothing, "MY").value) == 0


def test_a_cell_of_several_regions_names_none_and_leaves_those_of_other_rows_alone() -> None:
    cells = pa.array(["0123456789", "91234567", "0123456789", "+6591234567"])
    regions = pa.array(["[MY,SG]", '="SG"', "[MY]", '["MY","SG"]'])
    found = canonicalized_by_region(PHONE, cells, regions, "MY")
    assert found.cell.tolist() == [1, 2, 3]
    assert found.value.to_pylist() == ["+6591234567", "+60123456789", "+6591234567"]
    assert (found.rejected_cell.tolist(), found.rejected_reason) == ([0], ["unknown_region"])
