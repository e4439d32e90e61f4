"""AVQI and DSI from files: the right parts of the right channels, and a refusal of what is not what it is said to be."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from support.vowels import vowel

from dsp.avqi import avqi
from softphone.app.voice_indices import measure_avqi, measure_dsi
from softphone.cli.voice_table import index
from softphone.errors import UsageError
from softphone.io.speech import speech_path
from softphone.io.voice_file import VoiceFile
from softphone.voice_config import AvqiOptions, DsiOptions

RATE = 44_100


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("indices")
    speech, rate = soundfile.read(speech_path("builtin:woman"), dtype="float32")
    speech = soxr.resample(speech, rate, RATE)
    held = vowel(200.0, seconds=3.2, jitter_pct=0.5, shimmer_pct=3.0, hnr_db=22.0).samples
    soundfile.write(folder / "speech.wav", speech, RATE, subtype="PCM_24")
    soundfile.write(folder / "vowel.wav", held, RATE, subtype="PCM_24")
    soundfile.write(
        folder / "second.wav", np.stack([0.01 * speech[: held.size], held], axis=1), RATE, subtype="PCM_24"
    )
    pause = np.zeros(RATE, dtype=np.float32)
    soundfile.write(folder / "late.wav", np.concatenate((pause, held, pause)), RATE, subtype="PCM_24")
    soundfile.write(
        folder / "soft.wav",
        vowel(190.0, seconds=1.5, hnr_db=25.0, level_dbfs=-48.0).samples,
        RATE,
        subtype="PCM_24",
    )
    soundfile.write(
        folder / "high.wav", vowel(500.0, seconds=1.5, hnr_db=25.0).samples, RATE, subtype="PCM_24"
    )
    return folder


@pytest.fixture(scope="module")
def usual(folder: Path) -> dict:
    return of(folder)


def of(
    folder: Path, held: str = "vowel.wav", speech: str = "speech.wav", language: str | None = None
) -> dict:
    return measure_avqi(AvqiOptions(str(folder / held), str(folder / speech), language))


def test_the_index_is_that_of_the_two_files_and_says_what_it_is_made_from(folder: Path, usual: dict) -> None:
    result = usual
    with VoiceFile(folder / "vowel.wav") as held, VoiceFile(folder / "speech.wav") as speech:
        assert result["avqi"] == avqi(held, speech).value
    assert set(result["components"]) == {
        "cpps_db", "hnr_db", "shimmer_local_pct", "shimmer_local_db", "slope_db", "tilt_db",
    }  # fmt: skip
    assert result["vowel_s"] == pytest.approx(3.0)
    assert (result["error"], result["warnings"]) == (None, [])
    assert result["settings"]["version"] == "03.01"
    text = index(result)
    assert f"{result['avqi']:.2f}" in text
    assert "no diagnosis" in " ".join(text.split())
    assert max(map(len, text.splitlines()[4:])) <= 80


def test_of_two_channels_the_one_with_the_voice_counts(folder: Path, usual: dict) -> None:
    assert of(folder, "second.wav")["avqi"] == pytest.approx(usual["avqi"], abs=1e-6)


def test_silence_around_a_vowel_is_left_out_and_told(folder: Path, usual: dict) -> None:
    result = of(folder, "late.wav")
    assert result["avqi"] == pytest.approx(usual["avqi"], abs=0.5)
    assert any("taken from 0." in text and "where the vowel is" in text for text in result["warnings"])


def test_what_is_not_what_it_is_said_to_be_is_refused(folder: Path) -> None:
    with pytest.raises(
        UsageError, match=r"--vowel .*speech\.wav must be a sustained vowel, there is connected speech"
    ):
        of(folder, "speech.wav")
    with pytest.raises(
        UsageError, match=r"--speech .*vowel\.wav must be connected speech, there is a sustained vowel"
    ):
        of(folder, "vowel.wav", "vowel.wav")


def test_a_language_chooses_its_cut_off(folder: Path, usual: dict) -> None:
    assert [norm["high"] for norm in of(folder, language="dutch")["norms"]] == [2.43]
    assert len(usual["norms"]) > 2
    with pytest.raises(UsageError, match=r"no cut-off of AVQI 03\.01 is known for it; there are Dutch,"):
        of(folder, language="klingon")


def test_the_severity_index_rests_on_the_calibration_and_a_soft_voice_is_no_fault(folder: Path) -> None:
    def at(spl: float) -> dict:
        names = {name: str(folder / f"{name}.wav") for name in ("high", "vowel")}
        return measure_dsi(DsiOptions(mpt_s=15.0, low=str(folder / "soft.wav"), spl_at_0dbfs=spl, **names))

    result = at(100.0)
    assert result["components"]["i_low_db_spl"] == pytest.approx(52.0, abs=0.7)
    assert result["components"]["f0_high_hz"] == pytest.approx(500.0, rel=0.01)
    assert result["warnings"] == []
    assert result["dsi"] - at(110.0)["dsi"] == pytest.approx(
        2.6, abs=1e-6
    )  # 0.26 a decibel, Wuyts et al. 2000
    assert "DSI-beta (2017)" in index(result)
