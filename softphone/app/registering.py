"""The registration of a station: made before its calls, kept while it runs, moved with its address, taken back at the end."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any

from softphone.app.account import aor_of, credentials_of, registrar_of
from softphone.app.station import SETTLE_T1, Station, now
from softphone.config import AccountOptions
from softphone.errors import RefusedError, SoftphoneError, UnreachableError
from softphone.sip.events import (
    NO_CALLS,
    Address,
    PublicAddressLearnt,
    Registered,
    RegistrationFailed,
    Unregistered,
)
from softphone.sip.uri import SipUri

log = logging.getLogger(__name__)

OnEvent = Callable[[dict[str, Any]], None]
"""Told {"event": "registered", ...}, {"event": "registration-failed", ...} and {"event": "unregistered", ...}."""


class Registering:
    """Keeps the user of *account* registered from `start` to `stop`.

    Raises:
        UsageError: the account names no user, or no registrar.
    """

    def __init__(self, station: Station, account: AccountOptions, on_event: OnEvent | None = None) -> None:
        self._station = station
        self._account = account
        self._on_event = on_event
        self._aor = aor_of(account)
        self._registrar = registrar_of(account)
        self._number: int | None = None
        self._destination: Address = ("", 0)
        self._first: asyncio.Future[Registered | RegistrationFailed] | None = None
        self._gone: asyncio.Future[bool] | None = None
        self._told: dict[str, Any] | None = None
        self._looking_up: asyncio.Task[None] | None = None

    @property
    def destination(self) -> Address:
        """Where the registrar is, and what goes through it."""
        return self._destination

    async def start(self, stop: asyncio.Event) -> None:
        """Register and wait for the first answer, or for *stop*.

        Raises:
            UnreachableError: nobody answers, or the registrar cannot serve us now.
            RefusedError: it does not want to.
        """
        destination, *others = await self._station.destinations(self._registrar)
        self._destination = destination
        loop = asyncio.get_running_loop()
        first = self._first = loop.create_future()
        self._gone = loop.create_future()
        self._station.on_sip.append(self._on_sip)
        self._station.on_moved.append(self._renew)
        contact = self._account.contact
        self._number = self._station.manager.endpoint.register(
            SipUri(self._aor.uri.scheme, host=self._aor.uri.host, port=self._aor.uri.port),
            aor=self._aor,
            destination=destination,
            alternatives=tuple(others),
            credentials=credentials_of(self._account),
            contact=None if contact is None else SipUri.parse(contact),
            expires_s=self._account.expires_s,
            now=now(),
        )
        self._station.pump()
        stopped = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait((first, stopped), return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
        if first.done() and isinstance(failed := first.result(), RegistrationFailed):
            raise self._error_of(failed)

    async def stop(self) -> None:
        """Take the registration back, and wait for a while until the registrar has heard of it."""
        if self._looking_up is not None:
            self._looking_up.cancel()
        if self._number is None or self._gone is None:
            return
        self._station.manager.endpoint.unregister(self._number, now=now())
        if self._number in self._station.manager.endpoint.registrations:
            self._station.pump()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._gone, SETTLE_T1 * self._account.sip_t1_ms / 1000)
        else:
            self._station.pump()
        with contextlib.suppress(ValueError):
            self._station.on_sip.remove(self._on_sip)
            self._station.on_moved.remove(self._renew)

    def _on_sip(self, event: NO_CALLS) -> None:
        match event:
            case Registered() if event.id == self._number:
                self._tell_registered(event)
            case RegistrationFailed() if event.id == self._number:
                self._tell_failed(event)
            case Unregistered() if event.id == self._number:
                self._tell({"event": "unregistered", "aor": str(self._aor.uri), "told": event.told})
                if self._gone is not None and not self._gone.done():
                    self._gone.set_result(event.told)
            case PublicAddressLearnt(peer=peer) if (
                peer == self._destination and self._account.contact is None
            ):
                log.info("%s sees us at %s:%d", self._registrar.host, *event.address[:2])
                self._renew()

    def _tell_registered(self, event: Registered) -> None:
        body = {
            "event": "registered",
            "aor": str(self._aor.uri),
            "registrar": str(self._registrar),
            "contact": event.contact,
            "contacts": list(event.contacts),
            "expires_s": round(event.expires_s),
        }
        if body != self._told:  # a refresh that changes nothing is no news
            self._told = body
            self._tell(body)
        self._settle_first(event)

    def _tell_failed(self, event: RegistrationFailed) -> None:
        self._told = None
        if self._first is not None and self._first.done():
            retry = None if event.retry_in_s is None else round(event.retry_in_s, 1)
            log.warning(
                "registration at %s failed: %d %s%s",
                self._registrar.host,
                event.status,
                event.reason,
                "" if retry is None else f"; tried again in {retry:g} s",
            )
            body = {"status": event.status, "reason": event.reason, "retry_in_s": retry}
            self._tell({"event": "registration-failed", "aor": str(self._aor.uri), **body})
            self._looking_up = asyncio.get_running_loop().create_task(self._look_up())
        self._settle_first(event)

    async def _look_up(self) -> None:
        """See whether the registrar's name leads somewhere else by now."""
        with contextlib.suppress(UnreachableError):
            found = await self._station.destinations(self._registrar)
            if self._number is not None:
                self._destination = found[0]
                self._station.manager.endpoint.relocate_registrar(self._number, tuple(found))

    def _settle_first(self, event: Registered | RegistrationFailed) -> None:
        if self._first is not None and not self._first.done():
            self._first.set_result(event)

    def _tell(self, body: dict[str, Any]) -> None:
        if self._on_event is not None:
            self._on_event(body)

    def _renew(self) -> None:
        """Register where we are now."""
        if self._number is not None:
            self._station.manager.endpoint.renew_registration(self._number, now=now())
            asyncio.get_running_loop().call_soon(self._station.pump)

    def _error_of(self, failed: RegistrationFailed) -> SoftphoneError:
        where, said = f"the registrar {self._registrar.host}", f"{failed.status} {failed.reason}"
        if failed.local and failed.status == 503:  # which nobody sent
            said = failed.reason
        if failed.local or failed.retry_in_s is not None:
            return UnreachableError(f"{where} cannot be reached: {said}; check its name, and that it runs")
        if failed.status in (401, 403, 407) and self._account.password is None:
            return RefusedError(
                f"{where} wants a password: {said}; give --password-env or an account's keyring"
            )
        if failed.status in (401, 403, 407):
            return RefusedError(
                f"{where} refused {self._aor.uri.user}: {said}; check user, auth-user and password"
            )
        return RefusedError(f"{where} refused {self._aor.uri}: {said}")
