"""What the keys of a JSON object are: names of columns, or what people are kept under.

A key that looks like an identifier is never printed, nor written into a manifest. Nor are keys that need not look like
one, such as user names, where the object they stand in is plainly no row but a map of rows: what it holds is alike, and
other objects in its place have other keys. A name that is taken for such a key is only not proposed.
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
# With the sign that Firebase takes for a dot, percent-encoded, or with all that is special as underscores.
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
# Of DynamoDB: objects of one member that are one value, with its type.
_TYPES = frozenset({"S", "N", "B", "SS", "NS", "BS", "M", "L", "NULL", "BOOL"})


def identifier_in(key: str) -> str | None:
    """What a key looks like that may be an identifier, in words; None if it looks like a name."""
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
    """What some keys are, in words that hold none of them."""
    found = Counter(identifier_in(key) or ("numbers" if key.isdigit() else "names") for key in islice(keys, _LOOKED_AT))
    return f"what looks like {found.most_common(1)[0][0]}" if found else "nothing"


def is_typed(value: Mapping[str, object]) -> bool:
    """Whether an object is a value with its type, as MongoDB (`{"$oid": "…"}`) or DynamoDB (`{"S": "…"}`) write it."""
    return is_extended(value) or (len(value) == 1 and not _TYPES.isdisjoint(value))


def is_extended(value: Mapping[str, object]) -> bool:
    """Whether an object is a value of MongoDB with its type."""
    return bool(value) and all(name.startswith("$") for name in value)


def is_map(nodes: Sequence[Mapping[str, object]]) -> bool:
    """Whether the keys of objects that stand in one place are what things are kept under, and not names of columns."""
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
    """Whether objects have the same keys again and again: a few that are in all, or so small a share of all there."""
    total = sum(map(len, nodes))
    in_all = len(nodes) > 1 and len(keys) * len(nodes) == total and len(keys) <= _FEW_NAMES
    return in_all or len(keys) <= share * total


def shape_in_common(values: Collection[object]) -> Shape | None:
    """The sort of identifier that most of some values look like, if they do."""
    texts = [value.strip() for value in islice(values, _LOOKED_AT) if isinstance(value, str) and value.strip()]
    found = Counter(shape for text in texts for shape in shapes_of(text))
    return next((shape for shape in _TELLING if texts and found[shape] >= _MOST * len(texts)), None)


def _are_alike(objects: Sequence[Mapping[str, object]]) -> bool:
    """Whether objects have mostly the same names in them."""
    objects = objects[:_LOOKED_AT]
    times = Counter(key for each in objects for key in each)
    total = sum(times.values())
    recurring = sum(count for count in times.values() if count > 1 and 2 * count >= len(objects))
    return total > 0 and recurring >= _ALIKE * total


def is_by_column(node: Mapping[str, object]) -> bool:
    """Whether an object has the values of each column in an array or object of its own."""
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
    """Whether there is a name among the names, or several columns."""
    return len(node) > 1 or any(map(is_known, node))


def _some(column: object) -> Iterable[object]:
    """Some of the values of a column."""
    return islice(column.values() if isinstance(column, dict) else column if isinstance(column, list) else (), 200)
