"""Requests of ours outside of any dialog, each to its final answer, over to the next address where one does not answer."""

from collections.abc import Callable
from dataclasses import replace

from softphone.sip.auth import Credentials
from softphone.sip.dialog import path_to
from softphone.sip.errors import LocalSipError
from softphone.sip.events import Address, RequestAnswered
from softphone.sip.exchange import Exchange, Exchanges
from softphone.sip.legs import LegBook
from softphone.sip.local import LocalAgent
from softphone.sip.message import Request, Response
from softphone.sip.uri import NameAddr, SipUri

OnFinal = Callable[[Response | None, Exchange, float], None]
"""Told the final answer or None, the last exchange with what it failed with, and the time."""
NOT_HERE = ("INVITE", "ACK", "CANCEL", "BYE", "PRACK", "REGISTER")
"""Methods that have a life of their own."""
UNAVAILABLE = 503


class Requests:
    """Sends what is no call and needs no dialog: MESSAGE, PUBLISH, OPTIONS and the like."""

    def __init__(self, agent: LocalAgent, exchanges: Exchanges, book: LegBook) -> None:
        self._agent = agent
        self._exchanges = exchanges
        self._book = book

    def request(
        self,
        method: str,
        target: SipUri,
        *,
        from_: NameAddr,
        destination: Address,
        alternatives: tuple[Address, ...] = (),
        credentials: Credentials | None = None,
        body: bytes = b"",
        content_type: str | None = None,
        headers: tuple[tuple[str, str], ...] = (),
        route: tuple[str, ...] = (),
        now: float,
    ) -> int:
        """Send a request and return its number; `RequestAnswered` will tell.

        Raises:
            LocalSipError: for a method that makes or needs a dialog, or REGISTER, or what cannot be sent.
        """
        if method in NOT_HERE:
            raise LocalSipError(
                f"a request outside of dialogs cannot be {method}: it has a method of its own"
            )
        ids = self._agent.ids
        request = self._agent.request(
            method,
            path_to(target, [NameAddr.parse(value) for value in route]),
            from_=from_.with_tag(ids.tag()),
            to=NameAddr(replace(target, headers=())),
            call_id=ids.call_id(),
            cseq=1,
            body=body,
            content_type=content_type,
            headers=headers,
        )
        number = self._book.new_id()

        def tell(response: Response | None, _exchange: Exchange, _now: float) -> None:
            self._book.events.append(RequestAnswered(number, response))

        self.send(request, (destination, *alternatives), credentials, counter_from(1), tell, now=now)
        return number

    def send(
        self,
        request: Request,
        destinations: tuple[Address, ...],
        credentials: Credentials | None,
        next_cseq: Callable[[], int],
        on_final: OnFinal,
        *,
        now: float,
    ) -> None:
        """Send *request* to the first of *destinations* that serves it (RFC 3263 section 4.3)."""
        peer, *others = destinations

        def over(response: Response | None, at: float) -> None:
            if others and (response is None or response.status == UNAVAILABLE):
                again = self._agent.repeated(request, cseq=next_cseq())
                self.send(again, tuple(others), credentials, next_cseq, on_final, now=at)
            else:
                on_final(response, exchange, at)

        digest = self._exchanges.digest_client(credentials, peer)
        exchange = Exchange(peer, over, next_cseq, digest)
        self._exchanges.start(request, exchange, now=now)


def counter_from(last: int) -> Callable[[], int]:
    """What counts on from *last*, one up at each call."""

    def count() -> int:
        nonlocal last
        last += 1
        return last

    return count
