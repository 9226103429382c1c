"""Recognize files that are not rows of text, by their first bytes or words.

The signatures are from the specifications of the formats, as collected in the `magic` database of file(1) and in
Wikipedia's "List of file signatures". No text begins with any of them: signatures that are words, such as `TAPE` and
`REDIS`, include the bytes after them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ingest_cli.errors import SourceError


@dataclass(frozen=True, slots=True)
class KnownFormat:
    """Recognized format that cannot be read.

    Attributes:
        meaning: noun phrase such as `an SQLite database`.
        advice: how to convert it to rows, as the end of a sentence; empty if there is no general way.
    """

    meaning: str
    advice: str = ""

    @property
    def sentence(self) -> str:
        """Return meaning and advice, without a full stop."""
        return f"{self.meaning}; {self.advice}" if self.advice else self.meaning


_UNPACK = "unpack it first"
_EXPORT = "export its tables as CSV or SQL"
_SAVE_AS = "save its sheet as .xlsx or CSV"
_ONE_LINE_EACH = "which is read as `jsonl`"
_WHOLE_SET = "unpack it with `unrar x`, from its first part, with all the others beside it"
_RESTORE = "restore it into a server of its kind, and export the tables from there"
_NO_ROWS = "there are no rows in it"

_SIGNATURES: tuple[tuple[bytes, str, str], ...] = (
    (b"PK\x03\x04", "a ZIP archive", _UNPACK),
    (b"PK\x05\x06", "an empty ZIP archive", _NO_ROWS),
    (b"PK\x07\x08", "a ZIP archive in parts", "put the parts together with `zip -s 0`"),
    (b"\x1f\x8b\x08", "gzip-compressed", _UNPACK),
    (b"\x1f\x9d", "compressed with compress (.Z)", "unpack it with `uncompress` or `gzip -d`"),
    (b"\xfd7zXZ\x00", "xz-compressed", _UNPACK),
    (b"LZIP\x01", "lzip-compressed", "unpack it with `lzip -d`"),
    (b"\x89LZO\x00\r\n\x1a\n", "LZO-compressed", "unpack it with `lzop -d`"),
    (b"\x28\xb5\x2f\xfd", "Zstandard-compressed", _UNPACK),
    (b"\x04\x22\x4d\x18", "LZ4-compressed", "unpack it with `lz4 -d`"),
    (b"\xff\x06\x00\x00sNaPpY", "Snappy-compressed", "unpack it with `snzip -d`"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", _UNPACK),
    (b"Rar!\x1a\x07", "a RAR archive", _WHOLE_SET),
    (b"MSCF\x00\x00\x00\x00", "a Windows cabinet (.cab)", "unpack it with `cabextract`"),
    (b"PAR1", "an Apache Parquet file", ""),
    (b"PARE", "an encrypted Apache Parquet file", "write it again without encryption"),
    (b"ARROW1\x00\x00", "an Apache Arrow file", ""),
    (b"FEA1", "a Feather file of version 1", "write it again as Parquet"),
    (b"Obj\x01", "an Apache Avro file", f"`avro-tools tojson` makes JSON of it, {_ONE_LINE_EACH}"),
    (b"SQLite format 3\x00", "an SQLite database", "`sqlite3 FILE .dump` makes SQL of it"),
    (b"\x00\x01\x00\x00Standard Jet DB", "a Microsoft Access database", "`mdb-export FILE TABLE` makes CSV of it"),
    (b"\x00\x01\x00\x00Standard ACE DB", "a Microsoft Access database", "`mdb-export FILE TABLE` makes CSV of it"),
    (b"\x00\x01\x00\x00MSISAM Database", "a Microsoft Money file", _EXPORT),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Microsoft Office document (.xls or .doc)", _SAVE_AS),
    (b"%PDF-", "a PDF document", "take its text out of it with `pdftotext -layout`"),
    (b"PGDMP\x01", "a PostgreSQL custom-format dump", "`pg_restore -f FILE.sql FILE` makes SQL of it"),
    (b"\x6d\xe2\x99\x81", "an archive of mongodump", "restore it with `mongorestore --archive`, and use `mongoexport`"),
    (b"MSSQLBAK", "a backup of Microsoft SQL Server", _RESTORE),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file", _EXPORT),
    (b"\x93NUMPY", "a NumPy array", "write it again as CSV"),
    (b"\xac\xed\x00\x05", "serialized Java objects", ""),
    (b"!BDN", "an Outlook mailbox (.pst)", "`readpst` makes text of it"),
    (b"\x3f\xd7\x6c\x17", "a Lucene or Elasticsearch index", "export its documents with `elasticdump`"),
    (b"\xfe\xfe\x07\x01", "the index of a MySQL table (.MYI)", _RESTORE),
    (b"\x03\xd9\xa2\x9a", "a KeePass database", ""),
    (b"\x89PNG\r\n\x1a\n", "a PNG picture", _NO_ROWS),
    (b"\xff\xd8\xff", "a JPEG picture", _NO_ROWS),
    (b"GIF89a", "a GIF picture", _NO_ROWS),
    (b"\x7fELF", "a program", _NO_ROWS),
    (b"{\\rtf", "a document in RTF", "save it as plain text"),
    (b"age-encryption.org/", "encrypted with age", "decrypt it first"),
    (b"-----BEGIN PGP MESSAGE-----", "encrypted with OpenPGP", "decrypt it with `gpg -d`"),
    (b"-----BEGIN AGE ENCRYPTED FILE-----", "encrypted with age", "decrypt it first"),
    (b"Salted__", "encrypted with openssl enc", "decrypt it first"),
)
_SIGNATURE_BYTES = max(len(signature) for signature, _, _ in _SIGNATURES)
_PATTERNS: tuple[tuple[re.Pattern[bytes], str, str], ...] = (
    # bzip2: magic, block size, then the magic of the first block (pi) or of the end (square root of pi).
    (re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)"), "bzip2-compressed", _UNPACK),
    # ORC: its magic is three letters, which may also begin a header.
    (re.compile(rb"ORC[\x00-\x1f\x80-\xff]"), "an Apache ORC file", "`orc-contents` makes JSON lines of it"),
    # Redis: version, then the opcode of an auxiliary field, a database number or an expiry.
    (re.compile(rb"REDIS\d{4}[\xf5-\xff\x00]"), "a Redis dump (.rdb)", "`rdb --command json` makes JSON of it"),
    # Microsoft Tape Format: attributes of a descriptor block, offset of the first event.
    (re.compile(rb"TAPE[\x00-\x0f]\x00[\x00-\xff]{2}"), "a backup of Microsoft SQL Server", _RESTORE),
    (re.compile(rb"\x01\x0f\x00\x00[\x00-\x0f]"), "a data file of Microsoft SQL Server (.mdf)", _RESTORE),
    (re.compile(rb"[\x00-\x08]{0,3}\xfe?EXPORT:V\d\d"), "a dump of Oracle's exp", _RESTORE),
    (re.compile(rb"[\x00-\x08][^\r\n]{0,200}\"[A-Z0-9_$#]{1,60}\"\.\"SYS_EXPORT_"), "an Oracle Data Pump file",
     _RESTORE),
    (re.compile(rb"\xfe\x01[\x07-\x0a][\x00-\x2a]"), "the definition of a MySQL table (.frm)", _RESTORE),
    (re.compile(rb"[\x00-\xff]{12}(?:\x62\x31\x05\x00|\x00\x05\x31\x62|\x61\x15\x06\x00|\x00\x06\x15\x61)"),
     "a Berkeley DB file", "`db_dump -p` makes text of it"),
    (re.compile(rb"\x80[\x02-\x05](?:\x95[\x00-\xff]{6}\x00\x00|[\]})(cXq])"), "a Python pickle",
     "write it again as CSV"),
    (re.compile(rb"\$FL[23]@\(#\)"), "an SPSS file", _EXPORT),
    (re.compile(rb"\x00{12}\xc2\xea\x81\x60\xb3\x14\x11\xcf"), "a SAS file", _EXPORT),
    (re.compile(rb"<stata_dta>"), "a Stata file", _EXPORT),
    # OpenPGP packets: session key encrypted with a password or a public key (RFC 9580, sections 5.1 and 5.3).
    (re.compile(rb"\x8c[\x0d\x2e][\x04\x05][\x01-\x0d]|\x85[\x00-\x04][\x00-\xff]\x03"), "encrypted with OpenPGP",
     "decrypt it with `gpg -d`"),
    (re.compile(rb"MZ[\x00-\xff]{2}[\x00-\x20]\x00"), "a program for Windows", _NO_ROWS),
)  # fmt: skip
_PATTERN_BYTES = 512
# Text; no signature, pattern or structure matches it, except those of `_LIKE_TEXT`.
_PLAIN = re.compile(rb"[\t\n\f\r -~][\t\n\f\r -\xff]*")
_LIKE_TEXT = (
    *(signature for signature, _, _ in _SIGNATURES if signature[0] < 0x7F),  # noqa: PLR2004 - the last of ASCII
    *(b"BZh", b"ORC", b"REDIS", b"TAPE", b"EXPORT:V", b"$FL", b"<stata_dta>", b"MZ"),
)
# Begins every message of an Arrow stream, and no text (Arrow columnar format, "Encapsulated message").
_ARROW_STREAM = b"\xff\xff\xff\xff"
_WORKBOOK = "an Excel workbook (.xlsx)"
_TAR_MAGIC_OFFSET = 257  # POSIX.1-1988 ustar header

# BSON: length, then a type and a name that ends with a NUL (bsonspec.org, version 1.1).
_BSON_ELEMENT = re.compile(rb"[\x01-\x13\x7f\xff][^\x00-\x1f]{1,256}\x00")
_SMALLEST_BSON, _LARGEST_BSON = 8, 16 << 20
# dBase: version, date, at 32 the first field: a name of eleven bytes padded with NULs, and its type.
_DBF = re.compile(
    rb"[\x02-\x05\x30-\x32\x43\x63\x7b\x83\x8b\x8e\xcb\xe5\xf5\xfb][\x00-\xff][\x01-\x0c][\x01-\x1f][\x00-\xff]{28}"
    rb"[A-Za-z_][\x20-\x7e]{0,9}\x00[\x00-\xff]{0,9}",
)
_DBF_HEADER_AT, _DBF_TYPE_AT, _SMALLEST_DBF_HEADER = 8, 43, 65
_DBF_TYPES = b"CNLDMFBGPYTIVX@O+0QW"
# InnoDB: page 0, type FSP_HDR, and the number of the table space twice (fil0fil.h, fsp0fsp.h).
_PAGE_NUMBER, _PAGE_TYPE, _SPACE, _SPACE_AGAIN = slice(4, 8), slice(24, 26), slice(34, 38), slice(38, 42)
_FSP_HEADER = b"\x00\x08"

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


def known_format(sample: bytes) -> KnownFormat | None:
    """Identify a packed, encrypted or binary file; return None for an unknown signature.

    512 bytes of `sample` suffice, except to distinguish kinds of ZIP archives.
    """
    if _PLAIN.fullmatch(sample, 0, _PATTERN_BYTES) and not sample.startswith(_LIKE_TEXT):
        return None
    head = sample[:_SIGNATURE_BYTES]
    for signature, meaning, advice in _SIGNATURES:
        if head.startswith(signature):
            return _kind_of_zip(sample) if signature == b"PK\x03\x04" else KnownFormat(meaning, advice)
    for pattern, meaning, advice in _PATTERNS:
        if pattern.match(sample, 0, _PATTERN_BYTES):
            return KnownFormat(meaning, advice)
    return next((known for is_one, known in _STRUCTURES if is_one(sample)), None)


def container_format(head: bytes) -> str | None:
    """Return the format of a file that must be read from its end, or None."""
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith((b"ARROW1\x00\x00", _ARROW_STREAM)):
        return "arrow"
    return "xlsx" if head.startswith(b"PK\x03\x04") and _kind_of_zip(head).meaning == _WORKBOOK else None


def refuse_known(head: bytes, member: str = "", *, but_for: Sequence[bytes] = ()) -> None:
    """Refuse a file that is recognizably of another format than the one that is to read it.

    Args:
        head: first bytes of the file.
        member: printable name in the archive; empty if the source is not an archive.
        but_for: first bytes of files of the wanted format.

    Raises:
        SourceError: the file has another format; names it and says what to do.
    """
    if head.startswith(tuple(but_for)):
        return
    if (known := known_format(head)) is not None:
        name = container_format(head)
        use = "" if name is None else f'; set `name = "{name}"` in [format], and leave out what is for text only'
        what = f'"{member}" in it' if member else "this"
        raise SourceError(f"{what} is {known.sentence}{use}")


def _kind_of_zip(sample: bytes) -> KnownFormat:
    """Identify Office documents, ZIP archives with fixed member names (ECMA-376, ISO/IEC 26300)."""
    head = sample[:65_536]
    if b"xl/workbook" in head or b"xl/worksheets" in head:
        return KnownFormat(_WORKBOOK)
    if b"opendocument.spreadsheet" in head[:200]:
        return KnownFormat("an OpenDocument spreadsheet (.ods)", _SAVE_AS)
    if b"[Content_Types].xml" in head[:200]:
        return KnownFormat("an Office document (.xlsx, .docx or .pptx)", "save what it holds as .xlsx, CSV or text")
    return KnownFormat("a ZIP archive", _UNPACK)


def _is_tar(sample: bytes) -> bool:
    return sample[_TAR_MAGIC_OFFSET : _TAR_MAGIC_OFFSET + 5] == b"ustar"


def _is_bson(sample: bytes) -> bool:
    """Return whether the first document, and the next one if present, are valid BSON."""
    at, documents = 0, 0
    while documents < 2 and at < len(sample):  # noqa: PLR2004 - one may match by accident
        length = int.from_bytes(sample[at : at + 4], "little")
        if not _SMALLEST_BSON <= length <= _LARGEST_BSON or not _BSON_ELEMENT.match(sample, at + 4):
            return False
        if at + length <= len(sample) and sample[at + length - 1]:
            return False
        at, documents = at + length, documents + 1
    return documents > 0


def _is_dbf(sample: bytes) -> bool:
    if not _DBF.match(sample) or sample[_DBF_TYPE_AT] not in _DBF_TYPES:
        return False
    header_bytes = int.from_bytes(sample[_DBF_HEADER_AT : _DBF_HEADER_AT + 2], "little")
    return header_bytes >= _SMALLEST_DBF_HEADER


def _is_innodb(sample: bytes) -> bool:
    return (
        len(sample) >= _SPACE_AGAIN.stop
        and sample[_PAGE_NUMBER] == bytes(4)
        and sample[_PAGE_TYPE] == _FSP_HEADER
        and sample[_SPACE] == sample[_SPACE_AGAIN]
    )


_STRUCTURES = (
    (_is_tar, KnownFormat("a tar archive", _UNPACK)),
    (_is_bson, KnownFormat("a BSON file of MongoDB", f"`bsondump FILE` makes JSON of it, {_ONE_LINE_EACH}")),
    (_is_dbf, KnownFormat("a dBase file (.dbf)", "`ogr2ogr -f CSV` or a spreadsheet makes CSV of it")),
    (_is_innodb, KnownFormat("a table space of MySQL's InnoDB (.ibd)", _RESTORE)),
)


def other_text_format(text: str) -> str | None:
    """Return which structured text this is (JSON, SQL, XML); None for possible rows of cells."""
    head = text[:_TEXT_HEAD_CHARACTERS]
    if _JSON.match(head):
        return "JSON"
    if _MARKUP.match(head):
        return "XML or HTML"
    if _SQL.search(head):
        return "an SQL dump"
    return None
