"""Identifiers: their form and that they differ."""

import re

from softphone.io.ids import ShortIds, StreamIds, SystemIds, seeded_rng


def test_identifiers_of_sip_are_tokens_that_never_repeat() -> None:
    ids = SystemIds()
    for make in (ids.branch, ids.tag, ids.call_id, ids.nonce):
        made = {make() for _ in range(100)}
        assert len(made) == 100
        assert all(re.fullmatch(r"[A-Za-z0-9]{8,}", one) for one in made)


def test_a_branch_begins_with_the_magic_cookie() -> None:
    assert SystemIds().branch().startswith("z9hG4bK")


def test_streams_start_at_random_within_the_fields_of_rtp() -> None:
    streams = [StreamIds() for _ in range(100)]
    assert len({one.ssrc for one in streams}) == 100
    assert len({one.cname for one in streams}) == 100
    assert all(0 <= one.sequence_number < 2**15 for one in streams)
    assert all(0 <= one.ssrc < 2**32 and 0 <= one.timestamp < 2**32 for one in streams)


def test_a_seed_gives_the_same_numbers_again() -> None:
    assert seeded_rng(4).random() == seeded_rng(4).random()
    assert seeded_rng().random() != seeded_rng().random()


def test_short_identifiers_are_tokens_of_one_case_with_the_randomness_that_sip_asks_for():
    ids = ShortIds()
    for make, bits in ((ids.tag, 32), (ids.branch, 32), (ids.call_id, 32), (ids.nonce, 64)):
        texts = {make().removeprefix("z9hG4bK") for _ in range(200)}
        assert len(texts) == 200
        assert all(re.fullmatch("[a-z2-7]+", text) and 5 * len(text) >= bits for text in texts)
    assert ids.branch().startswith("z9hG4bK")
