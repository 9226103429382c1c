"""The errors DynamoDB answers with: their wire type, message, HTTP status and extra members.

Two Smithy namespaces exist on the wire (`com.amazonaws.dynamodb.v20120810#` for the service's own
errors, `com.amazon.coral.*#` for those of the framework below it); a client must look at what
follows the `#` only. Messages were taken from the API reference, from "Error handling with
DynamoDB" in the developer guide, and from dynalite 4.0.0, which records the answers of the live
service.
"""

from __future__ import annotations

from typing import Any

_SERVICE = "com.amazonaws.dynamodb.v20120810#"
_CORAL = "com.amazon.coral.service#"
_VALIDATE = "com.amazon.coral.validate#"

_NAMESPACES = {
    "ValidationException": _VALIDATE,
    "SerializationException": _CORAL,
    "UnknownOperationException": _CORAL,
    "MissingAuthenticationTokenException": _CORAL,
    "IncompleteSignatureException": _CORAL,
    "InvalidSignatureException": _CORAL,
    "UnrecognizedClientException": _CORAL,
    "ExpiredTokenException": _CORAL,
    "AccessDeniedException": _CORAL,
    "ThrottlingException": _CORAL,
    "ServiceUnavailable": _CORAL,
}

_STATUS = {"InternalServerError": 500, "ServiceUnavailable": 503, "RequestEntityTooLarge": 413}

MESSAGES = {
    "ProvisionedThroughputExceededException": (
        "The level of configured provisioned throughput for the table was exceeded. "
        "Consider increasing your provisioning level with the UpdateTable API."
    ),
    "ThrottlingException": (
        "Throughput exceeds the current capacity of your table or index. DynamoDB is automatically scaling "
        "your table or index so please try again shortly."
    ),
    "RequestLimitExceeded": "Throughput exceeds the current throughput quota for your account.",
    "InternalServerError": ("The request processing has failed because of an unknown error, exception or failure."),
    "ServiceUnavailable": "The service is currently unavailable or busy.",
    "ExpiredTokenException": "The security token included in the request is expired",
    "UnrecognizedClientException": "The security token included in the request is invalid.",
    "AccessDeniedException": (
        "User: arn:aws:iam::000000000000:user/loader is not authorized to perform: dynamodb:BatchWriteItem"
    ),
    "MissingAuthenticationTokenException": "Request is missing Authentication Token",
    "ResourceNotFoundException": "Requested resource not found",
    "ConditionalCheckFailedException": "The conditional request failed",
    "ReplicatedWriteConflictException": (
        "One or more items in this request are being modified by a request in another Region."
    ),
    "LimitExceededException": (
        "Subscriber limit exceeded: Provisioned throughput decreases are limited within a given UTC day."
    ),
}

REASONS_MEMBER = {
    "ProvisionedThroughputExceededException": "ThrottlingReasons",
    "RequestLimitExceeded": "ThrottlingReasons",
    "ThrottlingException": "throttlingReasons",
}
"""How each throttling error spells its list of reasons (botocore's DynamoDB service model, 1.44)."""


class DynamoError(Exception):
    """An answer that is not a success.

    Args:
        kind: the short name, such as "ValidationException".
        message: None takes the usual one of that kind.
        status: HTTP status; None takes the usual one.
        members: further members of the body, such as the throttling reasons.
    """

    def __init__(
        self,
        kind: str,
        message: str | None = None,
        *,
        status: int | None = None,
        members: dict[str, Any] | None = None,
    ) -> None:
        self.kind = kind
        self.message = MESSAGES.get(kind, kind) if message is None else message
        self.status = _STATUS.get(kind, 400) if status is None else status
        self.members = members or {}
        super().__init__(f"{kind}: {self.message}")

    def body(self) -> dict[str, Any]:
        """The JSON document of the answer."""
        wire_type = _NAMESPACES.get(self.kind, _SERVICE) + self.kind
        return {"__type": wire_type, "message": self.message, **self.members}


def validation(message: str) -> DynamoError:
    """A ValidationException with this message."""
    return DynamoError("ValidationException", message)


def invalid_parameter(message: str) -> DynamoError:
    """A ValidationException about the content of an item or key."""
    return validation("One or more parameter values were invalid: " + message)


def throttled(kind: str, reasons: list[str], resource: str) -> DynamoError:
    """A throttling error with its reasons, spelled as this kind spells them.

    Args:
        kind: one of the keys of `REASONS_MEMBER`.
        reasons: for example ["TableWriteKeyRangeThroughputExceeded"].
        resource: ARN of the table or index.
    """
    listed = [{"reason": reason, "resource": resource} for reason in reasons]
    return DynamoError(kind, members={REASONS_MEMBER[kind]: listed})
