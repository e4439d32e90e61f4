"""Who may send to us: the negotiated peer, and nobody else."""

from collections import deque
from collections.abc import Collection

from softphone.rtp.events import Address, RtpEvent, StrangerDropped
from softphone.rtp.packet import HEADER_BYTES, VERSION

MAX_STRANGERS_TOLD = 16


class PeerGate:
    """Locks RTP to one address.

    Args:
        remote: the negotiated one.
        payload_types: what the peer may send.
        events: where strangers are told.
    """

    def __init__(self, remote: Address, payload_types: Collection[int], events: deque[RtpEvent]) -> None:
        self.source: Address | None = None
        """Where the packet admitted last came from; equal ones need not ask."""
        self.strangers = 0
        """Datagrams of others."""
        self._remote = remote
        self._payload_types = frozenset(payload_types)
        self._events = events
        self._told: set[Address] = set()

    def retarget(self, remote: Address) -> None:
        """The peer has another address; the old one is a stranger's."""
        if remote != self._remote:
            self._remote, self.source = remote, None

    def accept(self, payload_types: Collection[int]) -> None:
        """The peer may send these, too."""
        self._payload_types |= frozenset(payload_types)

    def admits(self, data: bytes, addr: Address) -> bool:
        """Whether an RTP datagram from *addr*, which is not `source`, may come in; a stranger is counted."""
        if addr[:2] == self._remote[:2]:
            self.source = addr
            return True
        # The same host behind another port is the peer if its RTP comes first, and stays the peer.
        if (
            self.source is None
            and addr[0] == self._remote[0]
            and len(data) >= HEADER_BYTES
            and data[0] >> 6 == VERSION
            and data[1] & 0x7F in self._payload_types
        ):
            self.source = addr
            return True
        self.drop(addr)
        return False

    def drop(self, addr: Address) -> None:
        """Count a datagram of somebody else."""
        self.strangers += 1
        if addr not in self._told and len(self._told) < MAX_STRANGERS_TOLD:
            self._told.add(addr)
            self._events.append(StrangerDropped(addr))
