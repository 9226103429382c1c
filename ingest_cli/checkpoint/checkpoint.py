"""Checkpoint of a load, from which the same command can resume.

Performs no I/O and does not wait. Callers check the MAC of a state first, if they have a key; `status` has none, so
decompression is bounded, and each value checked, whatever the origin of the state.
"""

from __future__ import annotations

import json
import re
import zlib
from dataclasses import dataclass, field, replace
from typing import Any

from ingest_cli.checkpoint.ranges import Allowance, SourceRanges
from ingest_cli.errors import StateTooLargeError, UntrustedStateError, UsageError
from ingest_cli.model.plain_values import amount, flag, parsed_json, text, whole
from ingest_cli.report.account import Account

FORMAT_VERSION = 2

MAX_BYTES = 8 << 20
"""Maximum size of a state, uncompressed. The row of the table holds at most 400 KiB of it compressed, which is rarely
more than 4 MiB; a completed source or member takes 2 bytes, so there may be four million of these. Python's objects for
the worst 8 MiB of JSON (empty lists) take 180 MB temporarily.
"""

MAX_PARTS = 1_000_000
"""Maximum number of incomplete sources, members and ranges in a state: 150 bytes of memory each, and the plan of a load
cannot hold more than that many sources either.
"""

MAX_IDENTITY_CHARACTERS = 1024
"""Maximum length of a part of an identity: digests have 64 characters, an ARN or a table's id less than 300."""

_DAMAGED = "the saved checkpoint is damaged; start over with --restart"


@dataclass(frozen=True, slots=True)
class Identity:
    """Identity of a load; a checkpoint can only be resumed with an equal one.

    Attributes:
        dataset: id of the dataset.
        table: id that AWS gave the table; a later table of the same name has another.
        src: fingerprint of the sources in their order, 64 hex digits.
        manifest: digest of the manifest.
        kid, kcv: key id and check value of the pepper.
        generation: random name of the load, which the catalog also has as long as the load's writes are in the table.
    """

    dataset: str
    table: str
    src: str
    manifest: str
    kid: str
    kcv: str
    generation: str = ""


_KID = re.compile(r"[a-z0-9]{1,8}")

_CHANGED = {
    "src": "the dump has changed",
    "manifest": "the manifest has changed",
    "kid": "the pepper has another id",
    "kcv": "the pepper is a different one with the same id",
    "table": "the table was deleted and created again",
    "generation": "the dataset was withdrawn, or loaded in another way",
}


@dataclass(slots=True)
class Checkpoint:
    """The state of a load.

    Guarantees, provided that it is saved atomically and only after what it records is safe:

    * A row is in `shards` only if each of its items was acknowledged, or refused and written to the reject
      file. So the rows skipped on a resume are in the table: nothing is lost.
    * `account` counts exactly the rows in `shards`, and `rejects_bytes` is the end of their rejects. So the
      rows repeated on a resume are counted, and rejected, once.
    * Rows written but not yet saved are written again, with the same bytes under the same keys: the
      table does not change. After a kill that is at most

          R x (S + 2L)    items: written since the last save began, at R items a second, with S seconds between
                          two saves, each of which takes L seconds. S is `watchers.SAVE_EVERY_S`, and that once more
                          for each 4 KiB (`journal.TURN_BYTES`) of a state that is larger than that; where fewer
                          than `journal.WORTH_WCU` items are written in that time, until so many are, but no
                          more than `journal.MOST_TURNS` times
        + 25 x C          items: in flight at that time, C being the `concurrency`
        + W x M           items: already written of the chunks that the oldest of those belong to, one for each of W
                          processes. A chunk is worth `chunk_size.AIM_S` seconds of its worker, but no fewer items than
                          `MIN_BYTES` of the dump have, and up to `FIRST_BYTES` before its rate is known

      under steady conditions. Under any conditions (hot keys, retried batches, slow saves), by all processes
      together it is at most

          5,000             items, or those of half a second where that is more: of uncommitted chunks
        + 50 x C            items: in flight at that time, half of them of hot keys
        + 2 s x R           items: written during the last two seconds, without those in which nothing was acknowledged

      since no chunk is begun while more is ahead of the saved state (`run_ahead.RunAhead`). A state that has become
      too large to be saved is the exception: the load continues without saving, and the report notes it.
    * It is resumed only with the same sources, manifest, pepper and table, and only while the catalog names its
      generation: no other items were written, and none removed, since.

    It holds no identifier and no name: offsets, counts, reasons, column names and digests.

    Attributes:
        identity: identity of the load.
        shards: completed ranges of each source, in the order of the plan.
        account: counts of all rows in `shards`.
        rejects_bytes: length of the reject file when all rejects of those rows were in it.
        source_fault: whether a source was truncated or damaged when it was last read. Then changed sources are
            expected, and not a mistake; since `src` is part of each item, they are loaded from the beginning.
        wcu_consumed: write capacity units that the load has consumed so far, in all of its runs.
        closed_rows: completed rows when the state was last read, which `shards` no longer lists individually.
    """

    identity: Identity
    shards: list[SourceRanges]
    account: Account = field(default_factory=Account)
    rejects_bytes: int = 0
    closed_rows: int = 0
    source_fault: bool = False
    wcu_consumed: float = 0.0

    @classmethod
    def new(cls, identity: Identity, shards: int) -> Checkpoint:
        """Return the state of a load of `shards` sources with nothing done."""
        return cls(identity, [SourceRanges() for _ in range(shards)])

    @property
    def is_started(self) -> bool:
        """Whether anything is done."""
        return any(shard.is_started for shard in self.shards)

    def lacks_rejects(self, found_bytes: int) -> bool:
        """Return whether a reject file with `found_bytes` usable bytes lacks rejects of completed rows."""
        account = self.account
        had_some = account.rows_rejected + account.items_refused > 0
        return found_bytes < self.rejects_bytes or (had_some and not self.rejects_bytes)

    def check_dataset(self, wanted: Identity) -> None:
        """Check that the state belongs to this dataset.

        Raises:
            UsageError: it does not.
        """
        if self.identity.dataset != wanted.dataset:
            raise UsageError(
                f'the saved state is that of the dataset "{self.identity.dataset}", not of "{wanted.dataset}"; '
                "give each dataset a --state of its own"
            )

    def is_mended(self, wanted: Identity) -> bool:
        """Return whether `wanted` is the same load with a damaged source that has changed since."""
        return self.source_fault and replace(self.identity, src=wanted.src) == wanted != self.identity

    def check(self, wanted: Identity) -> None:
        """Check that the load can be resumed.

        Raises:
            UsageError: it is another load; the message names the difference.
        """
        self.check_dataset(wanted)
        if self.identity.kid != wanted.kid:
            raise of_another_pepper(wanted.dataset, self.identity.kid, wanted.kid)
        for name in _CHANGED:
            if getattr(self.identity, name) != getattr(wanted, name):
                raise cannot_resume(wanted.dataset, name)

    def to_bytes(self) -> bytes:
        """Return the state in compressed form.

        Raises:
            StateTooLargeError: it is too large to be read again.
        """
        state = {
            "version": FORMAT_VERSION,
            "identity": {name: getattr(self.identity, name) for name in Identity.__slots__},
            "shards": [shard.to_plain() for shard in self.shards],
            "account": self.account.to_plain(),
            "rejects_bytes": self.rejects_bytes,
            "source_fault": self.source_fault,
            "wcu_consumed": round(self.wcu_consumed, 1),
            "closed_rows": self.closed_rows + sum(shard.closed_rows for shard in self.shards),
        }
        data, parts = json.dumps(state, separators=(",", ":")).encode(), sum(shard.parts for shard in self.shards)
        if len(data) > MAX_BYTES or parts > MAX_PARTS:
            raise StateTooLargeError(
                f"the state of this load is too large to be saved ({len(data):,} bytes, {parts:,} sources, members and "
                f"ranges; at most {MAX_BYTES:,} and {MAX_PARTS:,}); split the manifest into several with fewer sources "
                "each"
            )
        return zlib.compress(data, 6)

    @classmethod
    def from_bytes(cls, data: bytes) -> Checkpoint:
        """Parse a state that `to_bytes` returned.

        Raises:
            UntrustedStateError: it is damaged, larger than `to_bytes` allows, or of another version of the program.
        """
        try:
            state = parsed_json(_unpacked(data))
            version = whole(state["version"])
            if version != FORMAT_VERSION:
                raise UntrustedStateError(
                    f"the saved checkpoint is from another version of this program ({version}); use that version, or "
                    "start over with --restart"
                )
            found = cls._from_plain(state)
        except (ValueError, KeyError, TypeError, AttributeError, zlib.error) as error:
            raise UntrustedStateError(_DAMAGED) from error
        if found.account.rows_read != found.closed_rows + sum(shard.rows for shard in found.shards):
            raise UntrustedStateError(_DAMAGED)
        return found

    @classmethod
    def _from_plain(cls, state: Any) -> Checkpoint:
        """Convert a state from its JSON document.

        Raises:
            ValueError, KeyError, TypeError, AttributeError: the document is not a state.
        """
        if state["identity"].keys() != set(Identity.__slots__) or not isinstance(state["shards"], list):
            raise ValueError("not the parts of a state")
        identity = Identity(**{name: text(one, MAX_IDENTITY_CHARACTERS) for name, one in state["identity"].items()})
        allowance = Allowance(MAX_PARTS)
        return cls(
            identity,
            [SourceRanges.from_plain(each, allowance) for each in state["shards"]],
            Account.from_plain(state["account"]),
            whole(state["rejects_bytes"]),
            whole(state["closed_rows"]),
            flag(state["source_fault"]),
            amount(state["wcu_consumed"]),
        )


def cannot_resume(dataset: str, changed: str) -> UsageError:
    """Return the error for a state of another load.

    Args:
        dataset: id of the dataset.
        changed: attribute of the identity that differs.
    """
    return UsageError(
        f'cannot resume the load of "{dataset}": {_CHANGED[changed]}. Restore the original, or start over with '
        "--restart"
    )


def of_another_pepper(dataset: str, began: str, given: str) -> UsageError:
    """Return the error for a state of a load with another pepper.

    Args:
        dataset: id of the dataset.
        began: key id of that load. May be anything if the state is not authentic; it is shown only if it is one.
        given: key id of the present pepper.
    """
    shown = f'the pepper "{began}"' if _KID.fullmatch(began) else "another pepper"
    return UsageError(
        f'cannot resume the load of "{dataset}": it was started with {shown}, and --key gives "{given}". Give the '
        "original pepper with --key, or start over with --restart"
    )


def _unpacked(data: bytes) -> bytes:
    """Decompress data that must be complete and end the input.

    Raises:
        ValueError, zlib.error: it is truncated, followed by something else, or larger than `MAX_BYTES`.
    """
    unpacking = zlib.decompressobj()
    unpacked = unpacking.decompress(data, MAX_BYTES + 1)
    if len(unpacked) > MAX_BYTES or not unpacking.eof or unpacking.unused_data:
        raise ValueError("not a packed state")
    return unpacked
