from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from dsp.level import measure_level
from softphone.scorer.live import VERDICT_WORDS, LineFacts, verdicts

RATE = 16000
SPEECH = Path(__file__).parents[2] / "softphone" / "data" / "speech"
BOTH_WAYS = LineFacts(packets_sent=120, packets_received=120, peer_loss_pct=0.0, played_ms=7100.0)


def speech(name):
    return soundfile.read(SPEECH / f"{name}.wav", dtype="float32")[0]


MAN, WOMAN = speech("man"), speech("woman")
SILENCE = np.zeros(7 * RATE, np.float32)


def words(samples, facts=BOTH_WAYS):
    return verdicts(measure_level(samples.astype(np.float32), RATE), facts)


def loud(samples, gain_db):
    return np.clip(samples * 10 ** (gain_db / 20), -1, 1)


def zeroed(samples, ms, count, every=9000):
    heard = samples.copy()
    place = int(np.argmax(np.abs(samples))) % every
    for start in range(place, heard.size, every)[:count]:
        heard[start : start + ms * RATE // 1000] = 0
    return heard


@pytest.mark.parametrize("samples", [MAN, WOMAN], ids=["man", "woman"])
@pytest.mark.parametrize("gain_db", [-9, 0, 9])
def test_speech_within_10_db_of_nominal_on_a_good_line_is_ok(samples, gain_db):
    assert words(loud(samples, gain_db)) == ("ok",)


def test_packets_of_digital_silence_are_silent():
    assert words(SILENCE) == ("silent",)


def test_noise_under_60_dbov_is_silent_and_a_tenth_of_a_second_of_speech_is_not():
    hiss = np.random.default_rng(1).standard_normal(7 * RATE) * 10 ** (-63 / 20)
    assert words(hiss) == ("silent",)
    spoken = SILENCE.copy()
    spoken[RATE : RATE + 2400] = MAN[20000:22400]
    assert "silent" not in words(spoken)


def test_a_click_does_not_make_silence_a_call():
    clicked = SILENCE.copy()
    clicked[1000:1100] = 0.5
    assert words(clicked) == ("silent",)


def test_no_packet_while_ours_went_out_is_one_way():
    assert words(SILENCE, replace(BOTH_WAYS, packets_received=0)) == ("one-way",)


def test_one_way_does_not_hang_on_what_the_peer_reports():
    for loss in (None, 0.0, 100.0):
        facts = replace(BOTH_WAYS, packets_received=0, peer_loss_pct=loss)
        assert words(SILENCE, facts) == ("one-way",)


def test_a_peer_that_gets_nothing_of_ours_makes_it_one_way_too():
    assert words(MAN, replace(BOTH_WAYS, peer_loss_pct=100.0)) == ("one-way",)
    assert words(MAN, replace(BOTH_WAYS, peer_loss_pct=60.0)) == ("ok",)


def test_a_call_too_short_for_ten_packets_is_not_called_one_way():
    assert words(SILENCE, LineFacts(packets_sent=9, packets_received=0)) == ("silent",)
    assert words(SILENCE, LineFacts(packets_sent=10, packets_received=0)) == ("one-way",)


def test_nothing_either_way_is_silent():
    assert words(SILENCE, LineFacts(packets_sent=0, packets_received=0)) == ("silent",)


def test_a_peer_on_hold_is_not_expected_to_be_heard():
    held = LineFacts(packets_sent=120, packets_received=0, receive_expected=False)
    assert words(SILENCE, held) == ("ok",)
    assert words(SILENCE, replace(held, peer_loss_pct=100.0)) == ("one-way",)


def test_a_listener_who_may_not_send_is_not_one_way():
    listening = LineFacts(packets_sent=0, packets_received=120, send_expected=False)
    assert words(MAN, listening) == ("ok",)
    assert words(SILENCE, replace(listening, packets_received=0)) == ("silent",)


@pytest.mark.parametrize("samples", [MAN, WOMAN], ids=["man", "woman"])
def test_speech_18_db_over_nominal_is_clipped_and_too_loud(samples):
    assert words(loud(samples, 18)) == ("clipped", "too-loud")


def test_clipping_at_nominal_level_after_the_fact_is_not_claimed():
    """The rails are no longer at full scale: seeing that takes more than counting."""
    assert words(loud(MAN, 18) * 10 ** (-18 / 20)) == ("ok",)


@pytest.mark.parametrize(("gain_db", "want"), [(-9.8, "ok"), (-10.2, "too-quiet"), (-30, "too-quiet")])
def test_too_quiet_begins_10_db_under_nominal(gain_db, want):
    assert words(MAN * 10 ** (gain_db / 20)) == (want,)


@pytest.mark.parametrize(("dbov", "want"), [(-12.2, "ok"), (-11.8, "too-loud")])
def test_too_loud_begins_at_minus_12_dbov(dbov, want):
    tone = np.sin(np.arange(7 * RATE) * 0.3) * 10 ** ((dbov + 3.01) / 20)
    assert words(tone) == (want,)


@pytest.mark.parametrize("samples", [MAN, WOMAN], ids=["man", "woman"])
def test_six_lost_packets_played_as_zeros_are_dropouts_and_one_short_gap_is_not(samples):
    assert words(zeroed(samples, 60, 6)) == ("dropouts",)
    assert words(zeroed(samples, 20, 1)) == ("ok",)


def test_concealment_of_a_twentieth_of_the_time_is_dropouts():
    assert words(MAN, replace(BOTH_WAYS, concealed_ms=360.0)) == ("dropouts",)
    assert words(MAN, replace(BOTH_WAYS, concealed_ms=340.0)) == ("ok",)


def test_several_faults_are_told_together_in_a_fixed_order():
    facts = replace(BOTH_WAYS, peer_loss_pct=100.0, concealed_ms=1000.0)
    got = words(loud(MAN, 20), facts)
    assert got == ("one-way", "clipped", "too-loud", "dropouts")
    assert list(got) == [word for word in VERDICT_WORDS if word in got]


def test_silence_has_no_word_about_its_sound():
    assert words(SILENCE, replace(BOTH_WAYS, concealed_ms=7000.0)) == ("silent",)


def test_every_word_is_one_of_the_contract():
    contract = {
        "ok",
        "silent",
        "one-way",
        "clipped",
        "too-quiet",
        "too-loud",
        "echo",
        "dropouts",
        "noise",
        "drift",
    }
    assert set(VERDICT_WORDS) < contract
