"""What is no speech is told from speech, in noise too."""

import numpy as np
import pytest

from dsp.speech_presence import speech_traits, why_no_speech
from softphone.app.codec_measure import read_sound, resampled

RATE = 8000
MAN, WOMAN = (read_sound(f"builtin:{name}", RATE) for name in ("man", "woman"))
T = np.arange(6 * RATE) / RATE
RNG = np.random.default_rng(3)


def coloured(size, slope):
    lines = np.fft.rfft(np.random.default_rng(1).standard_normal(size))
    at = np.arange(lines.size)
    at[0] = 1
    noise = np.fft.irfft(lines / at ** (slope / 2), size)
    return noise / noise.std()


def sines(*frequencies, level=0.1):
    return level * sum(np.sin(2 * np.pi * f * T) for f in frequencies)


def dialled(keys="1470258*369#", seconds=0.1):
    """Keys as ITU-T Q.23 and Q.24 have them: as long on as off."""
    rows, columns, layout = (697, 770, 852, 941), (1209, 1336, 1477), "123456789*0#"
    at = np.arange(round(seconds * RATE)) / RATE
    parts = []
    for key in keys * 2:
        row, column = divmod(layout.index(key), 3)
        parts += [
            0.2 * (np.sin(2 * np.pi * rows[row] * at) + np.sin(2 * np.pi * columns[column] * at)),
            np.zeros(at.size),
        ]
    return np.concatenate(parts)


def notes():
    """A tune of sounds with six harmonics, four a second."""
    at = np.arange(RATE // 4) / RATE
    tones = 220 * 2 ** (np.random.default_rng(2).integers(0, 13, 24) / 12)
    return np.concatenate(
        [0.1 * np.exp(-2 * at) * sum(np.sin(2 * np.pi * f * k * at) / k for k in range(1, 7)) for f in tones]
    )


NO_SPEECH = {
    "white noise": 0.05 * RNG.standard_normal(T.size),
    "pink noise": 0.05 * coloured(T.size, 1),
    "brown noise": 0.05 * coloured(T.size, 2),
    "noise in bursts as long as syllables": 0.05 * RNG.standard_normal(T.size) * ((4 * T) % 1 < 0.5),
    "noise that swells and fades": 0.05 * RNG.standard_normal(T.size) * (1 + np.sin(2 * np.pi * 4 * T)),
    "a tone": sines(1000),
    "dial tone": sines(350, 440),
    "busy tone": sines(425) * (T % 1 < 0.5),
    "ringing": sines(440, 480) * (T % 6 < 2),
    "dialling": dialled(),
    "fast dialling": dialled(seconds=0.06),
    "mains hum": 0.1 * sum(np.sin(2 * np.pi * 50 * k * T + k) / k for k in range(1, 12)),
    "a chord with a tremolo": sines(220, 277, 330, 440, 554, level=0.05) * (1 + 0.5 * np.sin(10 * np.pi * T)),
    "a hum with a vibrato": 0.1 * sum(np.sin(2 * np.pi * 220 * k * (T + 0.0008 * np.sin(10 * np.pi * T))) / k for k in range(1, 8)),
    "a siren": 0.1 * np.sin(2 * np.pi * 800 * T - 150 * np.cos(2 * np.pi * T)),
    "a rising whistle": 0.1 * np.sin(2 * np.pi * (300 * T + 200 * T * T)),
    "a tune": notes(),
    "clicks": 0.5 * (RNG.random(T.size) < 0.0005),
    "modem": 0.1 * np.sin(2 * np.pi * np.cumsum(1700 + 400 * np.repeat(RNG.choice([-1, 1], T.size // 8), 8)) / RATE),
    "silence": np.zeros(T.size),
    "the noise of 16 bits": RNG.integers(-1, 2, T.size) / 32768,
    "one sample": np.ones(1),
}  # fmt: skip


def with_noise(sound, snr_db, noise):
    power = np.mean(np.square(sound))
    return (sound + noise[: sound.size] * np.sqrt(power) * 10 ** (-snr_db / 20)).astype(np.float32)


@pytest.mark.parametrize("rate", [8000, 16_000])
@pytest.mark.parametrize("kind", NO_SPEECH)
def test_it_is_refused_with_a_reason(kind, rate):
    sound = resampled(NO_SPEECH[kind].astype(np.float32), RATE, rate)
    assert why_no_speech(np.ascontiguousarray(sound), rate)


@pytest.mark.parametrize(
    "kind", ["a tone", "busy tone", "ringing", "dialling", "mains hum", "a siren", "a tune"]
)
def test_it_is_refused_in_noise_20_db_below_it_too(kind):
    sound = NO_SPEECH[kind]
    assert why_no_speech(with_noise(sound, 20, RNG.standard_normal(sound.size)), RATE)


@pytest.mark.parametrize("slope", [0, 1, 2], ids=["white", "pink", "brown"])
@pytest.mark.parametrize("snr_db", [20, 10, 5, 0])
@pytest.mark.parametrize("speech", [MAN, WOMAN], ids=["man", "woman"])
def test_speech_in_noise_is_speech(speech, snr_db, slope):
    assert why_no_speech(with_noise(speech, snr_db, coloured(speech.size, slope)), RATE) is None


@pytest.mark.parametrize("speech", [MAN, WOMAN], ids=["man", "woman"])
def test_three_seconds_of_speech_are_enough_at_any_gain_and_rate(speech):
    for start in range(0, speech.size - 3 * RATE, RATE):
        piece = speech[start : start + 3 * RATE]
        assert why_no_speech(piece, RATE) is None
        assert why_no_speech((0.001 * piece).astype(np.float32), RATE) is None
        assert why_no_speech(resampled(piece, RATE, 48_000), 48_000) is None


def test_one_number_does_not_depend_on_gain():
    before, after = speech_traits(MAN, RATE), speech_traits((0.01 * MAN).astype(np.float32), RATE)
    assert before.loud_frames == after.loud_frames
    assert before.variety_db == pytest.approx(after.variety_db, abs=1e-3)
    assert before.tonal == pytest.approx(after.tonal, abs=1e-4)
