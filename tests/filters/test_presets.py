"""Each packaged preset does to real speech what its file says it does, measured."""

import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support.filters import RATES_HZ, setting
from support.preset_bench import Bench
from support.suppression import dnsmos, dnsmos_missing, noisy, si_sdr_db, speech

from dsp.chain import FilterChain
from dsp.filters import CATEGORIES
from dsp.preset import Preset
from softphone.io.presets import preset_files

FILES = {each.name: each for each in preset_files(Path("/nowhere"))}
WANTED = {
    "telephone", "wideband-telephone", "podcast-voice", "hum-removal-50", "hum-removal-60", "noise-light",
    "noise-strong", "voice-clear", "loudness-ebu", "walkie-talkie", "old-radio", "whisper-boost", "night", "no-filter",
}  # fmt: skip
SPEAKERS = ("man", "woman")
RATES = (16_000, 48_000)
Measure = Callable[["Bench"], None]
MEASURES: dict[str, Measure] = {}


def measures(*names: str) -> Callable[[Measure], Measure]:
    """The test of what the presets *names* say they do."""

    def add(measure: Measure) -> Measure:
        MEASURES.update(dict.fromkeys(names, measure))
        return measure

    return add


@functools.cache
def loaded(name: str) -> Preset:
    return FILES[name].load()


@measures("no-filter")
def _nothing(bench: Bench) -> None:
    sound = np.stack([bench.speech("man"), 0.5 * bench.speech("man")])
    np.testing.assert_array_equal(bench.run(sound), sound)


@measures("telephone")
def _telephone(bench: Bench) -> None:
    sound = bench.noise(-20.0)
    out = bench.mono(sound)
    assert bench.gain_db(sound, out, 20, 200) < -30
    assert bench.gain_db(sound, out, 3800, bench.rate_hz / 2) < -30
    assert np.abs(bench.bands_db(sound, out, 500, 2500)).max() < 3.0
    for speaker in SPEAKERS:
        heard = bench.mono(bench.speech(speaker))
        assert bench.gain_db(bench.speech(speaker), heard, 20, 180) < -30
        assert bench.stoi(bench.speech(speaker), heard) >= 0.85


@measures("satellite")
def _satellite(bench: Bench) -> None:
    sound = bench.noise(-20.0)
    out = bench.mono(sound)
    assert bench.gain_db(sound, out, 20, 200) < -25
    assert bench.gain_db(sound, out, 3800, bench.rate_hz / 2) < -25
    burst = bench.noise(-15.0, 3.0)
    said, echo = (slice(round(at * bench.rate_hz), round((at + 0.3) * bench.rate_hz)) for at in (1.0, 1.54))
    burst[: said.start] = burst[said.stop :] = 0.0
    out = bench.mono(burst)
    assert 20 * np.log10(out[echo].std() / out[said].std()) == pytest.approx(-20.0, abs=1.0)
    lag = np.correlate(out[echo], out[said], "full").argmax() - (out[said].size - 1)
    assert abs(lag) <= 1


@measures("walkie-talkie")
def _walkie_talkie(bench: Bench) -> None:
    sound = bench.noise(-20.0)
    out = bench.mono(sound)
    middle = bench.gain_db(sound, out, 800, 2000)
    assert bench.gain_db(sound, out, 20, 200) - middle < -25
    assert bench.gain_db(sound, out, 4000, bench.rate_hz / 2) - middle < -25
    sound, at = bench.loud_and_soft(20.0)
    out = bench.mono(sound)
    assert 0.0 < bench.level_dbov(out[:at]) - bench.level_dbov(out[at:]) <= 12.0


@measures("old-radio")
def _old_radio(bench: Bench) -> None:
    sound = bench.noise(-20.0)
    out = bench.mono(sound)
    middle = bench.gain_db(sound, out, 500, 2000)
    assert bench.gain_db(sound, out, 6000, bench.rate_hz / 2) - middle < -20
    pause = bench.mono(np.zeros(4 * bench.rate_hz, dtype=np.float32))[bench.rate_hz :]
    assert -55.0 < 20 * np.log10(pause.std()) < -38.0
    beyond = bench.power_db(pause, 5000, bench.rate_hz / 2) - bench.power_db(pause, 20, 5000)
    assert beyond < -10.0
    neighbours = bench.power_db(pause, 110, 150) - 10 * np.log10(40 / 4)
    assert bench.power_db(pause, 98, 102) > neighbours + 10, "the hum stands out"


@measures("mobile")
def _mobile(bench: Bench) -> None:
    for speaker in SPEAKERS:
        sound = bench.speech(speaker)
        out = bench.mono(sound)
        assert 0.6 <= bench.stoi(sound, out) <= 0.97
    chain = FilterChain(loaded(bench.name), setting(bench.rate_hz, 1))
    chain.process(np.tile(bench.speech("man"), 20)[np.newaxis].copy())
    assert chain.readings()["codec.lost_pct"] == pytest.approx(3.0, abs=1.5)
    sound = bench.noise(-20.0)
    if bench.rate_hz > 16_000:
        assert bench.gain_db(sound, bench.mono(sound), 9000, bench.rate_hz / 2) < -15.0


@measures("noise-light")
def _noise_light(bench: Bench) -> None:
    for speaker, kind, snr_db in steady_noises(bench.rate_hz):
        given = noisy(speaker, kind, snr_db, bench.rate_hz)
        heard = bench.mono(given.mixed)
        assert si_sdr_db(given.clean, heard) - si_sdr_db(given.clean, given.mixed) >= 2.0
        assert bench.stoi(given.clean, heard) - bench.stoi(given.clean, given.mixed) >= -0.01


@measures("noise-strong")
def _noise_strong(bench: Bench) -> None:
    for speaker, kind, snr_db in steady_noises(bench.rate_hz):
        given = noisy(speaker, kind, snr_db, bench.rate_hz)
        heard = bench.mono(given.mixed)
        assert si_sdr_db(given.clean, heard) - si_sdr_db(given.clean, given.mixed) >= 1.0
        assert bench.stoi(given.clean, heard) - bench.stoi(given.clean, given.mixed) >= -0.01
        pause = slice(-bench.rate_hz // 4, None)
        assert 20 * np.log10(given.mixed[pause].std() / heard[pause].std()) >= 10.0
        if snr_db == 5.0 and kind == "white" and dnsmos_missing() is None:
            assert dnsmos(heard, bench.rate_hz).overall > dnsmos(given.mixed, bench.rate_hz).overall


def steady_noises(rate_hz: int) -> list[tuple[str, str, float]]:
    """Speakers, noises, and how far these lie below the speech; fewer at rates that take longer."""
    mixes = [("man", "pink", 0.0), ("woman", "fan", 5.0), ("man", "white", 10.0)]
    more = [("man", "white", 5.0), ("man", "fan", 0.0), ("woman", "pink", 10.0)]
    return mixes if rate_hz > 16_000 else mixes + more


@measures("de-click")
def _de_click(bench: Bench) -> None:
    for speaker in SPEAKERS if bench.rate_hz == 16_000 else SPEAKERS[:1]:
        clean = bench.speech(speaker)
        np.testing.assert_array_equal(bench.mono(clean), clean)
        rng = np.random.default_rng(1)
        places = np.linspace(bench.rate_hz, clean.size - bench.rate_hz, 25).astype(int) + rng.integers(
            0, 1000, 25
        )
        for shape in ([0.8], [0.8, -0.3, -0.2]):
            clicks = np.zeros_like(clean)
            for at in places:
                clicks[at : at + len(shape)] = np.float32(rng.choice([-1, 1])) * np.array(shape, np.float32)
            left = bench.mono(clean + clicks) - clean
            assert np.abs(left).max() > 0.0
            assert 20 * np.log10(left[clicks != 0].std() / clicks[clicks != 0].std()) <= -20.0
        for ms in (0.3, 1.0):
            n = np.arange(round(ms * bench.rate_hz / 1000))
            clicks = np.zeros_like(clean)
            for at in places:
                ringing = np.cos(2 * np.pi * rng.uniform(0.1, 0.35) * n + rng.uniform(0, 6))
                clicks[at : at + n.size] = 0.8 * np.exp(-3 * n / n.size) * ringing
            left = bench.mono(clean + clicks) - clean
            assert 20 * np.log10(left[clicks != 0].std() / clicks[clicks != 0].std()) <= -18.0


@measures("de-clip")
def _de_clip(bench: Bench) -> None:
    for speaker, below_db, gain_db in (
        ("man", 6.0, 6.0),
        ("woman", 3.0, 6.0),
        ("woman", 6.0, 6.0),
        ("man", 12.0, 3.0),
    ):
        clean = bench.speech(speaker)
        limit = np.float32(np.abs(clean).max() * 10 ** (-below_db / 20))
        cut = np.clip(clean, -limit, limit)
        mended = bench.mono(cut)
        assert si_sdr_db(clean, mended) - si_sdr_db(clean, cut) >= gain_db
    clean = bench.speech("man")
    np.testing.assert_allclose(bench.mono(clean), clean * np.float32(10 ** (-6 / 20)), atol=1e-4)


@measures("wideband-telephone")
def _wideband(bench: Bench) -> None:
    sound = bench.noise()
    out = bench.mono(sound)
    assert bench.gain_db(sound, out, 1, 25) < -30
    assert np.abs(bench.bands_db(sound, out, 100, 6500)).max() < 1.0
    if bench.rate_hz > 16_000:
        assert bench.gain_db(sound, out, 7600, bench.rate_hz / 2) < -30


@measures("podcast-voice")
def _podcast(bench: Bench) -> None:
    for speaker in SPEAKERS:
        lufs, dbtp = bench.loudness(bench.run(bench.speech(speaker)))
        assert abs(lufs + 16.0) < 1.0
        assert dbtp <= -1.0 + 0.05
    sound, at = bench.loud_and_soft(12.0)
    out = bench.mono(sound)
    assert bench.level_dbov(out[:at]) - bench.level_dbov(out[at:]) < 9.0
    rumble = bench.speech("man") + bench.tone(30, 0.05, 8)[: bench.speech("man").size]
    speaker_gain = bench.gain_db(rumble, bench.mono(rumble), 500, 2000)
    assert bench.gain_db(rumble, bench.mono(rumble), 20, 40) - speaker_gain < -20


@measures("hum-removal-50", "hum-removal-60")
def _hum(bench: Bench) -> None:
    mains_hz = float(bench.name.rsplit("-", 1)[1])
    for off_hz in (0.0, 0.2):
        lines_hz = [(mains_hz + off_hz) * number for number in (1, 2, 3)]
        sound = np.tile(bench.speech("man", -40.0), 2)
        hum = sum(bench.tone(freq_hz, 0.1, sound.size / bench.rate_hz) for freq_hz in lines_hz)
        out = bench.mono(sound + hum)
        late = slice(sound.size // 2, None)  # the tracker has found the mains by then
        window = np.blackman(sound.size - sound.size // 2)
        t = np.arange(sound.size)[late] / bench.rate_hz
        for freq_hz in lines_hz:
            wave = np.exp(-2j * np.pi * freq_hz * t)
            left, was = (abs(np.sum(window * each[late] * wave)) for each in (out, hum))
            assert 20 * np.log10(left / was) <= -30.0
    for speaker in SPEAKERS:
        assert bench.stoi(bench.speech(speaker), bench.mono(bench.speech(speaker))) >= 0.99


@measures("voice-clear")
def _clear(bench: Bench) -> None:
    for speaker in SPEAKERS:
        sound = bench.speech(speaker)
        out = bench.run(sound)
        assert bench.gain_db(sound, out[0], 2000, 5000) - bench.gain_db(sound, out[0], 100, 400) > 6.0
        assert bench.loudness(bench.run(sound * np.float32(6)))[1] <= -1.0 + 0.05
    sound = bench.noise()
    assert bench.gain_db(sound, bench.mono(sound), 10, 40) < -20


@measures("loudness-ebu")
def _ebu(bench: Bench) -> None:
    for speaker, gain in (("man", 1.0), ("woman", 0.05), ("woman", 3.0)):
        sound = bench.speech(speaker) * np.float32(gain)
        lufs, dbtp = bench.loudness(bench.run(np.stack([sound, sound])))
        assert abs(lufs + 23.0) < 0.5
        assert dbtp <= -1.0 + 0.05


@measures("broadcast-limit")
def _limited(bench: Bench) -> None:
    for sound in (bench.speech("man") * np.float32(8), bench.tone(997, 3.0), bench.noise(0.0)):
        out = bench.run(sound)
        assert bench.loudness(out)[1] <= -1.0 + 0.05
    soft = bench.speech("man")
    soft = soft * np.float32(10 ** (-8 / 20) / np.abs(soft).max())
    assert np.abs(bench.mono(soft) - soft).max() < 1e-3


@measures("whisper-boost")
def _whisper(bench: Bench) -> None:
    for speaker in SPEAKERS:
        soft, loud = bench.speech(speaker, -50.0), bench.speech(speaker, -20.0)
        assert bench.level_dbov(bench.mono(soft)) + 50.0 >= 20.0
        assert bench.level_dbov(bench.mono(loud)) + 20.0 <= 8.0
        assert bench.loudness(bench.run(loud * np.float32(6)))[1] <= -3.0 + 0.05
        assert bench.stoi(soft, bench.mono(soft)) > 0.9


@measures("night")
def _night(bench: Bench) -> None:
    sound, at = bench.loud_and_soft(30.0)
    out = bench.mono(sound)
    assert bench.level_dbov(out[:at]) - bench.level_dbov(out[at:]) <= 15.0
    assert bench.loudness(bench.run(sound * np.float32(6)))[1] <= -6.0 + 0.05


@measures("de-ess")
def _de_ess(bench: Bench) -> None:
    lines = np.fft.rfft(bench.noise(0.0).astype(np.float64))
    freqs_hz = np.fft.rfftfreq(round(6.0 * bench.rate_hz), 1 / bench.rate_hz)
    hiss = np.fft.irfft(lines * ((freqs_hz > 5000) & (freqs_hz < 7000)), round(6.0 * bench.rate_hz))
    hiss = (0.1 * hiss / hiss.std()).astype(np.float32)
    out = bench.mono(hiss)[bench.rate_hz :]
    assert 20 * np.log10(out.std() / 0.1) <= -6.0
    for speaker in SPEAKERS:
        sound = bench.speech(speaker)
        assert np.abs(bench.bands_db(sound, bench.mono(sound), 100, 2000)).max() < 1.0


@measures("mono")
def _mono(bench: Bench) -> None:
    left, right = bench.speech("man"), bench.noise(-30.0, 7.1)[: bench.speech("man").size]
    both = np.stack([left[: right.size], right])
    out = bench.run(both)
    assert out.shape[0] == 1
    np.testing.assert_allclose(out[0], both.mean(axis=0), atol=1e-5)


@measures("speech-to-text")
def _to_text(bench: Bench) -> None:
    for speaker in SPEAKERS:
        for level_dbov in (-45.0, -15.0):
            sound = np.concatenate([bench.speech(speaker, level_dbov)] * 3)
            out = bench.run(np.stack([sound, sound]))
            assert out.shape[0] == 1
            assert abs(bench.level_dbov(out[0, sound.size // 3 :]) + 23.0) <= 4.0
            assert bench.loudness(out)[1] <= -1.0 + 0.05
    rumble = bench.speech("man") + bench.tone(30, 0.05, 8)[: bench.speech("man").size]
    out = bench.mono(rumble)
    assert bench.gain_db(rumble, out, 20, 40) - bench.gain_db(rumble, out, 500, 2000) < -20


@pytest.mark.parametrize("rate_hz", RATES)
@pytest.mark.parametrize("name", sorted(MEASURES))
def test_a_preset_does_what_it_says(name: str, rate_hz: int, tmp_path: Path) -> None:
    MEASURES[name](Bench(name, rate_hz, tmp_path))


def test_each_preset_is_measured() -> None:
    assert set(FILES) == set(MEASURES)


def test_the_presets_asked_for_are_there() -> None:
    assert set(FILES) >= WANTED


@pytest.mark.parametrize("name", sorted(FILES))
def test_each_preset_says_what_it_is_for_and_what_it_does(name: str) -> None:
    preset = loaded(name)
    for line in (preset.about, preset.expect):
        assert 15 < len(line) < 160
        assert line[0].isupper() or line[0] in "-0123456789"
        assert not line.endswith(".")
    assert any(character.isdigit() for character in preset.expect) or "very same" in preset.expect
    assert name == name.lower()
    assert all(each.spec.category in CATEGORIES for each in preset.slots)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("name", sorted(FILES))
def test_each_preset_runs_at_any_rate_in_mono_and_stereo(name: str, rate_hz: int, channels: int) -> None:
    chain = FilterChain(loaded(name), setting(rate_hz, channels))
    sound = speech("man", rate_hz)[: 3 * rate_hz // 2]
    out = chain.process(np.tile(sound, (channels, 1)))
    assert out.shape == (chain.channels_out, sound.size)
    assert np.isfinite(out).all()
    assert np.abs(out[:, -rate_hz:]).max() > 1e-3, "speech comes out"
    assert chain.delay_samples < 0.2 * rate_hz
