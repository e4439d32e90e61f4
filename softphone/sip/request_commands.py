"""What the owner of an endpoint may want outside of calls: questions, requests of any method, registrations."""

from softphone.sip.auth import Credentials
from softphone.sip.dialog_commands import HeaderList
from softphone.sip.events import Address
from softphone.sip.registration import Registrations
from softphone.sip.requests import Requests
from softphone.sip.uac import Uac
from softphone.sip.uri import NameAddr, SipUri


class RequestCommands:
    """The part of a `SipEndpoint` for what is no call; the rules for all its commands are there."""

    def __init__(self, uac: Uac, requests: Requests, registrations: Registrations) -> None:
        self._uac = uac
        self._requests = requests
        self._registrations = registrations

    def options(
        self,
        target: SipUri,
        *,
        from_: NameAddr,
        destination: Address,
        credentials: Credentials | None = None,
        now: float,
    ) -> int:
        """Ask *target* what it can do; `OptionsAnswered` with the number returned will tell."""
        return self._uac.options(
            target, from_=from_, destination=destination, credentials=credentials, now=now
        )

    def request(
        self,
        method: str,
        target: SipUri,
        *,
        from_: NameAddr,
        destination: Address,
        alternatives: tuple[Address, ...] = (),
        credentials: Credentials | None = None,
        body: bytes = b"",
        content_type: str | None = None,
        headers: HeaderList = (),
        route: tuple[str, ...] = (),
        now: float,
    ) -> int:
        """Send a request that needs no dialog and makes none; `RequestAnswered` with the number returned will tell.

        Args:
            method: OPTIONS, MESSAGE, PUBLISH and the like.
            target: Whom.
            from_: Who we are; its tag is set here.
            destination: Where it is sent.
            alternatives: Where it is sent next while nobody answers, or with 503 (RFC 3263 section 4.3).
            credentials: For 401 and 407.
            body: With *content_type*.
            content_type: Of *body*.
            headers: Added as they are.
            route: Route values it starts with, `<sip:proxy;lr>`.
            now: Monotonic seconds.

        Raises:
            LocalSipError: for a method of calls, or REGISTER, or what cannot be sent.
        """
        return self._requests.request(
            method,
            target,
            from_=from_,
            destination=destination,
            alternatives=alternatives,
            credentials=credentials,
            body=body,
            content_type=content_type,
            headers=headers,
            route=route,
            now=now,
        )

    @property
    def registrations(self) -> tuple[int, ...]:
        """Registrations that have not ended."""
        return tuple(one.id for one in self._registrations)

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
        """Have the calls for *aor* sent here, and keep it so (RFC 3261 section 10.2).

        `Registered` tells each time the registrar agrees, `RegistrationFailed` when it does not; it is refreshed
        and tried again until `unregister`, or until a refusal that means it.

        Args:
            registrar: Its domain.
            aor: Whose calls.
            destination: Where REGISTER is sent.
            alternatives: Where it is sent next while nobody answers, or with 503.
            credentials: For 401 and 407.
            contact: What is registered; None: where the registrar reaches us, as far as we know.
            expires_s: For how long; the registrar may choose a shorter time, or ask for a longer one.
            route: Route values it starts with.
            now: Monotonic seconds.

        Raises:
            LocalSipError: for a time that cannot be granted, or too many registrations.
        """
        return self._registrations.register(
            registrar,
            aor=aor,
            destination=destination,
            alternatives=alternatives,
            credentials=credentials,
            contact=contact,
            expires_s=expires_s,
            route=route,
            now=now,
        )

    def renew_registration(self, id: int, *, contact: SipUri | None = None, now: float) -> None:
        """Register again at once: we are somewhere else now; the old contact is taken back with it."""
        self._registrations.renew(id, contact=contact, now=now)

    def relocate_registrar(self, id: int, destinations: tuple[Address, ...]) -> None:
        """Send the next REGISTER of a registration to *destinations*, one or more: its registrar is there now."""
        self._registrations.relocate(id, destinations)

    def unregister(self, id: int, *, now: float) -> None:
        """Take a registration back, and leave the contacts of others there; `Unregistered` will tell."""
        self._registrations.unregister(id, now=now)
