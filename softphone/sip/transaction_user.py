"""What the transaction layer asks of the layer above (RFC 3261 section 17)."""

from typing import Protocol

from softphone.sip.client_transaction import ClientTransaction
from softphone.sip.events import Address
from softphone.sip.message import Request, Response
from softphone.sip.server_transaction import ServerTransaction
from softphone.sip.transaction import Account, Action


class TransactionUser(Protocol):
    """The layer above, that gives requests their meaning."""

    def request_received(
        self, request: Request, transaction: ServerTransaction, source: Address, *, now: float
    ) -> None:
        """Take a new request; set the transaction's owner and account."""

    def ack_received(self, request: Request, *, now: float) -> Account | None:
        """Take an ACK that belongs to no refused INVITE; return who pays for it, None if it is of no use."""

    def response_received(self, transaction: ClientTransaction, response: Response, *, now: float) -> None:
        """Take an answer."""

    def transaction_failed(self, transaction: ClientTransaction, failure: Action, *, now: float) -> None:
        """Take the news that no answer can come."""

    def standing(self) -> tuple[frozenset[str], frozenset[str]]:
        """Return hosts and Call-IDs of the calls that stand."""

    def is_of_call(self, request: Request) -> bool:
        """Whether *request* is in a dialog of ours."""

    def is_full(self, source: Address) -> bool:
        """Whether no further call of *source* is to be taken on."""
