"""The same targets, led by coverage: needs atheris, which is no dependency of this project (`pip install atheris`).

    python -m tests.fuzz.guided sql -max_total_time=600

Finds what takes several rare steps in a row; the arguments behind the name are libFuzzer's.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris  # type: ignore[import-untyped, import-not-found, unused-ignore]  # not a dependency: see above

with atheris.instrument_imports(include=["ingest_cli.formats", "ingest_cli.decoders"]):
    from tests.fuzz.campaign import REGRESSIONS, Finding, attempt
    from tests.fuzz.targets import targets


def main(arguments: list[str]) -> None:
    """Fuzz one target until libFuzzer ends the process."""
    name, *rest = arguments
    target = targets()[name]

    def one(data: bytes) -> None:
        try:
            attempt(target, data)
        except Exception as error:
            sys.stderr.write(f"{Finding(name, data, repr(error)).keep(REGRESSIONS)}\n")
            raise

    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(target.seeds):
            Path(folder, str(number)).write_bytes(seed)
        atheris.Setup([sys.argv[0], folder, "-max_len=16384", *rest], one)
        atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
