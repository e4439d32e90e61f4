"""Which datagrams of an endpoint are packed with the dictionary, and with what context.

The rules, so that nothing packed goes to a stranger unasked, and nothing hangs on a datagram that got lost:

* A request that begins something (no To tag) is packed for a peer nothing was heard of yet: the owner asked for
  it. Any other request is packed only where the peer has packed something of the same Call-ID.
* The third copy of a request, and each one after it, goes as it is: whatever the cause of the silence was.
* An answer has the form that the newest message of its Call-ID had.
* A message is packed with a context made of what its peer sent: the peer has it.
* Every copy is the same bytes as the one before, but for the change at the third.
"""

import re
from collections import OrderedDict
from dataclasses import dataclass
from typing import TypeVar

from softphone.sip.dictionary import MAX_MESSAGE_BYTES, extended, is_packed, number_of, pack, unpack
from softphone.sip.events import Address

PACKED_COPIES = 2
"""A request is packed so many times."""
MAX_PEERS = 1024
MAX_CONTEXTS = 2048
"""Contexts kept for reading, for writing, and messages kept for their copies; the oldest goes first."""

_CALL_ID = re.compile(rb"\n(?:i|call-id)[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE)
_TO_TAG = re.compile(rb"\n(?:t|to)[ \t]*:[^\r\n]*;[ \t]*tag[ \t]*=", re.IGNORECASE)

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class _Heard:
    """What came from one address under one Call-ID."""

    context: bytes
    """Ends with the newest message: what we may name."""
    newest_is_packed: bool
    packs: bool
    """Whether any of it was packed."""


@dataclass(slots=True)
class _Copies:
    """A message of ours to one peer."""

    packed: bytes
    sent: int = 0


class Packer:
    """Packs and unpacks the datagrams of one endpoint; an endpoint without the dictionary has none."""

    def __init__(self) -> None:
        self._peers: OrderedDict[Address, bool] = OrderedDict()
        """Peer -> whether it has ever packed anything."""
        self._ours: OrderedDict[tuple[Address, bytes], bytes] = OrderedDict()
        """(peer, number) -> context that ends with a message of ours: what the peer may name."""
        self._theirs: OrderedDict[tuple[Address, bytes], _Heard] = OrderedDict()
        """By peer and Call-ID."""
        self._copies: OrderedDict[tuple[Address, bytes], _Copies] = OrderedDict()

    def outgoing(self, message: bytes, peer: Address) -> bytes:
        """What to send in place of *message*."""
        heard = self._theirs.get((peer, _call_id(message)))
        if len(message) <= MAX_MESSAGE_BYTES and self._is_for(message, peer, heard):
            copies = self._copies.get((peer, message))
            if copies is None:
                context = b"" if heard is None else heard.context
                copies = _Copies(pack(message, context))
                _keep(self._copies, (peer, message), copies, MAX_CONTEXTS)
                self._note_ours(peer, extended(context, message))
            copies.sent += 1
            if copies.sent <= PACKED_COPIES or _is_answer(message):
                return copies.packed
        self._note_ours(peer, extended(b"", message))
        return message

    def incoming(self, data: bytes, peer: Address) -> tuple[bytes, bytes]:
        """The message in *data*, and the context it was packed with (empty: none, or it was not packed).

        Raises:
            DictionaryError: it is packed and cannot be read.
        """
        if not is_packed(data):
            return data, b""
        return unpack(data, lambda number: self._ours.get((peer, number)))

    def heard(self, message: bytes, context: bytes, peer: Address, *, packed: bool) -> None:
        """Take note that *message* of *peer* was read and is SIP."""
        key = (peer, _call_id(message))
        earlier = self._theirs.get(key)
        packs = packed or (earlier is not None and earlier.packs)
        _keep(self._peers, peer, packed or self._peers.get(peer, False), MAX_PEERS)
        _keep(self._theirs, key, _Heard(extended(context, message), packed, packs), MAX_CONTEXTS)

    def _is_for(self, message: bytes, peer: Address, heard: _Heard | None) -> bool:
        """Whether *message*, of whose call this was *heard*, is to be packed for *peer*."""
        if heard is not None:
            return heard.newest_is_packed if _is_answer(message) else heard.packs
        begins = not _is_answer(message) and _TO_TAG.search(message) is None
        return begins and self._peers.get(peer, True)

    def _note_ours(self, peer: Address, context: bytes) -> None:
        _keep(self._ours, (peer, number_of(context)), context, MAX_CONTEXTS)


def _is_answer(message: bytes) -> bool:
    return message.startswith(b"SIP/2.0 ")


def _call_id(message: bytes) -> bytes:
    found = _CALL_ID.search(message)
    return found[1] if found else b""


def _keep(store: OrderedDict[K, V], key: K, value: V, most: int) -> None:
    """Put *value* in as the newest."""
    store[key] = value
    store.move_to_end(key)
    if len(store) > most:
        store.popitem(last=False)
