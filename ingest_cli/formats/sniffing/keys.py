"""Distinguish keys of JSON objects that name columns from keys that identify records.

A key that looks like an identifier is never printed or written to a manifest. Nor are keys that may be identifiers
without looking like one, such as user names, if the object is a map of records: its values are alike, and other objects
at the same place have other keys. A name mistaken for such a key is only not proposed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import islice
from urllib.parse import unquote

from ingest_cli.formats.sniffing.names import is_known
from ingest_cli.formats.sniffing.shapes import Shape, shapes_of

_LOOKED_AT = 2_000
_FEW_DIGITS = 7
_LONG_KEY = 16
_DOMAIN = r"(?:com|net|org|edu|gov|my|sg|id)(?:[_.,\-][a-z]{2})?"
# Also with Firebase's substitute for a dot, percent-encoded, or with underscores for special characters.
_EMAIL = re.compile(
    rf".+[@\uff20].+|.+[_\-.,(\[ ]at[_\-.,)\] ].+[_\-.,(\[ ]{_DOMAIN}|.+,{_DOMAIN}"
    rf"|[^_,-]+(?:[_,-][^_,-]+)+[_,-]{_DOMAIN}",
    re.IGNORECASE | re.DOTALL,
)
_UUID = re.compile(r"\{?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\}?", re.IGNORECASE)
_HEX = re.compile(r"(?=.*\d)[0-9a-f]{16,128}", re.IGNORECASE)
_PUSH_ID = re.compile(r"-[\w-]{19}")  # as Firebase makes them
_RANDOM = re.compile(r"(?=.*\d)(?=.*[a-z])(?=.*[A-Z])[A-Za-z0-9_-]{16,128}")
_BETWEEN = re.compile(r"[ .()\-+/_:]")
_LETTERS_BESIDE_DIGITS = 4
_ALIKE = 0.6
_MOST = 0.8
_RECURRING = 0.6
_AGAIN_AND_AGAIN = 0.2
_FEW_NAMES = 8
_MANY_KEYS = 50
_FEW_KNOWN = 0.2
_SEVERAL = 3
_FEWEST_ROWS = 2
_TELLING = (Shape.EMAIL, Shape.MYKAD, Shape.PHONE, Shape.PASSPORT, Shape.IMEI, Shape.IMSI, Shape.ICCID)
# DynamoDB's typed values: objects with one member.
_TYPES = frozenset({"S", "N", "B", "SS", "NS", "BS", "M", "L", "NULL", "BOOL"})


def identifier_in(key: str) -> str | None:
    """Describe what kind of identifier a key may be; None if it looks like a name."""
    text = unquote(key[:256]).strip()
    if _EMAIL.fullmatch(text):
        return "e-mail addresses"
    bare = _BETWEEN.sub("", text)
    digits = sum(sign.isdigit() for sign in bare)
    if digits >= _FEW_DIGITS and len(bare) - digits <= _LETTERS_BESIDE_DIGITS:
        shapes = shapes_of(text)
        if Shape.DATE in shapes and Shape.PHONE not in shapes:
            return "dates"
        if Shape.MYKAD in shapes and not text.startswith("+"):
            return "identity card numbers"
        return "phone numbers" if Shape.PHONE in shapes else "numbers of persons or documents"
    if Shape.PERSON in shapes_of(text):
        return "names of persons"
    made = len(text) >= _LONG_KEY and any(one.fullmatch(text) for one in (_UUID, _HEX, _PUSH_ID, _RANDOM))
    return "keys that a program made" if made else None


def described(keys: Iterable[str]) -> str:
    """Describe some keys without showing any of them."""
    found = Counter(identifier_in(key) or ("numbers" if key.isdigit() else "names") for key in islice(keys, _LOOKED_AT))
    return f"what looks like {found.most_common(1)[0][0]}" if found else "nothing"


def is_typed(value: Mapping[str, object]) -> bool:
    """Return whether an object is a typed value of MongoDB (`{"$oid": "…"}`) or DynamoDB (`{"S": "…"}`)."""
    return is_extended(value) or (len(value) == 1 and not _TYPES.isdisjoint(value))


def is_extended(value: Mapping[str, object]) -> bool:
    """Return whether an object is a typed value of MongoDB."""
    return bool(value) and all(name.startswith("$") for name in value)


def is_map(nodes: Sequence[Mapping[str, object]]) -> bool:
    """Return whether the keys of objects at one place identify records rather than name columns."""
    keys = list(dict.fromkeys(key for node in nodes for key in node))
    looks_so = all(map(str.isdigit, keys)) or 2 * sum(identifier_in(key) is not None for key in keys) >= len(keys)
    if not keys or looks_so:
        return bool(keys)
    if _recur(nodes, keys, _AGAIN_AND_AGAIN):
        return False
    values = [value for node in nodes for value in node.values() if value is not None]
    objects = [value for value in values if isinstance(value, dict) and not is_typed(value)]
    if len(objects) > 1 and len(objects) >= _MOST * len(values):
        return _are_alike(objects)
    known = sum(map(is_known, keys))
    of_one_sort = len(values) >= _SEVERAL and 2 * known < len(keys) and shape_in_common(values) is not None
    many = len(keys) >= _MANY_KEYS and known < _FEW_KNOWN * len(keys)
    return (of_one_sort or many) and not (len(nodes) > 1 and _recur(nodes, keys, _RECURRING))


def _recur(nodes: Sequence[Mapping[str, object]], keys: Sequence[str], share: float) -> bool:
    """Return whether the keys recur: a few in all objects, or at most `share` of all members are distinct."""
    total = sum(map(len, nodes))
    in_all = len(nodes) > 1 and len(keys) * len(nodes) == total and len(keys) <= _FEW_NAMES
    return in_all or len(keys) <= share * total


def shape_in_common(values: Collection[object]) -> Shape | None:
    """Return the shape of identifiers that most of the values have, if any."""
    texts = [value.strip() for value in islice(values, _LOOKED_AT) if isinstance(value, str) and value.strip()]
    found = Counter(shape for text in texts for shape in shapes_of(text))
    return next((shape for shape in _TELLING if texts and found[shape] >= _MOST * len(texts)), None)


def _are_alike(objects: Sequence[Mapping[str, object]]) -> bool:
    """Return whether objects have mostly the same keys."""
    objects = objects[:_LOOKED_AT]
    times = Counter(key for each in objects for key in each)
    total = sum(times.values())
    recurring = sum(count for count in times.values() if count > 1 and 2 * count >= len(objects))
    return total > 0 and recurring >= _ALIKE * total


def is_by_column(node: Mapping[str, object]) -> bool:
    """Return whether an object has a separate array or object of values for each column."""
    columns = list(node.values())
    if not columns or any(identifier_in(name) or name.isdigit() for name in node):
        return False
    if all(isinstance(column, list) for column in columns):
        lengths = [len(column) for column in columns if isinstance(column, list)]
        few = max(lengths) < _FEWEST_ROWS or any(
            isinstance(each, list | dict) for column in columns for each in _some(column)
        )
        return not few and len(set(lengths[:-1])) <= 1 and lengths[-1] <= lengths[0] and _knows(node)
    if not all(isinstance(column, dict) and not is_typed(column) for column in columns):
        return False
    inner = list(dict.fromkeys(key for column in columns if isinstance(column, dict) for key in column))
    if not inner or any(isinstance(each, dict | list) for column in columns for each in _some(column)):
        return False
    if all(map(str.isdigit, inner)) or any(map(identifier_in, inner)):
        return True
    outer_known, inner_known = (sum(map(is_known, names)) / len(names) for names in (list(node), inner))
    return outer_known > inner_known


def _knows(node: Mapping[str, object]) -> bool:
    return len(node) > 1 or any(map(is_known, node))


def _some(column: object) -> Iterable[object]:
    return islice(column.values() if isinstance(column, dict) else column if isinstance(column, list) else (), 200)
