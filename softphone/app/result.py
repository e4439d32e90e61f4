"""The RESULT of a call, as printed: its keys, what they are made of, and the exit status it leads to."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from softphone.call.manager import CallInfo
from softphone.call.outcome import Ending, Outcome

Result = dict[str, Any]
"""One call as JSON; every key is there, what was not measured is null."""

SCHEMA = 1

EXIT_STATUS = {
    Outcome.COMPLETED: 0,
    Outcome.BUSY: 4,
    Outcome.DECLINED: 4,
    Outcome.UNAUTHORIZED: 4,
    Outcome.INCOMPATIBLE: 4,
    Outcome.NO_ANSWER: 3,
    Outcome.UNREACHABLE: 3,
    Outcome.NO_AUDIO: 5,
    Outcome.DROPPED: 5,
    Outcome.FAILED: 1,
}
SEVERITY = (0, 6, 5, 4, 3, 2, 1)
"""Exit statuses from the mildest to the worst: the further a call got, the milder."""
MAX_DEPTH = 8
"""A RESULT has objects in objects in objects; deeper is no RESULT."""
NO_AUDIO_VERDICTS = frozenset({"silent", "one-way"})


def utc_text(posix_s: float) -> str:
    """A time as in ``2026-01-01T12:00:00Z``."""
    return datetime.fromtimestamp(posix_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


BRIEF = ("schema", "outcome", "sip_status", "reason", "verdict", "score", "dtmf_received", "emodel")
BRIEF_EMODEL = ("model", "mos_cq", "grounded")
"""The keys of a RESULT, and of its rating, that a packed BYE exchange carries."""


def make_result(
    info: CallInfo,
    ending: Ending,
    *,
    started_at: str,
    media: Mapping[str, Any] | None,
    peer_result: Result | None,
) -> Result:
    """Assemble a RESULT.

    Args:
        media: what `softphone.app.leg.MediaLeg.report` returned, None when no audio ever ran.
        peer_result: the other side's RESULT, where it sent one.
    """
    result: Result = {
        "schema": SCHEMA,
        "call_id": info.call_id,
        "started_at": started_at,
        "local": info.local_uri,
        "peer": info.peer_uri,
        "outcome": ending.outcome.value,
        "ended_by": ending.ended_by,
        "sip_status": ending.sip_status,
        "reason": ending.reason,
        "srd_s": _rounded(info.srd_s, 4),
        "setup_s": _rounded(info.setup_s, 4),
        "first_rtp_s": None,
        "duration_s": None,
        "codec": None,
        "mode": "normal",
        "mode_changes": [],
        "encryption": "none",
        "srtp": None,
        "signalling": None,
        "sent": None,
        "received": None,
        "remote": None,
        "rtt_ms": None,
        "emodel": None,
        "verdict": [],
        "score": None,
        "airtime": None,
        "cost": None,
        "dtmf_received": "",
        "filter": {"sent": None, "heard": None},
        "held_s": None,
        "early_media_s": None,
        "redirected_to": info.redirected_to,
        "session_expires_s": info.session_expires_s,
        "transfer": None,
        "script": None,
        "other_calls": None,
        "ice": None,
        "recording": None,
        "diagnosis": None,
        "peer_result": peer_result,
        "error": None,
    }
    if media is not None:
        result.update(media)
        if ending.outcome is Outcome.COMPLETED and NO_AUDIO_VERDICTS & set(result["verdict"]):
            result["outcome"] = Outcome.NO_AUDIO.value
    return result


def brief(result: Result) -> Result:
    """What decides of *result*, for a peer to which each byte is dear."""
    emodel = result["emodel"]
    short = {key: result[key] for key in BRIEF}
    short["emodel"] = emodel and {key: emodel[key] for key in BRIEF_EMODEL}
    return short


def read_peer_result(data: bytes | None) -> Result | None:
    """The other side's RESULT from its bytes, or None: it sent none, or nothing that can be one.

    A peer can write anything: what this side looks at is checked, the rest is made fit to be shown.
    """
    try:
        value = _shown(json.loads(data or b"null"), MAX_DEPTH)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or not isinstance(value.get("outcome"), str):
        return None
    score, emodel = value.get("score"), value.get("emodel")
    if not (_is_number_in(score, "value") and _is_number_in(emodel, "mos_cq")):
        return None
    return value


def _shown(value: Any, depth: int) -> Any:
    """*value* without what harms a terminal or a reader of JSON: control characters, NaN, infinity.

    Raises:
        ValueError: it nests deeper than *depth*, or holds a whole number that no float holds.
    """
    if depth == 0:
        raise ValueError(f"a RESULT nests at most {MAX_DEPTH} deep")
    match value:
        case str():
            return "".join(char if char.isprintable() else "?" for char in value)
        case int() | float():
            try:
                return value if math.isfinite(value) else None
            except OverflowError as error:
                raise ValueError("a number of a RESULT is out of range") from error
        case list():
            return [_shown(part, depth - 1) for part in value]
        case dict():
            return {_shown(key, depth - 1): _shown(part, depth - 1) for key, part in value.items()}
    return value


def _is_number_in(part: Any, key: str) -> bool:
    """*part* is null, or an object whose *key* is a number."""
    return part is None or (isinstance(part, dict) and isinstance(part.get(key), int | float))


def exit_status(results: Iterable[Result]) -> int:
    """The status for all *results*: the worst of them and of what their peers heard."""
    worst = 0
    for result in results:
        for side in _sides(result):
            worst = max(worst, _status(side), key=SEVERITY.index)
    return worst


def _sides(result: Result) -> Iterator[Result]:
    """*result*, the peer's, and those of the calls that came of it; where a script says how it ends, it alone."""
    yield result
    if result.get("exit_status") == 0:
        return
    if result.get("peer_result") is not None:
        yield result["peer_result"]
    successor = (result.get("transfer") or {}).get("result")
    for other in (successor, *(result.get("other_calls") or {}).values()):
        if other is not None:
            yield from _sides(other)


def check_min_mos(result: Result, minimum: float) -> None:
    """Mark *result* where a side misses *minimum*, or where nothing heard here can be held against a MOS."""
    mos = _mos(result)
    if mos is None:
        mark(
            result,
            f"--min-mos {minimum:g} needs a trusted MOS or a codec with an E-model value of the ITU, got neither "
            f"for {_codec_name(result)}: give --expect, or use --codec pcmu",
            exit_status=2,
        )
        return
    heard = [(mos, "here")]
    if result["peer_result"] is not None and (theirs := _mos(result["peer_result"])) is not None:
        heard.append((theirs, "by the peer"))
    for (value, scale), where in heard:  # each by itself: two scales are not compared
        if value < minimum:
            mark(
                result,
                f"MOS heard {where} is {value:.2f} ({scale}), wanted at least {minimum:g}",
                exit_status=6,
            )


def mark(result: Result, error: str, *, exit_status: int) -> None:
    """Say in *result* what was missed, unless something is said there already."""
    if result["error"] is None:
        result["error"], result["exit_status"] = error, exit_status


def _codec_name(side: Result) -> str:
    return str(side["codec"]["name"]) if side["codec"] else "a call without audio"


def _mos(side: Result) -> tuple[float, str] | None:
    """What is held against `--min-mos`, and its scale."""
    score, emodel = side.get("score"), side.get("emodel")
    if score and score.get("trusted") and str(score.get("unit", "")).startswith("MOS"):
        return float(score["value"]), f"{score.get('metric')}, {score['unit']}"
    if emodel and emodel.get("grounded"):
        return float(emodel["mos_cq"]), f"MOS-CQE of {emodel.get('model')}"
    return None


def _status(side: Result) -> int:
    try:
        status = EXIT_STATUS[Outcome(side.get("outcome"))]
    except ValueError:
        return 0  # a peer of another version; its word decides nothing
    own = side.get("exit_status")
    if own == 0 or (own == 6 and side.get("script")):
        return int(own)  # a script has said how the call is to end
    # What a call failed of may be the user's or the system's; any other outcome speaks for itself.
    decides = own in SEVERITY[1:] and status in (0, EXIT_STATUS[Outcome.FAILED])
    return int(own or 0) if decides else status


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
