"""How long a call that is ending waits for others."""

from dataclasses import dataclass

from softphone.call.state import State


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a call that is ending waits for others, in seconds; the endpoint's own timers go on."""

    bye_s: float = 8.0
    """For the answer to our BYE: five transmissions at the default T1."""
    cancel_s: float = 8.0
    """For the final answer to an INVITE that we cancelled."""
    unheard_s: float = 2.0
    """The same, when nothing at all has come back; CANCEL must not be sent then (RFC 3261 section 9.1)."""
    owner_s: float = 2.0
    """For our own side to call `answer_bye`."""

    def in_state(self, state: State, *, heard: bool) -> float | None:
        """Return how long a call may stay in *state*, None: as long as it likes.

        Args:
            state: just entered.
            heard: whether anything at all came from the peer.
        """
        match state:
            case State.CANCELLING:
                return self.cancel_s if heard else self.unheard_s
            case State.LEAVING | State.ANSWERED_LEAVING:
                return self.bye_s
            case State.PEER_LEAVING:
                return self.owner_s
            case _:
                return None
