"""Create, describe, check and drop the table."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ingest_cli.aws.service_errors import sentences
from ingest_cli.aws.session import dynamodb, open_session
from ingest_cli.errors import IngestError, TableError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_dynamodb import DynamoDBClient

    from ingest_cli.model.settings import Target

_WAIT = {"Delay": 2, "MaxAttempts": 150}  # five minutes in total; a table takes seconds

_WRITABLE = frozenset({"ACTIVE", "UPDATING"})


@dataclass(frozen=True, slots=True)
class Capacity:
    """Provisioned capacity, in units per second; None for a table that is billed per request."""

    wcu_per_s: int
    rcu_per_s: int


class Table:
    """One table and its client."""

    def __init__(self, target: Target) -> None:
        """Set up without sending a request.

        Raises:
            UsageError: the settings do not locate the table.
        """
        self.target = target
        self.session = open_session(target)
        self.client: DynamoDBClient = dynamodb(self.session, target)
        self._identity: str | None = None

    @property
    def identity(self) -> str:
        """Return the id that AWS gave the table, else its creation time; a later table of the same name has another.

        Read with the first description, and then kept: what a run relies on is the table that it began with.

        Raises:
            TableError: it does not exist, or access is denied.
        """
        if self._identity is None:
            self.describe()
        return self._identity or ""

    def create(self, capacity: Capacity | None) -> bool:
        """Create the table and wait until it is usable; return False if it existed.

        Args:
            capacity: provisioned capacity; None: on-demand.

        Raises:
            TableError: it cannot be created, or exists with another key schema.
        """
        billing: dict[str, Any] = {"BillingMode": "PAY_PER_REQUEST"}
        if capacity is not None:
            billing = {
                "BillingMode": "PROVISIONED",
                "ProvisionedThroughput": {
                    "ReadCapacityUnits": capacity.rcu_per_s,
                    "WriteCapacityUnits": capacity.wcu_per_s,
                },
            }
        with sentences(self.target):
            try:
                self.client.create_table(
                    TableName=self.target.table,
                    AttributeDefinitions=[
                        {"AttributeName": "pk", "AttributeType": "S"},
                        {"AttributeName": "sk", "AttributeType": "S"},
                    ],
                    KeySchema=[
                        {"AttributeName": "pk", "KeyType": "HASH"},
                        {"AttributeName": "sk", "KeyType": "RANGE"},
                    ],
                    **billing,
                )
            except self.client.exceptions.ResourceInUseException:
                self.check()
                return False
            self._wait("table_exists")
        return True

    def describe(self) -> dict[str, Any]:
        """Return DynamoDB's description of the table.

        Raises:
            TableError: it does not exist, or access is denied.
        """
        with sentences(self.target):
            found = dict(self.client.describe_table(TableName=self.target.table)["Table"])
        if self._identity is None:
            self._identity = _identity(found)
        return found

    def check(self) -> dict[str, Any]:
        """Check that items can be written to the table; wait if it is being created.

        Raises:
            TableError: it is missing, being deleted, or has another key schema.
        """
        found = self.describe()
        if found.get("TableStatus") == "CREATING":
            with sentences(self.target):
                self._wait("table_exists")
            found = self.describe()
        if found.get("TableStatus") not in _WRITABLE:
            raise TableError(f'the table "{self.target.table}" is {found.get("TableStatus")}; wait until it is ACTIVE')
        types = {one["AttributeName"]: one["AttributeType"] for one in found.get("AttributeDefinitions", [])}
        keys = [(one["AttributeName"], one["KeyType"], types.get(one["AttributeName"])) for one in found["KeySchema"]]
        if sorted(keys) != [("pk", "HASH", "S"), ("sk", "RANGE", "S")]:
            shown = ", ".join(f"{name} ({kind} {key})" for name, key, kind in keys)
            raise TableError(
                f'the table "{self.target.table}" has the key schema {shown}, not pk (S HASH), sk (S RANGE); use a '
                "table made by `ingest-cli table create`"
            )
        return found

    def can_be_restored(self) -> bool | None:
        """Return whether point-in-time recovery is on; None if unknown."""
        try:
            with sentences(self.target):
                found = self.client.describe_continuous_backups(TableName=self.target.table)
        except IngestError:  # access denied, or a stand-in for DynamoDB without this operation
            return None
        recovery = found.get("ContinuousBackupsDescription", {}).get("PointInTimeRecoveryDescription", {})
        return recovery.get("PointInTimeRecoveryStatus") == "ENABLED"

    def drop(self) -> None:
        """Delete the table with all its contents, and wait until it is gone.

        Raises:
            TableError: it does not exist, or may not be deleted.
        """
        with sentences(self.target):
            self.client.delete_table(TableName=self.target.table)
            self._wait("table_not_exists")

    def _wait(self, name: Any) -> None:
        from botocore.exceptions import WaiterError  # noqa: PLC0415 - here only

        try:
            self.client.get_waiter(name).wait(TableName=self.target.table, WaiterConfig=_WAIT)
        except WaiterError as error:
            raise TableError(
                f'the table "{self.target.table}" is not ready after five minutes; see `ingest-cli table describe`'
            ) from error


def _identity(described: Mapping[str, Any]) -> str:
    """Return the identity of a described table; some stand-ins for DynamoDB give no `TableId`."""
    if table_id := described.get("TableId"):
        return str(table_id)
    made = described.get("CreationDateTime", "")
    return made.astimezone(dt.UTC).isoformat() if isinstance(made, dt.datetime) else str(made)
