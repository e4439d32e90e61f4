"""What a leg of `--mode vlc` costs, beside baresip with Codec2: both record both directions, in turns.

Ours calls a callee of ours, since no other program knows VLC; baresip calls a baresip. Only the caller is measured.

python -m benchmarks.mode_cost [--seconds 10] [--rounds 5] [--json FILE] [--smoke]
"""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import soxr
from support.command import Answering, Calling
from support.peers import Baresip, read_wav, write_wav

from benchmarks import ROOT
from benchmarks.call_cost import SMOKE, Scale, rounds_of, still_standing
from benchmarks.figures import Figure, baresip_missing, baresip_name, deliver, options

FIGURE = Figure("CPU of one leg, `--mode vlc` beside Codec2", "ms/s", at_most=0.4, of="ratio")
CODEC2 = "codec2/8000/1"


def long_speech(folder: Path, seconds: float) -> Path:
    """Write bundled speech, again and again, at the rate of Codec2, so that baresip need not resample."""
    samples, rate_hz = read_wav(ROOT / "softphone" / "data" / "speech" / "man.wav")
    again = np.tile(soxr.resample(samples, rate_hz, 8_000), int(seconds * rate_hz / len(samples)) + 1)
    path = folder / "speech8k.wav"
    write_wav(path, again, 8_000)
    return path


def baresip(wav: Path, *, dial: str | None = None, record: bool = False) -> Baresip:
    """Return a baresip with Codec2, as it uses it by itself: 2400 b/s in packets of 20 ms."""
    return Baresip(wav=wav, dial=dial, record=record, codecs=(CODEC2,), seconds=600, rate_hz=8_000)


@contextmanager
def ours(folder: Path) -> Iterator[int]:
    """A call between two of ours; gives the caller's process id."""
    recordings = ("--record", str(folder / "heard.wav"), "--record-sent", str(folder / "sent.wav"))
    with (
        Answering("--mode", "vlc") as callee,
        Calling(callee.uri, "--mode", "vlc", *recordings, "--seconds", "600") as call,
    ):
        yield call.pid
        if call.process.poll() is not None:
            raise RuntimeError("our call ended while it was measured")


@contextmanager
def theirs(wav: Path) -> Iterator[int]:
    """A call between two of baresip; gives the caller's process id."""
    with baresip(wav) as peer, baresip(wav, dial=peer.uri, record=True) as call:
        peer.wait_for("Call established", 10)
        yield call.pid
        still_standing(peer)


def figures(scale: Scale) -> list[Figure]:
    """Measure; without baresip, or /proc, say why not."""
    why = baresip_missing() if sys.platform == "linux" else "CPU is read in the /proc of Linux"
    if why:
        return [FIGURE.skip(why)]
    with tempfile.TemporaryDirectory(prefix="mode-cost-") as name:
        folder = Path(name)
        wav = long_speech(folder, scale.seconds + scale.settle_s + 30)
        mine, peers = rounds_of("vlc leg", partial(ours, folder), partial(theirs, wav), scale)
    cpu = [[cost.cpu_ms_per_s for cost in costs] for costs in (mine, peers)]
    return [FIGURE.measured(*cpu, peer=f"{baresip_name()}, Codec2")]


def main() -> int:
    parser = options(__doc__)
    usual = Scale()
    parser.add_argument("--seconds", type=float, default=usual.seconds)
    parser.add_argument("--rounds", type=int, default=usual.rounds)
    given = parser.parse_args()
    scale = SMOKE if given.smoke else Scale(given.rounds, given.seconds, usual.settle_s)
    return deliver(figures(scale), given.json)


if __name__ == "__main__":
    sys.exit(main())
