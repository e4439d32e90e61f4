"""INVITE and non-INVITE client transactions (RFC 3261 section 17.1, RFC 6026 section 7.2)."""

from collections.abc import Callable

from softphone.sip.events import Address
from softphone.sip.message import Request, Response
from softphone.sip.timers import Timer, Timers
from softphone.sip.transaction import Action, Input, Machine, State, Transaction

# Figure 5 with the Accepted state of RFC 6026. An absent pair is absorbed: the table's silence on, say,
# (COMPLETED, 1xx) is the RFC's. Timer B runs while PROCEEDING only if `limit` starts it.
INVITE_CLIENT = Machine(
    name="INVITE client",
    initial=State.CALLING,
    transitions={
        (State.CALLING, Input.START): (State.CALLING, (Action.SEND,)),
        (State.CALLING, Input.TIMER_A): (State.CALLING, (Action.RESEND,)),
        (State.CALLING, Input.TIMER_B): (State.TERMINATED, (Action.REPORT_TIMEOUT,)),
        (State.CALLING, Input.TRANSPORT_ERROR): (State.TERMINATED, (Action.REPORT_TRANSPORT_ERROR,)),
        (State.CALLING, Input.RECEIVE_1XX): (State.PROCEEDING, (Action.PASS_UP,)),
        (State.CALLING, Input.RECEIVE_2XX): (State.ACCEPTED, (Action.PASS_UP,)),
        (State.CALLING, Input.RECEIVE_300_699): (State.COMPLETED, (Action.SEND_ACK, Action.PASS_UP)),
        (State.PROCEEDING, Input.TRANSPORT_ERROR): (State.TERMINATED, (Action.REPORT_TRANSPORT_ERROR,)),
        (State.PROCEEDING, Input.TIMER_B): (State.TERMINATED, (Action.REPORT_TIMEOUT,)),
        (State.PROCEEDING, Input.RECEIVE_1XX): (State.PROCEEDING, (Action.PASS_UP,)),
        (State.PROCEEDING, Input.RECEIVE_2XX): (State.ACCEPTED, (Action.PASS_UP,)),
        (State.PROCEEDING, Input.RECEIVE_300_699): (State.COMPLETED, (Action.SEND_ACK, Action.PASS_UP)),
        (State.ACCEPTED, Input.RECEIVE_2XX): (State.ACCEPTED, (Action.PASS_UP,)),
        (State.ACCEPTED, Input.TIMER_M): (State.TERMINATED, ()),
        (State.COMPLETED, Input.RECEIVE_300_699): (State.COMPLETED, (Action.SEND_ACK,)),
        (State.COMPLETED, Input.TRANSPORT_ERROR): (State.TERMINATED, ()),
        (State.COMPLETED, Input.TIMER_D): (State.TERMINATED, ()),
    },
    timers={
        State.CALLING: (Timer.A, Timer.B),
        State.ACCEPTED: (Timer.M,),
        State.COMPLETED: (Timer.D,),
    },
    limits={State.PROCEEDING: (Timer.B,)},
)

# Figure 6. An absent pair is absorbed.
NON_INVITE_CLIENT = Machine(
    name="non-INVITE client",
    initial=State.TRYING,
    transitions={
        (State.TRYING, Input.START): (State.TRYING, (Action.SEND,)),
        (State.TRYING, Input.TIMER_E): (State.TRYING, (Action.RESEND,)),
        (State.TRYING, Input.TIMER_F): (State.TERMINATED, (Action.REPORT_TIMEOUT,)),
        (State.TRYING, Input.TRANSPORT_ERROR): (State.TERMINATED, (Action.REPORT_TRANSPORT_ERROR,)),
        (State.TRYING, Input.RECEIVE_1XX): (State.PROCEEDING, (Action.PASS_UP,)),
        (State.TRYING, Input.RECEIVE_2XX): (State.COMPLETED, (Action.PASS_UP,)),
        (State.TRYING, Input.RECEIVE_300_699): (State.COMPLETED, (Action.PASS_UP,)),
        (State.PROCEEDING, Input.TIMER_E): (State.PROCEEDING, (Action.RESEND,)),
        (State.PROCEEDING, Input.TIMER_F): (State.TERMINATED, (Action.REPORT_TIMEOUT,)),
        (State.PROCEEDING, Input.TRANSPORT_ERROR): (State.TERMINATED, (Action.REPORT_TRANSPORT_ERROR,)),
        (State.PROCEEDING, Input.RECEIVE_1XX): (State.PROCEEDING, (Action.PASS_UP,)),
        (State.PROCEEDING, Input.RECEIVE_2XX): (State.COMPLETED, (Action.PASS_UP,)),
        (State.PROCEEDING, Input.RECEIVE_300_699): (State.COMPLETED, (Action.PASS_UP,)),
        (State.COMPLETED, Input.TIMER_K): (State.TERMINATED, ()),
    },
    timers={
        State.TRYING: (Timer.E, Timer.F),
        State.PROCEEDING: (Timer.E, Timer.F),
        State.COMPLETED: (Timer.K,),
    },
)

_RECEIVED = {1: Input.RECEIVE_1XX, 2: Input.RECEIVE_2XX}


class ClientTransaction(Transaction):
    """A request of ours and what comes back for it.

    After any call drain `outbox`, `responses` and `failure`, then wait until `next_timeout`.
    """

    __slots__ = ("_ack", "_data", "_incoming", "_make_ack", "failure", "outbox", "request", "responses")

    def __init__(
        self,
        request: Request,
        data: bytes,
        *,
        timers: Timers,
        peer: Address,
        make_ack: Callable[[Request, Response], bytes],
    ) -> None:
        machine = INVITE_CLIENT if request.method == "INVITE" else NON_INVITE_CLIENT
        super().__init__(machine, timers=timers, peer=peer)
        self.request = request
        self.responses: list[Response] = []
        """Responses for the transaction user, oldest first; the user empties it."""
        self.failure: Action | None = None
        """REPORT_TIMEOUT or REPORT_TRANSPORT_ERROR once it ended that way."""
        self.outbox: list[tuple[bytes, bool]] = []
        """What to send, each with whether it is a repetition."""
        self._data = data
        self._make_ack = make_ack
        self._ack: bytes | None = None
        self._incoming: Response | None = None

    def start(self, *, now: float) -> None:
        """Send the request and start the timers."""
        self._fire(Input.START, now=now)

    def receive_response(self, response: Response, *, now: float) -> None:
        """Take a response that belongs to this transaction."""
        self._incoming = response
        self._fire(_RECEIVED.get(response.status // 100, Input.RECEIVE_300_699), now=now)
        self._incoming = None

    def limit(self, *, now: float) -> None:
        """End an INVITE that got no final answer within 64*T1 from now, although a provisional one was heard."""
        if self.state is State.PROCEEDING:
            self._set(Timer.B, self._timers.transaction_timeout, now=now)

    @property
    def is_unheard(self) -> bool:
        """Whether no answer has come yet."""
        return self.state in (State.CALLING, State.TRYING)

    def move(self, data: bytes, peer: Address, *, timers: Timers, now: float) -> None:
        """Begin anew towards another address, where nothing was heard of the first."""
        self._data, self.peer, self._timers = data, peer, timers
        self._deadlines.clear()
        self.state = self.machine.initial
        self.start(now=now)

    def transport_error(self, *, now: float) -> None:
        """Take the news that the request cannot be delivered (section 17.1.4)."""
        self._fire(Input.TRANSPORT_ERROR, now=now)

    def _act(self, action: Action) -> None:
        match action:
            case Action.SEND | Action.RESEND:
                self.outbox.append((self._data, action is Action.RESEND))
            case Action.SEND_ACK if self._incoming is not None:
                repeated = self._ack is not None
                if self._ack is None:
                    self._ack = self._make_ack(self.request, self._incoming)
                self.outbox.append((self._ack, repeated))
            case Action.PASS_UP if self._incoming is not None:
                self.responses.append(self._incoming)
            case Action.REPORT_TIMEOUT | Action.REPORT_TRANSPORT_ERROR:
                self.failure = action
            case _:
                raise AssertionError(f"{action} is no client action")
