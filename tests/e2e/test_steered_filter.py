"""A filter steered while a tone runs through it, as its users do it: the command, the protocol, the file that was written."""

import time

import numpy as np
import pytest
import soundfile
from support.served import Served, wait_for
from support.tone_trace import far_from_tone_db

from dsp.filters import Setting
from dsp.preset import Preset
from dsp.response import response

pytestmark = pytest.mark.e2e

RATE_HZ = 48_000
CHANGES = 500
EVERY_S = 0.018
"""From one change to the next, as of a hand on a slider; much less than a filter takes that has to settle first."""
LEVEL = 0.1
STEERED = """
[[filter]]
type = "butterworth"
slot = "low-cut"
kind = "highpass"
freq_hz = 80

[[filter]]
type = "parametric-eq"
bands = [{kind = "peaking", freq_hz = 900, gain_db = 0, q = 1}, {kind = "high-shelf", freq_hz = 3000, gain_db = 3, q = 0.7}]

[[filter]]
type = "graphic-eq"

[[filter]]
type = "tilt"

[[filter]]
type = "fir"
points = [[100, 0], [1000, -3], [8000, 0]]
resolution_hz = 400

[[filter]]
type = "gain"
"""


def drawn(rng: np.random.Generator) -> tuple[str, object]:
    """One change of one linear filter: path and value."""
    band = int(rng.integers(2))
    kinds = ["peaking", "high-shelf", "low-shelf", "allpass"]
    found: list[tuple[str, object]] = [
        ("low-cut.freq_hz", float(rng.uniform(30, 700))),
        ("low-cut.order", int(rng.integers(1, 7))),
        ("low-cut.bypass", bool(rng.integers(2))),
        (f"parametric-eq.bands.{band}.freq_hz", float(rng.uniform(200, 6000))),
        (f"parametric-eq.bands.{band}.gain_db", float(rng.uniform(-9, 9))),
        (f"parametric-eq.bands.{band}.q", float(rng.uniform(0.5, 4))),
        (f"parametric-eq.bands.{band}.kind", kinds[int(rng.integers(4))]),
        (f"graphic-eq.gains_db.{int(rng.integers(10))}", float(rng.uniform(-9, 9))),
        ("tilt.db_per_octave", float(rng.uniform(-2, 2))),
        ("fir.points", [[100.0, 0.0], [1000.0, float(rng.uniform(-6, 6))], [8000.0, 0.0]]),
        ("fir.bypass", bool(rng.integers(2))),
        ("gain.gain_db", float(rng.uniform(-9, 3))),
        ("gain.invert", bool(rng.integers(2))),
    ]
    return found[int(rng.integers(len(found)))]


def test_500_changes_sent_to_a_running_filter_are_all_made_and_none_clicks(tmp_path):
    """-85 dB beside the tone, as for each filter alone (tests/filters); with the plain sound now and then, matched in loudness."""
    source, target, preset = tmp_path / "tone.wav", tmp_path / "out.wav", tmp_path / "steered.toml"
    preset.write_text(STEERED)
    tone = LEVEL * np.sin(2 * np.pi * 1000 * np.arange(60 * RATE_HZ) / RATE_HZ)
    soundfile.write(source, tone.astype(np.float32), RATE_HZ, subtype="FLOAT")
    rng = np.random.default_rng(20)
    values: dict[str, object] = {}
    arguments = ("filter", str(preset), str(source), str(target), "--realtime")
    with Served(*arguments, serving_on_stdout=False) as served, served.client() as desk:
        wait_for(lambda: desk.levels()["at_s"] > 0.3, "sound that runs", served)
        for number in range(CHANGES):
            if number % 50 in (20, 30):
                desk.bypass(number % 50 == 20)
            else:
                path, value = drawn(rng)
                while values.setdefault(path, desk.get(path)) == value:
                    path, value = drawn(rng)
                desk.set(path, value)
                values[path] = value
            time.sleep(EVERY_S)  # after a pause of the machine nothing is made up for: that would be a burst
        wait_for(lambda: not desk.levels()["changing"], "the last change heard", served)
        until_s = desk.levels()["at_s"] + 0.3
        wait_for(lambda: desk.levels()["at_s"] > until_s, "sound after the last change", served)
        held, levels = desk.get(), desk.levels()
        found = {path: desk.get(path) for path in values}
        served.interrupt()
        assert served.finish() == 0, served.errors
        result = served.result()
    assert found == values
    assert held["revision"] == CHANGES
    assert not held["bypass"]["on"]
    assert levels["xruns_ours"] == 0
    assert result["changed"]

    sound, rate_hz = soundfile.read(target, dtype="float32")
    assert rate_hz == RATE_HZ
    heard = sound[np.newaxis, : int(until_s * RATE_HZ)]
    assert far_from_tone_db(heard[:, RATE_HZ // 10 :], RATE_HZ, level=LEVEL) < -85
    last = heard[0, -RATE_HZ // 5 :]
    wanted = response(Preset.parse(held["preset"], "held"), Setting(RATE_HZ), np.array([1000.0]))
    assert 20 * np.log10(np.abs(last).max() / LEVEL) == pytest.approx(wanted.gain_db[0], abs=0.05)
