"""Small sources that share chunks come to what each of them comes to alone, whatever is in the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hypothesis import example, given, settings
from hypothesis import strategies as st

from ingest_cli.errors import ManifestError
from ingest_cli.items.builder import ItemBuilder
from ingest_cli.items.hashing import Hasher
from ingest_cli.model.chunks import Origin, Position
from ingest_cli.model.manifest import Manifest
from ingest_cli.pipeline import ItemStages
from ingest_cli.report.account import Account
from ingest_cli.sinks.memory import MemorySink
from ingest_cli.sources.shard import Shard
from tests.support.pipelines import PEPPER, SRC, BytesSource, ChunkResult, Table, manifest, run_into, table_of

Texts = Sequence[bytes]

COLUMNS = {"ID": "username", "EMAIL": "email"}
CSV = manifest(COLUMNS)
HEADERLESS = manifest(COLUMNS, format_='name = "csv"\nheader = false\ncolumns = ["ID", "EMAIL"]')
COMBO = manifest(COLUMNS, format_='name = "combo"\ncolumns = ["EMAIL", "ID"]')
SOME_LACK_IT = replace(CSV, fields=tuple(replace(field, optional=field.kind == "email") for field in CSV.fields))
JSON_LINES = manifest(COLUMNS, format_='name = "jsonl"')

HEADS = [b"ID,EMAIL\n", b"EMAIL,PASSWORD,ID\n", b'\r\n"ID",EMAIL\r\n', b'ID,"EM\nAIL",EMAIL\n', b"ID,EMAIL", b"NAME\n"]
CSV_BITS = [b"a", b"b@c.example", b",", b'"', b'""', b"\n", b"\r", b"\r\n", b"ID,EMAIL\n", b"\xff", b"\xef\xbb\xbf"]
COMBO_BITS = [b"a", b"b@c.example", b":", b"\n", b"\r", b"\r\n", b"\xff", b"https://x.example/"]
JSON_BITS = [b'{"ID": "a"}', b'{"EMAIL": "b@c.example"}', b"\n", b"\r", b'{"ID', b'": 1}', b"[", b"\xff"]


def rows_of(bits: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """Rows that are as they should be, and what is made of bits, which mostly is not."""
    good = b"".join([b"x,y@z.example\n", b'"q,""r""",s@t.example\n'])
    made = st.lists(st.sampled_from(bits), max_size=12).map(b"".join)
    return st.one_of(st.just(good), made, made.map(lambda text: text + b"\n"))


@dataclass(frozen=True)
class Came:
    """What sources came to.

    Attributes:
        table: the items.
        account: of rows and items.
        rejects: source, row, line, reason and column of each.
        parts: for each member, the stretches of it that were settled, neighbours joined.
        done: for each member that was read to its end, whether all of it was settled.
        error: what ended it.
    """

    table: Table
    account: Account
    rejects: list[tuple[str, int, int, str, str | None]]
    parts: dict[Origin, list[tuple[Position, Position | None]]]
    done: dict[Origin, bool]
    error: str | None


def came(settled: ChunkResult, error: str | None = None) -> Came:
    stretches: dict[Origin, list[tuple[Position, Position | None]]] = {}
    for part in sorted(settled.parts, key=lambda one: one.span.start.offset):
        own = stretches.setdefault(part.origin, [])
        if own and own[-1][1] == part.span.start:
            own[-1] = own[-1][0], part.span.end
        else:
            own.append((part.span.start, part.span.end))
    ends = {origin: own[-1][1] for origin, own in stretches.items()}
    done = {origin: end == ends[origin] if origin in ends else end.row == 0 for origin, end in settled.ends.items()}
    rejects = [
        (origin.name, one.row, one.line, one.reason, one.field)
        for origin, one in zip(settled.origins, settled.rejects, strict=True)
    ]
    return Came(table_of(settled), settled.account, sorted(rejects, key=str), stretches, done, error)


def read(wanted: Manifest, texts: Texts, chunk_bytes: int, *, together: bool) -> Came:
    """Take texts through all stages: all of them by one gatherer, or each by its own."""
    shards = [Shard(number, BytesSource(text, name=f"{number}.csv")) for number, text in enumerate(texts)]
    stages = ItemStages(wanted.fields, ItemBuilder(Hasher(PEPPER), wanted.dataset.id, SRC))
    settled, error = ChunkResult(MemorySink(), stages), None
    try:
        for some in [shards] if together else [[one] for one in shards]:
            run_into(settled, wanted, some, chunk_bytes)
    except ManifestError as raised:
        error = str(raised)
    return came(settled, error)


def counted(account: Account) -> dict[str, object]:
    """What of an account does not depend on which items stand in one chunk."""
    plain = dict(account.to_plain())
    plain["rejected_identifiers"] = sorted(plain["rejected_identifiers"])
    sent = {"items_acknowledged", "items_merged", "bytes_acknowledged", "wcu_predicted", "import_bytes", "identifiers"}
    return {name: value for name, value in plain.items() if name not in sent}


def check(wanted: Manifest, texts: Texts, chunk_bytes: int) -> None:
    """Read texts together and apart, and compare."""
    apart, together = (read(wanted, texts, chunk_bytes, together=value) for value in (False, True))
    assert together.error == apart.error
    assert together.table == apart.table
    assert together.rejects == apart.rejects
    assert together.parts == apart.parts
    assert together.done == apart.done
    assert all(together.done.values())
    assert counted(together.account) == counted(apart.account)
    assert together.account.balances


CHUNK_BYTES = st.sampled_from([1, 40, 400, 1 << 20])
OPEN_QUOTE = b'ID,EMAIL\n1,"a@b.example\n2,c@d.example\n'
CLOSING_QUOTE = b'ID,EMAIL\n3,e@f.example"\n4,g@h.example\n'
GOOD = b"ID,EMAIL\n5,i@j.example\n\n6,k@l.example\n,-\n7\n"


@settings(max_examples=100)
@example([OPEN_QUOTE, CLOSING_QUOTE, GOOD], 1 << 20)
@example([GOOD, OPEN_QUOTE, GOOD, OPEN_QUOTE, GOOD], 1 << 20)
@example([GOOD, b"", b"ID,EMAIL\n", GOOD, b"NAME\n1\n", GOOD], 1 << 20)
@example([GOOD, GOOD.replace(b"\n", b"\r"), GOOD.replace(b"\n", b"\r\n"), GOOD[:-1], GOOD], 1 << 20)
@given(st.lists(st.tuples(st.sampled_from(HEADS), rows_of(CSV_BITS)).map(b"".join), max_size=6), CHUNK_BYTES)
def test_csv_files(texts: Texts, chunk_bytes: int) -> None:
    check(CSV, texts, chunk_bytes)


@settings(max_examples=50)
@example([GOOD, b"ID\n8\n9\n", GOOD, b"ID,EMIAL\n8,x\n"], 1 << 20)
@given(
    st.lists(st.tuples(st.sampled_from([*HEADS, b"ID\n"]), rows_of(CSV_BITS)).map(b"".join), max_size=6), CHUNK_BYTES
)
def test_csv_files_some_of_which_lack_a_column(texts: Texts, chunk_bytes: int) -> None:
    check(SOME_LACK_IT, texts, chunk_bytes)


@settings(max_examples=50)
@given(st.lists(rows_of(CSV_BITS), max_size=6), CHUNK_BYTES)
def test_csv_files_without_a_header(texts: Texts, chunk_bytes: int) -> None:
    check(HEADERLESS, texts, chunk_bytes)


@settings(max_examples=50)
@given(st.lists(rows_of(COMBO_BITS), max_size=6), CHUNK_BYTES)
def test_combo_lists(texts: Texts, chunk_bytes: int) -> None:
    check(COMBO, texts, chunk_bytes)


@settings(max_examples=50)
@given(st.lists(rows_of(JSON_BITS), max_size=6), CHUNK_BYTES)
def test_json_lines(texts: Texts, chunk_bytes: int) -> None:
    check(JSON_LINES, texts, chunk_bytes)
