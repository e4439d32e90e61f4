"""Who may send to us: the negotiated peer, a peer behind NAT under strict rules, and nobody else (RFC 4961)."""

import struct
from collections import deque
from collections.abc import Collection

from softphone.rtp.events import Address, RtpEvent, SourceLearnt, StrangerDropped
from softphone.rtp.packet import HEADER_BYTES, VERSION

MAX_STRANGERS_TOLD = 16
LEARN_PACKETS = 3
"""Packets in a row, of one source and from one address, that make it the peer's where the signalled one is silent."""
SILENT_S = 2.0
"""A peer that was heard under one address may be heard under another after so long a silence, and not before."""

_HEADER = struct.Struct("!BBHII")


class PeerGate:
    """Locks RTP and RTCP to one peer.

    Args:
        remote: the negotiated address.
        remote_rtcp: that of RTCP.
        payload_types: what the peer may send.
        events: where strangers are told.
        learns: the peer may be behind a NAT: another host is taken for it if nothing comes from *remote*.
    """

    def __init__(
        self,
        remote: Address,
        remote_rtcp: Address,
        payload_types: Collection[int],
        events: deque[RtpEvent],
        *,
        learns: bool = False,
    ) -> None:
        self.source: Address | None = None
        """Where the packet admitted last came from; equal ones need not ask."""
        self.strangers = 0
        """Datagrams of others."""
        self.learnt: Address | None = None
        """Where the peer sends from, where that is no host that was signalled."""
        self._remote, self._remote_rtcp = remote, remote_rtcp
        self._rtcp_source: Address | None = None
        self._rtcp_heard = False
        self._payload_types = frozenset(payload_types)
        self._events = events
        self._learns = learns
        self._candidate: tuple[Address, int, int, int] | None = None
        """(address, SSRC, its next sequence number, packets in a row)."""
        self._told: set[Address] = set()

    def retarget(self, remote: Address, remote_rtcp: Address) -> bool:
        """The peer has another address, and the old one is a stranger's; False if it is the same."""
        if (remote, remote_rtcp) == (self._remote, self._remote_rtcp):
            return False
        if remote != self._remote:
            self._remote, self.source, self.learnt = remote, None, None
            self._candidate, self._rtcp_heard = None, False
        if remote_rtcp != self._remote_rtcp:
            self._remote_rtcp, self._rtcp_source = remote_rtcp, None
        return True

    @property
    def was_heard(self) -> bool:
        """Whether anything came from the address that the peer has now."""
        return self.source is not None or self._rtcp_heard

    def learn(self, wanted: bool) -> None:
        """Whether the peer may be behind a NAT."""
        self._learns = wanted

    def accept(self, payload_types: Collection[int]) -> None:
        """The peer may send these, too."""
        self._payload_types |= frozenset(payload_types)

    def admits(
        self, data: bytes, addr: Address, *, now: float, heard_at: float | None, ssrc: int | None
    ) -> bool:
        """Whether an RTP datagram from *addr*, which is not `source`, may come in; a stranger is counted.

        Args:
            heard_at: when the newest packet of `source` came; None: none did.
            ssrc: its synchronisation source.
        """
        if addr[:2] == self._remote[:2]:
            self.source, self.learnt = addr, None
            return True
        # The same host behind another port is the peer if its RTP comes first, and stays the peer.
        if self.source is None and addr[0] == self._remote[0] and self._fits(data):
            self.source = addr
            return True
        if (
            self._learns
            and self._fits(data)
            and self._proves(data, addr, now=now, heard_at=heard_at, ssrc=ssrc)
        ):
            self.source = self.learnt = addr
            self._rtcp_source = None
            self._events.append(SourceLearnt(addr))
            return True
        self.drop(addr)
        return False

    def admits_rtcp(self, addr: Address) -> bool:
        """Whether an RTCP datagram from *addr* may come in; a stranger is counted.

        Once the negotiated address has sent some, no other port of its host may.
        """
        if addr == self._rtcp_source:
            return True
        hosts = (self._remote_rtcp[0], self._remote[0]) if self.learnt is None else (self.learnt[0],)
        negotiated = addr[:2] == self._remote_rtcp[:2]
        if addr[0] in hosts and (negotiated or self._rtcp_source is None):
            self._rtcp_heard = True
            if negotiated:
                self._rtcp_source = addr
            return True
        self.drop(addr)
        return False

    def drop(self, addr: Address) -> None:
        """Count a datagram of somebody else."""
        self.strangers += 1
        if addr not in self._told and len(self._told) < MAX_STRANGERS_TOLD:
            self._told.add(addr)
            self._events.append(StrangerDropped(addr))

    def _fits(self, data: bytes) -> bool:
        return len(data) >= HEADER_BYTES and data[0] >> 6 == VERSION and data[1] & 0x7F in self._payload_types

    def _proves(
        self, data: bytes, addr: Address, *, now: float, heard_at: float | None, ssrc: int | None
    ) -> bool:
        """Whether packets from *addr* have shown by now that they are the peer's, as a few injected ones would not."""
        _, _, number, _, source = _HEADER.unpack_from(data)
        if heard_at is not None and (now - heard_at < SILENT_S or source != ssrc):
            self._candidate = None
            return False
        count = 1
        if self._candidate is not None and self._candidate[:3] == (addr, source, number):
            count += self._candidate[3]
        self._candidate = (addr, source, (number + 1) & 0xFFFF, count)
        return count >= LEARN_PACKETS
