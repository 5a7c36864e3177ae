"""The options of python-socketio: kept, warned of, or refused."""

import re

import pytest
from tests.socketio.serving import house

from everywire import socketio
from everywire.hub.settings import Settings
from everywire.messages import Heartbeat
from everywire.socketio.options import read
from everywire.testing import Net


def test_what_is_kept():
    options = read({"ping_interval": (10, 2), "ping_timeout": 5, "max_http_buffer_size": 5000, "async_handlers": True})
    assert options.settings.heartbeat == Heartbeat(every=10.0, patience=7.0)
    assert (options.settings.max_data, options.max_payload, options.concurrent) == (5000, 5000, True)
    assert read({}).settings.heartbeat == Heartbeat(every=25.0, patience=20.0)
    assert read({}).settings.call_deadline is None
    assert read({"namespaces": "*"}).namespaces == {"*"}
    mine = Settings(max_channels=7)
    assert read({"settings": mine}).settings is mine


@pytest.mark.parametrize(
    ("given", "compress"),
    [
        ({}, 1024),
        ({"http_compression": True}, 1024),
        ({"compression_threshold": 10}, 10),
        ({"compression_threshold": 10, "http_compression": False}, None),
    ],
)
def test_from_how_many_bytes_on_polls_are_compressed(given, compress):
    app = socketio.ASGIApp(socketio.AsyncServer(**given))
    with Net(app) as net:
        assert net.gateway.settings.compress == compress


@pytest.mark.parametrize(
    ("given", "origins"),
    [
        (None, None),
        ("*", ["*", None]),
        ("https://a", ["https://a", None]),
        (["https://a", re.compile("b")], ["https://a", re.compile("b"), None]),
    ],
)
def test_origins(given, origins):
    assert read({"cors_allowed_origins": given}).origins == origins


@pytest.mark.parametrize(
    "idle",
    [
        {"logger": False, "engineio_logger": None, "async_mode": "asgi", "always_connect": False},
        {"serializer": "msgpack", "monitor_clients": True, "transports": ["websocket", "polling"], "cookie": None},
        {"client_manager": None, "json": None, "cors_credentials": True, "http_compression": True},
    ],
)
def test_what_asks_for_nothing_else_is_no_matter(idle):
    read(idle)


@pytest.mark.parametrize(
    "given", [{"logger": True}, {"always_connect": True}, {"async_mode": "aiohttp"}, {"cookie": "io"}]
)
def test_what_means_nothing_here_is_warned_of(given):
    with pytest.warns(UserWarning, match=f"{next(iter(given))}=.* means nothing here"):
        read(given)


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"client_manager": object()}, ValueError, "workers"),
        ({"json": re}, ValueError, "cannot be kept"),
        ({"cors_credentials": False}, ValueError, "cannot be kept"),
        ({"transports": ["websocket"]}, ValueError, "both transports"),
        ({"cors_allowed_origins": []}, ValueError, "all origins"),
        ({"cors_allowed_origins": lambda origin: True}, TypeError, "re.compile"),
        ({"ping_intervall": 1}, TypeError, "did you mean 'ping_interval'"),
        ({"settings": Settings(), "ping_interval": 1}, ValueError, "settings say"),
    ],
)
def test_what_cannot_be_kept_is_refused(given, error, words):
    with pytest.raises(error, match=words):
        read(given)


async def test_bigger_messages_than_the_limit_end_the_connection_and_smaller_ones_do_not():
    sio = socketio.AsyncServer(max_http_buffer_size=200_000)
    sio.on("size", lambda sid, text: len(text))
    async with house(sio) as home:
        client = await home.come(transports=["polling"])
        assert await client.ask("size", "x" * 190_000) == [190_000]
        await client.emit("size", "x" * 200_000)
        assert (await client.next("disconnect"))["reason"] == "transport error"


@pytest.mark.parametrize(
    ("origins", "lets_in"), [(None, False), ("*", True), ("http://page", True), ("http://a", False)]
)
async def test_pages_of_other_origins(origins, lets_in):
    sio = socketio.AsyncServer(cors_allowed_origins=origins)
    async with house(sio) as home:
        for transport in ("polling", "websocket"):
            headers = {"Origin": "http://page"}
            client = await home.knock(transports=[transport], extraHeaders=headers, reconnection=False)
            await client.next("connect" if lets_in else "connect_error")
