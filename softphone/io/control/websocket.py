"""The WebSocket of the control port, without I/O: its handshake, its frames, and why it is closed (RFC 6455)."""

import logging

from websockets.frames import Frame, Opcode
from websockets.http11 import Request as Handshake
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from softphone.control.protocols.json_messages import SUBPROTOCOL
from softphone.io.control.http import Refusal, Request

MAX_MESSAGE = 64 << 10
"""Bytes of one message from a client."""

_HANDSHAKE = (
    "host",
    "connection",
    "upgrade",
    "sec-websocket-key",
    "sec-websocket-version",
    "sec-websocket-protocol",
)

_QUIET = logging.Logger(f"{__name__}.silent")
"""For the library, which would log what is said; no configuration of logging reaches it."""
_QUIET.disabled = True


class CloseCode:
    """Why a WebSocket is closed (RFC 6455 section 7.4; those above 4000 are this protocol's)."""

    LEAVING = 1001
    NOT_TEXT = 1003
    BAD_TEXT = 1007
    TOO_LONG = 1009
    NOT_OURS = 4400
    TOKEN = 4401
    NO_HELLO = 4408
    FLOOD = 4429
    TOO_MANY = 4503


def text_frame(text: str) -> bytes:
    """Return the frame of a message to clients; the same bytes serve all of them."""
    return Frame(Opcode.TEXT, text.encode("utf-8", "replace")).serialize(mask=False)


def accepted(request: Request) -> ServerProtocol:
    """Return the WebSocket that *request* asks for; the answer to it is what it has to send first.

    Raises:
        Refusal: 400 or 426: its handshake is not one (RFC 6455 section 4.2.1), or offers other subprotocols.
    """
    if not request.wants_websocket:
        raise Refusal(426, "wanted a WebSocket", ("Upgrade", "websocket"))
    protocol = ServerProtocol(subprotocols=[Subprotocol(SUBPROTOCOL)], max_size=MAX_MESSAGE, logger=_QUIET)
    lines = [f"{name}: {request.headers[name]}" for name in _HANDSHAKE if name in request.headers]
    protocol.receive_data("\r\n".join(("GET /control HTTP/1.1", *lines, "", "")).encode("latin-1"))
    for event in protocol.events_received():
        response = protocol.accept(event) if isinstance(event, Handshake) else None
        if response is not None and response.status_code == 101:
            protocol.send_response(response)
            return protocol
    raise Refusal(400, f"wanted a WebSocket handshake of version 13 with the subprotocol {SUBPROTOCOL}")
