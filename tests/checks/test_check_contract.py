"""Whatever is heard: each check gives all of its figures, finite or None, and words of its own, and never fails."""

import math

import numpy as np
import pytest
from support.line_faults import SPEAKERS, alignment, speech, track

from dsp.checks import CheckSpec, Evidence, checks
from dsp.checks.base import MOST_SPANS
from dsp.checks.features import features_of
from dsp.errors import DspError

CHECKS = [checks.get(name) for name in checks.names()]


def _broken() -> np.ndarray:
    samples = speech(SPEAKERS[0]).copy()
    samples[::1000] = np.nan
    samples[500::2000] = np.inf
    return samples


_RNG = np.random.default_rng(7)
SOUNDS: dict[str, np.ndarray] = {
    "nothing": np.zeros(0),
    "one-sample": np.ones(1),
    "zeros": np.zeros(80_000),
    "not-a-number": np.full(80_000, np.nan),
    "constant": np.full(80_000, 0.5),
    "full-scale": np.sign(np.sin(np.arange(80_000) / 20.0)),
    "noise": 0.1 * _RNG.standard_normal(80_000),
    "faint-noise": 1e-5 * _RNG.standard_normal(80_000),
    "far-over-full-scale": 1e3 * _RNG.standard_normal(80_000),
    "tone": 0.3 * np.sin(np.arange(80_000) / 5.0),
    "click": np.eye(1, 80_000, 40_000)[0],
    "short-speech": speech(SPEAKERS[0])[16_000:20_000],
    "speech": speech(SPEAKERS[1]),
    "broken-speech": _broken(),
}


def evidence(heard: np.ndarray, said: np.ndarray | None, rate_hz: int) -> Evidence:
    degraded = track(heard, rate_hz)
    if said is None:
        return Evidence(degraded, features_of(degraded))
    reference = track(said, rate_hz)
    found = alignment(rate_hz, [(0, min(degraded.size, reference.size), 0.0)])
    return Evidence(degraded, features_of(degraded), reference, features_of(reference), found)


def judge(spec: CheckSpec, given: Evidence) -> None:
    try:
        found = spec.run(given)
    except DspError:
        return
    assert set(found.figures) == set(spec.figures)
    assert all(value is None or math.isfinite(value) for value in found.figures.values()), found.figures
    assert set(found.words) <= {verdict.word for verdict in spec.verdicts}
    assert len(found.words) == len(set(found.words))
    assert len(found.spans) <= MOST_SPANS
    assert all(0.0 <= start <= stop <= given.heard.seconds + 0.1 for start, stop in found.spans)


@pytest.mark.parametrize("sound", SOUNDS)
@pytest.mark.parametrize("rate_hz", [8000, 16_000])
def test_any_sound_without_a_reference_is_checked(sound, rate_hz):
    given = evidence(SOUNDS[sound], None, rate_hz)
    for spec in CHECKS:
        if not spec.needs_reference:
            judge(spec, given)


@pytest.mark.parametrize("sound", SOUNDS)
@pytest.mark.parametrize("said", ["speech", "zeros", "one-sample"])
def test_any_sound_with_a_reference_is_checked(sound, said):
    given = evidence(SOUNDS[sound], SOUNDS[said], 16_000)
    for spec in CHECKS:
        judge(spec, given)


def test_names_of_figures_are_used_once_and_words_mean_one_thing():
    figures = [name for spec in CHECKS for name in spec.figures]
    assert len(figures) == len(set(figures)) > 10
    words: dict[str, set[str]] = {}
    for spec in CHECKS:
        for verdict in spec.verdicts:
            words.setdefault(verdict.word, set()).add(verdict.means)
    assert all(len(meanings) == 1 for meanings in words.values()), words
    assert "ok" not in words


@pytest.mark.parametrize("spec", CHECKS, ids=lambda spec: spec.name)
def test_every_check_explains_itself(spec):
    assert spec.name == spec.name.lower()
    for name, figure in spec.figures.items():
        assert figure.meaning.endswith("."), name
        assert name.isidentifier()
    for verdict in spec.verdicts:
        assert verdict.word == verdict.word.lower().replace(" ", "-")
        assert verdict.means
        assert any(letter.isdigit() for letter in verdict.test), f"{verdict.word}: a definition has a number"
