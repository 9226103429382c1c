"""How many cells of a column are identifiers of a kind, by the very rules by which they would be loaded."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from ingest_cli.identifiers import IDENTIFIERS
from ingest_cli.manifest import DEFAULT_REGION


def usable_share(kind: str, cells: Sequence[str]) -> float:
    """The share of `cells` that yield a value of `kind`, 0 to 1.

    Args:
        kind: a key of `IDENTIFIERS`.
        cells: trimmed, and none of them empty or NULL-like.
    """
    if not cells:
        return 0.0
    # Characters that were no characters in the dump would make the cell unusable there, too.
    text = [unicodedata.normalize("NFKC", cell).strip().encode("utf-8", "replace").decode() for cell in cells]
    found = IDENTIFIERS[kind].canonicalize(pa.array(text, pa.string()), DEFAULT_REGION)
    return len(np.unique(found.cell)) / len(cells)
