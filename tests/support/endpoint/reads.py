"""Query and Scan: key conditions, filters, projections and paging by count and by 1 MB."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from .call import Call
from .errors import validation
from .expressions import Placeholders, Predicate, Tokens, equal, parse_condition, parse_projection
from .items import Item, KeyPart, Value, item_bytes, key_part, normal_item
from .tables import Table, read_units

_PAGE_BYTES = 1024 * 1024  # "Query" and "Scan", API reference
_MAX_SEGMENTS = 1_000_000


@dataclass(frozen=True, slots=True)
class _Options:
    """What Query and Scan have in common."""

    accept: Predicate | None
    project: Callable[[Item], Item] | None
    limit: int | None
    count_only: bool
    consistent: bool


def _options(call: Call, placeholders: Placeholders) -> _Options:
    payload = call.payload
    text = payload.get("FilterExpression")
    projection = payload.get("ProjectionExpression")
    limit = payload.get("Limit")
    if limit is not None and limit < 1:
        raise validation(
            f"1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: "
            "Member must have value greater than or equal to 1"
        )
    options = _Options(
        accept=parse_condition(text, "FilterExpression", placeholders) if text is not None else None,
        project=parse_projection(projection, placeholders) if projection is not None else None,
        limit=limit,
        count_only=payload.get("Select") == "COUNT",
        consistent=bool(payload.get("ConsistentRead")),
    )
    if options.count_only and options.project:
        raise validation("Cannot specify the ProjectionExpression when choosing to get only the Count")
    placeholders.check_all_used()
    if "IndexName" in payload:
        raise validation(f"The table does not have the specified index: {payload['IndexName']}")
    return options


def _page(call: Call, table: Table, items: Iterable[Item], options: _Options) -> dict[str, Any]:
    """One page of the answer: up to `Limit` items or the first 1 MB, before the filter."""
    chosen: list[Item] = []
    scanned = size = 0
    last: Item | None = None
    more = False
    for item in items:
        if size >= _PAGE_BYTES or (options.limit is not None and scanned >= options.limit):
            more = True
            break
        scanned += 1
        size += item_bytes(item)
        last = item
        if options.accept is None or options.accept(item):
            chosen.append(item)
    # A page that ends because of Limit names its last key even if nothing follows.
    more = more or (options.limit is not None and scanned == options.limit)
    # An empty page costs the minimum, charged to no partition in particular.
    key = last or {table.pk_name: {"S": ""}}
    call.charge(table, "Read", read_units(size, consistent=options.consistent), key)
    call.record.processed = len(chosen)
    answer: dict[str, Any] = {"Count": len(chosen), "ScannedCount": scanned}
    if not options.count_only:
        answer["Items"] = [options.project(item) if options.project else item for item in chosen]
    if more and last is not None:
        answer["LastEvaluatedKey"] = {name: last[name] for name in table.key_types}
    return call.with_consumed(answer)


def _start_key(call: Call, table: Table) -> Item | None:
    raw = call.payload.get("ExclusiveStartKey")
    if raw is None:
        return None
    key = normal_item(raw)
    if key.keys() != table.key_types.keys():
        raise validation("The provided starting key is invalid")
    return table.check_key(key)


def query(call: Call) -> dict[str, Any]:
    """Query on a table's primary key."""
    placeholders = Placeholders.of_request(call.payload)
    text = call.payload.get("KeyConditionExpression")
    if text is None:
        raise validation(
            "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request."
        )
    conditions = _key_conditions(text, placeholders)
    options = _options(call, placeholders)
    table = call.table()
    pk_conditions = conditions.pop(table.pk_name, [])
    if len(pk_conditions) != 1 or pk_conditions[0][0] != "=":
        raise validation(f"Query condition missed key schema element: {table.pk_name}")
    sk_conditions = conditions.pop(table.sk_name or "", [])
    if conditions or len(sk_conditions) > 1:
        raise validation("Query key condition not supported")
    pk = pk_conditions[0][1][0]
    if table.key_types[table.pk_name] not in pk:
        raise validation(
            "One or more parameter values were invalid: Condition parameter type does not match schema type"
        )
    items: Iterable[Item] = table.partition(key_part(pk))
    if call.payload.get("ScanIndexForward") is False:
        items = reversed(table.partition(key_part(pk)))
    for sign, operands in sk_conditions:
        items = [item for item in items if _holds(sign, item[table.sk_name or ""], operands)]
    start = _start_key(call, table)
    if start is not None:
        items = _after(items, table, start, forward=call.payload.get("ScanIndexForward") is not False)
    return _page(call, table, items, options)


def _after(items: Iterable[Item], table: Table, start: Item, *, forward: bool) -> Iterator[Item]:
    after = table.parts(start)[1]
    for item in items:
        here = table.parts(item)[1]
        if after is not None and here is not None and here != after and (here > after) is forward:  # type: ignore[operator] # one type per table
            yield item


_Condition = tuple[str, list[Value]]


def _key_conditions(text: str, placeholders: Placeholders) -> dict[str, list[_Condition]]:
    """The conditions of a KeyConditionExpression by attribute."""
    tokens = Tokens(text, "KeyConditionExpression", placeholders)
    found: dict[str, list[_Condition]] = {}
    while True:
        parentheses = 0
        while tokens.accept("("):
            parentheses += 1
        if tokens.peek() == "begins_with":
            tokens.take()
            tokens.expect("(")
            name = str(tokens.path()[0])
            tokens.expect(",")
            condition: _Condition = ("begins_with", [tokens.value(tokens.take())])
            tokens.expect(")")
        else:
            name = str(tokens.path()[0])
            sign = tokens.accept("=", "<", "<=", ">", ">=", "BETWEEN")
            if sign is None:
                raise validation("Invalid operator used in KeyConditionExpression: " + tokens.peek())
            operands = [tokens.value(tokens.take())]
            if sign == "BETWEEN":
                tokens.expect("AND")
                operands.append(tokens.value(tokens.take()))
            condition = (sign, operands)
        for _ in range(parentheses):
            tokens.expect(")")
        found.setdefault(name, []).append(condition)
        if not tokens.accept("AND"):
            tokens.finish()
            return found


def _holds(sign: str, value: Value, operands: list[Value]) -> bool:
    if any(operand.keys() != value.keys() for operand in operands):
        raise validation(
            "One or more parameter values were invalid: Condition parameter type does not match schema type"
        )
    if sign == "=":
        return equal(value, operands[0])
    here: Any = key_part(value)
    bounds: list[Any] = [key_part(operand) for operand in operands]
    if sign == "begins_with":
        return bool(here.startswith(bounds[0]))
    if sign == "BETWEEN":
        return bool(bounds[0] <= here <= bounds[1])
    return _compare(sign, here, bounds[0])


def _compare(sign: str, here: KeyPart, bound: KeyPart) -> bool:
    tests: dict[str, Callable[[Any, Any], bool]] = {
        "<": lambda a, b: a < b,
        "<=": lambda a, b: a <= b,
        ">": lambda a, b: a > b,
        ">=": lambda a, b: a >= b,
    }
    return tests[sign](here, bound)


def scan(call: Call) -> dict[str, Any]:
    """Scan, whole or one segment of many."""
    placeholders = Placeholders.of_request(call.payload)
    options = _options(call, placeholders)
    segments = call.payload.get("TotalSegments")
    segment = call.payload.get("Segment")
    if (segments is None) != (segment is None):
        missing = "TotalSegments" if segments is None else "Segment"
        given = "Segment" if segments is None else "TotalSegments"
        raise validation(
            f"The {missing} parameter is required but was not present in the request when {given} parameter is present"
        )
    segment, segments = int(segment or 0), int(1 if segments is None else segments)
    if not 1 <= segments <= _MAX_SEGMENTS:
        raise validation(
            f"1 validation error detected: Value '{segments}' at 'totalSegments' failed to satisfy "
            "constraint: Member must have value between 1 and 1000000"
        )
    if not 0 <= segment < segments:
        raise validation(
            "The Segment parameter is zero-based and must be less than parameter TotalSegments: "
            f"Segment: {segment} is not less than TotalSegments: {segments}"
        )
    table = call.table()
    start = _start_key(call, table)
    return _page(call, table, table.scan(start, segment, segments), options)
