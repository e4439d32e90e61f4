"""The caller: one call after the other to one URI."""

import asyncio
import contextlib
import itertools
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from softphone.app.account import credentials_of, way_to
from softphone.app.audio import numbered
from softphone.app.call_filters import checked_filters
from softphone.app.call_keys import check_srtp, is_private
from softphone.app.codec_choice import carrying, chosen_codecs, header_bytes_of
from softphone.app.media_ends import MediaEnds, ends_of_placed
from softphone.app.mobility import Mobility, follows
from softphone.app.modes import is_sparing
from softphone.app.one_call import CallPlan, OneCall
from softphone.app.probe import Probe, not_placed
from softphone.app.registering import Registering
from softphone.app.result import Result, check_min_mos
from softphone.app.script_sounds import ScriptSounds, sounds_of
from softphone.app.serving import OnServing, serve_calls
from softphone.app.station import Station, now
from softphone.app.succession import Successions
from softphone.call.events import CallEvent, IncomingCall
from softphone.config import TRANSPORTS, AccountOptions, CallOptions
from softphone.errors import SoftphoneError, UsageError
from softphone.sip.errors import SipError
from softphone.sip.events import Address
from softphone.sip.uri import SipUri

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
    on_result: Callable[[Result], None] | None = None,
) -> list[Result]:
    """Place the calls of *options*; return a RESULT for each, of calls without end the last 100 and the worst of the older.

    Args:
        stop: when set, the running call is hung up and no other is placed.
        progress: told figures of the running call.
        on_running: told each call when its audio runs.
        on_serving: told where others can steer, once they can; see `CallOptions.serve`.
        on_result: told each RESULT when its call has ended.

    Raises:
        UsageError: what was asked for cannot be.
        UnreachableError: the peer's name does not resolve, or there is no route.
    """
    target = target_of(options.uri)
    if target.password is not None:
        raise UsageError(
            "whom to call must hold no password, for everybody would see it: give --password-env"
        )
    if options.account.user is None and options.account.auth_user is not None:
        raise UsageError("--auth-user needs --user, too")
    header_bytes = header_bytes_of(target.host)
    chosen = carrying(chosen_codecs(options.media, header_bytes=header_bytes), options.audio.tone_hz)
    filters = checked_filters(options.audio, chosen)
    towards = way_to(target, options.account)
    async with contextlib.AsyncExitStack() as held:
        sounds = None
        if options.script is not None:
            sounds = sounds_of(options.script, chosen, answers=False)
            held.callback(sounds.close)
        probe = Probe(options)
        held.callback(probe.close)
        station = await Station.open(
            options.listen,
            options.account,
            default_user="caller",
            compact=is_sparing(options.media),
            towards=towards,
        )
        held.callback(station.close)
        destinations = await station.ways_to(target)
        # Who only calls takes no call, not even one that its own address leads back to (RFC 3261 section 21.4.24).
        successions = Successions(
            station, options.account, chains=filters, follows=options.transfers == "follow"
        )
        station.on_stranger = partial(_on_stranger, station, successions)
        has_own_end = options.seconds is not None or options.audio.echo or options.audio.tone_hz is not None
        plan = CallPlan(
            audio=options.audio,
            media=options.media,
            line=options.line,
            chosen=chosen,
            seconds=options.seconds,
            until_played=not has_own_end and options.audio.device is None and options.script is None,
            dtmf=options.dtmf,
            announces=options.script is not None,
            on_running=on_running,
            on_transfer=successions.on_transfer,
            chains=filters,
            private=is_private(destinations),
        )
        check_srtp(options.media, private=plan.private)
        if follows(options.listen):
            held.push_async_callback(Mobility(station, destinations[0]).stop)
        if options.account.registrar is not None:
            registering = Registering(station, options.account)
            held.push_async_callback(registering.stop)
            await registering.start(stop)
            if stop.is_set():
                raise SoftphoneError("interrupted while it registered: no call was placed")
        served = await serve_calls(options.serve, filters, on_serving)
        if served is not None:
            held.push_async_callback(served.close)
        for index in range(options.repeat) if options.repeat else itertools.count():
            next_at = now() + options.every_s
            numbered_plan = replace(plan, audio=numbered(options.audio, index + 1))
            if served is not None:
                numbered_plan = served.plan(numbered_plan)
            try:
                if index:  # its name may lead elsewhere by now
                    destinations = await station.ways_to(target)
                result = await _one(
                    station, numbered_plan, options, target, destinations, stop, progress, sounds
                )
            except SoftphoneError as error:
                if not index:
                    raise
                result = not_placed(error, local_uri=station.uri, peer_uri=str(target))
            probe.add(result)
            if on_result is not None:
                on_result(result)
            if index + 1 == options.repeat or not await _sleep(next_at - now(), stop):
                break
        if probe.results[-1]["ended_by"] != "network":
            await station.settle()
        return probe.results


def target_of(uri: str) -> SipUri:
    """Whom *uri* means.

    Raises:
        UsageError: it is no SIP URI that can be called.
    """
    try:
        target = SipUri.parse(uri)
    except SipError as error:
        raise UsageError(f"whom to call must be a SIP URI like sip:bob@127.0.0.1:5060: {error}") from None
    transport = target.params.get("transport")
    if transport is not None and transport.lower() not in TRANSPORTS:
        raise UsageError(f"calls go over {', '.join(TRANSPORTS)}, got transport={transport} in {target}")
    if target.port == 0:
        raise UsageError(f"a call needs a port of 1 to 65535, got 0 in {target}")
    return target


def placed(
    station: Station,
    plan: CallPlan,
    target: SipUri,
    destination: Address,
    *,
    alternatives: tuple[Address, ...] = (),
    account: AccountOptions,
    ring_timeout_s: float | None,
    ends: MediaEnds | None = None,
) -> OneCall:
    """Place a call of *station* and return it; somebody is to wait for its `finish`.

    Args:
        ends: see `OneCall`.

    Raises:
        EnvironmentProblem: no ports, or a recording cannot be written.
    """
    one = OneCall(station, plan, ends)
    try:
        number = station.manager.place(
            target,
            one.local_media,
            destination=destination,
            alternatives=alternatives,
            credentials=credentials_of(account),
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
    destinations: list[Address],
    stop: asyncio.Event,
    progress: Progress | None,
    sounds: ScriptSounds | None,
) -> Result:
    first, *others = destinations
    one = placed(
        station,
        plan,
        target,
        first,
        alternatives=tuple(others),
        account=options.account,
        ring_timeout_s=options.ring_timeout_s,
        ends=await ends_of_placed(station, plan),
    )
    watch = asyncio.create_task(_watch(one, stop, progress))
    run = None
    if sounds is not None:
        from softphone.app.script_run import ScriptRun

        run = ScriptRun(sounds.script, one, station, plan, options.account, stop)
    try:
        result = await one.finish(stop)
        if run is not None:
            await run.conclude(result)
    finally:
        watch.cancel()
        if run is not None:
            run.cancel()
    if options.min_mos is not None and one.established:
        check_min_mos(result, options.min_mos)
    return result


def _on_stranger(station: Station, successions: Successions, event: CallEvent) -> None:
    """Refuse a call that comes in, unless it takes the place of one of ours (RFC 3891)."""
    if isinstance(event, IncomingCall) and not successions.take_over(event):
        station.refuse(event, status=486)


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
