"""Writers of JSON: by row and by column, flat and nested, a document a line or all in one, as MongoDB and pandas do."""

from __future__ import annotations

import json
from typing import Any

from tests.support.writers.table import Table, Written

NESTED = {"NO_TEL": "contact.phones[]", "EMEL": 'contact."e.mail"'}
"""Column → its path in a nested document; the others are where their name says."""


def _flat(table: Table) -> list[dict[str, Any]]:
    return [
        {name: cell or None for name, cell in zip(table.columns, row, strict=True) if cell or number % 2}
        for number, row in enumerate(table.rows)
    ]


def _nested(number: int, row: dict[str, str]) -> dict[str, Any]:
    """A document of MongoDB (Extended JSON v2, canonical)."""
    document: dict[str, Any] = {"_id": {"$oid": f"{number:024x}"}}
    document |= {name: cell for name, cell in row.items() if name not in NESTED and cell}
    digits = row.get("NO_KP", "")
    if digits.isascii() and digits.isdigit() and not digits.startswith("0"):
        document["NO_KP"] = {"$numberLong": digits}
    contact: dict[str, Any] = {"phones": [cell] if (cell := row.get("NO_TEL")) else []}
    if email := row.get("EMEL"):
        contact["e.mail"] = email
    return {**document, "contact": contact, "seen": {"$date": {"$numberLong": "1508371200000"}}}


def _extended(table: Table) -> list[str]:
    rows = (dict(zip(table.columns, row, strict=True)) for row in table.rows)
    return [_compact(_nested(number, row)) for number, row in enumerate(rows)]


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def jsonl(table: Table) -> Written:
    """A flat document a line; what is empty is null in every other document, and left out of the rest."""
    return Written("".join(f"{_compact(each)}\n" for each in _flat(table)), {"name": "jsonl"})


def json_array(table: Table) -> Written:
    """One array, indented, with everything that is not ASCII escaped."""
    return Written(json.dumps(_flat(table), indent=1), {"name": "json"})


def json_rows(table: Table) -> Written:
    """The array within an object, behind another array of objects."""
    whole = {"columns": [{"n": name} for name in table.columns], "data": {"rows": _flat(table)}, "ok": True}
    return Written(json.dumps(whole, indent=2, ensure_ascii=False), {"name": "json", "rows": "data.rows"})


def json_documents(table: Table) -> Written:
    """Indented documents one after another."""
    return Written("\n".join(json.dumps(each, indent=1) for each in _flat(table)), {"name": "json", "rows": "$"})


def mongoexport(table: Table) -> Written:
    """What `mongoexport` writes."""
    return Written("".join(f"{line}\n" for line in _extended(table)), {"name": "jsonl"}, NESTED)


def mongoexport_array(table: Table) -> Written:
    """What `mongoexport --jsonArray` writes: all on one line."""
    return Written(f"[{','.join(_extended(table))}]\n", {"name": "json"}, NESTED)


def json_columns(table: Table) -> Written:
    """Output of `to_json()` of pandas with its defaults: the values of each column by the key of the row."""
    columns = zip(*table.rows, strict=True)
    by_column = {
        name: {str(number): cell or None for number, cell in enumerate(cells)}
        for name, cells in zip(table.columns, columns, strict=True)
    }
    return Written(_compact(by_column), {"name": "json", "layout": "columns"})


def json_arrays(table: Table) -> Written:
    """What `to_json(orient="split")` of pandas writes: rows as arrays, and beside them what their elements are."""
    rows = [[cell or None for cell in row] for row in table.rows]
    split = {"columns": [*table.columns], "index": [*range(len(rows))], "data": rows}
    return Written(_compact(split), {"name": "json", "rows": "data", "columns": [*table.columns]})


def json_keyed(table: Table) -> Written:
    """Rows in an object, each under its first cell, in an object of regions."""
    first = table.columns[0]
    half = len(table.rows) // 2
    regions = {
        region: {row[0]: dict(zip(table.columns[1:], row[1:], strict=True)) for row in rows}
        for region, rows in (("utara", table.rows[:half]), ("selatan", table.rows[half:]))
    }
    whole = {"count": len(table.rows), "regions": {name: {"users": users} for name, users in regions.items()}}
    layout = {"name": "json", "rows": "regions.*.users.*"}
    return Written(json.dumps(whole, indent=1, ensure_ascii=False), layout, {first: "$key"})
