"""Stream breach dumps, hash their identifiers with a key, and batch-write them to DynamoDB.

The names in `__all__` are the public API; everything else may change with any version. A name is imported on first
use, so that `import ingest_cli` loads neither Arrow nor boto3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ingest_cli.aws.table import Table
    from ingest_cli.commands.load import load
    from ingest_cli.commands.validate import validate
    from ingest_cli.errors import ExitCode, IngestError
    from ingest_cli.lookup import Breach, Lookup
    from ingest_cli.model.key_references import read_pepper
    from ingest_cli.model.keys import Pepper
    from ingest_cli.model.manifest import Manifest, load_manifest, parse_manifest
    from ingest_cli.model.settings import RunSettings, Target
    from ingest_cli.report.report import Report

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
    "Manifest": "model.manifest",
    "Pepper": "model.keys",
    "Report": "report.report",
    "RunSettings": "model.settings",
    "Table": "aws.table",
    "Target": "model.settings",
    "load": "commands.load",
    "load_manifest": "model.manifest",
    "parse_manifest": "model.manifest",
    "read_pepper": "model.key_references",
    "validate": "commands.validate",
}
"""Public name → module that defines it."""

if not TYPE_CHECKING:  # a type checker that saw this would accept any name

    def __getattr__(name: str) -> object:
        """Import a public name on first use."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module  # noqa: PLC0415 - start-up time

        value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        """Return all names, imported or not."""
        return sorted({*globals(), *__all__})
