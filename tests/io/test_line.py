"""The simulated line, in virtual time and by its statistics."""

import math
import random
from itertools import groupby, pairwise

import pytest

from softphone.errors import UsageError
from softphone.io.line import Line

PEER = ("192.0.2.1", 5004)


def fates(line: Line, count: int) -> list[bool]:
    """For each of *count* datagrams, whether it is lost."""
    return [not line.transfer(b"x", PEER, 0.0) for _ in range(count)]


def delays(line: Line, count: int) -> list[float]:
    return [line.transfer(b"x", PEER, 10.0)[0][2] - 10.0 for _ in range(count)]


def mean_burst(lost: list[bool]) -> float:
    runs = [len(list(run)) for is_lost, run in groupby(lost) if is_lost]
    return sum(runs) / len(runs)


def test_a_perfect_line_changes_nothing() -> None:
    line = Line(random.Random(1))
    assert [line.transfer(bytes([n]), PEER, n / 50) for n in range(3)] == [
        [(bytes([n]), PEER, n / 50)] for n in range(3)
    ]
    assert (line.stats.datagrams, line.stats.lost) == (3, 0)


@pytest.mark.parametrize("loss_pct", [1.0, 10.0, 40.0, 80.0])
@pytest.mark.parametrize("burst", [1.0, 3.0, 8.0])
def test_loss_and_mean_burst_are_as_asked_in_the_long_run(loss_pct: float, burst: float) -> None:
    lost = fates(Line(random.Random(7), loss_pct=loss_pct, burst=burst), 60000)
    share, expected = loss_pct / 100, max(burst, 1 / (1 - loss_pct / 100))
    # Four standard errors: bursts multiply the variance of independent loss by less than twice their length.
    assert abs(sum(lost) / len(lost) - share) < 4 * math.sqrt(share * (1 - share) * 2 * expected / len(lost))
    assert mean_burst(lost) == pytest.approx(expected, rel=4 / math.sqrt(len(lost) * share / expected))


def test_a_burst_of_one_is_independent_loss() -> None:
    lost = fates(Line(random.Random(3), loss_pct=30.0), 60000)
    after_loss = [b for a, b in pairwise(lost) if a]
    assert sum(after_loss) / len(after_loss) == pytest.approx(0.3, abs=4 * math.sqrt(0.21 / len(after_loss)))


@pytest.mark.parametrize(("loss_pct", "lost"), [(0.0, 0), (100.0, 500)])
def test_nothing_and_everything_are_exact(loss_pct: float, lost: int) -> None:
    line = Line(random.Random(5), loss_pct=loss_pct, burst=4.0)
    assert sum(fates(line, 500)) == line.stats.lost == lost


def test_delay_without_jitter_is_exact() -> None:
    assert delays(Line(random.Random(1), delay_ms=120.0), 5) == pytest.approx([0.12] * 5)


def test_jitter_has_its_mean_deviation_and_floor() -> None:
    seen = delays(Line(random.Random(11), delay_ms=50.0, jitter_ms=20.0), 40000)
    mean = sum(seen) / len(seen)
    deviation = math.sqrt(sum((d - mean) ** 2 for d in seen) / len(seen))
    assert min(seen) >= 0.05
    assert mean == pytest.approx(0.05 + 2 * 0.02, abs=4 * 0.02 / math.sqrt(len(seen)))
    assert deviation == pytest.approx(0.02, rel=0.03)


def test_one_seed_is_one_line_and_another_seed_another() -> None:
    def history(seed: int) -> list[object]:
        line = Line(random.Random(seed), loss_pct=20.0, burst=2.0, jitter_ms=10.0)
        return [line.transfer(b"x", PEER, n / 50) for n in range(200)]

    assert history(1) == history(1)
    assert history(1) != history(2)


def test_datagrams_come_out_when_due_and_in_the_order_of_that() -> None:
    line = Line(random.Random(2), delay_ms=30.0, jitter_ms=15.0)
    for n in range(50):
        line.put(bytes([n]), PEER, n * 0.01)
    assert line.release(0.0) == []
    came: list[bytes] = []
    while (due := line.next_due()) is not None:
        [(data, addr, at)] = line.release(due)
        assert (addr, at) == (PEER, due)
        came.append(data)
    assert sorted(came) == [bytes([n]) for n in range(50)]
    assert came != sorted(came)


def test_datagrams_due_at_once_keep_their_order() -> None:
    line = Line(random.Random(2), delay_ms=30.0)
    for n in range(5):
        line.put(bytes([n]), PEER, 1.0)
    assert [data for data, _, _ in line.release(1.03)] == [bytes([n]) for n in range(5)]
    assert line.release(9.0) == []


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"loss_pct": 101.0}, "0 to 100 percent, got 101"),
        ({"loss_pct": -1.0}, "0 to 100 percent"),
        ({"loss_pct": math.nan}, "got nan"),
        ({"burst": 0.5}, "at least 1 packet, got 0.5"),
        ({"delay_ms": -1.0}, "not be negative"),
        ({"jitter_ms": math.nan}, "not be negative"),
    ],
)
def test_values_out_of_range_are_refused(options: dict[str, float], named: str) -> None:
    with pytest.raises(UsageError, match=named):
        Line(random.Random(1), **options)
