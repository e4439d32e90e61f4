"""Our ViSQOL against the package visqol-python, where nothing is misaligned."""

import numpy as np
import pytest
import soxr
from support.impairments import lossy, mnru
from support.misalign import g711
from support.suppression import speech

from dsp.metrics.visqol import measure, mos_of, patches

oracle = pytest.importorskip("visqol", reason="pip install --no-deps visqol-python: the oracle of ViSQOL")

RATE = 16_000
MEAN, EACH = 0.03, 0.03
"""What is asked for as the mean; no pair here is beyond 0.007 (0.026 with white noise at 0 dB)."""


def noisy(x, snr_db):
    noise = np.random.default_rng(1).standard_normal(x.size) * np.sqrt(np.mean(x**2)) * 10 ** (-snr_db / 20)
    return (x + noise).astype(np.float32)


def band_limited(x):
    narrow = np.zeros_like(x)
    wide = soxr.resample(soxr.resample(x, RATE, 6800), 6800, RATE)[: x.size]
    narrow[: wide.size] = wide
    return narrow


DEGRADED = {
    "G.711": lambda x: g711(x, RATE),
    "a third lost": lambda x: lossy(x, RATE, 33),
    "MNRU 20 dB": lambda x: mnru(x, RATE, 20),
    "MNRU 10 dB": lambda x: mnru(x, RATE, 10),
    "band limit": band_limited,
    "clipped": lambda x: np.clip(x, -0.15 * np.abs(x).max(), 0.15 * np.abs(x).max()),
    "noise 25 dB": lambda x: noisy(x, 25),
}


@pytest.fixture(scope="module")
def theirs():
    judge = oracle.VisqolApi()
    # Two seconds hold so few patches that a search of one patch to each side finds what the default finds.
    judge.create(mode="speech", use_lattice_model=False, search_window=1)

    def mos(x, y, rate=RATE):
        return judge.measure_from_arrays(x.astype(np.float64), y.astype(np.float64), rate)

    return mos


def test_scores_are_those_of_visqol_python(theirs):
    x = speech("woman")[RATE : 3 * RATE]
    differences = {
        name: measure(x, degrade(x), RATE) - theirs(x, degrade(x)).moslqo
        for name, degrade in DEGRADED.items()
    }
    assert np.mean(np.abs(list(differences.values()))) <= MEAN, differences
    assert max(map(abs, differences.values())) <= EACH, differences


def test_patches_are_those_of_visqol_python_and_have_its_similarities(theirs):
    x = speech("woman")[3 * RATE : 6 * RATE]
    y = mnru(x, RATE, 15)
    ours, right = patches(x, y, RATE), theirs(x, y)
    assert [patch.start_s for patch in ours] == pytest.approx(
        [each.ref_patch_start_time for each in right.patch_sims]
    )
    similar = [each.similarity for each in right.patch_sims]
    assert [patch.similarity for patch in ours] == pytest.approx(similar, abs=0.001)
    assert np.mean([patch.bands for patch in ours], axis=0) == pytest.approx(right.fvnsim, abs=0.002)
    assert mos_of(ours) == pytest.approx(right.moslqo, abs=0.005)
