"""What goes between a device and a codec: filters on both sides, and the mute switch."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from support.dynamics import tone
from support.suppression import speech
from support.tone_trace import far_from_tone_db

from dsp.chain import FilterChain
from dsp.codecs import CodecSettings, codecs
from dsp.filters import Setting
from dsp.preset import Preset
from softphone.media.filter_stage import FarSound, FilterStage
from softphone.media.mute import Mute
from softphone.media.paths import ReceivePath, TransmitPath
from softphone.rtp.jitter import Play

RATE = 16_000
PCMU = codecs.get("pcmu")
CLICK_DB = -85.0
"""No change in a call may leave more than this far from a tone; the same bound as that of changes of filters."""


class Session:
    """Takes what is sent, and gives what is to be played."""

    dtmf_pending = False
    playout_clock_rate_hz = 8000

    def __init__(self, payloads=()):
        self.sent, self.waiting = [], list(payloads)

    def send(self, payload, *, payload_type, ticks, now):
        self.sent.append(payload)

    def pop(self, *, now):
        return Play(_packet(self.waiting.pop(0)), ticks=160, surplus_ticks=0)

    def keep_next_at_hand(self, on):
        pass


def _packet(payload):
    from softphone.rtp.packet import RtpPacket

    return RtpPacket(0, 1, 1, 1, payload)


def gain(gain_db, **more):
    entry = {"type": "gain", "gain_db": gain_db, **more}
    return Preset.parse({"filter": [entry]}, "softer")


def decoded(payloads):
    decoder, out = PCMU.make_decoder(CodecSettings()), np.zeros(960, dtype=np.float32)
    return np.concatenate([out[: decoder.decode(each, out)].copy() for each in payloads])


def blocks(sound, size):
    return [block.copy() for block in sound[: sound.size // size * size].reshape(-1, size)]


def muted(sound, cuts, switched):
    """*sound* in pieces, the switch turned before those of *switched*."""
    mute, out = Mute(RATE), []
    for number, piece in enumerate(np.split(sound, np.cumsum(cuts))):
        if number in switched:
            mute.on = not mute.on
        piece = piece.copy()
        mute.process(piece)
        out.append(piece)
    return np.concatenate(out)


def test_muted_is_silence_after_10_ms_and_back_after_10_ms():
    sound = np.ones(RATE, dtype=np.float32)
    out = muted(sound, [4000, 4000], {1, 2})
    assert np.all(out[:4000] == 1)
    fade = out[4000:4160]
    assert np.all(np.diff(fade) < 0)
    assert np.all(out[4160:8000] == 0)
    assert np.all(np.diff(out[8000:8161]) > 0)
    assert np.all(out[8161:] == 1)


@pytest.mark.parametrize("seed", range(5))
def test_the_pieces_of_a_muted_sound_equal_the_whole(seed):
    rng = np.random.default_rng(seed)
    sound = rng.standard_normal(RATE).astype(np.float32)
    whole = muted(sound, [3000, 50, 6000], {1, 2, 3})
    pieces, cuts, switched, at = [], [], set(), 0
    for length, turn in ((3000, False), (50, True), (6000, True), (RATE - 9050, True)):
        if turn:
            switched.add(len(cuts))
        while length > 0:
            cut = min(length, int(rng.integers(1, 400)))
            cuts.append(cut)
            length -= cut
            at += cut
    pieces = muted(sound, cuts[:-1], switched)
    assert np.array_equal(pieces, whole)


@pytest.mark.parametrize("size", [160, 320, 960])
def test_the_switch_makes_no_click(size):
    sound = tone(1000.0, -6.0, 1.0, RATE, phase=1.0)
    whole = len(blocks(sound, size))
    out = muted(sound[: whole * size], [size] * (whole - 1), {whole // 3, 2 * whole // 3})
    assert far_from_tone_db(out[np.newaxis], RATE) < CLICK_DB


def test_muted_blocks_are_sent_and_the_taps_see_what_is_sent():
    session = Session()
    path = TransmitPath(PCMU, CodecSettings(), session, payload_type=0)
    seen = []
    path.taps.append(lambda block: seen.append(block.copy()))
    assert not path.muted
    for number, block in enumerate(blocks(tone(440.0, -6.0, 0.2, 8000), 160)):
        path.mute(2 <= number < 6)
        assert path.muted == (2 <= number < 6)
        path.send(block, now=0.0)
    heard = decoded(session.sent)
    assert len(session.sent) == 10, "packets go on, so that the peer misses nothing"
    assert np.allclose(heard, np.concatenate(seen), atol=0.02)
    levels = np.abs(heard.reshape(-1, 160)).max(axis=1)
    assert np.all(levels[3:6] < 1e-4)
    assert np.all(levels[7:] > 0.4)
    assert path._mute is None, "a switch that is off costs nothing"


def test_what_is_captured_goes_through_the_filters_before_taps_and_encoder():
    session = Session()
    path = TransmitPath(PCMU, CodecSettings(), session, payload_type=0)
    stage = path.stage = FilterStage(FilterChain(gain(-20), Setting(8000)))
    before, after, taps = [], [], []
    stage.before.append(lambda block: before.append(block.copy()))
    stage.after.append(lambda block: after.append(block.copy()))
    path.taps.append(lambda block: taps.append(block.copy()))
    sound = tone(440.0, -6.0, 0.2, 8000)
    for block in blocks(sound, 160):
        path.send(block, now=0.0)
    assert before[0].shape == (1, 160)
    assert np.array_equal(np.concatenate(before, axis=1)[0], sound)
    assert np.allclose(np.concatenate(taps), 0.1 * sound, atol=1e-6)
    assert np.array_equal(np.concatenate(after, axis=1)[0], np.concatenate(taps))
    assert np.allclose(decoded(session.sent), 0.1 * sound, atol=0.005)


def test_what_is_heard_goes_through_the_filters_before_taps_and_device():
    sound = tone(440.0, -6.0, 0.2, 8000)
    encoder = PCMU.make_encoder(CodecSettings())
    session = Session([encoder.encode(block) for block in blocks(sound, 160)])
    path = ReceivePath(session, {0: (PCMU, CodecSettings())}, sample_rate_hz=8000)
    path.stage = FilterStage(FilterChain(gain(-20), Setting(8000)))
    taps, out = [], np.zeros(160, dtype=np.float32)
    path.taps.append(lambda block: taps.append(block.copy()))
    for number in range(10):
        path.play(out, now=0.0)
        assert np.array_equal(taps[-1], out)
        assert np.allclose(out, 0.1 * sound[160 * number : 160 * number + 160], atol=0.003)


def test_a_call_without_filters_and_not_muted_runs_no_code_of_either():
    session = Session()
    path = TransmitPath(PCMU, CodecSettings(), session, payload_type=0)
    block, files = np.zeros(160, dtype=np.float32), set()
    path.send(block, now=0.0)
    sys.setprofile(lambda frame, event, _: files.add(Path(frame.f_code.co_filename).name))
    path.send(block, now=0.0)
    sys.setprofile(None)
    assert "g711.py" in files
    assert not files & {"filter_stage.py", "mute.py", "chain.py"}


def test_a_stage_that_holds_no_filters_touches_no_sound_until_one_comes_or_somebody_looks(monkeypatch):
    chain = FilterChain(Preset("none", ""), Setting(RATE))
    far, ran = FarSound(RATE), []
    stage = FilterStage(chain, far=far)
    process = chain.process
    monkeypatch.setattr(chain, "process", lambda block, far: ran.append(far) or process(block, far))
    block = np.full(320, 0.5, dtype=np.float32)
    far.played(block)
    stage.process(block)
    assert (ran, far.is_wanted, stage.samples) == ([], False, 320)
    stage.before.append(lambda view: None)
    stage.process(block)
    assert ran == [None], "and no filter takes what is played"
    stage.before.clear()
    chain.load(gain(-20))
    while chain.changing:
        stage.process(block := np.full(320, 0.5, dtype=np.float32))
    assert np.allclose(block[-10:], 0.05, atol=1e-6)


def test_a_change_while_the_call_runs_is_heard_and_makes_no_click():
    chain = FilterChain(gain(0), Setting(RATE))
    stage = FilterStage(chain)
    out = []
    for number, block in enumerate(blocks(tone(1000.0, -6.0, 1.0, RATE, phase=1.0), 320)):
        if number in (15, 30):
            chain.post("gain.gain_db", -6.0 if number == 15 else 3.0)
        stage.process(block)
        out.append(block)
    sound = np.concatenate(out)
    assert np.abs(sound[6000:9000]).max() == pytest.approx(0.5 * 10 ** (-6 / 20), rel=0.02)
    assert far_from_tone_db(sound[np.newaxis], RATE) < CLICK_DB


def test_what_was_played_is_told_in_step_and_silence_where_nothing_was():
    far = FarSound(RATE)
    assert not far.take(320).any()
    for number in (1, 2):
        far.played(np.full(320, number, dtype=np.float32))
    assert [far.take(320)[0] for _ in range(3)] == [1, 2, 0]


def test_a_far_sound_that_nobody_takes_is_dropped_so_that_it_stays_in_step():
    far = FarSound(RATE)
    for number in range(40):
        far.played(np.full(320, number, dtype=np.float32))
    assert far.take(320)[0] >= 36


@pytest.mark.skipif(
    importlib.util.find_spec("webrtc_audio_processing") is None
    and importlib.util.find_spec("pywebrtc_audio") is None,
    reason="pywebrtc-audio is not installed",
)
def test_an_echo_canceller_in_a_call_takes_out_what_is_played():
    far, heard = FarSound(RATE), speech("woman")
    preset = Preset.parse({"filter": [{"type": "echo-canceller"}]}, "canceller")
    stage = FilterStage(FilterChain(preset, Setting(RATE)), far=far)
    plain, left, played = [], [], np.zeros(320, dtype=np.float32)
    for block in blocks(np.tile(heard, 2)[: 10 * RATE], 320):
        captured = (0.3 * played).astype(np.float32)  # what was played at the tick before comes back
        plain.append(captured.copy())
        stage.process(captured)
        left.append(captured)
        played = block
        far.played(block)
    last = slice(-4 * RATE, None)
    before, after = (np.concatenate(each)[last] for each in (plain, left))
    assert 10 * np.log10(np.mean(before**2) / max(np.mean(after**2), 1e-12)) > 20.0
