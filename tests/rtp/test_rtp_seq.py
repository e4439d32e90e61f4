from hypothesis import given
from hypothesis import strategies as st

from softphone.rtp.seq import uint32_delta


@given(st.integers(0, 0xFFFFFFFF), st.integers(-(2**31), 2**31 - 1))
def test_32_bit_distance_survives_the_wrap(start, step):
    assert uint32_delta((start + step) & 0xFFFFFFFF, start) == step
