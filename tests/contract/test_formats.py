"""What every format promises, held against its samples; a new format needs no line in here."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import random
from pathlib import Path

import pytest

from ingest_cli.commands.validate import reproduce, validate
from ingest_cli.errors import ManifestError, SourceError
from ingest_cli.formats import FORMATS, open_format
from ingest_cli.model.chunks import Position, Span
from ingest_cli.model.keys import Pepper
from ingest_cli.model.manifest import parse_manifest
from ingest_cli.model.settings import RunSettings
from ingest_cli.report.report import Report
from ingest_cli.sinks.memory import MemorySink
from tests.support import format_cases, make_samples
from tests.support.format_cases import Case, check, read
from tests.support.pipelines import BytesSource, run, table_of
from tests.support.truth import Reference, as_dynamodb_json

CASES = {case.name: case for case in format_cases.cases()}
STREAMS = [name for name, case in CASES.items() if case.is_stream]
CANARY = b"rahsia-"
"""What every password in the samples begins with."""

# The samples of which the dump itself says what its columns are called, documents left out: these may lack any.
NAMED = [name for name, case in CASES.items() if case.format not in {"blocks", "json", "jsonl"}]

every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
every_stream = pytest.mark.parametrize("case", [CASES[name] for name in STREAMS], ids=STREAMS)


def test_every_format_has_a_sample() -> None:
    assert {case.format for case in CASES.values()} == set(FORMATS)


def test_every_sample_is_in_the_suite() -> None:
    assert CASES.keys() == {sample.name for sample in make_samples.SAMPLES}


@every_case
def test_a_sample_counts_what_is_expected(case: Case) -> None:
    report = validate(case.manifest, RunSettings()).as_dict()
    expected = json.loads((format_cases.FOLDER / f"{case.name}.expected.json").read_text(encoding="utf-8"))
    assert report["outcome"] == "complete"
    for part in ("rows", "rejected_by_reason", "skipped_by_reason"):
        assert report[part] == expected[part]
    assert report["items"]["built"] == expected["items"]["built"]
    assert report["items"]["distinct"] == expected["items"]["distinct"]


@pytest.mark.parametrize("sample", make_samples.SAMPLES, ids=lambda sample: sample.name)
def test_a_sample_gives_the_items_of_the_people_in_it(sample: make_samples.Sample, tmp_path: Path) -> None:
    truths = make_samples.truths(sample, tmp_path)
    case, pepper = CASES[sample.name], Pepper("k1", bytes(range(32)))
    digests = sorted(hashlib.sha256((format_cases.FOLDER / name).read_bytes()).hexdigest() for name in sample.files)
    src = hashlib.sha256("".join(f"{digest}\n" for digest in digests).encode()).hexdigest()[:8]
    expected = Reference(pepper.secret, pepper.kid, sample.dataset, src).table(truths)
    sink, report = MemorySink(), Report("verify", sample.dataset, "")
    reproduce(case.manifest, pepper, RunSettings(), sink=sink, report=report)
    assert report.src == src
    assert {key: _sorted(item) for key, item in sink.items.items()} == {
        key: as_dynamodb_json(item) for key, item in expected.items()
    }


def _sorted(value: object) -> object:
    if isinstance(value, dict):
        return {name: sorted(one) if name == "SS" else _sorted(one) for name, one in value.items()}
    return value


@every_case
@pytest.mark.parametrize(("chunk_bytes", "piece"), [(1, 64), (100, 1), (700, 13), (5_000, 999), (1 << 20, 1)])
def test_neither_chunk_size_nor_pieces_change_what_is_read(case: Case, chunk_bytes: int, piece: int) -> None:
    whole, other = read(case, case.data), read(case, case.data, chunk_bytes=chunk_bytes, piece=piece)
    check(other)
    assert whole.error is None
    assert other.fates == whole.fates
    assert other.flags == whole.flags
    assert other.chunks[-1].end == whole.chunks[-1].end


@pytest.mark.slow
@every_case
@pytest.mark.parametrize(("chunk_bytes", "other_bytes"), [(700, 700), (300, 1 << 20), (2_000, 150)])
def test_reading_goes_on_from_the_end_of_any_chunk(case: Case, chunk_bytes: int, other_bytes: int) -> None:
    chunks = read(case, case.data, chunk_bytes=chunk_bytes).chunks
    fates = [format_cases.fates(chunk) for chunk in chunks]
    assert len(chunks) > 1
    for number, chunk in enumerate(chunks):
        rest = read(case, case.data, chunk_bytes=other_bytes, spans=[Span(chunk.end)])
        assert rest.fates == [fate for later in fates[number + 1 :] for fate in later]


@every_case
@pytest.mark.parametrize("seed", range(3))
def test_any_chunks_can_be_left_out(case: Case, seed: int) -> None:
    chunks = read(case, case.data, chunk_bytes=500).chunks
    chosen = [chunk for chunk in chunks if random.Random(f"{seed} {chunk.start.row}").random() < 0.5]
    spans = [Span(chunk.start, chunk.end) for chunk in chosen]
    again = read(case, case.data, chunk_bytes=900, spans=spans)
    assert again.fates == [fate for chunk in chosen for fate in format_cases.fates(chunk)]


@every_case
def test_reading_begins_where_the_first_record_does(case: Case) -> None:
    first = read(case, case.data).chunks[0].start
    assert first.row == 0
    assert first.offset <= len(case.data)
    assert read(case, case.data, spans=[Span(Position())]).fates == read(case, case.data).fates


@every_case
def test_every_record_has_one_fate(case: Case) -> None:
    found = read(case, case.data)
    check(found)
    expected = json.loads((format_cases.FOLDER / f"{case.name}.expected.json").read_text(encoding="utf-8"))
    sources = make_samples.SAMPLES[[sample.name for sample in make_samples.SAMPLES].index(case.name)].files
    if len(sources) == 1:
        assert len(found.fates) == expected["rows"]["read"]


@pytest.mark.parametrize("case", [CASES[name] for name in NAMED], ids=NAMED)
def test_a_column_that_is_not_there_is_named_with_the_nearest(case: Case) -> None:
    text = (format_cases.FOLDER / f"{case.name}.toml").read_text(encoding="utf-8")
    wanted = case.wanted.names[0]
    typo = f"{wanted[:-1]}{wanted[-1] * 2}"  # the last letter twice
    before, fields, after = text.partition("[[fields]]")
    text = before + fields + after.replace(f'"{wanted}"', f'"{typo}"', 1)
    try:
        error = read(dataclasses.replace(case, manifest=parse_manifest(text)), case.data).error
    except ManifestError as said:  # where the manifest itself lists the columns
        error = said
    assert isinstance(error, ManifestError)
    assert typo in str(error)
    assert str(error).replace("`", '"').endswith(f'did you mean "{wanted}"?')


@every_stream
@pytest.mark.parametrize("share", [0.1, 0.5, 0.93])
@pytest.mark.parametrize("chunk_bytes", [400, 1 << 20])
def test_what_a_stream_held_before_it_broke_off_is_read(case: Case, share: float, chunk_bytes: int) -> None:
    whole, cut = read(case, case.data), round(len(case.data) * share)
    fault = SourceError("the connection was reset")
    found = read(case, case.data[:cut], chunk_bytes=chunk_bytes, piece=64, fault=fault)
    assert found.error is fault
    check(found)
    rows = len(found.fates)
    assert found.fates == whole.fates[:rows]
    ends = [chunk.start.offset + int(end) for chunk in whole.chunks for end in chunk.bounds[1:]]
    assert sum(end < cut for end in ends) - 1 <= rows <= sum(end <= cut for end in ends), (
        "all whole records are read; of the last, the end may not be known"
    )


@every_stream
def test_what_is_left_after_a_break_is_read_the_next_time(case: Case) -> None:
    whole = read(case, case.data)
    first = read(case, case.data[: len(case.data) // 2], chunk_bytes=600, fault=SourceError("the connection was reset"))
    rest = read(case, case.data, spans=[Span(first.chunks[-1].end)])
    assert first.fates + rest.fates == whole.fates


@every_case
def test_a_sample_that_is_cut_off_raises_nothing_else(case: Case) -> None:
    places = random.Random(1).sample(range(len(case.data)), 60)
    for cut in [*places, 0, 1, 2, 3, 4, 8, len(case.data) - 1]:
        found = read(case, case.data[:cut])
        check(found)
        assert found.error is None or not case.is_stream or isinstance(found.error, ManifestError)


@pytest.mark.slow
@every_case
@pytest.mark.parametrize("seed", range(20))
def test_damage_raises_nothing_else(case: Case, seed: int) -> None:
    rng = random.Random(seed)
    data = bytearray(case.data)
    for _ in range(rng.choice([1, 3, 40])):
        data[rng.randrange(len(data))] = rng.randrange(256)
    check(read(case, bytes(data), chunk_bytes=rng.choice([200, 1 << 20])))


@every_case
@pytest.mark.parametrize("seed", range(5))
def test_random_bytes_raise_nothing_else(case: Case, seed: int) -> None:
    rng = random.Random(seed)
    data = rng.randbytes(rng.choice([1, 30, 5_000]))
    check(read(case, data))
    check(read(case, case.data[:30] + data))


@every_case
def test_columns_that_are_not_wanted_stay_behind(case: Case) -> None:
    if case.format not in {"parquet", "xlsx"} and case.name not in {"dirty", "legacy", "pelanggan", "telco"}:
        assert CANARY in case.data, "the sample has what must not be read"
    for chunk in read(case, case.data, chunk_bytes=1000).chunks:
        assert chunk.cells.keys() == set(case.wanted.names)
        assert CANARY not in repr([column.to_pylist() for column in chunk.cells.values()]).encode()


@every_case
def test_one_parser_reads_several_sources(case: Case) -> None:
    parser = open_format(case.manifest.format, case.wanted)
    first, second = read(case, case.data, parser=parser), read(case, case.data, parser=parser)
    assert first.fates == second.fates == read(case, case.data).fates


@every_case
def test_small_sources_share_a_chunk_and_come_to_what_each_comes_to_alone(case: Case) -> None:
    wanted = dataclasses.replace(case.manifest, format=dataclasses.replace(case.manifest.format, encoding="utf-8"))
    alone = run(wanted, [BytesSource(case.data, name="0")])
    together = run(wanted, [BytesSource(case.data, name=str(number)) for number in range(3)])
    assert len(together.works) == len(alone.works) == 1
    assert table_of(together) == table_of(alone)
    account, single = together.account, alone.account
    assert account.balances
    assert (account.rows_read, account.rows_kept) == (3 * single.rows_read, 3 * single.rows_kept)
    assert account.items_built == 3 * single.items_built
    assert account.items_acknowledged == single.items_acknowledged, "each item is sent once"
    for name in ("rejected", "skipped", "rejected_identifiers", "flags"):
        assert getattr(account, name) == {reason: 3 * count for reason, count in getattr(single, name).items()}
    rejects = [(number, one) for number in range(3) for one in alone.rejects]
    assert [(origin.shard, one) for origin, one in zip(together.origins, together.rejects, strict=True)] == rejects
    assert [part.span for part in together.parts] == 3 * [part.span for part in alone.parts]
    assert set(together.ends.values()) == set(alone.ends.values())
