"""Saved states that were damaged or forged: a load refuses them, and goes on with the true one, or from the beginning.

Who does it can write to where the state is kept, knows the program, and does not have the pepper.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Protocol

from tests.fault.campaign import DATASET, Campaign

if TYPE_CHECKING:
    from tests.e2e.harness import Place

STATE_FILE = "ingest-state"
REFUSED = 2
PUT_OFF = 75
MOST_ATTEMPTS = 10
"""Runs of one command that a storm may put off before it is held against the program."""

_HEAD_ENDS = b"\n"
_PACKED_BEGINS = b"\x78"  # of every zlib stream with a window of 32 KiB (RFC 1950)


class Shelf(Protocol):
    """Where a state is kept."""

    def read(self) -> Any:
        """All of it, as it is; None if there is none."""
        ...

    def put(self, state: Any) -> None:
        """Put back what `read` gave."""
        ...

    def with_content(self, state: Any, change: Callable[[bytes], bytes]) -> Any:
        """A state like this one, but for its bytes."""
        ...

    def signed_by(self, state: Any, kid: str | None) -> Any:
        """A state like this one that names another pepper, or, if that is None, has no MAC at all."""
        ...


@dataclass(frozen=True)
class RowShelf:
    """A reserved row, looked at and changed past the protocol, whatever the weather."""

    place: Place
    pk: str = f"_run#{DATASET}"

    def read(self) -> Any:
        """See `Shelf.read`."""
        return self.place.everything.get((self.pk, "_"))

    def put(self, state: Any) -> None:
        """See `Shelf.put`; a row of another dataset takes the place of this one's."""
        with self.place.endpoint.service.lock:
            self.place.endpoint.table(self.place.name).put({**state, "pk": {"S": self.pk}})

    def with_content(self, state: Any, change: Callable[[bytes], bytes]) -> Any:
        """See `Shelf.with_content`."""
        content = change(base64.b64decode(state["state"]["B"]))
        return {**state, "state": {"B": base64.b64encode(content).decode()}}

    def signed_by(self, state: Any, kid: str | None) -> Any:
        """See `Shelf.signed_by`."""
        if kid is not None:
            return {**state, "kid": {"S": kid}}
        return {name: value for name, value in state.items() if name not in {"kid", "mac"}}


@dataclass(frozen=True)
class FileShelf:
    """The file in the folder of `--state`."""

    folder: Path

    def read(self) -> Any:
        """See `Shelf.read`."""
        path = self.folder / STATE_FILE
        return path.read_bytes() if path.exists() else None

    def put(self, state: Any) -> None:
        """See `Shelf.put`."""
        (self.folder / STATE_FILE).write_bytes(state)

    def with_content(self, state: Any, change: Callable[[bytes], bytes]) -> Any:
        """See `Shelf.with_content`: behind the line that stands before the packed state."""
        head, end, content = state.partition(_HEAD_ENDS) if not state.startswith(_PACKED_BEGINS) else (b"", b"", state)
        return head + end + change(content)

    def signed_by(self, state: Any, kid: str | None) -> Any:
        """See `Shelf.signed_by`: `ingest-cli state KID MAC` is the line before the packed state."""
        head, end, content = state.partition(_HEAD_ENDS)
        words = head.split(b" ")
        return content if kid is None else b" ".join([*words[:-2], kid.encode(), words[-1]]) + end + content


Change = Callable[[Random, bytes], bytes]


def _flipped(random: Random, content: bytes) -> bytes:
    changed = bytearray(content)
    for _ in range(random.choice((1, 2, 8))):
        changed[random.randrange(len(changed))] ^= random.randint(1, 255)
    return bytes(changed) if bytes(changed) != content else _flipped(random, content)


def _cut(random: Random, content: bytes) -> bytes:
    return content[: random.randrange(len(content))]


def _zeros(_: Random, content: bytes) -> bytes:
    return bytes(len(content))


def _packed_zeros(_: Random, content: bytes) -> bytes:
    return zlib.compress(bytes(len(content) << 10))


def _all_done(_: Random, content: bytes) -> bytes:
    """Everything is said to be done, and the counts are in keeping with it."""
    state = json.loads(zlib.decompress(content))
    account = state["account"]
    more = 1_000
    state["shards"] = [1] * len(state["shards"])
    account["rows_read"] += more
    account["rows_kept"] += more
    state["closed_rows"] = account["rows_read"]
    return _packed(state)


def _fewer_rejects(_: Random, content: bytes) -> bytes:
    """The rows are those that were done; how many of them were kept, and where the rejects end, is not true."""
    state = json.loads(zlib.decompress(content))
    account = state["account"]
    account["items_built"] += 1
    account["items_acknowledged"] += 1
    account["rows_kept"] = account["rows_read"]
    account["rejected"], account["skipped"], state["rejects_bytes"] = {}, {}, 0
    return _packed(state)


def _packed(state: Any) -> bytes:
    return zlib.compress(json.dumps(state, separators=(",", ":")).encode(), 6)


DAMAGES: Mapping[str, Change] = {
    "bytes flipped": _flipped,
    "cut short": _cut,
    "zeros": _zeros,
    "packed zeros": _packed_zeros,
}
FORGERIES: Mapping[str, Change] = {"all done": _all_done, "fewer rejects": _fewer_rejects}
OTHERS, CATALOG = "another dataset's", "the catalog says complete"
UNSIGNED, FOREIGN = "all done, without a MAC", "all done, of another pepper"
KINDS = (*FORGERIES, OTHERS, CATALOG, UNSIGNED, FOREIGN, *DAMAGES)


@dataclass
class Forger:
    """Comes after a kill, forges the state or the catalog, and sees to it that the load refuses it.

    Attributes:
        random: which bytes, and which older state.
        shelf: where the state is.
        others: a true state of another dataset, with the same pepper.
        first: which kind is the first.
        loses_at: the so manyth time, from 1, or soon after, the true state is lost, so that the load starts over with
            --restart. Not to a file of another dataset: that one is never overwritten.
        refused: kind of forgery → how often it was refused.
        has_lost: whether the true state was lost.
    """

    random: Random
    shelf: Shelf
    others: Any
    first: int = 0
    loses_at: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    has_lost: bool = False
    _older: list[Any] = field(default_factory=list)

    @property
    def times(self) -> int:
        """How often it has come and found a state."""
        return sum(self.refused.values())

    def __call__(self, campaign: Campaign) -> None:
        """Do it once, by the next kind in turn, if the load has a state that the next run would go on with."""
        catalog = RowShelf(campaign.place, f"_dataset#{DATASET}")
        true, dataset = self.shelf.read(), catalog.read()
        if campaign.restarts() or true is None or dataset is None or dataset["state"] != {"S": "loading"}:
            return
        self._older.append(true)
        kind = KINDS[(self.first + self.times) % len(KINDS)]
        if kind == CATALOG:
            catalog.put({**dataset, "state": {"S": "complete"}})
        else:
            self.shelf.put(self._forged(kind, true))
        _is_refused(campaign, kind)
        self.refused[kind] = self.refused.get(kind, 0) + 1
        catalog.put(dataset)
        if 0 < self.loses_at <= self.times and not self.has_lost and kind not in {CATALOG, OTHERS}:
            self.has_lost, forged = True, self.shelf.read()
            # A run may be gone before it has put a state of its own in the place of this one.
            campaign.restarts = lambda: self.shelf.read() == forged
            self._older.clear()  # a state of another load is left aside, whoever wrote it
        else:
            self.shelf.put(true)

    def _forged(self, kind: str, true: Any) -> Any:
        if kind == OTHERS:
            return self.others
        if kind in DAMAGES:
            return self.shelf.with_content(true, lambda content: DAMAGES[kind](self.random, content))
        older = self.random.choice(self._older)
        if kind in {UNSIGNED, FOREIGN}:
            done = self.shelf.with_content(older, lambda content: _all_done(self.random, content))
            return self.shelf.signed_by(done, "k2" if kind == FOREIGN else None)
        return self.shelf.with_content(older, lambda content: FORGERIES[kind](self.random, content))


def _is_refused(campaign: Campaign, kind: str) -> None:
    """Check that the command refuses the state as it now is, in one sentence, and that the table stays as it was."""
    before = _but_for_the_lock(campaign.place)
    requests = len(campaign.place.endpoint.audit.requests)
    for _ in range(MOST_ATTEMPTS):
        result = campaign.cli(*campaign.command)
        if result.code != PUT_OFF:
            break
    assert result.code == REFUSED, (kind, result)
    result.complains(REFUSED)
    assert any(word in result.err for word in ("state", "_run#", "_dataset#", "pepper")), result
    assert _but_for_the_lock(campaign.place) == before, kind
    asked = {one.operation for one in campaign.place.endpoint.audit.requests[requests:]}
    assert "BatchWriteItem" not in asked, kind


def _but_for_the_lock(place: Place) -> dict[tuple[str, str], Any]:
    return {key: item for key, item in place.everything.items() if not key[0].startswith("_lock#")}
