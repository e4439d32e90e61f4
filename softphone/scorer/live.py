"""Verdicts on the audio of a running or finished call, without a reference.

Each word stands for one stated test (`verdicts`); words that need more than level and counters are not given.
A word about the sound is left out where nothing was heard at all.
"""

from dataclasses import dataclass

from dsp.level import CLIPPED_SHARE, SILENT_S, TOO_LOUD_DBOV, TOO_QUIET_DBOV, LevelReport

ONE_WAY_PACKETS = 10
"""*one-way*: at least so many packets went one way and none the other."""
DROPOUT_SHARE = 0.01
"""*dropouts*: gaps in the sound for this share of the active time or more, and at least `DROPOUT_MS`."""
DROPOUT_MS = 40.0
CONCEALED_SHARE = 0.05
"""*dropouts*, too, where this share of the time or more had to be concealed."""

VERDICT_WORDS = ("one-way", "silent", "clipped", "too-quiet", "too-loud", "dropouts")
"""Every word `verdicts` can give besides "ok", in the order it gives them."""


@dataclass(frozen=True, slots=True)
class LineFacts:
    """What the network side of a call counted."""

    packets_sent: int
    """RTP audio packets that went out."""
    packets_received: int
    """RTP audio packets that came from the peer."""
    receive_expected: bool = True
    """Whether the negotiated direction lets the peer send."""
    send_expected: bool = True
    """Whether the negotiated direction lets us send."""
    peer_loss_pct: float | None = None
    """Share of our packets that the peer's RTCP says it missed over the call; None without a report."""
    played_ms: float = 0.0
    """Audio played so far."""
    concealed_ms: float = 0.0
    """Of that, made up for what was lost."""


def verdicts(heard: LevelReport, facts: LineFacts) -> tuple[str, ...]:
    """Words for what is wrong with the audio, or ``("ok",)``.

    Args:
        heard: of what was played to the listener.
        facts: of the same call.
    """
    words: list[str] = []
    if facts.receive_expected:
        if _one_way(facts):
            words.append("one-way")
        elif heard.sounding_s < SILENT_S:
            words.append("silent")
        if heard.sounding_s >= SILENT_S:
            words += _sound(heard, facts)
    elif _peer_hears_nothing(facts):
        words.append("one-way")
    return tuple(words) if words else ("ok",)


def _one_way(facts: LineFacts) -> bool:
    """Packets go one way only: none came while ours went out, or the peer got none while its own came."""
    if facts.packets_received == 0:
        return facts.send_expected and facts.packets_sent >= ONE_WAY_PACKETS
    return _peer_hears_nothing(facts)


def _peer_hears_nothing(facts: LineFacts) -> bool:
    return (
        facts.send_expected
        and facts.packets_sent >= ONE_WAY_PACKETS
        and facts.peer_loss_pct is not None
        and facts.peer_loss_pct >= 100.0
    )


def _sound(heard: LevelReport, facts: LineFacts) -> list[str]:
    words: list[str] = []
    if heard.clipped_share >= CLIPPED_SHARE:
        words.append("clipped")
    if heard.level_dbov is None or heard.level_dbov < TOO_QUIET_DBOV:
        words.append("too-quiet")
    elif heard.level_dbov > TOO_LOUD_DBOV:
        words.append("too-loud")
    active_ms = 1000 * heard.activity * heard.seconds
    gaps = heard.dropout_ms >= max(DROPOUT_MS, DROPOUT_SHARE * active_ms)
    if gaps or (facts.played_ms > 0 and facts.concealed_ms >= CONCEALED_SHARE * facts.played_ms):
        words.append("dropouts")
    return words
