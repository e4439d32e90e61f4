"""The page about a voice: whole, closed, told in numbers as well, and of bounded size."""

import math
import re
from dataclasses import dataclass, replace
from html.parser import HTMLParser

import numpy as np
import pytest
from support.vowels import vowel

from dsp.phonation.phonation import Phonation, VoiceSettings
from dsp.types import Block
from dsp.voice import measures
from softphone.scorer.voice import voice_result
from softphone.scorer.voice_report import voice_report
from softphone.scorer.voice_report_views import (
    COLUMNS,
    POINTS,
    ROWS,
    ChannelTrack,
    contours,
    formant_spectrogram,
    reduced,
    thinned,
)
from softphone.scorer.voice_view import NO_DIAGNOSIS, groups, refusals, values_of

RATE = 44_100


@dataclass(frozen=True)
class Held:
    """A recording in memory, ``(channels, n)``; repeated up to *size*."""

    block: Block
    size: int
    sample_rate_hz: int = RATE

    @property
    def channels(self) -> int:
        return self.block.shape[0]

    def read(self, start: int, stop: int) -> Block:
        return np.take(self.block, range(start, stop), axis=1, mode="wrap")


def measured(samples: np.ndarray, rate: int = RATE) -> tuple[Held, dict, Phonation]:
    recording = Held(samples[None], samples.size, rate)
    result, seen = voice_result(recording, settings=VoiceSettings(), name="held.wav")
    return recording, {**result, "from_s": 0.0, "took_s": 0.1}, seen


@pytest.fixture(scope="module")
def held():
    return measured(vowel(210.0, seconds=1.5, jitter_pct=0.6, shimmer_pct=3.0, hnr_db=22.0).samples)


@pytest.fixture(scope="module")
def page(held) -> str:
    recording, result, seen = held
    return voice_report(result, seen, recording, name="held.wav", sex="f", age=30).decode()


class Outline(HTMLParser):
    """What a browser would fetch, what is open, and the tables."""

    VOID = frozenset({"meta", "img", "br", "link", "path", "rect"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fetched: list[str | None] = []
        self.open: list[str] = []
        self.rows: list[list[str]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.fetched += [value for name, value in attrs if name in ("src", "href", "srcset", "data")]
        assert tag != "script"
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_data(self, data):
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag


def test_the_page_needs_nothing_from_outside_and_closes_what_it_opens(page):
    seen = Outline(page)
    assert seen.open == []
    assert len(seen.fetched) == 1, "the spectrogram"
    assert seen.fetched[0].startswith("data:image/png;base64,")
    assert "url(" not in page
    assert "@import" not in page


def test_every_plot_is_there_and_says_in_words_what_it_shows(page):
    for title in (
        "Waveform", "Spectrogram with pitch and formants", "Pitch (F0)", "Intensity", "Long-term average spectrum (LTAS)",
        "Cepstrum, mean of all frames", "Settings and definitions",
    ):  # fmt: skip
        assert f">{title}<" in page
    labels = re.findall(r'<svg[^>]*aria-label="([^"]+)"', page)
    assert any(re.fullmatch(r"pitch over time, 2\d\d to 2\d\d Hz, median 210 Hz", each) for each in labels)
    assert any("its peak at 4.7" in each and "above the trend line" in each for each in labels)
    assert len(labels) == 6
    assert page.count('class="f0 line"') >= 1
    assert 'class="formant"' in page


def test_every_number_stands_in_a_table_with_its_meaning(page, held):
    _, result, _ = held
    rows = {row[0]: row for row in Outline(page).rows if len(row) == 5}
    count = 0
    for group in groups(result):
        for row in group.rows:
            count += 1
            assert rows[row.figure.label][1:3] == [row.text, row.figure.unit] or row.figure.label in page
            assert row.figure.meaning.split(".")[0].replace("'", "&#x27;") in page
    assert count >= 30
    for name in measures.names():
        measure = measures.get(name)
        if any(values_of(result).get(key) is not None for key in measure.figures):
            assert measure.source.split("<")[0].split("&")[0].replace("'", "&#x27;") in page


def test_what_is_no_diagnosis_says_so_before_the_plots(page):
    assert NO_DIAGNOSIS in page
    assert page.index("No diagnosis") < page.index("Over time")


def test_warnings_come_before_any_number(held):
    recording, result, seen = held
    told = {**result, "verdict": ["noisy"], "warnings": ["There is a <noise>."]}
    text = voice_report(told, seen, recording, name="held.wav").decode()
    assert text.index("<b>noisy</b>") < text.index("There is a &lt;noise&gt;.") < text.index('class="facts"')


def test_what_was_refused_stands_there_with_its_reason(held):
    recording, result, seen = held
    why = {"jitter_local_pct": "wants a vowel", "jitter_rap_pct": "wants a vowel", "hpr_db": "8 kHz"}
    told = {**result, "refused": why, **dict.fromkeys(why)}
    text = voice_report(told, seen, recording, name="held.wav").decode()
    assert len(refusals(told)) == 2
    assert re.search(r"<li><b>jitter \(local\), jitter [^<]*</b>: wants a vowel</li>", text)


def test_names_of_files_are_no_markup(held):
    recording, result, seen = held
    text = voice_report(result, seen, recording, name='<script>a&b</script>"><img src=x>.wav').decode()
    assert "<script>" not in text
    assert "<img src=x>" not in text


def test_noise_has_a_page_without_pitch():
    noise = np.random.default_rng(2).normal(0, 0.05, RATE).astype(np.float32)
    recording, result, seen = measured(noise)
    text = voice_report(result, seen, recording, name="noise.wav").decode()
    assert "Waveform" in text
    assert ">Pitch (F0)<" not in text
    assert Outline(text).open == []


def test_an_hour_gives_a_page_no_larger_than_a_minute(held):
    _, result, seen = held
    sizes = []
    for seconds in (60, 3600):
        size = seconds * RATE
        frames = seconds * 80
        at = (np.arange(frames) + 0.5) / 80
        rng = np.random.default_rng(1)
        long = replace(
            seen,
            whole=replace(seen.whole, size=size),
            pitch=replace(
                seen.pitch, times_s=at, f0_hz=rng.uniform(150, 250, frames), strength=np.ones(frames), step_s=1 / 80,
                intensity=np.ones(frames),
            ),
            intensity=replace(seen.intensity, first_s=float(at[0]), step_s=1 / 80, db=rng.uniform(-60, -10, frames)),
            formants=replace(
                seen.formants, first_s=float(at[0]), step_s=1 / 80, hz=rng.uniform(300, 5000, (frames, 4)),
                bandwidth_hz=np.ones((frames, 4)),
            ),
        )  # fmt: skip
        quiet = Still(size)
        sizes.append(len(voice_report({**result, "seconds": float(seconds)}, long, quiet, name="long.wav")))
    assert sizes[1] < 1.1 * sizes[0]
    assert sizes[1] < 600_000


@dataclass(frozen=True)
class Still:
    """A long recording of next to nothing, that costs nothing."""

    size: int
    sample_rate_hz: int = RATE
    channels: int = 1

    def read(self, start: int, stop: int) -> Block:
        return np.broadcast_to(np.float32(1e-3), (1, stop - start))


def test_of_too_many_frames_the_median_of_each_part_is_kept():
    at = np.arange(10 * POINTS) / 100 + 0.001
    values = np.where(np.arange(at.size) % 10 == 3, 1000.0, np.arange(at.size) // 10)
    values[:10] = math.nan
    times, found = reduced(at, values, at.size / 100)
    assert times.size == POINTS
    assert math.isnan(found[0])
    np.testing.assert_array_equal(found[1:], np.arange(1, POINTS))
    x, y = thinned(np.arange(5000.0), np.arange(5000.0) % 7, points=500)
    assert x.size == 500
    assert y.mean() > 5.5  # of ten the highest


def test_formants_are_drawn_only_where_there_is_a_voice(held):
    _, _, seen = held
    half = seen.whole.seconds / 2
    muted = replace(
        seen, pitch=replace(seen.pitch, f0_hz=np.where(seen.pitch.times_s < half, seen.pitch.f0_hz, 0.0))
    )
    shown = contours(muted)
    there = np.isfinite(shown.formants_hz).any(axis=1)
    assert there[shown.formants_at_s < half - 0.1].mean() > 0.9
    assert not there[shown.formants_at_s > half + 0.1].any()


def test_a_tone_stands_at_its_frequency():
    tone = np.sin(2 * np.pi * 3000 * np.arange(RATE) / RATE).astype(np.float32)
    picture = formant_spectrogram(ChannelTrack(Held(tone[None], tone.size), 0), 1.0, 5500.0)
    assert picture.shape == (ROWS, COLUMNS)
    loud_hz = (ROWS - 1 - np.argmax(picture[:, 20:-20], axis=0) + 0.5) * 5500 / ROWS
    assert np.abs(loud_hz - 3000).max() <= 5500 / ROWS
