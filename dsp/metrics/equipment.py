"""Equipment figures of ITU-T G.113 (09/2024): what a codec costs on the scale of each E-model, and how well it bears losses.

Conventions: `Equipment.codec` is the name of our registry where we have the codec. G.113 calls all of these provisional planning
values: they are means over listening tests, not measurements of a call. Rows are narrowband (appendix I, scale of G.107), wideband
(appendix IV, G.107.1) and fullband (appendix V, G.107.2). AMR narrowband, Opus, Codec2 and VLC are in none.
Source: the tables named in each row; docs/e-model.md says against what each was checked.
"""

from dsp.emodel_terms import FULLBAND, NARROWBAND, WIDEBAND, Equipment
from dsp.metrics.base import MetricSpec

_I_1 = "ITU-T G.113 table I.1"
_I_4 = "ITU-T G.113 table I.4"
_IV_1 = "ITU-T G.113 table IV.1"
_IV_3 = "ITU-T G.113 table IV.3"
_IV_4 = "ITU-T G.113 tables IV.3 and IV.4"
_V = "ITU-T G.113 tables V.1 and V.3, erratum 1 (01/2026)"


def _narrow(codec: str, bit_rate_bps: int, ie: float) -> Equipment:
    return Equipment(codec, NARROWBAND, ie, None, _I_1, bit_rate_bps)


def _robust(codec: str, bit_rate_bps: int, ie: float, bpl: float, packet_ms: int) -> Equipment:
    return Equipment(codec, NARROWBAND, ie, bpl, _I_4, bit_rate_bps, packet_ms)


def _wide(codec: str, bit_rate_bps: int, ie: float) -> Equipment:
    return Equipment(codec, WIDEBAND, ie, None, _IV_1, bit_rate_bps)


def _diotic(bit_rate_bps: int, ie: float, bpl: float | None = None) -> Equipment:
    source = _IV_3 if bpl is None else _IV_4
    return Equipment("amr-wb", WIDEBAND, ie, bpl, source, bit_rate_bps, listening="diotic")


def _full(bit_rate_bps: int, ie: float, bpl: float) -> Equipment:
    return Equipment("evs", FULLBAND, ie, bpl, _V, bit_rate_bps, listening="diotic")


G113: tuple[Equipment, ...] = (
    _robust("pcmu", 64_000, 0, 25.1, 10),
    _robust("pcma", 64_000, 0, 25.1, 10),
    _robust("g711-unconcealed", 64_000, 0, 4.3, 10),
    _narrow("g726", 40_000, 2),
    _narrow("g726", 32_000, 7),
    _narrow("g726", 24_000, 25),
    _narrow("g726", 16_000, 50),
    _narrow("g728", 16_000, 7),
    _narrow("g728", 12_800, 20),
    _narrow("g729", 8000, 10),
    _robust("g729-vad", 8000, 11, 19.0, 20),
    _narrow("g723.1", 5300, 19),
    _robust("g723.1", 6300, 15, 16.1, 30),
    _narrow("gsm", 13_000, 20),
    _narrow("gsm-hr", 5600, 23),
    _robust("gsm-efr", 12_200, 5, 10.0, 20),
    _narrow("is-54", 8000, 20),
    _narrow("is-641", 7400, 10),
    _narrow("is-96a", 8000, 21),
    _narrow("is-127", 8000, 6),
    _narrow("pdc", 6700, 24),
    _wide("g722", 64_000, 13),
    _wide("g722", 56_000, 20),
    _wide("g722", 48_000, 31),
    _wide("g722.1", 32_000, 13),
    _wide("g722.1", 24_000, 19),
    _wide("amr-wb", 23_850, 8),
    _wide("amr-wb", 23_050, 1),
    _wide("amr-wb", 19_850, 3),
    _wide("amr-wb", 18_250, 5),
    _wide("amr-wb", 15_850, 7),
    _wide("amr-wb", 14_250, 10),
    _wide("amr-wb", 12_650, 13),
    _wide("amr-wb", 8850, 26),
    _wide("amr-wb", 6600, 41),
    _diotic(23_850, 10, 4.9),
    _diotic(23_050, 8, 4.6),
    _diotic(15_850, 17),
    _diotic(12_650, 20, 4.3),
    _diotic(8850, 41),
    _diotic(6600, 56),
    _full(48_000, 10.2, 9.6),
    _full(32_000, 8.7, 9.3),
    _full(24_400, 7.2, 11.4),
    _full(16_400, 10.8, 10.3),
    _full(13_200, 17.1, 11.7),
    _full(9600, 22.7, 13.0),
)
"""Every row there is of the codecs named; G.723.1 at 6.3 kb/s and GSM EFR with the Bpl that table I.4 gives (G.723.1 with VAD)."""

CALLED = {
    "g711": "pcmu", "g711u": "pcmu", "g711a": "pcma",
    "g726-16": "g726:16000", "g726-24": "g726:24000", "g726-32": "g726:32000", "g726-40": "g726:40000", "g721": "g726:32000",
    "g729a": "g729", "g729b": "g729-vad", "g729ab": "g729-vad", "g723": "g723.1", "g7231": "g723.1",
    "gsm-fr": "gsm", "gsm-hr-08": "gsm-hr", "evrc": "is-127", "qcelp": "is-96a", "g7221": "g722.1", "g7222": "amr-wb",
}  # fmt: skip
"""Names of RFC 3551 and of others, in lower case -> the name here, with a bit rate where the name says one."""
_TOLERANCE = 0.1


def equipment_of(
    codec: str,
    bit_rate_bps: int | None = None,
    packet_ms: float | None = None,
    *,
    listening: str | None = None,
) -> Equipment | None:
    """The row of G.113 for *codec*, or None where it has none.

    Args:
        codec: a name of our registry, or of RFC 3551; case does not matter.
        bit_rate_bps: of the codec, which may be as measured; looked at only where the tables have several rates of it and the name
            says none: then the row of the nearest is meant, if it is within 10 per cent.
        packet_ms: of several rows that which holds for packets of this length.
        listening: ``monotic`` or ``diotic``; None: the row that has a Bpl, else the monotic one.
    """
    name, _, rate = CALLED.get(codec.lower(), codec.lower()).partition(":")
    wanted = int(rate) if rate else bit_rate_bps
    rows = [each for each in G113 if each.codec == name and listening in (None, each.listening)]
    rates = {each.bit_rate_bps or 0 for each in rows}
    if len(rates) > 1:
        if wanted is None:
            return None
        nearest = min(rates, key=lambda each: abs(each - wanted))
        rows = [
            each
            for each in rows
            if each.bit_rate_bps == nearest and abs(nearest - wanted) <= _TOLERANCE * wanted
        ]

    def rank(row: Equipment) -> tuple[bool, float]:
        return row.bpl is None, abs((row.packet_ms or 0) - (packet_ms or 0))

    return min(rows, key=rank) if rows else None


SPECS: tuple[MetricSpec, ...] = ()
