"""The dispatcher: which operations there are, who may do what, who listens to what, and what became of it."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dsp.errors import DspError
from softphone.control.chain_ops import ChainOps
from softphone.control.desk import Desk, refused
from softphone.control.errors import ControlError
from softphone.control.op import CONTROL, Argument, Client, Domain, Event, Op, Reply, Request
from softphone.control.preset_ops import PresetOps, PresetStore
from softphone.control.schema import kinds_of_filters, tree
from softphone.control.session_ops import SessionOps
from softphone.errors import SoftphoneError

__all__ = ["Dispatcher", "PresetStore"]


class Dispatcher:
    """Answers requests.

    `parse`, `take_events`, `join`, `leave` and the operations whose ``where`` is ``loop`` belong to one thread, the event
    loop's; each other operation to the thread that its ``where`` names. `publish` may be called from any.

    Args:
        desks: the chains; the first is meant where a request names none.
        presets: where presets by name come from and go to.
        domains: more operations, such as those of calls.
        title: what people call this machine.
        version: of the program.

    Attributes:
        ops: every operation by its name.
        on_event: told, from any thread, that `take_events` has something.
        limits: what `hello` tells clients; whoever serves fills it in.
    """

    def __init__(
        self,
        desks: Sequence[Desk],
        presets: PresetStore,
        domains: Sequence[Domain] = (),
        *,
        title: str = "softphone",
        version: str = "",
    ) -> None:
        self.title = title
        self.version = version
        self.desks: Mapping[str, Desk] = {desk.name: desk for desk in desks}
        self.presets = presets
        self.domains = tuple(domains)
        self.limits: Mapping[str, Any] = {}
        self.on_event: Callable[[], None] = lambda: None
        self._events: deque[Event] = deque()
        self._kinds: dict[str, dict[str, Any]] = {}
        self._chains = ChainOps(self.desks, self._tell)
        self.sessions = SessionOps(self)
        groups = (
            self.sessions.ops(),
            self._chains.ops(),
            PresetOps(self._chains, presets).ops(),
            *(domain.ops() for domain in self.domains),
        )
        self.ops: Mapping[str, Op] = {op.name: op for group in groups for op in group}

    def parse(self, message: Mapping[str, Any]) -> Request:
        """Read what a client sent.

        Raises:
            ControlError: it is no request: ``bad-message``, ``unknown-op``, ``bad-value`` or ``out-of-range``.
        """
        return Request.parse(message, self.ops)

    def handle(self, client: Client, request: Request, *, now: float) -> Reply:
        """Do what *request* asks, in the thread that ``ops[request.op].where`` names.

        Args:
            now: monotonic seconds.
        """
        op = self.ops[request.op]
        try:
            if op.role == CONTROL and client.role != CONTROL:
                raise ControlError("forbidden", f"{op.name} needs the role control, yours is {client.role}")
            result = op.run(client, {**request.arguments, "now": now})
            of_desk = op.of_chain and self.desks
            revision = self.desk(request.arguments["chain"]).revision if of_desk else None
        except ControlError as error:
            return Reply(request.id, error=error)
        except DspError as error:
            return Reply(request.id, error=refused(error))
        except SoftphoneError as error:
            return Reply(request.id, error=ControlError("not-possible", str(error)))
        return Reply(request.id, result, revision=result.get("revision", revision))

    def desk(self, chain: str | None = None) -> Desk:
        """The desk called *chain*; the first for None.

        Raises:
            ControlError: ``unknown-chain``.
        """
        return self._chains.desk(chain)

    def join(self, name: str, role: str) -> Client:
        """Let a client in who has shown a token for *role*; the others are told."""
        return self.sessions.join(name, role)

    def leave(self, client: Client) -> None:
        """Let *client* go; the others are told."""
        self.sessions.leave(client)

    def welcome(self, client: Client) -> dict[str, Any]:
        """The result of ``hello`` for *client*."""
        return self.sessions.welcome(client)

    def take_events(self) -> list[Event]:
        """What is to be told since last asked."""
        taken = []
        while self._events:
            taken.append(self._events.popleft())
        return taken

    def publish(self, topic: str, body: Mapping[str, Any], *, fleeting: bool = False) -> None:
        """Tell all who subscribed to *topic*; from any thread. See `Event.is_fleeting`."""
        self._tell(Event(topic, body, is_fleeting=fleeting))

    def levels(self, chain: str | None = None) -> dict[str, Any] | None:
        """The body of a ``levels`` event; None where nothing runs. Raises ControlError: ``unknown-chain``."""
        return self.desk(chain).levels()

    def spectrum(self, chain: str | None = None, *, axis: bool = False) -> dict[str, Any] | None:
        """The body of a ``spectrum`` event, with *axis* the frequencies, too; None where nothing runs.

        Raises:
            ControlError: ``unknown-chain``.
        """
        return self.desk(chain).spectrum(axis=axis)

    def topics(self) -> dict[str, str]:
        """What can be subscribed to, with help."""
        return self.sessions.topics()

    def schema(self) -> dict[str, Any]:
        """All that a page needs to draw itself: filters, chains with their parameters, operations, topics."""
        if not self._kinds:
            self._kinds = kinds_of_filters()
        return {
            "title": self.title,
            "version": self.version,
            "filters": self._kinds,
            "chains": [
                {
                    "name": desk.name,
                    "label": desk.label,
                    "preset": desk.preset.name,
                    "slots": tree(desk.preset),
                }
                for desk in self.desks.values()
            ],
            "ops": [
                {
                    "name": op.name,
                    "help": op.help,
                    "role": op.role,
                    "arguments": [_argument(each) for each in op.arguments],
                }
                for op in self.ops.values()
            ],
            "topics": self.topics(),
        }

    def _tell(self, event: Event) -> None:
        self._events.append(event)
        self.on_event()


def _argument(argument: Argument) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": argument.name,
        "kind": argument.kind,
        "help": argument.help,
        "required": argument.required,
    }
    more = {"default": argument.default, "min": argument.low, "max": argument.high}
    found |= {key: value for key, value in more.items() if value is not None}
    if argument.options:
        found["options"] = list(argument.options)
    return found
