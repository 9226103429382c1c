"""Parquet and Arrow files: what becomes of every type, which bytes are read, and what hostile files get."""

from __future__ import annotations

import datetime as dt
import io
import json
import pickle
import subprocess
import sys
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingest_cli.errors import IngestError, ManifestError, SourceError
from ingest_cli.formats.arrow import ipc, parquet_pages, reading
from ingest_cli.formats.columnar import ArrowFile, Parquet
from ingest_cli.formats.interface import MAX_CHUNK_ROWS, FileFormat
from ingest_cli.formats.jsonl import JsonLines
from ingest_cli.formats.record_stream import MAX_RECORD_BYTES
from ingest_cli.formats.row_selection import RowRange
from ingest_cli.formats.sniffing.containers import UnreadableError
from ingest_cli.formats.sniffing.containers import find_columns as find_typed_columns
from ingest_cli.model.chunks import Position, RowChunk, Span
from ingest_cli.model.source_budget import Budget, Limits

Written = Callable[[pa.Table], bytes]


def parquet(table: pa.Table, **options: object) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out, **options)
    return out.getvalue()


def arrow_file(table: pa.Table, rows: int | None = None, compression: str | None = None) -> bytes:
    out = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_file(out, table.schema, options=options) as writer:
        writer.write_table(table, rows)
    return out.getvalue()


def arrow_stream(table: pa.Table, rows: int | None = None) -> bytes:
    out = io.BytesIO()
    with pa.ipc.new_stream(out, table.schema) as writer:
        writer.write_table(table, rows)
    return out.getvalue()


SHAPES: dict[str, tuple[Written, type[Parquet | ArrowFile]]] = {
    "parquet": (parquet, Parquet),
    "arrow_file": (arrow_file, ArrowFile),
    "arrow_zstd": (lambda table: arrow_file(table, compression="zstd"), ArrowFile),
    "arrow_stream": (arrow_stream, ArrowFile),
}


def chunks(made: FileFormat, data: bytes, *spans: Span) -> list[RowChunk]:
    return list(made.read_file(io.BytesIO(data), spans) if spans else made.read_file(io.BytesIO(data)))


def column(found: Sequence[RowChunk], name: str) -> list[bytes]:
    return [cell for chunk in found for cell in chunk.cells[name].to_pylist()]


def only(shape: str, array: pa.Array, wanted: str = "x") -> list[bytes]:
    write, kind = SHAPES[shape]
    return column(chunks(kind([wanted]), write(pa.table({"x": array}))), wanted)


MATRIX = {
    "string": (pa.array(["a", None, "", "ü"]), [b"a", b"", b"", "ü".encode()]),
    "large_string": (pa.array(["a", None], pa.large_string()), [b"a", b""]),
    "string_view": (pa.array(["a", None, "longer than twelve"], pa.string_view()), [b"a", b"", b"longer than twelve"]),
    "int64": (pa.array([60123456789, None, -1]), [b"60123456789", b"", b"-1"]),
    "uint8": (pa.array([255, None], pa.uint8()), [b"255", b""]),
    "double": (
        pa.array([60123456789.0, None, 0.1, -0.0, 1e16, 6.01234567890123e19, float("nan")]),
        [b"60123456789.0", b"", b"0.1", b"-0.0", b"1e+16", b"6.01234567890123e+19", b"nan"],
    ),
    "whole_doubles": (pa.array([60123456789.0, 3.0]), [b"60123456789.0", b"3.0"]),
    "float32_has_lost_digits": (pa.array([60123456789.0, 7.0], pa.float32()), [b"60123455000.0", b"7.0"]),
    "bool": (pa.array([True, False, None]), [b"true", b"false", b""]),
    "date": (pa.array([dt.date(2017, 10, 19), None]), [b"2017-10-19", b""]),
    "timestamp": (pa.array([dt.datetime(2017, 10, 19, 1, 2, 3)], pa.timestamp("ms")), [b"2017-10-19T01:02:03.000"]),  # noqa: DTZ001 - of no zone
    "timestamp_utc": (
        pa.array([dt.datetime(2017, 10, 19, 1, 2, 3, tzinfo=dt.UTC), None], pa.timestamp("ms", "Asia/Kuala_Lumpur")),
        [b"2017-10-19T01:02:03.000Z", b""],
    ),
    "time": (pa.array([dt.time(1, 2, 3), None], pa.time32("ms")), [b"01:02:03.000", b""]),
    "decimal": (
        pa.array(
            [Decimal("60123456789.0000000000"), None, Decimal("0.0000000001"), Decimal("1.5")], pa.decimal128(38, 10)
        ),
        [b"60123456789", b"", b"0.0000000001", b"1.5000000000"],
    ),
    "dictionary": (pa.array(["a", "b", "a", None]).dictionary_encode(), [b"a", b"b", b"a", b""]),
    "binary": (pa.array([b"\xff\x00", None], pa.binary()), [b"\xff\x00", b""]),
    "fixed_binary": (pa.array([b"abc", None], pa.binary(3)), [b"abc", b""]),
    "null": (pa.nulls(2), [b"", b""]),
    "list": (pa.array([["1", " ", None, "2"], [], None]), [b'["1","2"]', b"", b""]),
    "list_of_numbers": (pa.array([[1, None, 2]]), [b'["1","2"]']),
    "large_list": (pa.array([["1", "2"]], pa.large_list(pa.string())), [b'["1","2"]']),
    "struct": (pa.array([{"a": "1", "b": True}, None]), [b"1;true", b""]),
    "map": (pa.array([[("k", "v"), ("l", "w")], None], pa.map_(pa.string(), pa.string())), [b"v;w", b""]),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", MATRIX)
def test_every_type_has_a_text(shape: str, name: str) -> None:
    array, expected = MATRIX[name]
    found = only(shape, array)
    if name == "float32_has_lost_digits":  # written with an exponent, so that nobody takes it for a number of 11 digits
        assert found == [str(np.float32(60123456789.0)).encode(), b"7.0"]
        assert b"e+" in found[0]
    else:
        assert found == expected


@pytest.mark.parametrize("shape", ["arrow_file", "arrow_stream"])
def test_types_that_only_arrow_has(shape: str) -> None:
    view = pa.array([["1", "2"], None], pa.list_view(pa.string()))
    assert only(shape, view) == [b'["1","2"]', b""]
    assert only(shape, pa.array([["1", "2"], None], pa.list_(pa.string(), 2))) == [b'["1","2"]', b""]


RUNS = pa.RunEndEncodedArray.from_arrays(pa.array([2], pa.int32()), pa.array(["a"]))
NOT_READ = {
    "run-end-encoded": [
        RUNS,
        pa.StructArray.from_arrays([RUNS], ["a"]),
        pa.ListArray.from_arrays(pa.array([0, 1, 2], pa.int32()), RUNS),
        pa.ExtensionArray.from_storage(pa.opaque(RUNS.type, "a", "b"), RUNS),
    ],
    "union": [pa.UnionArray.from_sparse(pa.array([0, 0], pa.int8()), [pa.array(["a", "b"])])],
    "interval": [pa.array([pa.MonthDayNano([1, 2, 3])] * 2)],
    "dictionary-encoded nested": [pa.DictionaryArray.from_arrays(pa.array([0, 0]), pa.array([["a"]]))],
}


@pytest.mark.parametrize("name", NOT_READ)
def test_types_that_are_not_read_are_named_as_people_name_them(name: str) -> None:
    for array in NOT_READ[name]:
        said = f'^the column "x" holds {name} values, which are not read; write the file again'
        with pytest.raises(ManifestError, match=said):
            only("arrow_file", array)
        data = arrow_file(pa.table({"x": array}))
        with pytest.raises(UnreadableError, match=rf"all hold values that are not read \({name}\)"):
            find_typed_columns("arrow", io.BytesIO(data), lambda _: ())
        beside = pa.table({"x": array, "y": ["a@example.com", "b@example.com"]})
        found = find_typed_columns("arrow", io.BytesIO(arrow_file(beside)), lambda _: ())
        assert found.names == ["y"]
        assert [one.text for one in found.findings] == [f"Not read: 1 column of types that have no text here ({name})."]


@pytest.mark.parametrize("shape", SHAPES)
def test_bytes_that_are_not_utf8_are_flagged_and_kept(shape: str) -> None:
    write, kind = SHAPES[shape]
    bad = pa.array([b"\xe9", b"ok", "é".encode()], pa.binary())
    table = pa.table({"s": bad.view(pa.string()), "b": bad, "l": pa.array([[b"\xe9"], [b"a"], []])})
    (chunk,) = chunks(kind(["s", "b", "l"]), write(table))
    assert chunk.flags == {"undecodable_bytes": 1}
    assert chunk.cells["s"].to_pylist() == chunk.cells["b"].to_pylist() == [b"\xe9", b"ok", "é".encode()]
    assert chunk.cells["l"].to_pylist() == [b"\xe9", b"a", b""]


PEOPLE = [
    {"name": "A", "contact": {"email": "a@example.com", "phones": ["011", "012"]}, "ids": [{"no": 1}, {"no": 2}]},
    {"name": "B", "contact": {"email": "", "phones": []}, "ids": []},
    {"name": "C", "contact": {"email": "c@example.com", "phones": ["013"]}, "ids": [{"no": 3}]},
]
PATHS = [
    "name",
    "contact.email",
    "contact.phones[]",
    "contact.phones[0]",
    "contact.phones",
    "contact",
    "ids.no",
    "ids[].no",
]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_path_means_what_it_means_in_json(shape: str) -> None:
    lines = "".join(json.dumps(person) + "\n" for person in PEOPLE).encode()
    expected = list(JsonLines(PATHS, presence=PATHS).read([lines]))  # all that is inside of one row
    write, kind = SHAPES[shape]
    found = chunks(kind(PATHS), write(pa.Table.from_pylist(PEOPLE)))
    for path in PATHS:
        assert column(found, path) == column(expected, path), path


def test_a_name_with_a_dot_is_a_name_first() -> None:
    table = pa.table({"a.b": ["flat"], "a": [{"b": "deep"}]})
    for write, kind in SHAPES.values():
        found = chunks(kind(["a.b", "a"]), write(table))
        assert (column(found, "a.b"), column(found, "a")) == ([b"flat"], [b"deep"])


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("MOBIL", 'there is no column "MOBIL" in the file of 2 columns; did you mean "MOBILE"?'),
        ("contact.phone", 'nothing is called "phone" there; did you mean "phones"?'),
        ("Z[", 'there is no column "Z["'),
    ],
)
def test_a_missing_column_is_named_with_the_nearest(shape: str, wanted: str, said: str) -> None:
    write, kind = SHAPES[shape]
    table = pa.table({"MOBILE": ["1"], "contact": [{"phones": ["1"]}]})
    with pytest.raises(ManifestError) as caught:
        chunks(kind([wanted]), write(table))
    assert said in str(caught.value)


def test_names_are_shown_without_control_characters() -> None:
    with pytest.raises(ManifestError) as caught:
        chunks(Parquet(["MOBILE\x1b"]), parquet(pa.table({"MOBILE\x1b[31m": ["1"]})))
    assert "\x1b" not in str(caught.value)


def test_a_name_that_is_there_twice_is_refused() -> None:
    table = pa.Table.from_arrays([pa.array(["1"]), pa.array(["2"])], ["a", "a"])
    with pytest.raises(ManifestError, match="2 columns named"):
        chunks(Parquet(["a"]), parquet(table))


def test_chunks_tell_rows_and_cells() -> None:
    (chunk,) = chunks(Parquet(["a"]), parquet(pa.table({"a": ["x", "ü"], "secret": ["p", "q"]})))
    index = np.arange(2, dtype=np.int32)
    assert chunk.rows(index).tolist() == chunk.lines(index).tolist() == [1, 2]
    assert [chunk.raw(i) for i in range(2)] == ['{"a": "x"}', '{"a": "ü"}']
    assert chunk.size_bytes == 3
    assert chunk.place(1) == Position(1, 1, 1)
    assert chunk.for_rejects(keep_raw=True).raw(1) == '{"a": "ü"}'
    assert not chunk.for_rejects(keep_raw=False).cells


def test_rows_outside_of_the_window_are_skipped_or_left_out() -> None:
    found = chunks(Parquet(["a"]), parquet(pa.table({"a": ["v", "w", "x", "y"]})))
    (chunk,) = RowRange(skip=1, limit=2).take("any", found)
    assert chunk.cells["a"].to_pylist() == [b"w", b"x"]
    assert chunk.skipped["skip"].tolist() == [0]
    assert chunk.end == Position(3, 3, 3)
    assert [chunk.raw(i) for i in range(3)] == ["", '{"a": "w"}', '{"a": "x"}']


class Watched(io.BytesIO):
    """A file that knows what was read of it."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.total = 0

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.total += len(data)
        return data


NOISE = np.random.default_rng(1).bytes(4 << 20)


def wide(rows: int = 4096) -> pa.Table:
    size = len(NOISE) // rows
    return pa.table(
        {"a": [str(i) for i in range(rows)], "noise": [NOISE[i * size : (i + 1) * size] for i in range(rows)]}
    )


@pytest.mark.parametrize(("write", "kind"), [(parquet, Parquet), (arrow_file, ArrowFile)])
def test_only_wanted_columns_are_read(write: Written, kind: type[Parquet | ArrowFile]) -> None:
    file = Watched(write(wide()))
    found = list(kind(["a"]).read_file(file))
    assert sum(chunk.records for chunk in found) == 4096
    assert file.total < len(NOISE) // 4


def test_damage_in_a_column_that_is_not_wanted_does_not_matter() -> None:
    data = bytearray(parquet(wide(), compression="none", use_dictionary=False))
    at = bytes(data).index(NOISE[:64])
    data[at : at + 4096] = bytes(4096)
    assert len(column(chunks(Parquet(["a"]), bytes(data)), "a")) == 4096


def test_rows_before_the_damage_are_read() -> None:
    table = pa.table({"a": [f"{i:08d}" for i in range(3000)]})
    data = bytearray(
        parquet(table, row_group_size=1000, compression="none", use_dictionary=False, write_statistics=False)
    )
    at = bytes(data).index(b"00002000")
    data[at - 4 : at] = b"\xff" * 4  # the length of the string
    found = list[RowChunk]()
    with pytest.raises(SourceError, match="damaged behind row 2,000"):
        found.extend(Parquet(["a"]).read_file(io.BytesIO(bytes(data))))
    # what came before the error is kept by `extend`
    assert column(found, "a") == [f"{i:08d}".encode() for i in range(2000)]


def test_rows_before_a_cut_in_an_arrow_file_are_read() -> None:
    table = pa.table({"a": [f"no. {i:08d}" for i in range(3000)]})
    for data in (arrow_file(table, 1000), arrow_stream(table, 1000)):
        found = list[RowChunk]()
        with pytest.raises(SourceError, match="damaged behind row 2,000"):
            found.extend(ArrowFile(["a"]).read_file(io.BytesIO(data[: data.index(b"no. 00002500")])))
        assert column(found, "a") == [f"no. {i:08d}".encode() for i in range(2000)]


def test_a_row_of_too_many_bytes_is_rejected_alone() -> None:
    table = pa.table({"a": ["x", "y" * (MAX_RECORD_BYTES + 1), "z"]})
    for write, kind in SHAPES.values():
        found = chunks(kind(["a"]), write(table))
        assert column(found, "a") == [b"x", b"z"]
        rejected = [(chunk.start.row + at, reason) for chunk in found for at, reason in chunk.rejected]
        assert rejected == [(1, "record_too_long")]


def test_many_small_row_groups_make_chunks_of_the_usual_size() -> None:
    table = pa.table({"a": [str(i) for i in range(1000)]})
    found = chunks(Parquet(["a"]), parquet(table, row_group_size=10))
    assert [chunk.records for chunk in found] == [1000]


def test_a_chunk_has_no_more_rows_than_it_may() -> None:
    found = chunks(Parquet(["a"]), parquet(pa.table({"a": pa.nulls(2 * MAX_CHUNK_ROWS + 1, pa.string())})))
    assert [chunk.records for chunk in found] == [MAX_CHUNK_ROWS, MAX_CHUNK_ROWS, 1]


SOUND = pa.table({"a": ["60123456789"] * 100})
HOSTILE = {
    "empty": b"",
    "random": np.random.default_rng(2).bytes(5000),
    "pickle": pickle.dumps({"a": 1}),
    "text": b"a,b\n1,2\n",
    "magic only": b"PAR1",
    "twice the magic": b"PAR1PAR1",
    "footer of 4 GiB": b"PAR1" + b"\xff\xff\xff\xff" + b"PAR1",
    "cut": parquet(SOUND)[:-20],
    "encrypted footer": b"PARE" + bytes(50) + b"PARE",
    "feather of version 1": b"FEA1" + bytes(50) + b"FEA1",
    "arrow magic": b"ARROW1\0\0",
    "arrow magic twice": b"ARROW1\0\0" + b"ARROW1",
    "arrow continuation": b"\xff\xff\xff\xff\xff\xff\xff\x7f",
    "nested footer": b"PAR1" + b"\x1c" * 5000 + (5000).to_bytes(4, "little") + b"PAR1",
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("kind", [Parquet, ArrowFile])
def test_what_is_no_such_file_gets_one_sentence(kind: type[Parquet | ArrowFile], name: str) -> None:
    with pytest.raises(SourceError) as caught:
        chunks(kind(["a"]), HOSTILE[name])
    assert "\n" not in str(caught.value)
    assert "60123456789" not in str(caught.value)


def test_sentences_say_what_is_wrong() -> None:
    for name, said in (("cut", "cut off"), ("encrypted footer", "encrypted")):
        with pytest.raises(SourceError, match=said):
            chunks(Parquet(["a"]), HOSTILE[name])
    with pytest.raises(SourceError, match="version 1"):
        chunks(ArrowFile(["a"]), HOSTILE["feather of version 1"])


def test_a_file_that_cannot_be_read_is_not_called_damaged() -> None:
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:  # noqa: ARG002 - whatever is asked for
            raise OSError(5, "Input/output error")

    with pytest.raises(SourceError, match="cannot be read: Input/output error"):
        list(Parquet(["a"]).read_file(Failing(parquet(SOUND))))


def test_an_error_of_the_source_is_passed_on() -> None:
    class Gone(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() < 100 and size != 4:
                raise SourceError("changed while it was read")
            return super().read(size)

    with pytest.raises(SourceError, match="changed while"):
        list(Parquet(["a"]).read_file(Gone(parquet(SOUND))))


def test_a_page_of_too_many_bytes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_pages, "MAX_PAGES_BYTES", 1 << 20)
    data = parquet(pa.table({"a": ["x" * (2 << 20)]}), compression="zstd", use_dictionary=False)
    assert len(data) < 10_000
    with pytest.raises(SourceError, match="unpacks to 2 MiB"):
        chunks(Parquet(["a"]), data)


def test_lists_without_end_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = parquet(pa.table({"a": pa.array([[1], [7] * 5000, [2]])}))
    assert len(chunks(Parquet(["a"]), data)) == 1
    monkeypatch.setattr(parquet_pages, "MAX_ROW_VALUES", 4999)
    with pytest.raises(SourceError, match="in the lists of one row;"):
        chunks(Parquet(["a"]), data)
    monkeypatch.setattr(parquet_pages, "MAX_GROUP_VALUES", 5001)
    with pytest.raises(SourceError, match="in the lists of one row group"):
        chunks(Parquet(["a"]), data)


def test_an_arrow_batch_of_too_many_bytes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ipc, "MAX_BATCH_BYTES", 1 << 20)
    table = pa.table({"a": ["x" * (2 << 20)], "b": ["1"]})
    for data in (arrow_file(table), arrow_file(table, compression="zstd"), arrow_stream(table)):
        with pytest.raises(SourceError, match="record batch of 2 MiB"):
            chunks(ArrowFile(["a"]), data)
    assert column(chunks(ArrowFile(["b"]), arrow_file(table, compression="lz4")), "b") == [b"1"]
    monkeypatch.setattr(ipc, "MAX_DICTIONARIES_BYTES", 1 << 20)
    with pytest.raises(SourceError, match="dictionaries of 2 MiB"):
        chunks(ArrowFile(["a"]), arrow_file(pa.table({"a": table["a"].dictionary_encode()})))


def test_one_long_string_for_all_rows_ends_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "Budget", partial(Budget, Limits(ratio=2, ratio_from_bytes=1 << 20)))
    write, kind = SHAPES["parquet"]
    array = pa.array(["x" * 10_000] * 5000)
    found = list[RowChunk]()
    with pytest.raises(SourceError, match="2 times as many; if it is a dump, write it again as CSV"):
        found.extend(kind(["a"]).read_file(io.BytesIO(write(pa.table({"a": array})))))
    assert 0 < sum(chunk.records for chunk in found) < 5000


def test_what_comes_out_of_a_dictionary_is_known_before_it_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few hundred bytes that all rows refer to one long value with would be minutes of work."""
    monkeypatch.setattr(reading, "Budget", partial(Budget, Limits(ratio=2, ratio_from_bytes=1 << 20)))
    array = pa.DictionaryArray.from_arrays(pa.array([0] * 5000, pa.int32()), pa.array(["x" * 10_000]))
    found = list[RowChunk]()
    with pytest.raises(SourceError, match="2 times as many; if it is a dump, write it again as CSV"):
        found.extend(ArrowFile(["a"]).read_file(io.BytesIO(arrow_file(pa.table({"a": array})))))
    assert found == []
    few = pa.table({"a": array[:100]})
    assert sum(chunk.records for chunk in chunks(ArrowFile(["a"]), arrow_file(few))) == 100


@pytest.mark.parametrize("options", [{"compression": c} for c in ("none", "snappy", "gzip", "brotli", "zstd", "lz4")])
@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_every_way_of_writing_parquet(options: dict[str, object], version: str) -> None:
    rows = [[f"{i}", f"{i + 1}"] * (i % 4) for i in range(5000)]
    table = pa.table({"a": [f"{i % 700}" for i in range(5000)], "l": rows, "n": range(5000)})
    for use_dictionary in (True, False):
        data = parquet(table, data_page_version=version, data_page_size=2000, use_dictionary=use_dictionary, **options)
        found = chunks(Parquet(["a", "l", "n"]), data)
        assert column(found, "a") == [cell.encode() for cell in table["a"].to_pylist()]
        assert column(found, "l") == [json.dumps(row, separators=(",", ":")).encode() if row else b"" for row in rows]
        assert column(found, "n") == [str(i).encode() for i in range(5000)]


def test_strings_that_share_prefixes() -> None:
    table = pa.table({"a": [f"prefix {i:05d}" for i in range(5000)]})
    for encoding in ("DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY"):
        data = parquet(table, use_dictionary=False, column_encoding=encoding)
        assert column(chunks(Parquet(["a"]), data), "a") == [cell.encode() for cell in table["a"].to_pylist()]


MEASURE = """
import sys
from ingest_cli.formats.columnar import Parquet
with open(sys.argv[1], "rb") as file:
    rows = sum(chunk.records for chunk in Parquet(["a", "l"]).read_file(file))
with open("/proc/self/status") as status:  # the peak of getrusage is that of the parent, if that was higher
    print(rows, *(int(line.split()[1]) // 1024 for line in status if line.startswith("VmHWM")))
"""


@pytest.mark.slow
def test_a_row_group_larger_than_memory_is_read_in_slices(tmp_path: Path) -> None:
    path, count = tmp_path / "big.parquet", 600_000
    numbers = pa.array(np.arange(count)).cast(pa.string())
    text = pa.compute.binary_join_element_wise("SOME PERSON WITH A LONG NAME " * 12, numbers, "")
    lists = pa.ListArray.from_arrays(pa.array(np.arange(0, count + 1), pa.int32()), numbers)
    pq.write_table(
        pa.table({"a": text, "l": lists}), path, row_group_size=count, use_dictionary=False, compression="zstd"
    )
    assert pq.ParquetFile(path).metadata.row_group(0).total_byte_size > 200 << 20
    done = subprocess.run([sys.executable, "-c", MEASURE, str(path)], capture_output=True, text=True, check=True)
    rows, peak = map(int, done.stdout.split())
    assert rows == count
    assert peak < 250


@pytest.mark.parametrize("shape", SHAPES)
def test_a_file_without_rows_has_no_chunks(shape: str) -> None:
    write, kind = SHAPES[shape]
    assert chunks(kind(["a"]), write(SOUND.slice(0, 0))) == []


def test_the_file_is_not_closed() -> None:
    for write, kind in SHAPES.values():
        file = io.BytesIO(write(SOUND))
        assert sum(chunk.records for chunk in kind(["a"]).read_file(file)) == 100
        assert not file.closed


def test_no_damage_ever_raises_anything_else() -> None:
    random, said = np.random.default_rng(3), set[str]()
    table = pa.table({"a": [str(i) for i in range(200)], "l": [[str(i)] * (i % 3) for i in range(200)]})
    for write, kind in SHAPES.values():
        sound = write(table)
        for _ in range(150):
            data = bytearray(sound)
            for at in random.integers(0, len(data), 1 + int(random.integers(0, 4))):
                data[at] = random.integers(0, 256)
            try:
                found = chunks(kind(["a", "l"]), bytes(data))
            except IngestError as error:
                said.add(str(error))
            else:
                assert all(len(chunk.cells["a"]) == len(chunk.index) for chunk in found)
    assert said
    assert not any("\n" in sentence for sentence in said)
