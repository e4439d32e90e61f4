"""What all operations about desks share: which desk is meant, and telling the others."""

from collections.abc import Callable, Mapping
from typing import Any

from dsp.wording import shown
from softphone.control.desk import Desk
from softphone.control.errors import ControlError
from softphone.control.op import Argument, Client, Event, closest
from softphone.control.schema import MAX_PATH

MAX_CHANGES = 512
"""Most values in one `patch`."""

CHAIN = Argument("chain", "text", "which chain; the first where left out", required=False, high=MAX_PATH)
IF_REVISION = Argument(
    "if_revision",
    "integer",
    "refuse where somebody else changed the same since this revision",
    required=False,
    low=0,
)
PATH_HELP = "slot.parameter, as low-cut.freq_hz"


class Turning:
    """Desks by name; the first is meant where a request names none.

    Args:
        publish: told of changes.
    """

    def __init__(self, desks: Mapping[str, Desk], publish: Callable[[Event], None]) -> None:
        self.desks = desks
        self.publish = publish

    def desk(self, name: str | None) -> Desk:
        """The desk called *name*; the first for None.

        Raises:
            ControlError: ``unknown-chain``.
        """
        name = next(iter(self.desks), "") if name is None else name
        if name not in self.desks:
            words, close = closest(name, self.desks)
            told = f"no chain {shown(name)}; {words}" if self.desks else "there is no chain of filters here"
            raise ControlError("unknown-chain", told, **close)
        return self.desks[name]

    def tell(self, desk: Desk, client: Client, body: Mapping[str, Any]) -> None:
        """Tell the others what *client* changed on *desk*."""
        state = desk.state
        known = {
            "chain": desk.name,
            "revision": state.revision,
            "who": client.name,
            "client": client.id,
            "modified": state.modified,
            "can_undo": bool(state.past),
            "can_redo": bool(state.future),
        }
        self.publish(Event("changes", known | dict(body), client.id))
