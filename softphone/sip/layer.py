"""Transport and transaction layers: datagrams to transactions and back (RFC 3261 sections 17 and 18)."""

from collections import deque

from softphone.sip.agenda import Agenda
from softphone.sip.client_transaction import ClientTransaction
from softphone.sip.dictionary import is_packed
from softphone.sip.door import Door
from softphone.sip.errors import DictionaryError, SipParseError
from softphone.sip.events import Address, MessageDropped, PublicAddressLearnt, SipEvent
from softphone.sip.flows import Flows
from softphone.sip.guard import Guard
from softphone.sip.local import LocalAgent
from softphone.sip.matching import Key, merge_key, reopened_address, response_address, server_key
from softphone.sip.message import Request, Response, parse_message
from softphone.sip.packing import Packer
from softphone.sip.server_transaction import ServerTransaction
from softphone.sip.stateless import StatelessAnswers, stamp
from softphone.sip.stats import SipStats
from softphone.sip.transaction import Account, State
from softphone.sip.transaction_user import TransactionUser
from softphone.sip.ways import Ways

MAX_SERVER_TRANSACTIONS = 16384
"""Further requests are answered 503 without being remembered. Each stays for 64*T1: enough for 250 short calls a second."""
REMEMBERED_AT_LEAST = 512
"""Beyond so many, requests of no call are answered and forgotten: what floods us takes neither memory nor, by answers that are
repeated, the line to addresses that may be forged."""
DIALOG_RESERVE = 1024
"""So many more are remembered of those that belong to a call."""
MAX_EVENTS = 4096
"""With so many events untaken, dropped messages are counted but no longer told."""

AnyTransaction = ClientTransaction | ServerTransaction


class TransactionLayer:
    """All transactions of one endpoint, and what it has to send."""

    def __init__(
        self,
        agent: LocalAgent,
        events: deque[SipEvent],
        *,
        max_server_transactions: int = MAX_SERVER_TRANSACTIONS,
        guard: Guard | None = None,
    ) -> None:
        self.stats = SipStats()
        self._agent = agent
        self._events = events
        self._max_server = max_server_transactions
        self._user: TransactionUser | None = None
        self._clients: dict[Key, ClientTransaction] = {}
        self._servers: dict[Key, ServerTransaction] = {}
        self._merged: dict[Key, Key] = {}
        self._packer = Packer() if agent.style.dictionary else None
        self._agenda: Agenda[AnyTransaction] = Agenda()
        self._outbox: list[tuple[bytes, Address]] = []
        # A packed message is one datagram, however large it was.
        self.ways = Ways(agent, may_switch=self._packer is None)
        self.flows: Flows | None = None
        """Keeps the paths through a NAT open; set by the endpoint."""
        self._stateless = StatelessAnswers(agent, self.send)
        self._door: Door | None = None
        if guard is not None:
            self._door = Door(guard, self.stats, self._stateless, standing=self._standing, drop=self.drop)

    def attach(self, user: TransactionUser) -> None:
        """Set the layer above, once."""
        self._user = user

    def __len__(self) -> int:
        return len(self._clients) + len(self._servers)

    @property
    def repeating(self) -> int:
        """Transactions that send their message again and again until the peer answers."""
        return sum(each.is_repeating for each in (*self._clients.values(), *self._servers.values()))

    def receive_datagram(self, data: bytes, addr: Address, *, now: float) -> None:
        """Take a datagram."""
        self.stats.messages_received += 1
        self.stats.bytes_received += len(data)
        if not data.strip(b"\r\n\0"):
            return  # a keep-alive (RFC 5626 section 3.5.1)
        source: Address = addr if len(addr) == 3 else (addr[0], addr[1])
        self.ways.heard(source)
        if self._door is not None and not self._door.hears(data, source, now=now):
            return
        if self.flows is not None and data[0] < 4 and self.flows.receive(data, source, now=now):
            return
        try:
            message = self._parsed(data, source)
        except SipParseError as error:
            self.stats.parse_errors += 1
            if is_packed(data):
                # Not answered: some bytes of packing would make an answer of many, perhaps to a forged address.
                self.stats.unpackable += 1
                self.drop(str(error), source)
            else:
                if error.partial is not None:
                    self._stateless.answer(error.partial, error.status, source, reason=error.reason)
                self.drop(str(error), source)
            return
        if isinstance(message, Request):
            self._receive_request(message, source, len(data), now=now)
        else:
            self._receive_response(message, source, len(data), now=now)

    def datagrams_to_send(self) -> list[tuple[bytes, Address]]:
        """Take what is to be sent, oldest first."""
        outbox, self._outbox = self._outbox, []
        return outbox

    def next_timeout(self) -> float | None:
        """When a transaction is due next."""
        return self._agenda.next_timeout()

    def handle_timeout(self, *, now: float) -> None:
        """Fire the timers of all transactions due."""
        while (transaction := self._agenda.pop_due(now=now)) is not None:
            transaction.handle_timeout(now=now)
            self._settle(transaction, now=now)

    def transport_error(self, addr: Address, *, reason: str = "", closed: bool = False, now: float) -> None:
        """Fail every transaction towards *addr*, or take it another way (sections 8.1.3.1 and 18.4).

        Args:
            reason: why, in a line for a person.
            closed: a connection that stood is no more; what was sent by it has perhaps arrived.
        """
        self.ways.forget(addr)
        for client in list(self._clients.values()):
            if client.peer != addr or (len(addr) == 3 and not client.is_unheard):
                continue  # section 18.2.2: who has heard the request answers by another connection, if need be
            if client.fallback is not None and client.is_unheard:
                self._take_fallback(client, addr, now=now)
            else:
                client.reason = reason
                client.transport_error(now=now)
            self._settle(client, now=now)
        for server in list(self._servers.values()):
            if server.peer != addr:
                continue
            if server.fallback is not None:
                server.move(server.fallback, again=not closed)
                server.fallback = None
                self.stats.fallbacks += 1
            elif not closed:
                server.reason = reason
                server.transport_error(now=now)
            self._settle(server, now=now)

    def start(
        self, request: Request, peer: Address, *, owner: object, account: Account | None, now: float
    ) -> ClientTransaction:
        """Send *request* in a new client transaction; its Via and Contact are made to fit *peer*."""
        invite = self._clients.get((request.via.branch, "INVITE")) if request.method == "CANCEL" else None
        wanted = self.ways.to(peer, request.call_id) if invite is None else invite.peer  # section 9.1
        data = self._rendered(request, wanted)
        fallback = None if wanted == peer else peer
        way = wanted if invite is not None else self.ways.switched(wanted, len(data))
        if way != wanted:
            fallback, wanted = wanted, way
            data = self._rendered(request, wanted)
            self.stats.switched_to_tcp += 1
        timers, make_ack = self._agent.timers_for(wanted), self._agent.ack_for_refusal
        transaction = ClientTransaction(request, data, timers=timers, peer=wanted, make_ack=make_ack)
        transaction.owner, transaction.account, transaction.fallback = owner, account, fallback
        self._clients[request.via.branch, request.method] = transaction
        transaction.start(now=now)
        self._settle(transaction, now=now)
        return transaction

    def _rendered(self, request: Request, peer: Address) -> bytes:
        self._agent.address(request, peer)
        return self._agent.render(request)

    def _take_fallback(self, client: ClientTransaction, failed: Address, *, now: float) -> None:
        """Send the request of *client* to its other address: an answer may still come there."""
        peer, client.fallback = client.fallback, None
        if peer is None:
            return
        if len(peer) == 2 and len(failed) == 3:
            self.ways.note_no_tcp(peer)
        self.stats.fallbacks += 1
        data = self._rendered(client.request, peer)
        client.move(data, peer, timers=self._agent.timers_for(peer), now=now)

    def abandon(self, transaction: ClientTransaction) -> None:
        """Forget *transaction*; what still comes for it is dropped."""
        transaction.stop()
        self._remove(transaction)

    def limit(self, transaction: ClientTransaction, *, now: float) -> None:
        """Wait no longer than 64*T1 for the final answer to an INVITE that nobody cares for any more."""
        transaction.limit(now=now)
        self._settle(transaction, now=now)

    def respond(self, transaction: ServerTransaction, status: int, data: bytes, *, now: float) -> bool:
        """Answer in *transaction*; False if it has no use for that any more."""
        used = transaction.respond(status, data, now=now)
        self._settle(transaction, now=now)
        return used

    def send(
        self,
        data: bytes,
        peer: Address,
        account: Account | None,
        *,
        call_id: str = "",
        repeated: bool = False,
    ) -> None:
        """Send what belongs to no transaction (an ACK for a 2xx, in the dialog of *call_id*), or what one has to send."""
        peer = self.ways.to(peer, call_id)
        if self._packer is not None and len(peer) == 2:
            data = self._packer.outgoing(data, peer)
            self.stats.packed_sent += is_packed(data)
        self._outbox.append((data, peer))
        self.stats.messages_sent += 1
        self.stats.bytes_sent += len(data)
        if repeated:
            self.stats.retransmissions += 1
        if account is not None:
            account.bytes_sent += len(data)

    def invite_to_cancel(self, cancel: Request) -> ServerTransaction | None:
        """Return the INVITE that *cancel* means (section 9.2)."""
        key = server_key(Request("INVITE", cancel.uri, cancel.headers))
        return self._servers.get(key)

    def drop(self, reason: str, addr: Address) -> None:
        """Count and tell a message that was of no use."""
        self.stats.dropped += 1
        if len(self._events) < MAX_EVENTS:
            self._events.append(MessageDropped(reason, addr))

    def _standing(self) -> tuple[frozenset[str], frozenset[str]]:
        """Hosts and Call-IDs of the calls that stand, and the hosts that we have asked something."""
        hosts, call_ids = (frozenset(), frozenset()) if self._user is None else self._user.standing()
        return hosts.union(transaction.peer[0] for transaction in self._clients.values()), call_ids

    def _is_overloaded(self, request: Request, source: Address) -> bool:
        """Whether *request* is one too many; what belongs to a call, as its BYE, gets through when all else does not."""
        user, remembered = self._user, len(self._servers)
        if user is None or remembered >= self._max_server + DIALOG_RESERVE:
            return remembered >= self._max_server
        if remembered >= self._max_server:
            return not user.is_of_call(request)
        return request.method == "INVITE" and request.to.tag is None and user.is_full(source)

    def _may_forget(self, transaction: AnyTransaction) -> bool:
        """Whether *transaction* need not be remembered once it is answered: it belongs to no call, and there are many.

        Its request, should it come again, is answered again (section 8.2.7).
        """
        return (
            len(self._servers) > REMEMBERED_AT_LEAST
            and isinstance(transaction, ServerTransaction)
            and transaction.state is State.COMPLETED
            and transaction.owner is None
        )

    def _parsed(self, data: bytes, source: Address) -> Request | Response:
        packed = is_packed(data)
        self.stats.packed_received += packed
        if self._packer is None:
            if packed:
                raise DictionaryError("packed SIP, and the dictionary is not switched on here")
            return parse_message(data)
        plain, context = self._packer.incoming(data, source)
        message = parse_message(plain)
        self._packer.heard(plain, context, source, packed=packed)
        return message

    def _receive_request(self, request: Request, source: Address, size: int, *, now: float) -> None:
        stamp(request, source)
        if len(source) == 3:
            self.ways.note(request, source)
        key = server_key(request)
        transaction = self._servers.get(key)
        if transaction is not None:
            if request.method != "ACK":
                self.stats.retransmissions_received += 1
            if transaction.account is not None:
                transaction.account.bytes_received += size
            transaction.receive_request(request, now=now)
            self._settle(transaction, now=now)
            return
        if request.method == "ACK":
            account = None if self._user is None else self._user.ack_received(request, now=now)
            if account is None:
                self.drop("ACK belongs to no dialog", source)
            else:
                account.bytes_received += size
            return
        if self._door is not None and not self._door.admits(request, source, now=now):
            return
        if self._is_overloaded(request, source):
            self.stats.overloads += 1
            self._stateless.answer(request, 503, source, headers=(("Retry-After", "5"),))
            self.drop("too much is going on", source)
            return
        transaction = ServerTransaction(
            request,
            timers=self._agent.timers_for(source),
            peer=response_address(request.via, source),
            make_trying=self._agent.trying,
        )
        transaction.fallback = reopened_address(request.via, source)
        transaction.source = source
        self._servers[key] = transaction
        merged = merge_key(request)
        first_way = self._merged.get(merged)
        transaction.start(now=now)
        if request.to.tag is None and first_way is not None and first_way in self._servers:
            # Section 8.2.2.2: the same request came by another way, and that one is being served.
            answer = self._agent.response(request, 482, to_tag=self._agent.ids.tag())
            transaction.respond(482, self._agent.render(answer), now=now)
            self.drop("merged request", source)
        else:
            self._merged[merged] = key
            if self._user is not None:
                self._user.request_received(request, transaction, source, now=now)
        if transaction.account is not None:
            transaction.account.bytes_received += size
        self._settle(transaction, now=now)

    def _receive_response(self, response: Response, source: Address, size: int, *, now: float) -> None:
        # A second Via means it was not meant for us (section 8.1.3.3), and so does a foreign one (18.1.2).
        if len(response.vias) != 1 or not self._agent.is_own_via(response.via):
            self.drop("response is for another", source)
            return
        transaction = self._clients.get((response.via.branch, response.cseq.method))
        if transaction is None:
            self.drop("response belongs to no transaction", source)
            return
        if transaction.account is not None:
            transaction.account.bytes_received += size
        if source == transaction.peer:
            self._learn(response, source, now=now)
        transaction.source = source
        transaction.receive_response(response, now=now)
        self._settle(transaction, now=now)

    def _learn(self, response: Response, source: Address, *, now: float) -> None:
        """Take from an answer where its sender sees us (RFC 3581 section 4)."""
        learnt = self._agent.reach.learn(response.via, source)
        if learnt is not None:
            self.note_mapped(learnt, source)
        if source in self._agent.reach.seen and self.flows is not None:
            self.flows.watch(source, now=now)

    def note_mapped(self, address: tuple[str, int], peer: Address) -> None:
        """Tell where *peer* sees us."""
        if len(self._events) < MAX_EVENTS:
            self._events.append(PublicAddressLearnt(address, peer))

    def send_raw(self, data: bytes, peer: Address) -> None:
        """Send what is no SIP message."""
        self._outbox.append((data, peer))

    def _settle(self, transaction: AnyTransaction, *, now: float) -> None:
        """Carry out what *transaction* left to do."""
        if transaction.outbox:
            outbox, transaction.outbox = transaction.outbox, []
            for data, repeated in outbox:
                self.send(data, transaction.peer, transaction.account, repeated=repeated)
        if self._may_forget(transaction):
            transaction.stop()
        if transaction.state is State.TERMINATED:
            self._remove(transaction)
        else:
            self._agenda.schedule(transaction)
        if self._user is None:
            return
        if isinstance(transaction, ServerTransaction):
            acks, transaction.acks = transaction.acks, []
            for ack in acks:
                self._user.ack_received(ack, now=now)
            return
        responses, transaction.responses = transaction.responses, []
        for response in responses:
            self._user.response_received(transaction, response, now=now)
        if transaction.failure is not None:
            failure, transaction.failure = transaction.failure, None
            self._user.transaction_failed(transaction, failure, now=now)

    def _remove(self, transaction: AnyTransaction) -> None:
        self._agenda.discard(transaction)
        request = transaction.request
        if isinstance(transaction, ClientTransaction):
            self._clients.pop((request.via.branch, request.method), None)
            return
        key = server_key(request)
        self._servers.pop(key, None)
        if self._merged.get(merge_key(request)) == key:
            del self._merged[merge_key(request)]
