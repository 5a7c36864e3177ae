"""Which channels of this process are in which groups."""

from everywire.django.layer import groups
from everywire.django.layer.groups import Groups


def test_a_group_is_there_while_it_has_members():
    here = Groups(60)
    assert [here.add("g", "a"), here.add("g", "b"), here.add("g", "a")] == [True, False, False]
    assert here.members("g") == ["b", "a"]
    assert [here.discard("g", "a"), here.discard("g", "b"), here.discard("g", "b")] == [False, True, False]
    assert here.all == {}


def test_who_was_added_long_ago_is_no_member_any_more(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(groups, "monotonic", lambda: now[0])
    here = Groups(60)
    here.add("g", "a")
    now[0] += 40
    here.add("g", "b")
    now[0] += 40
    assert here.members("g") == ["b"]
    now[0] += 40
    assert here.members("g") == []
    assert here.all == {}


def test_a_clearing_leaves_nobody():
    here = Groups(60)
    here.add("g", "a")
    here.clear()
    assert here.members("g") == []
