"""Identifiers: what a cell of a dump means, in the one form in which it is hashed.

`interface.py` says what a kind must offer. A new kind is one file and one line in `IDENTIFIERS`; the
contract tests run it from there.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from ingest_cli.identifiers.email import Email
from ingest_cli.identifiers.iccid import Iccid
from ingest_cli.identifiers.imei import Imei
from ingest_cli.identifiers.imsi import Imsi
from ingest_cli.identifiers.interface import Canonicalized, CodeArray, Identifier, IndexArray
from ingest_cli.identifiers.national_id import NationalId
from ingest_cli.identifiers.phone import Phone
from ingest_cli.identifiers.username import Username

if TYPE_CHECKING:
    from collections.abc import Mapping

IDENTIFIERS: Mapping[str, Identifier] = MappingProxyType(
    {
        "id": NationalId(),
        "phone": Phone(),
        "email": Email(),
        "imsi": Imsi(),
        "imei": Imei(),
        "iccid": Iccid(),
        "username": Username(),
    }
)
"""Kind → identifier, by the name a manifest uses."""

__all__ = ["IDENTIFIERS", "Canonicalized", "CodeArray", "Identifier", "IndexArray"]
