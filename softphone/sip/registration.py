"""Registrations of ours: kept alive, moved, taken back (RFC 3261 section 10.2)."""

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from softphone.sip.agenda import Agenda
from softphone.sip.auth import Credentials
from softphone.sip.dialog import path_to
from softphone.sip.errors import LocalSipError
from softphone.sip.events import Address, Registered, RegistrationFailed, SipEvent, Unregistered
from softphone.sip.exchange import Exchange
from softphone.sip.grammar import clipped
from softphone.sip.legs import LegBook
from softphone.sip.local import LocalAgent
from softphone.sip.message import Request, Response
from softphone.sip.registration_state import REGISTRATION, Answer, RegAction, RegInput, Registration, RegState
from softphone.sip.requests import Requests, counter_from
from softphone.sip.uri import NameAddr, SipUri

if TYPE_CHECKING:
    import random

MAX_REGISTRATIONS = 64
"""At a time."""
MAX_SHOWN_CONTACTS = 32
"""Of those a registrar lists; a person has a few phones."""
MAX_EXPIRES_S = 2**32 - 1
"""RFC 3261 section 10.2.1.1, delta-seconds."""
MIN_REFRESH_S = 1.0
"""However soon a registrar wants to be asked again."""
BACK_OFF_BASE_S = 30.0
BACK_OFF_MAX_S = 1800.0
"""RFC 5626 section 4.5, where all ways to the registrar have failed."""
RECOVER_EVERY_S = 30.0
"""A registrar that closes each connection at once is not asked more often because of that."""
RETRY_AFTER_MAX_S = 3600.0
"""The longest that is waited because a registrar said so."""
TRIED_AGAIN = frozenset({0, 408, 480, 481, 491, 500, 502, 503, 504, 600})
"""Refusals that may pass; others mean what they say (sections 21.4 to 21.6)."""


class Registrations:
    """All registrations of an endpoint.

    Args:
        rng: For the back-off (RFC 5626 section 4.5); None: the middle of its range.
    """

    def __init__(
        self,
        agent: LocalAgent,
        requests: Requests,
        book: LegBook,
        rng: "random.Random | None",
    ) -> None:
        self._agent = agent
        self._requests = requests
        self._book = book
        self._events: deque[SipEvent] = book.events
        self._rng = rng
        self._all: dict[int, Registration] = {}
        self._agenda: Agenda[Registration] = Agenda()

    def __iter__(self) -> Iterator[Registration]:
        return iter(tuple(self._all.values()))

    def register(
        self,
        registrar: SipUri,
        *,
        aor: NameAddr,
        destination: Address,
        alternatives: tuple[Address, ...] = (),
        credentials: Credentials | None = None,
        contact: SipUri | None = None,
        expires_s: float = 300.0,
        route: tuple[str, ...] = (),
        now: float,
    ) -> int:
        """Register *contact* for *aor* and keep it registered; return the number of the registration.

        Raises:
            LocalSipError: if there are too many, or *expires_s* is no time a registrar could grant.
        """
        if len(self._all) >= MAX_REGISTRATIONS:
            raise LocalSipError(
                f"at most {MAX_REGISTRATIONS} registrations at a time, this would be one more"
            )
        if not 1 <= expires_s <= MAX_EXPIRES_S:
            raise LocalSipError(f"a registration lasts 1 to {MAX_EXPIRES_S} s, got {expires_s:g}")
        one = Registration(
            id=self._book.new_id(),
            # Section 10.2: the Request-URI names the domain, without a user.
            registrar=replace(registrar, user=None, password=None, headers=()),
            aor=aor.with_tag(self._agent.ids.tag()),
            contact=contact,
            destinations=(destination, *alternatives),
            credentials=credentials,
            route=route,
            wanted_s=expires_s,
            call_id=self._agent.ids.call_id(),
            next_cseq=counter_from(0),
        )
        self._send(one, now)
        self._all[one.id] = one  # what cannot be sent is no registration
        return one.id

    def relocate(self, id: int, destinations: tuple[Address, ...]) -> None:
        """Take note of where the registrar is now; the next REGISTER goes there."""
        if (one := self._all.get(id)) is not None:
            one.destinations = destinations

    def renew(self, id: int, *, contact: SipUri | None = None, now: float) -> None:
        """Register again at once, where we are to be reached now; a registration that has ended stays so.

        Args:
            id: Of the registration.
            contact: In place of the one given so far.
            now: Monotonic seconds.
        """
        one = self._all.get(id)
        if one is None:
            return
        if contact is not None:
            one.contact = contact
        self._fire(one, RegInput.RENEW, now)

    def unregister(self, id: int, *, now: float) -> None:
        """Take our contact back; `Unregistered` will tell. The contacts of others stay (section 10.2.2)."""
        one = self._all.get(id)
        if one is None:
            return
        held = one.held_until is not None and one.held_until > now
        out_of_reach = one.state is RegState.WAITING and not held
        self._fire(one, RegInput.FORGET if out_of_reach else RegInput.REMOVE, now)

    def connection_closed(self, addr: Address, *, now: float) -> None:
        """Register anew soon where the connection is gone by which calls were to come (RFC 5626 section 4.5)."""
        for one in self._all.values():
            if one.state is RegState.REGISTERED and addr in one.destinations and one.due_at is not None:
                at = max(now + MIN_REFRESH_S, one.sent_at + RECOVER_EVERY_S)
                if at < one.due_at:
                    self._set_due(one, at)

    def next_timeout(self) -> float | None:
        """When a registration is due next."""
        return self._agenda.next_timeout()

    def handle_timeout(self, *, now: float) -> None:
        """Refresh, or try again, what is due."""
        while (one := self._agenda.pop_due(now=now)) is not None:
            one.due_at = None
            self._fire(one, RegInput.DUE, now)

    def _fire(self, one: Registration, signal: RegInput, now: float) -> None:
        entry = REGISTRATION.get((one.state, signal))
        if entry is None:
            return
        one.state, actions = entry
        for action in actions:
            self._do(one, action, now)
        if one.state is RegState.ENDED:
            self._agenda.discard(one)
            self._all.pop(one.id, None)

    def _do(self, one: Registration, action: RegAction, now: float) -> None:
        match action:
            case RegAction.SEND:
                self._send(one, now)
            case RegAction.SEND_REMOVAL:
                self._send(one, now, removal=True)
            case RegAction.REFRESH_LATER:
                self._set_due(one, now + self._refresh_after(one, now))
            case RegAction.BACK_OFF:
                one.failures += 1
                self._set_due(one, now + self._back_off_s(one))
            case RegAction.TELL_REGISTERED:
                self._tell_registered(one, now)
            case RegAction.TELL_FAILED:
                retry_in_s = None if one.due_at is None else one.due_at - now
                local = one.answer.response is None
                event = RegistrationFailed(one.id, one.answer.status, one.answer.reason, local, retry_in_s)
                self._events.append(event)
            case RegAction.TELL_UNREGISTERED:
                response = one.answer.response
                told = response is not None and response.status < 300
                self._events.append(Unregistered(one.id, told))

    def _send(self, one: Registration, now: float, *, removal: bool = False) -> None:
        self._set_due(one, None)
        one.sent_at = now
        one.asked_s = 0 if removal else one.wanted_s
        one.sent = one.contact
        if one.sent is None:
            one.sent = self._agent.contact_for(one.destinations[0], secure=one.registrar.scheme == "sips")
        contacts = [NameAddr(one.sent, params={"expires": f"{one.asked_s:.0f}"})]
        if one.held is not None and not one.held.matches(one.sent):
            contacts.append(NameAddr(one.held, params={"expires": "0"}))
        headers = [("Contact", str(contact)) for contact in contacts]
        if not self._agent.style.is_compact:
            headers.append(("User-Agent", self._agent.user_agent))
        request = self._agent.request(
            "REGISTER",
            path_to(one.registrar, [NameAddr.parse(value) for value in one.route]),
            from_=one.aor,
            to=replace(one.aor, params={}),
            call_id=one.call_id,
            cseq=one.next_cseq(),
            headers=headers,
        )

        def over(response: Response | None, exchange: Exchange, at: float) -> None:
            self._answered(one, request, response, exchange, at)

        self._requests.send(request, one.destinations, one.credentials, one.next_cseq, over, now=now)

    def _answered(
        self, one: Registration, request: Request, response: Response | None, exchange: Exchange, now: float
    ) -> None:
        if response is None:
            status, reason = exchange.failure
            one.answer = Answer(None, status, reason)
        else:
            one.answer = Answer(response, response.status, response.reason)
        if response is not None and response.status < 300:
            one.failures = 0
            one.held = one.sent if one.asked_s else None
            granted = self._granted_s(one, response)
            one.held_until = now + granted if one.asked_s else None
            if one.asked_s and granted == 0:
                one.answer = Answer(response, response.status, "registered for no time at all")
                signal = RegInput.FAILED
            else:
                signal = RegInput.ACCEPTED
        elif response is not None and self._longer(one, response):
            signal = RegInput.TOO_BRIEF
        elif self._may_pass(one):
            signal = RegInput.FAILED
        else:
            signal = RegInput.REFUSED
        self._fire(one, signal, now)

    @staticmethod
    def _may_pass(one: Registration) -> bool:
        """Whether it makes sense to try again: a registrar that has taken us before may come to itself."""
        status = one.answer.status
        return status in TRIED_AGAIN or status // 100 == 5 or one.held_until is not None

    @staticmethod
    def _longer(one: Registration, response: Response) -> bool:
        """Whether this is a 423 whose Min-Expires can be met; it is from now on (section 10.3 step 7)."""
        least = _seconds(response.headers.get("Min-Expires")) if response.status == 423 else None
        if least is None or least <= one.wanted_s:
            return False
        one.wanted_s = least
        return True

    @staticmethod
    def _granted_s(one: Registration, response: Response) -> float:
        """How long the registrar keeps us: the parameter of our contact, else Expires, else what was asked (10.2.4)."""
        general = _seconds(response.headers.get("Expires"))
        for contact in response.contacts:
            if one.sent is not None and contact.uri.matches(one.sent):
                own = _seconds(contact.params.get("expires"))
                if own is not None:
                    return own
        return one.asked_s if general is None else general

    def _refresh_after(self, one: Registration, now: float) -> float:
        """Time for a REGISTER that nobody answers to be given up before the registrar forgets us."""
        granted = 0.0 if one.held_until is None else one.held_until - now
        margin = min(max(self._agent.timers.transaction_timeout, granted / 10), granted / 2)
        return max(MIN_REFRESH_S, granted - margin)

    def _back_off_s(self, one: Registration) -> float:
        response = one.answer.response
        if response is not None:
            said = (response.headers.get("Retry-After") or "").partition(";")[0].partition("(")[0]
            if (asked := _seconds(said.strip())) is not None:
                return min(max(MIN_REFRESH_S, asked), RETRY_AFTER_MAX_S)
        # RFC 5626 section 4.5: a random time between half and all of this.
        longest = min(BACK_OFF_MAX_S, BACK_OFF_BASE_S * 2.0 ** min(one.failures, 16))
        return longest * (0.75 if self._rng is None else self._rng.uniform(0.5, 1.0))

    def _set_due(self, one: Registration, at: float | None) -> None:
        one.due_at = at
        if at is None:
            self._agenda.discard(one)
        else:
            self._agenda.schedule(one)

    def _tell_registered(self, one: Registration, now: float) -> None:
        response = one.answer.response
        contacts = () if response is None else response.contacts[:MAX_SHOWN_CONTACTS]
        granted = 0.0 if one.held_until is None else one.held_until - now
        shown = tuple(_shown(contact.uri) for contact in contacts)
        self._events.append(Registered(one.id, granted, shown, str(one.held)))


def _seconds(text: str | None) -> float | None:
    """Delta-seconds (section 20.19), or None where there are none."""
    text = (text or "").strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        return None
    return float(min(int(text), MAX_EXPIRES_S))


def _shown(uri: SipUri) -> str:
    text = str(uri)
    return text if len(text) <= 256 and text.isprintable() else clipped(text)
