"""What it costs to be reachable: exchanges that come again and again while nobody calls."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from softphone.radio._meter import IPV4_UDP_BYTES, RadioInUse, measure
from softphone.radio.base import Traffic

HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class Recurring:
    """Messages that are exchanged every so often."""

    name: str
    sent: tuple[int, ...]
    """Bytes of each, without IP and UDP."""
    received: tuple[int, ...]
    every_s: float


def idle_cost(parts: Sequence[Recurring], radio: RadioInUse) -> dict[str, Any]:
    """Return what *parts* cost in an hour, together.

    A wake-up is one exchange: what answers comes while the radio and the program are still awake.

    Returns:
        `bytes_sent_per_h` and `bytes_received_per_h` with IPv4 and UDP, `datagrams_per_h`, `wakeups_per_h`, `airtime_ms_per_h`, and
        `radio_mj_per_h`, None where the technology has no model of power.
    """
    sent: dict[float, float] = {}
    received: dict[float, float] = {}
    for part in parts:
        for sizes, side in ((part.sent, sent), (part.received, received)):
            for size in sizes:
                whole = size + IPV4_UDP_BYTES
                side[whole] = side.get(whole, 0.0) + HOUR_S / part.every_s
    traffic = Traffic(sent, received)
    cost = measure(radio, traffic, seconds=HOUR_S)
    drawn_mw = None if cost is None else cost["radio_mw"]
    return {
        "bytes_sent_per_h": round(sum(size * count for size, count in sent.items())),
        "bytes_received_per_h": round(sum(size * count for size, count in received.items())),
        "datagrams_per_h": round(traffic.sent_datagrams + traffic.received_datagrams, 1),
        "wakeups_per_h": round(sum(HOUR_S / part.every_s for part in parts), 1),
        "airtime_ms_per_h": 0.0 if cost is None else round(cost["ms_per_s"] * HOUR_S, 2),
        "radio_mj_per_h": None if drawn_mw is None else round(drawn_mw * HOUR_S, 1),
    }
