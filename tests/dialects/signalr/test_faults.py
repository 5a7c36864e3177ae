"""What official clients do not send, over a WebSocket: what is answered, and how it ends."""

import json

import pytest
from tests.gateway.agreed import Socket, agreeing

from everywire.app import Everywire
from everywire.dialects.signalr import SignalRDialect
from everywire.http.request import Headers, Request

HELLO = '{"protocol":"json","version":1}\x1e'
PACKED = '{"protocol":"messagepack","version":1}\x1e'
ECHO = '{"type":1,"invocationId":"1","target":"ECHO","arguments":[5]}\x1e'
ECHOED = '{"type":3,"invocationId":"1","result":5}\x1e'


@pytest.fixture
def client(monkeypatch):
    """Gives a WebSocket on which something was said, to an application that echoes."""
    app = Everywire()
    app.on("echo")(lambda value: value)
    with agreeing(monkeypatch, SignalRDialect(max_payload=1_000), app) as net:

        def said(*data):
            fields = Headers([("Host", "here"), ("Upgrade", "websocket")])
            socket = Socket(net, Request("GET", "/hub", fields))
            net.gateway.opened(socket)
            socket.say(*data)
            net.run(10.0)  # a patient WebSocket is closed by its client, or by us after a while
            return socket

        yield said


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ('{"protocol":"xml","version":1}\x1e', "The protocol 'xml' is not supported."),
        ('{"protocol":"json","version":9}\x1e', "The server does not support version 9 of the 'json' protocol."),
        (ECHO, "no handshake: a JSON object with a protocol and a version"),
        ("\x1e", "no handshake: a JSON object with a protocol and a version"),
        (b"\x02\x91\x06\x1e", "no handshake: a JSON object with a protocol and a version"),
        ("x" * 1_001, "a message of more than 1000 bytes"),
    ],
)
def test_a_handshake_that_is_none(client, data, error):
    socket = client(data)
    assert socket.sent == [json.dumps({"error": error}, separators=(",", ":")) + "\x1e"]
    assert socket.ended is not None


@pytest.mark.parametrize(
    ("data", "error", "again"),
    [
        ("{}\x1e", "no message of the hub protocol", False),
        ("\x1e", "no message of the hub protocol", False),
        ('{"type":1,"arguments":[]}\x1e', "an invocation without a target", False),
        (
            '{"type":3,"invocationId":"c1","result":1,"error":"x"}\x1e',
            "a completion with both a result and an error",
            False,
        ),
        ("x" * 1_001, "a message of more than 1000 bytes", True),
    ],
)
def test_what_is_no_message_of_a_client_ends_it(client, data, error, again):
    socket = client(HELLO + ECHO, data, ECHO)
    assert socket.sent[:2] == ["{}\x1e", ECHOED]
    close = {"type": 7, "error": error, **({"allowReconnect": True} if again else {})}
    assert [json.loads(each[:-1]) for each in socket.sent[2:]] == [close]
    assert socket.ended is not None


@pytest.mark.parametrize("data", [b"\x80\xe4\x97\xd0\x12", b"\xff\xff\xff\xff\x07", b"\xe9\x07"])
def test_a_length_of_5_gb_is_not_waited_for(client, data):
    socket = client(PACKED, data)
    assert socket.sent == [b"{}\x1e", b"\x26\x93\x07\xd9\x21a message of more than 1000 bytes\xc3"]


def test_a_length_that_is_none(client):
    socket = client(PACKED, b"\x80" * 5)
    assert socket.sent[:1] == [b"{}\x1e"]
    assert b"a length of more than 5 bytes" in socket.sent[1]


@pytest.mark.parametrize(
    "data",
    [
        '{"type":12,"target":5}\x1e',
        '{"type":2,"invocationId":"9","item":1}\x1e',
        '{"type":3,"invocationId":"9"}\x1e',
        '{"type":3,"invocationId":"c9","result":1}\x1e',
        '{"type":3,"invocationId":"c9","error":"x"}\x1e',
        '{"type":5,"invocationId":"9"}\x1e',
        '{"type":8,"sequenceId":9}\x1e',
        '{"type":9,"sequenceId":9}\x1e',
        '{"type":6,"more":1}\x1e',
    ],
)
def test_what_means_nothing_here_is_passed_over(client, data):
    socket = client(HELLO, data, ECHO)
    assert socket.sent == ["{}\x1e", ECHOED]
    assert socket.ended is None


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ('{"type":1,"invocationId":"1","target":"echo","arguments":5}\x1e', "bad request: arguments are an array"),
        (
            '{"type":1,"invocationId":"1","target":"echo","arguments":["\\ud83d"]}\x1e',
            "bad request: data that not every receiver can read",
        ),
        (
            '{"type":1,"invocationId":"1","target":"echo","arguments":[' + "[" * 64 + "]" * 64 + "]}\x1e",
            "bad request: data deeper than 64 levels",
        ),
        (
            '{"type":1,"invocationId":"1","target":"echo","arguments":[],"streamIds":["2","2"]}\x1e',
            "bad request: each stream has an id of its own, of 1 to 255 characters",
        ),
    ],
)
def test_a_call_with_a_fault_is_refused_and_its_client_goes_on(client, data, error):
    socket = client(HELLO, data, ECHO)
    refused = json.loads(socket.sent[1][:-1])
    assert refused == {"type": 3, "invocationId": "1", "error": error}
    assert socket.sent[2:] == [ECHOED]


def test_nothing_is_answered_to_who_did_not_ask(client):
    socket = client(
        HELLO, '{"type":1,"target":"nowhere","arguments":[]}\x1e{"type":1,"target":"echo","arguments":5}\x1e'
    )
    assert socket.sent == ["{}\x1e"]
    assert socket.ended is None
