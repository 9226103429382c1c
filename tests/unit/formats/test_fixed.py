"""Cells of fixed widths: characters, not bytes; and lines that end where they like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from ingest_cli.errors import ManifestError
from ingest_cli.formats import fixed
from ingest_cli.model.chunks import Position, RowChunk
from ingest_cli.model.format_options import Format as FormatOptions
from tests.support.chunks import cells, fates, flags
from tests.support.text_formats import FIXED, fixed_reader

NAMES = ("NAME", "IC", "CITY")
WIDTHS = (6, 4, 5)


CHARACTERS = replace(FIXED, widths_in="characters")
BYTES = replace(FIXED, widths_in="bytes")


def read(
    data: str | bytes, layout: FormatOptions = CHARACTERS, wanted: Sequence[str] = NAMES
) -> list[tuple[bytes, ...]]:
    raw = data if isinstance(data, bytes) else data.encode()
    return cells(fixed_reader(WIDTHS, NAMES, wanted, layout).read([raw]), *wanted)


def chunks_of(data: str | bytes, layout: FormatOptions) -> list[RowChunk]:
    raw = data if isinstance(data, bytes) else data.encode()
    return list(fixed_reader(WIDTHS, NAMES, NAMES, layout).read([raw]))


def test_cells_are_cut_by_width_and_trimmed() -> None:
    assert read("Aisyah1234Ipoh \nLim   99  KL   \n") == [(b"Aisyah", b"1234", b"Ipoh"), (b"Lim", b"99", b"KL")]
    assert read("Aisyah1234Ipoh \n", wanted=["CITY", "NAME"]) == [(b"Ipoh", b"Aisyah")]


@pytest.mark.parametrize("name", ["Aïsyah", "艾莎　　　　", "Ж12345", "e\u0301bcde", "𐍈bcdef"])
def test_a_character_is_one_wide_however_many_bytes_it_has(name: str) -> None:
    assert read(f"{name:6.6}1234Ipoh \nLim   99  KL\n")[0][1:] == (b"1234", b"Ipoh")
    assert read(f"{name:6.6}1234Ipoh \nLim   99  KL\n")[1] == (b"Lim", b"99", b"KL")


def test_a_byte_that_is_no_character_is_one_wide_and_kept() -> None:
    chunks = chunks_of(b"A\xffsyah1234Ipoh \n", CHARACTERS)
    assert cells(chunks, *NAMES) == [(b"A\xffsyah", b"1234", b"Ipoh")]
    assert flags(chunks) == {"undecodable_bytes": 1}


def test_a_tab_and_a_zero_byte_are_one_wide_and_padding() -> None:
    assert read("Lim\t\t\t99\0\0KL\0\0\0\n") == [(b"Lim", b"99", b"KL")]
    assert read("L\tm   99  KL\n") == [(b"L\tm", b"99", b"KL")]


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\r"])
def test_a_short_last_line_has_the_cells_that_are_there(end: str) -> None:
    chunks = list(fixed_reader(WIDTHS, NAMES, NAMES).read([f"Aisyah1234Ipoh \nLim   12{end}".encode()]))
    assert cells(chunks, *NAMES)[1] == (b"Lim", b"12", b"")
    assert flags(chunks) == {"short_row": 1}


def test_padding_may_follow_and_nothing_else() -> None:
    data = "Lim   99  KL   \t \0\nLim   99  KL   x\nŁim   99  KL   x\n\n"
    chunks = chunks_of(data, CHARACTERS)
    assert cells(chunks, *NAMES) == [(b"Lim", b"99", b"KL")]
    assert fates(chunks) == [(2, 2, "too_many_cells"), (3, 3, "too_many_cells"), (4, 4, "blank")]


def test_a_header_is_read_past_and_skipped_where_it_comes_again() -> None:
    data = "\nName  No  Town\nLim   99  KL\nName  No  Town\n"
    chunks = list(fixed_reader(WIDTHS, NAMES, NAMES, replace(FIXED, header=True)).read([data.encode()]))
    assert cells(chunks, *NAMES) == [(b"Lim", b"99", b"KL")]
    assert chunks[0].start == Position(16, 0, 2)
    assert fates(chunks) == [(2, 4, "repeated_header")]


@pytest.mark.parametrize(
    ("widths", "wanted", "message"),
    [((6, 4), NAMES, "2 widths for 3 columns"), ((6, 0, 5), NAMES, "less than 1"), (WIDTHS, ["X"], 'no column "X"')],
)
def test_widths_that_cannot_be_are_refused(widths: Sequence[int], wanted: Sequence[str], message: str) -> None:
    with pytest.raises(ManifestError, match=message):
        fixed_reader(widths, NAMES, wanted)


def in_bytes(lines: Sequence[str], encoding: str = "utf-8") -> bytes:
    """The same cells in places that are counted in bytes."""
    out = list[bytes]()
    for line in lines:
        parts = (line[:6].strip(), line[6:10].strip(), line[10:].strip())
        out += [part.encode(encoding).ljust(width) for part, width in zip(parts, WIDTHS, strict=True)] + [b"\n"]
    return b"".join(out)


FITS = ["Ali   1111KL   ", "José  2222KL   ", "Zoé   3333Ñ    "]
FIT_CELLS = [(b"Ali", b"1111", b"KL"), ("José".encode(), b"2222", b"KL"), ("Zoé".encode(), b"3333", "Ñ".encode())]


def test_widths_may_be_bytes() -> None:
    assert read(in_bytes(FITS), BYTES) == FIT_CELLS
    assert read("".join(f"{line}\n" for line in FITS), CHARACTERS) == FIT_CELLS


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "cp437"])
@pytest.mark.parametrize("widths_in", ["characters", "bytes", None])
def test_in_an_encoding_of_single_bytes_both_are_the_same(encoding: str, widths_in: str | None) -> None:
    decoded = in_bytes(FITS, encoding).decode(encoding)
    assert read(decoded, replace(FIXED, widths_in=widths_in, encoding=encoding)) == FIT_CELLS


@pytest.mark.parametrize("encoding", ["shift_jis", "cp932", "gbk", "gb18030", "big5", "euc_kr", "euc_jp"])
def test_bytes_are_those_of_the_encoding_in_which_the_file_was_written(encoding: str) -> None:
    names = ["Ali", "丁", "丁Ω", "丁一丁"]
    raw = b"".join(name.encode(encoding).ljust(6) + b"1234KL   \n" for name in names)
    decoded = raw.decode(encoding)
    layout = replace(FIXED, widths_in="bytes", encoding=encoding)
    assert read(decoded, layout) == [(name.encode(), b"1234", b"KL") for name in names]
    with pytest.raises(ManifestError, match='widths_in = "bytes"'):
        read(decoded, replace(FIXED, encoding=encoding))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32-le", "utf-7", "iso2022_jp", "hz"])
def test_where_bytes_cannot_be_counted_they_are_refused(encoding: str) -> None:
    with pytest.raises(ManifestError, match="bytes cannot be counted"):
        fixed_reader(WIDTHS, NAMES, NAMES, replace(FIXED, widths_in="bytes", encoding=encoding))
    assert read("José  2222KL\n", replace(FIXED, encoding=encoding)) == [("José".encode(), b"2222", b"KL")]


def test_a_character_on_the_edge_of_a_cell_spoils_that_cell_and_shifts_nothing() -> None:
    assert read("Aisyaé234KL\nLim   99  KL\n", BYTES) == [(b"Aisya\xc3", b"\xa9234", b"KL"), (b"Lim", b"99", b"KL")]
    layout = replace(FIXED, widths_in="bytes", encoding="gbk")
    assert read("Aisya丁123KL\nLim   99  KL\n", layout) == [(b"Aisya\xff", b"\xff123", b"KL"), (b"Lim", b"99", b"KL")]


def test_bytes_without_meaning_are_one_wide_in_any_encoding() -> None:
    for encoding in ("cp932", "cp1252"):
        for widths_in in ("characters", "bytes"):
            layout = replace(FIXED, widths_in=widths_in, encoding=encoding)
            assert read("A\udcffsyah1234Ipoh \n".encode("utf-8", "surrogatepass"), layout)[0][1:] == (b"1234", b"Ipoh")


def test_a_file_whose_lines_are_even_in_bytes_needs_a_word_in_the_manifest() -> None:
    data = in_bytes(FITS)
    with pytest.raises(
        ManifestError, match=r"each of the 3 lines .* has 15 bytes, and 13 to 15 characters; set `widths_in"
    ):
        read(data, FIXED)
    assert read(data, CHARACTERS) != FIT_CELLS


def test_a_file_whose_lines_are_even_in_characters_is_not_counted_in_bytes() -> None:
    data = "".join(f"{line}\n" for line in FITS)
    assert read(data, FIXED) == FIT_CELLS
    with pytest.raises(ManifestError, match='set `widths_in = "characters"`'):
        read(data, BYTES)


def test_many_even_lines_tell_even_if_columns_are_left_off_at_their_end() -> None:
    lines = [f"{name:6.6}{number:4}KL     " for number, name in enumerate(["Ali", "José", "Zoë", "Lim"] * 3)]
    assert len(read("".join(f"{line}\n" for line in lines), FIXED)) == 12
    with pytest.raises(ManifestError, match="has 17 bytes"):
        read(b"".join(in_bytes([line]).rstrip(b"\n") + b"  \n" for line in lines), FIXED)


def test_a_line_that_could_be_either_is_rejected() -> None:
    data = "Ali   1111KL\nJosé  2222KL\nLim   99  Ñ\n"
    chunks = chunks_of(data, FIXED)
    assert cells(chunks, *NAMES) == [(b"Ali", b"1111", b"KL"), (b"Lim", b"99", "Ñ".encode())]
    assert fates(chunks) == [(2, 2, "width_ambiguous")]
    assert len(read(data, CHARACTERS)) == len(read(data, BYTES)) == 3


def test_only_the_beginning_of_a_file_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fixed, "SAMPLE_BYTES", 64)
    data = "Ali   1111KL   \n" * 9 + "José  2222KL   \n" * 3
    chunks = chunks_of(data, FIXED)
    assert fates(chunks) == [(row, row, "width_ambiguous") for row in (10, 11, 12)]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("header", [True, False])
def test_lines_are_skipped_in_front_of_the_header(end: str, header: bool) -> None:  # noqa: FBT001 - as given
    title = ["Report of José", ""]
    rows = ["Lim   99  KL"]
    names = ["Name  No  Town"] if header else []
    data = "".join(f"{line}{end}" for line in [*title, *names, *rows])
    chunks = chunks_of(data, replace(FIXED, header=header, skip_lines=2))
    assert cells(chunks, *NAMES) == [(b"Lim", b"99", b"KL")]
    assert chunks[0].start == Position(len(data.encode()) - len(rows[0]) - len(end), 0, 2 + header)
    assert chunks_of(data, replace(FIXED, skip_lines=9)) == []
