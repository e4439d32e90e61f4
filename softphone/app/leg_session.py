"""The RTP session of a leg, made from what SDP agreed on."""

import time
from collections.abc import Mapping

from dsp.codecs import timestamp_ticks
from softphone.app.codec_choice import CodecInUse
from softphone.app.modes import Stream
from softphone.app.wire_limit import wire_bps
from softphone.io.ids import StreamIds, seeded_rng
from softphone.rtp.session import RtpSession
from softphone.sdp.negotiate import Negotiated

NTP_EPOCH_S = 2_208_988_800
"""Seconds from 1900 (NTP) to 1970 (POSIX), RFC 5905 section 6."""
RTCP_MINIMUM_S = 2.5
"""Half of what RFC 3550 section 6.2 recommends, so that a test call of some seconds knows its round trip; the limit of 5 % of the
bandwidth holds all the same."""


def open_session(
    negotiated: Negotiated,
    formats: Mapping[int, CodecInUse],
    stream: Stream,
    *,
    header_bytes: int,
    trailer_bytes: int = 0,
    now: float,
) -> RtpSession:
    """Begin a session that sends *stream*.

    Args:
        formats: payload type -> what may come in; what is added to it later counts as well.
        header_bytes: IP, UDP and RTP of a packet, and what protects it.
        trailer_bytes: of these, what protects it.
        now: monotonic time.
    """
    spec, settings = stream.codec.spec, stream.codec.settings
    ids = StreamIds()
    noise_ticks = spec.clock_rate_hz * settings.ptime_ms // 1000
    return RtpSession(
        remote=(negotiated.remote_host, negotiated.remote_port),
        remote_rtcp=(negotiated.remote_rtcp_host, negotiated.remote_rtcp_port),
        clock_rate_hz=spec.clock_rate_hz,
        receive={pt: one.spec.clock_rate_hz for pt, one in formats.items()}
        | dict(negotiated.receive_comfort_noise),
        dtmf_send=negotiated.send_dtmf_payload_type,
        dtmf_send_clock_rate_hz=negotiated.send_dtmf_clock_rate_hz,
        dtmf_receive=negotiated.receive_dtmf,
        payload_ticks=lambda pt, payload: (
            # Of comfort noise, which has no length of its own, a packet is as long as the others.
            _ticks(formats[pt], payload) if pt in formats else noise_ticks
        ),
        packet_ticks=spec.clock_rate_hz * settings.ptime_ms // 1000,
        ssrc=ids.ssrc,
        sequence_number=ids.sequence_number,
        timestamp=ids.timestamp,
        cname=ids.cname,
        rng=seeded_rng(),
        ntp_offset_s=time.time() + NTP_EPOCH_S - now,
        now=now,
        bandwidth_bps=bandwidth_of(stream, header_bytes),
        rtcp_minimum_s=RTCP_MINIMUM_S,
        rtcp_interval_s=stream.report_interval_s,
        rtcp_bandwidth_bps=negotiated.rtcp_bandwidth_bps,
        reduced_rtcp=negotiated.reduced_rtcp,
        short=negotiated.short_rtp,
        extended=negotiated.rtcp_xr,
        trailer_bytes=trailer_bytes,
    )


def bandwidth_of(stream: Stream, header_bytes: int) -> float:
    """What RTCP's share is reckoned from (RFC 3550 section 6.2): RTP with all that lies below it."""
    settings = stream.codec.settings
    return wire_bps(settings.bit_rate_bps or 0, settings.ptime_ms, header_bytes)


def _ticks(codec: CodecInUse, payload: bytes) -> int:
    samples = codec.spec.payload_samples(payload, codec.sample_rate_hz)
    return timestamp_ticks(samples, codec.spec, codec.sample_rate_hz)
