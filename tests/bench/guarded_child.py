"""Child process of `guards`: read a file without guards under RLIMIT_AS, and write its cells to standard output.

python -m tests.bench.guarded_child FORMAT FILE LIMIT_MB COLUMN,COLUMN
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path
from typing import Any


def main(name: str, file: str, limit_mb: int, wanted: list[str]) -> None:
    """Read the file; the imports count against the limit, as in any process."""
    resource.setrlimit(resource.RLIMIT_AS, (limit_mb << 20, limit_mb << 20))
    resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
    try:
        _write_cells(name, Path(file), wanted)
    finally:
        status = Path("/proc/self/status").read_text("ascii")  # `ru_maxrss` includes the parent before exec
        print("peak", int(status.partition("VmHWM:")[2].split()[0]) >> 10, file=sys.stderr)


def reader_of(name: str, wanted: list[str]) -> Any:
    """Return the reader of a format."""
    from ingest_cli.formats import columnar, xlsx  # noqa: PLC0415 - under the limit

    kinds: dict[str, Any] = {"parquet": columnar.Parquet, "arrow": columnar.ArrowFile, "xlsx": xlsx.Workbook}
    return kinds[name](wanted)


def _write_cells(name: str, path: Path, wanted: list[str]) -> None:
    import pyarrow as pa  # noqa: PLC0415 - under the limit

    schema = pa.schema([(column, pa.binary()) for column in wanted])
    reader = reader_of(name, wanted)
    _remove_guards()
    with path.open("rb") as file, pa.ipc.new_stream(sys.stdout.buffer, schema) as out:
        for chunk in reader.read_file(file):
            out.write_batch(pa.record_batch([chunk.cells[column] for column in wanted], schema=schema))


def _remove_guards() -> None:
    from ingest_cli.formats import xlsx  # noqa: PLC0415 - under the limit
    from ingest_cli.formats.arrow import ipc, parquet, reading  # noqa: PLC0415

    def batches(own: Any, part: reading.Part, *, unwanted: bool) -> Any:
        del unwanted
        names = [leaf.path for _, leaf in own._leaves]
        return own._parquet.iter_batches(65_536, row_groups=[part.place], columns=names, use_threads=False)

    def nothing(*_: object, **__: object) -> None:
        pass

    classes: Any = (xlsx, parquet.ParquetReader, ipc.ArrowReader, reading.Budget)
    workbook, parquets, arrows, budget = classes
    workbook.check_workbook = nothing
    parquets.batches = batches
    arrows._check = arrows._check_dictionary = nothing
    budget.add_rows = budget.add_bytes = budget.foresee_bytes = nothing


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4].split(","))
