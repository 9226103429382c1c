"""Reading one version of an object in S3, as a stream or at any place."""

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

_MAX_RANGE_BYTES = 8 << 20  # what one request asks for at the most where a place is read, and is held in memory
_NOT_FOUND, _PARTIAL = 404, 206
_WHAT = "the object"  # whoever reads a source names it


@dataclass(frozen=True, slots=True)
class Version:
    """One content of an object.

    Attributes:
        bucket: where it is.
        key: what it is called there.
        etag: tells this content from others; as S3 gives it, quotes and all.
        size_bytes: its size.
    """

    bucket: str
    key: str
    etag: str
    size_bytes: int

    @property
    def tag(self) -> str:
        """The entity tag itself."""
        return self.etag.strip('"')


def pieces(requests: Requests, version: Version) -> Iterator[bytes]:
    """All bytes of it, by one long request, and another one from the very next byte on whenever that breaks off.

    Raises:
        SourceError: it cannot be read, or is not this version any more.
    """
    at = failed = 0
    while at < version.size_bytes:
        try:
            with closing(_get(requests, version, at, version.size_bytes)) as body:
                while piece := body.read(READ_BYTES):
                    at += len(piece)
                    failed = 0
                    if at > version.size_bytes:  # in chunks, which nothing announces the end of
                        raise changed()
                    yield piece
            if at < version.size_bytes:
                raise IncompleteReadError(actual_bytes=at, expected_bytes=version.size_bytes)
        except FAULTS as fault:
            failed += 1
            requests.pause(fault, _WHAT, failed, READING)


class VersionFile(SeekableFile):
    """The same as a file, a request for each reading; to be wrapped in a buffer. Its methods raise `SourceError`."""

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
            data: bytes = body.read(wanted + 1)  # in chunks, more may come than was announced
        if len(data) > wanted:
            raise changed()
        if len(data) < wanted:
            raise IncompleteReadError(actual_bytes=len(data), expected_bytes=wanted)
        return data


def _get(requests: Requests, version: Version, start: int, end: int) -> StreamingBody:
    """Ask for the bytes from `start` to `end`.

    Raises:
        SourceError: it is not this version any more, or S3 does not give ranges.
        Exception: one of `FAULTS`.
    """
    is_part = start > 0 or end < version.size_bytes
    wanted: dict[str, Any] = {"Range": f"bytes={start}-{end - 1}"} if is_part else {}
    try:
        answer = requests.client.get_object(Bucket=version.bucket, Key=version.key, IfMatch=version.etag, **wanted)
    except ClientError as error:
        if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") == _NOT_FOUND:
            raise SourceError("the object was deleted after this run began; put it back, and load it again") from error
        raise
    body = answer["Body"]
    if fault := _mismatch(answer, version, start, end, is_part=is_part):
        body.close()
        raise fault
    return body


def _mismatch(answer: Any, version: Version, start: int, end: int, *, is_part: bool) -> SourceError | None:
    """Whether an answer is not what was asked for: not all that speak S3's language keep to its conditions."""
    if answer.get("ETag", version.etag).strip('"') != version.tag:
        return changed()
    if is_part and (
        answer["ResponseMetadata"]["HTTPStatusCode"] != _PARTIAL
        or not answer.get("ContentRange", "").startswith(f"bytes {start}-")
    ):
        return SourceError("what answers does not give parts of objects, as S3 does; copy the object to a file")
    if answer.get("ContentLength") != end - start:
        return changed()
    return None
