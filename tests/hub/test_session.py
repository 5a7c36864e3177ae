"""What a session knows of itself."""

import pytest

from everywire.hub.access.identity import Identity
from everywire.hub.channels.channel import Subscription
from everywire.hub.channels.ordering import Begun
from everywire.hub.session import Session
from everywire.messages import Audience, Member, Publication, Raw


def test_a_newer_token_changes_what_it_may():
    session = Session(Member("s1", "ann"))
    assert session.may("publish", "room:1")
    session.become(Identity("ann", capabilities={"room:*": ["subscribe"]}))
    assert session.may("subscribe", "room:1")
    assert not session.may("publish", "room:1")


def test_the_server_may_dismiss_it_from_a_channel():
    session = Session(Member("s1"))
    session.enrolled = ("a", "b")
    session.dismiss("a")
    session.dismiss("c")
    assert session.enrolled == ("b",)


def listening(*channels):
    """Give a session that listens to channels; each began where it says in the order of all."""
    session = Session(Member("s1", "ann"))
    for name, since in channels:
        subscription = session.subscriptions[name] = Subscription(None, session)
        subscription.begun = None if since is None else Begun("e", since, 0)
    return session


@pytest.mark.parametrize(
    ("audience", "expected"),
    [
        (None, True),
        (Audience(outside=("b",)), True),
        (Audience(outside=("b", "a")), False),
        (Audience(exclude=("s1",)), False),
        (Audience(user="ben", outside=("b",)), False),
    ],
)
def test_it_hears_what_is_for_it_and_not_what_it_heard_in_another_channel(audience, expected):
    news = Publication("c", Raw(b"1"), 0, audience=audience)
    assert listening(("a", None), ("c", None)).hears(news) is expected


@pytest.mark.parametrize(
    ("since", "order", "era", "expected"),
    [(None, 7, "e", False), (6, 7, "e", False), (7, 7, "e", True), (9, 0, "e", False), (9, 7, "other", False)],
)
def test_what_came_before_it_entered_the_other_channel_it_did_not_hear_there(since, order, era, expected):
    news = Publication("c", Raw(b"1"), 0, audience=Audience(outside=("a",)), order=order, era=era)
    assert listening(("a", since), ("c", None)).hears(news) is expected
