"""Smallest files of the binary formats that are recognized but not read."""

from __future__ import annotations

import io
import pickle
import sqlite3
import struct
from pathlib import Path

import numpy as np


def sqlite(folder: Path) -> bytes:
    path = folder / "kelab.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE ahli (nama text)")
    connection.close()
    return path.read_bytes()


def bson(*names: str) -> bytes:
    """A document of strings."""
    body = b"".join(b"\x02" + name.encode() + b"\0" + struct.pack("<i", 2) + b"x\0" for name in names)
    return struct.pack("<i", len(body) + 5) + body + b"\0"


def dbf() -> bytes:
    """The head of a dBase III file of one column."""
    head = struct.pack("<4BIHH20x", 3, 117, 10, 19, 2, 65, 31)
    return head + b"NAMA\0\0\0\0\0\0\0C" + bytes(4) + b"\x1e" + bytes(15) + b"\r" + b" AISYAH".ljust(31) * 2


def innodb() -> bytes:
    """The head of a page that begins a table space."""
    page = bytearray(16_384)
    page[0:4], page[24:26], page[34:38], page[38:42] = b"\xaa\xbb\xcc\xdd", b"\0\x08", b"\0\0\0\x07", b"\0\0\0\x07"
    return bytes(page)


def numpy() -> bytes:
    out = io.BytesIO()
    np.save(out, np.arange(3))
    return out.getvalue()


FILES: dict[str, tuple[bytes, str, str]] = {
    "BSON": (bson("_id", "email") + bson("_id"), "BSON", "bsondump"),
    "one BSON document that goes on": (struct.pack("<i", 900) + b"\x07_id\0" + bytes(range(12)), "BSON", "jsonl"),
    "dBase": (dbf(), "dBase", "CSV"),
    "InnoDB": (innodb(), "InnoDB", "restore"),
    "pg_dump": (b"PGDMP\x01\x0e\x00\x04\x08", "PostgreSQL", "pg_restore"),
    "mongodump": (b"\x6d\xe2\x99\x81" + bson("version"), "mongodump", "mongorestore"),
    "Redis": (b"REDIS0009\xfa\x09redis-ver", "Redis", "rdb"),
    "RAR 4": (b"Rar!\x1a\x07\x00", "RAR", "unrar"),
    "RAR 5": (b"Rar!\x1a\x07\x01\x00", "RAR", "unrar"),
    "Access": (b"\0\x01\0\0Standard ACE DB\0", "Access", "mdb-export"),
    "SQL Server backup": (b"TAPE\0\0\x03\0\x8c\0\x0e\x01", "SQL Server", "restore"),
    "Avro": (b"Obj\x01\x04\x16avro.schema", "Avro", "avro-tools"),
    "ORC": (b"ORC\n\x1a\x08", "ORC", "orc-contents"),
    "old Excel": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), "Office", ".xlsx"),
    "PDF": (b"%PDF-1.7\n%\xe2\xe3", "PDF", "pdftotext"),
    "pickle": (pickle.dumps({"a": ["b"]}), "pickle", "CSV"),
    "old pickle": (pickle.dumps({"a": ["b"]}, protocol=2), "pickle", "CSV"),
    "NumPy": (numpy(), "NumPy", "CSV"),
    "Oracle": (b"\x03\x00\x01EXPORT:V10.02.01\nDKEDAI\n", "Oracle", "restore"),
    "OpenPGP with a password": (b"\x8c\x0d\x04\x09\x03\x02" + bytes(range(8)), "OpenPGP", "gpg"),
    "OpenPGP with a key": (b"\x85\x01\x0c\x03" + bytes(range(8)), "OpenPGP", "gpg"),
    "Berkeley DB": (bytes(12) + b"\x62\x31\x05\x00\x09\0\0\0", "Berkeley", "db_dump"),
    "compress": (b"\x1f\x9d\x90ABC", "compress", "uncompress"),
    "lzip": (b"LZIP\x01\x0c", "lzip", "lzip -d"),
    "ODS": (b"PK\x03\x04" + bytes(26) + b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet",
            "OpenDocument", "CSV"),
    "JPEG": (b"\xff\xd8\xff\xe0\0\x10JFIF", "JPEG", "no rows"),
}  # fmt: skip
"""Name → file, a word of its meaning, a word of the advice."""
