"""Stream breach dumps, keyed-hash the identifiers in them, and batch-write them to DynamoDB.

What is listed in `__all__` is the public API; everything else may change with any version. A name is imported
when it is first used, so that `import ingest_cli` waits for neither Arrow nor boto3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ingest_cli.errors import ExitCode, IngestError
    from ingest_cli.keys import Pepper, read_pepper
    from ingest_cli.loading import load
    from ingest_cli.lookup import Breach, Lookup
    from ingest_cli.manifest import Manifest, load_manifest, parse_manifest
    from ingest_cli.report import Report
    from ingest_cli.settings import RunSettings, Target
    from ingest_cli.tables import Table
    from ingest_cli.validating import validate

__version__ = "0.1.0"

__all__ = [
    "Breach",
    "ExitCode",
    "IngestError",
    "Lookup",
    "Manifest",
    "Pepper",
    "Report",
    "RunSettings",
    "Table",
    "Target",
    "load",
    "load_manifest",
    "parse_manifest",
    "read_pepper",
    "validate",
]

_HOMES = {
    "Breach": "lookup",
    "ExitCode": "errors",
    "IngestError": "errors",
    "Lookup": "lookup",
    "Manifest": "manifest",
    "Pepper": "keys",
    "Report": "report",
    "RunSettings": "settings",
    "Table": "tables",
    "Target": "settings",
    "load": "loading",
    "load_manifest": "manifest",
    "parse_manifest": "manifest",
    "read_pepper": "keys",
    "validate": "validating",
}
"""Public name → module that defines it."""

if not TYPE_CHECKING:  # a type checker that saw this would believe in any name

    def __getattr__(name: str) -> object:
        """Import what a public name stands for, the first time it is asked for."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module  # noqa: PLC0415 - start-up time

        value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        """The names there are, imported or not."""
        return sorted({*globals(), *__all__})
