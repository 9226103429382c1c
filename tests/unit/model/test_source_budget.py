"""The budget of a source: what it lets through, and what it refuses, whichever layer asks."""

from __future__ import annotations

import bz2
import io
import lzma
import tarfile
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from backports import zstd

from ingest_cli.decoders import members
from ingest_cli.errors import SourceError
from ingest_cli.formats.arrow.cells import MAX_VALUES
from ingest_cli.formats.columnar import ArrowFile, Parquet
from ingest_cli.formats.xlsx import Workbook
from ingest_cli.model.source_budget import MIB, Budget, Limits
from tests.support.archives import age_with_passphrase, tar_of, zip_of
from tests.support.hostile.case import zstd_of
from tests.support.hostile.columnar import CASES as COLUMNAR
from tests.support.hostile.packings import xz_of
from tests.support.hostile.workbooks import CASES as WORKBOOKS

ROWS = b"email\nkenari@example.org\n"
MORE = bytes(2 << 20)  # so that what is around has not ended when what is inside begins


def _read(data: bytes, budget: Budget | None = None) -> bytes:
    """All that is in `data`."""
    found = members([data], budget, lambda: "kenari", lambda: io.BytesIO(data))
    return b"".join(piece for member in found for piece in member.pieces)


def test_work_is_refused_beyond_the_free_amount_and_the_ratio_only() -> None:
    budget = Budget(Limits(ratio=10, ratio_from_bytes=1000, rows_from=50, rows_per_byte=2))
    assert list(budget.packed([b"x" * 100])) == [b"x" * 100]
    budget.add_bytes(1000)
    budget.add_rows(200)
    with pytest.raises(SourceError, match=r"first 100 bytes unpack to more than 1,000 bytes and 10 times as many"):
        budget.add_bytes(1)
    with pytest.raises(SourceError, match=r"first 100 bytes hold more than 50 rows and 2 rows a byte"):
        budget.add_rows(1)


@pytest.mark.parametrize(
    "nested",
    [
        lambda: zstd_of(zstd_of(ROWS, 27) + MORE, 27),
        lambda: zstd_of(xz_of(ROWS, 30) + MORE, 27),
        lambda: zip_of([("a", zstd_of(tar_of([("b", xz_of(ROWS, 30))]) + MORE, 27))]),
        lambda: zstd_of(age_with_passphrase(ROWS, "kenari", 4).replace(b" 4\n", b" 18\n", 1) + MORE, 27),
    ],
    ids=["zstd in zstd", "xz in zstd", "three", "passphrase in zstd"],
)
def test_windows_within_each_other_share_the_memory(nested: Callable[[], bytes]) -> None:
    with pytest.raises(
        SourceError, match=r"needs [0-9]+ MiB of memory to unpack in addition to the 128 MiB .* or pipe it: `"
    ):
        _read(nested())


@pytest.mark.parametrize("data", [zstd_of(ROWS, 28), xz_of(ROWS, 31), xz_of(ROWS, 32)], ids=["zstd", "xz", "xz, more"])
def test_one_window_beyond_the_memory_is_refused(data: bytes) -> None:
    with pytest.raises(SourceError, match=r"MiB of memory to unpack, and 136 MiB is the limit for a source"):
        _read(data)


def test_what_ended_has_given_its_memory_back() -> None:
    """Members one behind the other, and streams one behind the other, need no more than one."""
    large = zstd_of(ROWS, 27)
    assert _read(large * 3) == ROWS * 3
    assert _read(zip_of([("a", large), ("b", xz_of(ROWS, 30)), ("c", large)])) == ROWS * 3
    assert _read(lzma.compress(ROWS, preset=9) * 3) == ROWS * 3
    assert _read(zstd_of(xz_of(ROWS, 26), 24)) == ROWS


def test_a_header_in_pieces_is_charged_like_one_at_once() -> None:
    for data in (zstd_of(ROWS, 27), xz_of(ROWS, 30), lzma.compress(ROWS, lzma.FORMAT_ALONE), zstd.compress(ROWS)):
        pieces = [data[at : at + 1] for at in range(len(data))]
        assert b"".join(piece for member in members(pieces) for piece in member.pieces) == ROWS
    with pytest.raises(SourceError, match="136 MiB is the limit"):
        list(members([bytes([each]) for each in zstd_of(ROWS, 28)]))


@pytest.mark.slow
@pytest.mark.parametrize("pack", [lambda data: zstd.compress(data, 3), bz2.compress], ids=["zstd", "bzip2"])
def test_honest_data_that_packs_ten_thousand_to_one_is_read(pack: Callable[[bytes], bytes]) -> None:
    """A log that says one thing all day; only its bytes are counted, since a reader of rows has its own test."""
    data = b"2017-10-19 12:00:00 INFO still waiting for kenari@example.org\n" * 400_000
    packed = pack(data)
    assert len(data) > 1000 * len(packed)
    assert len(_read(packed)) == len(data)


def _parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def test_a_column_of_one_value_is_read_with_a_million_rows() -> None:
    table = pa.table({"email": pa.DictionaryArray.from_arrays(np.zeros(1_000_000, np.int32), ["kenari@example.org"])})
    data = _parquet(table)
    assert len(data) < 16 << 10
    assert sum(chunk.records for chunk in Parquet(["email"]).read_file(io.BytesIO(data))) == table.num_rows


@pytest.mark.parametrize(
    "name", ["arrow, nulls of no type", "arrow, nulls of no type, stream", "arrow, batches of nulls", "parquet, nulls"]
)
def test_rows_that_take_no_bytes_have_an_end(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows of a part are charged before it is read, so that one of hundreds of millions is never touched."""
    monkeypatch.setattr(Limits.__init__, "__defaults__", _defaults(rows_from=100_000))
    data = COLUMNAR[name].content()
    chunks = (Parquet if name.startswith("parquet") else ArrowFile)(["email"]).read_file(io.BytesIO(data))
    read = list[int]()
    with pytest.raises(SourceError, match=r"hold more than 100,000 rows and 50 rows a byte; .* write it again as CSV"):
        read.extend(chunk.records for chunk in chunks)
    assert sum(read) <= max(100_000, 50 * len(data))


def _defaults(**changed: int) -> tuple[int, ...]:
    names = Limits.__init__.__code__.co_varnames[1 : Limits.__init__.__code__.co_argcount]
    known = dict(zip(names, Limits.__init__.__defaults__ or (), strict=True))
    return tuple({**known, **changed}.values())


def test_lists_that_are_nowhere_are_not_unfolded() -> None:
    """Each row is the same list; together they would be twenty million values."""
    data = COLUMNAR["arrow, list views"].content()
    chunks = ArrowFile(["email"]).read_file(io.BytesIO(data))
    first = next(chunks)
    assert first.records * 10_000 <= 4 * MAX_VALUES


def test_a_row_of_too_many_nulls_is_refused() -> None:
    width = MAX_VALUES + 1
    column = pa.FixedSizeListArray.from_arrays(pa.nulls(2 * width), width)
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, pa.schema([("email", column.type)])) as writer:
        writer.write_batch(pa.RecordBatch.from_arrays([column], ["email"]))
    with pytest.raises(SourceError, match="more than 1,048,576 values in the lists of one row"):
        list(ArrowFile(["email"]).read_file(io.BytesIO(sink.getvalue())))


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, case in WORKBOOKS.items() if case.says])
def test_workbooks_end_within_their_limits(name: str) -> None:
    case = WORKBOOKS[name]
    with pytest.raises(SourceError, match=case.says):
        list(Workbook(["email"]).read_file(io.BytesIO(case.content())))


def test_a_sparse_tar_of_an_exabyte_ends() -> None:
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w", format=tarfile.PAX_FORMAT) as archive:
        entry = tarfile.TarInfo("x")
        entry.pax_headers = {"GNU.sparse.size": str(1 << 60), "GNU.sparse.map": "0,1"}
        entry.size = 1
        archive.addfile(entry, io.BytesIO(b"x"))
    budget = Budget(Limits(ratio_from_bytes=8 * MIB))
    with pytest.raises(SourceError, match="unpack to more than 8,388,608 bytes and 1,000 times as many"):
        _read(tar.getvalue(), budget)
