"""From packed bytes in any character set to UTF-8; what cannot be decoded does not vanish."""

from __future__ import annotations

import bz2
import codecs
import gzip
import lzma
import random
from collections.abc import Callable, Iterable, Iterator, Mapping

import pytest
from backports import zstd

from ingest_cli.decoders import decode, unpack
from ingest_cli.decoders.charset import to_utf8
from ingest_cli.decoders.reader import PIECE_BYTES
from ingest_cli.errors import DamagedError, SourceError

PIECES = pytest.mark.parametrize("piece", [1, 3, 4096])
TEXT = "".join(f"{random.Random(i).random()},row {i}\n" for i in range(500)).encode()


def pieces(data: bytes, piece: int) -> Iterator[bytes]:
    for at in range(0, len(data), piece):
        yield data[at : at + piece]


def outcome(make: Callable[[], Iterable[bytes]]) -> tuple[bytes, str | None]:
    """Everything yielded, and the message of the error behind it, if there was one."""
    out = bytearray()
    try:
        for part in make():
            out += part
    except SourceError as error:
        return bytes(out), str(error)
    return bytes(out), None


def unpacked(data: bytes, piece: int = 4096) -> tuple[bytes, str | None]:
    return outcome(lambda: unpack(pieces(data, piece)))


@PIECES
@pytest.mark.parametrize("data", [b"", b"a", b"\x1f\x8b", b"plain,text\n", b"PK is no magic of ours"])
def test_what_is_not_packed_is_passed_on(data: bytes, piece: int) -> None:
    assert unpacked(data, piece) == (data, None)


@PIECES
def test_gzip_is_known_by_its_magic_number(piece: int) -> None:
    assert unpacked(gzip.compress(TEXT), piece) == (TEXT, None)


@PIECES
def test_all_members_are_read_empty_ones_too(piece: int) -> None:
    members = [TEXT[:100], b"", TEXT[100:], b"x"]
    assert unpacked(b"".join(map(gzip.compress, members)), piece) == (TEXT + b"x", None)


@PIECES
def test_zeros_behind_a_member_are_padding(piece: int) -> None:
    packed = gzip.compress(TEXT) + b"\0" * 1000
    assert unpacked(packed, piece) == (TEXT, None)
    assert unpacked(packed + gzip.compress(b"more"), piece) == (TEXT + b"more", None)


@PIECES
def test_data_that_shrank_a_thousandfold_comes_out_in_small_pieces(piece: int) -> None:
    size = 3 * PIECE_BYTES + 17
    sizes = [len(part) for part in unpack(pieces(gzip.compress(b"\0" * size), piece))]
    assert sum(sizes) == size
    assert max(sizes) <= PIECE_BYTES


@PIECES
@pytest.mark.parametrize("missing", [1, 8, 20, 100])
def test_a_cut_is_an_error_behind_everything_before_it(missing: int, piece: int) -> None:
    packed = gzip.compress(TEXT)
    out, message = unpacked(packed[:-missing], piece)
    assert message is not None
    assert "cut off" in message
    assert TEXT.startswith(out)
    assert len(out) == len(TEXT) if missing <= 8 else 0 < len(out) < len(TEXT)


def test_a_cut_in_the_second_member_is_an_error() -> None:
    out, message = unpacked(gzip.compress(TEXT) + gzip.compress(b"x" * 100)[:5])
    assert out == TEXT
    assert message is not None
    assert "cut off" in message


@PIECES
def test_a_wrong_checksum_is_an_error_behind_all_of_the_data(piece: int) -> None:
    packed = bytearray(gzip.compress(TEXT))
    packed[-8] ^= 1
    out, message = unpacked(bytes(packed), piece)
    assert out == TEXT
    assert message is not None
    assert "damaged" in message


@PIECES
def test_a_wrong_length_is_an_error(piece: int) -> None:
    packed = bytearray(gzip.compress(TEXT))
    packed[-1] ^= 1
    assert "damaged" in (unpacked(bytes(packed), piece)[1] or "")


@PIECES
@pytest.mark.parametrize("garbage", [b"x", b"not gzip at all", b"\x1f\x8b\x09\x00"])
def test_something_else_behind_the_last_member_is_an_error_and_no_data(garbage: bytes, piece: int) -> None:
    out, message = unpacked(gzip.compress(TEXT) + garbage, piece)
    assert out == TEXT
    assert message is not None


def test_how_much_is_read_before_a_damage_does_not_depend_on_the_pieces() -> None:
    chance = random.Random(7)
    packed = gzip.compress(TEXT, mtime=0)
    damages = 0
    for _ in range(60):
        broken = bytearray(packed)
        broken[chance.randrange(10, len(broken))] ^= 1 << chance.randrange(8)
        whole, message = unpacked(bytes(broken), 1 << 20)
        parts, same = unpacked(bytes(broken), chance.randint(1, 2000))
        assert whole == parts
        assert (message is None) == (same is None)
        damages += message is not None
    assert damages > 50


def recoded(data: bytes, encoding: str, piece: int = 4096) -> bytes:
    return b"".join(to_utf8(pieces(data, piece), encoding))


SAMPLE = "Nur Aisyah, “Café”, 李, 😀\r\n"
LATIN = "Café “Zoë” €\r\n"


@PIECES
@pytest.mark.parametrize(
    ("mark", "codec"),
    [
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
    ],
)
@pytest.mark.parametrize("manifest", ["utf-8", "cp1252", "utf-16"])
def test_a_byte_order_mark_wins_and_is_removed(mark: bytes, codec: str, manifest: str, piece: int) -> None:
    assert recoded(mark + SAMPLE.encode(codec), manifest, piece) == SAMPLE.encode()


@PIECES
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "gb18030"])
def test_without_a_mark_the_manifest_is_believed(encoding: str, piece: int) -> None:
    assert recoded(SAMPLE.encode(encoding), encoding, piece) == SAMPLE.encode()


@PIECES
def test_windows_1252(piece: int) -> None:
    assert recoded(LATIN.encode("cp1252"), "cp1252", piece) == LATIN.encode()


def test_utf_16_without_a_mark_is_what_windows_writes() -> None:
    assert recoded(SAMPLE.encode("utf-16-le"), "utf-16") == SAMPLE.encode()
    assert recoded(SAMPLE.encode("utf-32-le"), "utf-32") == SAMPLE.encode()


def test_a_mark_inside_the_text_stays() -> None:
    assert recoded("a\ufeffb".encode("utf-16-le"), "utf-16") == "a\ufeffb".encode()
    assert recoded(b"a" + codecs.BOM_UTF8, "utf-8") == b"a" + codecs.BOM_UTF8


@pytest.mark.parametrize("data", [b"", b"a", b"\xef\xbb", b"\xff", codecs.BOM_UTF8])
def test_streams_shorter_than_a_mark(data: bytes) -> None:
    assert recoded(data, "utf-8", 1) == data.removeprefix(codecs.BOM_UTF8)


@PIECES
def test_utf_8_is_passed_on_as_it_is_wrong_or_not(piece: int) -> None:
    data = b"ok\xff\n\xc3\n\xed\xa0\x80\n" + SAMPLE.encode()
    assert recoded(data, "utf-8", piece) == data
    assert recoded(data, "ascii", piece) == data


def undecodable_lines(text: bytes) -> list[bool]:
    out = []
    for line in text.splitlines():
        try:
            line.decode()
        except UnicodeDecodeError:
            out.append(True)
        else:
            out.append(False)
    return out


@PIECES
@pytest.mark.parametrize(
    ("data", "encoding", "expected"),
    [
        (b"ok\nb\x81d\nok\n", "cp1252", [False, True, False]),
        ("ok\nb\ud800d\nok\n".encode("utf-16-le", "surrogatepass"), "utf-16", [False, True, False]),
        ("ok\nbad".encode("utf-16-le") + b"\x00", "utf-16", [False, True]),  # cut in the middle of a unit
        ("ok\nb".encode("utf-16-le") + "😀".encode("utf-16-le")[:2], "utf-16", [False, True]),  # and of a pair
        ("ok\nb".encode("utf-32-le") + b"\xff\xff\xff\xff", "utf-32", [False, True]),
        (b"ok\nb\xff\xffd\nok\n", "gb18030", [False, True, False]),
        (b"\xef\xbb\xbfok\nb\xffd\n", "utf-8-sig", [False, True]),
    ],
)
def test_what_has_no_meaning_becomes_bytes_that_are_not_utf_8(
    data: bytes, encoding: str, expected: list[bool], piece: int
) -> None:
    assert undecodable_lines(recoded(data, encoding, piece)) == expected


@PIECES
def test_packed_text_in_another_encoding(piece: int) -> None:
    packed = gzip.compress(codecs.BOM_UTF16_LE + SAMPLE.encode("utf-16-le"))
    assert b"".join(decode(pieces(packed, piece), "cp1252")) == SAMPLE.encode()
    assert b"".join(decode(iter(()), "utf-16")) == b""


def test_a_damage_behind_the_first_bytes_comes_after_the_text_before_it() -> None:
    packed = gzip.compress(SAMPLE.encode("cp1252", "replace"))[:-4]
    out, message = outcome(lambda: decode(pieces(packed, 4096), "cp1252"))
    assert out == SAMPLE.encode("cp1252", "replace").decode("cp1252").encode()
    assert message is not None


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "lzma": lambda data: lzma.compress(data, format=lzma.FORMAT_ALONE),
    "zstd": lambda data: zstd.compress(data, options={zstd.CompressionParameter.checksum_flag: 1}),
}
NOISE = random.Random(7).randbytes(200_000) + b"a,b\n" * 100_000


@pytest.mark.parametrize("packing", PACKERS)
@pytest.mark.parametrize("piece", [7919, 1 << 20])
def test_every_packing_is_undone_also_inside_another(packing: str, piece: int) -> None:
    packed = PACKERS[packing](NOISE)
    assert b"".join(unpack(pieces(packed, piece))) == NOISE
    assert b"".join(unpack(pieces(gzip.compress(packed), piece))) == NOISE
    assert b"".join(unpack(pieces(PACKERS[packing](gzip.compress(NOISE)), piece))) == NOISE


@pytest.mark.parametrize("packing", ["bzip2", "xz", "zstd"])
def test_members_behind_each_other_are_one_stream(packing: str) -> None:
    packed = PACKERS[packing](NOISE) + PACKERS[packing](b"") + PACKERS[packing](b"end")
    assert b"".join(unpack([packed])) == NOISE + b"end"


@pytest.mark.parametrize("packing", PACKERS)
@pytest.mark.parametrize("missing", [1, 4, 1000])
def test_a_cut_is_never_taken_for_the_end(packing: str, missing: int) -> None:
    packed = PACKERS[packing](NOISE)[:-missing]
    got = bytearray()
    with pytest.raises(SourceError, match="cut off"):
        got.extend(byte for piece in unpack([packed]) for byte in piece)
    assert NOISE.startswith(bytes(got))


@pytest.mark.parametrize("packing", ["bzip2", "xz", "zstd"])
def test_damage_is_an_error(packing: str) -> None:
    packed = bytearray(PACKERS[packing](NOISE))
    packed[len(packed) // 2] ^= 0xFF
    with pytest.raises(SourceError, match="damaged"):
        list(unpack([bytes(packed)]))


def test_packings_within_packings_have_an_end() -> None:
    packed = b"text"
    for _ in range(6):
        packed = gzip.compress(packed)
    with pytest.raises(SourceError, match="nested in more than"):
        list(unpack([packed]))


@pytest.mark.parametrize("text", [b"BZhang,850101145678\n", b"BZh", b"BZh\0"])
def test_a_text_that_begins_like_bzip2_is_a_text(text: bytes) -> None:
    assert unpacked(text) == (text, None)
    assert unpacked(bz2.compress(text)) == (text, None)
    assert unpacked(bz2.compress(b"")) == (b"", None)


def _zstd_of_unknown_size(data: bytes) -> bytes:
    """With a window of 256 MiB, as `zstd --long=28` makes it of what is piped into it."""
    compressor = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 28})
    return compressor.compress(data) + compressor.flush()


LARGE_WINDOWS: Mapping[str, Callable[[bytes], bytes]] = {
    "xz": lambda data: lzma.compress(data, filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 29}]),
    "lzma": lambda data: lzma.compress(
        data, lzma.FORMAT_ALONE, filters=[{"id": lzma.FILTER_LZMA1, "dict_size": 1 << 29}]
    ),
    "zstd": _zstd_of_unknown_size,
}


@pytest.mark.parametrize("name", LARGE_WINDOWS)
def test_a_window_beyond_the_limit_is_no_damage(name: str) -> None:
    with pytest.raises(
        SourceError,
        match=r"needs (51[23]|256) MiB of memory to unpack, and 136 MiB is the limit for a source",
    ) as raised:
        list(unpack([LARGE_WINDOWS[name](b"NAME,TEL\n" * 1000)]))
    assert not isinstance(raised.value, DamagedError)
    assert "damaged" not in str(raised.value)
    assert f"`{'zstd -dc --long=31' if name == 'zstd' else 'xz -dc'} FILE | ingest-cli load" in str(raised.value)
