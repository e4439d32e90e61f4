"""What a VLC decoder does to its parameters: pitch, frequencies, equaliser, noise reduction."""

import numpy as np
import pytest
from support.vlc_speech import vowel

from dsp.codecs.base import CodecSettings
from dsp.codecs.vlc import VlcDecoder, VlcEncoder
from dsp.codecs.vlc.analysis import Analysis
from dsp.codecs.vlc.effects import Effects
from dsp.codecs.vlc.model import NARROW, WIDE, Model, PacketParameters
from dsp.codecs.vlc.synthesis import Synthesis
from dsp.errors import ParameterError
from dsp.types import Samples

both = pytest.mark.parametrize("model", [NARROW, WIDE], ids=["narrow", "wide"])


def flat(model: Model, *, level_db: float = -30.0, voicing: float = 1.0) -> PacketParameters:
    return PacketParameters(
        np.full((16, model.bands), level_db, dtype=np.float32),
        np.full((16, model.voicing_bands), voicing, dtype=np.float32),
        np.full(16, 150.0, dtype=np.float32),
        np.ones(16, dtype=bool),
    )


def heard(effects: Effects | None, parameters: PacketParameters, model: Model) -> Samples:
    """One second of it."""
    synthesis = Synthesis(model)
    if effects is not None:
        parameters, synthesis.offset_hz = effects.apply(parameters), effects.offset_hz
    out = np.zeros(16 * model.frame_samples(), dtype=np.float32)
    parts = []
    for _ in range(10):
        synthesis.synthesize(parameters, out)
        parts.append(out.copy())
    return np.concatenate(parts)[-model.sample_rate_hz :]


def tones(sound: Samples) -> np.ndarray:
    """dB at each Hz."""
    return 20 * np.log10(np.abs(np.fft.rfft(sound * np.hanning(sound.size))) + 1e-9)


@both
@pytest.mark.parametrize("shift_hz", [90.0, -70.0, 400.0])
def test_a_frequency_shift_moves_each_harmonic_by_as_much(model: Model, shift_hz: float) -> None:
    spectrum = tones(heard(Effects(model, frequency_shift_hz=shift_hz), flat(model), model))
    places = np.array([round(150 * k + shift_hz) for k in range(3, 20)])
    assert spectrum[places].min() > spectrum[places + 75].max() + 15


def test_a_shift_takes_the_envelope_along() -> None:
    p = flat(NARROW, level_db=-60.0)
    p.levels_db[:, np.abs(NARROW.band_centres_hz - 1000) < 150] = -20.0
    moved = Effects(NARROW, frequency_shift_hz=600.0).apply(p).levels_db[0]
    assert NARROW.band_centres_hz[moved.argmax()] == pytest.approx(1600.0, abs=150.0)
    assert moved[0] == pytest.approx(-110.0)
    assert p.levels_db.max() == -20.0


@both
def test_another_pitch_leaves_the_envelope_where_it_is(model: Model) -> None:
    p = flat(model)
    changed = Effects(model, pitch_ratio=1.4).apply(p)
    assert np.allclose(changed.levels_db, p.levels_db)
    spectrum = tones(heard(None, changed, model))
    places = 210 * np.arange(2, 15)
    assert spectrum[places].min() > spectrum[places + 105].max() + 15


def test_an_equaliser_gives_its_gain_at_each_frequency() -> None:
    effects = Effects(NARROW, equaliser_db={300.0: -12.0, 1000.0: 0.0, 3000.0: 9.0})
    gain = effects.apply(flat(NARROW)).levels_db[0] + 30.0
    at = lambda hz: float(np.interp(hz, NARROW.band_centres_hz, gain))  # noqa: E731
    assert (at(100), at(300), at(1000), at(3000), at(3800)) == pytest.approx((-12, -12, 0, 9, 9), abs=0.7)
    assert effects.apply_to_noise(np.full(32, -50.0, dtype=np.float32)) == pytest.approx(gain - 50, abs=1e-3)


def test_noise_reduction_drops_the_noise_and_keeps_the_voice() -> None:
    rng = np.random.default_rng(2)
    noise = rng.normal(0, 10 ** (-46 / 20), 3 * 8000).astype(np.float32)
    signal = noise.copy()
    signal[12000:] += vowel(NARROW, 140.0, 1.5)
    analysis, effects = Analysis(NARROW, packet_ms=128), Effects(NARROW, noise_reduction_db=20.0)
    fall = []
    for start in range(0, signal.size - 1023, 1024):
        p = analysis.push(signal[start : start + 1024])
        fall.append(p.levels_db - effects.apply(p).levels_db)
    quiet, voiced = np.concatenate(fall[2:11]), np.concatenate(fall[13:])
    assert quiet.mean() > 14.0  # of the 20 asked for; measured 16.6
    found = analysis.push(signal[-1024:])
    loud = found.levels_db.mean(axis=0) > found.levels_db.max() - 20
    assert voiced[:, loud].mean() < 1.0


def test_a_decoder_takes_effects() -> None:
    settings = CodecSettings(ptime_ms=128, bit_rate_bps=6000)
    signal = vowel(NARROW, 120.0, 2.0)
    encoder = VlcEncoder(NARROW, settings)
    payloads = [encoder.encode(signal[at : at + 1024]) for at in range(0, 15 * 1024, 1024)]
    silence = encoder.encode_silence(np.full(1024, 1e-3, dtype=np.float32))
    out = np.zeros(1280, dtype=np.float32)
    sounds = []
    for effects in (None, Effects(NARROW, pitch_ratio=1.5, equaliser_db={1000.0: -20.0})):
        decoder = VlcDecoder(NARROW, settings, effects=effects)
        parts = [out[: decoder.decode(payload, out)].copy() for payload in payloads]
        decoder.decode(silence, out)
        assert decoder.recover(payloads[0], out[:512])
        sounds.append(np.concatenate(parts)[-8000:])
    plain, changed = (tones(sound) for sound in sounds)
    # f0 is coded in steps of 1.4 %.
    near = lambda spectrum, hertz: float(spectrum[hertz - 6 : hertz + 7].max())  # noqa: E731
    assert min(near(plain, hz) for hz in (360, 600)) > max(near(plain, hz) for hz in (300, 540)) + 10
    assert min(near(changed, hz) for hz in (360, 540)) > max(near(changed, hz) for hz in (270, 450)) + 6
    powers = [10 * np.log10(np.mean(np.square(sound))) for sound in sounds]
    assert powers[0] - powers[1] == pytest.approx(20.0, abs=4.0)  # the gaps between harmonics are filled


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        ({"frequency_shift_hz": 2000.0}, "frequency shift must be -1000 to 1000 Hz, got 2000"),
        ({"pitch_ratio": 3.0}, "pitch ratio must be 0.5 to 2, got 3"),
        ({"noise_reduction_db": -1.0}, "noise reduction must be 0 to 40 dB, got -1"),
        ({"equaliser_db": {5000.0: 0.0}}, "equaliser frequency must be 0 to 4000 Hz, got 5000"),
        ({"equaliser_db": {500.0: float("nan")}}, "equaliser gain must be -40 to 40 dB, got nan"),
    ],
)
def test_what_is_out_of_range_is_refused(wish: dict[str, object], told: str) -> None:
    with pytest.raises(ParameterError, match=told):
        Effects(NARROW, **wish)  # type: ignore[arg-type]
