"""Echo cancellation on a made room with real speech; skipped with a reason where the package is not installed."""

import itertools
import sys

import numpy as np
import pytest
from support.filters import setting
from support.suppression import speech

from dsp.errors import LibraryMissing
from dsp.filters import Filter, filters
from dsp.metrics.stoi import measure as stoi
from dsp.params import from_mapping
from dsp.types import Samples


def make(rate_hz: int, values: dict[str, object] | None = None, channels: int = 1) -> Filter:
    spec = filters.get("echo-canceller")
    params = from_mapping(spec.params, values or {})
    try:
        return spec.build(params, setting(rate_hz, channels))
    except LibraryMissing as error:
        pytest.skip(str(error))


def echo_of(far: Samples, rate_hz: int) -> Samples:
    """The loudspeaker in a small room: 40 ms away, 150 ms of decay, 6 dB softer."""
    count = round(0.15 * rate_hz)
    rng = np.random.default_rng(5)
    tail = rng.standard_normal(count) * np.exp(-np.arange(count) / (0.025 * rate_hz))
    response = np.concatenate((np.zeros(round(0.04 * rate_hz)), tail / np.sqrt(np.sum(tail**2))))
    size = far.size + response.size
    echo = np.fft.irfft(np.fft.rfft(far, size) * np.fft.rfft(response, size), size)[: far.size]
    return (0.5 * echo).astype(np.float32)


def run(running: Filter, near: Samples, far: Samples, block: int = 160) -> Samples:
    found = []
    for start in range(0, near.size, block):
        running.hear_far(far[start : start + block])
        found.append(running.process(near[np.newaxis, start : start + block].copy())[0].copy())
    return np.concatenate(found)


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 44_100, 48_000])
def test_echo_is_twenty_decibels_softer_once_the_room_is_known(rate_hz: int) -> None:
    """Echo return loss enhancement (ITU-T G.168 has 20 dB as what a canceller must give after 10 s without noise)."""
    running = make(rate_hz)
    far = np.tile(speech("woman", rate_hz), 2)[: 10 * rate_hz]
    echo = echo_of(far, rate_hz)
    out = run(running, echo, far, rate_hz // 100)
    late = slice(5 * rate_hz, None)
    erle_db = 10 * np.log10(np.mean(echo[late] ** 2) / np.mean(out[late] ** 2))
    assert erle_db > 20.0


def test_the_near_speaker_stays_clear_while_the_far_one_is_silent_and_is_heard_while_both_speak() -> None:
    rate_hz = 16_000
    far = np.tile(speech("woman"), 2)
    far[9 * rate_hz :] = 0.0
    near = np.zeros(far.size, dtype=np.float32)
    said = speech("man")[: 5 * rate_hz]
    near[10 * rate_hz : 10 * rate_hz + said.size] = said
    running = make(rate_hz)
    out = run(running, near + echo_of(far, rate_hz), far)
    start = 10 * rate_hz + running.delay_samples
    assert stoi(said, out[start : start + said.size], rate_hz) > 0.95
    # Both at once, the echo 6 dB below what is played: measured 0.70, with 35 dB less echo.
    both = np.tile(speech("woman"), 2)
    heard = run(make(rate_hz), near + echo_of(both, rate_hz), both)
    assert stoi(said, heard[start : start + said.size], rate_hz) > 0.55


@pytest.mark.parametrize("rate_hz", [16_000, 44_100])
def test_any_cuts_give_the_same_sound(rate_hz: int) -> None:
    far = speech("woman", rate_hz)[:rate_hz]
    near = echo_of(far, rate_hz)
    whole = run(make(rate_hz), near, far, near.size)
    running = make(rate_hz)
    for _ in range(2):
        found = []
        for a, b in itertools.pairwise([0, 1, 100, 101, 7000, near.size]):
            running.hear_far(far[a:b])
            found.append(running.process(near[np.newaxis, a:b].copy())[0].copy())
        np.testing.assert_allclose(np.concatenate(found), whole, atol=1e-5)
        running.reset()


def test_noise_is_taken_away_too_if_wanted() -> None:
    rate_hz = 16_000
    hiss = (0.01 * np.random.default_rng(1).standard_normal(3 * rate_hz)).astype(np.float32)
    silence = np.zeros(hiss.size, dtype=np.float32)
    plain = run(make(rate_hz), hiss, silence)
    less = run(make(rate_hz, {"suppress_noise": True}), hiss, silence)
    assert 20 * np.log10(plain[rate_hz:].std() / less[rate_hz:].std()) > 6.0


def test_without_the_package_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pywebrtc_audio", None)
    spec = filters.get("echo-canceller")
    with pytest.raises(LibraryMissing, match=r'pip install "softphone\[webrtc\]"') as caught:
        spec.build(spec.params(), setting(16_000, 1))
    assert "\n" not in str(caught.value)
