"""Echo: a late copy is found with its delay and level where it costs a call 10 points of R, and not where it does not."""

import numpy as np
import pytest
from support.line_faults import CODECS, SPEAKERS, alignment, check, heard_through, identity, speech

from dsp.alignment import align
from dsp.checks.echo import listener_cost, talker_cost
from dsp.track import ArrayTrack


def echoed(samples, rate_hz, delay_s, loss_db):
    out = np.concatenate((samples, np.zeros(rate_hz))).astype(np.float32)
    late = round(delay_s * rate_hz)
    out[late:] += 10 ** (-loss_db / 20) * out[:-late].copy()
    return out


def test_the_points_lost_are_those_of_g107():
    # By hand: T = 100 ms, TELR = 45 dB: TERV 12.19, Re 75.5, Idte 22.5; Tr = 100 ms, WEPL = 20 dB: Rle 89.4, Idle 15.9.
    assert talker_cost(0.2, 35.0) == pytest.approx(22.5, abs=0.1)
    assert listener_cost(0.1, 20.0) == pytest.approx(16.0, abs=0.1)
    assert talker_cost(0.2, 90.0) < 1.0 > listener_cost(0.1, 90.0)


@pytest.mark.parametrize(
    ("delay_s", "loss_db", "words"),
    [
        (0.025, 10, ("echo",)),
        (0.1, 20, ("echo",)),
        (0.1, 30, ()),
        (0.25, 28, ("echo",)),
        (1.0, 35, ("echo",)),
        (0.05, 26, ()),
    ],
)
@pytest.mark.parametrize("name", SPEAKERS)
def test_speech_heard_twice_is_measured_against_the_reference(name, delay_s, loss_db, words):
    said = speech(name)
    samples, rate_hz = heard_through("pcmu", echoed(said, 16_000, delay_s, loss_db))
    narrow, _ = heard_through("pcmu", said)
    found = check("echo", samples, rate_hz, reference=narrow, aligned=identity(narrow, rate_hz))
    assert found.words == words
    assert found.figures["echo_delay_ms"] == pytest.approx(1000 * delay_s, abs=1)
    assert found.figures["echo_loss_db"] == pytest.approx(loss_db, abs=2)


@pytest.mark.parametrize("name", SPEAKERS)
def test_the_echo_is_found_with_the_aligner_behind_a_delay_and_a_gain(name):
    said = speech(name, 8_000)
    late = np.concatenate((np.zeros(2_400), 0.3 * echoed(said, 8_000, 0.2, 25))).astype(np.float32)
    heard, _ = heard_through("pcmu", late, 8_000)
    aligned = align(ArrayTrack(said, 8_000), ArrayTrack(heard, 8_000))
    found = check("echo", heard, 8_000, reference=said, aligned=aligned)
    assert found.words == ("echo",)
    assert found.figures["echo_delay_ms"] == pytest.approx(200, abs=1)
    assert found.figures["echo_loss_db"] == pytest.approx(25, abs=2)


@pytest.mark.parametrize(("delay_s", "loss_db"), [(0.025, 10), (0.1, 15), (0.1, 20), (0.25, 22)])
@pytest.mark.parametrize("name", SPEAKERS)
def test_without_a_reference_a_strong_echo_is_found_too(name, delay_s, loss_db):
    samples, rate_hz = heard_through("pcma", echoed(speech(name), 16_000, delay_s, loss_db))
    found = check("echo", samples, rate_hz)
    assert found.words == ("echo",)
    assert found.figures["echo_delay_ms"] == pytest.approx(1000 * delay_s, abs=1)
    assert found.figures["echo_loss_db"] == pytest.approx(loss_db, abs=3)


@pytest.mark.parametrize("codec", [None, *CODECS])
@pytest.mark.parametrize("name", SPEAKERS)
def test_speech_alone_has_no_echo_whatever_codec_it_went_through(name, codec):
    samples, rate_hz = (speech(name), 16_000) if codec is None else heard_through(codec, speech(name))
    said = speech(name, rate_hz)
    nothing = dict.fromkeys(("echo_delay_ms", "echo_loss_db", "far_echo_delay_ms", "far_echo_loss_db"))
    assert check("echo", samples, rate_hz).figures == nothing
    assert check("echo", samples, rate_hz, reference=said, aligned=identity(said, rate_hz)).figures == nothing


@pytest.mark.parametrize(
    ("delay_s", "loss_db", "words"), [(0.1, 30, ("echo",)), (0.3, 40, ("echo",)), (0.6, 55, ())]
)
@pytest.mark.parametrize("name", SPEAKERS)
def test_what_the_listener_sent_and_hears_again_is_measured(name, delay_s, loss_db, words):
    other = next(each for each in SPEAKERS if each != name)
    far = np.concatenate((speech(name, 8_000), np.zeros(80_000)))
    heard = np.concatenate((np.zeros(76_000), speech(other, 8_000), np.zeros(80_000)))[: far.size]
    late = round(8_000 * delay_s)
    heard[late:] += 10 ** (-loss_db / 20) * far[:-late]
    samples, _ = heard_through("pcmu", heard, 8_000)
    found = check("echo", samples[: far.size], 8_000, far=far)
    assert found.words == words
    assert found.figures["far_echo_delay_ms"] == pytest.approx(1000 * delay_s, abs=1)
    assert found.figures["far_echo_loss_db"] == pytest.approx(loss_db, abs=3)


@pytest.mark.parametrize("name", SPEAKERS)
def test_the_echo_is_found_while_the_near_side_speaks_all_the_time(name):
    other = next(each for each in SPEAKERS if each != name)
    far, near = speech(name), speech(other)
    heard = np.zeros(8 * 16_000, dtype=np.float32)
    heard[: near.size] = near[: heard.size]
    heard[800:][: far.size] += 10 ** (-25 / 20) * far[: heard.size - 800]
    found = check("echo", heard, 16_000, far=far)
    assert found.figures["far_echo_delay_ms"] == pytest.approx(50, abs=1)
    assert found.figures["far_echo_loss_db"] == pytest.approx(25, abs=3)


@pytest.mark.parametrize("name", SPEAKERS)
def test_two_who_speak_at_once_are_no_echo(name):
    other = next(each for each in SPEAKERS if each != name)
    found = check("echo", heard_through("pcmu", speech(name))[0], 8_000, far=speech(other, 8_000))
    assert found.figures["far_echo_delay_ms"] is None


def test_two_sides_that_say_the_same_are_no_echo():
    said = speech("man", 8_000)
    heard = np.concatenate((np.zeros(800), said)).astype(np.float32)
    aligned = alignment(8_000, [(0, said.size, 800.0)])
    assert check("echo", heard, 8_000, reference=said, aligned=aligned, far=said).words == ()
    assert check("echo", heard, 8_000, far=said).words == ("echo",)


def test_silence_and_a_few_samples_have_no_echo():
    for samples in (np.zeros(16_000), np.zeros(0), np.ones(1), np.full(5_000, np.nan)):
        assert check("echo", samples, 16_000, far=np.zeros(100)).words == ()
