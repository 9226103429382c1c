"""BatchWriteItem and BatchGetItem: limits, duplicates, and what is left unprocessed."""

from __future__ import annotations

from typing import Any

from .call import Call
from .errors import DynamoError, validation
from .expressions import Placeholders, parse_projection
from .item_operations import checked_item
from .items import Item, item_bytes, normal_item
from .tables import Table, read_units, write_units

# "BatchWriteItem" and "BatchGetItem", API reference.
_MAX_WRITES = 25
_MAX_GETS = 100
_MAX_ANSWER_BYTES = 16 * 1024 * 1024
_DUPLICATES = "Provided list of item keys contains duplicates"


def _check_sizes(requested: Any, maximum: int, operation: str) -> None:
    if not isinstance(requested, dict):
        raise DynamoError("SerializationException", "Unexpected field type")
    if not requested:
        raise validation(
            "1 validation error detected: Value '{}' at 'requestItems' failed to satisfy constraint: "
            "Member must have length greater than or equal to 1"
        )
    lengths = [len(r["Keys"]) if operation == "BatchGetItem" else len(r) for r in requested.values()]
    if any(not 1 <= length <= maximum for length in lengths):
        raise validation(
            "1 validation error detected: Value at 'requestItems' failed to satisfy constraint: "
            f"Map value must satisfy constraint: [Member must have length less than or equal to {maximum}, "
            "Member must have length greater than or equal to 1]"
        )
    if sum(lengths) > maximum:
        raise validation(f"Too many items requested for the {operation} call")


_Write = tuple[Table, Item, Item | None, dict[str, Any]]
"""Table, key, item (None: delete) and the request as it came."""


def _checked_writes(call: Call, requested: dict[str, Any]) -> list[_Write]:
    """All writes of the batch, every one of them valid: one bad one refuses them all."""
    for writes in requested.values():
        for write in writes:
            if len(write) != 1 or not write.keys() & {"PutRequest", "DeleteRequest"}:
                raise validation(
                    "Supplied AttributeValue has more than one datatypes set, "
                    "must contain exactly one of the supported datatypes"
                )
    prepared = [
        (name, write, checked_item(put["Item"]) if (put := write.get("PutRequest")) else None)
        for name, writes in requested.items()
        for write in writes
    ]
    checked: list[_Write] = []
    seen: set[object] = set()
    for name, write, item in prepared:
        table = call.usable_table(name)
        deleted = write.get("DeleteRequest", {}).get("Key")
        key = table.check_key(normal_item(deleted)) if item is None else _key_of(table, item)
        identity = (name, table.parts(key))
        if identity in seen:
            raise validation(_DUPLICATES)
        seen.add(identity)
        checked.append((table, key, item, write))
    return checked


def _key_of(table: Table, item: Item) -> Item:
    """The key of an item; in a batch a missing or mistyped key has its own message."""
    if any(wanted not in item.get(name, {}) for name, wanted in table.key_types.items()):
        raise validation("The provided key element does not match the schema")
    return table.key_of(item)


def batch_write_item(call: Call) -> dict[str, Any]:
    """BatchWriteItem."""
    requested = call.required("RequestItems")
    _check_sizes(requested, _MAX_WRITES, "BatchWriteItem")
    writes = _checked_writes(call, requested)
    unprocessed: dict[str, list[dict[str, Any]]] = {}
    throttling: DynamoError | None = None
    for position, (table, key, item, write) in enumerate(writes):
        if position in call.held_back:
            unprocessed.setdefault(table.name, []).append(write)
            continue
        try:
            call.charge(table, "Write", write_units(item, table.get(key)), key)
        except DynamoError as error:
            throttling = error
            unprocessed.setdefault(table.name, []).append(write)
            continue
        if item is None:
            call.drop(table, key)
        else:
            call.store(table, item)
    if throttling is not None and not call.writes:
        raise throttling
    answer: dict[str, Any] = {"UnprocessedItems": unprocessed}
    consumed = call.consumed()
    return answer | {"ConsumedCapacity": consumed} if consumed is not None else answer


def batch_get_item(call: Call) -> dict[str, Any]:
    """BatchGetItem."""
    requested = call.required("RequestItems")
    _check_sizes(requested, _MAX_GETS, "BatchGetItem")
    responses: dict[str, list[Item]] = {}
    unprocessed: dict[str, dict[str, Any]] = {}
    throttling: DynamoError | None = None
    position = answered = size = 0
    for name, request in requested.items():
        placeholders = Placeholders.of_request(request)
        projection = request.get("ProjectionExpression")
        project = parse_projection(projection, placeholders) if projection else None
        placeholders.check_all_used()
        table = call.usable_table(name)
        keys = [table.check_key(normal_item(key)) for key in request["Keys"]]
        if len({table.parts(key) for key in keys}) < len(keys):
            raise validation(_DUPLICATES)
        found = responses.setdefault(name, [])
        for key in keys:
            item = table.get(key)
            size += item_bytes(item or {})
            held = position in call.held_back or size > _MAX_ANSWER_BYTES
            position += 1
            if not held:
                try:
                    units = read_units(item_bytes(item or {}), consistent=bool(request.get("ConsistentRead")))
                    call.charge(table, "Read", units, key)
                except DynamoError as error:
                    throttling, held = error, True
            if held:
                unprocessed.setdefault(name, {**request, "Keys": []})["Keys"].append(key)
                continue
            answered += 1
            if item is not None:
                found.append(project(item) if project else item)
    if throttling is not None and not answered:
        raise throttling
    call.record.processed = answered
    answer: dict[str, Any] = {"Responses": responses, "UnprocessedKeys": unprocessed}
    consumed = call.consumed()
    return answer | {"ConsumedCapacity": consumed} if consumed is not None else answer
