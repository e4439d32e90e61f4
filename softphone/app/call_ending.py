"""What is made of a call when it has ended: its RESULT, what of it travels to the peer, and its score."""

import asyncio
import json
import zlib
from pathlib import Path

from dsp.errors import DspError
from softphone.app.call_plan import CallPlan
from softphone.app.diagnosis import CallFacts, diagnosis_of
from softphone.app.leg_facts import LegFacts
from softphone.app.report import media_report
from softphone.app.result import Result, brief, make_result
from softphone.app.score_trust import PARAMETRIC
from softphone.app.scored_call import add_score
from softphone.app.stop import unless_stopped
from softphone.call.manager import CallInfo
from softphone.call.outcome import Ending
from softphone.config import AccountOptions, AudioOptions
from softphone.errors import SoftphoneError, UsageError
from softphone.io.scoring import score_in_child

SCORE_TIMEOUT_S = 300.0
"""A long recording takes long; a child that hangs is killed."""
_OF_NO_USE_ELSEWHERE = (
    *("recording", "peer_result", "filter", "held_s", "early_media_s", "redirected_to"),
    *("session_expires_s", "transfer", "script", "other_calls", "ice", "diagnosis"),
)
BYE_ROOM = 800
"""Bytes that are left for a body beside the usual headers of a BYE, of 1300 (`docs/peer-result.md`)."""


def result_of(
    info: CallInfo, ending: Ending, facts: LegFacts | None, plan: CallPlan, started_at: str
) -> Result:
    """The RESULT, without a score and without the peer's.

    Args:
        facts: of the audio; None where none ever ran.
        started_at: UTC, as text.
    """
    media = None
    if facts is not None:
        media = media_report(facts, info, recording=plan.audio.record, radio=plan.media.radio)
    return make_result(info, ending, started_at=started_at, media=media, peer_result=None)


def packed_for_peer(result: Result, *, is_brief: bool) -> bytes:
    """*result* as the BYE exchange carries it: in steps without airtime, at last in its brief form, where a BYE has no more room.

    Args:
        is_brief: each byte is dear.
    """
    if (remote := result.get("remote")) is not None:
        result["remote"] = {
            key: value for key, value in remote.items() if key != "voip_metrics"
        }  # the peer's own
    for key in _OF_NO_USE_ELSEWHERE:
        result.pop(key, None)
    forms = [brief(result)]
    if not is_brief:
        airtime = result["airtime"]
        told = airtime and {key: value for key, value in airtime.items() if key != "assumes"}
        forms = [result, {**result, "airtime": told}, {**result, "airtime": None}, *forms]
    data = b""
    for form in forms:
        data = json.dumps(form, separators=(",", ":")).encode()
        if len(zlib.compress(data, 9)) <= BYE_ROOM:
            break
    return data


def note_problem(result: Result, problem: SoftphoneError | DspError | None) -> None:
    """Say in *result* what failed, if anything did."""
    if problem is not None:
        result["error"] = str(problem)
    if isinstance(problem, UsageError):
        result["exit_status"] = problem.exit_status


def note_diagnosis(
    result: Result, plan: CallPlan, account: AccountOptions, *, media_host: str, peer_host: str | None
) -> None:
    """Say in *result* why the call failed, if it did.

    Args:
        media_host: our address as our SDP names it.
        peer_host: where SIP went to, or came from.
    """
    facts = CallFacts(
        media_host=media_host,
        peer_host=peer_host,
        password=account.password is not None,
        srtp=plan.media.srtp,
        answers=plan.answers,
    )
    found = diagnosis_of(result, facts)
    if found is not None:
        result["diagnosis"] = found.as_json()


async def score_call(
    result: Result, audio: AudioOptions, recording: Path, facts: LegFacts, stop: asyncio.Event
) -> None:
    """Score *recording* in a process of its own where *audio* says what was to be heard; *stop*, when set, ends that."""
    if audio.expect is None:
        return
    scoring = score_in_child(
        audio.expect,
        recording,
        far=audio.record_sent,
        timeout_s=SCORE_TIMEOUT_S,
        trusted=not PARAMETRIC.intersection(facts.heard_codecs),
    )
    add_score(result, await unless_stopped(scoring, stop))
