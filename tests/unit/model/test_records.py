"""On which line a record begins: the same by the short way, by the long one, and for a chunk without its bytes."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import assume, example, given
from hypothesis import strategies as st

from ingest_cli.model.chunks import Position, RowChunk, count_lines

# Records as formats cut them: most end with their line end, some hold more of them, some none.
RECORDS = st.lists(
    st.sampled_from(
        [b"a,b\n", b"a,b\r\n", b"a\r", b"\n", b'"x\ny",b\n', b'"x\r\n\r\ny"\r\n', b"{},", b"\n\n{}\n", b"z"]
    )
)


def chunk(records: list[bytes], start: Position) -> RowChunk:
    data = b"".join(records)
    bounds = np.cumsum([0, *map(len, records)]).astype(np.int64)
    end = Position(start.offset + len(data), start.row + len(records), start.line + count_lines(data))
    return RowChunk(start, end, data, bounds, np.arange(len(records), dtype=np.int32), {})


@given(RECORDS)
@example([b"{},", b"\n\n{}\n"])
@example([b'"x\ny",b\n', b"z"])
def test_the_line_of_each_record(records: list[bytes]) -> None:
    # No format cuts between a CR and its LF.
    assume(not any(one.endswith(b"\r") and after.startswith(b"\n") for one, after in pairwise(records)))
    whole = chunk(records, Position(1000, 10, 20))
    index = np.arange(len(records), dtype=np.int32)
    lines = [21 + count_lines(b"".join(records[:n]) + b"|") for n in range(len(records))]
    assert whole.lines(index).tolist() == lines
    other = whole.without_bytes()
    assert other.lines(index).tolist() == lines
    assert other.lines(index[::2]).tolist() == lines[::2]
    assert (other.data, other.size_bytes, other.records) == (b"", whole.size_bytes, whole.records)
