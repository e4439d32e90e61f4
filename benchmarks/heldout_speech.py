"""Speech of speakers that no table was trained on and nothing was chosen with, fetched from Debian's packages.

`pocketsphinx-testdata`: five LibriVox clips with transcripts, 16 kHz. `codec2-examples`: three clips at 8 kHz and one at
16 kHz. `alsa-utils`: the voice that names loudspeakers, 48 kHz. What is installed is read where it lies; the rest is
downloaded with ``apt-get download`` and unpacked with ``dpkg -x`` below the user's cache folder; nothing is installed.
"""

import io
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

from dsp.level import measure_level
from dsp.types import Samples

LEVEL_DBOV = -26.0
"""Active level of every clip (P.56), as listening tests have it."""
MAX_S = 10.0
_LIBRIVOX = "usr/share/pocketsphinx/test/data/librivox"
_CODEC2 = "usr/share/codec2"
_ALSA = "usr/share/sounds/alsa"
_PROBES = {"pocketsphinx-testdata": _LIBRIVOX, "codec2-examples": _CODEC2, "alsa-utils": _ALSA}
_ALSA_WORDS = ("Front_Center", "Rear_Left", "Side_Right", "Front_Left")


@dataclass(frozen=True, slots=True)
class Clip:
    """One utterance."""

    path: Path
    """WAV at 8 or 16 kHz and `LEVEL_DBOV`; with a transcript beside it where there is one."""
    is_wide: bool
    """Whether the recording has the band of 16 kHz."""
    has_transcript: bool


def cache_folder() -> Path:
    """Where packages are unpacked."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "softphone-benchmarks"


def find(package: str, why: list[str]) -> Path | None:
    """The folder under which the files of *package* lie; None, and a reason in *why*, where they cannot be had."""
    probe = _PROBES[package]
    for root in (Path("/"), cache_folder() / package):
        if (root / probe).is_dir():
            return root
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        why.append(
            f"{package} is not installed, and there is no apt-get to fetch it: unpack it under {cache_folder() / package}"
        )
        return None
    folder = cache_folder() / package
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["apt-get", "download", package], cwd=folder, capture_output=True, text=True, check=False, timeout=300
    )
    archives = sorted(folder.glob("*.deb"))
    if done.returncode != 0 or not archives:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        why.append(f"{package} cannot be downloaded ({reason}): apt-get update, or apt-get install {package}")
        return None
    subprocess.run(["dpkg", "-x", str(archives[-1]), str(folder)], check=True, timeout=300)
    return folder


def clips(folder: Path, why: list[str]) -> list[Clip]:
    """Write every clip that can be had into *folder*."""
    found: list[Clip] = []
    root = find("pocketsphinx-testdata", why)
    if root is not None:
        source = root / _LIBRIVOX
        said = _transcripts(source / "transcription")
        for number, path in enumerate(sorted(source.glob("*.wav"))):
            found.append(_write(folder, f"librivox{number}", *_read(path), text=said.get(path.stem)))
    root = find("codec2-examples", why)
    if root is not None:
        raw = root / _CODEC2 / "raw"
        for name in ("hts1", "hts2", "mmt1"):
            samples = np.fromfile(raw / f"{name}.raw", dtype="<i2").astype(np.float32) / 32768
            found.append(_write(folder, name, samples, 8000))
        path = next((root / _CODEC2).rglob("speech_orig_16k.wav"), None)
        if path is not None:
            found.append(_write(folder, "codec2_16k", *_read(path)))
    root = find("alsa-utils", why)
    if root is not None:
        words = [_read(root / _ALSA / f"{name}.wav") for name in _ALSA_WORDS]
        rate_hz = words[0][1]
        gap = np.zeros(rate_hz // 10, dtype=np.float32)
        joined = np.concatenate([part for samples, _ in words for part in (samples, gap)])
        found.append(_write(folder, "alsa", joined, rate_hz))
    return found


def _transcripts(path: Path) -> dict[str, str]:
    """``<s> words </s> (name)``, a line each."""
    said = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        words, _, name = line.rpartition("(")
        said[name.rstrip(")")] = words.replace("<s>", "").replace("</s>", "").strip()
    assert said, f"{path} holds no transcripts"
    return said


def _read(path: Path) -> tuple[Samples, int]:
    samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    return np.ascontiguousarray(samples[:, 0]), rate_hz


def _write(folder: Path, name: str, samples: Samples, rate_hz: int, *, text: str | None = None) -> Clip:
    wanted_hz = 16_000 if rate_hz >= 16_000 else 8000
    sound = np.ascontiguousarray(samples[: round(MAX_S * rate_hz)])
    if rate_hz != wanted_hz:
        sound = np.ascontiguousarray(soxr.resample(sound, rate_hz, wanted_hz, "VHQ"), dtype=np.float32)
    level = measure_level(sound, wanted_hz).level_dbov
    assert level is not None, f"{name} is silent"
    sound = sound * np.float32(10 ** ((LEVEL_DBOV - level) / 20))
    path = folder / f"{name}.wav"
    made = io.BytesIO()
    soundfile.write(made, sound, wanted_hz, "PCM_16", format="WAV")
    if (
        not path.exists() or path.read_bytes() != made.getvalue()
    ):  # one that stays as it is keeps the rows measured of it
        path.write_bytes(made.getvalue())
    if text is not None:
        path.with_suffix(".txt").write_text(text + "\n", encoding="utf-8")
    return Clip(path, wanted_hz == 16_000, text is not None)
