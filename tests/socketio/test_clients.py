"""What is known of clients."""

import pytest

from everywire.errors import EverywireError
from everywire.http.request import Headers, Request
from everywire.hub.hooks import Connecting
from everywire.socketio.clients import Client, Clients, environ


def test_a_request_as_wsgi_and_asgi_name_its_parts():
    headers = Headers([("Host", "here"), ("X-Two", "1"), ("x-two", "2"), ("Content-Type", "text/plain")])
    found = environ(Client("1", "/", Request("GET", "/socket.io/?a=%20b", headers), "1.2.3.4"))
    scope = found.pop("asgi.scope")
    assert (found["PATH_INFO"], found["QUERY_STRING"], found["REMOTE_ADDR"]) == ("/socket.io/", "a=%20b", "1.2.3.4")
    assert (found["HTTP_HOST"], found["HTTP_X_TWO"], found["CONTENT_TYPE"]) == ("here", "1,2", "text/plain")
    assert (scope["type"], scope["path"], scope["query_string"]) == ("http", "/socket.io/", b"a=%20b")
    assert (b"x-two", b"1") in scope["headers"]
    with pytest.raises(EverywireError, match="not known"):
        environ(Client("1", "/"))


class Hub:
    def __init__(self, *names):
        self.sessions = dict.fromkeys(names)


def test_those_that_went_on_elsewhere_are_forgotten_in_time():
    clients = Clients()
    for number in range(400):
        sid = str(number)
        clients.coming(Connecting(None, None, None, session=sid))
        clients.came(Hub(sid), sid).session = object()
    assert len(clients._known) <= 260


def test_who_is_only_coming_is_hidden_and_here_while_it_is_handled():
    clients = Clients()
    client = clients.coming(Connecting(None, None, None, session="1", space="/x"))
    assert (clients.hidden("1"), clients.hidden("2"), clients.here) == (client, None, None)
    with clients.handling(client):
        assert clients.here is client
        client.session = object()
        assert clients.here is None
    clients.went("1")
    assert clients.hidden("1") is None
