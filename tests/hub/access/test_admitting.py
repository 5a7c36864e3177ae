"""Who is let in before there is a transport, and what a session is called."""

import pytest
from tests.hub.small import make

from everywire import messages as m
from everywire.app import Everywire
from everywire.errors import Refused
from everywire.http.request import Headers, Request
from everywire.hub.access.admitting import admit, forgo
from everywire.hub.access.identity import Identity
from everywire.payloads import Payload
from everywire.testing import Net, passed
from everywire.testing.transport import MemoryTransport


class Names:
    """Reads what its session is called, or why there is none."""

    dialect = "plain"

    def encode(self, event):
        match event:
            case m.Connected():
                return (Payload(event.session),)
            case m.Refusal():
                return (Payload(event.reason),)
        return ()


CODEC = Names()


class Place:
    """A node whose application writes down whom it was asked about, and who did not come; "no" and "boom" are turned away."""

    def __init__(self, app=None):
        self.app, self.asked, self.missed = app or Everywire(), [], []
        self.app.on_connect(self._ask)
        self.app.hooks.missed = lambda connecting: self.missed.append(connecting.session)
        self.net = Net(self.app)

    def __enter__(self):
        self.net.__enter__()
        return self

    def __exit__(self, *_):
        self.net.__exit__()

    async def _ask(self, connecting):
        self.asked.append((connecting.token, connecting.session))
        await passed(0.1)
        if connecting.token == "no":
            raise Refused("not you", 101)
        if connecting.token == "boom":
            raise RuntimeError("boom")
        return Identity(connecting.token, issued=connecting.time, token=f"id of {connecting.token}")

    def admit(self, request=None, **fields):
        judged = self.net.loop.create_task(admit(self.app.hub, request, m.Connect(1, **fields)))
        self.net.run(0.2)
        return judged.result()

    def connect(self, admission=None, **fields):
        attachment = self.app.hub.attach(MemoryTransport(), CODEC)
        attachment.admission = admission
        attachment.receive(m.Connect(1, **fields))
        self.net.run(0.2)
        return attachment

    def revoke(self, **fields):
        self.net.loop.run_until_complete(self.app.revoke(**fields))


@pytest.fixture
def place():
    with Place() as place:
        yield place


def test_who_was_let_in_is_not_asked_about_again(place):
    admission = place.admit(token="ann", name="s1")
    assert (admission.identity.user, admission.connecting.session) == ("ann", "s1")
    attachment = place.connect(admission, token="ann", name="s1")
    assert [*attachment.transport.outbox] == ["s1"]
    assert (attachment.session.user, place.asked, place.missed) == ("ann", [("ann", "s1")], [])
    attachment.lost(1000)
    assert place.missed == []


def test_the_token_may_have_come_with_the_request(place):
    request = Request("POST", "/negotiate", Headers([("Authorization", "Bearer ann")]))
    admission = place.admit(request, name="s1")
    attachment = place.connect(admission, token="ann", name="s1")
    assert (attachment.session.user, len(place.asked)) == ("ann", 1)


@pytest.mark.parametrize(
    "other", [{"token": "ben"}, {"token": "ann", "space": "x"}, {"token": "ann", "name": "s2"}, {"token": "no"}]
)
def test_who_shows_something_else_is_asked_about_anew(place, other):
    admission = place.admit(token="ann", name="s1")
    attachment = place.connect(admission, **other)
    assert (len(place.asked), place.missed) == (2, ["s1"])
    assert attachment.admission is None
    assert attachment.session is None or attachment.session.user == other["token"]


def test_a_no_is_raised(place):
    with pytest.raises(Refused, match="not you") as caught:
        place.admit(token="no")
    assert (caught.value.code, caught.value.temporary) == (101, False)


def test_where_the_application_fails_it_is_our_fault(place, caplog):
    with pytest.raises(Refused, match="internal error") as caught:
        place.admit(token="boom")
    assert (caught.value.code, caught.value.temporary) == (100, True)
    assert "RuntimeError: boom" in caplog.text


def test_info_is_bounded():
    with Place(make()) as place, pytest.raises(Refused, match="info has more than"):
        place.admit(info=m.Raw(b'{"nick":"' + b"x" * 30 + b'"}'))


def test_who_is_let_in_and_gone_before_the_connect_was_missed(place):
    attachment = place.app.hub.attach(MemoryTransport(), CODEC)
    attachment.admission = place.admit(token="ann", name="s1")
    attachment.lost(1006)
    assert place.missed == ["s1"]
    forgo(place.app.hub, place.admit(token="ben", name="s2"))
    assert place.missed == ["s1", "s2"]


def test_a_token_that_was_revoked_meanwhile_is_refused(place):
    admission = place.admit(token="ann", name="s1")
    place.revoke(token="id of ann")
    attachment = place.connect(admission, token="ann", name="s1")
    assert [*attachment.transport.outbox] == ["the token was revoked"]
    assert (attachment.transport.closed[0], place.missed) == (4401, ["s1"])


# Names.


def test_a_session_is_called_as_its_client_was_told(place):
    assert place.connect(token="ann", name="s1").session.id == "s1"
    assert len(place.connect(token="ann").session.id) > 2


def test_a_name_that_is_taken_is_another_ones(place):
    first = place.connect(token="ann", name="s1")
    second = place.connect(token="ann", name="s1")
    assert (first.session.id, first.open) == ("s1", True)
    assert second.session.id != "s1"
    assert place.asked[1][1] == second.session.id
    first.lost(1006)
    assert place.connect(token="ann", name="s1").session.id != "s1"  # it lingers


def test_a_name_that_is_taken_while_the_application_thinks_is_another_ones(place):
    first, second = (place.app.hub.attach(MemoryTransport(), CODEC) for _ in range(2))
    for each in (first, second):
        each.receive(m.Connect(1, token="ann", name="s1"))
    place.net.run(1)
    assert first.session.id == "s1"
    assert second.session.id not in ("s1", "")
    assert len(place.app.hub.sessions) == 2
