"""Faults of a line, made in real speech, and what a check says of them."""

from collections.abc import Sequence

import numpy as np
import soundfile
import soxr

from dsp.alignment.base import Alignment, DelayChange, Missing, Span, Stretch
from dsp.checks import Evidence, Finding, checks
from dsp.checks.features import features_of
from dsp.codecs import CodecSettings
from dsp.track import ArrayTrack
from dsp.types import Samples
from softphone.io.codec_path import CodecPath
from softphone.io.libraries import codecs
from softphone.io.speech import builtin_names, speech_path

SPEAKERS = builtin_names()
CODECS = ("pcmu", "pcma", "g722", "opus", "codec2", "vlc")


def speech(name: str, rate_hz: int = 16_000) -> Samples:
    """The bundled speaker *name*, on the grid of 16 bits."""
    samples, own_hz = soundfile.read(speech_path(f"builtin:{name}"), dtype="float32")
    return rounded(samples if own_hz == rate_hz else soxr.resample(samples, own_hz, rate_hz))


def rounded(samples: Samples) -> Samples:
    """As a file of 16 bits holds it."""
    return (np.rint(np.clip(samples, -1.0, 32767 / 32768) * 32768) / 32768).astype(np.float32)


def heard_through(codec: str, samples: Samples, rate_hz: int = 16_000) -> tuple[Samples, int]:
    """*samples* through a codec without a loss, and the rate they come out at, delay included."""
    spec = codecs().get(codec)
    frame_ms = 20 if 20 in spec.ptimes_ms else spec.ptimes_ms[0]
    path = CodecPath(spec, CodecSettings(bit_rate_bps=16_000 if codec == "opus" else None, ptime_ms=frame_ms))
    own = samples if rate_hz == path.sample_rate_hz else soxr.resample(samples, rate_hz, path.sample_rate_hz)
    padded = np.concatenate((own, np.zeros(-own.size % path.frame_samples + 4 * path.frame_samples))).astype(
        np.float32
    )
    frames = padded.reshape(-1, path.frame_samples)
    return rounded(
        np.concatenate([path.transmit(frame, lost=False).copy() for frame in frames])
    ), path.sample_rate_hz


def track(samples: Samples, rate_hz: int) -> ArrayTrack:
    """*samples*, of whatever type, as checks take them."""
    return ArrayTrack(np.ascontiguousarray(samples, dtype=np.float32), rate_hz)


def alignment(
    rate_hz: int,
    stretches: Sequence[tuple[int, int, float]],
    *,
    missing: Sequence[tuple[int, int]] = (),
    changes: Sequence[tuple[int, float, bool]] = (),
    polarity: int = 1,
    skew_ppm: float = 0.0,
    waveform_kept: bool = True,
    copies: int = 1,
) -> Alignment:
    """An alignment whose stretches are (start, stop, offset), and in whose missing parts somebody speaks all the time."""
    return Alignment(
        rate_hz, polarity, skew_ppm, waveform_kept, copies,
        tuple(Stretch(start, stop, offset, skew_ppm * 1e-6, 1.0, 0, True) for start, stop, offset in stretches),
        tuple(DelayChange(*change) for change in changes),
        tuple(Missing(Span(start, stop), 0, stop - start) for start, stop in missing),
        (), 1.0,
    )  # fmt: skip


def check(
    name: str,
    degraded: Samples,
    rate_hz: int,
    *,
    reference: Samples | None = None,
    aligned: Alignment | None = None,
    far: Samples | None = None,
    unrelated: bool = False,
) -> Finding:
    """What the check *name* finds in *degraded*."""
    heard = track(degraded, rate_hz)
    said = None if reference is None else track(reference, rate_hz)
    evidence = Evidence(
        degraded=heard,
        heard=features_of(heard),
        reference=said,
        said=None if said is None else features_of(said),
        alignment=aligned,
        unrelated=unrelated,
        far=None if far is None else track(far, rate_hz),
    )
    found = checks.get(name).run(evidence)
    assert set(found.figures) == set(checks.get(name).figures)
    assert set(found.words) <= {verdict.word for verdict in checks.get(name).verdicts}
    return found


def identity(samples: Samples, rate_hz: int) -> Alignment:
    """Everything is heard where it was said."""
    return alignment(rate_hz, [(0, samples.size, 0.0)])
