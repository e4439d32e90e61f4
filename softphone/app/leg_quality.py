"""How what is heard on a leg rates: the E-model, and what extended reports tell of it."""

from typing import Any

from dsp.call_rating import NONE, call_rating
from dsp.emodel_terms import NARROWBAND
from softphone.app.leg_facts import LegFacts, LegReading
from softphone.rtp.voip_metrics import VoiceQuality

DBM0_OF_DBOV = 6.15
"""A sine of full scale is -3.01 dBov and 3.14 dBm0 (ITU-T G.711, table 5)."""


def emodel_report(facts: LegFacts | LegReading) -> dict[str, Any] | None:
    """The rating of what was heard here; None where nothing was."""
    received = facts.rtp.received
    if received.packets == 0:
        return None
    spec, settings = facts.codec.spec, facts.codec.settings
    delay_ms = 1000 * spec.delay_samples(settings) / facts.codec.sample_rate_hz
    return dict(
        call_rating(
            rtt_ms=facts.rtp.rtt_ms,
            playout_delay_ms=playout_delay_ms(facts) or 0.0,
            packet_ms=settings.ptime_ms,
            codec_delay_ms=delay_ms,
            loss_pct=received.loss_pct or 0.0,
            discard_pct=received.discard_pct or 0.0,
            burst_r=received.burst_r,
            codec=spec.name,
            bit_rate_bps=settings.bit_rate_bps,
            sample_rate_hz=facts.codec.sample_rate_hz,
        )
    )


def playout_delay_ms(facts: LegFacts | LegReading) -> float | None:
    """Time in the jitter buffer and, decoded, behind it."""
    waited_ms = facts.rtp.received.playout_delay_ms
    return None if waited_ms is None else waited_ms + 1000 * facts.waiting_samples / facts.heard_rate_hz


def voice_quality(facts: LegFacts | LegReading) -> VoiceQuality:
    """What extended reports tell of the sound itself: what was measured, and nothing else (RFC 3611 section 4.7)."""
    rating = emodel_report(facts)
    level_dbov = facts.heard.level_dbov
    level_dbm = None if level_dbov is None else level_dbov + DBM0_OF_DBOV
    if rating is None or rating["equipment"] == NONE:
        # Without figures of the codec the rating is of the line alone: nobody's opinion of the sound.
        return VoiceQuality(signal_level_dbm=level_dbm, end_system_delay_ms=_end_system_delay_ms(facts))
    received, settings = facts.rtp.received, facts.codec.settings
    listening = call_rating(
        rtt_ms=0.0,
        playout_delay_ms=0.0,
        packet_ms=0.0,
        loss_pct=received.loss_pct,
        discard_pct=received.discard_pct,
        burst_r=received.burst_r,
        equipment=(rating["ie"], rating["bpl"]),
        codec=facts.codec.spec.name,
        bit_rate_bps=settings.bit_rate_bps,
        sample_rate_hz=facts.codec.sample_rate_hz,
    )
    return VoiceQuality(
        signal_level_dbm=level_dbm,
        r_factor=rating["r"] if rating["model"] == NARROWBAND else None,
        mos_lq=listening["mos_cq"],
        mos_cq=rating["mos_cq"],
        end_system_delay_ms=_end_system_delay_ms(facts),
    )


def _end_system_delay_ms(facts: LegFacts | LegReading) -> float:
    """Of both ways through this side: a packet and the codec's look-ahead out, what waits to be played in."""
    spec, settings = facts.codec.spec, facts.codec.settings
    codec_ms = 1000 * spec.delay_samples(settings) / facts.codec.sample_rate_hz
    return settings.ptime_ms + codec_ms + (playout_delay_ms(facts) or 0.0)
