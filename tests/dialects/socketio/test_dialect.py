"""The Socket.IO dialect as a whole: its path, its codecs, the end of a namespace."""

import gc

import pytest

from everywire import messages as m
from everywire.dialects.base import Open
from everywire.dialects.socketio import SocketIODialect
from everywire.dialects.socketio.engine import EngineCodec
from everywire.http.request import Headers, Request

UPGRADE = Headers([("Upgrade", "websocket")])


def opened(dialect):
    request = Request("GET", "/socket.io/?EIO=4&transport=websocket", UPGRADE)
    intent = dialect.accept(request, lambda: "minted")
    assert isinstance(intent, Open)
    return intent


def codec_of(intent, text):
    (within,) = intent.decoder.decode(text)
    return within.codec


@pytest.mark.parametrize("path", ["/socket.io", "/socket.io/"])
def test_the_path_with_or_without_a_slash(path):
    assert SocketIODialect().accept(Request("GET", path, Headers()), str) is not None
    assert SocketIODialect("/socket.io/").accept(Request("GET", path, Headers()), str) is not None


@pytest.mark.parametrize("path", ["/", "/socket.io/x", "/socket.iox", "/engine.io/"])
def test_other_paths_are_for_others(path):
    assert SocketIODialect().accept(Request("GET", path, Headers()), str) is None


def test_sessions_of_a_namespace_share_a_codec():
    dialect = SocketIODialect(namespaces=lambda name: True)
    ann, ben = opened(dialect), opened(dialect)
    assert codec_of(ann, "40") is codec_of(ben, "40")
    assert codec_of(ann, "40/chat,") is codec_of(ben, "40/chat")
    assert codec_of(ann, "40/chat,") is not codec_of(ann, "40")


def test_codecs_that_nobody_uses_are_forgotten():
    dialect = SocketIODialect(namespaces=lambda name: True)
    for number in range(10):
        codec_of(opened(dialect), f"40/{number},")
    gc.collect()
    assert not dialect._codecs


@pytest.mark.parametrize(
    ("text", "code", "told"),
    [
        ("40", 4404, ("41",)),
        ("40/chat,", 4403, ("41/chat,",)),
        ("40/chat,", 4401, ("41/chat,",)),
        ("40", 1000, ()),
        ("40", 1012, None),
        ("40", 1001, None),
        ("40", 4413, None),
    ],
)
def test_the_end_of_a_namespace(text, code, told):
    intent = opened(SocketIODialect(namespaces=lambda name: True))
    codec = codec_of(intent, text)
    found = intent.part(codec, code, "why")
    assert (None if found is None else tuple(payload.data for payload in found)) == told


def test_only_the_transport_itself_is_closed_without_a_namespace():
    assert SocketIODialect().part(EngineCodec(), 4404, "kicked") is None


def test_a_client_that_cannot_recover_is_told_no_pid():
    connected = m.Connected("connect", "s1", None, "secret", False, m.Heartbeat())
    for recoverable, text in [(True, '40{"sid":"s1","pid":"secret"}'), (False, '40{"sid":"s1"}')]:
        intent = opened(SocketIODialect(recoverable=recoverable))
        (payload,) = codec_of(intent, "40").encode(connected)
        assert payload.data == text
