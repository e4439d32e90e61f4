"""Why a call failed, and what to try: a RESULT in, one cause of a fixed list out (docs/diagnosis.md)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from softphone.app.media_ends import is_behind_nat
from softphone.app.status_words import STATUSES
from softphone.call.outcome import HUNG_UP
from softphone.sip.local import REASONS

Result = Mapping[str, Any]

MAX_WORDS = 160
"""Characters of what a peer or a library said."""


@dataclass(frozen=True, slots=True)
class CallFacts:
    """What a RESULT does not say, and a diagnosis wants to know. None: not known."""

    media_host: str | None = None
    """Our address as our SDP names it."""
    peer_host: str | None = None
    """Where SIP went to or came from."""
    password: bool = False
    """Whether we had one."""
    srtp: str = "off"
    """What was asked for: ``off``, ``prefer`` or ``require``."""
    answers: bool = False
    """Whether the call came in."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One line each."""

    cause: str
    """A word of `CAUSES`."""
    why: str
    advice: str
    """What to try; empty: nothing would help."""

    @property
    def line(self) -> str:
        """Both, as a person reads them."""
        return f"{self.why}; {self.advice}" if self.advice else self.why

    def as_json(self) -> dict[str, str]:
        """As it stands in a RESULT."""
        return {"cause": self.cause, "why": self.why, "try": self.advice}


_NETWORK: tuple[tuple[str, str, str], ...] = (
    (r"no transport \w+ here", "unreachable", "let the URI and --transport want the same"),
    (
        r"closed its connection",
        "unreachable",
        "perhaps TLS is spoken at that port: --transport tls; or see the log there",
    ),
    (r"\bpassword\b", "credentials", "check user, --auth-user and password"),
    (r"connection refused", "refused", "check the port and --transport, and that the program there runs"),
    (
        r"timed out|\bwithin [\d.]+ s\b",
        "timeout",
        "check address, port and --transport; a firewall on the way may drop it silently",
    ),
    (r"certificate|\bTLS\b|\bSSL\b|handshake", "tls", "see --tls-ca, or try another port or --transport"),
    (
        r"host name|no such host|no address found|name server|getaddrinfo",
        "dns",
        "check the spelling of the host name, and the name server",
    ),
    (
        r"unreachable|no route|network is down|cannot be reached",
        "unreachable",
        "check the address and the network connection",
    ),
)
"""(what a reason of the network says, cause, advice), the first that fits."""
_HAS_ADVICE = re.compile(r"(?:: |; )(?:check|name|give|use|try|install|does it speak)\b.*", re.DOTALL)
_OWN_HOST = re.compile(r"@\[?([0-9a-fA-F.:]+?)\]?(?::[0-9]+)?(?:;.*)?$")
_NO_AGREEMENT = (415, 488, 606)
_ENCRYPTION = re.compile(r"encrypt|S?RTP/SAVP|\bSRTP\b|\bSDES\b|\bDTLS\b|crypto|fingerprint", re.IGNORECASE)
CAUSES = frozenset(
    (
        *(cause for _, cause, _ in _NETWORK),
        *(status.cause for status in STATUSES.values()),
        *("credentials", "codec", "encryption", "redirect", "server", "declined", "cancelled", "no-answer"),
        *("no-media", "one-way", "one-way-nat", "silent", "dropped", "local"),
    )
)


def diagnosis_of(result: Result, facts: CallFacts = CallFacts()) -> Diagnosis | None:
    """Why the call of *result*, ours or a peer's, was not what was asked for; None: it was."""
    match result.get("outcome"):
        case "completed":
            return None
        case "no-audio":
            return _without_audio(result, facts)
        case "dropped":
            return _dropped(result, facts)
        case "failed":
            said = _clean(result.get("error") or result.get("reason"))
            if _ENCRYPTION.search(said):
                return Diagnosis("encryption", *_parts(said, "see docs/srtp.md"))
            return Diagnosis("local", *_parts(said, "-vv shows where"))
        case "unreachable":
            return _unreachable(result)
    return _refused(result, facts)


def diagnosis_of_error(message: str) -> Diagnosis | None:
    """What an error that came before there was a RESULT means; None: it speaks for itself."""
    for pattern, cause, advice in _NETWORK:
        if re.search(pattern, message, re.IGNORECASE):
            return Diagnosis(cause, *_parts(_clean(message), advice))
    return None


def _unreachable(result: Result) -> Diagnosis:
    reason = _clean(result.get("reason"))
    found = diagnosis_of_error(reason)
    if found is not None and result.get("sip_status") != 408:
        return found
    where = _where(result)
    if result.get("sip_status") == 408:
        return Diagnosis(
            "timeout",
            f"nothing came back from {where}",
            "check address, port and --transport; a firewall on the way may drop SIP silently",
        )
    return Diagnosis(
        "unreachable", *_parts(reason or f"{where} cannot be reached", "check address and network")
    )


def _refused(result: Result, facts: CallFacts) -> Diagnosis:
    status, reason = result.get("sip_status"), _clean(result.get("reason"))
    if not isinstance(status, int):
        return Diagnosis("cancelled", reason or "the call ended before it was answered", "")
    said = f"{status} {reason}".strip()
    if status == 487:
        return _given_up(result, facts)
    if facts.answers and result.get("ended_by") == "local" and status not in _NO_AGREEMENT:
        found = STATUSES.get(status)
        cause = "declined" if found is None else found.cause
        return Diagnosis(cause, f"this side refused the call ({said})", "")
    if status in (401, 407) and result.get("ended_by") == "peer":
        if facts.password:
            advice = "check user, password and --auth-user; the realm may be another"
            return Diagnosis(
                "credentials", f"the peer does not take our user name or password ({said})", advice
            )
        advice = "give --user and --password-env"
        return Diagnosis("credentials", f"the peer asks for a password, and none was given ({said})", advice)
    if result.get("outcome") == "incompatible" or status in _NO_AGREEMENT:
        if facts.srtp == "require" or _ENCRYPTION.search(reason):
            return Diagnosis(
                "encryption",
                f"no agreement on how media is encrypted ({said})",
                "let both sides require, or prefer, the same: --srtp prefer, --srtp-keys",
            )
        advice = "name others with --codec, as pcmu,pcma"
        if facts.srtp == "off" and reason in ("", REASONS[488]):  # it did not say what it wanted
            advice += "; or, if the peer wants encrypted media, --srtp prefer"
        return Diagnosis("codec", f"no codec that both sides have ({said})", advice)
    found = STATUSES.get(status)
    if found is not None:
        return Diagnosis(found.cause, f"{found.meaning} ({said})", found.advice)
    if 300 <= status < 400:
        return Diagnosis(
            "redirect", f"the peer sends us elsewhere, where we did not get ({said})", "call that address"
        )
    if 500 <= status < 600:
        return Diagnosis("server", f"the server cannot do it ({said})", "look at its log, or try later")
    return Diagnosis(
        "declined",
        f"the peer does not take the call ({said})",
        "ask whom you call, or look at the server's log",
    )


def _given_up(result: Result, facts: CallFacts) -> Diagnosis:
    """Nobody answered before the call was given up."""
    if facts.answers:
        return Diagnosis("cancelled", "the caller gave up before the call was answered", "")
    if result.get("ended_by") == "local":
        if result.get("reason") == HUNG_UP:
            return Diagnosis("cancelled", "we hung up before an answer", "")
        return Diagnosis("no-answer", "nobody answered before we gave up", "--ring-timeout waits longer")
    status = STATUSES[487]
    return Diagnosis(status.cause, status.meaning, status.advice)


def _without_audio(result: Result, facts: CallFacts) -> Diagnosis:
    if _packets(result, "received"):
        if "one-way" in (result.get("verdict") or ()):
            return Diagnosis(
                "one-way",
                "we hear the peer, and its RTCP says that it hears nothing of us",
                "look for a firewall or NAT before the peer, and where its SDP wants audio: --trace FILE",
            )
        return Diagnosis(
            "silent",
            "packets came with next to no sound in them",
            "look at what the other side plays, and at its microphone",
        )
    return _nothing_heard(result, facts)


def _dropped(result: Result, facts: CallFacts) -> Diagnosis:
    reason = _clean(result.get("reason"))
    if result.get("received") is not None and not _packets(result, "received"):
        return _nothing_heard(result, facts)
    why = f"the call was cut: {reason}" if reason and reason != "OK" else "the call was cut by the network"
    return Diagnosis("dropped", why, "look at the network of both sides; --trace FILE shows what came last")


def _nothing_heard(result: Result, facts: CallFacts) -> Diagnosis:
    """No packet came in."""
    ours, peer = facts.media_host, facts.peer_host
    if ours is not None and peer is not None and is_behind_nat(ours) and not is_behind_nat(peer):
        return Diagnosis(
            "one-way-nat",
            f"no audio came in: our SDP names {ours}, which nobody outside of this network can send to",
            "--stun HOST, --ice, or --public-address ADDRESS",
        )
    own = _OWN_HOST.search(str(result.get("local")))
    if peer is not None and own is not None and is_behind_nat(own[1]) and not is_behind_nat(peer):
        return Diagnosis(
            "one-way-nat",
            f"no audio came in at {ours}, where the NAT before us was said to take it",
            "--turn, for the NAT may have another port for each peer; or forward --rtp-ports",
        )
    if _peer_hears(result):
        return Diagnosis(
            "one-way",
            "the peer hears us, but none of its audio came in",
            "look for a firewall in front of our RTP ports (--rtp-ports)",
        )
    return Diagnosis(
        "no-media",
        "no audio packet came in, and nothing says that ours arrived",
        "open the RTP ports in the firewall (--rtp-ports), and see where SDP sends them: --trace FILE",
    )


def _peer_hears(result: Result) -> bool:
    """Whether the peer says, in RTCP or in a RESULT of its own, that something of ours came in."""
    peer, remote = result.get("peer_result"), result.get("remote")
    if isinstance(peer, Mapping) and _packets(peer, "received"):
        return True
    loss_pct = remote.get("loss_pct") if isinstance(remote, Mapping) else None
    return loss_pct is not None and loss_pct < 100


def _packets(side: Result, key: str) -> int:
    found = side.get(key)
    count = found.get("packets") if isinstance(found, Mapping) else None
    return count if isinstance(count, int) else 0


def _where(result: Result) -> str:
    found = result.get("signalling")
    if isinstance(found, Mapping) and found.get("peer"):
        return f"{found['peer']} ({found.get('transport')})"
    return str(result.get("peer"))


def _parts(said: str, advice: str) -> tuple[str, str]:
    """What happened, and what to try: *said* may hold both."""
    found = _HAS_ADVICE.search(said)
    if found is None:
        return said, advice
    return said[: found.start()], said[found.start() + 2 :]


def _clean(text: Any) -> str:
    """*text*, which may be a peer's, on one line and short."""
    words = " ".join(str(text or "").split())
    shown = "".join(char if char.isprintable() else "?" for char in words[: MAX_WORDS + 1])
    return shown if len(shown) <= MAX_WORDS else f"{shown[: MAX_WORDS - 1]}…"
