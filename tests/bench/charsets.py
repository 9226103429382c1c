"""How many encodings are guessed right: by the program, by the library as it comes, and by always saying cp1252.

    python -m tests.bench charsets

The files are invented: people of many countries, in the encodings of those (`tests.support.charsets`). A guess is right
if the file reads as it was written.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import charset_normalizer

from ingest_cli.formats.sniffing.charset import guess_charset
from tests.bench.options import Options
from tests.bench.surroundings import Surroundings
from tests.support.charsets import dumps

TITLE = "Encodings guessed right"
SORTS = {"20 rows": (20, 0.0), "300 rows": (300, 0.0), "300 rows, 9 of 10 in ASCII": (300, 0.9)}


def _ours(data: bytes) -> str:
    return guess_charset(data, complete=True).text


def _library(data: bytes) -> str:
    return str(charset_normalizer.from_bytes(data).best())


def _one_for_all(data: bytes) -> str:
    return data.decode("cp1252", "replace")


GUESSERS: dict[str, Callable[[bytes], str]] = {
    "ingest-cli": _ours,
    "charset-normalizer, the whole file": _library,
    "always cp1252": _one_for_all,
}


def figures(place: Surroundings, options: Options) -> dict[str, Any]:  # noqa: ARG001 - a benchmark
    """Count, and take the time."""
    measured = dict[str, Any]()
    for sort, (rows, plain_share) in SORTS.items():
        files = list(dumps(rows, plain_share))
        for name, guess in GUESSERS.items():
            began_s = time.perf_counter()
            right = sum(guess(one.data) == one.text for one in files)
            ms = 1000 * (time.perf_counter() - began_s) / len(files)
            measured[f"{name}, {sort}"] = f"{right} of {len(files)} right, {ms:.1f} ms each"
    return measured
