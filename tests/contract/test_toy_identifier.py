"""A new kind of identifier is one class, one entry in `IDENTIFIERS`, and its defaults in the manifest's schema."""

from __future__ import annotations

import pyarrow as pa
import pytest

from ingest_cli.identifiers import IDENTIFIERS, Canonicalized, masks, normalize
from ingest_cli.identifiers.two_speed import CellResult, canonicalized, decided, truth
from ingest_cli.model import manifest as schema
from tests.contract import test_identifier_defaults, test_identifiers
from tests.support.pipelines import PEPPER, SRC, BytesSource, manifest, run, table_of
from tests.support.truth import Reference


# -- the whole kind
def _plate(text: str) -> CellResult:
    plate = text.replace(" ", "").upper()
    is_plate = plate[:1].isalpha() and plate[-1:].isdigit() and plate.isascii() and plate.isalnum()
    return CellResult(values=((plate, 0),)) if is_plate else CellResult(reasons=("not_a_plate",))


class Plate:
    kind: str = "plate"
    labels: tuple[str, ...] = ("plate",)
    reasons: tuple[str, ...] = ("not_a_plate",)

    def canonicalize(self, cells: pa.StringArray, region: str) -> Canonicalized:  # noqa: ARG002 - plates have none
        none = truth(pa.array([False] * len(cells), pa.bool_()))  # no compiled shortcut: the rule decides every cell
        return canonicalized(cells, lambda one: decided(one, none[: len(one)], 0), _plate)

    def mask(self, values: pa.StringArray) -> pa.StringArray:
        return masks.last_two(values)


# -- its entries
@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(normalize, "IDENTIFIERS", {**IDENTIFIERS, "plate": Plate()})
    monkeypatch.setattr(schema, "DEFAULT_EXPOSES", {**schema.DEFAULT_EXPOSES, "plate": "Vehicle details"})
    monkeypatch.setattr(schema, "KINDS", (*schema.KINDS, "plate"))
    monkeypatch.setattr(schema, "LOOKUP_KINDS", schema.LOOKUP_KINDS | {"plate"})


def test_it_takes_its_column_through_all_stages() -> None:
    done = run(manifest({"PLATE": "plate"}), [BytesSource(b"PLATE\nwxy 1234\n???\n\n")])
    (item,) = table_of(done).values()
    reference = Reference(PEPPER.secret, PEPPER.kid, "demo", SRC)
    assert reference.opened(item, [("plate", "WXY1234")]) == ("plate", ["Vehicle details"], {})
    assert [reject.reason for reject in done.rejects] == ["not_a_plate"]


def test_the_contract_runs_it() -> None:
    test_identifier_defaults.test_a_cell_that_is_there_yields_a_value_or_a_reason.hypothesis.inner_test(  # type: ignore[attr-defined]
        Plate(), ["wxy 1234", "???"]
    )
    test_identifiers.test_no_text_raises_and_canonical_values_are_their_own.hypothesis.inner_test(  # type: ignore[attr-defined]
        Plate(), ["wxy 1234", "???", "é"]
    )
