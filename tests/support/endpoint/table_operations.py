"""Operations on whole tables: create, describe, update, delete, list, and what an account may do."""

from __future__ import annotations

import re
from typing import Any

from .call import Call
from .errors import DynamoError, invalid_parameter, validation
from .tables import Table, not_found

_NAME = re.compile(r"[a-zA-Z0-9_.-]{3,255}")
_MAX_LISTED = 100
_ACCOUNT_UNITS, _TABLE_UNITS = 80_000, 40_000  # "Service, account, and table quotas", developer guide


def _name(call: Call) -> str:
    name = call.required("TableName")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise validation(
            f"1 validation error detected: Value '{name}' at 'tableName' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"
        )
    return name


def _existing(call: Call) -> Table:
    name = _name(call)
    table = call.state.find(name)
    if table is None:
        raise not_found(name)
    return table


def _check_throughput(payload: dict[str, Any], *, billed_on_demand: bool) -> None:
    throughput = payload.get("ProvisionedThroughput")
    if billed_on_demand and throughput:
        raise invalid_parameter(
            "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST"
        )
    if not billed_on_demand and not throughput:
        raise invalid_parameter(
            "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED"
        )
    for name, units in (throughput or {}).items():
        if units < 1:
            wire = name[0].lower() + name[1:]
            raise validation(
                f"1 validation error detected: Value '{units}' at 'provisionedThroughput.{wire}' failed to "
                "satisfy constraint: Member must have value greater than or equal to 1"
            )


def _check_schema(payload: dict[str, Any]) -> None:
    defined = {d["AttributeName"] for d in payload["AttributeDefinitions"]}
    schema = payload["KeySchema"]
    used = [part["AttributeName"] for part in schema]
    if not set(used) <= defined:
        raise invalid_parameter(
            f"Some index key attributes are not defined in AttributeDefinitions. "
            f"Keys: [{', '.join(used)}], AttributeDefinitions: [{', '.join(sorted(defined))}]"
        )
    if [part["KeyType"] for part in schema] not in (["HASH"], ["HASH", "RANGE"]):
        raise validation("Invalid KeySchema: The first KeySchemaElement is not a HASH key type")
    if len(defined) != len(used):
        raise invalid_parameter(
            "Number of attributes in KeySchema does not exactly match number of attributes defined in "
            "AttributeDefinitions"
        )


def create_table(call: Call) -> dict[str, Any]:
    """CreateTable."""
    name = _name(call)
    call.required("AttributeDefinitions")
    call.required("KeySchema")
    on_demand = call.payload.get("BillingMode") == "PAY_PER_REQUEST"
    _check_throughput(call.payload, billed_on_demand=on_demand)
    _check_schema(call.payload)
    if call.state.find(name) is not None:
        raise DynamoError("ResourceInUseException", f"Table already exists: {name}")
    table = Table(call.payload, call.state.clock, call.state.limits, call.state.transition_s)
    call.state.tables[name] = table
    return {"TableDescription": {**table.describe(), "TableStatus": "CREATING"}}


def describe_table(call: Call) -> dict[str, Any]:
    """DescribeTable."""
    return {"Table": _existing(call).describe()}


def update_table(call: Call) -> dict[str, Any]:
    """UpdateTable: billing mode, provisioned, on-demand and warm throughput, deletion protection."""
    table = _existing(call)
    if table.status != "ACTIVE":
        raise DynamoError(
            "ResourceInUseException",
            f"Attempt to change a resource which is still in use: Table is being {table.status.lower()}: {table.name}",
        )
    payload = call.payload
    mode = payload.get("BillingMode", "PROVISIONED" if table.provisioned else "PAY_PER_REQUEST")
    on_demand = mode == "PAY_PER_REQUEST"
    throughput = payload.get("ProvisionedThroughput")
    if throughput or "BillingMode" in payload:
        _check_throughput(payload, billed_on_demand=on_demand)
        current = table.provisioned
        if current is not None and throughput and _same(current, throughput):
            raise validation(
                f"The provisioned throughput for the table {table.name} will not change. The requested value "
                "equals the current value. Current ReadCapacityUnits provisioned for the table: "
                f"{current['ReadCapacityUnits']}. Requested ReadCapacityUnits: "
                f"{throughput['ReadCapacityUnits']}. Current WriteCapacityUnits provisioned for the table: "
                f"{current['WriteCapacityUnits']}. Requested WriteCapacityUnits: "
                f"{throughput['WriteCapacityUnits']}. Refer to the Amazon DynamoDB Developer Guide for "
                "current limits and how to request higher limits."
            )
        if current is not None and throughput and _lower(throughput, current):
            table.count_decrease()
    _check_quotas(throughput or {})
    _check_warm(table, payload.get("WarmThroughput", {}))
    table.on_demand_maximum = dict(payload.get("OnDemandThroughput", table.on_demand_maximum))
    table.set_throughput(None if on_demand else throughput or table.provisioned)
    if "WarmThroughput" in payload:
        table.definition["WarmThroughput"] = {**table.definition.get("WarmThroughput", {}), **payload["WarmThroughput"]}
    if "DeletionProtectionEnabled" in payload:
        table.definition["DeletionProtectionEnabled"] = payload["DeletionProtectionEnabled"]
    table.enter("UPDATING")
    return {"TableDescription": {**table.describe(), "TableStatus": "UPDATING"}}


def _check_quotas(throughput: dict[str, int]) -> None:
    for name, units in throughput.items():
        if units > _TABLE_UNITS:
            raise DynamoError(
                "LimitExceededException",
                f"Subscriber limit exceeded: The {name} limit of {_TABLE_UNITS} for a table is exceeded by {units}.",
            )


def _check_warm(table: Table, wanted: dict[str, int]) -> None:
    for name, units in wanted.items():
        if units < table.definition.get("WarmThroughput", {}).get(name, 0):
            raise invalid_parameter(f"Requested {name} for WarmThroughput for table is lower than the current value")


def _same(current: dict[str, int], wanted: dict[str, int]) -> bool:
    return all(current[name] == wanted.get(name) for name in ("ReadCapacityUnits", "WriteCapacityUnits"))


def _lower(wanted: dict[str, int], current: dict[str, int]) -> bool:
    return any(wanted.get(name, units) < units for name, units in current.items())


def delete_table(call: Call) -> dict[str, Any]:
    """DeleteTable."""
    table = _existing(call)
    if table.definition.get("DeletionProtectionEnabled"):
        raise validation(
            "Resource cannot be deleted as it is currently protected against deletion. "
            "Disable deletion protection first."
        )
    if table.status in {"CREATING", "UPDATING"}:
        raise DynamoError(
            "ResourceInUseException",
            f"Attempt to change a resource which is still in use: Table is being "
            f"{'created' if table.status == 'CREATING' else 'updated'}: {table.name}",
        )
    table.enter("DELETING")
    return {"TableDescription": {**table.describe(), "TableStatus": "DELETING"}}


def list_tables(call: Call) -> dict[str, Any]:
    """ListTables."""
    after = call.payload.get("ExclusiveStartTableName", "")
    limit = call.payload.get("Limit", _MAX_LISTED)
    names = sorted(name for name in list(call.state.tables) if call.state.find(name) and name > after)
    answer: dict[str, Any] = {"TableNames": names[:limit]}
    if len(names) > limit:
        answer["LastEvaluatedTableName"] = names[limit - 1]
    return answer


def describe_limits(_call: Call) -> dict[str, Any]:
    """DescribeLimits: the default quotas."""
    return {
        "AccountMaxReadCapacityUnits": _ACCOUNT_UNITS,
        "AccountMaxWriteCapacityUnits": _ACCOUNT_UNITS,
        "TableMaxReadCapacityUnits": _TABLE_UNITS,
        "TableMaxWriteCapacityUnits": _TABLE_UNITS,
    }


def describe_continuous_backups(call: Call) -> dict[str, Any]:
    """DescribeContinuousBackups, with the status that the endpoint was given."""
    name = _name(call)
    if call.state.find(name) is None:
        raise DynamoError("TableNotFoundException", f"Table not found: {name}")
    return {
        "ContinuousBackupsDescription": {
            "ContinuousBackupsStatus": "ENABLED",
            "PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": call.state.recovery},
        }
    }
