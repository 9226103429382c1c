"""A dump that was split at any bytes: joined, it gives what the whole file gives, and otherwise never half a value."""

from __future__ import annotations

import gzip
import io
import json
import random
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from ingest_cli.commands.validate import reproduce
from ingest_cli.errors import IngestError, SourceError
from ingest_cli.model.manifest import parse_manifest
from ingest_cli.model.settings import RunSettings
from ingest_cli.report.report import Report
from ingest_cli.sinks.memory import MemorySink
from tests.support.pipelines import PEPPER

Items = Mapping[tuple[str, str], Mapping[str, Any]]

PEOPLE = [(f"Person {n}", f"person{n}@example.com", f"01234567{n:02}") for n in range(10, 24)]
FIELDS = {"email": "email", "phone": "phone"}


@dataclass(frozen=True)
class Dump:
    """A dump in one piece.

    Attributes:
        format: the [format] table of its manifest.
        data: what is in it.
        email, phone: the columns.
    """

    format: str
    data: bytes
    email: str = "email"
    phone: str = "phone"


def _csv(end: str = "\n", *, quoted: bool = False, header: bool = True) -> str:
    name = '"{}{end} of two lines"' if quoted else "{}"
    lines = ["name,email,phone"] if header else []
    lines += [",".join((name.format(name_, end=end), email, phone)) for name_, email, phone in PEOPLE]
    return end.join([*lines, ""])


def _sql() -> str:
    values = ",\n".join(f"({n},'{name}','{email}','{phone}')" for n, (name, email, phone) in enumerate(PEOPLE))
    return f"-- a dump; of one table\nINSERT INTO users (id,name,email,phone) VALUES\n{values};\n"


def _copy() -> str:
    lines = "".join("\t".join(person) + "\n" for person in PEOPLE)
    return f"COPY public.users (name, email, phone) FROM stdin;\n{lines}\\.\n\n"


def _zipped(data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("users.csv", data)
    return out.getvalue()


RECORDS = [dict(zip(("name", "email", "phone"), person, strict=True)) for person in PEOPLE]
HEADERLESS = 'name = "csv"\nheader = false\ncolumns = ["name", "email", "phone"]'
DUMPS = {
    "csv": Dump('name = "csv"', _csv().encode()),
    "csv without a last line end": Dump('name = "csv"', _csv().rstrip().encode()),
    "csv, CRLF": Dump('name = "csv"', _csv("\r\n").encode()),
    "csv without a header": Dump(HEADERLESS, _csv(header=False).encode()),
    "csv without a header, CRLF": Dump(HEADERLESS, _csv("\r\n", header=False).encode()),
    "csv with lines in quotes": Dump('name = "csv"', _csv(quoted=True).encode()),
    "csv with lines in quotes, without a header": Dump(HEADERLESS, _csv(quoted=True, header=False).encode()),
    "csv in UTF-16": Dump('name = "csv"', _csv().encode("utf-16")),
    "csv in UTF-16 without a mark or a header": Dump(
        f'{HEADERLESS}\nencoding = "utf-16-be"', _csv(header=False).encode("utf-16-be")
    ),
    "tsv": Dump('name = "tsv"', _csv().replace(",", "\t").encode()),
    "combo": Dump('name = "combo"\ncolumns = ["email", "phone"]', "".join(f"{e}:{p}\n" for _, e, p in PEOPLE).encode()),
    "jsonl": Dump('name = "jsonl"', "".join(json.dumps(one) + "\n" for one in RECORDS).encode()),
    "json": Dump('name = "json"', json.dumps(RECORDS, indent=1).encode()),
    "json of objects in objects": Dump(
        'name = "json"',
        json.dumps([{"of": {"email": one["email"]}, "at": {"phone": one["phone"]}} for one in RECORDS]).encode(),
        "of.email",
        "at.phone",
    ),
    "sql": Dump('name = "sql"', _sql().encode()),
    "sql, COPY": Dump('name = "sql"', _copy().encode()),
    "gzip": Dump('name = "csv"', gzip.compress(_csv().encode(), mtime=0)),
    "zip": Dump('name = "csv"', _zipped(_csv().encode())),
}
NAMES = (
    lambda n: f"users.{n + 1:03}",
    lambda n: f"users.a{'abcde'[n]}",
    lambda n: f"users.part{n + 1}",
    lambda n: f"users-{n}.csv",
)


def _written(dump: Dump, folder: Path, sources: list[str], *, join: bool = False) -> tuple[Items, IngestError | None]:
    """The items that the files give, and why there are no more."""
    text = f"""
version = 1
[dataset]
id = "demo"
title = "Demo"
sources = {json.dumps(sources)}
join = {json.dumps(join)}
[format]
{dump.format}
[[fields]]
column = {json.dumps(dump.email)}
kind = "email"
[[fields]]
column = {json.dumps(dump.phone)}
kind = "phone"
[rejects]
max_ratio = 1.0
"""
    manifest, sink, report = parse_manifest(text, folder / "demo.toml"), MemorySink(), Report("verify", "demo", "Demo")
    try:
        reproduce(manifest, PEPPER, RunSettings(), sink=sink, report=report)
    except IngestError as error:
        return dict(sink.items), error
    return dict(sink.items), None


def _splits(data: bytes, seed: int) -> list[bytes]:
    """2 to 5 parts of `data`, cut at any bytes, a third of the time near the end of a line."""
    rng = random.Random(seed)
    ends = [at + rng.choice([0, 1]) for at, byte in enumerate(data) if byte in b"\r\n"] or [len(data) // 2]
    places = {
        rng.choice(ends) if not rng.randrange(3) else rng.randrange(1, len(data)) for _ in range(rng.randint(1, 4))
    }
    edges = [0, *sorted(at for at in places if 0 < at < len(data)), len(data)]
    return [data[begin:end] for begin, end in pairwise(edges)]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "dumps").mkdir()
    return tmp_path / "dumps"


@pytest.mark.parametrize("dump", DUMPS.values(), ids=DUMPS)
def test_a_split_anywhere_never_yields_half_a_value(dump: Dump, folder: Path) -> None:
    (folder / "whole").write_bytes(dump.data)
    whole, _ = _written(dump, folder, ["whole"])
    assert len({pk for pk, _ in whole}) == 2 * len(PEOPLE)
    refused = 0
    for seed in range(40):
        parts, name = _splits(dump.data, seed), NAMES[seed % len(NAMES)]
        for old in folder.glob("users*"):
            old.unlink()
        for number, part in enumerate(parts):
            (folder / name(number)).write_bytes(part)
        assert _written(dump, folder, ["users*"], join=True) == (whole, None), "the very same items, src included"
        for sources in (["users*"], [name(number) for number in range(len(parts))]):
            written, error = _written(dump, folder, sources)
            refused += isinstance(error, SourceError)
            assert not written or "ends in the middle" not in str(error), "refused before anything is written"
            if sources == ["users*"] or name(0) != "users-0.csv":
                assert written.keys() <= whole.keys(), (seed, sources)
    assert refused


@pytest.mark.parametrize("kind", [kind for kind in DUMPS if kind not in {"gzip", "zip"}])
@pytest.mark.parametrize("name", ["users.csv.gz.{:03}", "users.{:02}.gz"])
def test_nor_does_one_whose_parts_are_packed_each(kind: str, name: str, folder: Path) -> None:
    dump = DUMPS[kind]
    (folder / "whole").write_bytes(dump.data)
    whole, _ = _written(dump, folder, ["whole"])
    refused = 0
    for seed in range(20):
        for old in folder.glob("users*"):
            old.unlink()
        for number, part in enumerate(_splits(dump.data, seed), 1):
            (folder / name.format(number)).write_bytes(gzip.compress(part, mtime=0))
        written, error = _written(dump, folder, ["users*"])
        refused += error is not None
        assert {pk for pk, _ in written} <= {pk for pk, _ in whole}, seed
    assert refused


@pytest.mark.parametrize("crlf", [False, True])
def test_nor_does_one_within_quotes(crlf: bool, folder: Path) -> None:  # noqa: FBT001 - as given
    end = "\r\n" if crlf else "\n"
    rows = [f'"{name},{end}x@example.org,{phone}{end}{email}","{email}",{phone}{end}' for name, email, phone in PEOPLE]
    data = "".join(rows).encode()
    dump = Dump(HEADERLESS, data)
    (folder / "whole").write_bytes(data)
    whole, _ = _written(dump, folder, ["whole"])
    for at in [at + 1 for at, byte in enumerate(data[:-1]) if byte == ord("\n")]:
        (folder / "users.001").write_bytes(data[:at])
        (folder / "users.002").write_bytes(data[at:])
        written, error = _written(dump, folder, ["users.*"])
        assert written.keys() <= whole.keys()
        is_row_end = data[:at].decode() == "".join(rows[: data[:at].count(b'","')])
        assert (error is None) == is_row_end
        assert not written or is_row_end
        assert _written(dump, folder, ["users.*"], join=True) == (whole, None)


def test_packed_files_of_their_own_need_no_last_line_end(folder: Path) -> None:
    dump = Dump('name = "csv"', b"")
    for number, (name, email, phone) in enumerate(PEOPLE):
        text = f"name,email,phone\n{name},{email},{phone}"
        (folder / f"users.{number:02}.csv.gz").write_bytes(gzip.compress(text.encode()))
    written, error = _written(dump, folder, ["users*"])
    assert error is None
    assert len({pk for pk, _ in written}) == 2 * len(PEOPLE)
