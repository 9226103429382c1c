"""Compare the guards of Parquet, Arrow and xlsx with one child process per file under RLIMIT_AS.

    python -m tests.bench.guards

The child reads a file without the guards and sends its cells to the parent as an Arrow stream. Measured: the time of a
small and of a large file, the smallest limit under which the large one is read, and how each hostile file of
`tests.support.hostile` ends.
"""

from __future__ import annotations

import argparse
import io
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pyarrow as pa

from tests.bench.formats import CONTENDERS, dump_of
from tests.bench.guarded_child import reader_of
from tests.support.hostile import HOSTILE

_LIMIT_MB = 768
_RUNS = 5
_FORMATS = ("parquet", "arrow", "xlsx")


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name in _FORMATS:
            _ordinary(name, Path(folder))
        _hostile(Path(folder))


def _ordinary(name: str, folder: Path) -> None:
    for label, size_mb in (("small", 0.1), ("large", 16.0)):
        dump = dump_of(CONTENDERS[name], size_mb * 1e6)
        path = folder / f"{label}.{name}"
        path.write_bytes(dump.data)
        wanted = [column for field in dump.manifest.fields for column in field.columns]
        own, child = list[float](), list[float]()
        for _ in range(_RUNS):
            own.append(_timed(partial(_read, name, dump.data, wanted)))
            child.append(_timed(partial(_run, name, path, 4096, wanted)))
        least_mb = next((mb for mb in range(256, 4096, 64) if _run(name, path, mb, wanted)[0] == 0), 0)
        print(
            f"{name}, {label}, {len(dump.data) / 1e6:.1f} MB, {dump.rows:,} rows: "
            f"in process {statistics.median(own):.0f} ms, child {statistics.median(child):.0f} ms; "
            f"read under a limit of {least_mb} MiB, {_run(name, path, 4096, wanted)[1]} MiB resident",
            flush=True,
        )


def _read(name: str, data: bytes, wanted: list[str]) -> None:
    for _ in reader_of(name, wanted).read_file(io.BytesIO(data)):
        pass


def _hostile(folder: Path) -> None:
    print(f"\nhostile files, child without guards, {_LIMIT_MB} MiB of address space")
    for name, case in HOSTILE.items():
        kind = name.partition(",")[0]
        if kind not in _FORMATS:
            continue
        made = case.made(folder, "hostile")
        began_s = time.perf_counter()
        code, peak_mb, err = _run(kind, made.dump, _LIMIT_MB, [case.column], timeout_s=60)
        print(
            f"  {name:32} {time.perf_counter() - began_s:5.1f} s  {peak_mb:4} MiB resident  "
            f"ended with {code}  {err.strip().splitlines()[-1][:70] if err.strip() else ''}",
            flush=True,
        )


def _run(name: str, path: Path, limit_mb: int, wanted: list[str], timeout_s: float = 300) -> tuple[int, int, str]:
    """(exit code, peak of resident memory in MiB, messages) of a child; its cells are read and dropped."""
    command = [sys.executable, "-m", "tests.bench.guarded_child", name, str(path), str(limit_mb), ",".join(wanted)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        began_s = time.monotonic()
        try:
            for _ in pa.ipc.open_stream(pa.PythonFile(process.stdout, mode="r")):
                if time.monotonic() - began_s > timeout_s:
                    process.kill()
        except (pa.ArrowException, OSError):
            pass
        err = process.stderr.read().decode("utf-8", "replace")
        process.wait()
    peak = [line.removeprefix("peak ") for line in err.splitlines() if line.startswith("peak ")]
    return process.returncode, int(peak[-1]) if peak else 0, err


def _timed(work: Callable[[], object]) -> float:
    began_s = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - began_s)


if __name__ == "__main__":
    main()
