"""Tells a collector how a call sounded, when it is over (RFC 6035)."""

import asyncio
import logging
import time

from softphone.app.leg_facts import LegFacts
from softphone.app.media_ends import MediaEnds
from softphone.app.result import utc_text
from softphone.app.station import Station, now
from softphone.call.record import CallInfo
from softphone.errors import SoftphoneError
from softphone.rtp.quality_report import (
    CONTENT_TYPE,
    EVENT,
    ReportedSession,
    ReportedStream,
    quality_report,
)
from softphone.sdp.media import Negotiated
from softphone.sip.auth import Credentials
from softphone.sip.errors import SipError
from softphone.sip.events import NO_CALLS, RequestAnswered
from softphone.sip.uri import SipUri

log = logging.getLogger(__name__)

PATIENCE_S = 4.0
"""A call's RESULT does not wait longer for its collector."""


def report_of(
    info: CallInfo, facts: LegFacts, ends: MediaEnds, negotiated: Negotiated, *, placed: bool, started_at: str
) -> bytes | None:
    """The report on one call; None where nothing was heard."""
    if facts.metrics is None:
        return None
    spec = facts.codec.spec
    session = ReportedSession(
        call_id=info.call_id,
        dialog_id=info.dialog_id,
        local=info.local_uri,
        remote=info.peer_uri,
        caller=info.local_uri if placed else info.peer_uri,
        local_address=(ends.host, ends.ports[0]),
        remote_address=(negotiated.remote_host, negotiated.remote_port),
        local_ssrc=facts.ssrc,
        remote_ssrc=facts.metrics.ssrc,
        started=started_at,
        ended=utc_text(time.time()),
        stream=ReportedStream(
            payload_type=negotiated.codec.payload_type,
            name=spec.sdp_name,
            clock_rate_hz=spec.clock_rate_hz,
            packet_ms=facts.codec.settings.ptime_ms,
        ),
    )
    return quality_report(
        session, local=facts.metrics, jitter_ms=facts.rtp.received.jitter_ms, remote=facts.rtp.told
    )


async def publish(station: Station, report: bytes) -> None:
    """Send *report* to the collector of the account, and wait for its answer, though not for long; a refusal is logged."""
    account = station.account
    collector = SipUri.parse(account.quality_report or "")
    answered: asyncio.Future[RequestAnswered] = asyncio.get_running_loop().create_future()
    number: int | None = None

    def listen(event: NO_CALLS) -> None:
        if isinstance(event, RequestAnswered) and event.id == number and not answered.done():
            answered.set_result(event)

    credentials = None
    if account.digest_user is not None and account.password is not None:
        credentials = Credentials(account.digest_user, account.password)
    station.on_sip.append(listen)
    try:
        first, *others = await station.destinations(collector)
        number = station.manager.endpoint.request(
            "PUBLISH",
            collector,
            from_=station.identity,
            destination=first,
            alternatives=tuple(others),
            credentials=credentials,
            body=report,
            content_type=CONTENT_TYPE,
            headers=(("Event", EVENT),),
            now=now(),
        )
        station.pump()
        async with asyncio.timeout(PATIENCE_S):
            response = (await answered).response
        if response is None:
            log.warning("the quality report reached nobody at %s", collector)
        elif response.status >= 300:
            log.warning("%s refused the quality report: %d %s", collector, response.status, response.reason)
    except TimeoutError:
        log.warning("nobody at %s answered the quality report within %g s", collector, PATIENCE_S)
    except (SoftphoneError, SipError) as error:
        log.warning("the quality report was not sent: %s", error)
    finally:
        station.on_sip.remove(listen)
