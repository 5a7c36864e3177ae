"""What a line's client shows of who it is."""

import pytest
from tests.gateway.agreed import Client, agreeing
from tests.gateway.agreeing import Agreeing

from everywire.app import Everywire
from everywire.dialects.base import Carry
from everywire.errors import Refused
from everywire.hub.access.identity import Identity
from everywire.hub.settings import Settings


class App(Everywire):
    """Knows users by tokens that begin with their names; `asked` are the tokens that it was asked about, `missed` those whose clients did not come."""

    def __init__(self):
        super().__init__(secret="a secret of some length")
        self.asked = []
        self.life = None

        @self.on_connect
        def connect(connecting):
            self.asked.append(connecting.token)
            if connecting.token in (None, "none"):
                raise Refused("show a token", 101)
            if connecting.token == "full":
                raise Refused("come back later", 108, temporary=True)
            if connecting.token == "broken":
                raise RuntimeError("a secret of ours")
            expires = None if self.life is None else connecting.time + self.life
            return Identity(connecting.token.rstrip("0123456789"), expires=expires)


@pytest.fixture
def app():
    return App()


@pytest.fixture
def net(monkeypatch, app):
    with agreeing(monkeypatch, Agreeing(asks=True), app) as net:
        yield net


def polled(net, token):
    client = Client(net, token=token)
    client.ask("GET")
    assert client.ask("POST", f"how plain {token};".encode()).status == 200
    assert client.ask("GET").body == b"hello;"
    return client


@pytest.mark.parametrize(("token", "status"), [(None, 401), ("none", 401), ("full", 429), ("broken", 500)], ids=str)
def test_who_is_refused_has_no_line(net, token, status):
    assert Client(net, token=token, negotiate=False).ask("POST", path="/hub/negotiate").status == status
    assert len(net.gateway.lines) == 0
    assert not net.app.hub.attachments


def test_who_was_let_in_is_not_asked_about_again(net, app):
    polled(net, "ann")
    assert app.asked == ["ann"]
    (session,) = net.app.hub.sessions.values()
    assert session.user == "ann"


def test_a_request_without_the_token(net):
    client = polled(net, "ann")
    client.token = None
    assert [client.ask(method).status for method in ("GET", "POST", "DELETE")] == [401, 401, 401]
    assert len(net.app.hub.sessions) == 1


def test_a_websocket_without_the_token(net):
    client = Client(net, token="ann")
    client.token = None
    assert client.upgrade().status == 401


def test_another_user_s_line(net, app):
    client = polled(net, "ann")
    client.token = "bob"
    assert [client.ask(method).status for method in ("GET", "POST", "DELETE")] == [403, 403, 403]
    client = Client(net, token="ann")
    client.token = "bob"
    assert client.upgrade().status == 403
    assert {session.user for session in net.app.hub.sessions.values()} == {"ann"}


def test_a_token_that_is_none(net):
    client = polled(net, "ann")
    client.token = "none"
    assert client.ask("GET").status == 401


def test_a_newer_token_takes_the_place_of_the_one_before(net, app):
    app.life = 10
    client = polled(net, "ann1")
    net.run(7)
    client.token = "ann2"
    assert client.ask("POST", b"alive;").status == 200
    (session,) = net.app.hub.sessions.values()
    assert net.app.hub.expiries.left(session) > 9
    assert app.asked == ["ann1", "ann2"]
    assert client.ask("POST", b"alive;").status == 200
    assert app.asked == ["ann1", "ann2"]
    client.token = "ann1"  # it is asked about again, like any that is another than the last
    assert client.ask("POST", b"alive;").status == 200


def test_a_newer_token_before_there_is_a_session(net, app):
    client = Client(net, token="ann1")
    client.token = "ann2"
    socket = client.carry("how plain ann1;")
    assert socket.said() == "hello;"
    assert app.asked == ["ann1", "ann2"]


def test_a_token_that_expired(net, app):
    app.life = 5
    client = polled(net, "ann1")
    poll = client.begin("GET")
    net.run(6)
    assert not poll.done()  # what is under way goes on
    assert client.ask("POST", b"alive;").status == 401
    poll.cancel()
    net.run()
    assert client.ask("GET").status == 401
    client.token = "ann2"
    assert client.ask("POST", b"in room;").status == 200
    assert client.ask("GET").body == b"in room;"


def test_a_websocket_goes_on_with_a_newer_token(net, app):
    client = Client(net, token="ann1")
    socket = client.carry("how counted ann1;", "in room;")
    socket.lose()
    client.token = "ann2"
    again = client.carry("from 2;")
    assert again.said() == "from 1;in room;"
    client.token = "bob"
    assert client.upgrade().status == 403


def test_a_request_for_nothing_but_to_show_a_token(net, app):
    app.life = 10
    client = polled(net, "ann1")
    net.run(7)
    client.token = "ann2"
    answer = client.ask("POST", path="/hub/refresh")
    (session,) = net.app.hub.sessions.values()
    name, _time, left = answer.body.decode().split(" ")
    assert (name, answer.status) == (session.id, 200)
    assert 9 < float(left) <= 10
    client.token = "bob"
    assert client.ask("POST", path="/hub/refresh").status == 403
    client.id = client.id.partition(".")[0] + ".nobody"
    assert client.ask("POST", path="/hub/refresh").status == 404


def test_who_shows_nothing_where_nobody_asks(monkeypatch):
    with agreeing(monkeypatch, Agreeing(asks=True)) as net:
        client = Client(net)
        assert isinstance(client.upgrade(), Carry)
        client.token = "whatever"
        assert client.carry("how plain;").said() == "hello;"


def test_a_token_may_stand_where_the_application_looks_for_one(monkeypatch):
    app = Everywire(settings=Settings(token_parameter="ticket"), secret="a secret of some length")
    asked = []

    @app.on_connect
    def connect(connecting):
        asked.append(connecting.token)
        return Identity("kim")

    with agreeing(monkeypatch, Agreeing(asks=True), app) as net:
        client = Client(net, negotiate=False)
        client.id = client.ask("POST", path="/hub/negotiate?ticket=kim1").body.decode()
        assert client.ask("GET", path="/hub?ticket=kim1").status == 200
        assert client.ask("GET", path="/hub").status == 401
        assert asked == ["kim1"]
