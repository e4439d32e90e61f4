"""Who comes in: the token is looked at, and who guesses has to wait longer and longer."""

import logging

from softphone.control.dispatcher import Dispatcher
from softphone.control.errors import ControlError
from softphone.control.op import Client
from softphone.control.session_ops import MAX_NAME
from softphone.io.control.limits import Guesses
from softphone.io.control.stats import ServerStats
from softphone.io.control.tokens import TokenPair

_log = logging.getLogger(__name__)


class Reception:
    """Lets clients in and out, by whatever way they came."""

    def __init__(
        self, dispatcher: Dispatcher, tokens: TokenPair, guesses: Guesses, stats: ServerStats
    ) -> None:
        self._dispatcher = dispatcher
        self._tokens = tokens
        self._stats = stats
        self._guesses = guesses

    def admit(self, token: str, name: str, key: str, *, now: float) -> Client:
        """Let in who shows *token*.

        Args:
            name: what the others shall see.
            key: whom it counts as (`limits.address_key`).
            now: monotonic seconds.

        Raises:
            ControlError: ``rate-limited``: too many wrong tokens came from there, this one was not looked at;
                ``unauthorized``.
        """
        wait_s = self._guesses.wait_s(key, now)
        if wait_s > 0:
            self._stats.slowed += 1
            raise ControlError(
                "rate-limited",
                f"too many wrong tokens came from there: wait {wait_s:.1f} s",
                retry_s=round(wait_s, 1),
            )
        role = self._tokens.role_of(token)
        if role is None:
            self._stats.wrong_tokens += 1
            self._guesses.failed(key, now)
            _log.info("! wrong token from %s", key)
            raise ControlError(
                "unauthorized", "wrong token: open the link that was printed where this was started"
            )
        self._stats.joined += 1
        shown = "".join(each for each in name if each.isprintable()).strip()
        client = self._dispatcher.join(shown[:MAX_NAME], role)
        _log.info("= client %d came from %s, role %s", client.id, key, role)
        return client

    def dismiss(self, client: Client) -> None:
        """Let *client* go."""
        self._dispatcher.leave(client)
        _log.info("= client %d left", client.id)
