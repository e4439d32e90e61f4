"""Configurations of Equalizer APO read as presets."""

import math
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.chain import FilterChain
from dsp.equalizer_apo import parse
from dsp.errors import ParameterError
from dsp.filters import Setting
from dsp.preset import Preset

AUTOEQ = """Preamp: -6.2 dB
Filter 1: ON LSC Fc 105 Hz Gain 6.5 dB Q 0.70
Filter 2: ON PK Fc 166 Hz Gain -3.2 dB Q 0.53
Filter 3: ON PK Fc 1823 Hz Gain 2.4 dB Q 1.90
Filter 4: OFF PK Fc 5310 Hz Gain -4.1 dB Q 6.00
Filter 5: ON HSC Fc 10000 Hz Gain -1.5 dB Q 0.70
"""
ROOM_EQ_WIZARD = """Filter Settings file

Room EQ V5.20.7
Dated: Mar 25, 2023 2:29:48 AM

Notes: measured on the sofa: left

Equaliser: Generic
Vector average
Filter  1: ON  PK       Fc   60.70 Hz  Gain   1.70 dB  Q  3.101
Filter  2: ON  PK       Fc   1.448 Hz  Gain  -7,90 dB  BW Oct 0,5
Filter  3: ON  None
"""


def bands(text: str) -> list[dict[str, Any]]:
    return [band for entry in parse(text, "x").as_mapping()["filter"] for band in entry.get("bands", [])]


def band(text: str) -> dict[str, Any]:
    found = bands(text)
    assert len(found) == 1
    return found[0]


def gain_db(preset: Preset, freq_hz: float, channels: int = 1, rate_hz: int = 48_000) -> list[float]:
    """Gain of each channel at *freq_hz* (a multiple of the rate by 2^16), the same sound in all."""
    impulse = np.zeros((channels, 1 << 16), dtype=np.float32)
    impulse[:, 0] = 1.0
    lines = np.fft.rfft(FilterChain(preset, Setting(rate_hz, channels)).process(impulse).astype(np.float64))
    return [
        float(20 * np.log10(abs(each) + 1e-12)) for each in lines[:, round(freq_hz * (1 << 16) / rate_hz)]
    ]


def test_a_file_of_autoeq_is_read() -> None:
    preset = parse(AUTOEQ, "headphones")
    assert (preset.name, [each.filter for each in preset.slots]) == ("headphones", ["gain", "parametric-eq"])
    assert preset.slot("gain").params.gain_db == -6.2
    assert [each["kind"] for each in bands(AUTOEQ)] == [
        "low-shelf",
        "peaking",
        "peaking",
        "peaking",
        "high-shelf",
    ]
    assert bands(AUTOEQ)[1] == {"kind": "peaking", "freq_hz": 166.0, "gain_db": -3.2, "q": 0.53, "on": True}
    assert [each["on"] for each in bands(AUTOEQ)] == [True, True, True, False, True]


def test_a_file_of_autoeq_sounds_as_it_says() -> None:
    preset = parse(AUTOEQ, "headphones")
    # Shelves and peaks alone at their frequencies, as SciPy's freqz gives them for the cookbook's sections.
    assert gain_db(preset, 21.97)[0] == pytest.approx(-6.2 + 6.5 - 0.14, abs=0.3)
    assert gain_db(preset, 20_000)[0] == pytest.approx(-6.2 - 1.5, abs=0.3)


def test_a_file_of_room_eq_wizard_is_read() -> None:
    first, second = bands(ROOM_EQ_WIZARD)
    assert (first["freq_hz"], first["gain_db"], first["q"]) == (60.7, 1.7, 3.101)
    assert (second["freq_hz"], second["gain_db"]) == (1448.0, -7.9)
    assert second["q"] == pytest.approx(2.871, abs=0.001)  # half an octave between half gains


@pytest.mark.parametrize(
    ("line", "kind", "q"),
    [
        ("ON PK Fc 100 Hz Gain -3 dB Q 2", "peaking", 2.0),
        ("ON PEQ Fc 100 Hz Gain -3 dB Q 2", "peaking", 2.0),
        ("ON Modal Fc 100 Hz Gain -3 dB Q 2 T60 target 300 ms", "peaking", 2.0),
        ("ON LP Fc 100 Hz", "lowpass", math.sqrt(0.5)),
        ("ON LPQ Fc 100 Hz Q 1.5", "lowpass", 1.5),
        ("ON HP Fc 100 Hz", "highpass", math.sqrt(0.5)),
        ("ON HPQ Fc 100 Hz Q 1.5", "highpass", 1.5),
        ("ON BP Fc 100 Hz", "bandpass", math.sqrt(0.5)),
        ("ON NO Fc 100 Hz", "notch", 30.0),
        ("ON AP Fc 100 Hz Q 0.6", "allpass", 0.6),
        ("ON HSC Fc 100 Hz Gain 3 dB Q 0.6", "high-shelf", 0.6),
        ("on lsc fc 100 hz gain 3 db q 0.6", "low-shelf", 0.6),
        ("ON LSC 12 dB Fc 100 Hz Gain 3 dB", "low-shelf", math.sqrt(0.5)),
        ("ON PK Fc 0.1 kHz Gain 3 dB BW Oct 1", "peaking", math.sqrt(2.0)),
    ],
)
def test_each_kind_is_known(line: str, kind: str, q: float) -> None:
    found = band(f"Filter: {line}")
    assert (found["kind"], found["freq_hz"]) == (kind, 100.0)
    assert found["q"] == pytest.approx(q, rel=1e-6)


def test_a_shelf_with_a_slope_is_named_by_its_corner_or_by_its_middle() -> None:
    """LS: the corner, where the shelf has almost its whole gain; LSC: the middle, where it has half of it."""
    middle = parse("Filter: ON LSC 6 dB Fc 375 Hz Gain 12 dB", "x")
    assert gain_db(middle, 375.0)[0] == pytest.approx(6.0, abs=0.05)
    corner = band("Filter: ON LS 6dB Fc 375 Hz Gain 12 dB")
    assert corner["freq_hz"] == pytest.approx(375.0 * 10 ** (12 / 80 / 0.5))
    assert band("Filter: ON HS 6dB Fc 375 Hz Gain -12 dB")["freq_hz"] == pytest.approx(375.0 * 10**-0.3)
    assert gain_db(parse("Filter: ON LS 6dB Fc 375 Hz Gain 12 dB", "x"), 375.0)[0] > 8.5


def test_gains_that_follow_each_other_are_one() -> None:
    preset = parse("Preamp: -6.5 dB\nPreamp: 2,5 db", "x")
    assert [each.params.gain_db for each in preset.slots] == [-4.0]


def test_more_bands_than_an_equaliser_has_make_another_one() -> None:
    line = "Filter: ON PK Fc 1000 Hz Gain 0.1 dB Q 1\n"
    preset = parse(line * 150, "x")
    assert [len(each.params.bands) for each in preset.slots] == [64, 64, 22]


def test_a_graphic_equaliser_is_drawn() -> None:
    preset = parse("GraphicEQ: 100 -20; 1000 6; 21 -30", "x")
    assert preset.slot("fir").params.points == ((21.0, -30.0), (100.0, -20.0), (1000.0, 6.0))
    assert preset.slot("fir").params.phase == "minimum"
    for freq_hz, wanted in ((99.98, -20.0), (999.75, 6.0), (10_000.48, 6.0)):
        assert gain_db(preset, freq_hz)[0] == pytest.approx(wanted, abs=0.5)


def test_a_graphic_equaliser_with_more_points_than_are_kept_is_thinned() -> None:
    pairs = "; ".join(f"{20 + index} {index / 100:.2f}" for index in range(1000))
    points = parse(f"GraphicEQ: {pairs}", "x").slot("fir").params.points
    assert len(points) == 256
    assert (points[0], points[-1]) == ((20.0, 0.0), (1019.0, 9.99))


def test_a_delay_is_read() -> None:
    assert parse("Delay: 12,5 ms", "x").slot("delay").params.delay_ms == 12.5


@pytest.mark.parametrize(
    ("line", "rows"),
    [
        ("L=R R=L", [(0.0, 1.0), (1.0, 0.0)]),
        ("L=0.5*L+0.5*R R=0.5*L+0.5*R", [(0.5, 0.5), (0.5, 0.5)]),
        ("L = L + -0.5*R", [(1.0, -0.5), (0.0, 1.0)]),
        ("2=-6.0206dB*1", [(1.0, 0.0), (0.5, 0.0)]),
        ("R=0", [(1.0, 0.0), (0.0, 0.0)]),
    ],
)
def test_a_copy_is_a_channel_matrix(line: str, rows: list[tuple[float, ...]]) -> None:
    found = [each.gains for each in parse(f"Copy: {line}", "x").slot("channel-matrix").params.rows]
    np.testing.assert_allclose(found, rows, atol=1e-5)


@pytest.mark.parametrize("line", ["all", "L R", "2 1", "ALL L"])
def test_a_choice_of_all_channels_is_none(line: str) -> None:
    assert [each.filter for each in parse(f"Channel: {line}\nPreamp: -1 dB", "x").slots] == ["gain"]


def test_what_is_not_heard_is_passed_over() -> None:
    text = "\ufeff# a comment: with a colon\nDevice: Speakers #only there\nDevice: all\nStage: post-mix\n"
    text += "just words\nwords and: a colon\n\nPreamp: -3 dB # so that\r\nNotes: none"
    assert [each.filter for each in parse(text.lstrip("\ufeff"), "x").slots] == ["gain"]


def test_a_flat_file_is_an_empty_preset() -> None:
    assert parse("Filter 1: ON None\nChannel: all", "x").slots == ()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "nothing of Equalizer APO found, wanted lines such as Filter: ON PK Fc 100 Hz Gain -3 dB Q 1"),
        ("Dear diary", "nothing of Equalizer APO found"),
        (
            "Preamp: -3 dB\nFitler: ON PK",
            "line 2: Fitler is unknown; known: Preamp, Filter, GraphicEQ, Delay,",
        ),
        ("Preamp: loud", "line 1: Preamp must be a gain such as -6.5 dB, got loud"),
        ("Preamp: 900 dB", "line 1: gain_db must be -120 to 60 dB, got 900"),
        ("Filter: ON XX Fc 3 Hz", "line 1: filter type XX is unknown; known: PK, PEQ, MODAL, LP,"),
        ("Filter: ON IIR Order 2 Coefficients 1 0 0 1 0 0", "line 1: filter type IIR is unknown"),
        ("Filter: PK", "line 1: Filter must be such as ON PK Fc 100 Hz Gain -3 dB Q 1, got PK"),
        ("Filter: ON PK Gain 3 dB Q 1", "line 1: PK needs a frequency such as Fc 100 Hz"),
        ("Filter: ON PK Fc -3 Hz Gain 3 dB Q 1", "line 1: PK needs a frequency such as Fc 100 Hz"),
        ("Filter: ON PK Fc 100 Hz Q 1", "line 1: PK needs a gain such as Gain -3 dB"),
        (
            "Filter: ON PK Fc 100 Hz Gain 3 dB",
            "line 1: PK needs a Q or a bandwidth such as Q 1 or BW Oct 0.5",
        ),
        ("Filter: ON PK Fc 100 Hz Gain 900 dB Q 1", "line 1: PK.gain_db must be -"),
        ("Filter: ON PK Fc 100 Hz Gain 3 dB Q 0", "line 1: PK.q must be 0.01 to 200, got 0"),
        ("Filter: ON PK Fc 1e9 Hz Gain 3 dB Q 1", "line 1: PK.freq_hz must be "),
        ("Filter: ON PK Fc 10 Hz Gain 3 dB BW Oct 0", "line 1: BW Oct must be 0.001 to 20 octaves, got 0"),
        ("Filter: ON LS 24 dB Fc 10 Hz Gain 3 dB", "line 1: the slope of LS must be 0.1 to 12 dB, got 24"),
        ("GraphicEQ: 20 0; 30", "line 1: GraphicEQ must be pairs such as 20 -1.5; 100 0; got 30"),
        ("GraphicEQ:", "line 1: GraphicEQ must be pairs such as 20 -1.5; 100 0; got none"),
        ("GraphicEQ: 0 0; 30 1", "line 1: points.0 x must be 1 to 96000 Hz, got 0"),
        ("Delay: 3 samples", "line 1: Delay in samples means another time at each sample rate: write ms"),
        ("Delay: soon", "line 1: Delay must be a time such as 12.5 ms, got soon"),
        (
            "Channel: L",
            "line 1: Channel must be all or L R: filters for some channels only are not known, got L",
        ),
        ("Channel: SUB", "line 1: Channel must be all or L R"),
        ("Copy: C=L", "line 1: Copy must be such as L=0.5*L+0.5*R, with L and R only, got C=L"),
        ("Copy: L", "line 1: Copy must be such as"),
        ("Copy: L=x*R", "line 1: Copy must be such as"),
        ("Copy:", "line 1: Copy must be such as L=0.5*L+0.5*R, got nothing"),
        (
            "\n\nInclude: other.txt",
            "line 3: Include cannot be imported: put the lines of that file in its place",
        ),
        ("Convolution: hall.wav", "line 1: Convolution cannot be imported: use the filter convolve"),
        ("If: sampleRate == 48000", "line 1: If cannot be imported: take out what does not apply"),
        ("Preamp: `-volume` dB", "line 1: Preamp holds an expression: write the numbers themselves"),
        (
            "Device: A\nPreamp: 1 dB\nDevice: B",
            "line 3: another Device begins here: import the lines of one device",
        ),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(text: str, says: str) -> None:
    with pytest.raises(ParameterError) as caught:
        parse(text, "x")
    assert str(caught.value).startswith(says)
    assert len(str(caught.value).splitlines()) == 1


WORDS = """Filter Filter: Preamp: GraphicEQ: Copy: Channel: Delay: Device: Include: ON OFF PK LSC HS LP NO AP None Fc Hz
Gain dB Q BW Oct ms samples L R L=R + * = ; , . # : 1 0 -3 1e9 1e999 -1e400 100 20000 0.7 1.448 6dB nan inf `"""
pieces = st.sampled_from([*WORDS.split(), "\n", "\n", "\n", "\u00a0", "\x0b", "\x85", "\u0663", "\u2212"])


def read(text: str) -> None:
    """Fuzz: any text gives a preset that can be written and read again, or a ParameterError of one line."""
    try:
        preset = parse(text, "x")
    except ParameterError as error:
        one_line(error)
        return
    assert Preset.parse(preset.as_mapping(), "x") == preset


def one_line(error: ParameterError) -> None:
    assert len(str(error).splitlines()) == 1
    assert len(str(error)) < 300


@given(text=st.text(max_size=300) | st.lists(pieces, max_size=40).map(" ".join))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_any_text_gives_a_preset_or_one_line(text: str) -> None:
    read(text)


def test_any_change_to_a_good_file_gives_a_preset_or_one_line() -> None:
    rng = random.Random(5)
    for _ in range(300):
        text = list(
            rng.choice((AUTOEQ, ROOM_EQ_WIZARD, "GraphicEQ: 20 -1; 30 2\nCopy: L=0.5*R R=L\nDelay: 3 ms"))
        )
        for _ in range(rng.randint(1, 6)):
            at = rng.randrange(len(text))
            text[at : at + rng.randint(0, 3)] = rng.choice(
                ["", "9", "-", "e9", ".", "\n", " ", "K", ":", "\0", "é"]
            )
        read("".join(text))
