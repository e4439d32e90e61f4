"""Pauses: what a sender leaves out, and what a receiver plays in their place."""

import numpy as np
import pytest
from support.suppression import noise, speech

from dsp.comfort_noise import Background
from dsp.errors import BitstreamError
from softphone.media.dtx import CHANGE_DB, Decision, GapFiller, PauseSender

RATE_HZ, PACKET = 8000, 480


def background(seconds, dbov=-50.0, kind="pink"):
    return np.float32(10 ** (dbov / 20)) * noise(kind, int(seconds * RATE_HZ), RATE_HZ)


def level_dbov(sound):
    return 10 * np.log10(np.mean(np.square(sound, dtype=np.float64)) + 1e-20)


def decisions(sound, **how):
    sender = PauseSender(RATE_HZ, PACKET, **how)
    packets = sound[: sound.size // PACKET * PACKET].reshape(-1, PACKET)
    return [sender.decide(packet) for packet in packets]


def conversation():
    said = speech("man", RATE_HZ)[: 3 * RATE_HZ]
    sound = background(12.0, -60.0)
    for at in (2, 7):
        sound[at * RATE_HZ :][: said.size] += said
    return sound


def no_conceal(out):
    raise AssertionError("nothing is concealed here")


def falling(out):
    out[:] = 0.1


# -- the sender


def test_without_descriptors_a_pause_is_nothing_at_all():
    found = decisions(conversation(), describes=False, opens_pauses=False)
    assert set(found) == {Decision.SPEECH, Decision.ENDING, Decision.NOTHING}
    assert found.count(Decision.NOTHING) > 60


def test_each_pause_of_rfc_3389_begins_with_a_descriptor():
    found = decisions(conversation(), describes=True, opens_pauses=True)
    pausing = [each in (Decision.NOTHING, Decision.DESCRIBE) for each in found]
    begins = [n for n in range(1, len(found)) if pausing[n] and not pausing[n - 1]]
    assert len(begins) >= 2
    assert all(found[n] is Decision.DESCRIBE for n in begins)


def test_a_steady_background_is_described_once_and_a_louder_one_again():
    sound = background(16.0)
    sound[8 * RATE_HZ :] *= np.float32(10 ** (2 * CHANGE_DB / 20))
    found = decisions(sound, describes=True, opens_pauses=False)
    early, late = found[: 8 * RATE_HZ // PACKET], found[8 * RATE_HZ // PACKET :]
    assert early.count(Decision.DESCRIBE) == 1
    assert 1 <= late.count(Decision.DESCRIBE) <= 3


def test_what_is_described_is_what_was_heard():
    sender = PauseSender(RATE_HZ, PACKET, describes=True, opens_pauses=False)
    for packet in background(3.0, -48.0).reshape(-1, PACKET)[:40]:
        sender.decide(packet)
    assert sender.background().level_dbov == pytest.approx(-48.0, abs=1.5)


def test_a_word_is_followed_by_packets_that_hold_the_background_only():
    found = decisions(conversation(), describes=False, opens_pauses=False)
    ends = [
        n
        for n in range(1, len(found))
        if found[n] is Decision.NOTHING and found[n - 1] is not Decision.NOTHING
    ]
    assert len(ends) >= 2
    assert all(found[n - 1] is Decision.ENDING for n in ends)


# -- the receiver


def filled(filler, count, conceal=falling, *, lost=False):
    out = np.full(count, np.nan, dtype=np.float32)
    filler.fill(out, conceal, lost=lost)
    return out


def after_speech(credit_packets=0, dbov=-50.0):
    filler = GapFiller(RATE_HZ, credit_packets * PACKET)
    for block in background(1.2, dbov).reshape(-1, PACKET):
        filler.heard(block.copy())
    return filler


def test_before_anything_was_heard_there_is_silence():
    assert not filled(GapFiller(RATE_HZ, 3 * PACKET), PACKET, no_conceal).any()


def test_comfort_noise_is_as_loud_as_the_background_that_was_heard():
    filler = after_speech()
    filled(filler, PACKET)
    heard = np.concatenate([filled(filler, PACKET, no_conceal) for _ in range(30)])
    assert level_dbov(heard) == pytest.approx(-50.0, abs=1.5)
    assert filler.comfort == 31 * PACKET


def test_no_part_of_a_pause_is_dead():
    filler = after_speech(credit_packets=3)

    def fading(out):
        out[:] = 0.0

    heard = np.concatenate([filled(filler, PACKET, fading) for _ in range(20)])
    assert min(level_dbov(part) for part in heard.reshape(-1, PACKET)) > -55.0


def test_the_end_of_a_word_is_not_taken_for_the_background():
    filler = after_speech()
    word = speech("man", RATE_HZ)
    loudest = int(np.argmax(np.abs(word)))
    for block in word[loudest - 4 * PACKET : loudest].reshape(-1, PACKET):
        filler.heard(block.copy())
    filled(filler, PACKET)
    assert level_dbov(filled(filler, 4 * PACKET, no_conceal)) == pytest.approx(-50.0, abs=2.0)


def test_within_the_credit_the_codec_conceals_and_beyond_it_does_not():
    filler = after_speech(credit_packets=2)
    assert (np.abs(filled(filler, 2 * PACKET) - 0.1) < 1e-6).all()
    assert filler.repeated == 2 * PACKET
    filled(filler, PACKET)
    assert level_dbov(filled(filler, PACKET, no_conceal)) < -45.0
    assert filler.repeated == 2 * PACKET


def test_a_packet_renews_the_credit():
    filler = after_speech(credit_packets=1)
    for _ in range(3):
        assert filled(filler, PACKET)[0] == pytest.approx(0.1)
        filler.heard(background(0.06))


def test_a_gap_across_the_end_of_the_credit_is_filled_whole():
    filler = after_speech(credit_packets=1)
    out = filled(filler, 3 * PACKET)
    assert np.isfinite(out).all()
    assert out[PACKET - 1] == pytest.approx(0.1)
    assert level_dbov(out[2 * PACKET :]) < -45.0


def test_what_is_lost_is_concealed_as_long_as_the_jitter_buffer_says():
    filler = after_speech()
    for _ in range(3):
        assert (np.abs(filled(filler, PACKET, lost=True) - 0.1) < 1e-6).all()


def test_sound_gives_way_to_noise_without_a_step():
    filler = after_speech()
    out = filled(filler, PACKET)
    assert out[0] == pytest.approx(0.1, abs=0.002)
    assert np.abs(np.diff(out)).max() < 0.02
    assert level_dbov(out[-100:]) < -45.0


def test_a_descriptor_says_what_follows_at_once_even_within_the_credit():
    filler = after_speech(credit_packets=3)
    filler.describe(bytes(Background(-40.0)))
    filled(filler, PACKET)
    assert level_dbov(filled(filler, 10 * PACKET, no_conceal, lost=True)) == pytest.approx(-40.0, abs=0.5)
    filler.describe(bytes(Background(-46.0)))
    assert level_dbov(filled(filler, 10 * PACKET, no_conceal)) == pytest.approx(-46.0, abs=0.5)


def test_a_descriptor_before_any_sound_is_heard_too():
    filler = GapFiller(RATE_HZ)
    filler.describe(b"\x2d")
    assert level_dbov(filled(filler, RATE_HZ)) == pytest.approx(-45.0, abs=0.5)


def test_an_empty_descriptor_is_refused():
    with pytest.raises(BitstreamError):
        GapFiller(RATE_HZ).describe(b"")


def test_fillers_that_hear_the_same_play_the_same_whatever_was_tried_between():
    plain, tried = after_speech(credit_packets=1), after_speech(credit_packets=1)
    for number in range(12):
        state = tried.snapshot()
        filled(tried, PACKET)
        tried.restore(state)
        if number % 4 == 0:
            block = background(0.06)
            other = block.copy()
            plain.heard(block)
            tried.heard(other)
            assert np.array_equal(block, other)
        else:
            assert np.array_equal(filled(plain, PACKET), filled(tried, PACKET))
