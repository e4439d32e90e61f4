"""What is said of our ends, and whom a session is told to believe."""

from types import SimpleNamespace
from typing import Any

import pytest

from softphone.app.media_ends import UNANSWERED_S, MediaEnds, is_behind_nat
from softphone.config import AccountOptions
from softphone.errors import UsageError
from softphone.nat_config import TurnServer, host_and_port


@pytest.mark.parametrize(
    ("host", "hidden"),
    [
        *(("10.1.2.3", True), ("172.31.0.1", True), ("192.168.0.9", True), ("100.64.1.1", True)),
        *(("169.254.3.3", True), ("fd00::2", True), ("fe80::1%eth0", True)),
        *(("127.0.0.1", False), ("198.51.100.7", False), ("172.32.0.1", False), ("2001:db8::1", False)),
        *(("0.0.0.0", False), ("a name", False)),
    ],
)
def test_private_addresses_are_those_that_a_nat_hides(host: str, hidden: bool) -> None:
    assert is_behind_nat(host) is hidden


class Session:
    """Notes what it is told."""

    def learn_source(self, wanted: bool) -> None:
        self.learns = wanted

    def limit_unanswered(self, packets: int | None) -> None:
        self.limit = packets


def guarded(remote_host: str, caller: str | None) -> tuple[bool, int | None]:
    session: Any = Session()
    nothing: Any = SimpleNamespace()
    ends = MediaEnds(nothing, nothing, "192.0.2.1", (4000, 4001), caller)
    negotiated: Any = SimpleNamespace(remote_host=remote_host, ice=None)
    ends.guard(session, negotiated, ptime_ms=20)
    return session.learns, session.limit


def test_audio_that_goes_where_the_caller_is_has_no_bound() -> None:
    assert guarded("198.51.100.7", "198.51.100.7") == (False, None)


def test_audio_that_a_caller_points_at_somebody_else_is_bounded_until_that_one_answers() -> None:
    assert guarded("203.0.113.9", "198.51.100.7") == (False, round(UNANSWERED_S * 50))


@pytest.mark.parametrize("host", ["224.0.0.1", "255.255.255.255", "ff02::1"])
def test_nothing_is_sent_to_where_many_would_get_it(host: str) -> None:
    assert guarded(host, None)[1] == guarded(host, host)[1] == 0


def test_who_was_called_by_us_may_have_its_audio_anywhere() -> None:
    assert guarded("203.0.113.9", None) == (False, None)


def test_a_peer_that_signals_a_private_address_may_be_behind_a_nat() -> None:
    assert guarded("192.168.1.5", "198.51.100.7") == (True, 250)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("turn:turn.example.com", TurnServer("turn.example.com")),
        ("turn:alice@192.0.2.1:3479", TurnServer("192.0.2.1", 3479, "alice")),
        ("turn:[2001:db8::1]:3479?transport=tcp", TurnServer("2001:db8::1", 3479, transport="tcp")),
        ("turns:a@t.example.com", TurnServer("t.example.com", 5349, "a", transport="tcp", tls=True)),
    ],
)
def test_a_relay_is_named_by_its_uri(text: str, found: TurnServer) -> None:
    assert TurnServer.parse(text) == found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("turn.example.com", "--turn must be like"),
        ("stun:turn.example.com", "--turn must be like"),
        ("turn:alice:secret@turn.example.com", "no password"),
        ("turn:host:0", "port must be"),
        ("turn:host:x", "host:port"),
        ("turn:a b", "host:port"),
        ("turn:host?transport=sctp", "transport must be"),
        ("turns:host?transport=udp", "transport must be"),
    ],
)
def test_what_is_no_relay_is_refused_in_one_line(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        AccountOptions(turn=text)


def test_a_relay_means_ice_and_its_password_is_shown_nowhere() -> None:
    account = AccountOptions(turn="turn:alice@turn.example.com", turn_password="hush")
    assert account.uses_ice
    assert "hush" not in repr(account)
    assert "hush" not in repr(TurnServer.parse("turn:alice@turn.example.com", password="hush"))
    with pytest.raises(UsageError, match="give --turn"):
        AccountOptions(turn_password="hush")


def test_a_server_is_a_host_with_or_without_a_port() -> None:
    assert host_and_port("stun.example.com", "--stun", default=3478) == ("stun.example.com", 3478)
    assert host_and_port("192.0.2.1:99", "--stun", default=3478) == ("192.0.2.1", 99)
    assert host_and_port("2001:db8::1", "--stun", default=3478) == ("2001:db8::1", 3478)
    with pytest.raises(UsageError, match="--stun port must be 1 to 65535, got 70000"):
        AccountOptions(stun="host:70000")
