"""The map of a keyed channel: told whole, in pages, or by what changed."""

from everywire.client.keyed import KeyedMap
from everywire.client.wire import Position, Publication, Subscribed


def entry(name, offset, *, removed=False):
    return Publication(offset, offset=offset, entry=name, removed=removed)


def answer(offset, *entries, recovered=False, epoch="e", **more):
    return Subscribed(
        channel="c", epoch=epoch, offset=offset, recovered=recovered, publications=[], entries=list(entries), **more
    )


def told(keyed, *arguments, **options):
    changes = list(keyed.told(answer(*arguments, **options)))
    for change in changes:
        keyed.change(change)
    return [(change.entry, change.removed) for change in changes]


def test_told_anew_it_tells_the_difference():
    keyed = KeyedMap()
    assert told(keyed, 5, entry("a", 1), entry("b", 5)) == [("a", False), ("b", False)]
    assert told(keyed, 9, entry("b", 5), entry("c", 9)) == [("c", False), ("a", True)]
    assert sorted(keyed.entries) == ["b", "c"]
    assert told(keyed, 9, entry("b", 5), entry("c", 9)) == []


def test_another_epoch_tells_everything():
    keyed = KeyedMap()
    told(keyed, 5, entry("a", 1))
    assert told(keyed, 1, entry("a", 1), epoch="f") == [("a", False)]


def test_what_changed_is_set_and_removed():
    keyed = KeyedMap()
    told(keyed, 5, entry("a", 1), entry("b", 5))
    changed = told(keyed, 8, entry("a", 6, removed=True), entry("x", 7, removed=True), entry("b", 8), recovered=True)
    assert changed == [("a", True), ("b", False)]
    assert list(keyed.entries) == ["b"]


def test_pages_are_asked_on_with_both_and_what_is_gone_goes_at_the_end():
    keyed = KeyedMap()
    told(keyed, 5, entry("a", 1), entry("old", 2))
    assert told(keyed, 9, entry("a", 1), more="ask", after="x") == []
    assert keyed.asked_on == (Position("e", 9), "x")
    assert "old" in keyed.entries
    assert told(keyed, 12, entry("c", 11), recovered=True) == [("c", False), ("old", True)]
    assert keyed.asked_on is None


def test_pages_may_begin_anew():
    keyed = KeyedMap()
    told(keyed, 9, entry("a", 1), more="ask", after=1)
    assert told(keyed, 3, entry("b", 3), epoch="f") == [("b", False), ("a", True)]


def test_a_publication_without_an_entry_changes_nothing():
    keyed = KeyedMap()
    keyed.change(Publication(1, offset=1))
    assert keyed.entries == {}
