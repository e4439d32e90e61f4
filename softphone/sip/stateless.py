"""Answers that are not remembered (RFC 3261 section 8.2.7), and where a request came from."""

from collections.abc import Callable

from softphone.sip.errors import LocalSipError
from softphone.sip.events import Address
from softphone.sip.local import LocalAgent
from softphone.sip.matching import response_address
from softphone.sip.message import Request
from softphone.sip.transaction import Account

Send = Callable[[bytes, Address, Account | None], None]
"""Sends a message for nobody's account."""


def stamp(request: Request, source: Address) -> None:
    """Write into the top Via where the request came from (section 18.2.1, RFC 3581 section 4)."""
    via = request.via
    wants_port = "rport" in via.params
    if not wants_port and via.host.lower() == source[0].lower():
        return
    params: dict[str, str | None] = {"received": source[0]}
    if wants_port:
        params["rport"] = str(source[1])
    rest = request.headers.get_all("Via")[1:]
    request.headers.set("Via", ", ".join([str(via.with_params(**params)), *rest]))


class StatelessAnswers:
    """Sends them."""

    def __init__(self, agent: LocalAgent, send: Send) -> None:
        self._agent = agent
        self._send = send

    def answer(
        self,
        request: Request,
        status: int,
        source: Address,
        *,
        reason: str | None = None,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        """Answer *request*, which may be only partly understood."""
        peer = response_address(request.via, source)
        try:
            stamp(request, source)
            tag = self._agent.stateless_tag(request)
            data = self._agent.render(
                self._agent.response(request, status, reason, to_tag=tag, headers=headers)
            )
        except LocalSipError:
            return  # a header too broken to be copied; the caller counts the drop
        self._send(data, peer, None)
