"""Compare the readers of JSON and SQL with libraries, on one dump each.

    pip install --group readers; python -m tests.bench.readers --mb 2

JSON: the reader of a load as it is and with msgspec in place of `json`, runs interleaved; then records parsed one by
one to Python objects. SQL: each dump as written, and with one quote removed in the middle; the rows of a library are
the tuples it finds. Figures are processor time per row, for JSON the median of the runs.
"""

from __future__ import annotations

import argparse
import importlib
import statistics
import time
from collections.abc import Callable, Iterable
from typing import Any

from ingest_cli.formats import jsonl
from ingest_cli.formats.json_values import DECODER, has_too_many_values, parse_document
from ingest_cli.formats.sql_dump import SqlDump
from tests.bench.formats import CONTENDERS, Dump, dump_of
from tests.support.shapes import Shape
from tests.support.writers import PEOPLE, WRITERS, Table, drawn

_RUNS = 5


def main() -> None:
    """Print all figures; a library that is not installed is left out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mb", type=float, default=2.0, help="size of each dump in MB (default: 2)")
    size_mb = parser.parse_args().mb
    _json_figures(size_mb)
    for name in ("mysqldump", "pg_dump", "pg_dump --inserts"):
        _sql_figures(name, size_mb)


def _json_figures(size_mb: float) -> None:
    dump = dump_of(CONTENDERS["jsonl"], size_mb * 1e6)
    lines = dump.data.splitlines()
    contenders: dict[str, Callable[[], object]] = {"reader, json": lambda: _drain(dump, parse_document)}
    if msgspec := _library("msgspec"):
        decode = msgspec.json.Decoder(float_hook=str).decode

        def parse(raw: bytes) -> Any:
            if not has_too_many_values(raw) and b"-0" not in raw:  # it would return 0 for -0
                try:
                    return decode(raw)
                except (ValueError, RecursionError):
                    pass
            return parse_document(raw)

        contenders["reader, msgspec first"] = lambda: _drain(dump, parse)
        contenders["msgspec.json.Decoder(float_hook=str)"] = lambda: _each(decode, lines)
    contenders["json.JSONDecoder(parse_int=str, parse_float=str)"] = lambda: _each(
        lambda raw: DECODER.raw_decode(raw.decode("utf-8", "surrogateescape")), lines
    )
    if orjson := _library("orjson"):
        contenders["orjson.loads"] = lambda: _each(orjson.loads, lines)
    if yajl := _library("ijson.backends.yajl2_c"):
        rows = b"[" + b",".join(lines) + b"]"
        contenders["ijson (yajl2_c), one array"] = lambda: _each(lambda _: None, yajl.items(rows, "item"))
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(_RUNS):
        for name, read in contenders.items():
            began_s = time.process_time()
            read()
            taken[name].append(1e6 * (time.process_time() - began_s) / len(lines))
    print(f"JSON Lines, {len(lines):,} rows")
    for name, us in taken.items():
        print(f"  {name:50} {statistics.median(us):8.2f} µs")


def _each(parse: Callable[[Any], object], records: Iterable[Any]) -> None:
    for record in records:
        parse(record)


def _drain(dump: Dump, parse: Callable[[bytes], Any]) -> None:
    jsonl.parse_document = parse
    for _ in dump.chunks():
        pass


def _sql_figures(name: str, size_mb: float) -> None:
    text, rows, wanted = _sql_dump(name, PEOPLE, size_mb * 1e6)
    middle = text.index("','", len(text) // 2) if "','" in text else len(text) // 2
    damaged = text[: middle + 2] + text[middle + 3 :]
    print(f"\n{name}, {rows:,} rows, {len(text) / 1e6:.1f} MB: rows found whole, rows found with a quote lost")
    _show_sql("reader", rows, text, damaged, lambda dump: _read(dump, wanted))
    long, long_rows, _ = _sql_dump(name, PEOPLE, 16e6 * size_mb)
    _show_sql("reader, 16 times the rows", long_rows, long, damaged, lambda dump: _read(dump, wanted))
    if sqlglot := _library("sqlglot"):
        dialect = "mysql" if name == "mysqldump" else "postgres"

        def with_sqlglot(dump: str) -> int:
            found = sqlglot.parse(dump, dialect=dialect)
            return sum(1 for tree in found if tree for _ in tree.find_all(sqlglot.exp.Tuple))

        _show_sql("sqlglot", rows, text, damaged, with_sqlglot)
    if sqlparse := _library("sqlparse"):
        sqlparse.engine.grouping.MAX_GROUPING_TOKENS = sqlparse.engine.grouping.MAX_GROUPING_DEPTH = None

        def with_sqlparse(dump: str) -> int:
            return sum(
                isinstance(token, sqlparse.sql.Parenthesis)
                for tree in sqlparse.parse(dump)
                for values in tree.get_sublists()
                if isinstance(values, sqlparse.sql.Values)
                for token in values.get_sublists()
            )

        _show_sql("sqlparse", rows, text, damaged, with_sqlparse)
    if pglast := _library("pglast"):

        def with_pglast(dump: str) -> int:
            inserts = [each.stmt for each in pglast.parse_sql(dump) if type(each.stmt).__name__ == "InsertStmt"]
            return sum(len(each.selectStmt.valuesLists) for each in inserts)

        _show_sql("pglast", rows, text, damaged, with_pglast)


def _sql_dump(name: str, shape: Shape, size_bytes: float) -> tuple[str, int, tuple[str, ...]]:
    """The text of a dump, its rows, and the names of its columns."""
    table = drawn(shape, 2_000).table
    once = WRITERS[name](table).data
    rows = table.rows * max(1, round(size_bytes / len(once)))
    data = WRITERS[name](Table(table.name, table.columns, rows)).data
    return data if isinstance(data, str) else data.decode(), len(rows), tuple(table.columns)


def _read(dump: str, wanted: tuple[str, ...]) -> int:
    data = dump.encode()
    pieces = (data[at : at + (1 << 20)] for at in range(0, len(data), 1 << 20))
    return sum(len(chunk.index) for chunk in SqlDump((PEOPLE_TABLE,), wanted, None).read(pieces))


PEOPLE_TABLE = drawn(PEOPLE, 1).table.name


def _show_sql(name: str, rows: int, text: str, damaged: str, read: Callable[[str], int]) -> None:
    found = []
    began_s = time.process_time()
    for dump in (text, damaged):
        try:
            found.append(f"{read(dump):,}")
        except Exception as error:  # noqa: BLE001 - whatever a library raises is its result
            found.append(type(error).__name__)
        if len(found) == 1:
            us = 1e6 * (time.process_time() - began_s) / rows
    print(f"  {name:50} {us:8.2f} µs  {found[0]:>14} {found[1]:>14}", flush=True)


def _library(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        print(f"  {name} is not installed")
        return None


if __name__ == "__main__":
    main()
