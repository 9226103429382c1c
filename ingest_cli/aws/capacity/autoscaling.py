"""Detect, suspend and resume autoscaling of a table's write capacity.

A scaling policy lowers capacity that is not used, even if it was raised for a load in progress. It is therefore
suspended, which keeps the policy (AWS, "Suspend and resume scaling", Application Auto Scaling user guide), and its
previous state is restored afterwards.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from ingest_cli.aws.service_errors import DENIED, code_of, is_too_large, may_succeed_later, too_large
from ingest_cli.aws.session import check_endpoint
from ingest_cli.errors import BusyError, TableError
from ingest_cli.runtime.endpoints import is_aws

if TYPE_CHECKING:
    import boto3

    from ingest_cli.aws.table import Table

_NAMESPACE, _DIMENSION = "dynamodb", "dynamodb:table:WriteCapacityUnits"
ALL_SUSPENDED: Mapping[str, bool] = {
    "DynamicScalingInSuspended": True,
    "DynamicScalingOutSuspended": True,
    "ScheduledScalingSuspended": True,
}
_SERVICE = "application_auto_scaling"  # as spelled in AWS's settings

NOT_ASKED = (
    "autoscaling was not asked about, since the table is at an endpoint that is not AWS's; to have it asked, set "
    "AWS_ENDPOINT_URL_APPLICATION_AUTO_SCALING"
)
"""Note for a table that may have autoscaling, but no known endpoint for it."""


_CHECK = "check AWS_ENDPOINT_URL_APPLICATION_AUTO_SCALING and the region"


@dataclass(frozen=True, slots=True)
class ScalingState:
    """Autoscaling of a table's write capacity.

    Attributes:
        least, most: limits of the capacity.
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
    """Client of Application Auto Scaling for one table.

    A table outside AWS has no autoscaling. `AWS_ENDPOINT_URL` then points to a stand-in for DynamoDB, which does not
    know these requests: only an endpoint that was set for this service is used in that case.

    Attributes:
        is_there: whether the service is available.
    """

    def __init__(self, table: Table) -> None:
        """Set up without sending a request.

        Raises:
            UsageError: the service would be reached unencrypted over a network.
        """
        self._name = table.target.table.rpartition("/")[2]
        own = _own_endpoint(table.session)
        self.is_there = own is not None or is_aws(table.client.meta.endpoint_url)
        if not self.is_there:
            return
        from botocore.config import Config  # noqa: PLC0415 - start-up time without a client

        config = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 3, "mode": "standard"})
        self._client: Any = table.session.client(
            "application-autoscaling", region_name=table.client.meta.region_name, endpoint_url=own, config=config
        )
        check_endpoint(self._client, table.target, "Application Auto Scaling")

    def look(self) -> ScalingState | None:
        """Return its state; None: no autoscaling, or no service.

        Raises:
            TableError: access is denied.
            BusyError: the service does not respond.
        """
        if not self.is_there:
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

    def active_state(self) -> Mapping[str, bool] | None:
        """Return which parts are suspended, if it would change the capacity; None: nothing needs to be suspended.

        Raises:
            TableError, BusyError: as `look`.
        """
        state = self.look()
        return state.suspended if state is not None and state.is_active else None

    def suspend(self) -> None:
        """Suspend all its parts; raises as `look`."""
        self._set_suspended(ALL_SUSPENDED)

    def resume(self, before: Mapping[str, bool]) -> bool:
        """Restore the state from before `suspend`; return whether it changed. Does not create autoscaling.

        Raises:
            TableError, BusyError: as `look`.
        """
        try:
            state = self.look()
        except TableError:  # changing it may be allowed where reading is not
            self._set_suspended(before)
            return True
        if state is None or all(state.suspended.get(name, False) == before.get(name, False) for name in ALL_SUSPENDED):
            return False
        self._set_suspended(before)
        return True

    def _set_suspended(self, suspended: Mapping[str, bool]) -> None:
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
            code = code_of(error)
            if may_succeed_later(error):
                raise BusyError(
                    f"Application Auto Scaling answered {code}; run the same command again later"
                ) from error
            action = "".join(part.capitalize() for part in operation.split("_"))
            if code in DENIED:
                raise TableError(
                    f"the autoscaling of the table may not be touched ({code}); allow application-autoscaling:{action}"
                ) from error
            raise TableError(f"Application Auto Scaling refuses {action} ({code}); {_CHECK}") from error
        except BotoCoreError as error:
            if is_too_large(error):
                raise TableError(too_large(self._client.meta.endpoint_url, "Application Auto Scaling")) from error
            raise BusyError(
                f"Application Auto Scaling cannot be reached ({type(error).__name__}); run the same command again"
            ) from error
        return answer


def _own_endpoint(session: boto3.Session) -> str | None:
    """Return the endpoint in AWS's settings for this service alone; None: none.

    That is the variable AWS_ENDPOINT_URL_APPLICATION_AUTO_SCALING, or `endpoint_url` of the service in the `services`
    of the profile (AWS SDKs and Tools Reference Guide, "Service-specific endpoints").
    """
    if told := os.environ.get(f"AWS_ENDPOINT_URL_{_SERVICE.upper()}"):
        return told
    core = session._session  # noqa: SLF001 - boto3 has no public equivalent
    services = core.full_config.get("services", {}).get(core.get_scoped_config().get("services"), {})
    told = services.get(_SERVICE, {}).get("endpoint_url")
    return str(told) if told else None
