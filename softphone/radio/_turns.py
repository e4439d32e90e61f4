"""Two people who take turns, as a model: what each saving is worth in airtime, from G.711 at 20 ms down."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from softphone.radio._meter import IPV4_UDP_BYTES, SIP_MESSAGES, RadioInUse
from softphone.radio.base import Traffic


@dataclass(frozen=True, slots=True)
class Side:
    """What one of two like sides sends."""

    bit_rate_bps: float
    packet_ms: float
    rtp_bytes: int = 12
    """RTP header (RFC 3550 section 5.1)."""
    talks: float = 0.5
    """Share of the time that this side talks."""
    dtx: bool = False
    """Nothing but descriptions of the silence is sent in pauses."""
    silence_bytes: int = 10
    """Payload that describes a silence."""
    silence_every_s: float = 1.0
    credit: float = 0.0
    """Share of the packets of active speech that the other side repeats by itself."""
    rtcp_every_s: float = 5.0
    """RFC 3550 section 6.2."""
    rtcp_bytes: int = 76
    """Sender report with one block, and SDES with a CNAME of 12 bytes (section 6), padded."""
    sip_bytes: int = 3351
    """Of the whole call, both sides."""
    seconds: float = 60.0
    """Length of the call."""

    def traffic(self) -> Traffic:
        """All that a radio on either side carries in the call."""
        head = IPV4_UDP_BYTES + self.rtp_bytes
        payload = math.ceil(self.bit_rate_bps * self.packet_ms / 8000)
        active_s = self.seconds * (self.talks if self.dtx else 1.0)
        flows = [
            (head + payload, 1000 * active_s / self.packet_ms * (1 - self.credit)),
            (IPV4_UDP_BYTES + self.rtcp_bytes, self.seconds / self.rtcp_every_s),
            (IPV4_UDP_BYTES + self.sip_bytes / 2 / SIP_MESSAGES, SIP_MESSAGES),
        ]
        if self.dtx:
            flows.append((head + self.silence_bytes, (self.seconds - active_s) / self.silence_every_s))
        sizes: dict[float, float] = {}
        for size, count in flows:
            sizes[size] = sizes.get(size, 0.0) + count
        return Traffic(sizes, sizes)


G711 = Side(bit_rate_bps=64_000, packet_ms=20)

SAVINGS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("nothing sent in pauses", {"dtx": True}),
    ("RTP header of 2 bytes", {"rtp_bytes": 2}),
    ("RTCP every 30 s", {"rtcp_every_s": 30.0}),
    ("SIP of 2,300 bytes, compact", {"sip_bytes": 2300}),
    ("repeat credit, 10 % of packets", {"credit": 0.10}),
    ("SIP of 600 bytes, with a dictionary", {"sip_bytes": 600}),
)
"""What is saved after the codec has been changed, in this order."""


@dataclass(frozen=True, slots=True)
class Step:
    """A row of the table; tuples hold a value for each radio."""

    name: str
    packets_per_s: float
    """RTP that one side sends."""
    ms_per_s: tuple[float, ...]
    ratio: tuple[float, ...]
    """Against G.711, with all savings down to this one."""
    without: tuple[float, ...] | None
    """Against G.711, with all savings but this one; None for G.711 itself, and where a later saving goes further in the same."""


def ladder(bit_rate_bps: float, packet_ms: float, radios: tuple[RadioInUse, ...]) -> Iterator[Step]:
    """Yield G.711, then the codec at *bit_rate_bps* in packets of *packet_ms*, then each of `SAVINGS` on top."""
    codec = {"bit_rate_bps": bit_rate_bps, "packet_ms": packet_ms}
    name = f"{bit_rate_bps / 1000:g} kb/s in {packet_ms:g} ms packets"
    levers: list[tuple[str, dict[str, Any]]] = [(name, codec), *SAVINGS]
    reference = tuple(_ms_per_s(G711, radio) for radio in radios)
    yield Step("G.711 in 20 ms packets", _packets_per_s(G711), reference, (1.0,) * len(radios), None)
    side = G711
    for index, (name, change) in enumerate(levers):
        side, others = replace(side, **change), G711
        for _, other in levers[:index] + levers[index + 1 :]:
            others = replace(others, **other)
        used = tuple(_ms_per_s(side, radio) for radio in radios)
        ratio = tuple(a / b for a, b in zip(used, reference, strict=True))
        without = None
        if not any(change.keys() & later.keys() for _, later in levers[index + 1 :]):
            left = (_ms_per_s(others, radio) for radio in radios)
            without = tuple(a / b for a, b in zip(left, reference, strict=True))
        yield Step(name, _packets_per_s(side), used, ratio, without)


def _ms_per_s(side: Side, radio: RadioInUse) -> float:
    return radio.times(side.traffic(), side.seconds).transmit_us / 1e3 / side.seconds


def _packets_per_s(side: Side) -> float:
    active = 1000 / side.packet_ms * (side.talks if side.dtx else 1.0) * (1 - side.credit)
    return active + ((1 - side.talks) / side.silence_every_s if side.dtx else 0.0)
