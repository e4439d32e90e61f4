"""Rate control of VLC: the asked average over 20 s of real speech, near-constant steps, what is refused."""

import functools

import numpy as np
import pytest
from support.suppression import speech

from dsp.codecs.vlc.analysis import Analysis
from dsp.codecs.vlc.model import NARROW, PACKETS_MS, WIDE, Model, PacketParameters
from dsp.codecs.vlc.packet import PacketCoder
from dsp.codecs.vlc.rate import RateControl, lowest_bit_rate_bps
from dsp.errors import ParameterError

SECONDS = 20
MODELS = {"vlc": NARROW, "vlc-wb": WIDE}
RATES = {"vlc": (1200, 1600, 2400, 3800, 6000), "vlc-wb": (3800, 6000, 8000)}


@functools.cache
def packets(name: str, packet_ms: int) -> tuple[PacketParameters, ...]:
    """20 s of the bundled man and woman, turn about, as the encoder sees them."""
    model = MODELS[name]
    rate = model.sample_rate_hz
    said = np.concatenate([speech("man", rate), speech("woman", rate)])
    said = np.ascontiguousarray(np.resize(said, SECONDS * rate), dtype=np.float32)
    analysis = Analysis(model, packet_ms=packet_ms)
    size = analysis.packet_samples
    return tuple(analysis.push(said[start : start + size]) for start in range(0, said.size - size + 1, size))


def _coded(model: Model, rate_bps: int, packet_ms: int) -> tuple[list[int], list[int]]:
    """Bytes and steps of every packet."""
    control, coder = RateControl(model, rate_bps, packet_ms), PacketCoder(model, packet_ms)
    sizes, steps = [], []
    for parameters in packets(model.name, packet_ms):
        steps.append(control.next_step())
        sizes.append(len(coder.encode(parameters, steps[-1])))
        control.account(sizes[-1])
    return sizes, steps


@pytest.mark.parametrize(
    ("name", "rate_bps"), [(name, rate) for name, rates in RATES.items() for rate in rates]
)
@pytest.mark.parametrize("packet_ms", PACKETS_MS)
def test_real_speech_has_the_asked_rate_within_3_percent_over_20_s(
    name: str, rate_bps: int, packet_ms: int
) -> None:
    sizes, steps = _coded(MODELS[name], rate_bps, packet_ms)
    got_bps = sum(sizes) * 8000.0 / (len(sizes) * packet_ms)
    assert got_bps == pytest.approx(rate_bps, rel=0.03)
    # Inside an utterance the step stays: an index is 9 % of it.
    assert np.max(np.abs(np.diff(steps))) <= 2


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("packet_ms", PACKETS_MS)
def test_the_lowest_rate_is_honest_and_less_is_refused_in_one_line(name: str, packet_ms: int) -> None:
    model = MODELS[name]
    lowest = lowest_bit_rate_bps(model, packet_ms)
    sizes, _ = _coded(model, lowest, packet_ms)
    assert sum(sizes) * 8000.0 / (len(sizes) * packet_ms) <= lowest * 1.03
    with pytest.raises(
        ParameterError, match=f"takes {lowest} bit/s or more, got {lowest - 1}: ask for"
    ) as refused:
        RateControl(model, lowest - 1, packet_ms)
    assert "\n" not in str(refused.value)


def test_a_longer_packet_is_named_where_it_would_do() -> None:
    with pytest.raises(ParameterError, match=r"ask for 1200, or packets of 96 ms"):
        RateControl(NARROW, 1150, 64)
    with pytest.raises(ParameterError, match="64, 96, 128, 144 ms, got 60"):
        RateControl(NARROW, 2400, 60)


def test_neither_a_long_pause_nor_a_long_noise_is_remembered_for_more_than_two_seconds() -> None:
    control = RateControl(NARROW, 2400, 128)
    start = control.next_step()
    for _ in range(100):
        control.account(0)
    assert control.debt_s == -2.0
    assert control.next_step() < start - 8
    for _ in range(2000):
        control.account(200)
    assert control.debt_s == 2.0
    assert control.next_step() == 31
