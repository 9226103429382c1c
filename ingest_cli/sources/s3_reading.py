"""Read one version of an S3 object, as a stream or a seekable file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, IncompleteReadError

from ingest_cli.errors import SourceError
from ingest_cli.sources.places import READ_BYTES
from ingest_cli.sources.s3_requests import FAULTS, READING, Requests, changed
from ingest_cli.sources.seekable import SeekableFile

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from botocore.response import StreamingBody

_MAX_RANGE_BYTES = 8 << 20  # maximum size of a range request, held in memory
_NOT_FOUND, _PARTIAL = 404, 206
_WHAT = "the object"  # the caller adds the source's name


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an object.

    Attributes:
        etag: entity tag as S3 returns it, including quotes.
    """

    bucket: str
    key: str
    etag: str
    size_bytes: int

    @property
    def tag(self) -> str:
        """Return the entity tag without quotes."""
        return self.etag.strip('"')


def pieces(requests: Requests, version: Version) -> Iterator[bytes]:
    """Yield all bytes, requesting the remaining range again whenever the connection breaks.

    Raises:
        SourceError: the object cannot be read, or has changed.
    """
    at = failed = 0
    while at < version.size_bytes:
        try:
            with closing(_get(requests, version, at, version.size_bytes)) as body:
                while piece := body.read(READ_BYTES):
                    at += len(piece)
                    failed = 0
                    if at > version.size_bytes:  # chunked transfer encoding announces no length
                        raise changed()
                    yield piece
            if at < version.size_bytes:
                raise IncompleteReadError(actual_bytes=at, expected_bytes=version.size_bytes)
        except FAULTS as fault:
            failed += 1
            requests.pause(fault, _WHAT, failed, READING)


class VersionFile(SeekableFile):
    """Seekable file with one request per read; wrap it in a buffer. Its methods raise `SourceError`."""

    def __init__(self, requests: Requests, version: Version) -> None:
        super().__init__(version.size_bytes)
        self._requests = requests
        self._version = version

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """See `io.RawIOBase.readinto`."""
        with memoryview(buffer) as view, view.cast("B") as room:
            end = min(self._at + min(len(room), _MAX_RANGE_BYTES), self._version.size_bytes)
            if end <= self._at:
                return 0
            data = self._requests.call(lambda: self._range(end), _WHAT, READING)
            room[: len(data)] = data
        self._at = end
        return len(data)

    def _range(self, end: int) -> bytes:
        with closing(_get(self._requests, self._version, self._at, end)) as body:
            wanted = end - self._at
            data: bytes = body.read(wanted + 1)  # a chunked response may exceed the announced length
        if len(data) > wanted:
            raise changed()
        if len(data) < wanted:
            raise IncompleteReadError(actual_bytes=len(data), expected_bytes=wanted)
        return data


def _get(requests: Requests, version: Version, start: int, end: int) -> StreamingBody:
    """Request the bytes from `start` to `end`.

    Raises:
        SourceError: the object has changed, or the server does not support ranges.
        Exception: one of `FAULTS`.
    """
    is_part = start > 0 or end < version.size_bytes
    wanted: dict[str, Any] = {"Range": f"bytes={start}-{end - 1}"} if is_part else {}
    try:
        answer = requests.client.get_object(Bucket=version.bucket, Key=version.key, IfMatch=version.etag, **wanted)
    except ClientError as error:
        if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") == _NOT_FOUND:
            raise SourceError("the object was deleted after this run began; restore it, and load it again") from error
        raise
    body = answer["Body"]
    if fault := _mismatch(answer, version, start, end, is_part=is_part):
        body.close()
        raise fault
    return body


def _mismatch(answer: Any, version: Version, start: int, end: int, *, is_part: bool) -> SourceError | None:
    """Return an error if the response does not match the request: not every S3-compatible server checks conditions."""
    if answer.get("ETag", version.etag).strip('"') != version.tag:
        return changed()
    if is_part and (
        answer["ResponseMetadata"]["HTTPStatusCode"] != _PARTIAL
        or not answer.get("ContentRange", "").startswith(f"bytes {start}-")
    ):
        return SourceError("the server does not return parts of objects, as S3 does; copy the object to a file")
    if answer.get("ContentLength") != end - start:
        return changed()
    return None
