"""Autoscaling of a table's write capacity: whether there is any, and how to make it hold still for a while.

A scaling policy that sees more capacity than is used lowers it again, in the middle of what it was raised for. It is
therefore suspended, which keeps the policy (AWS, "Suspend and resume scaling", Application Auto Scaling user guide),
and given back the state in which it was found.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from ingest_cli.aws import DENIED
from ingest_cli.errors import BusyError, TableError

if TYPE_CHECKING:
    from ingest_cli.tables import Table

_NAMESPACE, _DIMENSION = "dynamodb", "dynamodb:table:WriteCapacityUnits"
ALL_SUSPENDED: Mapping[str, bool] = {
    "DynamicScalingInSuspended": True,
    "DynamicScalingOutSuspended": True,
    "ScheduledScalingSuspended": True,
}
_AWS_HOSTS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")


@dataclass(frozen=True, slots=True)
class ScalingState:
    """What autoscaling does with a table's write capacity.

    Attributes:
        least, most: between which it keeps the capacity.
        suspended: which of its parts are suspended.
    """

    least: int
    most: int
    suspended: Mapping[str, bool]

    @property
    def is_active(self) -> bool:
        """Whether it would change the capacity."""
        return not all(self.suspended.get(name, False) for name in ALL_SUSPENDED)


class Autoscaling:
    """Asks and tells AWS's service of that name about one table."""

    def __init__(self, table: Table) -> None:
        """Set up; nothing is sent yet."""
        self._name = table.target.table.rpartition("/")[2]
        from botocore.config import Config  # noqa: PLC0415 - start-up time of all who need no client

        config = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 3, "mode": "standard"})
        self._client: Any = table.session.client(
            "application-autoscaling", region_name=table.client.meta.region_name, config=config
        )
        self._is_there = is_aws(table.client.meta.endpoint_url) or not is_aws(self._client.meta.endpoint_url)

    def look(self) -> ScalingState | None:
        """What it does; None: there is none, as also for a stand-in for DynamoDB that has none configured beside it.

        Raises:
            TableError: that may not be known.
            BusyError: it does not answer.
        """
        if not self._is_there:
            return None
        found = self._call(
            "describe_scalable_targets",
            ServiceNamespace=_NAMESPACE,
            ResourceIds=[f"table/{self._name}"],
            ScalableDimension=_DIMENSION,
        )["ScalableTargets"]
        if not found:
            return None
        return ScalingState(found[0]["MinCapacity"], found[0]["MaxCapacity"], dict(found[0].get("SuspendedState", {})))

    def set_suspended(self, suspended: Mapping[str, bool]) -> None:
        """Suspend or resume its parts.

        Raises:
            TableError: that may not be done.
            BusyError: it does not answer.
        """
        state = {name: bool(suspended.get(name, False)) for name in ALL_SUSPENDED}
        self._call(
            "register_scalable_target",
            ServiceNamespace=_NAMESPACE,
            ResourceId=f"table/{self._name}",
            ScalableDimension=_DIMENSION,
            SuspendedState=state,
        )

    def _call(self, operation: str, **request: Any) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = getattr(self._client, operation)(**request)
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", "unknown"))
            if code in DENIED:
                action = "".join(part.capitalize() for part in operation.split("_"))
                raise TableError(
                    f"the autoscaling of the table may not be touched ({code}); allow application-autoscaling:{action}"
                ) from error
            raise BusyError(f"Application Auto Scaling answered {code}; run the same command again later") from error
        except BotoCoreError as error:
            raise BusyError(
                f"Application Auto Scaling cannot be reached ({type(error).__name__}); run the same command again"
            ) from error
        return answer


def resume(table: Table, suspended: Mapping[str, bool]) -> bool:
    """Give it back the state in which it was found; whether it was in another one. Where there is none, none is made.

    Raises:
        TableError: that may not be done.
        BusyError: it does not answer.
    """
    autoscaling = Autoscaling(table)
    try:
        state = autoscaling.look()
    except TableError:  # it may be told what nobody may ask it
        autoscaling.set_suspended(suspended)
        return True
    if state is None or all(state.suspended.get(name, False) == suspended.get(name, False) for name in ALL_SUSPENDED):
        return False
    autoscaling.set_suspended(suspended)
    return True


def is_aws(url: str) -> bool:
    """Whether an endpoint is one of AWS's own."""
    return (urlsplit(url).hostname or "").endswith(_AWS_HOSTS)
