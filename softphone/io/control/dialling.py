"""The way to a control server: its address, its certificate, and what may go wrong before anything is said."""

import hashlib
import logging
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as _connect
from websockets.exceptions import InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

from softphone.control.protocols.json_messages import SUBPROTOCOL
from softphone.errors import SoftphoneError, UnreachableError, UsageError
from softphone.serve_config import SERVE_ADDRESS

ANSWER_S = 10.0
"""How long an answer may take, unless told otherwise."""
MAX_MESSAGE = 16 << 20
"""Bytes of one message from the server."""

_PORT = SERVE_ADDRESS[1]

_QUIET = logging.Logger(f"{__name__}.silent")
"""For the library, which would log what is said."""
_QUIET.disabled = True


class RemoteError(SoftphoneError):
    """The server refused what was asked, or is away.

    Args:
        code: one of `softphone.control.CODES`, or ``away``: the connection was lost before the answer came.
        message: one line.
        details: what the server added: ``nearest``, ``min``, ``max``, ``value`` and so on.
    """

    def __init__(self, code: str, message: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = {} if details is None else dict(details)
        self.exit_status = (
            3 if code == "away" else 4 if code in ("unauthorized", "forbidden", "too-many") else 2
        )


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server is, and what it is to be shown."""

    host: str
    port: int
    secure: bool
    token: str | None

    @classmethod
    def parse(cls, at: str) -> "Place":
        """Read ``HOST``, ``HOST:PORT`` or the URL that a server printed, with its token or without.

        Raises:
            UsageError: it is none of these.
        """
        wanted = f"wanted HOST:PORT or the URL that was printed, as http://127.0.0.1:{_PORT}/"
        try:
            parts = urlsplit(at if "://" in at else f"http://{at}")
            host, port = parts.hostname, parts.port
        except ValueError:
            raise UsageError(wanted) from None
        if not host or parts.scheme not in ("http", "https", "ws", "wss") or parts.username is not None:
            raise UsageError(wanted)
        token = parse_qs(parts.fragment).get("token")
        secure = parts.scheme in ("https", "wss")
        return cls(host, _PORT if port is None else port, secure, token[0] if token else None)

    @property
    def uri(self) -> str:
        """Of the WebSocket."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'wss' if self.secure else 'ws'}://{host}:{self.port}/control"

    @property
    def shown(self) -> str:
        """For people."""
        return f"{self.host}:{self.port}"


async def dial(place: Place, context: ssl.SSLContext | None, pin: str | None) -> ClientConnection:
    """Open the WebSocket of *place*; nothing is said over it yet.

    Args:
        context: None: without TLS.
        pin: SHA-256 of the one certificate to trust, in hexadecimal digits; None: what *context* checks will do.

    Raises:
        UnreachableError: nobody answers there, or shows a certificate that is not to be trusted.
        RemoteError: ``forbidden``: it speaks HTTP and refuses.
    """
    try:
        socket = await _connect(
            place.uri,
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            compression=None,
            max_size=MAX_MESSAGE,
            user_agent_header=None,
            logger=_QUIET,
            proxy=None,
            open_timeout=ANSWER_S,
            close_timeout=1,
            ssl=context,
        )
    except InvalidStatus as error:
        body = error.response.body or b""
        line = bytes(body).decode("utf-8", "replace").strip() or f"HTTP {error.response.status_code}"
        raise RemoteError("forbidden", f"{place.shown} refused: {line}") from None
    except ssl.SSLCertVerificationError as error:
        raise UnreachableError(
            f"{place.shown} shows a certificate that is not trusted ({error.verify_message}): "
            "give its SHA-256 fingerprint, or the certificate itself"
        ) from None
    except ssl.SSLError as error:
        raise UnreachableError(f"no TLS with {place.shown} ({error.reason}): does it speak TLS?") from None
    except (InvalidHandshake, EOFError):
        raise UnreachableError(
            f"{place.shown} is no control port{'' if place.secure else ', or wants TLS: https://'}"
        ) from None
    except (OSError, TimeoutError) as error:
        reason = getattr(error, "strerror", None) or str(error) or "no answer"
        raise UnreachableError(f"nobody answers at {place.shown} ({reason}): is it running there?") from None
    if pin is not None:
        _check_pin(socket, pin, place)
    return socket


def _check_pin(socket: ClientConnection, pin: str, place: Place) -> None:
    """See to it that the certificate is the one; nothing secret has been said so far."""
    tls = socket.transport.get_extra_info("ssl_object")
    der = tls.getpeercert(binary_form=True)
    if der is None or hashlib.sha256(der).hexdigest() != pin:
        socket.transport.abort()
        raise UnreachableError(
            f"{place.shown} shows another certificate than the one with that fingerprint: somebody may stand between, "
            "or it has a new one; compare with what it printed"
        )
