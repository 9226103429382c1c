"""Writes `sample_data/`: one small dump of each shape, with its manifest and the counts to expect.

    python -m tests.support.make_samples [FOLDER]

The same person is in all of them, spelled differently each time, so that there is somebody to look up.
The files are committed; a test compares them with what this makes.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.support.dumps import Dump, manifest_of, write_dump
from tests.support.people import AISYAH, Person
from tests.support.shapes import SHAPES
from tests.support.truth import RowTruth, Tally

FOLDER = Path(__file__).resolve().parents[2] / "sample_data"

# The same mailbox, with the tag she gave that one site: it is found by way of the base address.
_AISYAH_TAGGED = AISYAH._replace(email="aisyah+forum@example.com")


class Sample(NamedTuple):
    """Files that share one manifest.

    Attributes:
        name: what its files begin with.
        dataset: id of the dataset.
        files: file name → what to write into it.
        sources: as the manifest names them.
        max_ratio: rejects to be allowed, as a ratio; None for what suits the share of dirty rows.
    """

    name: str
    dataset: str
    files: Mapping[str, Dump]
    sources: tuple[str, ...]
    max_ratio: float | None = None


def _planted(*rows: int, person: Person = AISYAH) -> dict[int, Person]:
    return dict.fromkeys(rows, person)


SAMPLES = (
    Sample(
        "telco",
        "demo-telco-2017",
        {
            "telco-1.csv": Dump(shape=SHAPES["telco"], rows=80, planted=_planted(3), dirty=0.03),
            "telco-2.csv.gz": Dump(shape=SHAPES["telco"], rows=60, first=80, planted=_planted(41), compression="gzip"),
        },
        ("telco-*.csv*",),
    ),
    Sample(
        "pelanggan",
        "demo-pelanggan-2019",
        {
            "pelanggan.csv": Dump(
                shape=SHAPES["pelanggan"], rows=100, seed=2, planted=_planted(7), dirty=0.1, line_end="\r\n"
            )
        },
        ("pelanggan.csv",),
    ),
    Sample(
        "members",
        "demo-members-2021",
        {"members.tsv": Dump(shape=SHAPES["members"], rows=80, seed=3, planted=_planted(11, person=_AISYAH_TAGGED))},
        ("members.tsv",),
    ),
    Sample(
        "dirty",
        "demo-dirty-2022",
        {"dirty.csv": Dump(shape=SHAPES["dirty"], rows=200, seed=4, planted=_planted(100), dirty=0.7)},
        ("dirty.csv",),
        max_ratio=0.5,
    ),
    Sample(
        "legacy",
        "demo-legacy-2009",
        {
            "legacy.csv": Dump(
                shape=SHAPES["legacy"],
                rows=50,
                seed=5,
                planted=_planted(20),
                dirty=0.1,
                quoting="all",
                line_end="\r\n",
            )
        },
        ("legacy.csv",),
    ),
)


def truths(sample: Sample, folder: Path) -> list[RowTruth]:
    """Write the dumps of a sample and return the truth about each row, file by file."""
    found: list[RowTruth] = []
    for name, dump in sample.files.items():
        write_dump(dump, folder / name, found.append)
    return found


def make(folder: Path) -> None:
    """Write every file of every sample into an existing folder."""
    for sample in SAMPLES:
        tally = Tally()
        for truth in truths(sample, folder):
            tally.add(truth)
        dump = next(iter(sample.files.values()))
        manifest = manifest_of(dump, sample.dataset, sample.sources, sample.max_ratio)
        expected = json.dumps(tally.expected(), indent=2)
        _write(folder / f"{sample.name}.toml", manifest)
        _write(folder / f"{sample.name}.expected.json", f"{expected}\n")


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def main(arguments: Sequence[str]) -> int:
    """Write the samples into the folder given, or where they are committed."""
    folder = Path(arguments[0]) if arguments else FOLDER
    make(folder)
    sys.stdout.write(f"{folder}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
