"""Writes `sample_data/`: one small dump of each shape and format, with its manifest and the counts to expect.

    python -m tests.support.make_samples [FOLDER]

The same person is in all of them, spelled differently each time, so that one person can be looked up in all.
The files are committed; a test compares them with what this makes.
"""

from __future__ import annotations

import codecs
import gzip
import io
import json
import sys
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq

from tests.support.dumps import Dump, manifest_of, write_dump
from tests.support.people import AISYAH, Person
from tests.support.shapes import SHAPES, Shape
from tests.support.truth import RowTruth, Tally, loosened
from tests.support.writers import (
    KEYED_WRITERS,
    LOGIN_WRITERS,
    LOGINS,
    MISFIT_WRITERS,
    PEOPLE,
    UTF_8_WRITERS,
    WRITERS,
    Drawn,
    Written,
    drawn,
    manifest,
)
from tests.support.writers.delimited import LOOSE_OF

FOLDER = Path(__file__).resolve().parents[2] / "sample_data"

# The same mailbox, with the tag she gave that one site: it is found by way of the base address.
_AISYAH_TAGGED = AISYAH._replace(email="aisyah+forum@example.com")


class Wound(NamedTuple):
    """A line that stands where none should, and what must become of it.

    Attributes:
        line: before which it stands, from 0.
        text: without its line end.
        reason: why it is rejected or, if it is blank, skipped.
    """

    line: int
    text: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class People:
    """A table of people, written down.

    Attributes:
        way: name of the writer.
        title: of the dataset.
        table: its name, where tables have names.
        shape: its columns.
        rows: how many.
        seed: the world its people come from.
        codec: of Python, for text.
        mark: what stands before the text.
        planted: row, from 0, → a person to stand there.
        wounds: where a line is a record: lines between them.
        packed: name in a zip archive, beside what a Mac puts there; empty for no archive.
    """

    way: str
    title: str
    table: str = "ahli"
    shape: Shape = PEOPLE
    rows: int = 40
    seed: int
    codec: str = "utf-8"
    mark: bytes = b""
    planted: Mapping[int, Person] = field(default_factory=dict)
    wounds: tuple[Wound, ...] = ()
    packed: str = ""

    @property
    def actual_shape(self) -> Shape:
        """The shape, by the name of this table."""
        shape = self.shape._replace(name=self.table, title=self.title)
        if self.codec != "cp1252":
            shape = shape._replace(name_source="native_name")
        return shape._replace(address_source="street") if self.way.startswith("fixed") else shape

    def drawn(self) -> Drawn:
        """Who is in it, and what must become of them; wounds left out."""
        complete = self.shape in LOGINS.values()
        return drawn(self.actual_shape, self.rows, seed=self.seed, planted=self.planted, complete=complete)

    def written(self) -> Written:
        """What is written, before it is encoded and packed; wounds left out."""
        table = self.drawn().table
        logins = self.shape in LOGINS.values()
        ways = {**LOGIN_WRITERS, **KEYED_WRITERS} if logins else {**WRITERS, **UTF_8_WRITERS, **MISFIT_WRITERS}
        return ways[self.way](table)

    def content(self) -> bytes:
        """The whole file."""
        data = self.written().data
        if isinstance(data, str):
            lines = data.splitlines(keepends=True)
            for wound in reversed(self.wounds):
                lines.insert(wound.line, f"{wound.text}\n")
            data = self.mark + "".join(lines).encode(self.codec)
        if not self.packed:
            return data
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, member in ((self.packed, data), (f"__MACOSX/._{self.packed}", b"\0\5\x16\7" + bytes(28))):
                archive.writestr(zipfile.ZipInfo(name), member, zipfile.ZIP_DEFLATED)
        return out.getvalue()

    def truths(self) -> list[RowTruth]:
        """The truth about each record; rows and lines are counted from the first record."""
        found = list(self.drawn().truths)
        if self.way in MISFIT_WRITERS:
            found = [loosened(truth) if row % LOOSE_OF else truth for row, truth in enumerate(found)]
        for wound in reversed(self.wounds):
            outcome: RowTruth = RowTruth(0, 0, "skipped" if wound.reason == "blank" else "rejected", wound.reason)
            found.insert(wound.line, outcome)
        return [replace(truth, row=row, line=row) for row, truth in enumerate(found, 1)]

    def manifest(self, sample: Sample) -> str:
        """Its manifest."""
        encoding = "" if self.codec == "utf-8" else self.codec
        if self.mark:
            encoding = encoding.removesuffix("-le")  # by the name of the encoding that has a mark
        max_ratio = 0.05 if sample.max_ratio is None else sample.max_ratio
        return manifest(
            self.actual_shape,
            self.written(),
            sample.sources,
            dataset=sample.dataset,
            encoding=encoding,
            max_ratio=max_ratio,
        )


class Sample(NamedTuple):
    """Files that share one manifest.

    Attributes:
        name: what its files begin with.
        dataset: id of the dataset.
        files: file name → what to write into it.
        sources: as the manifest names them.
        max_ratio: rejects to be allowed, as a ratio; None for what suits the share of dirty rows.
    """

    name: str
    dataset: str
    files: Mapping[str, Dump | People]
    sources: tuple[str, ...]
    max_ratio: float | None = None


def _planted(*rows: int, person: Person = AISYAH) -> dict[int, Person]:
    return dict.fromkeys(rows, person)


SAMPLES = (
    Sample(
        "telco",
        "demo-telco-2017",
        {
            "telco-1.csv": Dump(shape=SHAPES["telco"], rows=80, planted=_planted(3), dirty=0.03),
            "telco-2.csv.gz": Dump(shape=SHAPES["telco"], rows=60, first=80, planted=_planted(41), compression="gzip"),
        },
        ("telco-*.csv*",),
    ),
    Sample(
        "pelanggan",
        "demo-pelanggan-2019",
        {
            "pelanggan.csv": Dump(
                shape=SHAPES["pelanggan"], rows=100, seed=2, planted=_planted(7), dirty=0.1, line_end="\r\n"
            )
        },
        ("pelanggan.csv",),
    ),
    Sample(
        "members",
        "demo-members-2021",
        {"members.tsv": Dump(shape=SHAPES["members"], rows=80, seed=3, planted=_planted(11, person=_AISYAH_TAGGED))},
        ("members.tsv",),
    ),
    Sample(
        "dirty",
        "demo-dirty-2022",
        {"dirty.csv": Dump(shape=SHAPES["dirty"], rows=200, seed=4, planted=_planted(100), dirty=0.7)},
        ("dirty.csv",),
        max_ratio=0.5,
    ),
    Sample(
        "legacy",
        "demo-legacy-2009",
        {
            "legacy.csv": Dump(
                shape=SHAPES["legacy"],
                rows=50,
                seed=5,
                planted=_planted(20),
                dirty=0.1,
                quoting="all",
                line_end="\r\n",
            )
        },
        ("legacy.csv",),
    ),
    Sample(
        "kelab",
        "demo-kelab-2003",
        {
            "kelab.txt": People(
                way="fixed", title="Demo club list of a mainframe", seed=6, codec="cp1252", planted=_planted(5)
            )
        },
        ("kelab.txt",),
    ),
    Sample(
        "cawangan",
        "demo-cawangan-2016",
        {
            "cawangan-1.zip": People(
                way="csv, bars", title="Demo branches", seed=7, planted=_planted(8), packed="utara.csv"
            ),
            "cawangan-2.zip": People(way="csv, bars", title="Demo branches", seed=8, rows=20, packed="selatan.csv"),
        },
        ("cawangan-*.zip",),
    ),
    Sample(
        "kenalan",
        "demo-kenalan-2024",
        {"kenalan.csv": People(way="csv, arrays", title="Demo contacts of an app", seed=31, planted=_planted(9))},
        ("kenalan.csv",),
    ),
    Sample(
        "logins",
        "demo-logins-2020",
        {
            "logins.txt": People(
                way="colons",
                title="Demo list of logins",
                shape=LOGINS["email:password"],
                seed=9,
                rows=60,
                planted=_planted(13, person=_AISYAH_TAGGED),
                wounds=(
                    Wound(3, "", "blank"),
                    Wound(20, "no-delimiter-at-all", "no_delimiter"),
                    Wound(31, "contoh at contoh.example:rahsia-0", "not_an_address"),
                ),
            )
        },
        ("logins.txt",),
    ),
    Sample(
        "stealer",
        "demo-stealer-2023",
        {
            "stealer.txt": People(
                way="colons",
                title="Demo log of a stealer",
                shape=LOGINS["url:user:password"],
                seed=10,
                planted=_planted(2),
            )
        },
        ("stealer.txt",),
    ),
    Sample(
        "pencuri",
        "demo-pencuri-2024",
        {
            "pencuri.txt": People(
                way="blocks",
                title="Demo log of a stealer in blocks",
                shape=LOGINS["url:user:password"],
                seed=19,
                rows=30,
                planted=_planted(4),
            )
        },
        ("pencuri.txt",),
    ),
    Sample(
        "alamat",
        "demo-alamat-2022",
        {"alamat.vcf": People(way="vcard", title="Demo address book", seed=20, rows=30, planted=_planted(3))},
        ("alamat.vcf",),
    ),
    Sample(
        "direktori",
        "demo-direktori-2012",
        {"direktori.ldif": People(way="ldif", title="Demo directory", seed=21, rows=30, planted=_planted(9))},
        ("direktori.ldif",),
    ),
    Sample(
        "gudang",
        "demo-gudang-1998",
        {"gudang.txt": People(way="fixed, bytes", title="Demo archive of DB2", seed=22, rows=30, planted=_planted(5))},
        ("gudang.txt",),
    ),
    Sample(
        "forum",
        "demo-forum-2014",
        {"forum.sql": People(way="mysqldump", title="Demo forum", table="users", seed=11, planted=_planted(17))},
        ("forum.sql",),
    ),
    Sample(
        "klinik",
        "demo-klinik-2018",
        {"klinik.sql": People(way="pg_dump", title="Demo clinic", table="pesakit", seed=12, planted=_planted(9))},
        ("klinik.sql",),
    ),
    Sample(
        "pelajar",
        "demo-pelajar-2020",
        {"pelajar.sql": People(way="pg_dump, identity", title="Demo students", seed=19, planted=_planted(5))},
        ("pelajar.sql",),
    ),
    Sample(
        "kakitangan",
        "demo-kakitangan-2011",
        {
            "kakitangan.sql": People(
                way="SQL Server",
                title="Demo staff database",
                table="Kakitangan",
                rows=24,
                seed=13,
                codec="utf-16-le",
                mark=codecs.BOM_UTF16_LE,
                planted=_planted(4),
            )
        },
        ("kakitangan.sql",),
    ),
    Sample(
        "app",
        "demo-app-2022",
        {
            "app.jsonl": People(
                way="mongoexport",
                title="Demo users of an app",
                seed=14,
                planted=_planted(6),
                wounds=(
                    Wound(2, '{"_id":{"$oid":"000000000000000000000002"},"NAMA":"TERPOTONG', "broken_json"),
                    Wound(12, "", "blank"),
                    Wound(25, '["bukan", "objek"]', "not_an_object"),
                ),
            )
        },
        ("app.jsonl",),
        max_ratio=0.1,
    ),
    Sample(
        "pesanan",
        "demo-pesanan-2021",
        {"pesanan.json": People(way="json, rows", title="Demo orders of a shop", seed=15, planted=_planted(10))},
        ("pesanan.json",),
    ),
    Sample(
        "rakan",
        "demo-rakan-2019",
        {
            "rakan.json": People(
                way="json, keyed",
                title="Demo users of a chat, kept under their addresses",
                shape=LOGINS["email:password"],
                seed=19,
                planted=_planted(21, person=_AISYAH_TAGGED),
            )
        },
        ("rakan.json",),
    ),
    Sample(
        "tinjauan",
        "demo-tinjauan-2022",
        {"tinjauan.json": People(way="json, columns", title="Demo survey by column", seed=20, planted=_planted(14))},
        ("tinjauan.json",),
    ),
    Sample(
        "hamparan",
        "demo-hamparan-2023",
        {"hamparan.json": People(way="json, arrays", title="Demo sheet of arrays", seed=21, planted=_planted(18))},
        ("hamparan.json",),
    ),
    Sample(
        "tempahan",
        "demo-tempahan-2023",
        {"tempahan.parquet": People(way="parquet", title="Demo bookings", seed=16, planted=_planted(12))},
        ("tempahan.parquet",),
    ),
    Sample(
        "peranti",
        "demo-peranti-2024",
        {"peranti.arrow": People(way="arrow", title="Demo devices", seed=17, planted=_planted(3))},
        ("peranti.arrow",),
    ),
    Sample(
        "staf",
        "demo-staf-2015",
        {"staf.xlsx": People(way="xlsx", title="Demo staff list", table="Staf", seed=18, planted=_planted(7))},
        ("staf.xlsx",),
    ),
    Sample(
        "langganan",
        "demo-langganan-2018",
        {
            "langganan.csv": People(
                way="csv, misfits", title="Demo subscribers, written by hand", seed=19, planted=_planted(4, 21)
            )
        },
        ("langganan.csv",),
        max_ratio=0.3,
    ),
    Sample(
        "salinan",
        "demo-salinan-2016",
        {"salinan.txt": People(way="tsv, escapes", title="Demo archive of a database", seed=20, planted=_planted(8))},
        ("salinan.txt",),
    ),
    Sample(
        "edaran",
        "demo-edaran-2014",
        {"edaran.txt": People(way="csv, two bars", title="Demo mailing list", seed=21, planted=_planted(6))},
        ("edaran.txt",),
    ),
    Sample(
        "laporan",
        "demo-laporan-2017",
        {
            "laporan.csv": People(
                way="csv, title",
                title="Demo report of members",
                seed=22,
                planted=_planted(11),
            )
        },
        ("laporan.csv",),
    ),
)


def truths(sample: Sample, folder: Path) -> list[RowTruth]:
    """Write the dumps of a sample and return the truth about each row, file by file."""
    found: list[RowTruth] = []
    for name, dump in sample.files.items():
        if isinstance(dump, Dump):
            write_dump(dump, folder / name, found.append)
        else:
            (folder / name).write_bytes(dump.content())
            found += dump.truths()
    return found


def make(folder: Path) -> None:
    """Write every file of every sample into an existing folder."""
    for sample in SAMPLES:
        tally = Tally()
        for truth in truths(sample, folder):
            tally.add(truth)
        dump = next(iter(sample.files.values()))
        if isinstance(dump, Dump):
            text = manifest_of(dump, sample.dataset, sample.sources, sample.max_ratio)
        else:
            text = dump.manifest(sample)
        expected = json.dumps(tally.expected(), indent=2)
        _write(folder / f"{sample.name}.toml", text)
        _write(folder / f"{sample.name}.expected.json", f"{expected}\n")


_PROGRAM = "docProps/app.xml"
"""Where a workbook names what wrote it, and in which version."""


def content_of(path: Path) -> object:
    """What a sample says, whichever version of a library wrote or packed it."""
    raw = path.read_bytes()
    if path.suffix == ".gz":
        return gzip.decompress(raw)
    if path.suffix in {".zip", ".xlsx"}:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            return [(name, archive.read(name)) for name in archive.namelist() if name != _PROGRAM]
    if path.suffix == ".parquet":
        file = pq.ParquetFile(io.BytesIO(raw))
        return file.num_row_groups, file.schema_arrow.names, file.read().to_pylist()
    return raw


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def main(arguments: Sequence[str]) -> int:
    """Write the samples into the folder given, or where they are committed."""
    folder = Path(arguments[0]) if arguments else FOLDER
    make(folder)
    sys.stdout.write(f"{folder}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
