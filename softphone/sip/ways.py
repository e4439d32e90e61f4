"""By which connection a peer is reached, and who takes none (RFC 5923, RFC 3261 section 18.1.1)."""

from collections import OrderedDict
from typing import TypeVar

from softphone.sip.events import Address
from softphone.sip.local import LocalAgent, default_port
from softphone.sip.message import Request

MAX_DATAGRAM_BYTES = 1300
"""A larger request goes over TCP where the path's MTU is unknown (section 18.1.1)."""
MAX_REUSED = 1024
"""Far ends of connections that are known by another address, and peers known to have no TCP; the oldest goes first."""

T = TypeVar("T")


class Ways:
    """What one endpoint has learnt of connections.

    Args:
        may_switch: whether large requests may go over TCP at all.
    """

    def __init__(self, agent: LocalAgent, *, may_switch: bool) -> None:
        self._agent = agent
        self._may_switch = may_switch
        self._reused: OrderedDict[Address, Address] = OrderedDict()
        """Where a peer says that it is reached -> the connection it came by."""
        self._without_tcp: OrderedDict[Address, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._reused)

    def to(self, peer: Address) -> Address:
        """Where what is for *peer* goes: the connection that it came by, where there is one."""
        return self._reused.get(peer, peer)

    def switched(self, peer: Address, size: int) -> Address:
        """Where a request of *size* bytes for *peer* goes: over TCP, where it is too large for a datagram."""
        if (
            size <= MAX_DATAGRAM_BYTES
            or len(peer) == 3
            or not self._may_switch
            or not self._agent.sends_over("TCP")
            or self._agent.transport != "UDP"
            or peer in self._without_tcp
        ):
            return peer
        return peer[0], peer[1], "TCP"

    def note_no_tcp(self, peer: Address) -> None:
        """*peer* takes no TCP, so even what is too large goes by UDP (section 18.1.1)."""
        _keep(self._without_tcp, peer, None)

    def note(self, request: Request, source: tuple[str, int, str]) -> None:
        """Keep in mind what the far end of a connection says that it is reached at: requests to there use the connection.

        Only at the host that the connection comes from, so that nobody draws to himself what is meant for others
        (RFC 5923 section 8.2).
        """
        host, _, transport = source
        via, contact = request.via, request.contact
        ports = []
        if "alias" in via.params and via.host == host:
            ports.append(via.port)
        if request.method == "INVITE" and contact is not None and contact.uri.host == host:
            ports.append(contact.uri.port)
        for port in ports:
            known = (host, default_port(transport) if port is None else port, transport)
            if known != source:
                _keep(self._reused, known, source)

    def forget(self, connection: Address) -> None:
        """*connection* is no more."""
        for known, used in list(self._reused.items()):
            if used == connection:
                del self._reused[known]


def _keep(store: OrderedDict[Address, T], key: Address, value: T) -> None:
    """Put *value* in as the newest."""
    store[key] = value
    store.move_to_end(key)
    if len(store) > MAX_REUSED:
        store.popitem(last=False)
