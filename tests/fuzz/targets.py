"""What is fuzzed: each parser, the whole way behind it by way of the samples, the unpacking, and the guessing.

A target raises where a promise is broken: an exception that is not documented, a record with no fate or two, or a
result that depends on how the bytes were cut up.
"""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ingest_cli.decoders import members
from ingest_cli.errors import IngestError, ManifestError, SourceError
from ingest_cli.formats.sniff import Sample, sniff
from ingest_cli.model.chunks import Span
from ingest_cli.model.manifest import parse_manifest
from ingest_cli.model.source_budget import Budget, Limits
from tests.support import format_cases
from tests.support.archives import ARCHIVERS, PACKERS, zip_of
from tests.support.format_cases import Case, check, read
from tests.support.pipelines import BytesSource, run
from tests.support.shapes import Shape
from tests.support.writers import LOGIN_WRITERS, LOGINS, PEOPLE, WRITERS, Writer, drawn, manifest

Novelty = object
"""What an input came to; one that comes to something new is worth damaging further."""


@dataclass(frozen=True)
class Target:
    """Something that takes bytes.

    Attributes:
        seeds: inputs that are whole.
        run: takes an input; what it came to.
    """

    seeds: Sequence[bytes]
    run: Callable[[bytes, random.Random], Novelty]


def _small(name: str, shape: Shape, write: Writer) -> Case:
    """Three people, written down: inputs of a few hundred bytes, of which many can be tried."""
    written = write(drawn(shape, 3).table)
    data = written.data.encode() if isinstance(written.data, str) else written.data
    return Case(name, parse_manifest(manifest(shape, written, ["memory"])), data)


def _parser(case: Case, *others: Case) -> Target:
    """What reads the case; the others are written otherwise, and read with its manifest."""

    def take(data: bytes, rng: random.Random) -> Novelty:
        whole = read(case, data)
        check(whole)
        other = read(case, data, chunk_bytes=rng.choice((20, 50, 500, 4000)), piece=rng.choice((7, 100, 1 << 20)))
        check(other)
        if isinstance(whole.error, ManifestError):  # ends a run for good; how far it came to there is no matter
            assert str(other.error) == str(whole.error), "the size of chunks changes nothing"
            assert other.fates[: len(whole.fates)] == whole.fates[: len(other.fates)], "nor what was read before"
            return str(whole.error)[:40]
        assert other.fates == whole.fates, "the size of chunks changes nothing"
        assert other.flags == whole.flags, "nor what is counted"
        if other.chunks:
            at = rng.randrange(len(other.chunks))
            rest = read(case, data, chunk_bytes=rng.choice((50, 4000)), spans=[Span(other.chunks[at].end)])
            later = [fate for chunk in other.chunks[at + 1 :] for fate in format_cases.fates(chunk)]
            assert rest.fates == later, "reading goes on from the end of any chunk"
        said = whole.error and "".join(sign for sign in str(whole.error)[:60] if not sign.isdigit())
        reasons = frozenset(fate for _, _, fate in whole.fates if isinstance(fate, str))
        return said, reasons, frozenset(whole.flags), len(whole.fates).bit_length()

    return Target([each.data for each in (case, *others)], take)


def _sheet() -> Target:
    """A workbook whose sheet is damaged: where the archive around it is, nothing is read at all."""
    case = _small("xlsx", PEOPLE, WRITERS["xlsx"])
    parser = _parser(case)
    with zipfile.ZipFile(io.BytesIO(case.data)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    sheet = "xl/worksheets/sheet2.xml"

    def take(data: bytes, rng: random.Random) -> Novelty:
        return parser.run(zip_of([*{**parts, sheet: data}.items()]), rng)

    return Target([parts[sheet]], take)


def _whole_way(case: Case) -> Target:
    """From the bytes of a source to items."""

    def take(data: bytes, rng: random.Random) -> Novelty:
        source = _File(data, piece=rng.choice((100, 1 << 20)), name=case.name)
        try:
            account = run(case.manifest, [source], chunk_bytes=rng.choice((4000, 1 << 20))).account
        except (ManifestError, SourceError) as error:
            return type(error), str(error)[:20]
        assert account.balances, "every row and item is accounted for"
        return frozenset(account.rejected), frozenset(account.skipped)

    return Target([file.read_bytes() for file in _sources(case)], take)


@dataclass(frozen=True)
class _File(BytesSource):
    def open_file(self) -> io.BytesIO:
        return io.BytesIO(self.data)


def _sources(case: Case) -> list[Path]:
    return [path for pattern in case.manifest.dataset.sources for path in format_cases.FOLDER.glob(pattern)]


def _unpacking() -> Target:
    content = min(format_cases.cases(), key=lambda case: len(case.data)).data
    files = [("a/b.txt", content), ("c.txt", content[:200])]
    seeds = [pack(content) for pack in PACKERS.values()] + [pack(files) for pack in ARCHIVERS.values()]
    limits = Limits(expanded_bytes=16 << 20, ratio_from_bytes=8 << 20, members=50)

    def take(data: bytes, rng: random.Random) -> Novelty:
        piece = rng.choice((1, 100, 1 << 20))
        pieces = (data[at : at + piece] for at in range(0, len(data), piece))
        found = list[tuple[str, int]]()
        try:
            for member in members(pieces, Budget(limits), open_file=lambda: io.BytesIO(data)):
                size = sum(len(each) for each in member.pieces)
                assert size <= limits.expanded_bytes, "no more comes out than may"
                found.append((member.name, size))
        except SourceError as error:
            check(format_cases.Outcome([], error))
            return "".join(sign for sign in str(error)[:60] if not sign.isdigit()), len(found)
        return len(found)

    return Target(seeds, take)


def _guessing() -> Target:
    def take(data: bytes, _: random.Random) -> Novelty:
        try:
            found = sniff(Sample(data, complete=True, name="a.txt"))
        except IngestError as error:
            return str(error)[:40]
        return found.format, found.delimiter, found.encoding, len(found.columns)

    return Target([_small(name, PEOPLE, write).data for name, write in WRITERS.items()], take)


def targets() -> Mapping[str, Target]:
    """Every target by name: each parser, the whole way of each sample, and three more."""
    found: dict[str, Target] = {}
    dialects: list[Case] = []
    for name, write in WRITERS.items():
        case = _small(name.replace(", ", "-").replace(" ", ""), PEOPLE, write)
        if case.format == "sql":
            dialects.append(case)
        else:
            found[case.name] = _parser(case)
    found["sql"] = _parser(*dialects)
    for name, shape in LOGINS.items():
        for delimiter, write in LOGIN_WRITERS.items():
            found[f"combo-{name.replace(':', '-')}-{delimiter}"] = _parser(_small(name, shape, write))
    found |= {f"load-{case.name}": _whole_way(case) for case in format_cases.cases()}
    return found | {"unpack": _unpacking(), "sniff": _guessing(), "sheet": _sheet()}
