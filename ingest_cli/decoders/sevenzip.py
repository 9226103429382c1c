"""Read 7z archives, which are not streamable: their list of files is at the end.

The library `py7zr` parses the list. It unpacks 128 MB at a time, or reads the archive into memory, so the packed data
is fed piece by piece to Python's own decompressors instead.
"""

from __future__ import annotations

import bz2
import lzma
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any, BinaryIO

from ingest_cli.decoders.compressed import beyond_memory
from ingest_cli.decoders.interface import Decompressor, Member, shown
from ingest_cli.decoders.methods import DAMAGE, Inflate, Inflate64
from ingest_cli.decoders.reader import FEED_BYTES, PIECE_BYTES, ByteReader
from ingest_cli.decoders.windows import ZSTD, Windowed
from ingest_cli.errors import GET_AGAIN, GET_WHOLE, DamagedError, SourceError
from ingest_cli.model.source_budget import Budget

_MAX_HEADER_BYTES = 16 << 20  # for the list of files: 100,000 of them with names of 80 characters
_MIN_DICTIONARY_BYTES = 4096  # minimum of liblzma
_SIGNATURE = struct.Struct("<6s2BL2QL")  # magic number, version, CRC; offset, size and CRC of the list (7zFormat.txt)
_LZMA1 = struct.Struct("<BL")  # lc, lp and pb in one byte; dictionary size
_MAX_LZMA2_BITS = 40
_COPY, _DELTA, _LZMA2, _AES = b"\x00", b"\x03", b"\x21", b"\x06\xf1\x07\x01"
_PIPE = '`7z x -so FILE | ingest-cli load …`, with "-" as the source'


def un7z(open_file: Callable[[], BinaryIO], budget: Budget) -> Iterator[Member]:
    """Yield the non-empty members of a 7z archive.

    Each member must be read to its end before the next one is requested.

    Raises:
        SourceError: while iterating, here or over the pieces of a member: the archive is truncated, damaged,
            password-protected, packed by an unknown method, or contains a link.
    """
    py7zr = _library()
    with open_file() as file:
        budget.read_at_any_place(file.seek(0, 2))
        file.seek(0)
        archive = _contents(py7zr, file)
        for _ in archive.files:
            budget.entry()
        streams = archive.header.main_streams
        if streams is None:
            return
        start = archive.afterheader + streams.packinfo.packpos
        sizes = iter(streams.packinfo.packsizes)
        for folder in streams.unpackinfo.folders:
            packed_bytes = sum(next(sizes, 0) for _ in folder.packed_indices)
            with budget.returned():  # folders are unpacked one after the other
                yield from _folder(file, folder, (start, packed_bytes), budget)
            start += packed_bytes


def _library() -> ModuleType:
    try:
        py7zr = import_module("py7zr")  # optional dependency
        limits: Any = import_module("py7zr.archiveinfo")
    except ImportError as error:
        raise SourceError(
            f"it is a 7z archive, which needs a library; install ingest-cli[7z], or pipe it: {_PIPE}"
        ) from error
    limits.MAX_HEADER_SIZE = _MAX_HEADER_BYTES  # unpacked size of the list; the library's limit allows GBs of memory
    return py7zr


def _contents(py7zr: ModuleType, file: BinaryIO) -> Any:
    """Return the list of files at the end of the archive.

    Raises:
        SourceError: the list cannot be read.
    """
    size = file.seek(0, 2)
    file.seek(0)
    signature = file.read(_SIGNATURE.size)
    file.seek(0)
    if len(signature) < _SIGNATURE.size:
        raise _cut_off(size)
    *_, header_at, header_bytes, _ = _SIGNATURE.unpack(signature)
    if _SIGNATURE.size + header_at + header_bytes > size:
        raise _cut_off(size)
    if header_bytes > _MAX_HEADER_BYTES:
        raise _damaged(f"a list of files of {header_bytes:,} bytes is too long")
    try:
        return py7zr.SevenZipFile(file, "r")
    except py7zr.PasswordRequired as error:
        raise _locked() from error
    except Exception as error:  # a damaged list makes the library raise almost any exception
        raise _damaged("its list of files cannot be read") from error


def _folder(file: BinaryIO, folder: Any, place: tuple[int, int], budget: Budget) -> Iterator[Member]:
    """Yield the members of a folder, 7z's term for files packed as one stream.

    Args:
        folder: folder as parsed by `py7zr`.
        place: offset and length of its packed bytes.
    """
    coders = _in_order(folder)
    methods = [coder["method"] for coder in coders]
    if _AES in methods:
        raise _locked()
    if not coders or (not (methods[0] in {_COPY, *_METHODS} and len(methods) == 1) and not _filtered(methods)):
        raise SourceError(
            f"the 7z archive is packed by an unsupported method ({', '.join(each.hex() for each in methods)}); "
            f"pipe it: {_PIPE}"
        )
    pieces = _unpacked(file, coders, place, folder.get_unpack_size(), budget)
    together = ByteReader(budget.expanded(pieces))
    for entry in folder.files or ():
        name = entry.filename.encode("utf-8", "backslashreplace").decode()
        if entry.is_symlink or entry.is_junction:
            raise SourceError(
                f'"{shown(name)}" in the 7z archive is a link, not a file, and its target would be missing; pack '
                "the target itself, or omit the link"
            )
        yield Member(name, _body(together, name, entry.uncompressed, entry.crc32))


def _body(together: ByteReader, name: str, size: int, expected: int | None) -> Iterator[bytes]:
    crc = 0
    for piece in together.body(size):
        crc = zlib.crc32(piece, crc)
        size -= len(piece)
        yield piece
    if size or (expected is not None and crc != expected):
        raise _damaged(f'the checksum of "{shown(name)}" does not match')


def _in_order(folder: Any) -> list[Any]:
    """Return the coders of a folder in decoding order; none if they are not a simple chain."""
    if len(folder.packed_indices) != 1 or any(
        each["numinstreams"] * each["numoutstreams"] != 1 for each in folder.coders
    ):
        return [each for each in folder.coders if each["method"] == _AES]
    following = {bond.outcoder: bond.incoder for bond in folder.bindpairs}
    chain = [folder.packed_indices[0]]
    while chain[-1] in following and len(chain) <= len(folder.coders):
        chain.append(following[chain[-1]])
    if sorted(chain) != list(range(len(folder.coders))):
        return []
    return [folder.coders[each] for each in chain]


def _filtered(methods: list[bytes]) -> bool:
    """Return whether LZMA2 is followed by filters; after LZMA the library withholds the last bytes of some."""
    return methods[0] == _LZMA2 and all(each in _FILTERS for each in methods[1:])


def _decompressor(coders: list[Any], budget: Budget) -> Decompressor | None:
    """Return the decompressor for a chain of coders; None for stored data."""
    (method, properties), *filters = [(each["method"], each["properties"] or b"") for each in coders]
    if method == _COPY:
        return None
    if not filters:
        return _METHODS[method](properties, budget)
    chain = [{"id": _FILTERS[each], **_filter_options(each, given)} for each, given in reversed(filters)]
    return _lzma2(properties, budget, chain)


def _filter_options(method: bytes, properties: bytes) -> dict[str, int]:
    return {"dist": properties[0] + 1} if method == _DELTA and properties else {}


def _unpacked(file: BinaryIO, coders: list[Any], place: tuple[int, int], size: int, budget: Budget) -> Iterator[bytes]:
    """Yield the `size` bytes of a folder."""
    file.seek(place[0])
    left = place[1]
    try:
        decompressor = _decompressor(coders, budget)
    except DAMAGE as error:
        raise _damaged("its compression settings are invalid") from error
    while size > 0:
        data = b""
        if decompressor is None or decompressor.needs_input:
            data = file.read(min(FEED_BYTES, left))
            left -= len(data)
            if not data or (decompressor is not None and decompressor.eof):
                raise _damaged("a member does not end where it should")
        try:
            out = data[:size] if decompressor is None else decompressor.decompress(data, min(PIECE_BYTES, size))
        except DAMAGE as error:
            raise beyond_memory(error) or _damaged("a member cannot be unpacked any further") from error
        size -= len(out)
        if out:
            yield out


def _lzma1(properties: bytes, budget: Budget) -> Decompressor:
    if len(properties) != _LZMA1.size:
        raise ValueError("invalid number of properties")
    packed, dictionary_bytes = _LZMA1.unpack(properties)
    place, literal = divmod(packed, 45)
    position, context = divmod(literal, 9)
    method = {"id": lzma.FILTER_LZMA1, "dict_size": dictionary_bytes, "lc": context, "lp": position, "pb": place}
    return _raw(method, budget)


def _lzma2(properties: bytes, budget: Budget, filters: Sequence[Mapping[str, int]] = ()) -> Decompressor:
    bits = properties[0] if properties else _MAX_LZMA2_BITS + 1
    if bits > _MAX_LZMA2_BITS:
        raise ValueError("invalid number of properties")
    return _raw({"id": lzma.FILTER_LZMA2, "dict_size": (2 | bits & 1) << (bits // 2 + 11)}, budget, filters)


def _raw(method: dict[str, int], budget: Budget, filters: Sequence[Mapping[str, int]] = ()) -> Decompressor:
    method["dict_size"] = max(method["dict_size"], _MIN_DICTIONARY_BYTES)
    budget.reserve(method["dict_size"], "the 7z archive", "7z x -so FILE")
    return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[*filters, method])


def _cut_off(size: int) -> SourceError:
    return DamagedError(
        f"the 7z archive is cut off after byte {size:,}, and its list of files is at the end; nothing was read",
        GET_WHOLE,
    )


def _damaged(what: str) -> SourceError:
    return DamagedError(
        f"the 7z archive is damaged: {what}; the rows before that were read",
        GET_AGAIN,
    )


def _locked() -> SourceError:
    return SourceError(f"the 7z archive is protected by a password; pipe it: {_PIPE}")


_FILTERS: Mapping[bytes, int] = {
    _DELTA: lzma.FILTER_DELTA,
    b"\x03\x03\x01\x03": lzma.FILTER_X86,
    b"\x03\x03\x02\x05": lzma.FILTER_POWERPC,
    b"\x03\x03\x04\x01": lzma.FILTER_IA64,
    b"\x03\x03\x05\x01": lzma.FILTER_ARM,
    b"\x03\x03\x07\x01": lzma.FILTER_ARMTHUMB,
    b"\x03\x03\x08\x05": lzma.FILTER_SPARC,
}
"""Filter identifier → identifier in Python's `lzma`."""

_METHODS: Mapping[bytes, Callable[[bytes, Budget], Decompressor]] = {
    _LZMA2: _lzma2,
    b"\x03\x01\x01": _lzma1,
    b"\x04\x01\x08": lambda _, __: Inflate(),
    b"\x04\x01\x09": lambda _, __: Inflate64(),
    b"\x04\x02\x02": lambda _, __: bz2.BZ2Decompressor(),
    b"\x04\xf7\x11\x01": lambda _, budget: Windowed(ZSTD, budget),
}
"""Method identifier (7-Zip's Methods.txt) → function that makes a decompressor from the properties."""
