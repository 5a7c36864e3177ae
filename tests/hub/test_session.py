"""What a session knows of itself."""

from everywire.hub.access.identity import Identity
from everywire.hub.session import Session
from everywire.messages import Member


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
