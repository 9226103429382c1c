"""Destinations of items. `interface.py` defines `Sink`; the contract tests run every implementation."""
