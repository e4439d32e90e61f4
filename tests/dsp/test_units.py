import pytest

from dsp.units import samples_of_ms


@pytest.mark.parametrize(
    ("ms", "rate", "samples"), [(20, 8000, 160), (2.5, 48000, 120), (2.5, 11025, 27), (0, 8000, 0)]
)
def test_a_duration_is_whole_samples(ms: float, rate: int, samples: int) -> None:
    assert samples_of_ms(ms, rate) == samples
