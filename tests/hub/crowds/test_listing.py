"""Sessions of all nodes are listed, with what is known of each; and who could not be asked is counted."""

import pytest
from tests.hub.crowds.nodes import Crowd

from everywire.brokers.base import Note


@pytest.fixture
def crowd():
    with Crowd(3) as made:
        yield made


def users(listing):
    return sorted(each.user for each in listing.sessions)


def test_sessions_of_all_nodes_are_listed_by_the_time_they_began(crowd):
    for number, user in enumerate(("ann", "ben", "cat")):
        crowd.come(number, user, "tea")
        crowd.run(1)
    crowd.come(1, "dan")
    listing = crowd.get(crowd.node().sessions(channels="room:tea"))
    assert [each.user for each in listing.sessions] == ["ann", "ben", "cat"]
    assert (listing.nodes, listing.silent, listing.more, crowd.took) == (3, 0, False, 0.0)
    assert users(crowd.get(crowd.node(2).sessions())) == ["ann", "ben", "cat", "dan"]


def test_a_session_is_shown_as_it_is_on_its_node(crowd):
    ann = crowd.nodes[1].connect(token="ann", info={"color": "red"})
    ann.subscribe("room:tea")
    ann.subscribe("room:milk")
    (seen,) = crowd.get(crowd.node().sessions()).sessions
    assert (seen.session, seen.node) == (ann.session, crowd.node(1).hub.node)
    assert (seen.user, seen.info, seen.space, seen.dialect) == ("ann", {"color": "red"}, "", "native")
    assert seen.channels == ("room:tea", "room:milk")
    assert (seen.connected, seen.transport, seen.address) == (True, "memory", None)
    assert seen.since == crowd.node(1).hub.sessions[ann.session].since / 1000


def test_a_session_whose_client_is_away_is_there_until_it_is_over(crowd):
    ann = crowd.come(1, "ann", "tea")
    ann.drop()
    (seen,) = crowd.get(crowd.node().sessions(channels="room:tea")).sessions
    assert (seen.connected, seen.transport) == (False, None)
    crowd.run(11)
    assert crowd.get(crowd.node().sessions()).sessions == []


def test_a_node_that_was_killed_is_not_waited_for(crowd):
    crowd.come(0, "ann", "tea")
    crowd.come(2, "cat", "tea")
    crowd.get(crowd.node().sessions())
    crowd.kill(2)
    listing = crowd.get(crowd.node().sessions())
    assert (users(listing), listing.nodes, listing.silent, crowd.took) == (["ann"], 2, 1, 0.0)
    crowd.run(10)
    assert crowd.get(crowd.node().sessions()).silent == 0


def test_a_node_that_has_ended_is_not_missed(crowd):
    crowd.get(crowd.node().sessions())
    crowd.nodes[2].__exit__()
    listing = crowd.get(crowd.node().sessions())
    assert (listing.nodes, listing.silent, crowd.took) == (2, 0, 0.0)


def test_a_node_that_hears_nothing_is_waited_for_until_the_deadline(crowd):
    crowd.come(1, "ben", "tea")
    crowd.node(2).hub.notes.take = lambda data: None
    listing = crowd.get(crowd.node().sessions())
    assert (users(listing), listing.nodes, listing.silent, crowd.took) == (["ben"], 2, 1, 5.0)
    assert crowd.node().hub.crowds.rounds._open == {}


def test_without_its_broker_a_node_knows_nothing(crowd):
    crowd.cut(0)
    with pytest.raises(ConnectionError, match="gone"):
        crowd.get(crowd.node().sessions())
    assert crowd.node().hub.crowds.rounds._open == {}


def test_a_listing_is_bounded_and_says_so():
    with Crowd(2, max_gathered=3) as crowd:
        for number in range(6):
            crowd.come(number % 2, f"u{number}", "tea")
        listing = crowd.get(crowd.node().sessions())
        assert (len(listing.sessions), listing.more) == (3, True)
        listing = crowd.get(crowd.node().sessions(user="u1"))
        assert (len(listing.sessions), listing.more) == (1, False)


def test_a_listing_is_bounded_by_its_bytes_too():
    with Crowd(2, max_gathered_bytes=3000) as crowd:
        for number in range(6):
            crowd.nodes[number % 2].connect(info={"t": "x" * 700})
        listing = crowd.get(crowd.node().sessions())
        assert (len(listing.sessions), listing.more) == (3, True)


def test_many_are_told_in_parts_that_notes_can_carry(crowd):
    for _ in range(300):
        crowd.nodes[1].connect(info={"t": "x" * 1000})
    sizes, inner = [], crowd.broker.views[0]._deliver
    crowd.broker.views[0]._deliver = lambda news: (
        sizes.append(len(news.data)) if isinstance(news, Note) else 0,
        inner(news),
    )
    listing = crowd.get(crowd.node().sessions())
    assert (len(listing.sessions), listing.more) == (300, False)
    assert len(sizes) > 5
    assert max(sizes) < 100_000


def test_a_session_that_is_listed_twice_is_where_it_went_on_last(crowd):
    ann = crowd.come(0, "ann")
    elder = crowd.node().hub.sessions[ann.session]
    crowd.node(1).hub.sessions[ann.session] = younger = type(elder)(elder.member, elder.identity)
    younger.since = elder.since + 1
    (seen,) = crowd.get(crowd.node(2).sessions()).sessions
    assert seen.node == crowd.node(1).hub.node
    del crowd.node(1).hub.sessions[ann.session]


def test_a_node_alone_lists_its_own():
    with Crowd(1) as crowd:
        crowd.come(0, "ann", "tea")
        listing = crowd.get(crowd.node().sessions())
        assert (users(listing), listing.nodes, listing.silent, crowd.took) == (["ann"], 1, 0, 0.0)
