"""Keeps UDP flows open that a NAT would close, and hears where they come out (RFC 5626 section 4.4.2)."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from softphone.sip.events import Address
from softphone.sip.framing import PING
from softphone.sip.local import LocalAgent
from softphone.stun import (
    BINDING,
    TRANSACTION_BYTES,
    StunClass,
    StunError,
    StunMessage,
    binding_request,
    binding_success,
    is_stun,
)

KEEP_EVERY_S = 25.0
"""RFC 5626 section 4.4.2: 24 to 29 s over UDP."""
RETRY_S = 2.0
"""So long an answer is waited for before the next copy."""
COPIES = 3
"""Binding requests without an answer, after which a flow gets line ends in place of STUN: its far end knows none."""

OnMapped = Callable[[tuple[str, int], Address], None]
"""Told where our datagrams come out, and for whom, when that has changed."""


@dataclass(slots=True)
class Flow:
    """One path to a peer behind whose NAT we are, or that is behind ours."""

    next_at: float
    transaction_id: bytes = b""
    unanswered: int = 0
    knows_stun: bool | None = None
    """None: not known yet."""


class Flows:
    """The flows of one endpoint.

    Args:
        agent: knows where peers see us; only flows that are seen elsewhere than they begin are kept open.
        in_use: the peers that we still want to hear from.
        send: sends a datagram.
        on_mapped: told of a change.
    """

    def __init__(
        self,
        agent: LocalAgent,
        *,
        in_use: Callable[[], set[Address]],
        send: Callable[[bytes, Address], None],
        on_mapped: OnMapped,
    ) -> None:
        self._agent = agent
        self._in_use = in_use
        self._send = send
        self._on_mapped = on_mapped
        self._flows: dict[Address, Flow] = {}

    def watch(self, peer: Address, *, now: float) -> None:
        """Keep the flow to *peer* open, as long as it is in use."""
        if peer not in self._flows:
            self._flows[peer] = Flow(now + KEEP_EVERY_S)

    def next_timeout(self) -> float | None:
        """When a flow needs something next."""
        return min((flow.next_at for flow in self._flows.values()), default=None)

    def handle_timeout(self, *, now: float) -> None:
        """Send what is due."""
        due = [peer for peer, flow in self._flows.items() if flow.next_at <= now]
        if not due:
            return
        wanted = self._in_use()
        for peer in due:
            if peer in wanted and peer in self._agent.reach.seen:
                self._keep(peer, self._flows[peer], now)
            else:
                del self._flows[peer]

    def receive(self, data: bytes, source: Address, *, now: float) -> bool:
        """Take a datagram; False if it is no STUN."""
        if len(source) == 3 or not is_stun(data):
            return False
        try:
            message = StunMessage.parse(data)
        except StunError:
            return True
        if message.method != BINDING:
            return True
        if message.message_class is StunClass.REQUEST:
            # Only for those we talk to: for anybody it would be a mirror that makes 32 bytes of 20.
            if source in self._in_use():
                self._send(binding_success(message.transaction_id, (source[0], source[1])), source)
        elif message.message_class is StunClass.SUCCESS:
            self._answered(message, source, now)
        return True

    def _keep(self, peer: Address, flow: Flow, now: float) -> None:
        if flow.transaction_id:
            flow.unanswered += 1
            if flow.unanswered >= COPIES:
                flow.knows_stun = flow.knows_stun or False
                flow.transaction_id, flow.unanswered = b"", 0
        if flow.knows_stun is False:
            self._send(PING, peer)
            flow.next_at = now + KEEP_EVERY_S
            return
        if not flow.transaction_id:
            made = hashlib.sha256(self._agent.ids.branch().encode()).digest()
            flow.transaction_id = made[:TRANSACTION_BYTES]
        self._send(binding_request(flow.transaction_id), peer)
        flow.next_at = now + RETRY_S

    def _answered(self, message: StunMessage, source: Address, now: float) -> None:
        flow = self._flows.get(source)
        if flow is None or not flow.transaction_id or message.transaction_id != flow.transaction_id:
            return
        flow.transaction_id, flow.unanswered, flow.knows_stun = b"", 0, True
        flow.next_at = now + KEEP_EVERY_S
        try:
            mapped = message.mapped_address
        except StunError:
            return
        if mapped != self._agent.reach.seen.get(source):
            self._agent.reach.seen[source] = mapped
            self._on_mapped(mapped, source)
