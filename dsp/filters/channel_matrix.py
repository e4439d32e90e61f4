"""Channel matrix: each output channel is a sum of input channels."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsp.errors import ParameterError
from dsp.filters.base import Filter, FilterSpec, Setting
from dsp.params import choice, items, numbers
from dsp.types import Block

_LAYOUTS = ("mono", "left", "right", "stereo", "swap", "mid-side", "mid-side-decode")


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """One output channel of `ChannelMatrixParams`."""

    gains: tuple[float, ...] = numbers(
        (1.0,), -100.0, 100.0, "", "factor of each input channel; those not named have 0", counts=(1, 64)
    )


@dataclass(frozen=True, slots=True)
class ChannelMatrixParams:
    """Parameters of `ChannelMatrix`."""

    layout: str = choice(
        "mono",
        _LAYOUTS,
        "mono: the mean of all channels; left, right: that one alone; stereo: the first two, or one twice; "
        "swap: the two exchanged; mid-side: half the sum and half the difference, and back",
    )
    rows: tuple[MatrixRow, ...] = items(
        MatrixRow, (), "one row of gains for each output channel, in place of the layout", counts=(0, 64)
    )


class ChannelMatrix(Filter):
    """Multiplies by a matrix."""

    def __init__(self, params: ChannelMatrixParams, setting: Setting) -> None:
        made = _of_rows if params.rows else _of_layout
        self._matrix = made(params, setting.channels).astype(np.float32)
        self.channels_out = self._matrix.shape[0]

    def process(self, block: Block) -> Block:
        """See `Filter.process`."""
        mixed: Block = self._matrix @ block
        if mixed.shape != block.shape:
            return mixed
        block[:] = mixed
        return block

    def reset(self) -> None:
        """See `Filter.reset`."""


def _of_rows(params: ChannelMatrixParams, channels: int) -> NDArray[np.float64]:
    matrix = np.zeros((len(params.rows), channels))
    for index, row in enumerate(params.rows):
        if len(row.gains) > channels:
            raise ParameterError(
                f"rows.{index}.gains must have {channels} values at most for {channels} channels, got {len(row.gains)}"
            )
        matrix[index, : len(row.gains)] = row.gains
    return matrix


def _of_layout(params: ChannelMatrixParams, channels: int) -> NDArray[np.float64]:
    one = np.eye(channels)
    match params.layout:
        case "mono":
            return np.full((1, channels), 1.0 / channels)
        case "left":
            return one[:1]
        case "right":
            return one[min(1, channels - 1) :][:1]
        case "stereo":
            return one[[0, min(1, channels - 1)]]
        case _ if channels != 2:
            raise ParameterError(f"layout {params.layout} needs 2 channels, got {channels}")
        case "swap":
            return one[::-1]
        case "mid-side":
            return np.array([[0.5, 0.5], [0.5, -0.5]])
        case _:
            return np.array([[1.0, 1.0], [1.0, -1.0]])


SPECS = (
    FilterSpec(
        name="channel-matrix",
        summary="Mixes channels: to mono or stereo, swapped, one alone, mid and side, or by a matrix of gains",
        category="level",
        source="linear algebra; mid and side: A. D. Blumlein, patent GB 394325 (1931)",
        params=ChannelMatrixParams,
        build=ChannelMatrix,
        linear=True,
    ),
)
