"""What a connection tells the server that it belongs to."""

from typing import TYPE_CHECKING, Protocol

from softphone.io.control.http import Request

if TYPE_CHECKING:
    from softphone.io.control.connection import Connection


class Owner(Protocol):
    """Who is told what comes in; nothing of this may raise."""

    def requested(self, connection: "Connection", request: Request) -> None:
        """A request came: answer it, or go on as a WebSocket. Raises Refusal."""

    def said(self, connection: "Connection", text: str, within_rate: bool) -> None:
        """A message came."""

    def ended(self, connection: "Connection", reason: str) -> None:
        """The connection is being closed by us for a *reason* that is counted: a field of `ServerStats`."""

    def gone(self, connection: "Connection") -> None:
        """The connection is closed."""

    def failed(self, where: str, error: Exception) -> None:
        """A fault of ours."""
