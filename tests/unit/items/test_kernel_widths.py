"""The compiled kernel at each width, also those that this processor's kernel would not choose."""

from __future__ import annotations

import base64
import ctypes
import hmac
import importlib.machinery
import importlib.util
import mmap
import random
import shutil
import subprocess
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests.support.truth import seal

SOURCE = Path(__file__).parents[3] / "ingest_cli" / "items" / "_hmac_columns.c"
HEADERS = Path(sysconfig.get_path("include"))
NAME = "_hmac_columns"
PAGE = mmap.PAGESIZE
ROOM = 16 * PAGE
BORDERS = [64 * n + d for n in range(1, 5) for d in (-10, -9, -8, -1, 0, 1)]
KEY = bytes(range(32))

Kernel = Callable[[bytes, object, object, int, int], bytes]

pytestmark = [
    pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler"),
    pytest.mark.skipif(not (HEADERS / "Python.h").exists(), reason="Python's headers are not installed"),
]


@pytest.fixture(scope="module", params=[4, 8, 16])
def module(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """The kernel with vectors of so many words, or of fewer if the processor has none as wide."""
    path = tmp_path_factory.mktemp("kernel") / f"{NAME}.so"
    shared = ["-bundle", "-undefined", "dynamic_lookup"] if shutil.which("sw_vers") else ["-shared", "-fPIC"]
    flags = ["-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", f"-DHMAC_COLUMNS_MOST={request.param}"]
    subprocess.run(["cc", *flags, *shared, f"-I{HEADERS}", str(SOURCE), "-o", str(path)], check=True)
    loader = importlib.machinery.ExtensionFileLoader(NAME, str(path))
    spec = importlib.util.spec_from_loader(NAME, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def kernel(module: ModuleType) -> Kernel:
    made: Kernel = module.hmac_sha256
    return made


@pytest.fixture(scope="module")
def sealing(module: ModuleType) -> Callable[..., bytes]:
    def made(*arguments: Any) -> bytes:
        _, heads, tail, _, places, first, count = arguments
        ends = np.frombuffer(places, np.int32)[first : first + count + 1]
        text = bytearray(len(heads) + int((count * len(tail)) + ((np.diff(ends) + 17) // 3 * 4).sum()))
        module.seal(*arguments, text)
        return bytes(text)

    return made


class Fenced:
    """Memory between two pages that cannot be read: who does is killed."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._memory = mmap.mmap(-1, ROOM + 2 * PAGE)
        self._view = ctypes.c_char.from_buffer(self._memory)
        self._first = ctypes.addressof(self._view)
        self._protect(0)

    def close(self) -> None:
        self._protect(mmap.PROT_READ | mmap.PROT_WRITE)
        del self._view
        self._memory.close()

    def put(self, data: bytes, *, at_end: bool) -> pa.Buffer:
        """`data` right before the page behind, or right behind the page before."""
        address = self._first + PAGE + (ROOM - len(data) if at_end else 0)
        ctypes.memmove(address, data, len(data))
        return pa.foreign_buffer(address, len(data), self)

    def _protect(self, protection: int) -> None:
        for address in (self._first, self._first + PAGE + ROOM):
            changed = self._libc.mprotect(ctypes.c_void_p(address), ctypes.c_size_t(PAGE), protection)
            assert changed == 0


@pytest.fixture
def fenced() -> Iterator[Callable[[], Fenced]]:
    made: list[Fenced] = []

    def make() -> Fenced:
        made.append(Fenced())
        return made[-1]

    yield make
    for memory in made:
        memory.close()


def offsets(values: list[bytes]) -> bytes:
    return np.cumsum([0, *map(len, values)], dtype=np.int32).tobytes()


def digests(values: list[bytes]) -> bytes:
    return b"".join(hmac.digest(KEY, value, "sha256") for value in values)


def test_all_lengths(kernel: Kernel) -> None:
    chance = random.Random(1)
    values = [chance.randbytes(length) for length in [*range(201), *BORDERS, 4086, 4087, 4088, 5000, 100_000]]
    assert kernel(KEY, b"".join(values), offsets(values), 0, len(values)) == digests(values)
    chance.shuffle(values)
    assert kernel(KEY, b"".join(values), offsets(values), 0, len(values)) == digests(values)


def test_all_counts(kernel: Kernel) -> None:
    chance = random.Random(2)
    for count in range(71):
        values = [chance.randbytes(chance.randrange(200)) for _ in range(count + 2)]
        made = kernel(KEY, b"".join(values), offsets(values), 1, count)
        assert made == digests(values[1 : count + 1]), count


@pytest.mark.parametrize("at_end", [True, False], ids=["at the end", "at the beginning"])
def test_nothing_is_read_beside_the_values(kernel: Kernel, fenced: Callable[[], Fenced], *, at_end: bool) -> None:
    chance = random.Random(3)
    data, places = fenced(), fenced()
    columns = [[chance.randbytes(length)] for length in [*range(1, 201), *BORDERS]]
    columns += [
        [chance.randbytes(chance.randrange(top)) for _ in range(n)] for n in range(1, 71) for top in (2, 70, 300)
    ]
    for values in columns:
        joined = b"".join(values)
        held = data.put(joined, at_end=at_end), places.put(offsets(values), at_end=at_end)
        assert kernel(KEY, *held, 0, len(values)) == digests(values)


def seals(keys: bytes, values: list[bytes]) -> bytes:
    """The seal of each value's text, which follows a zero byte, in base64 between `heads` and a tail."""
    return b"".join(
        b"<%03d>" % n + base64.b64encode(seal(keys[32 * n : 32 * n + 32], value[1:])) + b"</>"
        for n, value in enumerate(values)
    )


def heads(count: int) -> bytes:
    return b"".join(b"<%03d>" % n for n in range(count))


def sealable(chance: random.Random, *lengths: int) -> list[bytes]:
    return [b"\0" + chance.randbytes(32 * length) for length in lengths]


def test_seals_of_all_sizes(sealing: Callable[..., bytes]) -> None:
    chance = random.Random(4)
    values = sealable(chance, *range(20), 128, 4096)
    chance.shuffle(values)
    keys = chance.randbytes(32 * len(values))
    assert sealing(keys, heads(len(values)), b"</>", b"".join(values), offsets(values), 0, len(values)) == seals(
        keys, values
    )


def test_any_number_of_seals(sealing: Callable[..., bytes]) -> None:
    chance = random.Random(5)
    for count in range(71):
        values = sealable(chance, *(chance.randrange(1, 5) for _ in range(count + 2)))
        keys = chance.randbytes(32 * count)
        made = sealing(keys, heads(count), b"</>", b"".join(values), offsets(values), 1, count)
        assert made == seals(keys, values[1 : count + 1]), count


@pytest.mark.parametrize("at_end", [True, False], ids=["at the end", "at the beginning"])
def test_nothing_is_read_beside_what_is_sealed(
    sealing: Callable[..., bytes], fenced: Callable[[], Fenced], *, at_end: bool
) -> None:
    chance = random.Random(6)
    data, places, secrets = fenced(), fenced(), fenced()
    for count in range(1, 40):
        values = sealable(chance, *(chance.randrange(5) for _ in range(count)))
        keys = chance.randbytes(32 * count)
        held = [
            secrets.put(keys, at_end=at_end),
            heads(count),
            b"</>",
            data.put(b"".join(values), at_end=at_end),
            places.put(offsets(values), at_end=at_end),
        ]
        assert sealing(*held, 0, count) == seals(keys, values)


@pytest.mark.parametrize(
    ("keys", "values"),
    [(b"", [b"\0a"]), (bytes(31), [b"\0a"]), (bytes(64), [b"\0a"]), (bytes(64), [b"\0a", b""])],
)
def test_what_cannot_be_sealed_is_refused(sealing: Callable[..., bytes], keys: bytes, values: list[bytes]) -> None:
    with pytest.raises(ValueError, match=r"key of 32 bytes|empty"):
        sealing(keys, heads(len(values)), b"</>", b"".join(values), offsets(values), 0, len(values))


def test_heads_of_different_sizes_are_refused(sealing: Callable[..., bytes]) -> None:
    values = [b"\0a", b"\0b"]
    with pytest.raises(ValueError, match="one head for each value"):
        sealing(bytes(64), b"abc", b"", b"".join(values), offsets(values), 0, 2)


def test_memory_of_another_size_is_refused(module: ModuleType) -> None:
    for size in (0, 47, 49):
        with pytest.raises(ValueError, match="another size"):
            module.seal(bytes(32), b"", b"", b"\0" + bytes(20), offsets([bytes(21)]), 0, 1, bytearray(size))


def test_offsets_that_no_column_has_are_refused_before_memory_is_taken(module: ModuleType) -> None:
    for places in ([-(2**31), 2**31 - 1], [0, 2**31 - 1], [1, 0]):
        with pytest.raises(ValueError, match="not in order or not within"):
            module.seal(bytes(32), b"", b"", b"12345", np.array(places, np.int32).tobytes(), 0, 1, bytearray(0))
