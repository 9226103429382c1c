"""The load as it was written in 2017: a loop over `csv.DictReader` and boto3's `batch_writer`, in one thread.

A script of its own, so that it is measured as a process like the program it stands beside. Its items have the same
attributes as the program's, and both of their keys are keyed hashes, made by `hmac.new` for each value; what is valid
it does not ask. It stores clear text nowhere, which the original did.

    python script_2017.py DUMP.csv TABLE ENDPOINT-URL      (the pepper is in PEPPER, as KID:HEX)
"""

from __future__ import annotations

import base64
import csv
import hashlib
import hmac
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3

COLUMNS = [
    *("NAME", "ICNUM", "OTHER_ID", "ADDRESS", "BLANK1", "PLAN"),
    *("BLANK2", "MOBILE", "IMSI", "IMEI", "SIM", "EMAIL"),
]
CLASSES = {
    "NAME": "Names",
    "ICNUM": "Government issued IDs",
    "OTHER_ID": "Government issued IDs",
    "ADDRESS": "Physical addresses",
    "MOBILE": "Phone numbers",
    "EMAIL": "Email addresses",
}
NULLS = {"", "NULL", "\\N", "-", "N/A", "n.a", "nan", "None"}


def keyed_hash(pepper: bytes, text: str, size: int) -> str:
    digest = hmac.new(pepper, text.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest[:size]).rstrip(b"=").decode()


def identifiers(row: dict[str, str]) -> dict[str, str]:
    """Kind → value, of those that the row has."""
    number = row["ICNUM"] if row["ICNUM"] not in NULLS else row["OTHER_ID"]
    found = {}
    if number not in NULLS:
        found["id"] = number.strip().replace("-", "").replace(" ", "").upper()
    if row["MOBILE"] not in NULLS:
        digits = "".join(character for character in row["MOBILE"] if character.isdigit())
        found["phone"] = f"+6{digits}" if digits.startswith("0") else f"+{digits}"
    if row["EMAIL"] not in NULLS:
        found["email"] = row["EMAIL"].strip(" <>").lower().removeprefix("mailto:")
    return found


def items(path: str, kid: str, pepper: bytes) -> Iterator[dict[str, Any]]:
    with Path(path).open(encoding="utf-8", errors="ignore", newline="") as file:
        for row in csv.DictReader(file, COLUMNS):
            found = identifiers(row)
            classes = {name for column, name in CLASSES.items() if row[column] not in NULLS}
            record = "\0".join([*found.values(), *sorted(classes)])
            for kind, value in found.items():
                hints = {other: {"*" * 10 + masked[-2:]} for other, masked in found.items() if other != kind}
                item = {
                    "pk": f"{kid}.{keyed_hash(pepper, value, 32)}",
                    "sk": f"telco-2017#{keyed_hash(pepper, record, 12)}",
                    "label": kind,
                    "classes": classes,
                    "src": "00000000",
                    "canon": 1,
                }
                if hints:
                    item["hints"] = hints
                yield item


def main() -> None:
    path, table, endpoint_url = sys.argv[1:]
    kid, _, pepper = os.environ["PEPPER"].partition(":")
    count = 0
    with boto3.resource("dynamodb", endpoint_url=endpoint_url).Table(table).batch_writer() as batch:
        for item in items(path, kid, bytes.fromhex(pepper)):
            batch.put_item(Item=item)
            count += 1
    sys.stdout.write(json.dumps({"items": count}))


if __name__ == "__main__":
    main()
