from hypothesis import given, settings
from hypothesis import strategies as st

from softphone.sip.agenda import Agenda


class Item:
    def __init__(self):
        self.at = None

    def next_timeout(self):
        return self.at


def test_names_the_earliest_deadline_and_gives_what_is_due_in_order():
    agenda, items = Agenda(), [Item() for _ in range(3)]
    for item, at in zip(items, (3.0, 1.0, 2.0), strict=True):
        item.at = at
        agenda.schedule(item)
    assert agenda.next_timeout() == 1.0
    assert agenda.pop_due(now=0.9) is None
    assert [agenda.pop_due(now=2.5), agenda.pop_due(now=2.5), agenda.pop_due(now=2.5)] == [
        items[1],
        items[2],
        None,
    ]


def test_a_deadline_put_off_or_given_up_wakes_nobody():
    agenda, item = Agenda(), Item()
    item.at = 1.0
    agenda.schedule(item)
    item.at = 9.0
    assert agenda.next_timeout() == 9.0
    item.at = None
    assert agenda.next_timeout() is None
    assert len(agenda) == 0


def test_what_has_ended_or_moved_forward_is_not_kept_until_a_far_deadline():
    agenda, kept = Agenda(), Item()
    kept.at = 5.0
    agenda.schedule(kept)
    for _ in range(1000):
        ended = Item()
        ended.at = 1e9
        agenda.schedule(ended)
        ended.at = 9e8
        agenda.schedule(ended)
        ended.at = None
        agenda.discard(ended)
    assert len(agenda) < 100
    assert agenda.pop_due(now=5.0) is kept
    assert agenda.next_timeout() is None


changes = st.lists(st.tuples(st.integers(0, 4), st.one_of(st.none(), st.integers(0, 20))), max_size=60)


@settings(deadline=None, max_examples=200)
@given(changes, st.lists(st.integers(0, 20), max_size=5))
def test_it_finds_what_looking_at_everything_would_find(steps, times):
    agenda, items = Agenda(), [Item() for _ in range(5)]
    for number, at in steps:
        items[number].at = at
        agenda.schedule(items[number])
        assert agenda.next_timeout() == min((i.at for i in items if i.at is not None), default=None)
    for now in sorted(times):
        due = {id(item) for item in items if item.at is not None and item.at <= now}
        found = set()
        while (item := agenda.pop_due(now=now)) is not None:
            found.add(id(item))
            item.at = None
        assert found == due
    assert len(agenda) <= len(steps) + 1
