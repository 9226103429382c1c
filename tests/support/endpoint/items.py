"""Attribute values in DynamoDB JSON: validation, size, normal form, and order.

An attribute value is a dict of one member, its type tag: {"S": "text"}, {"N": "12"}, {"SS": [...]}.
Messages and limits: "Constraints in DynamoDB" and "DynamoDB item sizes and formats" in the developer
guide, and dynalite 4.0.0 for the wording.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from .errors import DynamoError, invalid_parameter, validation

Value = dict[str, Any]
Item = dict[str, Value]
KeyPart = str | bytes | Decimal

MAX_ITEM_BYTES = 400 * 1024
MAX_PK_BYTES = 2048
MAX_SK_BYTES = 1024
_MAX_DIGITS = 38
_MAX_EXPONENT = 125
_MIN_EXPONENT = -130
_MAX_DEPTH = 32

_SET_MEMBER = {"SS": "S", "NS": "N", "BS": "B"}


def normal_item(item: Any) -> Item:
    """Check every value of `item` and return it in normal form (numbers without padding).

    Raises:
        DynamoError: SerializationException if it is no map of values; ValidationException otherwise.
    """
    if not isinstance(item, dict):
        raise DynamoError("SerializationException", "Unexpected field type")
    return {name: normal_value(value) for name, value in item.items()}


def normal_value(value: Any, depth: int = 1) -> Value:
    """Check one attribute value and return it in normal form.

    Raises:
        DynamoError: as `normal_item`.
    """
    if not isinstance(value, dict):
        raise DynamoError("SerializationException", "Unexpected value type in payload")
    if not value:
        raise validation("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")
    if len(value) > 1:
        raise validation(
            "Supplied AttributeValue has more than one datatypes set, "
            "must contain exactly one of the supported datatypes"
        )
    if depth > _MAX_DEPTH:
        raise validation("Nesting Levels have exceeded supported limits")
    [(tag, content)] = value.items()
    if tag == "S":
        if not isinstance(content, str):
            raise DynamoError("SerializationException", f"{_json_name(content)} cannot be converted to String")
        return value
    return {tag: _normal_content(tag, content, depth)}


def _normal_content(tag: str, content: Any, depth: int) -> Any:
    if tag == "N":
        return normal_number(content)
    if tag == "B":
        decode_binary(content)
    elif tag in _SET_MEMBER:
        return _normal_set(tag, content)
    elif tag == "M" and isinstance(content, dict):
        return {name: normal_value(inner, depth + 1) for name, inner in content.items()}
    elif tag == "L" and isinstance(content, list):
        return [normal_value(inner, depth + 1) for inner in content]
    elif tag == "NULL":
        if content is not True:
            raise invalid_parameter("Null attribute value types must have the value of true")
    elif tag != "BOOL" or not isinstance(content, bool):
        raise DynamoError("SerializationException", "Unexpected field type")
    return content


def _normal_set(tag: str, content: Any) -> list[str]:
    if not isinstance(content, list):
        raise DynamoError("SerializationException", "Unexpected field type")
    if not content:
        raise invalid_parameter(
            {
                "SS": "An string set  may not be empty",
                "NS": "An number set  may not be empty",
                "BS": "Binary sets should not be empty",
            }[tag]
        )
    member = _SET_MEMBER[tag]
    members: list[str] = [normal_value({member: one})[member] for one in content]
    if len(set(members)) < len(members):
        listed = ", ".join(members)
        if tag == "NS":
            raise validation("Input collection contains duplicates")
        if tag == "BS":
            raise invalid_parameter(f"Input collection [{listed}]of type BS contains duplicates.")
        raise invalid_parameter(f"Input collection [{listed}] contains duplicates.")
    return members


def _json_name(content: Any) -> str:
    if isinstance(content, bool):
        return "TRUE_VALUE" if content else "FALSE_VALUE"
    if isinstance(content, int | float):
        return "NUMBER_VALUE" if isinstance(content, int) else "DECIMAL_VALUE"
    return "START_OBJECT"


def decode_binary(content: Any) -> bytes:
    """The bytes of a `B` member.

    Raises:
        DynamoError: SerializationException if it is not base64.
    """
    if not isinstance(content, str):
        raise DynamoError("SerializationException", "only base-64-encoded strings are convertible to bytes")
    try:
        return base64.b64decode(content, validate=True)
    except binascii.Error as error:
        raise DynamoError("SerializationException", f"Invalid base64: {error}") from None


def normal_number(content: Any) -> str:
    """The shortest plain decimal notation of an `N` member.

    Raises:
        DynamoError: ValidationException if it is no number or out of range (38 digits, 1E-130…1E125).
    """
    if not isinstance(content, str):
        raise DynamoError("SerializationException", f"{_json_name(content)} cannot be converted to String")
    try:
        number = Decimal(content)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        shown = f": {content}" if content else ""
        raise validation(f"The parameter cannot be converted to a numeric value{shown}")
    if not number:
        return "0"
    # Not Decimal.normalize(): the context would round to 28 digits.
    sign, digits, exponent = number.as_tuple()
    significant = "".join(map(str, digits)).lstrip("0")
    stripped = significant.rstrip("0")
    exponent = int(exponent) + len(significant) - len(stripped)
    magnitude = len(stripped) + exponent - 1
    if magnitude > _MAX_EXPONENT:
        raise validation("Number overflow. Attempting to store a number with magnitude larger than supported range")
    if magnitude < _MIN_EXPONENT:
        raise validation("Number underflow. Attempting to store a number with magnitude smaller than supported range")
    if len(stripped) > _MAX_DIGITS:
        raise validation("Attempting to store more than 38 significant digits in a Number")
    return format(Decimal((sign, tuple(map(int, stripped)), exponent)), "f")


def item_bytes(item: Item) -> int:
    """Size of an item as DynamoDB counts it: UTF-8 names and the sizes of their values."""
    total = 0
    for name, value in item.items():
        text = value.get("S")  # most values are strings: spare them a call
        total += _utf8_bytes(name) + (value_bytes(value) if text is None else _utf8_bytes(text))
    return total


def _utf8_bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def value_bytes(value: Value) -> int:
    """Size of one value.

    Strings: UTF-8 bytes. Binaries: raw bytes. Null and Boolean: 1. Numbers: one byte per two
    significant digits, plus 1, plus 1 if negative. Lists and maps: 3, plus 1 for each element, plus
    the elements ("DynamoDB item sizes and formats", developer guide; the sign's byte from dynalite).
    """
    [(tag, content)] = value.items()
    size = _SIZES.get(tag)
    return 1 if size is None else size(content)


def _number_bytes(number: str) -> int:
    digits = number.lstrip("-").replace(".", "").strip("0")
    return 1 + (len(digits) + 1) // 2 + number.startswith("-")


_SIZES: dict[str, Callable[[Any], int]] = {
    "S": _utf8_bytes,
    "N": _number_bytes,
    "B": lambda content: len(decode_binary(content)),
    "SS": lambda members: sum(map(_utf8_bytes, members)),
    "NS": lambda members: sum(map(_number_bytes, members)),
    "BS": lambda members: sum(len(decode_binary(one)) for one in members),
    "M": lambda inner: 3 + len(inner) + item_bytes(inner),
    "L": lambda inner: 3 + sum(1 + value_bytes(one) for one in inner),
}


def key_part(value: Value) -> KeyPart:
    """A key attribute as a Python value that sorts as DynamoDB sorts it within its type."""
    [(tag, content)] = value.items()
    if tag == "N":
        return Decimal(content)
    # UTF-8 byte order, which for code points is the same as Python's order of str.
    return decode_binary(content) if tag == "B" else str(content)


_COMPACT = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def canonical_json(item: Item) -> bytes:
    """The bytes over which an item's digest is taken: sorted names, sorted sets, no white space, bytes in base64."""
    ordered = {name: _ordered(value) for name, value in item.items()}
    return _COMPACT.encode(ordered).encode()


def _ordered(value: Value) -> Value:
    [(tag, content)] = value.items()
    if tag in _SET_MEMBER:
        return {tag: sorted(content)}
    if tag == "M":
        return {tag: {name: _ordered(inner) for name, inner in content.items()}}
    if tag == "L":
        return {tag: [_ordered(inner) for inner in content]}
    if isinstance(content, bytes):  # as boto3 hands them out
        return {tag: base64.b64encode(content).decode()}
    return value


def item_sha256(item: Item) -> str:
    """Hex SHA-256 of `canonical_json`: equal for items that are equal to DynamoDB."""
    return hashlib.sha256(canonical_json(item)).hexdigest()
