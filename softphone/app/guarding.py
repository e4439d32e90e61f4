"""Who a station listens to, and what is told of those it does not."""

import logging
import time
from collections.abc import Callable

from softphone.config import AccountOptions
from softphone.sip.events import NO_CALLS, MessageDropped
from softphone.sip.guard import Concern, Guard, Notices
from softphone.sip.uri import SipUri

log = logging.getLogger(__name__)

_CONCERNS = frozenset(concern.value for concern in Concern)


def guard_of(account: AccountOptions) -> Guard:
    """A guard that knows who is here, where *account* says it."""
    if account.user is None or account.any_user:
        return Guard()
    # Calls that a registrar sends here name the contact that it was told.
    told = None if account.contact is None else SipUri.parse(account.contact).user
    return Guard(users=frozenset({account.user, account.user if told is None else told}))


class DroppedLog:
    """Tells of messages that were dropped, once a source, reason and minute; of those that look like an attack without being asked.

    Args:
        clock: seconds that only go up.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._notices = Notices()

    def note(self, event: NO_CALLS) -> None:
        """Take an event of no call."""
        if not isinstance(event, MessageDropped):
            return
        host, port = event.addr[:2]
        is_concern = event.reason in _CONCERNS
        if is_concern or self._notices.due(host, now=self._clock()):
            level = logging.WARNING if is_concern else logging.INFO
            log.log(level, "SIP from %s:%d dropped: %s", host, port, event.reason)
