"""By which connection a peer is reached, and who takes none (RFC 5923, RFC 3261 section 18.1.1)."""

from collections import OrderedDict
from typing import TypeVar

from softphone.sip.events import Address
from softphone.sip.local import LocalAgent, default_port
from softphone.sip.message import Request
from softphone.sip.reach import SECURE

MAX_DATAGRAM_BYTES = 1300
"""A larger request goes over TCP where the path's MTU is unknown (section 18.1.1)."""
MAX_REUSED = 1024
"""Far ends of connections that are known by another address, and peers known to have no TCP; the oldest goes first."""

K = TypeVar("K")
T = TypeVar("T")


class Ways:
    """What one endpoint has learnt of connections.

    Args:
        may_switch: whether large requests may go over TCP at all.
    """

    def __init__(self, agent: LocalAgent, *, may_switch: bool) -> None:
        self._agent = agent
        self._may_switch = may_switch
        self._reused: OrderedDict[tuple[Address, str], Address] = OrderedDict()
        """Where a peer says that it is reached, and the Call-ID it is for ("": any) -> the connection it came by."""
        self._open: OrderedDict[Address, None] = OrderedDict()
        """Connections that something came by."""
        self._without_tcp: OrderedDict[Address, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._reused)

    def to(self, peer: Address, call_id: str = "") -> Address:
        """Where what is for *peer*, in the dialog of *call_id*, goes: the connection that it came by, where there is one."""
        if len(peer) == 2 or peer in self._open:
            return peer  # a connection of its own is nobody's alias
        return self._reused.get((peer, call_id)) or self._reused.get((peer, ""), peer)

    def heard(self, source: Address) -> None:
        """Something came from *source*, which may be a connection."""
        if len(source) == 3:
            _keep(self._open, source, None)

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

        Only at the host that the connection comes from, and not while another connection serves, so that nobody draws to
        himself what is meant for others (RFC 5923 section 8.2). What a Contact says serves the dialog that it belongs to alone.
        Over TLS an alias would do without the certificate that a connection of ours asks for: there is none.
        """
        host, _, transport = source
        via, contact = request.via, request.contact
        said: list[tuple[int | None, str]] = []
        if "alias" in via.params and via.host == host and transport not in SECURE:
            said.append((via.port, ""))
        if request.method in ("INVITE", "UPDATE") and contact is not None and contact.uri.host == host:
            said.append((contact.uri.port, request.call_id))
        for port, call_id in said:
            known = (host, default_port(transport) if port is None else port, transport)
            if known != source and self._reused.get((known, call_id)) not in self._open:
                _keep(self._reused, (known, call_id), source)

    def forget(self, connection: Address) -> None:
        """*connection* is no more."""
        self._open.pop(connection, None)
        for known, used in list(self._reused.items()):
            if used == connection:
                del self._reused[known]


def _keep(store: OrderedDict[K, T], key: K, value: T) -> None:
    """Put *value* in as the newest."""
    store[key] = value
    store.move_to_end(key)
    if len(store) > MAX_REUSED:
        store.popitem(last=False)
