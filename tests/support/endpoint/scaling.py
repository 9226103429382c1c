"""Application Auto Scaling, as far as a table's capacity needs it: targets are registered, suspended and described.

It never scales anything. Requests and answers as in the service's API reference; a target is registered with both
limits, and changed with whatever is given ("RegisterScalableTarget").
"""

from __future__ import annotations

from typing import Any

from .call import Call
from .errors import DynamoError, validation

PREFIX, SERVICE = "AnyScaleFrontendService.", "application-autoscaling"
_PARTS = ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended")


def _key(call: Call) -> tuple[str, str]:
    if call.required("ServiceNamespace") != "dynamodb":
        raise validation("1 validation error detected: the stand-in knows the namespace dynamodb only")
    return call.required("ResourceId"), call.required("ScalableDimension")


def register_scalable_target(call: Call) -> dict[str, Any]:
    """RegisterScalableTarget."""
    key, payload = _key(call), call.payload
    target = call.state.scalable.get(key)
    if target is None:
        if "MinCapacity" not in payload or "MaxCapacity" not in payload:
            raise validation("MinCapacity and MaxCapacity are required when registering a scalable target")
        target = {
            "ServiceNamespace": "dynamodb",
            "ResourceId": key[0],
            "ScalableDimension": key[1],
            "RoleARN": "arn:aws:iam::000000000000:role/scaling",
            "CreationTime": 1_700_000_000,
            "SuspendedState": dict.fromkeys(_PARTS, False),
        }
        call.state.scalable[key] = target
    target.update({name: payload[name] for name in ("MinCapacity", "MaxCapacity") if name in payload})
    target["SuspendedState"] = {**target["SuspendedState"], **payload.get("SuspendedState", {})}
    return {
        "ScalableTargetARN": f"arn:aws:application-autoscaling:ap-southeast-1:000000000000:scalable-target/{key[0]}"
    }


def describe_scalable_targets(call: Call) -> dict[str, Any]:
    """DescribeScalableTargets, in one page."""
    call.required("ServiceNamespace")
    wanted, dimension = call.payload.get("ResourceIds"), call.payload.get("ScalableDimension")
    if dimension is not None and not wanted:
        raise validation("If you specify a scalable dimension, you must also specify a resource ID")
    found = [
        target
        for (resource, of), target in call.state.scalable.items()
        if (not wanted or resource in wanted) and dimension in {None, of}
    ]
    return {"ScalableTargets": found}


def deregister_scalable_target(call: Call) -> dict[str, Any]:
    """DeregisterScalableTarget."""
    key = _key(call)
    if call.state.scalable.pop(key, None) is None:
        raise DynamoError("ObjectNotFoundException", f"No scalable target found for {key[0]}")
    return {}
