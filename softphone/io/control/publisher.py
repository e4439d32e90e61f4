"""Levels and spectra to all who want them: one timer, at the highest rate asked for, and each message written once."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from softphone.control.dispatcher import Dispatcher
from softphone.control.op import Event
from softphone.control.protocols.json_messages import event_text
from softphone.control.session_ops import OF_CHAIN
from softphone.io.control.connection import SKIP_ABOVE
from softphone.io.control.session import Session
from softphone.io.control.websocket import text_frame


@dataclass(slots=True)
class _Reader:
    session: Session
    period_s: float
    due: float
    hz: Sequence[float] | None = None
    """The bands of a spectrum, as the session was told them last."""


Key = tuple[str, str]
"""Topic and chain."""


class Publisher:
    """Publishes while anybody listens.

    Args:
        sessions: who may listen, now.
    """

    def __init__(self, dispatcher: Dispatcher, sessions: Callable[[], Iterable[Session]]) -> None:
        self._dispatcher = dispatcher
        self._sessions = sessions
        self._loop = asyncio.get_running_loop()
        self._readers: dict[Key, list[_Reader]] = {}
        self._period_s = 0.0
        self._next = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def refresh(self) -> None:
        """See who wants what: to be called when that may have changed."""
        known = {(key, id(each.session)): each for key, readers in self._readers.items() for each in readers}
        found: dict[Key, list[_Reader]] = {}
        now = self._loop.time()
        for session in self._sessions():
            for (topic, chain), rate_hz in self._dispatcher.sessions.wanted(session.client).items():
                if topic not in OF_CHAIN or chain is None:
                    continue
                reader = known.get(((topic, chain), id(session)))
                if reader is None or reader.period_s != 1 / rate_hz:
                    reader = _Reader(session, 1 / rate_hz, now)
                    if topic == "spectrum":  # where they are known, the reply to `subscribe` had them
                        reader.hz = self._read((topic, chain)).get("hz")
                found.setdefault((topic, chain), []).append(reader)
        self._readers = found
        self._set_timer(now)

    def close(self) -> None:
        """Publish no more."""
        self._readers = {}
        self._set_timer(0.0)

    def _set_timer(self, now: float) -> None:
        period_s = min((each.period_s for readers in self._readers.values() for each in readers), default=0.0)
        if period_s == self._period_s:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._period_s = period_s
        if period_s:
            self._next = now
            self._timer = self._loop.call_at(self._next, self._on_timer)

    def _on_timer(self) -> None:
        now = self._loop.time()
        self._next += self._period_s
        if self._next <= now:  # fell behind: what was missed is not made up for
            self._next = now + self._period_s
        self._timer = self._loop.call_at(self._next, self._on_timer)
        for key, readers in self._readers.items():
            self._publish(key, readers, now)

    def _publish(self, key: Key, readers: list[_Reader], now: float) -> None:
        horizon = now + self._period_s / 2
        due = [each for each in readers if each.due <= horizon]
        for each in due:
            each.due = max(each.due + each.period_s, now)
        if not any(each.session.connection.unsent <= SKIP_ABOVE for each in due):
            for each in due:
                each.session.connection.skipped += 1
            return
        body = self._read(key)
        if not body:
            return
        hz = body.pop("hz", None)
        frame = text_frame(event_text(Event(key[0], body)))
        for each in due:
            if each.hz == hz or each.session.connection.unsent > SKIP_ABOVE:
                each.session.connection.offer(frame)
            else:  # the bands were not there when it subscribed, or a call at another rate came
                each.session.connection.offer(text_frame(event_text(Event(key[0], body | {"hz": hz}))))
                each.hz = hz

    def _read(self, key: Key) -> dict[str, Any]:
        """What is to be told now, the bands of a spectrum included; empty where nothing is measured."""
        topic, chain = key
        if topic == "levels":
            return self._dispatcher.levels(chain) or {}
        return self._dispatcher.spectrum(chain, axis=True) or {}
