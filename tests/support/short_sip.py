"""Two phones that write SIP short, or packed, with identifiers that are as long as real ones and seeded."""

import random
from typing import Any

from support.phones import OPUS, PCMU, Pair, media
from support.sip_peers import ALICE, BOB

from softphone.sip.endpoint import SipStyle

NORMAL, SHORT, PACKED = SipStyle(), SipStyle(compact=True), SipStyle(dictionary=True)
BRIEF = (
    b'{"schema":1,"outcome":"completed","sip_status":200,"reason":"OK","verdict":["ok"],"score":null,'
    b'"dtmf_received":"","emodel":{"model":"G.107","mos_cq":4.27,"grounded":false}}'
)
"""As `softphone.app.result.brief` makes it."""


class SeededShortIds:
    """Identifiers as long as those of `softphone.io.ids.ShortIds`."""

    def __init__(self, seed: str) -> None:
        self._rng = random.Random(seed)

    def _text(self, characters: int) -> str:
        return "".join(self._rng.choice("abcdefghijklmnopqrstuvwxyz234567") for _ in range(characters))

    def branch(self) -> str:
        return "z9hG4bK" + self._text(9)

    def tag(self) -> str:
        return self._text(7)

    def call_id(self) -> str:
        return self._text(12)

    def nonce(self) -> str:
        return self._text(16)


def short_pair(
    caller: SipStyle,
    callee: SipStyle,
    *,
    alice: dict[str, Any] | None = None,
    bob: dict[str, Any] | None = None,
    **options: Any,
) -> Pair:
    """Alice, who calls, and Bob; both have a RESULT to give."""
    return Pair(
        alice={
            "style": caller,
            "ids": SeededShortIds("alice"),
            "local": media(ALICE, OPUS, PCMU, compact=caller.is_compact, session_id=1_234_567_890),
            "result": BRIEF,
            **(alice or {}),
        },
        bob={
            "style": callee,
            "ids": SeededShortIds("bob"),
            "local": media(BOB, OPUS, PCMU, compact=callee.is_compact, session_id=1_987_654_321),
            "result": BRIEF,
            **(bob or {}),
        },
        **options,
    )  # fmt: skip


def whole_call(pair: Pair, *, ring_s: float = 0.0, **options: Any) -> list[int]:
    """Let Alice call, Bob answer, and Alice hang up; return the sizes of what went over the line."""
    begin = len(pair.net.log)
    number = pair.alice.call(pair.bob, **options)
    pair.net.run_for(1.0 + ring_s)
    pair.alice.manager.hang_up(number, result=BRIEF, now=pair.net.now)
    pair.net.pump()
    pair.net.run_for(1.0)
    return [len(sent.data) for sent in pair.net.log[begin:]]
