"""What tests of SQL dumps ask of a dump: its rows, its rejects, how many records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from ingest_cli.formats.sql_dump import SqlDump
from ingest_cli.model.chunks import RowChunk

MYSQL = b"-- MySQL dump 10.13\n"
POSTGRESQL = b"--\n-- PostgreSQL database dump\n--\n"
SQLITE = b"PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n"
SQL_SERVER = b"USE [d]\nGO\n"
ORACLE = b"SET DEFINE OFF;\n"


def read(
    data: bytes,
    wanted: Sequence[str] = ("a", "b"),
    tables: Sequence[str] = ("t",),
    columns: Sequence[str] | None = ("a", "b"),
    chunk_bytes: int = 1 << 20,
) -> list[RowChunk]:
    return list(SqlDump(tables, wanted, columns, chunk_bytes=lambda: chunk_bytes).read([data]))


def cells(chunks: Sequence[RowChunk]) -> list[tuple[bytes, ...]]:
    return [
        row for chunk in chunks for row in zip(*(column.to_pylist() for column in chunk.cells.values()), strict=True)
    ]


def rejects(chunks: Sequence[RowChunk]) -> list[tuple[int, int, str]]:
    """(row, line, reason) of each reject."""
    out = list[tuple[int, int, str]]()
    for chunk in chunks:
        index = np.array([place for place, _ in chunk.rejected], np.int32)
        reasons = [reason for _, reason in chunk.rejected]
        out += zip(chunk.rows(index).tolist(), chunk.lines(index).tolist(), reasons, strict=True)
    return out


def records(chunks: Sequence[RowChunk]) -> int:
    return sum(chunk.records for chunk in chunks)


def passed_over(chunks: Sequence[RowChunk]) -> Counter[str]:
    """Rows of each table that is not read."""
    out = Counter[str]()
    for chunk in chunks:
        out.update(chunk.passed_over)
    return out


def flags(chunks: Sequence[RowChunk]) -> Counter[str]:
    out = Counter[str]()
    for chunk in chunks:
        out.update(chunk.flags)
    return out
