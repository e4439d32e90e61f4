import base64
import re
import struct
import zlib
from html.parser import HTMLParser

import numpy as np
import pytest
import soundfile
from support.misalign import MISALIGNMENTS

from dsp.track import ArrayTrack
from softphone.io.speech import speech_path
from softphone.scorer.report import report
from softphone.scorer.report_plots import clock, figure, moments, steps
from softphone.scorer.report_views import Timeline, loudest, png, spectrogram, waveform
from softphone.scorer.session import score_tracks

RATE = 16_000


@pytest.fixture(scope="module")
def pair():
    said = soundfile.read(speech_path("builtin:woman"), dtype="float32")[0]
    heard = MISALIGNMENTS["jitter-moves"](said, RATE).samples.copy()
    heard[round(3.2 * RATE) : round(3.3 * RATE)] = 0
    return ArrayTrack(said, RATE), ArrayTrack(heard, RATE)


@pytest.fixture(scope="module")
def page(pair):
    score = score_tracks(*pair)
    return report(score, pair[1], pair[0], ("heard.wav", "said.wav")).decode(), score


class _Outside(HTMLParser):
    """Collects what a browser would fetch, and checks that elements are closed."""

    VOID = frozenset({"meta", "img", "br", "link", "path", "rect"})

    def __init__(self):
        super().__init__()
        self.fetched, self.open = [], []

    def handle_starttag(self, tag, attrs):
        self.fetched += [value for name, value in attrs if name in ("src", "href", "srcset", "data")]
        if tag == "script":
            self.fetched.append("script")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag in self.VOID:
            return
        # `p` and `li` may be left open in HTML; here nothing is.
        assert self.open.pop() == tag


def test_the_page_needs_nothing_from_outside_and_closes_what_it_opens(page):
    text, _ = page
    parser = _Outside()
    parser.feed(text)
    parser.close()
    assert parser.open == []
    assert parser.fetched, "the spectrograms are pictures"
    assert all(each.startswith("data:image/png;base64,") for each in parser.fetched)
    assert "@import" not in text
    assert "url(" not in text


def test_the_page_has_every_plot_verdict_and_number(page):
    text, score = page
    for title in (
        "Score by utterance", "Reference: what was sent", "Recording: what was heard", "Level", "Spectrogram of the reference",
        "Spectrogram of the recording", "Delay", "Worst utterances", "Measures against the reference", "The signal itself",
    ):  # fmt: skip
        assert f">{title}<" in text
    assert f"{score['mos_lqo']:.2f}" in text
    for word in score["verdict"]:
        assert f"<b>{word}</b>" in text
    for check in score["checks"].values():
        for key, value in check["figures"].items():
            assert (value is None) or f"<td>{key}</td>" in text
    assert len(re.findall(r'<rect class="q[1-5]"', text)) == len(score["segments"])


def test_names_of_files_are_no_markup(pair):
    score = score_tracks(*pair, metrics=())
    text = report(score, pair[1], pair[0], ("<script>a&b</script>.wav", '"><img src=x>')).decode()
    assert "<script>" not in text
    assert "<img src=x>" not in text
    assert "&lt;script&gt;a&amp;b" in text


def test_without_a_reference_the_page_says_why_there_is_no_score(pair):
    score = score_tracks(None, pair[1])
    text = report(score, pair[1], None, ("heard.wav", None)).decode()
    assert "no score" in text
    assert "needs a reference" in text
    assert "Spectrogram of the recording" in text
    assert "Spectrogram of the reference" not in text


@pytest.mark.parametrize("samples", [0, 1, 5000], ids="{} samples".format)
def test_a_recording_of_nothing_has_a_page(samples):
    track = ArrayTrack(np.zeros(samples, dtype=np.float32), RATE)
    score = score_tracks(None, track)
    assert b"no score" in report(score, track, None, ("nothing.wav", None))


def test_the_reference_is_drawn_where_it_is_heard():
    pulse = np.zeros(4 * RATE, dtype=np.float32)
    pulse[RATE : RATE + 160] = 0.5
    late = Timeline(8.0, [[0.0, 1500.0], [8.0, 1500.0]])
    wave = waveform(ArrayTrack(pulse, RATE), late, columns=800)
    assert np.flatnonzero(wave.high > 0.4).tolist() == [250]
    assert np.isnan(wave.high[:150]).all()
    assert np.isfinite(wave.high[151:549]).all()
    assert np.isnan(wave.high[551:]).all()


def test_each_playing_of_a_loop_is_drawn_where_it_is_heard():
    pulse = np.zeros(2 * RATE, dtype=np.float32)
    pulse[RATE : RATE + 160] = 0.5
    loop = Timeline(4.0, [[0.0, 0.0], [1.99, 0.0], [2.01, 2000.0], [4.0, 2000.0]])
    wave = waveform(ArrayTrack(pulse, RATE), loop, columns=400)
    assert np.flatnonzero(wave.high > 0.4).tolist() == [100, 300]


def test_a_tone_stands_at_its_frequency_in_the_spectrogram():
    tone = np.sin(2 * np.pi * 3000 * np.arange(RATE) / RATE).astype(np.float32)
    picture = spectrogram(ArrayTrack(tone, RATE), Timeline(1.0), 8000.0, columns=20)
    rows = picture.shape[0]
    loud = (rows - 1 - np.argmax(picture[:, 5:15], axis=0) + 0.5) * 8000 / rows
    assert np.abs(loud - 3000).max() <= 8000 / rows


def test_a_picture_is_a_png_that_decodes_to_what_was_drawn():
    picture = np.array([[0.0, -35.0, np.nan], [-70.0, -90.0, 0.0]])
    data = png(picture, loudest(picture))
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    chunks, at = {}, 8
    while at < len(data):
        (size,) = struct.unpack_from(">I", data, at)
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        assert struct.unpack_from(">I", data, at + 8 + size)[0] == zlib.crc32(kind + body)
        chunks[kind] = body
        at += 12 + size
    assert struct.unpack(">IIBBBBB", chunks[b"IHDR"])[:4] == (3, 2, 8, 3)
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), dtype=np.uint8).reshape(2, 4)
    assert rows[:, 0].tolist() == [0, 0]
    assert rows[:, 1:].tolist() == [[255, 128, 0], [1, 1, 255]]
    assert base64.b64encode(data)


def test_axes_have_round_numbers():
    assert steps(0, 8) == (0, 2, 4, 6, 8)
    assert steps(-70, 30, 5) == (-50, -25, 0, 25)
    assert [clock(each, 8) for each in (0, 2.5)] == ["0 s", "2.5 s"]
    assert [clock(each, 600) for each in (0, 150)] == ["0:00", "2:30"]
    assert clock(3661, 7200) == "1:01:01"
    assert [clock(each, 3601) for each in moments(3601)] == ["0:00:00", "0:20:00", "0:40:00", "1:00:00"]
    assert moments(8) == (0, 2, 4, 6, 8)


def test_a_reference_that_was_heard_twice_is_drawn_twice(pair):
    reference, _ = pair
    twice = ArrayTrack(np.concatenate((reference.samples, reference.samples)), RATE)
    score = score_tracks(reference, twice, metrics=())
    assert score["copies"] == 2
    text = report(score, twice, reference, ("twice.wav", "once.wav")).decode()
    figure = text[text.index("Reference: what was sent") : text.index("Recording: what was heard")]
    outline = figure[figure.index('class="ref solid"') :]
    heights = np.zeros(1000)
    for x, y in re.findall(r"([\d.]+) ([\d.]+)", outline):
        heights[min(999, int(float(x)))] = max(heights[min(999, int(float(x)))], abs(float(y) - 50))
    first, second = heights[:500], heights[500:]
    assert first.max() > 30
    assert np.corrcoef(first, second)[0, 1] > 0.95


def test_silence_is_dark_in_a_spectrogram():
    picture = spectrogram(ArrayTrack(np.zeros(RATE, dtype=np.float32), RATE), Timeline(1.0), 8000, columns=10)
    data = png(picture, loudest(picture))
    at = data.index(b"IDAT")
    lines = zlib.decompress(data[at + 4 : at + 4 + struct.unpack(">I", data[at - 4 : at])[0]])
    assert set(lines) == {0, 1}  # no filter; the darkest colour


def test_a_number_at_the_end_of_an_axis_does_not_stick_out():
    ends = re.findall("<span class=end style=[^>]*>([^<]*)", figure("", "", None, 3.0))
    assert ends == ["3 s"]
    assert re.findall("class=end", figure("", "", None, 3.4)) == []


def test_of_several_channels_each_is_told(pair):
    score = dict(score_tracks(*pair))
    score |= {"channel": 2, "channels": [{"channel": 1, **score, "mos_lqo": None}, {"channel": 2, **score}]}
    page = report(score, pair[1], pair[0], ("heard.wav", "said.wav")).decode()
    assert "2 of 2, the worst" in page
    assert "Channel 1: no score" in page
    assert f"Channel 2: {score['mos_lqo']:.2f}" in page


def test_large_numbers_have_no_exponent(pair):
    score = dict(score_tracks(None, pair[1]))
    score["metrics"] = {"stranger": 24000.0}
    page = report(score, pair[1], None, ("heard.wav", None)).decode()
    assert ">24000<" in page
