"""The question of the serving side: which breaches is this identifier in?"""

from __future__ import annotations

from ingest_cli.lookup.lookup import Breach, Lookup

__all__ = ["Breach", "Lookup"]
