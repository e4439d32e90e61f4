"""Framing: what changes nothing gives the sound back, later by exactly the delay named, however it is cut."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.errors import ParameterError
from dsp.framing import FixedBlocks, OverlapAdd
from dsp.types import Block


def sound(channels: int, count: int) -> Block:
    return np.random.default_rng(3).uniform(-1, 1, (channels, count)).astype(np.float32)


def same(frames: Block) -> Block:
    return frames


@pytest.mark.parametrize(("frame", "hop"), [(320, 160), (256, 64), (6, 2), (2, 1), (960, 480)])
@pytest.mark.parametrize("channels", [1, 3])
def test_overlapping_windows_add_up_to_the_sound(frame: int, hop: int, channels: int) -> None:
    framing = OverlapAdd(frame, hop, channels, same)
    given_ = sound(channels, 4 * frame + 5)
    out = framing.process(given_.copy())
    delay = framing.delay_samples
    np.testing.assert_allclose(out[:, delay:], given_[:, : out.shape[1] - delay], atol=2e-6)
    assert not out[:, : delay - frame + 1].any()


def test_plain_blocks_give_the_sound_back_and_have_the_size_asked_for() -> None:
    seen: list[tuple[int, ...]] = []

    def note(block: Block) -> Block:
        seen.append(block.shape)
        return -block

    framing = FixedBlocks(7, 2, note)
    given_ = sound(2, 30)
    out = framing.process(given_.copy())
    np.testing.assert_array_equal(out[:, framing.delay_samples :], -given_[:, :23])
    assert seen == [(2, 7)] * 4


@given(cuts=st.lists(st.integers(0, 999), max_size=8))
@settings(max_examples=30, deadline=None, derandomize=True)
def test_any_cuts_give_the_same_samples(cuts: list[int]) -> None:
    given_ = sound(2, 1000)
    edges = [0, *sorted(cuts), 1000]
    for make in (
        lambda: OverlapAdd(32, 8, 2, lambda f: np.sign(f) * f * f),
        lambda: FixedBlocks(33, 2, np.flip),
    ):
        whole = make().process(given_.copy())
        framing = make()
        pieces = [framing.process(given_[:, a:b].copy()) for a, b in itertools.pairwise(edges)]
        np.testing.assert_array_equal(np.concatenate(pieces, axis=1), whole)


@pytest.mark.parametrize("make", [lambda: OverlapAdd(32, 16, 1, same), lambda: FixedBlocks(32, 1, same)])
def test_a_reset_forgets_and_an_adopted_past_goes_on(make: type) -> None:
    first, second = make(), make()
    given_ = sound(1, 500)
    first.process(given_[:, :201].copy())
    second.adopt(first)
    rest = first.process(given_[:, 201:].copy())
    np.testing.assert_array_equal(second.process(given_[:, 201:].copy()), rest)
    first.reset()
    np.testing.assert_array_equal(first.process(given_.copy()), make().process(given_.copy()))


def test_sizes_that_do_not_fit_are_refused() -> None:
    for frame, hop in ((10, 3), (10, 10), (10, 0)):
        with pytest.raises(ParameterError, match="hop must divide the frame of 10 samples"):
            OverlapAdd(frame, hop, 1, same)
    with pytest.raises(ParameterError, match="1 sample or more"):
        FixedBlocks(0, 1, same)
