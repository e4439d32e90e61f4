"""Make softphone/data/speech/*.wav: a man and a woman, 16 kHz mono 16 bit, active level -26 dBov.

Needs Debian's `pocketsphinx-testdata`, `asterisk-core-sounds-en-g722` and `ffmpeg` (which decodes G.722);
the words, origin and licence of each file stand in the .md beside it.

    python tools/make_speech.py [FOLDER]
"""

import math
import pathlib
import subprocess
import sys
import wave

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

SAMPLE_RATE_HZ = 16000
ACTIVE_LEVEL_DBOV = -26.0
PAUSE_S = 0.4  # between two prompts
EDGE_S = 0.15  # silence kept before the first and after the last sound
FOLDER = pathlib.Path(__file__).resolve().parent.parent / "softphone" / "data" / "speech"

LIBRIVOX = pathlib.Path("/usr/share/pocketsphinx/test/data/librivox")
PROMPTS = pathlib.Path("/usr/share/asterisk/sounds/en_US_f_Allison")
RECIPES: dict[str, tuple[pathlib.Path, ...]] = {
    "man": (LIBRIVOX / "sense_and_sensibility_01_austen_64kb-0870.wav",),
    "woman": (PROMPTS / "pls-hold-while-try.g722", PROMPTS / "queue-youarenext.g722"),
}

Signal = NDArray[np.float64]


def decode(path: pathlib.Path) -> Signal:
    """The samples of *path*, full scale 1.0."""
    if not path.is_file():
        raise SystemExit(
            f"{path} is missing: apt-get install pocketsphinx-testdata asterisk-core-sounds-en-g722"
        )
    container = ["-f", "g722"] if path.suffix == ".g722" else []
    output = ["-ac", "1", "-ar", str(SAMPLE_RATE_HZ), "-f", "s16le", "-"]
    command = ["ffmpeg", "-v", "error", "-bitexact", *container, "-i", str(path), *output]
    pcm = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    return np.frombuffer(pcm, dtype="<i2") / 32768.0


def trim(signal: Signal) -> Signal:
    """*signal* from EDGE_S before its first loud 10 ms to EDGE_S after its last, faded in and out."""
    frame = SAMPLE_RATE_HZ // 100
    power = (signal[: signal.size // frame * frame].reshape(-1, frame) ** 2).mean(axis=1)
    loud = np.flatnonzero(power > power.max() * 1e-4)
    edge = round(EDGE_S * SAMPLE_RATE_HZ)
    start = max(0, loud[0] * frame - edge)
    cut = signal[start : (loud[-1] + 1) * frame + edge].copy()
    ramp = np.sin(np.linspace(0.0, math.pi / 2, frame)) ** 2
    cut[:frame] *= ramp
    cut[-frame:] *= ramp[::-1]
    return cut


def active_level_dbov(signal: Signal) -> float:
    """Active speech level after ITU-T P.56 method B: 30 ms envelope, 200 ms hang-over, 15.9 dB margin."""
    g = math.exp(-1.0 / (SAMPLE_RATE_HZ * 0.03))
    envelope = np.abs(signal)
    for _ in range(2):
        envelope = lfilter([1.0 - g], [1.0, -g], envelope)
    hang = round(0.2 * SAMPLE_RATE_HZ)
    energy_db = 10.0 * math.log10(float(np.sum(signal**2)))
    above: list[tuple[float, float]] = []  # (level at this threshold, its distance from the threshold)
    for bits in range(1, 16):
        threshold = 2.0**-bits
        crossings = np.flatnonzero(envelope >= threshold)
        if crossings.size == 0:
            continue
        gaps = np.minimum(np.diff(crossings, append=signal.size), hang)
        level = energy_db - 10.0 * math.log10(float(gaps.sum()))
        above.append((level, level - 20.0 * math.log10(threshold)))
    levels, distances = zip(*above, strict=True)
    return float(np.interp(15.9, distances, levels))


def make(name: str, folder: pathlib.Path) -> None:
    pause = np.zeros(round((PAUSE_S - 2 * EDGE_S) * SAMPLE_RATE_HZ))
    pieces: list[Signal] = []
    for path in RECIPES[name]:
        pieces += [pause, trim(decode(path))] if pieces else [trim(decode(path))]
    speech = np.concatenate(pieces)
    speech *= 10.0 ** ((ACTIVE_LEVEL_DBOV - active_level_dbov(speech)) / 20.0)
    pcm = np.round(speech * 32768.0).astype("<i2")
    target = folder / f"{name}.wav"
    with wave.open(str(target), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE_HZ)
        file.writeframes(pcm.tobytes())
    level = active_level_dbov(pcm / 32768.0)
    print(f"{target}: {pcm.size / SAMPLE_RATE_HZ:.2f} s, {level:.2f} dBov, peak {abs(speech).max():.3f}")


def main() -> None:
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for name in RECIPES:
        make(name, folder)


if __name__ == "__main__":
    main()
