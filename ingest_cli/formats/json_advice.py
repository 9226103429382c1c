"""Explain why a JSON document cannot be read with the manifest, and which keys of `[format]` to set.

A message never contains a key that may be personal data.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ingest_cli.errors import ManifestError
from ingest_cli.formats.json_paths import step

LOOK_BYTES = 64 << 10
"""Part of an object that is inspected for a message."""


def refusal_of_arrays() -> ManifestError:
    """Return the error for rows that are arrays whose elements the manifest does not name."""
    return ManifestError(
        "the rows are arrays, not objects; set a name for each of their elements in [format], like "
        'columns = ["EMAIL", "", "PHONE"]'
    )


def refusal_of_object(name: str, data: bytes) -> ManifestError | None:
    """Return the error for an object in place of the array of rows; None if the object has no rows.

    Args:
        name: path of the place, as in the manifest.
        data: the object, or its first `LOOK_BYTES`.
    """
    from ingest_cli.formats.sniffing.trees import parse_sample  # noqa: PLC0415 - only where something is wrong

    documents = parse_sample(data.decode("utf-8", "surrogateescape"))
    if not documents or not isinstance(documents[0], dict):
        return None
    return _refusal(documents[0], f'"{name}"', f"{name}.", name)


def refusal_of_document(document: Mapping[str, object], names: Collection[str]) -> ManifestError | None:
    """Return the error for a document without any of the columns that contains rows with them; else None.

    Args:
        document: first document of the source.
        names: first steps of the columns.
    """
    if any(name in document for name in names):
        return None
    from ingest_cli.formats.sniffing.keys import identifier_in, is_by_column, is_map  # noqa: PLC0415 - the same

    if is_map([document]) and _hold(document, names):
        return _refusal(document, "the document", "")
    for key, value in document.items():
        if not isinstance(value, dict) or identifier_in(key) is not None:
            continue
        if (is_by_column(value) and any(name in value for name in names)) or (is_map([value]) and _hold(value, names)):
            return _refusal(value, f'"{key}"' if key.isprintable() else "an object", f"{step(key)}.", step(key))
    return None


def _hold(document: Mapping[str, object], names: Collection[str]) -> bool:
    """Return whether most values are objects with at least one of the columns."""
    values = [value for value in document.values() if value is not None]
    holding = sum(isinstance(value, dict) and any(name in value for name in names) for value in values)
    return bool(values) and 2 * holding > len(values)


def _refusal(value: Mapping[str, object], what: str, prefix: str, rows: str = "") -> ManifestError | None:
    from ingest_cli.formats.sniffing.keys import described, is_by_column  # noqa: PLC0415 - only for a refusal

    objects = sum(isinstance(each, dict) for each in value.values())
    if is_by_column(value):
        at = f'rows = "{rows}" and ' if rows else ""
        return ManifestError(
            f'{what} is an object of columns, each with the values of all rows; set {at}layout = "columns" in [format]'
        )
    if 2 * objects <= len(value):
        return None
    return ManifestError(
        f"{what} is an object of {objects:,} object{'s' * (objects != 1)}, keyed by {described(value)}; "
        f'set rows = "{prefix}*" in [format]'
    )
