"""In which encoding a dump of some country is written: right where its cells tell, and unsure where they do not."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest_cli.formats.sniff import Sample, sniff
from ingest_cli.formats.sniffing.charset import guess_charset
from tests.support import charsets

UNSURE = 0.5


@pytest.mark.parametrize("plain_share", [0.0, 0.9])
@pytest.mark.parametrize(
    ("language", "encoding"), [(name, one) for name, several in charsets.ENCODINGS.items() for one in several]
)
def test_a_dump_is_read_as_it_was_written_or_the_guess_says_that_it_is_one(
    language: str, encoding: str, plain_share: float
) -> None:
    written = charsets.dump(language, encoding, 300, plain_share)
    guess = guess_charset(written.data, complete=True)
    if guess.text != written.text:
        assert guess.confidence < UNSURE
        assert any(written.data.decode(rival) == written.text for rival in guess.rivals)


@pytest.mark.parametrize("rows", [20, 300])
def test_every_language_is_told_by_the_cells_of_a_file_that_is_full_of_it(rows: int) -> None:
    wrong = [one[:2] for one in charsets.dumps(rows) if guess_charset(one.data, complete=True).text != one.text]
    assert wrong == []


def test_few_cells_make_no_sure_guess() -> None:
    for written in charsets.dumps(20, plain_share=0.9):
        guess = guess_charset(written.data, complete=True)
        assert guess.confidence <= UNSURE or guess.text == written.text


def test_rivals_are_named_in_the_finding() -> None:
    written = charsets.dump("Greek", "windows-1253", 300, 0.9)
    (finding,) = [one for one in sniff(Sample(written.data, complete=True)).findings if one.code == "encoding_unsure"]
    assert "cp1253" in finding.text
    assert "iso8859_7" in finding.text


def test_damaged_cells_do_not_hide_an_encoding_of_two_bytes_a_character() -> None:
    written = charsets.dump("Chinese", "gb18030", 300)
    lines = written.data.split(b"\r\n")
    lines[7] = lines[7].replace("路".encode("gb18030"), b"\xff")
    lines[7] += b"\xff\xff"
    guess = guess_charset(b"\r\n".join(lines), complete=True)
    assert (guess.encoding, guess.undecodable > 0) == ("gb18030", True)


def test_ebcdic_is_named() -> None:
    text = "NAME,EMAIL,PHONE\n" + "".join(f"SITI {n},a{n}@example.com,0123{n:06d}\n" for n in range(50))
    assert guess_charset(text.encode("cp037"), complete=True).encoding == "cp037"


def test_the_library_is_imported_only_where_it_is_needed() -> None:
    program = """
import sys
from ingest_cli.formats.sniff import Sample, sniff
sniff(Sample("NAME,EMEL\\nRENÉ,a@b.co\\n".encode(), complete=True))
assert "charset_normalizer" not in sys.modules
sniff(Sample("NAME,EMEL\\nRENÉ,a@b.co\\n".encode("cp1252"), complete=True))
assert "charset_normalizer" in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)


@given(st.binary(max_size=400).map(lambda data: b"a,\xe9" + data), st.booleans())
@settings(max_examples=200, deadline=None)
def test_no_bytes_raise(sample: bytes, complete: bool) -> None:  # noqa: FBT001 - hypothesis passes by position
    guess = guess_charset(sample, complete=complete)
    assert 0.0 < guess.confidence <= 1.0
