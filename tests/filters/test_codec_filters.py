"""Codec, telephone line and radio, with the product's own codecs."""

import numpy as np
import pytest
from support.filters import programme, setting

from dsp.codecs import CodecSettings, codecs
from dsp.errors import ParameterError
from dsp.filters import Filter, Resources, Setting, filters
from dsp.params import from_mapping
from dsp.types import Block

RATE_HZ = 48_000


def make(kind: str, channels: int = 1, rate_hz: int = RATE_HZ, **values: object) -> Filter:
    spec = filters.get(kind)
    return spec.build(from_mapping(spec.params, values), setting(rate_hz, channels))


def sine(freq_hz: float, seconds: float, amplitude: float = 0.1, rate_hz: int = RATE_HZ) -> Block:
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    return (amplitude * np.sin(2 * np.pi * freq_hz * t))[np.newaxis].astype(np.float32)


def level_db(sound: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(np.square(sound, dtype=np.float64)) + 1e-20))


def snr_db(clean: np.ndarray, found: np.ndarray) -> float:
    return level_db(clean) - level_db(found - clean)


@pytest.mark.parametrize("name", ["pcma", "pcmu"])
def test_g711_at_its_own_rate_is_the_codec_and_nothing_else(name: str) -> None:
    sound = programme(8000, 1, 1600)
    running = make("codec", rate_hz=8000, name=name)
    out = running.process(sound.copy())[0]
    settings = CodecSettings()
    encoder, decoder = codecs.get(name).make_encoder(settings), codecs.get(name).make_decoder(settings)
    expected = np.zeros(160, dtype=np.float32)
    decoder.decode(encoder.encode(sound[0, :160]), expected)
    assert running.delay_samples == 160
    np.testing.assert_array_equal(out[160:320], expected)


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 44_100, 48_000])
def test_g711_keeps_33_db_of_signal_to_noise_at_any_rate(rate_hz: int) -> None:
    """G.711 codes sines of -6 to -30 dBm0 with 33 dB or more (G.712 figure 11)."""
    sound = sine(1020, 1.0, 0.25, rate_hz)
    running = make("codec", rate_hz=rate_hz, name="pcma")
    out = running.process(sound.copy())[0]
    late = out[rate_hz // 5 :].astype(np.float64)
    t = np.arange(late.size) / rate_hz
    parts = np.stack([np.sin(2 * np.pi * 1020 * t), np.cos(2 * np.pi * 1020 * t)])
    clean = np.linalg.lstsq(parts.T, late, rcond=None)[0] @ parts
    assert level_db(clean) == pytest.approx(level_db(sound), abs=0.1)
    assert snr_db(clean, late) > 33


@pytest.mark.parametrize("bit_rate_bps", [6000, 64_000])
def test_opus_comes_out_as_late_as_it_says(bit_rate_bps: int) -> None:
    rng = np.random.default_rng(1)
    shape = np.repeat(rng.random(60) > 0.5, 1600)
    sound = programme(RATE_HZ, 1, shape.size) * shape.astype(np.float32)
    running = make("codec", name="opus", bit_rate_bps=bit_rate_bps)
    out = running.process(sound.copy())[0]
    spectrum = np.fft.rfft(out, 1 << 18) * np.conj(np.fft.rfft(sound[0], 1 << 18))
    found = int(np.argmax(np.fft.irfft(spectrum)))
    assert found == pytest.approx(running.delay_samples, abs=RATE_HZ // 1000)


def test_losses_are_concealed_and_counted() -> None:
    sound = sine(200, 4.0, 0.25, 8000)
    running = make("codec", rate_hz=8000, name="pcma", loss_pct=10.0)
    out = running.process(sound.copy())[0]
    readings = running.readings()
    assert readings["packets"] == 200
    assert readings["lost_pct"] == pytest.approx(10.0, abs=8.5)  # four standard deviations
    assert readings["lost_pct"] > 0
    powers = out[160:].reshape(-1, 160).astype(np.float64).var(axis=1)
    assert powers.min() > 0.25 * powers.max()
    everything = make("codec", rate_hz=8000, name="pcma", loss_pct=100.0)
    assert not everything.process(sound.copy()).any()


def test_what_a_codec_cannot_do_is_said_in_one_line() -> None:
    with pytest.raises(ParameterError, match=r"^no codec named 'opsu'; known: "):
        make("codec", name="opsu")
    with pytest.raises(ParameterError, match="frame of pcma must be"):
        make("codec", name="pcma", frame_ms=15)
    with pytest.raises(ParameterError, match="bit rate of pcma must be 64000"):
        make("codec", name="pcma", bit_rate_bps=8000)
    spec = filters.get("codec")
    with pytest.raises(ParameterError, match="no codec is at hand"):
        spec.build(spec.params(), Setting(8000, 1, Resources()))


@pytest.mark.parametrize("rate_hz", [16_000, 48_000])
@pytest.mark.parametrize("codec", ["pcma", "none"])
def test_a_telephone_line_has_the_band_of_g712(codec: str, rate_hz: int) -> None:
    """Loss against 1020 Hz: within -0.5 and +1.8 dB from 300 to 3400 Hz, 14 dB at 4 kHz, 25 dB from 4.6 kHz on."""

    def loss_db(freq_hz: float) -> float:
        running = make("phone-line", rate_hz=rate_hz, codec=codec, noise_dbov=-120)
        out = running.process(sine(freq_hz, 0.6, 0.25, rate_hz))
        return level_db(sine(freq_hz, 0.6, 0.25, rate_hz)) - level_db(out[0, rate_hz // 3 :])

    reference = loss_db(1020)
    assert reference == pytest.approx(0.0, abs=0.1)
    for freq_hz in (300, 320, 500, 2000, 3000, 3390):
        assert -0.5 <= loss_db(freq_hz) - reference <= 1.8, freq_hz
    assert loss_db(4000) - reference >= 14
    assert loss_db(4600) - reference >= 25
    assert loss_db(200) - reference >= 20
    assert loss_db(60) - reference >= 40


def test_noise_and_hum_and_level_of_a_line_are_what_was_asked() -> None:
    silence = np.zeros((1, 5 * RATE_HZ), dtype=np.float32)
    for codec in ("none", "pcma"):
        noisy = make("phone-line", codec=codec, noise_dbov=-55).process(silence.copy())
        assert level_db(noisy[:, RATE_HZ:]) == pytest.approx(-55, abs=0.5)
        humming = make("phone-line", codec=codec, noise_dbov=-120, hum_dbov=-45).process(silence.copy())
        assert level_db(humming[:, RATE_HZ:]) == pytest.approx(-45, abs=0.1)
    far = make("phone-line", codec="none", noise_dbov=-120, level_db=-16).process(sine(1020, 1.0))
    assert level_db(far[:, RATE_HZ // 2 :]) == pytest.approx(level_db(sine(1020, 1.0)) - 16, abs=0.1)


def test_a_silent_line_hums_and_hisses_no_more_than_asked() -> None:
    """A-law has no zero: what it sends for silence is taken out by the band limit behind it."""
    out = make("phone-line", noise_dbov=-120).process(np.zeros((1, RATE_HZ), dtype=np.float32))
    assert np.abs(out[0, RATE_HZ // 2 :]).max() < 1e-5


def test_an_analogue_line_loses_no_packets() -> None:
    with pytest.raises(ParameterError, match="loss_pct must be 0 where codec is none"):
        make("phone-line", codec="none", loss_pct=5)
    lossy = make("phone-line", loss_pct=20, noise_dbov=-120)
    lossy.process(sine(300, 2.0))
    assert 5 < lossy.readings()["lost_pct"] < 40


def plain_radio(**values: object) -> Filter:
    return make("radio", **({"noise_dbov": -120.0, "ratio": 1.0, "drive_db": 0.0} | values))


def test_a_radio_is_narrow() -> None:
    def gain_db(freq_hz: float) -> float:
        out = plain_radio().process(sine(freq_hz, 0.5, 0.02))
        return level_db(out[0, RATE_HZ // 4 :]) - level_db(sine(freq_hz, 0.5, 0.02))

    assert gain_db(1000) == pytest.approx(0.0, abs=0.2)
    assert gain_db(300) == pytest.approx(-3.0, abs=0.3)
    assert gain_db(2700) == pytest.approx(-3.0, abs=0.3)
    assert gain_db(100) < -50
    assert gain_db(8000) < -60


def test_a_radio_compresses_by_its_ratio_and_saturates_below_its_ceiling() -> None:
    def out_db(amplitude: float, **values: object) -> float:
        return level_db(plain_radio(**values).process(sine(1000, 1.0, amplitude))[0, RATE_HZ // 2 :])

    assert out_db(0.2, ratio=4.0, drive_db=-20) - out_db(0.05, ratio=4.0, drive_db=-20) == pytest.approx(
        20 * np.log10(4) / 4, abs=0.3
    )
    loud = plain_radio(drive_db=40.0).process(sine(1000, 1.0, 1.0))
    steady = np.abs(loud[0, -RATE_HZ // 2 :]).max()
    assert (
        0.5 < steady < 0.85
    )  # the ceiling of 0.5, times 4 / pi for the fundamental of a square wave, and 4 / 3 pi
    assert np.abs(loud).max() < 1.0


def test_radio_noise_comes_up_in_pauses() -> None:
    silence = np.zeros((1, 3 * RATE_HZ), dtype=np.float32)
    quiet = make("radio", noise_dbov=-50, swell_db=0).process(silence.copy())[0, RATE_HZ:]
    swollen = make("radio", noise_dbov=-50, swell_db=10).process(silence.copy())[0, RATE_HZ:]
    assert level_db(quiet) == pytest.approx(-50 - 0.6, abs=0.8)
    assert level_db(swollen) - level_db(quiet) == pytest.approx(10, abs=0.1)


def test_the_squelch_opens_for_a_voice_and_shuts_with_a_burst_of_noise() -> None:
    sound = np.zeros((1, 4 * RATE_HZ), dtype=np.float32)
    sound[:, RATE_HZ : 2 * RATE_HZ] = sine(1000, 1.0, 0.2)
    radio = make("radio", squelch_dbov=-35, noise_dbov=-55, tail_ms=200, tail_dbov=-25)
    out = radio.process(sound.copy())[0]
    windows = [level_db(each) for each in out.reshape(-1, RATE_HZ // 20)]  # 50 ms
    assert max(windows[2:19]) < -100
    assert min(windows[22:39]) > -28
    loud = [index for index, level in enumerate(windows) if index > 44 and level > -32]
    assert 3 <= len(loud) <= 5
    assert max(windows[-20:]) < -100
    assert radio.readings() == {"open": 0.0}


def test_crackles_are_as_many_as_asked() -> None:
    silence = np.zeros((1, 20 * RATE_HZ), dtype=np.float32)
    out = plain_radio(crackles=20.0, crackle_dbov=-10).process(silence)[0]
    peaks = np.abs(out).reshape(-1, RATE_HZ // 200).max(axis=1)  # 5 ms
    heard = np.count_nonzero(peaks > 0.003)
    assert 250 < heard < 550  # of 400 a fifth is softer, and some ring on into the next window
    assert 0.1 < np.abs(out).max() < 0.6
