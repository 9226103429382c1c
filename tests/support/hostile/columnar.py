"""Hostile files of Parquet and Arrow."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.support.hostile.case import Hostile

PARQUET, ARROW = 'name = "parquet"', 'name = "arrow"'


def _arrow(batches: list[pa.RecordBatch], *, stream: bool = False, compression: str | None = "zstd") -> bytes:
    sink = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(compression=compression, emit_dictionary_deltas=True)
    make = pa.ipc.new_stream if stream else pa.ipc.new_file
    with make(sink, batches[0].schema, options=options) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return sink.getvalue()


def _batch(**columns: pa.Array) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(list(columns.values()), list(columns))


def _parquet(table: pa.Table, **options: object) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd", **options)
    return sink.getvalue()


def _dictionary(rows: int, text: str, times: int) -> bytes:
    codes = pa.array(np.zeros(rows, np.int32))
    column = pa.DictionaryArray.from_arrays(codes, pa.array([text]))
    return _arrow([_batch(email=column)] * times)


def _nulls(rows: int, kind: pa.DataType, times: int = 1, *, stream: bool = False) -> bytes:
    return _arrow([_batch(email=pa.nulls(rows, kind))] * times, stream=stream)


def _views(rows: int, length: int) -> bytes:
    views = np.zeros((rows, 4), np.int32)
    views[:, 0] = length
    views[:, 1] = int.from_bytes(b"xxxx", "little")
    data = pa.py_buffer(b"x" * length)
    column = pa.Array.from_buffers(pa.string_view(), rows, [None, pa.py_buffer(views), data])
    return _arrow([_batch(email=column)])


def _fixed_lists(rows: int, width: int) -> bytes:
    """Lists of nothing: a row of so many nulls takes no byte at all."""
    inside = pa.nulls(rows * width)
    column = pa.FixedSizeListArray.from_arrays(inside, width)
    return _arrow([_batch(email=column)])


def _list_views(rows: int, length: int) -> bytes:
    """Each row is the same long list."""
    offsets, sizes = pa.array(np.zeros(rows, np.int32)), pa.array(np.full(rows, length, np.int32))
    column = pa.ListViewArray.from_arrays(offsets, sizes, pa.array(["x"] * length))
    return _arrow([_batch(email=column)])


CASES = {
    "arrow, nulls of no type": Hostile(lambda: _nulls(200_000_000, pa.null()), ARROW, says="rows a byte"),
    "arrow, nulls of no type, stream": Hostile(
        lambda: _nulls(200_000_000, pa.null(), stream=True), ARROW, says="rows a byte"
    ),
    "arrow, batches of nulls": Hostile(lambda: _nulls(1_000_000, pa.null(), 40), ARROW, says="rows a byte"),
    "arrow, null strings": Hostile(lambda: _nulls(10_000_000, pa.string(), 30), ARROW, says="rows a byte"),
    "arrow, dictionary": Hostile(lambda: _dictionary(1_000_000, "kenari" * 1000, 3), ARROW, says="times as many"),
    "arrow, views": Hostile(lambda: _views(1_000_000, 100_000), ARROW, says="times as many"),
    "arrow, list views": Hostile(lambda: _list_views(2_000, 10_000), ARROW, code=3),
    "arrow, lists of nothing": Hostile(lambda: _fixed_lists(1000, 1_000_000), ARROW, says="times as many"),
    "arrow, long lists of nothing": Hostile(lambda: _fixed_lists(2, 1_000_000_000), ARROW, says="values in the lists"),
    "parquet, nulls": Hostile(
        lambda: _parquet(pa.table({"email": pa.nulls(5_000_000, pa.string())})),
        PARQUET,
        says="not one of 5,000,000 rows",
    ),
}
