"""What fits in a page."""

import pytest

from everywire.brokers.base import Stretch
from everywire.hub.channels import pages
from everywire.hub.session import Session
from everywire.hub.settings import Settings
from everywire.messages import Audience, Member, Position, Publication, Raw


def kept(*sizes, info=None):
    sender = Member("s", None, info)
    return [Publication("c", Raw(b"x" * size), 0, Position("e", n), sender) for n, size in enumerate(sizes, 1)]


@pytest.mark.parametrize(
    ("sizes", "fit"),
    [((), 0), ((1,), 1), ((99,), 1), ((4, 6), 2), ((4, 7), 1), ((99, 1), 1), ((1, 1, 1), 3), ((1, 1, 1, 1), 3)],
)
def test_the_first_that_fit_are_given(sizes, fit):
    settings = Settings(max_page=3, max_page_bytes=10)
    assert pages.cut(kept(*sizes), settings) == tuple(kept(*sizes)[:fit])


def test_what_clients_say_of_themselves_counts_too():
    settings = Settings(max_page_bytes=10)
    assert len(pages.cut(kept(1, 1, 1, info=Raw(b"{'n':1}")), settings)) == 1


def test_a_page_ends_where_its_last_publication_is_or_the_log():
    found = tuple(kept(1, 1))
    stretch = Stretch(Position("e", 2), found, whole=True)
    assert pages.end(stretch, found) == Position("e", 2)
    assert pages.end(stretch, found[:1]) == Position("e", 1)
    assert pages.end(Stretch(Position("e", 7), (), whole=True), ()) == Position("e", 7)


@pytest.mark.parametrize(("wanted", "read"), [(None, 4), (0, 0), (3, 3), (4, 4), (99, 4)])
def test_one_more_than_a_page_is_read(wanted, read):
    assert pages.limit(wanted, Settings(max_page=3)) == read


def test_a_page_without_room_holds_one():
    settings = Settings(max_page=0, max_page_bytes=0)
    assert pages.limit(None, settings) == 2
    assert len(pages.cut(kept(1, 1), settings)) == 1


def test_who_is_told_the_same_gets_the_same_page():
    cutter, ann, bob = pages.Cutter(Settings(max_page=2)), Session(Member("s", "ann")), Session(Member("t", "bob"))
    page = cutter.cut(tuple(kept(1, 1, 1)))
    assert page == tuple(kept(1, 1))
    assert cutter.meant(page, ann) is cutter.meant(page, bob) is cutter.cut(tuple(kept(1, 1, 1))) is page
    assert cutter.cut(tuple(kept(1))) == tuple(kept(1))
    assert cutter.cut(()) == ()


def test_what_is_not_for_everybody_is_looked_through_for_each():
    cutter, ann, bob = pages.Cutter(Settings()), Session(Member("s", "ann")), Session(Member("t", "bob"))
    hers = Publication("c", Raw(b"1"), 0, Position("e", 1), audience=Audience(user="ann"))
    for _ in range(2):
        page = cutter.cut((hers,))
        assert (cutter.meant(page, ann), cutter.meant(page, bob)) == ((hers,), ())
    other = cutter.cut(tuple(kept(1)))
    assert (cutter.meant(page, bob), cutter.meant(other, bob)) == ((), other)
