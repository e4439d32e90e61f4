"""What being steered costs: round trips, viewers, memory, and the time until a command is heard.

A live filter on the null device (48 kHz, blocks of 10 ms) is served in a process of its own; who steers and who looks
are in others, on loopback. *Round trip*: `get` and `set` by the client of ours, one after the other. *Viewers*: CPU of
the process of the filter with so many who are told levels 20 times a second, less that without them; one more turns a knob
20 times a second meanwhile, and blocks that were not ready in time are counted. *Memory*, *start*: with `--serve` less
without, in the same round. *Heard*: from before `set` is sent to the block handed to the device that ends more than 1 dB lower.
*A call*: two processes of ours, 440 Hz each
way, filters on both sides of the callee, at which so many look while one makes 500 changes; milliseconds of sound that were
filled in, thrown away or missing in what the caller recorded, beyond those of the same call with nobody there.
The peer is baresip's `ctrl_tcp`, which has no value to turn: the round trip of a question over it, by a plain socket.

python -m benchmarks.control_cost [--rounds 5] [--viewers 20] [--seconds 10] [--json FILE] [--smoke]
"""

import asyncio
import os
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from support.command import softphone
from support.peers import HOST, MODULES, read_wav
from support.served import TOKEN
from support.served import Served as ServedCallee

from benchmarks.figures import Figure, baresip_missing, baresip_name, deliver, options, progress
from benchmarks.process_cost import cost_since, measure, snapshot
from benchmarks.steered import BLOCK_MS, CALL_PRESET, Served, SteeredBaresip
from softphone.control.client import AsyncClient, Client, connect, connect_async
from softphone.io.control.limits import MESSAGES_PER_S

LEVELS_HZ = 20.0
BURST = 50
"""Requests one after the other; then there is a pause, so that no limit is met."""
GET = Figure("control: round trip of get, loopback", "ms", at_most=1.0)
SET = Figure("control: round trip of set gain, loopback", "ms", at_most=1.0)
SET_EDGE = Figure("control: round trip of set low-cut.freq_hz, loopback", "ms", at_most=1.0)
MEMORY = Figure("control: memory the server adds, one client there", "MiB", at_most=15)
IMPORT = Figure("control: time to import the server, beyond the live filter", "s")
START = Figure("control: live filter until it is served", "s")
CALL_PTIMES_MS = (20, 60)
CALL_CHANGES = 500
ALONE_S = 3.0
"""Of a call with nobody there: what it lacks, it lacks at its start and its end."""
HEARD = Figure("control: from set to the block that plays it", "ms", at_most=BLOCK_MS + 15)


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is measured."""

    rounds: int = 5
    trips: int = 1000
    viewers: int = 20
    seconds: float = 10.0
    changes: int = 40
    call_changes: int = CALL_CHANGES


def viewer_figures(scale: Scale) -> tuple[Figure, Figure, Figure]:
    """Return the rows of the viewers, without values: they name how many there are."""
    who = f"{scale.viewers} viewers at {LEVELS_HZ:g} Hz"
    return (
        Figure(f"control: CPU of {who}", "% of a core", at_most=5),
        Figure(f"control: levels told a second, of {who}", ""),
        Figure(f"control: blocks not ready in time, {who}, one turns", "", at_most=0),
    )


def trips_ms(scale: Scale, work: Callable[[AsyncClient, int], Any], served: Served) -> float:
    """Return the median round trip of *work*, which is given the client and how often it was called."""

    async def run() -> float:
        async with await connect_async(served.at, token=served.token, name="round trips") as client:
            took = []
            for number in range(scale.trips):
                begun = time.perf_counter()
                await work(client, number)
                took.append(time.perf_counter() - begun)
                if number % BURST == BURST - 1:  # so many a second are let in, and no more
                    await asyncio.sleep(BURST / MESSAGES_PER_S)
            return 1000 * statistics.median(took)

    return asyncio.run(run())


def get_ms(scale: Scale, served: Served) -> float:
    return trips_ms(scale, lambda client, number: client.get("gain.gain_db"), served)


def set_ms(scale: Scale, served: Served) -> float:
    return trips_ms(scale, lambda client, number: client.set("gain.gain_db", -(number % 20) / 10), served)


def set_edge_ms(scale: Scale, served: Served) -> float:
    return trips_ms(scale, lambda client, number: client.set("low-cut.freq_hz", 80 + number % 40), served)


def baresip_ms(scale: Scale) -> float:
    """Return the median round trip of ``listcalls``, as a netstring of JSON (D. J. Bernstein, 1997)."""
    question = b'{"command":"listcalls","params":"","token":"1"}'
    frame = b"%d:%s," % (len(question), question)
    took = []
    with SteeredBaresip() as peer, socket.create_connection((HOST, peer.control_port), 5) as sock:
        sock.settimeout(5)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(scale.trips):
            begun = time.perf_counter()
            sock.sendall(frame)
            answer = b""
            while not answer.endswith(b"},"):
                got = sock.recv(65_536)
                if not got:
                    raise RuntimeError("baresip closed its control port")
                answer += got
            took.append(time.perf_counter() - begun)
    return 1000 * statistics.median(took)


def round_trips(scale: Scale, folder: Path) -> list[Figure]:
    """The round trips of ours, and of baresip's in the same rounds."""
    peer = ""
    if not baresip_missing() and (MODULES / "ctrl_tcp.so").exists():
        peer = f"{baresip_name()}, ctrl_tcp, listcalls"
    got, sent, edges, theirs = [], [], [], []
    for number in range(scale.rounds):
        progress(f"control: round trips, round {number + 1} of {scale.rounds}")
        with Served(folder) as served:
            got.append(get_ms(scale, served))
            sent.append(set_ms(scale, served))
            edges.append(set_edge_ms(scale, served))
        if peer:
            theirs.append(baresip_ms(scale))
    return [GET.measured(got, theirs, peer=peer), SET.measured(sent), SET_EDGE.measured(edges)]


async def look(at: str, token: str, viewers: int, seconds: float) -> int:
    """Be told levels as so many viewers; return how many came."""
    count = 0
    over = asyncio.Event()

    async def one(number: int) -> None:
        nonlocal count
        async with await connect_async(at, token=token, name=f"viewer {number}") as client:
            async for event in client.watch("levels", rate_hz=LEVELS_HZ):
                count += event["event"] == "levels"
                if over.is_set():
                    return

    async with asyncio.TaskGroup() as group:
        for number in range(viewers):
            group.create_task(one(number))
        await asyncio.sleep(1.0)
        print("here", flush=True)
        count = 0
        await asyncio.sleep(seconds)
        print(count, flush=True)
        over.set()
    return count


@contextmanager
def viewers_of(at: str, token: str, scale: Scale) -> Iterator[subprocess.Popen[str]]:
    """So many viewers, in a process of their own, that have come when this begins; it prints how much they were told."""
    command = [sys.executable, "-m", "benchmarks.control_cost", "--look", at]
    command += ["--viewers", str(scale.viewers), "--seconds", str(scale.seconds)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=os.environ | {"STEER_TOKEN": token}
    )
    assert process.stdout is not None
    try:
        if process.stdout.readline() != "here\n":
            raise RuntimeError("the viewers did not come")
        yield process
        process.wait(scale.seconds + 10)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stdout.close()


def turn(client: Client, seconds: float) -> int:
    """Turn a knob 20 times a second; return the blocks that were not ready in time meanwhile."""
    levels = client.levels()
    assert levels is not None
    before, end, number = int(levels["xruns_ours"]), time.monotonic() + seconds, 0
    while time.monotonic() < end:
        number += 1
        client.set("low-cut.freq_hz", 80 + number % 40)
        time.sleep(1 / 20)
    levels = client.levels()
    assert levels is not None
    return int(levels["xruns_ours"]) - before


def viewers(scale: Scale, folder: Path) -> list[Figure]:
    """What those cost who only look."""
    cpu, told, missed = [], [], []
    for number in range(scale.rounds):
        progress(f"control: viewers, round {number + 1} of {scale.rounds}")
        with Served(folder) as served:
            time.sleep(1.0)
            alone = measure({"filter": served.pid}, scale.seconds)["filter"].cpu_ms_per_s
            with viewers_of(served.at, served.token, scale) as looking:
                before = snapshot(served.pid)
                assert looking.stdout is not None
                count = int(looking.stdout.readline())
                watched = cost_since(served.pid, before).cpu_ms_per_s
            cpu.append((watched - alone) / 10)
            told.append(count / scale.seconds)
            with (
                viewers_of(served.at, served.token, scale),
                connect(served.at, token=served.token, name="who turns") as client,
            ):
                missed.append(turn(client, scale.seconds))
    rows = zip(viewer_figures(scale), (cpu, told, missed), strict=True)
    return [figure.measured(values) for figure, values in rows]


def call_figures(scale: Scale) -> list[Figure]:
    """Return the rows of calls, without values."""
    who = f"{scale.viewers} viewers, one makes {scale.call_changes} changes"
    return [
        Figure(f"control: sound that a call of Opus in {ptime_ms} ms lacks, {who}", "ms", at_most=0)
        for ptime_ms in CALL_PTIMES_MS
    ]


def lacking_ms(result: dict[str, Any], ptime_ms: int) -> float:
    """Return how much of what came was filled in or thrown away, by its RESULT."""
    received = result["received"]
    return float(received["concealed_ms"] + received["discard_pct"] / 100 * received["packets"] * ptime_ms)


def gaps_ms(recording: Path) -> float:
    """Return how much of a recorded tone is silent, between its first and its last 0.1 s."""
    samples, rate_hz = read_wav(recording)
    block = rate_hz // 100
    levels = np.abs(samples[: len(samples) // block * block].reshape(-1, block)).max(axis=1)
    (loud,) = np.nonzero(levels > 0.3 * np.median(levels))
    inside = levels[loud[0] + 10 : loud[-1] - 9]
    return 10.0 * float(np.count_nonzero(inside < 0.3 * np.median(levels)))


def one_call_ms(folder: Path, ptime_ms: int, steer: Callable[[str], None]) -> float:
    """Return what one call lacks on both sides; it lasts as long as *steer*, given the callee's address, takes."""
    preset, heard = folder / "call.toml", folder / "heard.wav"
    preset.write_text(CALL_PRESET)
    filters = ("--filter", str(preset), "--filter-in", str(preset))
    codec = ("--codec", "opus", "--ptime", str(ptime_ms), "--tone", "440")
    with ServedCallee("answer", "--listen", f"{HOST}:0", "--calls", "1", "--tone", "440", *filters) as callee:
        uri = callee.event("listening")["uri"]
        found: list[dict[str, Any]] = []

        def call() -> None:
            found.append(softphone("call", uri, *codec, "--record", str(heard), timeout_s=300)[1])

        thread = threading.Thread(target=call)
        thread.start()
        try:
            steer(callee.address)
        finally:
            callee.interrupt()
            thread.join()
        own = callee.result()
    heard_ms = gaps_ms(heard)
    heard.unlink()
    return lacking_ms(found[0], ptime_ms) + lacking_ms(own, ptime_ms) + heard_ms


def steer_call(at: str, scale: Scale) -> None:
    """Let all come and look, and one of them make the changes."""
    with viewers_of(at, TOKEN, scale), connect(at, token=TOKEN, name="who turns") as client:
        for number in range(scale.call_changes):
            side = "sent" if number % 2 else "heard"
            client.set("low-cut.freq_hz", 80 + number % 40, chain=side)
            time.sleep(scale.seconds / scale.call_changes)


def calls(scale: Scale, folder: Path) -> list[Figure]:
    """What a call suffers from those who look and steer."""
    found = []
    for ptime_ms, figure in zip(CALL_PTIMES_MS, call_figures(scale), strict=True):
        lacks = []
        for number in range(scale.rounds):
            progress(f"control: call in packets of {ptime_ms} ms, round {number + 1} of {scale.rounds}")
            alone = one_call_ms(folder, ptime_ms, lambda at: time.sleep(ALONE_S))
            steered = one_call_ms(folder, ptime_ms, lambda at: steer_call(at, scale))
            lacks.append(steered - alone)
        found.append(figure.measured(lacks))
    return found


def import_s(module: str) -> float:
    """Return the seconds that a fresh interpreter takes to import *module*."""
    begun = time.monotonic()
    subprocess.run([sys.executable, "-P", "-c", f"import {module}"], check=True)
    return time.monotonic() - begun


def memory(scale: Scale, folder: Path) -> list[Figure]:
    """What the server adds before anybody turns anything."""
    added, imported, started = [], [], []
    for number in range(scale.rounds):
        progress(f"control: memory and start, round {number + 1} of {scale.rounds}")
        imported.append(import_s("softphone.app.live_filter, softphone.app.control_room"))
        imported[-1] -= import_s("softphone.app.live_filter")
        with Served(folder) as served, Served(folder, serve=False) as alone:
            started.append(served.took_s)
            with connect(served.at, token=served.token) as client:
                client.schema()
                time.sleep(2.0)
                cost = measure({"served": served.pid, "alone": alone.pid}, 0.5)
            added.append(cost["served"].rss_mib - cost["alone"].rss_mib)
    return [MEMORY.measured(added), IMPORT.measured(imported), START.measured(started)]


def heard(scale: Scale, folder: Path) -> list[Figure]:
    """How long a command takes until it is played; both processes read one monotonic clock."""
    token = secrets.token_urlsafe(16)
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.steered"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"STEER_TOKEN": token, "XDG_CONFIG_HOME": str(folder)},
    )
    assert process.stdout is not None
    assert process.stdin is not None
    played: list[float] = []
    at = process.stdout.readline().strip()

    def listen() -> None:
        assert process.stdout is not None
        played.extend(float(line) for line in process.stdout)

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    took = []
    progress(f"control: {scale.changes} changes heard")
    try:
        with connect(at, token=token, name="who turns") as client:
            time.sleep(1.0)
            for number in range(scale.changes):
                played.clear()
                begun = time.monotonic()
                client.set("gain.gain_db", 0 if number % 2 else -20)
                # Not in step with the blocks: a change may come at any time of one.
                time.sleep(0.2 + 0.0013 * (number % 8))
                if not played:
                    raise RuntimeError("a change was not heard within 0.2 s")
                took.append(1000 * (played[0] - begun))
    finally:
        process.stdin.close()
        process.wait(10)
        listener.join(5)
        process.stdout.close()
    return [HEARD.measured(took)]


def figures(scale: Scale) -> list[Figure]:
    """Measure everything."""
    with tempfile.TemporaryDirectory(prefix="steered-") as name:
        folder = Path(name)
        return [
            *round_trips(scale, folder),
            *viewers(scale, folder),
            *calls(scale, folder),
            *memory(scale, folder),
            *heard(scale, folder),
        ]


def main(words: Sequence[str] | None = None) -> int:
    parser = options(__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--viewers", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--look", metavar="HOST:PORT", help="only be the viewers of what is served there")
    given = parser.parse_args(words)
    if given.look:
        asyncio.run(look(given.look, os.environ["STEER_TOKEN"], given.viewers, given.seconds))
        return 0
    scale = Scale(rounds=given.rounds, viewers=given.viewers, seconds=given.seconds)
    if given.smoke:
        scale = Scale(rounds=1, trips=20, viewers=3, seconds=1.0, changes=3, call_changes=20)
    return deliver(figures(scale), given.json)


if __name__ == "__main__":
    sys.exit(main())
