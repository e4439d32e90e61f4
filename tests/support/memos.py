"""Ports and stores for tests of memos: blocks that come as fast as they are taken."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from dsp.types import Block
from softphone.errors import SoftphoneError
from softphone.io.live.port import PortStatus
from softphone.io.memos.keeping import write_flac
from softphone.io.memos.memo import Memo, NewMemo
from softphone.io.memos.store import MemoStore

RATE_HZ = 8000
AT = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)


class BlockPort:
    """Gives *blocks*, then ends; *meanwhile* is called before each, with its number."""

    is_awaited = False

    def __init__(
        self,
        blocks: list[Block],
        *,
        rate_hz: int = RATE_HZ,
        meanwhile: Callable[[int], None] = lambda number: None,
        name: str = "test",
    ) -> None:
        self.name, self.sample_rate_hz = name, rate_hz
        self.channels_in = self.channels_out = blocks[0].shape[0] if blocks else 1
        self.block_samples = 80
        self.connected, self.lost, self.is_closed, self.is_stopped = True, 0, False, False
        self._blocks = iter(blocks)
        self._given = 0
        self._meanwhile = meanwhile

    def open(self, channels_out: int, *, delay_samples: int = 0) -> None:
        self.channels_out = channels_out

    def read(self) -> Block | None:
        self._meanwhile(self._given)
        self._given += 1
        return None if self.is_stopped else next(self._blocks, None)

    def write(self, block: Block) -> None:
        assert block.shape[0] == self.channels_out

    def flush(self, output_samples: int) -> Iterator[Block]:
        return iter(())

    def close(self) -> None:
        self.is_closed = True

    def stop(self) -> None:
        self.is_stopped = True

    def status(self) -> PortStatus:
        return PortStatus(connected=self.connected, xruns_system=self.lost)


class NoPort(BlockPort):
    """Cannot be opened."""

    def open(self, channels_out: int, *, delay_samples: int = 0) -> None:
        raise SoftphoneError("it is in use")


def grid_noise(frames: int, channels: int = 1, *, seed: int = 1, bits: int = 24) -> Block:
    """Noise whose samples are whole numbers of *bits*, so that a FLAC holds them exactly."""
    full = 1 << (bits - 1)
    whole = np.random.default_rng(seed).integers(-full // 4, full // 4, (channels, frames))
    return (whole / full).astype(np.float32)


def new_memo(name: str = "one", *, memo_id: str = "20260301-083000-00000001", channels: int = 1) -> NewMemo:
    return NewMemo(memo_id, name, AT.isoformat(), RATE_HZ, channels, "test")


def added(store: MemoStore, name: str, *, number: int = 1, frames: int = 800, days: int = 0) -> Memo:
    """A memo with sound, *days* after `AT`."""
    memo_id = f"20260301-083000-{number:08x}"
    stamp = datetime.fromtimestamp(AT.timestamp() + 86_400 * days, UTC).isoformat()
    new = NewMemo(memo_id, name, stamp, RATE_HZ, 1, "test")
    write_flac(store.path_of(memo_id), new, [grid_noise(frames, seed=number)])
    return store.add(new, frames, origin="recorded")


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
