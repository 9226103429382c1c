"""Writes synthetic dumps of any size, with the truth about each of their rows.

    python -m tests.support.dumps --shape telco --rows 1000000 --seed 1 --out dump.csv --dirty 0.05

writes the dump and, beside it, its manifest, and prints the manifest's path. Everything is streamed:
ten million rows need no more memory than ten. The same arguments give the same bytes everywhere,
except for gzip, whose bytes depend on the zlib in use.
"""

from __future__ import annotations

import argparse
import codecs
import csv
import dataclasses
import functools
import gzip
import itertools
import json
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple, cast, get_args

from tests.support.oddities import Charset
from tests.support.people import Person, draw, person
from tests.support.shapes import SHAPES, Shape, manifest_text
from tests.support.spelling import Cell
from tests.support.truth import RowTruth
from tests.support.wounds import Draft, Wound, clean_draft, judged, wounds

Compression = Literal["none", "gzip", "gzip-members"]
Quoting = Literal["minimal", "all"]

LINE_ENDS: Mapping[str, str] = {"lf": "\n", "crlf": "\r\n", "cr": "\r"}

SHARED = tuple(f"pejabat.contoh.{name}@example.com" for name in ("utara", "timur", "selatan"))
"""Mailboxes that many people give as theirs (pejabat: office)."""

BLOCK_ROWS = 4096
"""Rows encoded at once; also the rows of one gzip member."""


class Encoding(NamedTuple):
    """How text becomes bytes: Python's codec, what stands before it, which sorts of cells it can hold."""

    codec: str
    mark: bytes
    in_manifest: str
    charsets: frozenset[Charset]


ENCODINGS: Mapping[str, Encoding] = {
    "utf-8": Encoding("utf-8", b"", "utf-8", frozenset(get_args(Charset))),
    "utf-8-sig": Encoding("utf-8", codecs.BOM_UTF8, "utf-8", frozenset(get_args(Charset))),
    "cp1252": Encoding("cp1252", b"", "cp1252", frozenset({"any"})),
    "utf-16": Encoding("utf-16-le", codecs.BOM_UTF16_LE, "utf-16", frozenset({"any", "unicode"})),
}


@dataclass(frozen=True, kw_only=True)
class Dump:
    """One file to be written.

    Attributes:
        shape: its columns, and how it is written unless said otherwise here.
        rows: records, of every sort; the header is none of them.
        seed: the world its people come from.
        first: number of the person in its first row.
        dirty: share of the rows that have something wrong with them, 0 to 1. They go through all the
            wounds of the shape in turn.
        delimiter, encoding, header: empty or None for what is usual in the shape.
        quoting: only the cells that need it, or all.
        line_end: of records, and of lines inside cells.
        compression: none, one gzip member, or one for every `BLOCK_ROWS` rows.
        planted: row, from 0, → a person to stand there, unwounded and with every identifier.
        hot: share of the rows without anything wrong, 0 to 1, that have every identifier and whose e-mail
            address is one of the `SHARED` mailboxes: keys that get more writes than all others.
    """

    shape: Shape
    rows: int
    seed: int = 1
    first: int = 0
    dirty: float = 0.0
    delimiter: str = ""
    encoding: str = ""
    header: bool | None = None
    quoting: Quoting = "minimal"
    line_end: str = "\n"
    compression: Compression = "none"
    planted: Mapping[int, Person] = field(default_factory=dict)
    hot: float = 0.0

    @property
    def actual_delimiter(self) -> str:
        """The delimiter it is written with."""
        return self.delimiter or self.shape.delimiter

    @property
    def actual_encoding(self) -> Encoding:
        """The encoding it is written in."""
        return ENCODINGS[self.encoding or self.shape.encoding]

    @property
    def has_header(self) -> bool:
        """Whether it begins with its column names."""
        return self.shape.header if self.header is None else self.header


TruthReceiver = Callable[[RowTruth], None]


class _Echo:
    """A file for `csv.writer`, whose `writerow` gives back what `write` does: the row as text."""

    def write(self, text: str) -> str:
        return text


class _RowWriter:
    """Turns drafts into text, and knows the line each of them begins on."""

    def __init__(self, dump: Dump, receiver: TruthReceiver | None) -> None:
        self._dump = dump
        self._receiver = receiver
        self._last: tuple[str, RowTruth | Draft] | None = None
        self._csv = csv.writer(
            _Echo(),
            delimiter=dump.actual_delimiter,
            quoting=csv.QUOTE_ALL if dump.quoting == "all" else csv.QUOTE_MINIMAL,
            lineterminator=dump.line_end,
        )
        self.header = self._text(dump.shape.column_names)
        self._line = 1 + int(dump.has_header)
        self._row = 1

    def draft(self, draft: Draft) -> str:
        """A row of cells."""
        return self._written(self._text(draft.laid_out()), draft)

    def wounded(self, wound: Wound, draft: Draft) -> str:
        """A row with something wrong with it."""
        if wound.apply:
            wound.apply(draft)
            return self.draft(draft)
        if wound.raw == "blank":
            return self._written(self._dump.line_end, RowTruth(0, 0, "skipped", "blank"))
        if wound.raw == "header":
            return self._written(self.header, RowTruth(0, 0, "skipped", "repeated_header"))
        if wound.raw == "unclosed_quote":
            delimiter = self._dump.actual_delimiter
            draft.cells["address"] = Cell(f"{draft.person.street}{delimiter}")  # else the quote would be a letter
            text = f'"{delimiter.join(draft.laid_out())}{self._dump.line_end}'
            return self._written(text, RowTruth(0, 0, "rejected", "unclosed_quote"))
        return self._written(*self._last) if self._last else self.draft(draft)

    def _text(self, cells: Sequence[str]) -> str:
        if self._dump.line_end != "\n":
            cells = [cell.replace("\n", self._dump.line_end) for cell in cells]
        return cast("str", self._csv.writerow(cells))

    def _written(self, text: str, content: RowTruth | Draft) -> str:
        if self._receiver:
            if isinstance(content, Draft):
                truth = judged(content, self._row, self._line)
            else:
                truth = dataclasses.replace(content, row=self._row, line=self._line)
            self._receiver(truth)
            self._line += text.count(self._dump.line_end)
            self._row += 1
        self._last = (text, content)
        return text


def rows(dump: Dump, receiver: TruthReceiver | None = None) -> Iterator[str]:
    """The header, if there is one, and each row as text with its line end.

    Args:
        dump: what to write.
        receiver: is given the truth about each row, in order; costs a third of the time.
    """
    charsets = dump.actual_encoding.charsets
    shape = dump.shape if "unicode" in charsets else dump.shape._replace(name_source="name")
    writer = _RowWriter(dump, receiver)
    wrong = _in_turn(wounds(shape, charsets, header=dump.has_header))
    threshold = round(dump.dirty * 0x10000)
    if dump.has_header:
        yield writer.header
    for row in range(dump.rows):
        index = dump.first + row
        n = draw(dump.seed, index, b"spelling")
        if row in dump.planted:
            yield writer.draft(clean_draft(shape, dump.planted[row], n, complete=True))
            continue
        is_dirty = n[12] < threshold
        someone, is_hot = person(dump.seed, index), False
        if dump.hot and not is_dirty:
            someone, is_hot = _sharing(dump, someone)
        draft = clean_draft(shape, someone, n, complete=is_dirty or is_hot)
        yield writer.wounded(next(wrong), draft) if is_dirty else writer.draft(draft)


def _sharing(dump: Dump, someone: Person) -> tuple[Person, bool]:
    """A person, maybe with a mailbox that others use as well, and whether it is so."""
    n = draw(dump.seed, someone.number, b"sharing")
    if n[0] >= round(dump.hot * 0x10000):
        return someone, False
    return someone._replace(email=SHARED[n[1] % len(SHARED)]), True


def _in_turn(every: Sequence[Wound]) -> Iterator[Wound]:
    """All of them over and over, neighbours in the list far apart, so that a few are of many sorts."""
    step = len(every) * 2 // 5
    while math.gcd(step, len(every)) > 1:
        step += 1
    for turn in itertools.count(1):
        yield every[turn * step % len(every)]


def encoded(dump: Dump, texts: Iterable[str]) -> Iterator[bytes]:
    """The rows as blocks of bytes, uncompressed."""
    encoding = dump.actual_encoding
    mark = encoding.mark
    remaining = iter(texts)
    while block := "".join(itertools.islice(remaining, BLOCK_ROWS)):
        yield mark + block.encode(encoding.codec, "surrogateescape")
        mark = b""


def write_dump(dump: Dump, out: Path, receiver: TruthReceiver | None = None) -> None:
    """Write the file."""
    blocks = encoded(dump, rows(dump, receiver))
    with ExitStack() as stack:
        file: BinaryIO = stack.enter_context(out.open("wb"))
        if dump.compression == "gzip":
            # No name and no time, so that the same dump is the same file.
            zipped = gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=file, mtime=0)
            file = cast("BinaryIO", stack.enter_context(zipped))
        for block in blocks:
            file.write(gzip.compress(block, 6, mtime=0) if dump.compression == "gzip-members" else block)


def manifest_of(dump: Dump, dataset: str, sources: Sequence[str], max_ratio: float | None = None) -> str:
    """The manifest of one or several files written like `dump`, as TOML.

    `max_ratio` is by default twice the share of dirty rows, and never below 0.05.
    """
    layout: dict[str, object] = {
        "name": dump.shape.format,
        "delimiter": dump.actual_delimiter,
        "header": dump.has_header,
        "encoding": dump.actual_encoding.in_manifest,
    }
    if not dump.has_header:
        layout["columns"] = dump.shape.column_names
    if max_ratio is None:
        max_ratio = min(max(0.05, 2 * dump.dirty), 0.95)
    return manifest_text(dump.shape, dataset, sources, layout, max_ratio=max_ratio)


def truth_line(truth: RowTruth) -> str:
    """The truth about a row as one line of JSON."""
    return json.dumps(dataclasses.asdict(truth), ensure_ascii=False, separators=(",", ":")) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write a dump and its manifest as the command line says."""
    options = _parser().parse_args(arguments)
    dump = Dump(
        shape=SHAPES[options.shape],
        rows=options.rows,
        seed=options.seed,
        first=options.first,
        dirty=options.dirty,
        delimiter=options.delimiter,
        encoding=options.encoding,
        header=options.header,
        quoting=options.quoting,
        line_end=LINE_ENDS[options.line_end],
        compression=options.compression,
        hot=options.hot,
    )
    with ExitStack() as stack:
        receiver = None
        if options.truth:
            file = stack.enter_context(options.truth.open("w", encoding="utf-8", newline="\n"))
            receiver = functools.partial(_write_truth, file.write)
        write_dump(dump, options.out, receiver)
    path = options.out.with_name(options.out.name.split(".")[0] + ".toml")
    text = manifest_of(dump, options.dataset or f"demo-{options.shape}", [options.out.name])
    path.write_text(text, encoding="utf-8", newline="\n")
    sys.stdout.write(f"{path}\n")
    return 0


def _write_truth(write: Callable[[str], object], truth: RowTruth) -> None:
    write(truth_line(truth))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.support.dumps", description="Write a synthetic dump.")
    parser.add_argument("--shape", choices=sorted(SHAPES), required=True)
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True, help="the dump; its manifest is put beside it")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first person")
    parser.add_argument("--dirty", type=float, default=0.0, help="share of rows with something wrong, 0 to 1")
    parser.add_argument("--hot", type=float, default=0.0, help="share of rows with a shared mailbox, 0 to 1")
    parser.add_argument("--truth", type=Path, help="write what must become of each row, as JSONL")
    parser.add_argument("--dataset", default="", help="id of the dataset (default: demo-SHAPE)")
    parser.add_argument("--delimiter", default="")
    parser.add_argument("--encoding", choices=sorted(ENCODINGS), default="")
    parser.add_argument("--header", action=argparse.BooleanOptionalAction, default=None)
    parser.add_argument("--quoting", choices=get_args(Quoting), default="minimal")
    parser.add_argument("--line-end", choices=sorted(LINE_ENDS), default="lf")
    parser.add_argument("--compression", choices=get_args(Compression), default="none")
    return parser


if __name__ == "__main__":
    sys.exit(main())
