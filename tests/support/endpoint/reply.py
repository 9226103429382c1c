"""An answer on its way out: what is sent, when, and how the connection ends."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from .faults import Fault

JSON_TYPE = "application/x-amz-json-1.0"
_PHRASES = {200: "OK", 400: "Bad Request", 404: "Not Found", 413: "Request Entity Too Large"}
_PAGE = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>Welcome to the hotel.</body></html>"


class Ending(Protocol):
    """Told how an answer ended: perhaps more than once, the last time with `final`."""

    def __call__(self, *, sent: bool, final: bool) -> None:
        """`sent`: the whole answer was handed to the kernel."""
        ...


def ignore_ending(*, sent: bool, final: bool) -> None:
    """Default for a reply whose delivery is not watched."""
    del sent, final


@dataclass(slots=True)
class Reply:
    """One answer.

    Attributes:
        status: HTTP status.
        body: what is announced by Content-Length.
        content_type: its header.
        crc32: value of x-amz-crc32; None leaves the header out.
        request_id: value of x-amzn-RequestId.
        delivery: "send", "reset" the connection, "hang", "flood" it, or "dribble" into it.
        delay_s: how long to wait before it.
        beat_s: for "dribble", how long to wait before each byte.
        sent_bytes: send only so much of the body, then close; None sends all.
        close: close the connection after it.
        intact: whether it is the true answer.
        on_end: see `Ending`.
    """

    status: int
    body: bytes
    content_type: str = JSON_TYPE
    crc32: int | None = None
    request_id: str = ""
    delivery: Literal["send", "reset", "hang", "flood", "dribble"] = "send"
    delay_s: float = 0.0
    beat_s: float = 0.0
    sent_bytes: int | None = None
    close: bool = False
    intact: bool = True
    on_end: Ending = field(default=ignore_ending)

    @property
    def is_whole(self) -> bool:
        """Whether all of it is meant to arrive."""
        return self.delivery == "send" and self.sent_bytes is None

    @classmethod
    def of_json(cls, status: int, document: Any, request_id: str = "") -> Reply:
        """A JSON answer with its right CRC."""
        body = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
        return cls(status, body, crc32=zlib.crc32(body), request_id=request_id)

    def spoil(self, fault: Fault) -> None:
        """Do to this answer what the fault says, if it is a fault of delivery."""
        kept = min(len(self.body) - 1, int(len(self.body) * fault.keep))
        if fault.kind == "reset":
            self.delivery = "reset"
        elif fault.kind in {"hang", "flood", "dribble"}:
            self.delivery, self.beat_s = fault.kind, fault.seconds
        elif fault.kind == "truncate":
            self.sent_bytes = kept
        elif fault.kind == "cut_json":
            self.body = self.body[:kept]
            self.crc32 = zlib.crc32(self.body) if fault.right_crc else self.crc32
        elif fault.kind == "wrong_crc":
            self.crc32 = zlib.crc32(self.body) ^ 0xFFFFFFFF
        elif fault.kind == "html":
            self.body, self.content_type, self.crc32 = _PAGE, "text/html", None
        elif fault.kind == "empty_object":
            self.body = b"{}"
            self.crc32 = zlib.crc32(self.body)
        elif fault.kind == "close_after":
            self.close = True
            return
        self.intact = False

    def wire(self) -> bytes:
        """The bytes to send."""
        head = [
            f"HTTP/1.1 {self.status} {_PHRASES.get(self.status, 'Error')}",
            "Server: Server",
            f"Content-Type: {self.content_type}",
            f"Content-Length: {len(self.body)}",
            f"x-amzn-RequestId: {self.request_id}",
        ]
        if self.crc32 is not None:
            head.append(f"x-amz-crc32: {self.crc32}")
        shown = self.body if self.sent_bytes is None else self.body[: self.sent_bytes]
        return "\r\n".join([*head, "", ""]).encode() + shown
