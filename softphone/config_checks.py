"""Checks that options have in common."""

import re

from softphone.errors import UsageError


def check_range(what: str, value: float | None, low: float, high: float, unit: str = "") -> None:
    """Refuse a *value* that is not None and not in the range; *what* is the option's name.

    Raises:
        UsageError: naming the range and what was got.
    """
    if value is not None and not low <= value <= high:  # a NaN is in no range
        span = f"{low:g} to {high:.10g} {unit}".rstrip()
        raise UsageError(f"{what} must be {span}, got {value:.10g}")


def is_host(text: str) -> bool:
    """Whether *text* is an address, or may be a name."""
    if ":" not in text:
        return re.fullmatch(r"[A-Za-z0-9.-]+", text) is not None
    import ipaddress  # help must be there at once

    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def check_sip_uri(option: str, text: str, example: str) -> None:
    """Refuse *text* where it is no SIP URI, or holds a password.

    Raises:
        UsageError: naming the *option*, with an *example* of what it wants.
    """
    from softphone.sip.errors import SipError  # help must be there at once, and names none
    from softphone.sip.uri import SipUri

    try:
        uri = SipUri.parse(text)
    except SipError as error:
        raise UsageError(f"{option} must be like {example}: {error}") from None
    if uri.password is not None:
        raise UsageError(f"{option} must hold no password, for everybody would see it: give --password-env")
    if uri.scheme not in ("sip", "sips"):
        raise UsageError(f"{option} must be like {example}, got {text!r}")
