"""Who may do what: the policies of roles, applied to requests.

Condition keys, and what each action is about, as in the Service Authorization Reference, "Actions, resources, and
condition keys for Amazon DynamoDB" and "... for AWS Application Auto Scaling".
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from tests.support.iam import AccessRequest, Policy, policy_of

from . import scaling
from .errors import DynamoError
from .items import Item
from .tables import REGION

LEADING_KEYS = "dynamodb:LeadingKeys"
DIMENSION = "application-autoscaling:scalable-dimension"
ACCOUNT = "000000000000"
_WITHOUT_RESOURCE = {"DescribeLimits", "ListTables", "DescribeScalableTargets"}
_PARTITION_KEY = re.compile(r"\bpk\s*=\s*(:\w+)")


def check(
    policies: Mapping[str, Policy],
    headers: Mapping[str, str],
    operation: str,
    payload: Mapping[str, Any],
    elements: list[tuple[str, Item]],
) -> None:
    """Refuse a request that the policy of its role does not allow.

    Args:
        policies: access key → policy; a key that is not among them may do everything.
        headers: lower-case name → value.
        operation: such as "GetItem".
        payload: the parsed body.
        elements: table and item or key of everything that the request carries.

    Raises:
        DynamoError: as the service answers it.
    """
    policy = policy_of(policies, headers)
    if policy is None:
        return
    for request in _requests(operation, payload, elements):
        if not policy.allows(request):
            raise DynamoError(
                "AccessDeniedException",
                f"User: arn:aws:sts::{ACCOUNT}:assumed-role/role/session is not authorized to perform: "
                f"{request.action} on resource: {request.resource} because no identity-based policy allows the "
                f"{request.action} action",
            )


def _requests(operation: str, payload: Mapping[str, Any], elements: list[tuple[str, Item]]) -> Iterator[AccessRequest]:
    if operation.endswith(("ScalableTarget", "ScalableTargets")):
        arn = f"arn:aws:{scaling.SERVICE}:{REGION}:{ACCOUNT}:scalable-target/0123456789abcdef"
        action = f"{scaling.SERVICE}:{operation}"
        if operation in _WITHOUT_RESOURCE:
            yield AccessRequest(action, "*")
        else:
            yield AccessRequest(action, arn, {DIMENSION: (str(payload.get("ScalableDimension")),)})
        return
    action = f"dynamodb:{operation}"
    if operation in _WITHOUT_RESOURCE:
        yield AccessRequest(action, "*")
        return
    leading: defaultdict[str, list[str]] = defaultdict(list)
    for table, element in elements:
        leading[table].extend(element.get("pk", {}).values())
    name = payload.get("TableName")
    if isinstance(name, str):
        condition = _PARTITION_KEY.search(str(payload.get("KeyConditionExpression")))
        if condition is not None:
            leading[name].extend(payload["ExpressionAttributeValues"][condition[1]].values())
        leading.setdefault(name, [])
    for table, keys in leading.items():
        arn = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}"
        yield AccessRequest(action, arn, {LEADING_KEYS: tuple(keys)} if keys else {})
