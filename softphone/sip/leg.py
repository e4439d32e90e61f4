"""One leg: our end of a dialog from INVITE to the end of BYE, as a state machine."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from softphone.sip.auth import AuthAttempts, Credentials, DigestClient
from softphone.sip.dialog import Dialog
from softphone.sip.events import Address
from softphone.sip.message import Request, Response
from softphone.sip.transaction import Account

if TYPE_CHECKING:
    from softphone.sip.client_transaction import ClientTransaction
    from softphone.sip.prack import Early, ReliableProgress
    from softphone.sip.redirect import Search
    from softphone.sip.refer import Referral
    from softphone.sip.reinvite import Reinvitation
    from softphone.sip.server_transaction import ServerTransaction
    from softphone.sip.session_timer import SessionTerms


class LegState(enum.Enum):
    """Where a leg stands."""

    CALLING = "calling"
    """Our INVITE is out, nothing was heard."""
    PROCEEDING = "proceeding"
    """A provisional answer was heard."""
    CANCEL_WANTED = "cancel wanted"
    """Given up before anything was heard; CANCEL must wait for that (RFC 3261 section 9.1)."""
    CANCELLING = "cancelling"
    """CANCEL is out, the INVITE's final answer is awaited."""
    INCOMING = "incoming"
    """The peer's INVITE waits for our final answer."""
    ANSWER_WAITING = "incoming, 2xx waits for PRACK"
    """Accepted, but a session description of ours is not acknowledged yet (RFC 3262 section 3)."""
    ANSWERED = "answered"
    """Our 2xx is repeated until its ACK comes (section 13.3.1.4)."""
    ANSWERED_ENDING = "answered, ending"
    """The same, and BYE is wanted; it must wait for the ACK (section 15)."""
    ESTABLISHED = "established"
    REINVITE_WAITING = "established, re-INVITE waits"
    """Our re-INVITE waits until the peer's is over (section 14.1)."""
    REINVITE_BACKED_OFF = "established, re-INVITE backs off"
    """Ours and the peer's have crossed (491); ours is tried again in a while (section 14.1)."""
    REINVITING = "re-INVITE sent"
    """Its final answer is awaited."""
    REINVITE_CANCELLING = "re-INVITE cancelled"
    """The peer heard of it and does not answer; CANCEL is out."""
    BYE_SENT = "BYE sent"
    BYE_RECEIVED = "BYE received"
    """The owner has yet to answer it."""
    ENDED = "ended"


class LegInput(enum.Enum):
    """What can happen to a leg."""

    CANCEL = "cancel"
    ANSWER = "answer"
    ANSWER_LATER = "answer while PRACK is missing"
    PROGRESS = "progress"
    REJECT = "reject"
    HANG_UP = "hang up"
    ANSWER_BYE = "answer BYE"
    REINVITE = "re-INVITE"
    RECEIVE_PROVISIONAL = "provisional received"
    RECEIVE_ACCEPTANCE = "first 2xx received"
    RECEIVE_REFUSAL = "final answer received, or none can come"
    RECEIVE_CHALLENGE = "401 or 407 received that can be answered"
    RECEIVE_ELSEWHERE = "final answer received, or none can come, and there is another place to try"
    RECEIVE_TOO_BRIEF = "422 received"
    RECEIVE_LAST_PRACK = "PRACK for all that was sent reliably received"
    RECEIVE_CANCEL = "CANCEL received"
    RECEIVE_ACK = "ACK for 2xx received"
    RECEIVE_BYE = "BYE received"
    REINVITE_TURN = "the peer has no re-INVITE or UPDATE under way"
    REINVITE_RETRY = "re-INVITE is due again"
    REINVITE_ACCEPTED = "2xx to re-INVITE received"
    REINVITE_REFUSED = "re-INVITE refused"
    REINVITE_CHALLENGED = "401 or 407 to re-INVITE that can be answered"
    REINVITE_CROSSED = "491 to re-INVITE received"
    REINVITE_LOST = "408 or 481 to re-INVITE received, or no answer at all"
    REINVITE_TIMEOUT = "re-INVITE is not answered in 64*T1"
    BYE_OVER = "our BYE came to its end"
    CANCEL_TIMEOUT = "nothing came of CANCEL in 64*T1"
    ACK_TIMEOUT = "no ACK in 64*T1"
    RESEND = "2xx is due again"
    REFRESH = "provisional answer is due again"
    EXPIRE = "INVITE expired"
    OWNER_TIMEOUT = "owner left BYE unanswered"
    PROGRESS_RESEND = "reliable provisional answer is due again"
    PRACK_TIMEOUT = "no PRACK in 64*T1"
    SESSION_REFRESH = "session is to be refreshed"
    SESSION_EXPIRE = "session was not refreshed"
    REFER_SILENCE = "nothing was heard of a transfer for too long"


class LegAction(enum.Enum):
    """What a leg does on a transition."""

    SEND_INVITE_AGAIN = "send INVITE with credentials"
    SEND_INVITE_ELSEWHERE = "send INVITE to the next place"
    SEND_INVITE_LONGER = "send INVITE with a longer session interval"
    SEND_CANCEL = "send CANCEL"
    SEND_ACK = "send ACK"
    SEND_BYE = "send BYE"
    SEND_PROVISIONAL = "send provisional"
    RESEND_PROVISIONAL = "send provisional again"
    RESEND_PROGRESS = "send reliable provisional again"
    KEEP_ACCEPTANCE = "keep 2xx"
    SEND_ACCEPTANCE = "send 2xx"
    RESEND_ACCEPTANCE = "send 2xx again"
    SEND_REFUSAL = "send final answer"
    SEND_TERMINATED = "send 487"
    SEND_UNACKNOWLEDGED = "send 504"
    SEND_WITHDRAWN = "send 480"
    CLOSE_INVITE = "close INVITE"
    """Stop repeating a 2xx, and answer 487 to a re-INVITE the owner has not answered."""
    ANSWER_BYE = "send 200 to BYE"
    TAKE_TURN = "send re-INVITE if the peer's is over"
    SEND_REINVITE = "send re-INVITE"
    SEND_REINVITE_AGAIN = "send re-INVITE with credentials"
    BACK_OFF = "wait for a random time"
    CANCEL_REINVITE = "send CANCEL for re-INVITE"
    FORGET_REINVITE = "forget re-INVITE"
    """Its transaction waits no longer than 64*T1 for a final answer."""
    TELL_PROVISIONAL = "tell Provisional"
    TELL_ANSWERED = "tell Answered"
    TELL_REFUSED = "tell Refused"
    TELL_CANCEL_PREVAILED = "tell Refused 487"
    TELL_ACKED = "tell Acked"
    TELL_ACK_MISSING = "tell AckMissing"
    TELL_CANCELLED = "tell Cancelled"
    TELL_BYE_RECEIVED = "tell ByeReceived"
    TELL_BYE_ANSWERED = "tell ByeAnswered"
    TELL_REINVITE_ANSWERED = "tell ReinviteAnswered"
    TELL_REINVITE_REFUSED = "tell ReinviteRefused"
    REFRESH_SESSION = "refresh session"
    TELL_SESSION_EXPIRED = "tell SessionExpired"
    TELL_REFER_SILENCE = "tell ReferProgress, the last one"


S, I, A = LegState, LegInput, LegAction  # noqa: E741 (for the table below)

# What a pair that is missing means: for an input of the owner, a mistake of the owner, unless the leg is
# ON_THE_WAY_OUT, when the news of that may not have reached the owner and the input is moot; for an input of
# the peer or of a timer, absorbed.
LEG: Mapping[tuple[LegState, LegInput], tuple[LegState, tuple[LegAction, ...]]] = {
    (S.CALLING, I.RECEIVE_PROVISIONAL): (S.PROCEEDING, (A.TELL_PROVISIONAL,)),
    (S.CALLING, I.RECEIVE_ACCEPTANCE): (S.ESTABLISHED, (A.SEND_ACK, A.TELL_ANSWERED)),
    (S.CALLING, I.RECEIVE_REFUSAL): (S.ENDED, (A.TELL_REFUSED,)),
    (S.CALLING, I.RECEIVE_CHALLENGE): (S.CALLING, (A.SEND_INVITE_AGAIN,)),
    (S.CALLING, I.RECEIVE_ELSEWHERE): (S.CALLING, (A.SEND_INVITE_ELSEWHERE,)),
    (S.CALLING, I.RECEIVE_TOO_BRIEF): (S.CALLING, (A.SEND_INVITE_LONGER,)),
    (S.CALLING, I.CANCEL): (S.CANCEL_WANTED, ()),
    (S.CALLING, I.HANG_UP): (S.CANCEL_WANTED, ()),
    (S.PROCEEDING, I.RECEIVE_PROVISIONAL): (S.PROCEEDING, (A.TELL_PROVISIONAL,)),
    (S.PROCEEDING, I.RECEIVE_ACCEPTANCE): (S.ESTABLISHED, (A.SEND_ACK, A.TELL_ANSWERED)),
    (S.PROCEEDING, I.RECEIVE_REFUSAL): (S.ENDED, (A.TELL_REFUSED,)),
    (S.PROCEEDING, I.RECEIVE_CHALLENGE): (S.CALLING, (A.SEND_INVITE_AGAIN,)),
    (S.PROCEEDING, I.RECEIVE_ELSEWHERE): (S.CALLING, (A.SEND_INVITE_ELSEWHERE,)),
    (S.PROCEEDING, I.RECEIVE_TOO_BRIEF): (S.CALLING, (A.SEND_INVITE_LONGER,)),
    (S.PROCEEDING, I.CANCEL): (S.CANCELLING, (A.SEND_CANCEL,)),
    (S.PROCEEDING, I.HANG_UP): (S.CANCELLING, (A.SEND_CANCEL,)),
    (S.CANCEL_WANTED, I.RECEIVE_PROVISIONAL): (S.CANCELLING, (A.SEND_CANCEL,)),
    (S.CANCEL_WANTED, I.RECEIVE_ACCEPTANCE): (S.ENDED, (A.SEND_ACK, A.SEND_BYE, A.TELL_CANCEL_PREVAILED)),
    (S.CANCEL_WANTED, I.RECEIVE_REFUSAL): (S.ENDED, (A.TELL_REFUSED,)),
    (S.CANCELLING, I.RECEIVE_ACCEPTANCE): (S.ENDED, (A.SEND_ACK, A.SEND_BYE, A.TELL_CANCEL_PREVAILED)),
    (S.CANCELLING, I.RECEIVE_REFUSAL): (S.ENDED, (A.TELL_REFUSED,)),
    (S.CANCELLING, I.CANCEL_TIMEOUT): (S.ENDED, (A.TELL_CANCEL_PREVAILED,)),
    (S.INCOMING, I.PROGRESS): (S.INCOMING, (A.SEND_PROVISIONAL,)),
    (S.INCOMING, I.REFRESH): (S.INCOMING, (A.RESEND_PROVISIONAL,)),
    (S.INCOMING, I.PROGRESS_RESEND): (S.INCOMING, (A.RESEND_PROGRESS,)),
    (S.INCOMING, I.PRACK_TIMEOUT): (S.ENDED, (A.SEND_UNACKNOWLEDGED, A.TELL_CANCELLED)),
    (S.INCOMING, I.ANSWER): (S.ANSWERED, (A.SEND_ACCEPTANCE,)),
    (S.INCOMING, I.ANSWER_LATER): (S.ANSWER_WAITING, (A.KEEP_ACCEPTANCE,)),
    (S.INCOMING, I.REJECT): (S.ENDED, (A.SEND_REFUSAL,)),
    (S.INCOMING, I.RECEIVE_CANCEL): (S.ENDED, (A.SEND_TERMINATED, A.TELL_CANCELLED)),
    (S.INCOMING, I.EXPIRE): (S.ENDED, (A.SEND_TERMINATED, A.TELL_CANCELLED)),
    (S.INCOMING, I.RECEIVE_BYE): (S.ENDED, (A.ANSWER_BYE, A.SEND_TERMINATED, A.TELL_CANCELLED)),
    (S.ANSWER_WAITING, I.PROGRESS_RESEND): (S.ANSWER_WAITING, (A.RESEND_PROGRESS,)),
    (S.ANSWER_WAITING, I.RECEIVE_LAST_PRACK): (S.ANSWERED, (A.SEND_ACCEPTANCE,)),
    (S.ANSWER_WAITING, I.PRACK_TIMEOUT): (S.ENDED, (A.SEND_UNACKNOWLEDGED, A.TELL_CANCELLED)),
    (S.ANSWER_WAITING, I.HANG_UP): (S.ENDED, (A.SEND_WITHDRAWN, A.TELL_BYE_ANSWERED)),
    (S.ANSWER_WAITING, I.RECEIVE_CANCEL): (S.ENDED, (A.SEND_TERMINATED, A.TELL_CANCELLED)),
    (S.ANSWER_WAITING, I.EXPIRE): (S.ENDED, (A.SEND_TERMINATED, A.TELL_CANCELLED)),
    (S.ANSWER_WAITING, I.RECEIVE_BYE): (S.ENDED, (A.ANSWER_BYE, A.SEND_TERMINATED, A.TELL_CANCELLED)),
    (S.ANSWERED, I.RESEND): (S.ANSWERED, (A.RESEND_ACCEPTANCE,)),
    (S.ANSWERED, I.RECEIVE_ACK): (S.ESTABLISHED, (A.CLOSE_INVITE, A.TELL_ACKED)),
    (S.ANSWERED, I.ACK_TIMEOUT): (S.BYE_SENT, (A.CLOSE_INVITE, A.TELL_ACK_MISSING, A.SEND_BYE)),
    (S.ANSWERED, I.RECEIVE_BYE): (S.BYE_RECEIVED, (A.CLOSE_INVITE, A.TELL_BYE_RECEIVED)),
    (S.ANSWERED, I.HANG_UP): (S.ANSWERED_ENDING, ()),
    (S.ANSWERED_ENDING, I.RESEND): (S.ANSWERED_ENDING, (A.RESEND_ACCEPTANCE,)),
    (S.ANSWERED_ENDING, I.RECEIVE_ACK): (S.BYE_SENT, (A.CLOSE_INVITE, A.SEND_BYE)),
    (S.ANSWERED_ENDING, I.ACK_TIMEOUT): (S.BYE_SENT, (A.CLOSE_INVITE, A.SEND_BYE)),
    (S.ANSWERED_ENDING, I.RECEIVE_BYE): (S.ENDED, (A.CLOSE_INVITE, A.ANSWER_BYE, A.TELL_BYE_ANSWERED)),
    # A re-INVITE's 2xx is repeated while established; the same inputs serve it.
    (S.ESTABLISHED, I.RESEND): (S.ESTABLISHED, (A.RESEND_ACCEPTANCE,)),
    (S.ESTABLISHED, I.RECEIVE_ACK): (S.ESTABLISHED, (A.CLOSE_INVITE, A.TELL_ACKED)),
    (S.ESTABLISHED, I.ACK_TIMEOUT): (S.BYE_SENT, (A.CLOSE_INVITE, A.TELL_ACK_MISSING, A.SEND_BYE)),
    (S.ESTABLISHED, I.HANG_UP): (S.BYE_SENT, (A.CLOSE_INVITE, A.SEND_BYE)),
    (S.ESTABLISHED, I.CANCEL): (S.BYE_SENT, (A.CLOSE_INVITE, A.SEND_BYE)),
    (S.ESTABLISHED, I.RECEIVE_BYE): (S.BYE_RECEIVED, (A.CLOSE_INVITE, A.TELL_BYE_RECEIVED)),
    (S.ESTABLISHED, I.REINVITE): (S.REINVITE_WAITING, (A.TAKE_TURN,)),
    # The peer's own re-INVITE goes on while ours waits.
    (S.REINVITE_WAITING, I.REINVITE_TURN): (S.REINVITING, (A.SEND_REINVITE,)),
    (S.REINVITE_WAITING, I.RESEND): (S.REINVITE_WAITING, (A.RESEND_ACCEPTANCE,)),
    (S.REINVITE_WAITING, I.RECEIVE_ACK): (S.REINVITE_WAITING, (A.CLOSE_INVITE, A.TELL_ACKED, A.TAKE_TURN)),
    (S.REINVITE_WAITING, I.ACK_TIMEOUT): (S.BYE_SENT, (A.CLOSE_INVITE, A.TELL_ACK_MISSING, A.SEND_BYE)),
    (S.REINVITE_WAITING, I.HANG_UP): (S.BYE_SENT, (A.CLOSE_INVITE, A.SEND_BYE)),
    (S.REINVITE_WAITING, I.CANCEL): (S.BYE_SENT, (A.CLOSE_INVITE, A.SEND_BYE)),
    (S.REINVITE_WAITING, I.RECEIVE_BYE): (S.BYE_RECEIVED, (A.CLOSE_INVITE, A.TELL_BYE_RECEIVED)),
    (S.REINVITE_BACKED_OFF, I.REINVITE_RETRY): (S.REINVITE_WAITING, (A.TAKE_TURN,)),
    (S.REINVITE_BACKED_OFF, I.RESEND): (S.REINVITE_BACKED_OFF, (A.RESEND_ACCEPTANCE,)),
    (S.REINVITE_BACKED_OFF, I.RECEIVE_ACK): (S.REINVITE_BACKED_OFF, (A.CLOSE_INVITE, A.TELL_ACKED)),
    (S.REINVITE_BACKED_OFF, I.ACK_TIMEOUT): (S.BYE_SENT, (A.CLOSE_INVITE, A.TELL_ACK_MISSING, A.SEND_BYE)),
    (S.REINVITE_BACKED_OFF, I.HANG_UP): (S.BYE_SENT, (A.CLOSE_INVITE, A.SEND_BYE)),
    (S.REINVITE_BACKED_OFF, I.CANCEL): (S.BYE_SENT, (A.CLOSE_INVITE, A.SEND_BYE)),
    (S.REINVITE_BACKED_OFF, I.RECEIVE_BYE): (S.BYE_RECEIVED, (A.CLOSE_INVITE, A.TELL_BYE_RECEIVED)),
    # The 2xx itself is acknowledged in any state. Section 14.1: 408 and 481 say that there is no dialog any more.
    (S.REINVITING, I.REINVITE_ACCEPTED): (S.ESTABLISHED, (A.TELL_REINVITE_ANSWERED,)),
    (S.REINVITING, I.REINVITE_REFUSED): (S.ESTABLISHED, (A.TELL_REINVITE_REFUSED,)),
    (S.REINVITING, I.REINVITE_CHALLENGED): (S.REINVITING, (A.SEND_REINVITE_AGAIN,)),
    (S.REINVITING, I.REINVITE_CROSSED): (S.REINVITE_BACKED_OFF, (A.BACK_OFF,)),
    (S.REINVITING, I.REINVITE_LOST): (S.BYE_SENT, (A.TELL_REINVITE_REFUSED, A.SEND_BYE)),
    (S.REINVITING, I.REINVITE_TIMEOUT): (S.REINVITE_CANCELLING, (A.CANCEL_REINVITE,)),
    (S.REINVITING, I.HANG_UP): (S.BYE_SENT, (A.FORGET_REINVITE, A.SEND_BYE)),
    (S.REINVITING, I.CANCEL): (S.BYE_SENT, (A.FORGET_REINVITE, A.SEND_BYE)),
    (S.REINVITING, I.RECEIVE_BYE): (S.BYE_RECEIVED, (A.FORGET_REINVITE, A.TELL_BYE_RECEIVED)),
    (S.REINVITE_CANCELLING, I.REINVITE_ACCEPTED): (S.ESTABLISHED, (A.TELL_REINVITE_ANSWERED,)),
    (S.REINVITE_CANCELLING, I.REINVITE_REFUSED): (S.ESTABLISHED, (A.TELL_REINVITE_REFUSED,)),
    (S.REINVITE_CANCELLING, I.REINVITE_CHALLENGED): (S.ESTABLISHED, (A.TELL_REINVITE_REFUSED,)),
    (S.REINVITE_CANCELLING, I.REINVITE_CROSSED): (S.ESTABLISHED, (A.TELL_REINVITE_REFUSED,)),
    (S.REINVITE_CANCELLING, I.REINVITE_LOST): (S.BYE_SENT, (A.TELL_REINVITE_REFUSED, A.SEND_BYE)),
    (S.REINVITE_CANCELLING, I.CANCEL_TIMEOUT): (S.ESTABLISHED, (A.FORGET_REINVITE, A.TELL_REINVITE_REFUSED)),
    (S.REINVITE_CANCELLING, I.HANG_UP): (S.BYE_SENT, (A.FORGET_REINVITE, A.SEND_BYE)),
    (S.REINVITE_CANCELLING, I.CANCEL): (S.BYE_SENT, (A.FORGET_REINVITE, A.SEND_BYE)),
    (S.REINVITE_CANCELLING, I.RECEIVE_BYE): (S.BYE_RECEIVED, (A.FORGET_REINVITE, A.TELL_BYE_RECEIVED)),
    (S.BYE_SENT, I.RECEIVE_BYE): (S.BYE_SENT, (A.TELL_BYE_RECEIVED, A.ANSWER_BYE)),
    (S.BYE_SENT, I.BYE_OVER): (S.ENDED, (A.TELL_BYE_ANSWERED,)),
    (S.BYE_RECEIVED, I.ANSWER_BYE): (S.ENDED, (A.ANSWER_BYE,)),
    (S.BYE_RECEIVED, I.OWNER_TIMEOUT): (S.ENDED, (A.ANSWER_BYE,)),
    # RFC 4028 section 10: who hears no refresh sends BYE. A change of the session under way is a refresh, too.
    (S.ESTABLISHED, I.SESSION_REFRESH): (S.ESTABLISHED, (A.REFRESH_SESSION,)),
    (S.ESTABLISHED, I.SESSION_EXPIRE): (S.BYE_SENT, (A.TELL_SESSION_EXPIRED, A.CLOSE_INVITE, A.SEND_BYE)),
    (S.REINVITE_WAITING, I.SESSION_EXPIRE): (
        S.BYE_SENT,
        (A.TELL_SESSION_EXPIRED, A.CLOSE_INVITE, A.SEND_BYE),
    ),
    (S.REINVITE_BACKED_OFF, I.SESSION_EXPIRE): (
        S.BYE_SENT,
        (A.TELL_SESSION_EXPIRED, A.CLOSE_INVITE, A.SEND_BYE),
    ),
    (S.REINVITING, I.SESSION_EXPIRE): (
        S.BYE_SENT,
        (A.TELL_SESSION_EXPIRED, A.FORGET_REINVITE, A.SEND_BYE),
    ),
    (S.REINVITE_CANCELLING, I.SESSION_EXPIRE): (
        S.BYE_SENT,
        (A.TELL_SESSION_EXPIRED, A.FORGET_REINVITE, A.SEND_BYE),
    ),
    (S.ESTABLISHED, I.REFER_SILENCE): (S.ESTABLISHED, (A.TELL_REFER_SILENCE,)),
    (S.REINVITE_WAITING, I.REFER_SILENCE): (S.REINVITE_WAITING, (A.TELL_REFER_SILENCE,)),
    (S.REINVITE_BACKED_OFF, I.REFER_SILENCE): (S.REINVITE_BACKED_OFF, (A.TELL_REFER_SILENCE,)),
    (S.REINVITING, I.REFER_SILENCE): (S.REINVITING, (A.TELL_REFER_SILENCE,)),
    (S.REINVITE_CANCELLING, I.REFER_SILENCE): (S.REINVITE_CANCELLING, (A.TELL_REFER_SILENCE,)),
}

OPEN = frozenset({S.ESTABLISHED, S.REINVITE_WAITING, S.REINVITE_BACKED_OFF})
"""States in which the peer may change the session."""

STANDING = OPEN | {S.REINVITING, S.REINVITE_CANCELLING}
"""States of a leg that was accepted and acknowledged, and is not about to end."""

ON_THE_WAY_OUT = frozenset(
    {S.ENDED, S.BYE_SENT, S.BYE_RECEIVED, S.CANCEL_WANTED, S.CANCELLING, S.ANSWERED_ENDING}
)


MAX_ABILITIES = 64
"""Methods and option tags of the peer that are kept."""


@dataclass(frozen=True, slots=True)
class Cause:
    """What came with an input: the message of the peer, or the wish of the owner."""

    request: Request | None = None
    response: Response | None = None
    status: int = 0
    reason: str | None = None
    body: bytes = b""
    content_type: str | None = None
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Unacknowledged:
    """A 2xx of ours that waits for its ACK."""

    transaction: "ServerTransaction"
    cseq: int
    data: bytes
    interval: float


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """The ACK we sent for one peer's 2xx, to be sent again with each repetition."""

    data: bytes
    destination: Address


@dataclass(slots=True, eq=False)
class Leg:
    """What we know of one leg."""

    id: int
    state: LegState
    peer: Address
    """Where its INVITE went to or came from."""
    invite: Request
    """The newest INVITE that set it up."""
    local_tag: str
    dialog: Dialog | None = None
    """The caller's has it from the first 2xx, the callee's from the start."""
    credentials: Credentials | None = None
    digest: DigestClient | None = None
    attempts: AuthAttempts = field(default_factory=AuthAttempts)
    client: "ClientTransaction | None" = None
    """Of our INVITE."""
    server: "ServerTransaction | None" = None
    """Of the peer's INVITE, or of its re-INVITE while that is unanswered."""
    reinvitation: "Reinvitation | None" = None
    """Our newest re-INVITE."""
    bye: "ServerTransaction | None" = None
    """Of the peer's BYE while that is unanswered."""
    acks: dict[str, Acknowledgement] = field(default_factory=dict)
    """By the tag of the peer that accepted our INVITE."""
    provisional: tuple[int, bytes] | None = None
    """Status and bytes of what was last said to the peer's INVITE."""
    unacknowledged: Unacknowledged | None = None
    early: "dict[str, Early]" = field(default_factory=dict)
    """Of a caller: the dialogs that provisional answers have made, by the tag of the peer (section 12.1)."""
    progress: "ReliableProgress | None" = None
    """Of a callee: its provisional answers that want a PRACK."""
    acceptance: Cause | None = None
    """The 2xx that waits for that PRACK."""
    search: "Search | None" = None
    """Of a caller: where else the call may go."""
    update: "ServerTransaction | None" = None
    """Of the peer's UPDATE (or PRACK with an offer) while that is unanswered."""
    next_change: "Reinvitation | None" = None
    """What the owner wants changed once a refresh of ours, of which it knows nothing, is over."""
    session: "SessionTerms | None" = None
    """How the session is kept fresh; None: it does not expire."""
    referral: "Referral | None" = None
    """Our REFER."""
    referred: "Referral | None" = None
    """The peer's REFER."""
    hosts: set[str] = field(default_factory=set)
    """Hosts that the dialog has dealt with; requests from others are forged."""
    peer_allow: frozenset[str] = frozenset()
    """Methods the peer says it takes."""
    peer_supported: frozenset[str] = frozenset()
    """Option tags the peer says it supports."""
    deadlines: dict[LegInput, float] = field(default_factory=dict)
    account: Account = field(default_factory=Account)

    def dialog_with(self, tag: str | None) -> Dialog | None:
        """The dialog with the peer of *tag*, an early one included."""
        if self.dialog is not None:
            return self.dialog if self.dialog.remote.tag == tag else None
        early = self.early.get(tag or "")
        return None if early is None else early.dialog

    def note_abilities(self, message: Request | Response) -> None:
        """Take note of what the peer says it takes and supports; silence changes nothing (sections 20.5, 20.37)."""
        if "Allow" in message.headers:
            self.peer_allow = frozenset(message.headers.get_all("Allow")[:MAX_ABILITIES])
        if "Supported" in message.headers:
            self.peer_supported = frozenset(
                tag.lower() for tag in message.headers.get_all("Supported")[:MAX_ABILITIES]
            )

    def next_timeout(self) -> float | None:
        """When one of `deadlines` is due, or None."""
        return min(self.deadlines.values(), default=None)
