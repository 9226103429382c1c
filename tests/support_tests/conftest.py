"""Tests of the test-ware: those of the command server run commands as the end-to-end tests do."""

from __future__ import annotations

from tests.e2e.conftest import admin, cli, endpoint, nowhere, table

__all__ = ["admin", "cli", "endpoint", "nowhere", "table"]
