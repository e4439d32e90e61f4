"""Mouth-to-ear delay of a whole call, by clicks through a tool that sends back what it plays, beside baresip.

A probe calls the tool (raw SIP and RTP, Opus) and sends silence with a click now and then. The tool plays
what it hears into its own microphone. Between the arrival of a click and the departure of its echo lie the
tool's playout (jitter buffer, decoder, player) and its capture (one packet, encoder): together the way from
the mouth to the ear between two such tools, on a network without delay, where the codec's delay counts once.

python -m benchmarks.mouth_to_ear [--clicks 5] [--calls 7] [--ptime 20,60] [--json FILE] [--smoke]
"""

import statistics
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
from support.command import Answering
from support.peers import Baresip

from benchmarks.figures import (
    Figure,
    alternating,
    baresip_missing,
    baresip_name,
    deliver,
    options,
    progress,
)
from benchmarks.probe import BIT_RATE_BPS, CLICK, RATE_HZ, Echo, Probe, likeness

ECHO_WITHIN_S = 0.7


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is measured."""

    calls: int = 7
    """To each tool. The delay of a call depends on how its clock happens to lie to the peer's."""
    clicks: int = 5
    """A call."""
    settle_s: float = 3.0
    """Before the first click: jitter buffers have found their delay."""


SMOKE = Scale(calls=1, clicks=2, settle_s=1.0)


def figure(ptime_ms: int) -> Figure:
    """Return the row of one packet interval, without values."""
    name = f"mouth to ear, Opus {ptime_ms} ms"
    if ptime_ms == 20:
        return Figure(name, "ms", at_most=1.0, of="ratio")
    return Figure(name, "ms", at_most=160.0 if ptime_ms == 60 else None)


def delays_ms(sent: Sequence[float], echo: Echo, codec_delay_s: float) -> list[float]:
    """Return the mouth-to-ear delay of each click whose echo was found."""
    heard = np.concatenate(echo.samples)
    like = likeness(heard)
    times = np.array([at for _, at in echo.arrivals])
    firsts = np.array([index for index, _ in echo.arrivals])
    found = []
    for at in sent:
        begin = int(firsts[min(int(np.searchsorted(times, at)), len(firsts) - 1)])
        end = min(begin + int(ECHO_WITHIN_S * RATE_HZ), len(like))
        if end - begin < len(CLICK):
            continue
        peak = begin + int(np.argmax(like[begin:end]))
        if like[peak] > 0.1 * float(CLICK @ CLICK):
            found.append((echo.time_of(peak) - at - codec_delay_s) * 1000)
    return found


def measure(tool: AbstractContextManager[Answering | Baresip], ptime_ms: int, scale: Scale) -> float:
    """Return the median delay of one call through *tool*, in ms."""
    with tool as running:
        probe = Probe(running.uri, ptime_ms)
        probe.call()
        sent, echo = probe.run(scale.clicks, settle_s=scale.settle_s)
        probe.hang_up()
    found = delays_ms(sent, echo, probe.codec_delay_s)
    if 2 * len(found) < scale.clicks:
        raise RuntimeError(f"only {len(found)} of {scale.clicks} clicks came back at {ptime_ms} ms")
    if len(found) < scale.clicks:
        progress(f"mouth to ear: {scale.clicks - len(found)} of {scale.clicks} clicks did not come back")
    return statistics.median(found)


def tool(who: str, ptime_ms: int) -> Answering | Baresip:
    """Return one that answers, and sends back what it plays."""
    if who == "baresip":
        return Baresip(echo=True, ptime_ms=ptime_ms, bit_rate_bps=BIT_RATE_BPS, record=False)
    codec = f"opus:{BIT_RATE_BPS}"
    return Answering("--echo", "--codec", codec, "--ptime", str(ptime_ms), "--calls", "1")


def figures(scale: Scale, ptimes_ms: Sequence[int] = (20, 60)) -> list[Figure]:
    """Measure both tools at each packet interval, call by call in turn; ours alone without baresip."""
    why = baresip_missing()
    found = []
    for ptime_ms in ptimes_ms:
        row = figure(ptime_ms)
        if why and row.of == "ratio":
            found.append(row.skip(why))
            continue
        delays: dict[str, list[float]] = {"ours": [], "baresip": []}
        for number in range(scale.calls):
            for who in ("ours",) if why else alternating(("ours", "baresip"), number):
                delays[who].append(measure(tool(who, ptime_ms), ptime_ms, scale))
                progress(f"{row.name}, call {number + 1} of {scale.calls}: {who:8s} {delays[who][-1]:.1f} ms")
        found.append(row.measured(delays["ours"], delays["baresip"], peer="" if why else baresip_name()))
    return found


def main() -> int:
    parser = options(__doc__)
    usual = Scale()
    parser.add_argument("--clicks", type=int, default=usual.clicks, help="a call")
    parser.add_argument("--calls", type=int, default=usual.calls, help="to each")
    parser.add_argument("--ptime", default="20,60")
    given = parser.parse_args()
    scale = SMOKE if given.smoke else Scale(given.calls, given.clicks)
    return deliver(figures(scale, [int(ptime) for ptime in given.ptime.split(",")]), given.json)


if __name__ == "__main__":
    sys.exit(main())
