"""The files within a source: whichever archive they lie in, whatever is wrong with it, and never too much of it."""

from __future__ import annotations

import base64
import gzip
import io
import random
import struct
import sys
import tarfile
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable, Iterator
from itertools import chain, repeat

import inflate64
import py7zr
import pyrage
import pytest

from ingest_cli.decoders import members, unpack
from ingest_cli.errors import SourceError
from ingest_cli.model.source_budget import Limits
from tests.support.archives import (
    ARCHIVERS,
    PACKERS,
    STREAMED,
    age_with_passphrase,
    in_pieces,
    outcome,
    seven_zip_of,
    tar_entry,
    tar_of,
    zip_directory,
    zip_member,
    zip_of,
)

ROWS = b"".join(b"%d,row %d\n" % (random.Random(i).getrandbits(40), i) for i in range(3000))
SHORT = b"id,name\n1,Ali\n"
FILES = [("a.csv", ROWS), ("folder/", b""), ("empty.csv", b""), ("folder/b.csv", SHORT)]
WANTED = [("a.csv", ROWS), ("folder/b.csv", SHORT)]
APPLE_DOUBLE = b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X"
IDENTITY = pyrage.x25519.Identity.generate()
PIECES = pytest.mark.parametrize("piece", [1, 7, 511, 65_537, 1 << 20])


def said(data: bytes, **more: Limits) -> str:
    error = outcome(data, **more).error
    assert error is not None
    assert error.isprintable()
    return error


@PIECES
@pytest.mark.parametrize("archiver", ARCHIVERS)
def test_every_archive_gives_its_files_in_order(archiver: str, piece: int) -> None:
    files = [each for each in FILES if not archiver.startswith("7z") or not each[0].endswith("/")]
    found = outcome(ARCHIVERS[archiver](files), piece)
    assert (found.files, found.error) == (WANTED, None)
    assert found.largest <= 1 << 20


@pytest.mark.slow
@PIECES
@pytest.mark.parametrize("packer", PACKERS)
@pytest.mark.parametrize("archiver", STREAMED)
def test_archives_within_packings_and_packings_within_archives(archiver: str, packer: str, piece: int) -> None:
    pack, archive = PACKERS[packer], ARCHIVERS[archiver]
    found = outcome(pack(archive([("a.csv", pack(ROWS)), ("b.csv", SHORT)])), piece)
    assert (found.files, found.error) == ([("a.csv", ROWS), ("b.csv", SHORT)], None)


@pytest.mark.parametrize("inner", STREAMED)
@pytest.mark.parametrize("outer", ARCHIVERS)
def test_archives_within_archives_are_named_after_both(outer: str, inner: str) -> None:
    found = outcome(ARCHIVERS[outer]([("x", ARCHIVERS[inner](FILES)), ("last.csv", SHORT)]))
    assert found.error is None
    assert found.files == [("x/a.csv", ROWS), ("x/folder/b.csv", SHORT), ("last.csv", SHORT)]


@pytest.mark.parametrize("data", [b"", b"a", b"a,b\n1,2\n", b"PK is no magic", b"x" * 600, b"\0" * 600])
def test_what_is_no_archive_is_one_file_without_a_name(data: bytes) -> None:
    assert outcome(data).files == [("", data)]


def test_packings_have_an_end() -> None:
    packed = SHORT
    for _ in range(4):
        packed = zip_of([("x", packed)])
    assert outcome(packed).contents == [SHORT]
    assert "more than 4 packings" in said(zip_of([("x", packed)]))


def test_a_member_that_was_not_read_is_passed_over() -> None:
    for archive in ARCHIVERS.values():
        data = archive(WANTED)
        found = members([data], open_file=lambda data=data: io.BytesIO(data))
        assert [member.name for member in found] == ["a.csv", "folder/b.csv"]


def test_damage_in_what_is_passed_over_is_told() -> None:
    data = bytearray(zip_of(WANTED))
    data[2000] ^= 1
    found = members([bytes(data)])
    next(found)
    with pytest.raises(SourceError, match="damaged"):
        next(found)


def test_a_fault_is_raised_again_when_the_next_file_is_asked_for() -> None:
    found = members([zip_of(WANTED)[:5000]])
    first = next(found)
    with pytest.raises(SourceError, match="cut off"):
        list(first.pieces)
    with pytest.raises(SourceError, match="cut off"):
        next(found)


def test_what_macos_puts_beside_a_file_is_left_out_but_nothing_that_only_looks_so() -> None:
    files = [
        ("__MACOSX/._a.csv", APPLE_DOUBLE),
        ("._a.csv", APPLE_DOUBLE),
        (".DS_Store", b"\x00\x00\x00\x01Bud1"),
        ("__MACOSX/rows.csv", SHORT),
        ("._rows.csv", SHORT),
        ("x/.DS_Store", SHORT),
    ]
    for archiver in STREAMED:
        assert outcome(ARCHIVERS[archiver](files)).contents == [SHORT] * 3


@pytest.mark.parametrize("archiver", ARCHIVERS)
def test_a_cut_comes_behind_everything_before_it(archiver: str) -> None:
    data = ARCHIVERS[archiver](WANTED)
    found = outcome(data[: len(data) // 2], 100)
    assert found.error is not None
    assert "cut off after byte" in found.error or "was not found" in found.error
    if not archiver.startswith("7z") and archiver != "zip, bzip2":  # which comes in blocks longer than this
        assert len(found.contents[0]) > len(ROWS) // 4
        assert ROWS.startswith(found.contents[0])


def test_names_are_labels_and_shown_without_what_a_terminal_obeys() -> None:
    names = ["../../etc/passwd", "/etc/passwd", "C:\\x", "\x1b[2Jx", "\u202ecsv", "a" * 300, "ünï.csv"]
    for archiver in STREAMED:
        if "ustar" not in archiver:
            assert [name for name, _ in outcome(ARCHIVERS[archiver]([(n, SHORT) for n in names])).files] == names
    assert said(tar_entry(tarfile.SYMTYPE, "\x1b[2J\u202e" + "x" * 200, linkname="y")).count("x") < 150


class TestZip:
    """What only zip archives can have."""

    def test_without_a_directory_that_makes_sense_all_is_read(self) -> None:
        data = bytearray(zip_of(WANTED))
        at = data.index(b"PK\x01\x02")
        data[at + 4 : -22] = b"\xff" * (len(data) - 26 - at)
        assert outcome(bytes(data), 50).files == WANTED

    @pytest.mark.parametrize("kept", [0, 4, 46, 100, -1])
    def test_without_a_usable_directory_all_is_read_and_that_is_noted(self, kept: int) -> None:
        data = zip_of(WANTED)
        directory = data.index(b"PK\x01\x02")
        found = outcome(data[: len(data) - 1 if kept < 0 else directory + kept])
        assert (found.files, found.error) == (WANTED, None)
        [note] = found.notes
        assert "has no usable directory" in note

    def test_a_directory_that_makes_no_sense_is_counted_by_its_end(self) -> None:
        data = zip_of(WANTED)
        directory, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
        nonsense = b"?" * (end - directory)
        assert outcome(data[:directory] + nonsense + data[end:]).error is None
        second = data.index(b"PK\x03\x04", 4)
        assert "lists" in said(data[:second] + nonsense + data[end:])
        assert "neither a member nor" in said(data[:second] + nonsense)

    def test_a_link_is_refused(self) -> None:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            link = zipfile.ZipInfo("passwd.csv")
            link.create_system = 3
            link.external_attr = 0o120777 << 16
            archive.writestr(link, "/etc/passwd")
        assert "symbolic link" in said(buffer.getvalue())

    def test_a_directory_that_lists_more_than_was_found_is_told(self) -> None:
        first, second = zip_member(b"a", SHORT), zip_member(b"b", SHORT)
        assert outcome(first + second + zip_directory([first, second])).error is None
        assert "lists 2 members, but 1 were found" in said(first + zip_directory([first, second]))
        assert "lists 1 members, but 2 were found" in said(first + second + zip_directory([first]))

    @pytest.mark.parametrize("between", [b"", b"\0", b"\0" * 70_000])
    def test_an_archive_behind_another_is_read_as_well(self, between: bytes) -> None:
        both = zip_of([("a", SHORT)]) + between + zip_of([("b", ROWS)])
        assert outcome(both, 1000).files == [("a", SHORT), ("b", ROWS)]

    @pytest.mark.parametrize("junk", [b"\n", b"x" * 65_535])
    def test_a_little_junk_behind_it_is_no_harm(self, junk: bytes) -> None:
        assert outcome(zip_of(WANTED) + junk).error is None

    @pytest.mark.parametrize("junk", [b"x" * 65_536, b"\n" + zip_of([("b", SHORT)])])
    def test_what_may_be_data_behind_it_is_told(self, junk: bytes) -> None:
        assert "other data follows" in said(zip_of(WANTED) + junk)

    def test_something_else_between_members_is_told(self) -> None:
        assert "after its directory" in said(zip_member(b"a", SHORT) + b"junk" + zip_member(b"b", SHORT))

    def test_sizes_of_eight_bytes(self) -> None:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            with archive.open("a", "w", force_zip64=True) as member:
                member.write(ROWS)
            archive.writestr("b", SHORT)
        data = buffer.getvalue()
        assert struct.unpack_from("<L", data, 18)[0] == 0xFFFFFFFF
        assert outcome(data, 9).files == [("a", ROWS), ("b", SHORT)]

    @pytest.mark.parametrize("sign", [b"PK\x07\x08", b""])
    @pytest.mark.parametrize("layout", ["<LLL", "<LQQ"])
    def test_every_way_of_writing_sizes_behind_a_member(self, sign: bytes, layout: str) -> None:
        packer = zlib.compressobj(wbits=-15)
        packed = packer.compress(ROWS) + packer.flush()
        member = bytearray(zip_member(b"a", ROWS, method=8, packed=packed, flags=8))
        member[14:26] = bytes(12)
        whole = bytes(member) + sign + struct.pack(layout, zlib.crc32(ROWS), len(packed), len(ROWS))
        assert outcome(whole + zip_directory([bytes(member)]), 5).files == [("a", ROWS)]

    def test_a_stored_member_of_unknown_size_may_hold_what_ends_one(self) -> None:
        inner = zip_of([("x", SHORT), ("y", ROWS)], zipfile.ZIP_STORED, piped=True) + b"PK\x07\x08" * 50_000
        data = zip_of([("a.bin", b"." + inner), ("b", SHORT)], zipfile.ZIP_STORED, piped=True)
        for piece in (1 << 20, 65_536, 4999, 3):
            assert outcome(data, piece).files == [("a.bin", b"." + inner), ("b", SHORT)]

    def test_a_folder_without_the_descriptor_it_promises(self) -> None:
        folder, member = zip_member(b"d/", b"", flags=8), zip_member(b"d/a", SHORT)
        assert outcome(folder + member + zip_directory([folder, member])).files == [("d/a", SHORT)]

    @PIECES
    def test_deflate64(self, piece: int) -> None:
        packer = inflate64.Deflater()
        packed = packer.deflate(ROWS) + packer.flush()
        member = zip_member(b"a", ROWS, method=9, packed=packed)
        assert outcome(member + zip_directory([member]), piece).files == [("a", ROWS)]
        broken = member[:2000] + b"\xff\xff" + member[2002:]
        assert "damaged" in said(broken + zip_directory([member]))

    def test_a_library_that_is_not_there_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("inflate64", "py7zr", "pyrage"):
            monkeypatch.setitem(sys.modules, name, None)
        assert "install ingest-cli[7z]" in said(zip_member(b"a", SHORT, method=9))
        assert "install ingest-cli[7z]" in said(b"7z\xbc\xaf\x27\x1c" + bytes(100))
        assert "install ingest-cli[age]" in said(b"age-encryption.org/v1\n-> X25519 x\n")

    @pytest.mark.parametrize("flags", [1, 0x41, 0x2000])
    def test_a_password_is_told(self, flags: int) -> None:
        assert '"a.csv" is protected by a password' in said(zip_member(b"a.csv", SHORT, method=8, flags=flags))

    @pytest.mark.parametrize("method", [1, 6, 14, 98, 99])
    def test_a_method_that_is_not_known_is_told(self, method: int) -> None:
        assert f"method {method}" in said(zip_member(b"a", SHORT, method=method))

    @pytest.mark.parametrize("first", ["[Content_Types].xml", "_rels/.rels", "docProps/app.xml", "xl/workbook.xml"])
    def test_a_workbook_is_told_with_what_to_try(self, first: str) -> None:
        assert 'name = "xlsx"' in said(zip_of([(first, b"<x/>")]))
        assert 'name = "xlsx"' in said(zip_of([("a.xlsx", zip_of([(first, b"<x/>")]))]))

    def test_an_open_document_is_told(self) -> None:
        assert "OpenDocument" in said(zip_of([("mimetype", b"application/vnd.oasis.opendocument.spreadsheet")]))

    def test_a_wrong_checksum_comes_behind_the_bytes(self) -> None:
        data = bytearray(zip_of(WANTED))
        data[14] ^= 1
        found = outcome(bytes(data))
        assert found.contents == [ROWS]
        assert 'the checksum of "a.csv" does not match' in (found.error or "")


class TestTar:
    """What only tar archives can have."""

    @pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
    def test_long_names(self, form: int) -> None:
        name = "é" * 200 + "/" + "n" * 300
        assert outcome(tar_of([(name, SHORT), ("b", ROWS)], form), 100).files == [(name, SHORT), ("b", ROWS)]

    def test_the_oldest_tars_have_no_magic_number(self) -> None:
        block = bytearray(tar_entry(tarfile.REGTYPE, "old.csv", SHORT))
        block[257:265] = bytes(8)
        block[148:156] = b" " * 8
        block[148:156] = b"%06o\0 " % sum(block[:512])
        assert outcome(bytes(block) + bytes(1024)).files == [("old.csv", SHORT)]

    @pytest.mark.parametrize("zeros", [512, 513, 1024, 10_240])
    def test_one_block_of_zeros_is_the_end(self, zeros: int) -> None:
        assert outcome(tar_entry(tarfile.REGTYPE, "a", SHORT) + bytes(zeros)).error is None

    @pytest.mark.parametrize("kept", [513, 530, 1023, 1024, 1100])
    def test_a_cut_where_tarfile_says_nothing(self, kept: int) -> None:
        data = tar_of([("a", SHORT), ("b", ROWS)])[:kept]
        assert "cut off" in said(data)

    def test_a_damaged_header_is_not_the_end(self) -> None:
        data = bytearray(tar_of([("a", SHORT), ("b", ROWS)]))
        data[1030] ^= 1
        found = outcome(bytes(data))
        assert found.files == [("a", SHORT)]
        assert "a header is missing" in (found.error or "")

    def test_a_tar_behind_another_is_read_as_well(self) -> None:
        assert outcome(tar_of([("a", SHORT)]) + tar_of([("b", ROWS)])).files == [("a", SHORT), ("b", ROWS)]

    @pytest.mark.parametrize(
        ("kind", "what"),
        [
            (tarfile.SYMTYPE, "a link"),
            (tarfile.LNKTYPE, "a link"),
            (tarfile.CHRTYPE, "a device"),
            (tarfile.BLKTYPE, "a device"),
            (tarfile.FIFOTYPE, "a named pipe"),
            (b"M", "from another volume"),
            (b"Q", "of an unknown type"),
        ],
    )
    def test_what_is_no_file_is_refused_behind_what_was_before(self, kind: bytes, what: str) -> None:
        data = (
            tar_entry(tarfile.REGTYPE, "a", SHORT) + tar_entry(kind, "evil\x1b", linkname="/etc/passwd") + bytes(1024)
        )
        found = outcome(data)
        assert found.files == [("a", SHORT)]
        assert found.error is not None
        assert what in found.error
        assert '"evil\\x1b"' in found.error

    @pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME])
    def test_a_header_that_says_it_is_huge_is_not_read(self, kind: bytes) -> None:
        entry = tarfile.TarInfo("x")
        entry.type, entry.size = kind, 1 << 40
        assert "is too long" in said(entry.tobuf(tarfile.GNU_FORMAT) + bytes(4096))

    @pytest.mark.parametrize(
        "record", [b"9 path=x", b"99 path=x\n", b"-1 path=x\n", b"0 a=b\n", b"x path=y\n", b"12 size=abc\n", b"5 a\n"]
    )
    def test_records_that_make_no_sense_are_told(self, record: bytes) -> None:
        data = tar_entry(tarfile.XHDTYPE, content=record) + tar_entry(tarfile.REGTYPE, "a", SHORT) + bytes(1024)
        assert "is invalid" in said(data)

    def test_a_negative_size_is_told(self) -> None:
        entry = tarfile.TarInfo("x")
        entry.size = -512
        assert "is invalid" in said(entry.tobuf(tarfile.GNU_FORMAT) + bytes(1024))


STRETCHES = [(1000, b"first"), (5000, b"second"), (9000, b"")]
SPARSE_SIZE = 9000
SPARSE = (bytes(1000) + b"first" + bytes(3995) + b"second").ljust(SPARSE_SIZE, b"\0")
STORED = b"firstsecond"


def pax(**records: bytes) -> bytes:
    """Pax records, `_` in a key standing for `.`."""
    out = b""
    for key, value in records.items():
        rest = b" %b=%b\n" % (key.replace("_", ".").encode(), value)
        out += b"%d%b" % (len(rest) + len(str(len(rest) + 2)), rest)
    return tar_entry(tarfile.XHDTYPE, content=out)


def sparse_tars() -> Iterator[tuple[str, bytes]]:
    numbers = [n for at, data in STRETCHES for n in (at, len(data))]
    stored = tar_entry(tarfile.REGTYPE, "x", STORED)
    size = b"%d" % SPARSE_SIZE
    listed = b",".join(b"%d" % n for n in numbers)
    yield "0.1", pax(GNU_sparse_size=size, GNU_sparse_map=listed, GNU_sparse_name=b"s.csv") + stored
    mapped = (b"3\n" + b"".join(b"%d\n" % n for n in numbers)).ljust(512, b"\0") + STORED
    versions = {"GNU_sparse_major": b"1", "GNU_sparse_minor": b"0"}
    head = pax(**versions, GNU_sparse_realsize=size, GNU_sparse_name=b"s.csv")
    yield "1.0", head + tar_entry(tarfile.REGTYPE, "x", mapped)
    block = bytearray(tar_entry(tarfile.GNUTYPE_SPARSE, "s.csv", STORED))
    for place, number in enumerate(numbers):
        block[386 + 12 * place : 398 + 12 * place] = b"%011o\0" % number
    block[483:495] = b"%011o\0" % SPARSE_SIZE
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block[:512])
    yield "old", bytes(block)


@pytest.mark.parametrize("form", ["0.1", "1.0", "old"])
def test_files_with_holes(form: str) -> None:
    whole = dict(sparse_tars())[form] + tar_entry(tarfile.REGTYPE, "b", SHORT) + bytes(1024)
    found = outcome(whole, 77)
    assert (found.files, found.error) == ([("s.csv", SPARSE), ("b", SHORT)], None)


@pytest.mark.parametrize("numbers", [b"5,3,1,2", b"0,99999", b"0,1", b"0", b"0,-5", b"x"])
def test_holes_that_make_no_sense(numbers: bytes) -> None:
    data = pax(GNU_sparse_size=b"9000", GNU_sparse_map=numbers) + tar_entry(tarfile.REGTYPE, "x", STORED) + bytes(1024)
    assert "damaged" in said(data)


def test_a_hole_without_an_end_has_one() -> None:
    size = b"%d" % (1 << 60)
    data = pax(GNU_sparse_size=size, GNU_sparse_map=b"0,11") + tar_entry(tarfile.REGTYPE, "x", STORED) + bytes(1024)
    assert "unpack to more than" in said(data, limits=Limits(ratio_from_bytes=1 << 22))


class TestSevenZip:
    """What only 7z archives can have."""

    @pytest.mark.parametrize(
        "filters",
        [
            [{"id": py7zr.FILTER_LZMA2, "preset": 9}],
            [{"id": py7zr.FILTER_X86}, {"id": py7zr.FILTER_LZMA2, "preset": 1}],
            [{"id": py7zr.FILTER_DELTA}, {"id": py7zr.FILTER_LZMA2, "preset": 1}],
            [{"id": py7zr.FILTER_BZIP2}],
            [{"id": py7zr.FILTER_DEFLATE}],
            [{"id": py7zr.FILTER_ZSTD, "level": 3}],
        ],
    )
    def test_methods(self, filters: list[dict[str, int]]) -> None:
        assert outcome(seven_zip_of(WANTED, filters)).files == WANTED

    def test_a_method_that_is_not_read_is_told(self) -> None:
        assert "7z x -so" in said(seven_zip_of(WANTED, [{"id": py7zr.FILTER_PPMD, "order": 6, "mem": 24}]))

    def test_a_password_is_told(self) -> None:
        assert "protected by a password" in said(seven_zip_of(WANTED, password="secret"))

    def test_a_pipe_is_told(self) -> None:
        with pytest.raises(SourceError, match="can only be read from a file"):
            list(members([seven_zip_of(WANTED)]))
        assert "can only be read from a file" in said(gzip.compress(seven_zip_of(WANTED)))


class TestAge:
    """What is encrypted with age."""

    @pytest.mark.slow
    @PIECES
    @pytest.mark.parametrize("armored", [False, True])
    def test_it_is_decrypted_and_then_unpacked(self, piece: int, *, armored: bool) -> None:
        data = pyrage.encrypt(gzip.compress(tar_of(WANTED)), [IDENTITY.to_public()], armored=armored)
        found = outcome(data, piece, age_key=lambda: f"# created: today\n{IDENTITY}\n")
        assert (found.files, found.error) == (WANTED, None)

    def test_it_is_read_within_an_archive(self) -> None:
        data = pyrage.encrypt(ROWS, [IDENTITY.to_public()])
        assert outcome(zip_of([("a.age", data)]), age_key=lambda: str(IDENTITY)).files == [("a.age", ROWS)]

    @pytest.mark.parametrize("cut", [1, 17, 1000, 65_536 + 17])
    def test_a_cut_comes_behind_what_was_authentic(self, cut: int) -> None:
        data = pyrage.encrypt(ROWS * 20, [IDENTITY.to_public()])
        found = outcome(data[:-cut], 999, age_key=lambda: str(IDENTITY))
        assert "cut off or damaged near byte" in (found.error or "")
        assert (ROWS * 20).startswith(found.contents[0])
        assert len(found.contents[0]) > len(ROWS) * 20 - cut - 2 * 65_536

    def test_a_fault_of_the_source_stays_what_it_is(self) -> None:
        data = gzip.compress(pyrage.encrypt(random.Random(1).randbytes(300_000), [IDENTITY.to_public()]))
        found = outcome(data[:-1000], age_key=lambda: str(IDENTITY))
        assert "the gzip data is cut off" in (found.error or "")
        assert len(found.contents[0]) > 200_000

    @pytest.mark.parametrize(
        ("key", "what"),
        [
            (None, "--age-identity"),
            (str(pyrage.x25519.Identity.generate()), "another identity"),
            ("AGE-SECRET-KEY-1NONSENSE", "is not valid"),
            ("hunter2", "is a passphrase"),
        ],
        ids=["none", "another", "nonsense", "a passphrase"],
    )
    def test_a_key_that_does_not_fit_is_told_but_never_shown(self, key: str | None, what: str) -> None:
        found = outcome(pyrage.encrypt(ROWS, [IDENTITY.to_public()]), age_key=None if key is None else lambda: str(key))
        assert what in (found.error or "")
        assert str(key) not in (found.error or "")

    def test_a_passphrase(self) -> None:
        data = age_with_passphrase(gzip.compress(ROWS), "hunter2 rows", 10)
        assert outcome(data, 9, age_key=lambda: "hunter2 rows\n").contents == [ROWS]
        assert "another passphrase, or cut off" in (outcome(data, age_key=lambda: "hunter2").error or "")
        assert "another passphrase, or cut off" in (outcome(data[:-1], age_key=lambda: "hunter2 rows").error or "")
        assert "the key given is an identity" in (outcome(data, age_key=lambda: str(IDENTITY)).error or "")
        too_much = age_with_passphrase(ROWS, "x", 10).replace(b" 10\n", b" 19\n", 1)
        assert "too much memory" in (outcome(too_much, age_key=lambda: "x").error or "")
        lines = b"\n".join(in_pieces(base64.b64encode(data), 64))
        armored = b"-----BEGIN AGE ENCRYPTED FILE-----\n" + lines + b"\n-----END AGE ENCRYPTED FILE-----\n"
        assert outcome(armored, 9, age_key=lambda: "hunter2 rows").contents == [ROWS]

    def test_a_passphrase_that_takes_too_much_memory_is_told(self) -> None:
        data = b"age-encryption.org/v1\n-> scrypt c2FsdHNhbHRzYWx0c2FsdA 24\nYm9keQ\n--- bWFj\n" + bytes(50)
        assert "16 GiB" in (outcome(data, age_key=lambda: "hunter2").error or "")

    def test_nobody_has_to_read_it_to_its_end(self) -> None:
        found = members([pyrage.encrypt(ROWS * 50, [IDENTITY.to_public()])], age_key=lambda: str(IDENTITY))
        assert ROWS.startswith(next(next(found).pieces)[:100])
        found.close()  # type: ignore[attr-defined]  # a generator


@pytest.mark.parametrize(
    "head",
    [
        b"Rar!\x1a\x07\x01\x00",
        b"PK\x07\x08PK\x03\x04",
        b"Salted__1234",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        b"LZIP\x01",
    ],
)
def test_what_is_known_but_not_read_is_told_with_what_to_try(head: bytes) -> None:
    assert said(head + bytes(600)).startswith("it is ")
    assert said(zip_of([("x", head + bytes(600))])).startswith("it is ")


SMALL = Limits(expanded_bytes=1 << 24, ratio=1000, ratio_from_bytes=1 << 22, members=1000)


ZEROS = bytes(1 << 25)


def deflate64_bomb() -> bytes:
    packer = inflate64.Deflater()
    member = zip_member(b"a", ZEROS, method=9, packed=packer.deflate(ZEROS) + packer.flush())
    return member + zip_directory([member])


BOMBS: dict[str, Callable[[], bytes]] = {
    "gzip": lambda: gzip.compress(ZEROS),
    "gzip in gzip": lambda: gzip.compress(gzip.compress(ZEROS)),
    "zstd": lambda: PACKERS["zstd"](ZEROS),
    "bzip2": lambda: PACKERS["bzip2"](ZEROS),
    "zip": lambda: zip_of([("a", ZEROS)]),
    "zips in a zip": lambda: zip_of([(f"{n}.zip", zip_of([("a", ZEROS[: 1 << 21])])) for n in range(20)]),
    "7z": lambda: seven_zip_of([("a", ZEROS)]),
    "passed over": lambda: zip_of([("__MACOSX/._a", APPLE_DOUBLE + ZEROS)]),
    "deflate64": deflate64_bomb,
}


@pytest.mark.slow
@pytest.mark.parametrize("bomb", BOMBS)
def test_bombs_end_within_their_limits_and_in_small_pieces(bomb: str) -> None:
    found = outcome(BOMBS[bomb](), limits=SMALL)
    assert "unpack" in (found.error or "")
    assert sum(map(len, found.contents)) <= SMALL.expanded_bytes
    assert found.largest <= 1 << 20


def test_what_shrinks_three_hundredfold_is_no_bomb() -> None:
    data = b"".join(b"2017-10-19 12:00:%02d INFO ok\n" % (n // 9000) for n in range(400_000))
    packed = gzip.compress(data, 9)
    assert len(data) > 200 * len(packed)
    assert len(data) > SMALL.ratio_from_bytes
    assert outcome(packed, limits=SMALL).error is None


@pytest.mark.slow
def test_members_without_an_end_have_one() -> None:
    entry = tar_entry(tarfile.REGTYPE, "x")
    with pytest.raises(SourceError, match="more than 100,000 entries"):
        list(members(chain(repeat(entry, 1_000_000))))
    assert "more than 1,000 entries" in said(tar_entry(tarfile.DIRTYPE, "d") * 2000, limits=SMALL)
    assert "more than 1,000 entries" in said(zip_member(b"d/", b"") * 2000, limits=SMALL)
    assert "more than 1,000 entries" in said(tar_entry(tarfile.XGLTYPE, "d") * 2000, limits=SMALL)


def test_names_that_overlap_are_read_once_and_told() -> None:
    kernel = zip_member(b"kernel", SHORT)
    quoted = zip_member(b"quoting", b"." + kernel)
    found = outcome(quoted + zip_directory([quoted, kernel]))
    assert found.contents == [b"." + kernel]
    assert "lists 2 members, but 1 were found" in (found.error or "")


@pytest.mark.slow
@pytest.mark.parametrize("archiver", STREAMED)
def test_memory_does_not_grow_with_the_file(archiver: str) -> None:
    content = random.Random(1).randbytes(1 << 20) * (6 if "bzip2" in archiver else 24)
    data = ARCHIVERS[archiver]([("a", content)])
    tracemalloc.start()
    try:
        total = sum(len(piece) for member in members(in_pieces(data, 1 << 16)) for piece in member.pieces)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert total == len(content)
    assert peak < 12 << 20


def test_unpack_takes_one_file_only() -> None:
    assert b"".join(unpack([zip_of([("a", SHORT)])])) == SHORT
    with pytest.raises(SourceError, match="more than one file"):
        list(unpack([zip_of(WANTED)]))
