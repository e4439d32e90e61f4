"""What an account means in SIP: our address, our registrar, our credentials."""

from dataclasses import replace

from softphone.config import AccountOptions
from softphone.errors import UsageError
from softphone.sip.auth import Credentials
from softphone.sip.grammar import format_host_port
from softphone.sip.uri import NameAddr, SipUri


def registrar_of(account: AccountOptions) -> SipUri:
    """Where the registrations of *account* are sent.

    Raises:
        UsageError: it names no registrar.
    """
    if account.registrar is None:
        raise UsageError("a registration wants a registrar, got none: give --registrar")
    return SipUri.parse(account.registrar_uri)


def aor_of(account: AccountOptions) -> NameAddr:
    """The address that *account* is called by: its user at its domain.

    Raises:
        UsageError: it names no user, or no registrar.
    """
    registrar = registrar_of(account)
    if account.user is None:
        raise UsageError("--registrar is told where a user is reached: give --user, too")
    home = registrar if account.domain is None else SipUri.parse(f"{registrar.scheme}:{account.domain}")
    return NameAddr(SipUri(registrar.scheme, account.user, host=home.host, port=home.port))


def way_to(target: SipUri, account: AccountOptions) -> SipUri:
    """Where a call of *account* for *target* goes first: its registrar, where there is one."""
    return target if account.registrar is None else registrar_of(account)


def account_of(uri: str, account: AccountOptions) -> AccountOptions:
    """*account* with what *uri*, the address to register, says; its host is the registrar where *account* names no other.

    Raises:
        UsageError: it is no SIP URI of a user.
    """
    aor = SipUri.parse(uri)
    registrar = str(replace(aor, user=None, headers=())) if account.registrar is None else account.registrar
    return replace(account, user=aor.user, domain=format_host_port(aor.host, aor.port), registrar=registrar)


def credentials_of(account: AccountOptions) -> Credentials | None:
    """For digest authentication; None where the account has no password."""
    if account.digest_user is None or account.password is None:
        return None
    return Credentials(account.digest_user, account.password)
