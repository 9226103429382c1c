"""IAM policies and whether they allow a request, as AWS evaluates the policies of one role.

Allowed is what some statement allows and none denies. There are no resource policies, boundaries or session policies
here. Source: IAM user guide, "Policy evaluation logic" and "IAM JSON policy elements: Condition operators".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import product
from typing import Any, NamedTuple

_ELEMENTS = {"Sid", "Effect", "Action", "Resource", "Condition"}
_ACCESS_KEY = re.compile(r"Credential=([^/,\s]+)/")
ANY = "*"


class AccessRequest(NamedTuple):
    """One action on one resource.

    Attributes:
        action: such as "dynamodb:GetItem".
        resource: its ARN.
        context: condition key → its values; a key that is not there has none.
    """

    action: str
    resource: str
    context: Mapping[str, tuple[str, ...]] = {}


class Grant(NamedTuple):
    """The smallest part of a statement that can be left out.

    Attributes:
        sid: of the statement.
        action, resource: patterns.
        value: of the condition on a key; "*" if there is no condition.
    """

    sid: str
    action: str
    resource: str
    value: str


@dataclass(frozen=True, slots=True)
class _Condition:
    for_all: bool
    operator: str
    key: str
    values: tuple[str, ...]

    def matching(self, request: AccessRequest) -> set[str] | None:
        """The values that take part in making it true, none of them for an absent key; None: it is false."""
        given = request.context.get(self.key, ())
        if self.operator == "Null":
            return set() if (not given) == (self.values == ("true",)) else None
        if not self.for_all and len(given) != 1:
            return None
        # AWS: ForAllValues is also true if the request has no such key.
        found: set[str] = set()
        for one in given:
            matched = {value for value in self.values if self._matches(value, one)}
            if not matched:
                return None
            found |= matched
        return found

    def _matches(self, pattern: str, text: str) -> bool:
        return pattern == text if self.operator == "StringEquals" else like(pattern, text)


@dataclass(frozen=True, slots=True)
class _Statement:
    sid: str
    allows: bool
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: tuple[_Condition, ...]

    @property
    def grants(self) -> set[Grant]:
        """What it consists of."""
        values = {value for one in self.conditions if one.operator != "Null" for value in one.values} or {ANY}
        return {Grant(self.sid, *parts) for parts in product(self.actions, self.resources, values)}

    def matching(self, request: AccessRequest) -> set[Grant]:
        """The parts of it that apply to a request; none: it does not apply."""
        actions = [one for one in self.actions if like(one.lower(), request.action.lower())]
        resources = [one for one in self.resources if like(one, request.resource)]
        values: set[str] = set()
        for condition in self.conditions:
            found = condition.matching(request)
            if found is None:
                return set()
            values |= found
        return {Grant(self.sid, *parts) for parts in product(actions, resources, values or {ANY})}


@dataclass(slots=True)
class Policy:
    """Policies of one role, as one.

    Attributes:
        used: what was needed of them so far.
        refused: what they did not allow.
    """

    statements: tuple[_Statement, ...]
    used: set[Grant] = field(default_factory=set)
    refused: list[AccessRequest] = field(default_factory=list)

    @classmethod
    def of(cls, *documents: Mapping[str, Any]) -> Policy:
        """Those of the documents.

        Raises:
            ValueError: one has an element or operator that is not known here.
        """
        return cls(tuple(_statement(one) for document in documents for one in document["Statement"]))

    def allows(self, request: AccessRequest) -> bool:
        """Whether they allow a request; see `used` and `refused`."""
        needed: set[Grant] = set()
        for statement in self.statements:
            matched = statement.matching(request)
            if matched and not statement.allows:
                needed = set()
                break
            needed |= matched
        self.used |= needed
        if not needed:
            self.refused.append(request)
        return bool(needed)

    @property
    def unused(self) -> set[Grant]:
        """What was not needed so far."""
        return {grant for statement in self.statements if statement.allows for grant in statement.grants} - self.used


def _statement(given: Mapping[str, Any]) -> _Statement:
    if unknown := given.keys() - _ELEMENTS:
        raise ValueError(f"a statement has {', '.join(sorted(unknown))}, which is not known here")
    if given["Effect"] not in {"Allow", "Deny"}:
        raise ValueError(f"the effect {given['Effect']} is neither Allow nor Deny")
    return _Statement(
        given["Sid"],
        given["Effect"] == "Allow",
        _texts(given["Action"]),
        _texts(given["Resource"]),
        tuple(_conditions(given.get("Condition", {}))),
    )


def _conditions(given: Mapping[str, Mapping[str, Any]]) -> Iterator[_Condition]:
    for name, keys in given.items():
        qualifier, _, operator = name.rpartition(":")
        if operator not in {"StringEquals", "StringLike", "Null"} or qualifier not in {"", "ForAllValues"}:
            raise ValueError(f"the condition operator {name} is not known here")
        for key, values in keys.items():
            yield _Condition(bool(qualifier), operator, key, _texts(values))


def _texts(value: str | Sequence[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def like(pattern: str, text: str) -> bool:
    """Whether a text is as a pattern says: `*` is any number of characters, `?` any one."""
    return _expression(pattern).fullmatch(text) is not None


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    parts = (".*" if one == "*" else "." if one == "?" else re.escape(one) for one in pattern)
    return re.compile("".join(parts), re.DOTALL)


def policy_of(policies: Mapping[str, Policy], headers: Mapping[str, str]) -> Policy | None:
    """The policy of the role that signed a request; None: nothing limits it.

    Args:
        policies: access key → policy.
        headers: lower-case name → value.
    """
    found = _ACCESS_KEY.search(headers.get("authorization", ""))
    return None if found is None else policies.get(found[1])
