"""From counted datagrams to the `airtime` object of a RESULT."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dsp.errors import ParameterError
from softphone.radio.base import AirTimes, Power, RadioSpec, Traffic, radios

DEFAULT_RADIO = "wifi-n:6.5"
IPV4_UDP_BYTES = 28
G711_PACKETS_PER_S = 50.0
G711_BYTES = 12 + 160
"""RTP header and 20 ms of G.711."""
SIP_MESSAGES = 3
SIP_MESSAGE_BYTES = 1000
"""Of a call's SIP only the bytes are known. Each side sends three messages (INVITE, ACK, BYE; 180 and two 200), or more where
they would be longer than this on average."""


@dataclass(frozen=True, slots=True)
class RadioInUse:
    """A technology at one of its rates."""

    spec: RadioSpec
    mbps: float

    @classmethod
    def parse(cls, text: str) -> "RadioInUse":
        """Read `technology` or `technology:rate in Mb/s`.

        Raises:
            UnknownName: there is no such technology.
            ParameterError: it has no such rate.
        """
        name, colon, rate = text.strip().lower().partition(":")
        spec = radios.get(name)
        if not colon:
            return cls(spec, spec.default_mbps)
        try:
            mbps = float(rate)
        except ValueError:
            mbps = math.nan
        if mbps not in spec.rates_mbps:
            known = ", ".join(f"{one:g}" for one in spec.rates_mbps)
            raise ParameterError(f"rate of {name} must be one of {known} Mb/s, got {rate!r}")
        return cls(spec, mbps)

    def __str__(self) -> str:
        return f"{self.spec.name}:{self.mbps:g}"

    def times(self, traffic: Traffic, seconds: float) -> AirTimes:
        """What *traffic* took of the air within *seconds*."""
        return self.spec.times(traffic, seconds, self.mbps)


def g711_20ms(seconds: float, *, ip_udp_bytes: int = IPV4_UDP_BYTES) -> Traffic:
    """The RTP of a call with G.711 in packets of 20 ms both ways, without suppression of silence."""
    flow = {float(G711_BYTES + ip_udp_bytes): G711_PACKETS_PER_S * seconds}
    return Traffic(flow, flow)


def measure(
    radio: RadioInUse, traffic: Traffic, *, seconds: float, reference: Traffic | None = None
) -> dict[str, Any] | None:
    """Return the `airtime` object; None where nothing was sent.

    Args:
        traffic: all that our radio carried.
        seconds: how long that took.
        reference: what `vs_g711_20ms` compares with, over the same time; None: `g711_20ms`.

    Raises:
        ParameterError: the time is not above zero, or a size or count is below it.
    """
    if not 0 < seconds < math.inf:
        raise ParameterError(f"airtime needs a time above 0 s, got {seconds:g}")
    for side in (traffic.sent, traffic.received):
        if any(not (0 <= size < math.inf and 0 <= count < math.inf) for size, count in side.items()):
            raise ParameterError("sizes and numbers of datagrams must be 0 or more")
    if traffic.sent_datagrams == 0:
        return None
    times = radio.times(traffic, seconds)
    against = radio.times(g711_20ms(seconds) if reference is None else reference, seconds)
    occupancy = radio_mw = radiated = None
    power = radio.spec.power
    if times.receive_us is not None and times.wait_us is not None:
        occupancy = _rounded((times.transmit_us + times.receive_us + times.wait_us) / 1e3 / seconds)
    if power is not None:
        radiated = _rounded(power.radiated_mw * times.transmit_us / 1e6 / seconds)
        radio_mw = _rounded(_drawn_mw(power, times, seconds))
    return {
        "technology": radio.spec.name,
        "assumes": dict(radio.spec.assumes(radio.mbps)),
        "ms_per_s": _rounded(times.transmit_us / 1e3 / seconds),
        "occupancy_ms_per_s": occupancy,
        "mean_radiated_mw": radiated,
        "radio_mw": radio_mw,
        "vs_g711_20ms": _rounded(times.transmit_us / against.transmit_us),
    }


def _drawn_mw(power: Power, times: AirTimes, seconds: float) -> float:
    """Mean power above that of a sleeping radio, which wakes for each exchange at no cost."""
    parts = (
        (times.transmit_us, power.transmit_mw),
        (times.receive_us or 0.0, power.receive_mw),
        (times.wait_us or 0.0, power.idle_mw),
    )
    return sum(us * (mw - power.sleep_mw) for us, mw in parts) / 1e6 / seconds


def airtime(
    packets_per_s: float,
    wire_bytes: float | Mapping[float, float],
    technology: str = DEFAULT_RADIO,
    *,
    received: tuple[float, float] | None = None,
) -> dict[str, Any] | None:
    """Return the `airtime` object of a steady flow; None where *packets_per_s* is 0.

    Args:
        packets_per_s: datagrams that our radio sends.
        wire_bytes: of one datagram with its IP header, a mean; or {bytes: share}, the shares adding up to 1.
        technology: `technology` or `technology:rate in Mb/s`.
        received: (datagrams per second, bytes of one) that come in; None: the same as is sent.

    Raises:
        UnknownName: there is no such technology.
        ParameterError: it has no such rate, or a number is below zero.
    """
    radio = RadioInUse.parse(technology)
    shares = wire_bytes if isinstance(wire_bytes, Mapping) else {wire_bytes: 1.0}
    sent = {size: packets_per_s * share for size, share in shares.items()}
    back: Mapping[float, float] = sent if received is None else {received[1]: received[0]}
    return measure(radio, Traffic(sent, back), seconds=1.0)


@dataclass(frozen=True, slots=True)
class CallTrace:
    """What is counted of a call."""

    seconds: float
    sent: Mapping[int, int]
    """Bytes of an RTP or RTCP datagram without IP and UDP -> how many."""
    received: Mapping[int, int]
    ip_udp_bytes: int
    """Headers around each of them."""
    rtcp: tuple[tuple[int, int], tuple[int, int]] = ((0, 0), (0, 0))
    """(datagrams, bytes with IP and UDP) sent and received, part of the above."""
    sip_bytes: tuple[int, int] = (0, 0)
    """Sent and received, without IP and UDP."""


def call_airtime(radio: RadioInUse, trace: CallTrace) -> dict[str, Any] | None:
    """Return the `airtime` object of a call, its SIP included; None where nothing was sent.

    `vs_g711_20ms` is against the same SIP and RTCP with G.711 both ways all the time.
    """
    if not trace.sent or trace.seconds <= 0:
        return None
    head = trace.ip_udp_bytes
    media = Traffic(
        {size + head: count for size, count in trace.sent.items()},
        {size + head: count for size, count in trace.received.items()},
    )
    sip = Traffic(*(_sip_datagrams(size, head) for size in trace.sip_bytes))
    rtcp = Traffic(*({size / count: count} if count else {} for count, size in trace.rtcp))
    reference = g711_20ms(trace.seconds, ip_udp_bytes=head) + sip + rtcp
    return measure(radio, media + sip, seconds=trace.seconds, reference=reference)


def _sip_datagrams(size: int, head: int) -> dict[float, float]:
    if size <= 0:
        return {}
    count = max(SIP_MESSAGES, math.ceil(size / SIP_MESSAGE_BYTES))
    return {size / count + head: count}


def _rounded(value: float) -> float:
    """To four significant digits: the constants deserve no more."""
    return float(f"{value:.4g}")
