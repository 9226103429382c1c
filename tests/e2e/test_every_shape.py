"""The same people, written in every shape, packed and encoded in every way, are the same items but for their `src`.

What they must be is worked out from the people themselves, so that all shapes could not be wrong alike.
"""

from __future__ import annotations

import codecs
import io
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from ingest_cli.model.manifest import parse_manifest
from tests.e2e.harness import Cli
from tests.support.archives import PACKERS, seven_zip_of, tar_of, zip_of
from tests.support.pipelines import PEPPER, SRC, BytesSource, run, table_of
from tests.support.shapes import Shape
from tests.support.truth import Reference, as_dynamodb_json
from tests.support.writers import (
    LOGIN_WRITERS,
    LOGINS,
    PEOPLE,
    WRITERS,
    Drawn,
    Writer,
    Written,
    drawn,
    manifest,
)

ROWS = 50

BINARY = frozenset(name for name, write in WRITERS.items() if isinstance(write(drawn(PEOPLE, 1).table).data, bytes))
"""Ways of writing that have no encoding, and cannot be packed."""

NATIVE = PEOPLE._replace(name_source="native_name")

MARKS = {
    "utf-8-sig": codecs.BOM_UTF8,
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-le": codecs.BOM_UTF32_LE,
    "utf-32-be": codecs.BOM_UTF32_BE,
}
ENCODINGS: dict[str, tuple[Shape, str]] = {
    "utf-8": (NATIVE, ""),
    "utf-8-sig": (NATIVE, ""),
    "utf-16-le": (NATIVE, ""),
    "utf-16-be": (NATIVE, ""),
    "utf-32-le": (NATIVE, ""),
    "utf-32-be": (NATIVE, ""),
    "cp1252": (PEOPLE, ""),
    "latin-1": (PEOPLE, ""),
    "gb18030": (NATIVE, ""),
    # Characters whose second byte is that of a backslash, which those who look at bytes take for one.
    "big5": (PEOPLE, "許功蓋"),
    "shift_jis": (PEOPLE, "表能ソ"),
}
"""Codec → whom it can hold, and what is written for every name where that is something else."""

PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda data: data,
    **PACKERS,
    "zip": lambda data: zip_of([("dump/", b""), ("dump/ahli", data)]),
    "zip, piped": lambda data: zip_of([("ahli", data)], piped=True),
    "tar.gz": lambda data: PACKERS["gzip"](tar_of([("dump/", b""), ("dump/ahli", data)])),
    "zip in tar": lambda data: tar_of([("ahli.zip", zip_of([("ahli", data)]))], tarfile.GNU_FORMAT),
    "xz in zip": lambda data: zip_of([("ahli.xz", PACKERS["xz"](data))]),
    "7z": lambda data: seven_zip_of([("ahli", data)]),
}


@dataclass(frozen=True)
class File(BytesSource):
    """A source whose bytes can be read at any place."""

    def open_file(self) -> BinaryIO:
        return io.BytesIO(self.data)


def reference(people: Drawn) -> dict[tuple[str, str], Any]:
    whole = Reference(PEPPER.secret, PEPPER.kid, "demo", SRC)
    return {key: as_dynamodb_json(item) for key, item in whole.table(people.truths).items()}


def loaded(shape: Shape, written: Written, data: bytes, encoding: str = "", chunk_bytes: int = 4096) -> dict[Any, Any]:
    """The items of a dump, read in chunks of few rows."""
    wanted = parse_manifest(manifest(shape, written, ["ahli"], encoding=encoding))
    settled = run(wanted, [File(data, piece=1000, name="ahli")], chunk_bytes=chunk_bytes)
    account = settled.account
    assert account.balances
    assert account.rows_read == ROWS, settled.rejects
    assert not account.rows_rejected, settled.rejects
    return {key: _sorted(item) for key, item in table_of(settled).items()}


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: sorted(one) if name == "SS" else _sorted(one) for name, one in value.items()}
    return value


def encoded(written: Written, codec: str) -> bytes:
    if isinstance(written.data, bytes):
        return written.data
    return MARKS.get(codec, b"") + written.data.encode("utf-8" if codec == "utf-8-sig" else codec)


def named(people: Drawn, name: str) -> Drawn:
    """The same people, all of one name, and without accents."""
    if not name:
        return people
    rows = tuple((name, *(cell.replace("é", "e") for cell in row[1:])) for row in people.table.rows)
    return people._replace(table=people.table._replace(rows=rows))


@pytest.mark.parametrize("way", WRITERS)
def test_every_shape_gives_the_same_items(way: str) -> None:
    people = drawn(NATIVE, ROWS)
    written = WRITERS[way](people.table)
    expected = reference(people)
    assert len(expected) > 2 * ROWS
    assert loaded(NATIVE, written, encoded(written, "utf-8")) == expected


def _logins() -> Iterator[tuple[str, str]]:
    for shape in LOGINS:
        for way in LOGIN_WRITERS:
            yield shape, way


@pytest.mark.parametrize(("shape", "way"), list(_logins()))
def test_every_list_of_logins_gives_the_same_items(shape: str, way: str) -> None:
    people = drawn(LOGINS[shape], ROWS)
    written = LOGIN_WRITERS[way](people.table)
    assert loaded(LOGINS[shape], written, encoded(written, "utf-8")) == reference(people)


def _encoded() -> Iterator[tuple[str, str]]:
    """Every shape in the encodings that are hardest on parsers, and in some of the others."""
    others = [codec for codec in ENCODINGS if codec not in {"utf-16-be", "big5"}]
    for number, way in enumerate(sorted(WRITERS.keys() - BINARY)):
        for codec in ("utf-16-be", "big5", others[number % len(others)], others[(number + 4) % len(others)]):
            yield way, codec


@pytest.mark.parametrize(("way", "codec"), list(_encoded()))
def test_so_does_every_encoding(way: str, codec: str) -> None:
    shape, name = ENCODINGS[codec]
    people = named(drawn(shape, ROWS), name)
    written = WRITERS[way](people.table)
    told = "" if codec in MARKS else codec
    assert loaded(shape, written, encoded(written, codec), told) == reference(people)


def _packed() -> Iterator[tuple[str, str, str]]:
    """Every shape in some packings and every packing in some shapes, each time with another encoding."""
    ways, packings, codecs_ = sorted(WRITERS.keys() - BINARY), list(PACKINGS), list(ENCODINGS)
    for number, way in enumerate(ways):
        for step in (0, 3, 7):
            turn = number + step
            yield way, packings[turn % len(packings)], codecs_[(3 * number + step) % len(codecs_)]


@pytest.mark.parametrize(("way", "packing", "codec"), list(_packed()))
def test_so_does_every_packing(way: str, packing: str, codec: str) -> None:
    shape, name = ENCODINGS[codec]
    people = named(drawn(shape, ROWS), name)
    written = WRITERS[way](people.table)
    packed = PACKINGS[packing](encoded(written, codec))
    assert loaded(shape, written, packed, "" if codec in MARKS else codec) == reference(people)


def test_the_packings_are_all_tried() -> None:
    assert {packing for _, packing, _ in _packed()} == PACKINGS.keys()
    assert {codec for _, _, codec in _packed()} == ENCODINGS.keys()


def test_passwords_are_written_in_every_shape_and_read_from_none() -> None:
    ways = [(PEOPLE, write) for write in WRITERS.values()]
    ways += [(shape, write) for shape in LOGINS.values() for write in LOGIN_WRITERS.values()]
    for shape, write in ways:
        people = drawn(shape, ROWS)
        written = write(people.table)
        assert all(row[-1].startswith(("rahsia-", "contoh-sahaja")) for row in people.table.rows)
        if isinstance(written.data, str):
            assert written.data.count("rahsia-") == ROWS
        assert "rahsia" not in repr(loaded(shape, written, encoded(written, "utf-8")))


def files_of(folder: Path, writer: Writer, name: str, packing: str, codec: str) -> Path:
    """A dump and its manifest on a disk."""
    shape, name_of_all = ENCODINGS[codec]
    people = named(drawn(shape, ROWS), name_of_all)
    written = writer(people.table)
    (folder / name).write_bytes(PACKINGS[packing](encoded(written, codec)))
    path = folder / f"{name}.toml"
    path.write_text(
        manifest(shape, written, [name], dataset=f"demo-{name}", encoding="" if codec in MARKS else codec),
        encoding="utf-8",
    )
    return path


COMMANDED = {
    "a": ("csv, semicolons", "zip", "cp1252"),
    "b": ("SQL Server", "tar.gz", "utf-16-le"),
    "c": ("mysqldump", "zstd", "big5"),
    "d": ("mongoexport", "7z", "utf-8"),
    "e": ("json, rows", "zip in tar", "gb18030"),
    "f": ("fixed, header", "xz", "shift_jis"),
    "g": ("parquet", "plain", "utf-8"),
    "h": ("arrow, stream", "plain", "utf-8"),
    "i": ("xlsx", "plain", "utf-8"),
}


def test_the_installed_command_counts_the_same(cli: Cli, tmp_path: Path) -> None:
    manifests = [
        files_of(tmp_path, WRITERS[way], f"ahli-{name}", packing, codec)
        for name, (way, packing, codec) in COMMANDED.items()
    ]
    result = cli("validate", *manifests, "--output", "json")
    assert (result.code, result.err) == (0, "")
    counts = [(report["rows"], report["items"]["distinct"]) for report in result.reports]
    people = drawn(PEOPLE, ROWS)
    assert [distinct for _, distinct in counts] == [len(reference(people))] * len(COMMANDED)
    assert all(rows["read"] == ROWS and not rows["rejected"] for rows, _ in counts)
    assert "rahsia" not in result.out
