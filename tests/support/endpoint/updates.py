"""Update expressions: SET, REMOVE, ADD and DELETE on top-level attributes and map members.

All right-hand sides are evaluated against the item as it was before the update, as the developer guide
says ("Using update expressions in DynamoDB").
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from decimal import Context

from .errors import validation
from .expressions import Operand, Path, Placeholders, Tokens, lookup
from .items import Item, Value, key_part, normal_number

Change = Callable[[Item, Item], None]
"""Reads the item as it was (first), and changes the new one (second)."""

_ARITHMETIC = Context(prec=38)  # a Number has 38 significant digits
_WRONG_TYPE = "An operand in the update expression has an incorrect data type"


class Update:
    """A parsed UpdateExpression.

    Args:
        text: the expression.
        placeholders: the values of `#name` and `:value`.

    Raises:
        DynamoError: ValidationException for a syntax error or an undefined placeholder.
    """

    def __init__(self, text: str, placeholders: Placeholders) -> None:
        tokens = Tokens(text, "UpdateExpression", placeholders)
        self.touched: set[str] = set()
        """Names of the top-level attributes it writes."""
        self._changes: list[Change] = []
        clauses = {"SET": self._set, "REMOVE": self._remove, "ADD": self._add, "DELETE": self._delete}
        while clause := tokens.accept(*clauses):
            self._changes.append(clauses[clause](tokens))
            while tokens.accept(","):
                self._changes.append(clauses[clause](tokens))
        tokens.finish()

    def apply(self, item: Item) -> Item:
        """The item after the update; `item` itself is left alone.

        Raises:
            DynamoError: ValidationException for an operand of the wrong type or a path that is not there.
        """
        new = copy.deepcopy(item)
        for change in self._changes:
            change(item, new)
        return new

    def _path(self, tokens: Tokens) -> Path:
        path = tokens.path()
        self.touched.add(str(path[0]))
        return path

    def _set(self, tokens: Tokens) -> Change:
        path = self._path(tokens)
        tokens.expect("=")
        operand = _set_value(tokens)

        def change(old: Item, new: Item) -> None:
            value = operand(old)
            if value is None:
                raise validation("The provided expression refers to an attribute that does not exist in the item")
            holder, last = _holder(new, path)
            holder[last] = value

        return change

    def _remove(self, tokens: Tokens) -> Change:
        path = self._path(tokens)

        def change(_old: Item, new: Item) -> None:
            holder, last = _holder(new, path)
            holder.pop(last, None)

        return change

    def _add(self, tokens: Tokens) -> Change:
        path = self._path(tokens)
        amount = tokens.value(tokens.take())

        def change(old: Item, new: Item) -> None:
            before = lookup(old, path)
            holder, last = _holder(new, path)
            [(tag, content)] = amount.items()
            if before is not None and before.keys() != amount.keys():
                raise validation(_WRONG_TYPE)
            if tag == "N":
                holder[last] = _sum(before or {"N": "0"}, amount, 1)
            elif tag in {"SS", "NS", "BS"}:
                members = list(before[tag]) if before else []
                holder[last] = {tag: members + [one for one in content if one not in members]}
            else:
                raise validation(_WRONG_TYPE)

        return change

    def _delete(self, tokens: Tokens) -> Change:
        path = self._path(tokens)
        gone = tokens.value(tokens.take())

        def change(old: Item, new: Item) -> None:
            before = lookup(old, path)
            if before is None:
                return
            [(tag, content)] = gone.items()
            if tag not in before or tag not in {"SS", "NS", "BS"}:
                raise validation(_WRONG_TYPE)
            left = [one for one in before[tag] if one not in content]
            holder, last = _holder(new, path)
            if left:
                holder[last] = {tag: left}
            else:
                holder.pop(last)

        return change


def _holder(item: Item, path: Path) -> tuple[Item, str]:
    """The map that holds the last step of `path`, and that step."""
    *outer, last = path
    holder = lookup(item, tuple(outer))
    if not isinstance(last, str) or holder is None or "M" not in holder:
        raise validation("The document path provided in the update expression is invalid for update")
    inner: Item = holder["M"]
    return inner, last


def _set_value(tokens: Tokens) -> Operand:
    left = _set_operand(tokens)
    sign = tokens.accept("+", "-")
    if sign is None:
        return left
    right = _set_operand(tokens)
    factor = 1 if sign == "+" else -1

    def total(item: Item) -> Value | None:
        a, b = left(item), right(item)
        return None if a is None or b is None else _sum(a, b, factor)

    return total


def _set_operand(tokens: Tokens) -> Operand:
    if tokens.peek().startswith(":"):
        constant = tokens.value(tokens.take())
        return lambda _item: constant
    if tokens.peek() == "if_not_exists" and tokens.peek(1) == "(":
        tokens.take()
        tokens.expect("(")
        path = tokens.path()
        tokens.expect(",")
        default = _set_operand(tokens)
        tokens.expect(")")
        return lambda item: lookup(item, path) or default(item)
    plain = tokens.path()
    return lambda item: lookup(item, plain)


def _sum(left: Value, right: Value, factor: int) -> Value:
    if "N" not in left or "N" not in right:
        raise validation(_WRONG_TYPE)
    a, b = key_part(left), key_part(right)
    return {"N": normal_number(format(_ARITHMETIC.add(a, _ARITHMETIC.multiply(b, factor)), "f"))}  # type: ignore[arg-type] # both are numbers
