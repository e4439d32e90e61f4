"""What was measured of a call's audio, as the media half of its RESULT."""

from dataclasses import asdict, replace
from typing import Any

from softphone.app.codec_choice import CodecInUse
from softphone.app.leg_facts import LegFacts
from softphone.app.leg_quality import emodel_report, playout_delay_ms
from softphone.app.secure_socket import Protection
from softphone.call.manager import CallInfo
from softphone.radio import DEFAULT_RADIO, CallTrace, RadioInUse, call_airtime
from softphone.rtp.stats import ReceivedStats, SentStats
from softphone.rtp.voip_metrics import readable
from softphone.scorer.live import LineFacts, verdicts


def media_report(
    facts: LegFacts, info: CallInfo, *, recording: str | None, radio: str = DEFAULT_RADIO
) -> dict[str, Any]:
    """The keys of a RESULT that speak of audio.

    Args:
        facts: from the leg that has stopped.
        info: of the same call.
        recording: path of what was heard, None where it was not asked for.
        radio: technology that `airtime` is reckoned for, or technology:rate in Mb/s.
    """
    rtp, seconds = facts.rtp, facts.ended.at - facts.started.at
    concealed_ms = 1000 * facts.receive.concealed / facts.heard_rate_hz
    return {
        "first_rtp_s": None if facts.first_rtp_at is None else round(facts.first_rtp_at - info.invited_at, 4),
        "duration_s": round(seconds, 3),
        "codec": codec_report(facts.codec),
        "encryption": facts.protection.encryption,
        "srtp": srtp_report(facts.protection),
        "mode": facts.mode,
        "mode_changes": [asdict(each) for each in facts.mode_changes],
        "sent": {
            **_direction(rtp.sent, info.sip_bytes_sent),
            "withheld": facts.withheld,
            "unanswered": rtp.unanswered_packets,
        },
        "received": {
            **_direction(rtp.received, info.sip_bytes_received),
            "lost": rtp.received.lost,
            "loss_pct": rounded(rtp.received.loss_pct, 2),
            "discard_pct": rounded(rtp.received.discard_pct, 2),
            "concealed_ms": round(concealed_ms),
            "jitter_ms": rounded(rtp.received.jitter_ms, 2),
            "pdv_p95_ms": rounded(rtp.received.pdv_p95_ms, 2),
            "playout_delay_ms": rounded(playout_delay_ms(facts), 1),
            "level_dbov": rounded(facts.heard.level_dbov, 2),
            "source": None if rtp.received.learnt is None else format_address(rtp.received.learnt),
            "strangers": rtp.received.strangers,
            "undecodable": rtp.received.undecodable + facts.receive.undecodable_packets,
        },
        "remote": {
            "loss_pct": rounded(rtp.remote.loss_pct, 2),
            "jitter_ms": rounded(rtp.remote.jitter_ms, 2),
            "voip_metrics": None if rtp.told is None else readable(rtp.told),
        },
        "rtt_ms": rounded(rtp.rtt_ms, 2),
        "emodel": emodel_report(facts),
        "verdict": list(verdicts(facts.heard, _line_facts(facts, concealed_ms))),
        "airtime": airtime_report(
            facts.air, sip_bytes=(info.sip_bytes_sent, info.sip_bytes_received), radio=radio
        ),
        "cost": _cost(facts, seconds),
        "dtmf_received": facts.dtmf,
        "filter": dict(facts.filters),
        "held_s": round(facts.held_s, 2),
        "recording": recording,
    }


def _direction(stats: SentStats | ReceivedStats, sip_bytes: int) -> dict[str, Any]:
    return {
        "packets": stats.packets,
        "packets_per_s": round(stats.packets_per_s, 2),
        "payload_bps": round(stats.payload_bps),
        "wire_bps": round(stats.wire_bps),
        "bytes": {
            "sip": sip_bytes,
            "payload": stats.payload_bytes,
            "rtp": stats.rtp_bytes,
            "rtcp": stats.rtcp_bytes,
        },
    }


def airtime_report(air: CallTrace | None, *, sip_bytes: tuple[int, int], radio: str) -> dict[str, Any] | None:
    """What the call took of the air, SIP included; None where nothing was sent."""
    if air is None:
        return None
    return call_airtime(RadioInUse.parse(radio), replace(air, sip_bytes=sip_bytes))


def srtp_report(protection: Protection) -> dict[str, Any] | None:
    """How media was encrypted, and what was dropped for it; None: it was not."""
    if protection.stats is None:
        return None
    return {"suite": protection.suite, **asdict(protection.stats)}


def codec_report(codec: CodecInUse) -> dict[str, Any]:
    """What is sent with."""
    return {
        "name": codec.spec.name,
        "sample_rate_hz": codec.sample_rate_hz,
        "bit_rate_bps": codec.settings.bit_rate_bps,
        "ptime_ms": codec.settings.ptime_ms,
    }


def _line_facts(facts: LegFacts, concealed_ms: float) -> LineFacts:
    return LineFacts(
        packets_sent=facts.rtp.sent.packets,
        packets_received=facts.rtp.received.packets,
        receive_expected=facts.receives,
        send_expected=facts.sends,
        peer_loss_pct=facts.rtp.remote.loss_pct,
        played_ms=1000 * facts.receive.played / facts.heard_rate_hz,
        concealed_ms=concealed_ms,
    )


def _cost(facts: LegFacts, seconds: float) -> dict[str, Any]:
    """Of this process, while the call stood."""
    span = max(seconds, 1e-3)
    wakeups = None
    if facts.started.wakeups is not None and facts.ended.wakeups is not None:
        wakeups = round((facts.ended.wakeups - facts.started.wakeups) / span, 1)
    return {
        "cpu_ms_per_s": round(1000 * (facts.ended.cpu_s - facts.started.cpu_s) / span, 2),
        "rss_mib": rounded(facts.rss_mib, 1),
        "wakeups_per_s": wakeups,
    }


def format_address(address: tuple[str, int]) -> str:
    """*address* as host:port, an IPv6 host in brackets."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def rounded(value: float | None, digits: int) -> float | None:
    """*value* without digits that mean nothing."""
    return None if value is None else round(value, digits)
