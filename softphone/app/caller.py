"""The caller: one call after the other to one URI."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from softphone.app.audio import numbered
from softphone.app.call_filters import checked_filters
from softphone.app.codec_choice import carrying, chosen_codecs, header_bytes_of
from softphone.app.modes import is_sparing
from softphone.app.one_call import CallPlan, OneCall
from softphone.app.result import Result, check_min_mos
from softphone.app.serving import OnServing, serve_calls
from softphone.app.station import Station, now
from softphone.config import AccountOptions, CallOptions
from softphone.errors import UsageError
from softphone.io.udp import local_host_towards, resolve
from softphone.sip.auth import Credentials
from softphone.sip.errors import SipError
from softphone.sip.uri import SipUri

if TYPE_CHECKING:
    from softphone.app.served_calls import ServedCalls

DEFAULT_PORT = 5060
"""RFC 3261 section 19.1.2, for UDP."""

Progress = Callable[[dict[str, Any]], None]
"""Called about four times a second while a call stands."""
PROGRESS_S = 0.25


async def call(
    options: CallOptions,
    *,
    stop: asyncio.Event,
    progress: Progress | None = None,
    on_running: Callable[[OneCall], None] | None = None,
    on_serving: OnServing | None = None,
) -> list[Result]:
    """Place the calls of *options*; return a RESULT for each.

    Args:
        stop: when set, the running call is hung up and no other is placed.
        progress: told figures of the running call.
        on_running: told each call when its audio runs.
        on_serving: told where others can steer, once they can; see `CallOptions.serve`.

    Raises:
        UsageError: what was asked for cannot be.
        UnreachableError: the peer's name does not resolve, or there is no route.
    """
    target = target_of(options.uri)
    if options.account.user is None and options.account.auth_user is not None:
        raise UsageError("--auth-user needs --user, too")
    header_bytes = header_bytes_of(target.host)
    chosen = carrying(chosen_codecs(options.media, header_bytes=header_bytes), options.audio.tone_hz)
    filters = checked_filters(options.audio, chosen)
    destination = await destination_of(target)
    listen = options.listen or (local_host_towards(destination), 0)
    station = await Station.open(
        listen, options.account, default_user="caller", compact=is_sparing(options.media)
    )
    # Who only calls takes no call, not even one that its own address leads back to (RFC 3261 section 21.4.24).
    station.on_stranger = partial(station.refuse, status=486)
    has_own_end = options.seconds is not None or options.audio.echo or options.audio.tone_hz is not None
    plan = CallPlan(
        audio=options.audio,
        media=options.media,
        line=options.line,
        chosen=chosen,
        seconds=options.seconds,
        until_played=not has_own_end and options.audio.device is None,
        dtmf=options.dtmf,
        on_running=on_running,
        chains=filters,
    )
    results: list[Result] = []
    served: ServedCalls | None = None
    try:
        served = await serve_calls(options.serve, filters, on_serving)
        for index in range(options.repeat):
            next_at = now() + options.every_s
            numbered_plan = replace(plan, audio=numbered(options.audio, index + 1))
            if served is not None:
                numbered_plan = served.plan(numbered_plan)
            results.append(await _one(station, numbered_plan, options, target, destination, stop, progress))
            if index + 1 < options.repeat and not await _sleep(next_at - now(), stop):
                break
        if results[-1]["ended_by"] != "network":
            await station.settle()
    finally:
        station.close()
        if served is not None:
            await served.close()
    return results


async def destination_of(target: SipUri) -> tuple[str, int]:
    """Where an INVITE for *target* is sent.

    Raises:
        UnreachableError: its name does not resolve.
    """
    return await resolve(target.host.strip("[]"), DEFAULT_PORT if target.port is None else target.port)


def target_of(uri: str) -> SipUri:
    """Whom *uri* means.

    Raises:
        UsageError: it is no SIP URI that can be called over UDP.
    """
    try:
        target = SipUri.parse(uri)
    except SipError as error:
        raise UsageError(f"whom to call must be a SIP URI like sip:bob@127.0.0.1:5060: {error}") from None
    transport = target.params.get("transport")
    if transport is not None and transport.lower() != "udp":
        raise UsageError(f"calls go over UDP, got transport={transport} in {target}: leave it out")
    if target.port == 0:
        raise UsageError(f"a call needs a port of 1 to 65535, got 0 in {target}")
    return target


def placed(
    station: Station,
    plan: CallPlan,
    target: SipUri,
    destination: tuple[str, int],
    *,
    account: AccountOptions,
    ring_timeout_s: float | None,
) -> OneCall:
    """Place a call of *station* and return it; somebody is to wait for its `finish`.

    Raises:
        EnvironmentProblem: no ports, or a recording cannot be written.
    """
    one = OneCall(station, plan)
    credentials = None
    if account.digest_user is not None and account.password is not None:
        credentials = Credentials(account.digest_user, account.password)
    try:
        number = station.manager.place(
            target,
            one.local_media,
            destination=destination,
            credentials=credentials,
            headers=account.headers,
            ring_timeout_s=ring_timeout_s,
            now=now(),
        )
    except BaseException:
        one.discard()
        raise
    one.attach(number)
    station.pump()
    return one


async def _one(
    station: Station,
    plan: CallPlan,
    options: CallOptions,
    target: SipUri,
    destination: tuple[str, int],
    stop: asyncio.Event,
    progress: Progress | None,
) -> Result:
    one = placed(
        station, plan, target, destination, account=options.account, ring_timeout_s=options.ring_timeout_s
    )
    watch = asyncio.create_task(_watch(one, stop, progress))
    try:
        result = await one.finish(stop)
    finally:
        watch.cancel()
    if options.min_mos is not None and one.established:
        check_min_mos(result, options.min_mos)
    return result


async def _watch(one: OneCall, stop: asyncio.Event, progress: Progress | None) -> None:
    """Hang up when *stop* is set; tell *progress* until then."""
    stopped = asyncio.create_task(stop.wait())
    try:
        while not one.ended.done():
            await asyncio.wait((stopped,), timeout=PROGRESS_S if progress is not None else None)
            if stop.is_set():
                one.hang_up()
                return
            if progress is not None and (figures := one.progress()) is not None:
                progress(figures)
    finally:
        stopped.cancel()


async def _sleep(seconds: float, stop: asyncio.Event) -> bool:
    """Wait *seconds*; False if *stop* was set."""
    if seconds > 0:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), seconds)
    return not stop.is_set()
