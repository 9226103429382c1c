"""BatchWriteItem: what is sent, and when its answer counts.

The SDK takes a damaged 200 answer for success. Here a batch is acknowledged only if the answer parses,
its checksum matches and it says what was left unprocessed; anything else is sent again, which is safe
since the content of an item is a function of its key.
"""

from __future__ import annotations

import json
import re
import zlib
from functools import lru_cache
from typing import Any

from ingest_cli.aws.session import DENIED, EXPIRED, expired, is_stale
from ingest_cli.errors import IngestError, TableError, TryAgainError
from ingest_cli.items.batching import Batch
from ingest_cli.items.builder import MAX_ITEM_BYTES, WCU_BYTES
from ingest_cli.sinks.interface import Receipt, RefusedBatchError, ThrottledError, TransientFaultError
from ingest_cli.sinks.limits import refusals
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
    """Writes batches to one table through a transport."""

    def __init__(self, transport: Transport, table: str) -> None:
        self._transport = transport
        self._table = table

    def put(self, batch: Batch) -> Receipt:
        """See `Sink.put`."""
        refused = refusals(batch)
        if refused:
            given_up = {one.item for one in refused}
            batch = batch.only([place for place, item in enumerate(batch.index) if int(item) not in given_up])
            if not len(batch):
                return Receipt(0, refused=refused)
        receipt = interpret(self._transport.send(batch.body(self._table)), batch, self._table)
        return receipt._replace(refused=refused) if refused else receipt


class _Untrustworthy(Exception):  # noqa: N818 - never leaves this module
    """The answer cannot be taken at its word."""


def interpret(answer: Answer, batch: Batch, table: str) -> Receipt:
    """What `answer` says about `batch`.

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
    """The answer as JSON, if it is what the other side sent."""
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
"""Most answers say that nothing was left of a batch of 25 small items, in the same words: each is read once."""

_SHORT_BYTES = 512
"""Of answers worth keeping: longer ones say what was left, and no two are alike."""


def _unprocessed(parsed: dict[str, Any], batch: Batch, table: str) -> list[int]:
    """Places in `batch` of the items that the answer leaves unprocessed."""
    if not isinstance(left := parsed.get("UnprocessedItems"), dict):
        raise _Untrustworthy("no_acknowledgement")
    if not left:
        return []
    places = {key: place for place, key in enumerate(batch.item_keys())}
    try:
        # Popped, since an item that is named twice makes the number of the others wrong.
        return sorted(places.pop((key["pk"]["S"], key["sk"]["S"])) for key in map(_key, _of_table(left, table)))
    except (KeyError, TypeError) as error:
        raise _Untrustworthy("bad_answer") from error


def _key(request: dict[str, Any]) -> dict[str, Any]:
    """The key that a request of a batch is about, with more or less beside it."""
    key: dict[str, Any] = request["PutRequest"]["Item"] if "PutRequest" in request else request["DeleteRequest"]["Key"]
    return key


def _of_table(left: dict[str, Any], table: str) -> list[Any]:
    """The requests of our table, which may be called by its name where we used its ARN."""
    puts = left.get(table, left.get(table.rpartition("/")[2]))
    if not isinstance(puts, list) or len(left) != 1:
        raise _Untrustworthy("bad_answer")
    return puts


_MOST_WCU = 2 * (1 + 2 * 25) * MAX_ITEM_BYTES // WCU_BYTES
"""The most that a request can consume for an item, however small it is: what it replaces, or deletes, may be as large
as an item can be. It is written to the table and to each index, where one entry may have to go for another (25 by
default: "Quotas in Amazon DynamoDB"), and twice in a transaction."""


def _consumed(parsed: dict[str, Any], batch: Batch) -> float:
    """Units that the answer says were consumed; the pace would be off for ever if that were no such number."""
    entries = parsed.get("ConsumedCapacity") or []
    try:
        wcu = float(sum(entry["CapacityUnits"] for entry in entries))
    except (KeyError, TypeError, OverflowError) as error:
        raise _Untrustworthy("bad_answer") from error
    if wcu and not 0 < wcu <= _MOST_WCU * len(batch):  # nor is NaN between anything
        raise _Untrustworthy("bad_answer")
    return wcu


def _error(status: int, parsed: dict[str, Any], table: str) -> Exception:
    """What an answer that is not 200 means for the run."""
    code = _word(str(parsed.get("__type", "")).rpartition("#")[2])
    if code in _THROTTLED:
        return _throttled(code, parsed)
    if status >= 500 or code in _TRANSIENT:  # noqa: PLR2004 - HTTP's server errors
        return TransientFaultError(code or f"http_{status}")
    if is_stale(code, parsed.get("message", parsed.get("Message"))):
        return TransientFaultError("stale_signature")  # the next one will be made anew
    if code in {"ValidationException", "SerializationException", "ItemCollectionSizeLimitExceededException"}:
        return RefusedBatchError(code)
    return _fatal(code, table) or TransientFaultError(f"http_{status}")


def _throttled(code: str, parsed: dict[str, Any]) -> ThrottledError:
    """Whose limit it was. The member is spelled in two ways; a reason ends in what is limited.

    Reasons look like `TableWriteProvisionedThroughputExceeded` or `IndexWriteKeyRangeThroughputExceeded` (Amazon
    DynamoDB Developer Guide, "Diagnosing throttling").
    """
    reasons = parsed.get("ThrottlingReasons") or parsed.get("throttlingReasons") or []
    if not isinstance(reasons, list):
        return ThrottledError(code)
    named = [(_word(one.get("reason")), str(one.get("resource", ""))) for one in reasons if isinstance(one, dict)]
    for text, resource in named:
        if text.startswith("Index"):  # the table could take more: whoever runs it has to know which index cannot
            index = _word(resource.rpartition("/index/")[2])
            return ThrottledError(f"{text}:{index}" if index else text, "index")
    for text, _ in named:
        scope = next((scope for part, scope in _SCOPES if part in text), "unknown")
        return ThrottledError(text or code, scope)
    return ThrottledError(code)


def _word(text: object) -> str:
    """What the other side calls something, if it is fit for a report."""
    return text if isinstance(text, str) and _WORD.fullmatch(text) else ""


_WORD = re.compile(r"[A-Za-z0-9_.-]{1,255}")
_SCOPES = (("KeyRange", "key_range"), ("AccountLimit", "account"), ("Throughput", "table"))


def is_gone(table: str) -> str:
    """What to say when a table vanishes under a load."""
    return f'the table "{table}" is gone; see who deleted it, create it, and run the same command again'


def _fatal(code: str, table: str) -> IngestError | None:
    if code in EXPIRED:
        return expired()
    if code == "ResourceNotFoundException":
        return TryAgainError(is_gone(table))
    if code == "UnknownOperationException":
        return TableError(f'what answers for the table "{table}" does not know BatchWriteItem; check --endpoint-url')
    if code in DENIED:
        return TableError(
            f'AWS refuses to write to the table "{table}" ({code}); check the credentials and their policy'
        )
    return None
