"""Credentials to sign requests with, renewed in the background while the old ones are still valid.

botocore renews credentials on access: from 15 minutes before their expiry it tries at each request, and in the last
10 minutes it requires it. That blocks the caller, here the thread of all requests; so renewal
runs in a separate thread, and not at each request. Credentials without an expiry are read once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.credentials import RefreshableCredentials
from botocore.exceptions import BotoCoreError

from ingest_cli.aws.service_errors import not_renewable
from ingest_cli.runtime.bounded_http import guarded
from ingest_cli.runtime.fibers import Fibers, Room

if TYPE_CHECKING:
    from botocore.credentials import Credentials, ReadOnlyCredentials

    from ingest_cli.sinks.transports.interface import Answer

MANDATORY_S = 10 * 60
"""Seconds before expiry in which renewal is mandatory: botocore's figure, which it does not export."""

SURE_S = 16 * 60
"""Seconds before expiry until which botocore returns credentials without renewing them: its 15 minutes plus one."""

LOOK_EVERY_S = 1.0
"""Seconds between checks of the expiry: a check costs as much as signing a request."""

AGAIN_S = 45.0
"""Seconds between two attempts that are not urgent: easy on a failing service, and 20 attempts in 15 minutes."""


EXPIRED_CREDENTIALS = "expired_credentials"
"""Reason of an attempt to be repeated with new credentials."""


def calls_expired(answer: Answer) -> bool:
    """Return whether the answer may report expired credentials."""
    return answer.status != 200 and b"ExpiredToken" in answer.body  # noqa: PLR2004 - HTTP's OK


class Renewing:
    """Credentials for the requests of some fibers."""

    def __init__(
        self, credentials: Credentials, fibers: Fibers, monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        """Set up without reading any credentials.

        Args:
            credentials: botocore's.
            fibers: loop of the sending fibers.
            monotonic_s: source of the time in seconds.
        """
        self._credentials = credentials
        self._refreshable = credentials if isinstance(credentials, RefreshableCredentials) else None
        self._fibers = fibers
        self._now_s = monotonic_s
        self._fixed: ReadOnlyCredentials | None = None
        self._current: ReadOnlyCredentials | None = None
        self._look_at_s = self._try_at_s = self._forced_until_s = self._good_until_s = float("-inf")
        self._fault: Exception | None = None
        self._is_renewing = False
        self._room = Room(fibers)

    def current(self) -> ReadOnlyCredentials:
        """Return the credentials to sign with; wait for new ones only if the old ones are about to expire.

        Raises:
            TryAgainError: no new ones are available.
        """
        if self._fixed is not None:
            return self._fixed
        if self._current is None or self._now_s() >= self._look_at_s:
            return self._looked_at()
        return self._current

    def replaced(self, used: ReadOnlyCredentials) -> bool:
        """Return whether there are credentials other than `used`, which DynamoDB reports as expired early.

        Raises:
            TryAgainError: no new ones are available.
        """
        self._look_at_s = float("-inf")  # another fiber may have renewed them since the last check
        if self._refreshable is not None and used == self.current():
            now_s = self._now_s()
            if not self._is_renewing and now_s < self._forced_until_s:
                return False  # they are new, and no better
            self._forced_until_s = now_s + AGAIN_S
            self._wait_for(partial(_renewed_now, self._refreshable))
        return used != self.current()

    def _looked_at(self) -> ReadOnlyCredentials:
        """Return the credentials as `current` does, and postpone the next check."""
        credentials, now_s = self._refreshable, self._now_s()
        if credentials is None:  # credentials of other kinds do not expire, and never block
            try:
                self._fixed = self._credentials.get_frozen_credentials()
            except BotoCoreError as error:
                raise not_renewable() from error
            return self._fixed
        # Credentials that were just renewed and still expire soon always do.
        is_good = now_s < self._good_until_s and not credentials.refresh_needed(0)
        if self._current is None or (credentials.refresh_needed(MANDATORY_S) and not is_good):
            return self._wait_for(credentials.get_frozen_credentials)
        self._look_at_s = now_s + LOOK_EVERY_S
        if not credentials.refresh_needed(SURE_S):
            self._current = credentials.get_frozen_credentials()  # another fiber may have renewed them
        elif credentials.refresh_needed() and not self._is_renewing and now_s >= self._try_at_s:
            self._is_renewing = True
            self._fibers.start(partial(self._renew, credentials.get_frozen_credentials))
        return self._current

    def _wait_for(self, ask: Callable[[], ReadOnlyCredentials]) -> ReadOnlyCredentials:
        """Return the result of `ask`, or of a call in progress; all waiting fibers share its result.

        Raises:
            TryAgainError: the call failed.
        """
        if self._is_renewing:
            self._room.wait()
        else:
            self._is_renewing = True
            self._renew(ask)
        if self._current is None or self._fault is not None:
            raise not_renewable() from self._fault
        return self._current

    def _renew(self, ask: Callable[[], ReadOnlyCredentials]) -> None:
        """Renew the credentials for all waiting fibers."""
        is_urgent = self._refreshable is not None and self._refreshable.refresh_needed(MANDATORY_S)
        try:
            self._current = self._fibers.in_thread(partial(_bounded, ask))
        except Exception as error:  # noqa: BLE001 - providers run programs and read files, and raise any error of these
            self._fault = error
        else:
            self._fault = None
        finally:
            self._is_renewing = False
            now_s = self._now_s()
            self._try_at_s = now_s + AGAIN_S
            if is_urgent and self._fault is None:  # botocore reports the failure itself in this case
                self._good_until_s = now_s + AGAIN_S
            self._room.wake()


def _bounded(ask: Callable[[], ReadOnlyCredentials]) -> ReadOnlyCredentials:
    """Call `ask` with bounded requests to the metadata services."""
    with guarded():
        return ask()


def _renewed_now(credentials: RefreshableCredentials) -> ReadOnlyCredentials:
    """Return new credentials, whatever the expiry of the old ones: botocore has no public method for it."""
    hidden: Any = credentials
    with hidden._refresh_lock:  # noqa: SLF001 - see above
        hidden._protected_refresh(is_mandatory=True)  # noqa: SLF001 - see above
    return credentials.get_frozen_credentials()
