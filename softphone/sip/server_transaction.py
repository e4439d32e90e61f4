"""INVITE and non-INVITE server transactions (RFC 3261 section 17.2, RFC 6026 section 7.1)."""

from collections.abc import Callable

from softphone.sip.events import Address
from softphone.sip.message import Request
from softphone.sip.timers import Timer, Timers
from softphone.sip.transaction import Action, Input, Machine, State, Transaction

# Figure 7 with the Accepted state of RFC 6026. The RFC's Proceeding is split: Trying is Proceeding before
# any response, while the 100 may still be saved (section 17.2.1: a user that answers within 200 ms needs
# none). An absent pair is absorbed; in Accepted that is a repeated INVITE, whose 2xx the user repeats.
INVITE_SERVER = Machine(
    name="INVITE server",
    initial=State.TRYING,
    transitions={
        (State.TRYING, Input.START): (State.TRYING, ()),
        (State.TRYING, Input.TIMER_TRYING): (State.PROCEEDING, (Action.SEND_TRYING,)),
        (State.TRYING, Input.RECEIVE_REQUEST): (State.PROCEEDING, (Action.SEND_TRYING,)),
        (State.TRYING, Input.RESPOND_1XX): (State.PROCEEDING, (Action.SEND,)),
        (State.TRYING, Input.RESPOND_2XX): (State.ACCEPTED, (Action.SEND,)),
        (State.TRYING, Input.RESPOND_300_699): (State.COMPLETED, (Action.SEND,)),
        (State.PROCEEDING, Input.RECEIVE_REQUEST): (State.PROCEEDING, (Action.RESEND,)),
        (State.PROCEEDING, Input.RESPOND_1XX): (State.PROCEEDING, (Action.SEND,)),
        (State.PROCEEDING, Input.RESPOND_2XX): (State.ACCEPTED, (Action.SEND,)),
        (State.PROCEEDING, Input.RESPOND_300_699): (State.COMPLETED, (Action.SEND,)),
        (State.ACCEPTED, Input.RESPOND_2XX): (State.ACCEPTED, (Action.RESEND,)),
        (State.ACCEPTED, Input.RECEIVE_ACK): (State.ACCEPTED, (Action.PASS_UP,)),
        (State.ACCEPTED, Input.TIMER_L): (State.TERMINATED, ()),
        (State.COMPLETED, Input.RECEIVE_REQUEST): (State.COMPLETED, (Action.RESEND,)),
        (State.COMPLETED, Input.TIMER_G): (State.COMPLETED, (Action.RESEND,)),
        (State.COMPLETED, Input.TIMER_H): (State.TERMINATED, (Action.REPORT_TIMEOUT,)),
        (State.COMPLETED, Input.TRANSPORT_ERROR): (State.TERMINATED, (Action.REPORT_TRANSPORT_ERROR,)),
        (State.COMPLETED, Input.RECEIVE_ACK): (State.CONFIRMED, ()),
        (State.CONFIRMED, Input.TIMER_I): (State.TERMINATED, ()),
    },
    timers={
        State.TRYING: (Timer.TRYING,),
        State.ACCEPTED: (Timer.L,),
        State.COMPLETED: (Timer.G, Timer.H),
        State.CONFIRMED: (Timer.I,),
    },
)

# Figure 8. An absent pair is absorbed; in Trying that is a repeated request, to which there is no answer yet.
NON_INVITE_SERVER = Machine(
    name="non-INVITE server",
    initial=State.TRYING,
    transitions={
        (State.TRYING, Input.RESPOND_1XX): (State.PROCEEDING, (Action.SEND,)),
        (State.TRYING, Input.RESPOND_2XX): (State.COMPLETED, (Action.SEND,)),
        (State.TRYING, Input.RESPOND_300_699): (State.COMPLETED, (Action.SEND,)),
        (State.PROCEEDING, Input.RECEIVE_REQUEST): (State.PROCEEDING, (Action.RESEND,)),
        (State.PROCEEDING, Input.RESPOND_1XX): (State.PROCEEDING, (Action.SEND,)),
        (State.PROCEEDING, Input.RESPOND_2XX): (State.COMPLETED, (Action.SEND,)),
        (State.PROCEEDING, Input.RESPOND_300_699): (State.COMPLETED, (Action.SEND,)),
        (State.PROCEEDING, Input.TRANSPORT_ERROR): (State.TERMINATED, (Action.REPORT_TRANSPORT_ERROR,)),
        (State.COMPLETED, Input.RECEIVE_REQUEST): (State.COMPLETED, (Action.RESEND,)),
        (State.COMPLETED, Input.TRANSPORT_ERROR): (State.TERMINATED, (Action.REPORT_TRANSPORT_ERROR,)),
        (State.COMPLETED, Input.TIMER_J): (State.TERMINATED, ()),
    },
    timers={State.COMPLETED: (Timer.J,)},
)

_RESPOND = {1: Input.RESPOND_1XX, 2: Input.RESPOND_2XX}


class ServerTransaction(Transaction):
    """A request of the peer and what we answer.

    After any call drain `outbox`, `acks` and `failure`, then wait until `next_timeout`.
    """

    __slots__ = ("_data", "_incoming", "_make_trying", "acks", "failure", "outbox", "request")

    def __init__(
        self, request: Request, *, timers: Timers, peer: Address, make_trying: Callable[[Request], bytes]
    ) -> None:
        machine = INVITE_SERVER if request.method == "INVITE" else NON_INVITE_SERVER
        super().__init__(machine, timers=timers, peer=peer)
        self.request = request
        self.acks: list[Request] = []
        """ACKs for the transaction user: those for a 2xx that came under the INVITE's own branch."""
        self.failure: Action | None = None
        """REPORT_TIMEOUT if the ACK never came, REPORT_TRANSPORT_ERROR if the answer cannot be delivered."""
        self.outbox: list[tuple[bytes, bool]] = []
        """What to send, each with whether it is a repetition."""
        self._data = b""
        self._make_trying = make_trying
        self._incoming: Request | None = None

    def start(self, *, now: float) -> None:
        """Start the timers of the initial state."""
        self._fire(Input.START, now=now)

    def receive_request(self, request: Request, *, now: float) -> None:
        """Take the request again, or the ACK that belongs to it."""
        self._incoming = request
        self._fire(Input.RECEIVE_ACK if request.method == "ACK" else Input.RECEIVE_REQUEST, now=now)
        self._incoming = None

    def respond(self, status: int, data: bytes, *, now: float) -> bool:
        """Answer with *data*, a response of *status*; False if the machine has no use for it any more."""
        signal = _RESPOND.get(status // 100, Input.RESPOND_300_699)
        if (self.state, signal) not in self.machine.transitions:
            return False
        self._data = data
        self._fire(signal, now=now)
        return True

    def move(self, peer: Address, *, again: bool) -> None:
        """Answer to another address; *again*: what was said last could not be delivered."""
        self.peer = peer
        if again and self._data:
            self.outbox.append((self._data, True))

    def transport_error(self, *, now: float) -> None:
        """Take the news that the answer cannot be delivered (section 17.2.4)."""
        self._fire(Input.TRANSPORT_ERROR, now=now)

    def _act(self, action: Action) -> None:
        match action:
            case Action.SEND | Action.RESEND:
                self.outbox.append((self._data, action is Action.RESEND))
            case Action.SEND_TRYING:
                self._data = self._make_trying(self.request)
                self.outbox.append((self._data, False))
            case Action.PASS_UP if self._incoming is not None:
                self.acks.append(self._incoming)
            case Action.REPORT_TIMEOUT | Action.REPORT_TRANSPORT_ERROR:
                self.failure = action
            case _:
                raise AssertionError(f"{action} is no server action")
