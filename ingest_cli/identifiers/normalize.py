"""Convert cells to canonical identifiers, and to the data classes that each row exposes.

The manifest defines the columns. A row is kept if at least one of its lookup identifiers is usable, rejected if it has
some but none is usable, and skipped if it has none. A row that fits the columns only by a repair rule is kept for the
identifiers that `identifiers.loose_rows` verifies.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ingest_cli.identifiers import IDENTIFIERS
from ingest_cli.identifiers.crowded_rows import CrowdedRows
from ingest_cli.identifiers.interface import Canonicalized
from ingest_cli.identifiers.lists import NULL_LIKE
from ingest_cli.identifiers.loose_rows import LooseRows
from ingest_cli.identifiers.phone import NO_REGION
from ingest_cli.identifiers.regions import canonicalized_by_region
from ingest_cli.identifiers.wrapping import may_say_nothing, says_nothing, visible
from ingest_cli.model.arrow_bytes import BoolArray, Bytes, bytes_of, compacted, gathered, text
from ingest_cli.model.chunks import CLASS_ORDER, Identified, IndexArray, Records, RowChunk
from ingest_cli.model.manifest import MAX_IDENTIFIERS, Field

_WORD_BYTES = 8
_NULL_LIKE = np.frombuffer(b"".join(word.encode().ljust(_WORD_BYTES, b"\0") for word in NULL_LIKE), np.uint64)
_NULL_LIKE_BYTES = max(map(len, NULL_LIKE))
_FIRST_BYTES = (np.tri(_WORD_BYTES + 1, _WORD_BYTES, -1, np.uint8) * np.uint8(255)).view(np.uint64).ravel()
_LAST_BLANK, _LAST_OF_ASCII = 0x20, 0x7F


@dataclass(frozen=True, slots=True)
class Normalized:
    """Result of the parsed rows of one chunk.

    Attributes:
        records: kept rows.
        skipped: reason → record indices.
        rejected: (record index, reason, column) of each rejected row.
        rejected_identifiers: (column, reason) → number of values, in all rows.
        flags: name of an oddity → number of identifiers kept despite it.
    """

    records: Records
    skipped: Mapping[str, IndexArray]
    rejected: tuple[tuple[int, str, str], ...]
    rejected_identifiers: Mapping[tuple[str, str], int]
    flags: Mapping[str, int] = field(default_factory=dict)


def normalize(chunk: RowChunk, fields: Sequence[Field], max_identifiers: int = MAX_IDENTIFIERS) -> Normalized:
    """Convert the cells of `chunk` to canonical form, column by column as `fields` define.

    Args:
        chunk: parsed rows.
        fields: kinds of the columns.
        max_identifiers: maximum number of different identifiers of one kind per row; a row with more is rejected.
    """
    rows = len(chunk.index)
    exposed = _Exposed(rows)
    found: dict[str, list[_Found]] = {}
    first_reject = _FirstReject(rows)
    rejected, flags = Counter[tuple[str, str]](), Counter[str]()
    held = np.zeros(rows, np.bool_)
    loose = LooseRows(chunk.index, chunk.loose) if len(chunk.loose) else None
    for each in fields:
        column = _Column([chunk.cells[name] for name in each.columns])
        exposed.add(each.exposes, column.present)
        if each.kind is None:
            continue
        canonical = _canonicalized(column, each, chunk.cells)
        found.setdefault(each.kind, []).append(_Found(canonical, each.lookup))
        flags.update(canonical.flags)
        rejects = _rejects(canonical, column.bad)
        for reason, cells in rejects:
            rejected[each.columns[0], reason] += len(cells)
        if each.lookup:
            held |= column.present
            first_reject.add(each.columns[0], rejects)
        if loose is not None:
            loose.check(each, column.present, canonical)
    crowded = CrowdedRows(rows, max_identifiers)
    for kind, several in found.items():
        column_name = next(each.columns[0] for each in fields if each.kind == kind)
        crowded.check(column_name, [one.canonical for one in several])
    held |= crowded.mask
    if loose is not None:
        held |= loose.misaligned
        found = _believed(found, loose)
    kept = _looked_up(found, rows) & ~crowded.mask
    lost = held & ~kept & ~crowded.mask
    rejects_by_row = crowded.rejected(chunk.index)
    if loose is not None:
        rejects_by_row += loose.rejected(lost)
        lost &= ~loose.mask
    rejects_by_row += first_reject.of(lost, chunk.index)
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
        rejected=tuple(sorted(rejects_by_row)),
        rejected_identifiers=rejected,
        flags=flags,
    )


def _believed(found: Mapping[str, Sequence[_Found]], loose: LooseRows) -> dict[str, list[_Found]]:
    """Return the identifiers without the unverified ones of loose rows."""
    return {
        kind: [one._replace(canonical=loose.believed(kind, one.canonical)) for one in several]
        for kind, several in found.items()
    }


def _looked_up(found: Mapping[str, Sequence[_Found]], rows: int) -> BoolArray:
    """Return which rows have a lookup identifier. Shape (rows,)."""
    out = np.zeros(rows, np.bool_)
    for several in found.values():
        for one in several:
            if one.lookup:
                out[one.canonical.cell] = True
    return out


def _canonicalized(column: _Column, field: Field, cells_of: Mapping[str, pa.BinaryArray]) -> Canonicalized:
    """Return the identifiers of `column`, by row."""
    cells, rows = column.text()
    identifier = IDENTIFIERS[field.kind or ""]
    if field.region_column is None:
        found = identifier.canonicalize(cells, field.region)
    else:
        regions = _Column([cells_of[field.region_column]]).text_or_null(NO_REGION)
        found = canonicalized_by_region(identifier, cells, regions.take(pa.array(rows)), field.region)
    if len(rows) == len(column.present):
        return found
    return replace(found, cell=rows[found.cell], rejected_cell=rows[found.rejected_cell])


class _Found(NamedTuple):
    canonical: Canonicalized
    lookup: bool


class _Column:
    """One column of the manifest: the first non-empty cell of one or several columns of the dump.

    Attributes:
        present: shape (rows,): whether the cell is non-empty, decodable or not.
        bad: shape (rows,): whether the cell is undecodable.
    """

    def __init__(self, columns: Sequence[pa.BinaryArray]) -> None:
        """Merge `columns`; the first non-empty cell of each row wins."""
        first = _clean(columns[0])
        self.present, self.bad = first.present, first.bad
        self._texts, self._place = [*first.texts], first.place
        for column in columns[1:]:
            missing = np.flatnonzero(~self.present)
            if not len(missing):
                break
            other = _clean(column.take(pa.array(missing)))
            self._place[missing] = other.place + sum(map(len, self._texts))
            self._texts += other.texts
            self.present[missing], self.bad[missing] = other.present, other.bad

    def text(self) -> tuple[pa.StringArray, IndexArray]:
        """Return the non-empty decodable cells, without nulls, and their rows."""
        rows = np.flatnonzero(self.present & ~self.bad).astype(np.int32)
        if len(self._texts) == 1 and len(rows) == len(self._texts[0]):
            return self._texts[0], rows
        return pa.concat_arrays(self._texts).take(pa.array(self._place[rows])), rows

    def text_or_null(self, undecodable: str) -> pa.StringArray:
        """Return the text of each row: null if empty, `undecodable` if it cannot be decoded."""
        texts, rows = self.text()
        whole = pa.concat_arrays([texts, pa.array([None, undecodable], pa.string())])
        place = np.where(self.bad, np.int32(len(texts) + 1), np.int32(len(texts)))
        place[rows] = np.arange(len(texts), dtype=np.int32)
        return whole.take(pa.array(place))


class _Cleaned(NamedTuple):
    """Content of n cells.

    Attributes:
        texts: texts in NFKC and trimmed, and unused ones.
        place: shape (n,): index of the cell's text in the concatenated `texts`, if it has any.
        present: shape (n,): whether the cell is non-empty.
        bad: shape (n,): whether the cell is undecodable.
    """

    texts: Sequence[pa.StringArray]
    place: IndexArray
    present: BoolArray
    bad: BoolArray


def _clean(cells: pa.BinaryArray) -> _Cleaned:
    """Clean `cells`. The first and last bytes mostly show whether a cell needs close inspection."""
    rows = len(cells)
    offsets, data = bytes_of(cells)
    texts, place = [text(offsets, data)], np.arange(rows, dtype=np.int32)
    present, bad = ~_null_like(offsets, data), np.zeros(rows, np.bool_)
    odd, wrapped = np.zeros(rows, np.bool_), np.zeros(rows, np.bool_)
    if len(data):
        first = data[np.minimum(offsets[:-1], len(data) - 1)]
        wrapped = may_say_nothing(first)
        odd |= first <= _LAST_BLANK
        odd |= data[offsets[1:] - 1] <= _LAST_BLANK
        odd &= present
        if data.max() > _LAST_OF_ASCII:
            odd[np.searchsorted(offsets, np.flatnonzero(data > _LAST_OF_ASCII), side="right") - 1] = True
    if odd.any():
        several, present[odd], bad[odd] = _clean_closely(cells.take(pa.array(np.flatnonzero(odd))))
        texts.append(several)
        place[odd] = rows + np.arange(len(several))
    if wrapped.any():
        wrapped &= present & ~odd
        present[wrapped] = [not says_nothing(cell.decode()) for cell in cells.filter(pa.array(wrapped)).to_pylist()]
    return _Cleaned(texts, place, present, bad)


def _clean_closely(cells: pa.BinaryArray) -> tuple[pa.StringArray, BoolArray, BoolArray]:
    """Return (text in NFKC and trimmed, present, bad) of each of `cells`."""
    rows = len(cells)
    bad = np.zeros(rows, np.bool_)
    try:
        decoded = cells.cast(pa.string())
    except pa.ArrowInvalid:
        bad = np.fromiter((not _is_utf8(cell) for cell in cells.to_pylist()), np.bool_, rows)
        decoded = pc.if_else(pa.array(bad), pa.scalar(None, pa.binary()), cells).cast(pa.string())
    ascii_only = pc.string_is_ascii(decoded)
    if not pc.all(ascii_only, min_count=0).as_py():
        decoded = pc.if_else(ascii_only, decoded, pc.utf8_normalize(decoded, "NFKC"))
    decoded = pc.utf8_trim_whitespace(decoded)
    seen = visible(decoded)
    offsets, data = bytes_of(seen)
    present = ~_null_like(offsets, data)
    if len(data):
        wrapped = np.flatnonzero(may_say_nothing(data.take(offsets[:-1], mode="clip")) & present & ~bad)
        if len(wrapped):
            present[wrapped] = [not says_nothing(text) for text in seen.take(pa.array(wrapped)).to_pylist()]
    return decoded, bad | present, bad


def _null_like(offsets: IndexArray, data: Bytes) -> BoolArray:
    """Return whether each of n cells, as `bytes_of` returns them, means "no value". Shape (n,)."""
    length = np.diff(offsets)
    found: BoolArray = length == 0
    short = np.flatnonzero((length <= _NULL_LIKE_BYTES) & ~found)
    if len(short):
        padded = np.append(data, np.zeros(_WORD_BYTES, np.uint8))
        words = gathered(padded, offsets[short], _WORD_BYTES)
        words += (words - np.uint8(ord("A")) < 26) * np.uint8(ord("a") - ord("A"))  # noqa: PLR2004 - letters
        found[short] = np.isin(words.view(np.uint64).ravel() & _FIRST_BYTES[length[short]], _NULL_LIKE)
    return found


def _is_utf8(cell: bytes) -> bool:
    try:
        cell.decode()
    except UnicodeDecodeError:
        return False
    return True


def _rejects(canonical: Canonicalized, bad: BoolArray) -> list[tuple[str, IndexArray]]:
    """Return (reason, cells) of one column, including undecodable cells."""
    out = list[tuple[str, IndexArray]]()
    if canonical.rejected_reason:
        reasons = np.array(canonical.rejected_reason, dtype=object)
        out = [(str(reason), canonical.rejected_cell[reasons == reason]) for reason in sorted(set(reasons))]
    if bad.any():
        out.append(("bad_bytes", np.flatnonzero(bad).astype(np.int32)))
    return out


class _FirstReject:
    """First column, in the manifest's order, whose identifier was rejected, and the reason, for each row."""

    def __init__(self, rows: int) -> None:
        self._code = np.zeros(rows, np.int32)
        self._causes: list[tuple[str, str]] = []

    def add(self, column: str, rejects: Sequence[tuple[str, IndexArray]]) -> None:
        """Record the rejects of `column` for rows that have none yet."""
        for reason, cells in rejects:
            self._causes.append((reason, column))
            free = cells[self._code[cells] == 0]
            self._code[free] = len(self._causes)

    def of(self, rows: BoolArray, index: IndexArray) -> list[tuple[int, str, str]]:
        """Return (record index, reason, column) of each row selected by `rows`."""
        return [(int(index[row]), *self._causes[self._code[row] - 1]) for row in np.flatnonzero(rows)]


class _Exposed:
    """Data classes that each row exposes."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._present: dict[str, BoolArray] = {}

    def add(self, name: str, present: BoolArray) -> None:
        """Record that a column of class `name` is filled in the rows of `present`."""
        known = self._present.get(name)
        self._present[name] = present if known is None else known | present

    def sets(self) -> tuple[IndexArray, tuple[tuple[str, ...], ...]]:
        """Return (index into the second for each row, distinct sets of class names)."""
        codes, sets = np.zeros(self._rows, np.int64), [()] if self._rows else list[tuple[str, ...]]()
        for name in sorted(self._present):
            seen, codes = compacted(codes * 2 + self._present[name])
            sets = [(*sets[code // 2], name) if code % 2 else sets[code // 2] for code in seen.tolist()]
        return codes.astype(np.int32), tuple(sets)


def _identified(kind: str, found: Sequence[_Found], kept: BoolArray, position: IndexArray) -> Identified:
    """Return the identifiers of one class in the kept rows, sorted by (row, value), without duplicate pairs."""
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
    """Sort by (row, value) and merge equal pairs; a merged pair is a lookup identifier if either was."""
    table = pa.table({"row": row, "value": value})
    order = pc.sort_indices(table, [("row", "ascending"), ("value", "ascending")]).to_numpy()
    row, label, lookup, value = row[order], label[order], lookup[order], value.take(pa.array(order))
    same = np.zeros(len(row), np.bool_)
    same[1:] = (row[1:] == row[:-1]) & pc.equal(value[1:], value[:-1]).to_numpy(zero_copy_only=False)
    first = np.flatnonzero(~same)
    lookup = np.logical_or.reduceat(lookup, first)
    return row[first], value.take(pa.array(first)), label[first], lookup
