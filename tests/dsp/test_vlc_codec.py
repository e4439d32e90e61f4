"""VLC as a codec: rates, packets, losses, pauses, and sounds that are no speech."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.vlc_speech import speech, vowel

from dsp.codecs import CodecSettings, CodecSpec, codecs
from dsp.codecs.base import Mirrorable, SilenceCoder
from dsp.codecs.vlc import VlcDecoder
from dsp.codecs.vlc.model import NARROW, PACKETS_MS, WIDE
from dsp.codecs.vlc.packet import is_silence
from dsp.errors import BitstreamError, ParameterError
from dsp.types import Samples

SPECS = [codecs.get("vlc"), codecs.get("vlc-wb")]
MODELS = {"vlc": NARROW, "vlc-wb": WIDE}
both = pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)


def asking(**wishes: object) -> CodecSettings:
    return CodecSettings(**{"ptime_ms": 128, **wishes})  # type: ignore[arg-type]


def encoded(spec: CodecSpec, asked: CodecSettings, signal: Samples) -> list[bytes]:
    encoder = spec.make_encoder(asked)
    size = spec.sample_rate_hz(asked) * asked.ptime_ms // 1000
    return [encoder.encode(signal[at : at + size]) for at in range(0, signal.size - size + 1, size)]


def decoded(
    spec: CodecSpec,
    asked: CodecSettings,
    payloads: list[bytes],
    lost: set[int] | None = None,
    *,
    bridge: bool = True,
) -> Samples:
    """What is heard when the packets *lost* are missing."""
    decoder = spec.make_decoder(asked)
    out = np.zeros((len(payloads), spec.sample_rate_hz(asked) * asked.ptime_ms // 1000), dtype=np.float32)
    for number, payload in enumerate(payloads):
        if lost and number in lost:
            following = (
                payloads[number + 1] if number + 1 < len(payloads) and number + 1 not in lost else None
            )
            if not (bridge and following and decoder.recover(following, out[number])):
                decoder.conceal(out[number])
        elif payload:
            assert decoder.decode(payload, out[number]) == out.shape[1]
        else:
            decoder.conceal(out[number])
    return out.ravel()


def level_db(signal: Samples) -> float:
    return float(10 * np.log10(np.mean(np.square(signal, dtype=np.float64)) + 1e-20))


def distance_db(one: Samples, other: Samples, rate: int) -> float:
    """Root mean square difference of short-time band levels, down to 30 dB below the loudest."""
    size = rate // 50
    edges = np.geomspace(150, 0.45 * rate, 17) * size / rate

    def bands(signal: Samples) -> np.ndarray:
        frames = signal[: signal.size // size * size].reshape(-1, size) * np.hanning(size)
        power = np.abs(np.fft.rfft(frames)) ** 2
        cells = [power[:, int(a) : max(int(a) + 1, int(b))].sum(axis=1) for a, b in itertools.pairwise(edges)]
        return 10 * np.log10(np.stack(cells, axis=1) + 1e-12)

    a, b = bands(one), bands(other)
    least = a.max() - 30
    return float(np.sqrt(np.mean((np.maximum(a, least) - np.maximum(b, least)) ** 2)))


@both
@pytest.mark.parametrize("packet_ms", PACKETS_MS)
@pytest.mark.parametrize("complexity", [0, 5])
def test_speech_comes_through_with_the_delay_that_is_stated(
    spec: CodecSpec, packet_ms: int, complexity: int
) -> None:
    asked = asking(ptime_ms=packet_ms, complexity=complexity, bit_rate_bps=spec.bit_rates_bps[2])
    rate = spec.sample_rate_hz(asked)
    signal = speech(MODELS[spec.name], 3.0)
    heard = decoded(spec, asked, encoded(spec, asked, signal))
    delay = spec.delay_samples(asked)
    # By its envelope, as no waveform is kept: that of 24 ms, each 2 ms.
    step, wide = rate // 500, np.ones(rate * 24 // 1000) * 1000 / (24 * rate)
    sent, got = (np.sqrt(np.convolve(np.square(x), wide, "same"))[::step] for x in (signal, heard))
    alike = [float(np.corrcoef(sent[: got.size - k][:1300], got[k:][:1300])[0, 1]) for k in range(30)]
    assert abs(int(np.argmax(alike)) * step - delay) <= 2 * step
    assert max(alike) > 0.9
    near = distance_db(signal[: heard.size - delay], heard[delay:], rate)
    assert near < 5.5  # dB; measured 3.0 to 4.6


@both
def test_the_profiles_read_each_others_packets(spec: CodecSpec) -> None:
    signal = speech(MODELS[spec.name], 2.0)
    full, low = asking(), asking(complexity=3)
    for sender, receiver in ((full, low), (low, full), (full, asking(decoder_complexity=0))):
        heard = decoded(spec, receiver, encoded(spec, sender, signal))
        delay = spec.delay_samples(receiver)
        assert distance_db(signal[: heard.size - delay], heard[delay:], spec.sample_rate_hz(full)) < 7.0


@both
def test_the_rate_asked_for_is_met_on_average(spec: CodecSpec) -> None:
    signal = speech(MODELS[spec.name], 12.0)
    for rate in spec.bit_rates_bps:
        payloads = encoded(spec, asking(bit_rate_bps=rate), signal)
        got = sum(map(len, payloads)) * 8 / (len(payloads) * 0.128)
        assert 0.8 * rate < got < 1.12 * rate


@both
@pytest.mark.parametrize("gain_db", [-24.0, -12.0, 0.0, 20.0])
def test_level_changes_nothing_but_the_level(spec: CodecSpec, gain_db: float) -> None:
    signal = speech(MODELS[spec.name], 2.5)
    asked = asking()
    delay = spec.delay_samples(asked)
    changed = np.clip(signal * np.float32(10 ** (gain_db / 20)), -1, 1)
    heard = decoded(spec, asked, encoded(spec, asked, changed))
    assert level_db(heard) - level_db(changed[: heard.size]) == pytest.approx(0.0, abs=1.5)
    assert distance_db(changed[: heard.size - delay], heard[delay:], spec.sample_rate_hz(asked)) < 6.5


@both
@pytest.mark.parametrize("lost_pct", [1, 5, 20])
def test_losses_cost_no_more_than_what_is_lost(spec: CodecSpec, lost_pct: int) -> None:
    asked = asking(ptime_ms=64)
    signal = speech(MODELS[spec.name], 6.4)
    payloads = encoded(spec, asked, signal)
    rng = np.random.default_rng(lost_pct)
    lost = set(np.flatnonzero(rng.random(len(payloads)) < lost_pct / 100))
    lost |= {20} if lost_pct == 1 else {40, 41, 42}
    heard, whole = decoded(spec, asked, payloads, lost), decoded(spec, asked, payloads)
    assert np.all(np.isfinite(heard))
    assert level_db(heard) == pytest.approx(level_db(whole), abs=1.0)
    assert distance_db(whole, heard, spec.sample_rate_hz(asked)) < 3 + 14 * np.sqrt(len(lost) / len(payloads))


@both
def test_a_bridge_is_nearer_than_concealment_that_knows_nothing_of_what_comes(spec: CodecSpec) -> None:
    asked = asking(ptime_ms=64)
    payloads = encoded(spec, asked, speech(MODELS[spec.name], 6.4))
    whole, lost = decoded(spec, asked, payloads), set(range(5, 95, 6))
    rate = spec.sample_rate_hz(asked)
    bridged, concealed = (
        distance_db(whole, decoded(spec, asked, payloads, lost, bridge=b), rate) for b in (True, False)
    )
    assert bridged < concealed - 0.3


@both
def test_dtx_sends_a_descriptor_now_and_then_and_comfort_noise_is_heard(spec: CodecSpec) -> None:
    rate = spec.sample_rate_hz(asking())
    rng = np.random.default_rng(4)
    signal = rng.normal(0, 10 ** (-55 / 20), 9 * rate).astype(np.float32)
    signal[rate : 3 * rate] += speech(MODELS[spec.name], 2.0)
    payloads = encoded(spec, asking(dtx=True), signal)
    pause = payloads[30:]
    descriptors = [payload for payload in pause if payload]
    assert all(is_silence(payload) for payload in descriptors)
    assert 0.15 < len(descriptors) / len(pause) < 0.35  # one in half a second: each fourth packet
    assert sum(bool(payload) and not is_silence(payload) for payload in payloads[8:23]) == 15
    heard = decoded(spec, asking(), payloads)
    assert level_db(heard[5 * rate :]) == pytest.approx(-55.0, abs=2.5)
    assert all(encoded(spec, asking(), signal))


@both
def test_what_a_pause_saves_is_not_spent_after_it(spec: CodecSpec) -> None:
    rate = spec.sample_rate_hz(asking())
    signal = np.random.default_rng(4).normal(0, 10 ** (-65 / 20), 12 * rate).astype(np.float32)
    for second in (1, 9):
        signal[second * rate : (second + 2) * rate] += speech(MODELS[spec.name], 2.0)
    sizes = [len(payload) for payload in encoded(spec, asking(dtx=True), signal)]
    first, second = (sum(sizes[at * 1000 // 128 : (at + 2) * 1000 // 128]) for at in (1, 9))
    assert sum(sizes[4000 // 128 : 8500 // 128]) < 0.15 * second
    assert second < 1.25 * first


@both
def test_noise_music_and_tones_come_through_at_their_level(spec: CodecSpec) -> None:
    asked = asking(bit_rate_bps=spec.bit_rates_bps[2])
    rate = spec.sample_rate_hz(asked)
    t = np.arange(2 * rate) / rate
    noise = np.random.default_rng(1).normal(0, 0.1, t.size)
    chord = sum(0.05 * np.sin(2 * np.pi * f * t) for f in (220.0, 277.2, 329.6, 440.0))
    for sound in (noise, chord, 0.5 * np.sin(2 * np.pi * 1000 * t), np.sign(np.sin(2 * np.pi * 180 * t))):
        sent = sound.astype(np.float32)
        heard = decoded(spec, asked, encoded(spec, asked, sent))
        assert np.all(np.isfinite(heard))
        assert level_db(heard[rate // 2 :]) == pytest.approx(level_db(sent), abs=2.5)


@both
def test_silence_stays_silent_and_begins_without_a_click(spec: CodecSpec) -> None:
    asked = asking(dtx=True)
    rate = spec.sample_rate_hz(asked)
    heard = decoded(spec, asked, encoded(spec, asked, np.zeros(4 * rate, dtype=np.float32)))
    assert np.abs(heard).max() < 1e-4
    late = np.concatenate((speech(MODELS[spec.name], 1.5), np.zeros(4 * rate, dtype=np.float32)))
    heard = decoded(spec, asking(), encoded(spec, asking(), late))
    assert level_db(heard[-rate:]) < -75


@both
def test_a_decoder_takes_packets_of_every_length_whatever_was_agreed(spec: CodecSpec) -> None:
    decoder = spec.make_decoder(asking())
    rate = spec.sample_rate_hz(asking())
    out = np.zeros(rate * 160 // 1000, dtype=np.float32)
    for packet_ms in PACKETS_MS:
        asked = asking(ptime_ms=packet_ms)
        (payload,) = encoded(spec, asked, vowel(MODELS[spec.name], 120.0, packet_ms / 1000))
        assert decoder.decode(payload, out) == rate * packet_ms // 1000
        with pytest.raises(ParameterError, match="out must hold"):
            decoder.decode(payload, out[: rate * packet_ms // 1000 - 1])


@both
@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=80), max_size=6))
def test_any_packets_in_a_row_give_finite_sound_or_the_one_error(
    spec: CodecSpec, payloads: list[bytes]
) -> None:
    decoder = spec.make_decoder(asking(complexity=0))
    out = np.zeros(spec.sample_rate_hz(asking()) * 160 // 1000, dtype=np.float32)
    for payload in payloads:
        try:
            count = decoder.decode(payload, out)
        except BitstreamError:
            decoder.conceal(out[:100])
            count = 100
        assert np.all(np.isfinite(out[:count]))


@both
def test_a_mirror_goes_back_to_where_it_was(spec: CodecSpec) -> None:
    payloads = encoded(spec, asking(), speech(MODELS[spec.name], 1.5))
    decoder = spec.make_decoder(asking())
    assert isinstance(decoder, Mirrorable)
    assert isinstance(spec.make_encoder(asking()), SilenceCoder)
    out = np.zeros((2, spec.sample_rate_hz(asking()) * 128 // 1000), dtype=np.float32)
    for payload in payloads[:5]:
        decoder.decode(payload, out[0])
    state = decoder.snapshot()
    decoder.decode(payloads[5], out[0])
    decoder.conceal(out[1])
    decoder.restore(state)
    decoder.decode(payloads[5], out[1])
    assert np.array_equal(out[0], out[1])
    with pytest.raises(TypeError, match="wanted what snapshot returned, got int"):
        decoder.restore(3)


def test_what_a_codec_cannot_do_is_refused_in_one_line() -> None:
    vlc, wide = SPECS
    with pytest.raises(ParameterError, match="vlc bit rate must be 1200 to 6000, got 700"):
        vlc.make_encoder(asking(bit_rate_bps=700))
    with pytest.raises(ParameterError, match="vlc-wb bit rate must be 3800 to 8000, got 2400"):
        wide.make_decoder(asking(bit_rate_bps=2400))
    with pytest.raises(
        ParameterError, match="vlc packet interval must be one of 64, 96, 128, 144 ms, got 20"
    ):
        vlc.make_encoder(CodecSettings())
    with pytest.raises(ParameterError, match=r"must be 1024 samples, got \(1023,\)"):
        vlc.make_encoder(asking()).encode(np.zeros(1023, dtype=np.float32))


def test_fmtp_says_what_we_want_and_the_peers_binds_us() -> None:
    vlc, wide = SPECS
    assert vlc.fmtp(asking()) == "v=1;bitrate=2400;packet=128"
    assert wide.fmtp(asking(ptime_ms=64, bit_rate_bps=8000)) == "v=1;bitrate=8000;packet=64"
    less = vlc.apply_fmtp(asking(bit_rate_bps=3800), {"v": "1", "bitrate": "1600", "packet": "100"})
    assert (less.bit_rate_bps, less.ptime_ms) == (1600, 96)
    more = vlc.apply_fmtp(asking(bit_rate_bps=3800), {"bitrate": "9000", "packet": "144"})
    assert (more.bit_rate_bps, more.ptime_ms) == (3800, 128)
    least = vlc.apply_fmtp(asking(), {"bitrate": "5", "packet": "1"})
    assert (least.bit_rate_bps, least.ptime_ms) == (1200, 64)
    unread = asking(bit_rate_bps=3800)
    assert vlc.apply_fmtp(unread, {"bitrate": "-1", "packet": "x", "other": ""}) == unread


def test_pieces_of_the_signal_are_packets_whatever_came_before() -> None:
    """What a packet says depends on the sound around it and on the loudness of late, on nothing older."""
    signal = speech(NARROW, 4.0)
    asked = asking(bit_rate_bps=6000)
    spec = SPECS[0]
    whole = decoded(spec, asked, encoded(spec, asked, signal))
    part = decoded(spec, asked, encoded(spec, asked, signal[10 * 1024 :]))
    overlap = whole[10 * 1024 :][: part.size]
    assert distance_db(overlap[2048:], part[2048:], 8000) < 3.0


def test_another_models_decoder_reads_the_length_alike() -> None:
    payload = encoded(SPECS[0], asking(ptime_ms=96), vowel(NARROW, 100.0, 0.096))[0]
    assert SPECS[0].payload_samples(payload, 8000) == 768
    out = np.zeros(2560, dtype=np.float32)
    assert VlcDecoder(WIDE, asking()).decode(payload, out) == 1536
    assert np.all(np.isfinite(out))
