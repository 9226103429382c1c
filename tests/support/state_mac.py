"""Forge reserved rows and state files with a valid MAC, as an owner of the pepper can."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ingest_cli.aws.authentication import MAC, StateKey
from ingest_cli.checkpoint.store import STATE_FILE
from ingest_cli.model.keys import Pepper


def state_key(pepper_line: str) -> StateKey:
    """The key that belongs to a pepper, given as it is kept."""
    kid, _, digits = pepper_line.strip().partition(":")
    return StateKey.of(Pepper(kid, bytes.fromhex(digits)))


def as_bytes(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as boto3 takes it, from one as it is on the wire, where bytes are base64."""
    return {
        name: {"B": base64.b64decode(value["B"])} if isinstance(value.get("B"), str) else value
        for name, value in row.items()
    }


def signed_row(row: Mapping[str, Any], pepper_line: str, table: str | None = None) -> dict[str, Any]:
    """Return a row with its MAC.

    Args:
        row: row as boto3 or the wire has it.
        pepper_line: pepper as it is kept.
        table: identity of the table that it names; None: the one that it names already.
    """
    unsigned = {name: value for name, value in as_bytes(row).items() if name != MAC}
    key = state_key(pepper_line)
    return (key if table is None else key.for_table(table)).signed(unsigned)


def content_of(file: Path) -> bytes:
    """What is in a state file behind its first line, which has the MAC."""
    return file.read_bytes().partition(b"\n")[2]


def write_signed(file: Path, content: bytes, pepper_line: str) -> None:
    """Replace a state file by one with other content."""
    file.write_bytes(state_key(pepper_line).signed_file(STATE_FILE, content))
