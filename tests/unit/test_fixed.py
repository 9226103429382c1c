"""Cells of fixed widths: characters, not bytes; and lines that end where they like."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ingest_cli.errors import ManifestError
from ingest_cli.formats.fixed import Fixed
from ingest_cli.records import Position
from tests.support.chunks import cells, fates, flags

NAMES = ("NAME", "IC", "CITY")
WIDTHS = (6, 4, 5)


def read(data: str | bytes, *, header: bool = False, wanted: Sequence[str] = NAMES) -> list[tuple[bytes, ...]]:
    raw = data if isinstance(data, bytes) else data.encode()
    return cells(Fixed(WIDTHS, NAMES, wanted, header=header).read([raw]), *wanted)


def test_cells_are_cut_by_width_and_trimmed() -> None:
    assert read("Aisyah1234Ipoh \nLim   99  KL   \n") == [(b"Aisyah", b"1234", b"Ipoh"), (b"Lim", b"99", b"KL")]
    assert read("Aisyah1234Ipoh \n", wanted=["CITY", "NAME"]) == [(b"Ipoh", b"Aisyah")]


@pytest.mark.parametrize("name", ["Aïsyah", "艾莎　　　　", "Ж12345", "e\u0301bcde", "𐍈bcdef"])
def test_a_character_is_one_wide_however_many_bytes_it_has(name: str) -> None:
    assert read(f"{name:6.6}1234Ipoh \nLim   99  KL\n")[0][1:] == (b"1234", b"Ipoh")
    assert read(f"{name:6.6}1234Ipoh \nLim   99  KL\n")[1] == (b"Lim", b"99", b"KL")


def test_a_byte_that_is_no_character_is_one_wide_and_kept() -> None:
    chunks = list(Fixed(WIDTHS, NAMES, NAMES).read([b"A\xffsyah1234Ipoh \n"]))
    assert cells(chunks, *NAMES) == [(b"A\xffsyah", b"1234", b"Ipoh")]
    assert flags(chunks) == {"undecodable_bytes": 1}


def test_a_tab_and_a_zero_byte_are_one_wide_and_padding() -> None:
    assert read("Lim\t\t\t99\0\0KL\0\0\0\n") == [(b"Lim", b"99", b"KL")]
    assert read("L\tm   99  KL\n") == [(b"L\tm", b"99", b"KL")]


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\r"])
def test_a_short_last_line_has_the_cells_that_are_there(end: str) -> None:
    chunks = list(Fixed(WIDTHS, NAMES, NAMES).read([f"Aisyah1234Ipoh \nLim   12{end}".encode()]))
    assert cells(chunks, *NAMES)[1] == (b"Lim", b"12", b"")
    assert flags(chunks) == {"short_row": 1}


def test_padding_may_follow_and_nothing_else() -> None:
    data = "Lim   99  KL   \t \0\nLim   99  KL   x\nŁim   99  KL   x\n\n"
    chunks = list(Fixed(WIDTHS, NAMES, NAMES).read([data.encode()]))
    assert cells(chunks, *NAMES) == [(b"Lim", b"99", b"KL")]
    assert fates(chunks) == [(2, 2, "too_many_cells"), (3, 3, "too_many_cells"), (4, 4, "blank")]


def test_a_header_is_read_past_and_skipped_where_it_comes_again() -> None:
    data = "\nName  No  Town\nLim   99  KL\nName  No  Town\n"
    chunks = list(Fixed(WIDTHS, NAMES, NAMES, header=True).read([data.encode()]))
    assert cells(chunks, *NAMES) == [(b"Lim", b"99", b"KL")]
    assert chunks[0].start == Position(16, 0, 2)
    assert fates(chunks) == [(2, 4, "repeated_header")]


@pytest.mark.parametrize(
    ("widths", "wanted", "message"),
    [((6, 4), NAMES, "2 widths for 3 columns"), ((6, 0, 5), NAMES, "less than 1"), (WIDTHS, ["X"], 'no column "X"')],
)
def test_widths_that_cannot_be_are_refused(widths: Sequence[int], wanted: Sequence[str], message: str) -> None:
    with pytest.raises(ManifestError, match=message):
        Fixed(widths, NAMES, wanted)
