"""The demo: two processes of this program call each other over loopback and hear recorded speech both ways."""

import asyncio
import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from softphone.app.call_filters import checked_filters
from softphone.app.codec_choice import chosen_codecs
from softphone.app.result import Result
from softphone.config import DEFAULT_CODECS, AudioOptions, DemoOptions, MediaOptions
from softphone.errors import EnvironmentProblem, SoftphoneError, UsageError
from softphone.io.target import made_folder

CALLER_SPEECH, CALLEE_SPEECH = "builtin:man", "builtin:woman"
START_S = 30.0
"""Longest time to wait for the callee to listen: a cold machine imports for seconds."""
GRACE_S = 120.0
"""Longest time after the call for signalling to end and both sides to be scored."""

Note = Callable[[str], None]


async def demo(options: DemoOptions, note: Note, *, stop: asyncio.Event) -> dict[str, Result]:
    """Run one call between two processes; return ``{"caller": RESULT, "callee": RESULT}``.

    Args:
        note: told in a line what happens.
        stop: when set, the call is hung up early.

    Raises:
        UsageError: a codec nobody has, or one that does not do what was asked for.
        EnvironmentProblem: the folder cannot be written, or a process does not start.
    """
    options = replace(options, media=media_of(options.media))
    chosen = chosen_codecs(options.media)  # what is wrong is said once, not by each side
    checked_filters(AudioOptions(filter_sent=options.filter_sent, filter_heard=options.filter_heard), chosen)
    folder = _folder(options)
    callee = await _start(
        "answer",
        "--listen",
        "127.0.0.1:0",
        "--calls",
        "1",
        *_sides(options, folder, "callee"),
        "--user",
        "callee",
    )
    caller = None
    try:
        uri = await asyncio.wait_for(_listening(callee), START_S)
        note(f"callee listens at {uri}")
        caller = await _start(
            "call",
            uri,
            "--seconds",
            f"{options.seconds:g}",
            *_sides(options, folder, "caller"),
            "--user",
            "caller",
        )
        note(f"caller calls: {options.seconds:g} s of speech both ways, recorded in {folder}")
        watch = asyncio.create_task(_pass_on(stop, caller))
        try:
            both = await asyncio.wait_for(
                asyncio.gather(_caller_result(caller, callee), _last_object(callee)),
                options.seconds + GRACE_S,
            )
        finally:
            watch.cancel()
    except TimeoutError:
        raise SoftphoneError("the demo's two processes did not end their call in time") from None
    except SoftphoneError:
        if stop.is_set():  # it met a process that was not ready to be stopped yet
            raise SoftphoneError("the demo was interrupted before there was a result") from None
        raise
    finally:
        for process in (caller, callee):
            await _end(process)
    return {"caller": both[0], "callee": both[1]}


def media_of(media: MediaOptions) -> MediaOptions:
    """*media* without the demo's own codec and packet interval, where a mode, a limit or another codec is to choose them."""
    own = DemoOptions().media
    if media.max_wire_bps is not None and media.codecs == own.codecs:
        media = replace(media, codecs=DEFAULT_CODECS)
    if media.ptime_ms == own.ptime_ms:
        free = replace(media, ptime_ms=None)
        if media.max_wire_bps is not None or media.mode in ("vlc", "vlr"):
            return free
        try:
            chosen_codecs(media)
        except UsageError:
            return free
    return media


def _folder(options: DemoOptions) -> Path:
    if options.out is None:
        return Path(tempfile.mkdtemp(prefix="softphone-demo-"))
    return made_folder(options.out)


def _sides(options: DemoOptions, folder: Path, side: str) -> list[str]:
    """Arguments of one side."""
    sends, hears = (CALLER_SPEECH, CALLEE_SPEECH) if side == "caller" else (CALLEE_SPEECH, CALLER_SPEECH)
    media, line = options.media, options.line
    # The demo is the same for everybody: the user's own configuration is left out.
    arguments = ["--config", os.devnull, "--json", "--play", sends, "--expect", hears]
    arguments += [
        "--record",
        str(folder / f"{side}-heard.wav"),
        "--record-sent",
        str(folder / f"{side}-sent.wav"),
    ]
    if options.filter_sent is not None:
        arguments += ["--filter", options.filter_sent]
    if options.filter_heard is not None:
        arguments += ["--filter-in", options.filter_heard]
    arguments += ["--codec", ",".join(map(str, media.codecs))]
    if media.ptime_ms is not None:
        arguments += ["--ptime", str(media.ptime_ms)]
    arguments += ["--complexity", str(media.complexity), "--rtp-ports", "{}-{}".format(*media.rtp_ports)]
    if media.bit_rate_bps is not None:
        arguments += ["--bitrate", str(media.bit_rate_bps)]
    if media.mode is not None:
        arguments += ["--mode", media.mode]
    if media.max_wire_bps is not None:
        arguments += ["--max-wire-bps", str(media.max_wire_bps)]
    arguments += ["--radio", media.radio]
    if media.opus_library is not None:
        arguments += ["--opus-library", media.opus_library]
    if media.srtp != "off":
        arguments += ["--srtp", media.srtp, "--srtp-keys", media.srtp_keys]
    if media.srtp_suites:
        arguments += ["--srtp-suites", ",".join(media.srtp_suites)]
    if side == "caller" and not line.is_perfect:  # one end of the line is enough: it acts on both directions
        arguments += [
            "--loss",
            f"{line.loss_pct:g}",
            "--burst",
            f"{line.burst:g}",
            "--delay",
            f"{line.delay_ms:g}",
        ]
        arguments += ["--jitter", f"{line.jitter_ms:g}", "--seed", str(line.seed)]
    return arguments


async def _start(*arguments: str) -> asyncio.subprocess.Process:
    # A group of its own: Ctrl-C reaches this process, which passes it on to the caller, whose BYE ends the callee.
    options: dict[str, Any] = {"start_new_session": True} if os.name == "posix" else {}
    try:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # what is installed, not what lies in the current folder
            "-m",
            "softphone",
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=None,
            limit=1 << 22,
            **options,
        )
    except OSError as error:
        raise EnvironmentProblem(f"the demo wants to start {sys.executable}, got {error.strerror}") from None


async def _listening(process: asyncio.subprocess.Process) -> str:
    line = await _line(process)
    if line.get("event") != "listening":
        raise EnvironmentProblem(f"the demo's callee did not start: {line.get('error', line)}")
    return str(line["uri"])


async def _caller_result(caller: asyncio.subprocess.Process, callee: asyncio.subprocess.Process) -> Result:
    """The caller's RESULT. A callee that refused the call for lack of something waits for another: it is stopped."""
    result = await _last_object(caller)
    if result["duration_s"] is None and callee.returncode is None:
        callee.terminate()
    return result


async def _last_object(process: asyncio.subprocess.Process) -> Result:
    """The last JSON object a process prints."""
    last: Result = {}
    assert process.stdout is not None
    while text := await process.stdout.readline():
        last = json.loads(text)
    if "schema" not in last:
        raise SoftphoneError(f"one side of the demo failed: {last.get('error', 'it printed no result')}")
    return last


async def _line(process: asyncio.subprocess.Process) -> dict[str, Any]:
    assert process.stdout is not None
    text = await process.stdout.readline()
    value = json.loads(text) if text.strip() else {}
    return value if isinstance(value, dict) else {}


async def _pass_on(stop: asyncio.Event, caller: asyncio.subprocess.Process) -> None:
    await stop.wait()
    if caller.returncode is None:
        caller.send_signal(signal.SIGINT)


async def _end(process: asyncio.subprocess.Process | None) -> None:
    if process is not None and process.returncode is None:
        try:
            await asyncio.wait_for(process.wait(), 1.0)
        except TimeoutError:
            process.kill()
            await process.wait()
