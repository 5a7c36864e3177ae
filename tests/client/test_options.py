"""Options are named, and kept as they were given."""

import pytest

from everywire import Client, SyncClient
from everywire.client.options import Change, ClientOptions, State


def test_options_have_defaults_and_names():
    assert ClientOptions().answer_timeout == 10
    assert ClientOptions(info={"name": "Ada"}).info == {"name": "Ada"}
    with pytest.raises(TypeError):
        ClientOptions(nonsense=1)


def test_a_change_says_a_state():
    assert Change(State.WAITING, delay=2).code == 0


@pytest.mark.parametrize(
    ("wrong", "error", "said"),
    [
        ({"backoff": 3}, TypeError, "backoff is a pair, the first and the longest bound in seconds, not 3"),
        ({"backoff": (1, 2, 3)}, TypeError, "backoff is a pair"),
        ({"backoff": (1, "2")}, TypeError, "each bound of backoff is a number, not '2'"),
        ({"backoff": (-1, 2)}, ValueError, "each bound of backoff is not negative"),
        ({"token": 5}, TypeError, "token is text, or a function that gives it, not int"),
        ({"resume": 5}, TypeError, "resume is text"),
        ({"on_state": "print"}, TypeError, "on_state is a plain function"),
        ({"on_subscribed": 5}, TypeError, "on_subscribed is a plain function"),
        ({"open_timeout": None}, TypeError, "open_timeout is a number, not None"),
        ({"answer_timeout": "5"}, TypeError, "answer_timeout is a number"),
        ({"poll_interval": 0}, ValueError, "poll_interval is more than 0"),
        ({"connect_timeout": float("nan")}, ValueError, "connect_timeout is not negative, not nan"),
        ({"max_queue": 0}, ValueError, "max_queue is at least 1"),
        ({"transports": "poll"}, TypeError, "transports is a sequence of names, not 'poll'"),
        ({"transports": ["pol"]}, ValueError, "transports are some of websocket, .*; not pol"),
        ({"connect": "ssl"}, TypeError, "connect is a mapping of options"),
        ({"codec": "xml"}, ValueError, "the codec is json or msgpack, not xml"),
    ],
)
@pytest.mark.parametrize("client", [Client, SyncClient])
def test_a_wrong_option_is_said_where_it_is_given(client, wrong, error, said):
    with pytest.raises(error, match=said):
        client("ws://localhost", **wrong)


@pytest.mark.parametrize("client", [Client, SyncClient])
def test_a_wrong_address_is_said_where_it_is_given(client):
    with pytest.raises(TypeError, match="url is text, not 8000"):
        client(8000)


def test_a_token_that_is_wrong_is_not_shown():
    with pytest.raises(TypeError) as caught:
        ClientOptions(token=b"s3cret")
    assert "s3cret" not in str(caught.value)


def test_options_of_the_connection_go_by_connect():
    with pytest.raises(TypeError, match="Client: headers is an option of the connection: connect="):
        Client("ws://localhost", headers={"a": "b"})
