"""What stands on and under the arrows of a ladder."""

from collections.abc import Iterator, Sequence

from softphone.app.capture_calls import MediaEnd
from softphone.capture.flows import shown
from softphone.sip.message import Request, Response

Message = Request | Response

MAX_TEXT = 80
"""Characters of what a peer wrote."""
_TOLD = (
    "Refer-To",
    "Replaces",
    "Referred-By",
    "Session-Expires",
    "Min-SE",
    "Retry-After",
    "Min-Expires",
    "Warning",
    "Reason",
)
"""Header fields that explain what a message is about."""
_DIRECTIONS = {
    (True, True): "",
    (True, False): "sendonly",
    (False, True): "recvonly",
    (False, False): "inactive",
}


def text_of(text: str, room: int = MAX_TEXT) -> str:
    """*text* of a peer, fit to be shown: on one line, cut, without what steers a terminal."""
    clean = "".join(char if char.isprintable() else "?" for char in text[: room + 1])
    return clean if len(clean) <= room else f"{clean[: room - 1]}…"


def label_of(message: Message) -> str:
    """What stands on the arrow."""
    method = message.cseq.method
    if isinstance(message, Request):
        return (
            "re-INVITE" if method == "INVITE" and message.to.tag is not None else text_of(message.method, 20)
        )
    of = "" if method == "INVITE" else f" ({text_of(method, 20)})"
    return f"{message.status} {text_of(message.reason, 40)}{of}"


def described(message: Message, ends: Sequence[MediaEnd]) -> tuple[str, ...]:
    """What stands under the arrow, line by line."""
    return tuple(_lines(message, ends))


def _lines(message: Message, ends: Sequence[MediaEnd]) -> Iterator[str]:
    headers = message.headers
    if isinstance(message, Request):
        if "Authorization" in headers or "Proxy-Authorization" in headers:
            yield "with credentials"
    else:
        if message.status in (401, 407):
            yield "asks for credentials"
        if 300 <= message.status < 400:
            yield from (f"Contact: {text_of(str(each.uri))}" for each in message.contacts)
        if headers.get("RSeq") is not None:  # RFC 3262
            yield f"reliable, RSeq {text_of(headers.get('RSeq') or '', 12)}"
    if message.cseq.method == "REGISTER" and (expires := headers.get("Expires")):
        yield f"Expires: {text_of(expires, 20)}"
    for name in _TOLD:
        value = headers.get(name)
        if value is not None:
            yield f"{name}: {text_of(value)}"
    for end in ends:
        yield _sdp_line(end)
    if not ends and message.body:
        yield from _body_line(message)


def _sdp_line(end: MediaEnd) -> str:
    names = ", ".join(dict.fromkeys(each.name for each in end.formats.values()))
    kind = "" if end.kind == "audio" else f"{text_of(end.kind, 12)} "
    words = (
        text_of(f"{kind}{names}", 48),
        shown(end.address),
        " or ".join(end.encrypted),
        _DIRECTIONS[end.sends, end.receives],
    )
    return f"SDP {' · '.join(filter(None, words))}"


def _body_line(message: Message) -> Iterator[str]:
    kind = (message.headers.get("Content-Type") or "").partition(";")[0].strip().lower()
    first = message.body[:MAX_TEXT].decode("utf-8", "replace").partition("\r")[0].partition("\n")[0]
    if kind in ("message/sipfrag", "application/dtmf-relay", "application/dtmf"):
        yield text_of(first)
    elif kind:
        yield text_of(kind, 40)


def ending_of(messages: Sequence[Message]) -> str:
    """What became of what is no call: the newest final answer."""
    answers = [each for each in messages if isinstance(each, Response) and each.status >= 200]
    return f"{answers[-1].status} {text_of(answers[-1].reason)}" if answers else "no final answer seen"
