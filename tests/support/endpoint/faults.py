"""Scripted faults: what goes wrong, when, and how often.

A `Fault` says what happens to a request; a `Rule` says to which requests. Both are plain values, with a
JSON form for the control channel. All chance comes from the script's seed.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from .items import Item

Kind = Literal[
    "error",  # answer with an error, before or after applying the request
    "reset",  # reset the connection (RST), before or after applying
    "hang",  # never answer, before or after applying
    "delay",  # answer late; goes together with other faults
    "truncate",  # apply; full Content-Length, fewer bytes, then close
    "cut_json",  # apply; a well-framed answer that ends in the middle of its JSON
    "wrong_crc",  # apply; a true answer whose x-amz-crc32 is another's
    "html",  # apply; status 200 and a web page
    "empty_object",  # apply; status 200, `{}` and its right CRC
    "partial",  # leave some writes or keys of a batch unprocessed
    "close_after",  # a true answer, then the connection is closed without notice
    "flood",  # apply; an answer without an end
    "dribble",  # apply; an answer of which a byte comes now and then
    "set_status",  # from now on the table is in this status
    "set_capacity",  # from now on the table is provisioned with this throughput
]

_ACCOMPANYING = {"delay", "set_status", "set_capacity"}


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens. Use the functions below to make one.

    Attributes:
        kind: see `Kind`.
        after: for error, reset and hang: apply the request first.
        error: for error: short name, such as "InternalServerError".
        message: for error: None takes the usual one.
        status: for error: HTTP status, None takes the usual one.
        reasons: for error: throttling reasons.
        seconds: for delay, and between two bytes of dribble.
        keep: for truncate and cut_json: fraction of the body that is sent.
        right_crc: for cut_json: whether the CRC is that of the cut body.
        unprocessed: for partial: how many are left; None draws 1…all but one.
        share: for partial: probability that each write or key is left, in place of a number; 0: as `unprocessed` says.
        table: for set_status and set_capacity.
        table_status: for set_status.
        wcu_per_s: for set_capacity; None sets on-demand.
    """

    kind: Kind
    after: bool = False
    error: str = ""
    message: str | None = None
    status: int | None = None
    reasons: tuple[str, ...] = ()
    seconds: float = 0.0
    keep: float = 0.5
    right_crc: bool = True
    unprocessed: int | None = None
    share: float = 0.0
    table: str = ""
    table_status: str = "ACTIVE"
    wcu_per_s: float | None = None

    @property
    def applies_first(self) -> bool:
        """Whether the request takes effect in spite of the fault."""
        return self.after or self.kind not in {"error", "reset", "hang"}

    @property
    def name(self) -> str:
        """For the audit log: "reset-after", "error:ThrottlingException", …."""
        return self.kind + (f":{self.error}" if self.error else "") + ("-after" if self.after else "")


def error(kind: str, message: str | None = None, *, after: bool = False, status: int | None = None) -> Fault:
    """Any error by its short name: ExpiredTokenException, AccessDeniedException, ValidationException, …."""
    return Fault("error", error=kind, message=message, after=after, status=status)


def server_error(*, after: bool = False) -> Fault:
    """HTTP 500."""
    return error("InternalServerError", after=after)


def unavailable(*, after: bool = False) -> Fault:
    """HTTP 503."""
    return error("ServiceUnavailable", after=after)


def throttle(*reasons: str, kind: str = "ProvisionedThroughputExceededException", message: str | None = None) -> Fault:
    """Throttle the whole request.

    Args:
        reasons: such as "TableWriteProvisionedThroughputExceeded", "TableWriteAccountLimitExceeded",
            "TableWriteKeyRangeThroughputExceeded", "IndexWriteProvisionedThroughputExceeded",
            "TableWriteMaxOnDemandThroughputExceeded".
        kind: that, "ThrottlingException" or "RequestLimitExceeded".
        message: None takes the usual one.
    """
    return Fault("error", error=kind, message=message, reasons=reasons)


def reset(*, after: bool = False) -> Fault:
    """Reset the connection."""
    return Fault("reset", after=after)


def hang(*, after: bool = False) -> Fault:
    """Never answer; the connection stays until the client or the endpoint gives it up."""
    return Fault("hang", after=after)


def delay(seconds: float) -> Fault:
    """Answer that much later, in real time."""
    return Fault("delay", seconds=seconds)


def truncate(keep: float = 0.5) -> Fault:
    """Send that fraction of the body and close."""
    return Fault("truncate", keep=keep)


def cut_json(keep: float = 0.5, *, right_crc: bool = True) -> Fault:
    """A complete HTTP answer around half a JSON document."""
    return Fault("cut_json", keep=keep, right_crc=right_crc)


def wrong_crc() -> Fault:
    """A true answer with a wrong x-amz-crc32."""
    return Fault("wrong_crc")


def html() -> Fault:
    """A captive portal's page with status 200."""
    return Fault("html")


def empty_object() -> Fault:
    """Status 200, `{}`, right CRC."""
    return Fault("empty_object")


def partial(unprocessed: int | None = None, *, share: float = 0.0) -> Fault:
    """Leave that many of a batch unprocessed, chosen at random; None draws the number too.

    With a share, each write or key of the batch is left with that probability, so that none or all may be.
    """
    return Fault("partial", unprocessed=unprocessed, share=share)


def close_after() -> Fault:
    """A true answer, then close the connection although it was to be kept alive."""
    return Fault("close_after")


def flood() -> Fault:
    """Endless answer, until the client closes the connection."""
    return Fault("flood")


def dribble(seconds: float) -> Fault:
    """An answer of which a byte comes after so many seconds, and another, until the client hangs up."""
    return Fault("dribble", seconds=seconds)


def set_status(table: str, status: str) -> Fault:
    """The table's status changes to CREATING, ACTIVE, UPDATING or DELETING."""
    return Fault("set_status", table=table, table_status=status)


def set_capacity(table: str, wcu_per_s: float | None) -> Fault:
    """The table's throughput changes; None makes it on-demand."""
    return Fault("set_capacity", table=table, wcu_per_s=wcu_per_s)


@dataclass(frozen=True, slots=True)
class RequestView:
    """What a rule may look at.

    Attributes:
        operation: such as "PutItem".
        elements: one (table, item or key) for each item or key in the request.
        elapsed_s: since the endpoint was started.
    """

    operation: str
    elements: list[tuple[str, Item]]
    elapsed_s: float


@dataclass(slots=True)
class Rule:
    """To which requests a fault happens. All conditions must hold; by default it is every request.

    Attributes:
        fault: what happens.
        operation: only this one.
        table: only requests about this table.
        pk: only requests that hold an item or key whose `pk_name` has this content.
        pk_prefix: the same, beginning with this.
        pk_name: name of the attribute that those two look at.
        predicate: only requests for which it is true (in-process only).
        from_s: not before the endpoint has run that long, by its clock.
        nth: only the so manyth of the requests that pass all of the above, from 1.
        every: only every so manyth of them.
        probability: that it happens.
        times: at most that often.
        seen: how many requests passed the conditions above `nth`.
        fired: how often it happened.
    """

    fault: Fault
    operation: str | None = None
    table: str | None = None
    pk: str | None = None
    pk_prefix: str | None = None
    pk_name: str = "pk"
    predicate: Callable[[RequestView], bool] | None = None
    from_s: float | None = None
    nth: int | None = None
    every: int | None = None
    probability: float = 1.0
    times: int | None = None
    seen: int = field(default=0, compare=False)
    fired: int = field(default=0, compare=False)

    def fires(self, request: RequestView, chance: random.Random) -> bool:
        """Whether the fault happens to this request; counts it."""
        if not self._is_about(request):
            return False
        self.seen += 1
        happens = (
            (self.nth is None or self.seen == self.nth)
            and (self.every is None or self.seen % self.every == 0)
            and (self.times is None or self.fired < self.times)
            and (self.probability >= 1.0 or chance.random() < self.probability)
        )
        self.fired += happens
        return happens

    def _is_about(self, request: RequestView) -> bool:
        if self.operation not in {None, request.operation}:
            return False
        if self.from_s is not None and request.elapsed_s < self.from_s:
            return False
        if self.table is not None and all(table != self.table for table, _ in request.elements):
            return False
        if (self.pk is not None or self.pk_prefix is not None) and not any(
            self._is_key(element) for _, element in request.elements
        ):
            return False
        return self.predicate is None or self.predicate(request)

    def _is_key(self, element: Item) -> bool:
        content = next(iter(element.get(self.pk_name, {}).values()), None)
        if not isinstance(content, str):
            return False
        return (self.pk is None or content == self.pk) and content.startswith(self.pk_prefix or "")

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Rule:
        """The rule that `to_json` described; {"fault": {"kind": "reset"}} is enough.

        Raises:
            TypeError: for a member that does not exist.
        """
        parts = dict(document)
        shape = dict(parts.pop("fault"))
        shape["reasons"] = tuple(shape.get("reasons", ()))
        return cls(Fault(**shape), **parts)

    def to_json(self) -> dict[str, Any]:
        """Its JSON form, counters left out.

        Raises:
            ValueError: if it has a predicate.
        """
        if self.predicate is not None:
            raise ValueError("a rule with a predicate cannot leave its process")
        skipped = {"fault", "predicate", "seen", "fired"}
        plain = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in skipped}
        return {"fault": asdict(self.fault), **plain}


class Script:
    """The rules in force, asked in order: the first fault wins, delays and changes of tables add up.

    Args:
        rules: to begin with.
        seed: of all chance.
    """

    def __init__(self, *rules: Rule, seed: int = 0) -> None:
        self.rules: list[Rule] = list(rules)
        self.chance = random.Random(seed)

    def add(self, fault: Fault, **conditions: Any) -> Rule:
        """Append a rule made of a fault and the attributes of `Rule`, and return it."""
        rule = Rule(fault, **conditions)
        self.rules.append(rule)
        return rule

    def clear(self) -> None:
        """Remove all rules."""
        self.rules.clear()

    def faults(self, request: RequestView) -> list[Fault]:
        """What happens to this request: accompanying faults, and at most one other, which is last."""
        accompanying: list[Fault] = []
        decisive: list[Fault] = []
        for rule in self.rules:
            if rule.fault.kind in _ACCOMPANYING:
                if rule.fires(request, self.chance):
                    accompanying.append(rule.fault)
            elif not decisive and rule.fires(request, self.chance):
                decisive.append(rule.fault)
        return accompanying + decisive
