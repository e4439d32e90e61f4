"""Answers to requests of peers (RFC 3261 section 8.2.6), for all that serve them."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from softphone.sip.layer import TransactionLayer
from softphone.sip.leg import Cause
from softphone.sip.local import LocalAgent
from softphone.sip.message import Request
from softphone.sip.server_transaction import ServerTransaction

if TYPE_CHECKING:
    import random

BUSY_RETRY_AFTER_S = 5
"""Said with 500 and 503, in the range that sections 14.2 and RFC 3311 section 5.2 give, where there is no chance to ask."""


class Responder:
    """Makes an answer and hands it to its transaction.

    Args:
        rng: for how long a peer is told to wait; None: always the same.
    """

    def __init__(self, agent: LocalAgent, layer: TransactionLayer, rng: "random.Random | None") -> None:
        self._agent = agent
        self._layer = layer
        self._rng = rng

    def refuse(
        self,
        transaction: ServerTransaction,
        status: int,
        now: float,
        *,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        """Answer with *status* and no more than *headers*."""
        self.respond(transaction, Cause(status=status, headers=headers), self._agent.ids.tag(), now)

    def refuse_for_now(self, transaction: ServerTransaction, status: int, now: float) -> None:
        """Answer with *status* and when to try again (section 14.2, RFC 3311 section 5.2: 0 to 10 s by chance)."""
        wait_s = BUSY_RETRY_AFTER_S if self._rng is None else self._rng.randrange(11)
        self.refuse(transaction, status, now, headers=(("Retry-After", str(wait_s)),))

    def respond(self, transaction: ServerTransaction, cause: Cause, to_tag: str, now: float) -> bytes:
        """Answer as *cause* says, and return the answer as it went out."""
        data = self._agent.render(
            self._agent.response(
                transaction.request,
                cause.status,
                cause.reason,
                to_tag=to_tag,
                body=cause.body,
                content_type=cause.content_type,
                headers=cause.headers,
            )
        )
        self._layer.respond(transaction, cause.status, data, now=now)
        return data

    def can_read(self, transaction: ServerTransaction, accepted: Iterable[str], now: float) -> bool:
        """Whether the body is of a media type in *accepted*; else the request is refused (section 8.2.3)."""
        request = transaction.request
        if not request.body:
            return True
        accepted = tuple(accepted)
        encoding = (request.headers.get("Content-Encoding") or "identity").strip().lower()
        disposition = (request.headers.get("Content-Disposition") or "").lower().replace(" ", "")
        if "handling=optional" in disposition:
            return True
        if encoding != "identity":
            self.refuse(transaction, 415, now, headers=(("Accept-Encoding", "identity"),))
            return False
        if content_type(request) not in accepted:
            self.refuse(transaction, 415, now, headers=(("Accept", ", ".join(accepted)),))
            return False
        return True


def content_type(request: Request) -> str:
    """Return the media type of the body, in lower case and without parameters."""
    return (request.headers.get("Content-Type") or "").partition(";")[0].strip().lower()
