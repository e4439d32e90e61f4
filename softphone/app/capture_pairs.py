"""Which captured streams are one call: by Call-ID, else by sockets that send to each other at the same time."""

from dataclasses import dataclass, field
from typing import Any

from softphone.app.capture_calls import SipCall
from softphone.app.capture_rtcp import RtcpBook
from softphone.app.capture_stream import Direction
from softphone.capture.flows import FlowKey, mirrored_key, shown

APART_S = 10.0
"""Streams between the same sockets without SIP are another call when so long nothing went between them."""
ONE_WAY_PACKETS = 10


@dataclass(slots=True)
class Pair:
    """Streams of one call, and the call as SIP tells it."""

    members: list[int] = field(default_factory=list)
    """Places in the list of directions."""
    sip: SipCall | None = None
    ends_at: float = float("-inf")
    """When the last packet of any of them came."""


def paired(directions: list[Direction], calls: dict[str, SipCall]) -> list[Pair]:
    """Group *directions*, which are sorted by their begin; calls of SIP without a stream come, too, where they had an INVITE."""
    by_call: dict[str, Pair] = {}
    by_sockets: dict[FlowKey, Pair] = {}
    pairs: list[Pair] = []
    for number, each in enumerate(directions):
        call_id = each.call_id
        key = each.stream.key
        sockets = min(key, mirrored_key(key))
        pair = by_call.get(call_id) if call_id is not None else by_sockets.get(sockets)
        if pair is None or (call_id is None and each.first_at - pair.ends_at > APART_S):
            pair = Pair(sip=None if call_id is None else calls.get(call_id))
            pairs.append(pair)
            if call_id is None:
                by_sockets[sockets] = pair
            else:
                by_call[call_id] = pair
        pair.members.append(number)
        pair.ends_at = max(pair.ends_at, each.last_at)
    pairs += [
        Pair(sip=call)
        for call_id, call in calls.items()
        if call_id not in by_call and call.invited_at is not None
    ]
    return pairs


def other_side(pair: Pair, number: int, directions: list[Direction]) -> int | None:
    """The stream of *pair* that went the other way at the time of *number*, the longest of several; None: there is none."""
    mine = directions[number]
    begin, end = mine.first_at, mine.last_at
    best, shared = None, 0.0
    for each in pair.members:
        other = directions[each]
        if other.plan.kind != mine.plan.kind or not _opposite(mine, other):
            continue
        overlap = min(end, other.last_at) - max(begin, other.first_at)
        if overlap > shared:
            best, shared = each, overlap
    return best


def _opposite(one: Direction, other: Direction) -> bool:
    a, b = one.stream.flow, other.stream.flow
    if a.source[0] != a.destination[0]:
        return a.source[0] == b.destination[0] and a.destination[0] == b.source[0]
    return a.source == b.destination or a.destination == b.source


def set_round_trips(pair: Pair, directions: list[Direction], book: RtcpBook) -> None:
    """Fill in what receivers report, and the round trip of the whole way where both halves of it are known."""
    for number in pair.members:
        each = directions[number]
        each.reported = book.of(each.stream.flow.source[0], each.stream.ssrc)
    for number in pair.members:
        halves = [_half_ms(directions[number])]
        other = other_side(pair, number, directions)
        halves.append(None if other is None else _half_ms(directions[other]))
        known = [half for half in halves if half is not None]
        directions[number].rtt_ms = sum(known) if len(known) == 2 else None


def _half_ms(direction: Direction) -> float | None:
    """From the capturing machine to the receiver of this stream and back."""
    reported = direction.reported
    return (
        1000 * reported.round_trip_s / reported.round_trips
        if reported is not None and reported.round_trips
        else None
    )


def call_object(pair: Pair, directions: list[Direction], *, began_at: float) -> dict[str, Any]:
    """A call of the result (docs/captures.md)."""
    sip = pair.sip
    members = [directions[number] for number in pair.members]
    first = min((each.first_at for each in members), default=None)
    last = max((each.last_at for each in members), default=None)
    starts = [at for at in (first, None if sip is None else sip.invited_at) if at is not None]
    invited, answered = (None, None) if sip is None else (sip.invited_at, sip.answered_at)
    ringing, ended = (None, None) if sip is None else (sip.ringing_at, sip.ended_at)
    return {
        "call_id": None if sip is None else sip.call_id,
        "from": sip.from_uri if sip else (shown(members[0].stream.flow.source) if members else None),
        "to": sip.to_uri if sip else (shown(members[0].stream.flow.destination) if members else None),
        "started_s": round(min(starts) - began_at, 6) if starts else None,
        "sip_status": None if sip is None else sip.status,
        "reason": None if sip is None else sip.reason,
        "ringing_s": _between(invited, ringing),
        "setup_s": _between(invited, answered),
        "duration_s": _between(answered, ended),
        "ended_by": None if sip is None else sip.ended_by,
        "media_s": None if first is None or last is None else round(last - first, 3),
        "streams": list(pair.members),
        "directions": _directions(pair, directions),
        "rtt_ms": next((round(each.rtt_ms, 2) for each in members if each.rtt_ms is not None), None),
        "verdict": ["one-way"] if is_one_way(pair, directions) else [],
    }


def is_one_way(pair: Pair, directions: list[Direction]) -> bool:
    """Whether a call that was answered, and in which both sides may send, has sound one way only in the capture."""
    sip = pair.sip
    members = [directions[number] for number in pair.members if directions[number].is_sound]
    if (
        sip is None
        or sip.answered_at is None
        or sum(each.figures.packets for each in members) < ONE_WAY_PACKETS
    ):
        return False
    sound = [end for end in sip.ends if end.kind == "audio"]
    if not sound or not all(end.sends and end.receives for end in sound):
        return False
    return not any(_opposite(one, other) for one in members for other in members)


def _directions(pair: Pair, directions: list[Direction]) -> list[dict[str, Any]]:
    """Streams by where they went: a sender that changed its SSRC has several in one direction."""
    found: dict[tuple[str, str], list[int]] = {}
    for number in pair.members:
        flow = directions[number].stream.flow
        found.setdefault((shown(flow.source), shown(flow.destination)), []).append(number)
    return [{"from": a, "to": b, "streams": numbers} for (a, b), numbers in found.items()]


def _between(begin: float | None, end: float | None) -> float | None:
    return None if begin is None or end is None else round(end - begin, 6)
