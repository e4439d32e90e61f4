"""Where two packets of VLC meet."""

import numpy as np
import pytest

from dsp.codecs.vlc.join import joined
from dsp.codecs.vlc.model import NARROW, PacketParameters


def _flat(level_db: float, frames: int) -> PacketParameters:
    return PacketParameters(
        np.full((frames, NARROW.bands), level_db, np.float32),
        np.zeros((frames, 5), np.float32),
        np.full(frames, 100.0, np.float32),
        np.zeros(frames, np.bool_),
    )


@pytest.mark.parametrize(("hop_ms", "first_db"), [(8, (-47.0, -49.0, -50.0)), (16, (-48.0, -50.0, -50.0))])
def test_the_first_frames_start_nearer_to_where_the_packet_before_ended(
    hop_ms: int, first_db: tuple[float, ...]
) -> None:
    now = _flat(-50.0, 8)
    got = joined(_flat(-40.0, 1), now, hop_ms)
    assert got.levels_db[:3, 7].tolist() == pytest.approx(first_db)
    assert np.all(got.levels_db[3:] == -50.0)
    assert np.all(now.levels_db == -50.0)


def test_an_onset_stays_an_onset() -> None:
    got = joined(_flat(-90.0, 4), _flat(-30.0, 8))
    assert got.levels_db[0, 0] == pytest.approx(-33.0)


def test_what_fits_is_left_alone() -> None:
    assert np.all(joined(_flat(-50.0, 4), _flat(-50.0, 8)).levels_db == -50.0)
