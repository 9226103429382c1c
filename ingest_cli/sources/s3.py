"""Find objects in S3 by key, prefix or pattern."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from typing import Any, BinaryIO

from botocore.exceptions import ClientError

from ingest_cli.errors import MissingSourceError, SourceError
from ingest_cli.sources.places import PATTERN_SIGNS, READ_BYTES, Places, is_companion, is_no_dump, label
from ingest_cli.sources.s3_reading import Version, VersionFile, pieces
from ingest_cli.sources.s3_requests import ARCHIVED, Requests

_ARCHIVES = frozenset({"GLACIER", "DEEP_ARCHIVE"})
_RESTORED = 'ongoing-request="false"'  # x-amz-restore of HeadObject once a readable copy exists
_FORBIDDEN, _UNCLEAR = 403, frozenset({400, 403, 404})  # HeadObject has no body that could state the reason


@dataclass(frozen=True, slots=True)
class S3Object:
    """Object, pinned to the content it had when the run was planned."""

    version: Version
    requests: Requests

    @property
    def name(self) -> str:
        """See `Source.name`."""
        return label(f"s3://{self.version.bucket}/{self.version.key}")

    @property
    def size_bytes(self) -> int:
        """See `Source.size_bytes`."""
        return self.version.size_bytes

    @property
    def identity(self) -> tuple[str, str]:
        """See `Source.identity`."""
        return self.version.bucket, self.version.key

    def fingerprint(self) -> str:
        """Return the SHA-256 of the entity tag and the size, one per line, without reading the object."""
        return hashlib.sha256(f"{self.version.tag}\n{self.version.size_bytes}\n".encode()).hexdigest()

    def open(self) -> Iterator[bytes]:
        """See `Source.open`."""
        return pieces(self.requests, self.version)

    def open_file(self) -> BinaryIO:
        """See `Source.open_file`."""
        return io.BufferedReader(VersionFile(self.requests, self.version), READ_BYTES)


def find(address: str, places: Places) -> list[S3Object]:
    """Return the objects that `address` matches, sorted by key.

    Args:
        address: `s3://BUCKET/KEY`; `s3://BUCKET/PREFIX/` for all objects under it; or either with `*`, `?`, `[…]`,
            which match within a key component, and `**` for any number of components. A key that does not exist is
            treated as a prefix.

    Raises:
        SourceError: no object matches, or one cannot be read.
        UsageError: the AWS settings are not usable.
    """
    bucket, _, key = address.partition("://")[2].partition("/")
    what = f'"{label(address)}"'
    if not bucket:
        raise SourceError(f"{what} names no bucket; write s3://BUCKET/KEY")
    requests = places.s3
    passed = list[str]()
    if any(sign in key for sign in PATTERN_SIGNS):
        found = _matching(requests, bucket, key, what)
    elif not key or key.endswith("/"):
        found = _under(requests, bucket, key, what, passed)
    else:
        found = _at(requests, bucket, key, what, passed)
    places.pass_over(what, passed)
    return [S3Object(version, requests) for version in sorted(found, key=lambda version: version.key)]


def _matching(requests: Requests, bucket: str, pattern: str, what: str) -> list[Version]:
    prefix = pattern[: min(at for at in map(pattern.find, PATTERN_SIGNS) if at >= 0)]
    parts, found = pattern.split("/"), []
    for entry in _list(requests, bucket, prefix, what):
        if entry["Key"] == pattern:
            return [_version(requests, bucket, entry)]
        if _matches(entry["Key"].split("/"), parts) and not _is_marker(entry):
            found.append(entry)
    if not found:
        raise MissingSourceError(f"no object matches {what}")
    return [_version(requests, bucket, entry) for entry in found]


def _under(requests: Requests, bucket: str, prefix: str, what: str, passed: list[str]) -> list[Version]:
    entries = [
        entry
        for entry in _list(requests, bucket, prefix, what)
        if not _is_marker(entry) and not any(map(is_no_dump, entry["Key"][len(prefix) :].split("/")))
    ]
    names = [entry["Key"].rpartition("/")[2] for entry in entries]
    passed += [entry["Key"][len(prefix) :] for entry, name in zip(entries, names, strict=True) if is_companion(name)]
    kept = [entry for entry, name in zip(entries, names, strict=True) if not is_companion(name)]
    found = [_version(requests, bucket, entry) for entry in kept]
    if not found:
        raise MissingSourceError(f"there is no dump under {what}")
    return found


def _at(requests: Requests, bucket: str, key: str, what: str, passed: list[str]) -> list[Version]:
    head = requests.call(lambda: _head(requests, bucket, key), what)
    if not isinstance(head, int):
        return [_version(requests, bucket, {**head, "Key": key, "Size": head.get("ContentLength")})]
    # A listing returns the reason for a failure, and shows whether the key is a folder.
    if any(True for _ in _list(requests, bucket, f"{key}/", what)):
        return _under(requests, bucket, f"{key}/", what, passed)
    if head == _FORBIDDEN:
        raise SourceError(f"AWS denies access to {what}; check the policy, which must allow s3:GetObject")
    raise MissingSourceError(f"{what} does not exist")


def _head(requests: Requests, bucket: str, key: str) -> Mapping[str, Any] | int:
    """Return the HeadObject response, or the status code of a refusal without a reason."""
    try:
        return requests.client.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        if status in _UNCLEAR:
            return status
        raise


def _list(requests: Requests, bucket: str, prefix: str, what: str) -> Iterator[Mapping[str, Any]]:
    """Yield all objects whose keys begin with `prefix`, as ListObjectsV2 returns them."""
    token: dict[str, Any] = {}
    while True:
        page = requests.call(
            partial(requests.client.list_objects_v2, Bucket=bucket, Prefix=prefix, **token),
            what,
        )
        if "IsTruncated" not in page:
            raise SourceError(
                f"the server at {requests.client.meta.endpoint_url} does not respond like S3, so {what} cannot be "
                "found; check AWS_ENDPOINT_URL_S3"
            )
        yield from (entry for entry in page.get("Contents", []) if entry.get("Key"))
        after = page.get("NextContinuationToken")
        if not page["IsTruncated"] or not after or token.get("ContinuationToken") == after:
            return
        token = {"ContinuationToken": after}


def _version(requests: Requests, bucket: str, entry: Mapping[str, Any]) -> Version:
    """Return the version of an object to read.

    Raises:
        SourceError: the object is archived.
    """
    key, etag, size = entry["Key"], entry.get("ETag"), entry.get("Size")
    what = f'"{label(f"s3://{bucket}/{key}")}"'
    if not isinstance(etag, str) or not isinstance(size, int):
        raise SourceError(f"the server does not return the entity tag and size of {what} as S3 does; copy it to a file")
    if entry.get("StorageClass") in _ARCHIVES:
        head = entry if "Restore" in entry else requests.call(lambda: _head(requests, bucket, key), what)
        if isinstance(head, int) or _RESTORED not in head.get("Restore", ""):
            raise SourceError(ARCHIVED.format(what=what))
    return Version(bucket, key, etag, size)


def _is_marker(entry: Mapping[str, Any]) -> bool:
    """Return whether an object is a folder placeholder, as consoles create them."""
    return bool(entry["Key"].endswith("/") and not entry.get("Size"))


def _matches(parts: list[str], pattern: list[str]) -> bool:
    """Return whether the components of a key match those of a pattern."""
    # Row by row as for an edit distance: which prefixes of the pattern match the components so far.
    fits = [True] + [False] * len(pattern)
    _pass_over_stars(fits, pattern)
    for part in parts:
        fits = [False] + [
            fits[n + 1] if each == "**" else fits[n] and fnmatchcase(part, each) for n, each in enumerate(pattern)
        ]
        _pass_over_stars(fits, pattern)
    return fits[-1]


def _pass_over_stars(fits: list[bool], pattern: list[str]) -> None:
    """Let `**` match zero components."""
    for n, each in enumerate(pattern):
        if each == "**" and fits[n]:
            fits[n + 1] = True
