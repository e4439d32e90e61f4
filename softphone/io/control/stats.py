"""What passed a control server, in figures."""

from dataclasses import dataclass


@dataclass(slots=True)
class ServerStats:
    """Counters since it was opened; reading changes nothing."""

    connections: int = 0
    requests: int = 0
    """Over HTTP."""
    messages: int = 0
    """Over WebSockets, after hello."""
    joined: int = 0
    """Clients that came in."""
    refused: int = 0
    """HTTP requests answered with an error."""
    crowded: int = 0
    """Connections that had to go for newer ones, and clients for which there was no place."""
    late: int = 0
    """No whole request, or no hello, in time."""
    wrong_tokens: int = 0
    slowed: int = 0
    """Tokens not looked at, because wrong ones had come from there."""
    no_hello: int = 0
    """First messages that were none."""
    bad_messages: int = 0
    binary: int = 0
    too_long: int = 0
    rate_limited: int = 0
    """Messages beyond the rate."""
    floods: int = 0
    """Clients closed for going on nevertheless."""
    slow: int = 0
    """Clients dropped that did not read."""
    skipped: int = 0
    """Levels and spectra left out for clients that had not read the last."""
    silent: int = 0
    """Clients dropped that did not answer a ping."""
    tls_failures: int = 0
    faults: int = 0
    """Of ours: connections and requests that met one."""
