"""Condition, filter, key-condition, projection and update expressions: parsed, then evaluated.

The grammar is that of "Condition and filter expressions, operators, and functions" in the developer guide.
Projections keep whole top-level attributes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn

from .errors import validation
from .items import Item, Value, key_part, normal_value

Predicate = Callable[[Item], bool]
Operand = Callable[[Item], Value | None]
Path = tuple[str | int, ...]

_TOKEN = re.compile(
    r"\s*(?:(?P<name>[#:]?[A-Za-z_][A-Za-z0-9_\-]*|[#:][A-Za-z0-9_\-]+)"
    r"|(?P<number>\d+)|(?P<sign><>|<=|>=|[=<>(),.+\[\]\-]))"
)
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
_FUNCTIONS = ("attribute_exists", "attribute_not_exists", "attribute_type", "begins_with", "contains")


@dataclass(slots=True)
class Placeholders:
    """Values of `#name` and `:value`, and which of them were used."""

    names: dict[str, str] = field(default_factory=dict)
    values: dict[str, Value] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)

    @classmethod
    def of_request(cls, payload: dict[str, Any]) -> Placeholders:
        """From a request's ExpressionAttributeNames and ExpressionAttributeValues."""
        values = {name: normal_value(v) for name, v in payload.get("ExpressionAttributeValues", {}).items()}
        return cls(dict(payload.get("ExpressionAttributeNames", {})), values)

    def check_all_used(self) -> None:
        """Refuse a request that defines what it never uses, as DynamoDB does.

        Raises:
            DynamoError: ValidationException.
        """
        for kind, defined in (("Names", self.names), ("Values", self.values)):
            unused = sorted(set(defined) - self.used)
            if unused:
                listed = ", ".join(unused)
                raise validation(
                    f"Value provided in ExpressionAttribute{kind} unused in expressions: keys: {{{listed}}}"
                )


def lookup(item: Item, path: Path) -> Value | None:
    """The value at a document path, or None."""
    current: Value | None = {"M": item}
    for step in path:
        if current is None:
            return None
        if isinstance(step, str):
            current = current.get("M", {}).get(step)
        else:
            elements = current.get("L", [])
            current = elements[step] if step < len(elements) else None
    return current


def equal(left: Value | None, right: Value | None) -> bool:
    """Equality as DynamoDB has it: same type, same value; sets without order."""
    if left is None or right is None:
        return False
    [(left_tag, left_content)], [(right_tag, right_content)] = left.items(), right.items()
    if left_tag == right_tag and left_tag in {"SS", "NS", "BS"}:
        return set(left_content) == set(right_content)
    return left == right


class Tokens:
    """The tokens of one expression, with look-ahead."""

    def __init__(self, text: str, kind: str, placeholders: Placeholders) -> None:
        self.kind = kind
        self.placeholders = placeholders
        self._tokens: list[str] = []
        self._at = 0
        if not text.strip():
            raise validation(f"Invalid {kind}: The expression can not be empty;")
        position = 0
        end = len(text.rstrip())
        while position < end:
            match = _TOKEN.match(text, position)
            if match is None:
                self.refuse(text[position : position + 10].strip())
            self._tokens.append(match.group().strip())
            position = match.end()

    def refuse(self, token: str) -> NoReturn:
        """Raise the ValidationException for a syntax error at `token`."""
        near = " ".join(self._tokens[max(0, self._at - 1) : self._at + 2])
        raise validation(f'Invalid {self.kind}: Syntax error; token: "{token}", near: "{near}"')

    def peek(self, ahead: int = 0) -> str:
        """A token yet to come, or "<EOF>"."""
        place = self._at + ahead
        return self._tokens[place] if place < len(self._tokens) else "<EOF>"

    def take(self) -> str:
        """The next token."""
        token = self.peek()
        self._at += 1
        return token

    def accept(self, *wanted: str) -> str | None:
        """The next token if it is one of these (keywords regardless of case), else None."""
        if self.peek().upper() in wanted:
            return self.take().upper()
        return None

    def expect(self, wanted: str) -> None:
        """Take `wanted`, or refuse."""
        if self.accept(wanted) is None:
            self.refuse(self.peek())

    def finish(self) -> None:
        """Refuse anything left over."""
        if self.peek() != "<EOF>":
            self.refuse(self.peek())

    def value(self, token: str) -> Value:
        """Return the value of `:value`."""
        self.placeholders.used.add(token)
        if token not in self.placeholders.values:
            raise validation(
                f"Invalid {self.kind}: An expression attribute value used in expression is not defined; "
                f"attribute value: {token}"
            )
        return self.placeholders.values[token]

    def path(self) -> Path:
        """A document path, such as `#a.b[2]`."""
        steps: list[str | int] = [self._name()]
        while True:
            if self.accept("."):
                steps.append(self._name())
            elif self.accept("["):
                steps.append(int(self.take()))
                self.expect("]")
            else:
                return tuple(steps)

    def _name(self) -> str:
        token = self.take()
        if token.startswith("#"):
            self.placeholders.used.add(token)
            if token not in self.placeholders.names:
                raise validation(
                    f"Invalid {self.kind}: An expression attribute name used in the document path is not "
                    f"defined; attribute name: {token}"
                )
            return self.placeholders.names[token]
        if not (token[0].isalpha() or token[0] == "_"):
            self.refuse(token)
        return token


def parse_condition(text: str, kind: str, placeholders: Placeholders) -> Predicate:
    """A ConditionExpression or FilterExpression as a function of an item.

    Args:
        text: the expression.
        kind: its name in messages, such as "ConditionExpression".
        placeholders: see `Placeholders`.

    Raises:
        DynamoError: ValidationException for a syntax error or an undefined placeholder.
    """
    tokens = Tokens(text, kind, placeholders)
    predicate = _either(tokens)
    tokens.finish()
    return predicate


def _either(tokens: Tokens) -> Predicate:
    options = [_both(tokens)]
    while tokens.accept("OR"):
        options.append(_both(tokens))
    return options[0] if len(options) == 1 else lambda item: any(option(item) for option in options)


def _both(tokens: Tokens) -> Predicate:
    parts = [_negation(tokens)]
    while tokens.accept("AND"):
        parts.append(_negation(tokens))
    return parts[0] if len(parts) == 1 else lambda item: all(part(item) for part in parts)


def _negation(tokens: Tokens) -> Predicate:
    if tokens.accept("NOT"):
        inner = _negation(tokens)
        return lambda item: not inner(item)
    if tokens.accept("("):
        inner = _either(tokens)
        tokens.expect(")")
        return inner
    if tokens.peek(1) == "(" and tokens.peek() in _FUNCTIONS:
        return _function(tokens)
    return _comparison(tokens)


def _function(tokens: Tokens) -> Predicate:
    name = tokens.take()
    tokens.expect("(")
    if name in {"attribute_exists", "attribute_not_exists"}:
        path = tokens.path()
        tokens.expect(")")
        wanted = name == "attribute_exists"
        return lambda item: (lookup(item, path) is not None) is wanted
    left = _operand(tokens)
    tokens.expect(",")
    right = _operand(tokens)
    tokens.expect(")")
    test = {"begins_with": _begins, "contains": _contains, "attribute_type": _is_type}[name]
    return lambda item: test(left(item), right(item))


def _begins(value: Value | None, prefix: Value | None) -> bool:
    if value is None or prefix is None or value.keys() != prefix.keys() or not value.keys() & {"S", "B"}:
        return False
    return bool(key_part(value).startswith(key_part(prefix)))  # type: ignore[union-attr,arg-type] # S or B


def _contains(value: Value | None, part: Value | None) -> bool:
    if value is None or part is None:
        return False
    [(tag, content)], [(part_tag, wanted)] = value.items(), part.items()
    if tag == "L":
        return part in content
    return part_tag == tag[0] and wanted in content and tag in {"S", "SS", "NS", "BS"}


def _is_type(value: Value | None, tag: Value | None) -> bool:
    return value is not None and tag is not None and tag.get("S") in value


def _comparison(tokens: Tokens) -> Predicate:
    left = _operand(tokens)
    sign = tokens.accept("=", "<>", "<", "<=", ">", ">=", "BETWEEN", "IN")
    if sign is None:
        tokens.refuse(tokens.peek())
    if sign == "BETWEEN":
        low = _operand(tokens)
        tokens.expect("AND")
        high = _operand(tokens)
        return lambda item: _ordered(">=", left(item), low(item)) and _ordered("<=", left(item), high(item))
    if sign == "IN":
        tokens.expect("(")
        options = [_operand(tokens)]
        while tokens.accept(","):
            options.append(_operand(tokens))
        tokens.expect(")")
        return lambda item: any(equal(left(item), option(item)) for option in options)
    right = _operand(tokens)
    if sign == "=":
        return lambda item: equal(left(item), right(item))
    if sign == "<>":
        return lambda item: not equal(left(item), right(item))
    return lambda item: _ordered(sign, left(item), right(item))


def _ordered(sign: str, left: Value | None, right: Value | None) -> bool:
    if left is None or right is None or left.keys() != right.keys() or not left.keys() & {"S", "N", "B"}:
        return False
    return _ORDER[sign](key_part(left), key_part(right))


def _operand(tokens: Tokens) -> Operand:
    if tokens.peek().startswith(":"):
        constant = tokens.value(tokens.take())
        return lambda _item: constant
    if tokens.peek() == "size" and tokens.peek(1) == "(":
        tokens.take()
        tokens.expect("(")
        measured = tokens.path()
        tokens.expect(")")
        return lambda item: _size(lookup(item, measured))
    path = tokens.path()
    return lambda item: lookup(item, path)


def _size(value: Value | None) -> Value | None:
    if value is None or value.keys() & {"N", "BOOL", "NULL"}:
        return None
    [(tag, content)] = value.items()
    if tag == "S":
        return {"N": str(len(content.encode()))}
    return {"N": str(len(key_part(value) if tag == "B" else content))}  # type: ignore[arg-type] # B is bytes


def parse_projection(text: str, placeholders: Placeholders) -> Callable[[Item], Item]:
    """A ProjectionExpression of top-level attributes as a function of an item.

    Raises:
        DynamoError: ValidationException for a syntax error or an undefined placeholder.
    """
    tokens = Tokens(text, "ProjectionExpression", placeholders)
    names = [str(tokens.path()[0])]
    while tokens.accept(","):
        names.append(str(tokens.path()[0]))
    tokens.finish()
    return lambda item: {name: item[name] for name in names if name in item}
