"""How a call ended: one of CONTRACT's words, whose doing it was, and the SIP status behind it."""

import enum
from dataclasses import dataclass
from typing import Literal

EndedBy = Literal["local", "peer", "network"]


class Outcome(enum.Enum):
    """What became of a call; `NO_AUDIO` and `DROPPED` for lack of media are for those who hear it to say."""

    COMPLETED = "completed"
    BUSY = "busy"
    DECLINED = "declined"
    NO_ANSWER = "no-answer"
    UNREACHABLE = "unreachable"
    UNAUTHORIZED = "unauthorized"
    INCOMPATIBLE = "incompatible"
    NO_AUDIO = "no-audio"
    DROPPED = "dropped"
    FAILED = "failed"


HUNG_UP = "hung up before an answer"
"""The reason of a call that was given up here, and not because its time was over."""


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a call is over."""

    outcome: Outcome
    ended_by: EndedBy
    sip_status: int | None
    """Final status of the INVITE, made by the peer or by us; None: there was none yet."""
    reason: str


# RFC 3261 sections 21.4 to 21.6. A status that is missing is a refusal of any other kind: declined.
_OUTCOMES: dict[int, Outcome] = {
    401: Outcome.UNAUTHORIZED,
    406: Outcome.INCOMPATIBLE,
    407: Outcome.UNAUTHORIZED,
    408: Outcome.NO_ANSWER,
    415: Outcome.INCOMPATIBLE,
    480: Outcome.NO_ANSWER,
    486: Outcome.BUSY,
    487: Outcome.NO_ANSWER,
    488: Outcome.INCOMPATIBLE,
    600: Outcome.BUSY,
    606: Outcome.INCOMPATIBLE,
}


def outcome_of_status(status: int) -> Outcome:
    """Return what a final *status* of 300 to 699 to an INVITE means for the call."""
    return _OUTCOMES.get(status, Outcome.DECLINED)


def refused(status: int, reason: str, *, made_here: bool, heard: bool) -> Ending:
    """Return the ending of an INVITE that was refused.

    Args:
        status: of the final answer.
        reason: its phrase.
        made_here: our side made the status, for want of an answer (RFC 3261 section 8.1.3.1).
        heard: anything at all came back from the peer.
    """
    if not made_here:
        return Ending(outcome_of_status(status), "peer", status, reason)
    # A status of our own stands for the network: 408 for silence, 503 for an ICMP error.
    silent = status == 503 or not heard
    return Ending(Outcome.UNREACHABLE if silent else Outcome.NO_ANSWER, "network", status, reason)
