"""The result of a capture as tables a person reads: its calls, then the figures of each stream."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from softphone.cli.table import listing

Result = Mapping[str, Any]
Figure = Callable[[Result], str]

AT_ONCE = 3
"""Streams beside each other."""


def capture_table(result: Result) -> str:
    """The whole of *result*, as `softphone.app.capture_score.score_capture` returns it."""
    streams: Sequence[Result] = result["streams"]
    parts = [_title(result)]
    if result["calls"]:
        rows = [_call(call) for call in result["calls"]]
        parts.append(listing("calls", ["from", "to", "status", "talk", "streams", "verdict"], rows))
    for start in range(0, len(streams), AT_ONCE):
        some = streams[start : start + AT_ONCE]
        rows = []
        for name, figure in _ROWS:
            cells = [figure(stream) for stream in some]
            if any(cells):
                rows.append([name, *cells, ""])
        columns = [f"stream {start + number}" for number in range(len(some))]
        parts.append(listing("", ["", *columns, " "], rows).strip("\n"))
    for number, stream in enumerate(streams):
        notes = [stream["undecoded"], *stream["notes"], *stream["refused"].get("checks", "").splitlines()]
        parts += [f"stream {number}: {note}" for note in notes if note]
        if stream["recording"]:
            parts.append(f"recording, stream {number}: {stream['recording']}")
    parts += [f"note: {warning}" for warning in result["warnings"]]
    return "\n".join(parts)


def _title(result: Result) -> str:
    seconds = "" if result["seconds"] is None else f", {result['seconds']:.1f} s"
    count = len(result["streams"])
    verdict = f": {', '.join(result['verdict'])}" if result["verdict"] else ""
    return f"{result['file']} ({result['format']}, {result['frames']} frames{seconds}), {count} RTP streams{verdict}"


def _call(call: Result) -> list[str]:
    status = "" if call["sip_status"] is None else f"{call['sip_status']} {call['reason']}"
    talk = call["duration_s"] if call["duration_s"] is not None else call["media_s"]
    return [
        str(call["from"]),
        str(call["to"]),
        status,
        "" if talk is None else f"{talk:.1f} s",
        ", ".join(map(str, call["streams"])),
        ", ".join(call["verdict"]),
    ]


def _of(key: str, form: str) -> Figure:
    def figure(stream: Result) -> str:
        value: Any = stream
        for part in key.split("."):
            value = None if value is None else value[part]
        return "" if value is None else form.format(value)

    return figure


def _of_packets(count: str, share: str) -> Figure:
    def figure(stream: Result) -> str:
        if stream[count] is None:
            return ""
        return f"{stream[count]} ({stream[share]:.2f} %)"

    return figure


def _codec(stream: Result) -> str:
    codec = stream["codec"]
    if codec is None:
        return f"payload type {stream['payload_type']}"
    rate = "" if codec["bit_rate_bps"] is None else f" {codec['bit_rate_bps']} b/s"
    ptime = "" if codec["ptime_ms"] is None else f", {codec['ptime_ms']:g} ms"
    doubt = " (guessed)" if codec["by"] == "guess" else ""
    return f"{codec['name']}{rate}{ptime}{doubt}"


def _emodel(stream: Result) -> str:
    emodel = stream["emodel"]
    return "" if emodel is None else f"R {emodel['r']:.1f} ({emodel['model']})"


def _score(stream: Result) -> str:
    score = stream["score"]
    if score is None:
        return ""
    doubt = "" if score["trusted"] else ", not to be trusted"
    return f"{score['value']:.2f} {score['unit']}{doubt}"


def _model_opinion(stream: Result) -> str:
    """What models say that hear the degraded signal alone, where they are installed."""
    known = ((name, stream["metrics"].get(name)) for name in ("dnsmos", "plcmos"))
    return ", ".join(f"{name} {value:.2f}" for name, value in known if value is not None)


def _encryption(stream: Result) -> str:
    return "" if stream["encryption"] == "none" else str(stream["encryption"])


_ROWS: tuple[tuple[str, Figure], ...] = (
    ("from", _of("from", "{}")),
    ("to", _of("to", "{}")),
    ("SSRC", _of("ssrc", "{}")),
    ("codec", _codec),
    ("encryption", _encryption),
    ("begins", _of("started_s", "{:.3f} s")),
    ("lasts", _of("seconds", "{:.2f} s")),
    ("packets", _of("packets", "{}")),
    ("lost", _of_packets("lost", "loss_pct")),
    ("discarded here", _of_packets("discarded", "discard_pct")),
    ("duplicates", _of("duplicates", "{}")),
    ("reordered", _of("reordered", "{}")),
    ("longest loss", _of("longest_loss", "{} packets")),
    ("burst ratio", _of("burst_r", "{:.2f}")),
    ("jitter", _of("jitter_ms", "{:.2f} ms")),
    ("jitter, mean", _of("jitter_mean_ms", "{:.2f} ms")),
    ("jitter, greatest", _of("jitter_max_ms", "{:.2f} ms")),
    ("delay variation, 95 %", _of("pdv_p95_ms", "{:.2f} ms")),
    ("longest gap", _of("max_delta_ms", "{:.1f} ms")),
    ("clock skew", _of("skew_ppm", "{:+.0f} ppm")),
    ("payload", _of("payload_bps", "{:.0f} b/s")),
    ("on the wire", _of("wire_bps", "{:.0f} b/s")),
    ("silence, not sent", _of("silence.ms", "{} ms")),
    ("concealed", _of("concealed_ms", "{} ms")),
    ("playout delay", _of("playout_delay_ms", "{:.0f} ms")),
    ("receiver says lost", _of("remote.loss_pct", "{:.2f} %")),
    ("round trip", _of("rtt_ms", "{:.1f} ms")),
    ("level", _of("level_dbov", "{:.1f} dBov")),
    ("DTMF", _of("dtmf", "{}")),
    ("E-model", _emodel),
    ("MOS-CQE", _of("emodel.mos_cq", "{:.2f}")),
    ("score", _score),
    ("models", _model_opinion),
    ("verdict", lambda stream: ", ".join(stream["verdict"])),
)
