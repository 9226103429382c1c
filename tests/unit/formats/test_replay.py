"""`--replay` loads the rows that a file of rejects names, and counts all others as skipped."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from ingest_cli.checkpoint.rejects import RejectFile
from ingest_cli.errors import UsageError
from ingest_cli.formats.row_selection import Replay
from ingest_cli.model.chunks import Origin, Position, Reject, RowChunk


def rejects_of(path: Path, **rows: list[int]) -> Path:
    file = RejectFile(path)
    for source, numbers in rows.items():
        file.write((Origin(0, 0, source), Reject(row, row, "parse", "too_short")) for row in numbers)
    file.close()
    return path


def chunk(first: int, count: int) -> RowChunk:
    """Rows from `first` on, counted from 0; the last cannot be parsed, the one before is blank."""
    good = np.arange(count - 2, dtype=np.int32)
    return RowChunk(
        start=Position(first * 2, first, first),
        end=Position((first + count) * 2, first + count, first + count),
        data=b"x\n" * count,
        bounds=np.arange(count + 1, dtype=np.int64) * 2,
        index=good,
        cells={"ID": pa.array([b"%d" % (first + n) for n in good], pa.binary())},
        skipped={"blank": np.array([count - 2], np.int32)},
        rejected=((count - 1, "too_short"),),
    )


def test_only_the_named_rows_are_taken(tmp_path: Path) -> None:
    replay = Replay.of(rejects_of(tmp_path / "rejects", a=[12, 3, 10, 3], b=[1]))
    first, second = replay.take("a", [chunk(0, 6), chunk(6, 6)])
    assert first.cells["ID"].to_pylist() == [b"2"]
    assert first.rejected == ()
    assert {name: index.tolist() for name, index in first.skipped.items()} == {
        "blank": [],
        "not_replayed": [0, 1, 3, 4, 5],
    }
    assert second.cells["ID"].to_pylist() == [b"9"]
    assert second.index.tolist() == [3]
    assert second.rejected == ((5, "too_short"),), "rejected again if it is as it was"
    assert (first.start, second.end) == (Position(), Position(24, 12, 12))
    assert not replay.exhausted()


def test_a_source_without_rejects_is_passed_over(tmp_path: Path) -> None:
    replay = Replay.of(rejects_of(tmp_path / "rejects", a=[1]))
    [only] = replay.take("b", [chunk(0, 4)])
    assert len(only.index) == 0
    assert only.skipped["not_replayed"].tolist() == [0, 1, 2, 3]


def test_it_has_to_belong_to_the_manifest(tmp_path: Path) -> None:
    replay = Replay.of(rejects_of(tmp_path / "rejects", a=[1]))
    replay.check(["b", "a"])
    with pytest.raises(UsageError, match="names no source of this manifest"):
        replay.check(["b", "c"])
    with pytest.raises(UsageError, match="is empty: there is nothing to load again"):
        Replay.of(rejects_of(tmp_path / "empty")).check(["a"])


GOOD = json.dumps({"source": "a", "row": 1})


@pytest.mark.parametrize(
    "line",
    [
        "", "{", "7", "[]", "null", '"text"', "{}", '{"source": "a"}', '{"source": "a", "row": null}',
        '{"source": "a", "row": "many"}', '{"source": "a", "row": Infinity}', '{"source": "a", "row": 1e300}',
        "[" * 100_000,
    ],
)  # fmt: skip
def test_anything_else_is_not_a_file_of_rejects(tmp_path: Path, line: str) -> None:
    path = tmp_path / "rejects"
    path.write_text(f"{GOOD}\n{line}\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"is not a file of rejects \(see line 2\); check --replay"):
        Replay.of(path)


def test_bytes_that_are_no_text_and_files_that_are_not_there(tmp_path: Path) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="is not a file of rejects"):
        Replay.of(tmp_path / "bytes")
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(UsageError, match=r"cannot be read \(.*\); check --replay"):
            Replay.of(path)
