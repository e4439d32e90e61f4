"""The caller: one call after the other to one URI."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from softphone.app.audio import numbered
from softphone.app.codec_choice import carrying, chosen_codecs, header_bytes_of
from softphone.app.modes import is_sparing
from softphone.app.one_call import CallPlan, OneCall
from softphone.app.result import Result, check_min_mos
from softphone.app.station import Station, now
from softphone.config import CallOptions
from softphone.errors import UsageError
from softphone.io.udp import local_host_towards, resolve
from softphone.sip.auth import Credentials
from softphone.sip.errors import SipError
from softphone.sip.uri import SipUri

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
) -> list[Result]:
    """Place the calls of *options*; return a RESULT for each.

    Args:
        stop: when set, the running call is hung up and no other is placed.
        progress: told figures of the running call.
        on_running: told each call when its audio runs.

    Raises:
        UsageError: what was asked for cannot be.
        UnreachableError: the peer's name does not resolve, or there is no route.
    """
    try:
        target = SipUri.parse(options.uri)
    except SipError as error:
        raise UsageError(f"whom to call must be a SIP URI like sip:bob@127.0.0.1:5060: {error}") from None
    if options.account.user is None and options.account.auth_user is not None:
        raise UsageError("--auth-user needs --user, too")
    _check_target(target)
    header_bytes = header_bytes_of(target.host)
    chosen = carrying(chosen_codecs(options.media, header_bytes=header_bytes), options.audio.tone_hz)
    port = DEFAULT_PORT if target.port is None else target.port
    destination = await resolve(target.host.strip("[]"), port)
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
    )
    results: list[Result] = []
    try:
        for index in range(options.repeat):
            next_at = now() + options.every_s
            numbered_plan = replace(plan, audio=numbered(options.audio, index + 1))
            results.append(await _one(station, numbered_plan, options, target, destination, stop, progress))
            if index + 1 < options.repeat and not await _sleep(next_at - now(), stop):
                break
        if results[-1]["ended_by"] != "network":
            await station.settle()
    finally:
        station.close()
    return results


def _check_target(target: SipUri) -> None:
    transport = target.params.get("transport")
    if transport is not None and transport.lower() != "udp":
        raise UsageError(f"calls go over UDP, got transport={transport} in {target}: leave it out")
    if target.port == 0:
        raise UsageError(f"a call needs a port of 1 to 65535, got 0 in {target}")


async def _one(
    station: Station,
    plan: CallPlan,
    options: CallOptions,
    target: SipUri,
    destination: tuple[str, int],
    stop: asyncio.Event,
    progress: Progress | None,
) -> Result:
    one = OneCall(station, plan)
    account = options.account
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
            ring_timeout_s=options.ring_timeout_s,
            now=now(),
        )
    except BaseException:
        one.discard()
        raise
    one.attach(number)
    station.pump()
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
