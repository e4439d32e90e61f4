"""The operations of a connection: hello, ping, who is there, and what one wants to be told of."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from softphone.control.errors import ControlError
from softphone.control.op import VIEW, Argument, Client, Event, Op, closest
from softphone.control.results import ANYTHING, CLIENT, COUNT, TEXT, TEXTS, listed, record, table

if TYPE_CHECKING:
    from softphone.control.dispatcher import Dispatcher

MAX_NAME = 60
MOST_HZ, LEAST_HZ = 50.0, 0.2
"""How often levels and spectra can be told, at most and at least."""
TOPICS = {
    "changes": "what somebody else changed: `changes`, `preset`, `saved` or `bypass`, with who did it and the new revision",
    "levels": "meters of a chain, at the rate asked for",
    "spectrum": "levels of 96 bands before and after a chain, at the rate asked for",
    "clients": "who is here",
}
OF_CHAIN = frozenset({"levels", "spectrum"})
"""Topics that are subscribed to for one chain, at a rate."""

Subscriptions = dict[tuple[str, str | None], float]
"""(topic, chain; None for what is not of one chain) -> rate in Hz."""


class SessionOps:
    """Who is here, and who listens to what."""

    def __init__(self, dispatcher: "Dispatcher") -> None:
        self._dispatcher = dispatcher
        self._clients: dict[int, Client] = {}
        self._wanted: dict[int, Subscriptions] = {}
        self._last_id = 0

    @property
    def clients(self) -> tuple[Client, ...]:
        """Who is here."""
        return tuple(self._clients.values())

    def wanted(self, client: Client) -> Mapping[tuple[str, str | None], float]:
        """What *client* subscribed to; do not change."""
        return self._wanted.get(client.id, {})

    def topics(self) -> dict[str, str]:
        """What can be subscribed to, with help."""
        found = dict(TOPICS)
        for domain in self._dispatcher.domains:
            found |= domain.topics()
        return found

    def join(self, name: str, role: str) -> Client:
        """Let a client in; the others are told."""
        self._last_id += 1
        client = Client(self._last_id, name, role)
        self._clients[client.id] = client
        self._wanted[client.id] = {}
        self._tell(client)
        return client

    def leave(self, client: Client) -> None:
        """Let *client* go; the others are told."""
        if self._clients.pop(client.id, None) is not None:
            del self._wanted[client.id]
            self._tell(client)

    def welcome(self, client: Client) -> dict[str, Any]:
        """The result of ``hello``."""
        dispatcher = self._dispatcher
        return {
            "client": client.id,
            "role": client.role,
            "title": dispatcher.title,
            "version": dispatcher.version,
            "chains": [{"name": desk.name, "label": desk.label} for desk in dispatcher.desks.values()],
            "clients": self._who(),
            "topics": list(self.topics()),
            "limits": dict(dispatcher.limits),
        }

    def ops(self) -> tuple[Op, ...]:
        """All of them, in the order of the reference."""
        return (
            Op(
                "hello",
                "Show the token; the first message, within 5 s",
                VIEW,
                "loop",
                (
                    Argument("token", "text", "as printed at start, for control or for view", high=256),
                    Argument(
                        "name", "text", "what others shall see", required=False, default="", high=MAX_NAME
                    ),
                ),
                self._hello,
                "who you are (`client`, `role`), what there is (`title`, `version`, `chains`, `topics`), who is here, and `limits`",
                {"token": "...", "name": "Anna's phone"},
                {
                    "client": COUNT,
                    "role": TEXT,
                    "title": TEXT,
                    "version": TEXT,
                    "chains": listed(record({"name": TEXT, "label": TEXT})),
                    "clients": listed(CLIENT),
                    "topics": TEXTS,
                    "limits": table(ANYTHING),
                },
            ),
            Op("ping", "Answer at once", VIEW, "loop", (), lambda client, given: {}, "nothing"),
            Op(
                "schema",
                "All filters with parameters, units, ranges, steps and help; chains with values; operations",
                VIEW,
                "aside",
                (),
                lambda client, given: self._dispatcher.schema(),
                "`filters`, `chains`, `ops`, `topics`",
                returns={
                    "title": TEXT,
                    "version": TEXT,
                    "filters": table(ANYTHING),
                    "chains": listed(table(ANYTHING)),
                    "ops": listed(table(ANYTHING)),
                    "topics": table(TEXT),
                },
            ),
            Op(
                "subscribe",
                "Be told of topics from now on",
                VIEW,
                "loop",
                (
                    Argument("topics", "list", "which, by name", low=1, high=32),
                    Argument(
                        "rate_hz",
                        "number",
                        "how often levels and spectra come",
                        required=False,
                        default=20,
                        low=LEAST_HZ,
                        high=MOST_HZ,
                    ),
                    Argument(
                        "chain",
                        "text",
                        "whose levels and spectra; the first where left out",
                        required=False,
                        high=128,
                    ),
                ),
                self._subscribe,
                "`topics`: all you are told of now; `first`: topic -> what it says now",
                {"topics": ["changes", "levels"], "rate_hz": 10},
                {"topics": TEXTS, "first": table(ANYTHING)},
            ),
            Op(
                "unsubscribe",
                "Be told of topics no more",
                VIEW,
                "loop",
                (Argument("topics", "list", "which, by name; all where left out", required=False, high=32),),
                self._unsubscribe,
                "`topics`: all you are still told of",
                {"topics": ["levels"]},
                {"topics": TEXTS},
            ),
            Op(
                "clients",
                "Who is here",
                VIEW,
                "loop",
                (),
                lambda client, given: {"clients": self._who()},
                "`clients`: id, name and role of each",
                returns={"clients": listed(CLIENT)},
            ),
        )

    def _hello(self, client: Client, given: Mapping[str, Any]) -> Mapping[str, Any]:
        raise ControlError("not-possible", "hello is said once, as the first message")

    def _subscribe(self, client: Client, given: Mapping[str, Any]) -> Mapping[str, Any]:
        topics = self._checked(given["topics"])
        chain = self._dispatcher.desk(given["chain"]).name if OF_CHAIN & set(topics) else None
        wanted = self._wanted.setdefault(client.id, {})
        first: dict[str, Any] = {}
        for topic in topics:
            wanted[topic, chain if topic in OF_CHAIN else None] = float(given["rate_hz"])
            snapshot = self._snapshot(topic, chain)
            if snapshot is not None:
                first[topic] = snapshot
        return {"topics": _names(wanted), "first": first}

    def _unsubscribe(self, client: Client, given: Mapping[str, Any]) -> Mapping[str, Any]:
        wanted = self._wanted.get(client.id, {})
        gone = None if given["topics"] is None else set(self._checked(given["topics"]))
        for key in [each for each in wanted if gone is None or each[0] in gone]:
            del wanted[key]
        return {"topics": _names(wanted)}

    def _checked(self, topics: Iterable[Any]) -> list[str]:
        known = self.topics()
        checked = []
        for topic in topics:
            if not isinstance(topic, str) or topic not in known:
                words, close = closest(str(topic), known)
                raise ControlError(
                    "bad-value", f"no topic {str(topic)[:40]!r}; {words}", argument="topics", **close
                )
            checked.append(topic)
        return checked

    def _snapshot(self, topic: str, chain: str | None) -> Mapping[str, Any] | None:
        match topic:
            case "levels":
                return self._dispatcher.levels(chain)
            case "spectrum":
                return self._dispatcher.spectrum(chain, axis=True)
            case "clients":
                return {"clients": self._who()}
            case "changes":
                return None
        shown = (domain.snapshot(topic) for domain in self._dispatcher.domains if topic in domain.topics())
        return next(shown, None)

    def _who(self) -> list[dict[str, Any]]:
        return [{"id": each.id, "name": each.name, "role": each.role} for each in self._clients.values()]

    def _tell(self, client: Client) -> None:
        self._dispatcher._tell(Event("clients", {"clients": self._who()}, client.id))


def _names(wanted: Subscriptions) -> list[str]:
    return sorted({topic for topic, _ in wanted})
