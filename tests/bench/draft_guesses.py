"""Guesses of `draft` by its own code and by the libraries clevercsv (dialects) and puremagic (binary formats).

    python -m tests.bench draft-guesses

A dialect is right if delimiter and escape are those the file was written with. A binary format is right if a name that
the library gives contains the format's own; a text is right if no binary format is recognized in it. The libraries are
no dependencies of the project: without them only its own figures are measured.
"""

from __future__ import annotations

import time
import tomllib
from collections.abc import Callable, Iterator
from importlib import import_module
from types import ModuleType
from typing import Any, NamedTuple

from ingest_cli.formats.sniffing.charset import guess_charset
from ingest_cli.formats.sniffing.dialect import guess_dialect
from ingest_cli.formats.sniffing.magic import known_format
from ingest_cli.formats.sniffing.rows import physical_lines
from tests.bench.options import Options
from tests.bench.surroundings import REPOSITORY, Surroundings
from tests.support import undescribed
from tests.support.binary_files import FILES

TITLE = "Dialects and binary formats guessed right"
PACKED = (".gz", ".bz2", ".xz", ".zst", ".zip", ".7z", ".age")


class Sample(NamedTuple):
    """A delimited text, and how it was written."""

    text: str
    delimiter: str
    escape: str = ""


def samples() -> Iterator[Sample]:
    """Yield generated files, those of `sample_data`, and the field inputs, as far as they are delimited."""
    rows = undescribed.people(60)
    writers = {(delimiter, ""): undescribed.delimited(delimiter) for delimiter in ",;\t|:^~\x01"}
    writers |= {(delimiter, ""): undescribed.long_delimiter(delimiter) for delimiter in ("||", "~|~", "^|^", "::")}
    writers |= {("\t", "\\"): undescribed.outfile, (",", "\\"): undescribed.spark}
    for (delimiter, escape), write in writers.items():
        yield Sample(write(rows).decode(), delimiter, escape)
    for write in (
        undescribed.formulas,
        undescribed.with_trailing_delimiter,
        undescribed.with_commas_in_the_address,
        undescribed.ending_early,
        undescribed.going_on,
    ):
        yield Sample(write(rows).decode(), ",")
    yield from _described()


def _described() -> Iterator[Sample]:
    folders = ((REPOSITORY / "sample_data", "*.toml"), (REPOSITORY / "tests/e2e/field_inputs", "*/contract.toml"))
    for manifest in (found for folder, pattern in folders for found in sorted(folder.glob(pattern))):
        told = tomllib.loads(manifest.read_text())
        options = told.get("format", {})
        if options.get("name") not in {"csv", "tsv"}:
            continue
        usual = "\t" if options["name"] == "tsv" else ","
        for source in told["dataset"]["sources"]:
            path = manifest.parent / source
            if path.is_file() and path.suffix not in PACKED:
                text = guess_charset(path.read_bytes()[: 1 << 20], complete=True).text
                yield Sample(text, options.get("delimiter", usual).strip(" "), options.get("escape", ""))


def _own_dialect(text: str) -> tuple[str, str]:
    found, _ = guess_dialect(physical_lines(text), "")
    return found.delimiter.strip(" ") or found.delimiter, found.escape


def _own_format(data: bytes) -> str:
    found = known_format(data)
    return found.meaning if found else ""


def _clevercsv(module: ModuleType) -> Callable[[str], tuple[str, str]]:
    def guess(text: str) -> tuple[str, str]:
        found = module.detect.Detector().detect(text)
        return (found.delimiter, found.escapechar or "") if found else ("", "")

    return guess


def _puremagic(module: ModuleType) -> Callable[[bytes], str]:
    def guess(data: bytes) -> str:
        try:
            found = module.magic_string(data)
        except (module.PureError, ValueError):
            return ""
        return "; ".join(f"{one.name} {one.mime_type}" for one in found)

    return guess


def _library(name: str) -> ModuleType | None:
    try:
        return import_module(name)
    except ImportError:
        return None


def figures(place: Surroundings, options: Options) -> dict[str, Any]:  # noqa: ARG001 - a benchmark
    """Count, and measure the time."""
    dialects: dict[str, Callable[[str], tuple[str, str]]] = {"ingest-cli": _own_dialect}
    formats: dict[str, Callable[[bytes], str]] = {"ingest-cli": _own_format}
    if (module := _library("clevercsv")) is not None:
        dialects["clevercsv"] = _clevercsv(module)
    if (module := _library("puremagic")) is not None:
        formats["puremagic"] = _puremagic(module)
    texts = list(samples())
    measured = dict[str, Any]()
    for name, guess in dialects.items():
        began_s = time.process_time()
        right = sum(guess(one.text) == (one.delimiter, one.escape) for one in texts)
        ms = 1000 * (time.process_time() - began_s) / len(texts)
        measured[f"dialects, {name}"] = f"{right} of {len(texts)} right, {ms:.1f} ms each"
    for name, identify in formats.items():
        began_s = time.process_time()
        right = sum(word.casefold() in identify(data).casefold() for data, word, _ in FILES.values())
        clean = sum(not identify(one.text.encode()) for one in texts)
        ms = 1000 * (time.process_time() - began_s) / (len(FILES) + len(texts))
        counts = f"{right} of {len(FILES)} binary files and {clean} of {len(texts)} texts right"
        measured[f"formats, {name}"] = f"{counts}, {ms:.2f} ms each"
    return measured
