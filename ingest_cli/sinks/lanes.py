"""The two sinks for the batches of a chunk, and their shared state."""

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
    """Sinks for ordinary and hot keys.

    Attributes:
        fast: retries a batch until it is done, but leaves items of hot keys unprocessed.
        slow: makes one attempt.
        hot_keys: set of hot keys.
        rules: retry rules.
        shared: holds the paces of hot keys.
        run_ahead: counts what is written but not yet in a saved state.
        rate_wcu_per_s: returns the current rate.
        reserved_s: returns the seconds that a batch would wait for its turn.
    """

    fast: Sink
    slow: Sink
    hot_keys: HotKeys
    rules: RetryRules
    shared: Shared
    run_ahead: RunAhead
    rate_wcu_per_s: Callable[[], float] = lambda: math.inf
    reserved_s: Callable[[], float] = lambda: 0.0
