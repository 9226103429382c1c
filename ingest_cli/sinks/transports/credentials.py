"""The credentials that requests are signed with: renewed while others go on to be signed with the old ones.

botocore renews credentials when somebody asks for them: from 15 minutes before their end on it tries at each request,
and in the last 10 minutes none is made without. That blocks whoever asks, who is here the thread of all requests; so it
is done in a thread beside it, and not at each request. Credentials without an end are asked for once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.credentials import RefreshableCredentials
from botocore.exceptions import BotoCoreError

from ingest_cli.aws.session import not_renewable
from ingest_cli.runtime.bounded_http import guarded
from ingest_cli.runtime.fibers import Fibers, Room

if TYPE_CHECKING:
    from botocore.credentials import Credentials, ReadOnlyCredentials

    from ingest_cli.sinks.transports.interface import Answer

MANDATORY_S = 10 * 60
"""Seconds before their end in which credentials have to be renewed: botocore's figure, which it does not publish."""

SURE_S = 16 * 60
"""Seconds before their end up to which botocore hands out credentials without renewing them: its 15 minutes and one."""

LOOK_EVERY_S = 1.0
"""Seconds after which the end is looked at again: that costs as much as signing a request does."""

AGAIN_S = 45.0
"""Seconds between two attempts, if it is not urgent: a service that fails needs no more, and 15 minutes have 20."""


EXPIRED_CREDENTIALS = "expired_credentials"
"""The reason for an attempt that has to be repeated with others."""


def calls_expired(answer: Answer) -> bool:
    """Whether an answer may say that the credentials of its request have expired."""
    return answer.status != 200 and b"ExpiredToken" in answer.body  # noqa: PLR2004 - HTTP's OK


class Renewing:
    """Credentials for the requests of some fibers."""

    def __init__(
        self, credentials: Credentials, fibers: Fibers, monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        """Set up; nobody is asked for anything yet.

        Args:
            credentials: botocore's.
            fibers: those that send.
            monotonic_s: tells the time.
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
        """The credentials to sign with; waits for new ones only if the old ones are about to end.

        Raises:
            TryAgainError: there are no new ones.
        """
        if self._fixed is not None:
            return self._fixed
        if self._current is None or self._now_s() >= self._look_at_s:
            return self._looked_at()
        return self._current

    def replaced(self, used: ReadOnlyCredentials) -> bool:
        """Whether there are others than `used`, which the other side calls expired before their time.

        Raises:
            TryAgainError: there are no new ones.
        """
        self._look_at_s = float("-inf")  # somebody else may have renewed them since this was last looked at
        if self._refreshable is not None and used == self.current():
            now_s = self._now_s()
            if not self._is_renewing and now_s < self._forced_until_s:
                return False  # they are new, and no better
            self._forced_until_s = now_s + AGAIN_S
            self._wait_for(partial(_renewed_now, self._refreshable))
        return used != self.current()

    def _looked_at(self) -> ReadOnlyCredentials:
        """See `current`; others are not to look again so soon."""
        credentials, now_s = self._refreshable, self._now_s()
        if credentials is None:  # botocore's others have no end, and wait for nothing
            try:
                self._fixed = self._credentials.get_frozen_credentials()
            except BotoCoreError as error:
                raise not_renewable() from error
            return self._fixed
        # What was renewed just now and has little time left all the same never has more.
        is_good = now_s < self._good_until_s and not credentials.refresh_needed(0)
        if self._current is None or (credentials.refresh_needed(MANDATORY_S) and not is_good):
            return self._wait_for(credentials.get_frozen_credentials)
        self._look_at_s = now_s + LOOK_EVERY_S
        if not credentials.refresh_needed(SURE_S):
            self._current = credentials.get_frozen_credentials()  # somebody else may have renewed them
        elif credentials.refresh_needed() and not self._is_renewing and now_s >= self._try_at_s:
            self._is_renewing = True
            self._fibers.start(partial(self._renew, credentials.get_frozen_credentials))
        return self._current

    def _wait_for(self, ask: Callable[[], ReadOnlyCredentials]) -> ReadOnlyCredentials:
        """The credentials that `ask`, or whoever asks already, gets; all who wait meanwhile get the same, or nothing.

        Raises:
            TryAgainError: nothing.
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
        """Get credentials, for all who wait."""
        is_urgent = self._refreshable is not None and self._refreshable.refresh_needed(MANDATORY_S)
        try:
            self._current = self._fibers.in_thread(partial(_bounded, ask))
        except Exception as error:  # noqa: BLE001 - providers run programs and read files, and raise what these do
            self._fault = error
        else:
            self._fault = None
        finally:
            self._is_renewing = False
            now_s = self._now_s()
            self._try_at_s = now_s + AGAIN_S
            if is_urgent and self._fault is None:  # botocore says so if it fails then
                self._good_until_s = now_s + AGAIN_S
            self._room.wake()


def _bounded(ask: Callable[[], ReadOnlyCredentials]) -> ReadOnlyCredentials:
    """What `ask` gets; the metadata services that it may ask are bounded as all others are."""
    with guarded():
        return ask()


def _renewed_now(credentials: RefreshableCredentials) -> ReadOnlyCredentials:
    """New credentials, whenever the old ones end: botocore has no public way to ask for them."""
    hidden: Any = credentials
    with hidden._refresh_lock:  # noqa: SLF001 - see above
        hidden._protected_refresh(is_mandatory=True)  # noqa: SLF001 - see above
    return credentials.get_frozen_credentials()
