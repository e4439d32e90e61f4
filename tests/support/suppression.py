"""Real speech in made noise, and how much of the noise a filter takes away: for tests and benchmarks.

Noises are seeded, so that every run measures the same sound. SI-SDR after Le Roux and others, "SDR - half-baked or well
done?", ICASSP 2019. DNSMOS P.835 (Reddy and others, ICASSP 2022) through the ONNX file of the package `speechmos`.
"""

import functools
import importlib.resources
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray
from support.peers import read_wav

from dsp.types import Samples

RATE_HZ = 16_000
SPEAKERS = ("man", "woman")
NOISES = ("white", "pink", "babble", "car", "hum", "fan")
SNRS_DB = (0.0, 5.0, 10.0)
DNSMOS_RATE_HZ = 16_000
_DNSMOS_SAMPLES = 144_160
"""9.01 s, what the model takes."""


@functools.cache
def speech(name: str, rate_hz: int = RATE_HZ) -> Samples:
    """The bundled speaker *name* at *rate_hz*."""
    source = importlib.resources.files("softphone") / "data" / "speech" / f"{name}.wav"
    with importlib.resources.as_file(source) as path:
        samples, file_rate_hz = read_wav(path)
    return np.ascontiguousarray(soxr.resample(samples, file_rate_hz, rate_hz), dtype=np.float32)


def _shaped(count: int, rate_hz: int, seed: int, amplitude: Any) -> NDArray[np.float64]:
    """Gaussian noise whose amplitude spectrum follows *amplitude* (of frequencies in Hz)."""
    lines = np.fft.rfft(np.random.default_rng(seed).standard_normal(count))
    freqs_hz = np.fft.rfftfreq(count, 1 / rate_hz)
    shaped: NDArray[np.float64] = np.fft.irfft(lines * amplitude(np.maximum(freqs_hz, 20.0)), count)
    return shaped


def _babble(count: int, rate_hz: int) -> NDArray[np.float64]:
    """Eight voices at once: the bundled speakers, each shifted, at speeds of their own."""
    rng = np.random.default_rng(3)
    total = np.zeros(count)
    for voice in range(8):
        said = speech(SPEAKERS[voice % 2], rate_hz).astype(np.float64)
        speed = rng.uniform(0.88, 1.12)
        said = np.interp(np.arange(0, said.size - 1, speed), np.arange(said.size), said)
        total += np.roll(np.resize(said, count), int(rng.integers(count)))
    return total


def noise(kind: str, count: int, rate_hz: int = RATE_HZ) -> Samples:
    """*count* samples of one of `NOISES`, of unit power."""
    t = np.arange(count) / rate_hz
    match kind:
        case "white":
            made = _shaped(count, rate_hz, 1, np.ones_like)
        case "pink":
            made = _shaped(count, rate_hz, 2, lambda f: f**-0.5)
        case "babble":
            made = _babble(count, rate_hz)
        case "car":
            made = _shaped(count, rate_hz, 4, lambda f: 1 / (1 + (f / 120) ** 2))
        case "hum":
            made = sum(np.sin(2 * np.pi * 50 * k * t + k * k) / k for k in range(1, 16))
            made = made + 0.05 * _shaped(count, rate_hz, 5, np.ones_like)
        case "fan":
            made = _shaped(count, rate_hz, 6, lambda f: 1 / np.sqrt(1 + (f / 500) ** 2))
            made = made / made.std() * (1 + 0.15 * np.sin(2 * np.pi * 11 * t))
            made = made + sum(0.3 / k * np.sin(2 * np.pi * 117 * k * t) for k in range(1, 4))
        case _:
            raise ValueError(f"no noise {kind!r}")
    return np.ascontiguousarray(made / np.sqrt(np.mean(made**2)), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Noisy:
    """One speaker in one noise."""

    clean: Samples
    mixed: Samples


@functools.cache
def noisy(speaker: str, kind: str, snr_db: float, rate_hz: int = RATE_HZ) -> Noisy:
    """The speaker in noise; *snr_db* is of the whole file's powers."""
    clean = speech(speaker, rate_hz)
    factor = np.sqrt(np.mean(clean**2)) * 10 ** (-snr_db / 20)
    mixed = clean + np.float32(factor) * noise(kind, clean.size, rate_hz)
    return Noisy(clean, np.ascontiguousarray(mixed, dtype=np.float32))


def si_sdr_db(clean: Samples, heard: Samples) -> float:
    """Scale-invariant signal-to-distortion ratio of *heard*, aligned with *clean*."""
    wanted, found = clean.astype(np.float64), heard.astype(np.float64)
    wanted = wanted - wanted.mean()
    found = found - found.mean()
    target = wanted * (found @ wanted) / (wanted @ wanted)
    return float(10 * np.log10((target @ target) / ((found - target) @ (found - target))))


def dnsmos_missing() -> str | None:
    """Why DNSMOS cannot be had; None if it can."""
    for package in ("onnxruntime", "speechmos"):
        if importlib.util.find_spec(package) is None:
            return f"{package} is not installed"
    return None


@functools.cache
def _dnsmos_session() -> Any:
    import onnxruntime

    spec = importlib.util.find_spec("speechmos")
    assert spec is not None
    assert spec.origin is not None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    model = Path(spec.origin).parent / "dnsmos_models" / "sig_bak_ovr.onnx"
    return onnxruntime.InferenceSession(str(model), sess_options=options, providers=["CPUExecutionProvider"])


@dataclass(frozen=True, slots=True)
class Dnsmos:
    """Mean opinions, 1 to 5, as a listening test after P.835 would give."""

    speech: float
    background: float
    overall: float


def dnsmos(heard: Samples, rate_hz: int = RATE_HZ, *, step_s: float = 1.0) -> Dnsmos:
    """DNSMOS P.835 of a file: the mean over windows of 9.01 s, *step_s* apart; what is shorter is repeated."""
    sound = soxr.resample(heard, rate_hz, DNSMOS_RATE_HZ) if rate_hz != DNSMOS_RATE_HZ else heard
    while sound.size < _DNSMOS_SAMPLES:
        sound = np.concatenate((sound, sound))
    starts = range(0, sound.size - _DNSMOS_SAMPLES + 1, round(step_s * DNSMOS_RATE_HZ))
    session = _dnsmos_session()
    name = session.get_inputs()[0].name
    windows = [sound[start : start + _DNSMOS_SAMPLES].astype(np.float32)[np.newaxis] for start in starts]
    raw = [session.run(None, {name: window})[0][0] for window in windows]
    # The model's raw figures are mapped to the scale of the listening test (the polynomials of the published script).
    polynomials = (
        (-0.08397278, 1.22083953, 0.0052439),
        (-0.13166888, 1.60915514, -0.39604546),
        (-0.06766283, 1.11546468, 0.04602535),
    )
    mapped = [[np.polyval(p, one) for p, one in zip(polynomials, each, strict=True)] for each in raw]
    return Dnsmos(*(float(each) for each in np.mean(mapped, axis=0)))
