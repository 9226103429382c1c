"""Standard input as a source: read once, in pieces, and never waited for in vain."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ingest_cli.errors import ExitCode, SourceError, TryAgainError, UsageError
from ingest_cli.sources import Source, find_sources
from ingest_cli.sources.places import READ_BYTES


@contextlib.contextmanager
def standard_input(descriptor: int | None) -> Iterator[None]:
    """Let descriptor 0 be another one, which is closed, or closed itself."""
    before = os.dup(0)
    try:
        if descriptor is None:
            os.close(0)
        else:
            os.dup2(descriptor, 0)
            os.close(descriptor)
        yield
    finally:
        os.dup2(before, 0)
        os.close(before)


@contextlib.contextmanager
def piped(data: bytes) -> Iterator[None]:
    """Another program writes this to us."""
    reading, writing = os.pipe()

    def write() -> None:
        with contextlib.suppress(BrokenPipeError), open(writing, "wb") as pipe:  # noqa: PTH123 - a descriptor
            pipe.write(data)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        with standard_input(reading):
            yield
    finally:
        writer.join()


def source(wait: Callable[[float], None] = lambda _: None) -> Source:
    [found] = find_sources(["-"], Path(), None, wait)
    return found


def test_it_is_read_from_the_first_byte_to_the_last() -> None:
    data = os.urandom(2 * READ_BYTES + 5)
    with piped(data):
        found = source()
        assert (found.name, found.size_bytes) == ("-", 0)
        pieces = list(found.open())
    assert b"".join(pieces) == data
    assert max(map(len, pieces)) <= READ_BYTES


def test_nothing_is_read_before_it_is_opened() -> None:
    with piped(b"rows"):
        found = source()
        assert os.read(0, 2) == b"ro"
        assert b"".join(found.open()) == b"ws"


def test_an_empty_one_has_no_bytes() -> None:
    with standard_input(os.open(os.devnull, os.O_RDONLY)):
        assert list(source().open()) == []


def test_a_file_may_be_behind_it(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"rows")
    with standard_input(os.open(tmp_path / "x.csv", os.O_RDONLY)):
        assert b"".join(source().open()) == b"rows"


def test_it_is_one_source_however_often_it_is_named() -> None:
    with piped(b"rows"):
        assert len(find_sources(["-", "-"], Path())) == 1


def test_a_file_of_that_name_is_another(tmp_path: Path) -> None:
    (tmp_path / "-").write_bytes(b"rows")
    [found] = find_sources(["./-"], tmp_path)
    assert b"".join(found.open()) == b"rows"


def test_it_cannot_be_opened_twice() -> None:
    with piped(b"rows"):
        found = source()
        assert b"".join(found.open()) == b"rows"
        for again in (found, source()):
            with pytest.raises(SourceError, match="has been read already; only one manifest of a command"):
                again.open()


def test_it_has_no_fingerprint_of_its_own() -> None:
    with piped(b"rows"):
        found = source()
        with pytest.raises(UsageError, match="--source-id NAME") as caught:
            found.fingerprint()
        assert caught.value.exit_code is ExitCode.USAGE
        assert b"".join(found.open()) == b"rows", "and was not read for one"


def test_it_cannot_be_read_at_any_place() -> None:
    with piped(b"rows"), pytest.raises(SourceError, match="write it to a file"):
        source().open_file()


def test_a_terminal_is_refused() -> None:
    ours, theirs = pty.openpty()
    said = "nothing is piped into standard input"
    with open(ours, "rb"), standard_input(theirs), pytest.raises(UsageError, match=said) as caught:  # noqa: PTH123
        source()
    assert caught.value.exit_code is ExitCode.USAGE


def test_a_closed_one_is_refused() -> None:
    with standard_input(None), pytest.raises(SourceError, match="standard input is closed") as caught:
        source()
    assert caught.value.exit_code is ExitCode.UNUSABLE


def test_one_that_was_closed_from_the_start_is_refused_whatever_has_its_number_now() -> None:
    program = (
        "import os, sys; from pathlib import Path; os.open('/dev/null', os.O_RDONLY)\n"
        "from ingest_cli.errors import SourceError\n"
        "from ingest_cli.sources import find_sources\n"
        "try: find_sources(['-'], Path())\n"
        "except SourceError as error: print(error)"
    )
    result = subprocess.run(
        ["/bin/sh", "-c", 'exec "$0" -c "$1" <&-', sys.executable, program],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert "standard input is closed" in result.stdout


def test_a_folder_is_no_stream(tmp_path: Path) -> None:
    said = r"standard input cannot be read \(Is a directory\)"
    with standard_input(os.open(tmp_path, os.O_RDONLY)), pytest.raises(SourceError, match=said):
        list(source().open())


def test_one_that_does_not_wait_is_waited_for() -> None:
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    waits: list[float] = []

    def wait(duration_s: float) -> None:
        if not waits:
            os.write(writing, b"rows")
            os.close(writing)
        waits.append(duration_s)

    with standard_input(reading):
        assert b"".join(source(wait).open()) == b"rows"
    assert set(waits) == {0}


def test_a_run_that_is_to_end_does_not_wait_for_more_nor_take_a_cut_for_an_end() -> None:
    data = b"half of the ro"

    def stopped(_: float) -> None:
        raise TryAgainError("stopped")

    reading, writing = os.pipe()
    with open(writing, "wb", buffering=0) as pipe, standard_input(reading):  # noqa: PTH123 - a descriptor
        pipe.write(data)
        pieces = source(stopped).open()
        assert next(pieces) == data
        with pytest.raises(TryAgainError, match="stopped"):
            next(pieces)
    with piped(data):
        pieces = source(stopped).open()
        with pytest.raises(TryAgainError, match="stopped"):
            list(pieces)
