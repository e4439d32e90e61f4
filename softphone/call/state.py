"""The state machine of a call: an enum and a table (RFC 3261 sections 9, 13 to 15 as a user sees them)."""

import enum
from collections.abc import Mapping


class State(enum.Enum):
    """Where a call stands."""

    CALLING = "calling"
    """INVITE is out, nobody reported progress."""
    RINGING = "ringing"
    """The peer reported progress."""
    EARLY = "ringing, early media"
    """The peer has said in a provisional answer what it sends already (RFC 3960)."""
    CANCELLING = "cancelling"
    """We gave up; the INVITE's final answer is awaited."""
    INCOMING = "incoming"
    """The peer's INVITE waits for our answer."""
    INCOMING_EARLY = "incoming, early media"
    """The same; our 183 has said what we send and take already."""
    ANSWERED = "answered"
    """200 with our answer is out, its ACK is awaited; media may flow."""
    ANSWERED_OFFERING = "answered, offering"
    """200 with our offer is out; the ACK brings the peer's answer."""
    ANSWERED_LEAVING = "answered, leaving"
    """We hang up; BYE must wait for the ACK of our 200 (RFC 3261 section 15)."""
    ESTABLISHED = "established"
    REOFFERED = "re-offered"
    """A re-INVITE without description got our offer; its ACK brings the answer."""
    HOLDING = "holding"
    """Our re-INVITE that puts the peer on hold is under way."""
    HELD = "on hold"
    """We hold the call (RFC 3264 section 8.4)."""
    HELD_REOFFERED = "on hold, re-offered"
    """The same as re-offered, while we hold the call."""
    RESUMING = "resuming"
    """Our re-INVITE that takes the peer back is under way."""
    CHANGING = "changing"
    """Our re-INVITE that changes codec or address, or only refreshes the session, is under way."""
    HELD_CHANGING = "on hold, changing"
    """The same, while we hold the call."""
    LEAVING = "leaving"
    """Our BYE is on its way."""
    PEER_LEAVING = "peer leaving"
    """The peer's BYE waits for our answer."""
    ENDED = "ended"


class Input(enum.Enum):
    """What can happen to a call."""

    HANG_UP = "hang up"
    RING = "ring"
    EARLY = "send early media"
    ACCEPT = "accept with an answer"
    ACCEPT_OFFERING = "accept with an offer"
    REJECT = "reject"
    ANSWER_BYE = "answer BYE"
    HOLD = "hold"
    RESUME = "resume"
    CHANGE = "change or refresh"
    PROGRESS = "progress received"
    EARLY_ANSWER = "progress with a suitable answer received"
    ANSWER = "2xx with a suitable answer received"
    UNSUITABLE = "2xx or ACK without a suitable answer received"
    REFUSAL = "final answer received, or none can come"
    CANCEL = "CANCEL received"
    ACK = "ACK received"
    ACK_ANSWER = "ACK with a suitable answer received"
    ACK_MISSING = "no ACK came"
    BYE = "BYE received"
    BYE_OVER = "our BYE came to its end"
    REOFFER = "re-INVITE or UPDATE with a suitable offer received"
    REINVITE_EMPTY = "re-INVITE without a description received"
    REINVITE_UNSUITABLE = "re-INVITE or UPDATE with an unsuitable offer received"
    CHANGE_REFUSED = "our re-INVITE was refused"
    CHANGE_LOST = "the peer has no such call any more, or nobody refreshed it"
    TIMEOUT = "patience ran out"


class Action(enum.Enum):
    """What a call does on a transition."""

    SEND_CANCEL = "send CANCEL"
    SEND_RINGING = "send 180"
    SEND_PROGRESS = "send 183 with our answer"
    SEND_ANSWER = "send 200"
    SEND_REFUSAL = "send the final answer"
    SEND_BYE = "send BYE with our result"
    SEND_BYE_BARE = "send BYE with a reason"
    ANSWER_BYE = "send 200 to BYE with our result"
    ANSWER_REINVITE = "send 200 to re-INVITE or UPDATE"
    REFUSE_REINVITE = "refuse re-INVITE or UPDATE"
    SEND_REINVITE = "send re-INVITE"
    TELL_RINGING = "tell Ringing"
    TELL_EARLY = "tell EarlyMedia, if it is new"
    TELL_ESTABLISHED = "tell Established"
    TELL_CHANGED = "tell MediaChanged, if it did"
    TELL_HELD = "tell HoldChanged on"
    TELL_RESUMED = "tell HoldChanged off"
    TELL_HOLD_REFUSED = "tell HoldRefused"
    TELL_CHANGE_REFUSED = "tell ChangeRefused"
    TELL_PEER_HUNG_UP = "tell PeerHungUp"
    TELL_ENDED = "tell Ended"


S, I, A = State, Input, Action  # noqa: E741 (for the table below)

# A pair that is missing is absorbed: what came no longer matters, or the owner was overtaken by the peer.
TRANSITIONS: Mapping[tuple[State, Input], tuple[State, tuple[Action, ...]]] = {
    (S.CALLING, I.PROGRESS): (S.RINGING, (A.TELL_RINGING,)),
    (S.CALLING, I.EARLY_ANSWER): (S.EARLY, (A.TELL_RINGING, A.TELL_EARLY)),
    (S.CALLING, I.ANSWER): (S.ESTABLISHED, (A.TELL_ESTABLISHED,)),
    (S.CALLING, I.UNSUITABLE): (S.LEAVING, (A.SEND_BYE_BARE,)),
    (S.CALLING, I.REFUSAL): (S.ENDED, (A.TELL_ENDED,)),
    (S.CALLING, I.HANG_UP): (S.CANCELLING, (A.SEND_CANCEL,)),
    (S.CALLING, I.TIMEOUT): (S.CANCELLING, (A.SEND_CANCEL,)),
    (S.RINGING, I.EARLY_ANSWER): (S.EARLY, (A.TELL_EARLY,)),
    (S.RINGING, I.ANSWER): (S.ESTABLISHED, (A.TELL_ESTABLISHED,)),
    (S.RINGING, I.UNSUITABLE): (S.LEAVING, (A.SEND_BYE_BARE,)),
    (S.RINGING, I.REFUSAL): (S.ENDED, (A.TELL_ENDED,)),
    (S.RINGING, I.HANG_UP): (S.CANCELLING, (A.SEND_CANCEL,)),
    (S.RINGING, I.TIMEOUT): (S.CANCELLING, (A.SEND_CANCEL,)),
    # Offers within a call that has no session yet: every UPDATE and PRACK gets its answer.
    (S.RINGING, I.REINVITE_UNSUITABLE): (S.RINGING, (A.REFUSE_REINVITE,)),
    (S.INCOMING, I.REINVITE_UNSUITABLE): (S.INCOMING, (A.REFUSE_REINVITE,)),
    # Another fork of the call may say something else (RFC 3960 section 3.1); the newest is heard.
    (S.EARLY, I.EARLY_ANSWER): (S.EARLY, (A.TELL_EARLY,)),
    (S.EARLY, I.REOFFER): (S.EARLY, (A.ANSWER_REINVITE, A.TELL_EARLY)),
    (S.EARLY, I.REINVITE_UNSUITABLE): (S.EARLY, (A.REFUSE_REINVITE,)),
    (S.EARLY, I.ANSWER): (S.ESTABLISHED, (A.TELL_ESTABLISHED,)),
    (S.EARLY, I.UNSUITABLE): (S.LEAVING, (A.SEND_BYE_BARE,)),
    (S.EARLY, I.REFUSAL): (S.ENDED, (A.TELL_ENDED,)),
    (S.EARLY, I.HANG_UP): (S.CANCELLING, (A.SEND_CANCEL,)),
    (S.EARLY, I.TIMEOUT): (S.CANCELLING, (A.SEND_CANCEL,)),
    # A 200 that crosses our CANCEL is acknowledged and ended by the endpoint, which tells us a refusal.
    (S.CANCELLING, I.REFUSAL): (S.ENDED, (A.TELL_ENDED,)),
    (S.CANCELLING, I.TIMEOUT): (S.ENDED, (A.TELL_ENDED,)),
    (S.INCOMING, I.RING): (S.INCOMING, (A.SEND_RINGING,)),
    (S.INCOMING, I.ACCEPT): (S.ANSWERED, (A.SEND_ANSWER, A.TELL_ESTABLISHED)),
    (S.INCOMING, I.ACCEPT_OFFERING): (S.ANSWERED_OFFERING, (A.SEND_ANSWER,)),
    (S.INCOMING, I.REJECT): (S.ENDED, (A.SEND_REFUSAL, A.TELL_ENDED)),
    (S.INCOMING, I.HANG_UP): (S.ENDED, (A.SEND_REFUSAL, A.TELL_ENDED)),
    (S.INCOMING, I.CANCEL): (S.ENDED, (A.TELL_ENDED,)),
    (S.INCOMING, I.EARLY): (S.INCOMING_EARLY, (A.SEND_PROGRESS, A.TELL_EARLY)),
    (S.INCOMING_EARLY, I.RING): (S.INCOMING_EARLY, (A.SEND_RINGING,)),
    (S.INCOMING_EARLY, I.REOFFER): (S.INCOMING_EARLY, (A.ANSWER_REINVITE, A.TELL_EARLY)),
    (S.INCOMING_EARLY, I.REINVITE_UNSUITABLE): (S.INCOMING_EARLY, (A.REFUSE_REINVITE,)),
    (S.INCOMING_EARLY, I.ACCEPT): (S.ANSWERED, (A.SEND_ANSWER, A.TELL_ESTABLISHED)),
    (S.INCOMING_EARLY, I.REJECT): (S.ENDED, (A.SEND_REFUSAL, A.TELL_ENDED)),
    (S.INCOMING_EARLY, I.HANG_UP): (S.ENDED, (A.SEND_REFUSAL, A.TELL_ENDED)),
    (S.INCOMING_EARLY, I.CANCEL): (S.ENDED, (A.TELL_ENDED,)),
    (S.ANSWERED, I.ACK): (S.ESTABLISHED, ()),
    (S.ANSWERED, I.REOFFER): (S.ANSWERED, (A.ANSWER_REINVITE, A.TELL_CHANGED)),
    (S.ANSWERED, I.REINVITE_UNSUITABLE): (S.ANSWERED, (A.REFUSE_REINVITE,)),
    # Our 200 may wait for the PRACK of our 183 (RFC 3262 section 3): until then the caller can still give up.
    (S.ANSWERED, I.CANCEL): (S.ENDED, (A.TELL_ENDED,)),
    (S.ANSWERED, I.ACK_MISSING): (S.ENDED, (A.TELL_ENDED,)),
    (S.ANSWERED, I.BYE): (S.PEER_LEAVING, (A.TELL_PEER_HUNG_UP,)),
    (S.ANSWERED, I.HANG_UP): (S.ANSWERED_LEAVING, ()),
    (S.ANSWERED_OFFERING, I.ACK_ANSWER): (S.ESTABLISHED, (A.TELL_ESTABLISHED,)),
    (S.ANSWERED_OFFERING, I.REINVITE_UNSUITABLE): (S.ANSWERED_OFFERING, (A.REFUSE_REINVITE,)),
    (S.ANSWERED_OFFERING, I.UNSUITABLE): (S.LEAVING, (A.SEND_BYE_BARE,)),
    (S.ANSWERED_OFFERING, I.ACK_MISSING): (S.ENDED, (A.TELL_ENDED,)),
    (S.ANSWERED_OFFERING, I.BYE): (S.PEER_LEAVING, (A.TELL_PEER_HUNG_UP,)),
    (S.ANSWERED_OFFERING, I.HANG_UP): (S.ANSWERED_LEAVING, ()),
    (S.ANSWERED_LEAVING, I.ACK): (S.LEAVING, (A.SEND_BYE,)),
    (S.ANSWERED_LEAVING, I.CANCEL): (S.ENDED, (A.TELL_ENDED,)),
    (S.ANSWERED_LEAVING, I.ACK_MISSING): (S.ENDED, (A.TELL_ENDED,)),
    (S.ANSWERED_LEAVING, I.BYE): (S.ENDED, (A.ANSWER_BYE, A.TELL_ENDED)),
    (S.ANSWERED_LEAVING, I.TIMEOUT): (S.ENDED, (A.SEND_BYE, A.TELL_ENDED)),
    (S.ESTABLISHED, I.REOFFER): (S.ESTABLISHED, (A.ANSWER_REINVITE, A.TELL_CHANGED)),
    (S.ESTABLISHED, I.REINVITE_EMPTY): (S.REOFFERED, (A.ANSWER_REINVITE,)),
    (S.ESTABLISHED, I.REINVITE_UNSUITABLE): (S.ESTABLISHED, (A.REFUSE_REINVITE,)),
    (S.ESTABLISHED, I.ACK_MISSING): (S.ENDED, (A.TELL_ENDED,)),
    (S.ESTABLISHED, I.BYE): (S.PEER_LEAVING, (A.TELL_PEER_HUNG_UP,)),
    (S.ESTABLISHED, I.HANG_UP): (S.LEAVING, (A.SEND_BYE,)),
    (S.REOFFERED, I.ACK_ANSWER): (S.ESTABLISHED, (A.TELL_CHANGED,)),
    (S.REOFFERED, I.REINVITE_UNSUITABLE): (S.REOFFERED, (A.REFUSE_REINVITE,)),
    (S.REOFFERED, I.UNSUITABLE): (S.LEAVING, (A.SEND_BYE_BARE,)),
    (S.REOFFERED, I.ACK_MISSING): (S.ENDED, (A.TELL_ENDED,)),
    (S.REOFFERED, I.BYE): (S.PEER_LEAVING, (A.TELL_PEER_HUNG_UP,)),
    (S.REOFFERED, I.HANG_UP): (S.LEAVING, (A.SEND_BYE,)),
    (S.ESTABLISHED, I.HOLD): (S.HOLDING, (A.SEND_REINVITE,)),
    (S.HOLDING, I.ANSWER): (S.HELD, (A.TELL_HELD,)),
    (S.HOLDING, I.CHANGE_REFUSED): (S.ESTABLISHED, (A.TELL_HOLD_REFUSED,)),
    (S.HOLDING, I.CHANGE_LOST): (S.LEAVING, ()),
    (S.HOLDING, I.UNSUITABLE): (S.LEAVING, (A.SEND_BYE_BARE,)),
    (S.HOLDING, I.REOFFER): (S.HOLDING, (A.ANSWER_REINVITE, A.TELL_CHANGED)),
    (S.HOLDING, I.REINVITE_UNSUITABLE): (S.HOLDING, (A.REFUSE_REINVITE,)),
    (S.HOLDING, I.ACK_MISSING): (S.ENDED, (A.TELL_ENDED,)),
    (S.HOLDING, I.BYE): (S.PEER_LEAVING, (A.TELL_PEER_HUNG_UP,)),
    (S.HOLDING, I.HANG_UP): (S.LEAVING, (A.SEND_BYE,)),
    (S.HELD, I.RESUME): (S.RESUMING, (A.SEND_REINVITE,)),
    (S.HELD, I.REOFFER): (S.HELD, (A.ANSWER_REINVITE, A.TELL_CHANGED)),
    (S.HELD, I.REINVITE_EMPTY): (S.HELD_REOFFERED, (A.ANSWER_REINVITE,)),
    (S.HELD, I.REINVITE_UNSUITABLE): (S.HELD, (A.REFUSE_REINVITE,)),
    (S.HELD, I.ACK_MISSING): (S.ENDED, (A.TELL_ENDED,)),
    (S.HELD, I.BYE): (S.PEER_LEAVING, (A.TELL_PEER_HUNG_UP,)),
    (S.HELD, I.HANG_UP): (S.LEAVING, (A.SEND_BYE,)),
    (S.HELD_REOFFERED, I.ACK_ANSWER): (S.HELD, (A.TELL_CHANGED,)),
    (S.HELD_REOFFERED, I.REINVITE_UNSUITABLE): (S.HELD_REOFFERED, (A.REFUSE_REINVITE,)),
    (S.HELD_REOFFERED, I.UNSUITABLE): (S.LEAVING, (A.SEND_BYE_BARE,)),
    (S.HELD_REOFFERED, I.ACK_MISSING): (S.ENDED, (A.TELL_ENDED,)),
    (S.HELD_REOFFERED, I.BYE): (S.PEER_LEAVING, (A.TELL_PEER_HUNG_UP,)),
    (S.HELD_REOFFERED, I.HANG_UP): (S.LEAVING, (A.SEND_BYE,)),
    (S.RESUMING, I.ANSWER): (S.ESTABLISHED, (A.TELL_RESUMED,)),
    (S.RESUMING, I.CHANGE_REFUSED): (S.HELD, (A.TELL_HOLD_REFUSED,)),
    (S.RESUMING, I.CHANGE_LOST): (S.LEAVING, ()),
    (S.RESUMING, I.UNSUITABLE): (S.LEAVING, (A.SEND_BYE_BARE,)),
    (S.RESUMING, I.REOFFER): (S.RESUMING, (A.ANSWER_REINVITE, A.TELL_CHANGED)),
    (S.RESUMING, I.REINVITE_UNSUITABLE): (S.RESUMING, (A.REFUSE_REINVITE,)),
    (S.RESUMING, I.ACK_MISSING): (S.ENDED, (A.TELL_ENDED,)),
    (S.RESUMING, I.BYE): (S.PEER_LEAVING, (A.TELL_PEER_HUNG_UP,)),
    (S.RESUMING, I.HANG_UP): (S.LEAVING, (A.SEND_BYE,)),
    (S.ESTABLISHED, I.CHANGE): (S.CHANGING, (A.SEND_REINVITE,)),
    (S.CHANGING, I.ANSWER): (S.ESTABLISHED, (A.TELL_CHANGED,)),
    (S.CHANGING, I.CHANGE_REFUSED): (S.ESTABLISHED, (A.TELL_CHANGE_REFUSED,)),
    (S.CHANGING, I.CHANGE_LOST): (S.LEAVING, ()),
    (S.CHANGING, I.UNSUITABLE): (S.LEAVING, (A.SEND_BYE_BARE,)),
    (S.CHANGING, I.REOFFER): (S.CHANGING, (A.ANSWER_REINVITE, A.TELL_CHANGED)),
    (S.CHANGING, I.REINVITE_UNSUITABLE): (S.CHANGING, (A.REFUSE_REINVITE,)),
    (S.CHANGING, I.ACK_MISSING): (S.ENDED, (A.TELL_ENDED,)),
    (S.CHANGING, I.BYE): (S.PEER_LEAVING, (A.TELL_PEER_HUNG_UP,)),
    (S.CHANGING, I.HANG_UP): (S.LEAVING, (A.SEND_BYE,)),
    (S.HELD, I.CHANGE): (S.HELD_CHANGING, (A.SEND_REINVITE,)),
    (S.HELD_CHANGING, I.ANSWER): (S.HELD, (A.TELL_CHANGED,)),
    (S.HELD_CHANGING, I.CHANGE_REFUSED): (S.HELD, (A.TELL_CHANGE_REFUSED,)),
    (S.HELD_CHANGING, I.CHANGE_LOST): (S.LEAVING, ()),
    (S.HELD_CHANGING, I.UNSUITABLE): (S.LEAVING, (A.SEND_BYE_BARE,)),
    (S.HELD_CHANGING, I.REOFFER): (S.HELD_CHANGING, (A.ANSWER_REINVITE, A.TELL_CHANGED)),
    (S.HELD_CHANGING, I.REINVITE_UNSUITABLE): (S.HELD_CHANGING, (A.REFUSE_REINVITE,)),
    (S.HELD_CHANGING, I.ACK_MISSING): (S.ENDED, (A.TELL_ENDED,)),
    (S.HELD_CHANGING, I.BYE): (S.PEER_LEAVING, (A.TELL_PEER_HUNG_UP,)),
    (S.HELD_CHANGING, I.HANG_UP): (S.LEAVING, (A.SEND_BYE,)),
    # The endpoint has sent BYE: after RFC 4028 section 10, or a refresh by UPDATE (RFC 3311 section 5.3).
    (S.ANSWERED, I.CHANGE_LOST): (S.LEAVING, ()),
    (S.ESTABLISHED, I.CHANGE_LOST): (S.LEAVING, ()),
    (S.REOFFERED, I.CHANGE_LOST): (S.LEAVING, ()),
    (S.HELD, I.CHANGE_LOST): (S.LEAVING, ()),
    (S.HELD_REOFFERED, I.CHANGE_LOST): (S.LEAVING, ()),
    (S.LEAVING, I.BYE): (S.LEAVING, (A.ANSWER_BYE,)),
    (S.LEAVING, I.BYE_OVER): (S.ENDED, (A.TELL_ENDED,)),
    (S.LEAVING, I.TIMEOUT): (S.ENDED, (A.TELL_ENDED,)),
    (S.PEER_LEAVING, I.ANSWER_BYE): (S.ENDED, (A.ANSWER_BYE, A.TELL_ENDED)),
    (S.PEER_LEAVING, I.HANG_UP): (S.ENDED, (A.ANSWER_BYE, A.TELL_ENDED)),
    (S.PEER_LEAVING, I.TIMEOUT): (S.ENDED, (A.ANSWER_BYE, A.TELL_ENDED)),
}


class Phase(enum.Enum):
    """A state as somebody who looks on wants to know it."""

    CALLING = "calling"
    RINGING = "ringing"
    INCOMING = "incoming"
    ESTABLISHED = "established"
    ENDING = "ending"
    ENDED = "ended"


PHASES: Mapping[State, Phase] = {
    State.CALLING: Phase.CALLING,
    State.RINGING: Phase.RINGING,
    State.EARLY: Phase.RINGING,
    State.CANCELLING: Phase.ENDING,
    State.INCOMING: Phase.INCOMING,
    State.INCOMING_EARLY: Phase.INCOMING,
    State.ANSWERED: Phase.ESTABLISHED,
    State.ANSWERED_OFFERING: Phase.ESTABLISHED,
    State.ANSWERED_LEAVING: Phase.ENDING,
    State.ESTABLISHED: Phase.ESTABLISHED,
    State.REOFFERED: Phase.ESTABLISHED,
    State.HOLDING: Phase.ESTABLISHED,
    State.HELD: Phase.ESTABLISHED,
    State.HELD_REOFFERED: Phase.ESTABLISHED,
    State.RESUMING: Phase.ESTABLISHED,
    State.CHANGING: Phase.ESTABLISHED,
    State.HELD_CHANGING: Phase.ESTABLISHED,
    State.LEAVING: Phase.ENDING,
    State.PEER_LEAVING: Phase.ENDING,
    State.ENDED: Phase.ENDED,
}

ON_HOLD = frozenset({State.HELD, State.HELD_REOFFERED, State.RESUMING, State.HELD_CHANGING})
"""States in which we hold the call."""
