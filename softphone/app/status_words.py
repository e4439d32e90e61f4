"""What the final statuses that refuse a call mean to a person (RFC 3261 section 21 and the documents named)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Status:
    """One status."""

    cause: str
    """As a diagnosis names it."""
    meaning: str
    advice: str


_LATER = "call later"
_ADDRESS = "check the user part of the URI; perhaps the user is not registered there"

STATUSES: dict[int, Status] = {
    305: Status("redirect", "the peer wants to be called through a proxy, which is not done unasked", "name it with --proxy"),
    400: Status("server", "the peer does not understand our request", "see --trace FILE, and its log"),
    402: Status("forbidden", "the call would have to be paid for", "ask the operator"),
    403: Status("forbidden", "the peer knows us and does not let us", "check the account's rights there, and --user"),
    404: Status("not-found", "the peer knows no such user", _ADDRESS),
    405: Status("server", "the peer takes no calls at this address", _ADDRESS),
    408: Status("no-answer", "nobody answered in time", _LATER),
    410: Status("not-found", "the user is not there any more", _ADDRESS),
    413: Status("server", "our request is too large for the peer", "leave out --header, or offer fewer codecs"),
    416: Status("not-found", "the peer does not take this kind of URI", "try sip: in place of sips:, or the reverse"),
    420: Status("server", "the peer lacks an extension that the call requires", "see --trace FILE"),
    421: Status("server", "the peer requires an extension that is not there", "see --trace FILE"),
    422: Status("server", "no agreement on how often the call is refreshed (RFC 4028)", "see --trace FILE"),
    429: Status("forbidden", "the peer wants to know who referred us (RFC 3892)", "ask its operator"),
    433: Status("forbidden", "anonymous callers are not taken (RFC 5079)", "give --user"),
    480: Status("no-answer", "the user is not there now", "call later; perhaps nobody is registered"),
    481: Status("server", "the peer does not know the call", "see --trace FILE"),
    482: Status("server", "the request went in a circle", "check --proxy and the server's routing"),
    483: Status("server", "the request passed too many hops", "check --proxy and the server's routing"),
    484: Status("not-found", "the number is not complete", _ADDRESS),
    485: Status("not-found", "the address is ambiguous", _ADDRESS),
    486: Status("busy", "the peer is busy", _LATER),
    487: Status("cancelled", "the call was cancelled before it was answered", ""),
    491: Status("server", "both sides asked for a change at once", "call again"),
    493: Status("encryption", "the peer cannot decrypt our request", "see --trace FILE"),
    494: Status("encryption", "the peer wants another kind of security", "try --transport tls"),
    500: Status("server", "something went wrong at the peer", "look at its log"),
    501: Status("server", "the peer takes no calls", "check that it is a phone or a PBX"),
    502: Status("server", "the peer's next hop gave a bad answer", "look at the server's log"),
    503: Status("server", "the peer is overloaded or under maintenance", _LATER),
    504: Status("server", "the peer waited in vain for somebody else", "look at the server's log"),
    505: Status("server", "the peer speaks another version of SIP", "check that it is a phone or a PBX"),
    513: Status("server", "our request is too large for the peer", "leave out --header, or offer fewer codecs"),
    580: Status("server", "the line could not be reserved (RFC 3312)", _LATER),
    600: Status("busy", "the user is busy everywhere", _LATER),
    603: Status("declined", "the user does not want the call", ""),
    604: Status("not-found", "there is no such user anywhere", _ADDRESS),
    607: Status("declined", "the user does not want to be called by us (RFC 8197)", ""),
    608: Status("forbidden", "something on the way took us for a nuisance (RFC 8688)", "ask the operator"),
}  # fmt: skip
"""A status that is missing is told by its hundred."""
