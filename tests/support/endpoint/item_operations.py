"""Operations on one item: get, put, update, delete; and transactional writes."""

from __future__ import annotations

from typing import Any

from .call import Call, conditional_check_failed
from .errors import DynamoError, invalid_parameter, validation
from .expressions import Placeholders, Predicate, parse_condition, parse_projection
from .items import MAX_ITEM_BYTES, Item, item_bytes, normal_item
from .tables import Table, read_units, write_units
from .updates import Update

_TOO_LARGE = "Item size has exceeded the maximum allowed size"
_MAX_TRANSACTION_ITEMS = 100


def checked_item(raw: Any) -> Item:
    """An item in normal form, no larger than 400 KB.

    Raises:
        DynamoError: ValidationException or SerializationException.
    """
    item = normal_item(raw)
    if item_bytes(item) > MAX_ITEM_BYTES:
        raise validation(_TOO_LARGE)
    return item


def _condition(payload: dict[str, Any], placeholders: Placeholders) -> Predicate:
    text = payload.get("ConditionExpression")
    if text is None:
        return lambda _item: True
    return parse_condition(text, "ConditionExpression", placeholders)


def _require(condition: Predicate, old: Item | None, payload: dict[str, Any]) -> None:
    if not condition(old or {}):
        raise conditional_check_failed(old, payload.get("ReturnValuesOnConditionCheckFailure"))


def get_item(call: Call) -> dict[str, Any]:
    """GetItem."""
    placeholders = Placeholders.of_request(call.payload)
    projection = call.payload.get("ProjectionExpression")
    project = parse_projection(projection, placeholders) if projection else None
    placeholders.check_all_used()
    table = call.table()
    key = table.check_key(normal_item(call.required("Key")))
    item = table.get(key)
    consistent = bool(call.payload.get("ConsistentRead"))
    call.charge(table, "Read", read_units(item_bytes(item or {}), consistent=consistent), key)
    call.record.processed = 0 if item is None else 1
    if item is None:
        return call.with_consumed({})
    return call.with_consumed({"Item": project(item) if project else item})


def put_item(call: Call) -> dict[str, Any]:
    """PutItem."""
    payload = call.payload
    placeholders = Placeholders.of_request(payload)
    item = checked_item(call.required("Item"))
    condition = _condition(payload, placeholders)
    placeholders.check_all_used()
    _check_return_values(payload, {"NONE", "ALL_OLD"})
    table = call.table()
    key = table.key_of(item)
    old = table.get(key)
    call.charge(table, "Write", write_units(item, old), key)
    _require(condition, old, payload)
    call.store(table, item)
    return call.with_consumed({"Attributes": old} if old and payload.get("ReturnValues") == "ALL_OLD" else {})


def delete_item(call: Call) -> dict[str, Any]:
    """DeleteItem."""
    payload = call.payload
    placeholders = Placeholders.of_request(payload)
    condition = _condition(payload, placeholders)
    placeholders.check_all_used()
    _check_return_values(payload, {"NONE", "ALL_OLD"})
    table = call.table()
    key = table.check_key(normal_item(call.required("Key")))
    old = table.get(key)
    call.charge(table, "Write", write_units(old), key)
    _require(condition, old, payload)
    call.drop(table, key)
    return call.with_consumed({"Attributes": old} if old and payload.get("ReturnValues") == "ALL_OLD" else {})


def update_item(call: Call) -> dict[str, Any]:
    """UpdateItem."""
    payload = call.payload
    placeholders = Placeholders.of_request(payload)
    condition = _condition(payload, placeholders)
    expression = payload.get("UpdateExpression")
    update = Update(expression, placeholders) if expression else None
    placeholders.check_all_used()
    _check_return_values(payload, {"NONE", "ALL_OLD", "ALL_NEW", "UPDATED_OLD", "UPDATED_NEW"})
    table = call.table()
    key = table.check_key(normal_item(call.required("Key")))
    _check_touches_no_key(table, update)
    old = table.get(key)
    # The condition goes first: an expression may rely on an attribute that the condition asks for.
    if not condition(old or {}):
        call.charge(table, "Write", write_units(old), key)
        raise conditional_check_failed(old, payload.get("ReturnValuesOnConditionCheckFailure"))
    new = _updated(update, old, key)
    call.charge(table, "Write", write_units(new, old), key)
    call.store(table, new, "update")
    touched = update.touched if update else set()
    wanted = payload.get("ReturnValues", "NONE")
    chosen: Item = {"ALL_OLD": old or {}, "UPDATED_OLD": old or {}, "NONE": {}}.get(wanted, new)
    if wanted.startswith("UPDATED"):
        chosen = {name: value for name, value in chosen.items() if name in touched}
    return call.with_consumed({"Attributes": chosen} if chosen else {})


def _updated(update: Update | None, old: Item | None, key: Item) -> Item:
    new = update.apply(old or key) if update else old or key
    if item_bytes(new) > MAX_ITEM_BYTES:
        raise validation("Item size to update has exceeded the maximum allowed size")
    return new


def _check_touches_no_key(table: Table, update: Update | None) -> None:
    for name in table.key_types:
        if update and name in update.touched:
            raise invalid_parameter(f"Cannot update attribute {name}. This attribute is part of the key")


def _check_return_values(payload: dict[str, Any], allowed: set[str]) -> None:
    if payload.get("ReturnValues", "NONE") not in allowed:
        raise validation("ReturnValues can only be ALL_OLD or NONE")


def transact_write_items(call: Call) -> dict[str, Any]:
    """TransactWriteItems: all of Put, Update, Delete and ConditionCheck, or none; twice the capacity."""
    actions = [next(iter(element.items())) for element in call.required("TransactItems")]
    if not 1 <= len(actions) <= _MAX_TRANSACTION_ITEMS:
        raise validation(
            "1 validation error detected: Value at 'transactItems' failed to satisfy constraint: "
            f"Member must have length less than or equal to {_MAX_TRANSACTION_ITEMS}"
        )
    planned = [_plan(call, kind, action) for kind, action in actions]
    keys = [(table.name, table.parts(key)) for table, key, _, _ in planned]
    if len(set(keys)) < len(keys):
        raise validation("Transaction request cannot include multiple operations on one item")
    if any(reason for *_, reason in planned):
        codes = ", ".join(reason["Code"] if reason else "None" for *_, reason in planned)
        raise DynamoError(
            "TransactionCanceledException",
            f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]",
            members={"CancellationReasons": [reason or {"Code": "None"} for *_, reason in planned]},
        )
    for table, key, new, _ in planned:
        call.charge(table, "Write", 2 * write_units(new, table.get(key)), key)
    for (kind, _), (table, key, new, _) in zip(actions, planned, strict=True):
        if kind == "Delete":
            call.drop(table, key)
        elif new is not None:
            call.store(table, new, kind.lower())
    consumed = call.consumed()
    return {"ConsumedCapacity": consumed} if consumed else {}


_Planned = tuple[Table, Item, Item | None, dict[str, Any] | None]


def _plan(call: Call, kind: str, action: dict[str, Any]) -> _Planned:
    """The table, key, new item (None: none) and cancellation reason (None: none) of one action."""
    placeholders = Placeholders.of_request(action)
    condition = _condition(action, placeholders)
    update = Update(action["UpdateExpression"], placeholders) if kind == "Update" else None
    placeholders.check_all_used()
    table = call.usable_table(action.get("TableName"))
    new: Item | None = None
    if kind == "Put":
        new = checked_item(action["Item"])
        key = table.key_of(new)
    else:
        key = table.check_key(normal_item(action["Key"]))
        _check_touches_no_key(table, update)
    old = table.get(key)
    if not condition(old or {}):
        return (
            table,
            key,
            None,
            {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"},
        )
    return table, key, _updated(update, old, key) if update else new, None
