"""Write batches with BatchWriteItem, and check its answers.

The SDK treats a damaged 200 answer as success. Here a batch is acknowledged only if the answer is complete, parses and
lists the unprocessed items, and its checksum, if it has one, matches; anything else is retried, which is safe because
an item's content is a function of its key.
"""

from __future__ import annotations

import json
import re
import zlib
from functools import lru_cache
from typing import Any

from ingest_cli.aws.service_errors import DENIED, EXPIRED, expired, is_stale
from ingest_cli.errors import (
    IngestError,
    RefusedBatchError,
    TableError,
    ThrottledError,
    TransientFaultError,
    TryAgainError,
)
from ingest_cli.items.batching import Batch
from ingest_cli.items.builder import MAX_ITEM_BYTES, WCU_BYTES
from ingest_cli.sinks.interface import Receipt
from ingest_cli.sinks.transports.interface import Answer, Transport

_THROTTLED = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "ThrottlingException",
        "RequestLimitExceeded",
        "Throttling",
        "LimitExceededException",
    }
)
_TRANSIENT = frozenset(
    {
        "InternalServerError",
        "InternalFailure",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "ReplicatedWriteConflictException",
        "TransactionInProgressException",
        "RequestTimeout",
        "RequestTimeoutException",
    }
)


class DynamoDBSink:
    """Write batches to one table through a transport."""

    def __init__(self, transport: Transport, table: str) -> None:
        self._transport = transport
        self._table = table

    def put(self, batch: Batch) -> Receipt:
        """See `Sink.put`."""
        refused = batch.too_large()
        if refused:
            given_up = {one.item for one in refused}
            batch = batch.only([place for place, item in enumerate(batch.index) if int(item) not in given_up])
            if not len(batch):
                return Receipt(0, refused=refused)
        receipt = interpret(self._transport.send(batch.body(self._table)), batch, self._table)
        return receipt._replace(refused=refused) if refused else receipt


class _Untrustworthy(Exception):  # noqa: N818 - never leaves this module
    """The answer is damaged or incomplete."""


def interpret(answer: Answer, batch: Batch, table: str) -> Receipt:
    """Return the receipt that `answer` gives for `batch`.

    Raises:
        TransientFaultError, RefusedBatchError, IngestError: as `Sink.put`.
    """
    try:
        parsed = _parse(answer)
        if answer.status != 200:  # noqa: PLR2004 - HTTP's OK
            raise _error(answer.status, parsed, table)
        left = _unprocessed(parsed, batch, table)
        wcu = _consumed(parsed, batch)
    except _Untrustworthy as error:
        reason = f"http_{answer.status}" if answer.status >= 500 else str(error)  # noqa: PLR2004
        raise TransientFaultError(reason) from error
    return Receipt(len(batch) - len(left), wcu, batch.only(left) if left else None)


def _parse(answer: Answer) -> dict[str, Any]:
    """Parse the answer as JSON, after checking its checksum."""
    if answer.crc32 is not None and answer.crc32 != str(zlib.crc32(answer.body)):
        raise _Untrustworthy("bad_checksum")
    return _known(answer.body) if len(answer.body) <= _SHORT_BYTES else _object(answer.body)


def _object(body: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _Untrustworthy("bad_answer") from error
    if not isinstance(parsed, dict):
        raise _Untrustworthy("bad_answer")
    return parsed


_known = lru_cache(maxsize=64)(_object)
"""Most answers report no unprocessed items for 25 small ones, in identical bytes: each such answer is parsed once."""

_SHORT_BYTES = 512
"""Maximum length of a cached answer: longer ones list unprocessed items and do not repeat."""


def _unprocessed(parsed: dict[str, Any], batch: Batch, table: str) -> list[int]:
    """Return the positions in `batch` of the items that the answer lists as unprocessed."""
    if not isinstance(left := parsed.get("UnprocessedItems"), dict):
        raise _Untrustworthy("no_acknowledgement")
    if not left:
        return []
    places = {key: place for place, key in enumerate(batch.item_keys())}
    try:
        # Popped: an item listed twice makes the other counts wrong.
        return sorted(places.pop((key["pk"]["S"], key["sk"]["S"])) for key in map(_key, _of_table(left, table)))
    except (KeyError, TypeError) as error:
        raise _Untrustworthy("bad_answer") from error


def _key(request: dict[str, Any]) -> dict[str, Any]:
    """Return the key of a put or delete request."""
    key: dict[str, Any] = request["PutRequest"]["Item"] if "PutRequest" in request else request["DeleteRequest"]["Key"]
    return key


def _of_table(left: dict[str, Any], table: str) -> list[Any]:
    """Return the requests of this table, which the answer may list by name although the request used its ARN."""
    puts = left.get(table, left.get(table.rpartition("/")[2]))
    if not isinstance(puts, list) or len(left) != 1:
        raise _Untrustworthy("bad_answer")
    return puts


_MOST_WCU = 2 * (1 + 2 * 25) * MAX_ITEM_BYTES // WCU_BYTES
"""Maximum consumption of a request per item, however small the item: the item replaced or deleted may have the maximum
size. It is written to the table and to each index, where an old entry may have to be deleted too (25 indexes by
default: "Quotas in Amazon DynamoDB"), and twice in a transaction."""


def _consumed(parsed: dict[str, Any], batch: Batch) -> float:
    """Return the capacity units consumed, validated: an implausible number would distort the pace permanently."""
    entries = parsed.get("ConsumedCapacity") or []
    try:
        wcu = float(sum(entry["CapacityUnits"] for entry in entries))
    except (KeyError, TypeError, OverflowError) as error:
        raise _Untrustworthy("bad_answer") from error
    if wcu and not 0 < wcu <= _MOST_WCU * len(batch):  # NaN fails this comparison too
        raise _Untrustworthy("bad_answer")
    return wcu


def _error(status: int, parsed: dict[str, Any], table: str) -> Exception:
    """Map an answer other than 200 to an exception."""
    code = _word(str(parsed.get("__type", "")).rpartition("#")[2])
    if code in _THROTTLED:
        return _throttled(code, parsed)
    if status >= 500 or code in _TRANSIENT:  # noqa: PLR2004 - HTTP's server errors
        return TransientFaultError(code or f"http_{status}")
    if is_stale(code, parsed.get("message", parsed.get("Message"))):
        return TransientFaultError("stale_signature")  # the next request is signed again
    if code in {"ValidationException", "SerializationException", "ItemCollectionSizeLimitExceededException"}:
        return RefusedBatchError(code)
    return _fatal(code, table) or TransientFaultError(f"http_{status}")


def _throttled(code: str, parsed: dict[str, Any]) -> ThrottledError:
    """Return the throttle with the scope of its limit. The member has two spellings; a reason ends in the limit's name.

    Reasons look like `TableWriteProvisionedThroughputExceeded` or `IndexWriteKeyRangeThroughputExceeded` (Amazon
    DynamoDB Developer Guide, "Diagnosing throttling").
    """
    reasons = parsed.get("ThrottlingReasons") or parsed.get("throttlingReasons") or []
    if not isinstance(reasons, list):
        return ThrottledError(code)
    named = [(_word(one.get("reason")), str(one.get("resource", ""))) for one in reasons if isinstance(one, dict)]
    for text, resource in named:
        if text.startswith("Index"):  # the table has capacity left: the operator must know which index is the limit
            index = _word(resource.rpartition("/index/")[2])
            return ThrottledError(f"{text}:{index}" if index else text, "index")
    for text, _ in named:
        scope = next((scope for part, scope in _SCOPES if part in text), "unknown")
        return ThrottledError(text or code, scope)
    return ThrottledError(code)


def _word(text: object) -> str:
    """Return a name given by DynamoDB, if it is safe to print."""
    return text if isinstance(text, str) and _WORD.fullmatch(text) else ""


_WORD = re.compile(r"[A-Za-z0-9_.-]{1,255}")
_SCOPES = (("KeyRange", "key_range"), ("AccountLimit", "account"), ("Throughput", "table"))


def is_gone(table: str) -> str:
    """Return the message for a table deleted during a load."""
    return f'the table "{table}" is gone; find out why, create it again, and run the same command again'


def _fatal(code: str, table: str) -> IngestError | None:
    if code in EXPIRED:
        return expired()
    if code == "ResourceNotFoundException":
        return TryAgainError(is_gone(table))
    if code == "UnknownOperationException":
        return TableError(f'the endpoint of the table "{table}" does not support BatchWriteItem; check --endpoint-url')
    if code in DENIED:
        return TableError(
            f'AWS refuses to write to the table "{table}" ({code}); check the credentials and their policy'
        )
    return None
