"""A network in virtual time that has connections, too: what goes to an address of three parts is a stream.

A connection is opened when something is sent to `(host, port, "TCP")` and none stands; its far end sees the sender at
a port of its own, as it is with TCP. What goes through it is cut into pieces of seeded lengths and put together again
by the framing of the product. Nothing is lost or reordered on it; it can be cut, and nodes can refuse it.
"""

from __future__ import annotations

import random
from typing import Any

from support.virtual_link import Sent, VirtualNetwork

from softphone.sip.framing import Keepalive, StreamFramer

FIRST_PORT = 40_000


class StreamNetwork(VirtualNetwork):
    """`VirtualNetwork` with connections."""

    def __init__(self, *, seed: int = 0, **options: Any) -> None:
        super().__init__(seed=seed, **options)
        self.refuses: set[Any] = set()
        """Nodes that take no connection."""
        self.opened: list[tuple[Any, Any]] = []
        """(who opened it, to where)."""
        self.also: dict[Any, Any] = {}
        """Another address of a node -> the one that it is attached under."""
        self._links: dict[tuple[Any, Any], tuple[Any, Any, StreamFramer]] = {}
        self._pieces = random.Random(seed)

    def cut(self, node: Any) -> None:
        """Break all connections of *node*; both ends hear of it."""
        for (end, far), (other, _, _) in list(self._links.items()):
            if node in (end, other):
                del self._links[end, far]
                self._tell(end, far, "connection reset", closed=True)

    def _carry(self, item: Sent) -> None:
        far: Any = item.destination
        if len(far) == 2:
            super()._carry(item)
            return
        self.log.append(item)
        link = self._links.get((item.source, far))
        if link is None:
            node = self.also.get(far[:2], far[:2])
            if node not in self._nodes or node in self.refuses:
                self._tell(item.source, far, "connection refused", closed=False)
                return
            self.opened.append((item.source, far))
            back = (item.source[0], FIRST_PORT + len(self.opened), far[2])
            link = self._links[item.source, far] = (node, back, StreamFramer())
            self._links[node, back] = (item.source, far, StreamFramer())
        node, seen_as, framer = link
        data = item.data
        while data:
            size = self._pieces.randint(1, 400)
            for whole in framer.feed(data[:size]):
                if not isinstance(whole, Keepalive):
                    self._deliver(node, whole, seen_as)
            data = data[size:]

    def _deliver(self, node: Any, data: bytes, seen_as: Any) -> None:
        def arrive() -> None:
            if node in self._nodes:
                self._nodes[node].core.receive_datagram(data, seen_as, now=self.now)
                self.pump()

        self.call_at(self.now + self.line.delay_s, arrive)

    def _tell(self, node: Any, far: Any, reason: str, *, closed: bool) -> None:
        def tell() -> None:
            core: Any = self._nodes[node].core
            if hasattr(core, "transport_error"):
                core.transport_error(far, reason=reason, closed=closed, now=self.now)
            self.pump()

        self.call_at(self.now + self.line.delay_s, tell)
