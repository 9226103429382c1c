"""Count the cells of a column that are identifiers of a kind, by the rules of a load."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from ingest_cli.identifiers import IDENTIFIERS
from ingest_cli.identifiers.interface import Canonicalized
from ingest_cli.model.manifest import DEFAULT_REGION


class LoadRules:
    """See `Rules`."""

    def usable(self, kind: str, cells: Sequence[str]) -> float:
        """Return the share of `cells` that yield a value of `kind`, 0 to 1."""
        return len(np.unique(_canonical(kind, cells, DEFAULT_REGION).cell)) / len(cells) if cells else 0.0

    def valid(self, kind: str, cells: Sequence[str]) -> Sequence[bool]:
        """Return for each cell whether it yields a value of `kind`."""
        usable, found = np.zeros(len(cells), np.bool_), _canonical(kind, cells, DEFAULT_REGION)
        usable[found.cell[~found.flagged]] = True
        return [bool(one) for one in usable]

    def calling_codes(self, cells: Sequence[str], region: str) -> Sequence[str]:
        """Return the calling code of each cell that is a currently valid number; empty for the others."""
        found = _canonical("phone", cells, region)
        codes = [""] * len(cells)
        masks = IDENTIFIERS["phone"].mask(found.value).to_pylist()
        for at, mask, doubt in zip(found.cell.tolist(), masks, found.flagged.tolist(), strict=True):
            if not doubt and mask.startswith("+"):
                codes[at] = mask[1:].partition("*")[0]
        return codes


def _canonical(kind: str, cells: Sequence[str], region: str) -> Canonicalized:
    # Undecodable bytes (lone surrogates) become "?", which makes the cell unusable, as in a load.
    text = [unicodedata.normalize("NFKC", cell).strip().encode("utf-8", "replace").decode() for cell in cells]
    return IDENTIFIERS[kind].canonicalize(pa.array(text, pa.string()), region)
