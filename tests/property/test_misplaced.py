"""A delimiter too many or too few, anywhere in a dump: no password becomes an identifier.

What is drawn is said in `tests.support.misplaced`. A seed that fails here is shown again, with its dump, by
`python -m tests.property.misplace --seed N`.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_cli.identifiers.loose_rows import LooseRows
from tests.property.misplace import failing
from tests.support import pipelines
from tests.support.misplaced import RULES, WAYS, case, leaked
from tests.support.people import person
from tests.support.pipelines import BytesSource

SEEDS = 800
"""A hundred times as many in `make torture`."""

PARTS = 4


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_no_password_becomes_an_identifier(part: int) -> None:
    failed = failing(range(part * SEEDS // PARTS, (part + 1) * SEEDS // PARTS))
    assert not failed, f"replay with `python -m tests.property.misplace --seed {min(failed)}`: {failed}"


def test_without_a_check_of_what_loose_rows_hold_passwords_would(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the test above is one that can fail."""
    monkeypatch.setattr(LooseRows, "believed", lambda _rows, _kind, canonical: canonical)
    assert any(leaked(seed) for seed in range(300))


def test_the_seeds_draw_every_way_of_writing_and_every_rule() -> None:
    texts = [case(seed).manifest for seed in range(400)]
    for key in ("short_rows", "long_rows", "overflow", "escape", "skip_lines", "combo", '"||"'):
        assert any(key in text for text in texts), key
    assert len(WAYS) >= 9
    assert len(RULES) == 5


WANTED = pipelines.manifest(
    {"email": "email", "phone": "phone", "id": "id", "user": "username"},
    format_='name = "csv"\nheader = false\ncolumns = ["user", "note", "email", "id", "place", "phone"]',
)


@given(st.integers(0, 500), st.sampled_from(["A", "A, B", 'say "A"', 'A, "B", C', "A, B, C, D"]), st.data())
def test_a_row_with_a_delimiter_more_or_less_yields_nothing(number: int, note: str, draw: st.DataObject) -> None:
    who = person(1, number)
    cells = [who.username, f'"{note.replace(chr(34), 2 * chr(34))}"', who.email, who.mykad, "KL", who.mobile]
    places = range(len(cells) - 1)
    if draw.draw(st.booleans(), "whether one is inserted"):
        cell = draw.draw(st.sampled_from([0, 2, 3, 4, 5]))
        at = draw.draw(st.integers(0, len(cells[cell])))
        cells[cell] = f"{cells[cell][:at]},{cells[cell][at:]}"
        row = ",".join(cells)
    else:
        gone = draw.draw(st.sampled_from(places))
        row = "".join(cell + ("" if place == gone else ",") for place, cell in enumerate(cells)).removesuffix(",")
    other = person(1, number + 1000)
    good = f"{other.username},x,{other.email},{other.mykad},KL,{other.mobile}"
    settled = pipelines.run(WANTED, [BytesSource(f"{row}\n{good}\n".encode())])
    alone = pipelines.run(WANTED, [BytesSource(f"{good}\n".encode())])
    assert pipelines.table_of(settled) == pipelines.table_of(alone)
    assert settled.account.rows_rejected == 1
