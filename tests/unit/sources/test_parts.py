"""The names of the parts of a split file: their order, and what is missing; and the parts as one file."""

from __future__ import annotations

import hashlib
import io
import random
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_cli.errors import SourceError, UsageError
from ingest_cli.sources import Source, find_by_entry, join
from ingest_cli.sources.parts import are_siblings, in_order, is_part, neighbours
from tests.support.pipelines import BytesSource

SEVERAL = {
    "letters": ["u.csv.aa", "u.csv.ab", "u.csv.ac"],
    "letters with an ending": ["u_aa.csv", "u_ab.csv", "u_ac.csv"],
    "as split calls them": ["xaa", "xab"],
    "figures": [f"u.{n:03}" for n in range(1, 120)],
    "figures of any length": [f"u.{n}" for n in range(1, 12)],
    "more than three figures have room for": [f"u.{n:03}" for n in range(1, 1002)],
    "from zero": ["part-00000", "part-00001"],
    "hexadecimal": [f"x{n:02x}" for n in range(40)],
    "upper case": ["u.AA", "u.AB"],
    "of so many": ["u.part1of3.csv", "u.part2of3.csv", "u.part3of3.csv"],
    "in folders": ["1/u.1", "1/u.2", "1/u.3", "2/u.1"],
    "objects": ["s3://b/u.7z.001", "s3://b/u.7z.002"],
    "one": ["whatever"],
}


@pytest.mark.parametrize("names", SEVERAL.values(), ids=SEVERAL)
def test_parts_come_in_their_order(names: list[str]) -> None:
    shuffled = random.Random(3).sample(names, len(names))
    assert [shuffled[at] for at in in_order(shuffled)] == names


@pytest.mark.parametrize("options", [["-a", "1"], [], ["-d"], ["-x"], ["--additional-suffix=.csv"], ["-d", "-a", "4"]])
@pytest.mark.parametrize("count", [2, 26, 700])
def test_what_split_makes_is_in_order(tmp_path: Path, options: list[str], count: int) -> None:
    whole = b"".join(b"%d\n" % n for n in range(count * 3))
    command = ["split", *options, "-l", "3", "-", "u."]
    done = subprocess.run(command, input=whole, cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == (count > 26 and options == ["-a", "1"]), "so many do not fit one letter"
    if done.returncode:
        return
    names = random.Random(5).sample([path.name for path in tmp_path.iterdir()], count)
    joined = join(find_by_entry(["u.*"], tmp_path))
    assert b"".join(joined.open()) == whole
    assert [names[at] for at in in_order(names)] == sorted(names)


@pytest.mark.parametrize(
    ("names", "missing"),
    [
        (["u.001", "u.003"], "u.002"),
        (["u.002", "u.003"], "u.001"),
        (["u.8", "u.9", "u.11", *(f"u.{n}" for n in range(1, 8))], "u.10"),
        (["u.aa", "u.ac"], "u.ab"),
        (["u_ab.csv", "u_ac.csv"], "u_aa.csv"),
        (["u.az", "u.bb", *(f"u.a{sign}" for sign in "abcdefghijklmnopqrstuvwxy")], "u.ba"),
        (["x00", "x01", "x03"], "x02"),
    ],
)
def test_a_part_that_is_missing_is_named(names: list[str], missing: str) -> None:
    with pytest.raises(SourceError, match=f'"{missing}" is missing; get it, or, .* list the parts one by one'):
        in_order(names)


@pytest.mark.parametrize(
    "names",
    [
        ["jan.csv", "feb.csv"],
        ["u.001", "u.002", "u.md5"],
        ["u.z01", "u.z02", "u.zip"],
        ["u.1", "u.01"],
        ["users-first", "users-second"],
        ["a", "a/b"],
    ],
)
def test_an_order_that_names_do_not_give_is_not_guessed(names: list[str]) -> None:
    with pytest.raises(SourceError, match="do not determine their order; list the parts one by one"):
        in_order(names)
    assert sorted(neighbours(names)) == [*range(len(names))]


def test_what_follows_what_is_known_with_one_missing() -> None:
    names = ["u.1", "u.10", "u.2", "u.9"]
    assert [names[at] for at in neighbours(names)] == ["u.1", "u.2", "u.9", "u.10"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("u.gz.001", True),
        ("s3://b/u.csv.aa", True),
        ("u.part2.csv", True),
        ("u part 2", True),
        ("xaa", True),
        ("u.csv", False),
        ("2017-01.csv", False),
        ("u.avi", False),
        ("u.zip", False),
    ],
)
def test_a_part_is_known_by_its_name(name: str, *, expected: bool) -> None:
    assert is_part(name) == expected


def test_parts_of_one_file_are_told_from_others() -> None:
    assert are_siblings("u.csv.aa", "u.csv.ab")
    assert not are_siblings("u.csv.aa", "v.csv.ab")
    assert not are_siblings("u.csv", "v.csv")


@given(st.lists(st.text("abc019._-/", min_size=1, max_size=8), min_size=1, max_size=8, unique=True))
def test_any_names_have_an_order_or_none(names: list[str]) -> None:
    try:
        order = in_order(names)
    except SourceError:
        order = neighbours(names)
    assert sorted(order) == [*range(len(names))]


def joined(*parts: bytes) -> Source:
    return join([[BytesSource(data, piece=3, name=f"u.{n}")] for n, data in enumerate(parts)])


@given(st.lists(st.binary(max_size=9), min_size=2, max_size=5), st.data())
def test_a_joined_file_reads_as_the_whole_one(parts: list[bytes], data: st.DataObject) -> None:
    whole, source = b"".join(parts), joined(*parts)
    assert source.size_bytes == len(whole)
    assert b"".join(source.open()) == whole
    with source.open_file() as file:
        model = io.BytesIO(whole)
        for _ in range(4):
            place = data.draw(st.integers(0, len(whole) + 2))
            count = data.draw(st.integers(0, len(whole) + 2))
            assert file.seek(place) == model.seek(place)
            assert file.read(count) == model.read(count)
            assert file.tell() == model.tell()


def test_a_joined_file_is_known_by_its_content_and_its_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name, data in (("u.aa", b"one\ntw"), ("u.ab", b"o\nthree"), ("u.ac", b"\n")):
        (tmp_path / name).write_bytes(data)
    source = join(find_by_entry(["u.a?"], tmp_path))
    assert (source.name, source.size_bytes) == ("u.aa … (3 parts)", 14)
    assert source.fingerprint() == hashlib.sha256(b"one\ntwo\nthree\n").hexdigest(), "that of the file, were it whole"
    assert source.fingerprint() == source.fingerprint(), "remembered or not"
    other = join(find_by_entry(["u.ac", "u.ab", "u.aa"], tmp_path))
    assert b"".join(other.open()) == b"\no\nthreeone\ntw", "as they are listed"
    assert other.fingerprint() != source.fingerprint()
    before = source.fingerprint()
    (tmp_path / "u.ab").write_bytes(b"o\nthr33")
    assert join(find_by_entry(["u.a?"], tmp_path)).fingerprint() != before


def test_a_part_that_changes_is_named(tmp_path: Path) -> None:
    for name in ("u.aa", "u.ab"):
        (tmp_path / name).write_bytes(b"row\n")
    source = join(find_by_entry(["u.*"], tmp_path))
    (tmp_path / "u.ab").unlink()
    with pytest.raises(SourceError, match=r'the part "u\.ab": the file no longer exists'):
        list(source.open())
    with pytest.raises(SourceError, match=r'the part "u\.ab": the file no longer exists'), source.open_file() as file:
        file.read()


def test_standard_input_is_no_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "u.aa").write_bytes(b"row\n")
    monkeypatch.setattr("os.isatty", lambda _: False)
    with pytest.raises(UsageError, match=r"cat PARTS \| ingest-cli load"):
        join(find_by_entry(["u.aa", "-"], tmp_path))


def test_one_source_needs_no_joining(tmp_path: Path) -> None:
    (tmp_path / "whole.csv").write_bytes(b"row\n")
    [[source]] = find_by_entry(["whole.csv"], tmp_path)
    assert join([[source]]) is source
    assert [a <= b for a, b in pairwise(in_order(["only"]))] == []
