"""What holds for any dump: the account balances, and the table is the same however the dump is cut up."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ingest_cli.decoders import is_packed
from ingest_cli.decoders.archives import REFUSED
from ingest_cli.errors import SourceError
from ingest_cli.model.chunks import Reject
from ingest_cli.model.manifest import parse_manifest
from ingest_cli.report.account import Account
from ingest_cli.sinks.discard import DiscardSink
from ingest_cli.sinks.memory import MemorySink
from tests.support.dumps import ENCODINGS, LINE_ENDS, Compression, Dump, manifest_of, write_dump
from tests.support.pipelines import PEPPER, SRC, BytesSource, ChunkResult, Table, manifest, run, table_of
from tests.support.shapes import SHAPES
from tests.support.truth import Reference, RowTruth, Tally, as_dynamodb_json


@dataclass(frozen=True, slots=True)
class Made:
    """A generated dump, its manifest, and the truth about each of its rows."""

    data: bytes
    manifest: str
    truths: tuple[RowTruth, ...]


def made(dump: Dump, folder: Path, dataset: str = "demo") -> Made:
    truths: list[RowTruth] = []
    out = folder / "dump"
    write_dump(dump, out, truths.append)
    return Made(out.read_bytes(), manifest_of(dump, dataset, ["dump"]), tuple(truths))


def check_against_the_truth(settled: ChunkResult, dump: Made, dataset: str = "demo") -> None:
    reference = Reference(PEPPER.secret, PEPPER.kid, dataset, SRC)
    expected = {key: as_dynamodb_json(item) for key, item in reference.table(dump.truths).items()}
    table = table_of(settled)
    assert len(table) == len(expected)
    assert table == expected
    account, tally = settled.account, Tally()
    for truth in dump.truths:
        tally.add(truth)
    assert account.balances
    assert {
        "rows": {
            "read": account.rows_read,
            "kept": account.rows_kept,
            "rejected": account.rows_rejected,
            "skipped": account.rows_skipped,
        },
        "rejected_by_reason": dict(sorted((+account.rejected).items())),
        "skipped_by_reason": dict(sorted((+account.skipped).items())),
        "items": {"built": account.items_built, "distinct": len(table)},
    } == tally.expected()
    assert [(one.row, one.line, one.reason) for one in settled.rejects] == [
        (truth.row, truth.line, truth.reason) for truth in dump.truths if truth.outcome == "rejected"
    ]


SOME_ROWS = 1500
# The rows of a shape go through each of its wounds several times.
VARIANTS = [
    *(pytest.param(Dump(shape=shape, rows=SOME_ROWS, dirty=0.4), id=name) for name, shape in SHAPES.items()),
    *(
        pytest.param(Dump(shape=SHAPES["pelanggan"], rows=SOME_ROWS, dirty=0.3, encoding=name), id=f"in-{name}")
        for name in ENCODINGS
    ),
    *(
        pytest.param(Dump(shape=SHAPES["dirty"], rows=SOME_ROWS, dirty=0.3, delimiter=sign), id=f"by-{ord(sign):#04x}")
        for sign in ";|\x01"
    ),
    *(
        pytest.param(
            Dump(shape=SHAPES["telco"], rows=SOME_ROWS, dirty=0.2, line_end=end, quoting="all"), id=f"ends-{name}"
        )
        for name, end in LINE_ENDS.items()
    ),
    *(
        # More rows than a gzip member holds.
        pytest.param(Dump(shape=SHAPES["members"], rows=4200, seed=3, dirty=0.1, compression=how), id=f"packed-{how}")
        for how in get_args(Compression)
        if how != "none"
    ),
]


@pytest.mark.parametrize("dump", VARIANTS)
def test_the_table_and_the_account_are_those_of_the_reference(dump: Dump, tmp_path: Path) -> None:
    written = made(dump, tmp_path)
    whole = parse_manifest(written.manifest)
    check_against_the_truth(run(whole, [BytesSource(written.data)]), written)
    # And again, every chunk some hundred rows, and pieces cut anywhere.
    check_against_the_truth(run(whole, [BytesSource(written.data, piece=4099)], chunk_bytes=40_009), written)


def fate(settled: ChunkResult) -> tuple[Account, list[Reject], set[tuple[str, str]]]:
    """What must not depend on how a stream was cut: `account` but for merging, which is per chunk; rejects; keys."""
    account = settled.account
    # The plus in front of a counter leaves out what did not occur.
    plain = Account(
        rows_read=account.rows_read,
        rows_kept=account.rows_kept,
        rejected=+account.rejected,
        skipped=+account.skipped,
        rejected_identifiers=+account.rejected_identifiers,
        flags=+account.flags,
        items_built=account.items_built,
        items_merged=account.items_merged + account.items_acknowledged,
    )
    return plain, settled.rejects, set(table_of(settled))


FIELDS = {"IC": "id", "PHONE": "phone", "EMAIL": "email", "USER": "username", "NAME": ""}
HEADED = manifest(FIELDS)
HEADLESS = manifest(
    FIELDS, format_='name = "csv"\ncolumns = ["IC", "PHONE", "EMAIL", "USER", "NAME", ""]\nheader = false'
)
WIDE = manifest(
    FIELDS,
    format_='name = "csv"\ncolumns = ["IC", "PHONE", "EMAIL", "USER", "NAME"]\nheader = false\nencoding = "utf-16"',
)
HEADER = b"IC,PHONE,EMAIL,USER,NAME\n"

# fmt: off
PARTS = [
    b"850101-14-5678", b"A12345678", b"123456", b"0123456789", b"0123456789/0198765432", b"1", b"/", b"&", b"aisyah",
    b"ana@example.com", b"a.b+c@gmail.com", b"@", b"NULL", b"-", b"x" * 30, b"\xc3\xa9", b"\xe6\x9d\x8e",
    b",", b",", b",", b",", b"\n", b"\n", b"\r\n", b"\r", b'"', b'""', b'"p,q"', b'"p\nq"', b" ", b"\0", b"\xff",
    b"\xef\xbb\xbf", b"\xff\xfe", HEADER, b"850101145678,0123456789,ana@example.com,ana,Ana\n",
    b'"850101145686",,"lim@example.org",,\r\n',
]
# fmt: on
soup = st.lists(st.sampled_from(PARTS), max_size=50).map(b"".join)


@settings(max_examples=60)
@given(st.one_of(soup, st.binary(max_size=200)))
@example(b"")
@example(b"\n\n\r\r\n")
@example(b"\x1f\x8b\x08")
@example(b"BZh91AY&SY")
@example(b"\xff\xfe\x00")
@example(b"MSCF\0\0\0\0")
def test_no_bytes_raise_and_all_of_them_are_accounted_for(data: bytes) -> None:
    for wanted in (HEADLESS, WIDE):
        source = BytesSource(data)
        memory, discard = ChunkResult(MemorySink()), ChunkResult(DiscardSink())
        try:
            memory, discard = run(wanted, [source]), run(wanted, [source], DiscardSink())
        except SourceError:
            refused = data.startswith(tuple(REFUSED))
            assert is_packed(data) or refused, "damaged packings and known other files are all that cannot be read"
        assert memory.account.balances
        assert memory.account == discard.account
        assert memory.account.items_acknowledged >= len(table_of(memory))
        assert len(memory.rejects) == memory.account.rows_rejected


@settings(max_examples=60)
@given(st.lists(st.text(max_size=12), max_size=40))
@example(["/", "/", "/", "/", "x"])
def test_no_text_of_a_cell_raises(texts: list[str]) -> None:
    cells = ['"' + text.replace('"', '""') + '"' for text in texts]
    rows = [",".join(cells[at : at + 5]) for at in range(0, len(cells), 5)]
    settled = run(HEADED, [BytesSource(HEADER + "\n".join(rows).encode())])
    assert settled.account.balances
    assert len(settled.rejects) == settled.account.rows_rejected


@settings(max_examples=60)
@given(soup, st.integers(1, 80), st.integers(1, 50))
def test_neither_chunks_nor_pieces_change_what_is_loaded(data: bytes, chunk_bytes: int, piece: int) -> None:
    for wanted, head in ((HEADED, HEADER), (HEADLESS, b"")):
        whole = run(wanted, [BytesSource(head + data)])
        parts = run(wanted, [BytesSource(head + data, piece)], chunk_bytes=chunk_bytes)
        assert fate(parts) == fate(whole)
        assert table_of(parts) == table_of(whole)
        assert parts.account.balances
        assert whole.account.balances


@settings(max_examples=40)
@given(soup, st.integers(1, 80), st.integers(1, 50))
def test_a_damage_costs_no_row_before_it(data: bytes, chunk_bytes: int, piece: int) -> None:
    fault = SourceError("the disk is broken")
    whole = run(HEADLESS, [BytesSource(b"850101145678,,,,,\n" * 3 + data)])
    kept = ChunkResult(MemorySink())
    with pytest.raises(SourceError, match="the disk is broken"):
        run(
            HEADLESS,
            [BytesSource(b"850101145678,,,,,\n" * 3 + data, piece, fault=fault)],
            kept.sink,
            chunk_bytes=chunk_bytes,
        )
    assert table_of(kept).items() <= table_of(whole).items()
    assert len(table_of(kept)) >= 1


def two_datasets(folder: Path) -> list[tuple[str, Made]]:
    out = []
    for name, seed in (("telco", 1), ("members", 1), ("telco", 2)):
        dump = Dump(shape=SHAPES[name], rows=800, seed=seed, dirty=0.2)
        dataset = f"{name}-{seed}"
        out.append((dataset, made(dump, folder, dataset)))
    return out


def load(order: list[tuple[str, Made]]) -> Table:
    sink = MemorySink()
    for _, one in order:
        run(parse_manifest(one.manifest), [BytesSource(one.data)], sink, chunk_bytes=20_000)
    return dict(sink.items)


def test_the_order_of_loads_makes_no_difference_nor_does_loading_again(tmp_path: Path) -> None:
    several = two_datasets(tmp_path)
    once = load(several)
    assert once == load(several[::-1])
    assert once == load(several + several)
    reference: Table = {}
    for dataset, one in several:
        items = Reference(PEPPER.secret, PEPPER.kid, dataset, SRC).table(one.truths)
        reference |= {key: as_dynamodb_json(item) for key, item in items.items()}
    assert once == reference


def test_the_order_of_rows_and_how_they_are_spread_over_files_make_no_difference(tmp_path: Path) -> None:
    dump = Dump(shape=SHAPES["members"], rows=1500, dirty=0.0)
    written = made(dump, tmp_path)
    head, *rows = written.data.splitlines(keepends=True)
    wanted = parse_manifest(written.manifest)
    one = run(wanted, [BytesSource(written.data)])
    files = [BytesSource(head + b"".join(rows[at::3][::-1]), name=f"{at}.csv") for at in range(3)]
    several = run(wanted, files, chunk_bytes=9000)
    assert table_of(several) == table_of(one)
    assert several.account.rows_read == one.account.rows_read == len(rows)
    assert Counter(several.account.identifiers) == Counter(one.account.identifiers)


def test_no_cell_leaves_the_process_in_clear(tmp_path: Path) -> None:
    written = made(Dump(shape=SHAPES["telco"], rows=500, dirty=0.2), tmp_path)
    sent = "".join(
        "".join(work.items.request.to_pylist())
        for work in run(parse_manifest(written.manifest), [BytesSource(written.data)]).works
    )
    values = {value for truth in written.truths for _, value in truth.identifiers}
    assert len(values) > 1000
    assert not [value for value in values if value in sent]
