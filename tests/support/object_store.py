"""S3 endpoint on the loopback interface, with one object and scripted faults.

moto covers the protocol; this covers the handling of wrong and missing answers.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections import deque
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

from tests.support.iam import AccessRequest, Policy, policy_of
from tests.support.loopback import LoopbackHandler, LoopbackServer

_FOUND, _PARTIAL, _FORBIDDEN, _NOT_FOUND, _FAILED, _NOT_SATISFIABLE = 200, 206, 403, 404, 412, 416


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong with one request.

    Attributes:
        status: the answer's status code; 0: the connection is closed without an answer.
        code: S3's error code.
        headers: further headers.
        cut_after: bytes of the body after which the connection is closed; None: the answer is an error.
        body: sent instead of S3's XML.
    """

    status: int = 0
    code: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    body: bytes | None = None


def cut(after: int) -> Fault:
    """The connection is lost after so many bytes of the body."""
    return Fault(cut_after=after)


@dataclass(frozen=True, slots=True)
class Asked:
    """A received request.

    Attributes:
        what: `GET`, `HEAD` or `LIST`.
        span: the header Range.
        if_match: the header If-Match.
        signed_for: the region in its signature.
    """

    what: str
    span: str | None
    if_match: str | None
    signed_for: str


class ObjectStore(LoopbackServer):
    """The endpoint; a context manager.

    Attributes:
        data: the content of the one object there is.
        etag: its entity tag, without quotes.
        key: its key, in any bucket.
        head: further headers of the object.
        heeds_ranges: whether Range is understood.
        heeds_conditions: whether If-Match is understood.
        faults: what goes wrong, by what is asked for; each once, in order.
        asked: requests so far.
        policies: access key → what its role may do; a key that is not among them may do everything.
    """

    def __init__(self, data: bytes, key: str = "dump.csv") -> None:
        self.data = data
        self.etag = hashlib.md5(data, usedforsecurity=False).hexdigest()
        self.key = key
        self.head: dict[str, str] = {}
        self.heeds_ranges = self.heeds_conditions = True
        self.faults: dict[str, deque[Fault]] = {"GET": deque(), "HEAD": deque(), "LIST": deque()}
        self.asked: list[Asked] = []
        self.policies: dict[str, Policy] = {}
        super().__init__(_Handler, self)

    def goes_wrong(self, what: str, *faults: Fault) -> None:
        """Let the next requests for `what` go wrong."""
        self.faults[what].extend(faults)

    @property
    def spans(self) -> list[str | None]:
        """The ranges that were asked for."""
        return [one.span for one in self.asked if one.what == "GET"]


class _Handler(LoopbackHandler):
    """As much of S3 as the tests need."""

    @property
    def store(self) -> ObjectStore:
        store: ObjectStore = self.server.owner
        return store

    def do_HEAD(self) -> None:  # noqa: N802 - named by `http.server`
        if self._asked("HEAD") and self._is_there():
            self._object()

    def do_GET(self) -> None:  # noqa: N802 - named by `http.server`
        query = parse_qs(urlsplit(self.path).query)
        if "list-type" in query:
            if self._asked("LIST"):
                self._listing(query["prefix"][0] if "prefix" in query else "")
        elif self._asked("GET") and self._is_there():
            self._object()

    def _asked(self, what: str) -> bool:
        """Note the request; False if it is dealt with, since something goes wrong."""
        store = self.store
        authorization = self.headers.get("Authorization", "")
        region = authorization.split("/")[2] if authorization.count("/") > 1 else ""
        store.asked.append(Asked(what, self.headers["Range"], self.headers["If-Match"], region))
        self.fault = store.faults[what].popleft() if store.faults[what] else None
        if not self._is_allowed(what):
            self.fault = Fault(_FORBIDDEN, "AccessDenied")
        if self.fault is None or self.fault.cut_after is not None:
            return True
        if not self.fault.status:
            self.close_connection = True
            return False
        self._refuse(self.fault)
        return False

    def _is_allowed(self, what: str) -> bool:
        """Whether the role that signed the request may do that (HeadObject needs s3:GetObject)."""
        policy = policy_of(self.store.policies, self.lower_headers())
        action = "s3:ListBucket" if what == "LIST" else "s3:GetObject"
        resource = "arn:aws:s3:::" + unquote(urlsplit(self.path).path).strip("/")
        return policy is None or policy.allows(AccessRequest(action, resource))

    def _refuse(self, fault: Fault) -> None:
        body = fault.body
        if body is None:
            body = f"<Error><Code>{fault.code}</Code><Message>as scripted</Message></Error>".encode()
        self._send(fault.status, b"" if self.command == "HEAD" else body, fault.headers)

    def _is_there(self) -> bool:
        if unquote(urlsplit(self.path).path).split("/", 2)[2:] == [self.store.key]:
            return True
        self._refuse(Fault(_NOT_FOUND, "NoSuchKey"))
        return False

    def _object(self) -> None:
        store, wanted = self.store, self.headers["If-Match"]
        if store.heeds_conditions and wanted is not None and wanted.strip('"') != store.etag:
            self._refuse(Fault(_FAILED, "PreconditionFailed"))
            return
        headers = {"ETag": f'"{store.etag}"', **store.head}
        data, status, span = store.data, _FOUND, self.headers["Range"]
        if span is not None and store.heeds_ranges:
            first, _, last = span.removeprefix("bytes=").partition("-")
            if int(first) >= len(data):
                self._refuse(Fault(_NOT_SATISFIABLE, "InvalidRange"))
                return
            headers["Content-Range"] = f"bytes {first}-{min(int(last), len(data) - 1)}/{len(data)}"
            data, status = data[int(first) : int(last) + 1], _PARTIAL
        self._send(status, data, headers)

    def _listing(self, prefix: str) -> None:
        store, entry = self.store, ""
        if store.key.startswith(prefix):
            entry = (
                f"<Contents><Key>{store.key}</Key><ETag>&quot;{store.etag}&quot;</ETag>"
                f"<Size>{len(store.data)}</Size></Contents>"
            )
        text = f"<ListBucketResult><IsTruncated>false</IsTruncated>{entry}</ListBucketResult>"
        self._send(_FOUND, text.encode(), {})

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.start_answer(status, len(body), headers)
        if self.command == "HEAD":
            return
        if self.fault is not None and self.fault.cut_after is not None:
            body, self.close_connection = body[: self.fault.cut_after], True
        with contextlib.suppress(ConnectionError):  # the client may have closed it
            self.wfile.write(body)
