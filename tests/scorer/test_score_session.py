"""A recording against what was sent: figures, segments, refusals."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile

from dsp.errors import LibraryMissing, MetricRefused, UnknownName
from dsp.metrics import visqol
from dsp.track import ArrayTrack
from softphone.scorer.score import Score, call_score
from softphone.scorer.session import default_metrics, score_tracks

RATE = 16000
SPEECH = Path(__file__).parents[2] / "softphone" / "data" / "speech"


def speech(name):
    return soundfile.read(SPEECH / f"{name}.wav", dtype="float32")[0]


MAN, WOMAN = speech("man"), speech("woman")


def hiss(samples, dbov=-90.0, seed=1):
    return (10 ** (dbov / 20) * np.random.default_rng(seed).standard_normal(samples)).astype(np.float32)


def joined(*parts):
    return np.concatenate(parts).astype(np.float32)


def score(reference, degraded, rate=RATE, metrics=(), **more) -> Score:
    said, heard = (
        None if samples is None else ArrayTrack(np.ascontiguousarray(samples, np.float32), rate)
        for samples in (reference, degraded)
    )
    return score_tracks(said, heard, metrics=metrics, **more)


@pytest.fixture(scope="module")
def late():
    """A perfect line, three seconds late, 6 dB down."""
    return score(WOMAN, joined(hiss(3 * RATE), WOMAN * 0.5, hiss(RATE)), metrics=None, name="woman")


def test_a_perfect_line_gets_the_best_score_with_its_delay_and_gain(late):
    assert (late["metric"], late["unit"], late["max"], late["trusted"]) == ("visqol", "MOS-LQO", 5.0, True)
    assert late["mos_lqo"] == late["value"] == late["metrics"]["visqol"]
    assert late["mos_lqo"] > 4.7  # the hiss before and behind it takes 0.1 of the 5
    assert late["delay_ms"] == pytest.approx(3000, abs=0.5)
    assert late["gain_db"] == pytest.approx(-6.02, abs=0.1)
    assert late["seconds"] == pytest.approx(4 + WOMAN.size / RATE, abs=0.001)
    assert late["scored_s"] == pytest.approx(WOMAN.size / RATE, abs=0.01)
    assert (late["delay_changes"], late["copies"], late["polarity"]) == ([], 1, 1)
    assert late["reference"] == "woman"
    assert late["refused"] == {}


def test_every_metric_that_is_always_there_stands_beside_it(late):
    assert set(late["metrics"]) == set(default_metrics())
    assert set(default_metrics()) >= {
        "visqol",
        "stoi",
        "estoi",
        "si_sdr",
        "log_spectral_distance",
        "segmental_snr",
    }
    assert not {"pesq_nb", "pesq_wb", "warpq"} & set(default_metrics())
    assert all(value is not None for value in late["metrics"].values())
    assert late["metrics"]["stoi"] > 0.99


def test_segments_are_the_utterances_in_the_order_they_are_heard(late):
    segments = late["segments"]
    assert len(segments) > 1
    assert all(before["to_s"] <= after["from_s"] + 0.01 for before, after in pairwise(segments))
    assert all(3 <= one["from_s"] < one["to_s"] <= 3.1 + WOMAN.size / RATE for one in segments)
    assert all(one["from_s"] - one["said_from_s"] == pytest.approx(3, abs=0.01) for one in segments)
    lowest = [one["mos_lqo"] for one in late["worst"]]
    assert lowest == sorted(lowest)
    assert late["trace"]
    assert all(1 <= mos <= 5 for _, mos in late["trace"])
    assert all(delay == pytest.approx(3000, abs=5) for _, delay in late["delay_trace"])


def test_the_score_is_that_of_the_metric_on_the_aligned_pair():
    noisy = MAN + hiss(MAN.size, -40)
    got = score(MAN, noisy, metrics=None)
    assert got["mos_lqo"] == pytest.approx(visqol.measure(MAN, noisy, RATE), abs=0.02)


def test_a_worse_line_scores_lower_and_the_worst_part_is_found():
    values = [score(MAN, MAN + hiss(MAN.size, level))["mos_lqo"] for level in (-70, -50, -35)]
    assert values == sorted(values, reverse=True)
    spoiled = MAN.copy()
    spoiled[5 * RATE : 6 * RATE] += hiss(RATE, -25)
    worst = score(MAN, spoiled)["worst"][0]
    assert worst["from_s"] < 6
    assert worst["to_s"] > 5


def test_a_minute_and_a_half_of_silence_in_front_changes_nothing():
    noisy = MAN + hiss(MAN.size, -45)
    near, far = score(MAN, noisy), score(MAN, joined(hiss(90 * RATE), noisy))
    assert far["mos_lqo"] == pytest.approx(near["mos_lqo"], abs=0.02)
    assert far["delay_ms"] == pytest.approx(90_000, abs=0.5)


def test_what_was_recorded_and_not_heard_costs_and_what_lies_outside_does_not():
    swallowed = MAN.copy()
    swallowed[: 2 * RATE] = hiss(2 * RATE)
    inside, cut = score(MAN, swallowed), score(MAN, MAN[2 * RATE :])
    assert cut["mos_lqo"] > 4.8
    assert cut["delay_ms"] == pytest.approx(-2000, abs=0.5)
    assert inside["mos_lqo"] < cut["mos_lqo"] - 0.5
    assert [part["outside"] for part in cut["missing"]] == [True]
    assert any(not part["outside"] and part["from_s"] < 1 for part in inside["missing"])


def test_a_reference_played_in_a_loop_is_scored_over_all_its_copies():
    good, bad = WOMAN, WOMAN + hiss(WOMAN.size, -35)
    got = score(WOMAN, joined(hiss(RATE), good, bad, good[:40000]))
    assert got["copies"] == 3
    assert {one["copy"] for one in got["segments"]} == {0, 1, 2}
    assert got["scored_s"] == pytest.approx((2 * WOMAN.size + 40000) / RATE, abs=0.2)
    by_copy = [
        np.mean([s["mos_lqo"] for s in got["segments"] if s["copy"] == n and s["mos_lqo"]]) for n in (0, 1)
    ]
    assert by_copy[0] > by_copy[1] + 0.5


def test_a_delay_that_moves_is_told_with_its_time():
    got = score(MAN, joined(hiss(RATE), MAN[:40000], MAN[39040:80000], MAN[80400:]))
    assert [change["by_ms"] for change in got["delay_changes"]] == pytest.approx([60, -25], abs=2)
    assert [change["at_s"] for change in got["delay_changes"]] == pytest.approx([3.5, 6.06], abs=0.1)


def test_an_upside_down_line_is_told_and_not_worse():
    got = score(MAN, -MAN)
    assert got["polarity"] == -1
    assert got["mos_lqo"] > 4.8


def test_long_recordings_are_scored_in_pieces_with_the_same_result(monkeypatch):
    from softphone.scorer import pieces, session

    long = joined(MAN, WOMAN, MAN[::-1], WOMAN[::-1])
    noisy = long + hiss(long.size, -45)
    whole = score(long, noisy)
    monkeypatch.setattr(
        session, "cut", lambda copies, spoken, rate: pieces.cut(copies, spoken, rate, longest_s=8.0)
    )
    cut = score(long, noisy)
    # Patches begin elsewhere, and what is loud is judged in each piece: 0.11 was measured.
    assert cut["mos_lqo"] == pytest.approx(whole["mos_lqo"], abs=0.15)
    assert cut["gain_db"] == pytest.approx(whole["gain_db"], abs=0.05)
    assert cut["scored_s"] == whole["scored_s"]


def test_at_8_khz_too():
    got = score(MAN[::2], joined(hiss(4000), MAN[::2]), 8000)
    assert got["delay_ms"] == pytest.approx(500, abs=0.5)
    assert got["mos_lqo"] > 4.8


def test_a_score_that_misleads_on_the_codec_says_so_and_why():
    got = score(MAN, MAN, trusted=False)
    assert got["trusted"] is False
    assert "parameters" in got["untrusted_because"]
    assert score(MAN, MAN, trusted=True)["untrusted_because"] is None


def test_without_a_reference_there_are_checks_and_no_score():
    got = score(None, MAN)
    assert (got["mos_lqo"], got["segments"], got["delay_ms"]) == (None, [], None)
    assert "reference" in got["refused"]["visqol"]
    assert got["checks"]
    assert got["verdict"] == ["ok"]


@pytest.mark.parametrize(
    ("reference", "degraded", "why", "word"),
    [
        (MAN, np.zeros(8 * RATE), "silent", "silent"),
        (np.zeros(8 * RATE, np.float32), MAN, "silent", None),
        (MAN, WOMAN, "not found", "unrelated"),
        (MAN, MAN[:8000], "1 s", None),
        (MAN, MAN[:1], "1 s", None),
    ],
    ids=["silence", "silent reference", "somebody else", "half a second", "one sample"],
)
def test_what_cannot_be_judged_has_no_score_and_a_reason(reference, degraded, why, word):
    got = score(reference, degraded, metrics=None)
    assert got["mos_lqo"] is None
    assert all(value is None for value in got["metrics"].values())
    assert why in got["refused"]["visqol"]
    assert call_score(got) is None
    if word is not None:
        assert word in got["verdict"]


def test_an_unknown_metric_is_named():
    with pytest.raises(UnknownName, match=r"no metric named 'none'; known: .*stoi"):
        score(MAN, MAN, metrics=["none"])


def test_a_metric_of_another_process_is_asked_there_or_refused():
    asked = []

    def measure(name, rate, said, heard):
        asked.append((name, rate, said.size == heard.size))
        return 4.5

    got = score(MAN, MAN, metrics=["pesq_wb"], measure=measure)
    assert asked == [("pesq_wb", RATE, True)]
    assert got["metrics"] == {"visqol": got["mos_lqo"], "pesq_wb": 4.5}
    for error in (MetricRefused("no"), LibraryMissing("install it")):

        def fail(*_, error=error):
            raise error

        got = score(MAN, MAN, metrics=["pesq_wb"], measure=fail)
        assert got["metrics"]["pesq_wb"] is None
        assert got["refused"]["pesq_wb"] == str(error)
    assert "process" in score(MAN, MAN, metrics=["pesq_wb"])["refused"]["pesq_wb"]


def test_progress_goes_from_nothing_to_all():
    shares = []
    score(MAN, MAN, progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_what_a_call_is_told_is_a_part_of_it(late):
    short = call_score(late)
    assert short is not None
    assert all(short[key] == late[key] for key in short)


@pytest.mark.parametrize("name", ["man", "woman"])
def test_a_pause_that_is_shortened_costs_nothing_however_noisy_it_is(name):
    said = speech(name)
    pause = RATE * 2
    long = joined(said[: said.size // 2], np.zeros(pause), said)
    noisy = (long + hiss(long.size, -42.0)).astype(np.float32)
    at = said.size // 2 + RATE // 4
    whole = score(noisy, noisy, metrics=("stoi", "segmental_snr"))
    short = score(noisy, joined(noisy[:at], noisy[at + 3 * RATE // 2 :]), metrics=("stoi", "segmental_snr"))
    assert short["mos_lqo"] == pytest.approx(whole["mos_lqo"], abs=0.05)
    assert short["metrics"]["stoi"] == pytest.approx(whole["metrics"]["stoi"], abs=0.01)
    assert short["gain_db"] == pytest.approx(0.0, abs=0.1)
    assert short["scored_s"] == pytest.approx(whole["scored_s"] - 1.5, abs=0.05)
    assert [one["said_from_s"] for one in short["segments"]] == [
        one["said_from_s"] for one in whole["segments"]
    ]


def test_speech_so_soft_that_nobody_hears_it_gets_no_score_but_its_gain():
    quiet = 0.2 * WOMAN  # so that 30 dB less are below -60 dBov
    found = score(quiet, joined(np.zeros(RATE), 10**-1.5 * quiet), metrics=None)
    assert found["verdict"] == ["silent", "attenuated"]
    assert found["mos_lqo"] is None
    assert "nobody hears" in found["refused"]["visqol"]
    assert found["gain_db"] == pytest.approx(-30, abs=0.1)
    assert found["delay_ms"] == pytest.approx(1000, abs=1)


def test_of_silence_nothing_but_that_is_said():
    steps = np.random.default_rng(1).integers(-1, 2, 3 * RATE) / 32768  # what 16 bits leave of soft sound
    found = score(WOMAN, steps)
    assert found["verdict"] == ["silent"]
    assert [each["notes"] for name, each in found["checks"].items() if each["words"]] == [[]]


def test_of_comfort_noise_nobody_is_told_that_he_speaks_softly():
    assert score(WOMAN, hiss(6 * RATE, -50.0))["verdict"] == ["comfort-noise"]
