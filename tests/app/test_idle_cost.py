"""Bytes of an idle registration, from messages that our stack writes."""

from softphone.app.idle import idle_rows, options_messages, register_messages
from softphone.radio import RadioInUse

WIFI = RadioInUse.parse("wifi-n")


def rows(expires_s: float = 3600.0) -> dict[str, dict[str, float]]:
    return {row["name"]: row for row in idle_rows(WIFI, expires_s=expires_s)}


def test_reusing_the_nonce_saves_one_round_trip_of_two() -> None:
    messages = register_messages(compact=False)
    (asked, proven), (refused, taken) = messages["challenged"]
    assert messages["reused"] == ((proven,), (taken,))
    assert asked < proven
    found = rows()
    assert (
        found["REGISTER, nonce kept"]["datagrams_per_h"] * 2
        == found["REGISTER, challenged"]["datagrams_per_h"]
    )
    saved = (
        found["REGISTER, challenged"]["bytes_sent_per_h"] - found["REGISTER, nonce kept"]["bytes_sent_per_h"]
    )
    assert saved == round((asked + 28) / 0.9)
    assert refused > 200


def test_compact_messages_are_shorter_in_every_place() -> None:
    long, short = register_messages(compact=False), register_messages(compact=True)
    for key in long:
        for before, after in zip(sum(long[key], ()), sum(short[key], ()), strict=True):
            assert after < before
    assert sum(options_messages(compact=True)[0]) < sum(options_messages(compact=False)[0])


def test_a_registration_half_as_long_costs_twice_as_much() -> None:
    name = "REGISTER, nonce kept"
    assert rows(1800.0)[name]["bytes_sent_per_h"] == 2 * rows()[name]["bytes_sent_per_h"]


def test_keep_alives_cost_more_than_the_registration() -> None:
    found = rows()
    assert found["STUN, 26.5 s"]["wakeups_per_h"] > 100 * found["REGISTER, nonce kept"]["wakeups_per_h"]
    both = found["REGISTER, nonce kept, compact + CRLF, 107.5 s"]
    assert (
        found["CRLF, 107.5 s"]["wakeups_per_h"]
        < both["wakeups_per_h"]
        < found["STUN, 26.5 s"]["wakeups_per_h"]
    )
