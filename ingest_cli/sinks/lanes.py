"""The two sinks that the batches of a chunk go to, and what both have in common."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from ingest_cli.runtime.run_ahead import RunAhead
from ingest_cli.runtime.shared_state import Shared
from ingest_cli.sinks.interface import Sink
from ingest_cli.sinks.policies.hot_keys import HotKeys
from ingest_cli.sinks.policies.retry import RetryRules


@dataclass(frozen=True, slots=True)
class Lanes:
    """The sinks that batches go to.

    Attributes:
        fast: keeps at a batch until it is done, but leaves items of hot keys.
        slow: tries once.
        hot_keys: tells which keys are hot.
        rules: how long to go on.
        shared: has the paces of hot keys.
        run_ahead: counts what no saved state knows of.
        rate_wcu_per_s: tells how fast they go.
        reserved_s: tells how many seconds a batch would wait for its turn.
    """

    fast: Sink
    slow: Sink
    hot_keys: HotKeys
    rules: RetryRules
    shared: Shared
    run_ahead: RunAhead
    rate_wcu_per_s: Callable[[], float] = lambda: math.inf
    reserved_s: Callable[[], float] = lambda: 0.0
