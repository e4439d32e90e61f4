"""Rate control of VLC: which quantiser step the next packet takes (docs/vlc-format.md, "Rate control").

A leaky bucket: what was sent beyond the asked rate is owed, in seconds of that rate. The step follows the debt
slowly, so that it hardly moves inside an utterance, around a centre that drifts to where the debt stays zero.
"""

import math
from typing import NamedTuple

from dsp.codecs.vlc.model import PACKETS_MS, Model
from dsp.codecs.vlc.tables import STEPS
from dsp.errors import ParameterError

_INDICES_PER_SECOND = 5.0
"""Step indices for each second of debt: a debt of 2 s makes the step 2.4 times as large."""
_DRIFT = 0.02
"""Share of that, per second, by which the centre moves."""
_MOST_DEBT_S = 2.0
_CREDIT_S = 0.1
"""To begin with: what the pause at the end of an utterance leaves unspent."""


class _Rates(NamedTuple):
    """What development speech takes on average."""

    lowest_bps: int
    """At the largest step, rounded up."""
    at_16_bps: float
    """At step index 16 (8 dB)."""


_RATES: dict[tuple[str, int], _Rates] = {
    ("vlc", 64): _Rates(1200, 3330.0),
    ("vlc", 96): _Rates(1100, 3110.0),
    ("vlc", 128): _Rates(1000, 3000.0),
    ("vlc", 144): _Rates(1000, 2970.0),
    ("vlc-wb", 64): _Rates(1500, 4440.0),
    ("vlc-wb", 96): _Rates(1300, 4170.0),
    ("vlc-wb", 128): _Rates(1300, 4050.0),
    ("vlc-wb", 144): _Rates(1200, 4030.0),
}
_INDICES_PER_OCTAVE = 9.0
"""Of rate: how many indices halve it."""


def lowest_bit_rate_bps(model: Model, packet_ms: int) -> int:
    """The least average that speech can be held to in packets of *packet_ms*."""
    return _RATES[model.name, packet_ms].lowest_bps


class RateControl:
    """Chooses steps so that payloads meet *bit_rate_bps* on average."""

    def __init__(self, model: Model, bit_rate_bps: int, packet_ms: int) -> None:
        """Start with a little credit.

        Raises:
            ParameterError: for a packet length that does not exist, or a rate below the lowest for it.
        """
        if packet_ms not in PACKETS_MS:
            raise ParameterError(f"VLC packets last {', '.join(map(str, PACKETS_MS))} ms, got {packet_ms}")
        rates = _RATES[model.name, packet_ms]
        if bit_rate_bps < rates.lowest_bps:
            others = [ms for ms in PACKETS_MS if _RATES[model.name, ms].lowest_bps <= bit_rate_bps]
            instead = f", or packets of {min(others)} ms" if others else ""
            raise ParameterError(
                f"{model.name} in packets of {packet_ms} ms takes {rates.lowest_bps} bit/s or more, got "
                f"{bit_rate_bps}: ask for {rates.lowest_bps}{instead}"
            )
        self.bit_rate_bps = bit_rate_bps
        self._packet_s = packet_ms / 1000.0
        self._centre = 16.0 - _INDICES_PER_OCTAVE * math.log2(bit_rate_bps / rates.at_16_bps)
        self._debt_s = -_CREDIT_S

    @property
    def debt_s(self) -> float:
        """Seconds of the asked rate that were sent too much; negative: too little."""
        return self._debt_s

    def next_step(self) -> int:
        """Step index of the next packet."""
        index = round(self._centre + _INDICES_PER_SECOND * self._debt_s)
        return max(0, min(STEPS - 1, index))

    def account(self, payload_bytes: int) -> None:
        """Take note that a packet was coded into *payload_bytes* (0: nothing was sent for it)."""
        debt_s = self._debt_s + payload_bytes * 8 / self.bit_rate_bps - self._packet_s
        self._debt_s = max(-_MOST_DEBT_S, min(_MOST_DEBT_S, debt_s))
        drifted = self._centre + _DRIFT * _INDICES_PER_SECOND * self._packet_s * self._debt_s
        self._centre = max(0.0, min(STEPS - 1.0, drifted))
