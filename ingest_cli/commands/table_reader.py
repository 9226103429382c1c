"""Read a table, whole or by key: paced, and with retries. Uses boto3; this is not the hot path.

An eventually consistent read costs half, and usually shows what was written a second ago (Amazon DynamoDB
Developer Guide, "Read consistency"). Each caller chooses one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar

from ingest_cli.aws.service_errors import sentences
from ingest_cli.aws.session import dynamodb
from ingest_cli.errors import BusyError, UnreachableError
from ingest_cli.model.ceiling import NO_CEILING, Ceiling
from ingest_cli.runtime.answer_limits import time_limit
from ingest_cli.runtime.clock import Clock, SystemClock
from ingest_cli.runtime.fibers import Fibers
from ingest_cli.sinks.policies.pacing import Pacer
from ingest_cli.sinks.policies.retry import Progress, RetryRules

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from ingest_cli.aws.table import Table
    from ingest_cli.runtime.stop import StopRequest

T = TypeVar("T")
Key = tuple[str, str]
"""(pk, sk)."""

MAX_KEYS = 100
"""Maximum number of keys of BatchGetItem (DynamoDB API reference)."""

PAGE_RCU = 256
"""Read capacity units of a page of Scan, which ends at 1 MB, read strongly consistently in units of 4 KB."""

START_RCU_PER_S = 12_000.0
"""Rate of a new on-demand table (Amazon DynamoDB Developer Guide, "DynamoDB on-demand capacity mode")."""

SHARE_FOR_US = 0.5
"""Share of the provisioned read capacity, unless set by `--max-rcu`: the other half is for other readers."""

_FIRST_GUESS_RCU = 0.25
"""Read capacity units per item, until some were read: a strongly consistent read of 1 KB."""

_MISREAD = "the answer of DynamoDB is not whole; run the same command again"


@dataclass(frozen=True, slots=True)
class Reading:
    """How to read.

    Attributes:
        give_up_after_s: seconds without progress after which it stops; it can be run again.
        max_rcu: ceiling of the read rate; None: `SHARE_FOR_US` of the provisioned capacity.
    """

    give_up_after_s: float
    max_rcu: Ceiling | None = None

    def pace(self, described: Mapping[str, Any], clock: Clock) -> Pacer:
        """Return the rate at which a table may be read.

        Args:
            clock: clock of the rate.

        Raises:
            UsageError: `max_rcu` does not fit this table.
        """
        provisioned = provisioned_rcu(described)
        default = NO_CEILING if provisioned is None else Ceiling(share=SHARE_FOR_US)
        return Pacer.starting(clock, (self.max_rcu or default).of(provisioned), START_RCU_PER_S)


def read_ceiling(text: str) -> Ceiling:
    """Parse the value of `--max-rcu`.

    Raises:
        UsageError: it is invalid.
    """
    return Ceiling.parse(text, "--max-rcu")


@dataclass(frozen=True, slots=True)
class Selection:
    """Selection of items in a scan.

    Attributes:
        prefix: prefix of the attribute `of`.
        attributes: attributes to return; the whole items are read, and paid for, all the same.
        consistent: whether to read strongly consistently.
        of: attribute that `prefix` applies to.
    """

    prefix: str
    attributes: tuple[str, ...]
    consistent: bool
    of: str = "sk"

    @classmethod
    def of_dataset(cls, dataset: str, *attributes: str, consistent: bool) -> Selection:
        """Select all items of a dataset."""
        return cls(f"{dataset}#", attributes, consistent)

    def request(self) -> dict[str, Any]:
        """Return the parameters of Scan. A filter does not lower the price: items filtered out are read too."""
        names = {f"#a{number}": name for number, name in enumerate(self.attributes)}
        return {
            "FilterExpression": "begins_with(#of, :prefix)",
            "ProjectionExpression": ", ".join(names),
            "ExpressionAttributeNames": {"#of": self.of, **names},
            "ExpressionAttributeValues": {":prefix": {"S": self.prefix}},
            "ConsistentRead": self.consistent,
            "ReturnConsumedCapacity": "TOTAL",
        }


class TableReader:
    """Reader of one table.

    Attributes:
        rcu: read capacity units consumed so far, as counted by DynamoDB.
    """

    def __init__(self, table: Table, client: DynamoDBClient, pacer: Pacer, rules: RetryRules) -> None:
        """Set up without sending anything.

        Args:
            pacer: rate, in read capacity units.
        """
        self.rcu = 0.0
        self.requests = 0
        self._table = table
        self._client = client
        self._pacer = pacer
        self._rules = rules
        self._item_rcu = _FIRST_GUESS_RCU

    def scan(self, selection: Selection) -> Iterator[list[Mapping[str, Any]]]:
        """Yield pages of selected items, in no meaningful order; many pages may be empty.

        A failed page is requested again, but no page before it: the scan continues from its position.

        Raises:
            IngestError: the table cannot be read.
        """
        request: dict[str, Any] = {"TableName": self._table.target.table, **selection.request()}
        more = True
        while more:
            limit = self._page_items()
            if limit is not None:
                request["Limit"] = limit
            expected = PAGE_RCU if limit is None else limit * self._item_rcu
            page = self._send(lambda: self._whole(self._client.scan(**request), "Items", "ScannedCount"), expected)
            if page["ScannedCount"]:
                self._item_rcu = max(_consumed(page), 0.01) / page["ScannedCount"]
            more = "LastEvaluatedKey" in page
            request["ExclusiveStartKey"] = page.get("LastEvaluatedKey")
            yield page["Items"]

    def items(self, keys: Sequence[Key], *, consistent: bool) -> dict[Key, Mapping[str, Any]]:
        """Return the existing items among those with these keys, which must be distinct.

        Raises:
            IngestError: the table cannot be read.
        """
        found: dict[Key, Mapping[str, Any]] = {}
        left: list[Any] = [{"pk": {"S": pk}, "sk": {"S": sk}} for pk, sk in keys]
        attempt = 0
        each = 1.0 if consistent else 0.5  # for items of up to 4 KB
        while left:
            part = left[: self._part(each)]
            answer = self._send(
                lambda part=part: self._get(part, consistent=consistent),  # type: ignore[misc] # mypy cannot infer it
                len(part) * each,
            )
            for item in self._of_table(answer["Responses"], []):
                found[item["pk"]["S"], item["sk"]["S"]] = item
            unprocessed = self._of_table(answer["UnprocessedKeys"], {}).get("Keys", [])
            left = [*unprocessed, *left[len(part) :]]
            if len(unprocessed) == len(part):
                self._pacer.answered(len(part) * each, len(part) * each)
                self._rules.wait(attempt, "unprocessed")
                attempt += 1
            else:
                attempt = 0
        return found

    def _get(self, keys: Sequence[Any], *, consistent: bool) -> Mapping[str, Any]:
        wanted: Any = {self._table.target.table: {"Keys": keys, "ConsistentRead": consistent}}
        answer = self._client.batch_get_item(RequestItems=wanted, ReturnConsumedCapacity="TOTAL")
        return self._whole(answer, "Responses", "UnprocessedKeys")

    def _of_table(self, answer: Mapping[str, Any], nothing: Any) -> Any:
        """Return the part for this table, which the answer may list by name although the request used its ARN."""
        name = self._table.target.table
        return answer.get(name, answer.get(name.rpartition("/")[2], nothing))

    def _part(self, each: float) -> int:
        """Return the number of keys per request, so that no second exceeds its share."""
        ceiling = self._pacer.ceiling_wcu_per_s
        return MAX_KEYS if ceiling is None else max(min(int(ceiling / each), MAX_KEYS), 1)

    def _page_items(self) -> int | None:
        """Return the number of items per page, so that it takes at most a second's share; None: 1 MB of items."""
        ceiling = self._pacer.ceiling_wcu_per_s
        return None if ceiling is None or ceiling >= PAGE_RCU else max(int(ceiling / self._item_rcu), 1)

    def _send(self, call: Callable[[], Mapping[str, Any]], expected_rcu: float) -> Mapping[str, Any]:
        """Send a request at the paced rate, with retries.

        Raises:
            TryAgainError: no progress for too long, or the run is stopping.
            IngestError: the table cannot be read.
        """
        attempt = 0
        while True:
            self._pacer.acquire(expected_rcu)
            self._rules.stop.check()
            self.requests += 1
            began_s = self._rules.clock.monotonic_s()
            try:
                with time_limit(self._rules.left_s()), sentences(self._table.target):
                    answer = call()
            except (BusyError, UnreachableError) as error:
                self._rules.progress.failed(began_s)
                self._pacer.answered(expected_rcu, expected_rcu)
                self._rules.wait(attempt, type(error).__name__)
                attempt += 1
            else:
                self._rules.progress.made()
                consumed = _consumed(answer)
                self.rcu += consumed
                if consumed:
                    self._pacer.charge(consumed - expected_rcu)
                    self._pacer.answered(consumed)
                return answer

    @staticmethod
    def _whole(answer: Any, *parts: str) -> Mapping[str, Any]:
        """Validate an answer: botocore returns a truncated 200 as an empty answer."""
        if any(part not in answer for part in parts):
            raise BusyError(_MISREAD)
        whole: Mapping[str, Any] = answer
        return whole


@contextlib.contextmanager
def reader(
    table: Table, described: Mapping[str, Any], how: Reading, stop: StopRequest, clock: Clock | None = None
) -> Iterator[TableReader]:
    """Provide a reader of a table during the block.

    Args:
        how: rate and retry limits.
        clock: source of the time; None: the real one.

    Raises:
        UsageError: the rate is invalid, or does not fit this table.
    """
    fibers = Fibers(lambda: stop.requested)
    clock = clock or SystemClock(stop.event, fibers)
    rules = RetryRules(
        clock=clock,
        random=Random(),  # noqa: S311 - jitter, not a secret
        progress=Progress(clock),
        give_up_after_s=how.give_up_after_s,
        on_retry=lambda _: None,
        stop=stop,
        doing="read",
    )
    client = dynamodb(table.session, table.target, single_attempt=True)
    try:
        yield TableReader(table, client, how.pace(described, clock), rules)
    finally:
        client.close()
        fibers.close()


def provisioned_rcu(described: Mapping[str, Any]) -> float | None:
    """Return the provisioned read capacity of a table, in units per second; None for an on-demand table."""
    if described.get("BillingModeSummary", {}).get("BillingMode") == "PAY_PER_REQUEST":
        return None
    return float(described.get("ProvisionedThroughput", {}).get("ReadCapacityUnits", 0)) or None


def keys_of(items: Iterable[Mapping[str, Any]]) -> list[Key]:
    """Return the keys of items."""
    return [(item["pk"]["S"], item["sk"]["S"]) for item in items]


def _consumed(answer: Mapping[str, Any]) -> float:
    """Return the read capacity units of an answer; 0 where a substitute for DynamoDB does not report them."""
    told = answer.get("ConsumedCapacity") or []
    return float(sum(one.get("CapacityUnits", 0.0) for one in ([told] if isinstance(told, dict) else told)))
