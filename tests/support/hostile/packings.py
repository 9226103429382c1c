"""Hostile packings and archives."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zlib

import inflate64
import py7zr

from tests.support.archives import age_with_passphrase, seven_zip_of, tar_entry, tar_of, zip_directory, zip_member
from tests.support.hostile.case import Hostile, packed, zstd_of

ROW = b"email\nkenari@example.org\n"
_LINES = b"kenari.satu@example.org\n" * 4096
GIB = 1 << 30


def _nested_zstd(windows: list[int]) -> bytes:
    """Frames in frames, each of which asks for a window of its own and fills it."""
    data = b"email\n" + _LINES * 3000
    for log in windows:
        data = zstd_of(data, log)
        data += zstd_of(bytes(0), log)
    return data


def _windows_in_windows() -> bytes:
    """Four layers, each with more in it than its window."""
    inner = zstd_of(b"email\n" + _LINES * 1500, 27)
    for _ in range(3):
        inner = zstd_of(inner + b"".join(_skippable(24 << 20) for _ in range(6)), 27)
    return inner


def _skippable(size: int) -> bytes:
    """A frame of zstd without content (RFC 8878 §3.1.2)."""
    return struct.pack("<2L", 0x184D2A50, size) + bytes(size)


def _xz(dictionary: int, data: bytes) -> bytes:
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 1, "dict_size": 1 << 20}]
    whole = bytearray(lzma.compress(data, lzma.FORMAT_XZ, lzma.CHECK_CRC32, filters=filters))
    # The header of the first block: its size, its flags, the filter's id, the size of its properties, and these.
    begin = 12
    size = (whole[begin] + 1) * 4
    at = whole.index(b"\x21\x01", begin) + 2
    whole[at] = dictionary
    whole[begin + size - 4 : begin + size] = struct.pack("<L", zlib.crc32(whole[begin : begin + size - 4]))
    return bytes(whole)


def _lzma_alone(log: int) -> bytes:
    filters = [{"id": lzma.FILTER_LZMA1, "preset": 1, "dict_size": 1 << 16}]
    whole = bytearray(lzma.compress(b"email\n" + _LINES * 3000, lzma.FORMAT_ALONE, filters=filters))
    whole[1:5] = struct.pack("<L", 1 << log)
    return bytes(whole)


def _seven_zip(log: int) -> bytes:
    filters = [{"id": py7zr.FILTER_LZMA2, "preset": 1, "dict_size": 1 << log}]
    return seven_zip_of([("a.csv", b"email\n" + _LINES * 2500)], filters)


def _deflate64() -> bytes:
    content = b"email\n" + _LINES * 1000
    packer = inflate64.Deflater()
    member = zip_member(b"a.csv", content, method=9, packed=packer.deflate(content) + packer.flush())
    return member + zip_directory([member])


def _pax(key: bytes, value: bytes) -> bytes:
    rest = b" %b=%b\n" % (key, value)
    size = len(rest) + 1
    while len(b"%d%b" % (size, rest)) != size:
        size += 1
    return tar_entry(tarfile.XHDTYPE, content=b"%d%b" % (size, rest))


def _many_pax() -> bytes:
    """Extensions without an entry behind them, each with other keys."""
    out = io.BytesIO()
    for number in range(300):
        out.write(_pax(b"k%d" % number, bytes(1 << 20 - 200) if False else b"v" * 1_000_000))
    out.write(tar_entry(tarfile.REGTYPE, "a.csv", ROW) + bytes(1024))
    return zstd_of(out.getvalue())


def _pax_numbers() -> bytes:
    """Extensions of as many numbers of stretches as there is room for."""
    out = io.BytesIO()
    for _ in range(100):
        record = b"25 GNU.sparse.offset=111\n"
        out.write(tar_entry(tarfile.XHDTYPE, content=record * (1_000_000 // len(record))))
    out.write(tar_entry(tarfile.REGTYPE, "a.csv", ROW) + bytes(1024))
    return zstd_of(out.getvalue())


def _old_sparse_map() -> bytes:
    block = bytearray(tar_entry(tarfile.GNUTYPE_SPARSE, "s.csv", b""))
    block[482] = 1
    block[483:495] = b"%011o\0" % (1 << 30)
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block[:512])
    more = b"".join(b"%011o\0" % n for n in range(42)).ljust(504, b"\0") + b"\1" + bytes(7)
    return packed(2 * GIB, more * 512, head=bytes(block))


def _sparse() -> bytes:
    size = b"%d" % (1 << 60)
    out = _pax(b"GNU.sparse.size", size) + _pax(b"GNU.sparse.map", b"0,11")
    return out + tar_entry(tarfile.REGTYPE, "x", b"firstsecond") + bytes(1024)


def _empty_members(count: int) -> bytes:
    return zstd_of(tar_entry(tarfile.REGTYPE, "x") * count + bytes(1024))


def _small_members(count: int) -> bytes:
    return zstd_of(tar_entry(tarfile.REGTYPE, "x", ROW) * count + bytes(1024))


def _deep_archives() -> bytes:
    data = tar_of([("a.csv", ROW)])
    for _ in range(5):
        data = tar_of([("b.tar", data)])
    return data


def _zip_without_end() -> bytes:
    """Stored, of unknown size, and signatures of descriptors that do not fit."""
    head = zip_member(b"a.csv", b"", flags=8)
    return packed(2 * GIB, b"PK\x07\x08" * 4096, head=head)


def _zip_names() -> bytes:
    member = zip_member(b"n" * 65_000, ROW)
    return zstd_of(member * 3000)


def _seven_zip_empty() -> bytes:
    """A list of files that are said to be many."""
    files = b"\x05" + b"\xe0\xff\xff\x0f" + b"\x0e\x01\x00"  # kFilesInfo, a number of files, kEmptyStream
    header = b"\x01" + files + b"\x00\x00"
    start = struct.pack("<2QL", 0, len(header), zlib.crc32(header))
    return b"7z\xbc\xaf\x27\x1c\x00\x04" + struct.pack("<L", zlib.crc32(start)) + start + header


CASES = {
    "zstd, an endless line": Hostile(lambda: packed(6 * GIB, b"x" * 4096), says="unpack to more than"),
    "zstd, endless rows": Hostile(lambda: packed(6 * GIB, _LINES, head=b"email\n"), says="unpack to more than"),
    "zstd, endless blank lines": Hostile(lambda: packed(6 * GIB, b"\n" * 4096, head=b"email\n"), says="rows"),
    "zstd, endless tiny rows": Hostile(lambda: packed(6 * GIB, b"x\n" * 4096, head=b"email\n"), says="rows"),
    "zstd in zstd": Hostile(lambda: zstd_of(packed(64 * GIB, bytes(4096))), says="unpack to more than"),
    "zstd windows in windows": Hostile(_windows_in_windows, says="memory"),
    "zstd, large window": Hostile(lambda: zstd_of(b"email\n" + _LINES * 3000, 27), code=0),
    "zstd, larger window": Hostile(lambda: zstd_of(ROW, 28), says="window"),
    "xz, 256 MiB of dictionary": Hostile(lambda: _xz(32, b"email\n" + _LINES * 5000), says="memory"),
    "xz, 192 MiB of dictionary": Hostile(lambda: _xz(31, b"email\n" + _LINES * 5000), says="memory"),
    "xz, 128 MiB of dictionary": Hostile(lambda: _xz(30, b"email\n" + _LINES * 3000), code=0),
    "xz in zstd": Hostile(lambda: zstd_of(_xz(30, ROW) + _skippable(0), 27), says="memory"),
    "lzma, 256 MiB of dictionary": Hostile(lambda: _lzma_alone(28), says="memory"),
    "7z, 256 MiB of dictionary": Hostile(lambda: _seven_zip(28), says="memory"),
    "7z, files that are not there": Hostile(_seven_zip_empty, says="7z"),
    "bzip2 in bzip2": Hostile(lambda: bz2.compress(bz2.compress(bytes(45_000_000)) * 20_000), says="unpack to more"),
    "gzip in gzip": Hostile(lambda: gzip.compress(gzip.compress(bytes(1 << 27)) * 50), says="unpack to more"),
    "deflate64": Hostile(_deflate64, code=0),
    "age, passphrase": Hostile(lambda: age_with_passphrase(ROW, "kenari", 18), code=0),
    "age, passphrase and much work": Hostile(lambda: age_with_passphrase(ROW, "kenari", 4).replace(b" 4\n", b" 24\n"), says="memory"),
    "tar, sparse": Hostile(_sparse, says="unpack to more"),
    "tar, endless map of holes": Hostile(_old_sparse_map, says="tar"),
    "tar, pax records": Hostile(_many_pax, says="tar"),
    "tar, pax numbers": Hostile(_pax_numbers, says="tar"),
    "tar, members of nothing": Hostile(lambda: _empty_members(300_000), says="entries"),
    "tar, small members": Hostile(lambda: _small_members(99_000), code=0),
    "tar in tar": Hostile(_deep_archives, says="packings"),
    "zip, no end": Hostile(_zip_without_end, says="unpack to more"),
    "zip, long names": Hostile(_zip_names, says="zip"),
}
