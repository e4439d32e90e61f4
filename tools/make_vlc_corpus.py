"""Make the speech that VLC's tables are trained on: ``python -m tools.make_vlc_corpus FOLDER``.

Fetches Debian's `asterisk-core-sounds-{en,es,fr,it,ru}-g722` with ``apt-get download`` (nothing is installed) unless
their sounds lie in /usr/share/asterisk/sounds, decodes them, and writes ``FOLDER/{train,dev}/LANGUAGE.{8,16}.wav``,
16 bit, active level -26 dBov. Of every twenty prompts the last goes to ``dev``. The sounds are CC-BY-SA-3.0 (ru:
CC-BY-3.0); nothing of them is kept but statistics.
"""

import argparse
import subprocess
import sys
import tempfile
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from dsp._native import G722Decoder

LANGUAGES = ("en", "es", "fr", "it", "ru")
ACTIVE_LEVEL_DBOV = -26.0
INSTALLED = Path("/usr/share/asterisk/sounds")
NO_SPEECH = ("beep", "silence", "monkey", "tt-", "ascending", "descending", "dir-")
LEAST_S = 1.0
DEV_EVERY = 20

Signal = NDArray[np.float32]


def fetch(language: str, folder: Path) -> Path:
    """The folder with the G.722 files of *language*; downloads and unpacks its package into *folder* if need be."""
    package = f"asterisk-core-sounds-{language}-g722"
    installed = sorted(INSTALLED.glob(f"{language}_*"))
    if installed and any(installed[0].rglob("*.g722")):
        return installed[0]
    try:
        subprocess.run(["apt-get", "download", "-qq", package], cwd=folder, check=True)
        archive = next(folder.glob(f"{package}_*.deb"))
        subprocess.run(["dpkg-deb", "-x", archive, folder / language], check=True)
    except (OSError, subprocess.CalledProcessError, StopIteration) as error:
        sys.exit(f"{package} cannot be fetched ({error}): apt-get install {package}, then run this again")
    return folder / language


def prompts(folder: Path) -> Iterator[Signal]:
    """Prompts below *folder* in the order of their names, 16 kHz, those that speak for a second or more."""
    for path in sorted(folder.rglob("*.g722")):
        if any(word in path.name for word in NO_SPEECH):
            continue
        octets = path.read_bytes()
        samples = np.empty(2 * len(octets), np.float32)
        G722Decoder().decode(octets, samples)
        if samples.size >= LEAST_S * 16000:
            yield samples


def levelled(signal: Signal) -> Signal:
    """*signal* with its active parts (20 ms frames within 30 dB of the loudest) at `ACTIVE_LEVEL_DBOV`."""
    power = np.square(signal[: signal.size // 320 * 320], dtype=np.float64).reshape(-1, 320).mean(axis=1)
    active = power[power > power.max() * 1e-3].mean()
    return np.asarray(signal * np.sqrt(10 ** (ACTIVE_LEVEL_DBOV / 10) / active), dtype=np.float32)


def write(path: Path, signal: Signal, rate_hz: int) -> None:
    """*signal* as a mono WAV file of 16 bit."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate_hz, 0, "NONE", ""))
        file.writeframes(np.round(np.clip(signal, -1.0, 32767 / 32768) * 32768.0).astype("<i2").tobytes())


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folder", type=Path, help="where train/ and dev/ are written")
    folder: Path = parser.parse_args().folder
    for language in LANGUAGES:
        with tempfile.TemporaryDirectory() as place:
            spoken = list(prompts(fetch(language, Path(place))))
        held_out = spoken[DEV_EVERY - 1 :: DEV_EVERY]
        learnt = [prompt for index, prompt in enumerate(spoken) if index % DEV_EVERY != DEV_EVERY - 1]
        for part, chosen in (("train", learnt), ("dev", held_out)):
            signal = levelled(np.concatenate(chosen))
            write(folder / part / f"{language}.16.wav", signal, 16000)
            write(folder / part / f"{language}.8.wav", soxr.resample(signal, 16000, 8000, "VHQ"), 8000)
            print(f"{part} {language}: {signal.size / 16000:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
