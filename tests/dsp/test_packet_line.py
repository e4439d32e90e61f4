"""Packets over a line that loses some."""

import itertools

import numpy as np
import pytest

from dsp.errors import ParameterError, UnknownName
from dsp.packet_line import GilbertLoss, PacketLine
from dsp.types import Samples


class Wire:
    """A codec that changes nothing and conceals by silence."""

    def __init__(self, sample_rate_hz: int = 8000, frame_samples: int = 160, delay_samples: int = 0) -> None:
        self.sample_rate_hz = sample_rate_hz
        self.frame_samples = frame_samples
        self.delay_samples = delay_samples
        self.line = np.zeros(delay_samples, dtype=np.float32)

    def transmit(self, frame: Samples, *, lost: bool) -> Samples:
        assert frame.shape == (self.frame_samples,)
        joined = np.concatenate((self.line, frame))
        self.line = joined[self.frame_samples :]
        return np.zeros_like(frame) if lost else joined[: self.frame_samples]


def no_loss() -> GilbertLoss:
    return GilbertLoss(0.0, 1.0, 1)


@pytest.mark.parametrize(
    ("loss_pct", "burst"), [(0.0, 1.0), (1.0, 1.0), (10.0, 1.0), (10.0, 5.0), (60.0, 1.0), (100.0, 3.0)]
)
def test_losses_have_the_share_and_the_run_length_asked_for(loss_pct: float, burst: float) -> None:
    loss, count = GilbertLoss(loss_pct, burst, 7), 60_000
    lost = [loss.next() for _ in range(count)]
    runs = [len(list(group)) for value, group in itertools.groupby(lost) if value]
    share = loss_pct / 100
    length = np.inf if share == 1 else max(burst, 1 / (1 - share))
    # The variance of a share of correlated losses is about (2 length - 1) that of independent ones.
    spread = 4 * np.sqrt(share * (1 - share) * (2 * min(length, 100) - 1) / count)
    assert np.mean(lost) == pytest.approx(share, abs=max(spread, 1e-9))
    if 0 < share < 1:
        assert np.mean(runs) == pytest.approx(length, rel=4 / np.sqrt(len(runs)))


def test_losses_depend_on_the_seed_alone() -> None:
    a, b, c = GilbertLoss(20, 2, 1), GilbertLoss(20, 2, 1), GilbertLoss(20, 2, 2)
    first = [a.next() for _ in range(500)]
    assert [b.next() for _ in range(500)] == first
    assert [c.next() for _ in range(500)] != first
    a.reset()
    assert [a.next() for _ in range(500)] == first


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 44_100, 48_000])
@pytest.mark.parametrize("codec_delay", [0, 52])
def test_the_delay_is_what_it_says_and_nothing_else_changes(rate_hz: int, codec_delay: int) -> None:
    t = np.arange(rate_hz) / rate_hz
    sound = np.stack([0.4 * np.sin(2 * np.pi * freq * t) for freq in (440.0, 1000.0)]).astype(np.float32)
    line = PacketLine(lambda: Wire(delay_samples=codec_delay), 2, rate_hz, no_loss())
    out = line.process(sound.copy())
    delay = line.delay_samples
    settled = rate_hz // 20
    error = out[:, delay + settled :] - sound[:, : sound.shape[1] - delay][:, settled:]
    # At 44.1 kHz the delay is no whole number of samples: up to half of one is rounded away.
    rounding = 0.4 * np.sin(np.pi * 1000 / rate_hz) if rate_hz == 44_100 else 0.0
    assert np.abs(error).max() < 3e-3 + rounding  # the resamplers' 0.03 dB of ripple twice
    assert not out[:, : delay - rate_hz // 100].any()


def test_pieces_equal_the_whole_at_any_rate() -> None:
    rng = np.random.default_rng(1)
    sound = (0.1 * rng.standard_normal((2, 9000))).astype(np.float32)
    for rate_hz in (8000, 44_100):
        lines = [PacketLine(Wire, 2, rate_hz, GilbertLoss(50, 2, 3)) for _ in range(2)]
        whole = lines[0].process(sound.copy())
        cuts = [1, 2, 3, 500, 501, 4000, 4000, 8000]
        pieces = [lines[1].process(np.ascontiguousarray(each)) for each in np.split(sound, cuts, axis=1)]
        np.testing.assert_allclose(np.concatenate(pieces, axis=1), whole, atol=1e-6)
        assert (lines[0].packets, lines[0].lost) == (lines[1].packets, lines[1].lost)
        assert lines[0].lost > 0


def test_a_packet_is_lost_for_all_channels_and_too_loud_is_clipped() -> None:
    line = PacketLine(Wire, 2, 8000, GilbertLoss(50, 1, 3))
    out = line.process(np.full((2, 8000), 5.0, dtype=np.float32))
    np.testing.assert_array_equal(out[0], out[1])
    assert set(np.unique(out)) == {0.0, 1.0}
    heard = out[0].reshape(50, 160)[1:]  # the first is the delay
    assert line.packets == 50
    assert line.lost - 1 <= np.count_nonzero(heard[:, 0] == 0.0) <= line.lost


def test_reset_is_as_new() -> None:
    line = PacketLine(lambda: Wire(delay_samples=20), 1, 16_000, GilbertLoss(30, 2, 3))
    sound = np.random.default_rng(1).standard_normal((1, 5000)).astype(np.float32) * 0.1
    first = line.process(sound.copy())
    line.reset()
    assert (line.packets, line.lost) == (0, 0)
    np.testing.assert_array_equal(line.process(sound.copy()), first)


def test_an_unknown_codec_is_a_parameter_out_of_range() -> None:
    def none() -> Wire:
        raise UnknownName("no codec named 'x'; known: pcma")

    with pytest.raises(ParameterError, match=r"^no codec named 'x'; known: pcma$"):
        PacketLine(none, 1, 8000, no_loss())
