"""The two sinks for the batches of a chunk, and the collaborators that their caller shares with them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from ingest_cli.runtime.run_ahead import RunAhead
from ingest_cli.runtime.shared_state import HotKeyPaces
from ingest_cli.sinks.interface import Sink
from ingest_cli.sinks.policies.hot_keys.detection import HotKeys
from ingest_cli.sinks.policies.retry import RetryRules


@dataclass(frozen=True, slots=True)
class Lanes:
    """Sinks for items of ordinary keys and of hot ones.

    Attributes:
        ordinary: retries a batch until it is done, but leaves items of hot keys unprocessed.
        hot: makes one attempt to write a batch of one hot key.
        hot_keys: set of hot keys.
        rules: retry rules.
        hot_key_paces: rates of hot keys, shared by all processes.
        run_ahead: counts what is written but not yet in a saved state.
        rate_wcu_per_s: returns the current rate.
        reserved_s: returns the seconds that a batch would wait for its turn.
    """

    ordinary: Sink
    hot: Sink
    hot_keys: HotKeys
    rules: RetryRules
    hot_key_paces: HotKeyPaces
    run_ahead: RunAhead
    rate_wcu_per_s: Callable[[], float] = lambda: math.inf
    reserved_s: Callable[[], float] = lambda: 0.0
