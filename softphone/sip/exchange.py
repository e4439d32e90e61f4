"""A request of ours other than INVITE, through challenges to its final answer (RFC 3261 section 22.2)."""

from collections.abc import Callable
from dataclasses import dataclass, field

from softphone.sip.auth import AuthAttempts, Credentials, DigestClient
from softphone.sip.dialog import Dialog
from softphone.sip.events import Address
from softphone.sip.layer import TransactionLayer
from softphone.sip.leg import Acknowledgement, Leg
from softphone.sip.local import LocalAgent
from softphone.sip.matching import address_of
from softphone.sip.message import Request, Response
from softphone.sip.transaction import Account

MAX_DIGEST_CLIENTS = 64
"""Servers whose nonces are kept; the oldest goes first."""


@dataclass(slots=True, eq=False)
class Exchange:
    """One such request."""

    peer: Address
    on_final: Callable[[Response | None, float], None]
    """Told the final answer, or None if there can be none; and the time."""
    next_cseq: Callable[[], int]
    digest: DigestClient | None = None
    account: Account | None = None
    attempts: AuthAttempts = field(default_factory=AuthAttempts)
    failure: tuple[int, str] = (0, "")
    """Status and phrase of what happened here where no answer can come (RFC 3261 section 8.1.3.1)."""

    def outcome(self, response: Response | None) -> tuple[int, str]:
        """Return status and phrase of how it ended."""
        return self.failure if response is None else (response.status, response.reason)


OnAnswer = Callable[[Exchange, Response | None, float], None]
"""Told the exchange, its final answer or None, and the time."""


class Exchanges:
    """Sends such requests and remembers what servers asked of us."""

    def __init__(self, agent: LocalAgent, layer: TransactionLayer) -> None:
        self._agent = agent
        self._layer = layer
        self._digests: dict[tuple[Credentials, Address], DigestClient] = {}

    def digest_client(
        self, credentials: Credentials | None, peer: Address, *, only: frozenset[str] | None = None
    ) -> DigestClient | None:
        """Return what is known of challenges from *peer* for *credentials*; None without any.

        Args:
            credentials: who we are.
            peer: where requests are sent.
            only: the realms that are answered, by one client of its own; None: all.
        """
        if credentials is None:
            return None
        client = self._digests.get((credentials, peer)) if only is None else None
        if client is None:
            client = DigestClient(
                credentials,
                make_cnonce=self._agent.ids.nonce,
                sparing=self._agent.style.is_compact,
                only=only,
            )
        if only is None:
            self._digests[credentials, peer] = client
            while len(self._digests) > MAX_DIGEST_CLIENTS:
                del self._digests[next(iter(self._digests))]
        return client

    def start(self, request: Request, exchange: Exchange, *, now: float) -> None:
        """Send *request*, with credentials where a challenge is known already."""
        if exchange.digest is not None:
            exchange.digest.authorize(request)
        self._layer.start(request, exchange.peer, owner=exchange, account=exchange.account, now=now)

    def within(
        self,
        leg: Leg,
        dialog: Dialog,
        method: str,
        on_answer: OnAnswer,
        *,
        body: bytes = b"",
        content_type: str | None = None,
        headers: tuple[tuple[str, str], ...] = (),
        now: float,
    ) -> None:
        """Send a request in *dialog* (section 12.2.1)."""
        path = dialog.path
        request = self._agent.request(
            method,
            path,
            from_=dialog.local,
            to=dialog.remote,
            call_id=dialog.call_id,
            cseq=dialog.next_cseq(),
            body=body,
            content_type=content_type,
            headers=headers,
        )
        exchange = Exchange(
            address_of(path.next_hop, leg.peer),
            lambda response, at: on_answer(exchange, response, at),
            dialog.next_cseq,
            leg.digest,
            leg.account,
        )
        self.start(request, exchange, now=now)

    def acknowledge(self, leg: Leg, dialog: Dialog, invite: Request) -> Acknowledgement:
        """Acknowledge the 2xx to *invite* that *dialog* came of (section 13.2.2.4)."""
        ack = self._agent.ack_for_acceptance(invite, dialog)
        destination = address_of(dialog.path.next_hop, leg.peer)
        self._agent.address(ack, destination)
        sent = Acknowledgement(self._agent.render(ack), destination)
        self.acknowledge_again(leg, sent, repeated=False)
        return sent

    def acknowledge_again(self, leg: Leg, sent: Acknowledgement, *, repeated: bool = True) -> None:
        """Send the ACK again, as each repetition of the 2xx wants it."""
        call_id = leg.invite.call_id
        self._layer.send(sent.data, sent.destination, leg.account, call_id=call_id, repeated=repeated)

    def response_received(
        self, exchange: Exchange, request: Request, response: Response, *, now: float
    ) -> None:
        """Take an answer to *request*."""
        if response.status < 200:
            return
        digest = exchange.digest
        if digest is not None:
            if response.status in (401, 407) and digest.learn(response, exchange.attempts):
                again = self._agent.repeated(request, cseq=exchange.next_cseq())
                self.start(again, exchange, now=now)
                return
            digest.learn_next(response)
        exchange.on_final(response, now)
