"""What the manifest takes for granted about each kind, and what normalizing a column relies on."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ingest_cli.identifiers import IDENTIFIERS, Identifier
from ingest_cli.identifiers.lists import NULL_LIKE
from ingest_cli.identifiers.normalize import normalize
from ingest_cli.model.chunks import Position, RowChunk
from ingest_cli.model.manifest import DEFAULT_EXPOSES, KINDS, LOOKUP_KINDS
from tests.support.pipelines import manifest

BY_KIND = pytest.mark.parametrize("identifier", IDENTIFIERS.values(), ids=IDENTIFIERS)

CELLS = [
    *("", " ", "/", "//", ";", ",", "&", "|", "or", "@", "<>", "'", '"', "''", "+", "++", "-", "--", "()", "#", "*"),
    *(
        ".",
        "..",
        "0",
        "00",
        "+0",
        "F",
        "f" * 20,
        "e",
        "E+10",
        "1E5",
        "1e+400",
        "0.0",
        "-1",
        "\0",
        "\x1f",
        "\x7f",
        "\x85",
    ),
    *(
        "\u200b",
        "\u200e\u200f",
        "\u202e",
        "\u2028",
        "\ufeff",
        "\ud7ff",
        "\U0010ffff",
        "\u0301",
        "\u00a0",
        "٠١٢٣",
        "\uff10\uff11\uff12",
    ),
    *("mailto:", "tel:", "<@>", "a@", "@b", "a@b", "a@b.", ";;;@", "/ or /", "x/y", "1/", "/1", "🙂", "٣@example.com"),
]
TEXTS = st.one_of(
    st.sampled_from(CELLS),
    st.text(max_size=30),
    st.text(alphabet="0123456789+-/.;,&|@ '\"<>()eEorF\u200b\u00a0", max_size=30),
)


def test_every_kind_has_defaults_in_the_manifest() -> None:
    assert set(KINDS) == set(DEFAULT_EXPOSES) == set(IDENTIFIERS)
    assert set(IDENTIFIERS) > LOOKUP_KINDS


@BY_KIND
@settings(max_examples=150)
@given(texts=st.lists(TEXTS, min_size=1, max_size=30))
@example(texts=CELLS)
def test_a_cell_that_is_there_yields_a_value_or_a_reason(identifier: Identifier, texts: list[str]) -> None:
    found = identifier.canonicalize(pa.array(texts, pa.string()), "MY")
    silent = set(range(len(texts))) - set(found.cell.tolist()) - set(found.rejected_cell.tolist())
    assert not [texts[cell] for cell in sorted(silent)]


@BY_KIND
@settings(max_examples=100)
@given(cells=st.lists(st.one_of(TEXTS.map(str.encode), st.binary(max_size=12)), min_size=1, max_size=20))
@example(cells=[text.encode() for text in CELLS])
@example(cells=[text.encode() for text in NULL_LIKE])
@example(cells=[b"\xff", b"N/A", b"\xc3"])
def test_a_row_is_kept_rejected_with_a_reason_or_skipped(identifier: Identifier, cells: list[bytes]) -> None:
    rows = len(cells)
    bounds = np.arange(rows + 1, dtype=np.int64)
    index = np.arange(rows, dtype=np.int32)
    column = pa.array(cells, pa.binary())
    chunk = RowChunk(Position(), Position(), b"\n" * rows, bounds, index, {"COLUMN": column})
    wanted = manifest({"COLUMN": identifier.kind, "PHONE": "phone"})
    [field] = [each for each in wanted.fields if each.columns == ("COLUMN",)]
    looked_up = type(field)(field.columns, field.exposes, field.kind, lookup=True, region=field.region)
    normalized = normalize(chunk, [looked_up])
    kept = set(normalized.records.index.tolist())
    rejected = {row: reason for row, reason, _ in normalized.rejected}
    skipped = set(normalized.skipped["no_identifier"].tolist())
    assert sorted([*kept, *rejected, *skipped]) == list(range(rows)), "each row once"
    assert set(rejected.values()) <= {*identifier.reasons, "bad_bytes"}
    for row, cell in enumerate(cells):
        text = cell.decode(errors="replace")
        is_null_like = text.strip().lower() in NULL_LIKE
        is_wrapped = text.strip()[:1] in ("{", "[", "=")  # `{}` and `=""` say nothing either
        assert (row in skipped) == is_null_like or not text.isascii() or not text.isprintable() or is_wrapped
