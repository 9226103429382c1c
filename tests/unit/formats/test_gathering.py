"""What waits to share a chunk: for how long, how much of it, and what is done once it has gone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from ingest_cli.errors import DamagedError, ManifestError, TryAgainError
from ingest_cli.formats import Wanted, open_format
from ingest_cli.formats.gathering import MOST_AGE_S, Gatherer
from ingest_cli.formats.interface import MAX_CHUNK_ROWS
from ingest_cli.formats.joined import JoiningFormat
from ingest_cli.model.bundles import Bundle
from ingest_cli.model.chunks import Origin, Position, RowChunk
from ingest_cli.report.observer import RunObserver
from tests.support.archives import tar_of
from tests.support.pipelines import BytesSource, manifest, run

WANTED = manifest({"EMAIL": "email"})
TEXT = b"EMAIL\n" + b"".join(b"kenari.%d@example.org\n" % n for n in range(5))
CHUNK_BYTES = 10 * len(TEXT)


class Scene(RunObserver):
    """A gatherer, what it handed on, and what it was asked to do.

    Attributes:
        written: numbers of the sources in each chunk.
        told: in order, "written" or what else was to be done.
    """

    def __init__(self, chunk_bytes: int = CHUNK_BYTES) -> None:
        self.now_s = 0.0
        self.written: list[list[int]] = []
        self.told: list[str] = []
        self.format = open_format(WANTED.format, Wanted.of(WANTED), lambda: chunk_bytes)
        self.gatherer = Gatherer(self.write, self.format, lambda: chunk_bytes, self, lambda: self.now_s)

    def write(self, bundle: Bundle) -> None:
        self.written.append([part.origin.shard for part in bundle.parts])
        self.told.append("written")

    def member_read(self, origin: Origin, end: Position) -> None:
        self.told.append(f"{origin.shard} ends at row {end.row}")

    def take(self, *numbers: int, text: bytes = TEXT) -> None:
        for number in numbers:
            assert self.gatherer.take(Origin(number, 0, str(number)), text)

    def breaks_off(self, error: BaseException) -> None:
        with self.gatherer:
            self.take(0, 1)
            raise error

    def add(self, number: int, text: bytes = TEXT) -> None:
        for rows in self.format.read([text]):
            self.gatherer.add(Origin(number, 0, str(number)), rows)


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_texts_share_a_chunk_where_some_of_them_lack_a_column() -> None:
    asked = manifest({"EMAIL": "email", "ID": "username"})
    asked = replace(asked, fields=tuple(replace(field, optional=field.kind == "username") for field in asked.fields))
    several = [TEXT, b"EMAIL,ID\na@example.org,ahkow\n", TEXT, b"EMAIL,ID\nb@example.org,siti\n"]
    settled = run(asked, [BytesSource(text, name=str(number)) for number, text in enumerate(several)])
    assert settled.account.rows_kept == 12
    assert settled.account.identifiers == {"email": 7, "username": 2}
    assert len(settled.works) == 1
    assert isinstance(open_format(asked.format, Wanted.of(asked)), JoiningFormat), "they are parsed together, too"


def test_what_is_gathered_goes_when_the_next_would_be_too_much(scene: Scene) -> None:
    with scene.gatherer:
        scene.take(*range(10))
        assert scene.written == []
        scene.take(10)
        assert scene.written == [[*range(10)]]
    assert scene.written == [[*range(10)], [10]]


def test_texts_and_chunks_share(scene: Scene) -> None:
    with scene.gatherer:
        scene.take(0)
        scene.add(1)
        scene.take(2)
    assert [sorted(one) for one in scene.written] == [[0, 1, 2]]


def test_a_large_chunk_goes_at_once_and_by_itself(scene: Scene) -> None:
    with scene.gatherer:
        scene.take(0)
        scene.add(1, b"EMAIL\n" + TEXT.removeprefix(b"EMAIL\n") * 6)
        assert scene.written == [[1]]
    assert scene.written == [[1], [0]]


def test_no_more_rows_are_gathered_than_a_chunk_may_have() -> None:
    scene = Scene(1 << 20)
    third = b"EMAIL\n" + b"a\n" * (MAX_CHUNK_ROWS // 3 - 1)
    with scene.gatherer:
        scene.take(*range(4), text=third)
    assert scene.written == [[0, 1, 2], [3]]


@pytest.mark.parametrize("come", [Scene.take, Scene.add])
def test_what_has_waited_for_long_goes_before_the_next(scene: Scene, come: Callable[[Scene, int], None]) -> None:
    with scene.gatherer:
        come(scene, 0)
        scene.now_s = MOST_AGE_S
        come(scene, 1)
        assert scene.written == []
        scene.now_s = 1.1 * MOST_AGE_S
        come(scene, 2)
        assert scene.written == [[0, 1]]
        scene.now_s = 2 * MOST_AGE_S
        come(scene, 3)
        assert scene.written == [[0, 1]], "the new ones have not waited for long"


def test_what_has_waited_for_long_goes_before_a_large_chunk(scene: Scene) -> None:
    with scene.gatherer:
        scene.take(0)
        scene.now_s = 1.1 * MOST_AGE_S
        scene.add(1, b"EMAIL\n" + TEXT.removeprefix(b"EMAIL\n") * 6)
        assert scene.written == [[0], [1]]


def test_what_is_to_be_done_afterwards_is_done_when_the_rows_have_gone(scene: Scene) -> None:
    with scene.gatherer:
        scene.gatherer.afterwards(lambda: scene.told.append("at once"))
        assert scene.told == ["at once"]
        scene.take(0)
        scene.gatherer.afterwards(lambda: scene.told.append("0 is done"))
        scene.take(1)
        scene.gatherer.afterwards(lambda: scene.told.append("1 is done"))
        assert scene.told == ["at once"]
    assert scene.told[1:] == ["written", "0 ends at row 5", "1 ends at row 5", "0 is done", "1 is done"]


@pytest.mark.parametrize("error", [DamagedError("it is cut off"), ManifestError("no column")])
def test_rows_before_a_source_that_cannot_be_read_are_handed_on(scene: Scene, error: Exception) -> None:
    with pytest.raises(type(error)):
        scene.breaks_off(error)
    assert scene.written == [[0, 1]]


@pytest.mark.parametrize("error", [TryAgainError("stopped"), KeyboardInterrupt()])
def test_when_the_run_is_to_end_nothing_more_is_handed_on(scene: Scene, error: BaseException) -> None:
    with pytest.raises(type(error)):
        scene.breaks_off(error)
    assert scene.written == []


@pytest.mark.parametrize("text", [b"", b"EMAIL\n", b"EMAIL", TEXT[:-1], TEXT.replace(b"\n", b"\r"), b"\n\n"])
def test_a_text_that_cannot_stand_before_another_is_read_by_itself(scene: Scene, text: bytes) -> None:
    assert not scene.gatherer.take(Origin(0, 0, "0"), text)


def test_a_text_without_the_columns_is_refused_and_the_ones_before_it_stay(scene: Scene) -> None:
    scene.take(0)
    with pytest.raises(ManifestError, match="EMAIL"):
        scene.take(1, text=b"NAME,ICNUM\n1,2\n")
    scene.gatherer.flush()
    assert scene.written == [[0]]


def test_files_with_different_headers_share_a_chunk(scene: Scene) -> None:
    other = b"NAME,EMAIL\nA,kenari@example.org\n"
    with scene.gatherer:
        for number in range(6):
            scene.take(number, text=other if number % 2 else TEXT)
    assert [sorted(one) for one in scene.written] == [[*range(6)]]


def test_a_given_up_record_is_not_joined(scene: Scene) -> None:
    """It has no bytes: its lines are in none of its chunk's."""
    given_up = next(iter(scene.format.read([TEXT])))
    assert isinstance(given_up, RowChunk)
    assert not Bundle.of(Origin(0, 0, "0"), given_up.for_rejects(keep_raw=False)).can_be_joined


@pytest.mark.parametrize("text", [TEXT, TEXT[:-1]], ids=["taken", "read by itself"])
def test_what_is_wrong_with_an_archive_is_not_said_of_the_member_before(text: bytes) -> None:
    archive = tar_of([("a.csv", text), ("b.csv", text)])
    with pytest.raises(DamagedError, match=r'^"u\.tar": '):
        run(WANTED, [BytesSource(archive[:1400], name="u.tar")])
