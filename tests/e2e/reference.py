"""What a table must hold: the dumps' own truth, made into items by the reference, as DynamoDB stores them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.e2e.harness import KID, PEPPER_HEX
from tests.support.make_samples import FOLDER, truths
from tests.support.make_samples import SAMPLES as SAMPLE_DUMPS
from tests.support.truth import Reference, RowTruth, as_dynamodb_json

if TYPE_CHECKING:
    from tests.support.endpoint.items import Item

Table = dict[tuple[str, str], Any]


def table_of(found: Iterable[RowTruth], dataset: str, files: Iterable[Path]) -> Table:
    """The items of a dataset by (pk, sk), sets as sorted lists.

    Args:
        found: the truth about its rows.
        dataset: its id.
        files: its sources.
    """
    digests = sorted(hashlib.sha256(file.read_bytes()).hexdigest() for file in files)
    src = hashlib.sha256("".join(f"{digest}\n" for digest in digests).encode()).hexdigest()[:8]
    reference = Reference(bytes.fromhex(PEPPER_HEX), KID, dataset, src)
    return {key: as_dynamodb_json(item) for key, item in reference.table(found).items()}


def sample_tables(folder: Path) -> dict[str, Table]:
    """The items of each sample by its name; writes the dumps anew into `folder`, to learn the truth about them.

    Their sources are those that are committed: Parquet and workbooks say which version of a library wrote them.
    """
    return {
        sample.name: table_of(truths(sample, folder), sample.dataset, [FOLDER / name for name in sample.files])
        for sample in SAMPLE_DUMPS
    }


def comparable(items: Mapping[tuple[str, str], Item]) -> Table:
    """What a table holds, its sets as sorted lists."""
    return {key: _sorted(item) for key, item in items.items()}


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: sorted(one) if name == "SS" else _sorted(one) for name, one in value.items()}
    return value
