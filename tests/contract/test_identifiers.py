"""What every kind of identifier promises, whatever it identifies."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest_cli.identifiers import IDENTIFIERS, Canonicalized, Identifier

# Cells that some kind accepts, some kind rejects, and no kind may stumble over.
CELLS = [
    "850101-14-5678",
    None,
    "850101145678.0",
    "123456",
    "A12345678",
    "7654321",
    "0123456789",
    "0123456789/0198765432",
    "0123456789 & 12",
    "+6581234567",
    "0100000000",
    None,
    "6.01E+10",
    "6.0123456789E+10",
    "ana.lim@example.com",
    "Ana.Lim+x@Gmail.com; ben@example.org; broken@",
    "Ana <ana@bücher.example>",
    "année@example.com",
    "502121234567890",
    "310150123456789",
    "490154203237518",
    "490154203237510",
    "8960011234567890123",
    "896001123456789012F",
    "MixedCase_User",
    "ab",
    "",
    "'",
    "-",
    '"\\\x00\x1f\u2028',
    "\u202e\u0661\u0662\u0663",
    "😀" * 30,
    "1" * 5000,
    "{850101145678,A12345678}",
    '["0123456789","0198765432"]',
    "{ana@example.com,ben@example.com,{NULL}}",
    "{ana@example.com",
    '="0123456789"',
    "[CLAN]name",
    "{}",
    "6591234567",
    "555123",
    "850101145678;A12345678",
    "012\u200b3456789\ufe0d",
    "x@" * 3000,
    "<" * 5000,
]

BY_KIND = pytest.mark.parametrize("identifier", IDENTIFIERS.values(), ids=IDENTIFIERS)
# Digits and the characters that mean something to one of the kinds turn up often; so does anything else.
CELL_TEXT = st.one_of(
    st.text(max_size=40),
    st.text(alphabet="0123456789+-/.;,@ '<>eEabcxor&|F", max_size=40),
    st.text(alphabet="0123456789{}[]()=\"',\\@ .ab\u200b", max_size=40),
    st.sampled_from([cell for cell in CELLS if cell is not None]),
)


def column(cells: list[str | None]) -> pa.StringArray:
    return pa.array(cells, pa.string())


Rows = tuple[list[tuple[int, str, int]], list[tuple[int, str]], dict[str, int]]


def rows(found: Canonicalized) -> Rows:
    return (
        list(zip(found.cell.tolist(), found.value.to_pylist(), found.label.tolist(), strict=True)),
        list(zip(found.rejected_cell.tolist(), found.rejected_reason, strict=True)),
        dict(found.flags),
    )


def check_shape(identifier: Identifier, cells: pa.StringArray, found: Canonicalized) -> None:
    dtypes = [array.dtype.name for array in (found.cell, found.rejected_cell, found.label)]
    assert dtypes == ["int32", "int32", "int8"]
    assert found.cell.shape == found.label.shape == (len(found.value),)
    assert found.rejected_cell.shape == (len(found.rejected_reason),)
    assert found.flagged.shape == found.cell.shape
    assert found.flagged.dtype == np.bool_
    assert found.value.type == pa.string()
    assert found.value.null_count == 0
    for indices in (found.cell, found.rejected_cell):
        assert (np.diff(indices) >= 0).all()
        assert not indices.size or (indices[0] >= 0 and indices[-1] < len(cells))
    assert set(found.rejected_reason) <= set(identifier.reasons)
    assert set(found.label.tolist()) <= set(range(len(identifier.labels)))
    assert all(count > 0 for count in found.flags.values())
    pairs = list(zip(found.cell.tolist(), found.value.to_pylist(), strict=True))
    assert len(set(pairs)) == len(pairs), "a cell yields no value twice"


@BY_KIND
def test_it_is_registered_under_its_own_name_and_says_what_it_is(identifier: Identifier) -> None:
    assert IDENTIFIERS[identifier.kind] is identifier
    for names in (identifier.labels, identifier.reasons):
        assert names
        assert len(set(names)) == len(names)
        assert all(re.fullmatch("[a-z0-9_]+", name) for name in names)


@BY_KIND
def test_every_cell_but_null_is_accounted_for(identifier: Identifier) -> None:
    cells = column(CELLS)
    found = identifier.canonicalize(cells, "MY")
    check_shape(identifier, cells, found)
    there = {index for index, cell in enumerate(CELLS) if cell is not None}
    assert set(found.cell.tolist()) | set(found.rejected_cell.tolist()) == there
    assert len(found.value)
    assert found.rejected_reason


@BY_KIND
@pytest.mark.parametrize("cells", [[], [None], [None, None], [""], ["x"]], ids=repr)
def test_a_column_with_next_to_nothing_in_it(identifier: Identifier, cells: list[str | None]) -> None:
    found = identifier.canonicalize(column(cells), "MY")
    check_shape(identifier, column(cells), found)
    assert identifier.mask(found.value).to_pylist() == ["*" * 12] * len(found.value)


@BY_KIND
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.one_of(st.none(), CELL_TEXT), max_size=20))
def test_no_text_raises_and_canonical_values_are_their_own(identifier: Identifier, cells: list[str | None]) -> None:
    array = column(cells)
    found = identifier.canonicalize(array, "MY")
    check_shape(identifier, array, found)

    again = identifier.canonicalize(found.value, "MY")
    assert again.value.equals(found.value)
    assert again.label.tolist() == found.label.tolist(), "a label is a function of the value"
    assert again.cell.tolist() == list(range(len(found.value)))
    assert again.rejected_reason == []

    assert not any(re.search(r"[\x00-\x1f\x7f]", value) for value in found.value.to_pylist())
    for mask, value in zip(identifier.mask(found.value).to_pylist(), found.value.to_pylist(), strict=True):
        check_mask(mask, value)


@BY_KIND
@pytest.mark.parametrize("control", [*map(chr, range(0x20)), "\x7f"], ids=ascii)
def test_no_control_character_gets_into_a_canonical_value(identifier: Identifier, control: str) -> None:
    """A record tag is computed from several values with such characters between them."""
    accepted = [cell for cell in CELLS if cell is not None and len(cell) < 100]
    accepted = identifier.canonicalize(column(accepted), "MY").value.to_pylist()
    within = [value[:place] + control + value[place:] for value in accepted for place in (0, 1, len(value) - 1)]
    # Also where what stands on either side is a value by itself.
    within += [one + control + other for one in accepted for other in accepted]
    found = identifier.canonicalize(column(within), "MY")
    assert not [value for value in found.value.to_pylist() if control in value]
    assert set(found.cell.tolist()) | set(found.rejected_cell.tolist()) == set(range(len(within)))


def check_mask(mask: str, value: str) -> None:
    assert all(character in "+*@." or character.isalnum() for character in mask)
    assert mask.isprintable()
    shown = sum(map(str.isalnum, mask))
    total = sum(map(str.isalnum, value))
    if shown:
        assert total - shown >= 4
        assert (total - shown) * 100 >= total * 60
    else:
        assert set(mask) <= set("*@.")


@BY_KIND
def test_where_a_column_is_cut_changes_nothing(identifier: Identifier) -> None:
    cells = column(CELLS * 2)
    whole = rows(identifier.canonicalize(cells, "MY"))
    for size in (1, 7, len(CELLS)):
        values, rejects, flags = [], [], dict.fromkeys(whole[2], 0)
        for start in range(0, len(cells), size):
            found = identifier.canonicalize(cells.slice(start, size), "MY")
            values += [
                (start + cell, value, label)
                for cell, value, label in zip(found.cell, found.value.to_pylist(), found.label, strict=True)
            ]
            rejects += [
                (start + cell, reason) for cell, reason in zip(found.rejected_cell, found.rejected_reason, strict=True)
            ]
            for name, count in found.flags.items():
                flags[name] += count
        assert (values, rejects, flags) == whole


@BY_KIND
def test_masks_of_a_slice_are_slices_of_the_masks(identifier: Identifier) -> None:
    values = identifier.canonicalize(column(CELLS), "MY").value
    masks = identifier.mask(values).to_pylist()
    assert len(masks) == len(values)
    for start in range(len(values)):
        assert identifier.mask(values.slice(start, 2)).to_pylist() == masks[start : start + 2]
