"""A row with more identifiers of one kind than a person has is rejected, and so are all of them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from ingest_cli.identifiers.normalize import Normalized, normalize
from ingest_cli.model.chunks import Position, RowChunk
from ingest_cli.model.manifest import Field

PHONES = Field(("PHONE",), "Phone numbers", "phone", lookup=True)
MORE_PHONES = Field(("MORE",), "Phone numbers", "phone", lookup=False)
EMAIL = Field(("EMAIL",), "Email addresses", "email", lookup=True)


def phones(count: int, first: int = 0) -> str:
    return ";".join(f"01{20_000_000 + first + i}" for i in range(count))


def normalized(rows: list[tuple[str, str, str]], most: int | None = None) -> Normalized:
    names = ("PHONE", "MORE", "EMAIL")
    cells = {name: pa.array([row[i].encode() for row in rows], pa.binary()) for i, name in enumerate(names)}
    size = len(rows)
    chunk = RowChunk(
        Position(),
        Position(size, size, size),
        b"",
        np.zeros(size + 1, np.int64),
        np.arange(size, dtype=np.int32),
        cells,
    )
    fields = [PHONES, MORE_PHONES, EMAIL]
    return normalize(chunk, fields) if most is None else normalize(chunk, fields, most)


@pytest.mark.parametrize("most", [None, 64, 3, 1])
def test_a_row_with_too_many_of_one_kind_is_rejected_alone(most: int | None) -> None:
    limit = 64 if most is None else most
    rows = [
        (phones(limit), "", "a@example.com"),
        (phones(limit + 1), "", "b@example.com"),
        ("", "", "c@example.com"),
        (phones(1), phones(limit, 1), "d@example.com"),  # in two columns, one of which is not looked up
        (";".join([phones(1)] * (limit + 9)), "", "e@example.com"),  # one number, again and again
        ("", phones(limit + 1), ""),
    ]
    found = normalized(rows, most)
    assert found.rejected == tuple((i, "too_many_identifiers", "PHONE") for i in (1, 3, 5))
    assert found.records.index.tolist() == [0, 2, 4]
    assert found.skipped["no_identifier"].tolist() == []
    emails = next(each for each in found.records.identifiers if each.kind == "email")
    assert emails.value.to_pylist() == ["a@example.com", "c@example.com", "e@example.com"]
    numbers = next(each for each in found.records.identifiers if each.kind == "phone")
    assert np.bincount(numbers.row, minlength=3).tolist() == [limit, 0, 1]


def test_one_column_of_single_values_is_never_crowded() -> None:
    rows = [(phones(1, i), "", f"u{i}@example.com") for i in range(200)]
    assert normalized(rows, 1).rejected == ()
