"""Identifier kinds: convert a dump's cells to the canonical form that is hashed.

`interface.py` defines the interface. A new kind is one file and one line in `IDENTIFIERS`, from which the contract
tests take it; `model.manifest` holds the defaults of its columns.
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
"""Kind, as named in a manifest → identifier."""

__all__ = ["IDENTIFIERS", "Canonicalized", "CodeArray", "Identifier", "IndexArray"]
