import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.ring import SampleRing


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 20), st.lists(st.tuples(st.booleans(), st.integers(0, 25)), max_size=40))
def test_samples_come_out_in_the_order_they_went_in(capacity: int, steps: list[tuple[bool, int]]) -> None:
    ring, model, counter = SampleRing(capacity), [], 0
    overruns = underruns = 0
    for writing, size in steps:
        if writing:
            block = np.arange(counter, counter + size, dtype=np.float32)
            counter += size
            taken = ring.write(block)
            assert taken == min(size, capacity - len(model))
            overruns += taken < size
            model += block[:taken].tolist()
        else:
            out = np.full(size, np.nan, dtype=np.float32)
            got = ring.read(out)
            assert got == min(size, len(model))
            underruns += got < size
            assert out.tolist() == model[:got] + [0.0] * (size - got)
            del model[:got]
        assert len(ring) == len(model)
    assert (ring.overruns, ring.underruns) == (overruns, underruns)
