"""What a keyed hash costs, in the program's two ways and in others: processor time, µs a tag.

    python -m tests.bench.hashing [--values 20000]

Every way gives the same tags. What is not installed is left out: `pip install cryptography polars polars-hash`.
"""

from __future__ import annotations

import argparse
import binascii
import hmac
import importlib
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest_cli.items.hashing import KERNEL, TAG_BYTES, ByteMatrix, ColumnHmac, compiled_hmac, looped_hmac
from ingest_cli.model.keys import Pepper
from tests.bench.surroundings import KID, PEPPER

KIND = "record"
KEY = Pepper(KID, PEPPER).subkey(KIND)
RUNS = 7
BLOCK = KEY.ljust(64, b"\0")
INNER, OUTER = (bytes(byte ^ pad for byte in BLOCK) for pad in (0x36, 0x5C))

Way = Callable[[pa.StringArray], ByteMatrix]


def _matrix(tags: bytes) -> ByteMatrix:
    return np.frombuffer(tags, np.uint8).reshape(-1, TAG_BYTES)


def _kernel() -> Way:
    """The compiled kernel.

    Raises:
        ImportError: nothing was compiled.
    """
    if KERNEL is None:
        raise ImportError("nothing was compiled")
    return _of_columns(compiled_hmac(KEY))


def _loop() -> Way:
    """Copies of OpenSSL's states in a loop."""
    return _of_columns(looped_hmac(KEY))


def _of_columns(digest_all: ColumnHmac) -> Way:
    return lambda values: _matrix(digest_all(values.cast(pa.binary())))


def _one_shot(values: pa.StringArray) -> ByteMatrix:
    """The standard library's function for one message."""
    return _matrix(b"".join([hmac.digest(KEY, value, "sha256") for value in values.cast(pa.binary()).to_pylist()]))


def _cryptography() -> Way:
    """Copies of a keyed state: three calls a tag instead of six."""
    hashes = importlib.import_module("cryptography.hazmat.primitives.hashes")
    keyed = importlib.import_module("cryptography.hazmat.primitives.hmac").HMAC(KEY, hashes.SHA256())

    def tags(values: pa.StringArray) -> ByteMatrix:
        digests = []
        for value in values.cast(pa.binary()).to_pylist():
            state = keyed.copy()
            state.update(value)
            digests.append(state.finalize())
        return _matrix(b"".join(digests))

    return tags


def _polars_hash() -> Way:
    """SHA-256 of whole columns, of which HMAC is two; the plugin's own HMAC takes no key but text."""
    polars, plugin = importlib.import_module("polars"), importlib.import_module("polars_hash")

    def sha256(column: pa.Array) -> bytes:
        hashed = polars.DataFrame({"a": polars.from_arrow(column)}).select(plugin.col("a").chash.sha2_256())["a"]
        text = hashed.to_arrow(compat_level=polars.CompatLevel.oldest())
        return binascii.unhexlify(memoryview(text.buffers()[2])[: 2 * TAG_BYTES * len(column)])

    def tags(values: pa.StringArray) -> ByteMatrix:
        first = sha256(pc.binary_join_element_wise(INNER, values.cast(pa.binary()), b""))
        second = np.empty((len(values), len(OUTER) + TAG_BYTES), np.uint8)
        second[:, : len(OUTER)] = np.frombuffer(OUTER, np.uint8)
        second[:, len(OUTER) :] = _matrix(first)
        offsets = np.arange(len(values) + 1, dtype=np.int32) * np.int32(second.shape[1])
        buffers: list[Any] = [None, pa.py_buffer(offsets), pa.py_buffer(second)]
        return _matrix(sha256(pa.Array.from_buffers(pa.binary(), len(values), buffers)))

    return tags


def ways() -> Mapping[str, Way]:
    """Every way that is installed."""
    found: dict[str, Way] = {"hmac.digest": _one_shot}
    made = {"the kernel": _kernel, "the loop": _loop, "cryptography": _cryptography, "polars-hash": _polars_hash}
    for name, make in made.items():
        try:
            found[name] = make()
        except ImportError as missing:
            print(f"{name} is left out: {missing}")
    return found


def columns(values: int) -> Mapping[str, pa.StringArray]:
    """A short message is an identifier; a long one names a record."""
    record = "id\0%012d\0\2email\0somebody%06d@example.com\0id\0%012d\0phone\0+601%08d\0\1Email addresses\0Names\0"
    return {
        "identifiers": pa.array([f"+601{i:08d}" for i in range(values)]),
        "records": pa.array([record % (i, i, i, i) for i in range(values)]),
        "a small chunk's": pa.array([f"+601{i:08d}" for i in range(values // 50)]),
    }


def main(arguments: Sequence[str]) -> int:
    """Measure, and print the table with the command it was made by."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.hashing", description=__doc__)
    parser.add_argument("--values", type=int, default=20_000, help="values in a column (%(default)s)")
    options = parser.parse_args(arguments)
    print(f"$ python -m tests.bench.hashing --values {options.values}")
    for title, column in columns(options.values).items():
        expected = None
        for name, way in ways().items():
            tags = way(column)
            expected = tags if expected is None else expected
            assert np.array_equal(tags, expected), name
            samples = []
            for _ in range(RUNS):
                began_s = time.process_time()
                way(column)
                samples.append((time.process_time() - began_s) / len(column) * 1e6)
            print(f"  {title:<16}{name:<14}{median(samples):>6.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
