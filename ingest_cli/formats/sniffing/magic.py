"""Files that are not rows of text: known by their first bytes, or by the first words in them.

Signatures are those of the formats' own specifications, as collected in the `magic` database of file(1)
and in Wikipedia's "List of file signatures".
"""

from __future__ import annotations

import re

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "a ZIP archive"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"PK\x07\x08", "a ZIP archive in parts"),
    (b"\x1f\x8b\x08", "gzip-compressed"),
    (b"\xfd7zXZ\x00", "xz-compressed"),
    (b"\x28\xb5\x2f\xfd", "Zstandard-compressed"),
    (b"\x04\x22\x4d\x18", "LZ4-compressed"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"PAR1", "an Apache Parquet file"),
    (b"ARROW1\x00\x00", "an Apache Arrow file"),
    (b"Obj\x01", "an Apache Avro file"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"\x00\x01\x00\x00Standard Jet DB", "a Microsoft Access database"),
    (b"\x00\x01\x00\x00Standard ACE DB", "a Microsoft Access database"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Microsoft Office document (.xls or .doc)"),
    (b"%PDF-", "a PDF document"),
    (b"PGDMP", "a PostgreSQL custom-format dump"),
    (b"age-encryption.org/", "encrypted with age"),
    (b"-----BEGIN PGP MESSAGE-----", "encrypted with OpenPGP"),
    (b"-----BEGIN AGE ENCRYPTED FILE-----", "encrypted with age"),
    (b"Salted__", "encrypted with openssl enc"),
)
# A bzip2 stream: magic, block size, then the first block's magic (pi) or the end mark (square root of pi).
_BZIP2 = re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)")
# Begins every message of an Arrow stream, and of nothing that is text (Arrow columnar format, "Encapsulated message").
_ARROW_STREAM = b"\xff\xff\xff\xff"
_WORKBOOK = "an Excel workbook (.xlsx)"
_TAR_MAGIC_OFFSET = 257  # POSIX.1-1988 ustar header
# ORC has three letters of magic only, which a header could begin with.
_ORC = re.compile(rb"ORC[\x00-\x1f\x80-\xff]")

_TEXT_HEAD_CHARACTERS = 65_536
_JSON = re.compile(
    r"\s{0,1000}(?:\{\s{0,1000}[\"}]|\[\s{0,1000}[\[{]"
    r"|\[\s{0,1000}\"(?:[^\"\\\n]|\\.){0,1000}\"[ \t]{0,100},[^\n]{1,60000}\][ \t\r]{0,100}(?:\n|\Z))"
)
_MARKUP = re.compile(r"\s{0,1000}<(?:\?xml|!doctype|html)\b", re.IGNORECASE)
_SQL = re.compile(
    r"^[ \t]{0,40}(?:(?:INSERT|REPLACE)\s{1,9}(?:IGNORE\s{1,9})?INTO\s|INSERT\s{1,9}(?:ALL\s|\[)"
    r"|CREATE\s{1,9}(?:TABLE|DATABASE)\s|DROP\s{1,9}TABLE\s|SET\s{1,9}IDENTITY_INSERT\s|PRAGMA foreign_keys"
    r"|LOCK\s{1,9}TABLES\s|-- (?:MySQL|MariaDB|PostgreSQL database) dump|BEGIN TRANSACTION;"
    r"|COPY\s{1,9}[^\s;]{1,200}\s[^;\n]{0,2000}FROM stdin;)",
    re.IGNORECASE | re.MULTILINE,
)


def binary_format(sample: bytes) -> str | None:
    """Say what a packed, encrypted or binary file is, or None if `sample` begins with no known signature."""
    for signature, meaning in _SIGNATURES:
        if sample.startswith(signature):
            return _kind_of_zip(sample) if signature == b"PK\x03\x04" else meaning
    if _BZIP2.match(sample):
        return "bzip2-compressed"
    if _ORC.match(sample):
        return "an Apache ORC file"
    if sample[_TAR_MAGIC_OFFSET : _TAR_MAGIC_OFFSET + 5] == b"ustar":
        return "a tar archive"
    return None


def container_format(head: bytes) -> str | None:
    """Name of the format of a file that has to be read at its end first, or None if `head` is not that of one."""
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith((b"ARROW1\x00\x00", _ARROW_STREAM)):
        return "arrow"
    return "xlsx" if head.startswith(b"PK\x03\x04") and _kind_of_zip(head) == _WORKBOOK else None


def _kind_of_zip(sample: bytes) -> str:
    """Office documents are ZIP archives whose members have fixed names (ECMA-376, ISO/IEC 26300)."""
    head = sample[:65_536]
    if b"xl/workbook" in head or b"xl/worksheets" in head:
        return _WORKBOOK
    if b"opendocument.spreadsheet" in head[:200]:
        return "an OpenDocument spreadsheet (.ods)"
    if b"[Content_Types].xml" in head[:200]:
        return "an Office document (.xlsx, .docx or .pptx)"
    return "a ZIP archive"


def other_text_format(text: str) -> str | None:
    """Say which structured text `text` is (JSON, SQL, XML), or None: it may be rows of cells."""
    head = text[:_TEXT_HEAD_CHARACTERS]
    if _JSON.match(head):
        return "JSON"
    if _MARKUP.match(head):
        return "XML or HTML"
    if _SQL.search(head):
        return "an SQL dump"
    return None
