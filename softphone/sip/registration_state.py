"""What a registration of ours goes through, and what is known of it (RFC 3261 section 10.2)."""

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from softphone.sip.auth import Credentials
from softphone.sip.events import Address
from softphone.sip.message import Response
from softphone.sip.uri import NameAddr, SipUri


class RegState(enum.Enum):
    """How one registration stands."""

    REGISTERING = "registering"
    OUTDATED = "registering what has changed meanwhile"
    REGISTERED = "registered"
    WAITING = "waiting to try again"
    LEAVING_LATER = "to be taken back after the answer"
    LEAVING = "being taken back"
    ENDED = "ended"


class RegInput(enum.Enum):
    """What can happen to it."""

    ACCEPTED = "2xx received"
    TOO_BRIEF = "423 received"
    FAILED = "a refusal that may pass, or no answer"
    REFUSED = "a refusal that means it"
    DUE = "refresh or retry is due"
    RENEW = "the owner has another contact"
    REMOVE = "the owner takes it back"
    FORGET = "the owner takes back what never was"


class RegAction(enum.Enum):
    """What is done then."""

    SEND = "send REGISTER"
    SEND_REMOVAL = "send REGISTER that expires at once"
    REFRESH_LATER = "set the refresh"
    BACK_OFF = "set the retry"
    TELL_REGISTERED = "tell Registered"
    TELL_FAILED = "tell RegistrationFailed"
    TELL_UNREGISTERED = "tell Unregistered"


_S, _I, _A = RegState, RegInput, RegAction

# An absent pair means nothing in that state. Section 10.2: no REGISTER is sent while another waits for its answer.
REGISTRATION: Mapping[tuple[RegState, RegInput], tuple[RegState, tuple[RegAction, ...]]] = {
    (_S.REGISTERING, _I.ACCEPTED): (_S.REGISTERED, (_A.REFRESH_LATER, _A.TELL_REGISTERED)),
    (_S.REGISTERING, _I.TOO_BRIEF): (_S.REGISTERING, (_A.SEND,)),
    (_S.REGISTERING, _I.FAILED): (_S.WAITING, (_A.BACK_OFF, _A.TELL_FAILED)),
    (_S.REGISTERING, _I.REFUSED): (_S.ENDED, (_A.TELL_FAILED,)),
    (_S.REGISTERING, _I.RENEW): (_S.OUTDATED, ()),
    (_S.REGISTERING, _I.REMOVE): (_S.LEAVING_LATER, ()),
    (_S.OUTDATED, _I.ACCEPTED): (_S.REGISTERING, (_A.SEND,)),
    (_S.OUTDATED, _I.TOO_BRIEF): (_S.REGISTERING, (_A.SEND,)),
    (_S.OUTDATED, _I.FAILED): (_S.REGISTERING, (_A.SEND,)),
    (_S.OUTDATED, _I.REFUSED): (_S.ENDED, (_A.TELL_FAILED,)),
    (_S.OUTDATED, _I.REMOVE): (_S.LEAVING_LATER, ()),
    (_S.REGISTERED, _I.DUE): (_S.REGISTERING, (_A.SEND,)),
    (_S.REGISTERED, _I.RENEW): (_S.REGISTERING, (_A.SEND,)),
    (_S.REGISTERED, _I.REMOVE): (_S.LEAVING, (_A.SEND_REMOVAL,)),
    (_S.WAITING, _I.DUE): (_S.REGISTERING, (_A.SEND,)),
    (_S.WAITING, _I.RENEW): (_S.REGISTERING, (_A.SEND,)),
    (_S.WAITING, _I.REMOVE): (_S.LEAVING, (_A.SEND_REMOVAL,)),
    (_S.WAITING, _I.FORGET): (_S.ENDED, (_A.TELL_UNREGISTERED,)),
    (_S.LEAVING_LATER, _I.ACCEPTED): (_S.LEAVING, (_A.SEND_REMOVAL,)),
    (_S.LEAVING_LATER, _I.TOO_BRIEF): (_S.LEAVING, (_A.SEND_REMOVAL,)),
    (_S.LEAVING_LATER, _I.FAILED): (_S.ENDED, (_A.TELL_UNREGISTERED,)),
    (_S.LEAVING_LATER, _I.REFUSED): (_S.ENDED, (_A.TELL_UNREGISTERED,)),
    (_S.LEAVING, _I.ACCEPTED): (_S.ENDED, (_A.TELL_UNREGISTERED,)),
    (_S.LEAVING, _I.TOO_BRIEF): (_S.ENDED, (_A.TELL_UNREGISTERED,)),
    (_S.LEAVING, _I.FAILED): (_S.ENDED, (_A.TELL_UNREGISTERED,)),
    (_S.LEAVING, _I.REFUSED): (_S.ENDED, (_A.TELL_UNREGISTERED,)),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a REGISTER; without a response, how it failed here."""

    response: Response | None
    status: int
    reason: str


@dataclass(slots=True, eq=False)
class Registration:
    """One contact of ours at one registrar."""

    id: int
    registrar: SipUri
    aor: NameAddr
    """Whose calls are to come here, with the tag of our From."""
    contact: SipUri | None
    """What is registered; None: where the registrar reaches us, as far as we know."""
    destinations: tuple[Address, ...]
    credentials: Credentials | None
    route: tuple[str, ...]
    wanted_s: float
    call_id: str
    """One for all REGISTERs of this registration (section 10.2)."""
    next_cseq: Callable[[], int]
    state: RegState = RegState.REGISTERING
    held: SipUri | None = None
    """The contact that the registrar has of us."""
    held_until: float | None = None
    """When the registrar forgets us by itself; None: it never took us."""
    sent_at: float = 0.0
    """When it was asked for last."""
    due_at: float | None = None
    failures: int = 0
    """In a row."""
    asked_s: float = 0.0
    """What the REGISTER that is out asks for."""
    sent: SipUri | None = None
    """The contact that it names."""
    answer: Answer = field(default=Answer(None, 0, ""))

    def next_timeout(self) -> float | None:
        """When it is to be refreshed or tried again."""
        return self.due_at
