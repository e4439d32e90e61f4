"""Two people taking turns in `--mode vlr`: airtime on Wi-Fi n beside the same call with G.711 in packets of 20 ms.

Real calls between two of ours: bundled speech, four seconds of the one, four of the other, over room noise at
-75 dBov. Each side reckons its own airtime from every datagram of the call, SIP and RTCP included, at one of the two
rates; in the next round they change places.

python -m benchmarks.turns [--seconds 32] [--rounds 2] [--json FILE] [--smoke]
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
from support.command import Answering, Calling
from support.peers import read_wav, write_wav

from benchmarks import ROOT
from benchmarks.figures import Figure, deliver, options, progress

TURN_S = 4.0
NOISE_DBOV = -75.0
RATES = {"wifi-n:6.5": 1 / 8, "wifi-n:65": 1 / 6}
PEER = "G.711 20 ms, both ways all the time"


def half(name: str, *, first: bool, seconds: float, path: Path) -> None:
    """Write one side of the conversation."""
    speech, rate_hz = read_wav(ROOT / "softphone" / "data" / "speech" / f"{name}.wav")
    count = int(seconds * rate_hz)
    said = np.resize(speech, count)
    turn = (np.arange(count) // int(TURN_S * rate_hz)) % 2
    noise = np.random.default_rng(len(name)).standard_normal(count) * 10 ** (NOISE_DBOV / 20)
    write_wav(path, np.where(turn == (0 if first else 1), said, 0.0) + noise, rate_hz)


def figures(seconds: float, rounds: int) -> list[Figure]:
    """Measure both rates in each call."""
    found: dict[str, list[float]] = {rate: [] for rate in RATES}
    with tempfile.TemporaryDirectory(prefix="turns-") as name:
        one, two = Path(name) / "one.wav", Path(name) / "two.wav"
        half("man", first=True, seconds=seconds, path=one)
        half("woman", first=False, seconds=seconds, path=two)
        for number in range(rounds):
            ours, theirs = list(RATES) if number % 2 == 0 else list(RATES)[::-1]
            vlr = ("--mode", "vlr", "--radio")
            with Answering(*vlr, theirs, "--play", str(two), "--calls", "1") as callee:
                with Calling(callee.uri, *vlr, ours, "--play", str(one), "--seconds", f"{seconds:g}") as call:
                    _, caller, said = call.finish(seconds + 30)
                _, results, _ = callee.finish()
            for rate, result in ((ours, caller), (theirs, results[-1])):
                if result["outcome"] != "completed" or result["mode"] != "vlr":
                    raise RuntimeError(f"the call was no call in mode vlr: {result['outcome']}, {said}")
                found[rate].append(result["airtime"]["vs_g711_20ms"])
                progress(
                    f"round {number + 1} of {rounds}: {rate:10s} {1 / found[rate][-1]:.1f} times less airtime"
                )
    return [
        Figure(
            f"airtime, two people taking turns, `--mode vlr`, {rate}", "", at_most=most, of="ratio"
        ).measured(found[rate], [1.0] * rounds, peer=PEER)
        for rate, most in RATES.items()
    ]


def main() -> int:
    parser = options(__doc__)
    parser.add_argument("--seconds", type=float, default=32.0)
    parser.add_argument("--rounds", type=int, default=2)
    given = parser.parse_args()
    return deliver(figures(6.0, 1) if given.smoke else figures(given.seconds, given.rounds), given.json)


if __name__ == "__main__":
    sys.exit(main())
