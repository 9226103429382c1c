"""Watch for the EC2 spot interruption notice, which comes two minutes ahead.

Instance metadata service, version 2 (Amazon EC2 User Guide, "Spot Instance interruption notices"): a
session token first, then `spot/instance-action`, which is 404 until there is a notice.
"""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path

from ingest_cli.runtime.endpoints import is_loopback
from ingest_cli.runtime.stop import StopRequest

POLL_EVERY_S = 5.0
_ADDRESS = "http://169.254.169.254"  # the same on every instance
_TIMEOUT_S = 1.0
_MAX_BYTES = 4096
_TOKEN_TTL_S = 21600
_NOT_FOUND, _UNAUTHORIZED = 404, 401
_VENDOR = Path("/sys/devices/virtual/dmi/id/sys_vendor")


@dataclass(slots=True)
class SpotNotice:
    """Client of this instance's metadata service.

    Attributes:
        address: address of the service.
        every_s: seconds between two requests, as AWS advises.
    """

    address: str
    every_s: float = POLL_EVERY_S
    _token: str | None = field(default=None, repr=False)

    @classmethod
    def here(cls, endpoint_url: str | None) -> SpotNotice | None:
        """Return the client for this machine; None outside EC2, or with a local stand-in for DynamoDB."""
        if os.environ.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true":
            return None
        address = os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT")
        if address:
            notice = cls(address.rstrip("/"))
        elif _is_ec2() and not is_loopback(endpoint_url):
            notice = cls(_ADDRESS)
        else:
            return None
        return notice if notice._answers() else None

    def look(self, stop: StopRequest) -> None:
        """Request a stop if there is a notice.

        Raises:
            OSError: the service is temporarily unreachable.
        """
        if self._token is None:
            self._token = self._new_token()
        try:
            self._ask("GET", "/latest/meta-data/spot/instance-action", {"X-aws-ec2-metadata-token": self._token})
        except urllib.error.HTTPError as error:
            if error.code == _UNAUTHORIZED:
                self._token = None
            elif error.code != _NOT_FOUND:
                raise
            return
        stop.request("EC2 is reclaiming this spot instance")

    def _answers(self) -> bool:
        try:
            self._token = self._new_token()
        except (OSError, HTTPException, ValueError):  # no service, another service, or not an address
            return False
        return True

    def _new_token(self) -> str:
        return self._ask("PUT", "/latest/api/token", {"X-aws-ec2-metadata-token-ttl-seconds": str(_TOKEN_TTL_S)})

    def _ask(self, method: str, path: str, headers: dict[str, str]) -> str:
        request = urllib.request.Request(self.address + path, method=method, headers=headers)  # noqa: S310 - http only
        # Without proxies and redirects: the service never redirects.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect())
        with opener.open(request, timeout=_TIMEOUT_S) as answer:
            return str(answer.read(_MAX_BYTES).decode("ascii", "replace"))


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Handler that leaves redirects as errors."""

    def redirect_request(self, *_: object) -> None:
        """Refuse the redirect."""


def _is_ec2() -> bool:
    try:
        return "Amazon EC2" in _VENDOR.read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
