"""Parse and validate manifests: what a dump is, its format, and which of its columns identify a person.

A manifest is TOML, one per dump, kept under version control. This module parses one into frozen values and refuses
everything unknown, with the nearest valid suggestion; the actual dump is compared with its manifest later, by the
format that reads it.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import json
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from ingest_cli.errors import ManifestError
from ingest_cli.model.format_options import FORMAT_NAMES, Format, read_format
from ingest_cli.model.toml_schema import TomlTable, escaped, shown, suggestion

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

DEFAULT_EXPOSES: Mapping[str, str] = MappingProxyType(
    {
        "id": "Government issued IDs",
        "phone": "Phone numbers",
        "email": "Email addresses",
        "imsi": "IMSI numbers",
        "imei": "IMEI numbers",
        "iccid": "SIM card numbers",
        "username": "Usernames",
    }
)
"""Kind of identifier → data class that a column of it exposes, in the vocabulary of Have I Been Pwned."""

KINDS = tuple(DEFAULT_EXPOSES)
LOOKUP_KINDS = frozenset({"id", "phone", "email", "username"})
"""Kinds whose values become items unless `lookup` says otherwise: identifiers that a person knows."""

DEFAULT_REGION = "MY"
INTERNATIONAL = "international"
"""Replaces a region: phone numbers begin with a country code, with or without a plus."""

ROW_KEY = "$key"
"""Column with the key of each row, if the rows are the values of an object."""

MAX_IDENTIFIERS = 64
"""Default maximum number of different identifiers of one kind in a row."""

MAX_MANIFEST_BYTES = 1 << 20
MAX_EXPOSES_CHARS = 64
MAX_COLUMN_CHARS = 1024

_DATASET_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


@dataclass(frozen=True, slots=True)
class Dataset:
    """The breach and the location of its files.

    Attributes:
        id: 1 to 64 of `[a-z0-9-]`; part of every item, never reused for another dump.
        title: display name, one line.
        sources: paths, globs or `s3://` addresses as written, relative to `Manifest.base_dir`.
        occurred_on: day of the breach, if known.
        description: one more line, or empty.
        join: whether the sources are parts of one file, in order.
    """

    id: str
    title: str
    sources: tuple[str, ...]
    occurred_on: dt.date | None = None
    description: str = ""
    join: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """A relevant column.

    Attributes:
        columns: names of the columns to search; the first non-empty cell is used.
        exposes: data class exposed by a row in which it is not empty.
        kind: kind of identifier, or None if only its presence counts.
        lookup: whether its values become items.
        region: ISO 3166 two-letter region of phone numbers written without a country code, or `INTERNATIONAL`.
        region_column: column with the region of each phone number: an ISO 3166 code or a calling code. Where
            it is empty, `region` is used.
        optional: whether a source may lack the columns.
    """

    columns: tuple[str, ...]
    exposes: str
    kind: str | None = None
    lookup: bool = False
    region: str = DEFAULT_REGION
    region_column: str | None = None
    optional: bool = False


@dataclass(frozen=True, slots=True)
class RejectLimits:
    """Limits for rejected rows.

    Attributes:
        max_ratio: maximum ratio of rejected rows to rows read, 0 to 1.
        min_sample: number of rows to read before the ratio is checked.
        max_identifiers: maximum number of identifiers of one kind in a row; a row with more is rejected, since it is
            mostly the data of several people read as one row.
    """

    max_ratio: float = 0.05
    min_sample: int = 10_000
    max_identifiers: int = MAX_IDENTIFIERS


def _keys(values: type[Dataset | Format | Field | RejectLimits], **spelled: str) -> tuple[str, ...]:
    """Return the keys of a table: the attributes of its class, except those with another spelling."""
    return tuple(spelled.get(field.name, field.name) for field in dataclasses.fields(values))


_KNOWN_KEYS = {
    "": ("version", "dataset", "format", "fields", "rejects"),
    "dataset": _keys(Dataset),
    "format": _keys(Format, delimiters="delimiter"),
    "fields": _keys(Field, columns="column"),
    "rejects": _keys(RejectLimits),
}
"""Table of a manifest → its keys."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest with every default filled in.

    Attributes:
        path: file it was read from; None for other text.
        fields: relevant columns, in the manifest's order; at least one becomes items.
    """

    path: Path | None
    dataset: Dataset
    format: Format
    fields: tuple[Field, ...]
    rejects: RejectLimits

    @property
    def base_dir(self) -> Path:
        """The folder that relative sources start at."""
        return self.path.parent if self.path else Path()

    @property
    def digest(self) -> str:
        """SHA-256, in hex, of everything that can change the items made from the same files.

        Included are the dataset's id, whether sources are joined, the format, the fields and the maximum number of
        identifiers in a row, with defaults, as JSON with sorted keys. Excluded are title, description, date, the other
        reject limits, comments and the spelling of the TOML, and the sources, whose content has its own fingerprint.
        The order of the fields is included, although today's items do not depend on it: a needless reload costs less
        than a missed one.
        """
        meaning = {
            "dataset": self.dataset.id,
            "join": self.dataset.join,
            "format": dataclasses.asdict(self.format),
            "fields": [dataclasses.asdict(field) for field in self.fields],
            "max_identifiers": self.rejects.max_identifiers,
        }
        text = json.dumps(meaning, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode("ascii")).hexdigest()


def load_manifest(path: Path, *, formats: Collection[str] = FORMAT_NAMES) -> Manifest:
    """Read the manifest at `path`; a byte order mark is ignored.

    Raises:
        ManifestError: the file cannot be read, is larger than `MAX_MANIFEST_BYTES`, or has a mistake in it.
    """
    shown = escaped(str(path))
    try:
        if path.is_fifo():  # opening it would block until another process writes
            raise ManifestError(f"{shown}: a named pipe, and no manifest; save the manifest as a file")
        with path.open("rb") as file:
            raw = file.read(MAX_MANIFEST_BYTES + 1)
    except FileNotFoundError:
        raise ManifestError(
            f"{shown}: no such manifest; `ingest-cli validate FILE` shows what a dump contains"
        ) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ManifestError(f"{shown}: the manifest cannot be read: {reason}") from None
    if len(raw) > MAX_MANIFEST_BYTES:
        raise ManifestError(f"{shown}: larger than 1 MiB, so no manifest; was the dump itself given?")
    if b"\0" in raw or (text := _decoded(raw)) is None:
        raise ManifestError(f"{shown}: not UTF-8 text; save the manifest as UTF-8, or was the dump given?")
    return parse_manifest(text, path, formats=formats)


def parse_manifest(text: str, path: Path | None = None, *, formats: Collection[str] = FORMAT_NAMES) -> Manifest:
    """Parse a manifest from `text`.

    Args:
        text: TOML 1.0.
        path: its file, for messages and relative sources.
        formats: valid values of `[format] name`.

    Raises:
        ManifestError: the first mistake found, with its table and key, and advice.
    """
    file = escaped(str(path)) if path else "manifest"
    try:
        raw = tomllib.loads(text)
    except RecursionError:
        raise ManifestError(f"{file}: arrays or tables are nested too deeply to be a manifest") from None
    except ValueError as error:  # a number too long to convert raises a plain ValueError
        raise ManifestError(f"{file}: not valid TOML: {escaped(str(error))}") from None
    _check_version(raw, file)
    top = TomlTable(raw, file, _KNOWN_KEYS)
    dataset = _dataset(top.table("dataset"))
    format_ = read_format(top.table("format"), formats)
    known = (*format_.columns, ROW_KEY) if format_.columns and "*" in (format_.rows or "") else format_.columns
    fields = tuple(_field(table, known) for table in top.tables("fields"))
    if len(set(fields)) < len(fields):
        raise top.error("[[fields]]", "the same field is given twice; remove one")
    if not any(field.lookup for field in fields):
        raise top.error("[[fields]]", "none has a `kind` and `lookup = true`, so nothing would be loaded")
    return Manifest(path, dataset, format_, fields, _rejects(top.table("rejects", required=False)))


def _check_version(raw: Mapping[str, object], file: str) -> None:
    """Check the version before anything else: keys of a later version are not mistakes."""
    version = raw.get("version")
    if version is None:
        raise ManifestError(f"{file}: version: missing; begin the manifest with `version = 1`")
    if type(version) is not int or version != 1:
        raise ManifestError(f"{file}: version: this program reads manifests with `version = 1` only")


def _dataset(table: TomlTable) -> Dataset:
    id_ = table.required_text("id")
    if not _DATASET_ID.fullmatch(id_):
        raise table.error("id", "must be 1 to 64 of a-z, 0-9 and -, and begin with a letter or digit")
    title = table.required_text("title")
    sources = table.texts("sources", '["dumps/*.csv.gz"]')
    if sources is None:
        raise table.error("sources", 'missing, and required, like ["dumps/*.csv.gz"]')
    if not all(source.strip() for source in sources):
        raise table.error("sources", "holds an empty string; remove it")
    occurred_on = table.get("occurred_on", dt.date, "2017-10-19, without quotes or a time")
    join = table.get("join", bool) or False
    return Dataset(id_, title, sources, occurred_on, table.text("description") or "", join)


def _field(table: TomlTable, known_columns: Sequence[str]) -> Field:
    columns = _field_columns(table, known_columns)
    kind = table.text("kind")
    if kind is None:
        for key in ("lookup", "region", "region_column"):
            if table.has(key):
                raise table.error(key, "has no meaning without a `kind`")
        if not table.has("exposes"):
            raise table.error("kind", "missing, as is `exposes`; a field needs one of them")
        return Field(columns, _exposes(table), optional=table.get("optional", bool) or False)
    if kind not in KINDS:
        raise table.error("kind", f"{shown(kind)} is not a kind; {suggestion(kind, KINDS)}")
    lookup = table.get("lookup", bool)
    return Field(
        columns,
        _exposes(table) if table.has("exposes") else DEFAULT_EXPOSES[kind],
        kind,
        kind in LOOKUP_KINDS if lookup is None else lookup,
        _region(table),
        _region_column(table, kind, known_columns),
        table.get("optional", bool) or False,
    )


def _field_columns(table: TomlTable, known_columns: Sequence[str]) -> tuple[str, ...]:
    columns = table.one_or_more("column", '"MOBILE" or ["ICNUM", "OTHER_ID"]')
    if not columns:
        raise table.error("column", "missing, and required")
    for number, column in enumerate(columns):
        if not column:
            raise table.error("column", "must not be empty")
        if len(column) > MAX_COLUMN_CHARS:
            raise table.error("column", f"must have at most {MAX_COLUMN_CHARS} characters, and has {len(column)}")
        if column in columns[:number]:
            raise table.error("column", f"{shown(column)} is there twice; remove one")
        if known_columns and column not in known_columns:
            near = suggestion(column, known_columns)
            raise table.error("column", f"{shown(column)} is not in [format] columns; {near}")
    return columns


def _exposes(table: TomlTable) -> str:
    exposes = table.required_text("exposes")
    if len(exposes) > MAX_EXPOSES_CHARS:
        raise table.error("exposes", f"must have at most {MAX_EXPOSES_CHARS} characters, and has {len(exposes)}")
    return exposes


def _region(table: TomlTable) -> str:
    region = table.text("region")
    if region is None:
        return DEFAULT_REGION
    if region == INTERNATIONAL:
        return region
    from phonenumbers import SUPPORTED_REGIONS  # noqa: PLC0415 - costs more than all the rest of this module

    if region not in SUPPORTED_REGIONS:
        hint = f"write {region.upper()}" if region.upper() in SUPPORTED_REGIONS else "write one like MY or SG"
        raise table.error("region", f"{shown(region)} is not a region of two upper-case letters; {hint}")
    return region


def _region_column(table: TomlTable, kind: str, known_columns: Sequence[str]) -> str | None:
    column = table.text("region_column")
    if column is None:
        return None
    if kind != "phone":
        raise table.error("region_column", "has a meaning for the kind `phone` only; remove it")
    if not column:
        raise table.error("region_column", "must not be empty")
    if known_columns and column not in known_columns:
        near = suggestion(column, known_columns)
        raise table.error("region_column", f"{shown(column)} is not in [format] columns; {near}")
    return column


def _rejects(table: TomlTable) -> RejectLimits:
    default = RejectLimits()
    # TOML distinguishes 0 and 1 from 0.0 and 1.0; a ratio may be written either way.
    ratio = table.get("max_ratio", int if table.is_a("max_ratio", int) else float)
    if ratio is not None and not 0 <= ratio <= 1:  # also false for NaN
        raise table.error("max_ratio", "must be from 0 to 1, like 0.05 for 5 in 100 rows")
    sample = table.get("min_sample", int)
    if sample is not None and sample < 0:
        raise table.error("min_sample", "must be 0 or more rows")
    most = table.get("max_identifiers", int)
    if most is not None and most < 1:
        raise table.error("max_identifiers", "must be 1 or more identifiers of one kind in a row")
    return RejectLimits(
        default.max_ratio if ratio is None else float(ratio),
        default.min_sample if sample is None else sample,
        default.max_identifiers if most is None else most,
    )


def _decoded(raw: bytes) -> str | None:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
