"""Tokens: two roles, nothing of them shown, and no way from one to the other."""

import pytest

from softphone.io.control.tokens import TokenPair


def test_made_tokens_have_128_bits_and_differ() -> None:
    pairs = [TokenPair.make() for _ in range(50)]
    assert len({each.control for each in pairs} | {each.view for each in pairs}) == 100
    assert {len(each.control) for each in pairs} == {len(each.view) for each in pairs} == {22}


def test_the_view_token_follows_from_the_control_token_and_tells_nothing_of_it() -> None:
    one, again, other = (TokenPair.make(seed) for seed in ("seed-token-1", "seed-token-1", "seed-token-2"))
    assert one == again
    assert one.view != other.view
    assert TokenPair.make(one.view).control != one.control
    assert "seed" not in one.view


@pytest.mark.parametrize("seed", ["eight-ch", "a" * 22, "b" * 128])
def test_each_token_stands_for_its_role_and_everything_else_for_none(seed: str) -> None:
    pair = TokenPair.make(seed)
    assert pair.role_of(pair.control) == "control"
    assert pair.role_of(pair.view) == "view"
    for wrong in (
        "",
        pair.control[:-1],
        pair.control + "x",
        pair.view[:-1],
        pair.view.swapcase(),
        "\ud800",
        "é",
    ):
        assert pair.role_of(wrong) is None


def test_repr_shows_neither() -> None:
    pair = TokenPair.make("a-token-to-be-hidden")
    assert pair.control not in repr(pair)
    assert pair.view not in repr(pair)


def test_a_short_control_token_is_not_guessed_quickly_from_the_view_token(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rounds = []
    derive = __import__("hashlib").pbkdf2_hmac

    def counted(name: str, key: bytes, salt: bytes, iterations: int) -> bytes:
        rounds.append(iterations)
        return bytes(derive(name, key, salt, 1))

    monkeypatch.setattr("softphone.io.control.tokens.hashlib.pbkdf2_hmac", counted)
    TokenPair.make("shortish")
    TokenPair.make("a-token-of-more-than-22-characters")
    assert rounds == [200_000]
