"""Ways to damage bytes: those of a bad disk, of a bad transfer, and of a bad program."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

MAX_BYTES = 64 << 10
"""What an input may grow to: more finds nothing new, but later."""

TOKENS = (
    *(b'"', b'""', b"'", b"''", b"\\", b"\\'", b"`", b"[", b"]", b"{", b"}", b"(", b")", b",", b";", b":", b"\t", b"|"),
    *(
        b"\n",
        b"\r",
        b"\r\n",
        b"\n\n",
        b"\0",
        b"\x1a",
        b"\x1b[31m",
        b" ",
        b"-",
        b"--",
        b"/*",
        b"*/",
        b"#",
        b"$$",
        b"\\.",
    ),
    *(
        b"\xff",
        b"\xfe\xff",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"\xed\xa0\x80",
        b"\xc3",
        b"\xf0\x9f\x98\x80",
        b"\xe2\x80\xae",
    ),
    *(
        b"null",
        b"NULL",
        b"\\N",
        b"true",
        b"NaN",
        b"-1",
        b"1e999",
        b"0x",
        b"6.01E+10",
        b"\\u0000",
        b"\\ud800",
        b"https://",
    ),
    *(b"INSERT INTO ", b" VALUES ", b"CREATE TABLE ", b"COPY ", b" FROM stdin;\n", b"GO\n", b"DELIMITER ;;\n"),
    *(b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x80\0\0\0", b"\1\0\0\0"),
)
"""What means something to one parser or another."""

Mutation = Callable[[bytearray, random.Random, Sequence[bytes]], None]


def _flip(data: bytearray, rng: random.Random, _: Sequence[bytes]) -> None:
    for _turn in range(rng.choice((1, 1, 2, 8))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _overwrite(data: bytearray, rng: random.Random, _: Sequence[bytes]) -> None:
    at = rng.randrange(len(data))
    data[at : at + rng.choice((1, 2, 4, 8))] = rng.randbytes(rng.choice((1, 2, 4, 8)))


def _cut_off(data: bytearray, rng: random.Random, _: Sequence[bytes]) -> None:
    del data[rng.randrange(len(data)) :]


def _cut_out(data: bytearray, rng: random.Random, _: Sequence[bytes]) -> None:
    at = rng.randrange(len(data))
    del data[at : at + rng.choice((1, 2, 16, 200))]


def _insert(data: bytearray, rng: random.Random, _: Sequence[bytes]) -> None:
    at = rng.randrange(len(data))
    data[at:at] = rng.choice(TOKENS)


def _replace(data: bytearray, rng: random.Random, _: Sequence[bytes]) -> None:
    token, at = rng.choice(TOKENS), rng.randrange(len(data))
    data[at : at + len(token)] = token


def _repeat(data: bytearray, rng: random.Random, _: Sequence[bytes]) -> None:
    at = rng.randrange(len(data))
    size = rng.choice((1, 1, 2, 10, 100))
    times = rng.choice((1, 2, 50, 5000))
    data[at:at] = (data[at : at + size] * times)[:MAX_BYTES]


def _splice(data: bytearray, rng: random.Random, corpus: Sequence[bytes]) -> None:
    other = rng.choice(corpus)
    at, begin = rng.randrange(len(data)), rng.randrange(len(other) or 1)
    data[at:] = other[begin:]


def _swap_lines(data: bytearray, rng: random.Random, _: Sequence[bytes]) -> None:
    lines = data.splitlines(keepends=True)
    first, second = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[first], lines[second] = lines[second], lines[first]
    data[:] = b"".join(lines)


MUTATIONS: tuple[Mutation, ...] = (
    _flip,
    _overwrite,
    _cut_off,
    _cut_out,
    _insert,
    _insert,
    _replace,
    _replace,
    _repeat,
    _splice,
    _swap_lines,
)


def damaged(rng: random.Random, corpus: Sequence[bytes]) -> bytes:
    """One of the corpus, damaged a few times."""
    data = bytearray(rng.choice(corpus))
    for _ in range(rng.choice((1, 1, 2, 3, 5, 10))):
        if not data:
            break
        rng.choice(MUTATIONS)(data, rng, corpus)
    return bytes(data[:MAX_BYTES])
