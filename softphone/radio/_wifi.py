"""What the 802.11 technologies share: MAC framing, access to the channel, OFDM symbols, power."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from softphone.radio.base import AirTimes, Constant, Power, Traffic

ACK_BYTES = 14
"""IEEE 802.11-2020 section 9.3.1.4."""
MAC_BYTES = 24 + 4
"""Header of a data frame with three addresses, and FCS (section 9.3.2.1)."""
QOS_BYTES = 2
"""QoS Control (section 9.2.4.5)."""
LLC_BYTES = 8
"""LLC and SNAP (ISO/IEC 8802-2, RFC 1042)."""
CCMP_BYTES = 16
"""Header and MIC of CCMP-128 (section 12.5.3.2)."""
SIGNAL_EXTENSION_US = 6.0
"""After OFDM frames at 2.4 GHz nobody sends for so long (Table 19-25; section 18.3.2.4 for ERP-OFDM)."""
OFDM_PREAMBLE_US = 16.0 + 4.0
"""Training and SIGNAL (section 17.4.3, Equation 17-29)."""
SYMBOL_US = 4.0
"""OFDM symbol with its guard interval of 0.8 us (Table 17-5; Table 19-6)."""
SERVICE_AND_TAIL_BITS = 16 + 6
"""Of an OFDM data field with one encoder (section 17.3.5)."""
MANDATORY_OFDM_MBPS = (6.0, 12.0, 24.0)
"""Section 17.1.1; taken as the basic rates."""

POWER = Power(transmit_mw=1280, receive_mw=940, idle_mw=820, sleep_mw=100, transmit_dbm=15)

_HALPERIN = 'Halperin, Greenstein, Sheth, Wetherall: "Demystifying 802.11n Power Consumption", HotPower 2010'
SHARED_CONSTANTS = (
    Constant("data frame around a datagram", "24 + 4 B header and FCS", "IEEE 802.11-2020 section 9.3.2.1"),
    Constant("LLC and SNAP", "8 B", "RFC 1042"),
    Constant("encryption", "16 B, CCMP-128", "IEEE 802.11-2020 section 12.5.3.2; that it is on is assumed", True),
    Constant("acknowledgement", "14 B", "IEEE 802.11-2020 section 9.3.1.4"),
    Constant("rate of the acknowledgement", "highest basic rate not above the frame's", "IEEE 802.11-2020 section 10.6.6.5.2"),
    Constant("mean back-off", "CWmin / 2 slots, no collision", "IEEE 802.11-2020 section 10.3.4.3"),
    Constant("retransmissions", "none", "own choice", True),
    Constant("transmit power", "15 dBm", "usual for a phone", True),
    Constant("radio transmits", "1280 mW", f"{_HALPERIN}: one antenna; not confirmed for 15 dBm, 1140 mW at 0 dBm is", True),
    Constant("radio receives", "940 mW", f"{_HALPERIN}: one antenna"),
    Constant("radio idle", "820 mW", f"{_HALPERIN}: one antenna"),
    Constant("radio sleeps", "100 mW", _HALPERIN),
    Constant("radio between exchanges", "sleeps, and wakes at no cost", "own choice", True),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Access:
    """How a station gets the channel."""

    sifs_us: float
    slot_us: float
    aifsn: int
    """Slots after SIFS that the channel must be free: 2 make a DIFS (section 10.3.2.3.5)."""
    cw_min: int

    @property
    def wait_us(self) -> float:
        """Mean time before a frame, without collisions."""
        return self.sifs_us + (self.aifsn + self.cw_min / 2) * self.slot_us


def ofdm_us(size: float, mbps: float, *, preamble_us: float = OFDM_PREAMBLE_US) -> float:
    """Time that a frame of *size* bytes is on the air; the signal extension, when nobody sends, is not in it."""
    bits = SERVICE_AND_TAIL_BITS + 8 * math.ceil(size)
    return preamble_us + SYMBOL_US * math.ceil(bits / (SYMBOL_US * mbps))


def ofdm_ack_mbps(mbps: float) -> float:
    """Rate of the acknowledgement of a frame at the non-HT rate *mbps*."""
    return max(rate for rate in MANDATORY_OFDM_MBPS if rate <= mbps)


def exchanges(
    traffic: Traffic,
    access: Access,
    *,
    frame_us: Callable[[float], float],
    ack_us: float,
    added_bytes: int,
    extension_us: float,
) -> AirTimes:
    """Frame by frame: wait, frame, SIFS, acknowledgement.

    Args:
        frame_us: length of a frame in bytes -> time on the air.
        ack_us: time on the air of an acknowledgement.
        added_bytes: that a frame has around the datagram.
        extension_us: silence that belongs to a frame and to an acknowledgement each.
    """
    sent, received = traffic.sent_datagrams, traffic.received_datagrams
    out = sum(count * frame_us(size + added_bytes) for size, count in traffic.sent.items())
    back = sum(count * frame_us(size + added_bytes) for size, count in traffic.received.items())
    silence_us = access.wait_us + access.sifs_us + 2 * extension_us
    return AirTimes(out + received * ack_us, back + sent * ack_us, (sent + received) * silence_us)
