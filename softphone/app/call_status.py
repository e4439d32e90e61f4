"""How a call stands at this moment, for somebody who looks on: cheap enough to be asked ten times a second."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from softphone.app.leg_facts import LegReading, wire_bytes_of
from softphone.app.leg_quality import emodel_report, playout_delay_ms
from softphone.app.report import airtime_report, codec_report, rounded
from softphone.call.manager import CallInfo
from softphone.io.process_cost import ProcessCost
from softphone.radio import CallTrace, RadioInUse, call_airtime

WINDOW_S = 2.0
"""Rates are means over the newest so many seconds, or since they were asked for last where that is longer ago."""
LEAST_WINDOW_S = 0.5
"""A shorter stretch tells nothing of a rate: packets come in lumps. None is told then."""


@dataclass(frozen=True, slots=True)
class _Reading:
    at: float
    sent_bytes: int
    received_bytes: int
    cpu_s: float
    air: CallTrace | None


class StatusBoard:
    """Makes the status of one call; remembers what it needs for rates.

    Args:
        call: its number.
        placed: whether we placed it.
        radio: technology that `airtime` is reckoned for.
    """

    def __init__(self, call: int, *, placed: bool, radio: str) -> None:
        self._call = call
        self._direction = "outgoing" if placed else "incoming"
        self._radio = radio
        self._readings: deque[_Reading] = deque()
        self._of_ended: dict[str, Any] | None = None

    def read(
        self,
        info: CallInfo,
        leg: LegReading | None,
        *,
        started_at: float | None,
        hold_refused: str | None,
        now: float,
    ) -> dict[str, Any]:
        """The status; every key is there, what is not known (yet) is None.

        Args:
            info: facts of the call.
            leg: its audio; None before it runs and after its end, when the last figures stay.
            started_at: when the audio began; None: it never ran.
            hold_refused: what the peer said to the newest change of hold that it did not agree to.
            now: time.
        """
        ended_at = now if info.ended_at is None else info.ended_at
        status: dict[str, Any] = {
            "call": self._call,
            "direction": self._direction,
            "peer": info.peer_uri,
            "state": info.phase.value,
            "since_s": round(now - info.phase_since, 2),
            "duration_s": None if started_at is None else round(ended_at - started_at, 2),
            "on_hold": info.on_hold,
            "peer_holds": info.peer_holds,
            "hold_refused": hold_refused,
        }
        if leg is not None:
            self._of_ended = self._audio(info, leg)
        return status | (_NO_AUDIO if self._of_ended is None else self._of_ended)

    def _audio(self, info: CallInfo, leg: LegReading) -> dict[str, Any]:
        received = leg.rtp.received
        sent_bps, received_bps, cpu_ms_per_s, airtime_now = self._rates(leg)
        emodel = emodel_report(leg)
        return {
            "muted": leg.muted,
            "codec": codec_report(leg.codec),
            "mode": leg.mode,
            "received_mode": leg.received_mode,
            "modes": list(leg.modes),
            "sent_wire_bps": sent_bps,
            "received_wire_bps": received_bps,
            "loss_pct": rounded(received.loss_pct, 2),
            "jitter_ms": rounded(received.jitter_ms, 2),
            "playout_delay_ms": rounded(playout_delay_ms(leg), 1),
            "level_dbov": rounded(leg.heard.level_dbov, 2),
            "mos_cq": None if emodel is None else emodel["mos_cq"],
            "r": None if emodel is None else emodel["r"],
            "emodel": emodel,
            "airtime": airtime_report(
                leg.air, sip_bytes=(info.sip_bytes_sent, info.sip_bytes_received), radio=self._radio
            ),
            "airtime_now": airtime_now,
            "cpu_ms_per_s": cpu_ms_per_s,
            "dtmf_received": leg.dtmf,
            "filters": dict(leg.filters),
        }

    def _rates(self, leg: LegReading) -> tuple[int | None, int | None, float | None, dict[str, Any] | None]:
        """Bits a second sent and received, IP to RTCP, CPU of the process, and airtime, over the newest seconds."""
        cost, readings = ProcessCost.now(), self._readings
        sent, received = wire_bytes_of(leg.rtp.sent), wire_bytes_of(leg.rtp.received)
        new = _Reading(cost.at, sent, received, cost.cpu_s, leg.air)
        readings.append(new)
        while len(readings) > 2 and readings[1].at <= new.at - WINDOW_S:
            readings.popleft()
        old = readings[0]
        seconds = new.at - old.at
        if seconds < LEAST_WINDOW_S:
            return None, None, None, None
        return (
            round(8 * (new.sent_bytes - old.sent_bytes) / seconds),
            round(8 * (new.received_bytes - old.received_bytes) / seconds),
            round(1000 * (new.cpu_s - old.cpu_s) / seconds, 2),
            self._airtime_since(old.air, new.air),
        )

    def _airtime_since(self, old: CallTrace | None, new: CallTrace | None) -> dict[str, Any] | None:
        """Airtime of what went between *old* and *new*, without SIP."""
        if old is None or new is None:
            return None
        rtcp = tuple(
            (packets - packets_before, size - size_before)
            for (packets, size), (packets_before, size_before) in zip(new.rtcp, old.rtcp, strict=True)
        )
        between = replace(
            new,
            seconds=new.seconds - old.seconds,
            sent=_more(new.sent, old.sent),
            received=_more(new.received, old.received),
            rtcp=(rtcp[0], rtcp[1]),
        )
        found = call_airtime(RadioInUse.parse(self._radio), between)
        return {
            key: found[key] if found else 0.0 for key in ("ms_per_s", "occupancy_ms_per_s", "vs_g711_20ms")
        }


def _more(new: Mapping[int, int], old: Mapping[int, int]) -> dict[int, int]:
    """What came to the counts *old* until they were *new*."""
    return {size: more for size, count in new.items() if (more := count - old.get(size, 0)) > 0}


def progress_of(leg: LegReading, *, radio: str) -> dict[str, Any]:
    """Figures of a running call since its start, for a person."""
    return {
        "mode": leg.mode,
        "sent_wire_bytes": wire_bytes_of(leg.rtp.sent),
        "received_wire_bytes": wire_bytes_of(leg.rtp.received),
        "received_packets": leg.rtp.received.packets,
        "loss_pct": leg.rtp.received.loss_pct,
        "jitter_ms": leg.rtp.received.jitter_ms,
        "level_dbov": leg.heard.level_dbov,
        "airtime": None if leg.air is None else call_airtime(RadioInUse.parse(radio), leg.air),
    }


_NO_AUDIO: dict[str, Any] = {
    "muted": False,
    "codec": None,
    "mode": None,
    "received_mode": None,
    "modes": [],
    "sent_wire_bps": None,
    "received_wire_bps": None,
    "loss_pct": None,
    "jitter_ms": None,
    "playout_delay_ms": None,
    "level_dbov": None,
    "mos_cq": None,
    "r": None,
    "emodel": None,
    "airtime": None,
    "airtime_now": None,
    "cpu_ms_per_s": None,
    "dtmf_received": "",
    "filters": {"sent": None, "heard": None},
}
