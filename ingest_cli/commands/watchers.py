"""Background tasks of a load: renew the lease, save the checkpoint, follow the capacity, watch for a spot notice."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from ingest_cli.errors import IngestError, LockedError
from ingest_cli.model.settings import state_folder
from ingest_cli.runtime.background import Repeater
from ingest_cli.runtime.spot_notice import SpotNotice
from ingest_cli.sinks.write_path import parse_ceiling, provisioned_wcu

if TYPE_CHECKING:
    from ingest_cli.aws.lease import Lease
    from ingest_cli.aws.table import Table
    from ingest_cli.checkpoint.journal import Journal
    from ingest_cli.model.settings import RunSettings
    from ingest_cli.sinks.write_path import WritePath

SAVE_EVERY_S = 0.5
"""Seconds of work that a crash may have to repeat; a save costs a few write capacity units."""

LOOK_EVERY_S = 3.0
"""Seconds after which a change of the table's capacity is noticed. DescribeTable is free."""


def follow_capacity(path: WritePath, table: Table, settings: RunSettings) -> None:
    """Let the rate follow the provisioned capacity as it is now."""
    provisioned, ceiling = provisioned_wcu(table.describe()), parse_ceiling(settings.max_wcu)
    if provisioned is not None and (wanted := ceiling.of(provisioned)) is not None:
        path.pacer.set_ceiling(wanted)


@contextlib.contextmanager
def watched(path: WritePath, table: Table, settings: RunSettings, lease: Lease, journal: Journal) -> Iterator[None]:
    """Keep an eye on everything while the block lasts."""
    stop = path.rules.stop

    def renew() -> None:
        lease.renew()
        path.note_state(1.0)

    def on_fault(fault: Exception) -> None:
        """A lost lease or a full disk ends the run; what AWS is too busy for is tried again the next time."""
        if isinstance(fault, LockedError) or not (isinstance(fault, IngestError) and fault.transient):
            stop.fail(fault)

    def on_save_fault(fault: Exception) -> None:
        if state_folder(settings.state) is not None:
            stop.fail(fault)
        else:
            on_fault(fault)

    def ignored(_: Exception) -> None:
        """Looking is a courtesy: throttles tell the same a little later."""

    with contextlib.ExitStack() as stack:
        stack.enter_context(Repeater("lease", lease.renew_every_s, renew, on_fault))
        stack.enter_context(Repeater("state", SAVE_EVERY_S, journal.save_in_turn, on_save_fault))
        look = partial(follow_capacity, path, table, settings)
        stack.enter_context(Repeater("capacity", LOOK_EVERY_S, look, ignored))
        if settings.spot_watch:
            notice = SpotNotice.here(table.target.endpoint_url)
            if notice is not None:
                stack.enter_context(Repeater("spot", notice.every_s, lambda: notice.look(stop), ignored))
        yield
