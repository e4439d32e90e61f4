"""Equipment figures derived here, of codecs that ITU-T G.113 does not hold.

Made by: ``python -m tools.derive_equipment`` from tools/equipment_measured.csv; edit nothing here.

Conventions: as in `dsp.metrics.equipment`.
Source: mean MOS-LQO of PESQ over speech coded, lost at random and concealed; fitted after ITU-T P.834 and P.834.1 as
docs/e-model.md tells. How good the figures are, `ANCHORS` says: what the ITU has published beside what the same
measurement makes of it.
"""

from dsp.emodel_terms import NARROWBAND, WIDEBAND, Equipment
from dsp.metrics.base import MetricSpec

_SOURCE = "derived by PESQ: docs/e-model.md"
_DOUBTFUL = "derived by PESQ, which flatters codecs that send parameters: docs/e-model.md"


def _row(
    codec: str, scale: str, ie: float, bpl: float, source: str, bit_rate_bps: int | None, packet_ms: int
) -> Equipment:
    return Equipment(codec, scale, ie, bpl, source, bit_rate_bps, packet_ms, published=False)


DERIVED: tuple[Equipment, ...] = (
    _row("opus", NARROWBAND, 35.9, 31.1, _SOURCE, 6000, 20),
    _row("opus", NARROWBAND, 31.1, 20.0, _SOURCE, 6000, 60),
    _row("opus", NARROWBAND, 17.6, 21.6, _SOURCE, 8000, 20),
    _row("opus", NARROWBAND, 14.9, 15.0, _SOURCE, 8000, 60),
    _row("opus", NARROWBAND, 21.0, 21.9, _SOURCE, 10000, 20),
    _row("opus", NARROWBAND, 18.3, 15.4, _SOURCE, 10000, 60),
    _row("codec2", NARROWBAND, 58.7, 49.6, _DOUBTFUL, 700, 40),
    _row("codec2", NARROWBAND, 58.8, 26.6, _DOUBTFUL, 700, 120),
    _row("codec2", NARROWBAND, 50.8, 21.7, _DOUBTFUL, 1200, 40),
    _row("codec2", NARROWBAND, 50.6, 18.3, _DOUBTFUL, 1200, 120),
    _row("codec2", NARROWBAND, 55.2, 66.9, _DOUBTFUL, 1300, 40),
    _row("codec2", NARROWBAND, 54.8, 28.3, _DOUBTFUL, 1300, 120),
    _row("codec2", NARROWBAND, 50.3, 23.7, _DOUBTFUL, 1400, 40),
    _row("codec2", NARROWBAND, 50.3, 19.3, _DOUBTFUL, 1400, 120),
    _row("codec2", NARROWBAND, 48.9, 51.2, _DOUBTFUL, 1600, 40),
    _row("codec2", NARROWBAND, 48.7, 23.8, _DOUBTFUL, 1600, 120),
    _row("codec2", NARROWBAND, 46.8, 21.5, _DOUBTFUL, 2400, 40),
    _row("codec2", NARROWBAND, 46.8, 18.0, _DOUBTFUL, 2400, 120),
    _row("codec2", NARROWBAND, 42.8, 39.9, _DOUBTFUL, 3200, 40),
    _row("codec2", NARROWBAND, 42.5, 20.7, _DOUBTFUL, 3200, 120),
    _row("vlc", NARROWBAND, 46.9, 76.5, _DOUBTFUL, 1200, 64),
    _row("vlc", NARROWBAND, 40.6, 46.6, _DOUBTFUL, 1200, 128),
    _row("vlc", NARROWBAND, 36.9, 55.2, _DOUBTFUL, 1600, 64),
    _row("vlc", NARROWBAND, 31.5, 36.8, _DOUBTFUL, 1600, 128),
    _row("vlc", NARROWBAND, 25.9, 44.2, _DOUBTFUL, 2400, 64),
    _row("vlc", NARROWBAND, 23.8, 35.1, _DOUBTFUL, 2400, 128),
    _row("vlc", NARROWBAND, 20.5, 41.3, _DOUBTFUL, 3600, 64),
    _row("vlc", NARROWBAND, 20.0, 31.9, _DOUBTFUL, 3600, 128),
    _row("vlc", NARROWBAND, 16.7, 38.1, _DOUBTFUL, 6000, 64),
    _row("vlc", NARROWBAND, 17.3, 30.8, _DOUBTFUL, 6000, 128),
    _row("l16", NARROWBAND, 0.0, 15.4, _SOURCE, 128000, 20),
    _row("l16", NARROWBAND, 0.0, 13.7, _SOURCE, 128000, 60),
    _row("opus", WIDEBAND, 32.9, 13.2, _SOURCE, 12000, 20),
    _row("opus", WIDEBAND, 31.6, 11.6, _SOURCE, 12000, 60),
    _row("opus", WIDEBAND, 23.7, 10.8, _SOURCE, 16000, 20),
    _row("opus", WIDEBAND, 22.9, 10.3, _SOURCE, 16000, 60),
    _row("opus", WIDEBAND, 18.6, 9.5, _SOURCE, 20000, 20),
    _row("opus", WIDEBAND, 18.1, 9.3, _SOURCE, 20000, 60),
    _row("opus", WIDEBAND, 15.6, 9.3, _SOURCE, 24000, 20),
    _row("opus", WIDEBAND, 15.2, 9.0, _SOURCE, 24000, 60),
    _row("vlc-wb", WIDEBAND, 46.8, 32.1, _DOUBTFUL, 3800, 64),
    _row("vlc-wb", WIDEBAND, 45.3, 24.2, _DOUBTFUL, 3800, 128),
    _row("vlc-wb", WIDEBAND, 42.8, 30.9, _DOUBTFUL, 6000, 64),
    _row("vlc-wb", WIDEBAND, 42.5, 24.3, _DOUBTFUL, 6000, 128),
    _row("vlc-wb", WIDEBAND, 41.3, 29.3, _DOUBTFUL, 8000, 64),
    _row("vlc-wb", WIDEBAND, 41.5, 24.4, _DOUBTFUL, 8000, 128),
    _row("g722", WIDEBAND, 15.2, 6.9, _SOURCE, 64000, 20),
    _row("g722", WIDEBAND, 15.2, 8.0, _SOURCE, 64000, 60),
    _row("l16-wb", WIDEBAND, 0.0, 5.4, _SOURCE, 256000, 20),
    _row("l16-wb", WIDEBAND, 0.0, 6.0, _SOURCE, 256000, 60),
)
ANCHORS: tuple[tuple[str, str, float, float, float], ...] = (
    ("G.107", "pcmu@10", 0.0, 0.0, 1.3),
    ("G.107", "pcmu@10", 1.0, 3.6, 10.4),
    ("G.107", "pcmu@10", 2.0, 6.9, 16.5),
    ("G.107", "pcmu@10", 4.0, 13.1, 24.4),
    ("G.107", "pcmu@10", 7.0, 20.7, 32.5),
    ("G.107", "pcmu@10", 12.0, 30.7, 39.8),
    ("G.107", "pcmu@10", 20.0, 42.2, 48.5),
    ("G.107", "pcmu-silence@10", 1.0, 17.9, 14.6),
    ("G.107", "pcmu-silence@10", 2.0, 30.1, 23.1),
    ("G.107", "pcmu-silence@10", 4.0, 45.8, 33.1),
    ("G.107", "pcmu-silence@10", 7.0, 58.9, 43.3),
    ("G.107", "pcmu-silence@10", 12.0, 70.0, 50.7),
    ("G.107", "pcmu-silence@10", 20.0, 78.2, 59.1),
    ("G.107", "g726:40000", 0.0, 2.0, -3.9),
    ("G.107", "g726:32000", 0.0, 7.0, 3.8),
    ("G.107", "g726:24000", 0.0, 25.0, 21.3),
    ("G.107", "g726:16000", 0.0, 50.0, 45.0),
    ("G.107", "g723.1:6300@30", 0.0, 15.0, 21.6),
    ("G.107", "g723.1:6300@30", 1.1, 20.0, 25.6),
    ("G.107", "g723.1:6300@30", 1.9, 23.5, 28.9),
    ("G.107", "g723.1:6300@30", 4.0, 31.1, 35.0),
    ("G.107", "g723.1:6300@30", 7.1, 39.5, 41.9),
    ("G.107", "g723.1:6300@30", 12.0, 49.2, 50.5),
    ("G.107", "g723.1:6300@30", 20.0, 59.3, 58.1),
    ("G.107", "amr:12200@20", 0.0, 5.0, 7.6),
    ("G.107", "amr:12200@20", 1.1, 13.6, 14.7),
    ("G.107", "amr:12200@20", 2.0, 20.0, 21.4),
    ("G.107", "amr:12200@20", 4.0, 30.6, 32.1),
    ("G.107", "amr:12200@20", 7.0, 42.0, 40.4),
    ("G.107", "amr:12200@20", 12.0, 54.0, 48.8),
    ("G.107", "amr:12200@20", 20.0, 65.0, 58.2),
    ("G.107", "amr:7400@20", 0.0, 10.0, 17.4),
    ("G.107.1", "direct", 0.0, 0.0, 2.9),
    ("G.107.1", "g722:64000", 0.0, 13.0, 15.3),
    ("G.107.1", "g722:56000", 0.0, 20.0, 17.3),
    ("G.107.1", "g722:48000", 0.0, 31.0, 25.2),
    ("G.107.1", "pcmu@20", 0.0, 35.8, 39.2),
    ("G.107.1", "g726:32000", 0.0, 42.8, 41.1),
    ("G.107.1", "g723.1:6300@30", 0.0, 50.8, 52.4),
)
"""Scale, condition, per cent lost, Ie (under loss Ie,eff) as published, as derived."""

SPECS: tuple[MetricSpec, ...] = ()
