"""IAM policies are evaluated as AWS does it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.iam import AccessRequest, Grant, Policy, like, policy_of

TABLE = "arn:aws:dynamodb:us-east-1:123456789012:table/breaches"
KEYS = "dynamodb:LeadingKeys"


def _policy(*statements: dict[str, Any]) -> Policy:
    filled = [
        {"Sid": f"S{n}", "Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": TABLE, **one}
        for n, one in enumerate(statements)
    ]
    return Policy.of({"Version": "2012-10-17", "Statement": filled})


def _request(*keys: str, action: str = "dynamodb:GetItem", resource: str = TABLE) -> AccessRequest:
    return AccessRequest(action, resource, {KEYS: keys} if keys else {})


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("_run#demo-*", "_run#demo-a", True),
        ("_run#demo-*", "_run#demo-", True),
        ("_run#demo-*", "x_run#demo-a", False),
        ("k1.*", "k1.abc", True),
        ("k1.*", "k1xabc", False),
        ("a?c", "abc", True),
        ("a?c", "ac", False),
        ("*", "", True),
        ("a*", "a\nb", True),
        ("A", "a", False),
    ],
)
def test_patterns(pattern: str, text: str, expected: bool) -> None:  # noqa: FBT001 - a case
    assert like(pattern, text) is expected


def test_nothing_is_allowed_that_is_not_granted() -> None:
    assert not _policy().allows(_request())
    policy = _policy({})
    assert policy.allows(_request())
    assert policy.allows(_request(action="DynamoDB:getitem")), "the case of actions does not matter"
    assert not policy.allows(_request(action="dynamodb:PutItem"))
    assert not policy.allows(_request(resource=f"{TABLE}-2"))
    assert len(policy.refused) == 2


def test_what_is_denied_is_not_allowed_by_another_statement() -> None:
    policy = _policy({"Action": "dynamodb:*"}, {"Effect": "Deny", "Action": "dynamodb:DeleteItem"})
    assert policy.allows(_request(action="dynamodb:PutItem"))
    assert not policy.allows(_request(action="dynamodb:DeleteItem"))


def test_every_value_of_the_request_has_to_match_for_all_values() -> None:
    policy = _policy({"Condition": {"ForAllValues:StringLike": {KEYS: ["k1.*", "_run#demo-*"]}}})
    assert policy.allows(_request("k1.a", "k1.b"))
    assert policy.allows(_request("k1.a", "_run#demo-x"))
    assert not policy.allows(_request("k1.a", "_run#other"))
    assert policy.allows(_request()), "and it is true where there is none: which the next test is about"


def test_a_null_condition_refuses_a_request_without_the_key() -> None:
    policy = _policy({"Condition": {"ForAllValues:StringLike": {KEYS: "k1.*"}, "Null": {KEYS: "false"}}})
    assert policy.allows(_request("k1.a"))
    assert not policy.allows(_request())


def test_equal_is_not_like() -> None:
    policy = _policy({"Condition": {"ForAllValues:StringEquals": {KEYS: "_a*"}}})
    assert policy.allows(_request("_a*"))
    assert not policy.allows(_request("_ab"))


def test_without_for_all_values_there_is_one_value() -> None:
    policy = _policy({"Condition": {"StringEquals": {KEYS: "a"}}})
    assert policy.allows(_request("a"))
    assert not policy.allows(_request("a", "a"))
    assert not policy.allows(_request())


def test_what_was_not_needed_is_known() -> None:
    policy = _policy(
        {
            "Action": ["dynamodb:GetItem", "dynamodb:PutItem"],
            "Condition": {"ForAllValues:StringLike": {KEYS: ["a*", "b*"]}},
        }
    )
    policy.allows(_request("ax"))
    policy.allows(_request("bx"))
    policy.allows(_request("ax", action="dynamodb:PutItem"))
    assert policy.unused == {Grant("S0", "dynamodb:PutItem", TABLE, "b*")}


@pytest.mark.parametrize(
    "statement",
    [{"NotAction": "x"}, {"Principal": "*"}, {"Effect": "allow"}, {"Condition": {"NumericEquals": {KEYS: "1"}}}],
)
def test_what_is_not_known_is_not_passed_over(statement: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"not known|neither"):
        _policy(statement)


def test_the_role_is_the_one_that_signed() -> None:
    policy = _policy()
    header = (
        "AWS4-HMAC-SHA256 Credential=AKIA1/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0"
    )
    assert policy_of({"AKIA1": policy}, {"authorization": header}) is policy
    assert policy_of({"AKIA2": policy}, {"authorization": header}) is None
    assert policy_of({"AKIA1": policy}, {}) is None
