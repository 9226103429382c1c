"""Look up the breaches that contain an identifier."""

from __future__ import annotations

from ingest_cli.lookup.lookup import Breach, Lookup

__all__ = ["Breach", "Lookup"]
