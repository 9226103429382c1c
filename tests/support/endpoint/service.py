"""The service behind the wire: authenticates, consults the script, dispatches, audits."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.iam import Policy

from . import access, batch_operations, item_operations, reads, scaling, table_operations
from .audit import Audit, RequestRecord
from .call import Call, State
from .capacity import Limits
from .clock import Clock
from .errors import REASONS_MEMBER, DynamoError, throttled
from .faults import Fault, RequestView, Script
from .items import Item
from .reply import Reply
from .signatures import Verifier

OPERATIONS: dict[str, Callable[[Call], dict[str, Any]]] = {
    "BatchGetItem": batch_operations.batch_get_item,
    "BatchWriteItem": batch_operations.batch_write_item,
    "CreateTable": table_operations.create_table,
    "DeleteItem": item_operations.delete_item,
    "DeleteTable": table_operations.delete_table,
    "DeregisterScalableTarget": scaling.deregister_scalable_target,
    "DescribeContinuousBackups": table_operations.describe_continuous_backups,
    "DescribeLimits": table_operations.describe_limits,
    "DescribeScalableTargets": scaling.describe_scalable_targets,
    "DescribeTable": table_operations.describe_table,
    "GetItem": item_operations.get_item,
    "ListTables": table_operations.list_tables,
    "PutItem": item_operations.put_item,
    "Query": reads.query,
    "RegisterScalableTarget": scaling.register_scalable_target,
    "Scan": reads.scan,
    "TransactWriteItems": item_operations.transact_write_items,
    "UpdateItem": item_operations.update_item,
    "UpdateTable": table_operations.update_table,
}
_TARGET_PREFIX = "DynamoDB_20120810."
_MAX_REQUEST_BYTES = 16 * 1024 * 1024


@dataclass(slots=True)
class HttpRequest:
    """A request as the protocol parsed it; header names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class Service:
    """One scripted DynamoDB.

    Attributes:
        clock: seconds.
        audit: what it did.
        script: what goes wrong.
        verifier: who may come in; None lets everybody.
        limits: throughput to enforce; None enforces none.
        transition_s: how long tables stay CREATING, UPDATING, DELETING.
        recovery: point-in-time recovery status that is reported.
        state: tables and the rest.
        lock: held while a request is worked on; take it to look at the state from another thread.
        policies: access key → what its role may do; a key that is not among them may do everything.
    """

    clock: Clock
    audit: Audit
    script: Script
    verifier: Verifier | None = None
    limits: Limits | None = None
    transition_s: float = 0.0
    recovery: str = "DISABLED"
    state: State = field(init=False)
    lock: threading.RLock = field(default_factory=threading.RLock)
    policies: dict[str, Policy] = field(default_factory=dict)
    _started_s: float = field(init=False)

    def __post_init__(self) -> None:
        self.state = State(self.clock, self.limits, self.transition_s, self.recovery, self.audit)
        self._started_s = self.clock()

    def handle(self, request: HttpRequest) -> Reply:
        """Answer one request."""
        with self.lock:
            operation, payload, refusal = self._read(request)
            elements = [] if refusal else list(elements_of(payload))
            tables = sorted({table for table, _ in elements} | set(_named_table(payload)))
            record = self.audit.request(operation, tables, len(elements))
            call = Call(self.state, payload, record)
            faults = [] if refusal else self.script.faults(self._view(operation, elements))
            reply = self._answer(call, faults, refusal)
            reply.request_id = str(uuid.uuid4())
            reply.on_end = _Ending(self, call, reply)
            return reply

    def _view(self, operation: str, elements: list[tuple[str, Item]]) -> RequestView:
        return RequestView(operation, elements, self.clock() - self._started_s)

    def _read(self, request: HttpRequest) -> tuple[str, dict[str, Any], DynamoError | None]:
        """Operation, payload, and why the request is refused before anything else, if it is."""
        target = request.headers.get("x-amz-target", "")
        prefix, service = _TARGET_PREFIX, "dynamodb"
        if target.startswith(scaling.PREFIX):
            prefix, service = scaling.PREFIX, scaling.SERVICE
        operation = target.removeprefix(prefix)
        if len(request.body) > _MAX_REQUEST_BYTES:
            too_large = DynamoError("RequestEntityTooLarge", "Request size exceeds limit of 16777216 bytes")
            return operation, {}, too_large
        if not target.startswith(prefix) or operation not in OPERATIONS:
            return operation, {}, DynamoError("UnknownOperationException", "")
        try:
            if self.verifier is not None:
                self.verifier.check(request.method, request.target, request.headers, request.body, service)
            payload = _parse(request.body)
            if self.policies:
                access.check(self.policies, request.headers, operation, payload, list(elements_of(payload)))
        except DynamoError as error:
            return operation, {}, error
        return operation, payload, None

    def _answer(self, call: Call, faults: list[Fault], refusal: DynamoError | None) -> Reply:
        fault: Fault | None = None
        delay_s = 0.0
        for one in faults:
            if one.kind == "delay":
                delay_s += one.seconds
            elif one.kind in {"set_status", "set_capacity"}:
                self.change_table(one)
            else:
                fault = one
        call.record.fault = "+".join(one.name for one in faults)
        try:
            reply = Reply.of_json(200, self._document(call, fault, refusal))
        except DynamoError as error:
            call.record.outcome = error.kind
            reply = Reply.of_json(error.status, error.body())
        if fault is not None and fault.kind not in {"error", "partial"}:
            reply.spoil(fault)
        reply.delay_s = delay_s
        return reply

    def _document(self, call: Call, fault: Fault | None, refusal: DynamoError | None) -> dict[str, Any]:
        """Do what is asked, and return the answer to it.

        Raises:
            DynamoError: if it is refused, fails, or the script wants an error.
        """
        if refusal is not None:
            raise refusal
        document: dict[str, Any] = {}
        if fault is None or fault.applies_first:
            call.held_back = self._held_back(call.record, fault)
            try:
                document = OPERATIONS[call.record.operation](call)
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                # A body of another shape than the operation's; the client sees what it did.
                raise DynamoError("SerializationException", f"{type(error).__name__}: {error}") from error
        if fault is not None and fault.kind == "error":
            raise _scripted_error(fault, call.record.tables)
        return document

    def _held_back(self, record: RequestRecord, fault: Fault | None) -> frozenset[int]:
        if fault is None or fault.kind != "partial" or not record.items:
            return frozenset()
        chance = self.script.chance
        if fault.share:
            return frozenset(place for place in range(record.items) if chance.random() < fault.share)
        count = fault.unprocessed
        if count is None:
            count = chance.randint(1, max(1, record.items - 1))
        return frozenset(chance.sample(range(record.items), min(count, record.items)))

    def change_table(self, fault: Fault) -> None:
        """Put a set_status or set_capacity fault into effect."""
        table = self.state.find(fault.table)
        if table is None:
            return
        if fault.kind == "set_capacity" and not table.is_limited:
            table.set_limits(Limits())
        if fault.kind == "set_status":
            # It stays until the script says otherwise.
            table.enter(fault.table_status, for_s=float("inf"))
        elif fault.wcu_per_s is None:
            table.set_throughput(None)
        else:
            units = int(fault.wcu_per_s)
            table.set_throughput({"ReadCapacityUnits": units, "WriteCapacityUnits": units})


class _Ending:
    """Tells the audit log how a request ended."""

    def __init__(self, service: Service, call: Call, reply: Reply) -> None:
        self._service, self._call, self._reply = service, call, reply

    def __call__(self, *, sent: bool, final: bool) -> None:
        audit, call = self._service.audit, self._call
        with self._service.lock:
            audit.answered(call.record, call.writes, sent=sent, intact=self._reply.intact)
            if final:
                audit.log(call.record, call.writes)


def _parse(body: bytes) -> dict[str, Any]:
    try:
        payload = json.loads(body)
    except ValueError:
        raise DynamoError("SerializationException", "") from None
    if not isinstance(payload, dict):
        raise DynamoError("SerializationException", "")
    return payload


def _scripted_error(fault: Fault, tables: list[str]) -> DynamoError:
    if fault.error in REASONS_MEMBER and fault.reasons:
        name = tables[0] if tables else "unknown"
        made = throttled(fault.error, list(fault.reasons), f"arn:aws:dynamodb:ap-southeast-1:000000000000:table/{name}")
        if fault.message is not None:
            made.message = fault.message
        return made
    return DynamoError(fault.error, fault.message, status=fault.status)


def _named_table(payload: dict[str, Any]) -> list[str]:
    resources = [payload.get("ResourceId"), *(payload.get("ResourceIds") or [])]
    names = [payload.get("TableName"), *(str(one).removeprefix("table/") for one in resources if one)]
    return [name for name in names if isinstance(name, str)]


def elements_of(payload: dict[str, Any]) -> Iterator[tuple[str, Item]]:
    """Every (table, item or key) of a request, in its order; malformed parts are passed over."""
    requested = payload.get("RequestItems")
    if isinstance(requested, dict):
        for name, part in requested.items():
            for one in part.get("Keys", []) if isinstance(part, dict) else part:
                inner = one.get("PutRequest", {}).get("Item") or one.get("DeleteRequest", {}).get("Key") or one
                yield name, inner if isinstance(inner, dict) else {}
    for element in payload.get("TransactItems") or []:
        for action in element.values():
            yield action.get("TableName", ""), action.get("Item") or action.get("Key") or {}
    element = payload.get("Item") or payload.get("Key")
    if isinstance(element, dict):
        yield payload.get("TableName", ""), element
