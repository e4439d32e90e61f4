"""A session's figures at one moment, from the parts that counted them."""

from softphone.rtp.control import Control
from softphone.rtp.gate import PeerGate
from softphone.rtp.jitter import JitterBuffer
from softphone.rtp.receiver import Receiver
from softphone.rtp.reports import Reporter
from softphone.rtp.sender import Sender
from softphone.rtp.short import SHORT_BYTES, ShortReceiver
from softphone.rtp.stats import ReceivedStats, RtpStats, SentStats, traffic
from softphone.rtp.voip_metrics import VoiceQuality, voip_metrics
from softphone.rtp.xr import VoipMetrics


def snapshot(
    seconds: float,
    *,
    overhead_bytes: int,
    sender: Sender,
    receiver: Receiver,
    jitter: JitterBuffer,
    control: Control,
    gate: PeerGate,
    short: ShortReceiver,
) -> RtpStats:
    """What all of them counted in *seconds*; see `softphone.rtp.session.RtpSession.stats`."""
    reporter = control.reporter
    return RtpStats(
        sent=SentStats(
            *traffic(
                seconds,
                overhead_bytes,
                packets=sender.packets,
                payload_bytes=sender.payload_bytes,
                header_bytes=sender.header_bytes,
                rtcp_packets=control.sent_packets,
                rtcp_bytes=control.sent_bytes,
            )
        ),
        received=_received(seconds, overhead_bytes, receiver, jitter, control, gate, short),
        remote=reporter.remote(sender.clock_rate_hz),
        rtt_ms=_ms(reporter.rtt_s),
        told=control.extended.told,
        unanswered_packets=sender.unanswered_packets,
    )


def _received(
    seconds: float,
    overhead_bytes: int,
    receiver: Receiver,
    jitter: JitterBuffer,
    control: Control,
    gate: PeerGate,
    short: ShortReceiver,
) -> ReceivedStats:
    expected, received, duplicates = receiver.totals()
    reception = receiver.reception
    return ReceivedStats(
        *traffic(
            seconds,
            overhead_bytes,
            packets=received + duplicates + short.unresolved,
            payload_bytes=receiver.payload_bytes + short.unresolved_bytes,
            header_bytes=receiver.header_bytes + SHORT_BYTES * short.unresolved,
            rtcp_packets=control.received_packets,
            rtcp_bytes=control.received_bytes,
        ),
        lost=expected - received,
        loss_pct=100 * (expected - received) / expected if expected else None,
        discarded=jitter.discarded,
        discard_pct=100 * jitter.discarded / expected if expected else None,
        late=jitter.late,
        overflowed=jitter.overflowed,
        duplicates=duplicates,
        strangers=gate.strangers,
        undecodable=receiver.undecodable + control.undecodable,
        jitter_ms=None if reception is None else reception.jitter_ticks * 1000 / reception.clock_rate_hz,
        pdv_p95_ms=None if reception is None else reception.delay_variation_ms(95),
        playout_delay_ms=jitter.mean_margin_s * 1000 if jitter.played else None,
        burst_r=jitter.losses.burst_ratio(jitter.played),
        unresolved=short.unresolved,
        learnt=gate.learnt,
    )


def heard_metrics(
    receiver: Receiver, jitter: JitterBuffer, reporter: Reporter, quality: VoiceQuality
) -> VoipMetrics | None:
    """What was heard of the peer, for an extended report; None while nothing was."""
    reception = receiver.reception
    if reception is None:
        return None
    expected, received, _ = receiver.totals()
    return voip_metrics(
        ssrc=reception.ssrc,
        loss_pct=100 * max(0, expected - received) / expected,
        discard_pct=100 * jitter.discarded / expected,
        bursts=jitter.burst_gaps(),
        packet_ms=jitter.packet_ms,
        rtt_ms=_ms(reporter.rtt_s),
        playout_delay_ms=jitter.mean_margin_s * 1000,
        max_delay_ms=jitter.max_delay_ms,
        quality=quality,
    )


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000
