"""From cells to canonical identifiers, and to the data classes that each row exposes.

A column is what the manifest says it is. A row is kept when at least one of its identifiers that are
to be looked up is usable, rejected when it held some but none was, and skipped when it held none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ingest_cli.identifiers import IDENTIFIERS
from ingest_cli.identifiers.interface import Canonicalized
from ingest_cli.manifest import Field
from ingest_cli.records import CLASS_ORDER, Identified, IndexArray, Records, RowChunk

BoolArray = npt.NDArray[np.bool_]

NULL_LIKE = ("", "null", "\\n", "-", "n/a", "n.a", "n.a.", "nan", "none")
"""Cells that say "nothing here", in lower case and trimmed."""

_NULL_LIKE = pa.array([text.encode() for text in NULL_LIKE], pa.binary())
_NULL_LIKE_BYTES = max(map(len, NULL_LIKE))


@dataclass(frozen=True, slots=True)
class Normalized:
    """What became of the parsed rows of one chunk.

    Attributes:
        records: the rows that are kept.
        skipped: reason → record indices.
        rejected: (record index, reason, column) of each rejected row.
        rejected_identifiers: (column, reason) → number of values, in rows of any fate.
        flags: name of an oddity → number of identifiers kept in spite of it.
    """

    records: Records
    skipped: Mapping[str, IndexArray]
    rejected: tuple[tuple[int, str, str], ...]
    rejected_identifiers: Mapping[tuple[str, str], int]
    flags: Mapping[str, int] = field(default_factory=dict)


def normalize(chunk: RowChunk, fields: Sequence[Field]) -> Normalized:
    """Bring the cells of `chunk` to canonical form, column by column as `fields` say."""
    rows = len(chunk.index)
    exposed = _Exposed(rows)
    found: dict[str, list[_Found]] = {}
    first_reject = _FirstReject(rows)
    rejected, flags = Counter[tuple[str, str]](), Counter[str]()
    held = np.zeros(rows, np.bool_)
    for each in fields:
        column = _Column.of([chunk.cells[name] for name in each.columns])
        exposed.add(each.exposes, column.present)
        if each.kind is None:
            continue
        canonical = IDENTIFIERS[each.kind].canonicalize(column.text, each.region)
        found.setdefault(each.kind, []).append(_Found(canonical, each.lookup))
        flags.update(canonical.flags)
        rejects = _rejects(canonical, column.bad)
        for reason, cells in rejects:
            rejected[each.columns[0], reason] += len(cells)
        if each.lookup:
            held |= column.present
            first_reject.add(each.columns[0], rejects)
    kept = np.zeros(rows, np.bool_)
    for several in found.values():
        for one in several:
            if one.lookup:
                kept[one.canonical.cell] = True
    position = np.cumsum(kept, dtype=np.int32) - 1
    codes, sets = exposed.sets()
    records = Records(
        index=chunk.index[kept],
        identifiers=tuple(_identified(kind, found[kind], kept, position) for kind in CLASS_ORDER if kind in found),
        exposed=codes[kept],
        class_sets=sets,
    )
    return Normalized(
        records=records,
        skipped={"no_identifier": chunk.index[~held]},
        rejected=first_reject.of(held & ~kept, chunk.index),
        rejected_identifiers=rejected,
        flags=flags,
    )


@dataclass(frozen=True, slots=True)
class _Found:
    canonical: Canonicalized
    lookup: bool


@dataclass(frozen=True, slots=True)
class _Column:
    """One column of the manifest's, i.e. the first non-empty of one or several of the dump's.

    Attributes:
        text: string array; null where there is nothing, or nothing that can be decoded.
        present: whether there is anything, decodable or not.
        bad: cells that cannot be decoded.
    """

    text: pa.StringArray
    present: BoolArray
    bad: BoolArray

    @classmethod
    def of(cls, columns: Sequence[pa.BinaryArray]) -> _Column:
        """Merge `columns`, the first non-empty cell of each row winning."""
        text, present, bad = _clean(columns[0])
        for column in columns[1:]:
            if present.all():
                break
            other_text, other_present, other_bad = _clean(column)
            text = pc.if_else(pa.array(present), text, other_text)
            bad |= ~present & other_bad
            present = present | other_present
        return cls(text, present, bad)


def _clean(cells: pa.BinaryArray) -> tuple[pa.StringArray, BoolArray, BoolArray]:
    """(text in NFKC and trimmed, present, bad) of one column."""
    rows = len(cells)
    bad = np.zeros(rows, np.bool_)
    try:
        text = cells.cast(pa.string())
    except pa.ArrowInvalid:
        bad = np.fromiter((not _is_utf8(cell) for cell in cells.to_pylist()), np.bool_, rows)
        text = pc.if_else(pa.array(bad), pa.scalar(None, pa.binary()), cells).cast(pa.string())
    ascii_only = pc.string_is_ascii(text)
    if not pc.all(ascii_only, min_count=0).as_py():
        text = pc.if_else(ascii_only, text, pc.utf8_normalize(text, "NFKC"))
    text = pc.utf8_trim_whitespace(text)
    null_like = _null_like(text)
    present = bad | ~null_like
    return pc.if_else(pa.array(present & ~bad), text, pa.scalar(None, pa.string())), present, bad


def _null_like(text: pa.StringArray) -> BoolArray:
    """Whether each cell says that there is nothing. Nulls (cells that cannot be decoded) do not."""
    short = pc.fill_null(pc.less_equal(pc.binary_length(text), _NULL_LIKE_BYTES), fill_value=False)
    mask: BoolArray = short.to_numpy(zero_copy_only=False)
    mask = mask.copy()
    if mask.any():
        candidates = pc.ascii_lower(text.filter(short)).cast(pa.binary())
        mask[mask] = pc.is_in(candidates, value_set=_NULL_LIKE).to_numpy(zero_copy_only=False)
    return mask


def _is_utf8(cell: bytes) -> bool:
    try:
        cell.decode()
    except UnicodeDecodeError:
        return False
    return True


def _rejects(canonical: Canonicalized, bad: BoolArray) -> list[tuple[str, IndexArray]]:
    """(reason, cells) of one column, cells that cannot be decoded among them."""
    reasons = np.array(canonical.rejected_reason, dtype=object)
    out = [
        (str(reason), canonical.rejected_cell[reasons == reason]) for reason in sorted(set(canonical.rejected_reason))
    ]
    if bad.any():
        out.append(("bad_bytes", np.flatnonzero(bad).astype(np.int32)))
    return out


class _FirstReject:
    """For each row, the first column (in the manifest's order) whose identifier was rejected, and why."""

    def __init__(self, rows: int) -> None:
        self._code = np.zeros(rows, np.int32)
        self._causes: list[tuple[str, str]] = []

    def add(self, column: str, rejects: Sequence[tuple[str, IndexArray]]) -> None:
        """Note the rejects of `column`, for rows that have none yet."""
        for reason, cells in rejects:
            self._causes.append((reason, column))
            free = cells[self._code[cells] == 0]
            self._code[free] = len(self._causes)

    def of(self, rows: BoolArray, index: IndexArray) -> tuple[tuple[int, str, str], ...]:
        """(record index, reason, column) of each row chosen by `rows`."""
        return tuple((int(index[row]), *self._causes[self._code[row] - 1]) for row in np.flatnonzero(rows))


class _Exposed:
    """The data classes that each row exposes."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._present: dict[str, BoolArray] = {}

    def add(self, name: str, present: BoolArray) -> None:
        """Note that a column of class `name` is filled in the rows of `present`."""
        known = self._present.get(name)
        self._present[name] = present if known is None else known | present

    def sets(self) -> tuple[IndexArray, tuple[tuple[str, ...], ...]]:
        """(position in the second for each row, the distinct sets of class names)."""
        names = sorted(self._present)
        packed = np.packbits(np.stack([self._present[name] for name in names], axis=1), axis=1)
        keys = np.ascontiguousarray(packed).view(np.dtype((np.void, packed.shape[1]))).ravel()
        _, first, codes = np.unique(keys, return_index=True, return_inverse=True)
        sets = tuple(tuple(name for name in names if self._present[name][row]) for row in first)
        return codes.astype(np.int32), sets


def _identified(kind: str, found: Sequence[_Found], kept: BoolArray, position: IndexArray) -> Identified:
    """The identifiers of one class in the kept rows: sorted by (row, value), no pair twice."""
    identifier = IDENTIFIERS[kind]
    cell = np.concatenate([one.canonical.cell for one in found])
    value = pa.concat_arrays([one.canonical.value for one in found])
    label = np.concatenate([one.canonical.label for one in found])
    lookup = np.concatenate([np.full(len(one.canonical.cell), one.lookup) for one in found])
    keep = kept[cell]
    if not keep.all():
        cell, label, lookup, value = cell[keep], label[keep], lookup[keep], value.filter(pa.array(keep))
    row = position[cell]
    if (np.diff(row) <= 0).any():
        row, value, label, lookup = _sorted_unique(row, value, label, lookup)
    labels = pa.DictionaryArray.from_arrays(label, pa.array(identifier.labels))
    return Identified(kind, row, value, labels, lookup, identifier.mask(value))


def _sorted_unique(
    row: IndexArray, value: pa.StringArray, label: npt.NDArray[np.int8], lookup: BoolArray
) -> tuple[IndexArray, pa.StringArray, npt.NDArray[np.int8], BoolArray]:
    """Sort by (row, value) and merge equal pairs; a merged pair is looked up if either was to be."""
    table = pa.table({"row": row, "value": value})
    order = pc.sort_indices(table, [("row", "ascending"), ("value", "ascending")]).to_numpy()
    row, label, lookup, value = row[order], label[order], lookup[order], value.take(pa.array(order))
    same = np.zeros(len(row), np.bool_)
    same[1:] = (row[1:] == row[:-1]) & pc.equal(value[1:], value[:-1]).to_numpy(zero_copy_only=False)
    first = np.flatnonzero(~same)
    lookup = np.logical_or.reduceat(lookup, first)
    return row[first], value.take(pa.array(first)), label[first], lookup
