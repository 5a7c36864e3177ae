"""The public face, in memory and over real sockets."""

import asyncio
import json
import os
import re
import signal
import socket
import sys

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from everywire.app import Everywire
from everywire.dialects.native import SUBPROTOCOL
from everywire.errors import EverywireError, Refused, reconnectable
from everywire.http.request import Headers, Request, Response
from everywire.testing import Net


@pytest.fixture
def app(tmp_path):
    (tmp_path / "index.html").write_text("<h1>here</h1>")
    app = Everywire()
    app.channel("room:{name}", history=10, ttl=60, presence=True)
    app.static("/", tmp_path)
    app.route("/health")(lambda request: Response(200, "fine"))
    app.on("double")(lambda member, data: data * 2)
    return app


def test_declaring_twice_is_an_error(app):
    with pytest.raises(ValueError, match="room"):
        app.channel("room:{name}")
    with pytest.raises(ValueError, match="double"):
        app.on("double")
    with pytest.raises(ValueError, match="health"):
        app.route("/health")(lambda request: Response(200))


def test_options_reach_the_channel():
    kind = Everywire().channel("c", history=3, ttl=5, window=7, presence=True, may_publish=False)
    assert (kind.retention.size, kind.retention.age, kind.retention.window) == (3, 5, 7)
    assert (kind.presence, kind.rules) == (True, {"publish": False})


def test_an_app_that_does_not_run_says_so(app):
    for use in (lambda: app.hub, lambda: app.gateway, lambda: app.publish("room:a", 1)):
        with pytest.raises(EverywireError, match="not running"):
            use()


def test_an_app_runs_once_at_a_time(app):
    with Net(app), pytest.raises(EverywireError, match="already"):
        Net(app)
    with Net(app) as net:
        assert net.connect().session


def test_publishing_from_the_server(app):
    with Net(app) as net:
        client = net.connect()
        client.subscribe("room:a")
        receipt = app.publish("room:a", {"n": 1}, key="k").result()
        again = app.publish("room:a", {"n": 1}, key="k").result()
        passing = app.publish("room:a", [2], ephemeral=True).result()
        assert (receipt.position.offset, again.repeated, passing.position) == (1, True, None)
        events = client.events()
        assert [event["data"] for event in events] == [{"n": 1}, [2]]
        assert "from" not in events[0]
        with pytest.raises(Refused, match="unknown channel 'elsewhere'") as caught:
            app.publish("elsewhere", 1)
        assert caught.value.reason == "unknown channel 'elsewhere'"  # a handler's goes to its client
        assert caught.value.__notes__[0].startswith("declared by app.channel: 'room:")
        with pytest.raises(TypeError):
            app.publish("room:a", object())


def test_publishing_from_a_handler(app):
    @app.on("announce")
    async def announce(member, data):
        receipt = await app.publish("room:a", data)
        return receipt.position.offset

    with Net(app) as net:
        client = net.connect()
        client.subscribe("room:a")
        call = client.send("call", name="announce", data="hear")
        net.run()
        assert client.answer(call)["data"] == 1
        assert len(client.events("publication")) == 1


def test_a_server_s_key_is_not_a_client_s(app):
    with Net(app) as net:
        net.connect().publish("room:a", 1, key="k")
        assert not app.publish("room:a", 1, key="k").result().repeated


def test_plain_http(app):
    with Net(app):
        assert app.answer(Request("GET", "/", Headers())).body == b"<h1>here</h1>"
        assert app.answer(Request("GET", "/health", Headers())).body == b"fine"
        assert app.answer(Request("GET", "/everywire", Headers())).status == 426


async def heard(websocket, kind):
    while (event := json.loads(await websocket.recv()))["type"] != kind:
        pass
    return event


async def test_over_real_sockets(app):
    async with app.serving(port=0) as server:
        url = f"ws://127.0.0.1:{server.port}/everywire"
        async with connect(url, subprotocols=[SUBPROTOCOL]) as alice, connect(url, subprotocols=[SUBPROTOCOL]) as bob:
            for client in (alice, bob):
                await client.send('[{"type":"connect","id":1},{"type":"subscribe","id":2,"channel":"room:a"}]')
                await heard(client, "subscribed")
            await bob.send('{"type":"publish","id":3,"channel":"room:a","data":"é"}')
            assert (await heard(alice, "publication"))["data"] == "é"
            await bob.close(1000)
            assert (await heard(alice, "leave"))["channel"] == "room:a"
            await alice.send("not JSON")
            await alice.wait_closed()
            assert (alice.close_code, alice.close_reason) == (4400, "bad message: not JSON")


@pytest.mark.parametrize(
    ("options", "compress"), [({}, 1024), ({"compression": "deflate"}, 1024), ({"compression": None}, None)]
)
async def test_polls_are_compressed_unless_nothing_is(app, options, compress):
    async with app.serving(**options):
        assert app.gateway.settings.compress == compress


async def test_stopping_closes_with_1001(app):
    async with app.serving(port=0) as server:
        client = await connect(f"ws://127.0.0.1:{server.port}/everywire", subprotocols=[SUBPROTOCOL])
        await client.send('{"type":"connect","id":1}')
        await heard(client, "connected")
    await client.wait_closed()
    assert client.close_code == 1001


@pytest.mark.parametrize(
    ("host", "options", "said"),
    [
        ("localhost", {}, r"serving ws://localhost:\d+/live; Ctrl-C stops it"),
        ("0.0.0.0", {}, r"serving ws://localhost:\d+/live; "),
        ("127.0.0.1", {}, r"serving ws://127\.0\.0\.1:\d+/live; "),
        (None, {"path": "{}/socket"}, r"serving unix:.*/socket, path /live; "),
    ],
)
async def test_running_says_where(monkeypatch, tmp_path, host, options, said):
    running: list[asyncio.Future] = []
    told = asyncio.get_running_loop().create_future()
    monkeypatch.setattr(asyncio, "run", lambda coroutine: running.append(asyncio.ensure_future(coroutine)))
    monkeypatch.setattr("everywire.app.everywire._log.info", lambda text, *words: told.set_result(text % words))
    Everywire(path="/live").run(host, 0, **{name: text.format(tmp_path) for name, text in options.items()})
    await asyncio.wait([running[0], told], return_when=asyncio.FIRST_COMPLETED)
    assert re.match(said, told.result())
    running[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await running[0]


def test_whether_there_is_a_page_is_known(tmp_path):
    app = Everywire()
    app.route("/health")(lambda request: Response(200))
    app.static("/", tmp_path)
    assert not app.has_page
    (tmp_path / "index.html").touch()
    app.static("/files", tmp_path)
    assert not app.has_page
    app.route("/")(lambda request: Response(200))
    assert app.has_page
    app = Everywire()
    app.static("/", tmp_path)
    assert app.has_page


PROGRAM = """
from everywire.app import Everywire
app = Everywire()
import asyncio, everywire.app.everywire as module
original = module.serve.__aenter__
async def announced(self):
    server = await original(self)
    print(server.port, flush=True)
    return server
module.serve.__aenter__ = announced
app.run(port=0)
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_drains(number):
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, stdout=asyncio.subprocess.PIPE, env=os.environ | {"PYTHONPATH": "src"}
    )
    port = int(await process.stdout.readline())
    client = await connect(f"ws://127.0.0.1:{port}/everywire", subprotocols=[SUBPROTOCOL])
    process.send_signal(number)
    await client.wait_closed()
    assert client.close_code == 1001
    assert await process.wait() == 0


async def slow_reader(port):
    """A client whose socket takes little, and which reads only when it is asked to."""
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    narrow.setblocking(False)
    await asyncio.get_running_loop().sock_connect(narrow, ("127.0.0.1", port))
    url = f"ws://127.0.0.1:{port}/everywire"
    return await connect(url, sock=narrow, subprotocols=[SUBPROTOCOL], max_queue=1, compression=None)


async def drained(client):
    """Read to the end of a connection."""
    while True:
        await client.recv()


@pytest.mark.slow
async def test_a_slow_reader_is_closed_and_recovers(app):
    app.channel("feed", history=1000)
    async with app.serving(port=0, close_timeout=0.1) as server:
        client = await slow_reader(server.port)
        await client.send('[{"type":"connect","id":1},{"type":"subscribe","id":2,"channel":"feed"}]')
        start = await heard(client, "subscribed")
        for _ in range(200):
            await app.publish("feed", "x" * 50_000)
            await asyncio.sleep(0)
        with pytest.raises(ConnectionClosed) as caught:
            await drained(client)
        assert caught.value.rcvd is None or reconnectable(caught.value.rcvd.code)
        url = f"ws://127.0.0.1:{server.port}/everywire"
        async with connect(url, subprotocols=[SUBPROTOCOL], max_size=None) as again:
            await again.send('{"type":"connect","id":1}')
            answer, missed = start | {"more": True}, 0
            while answer.get("more"):
                since = {"epoch": answer["epoch"], "offset": answer["offset"]}
                await again.send(json.dumps({"type": "subscribe", "id": 2, "channel": "feed", "since": since}))
                answer = await heard(again, "subscribed")
                assert answer["recovered"]
                missed += len(answer["publications"])
        assert missed == 200


@pytest.mark.parametrize(
    ("given", "environment", "kept"),
    [
        ("x" * 16, "", ("x" * 16,)),
        (["x" * 16, "y" * 16], "z" * 16, ("x" * 16, "y" * 16)),
        (None, "z" * 16, ("z" * 16,)),
        (None, f"{'z' * 16}, {'y' * 16}", ("z" * 16, "y" * 16)),
        (None, "", ()),
    ],
)
def test_the_secret_is_given_or_found(given, environment, kept, monkeypatch):
    monkeypatch.setenv("EVERYWIRE_SECRET", environment)
    assert Everywire(secret=given)._hooks.secrets == kept


def test_a_short_secret_is_refused(monkeypatch):
    with pytest.raises(ValueError, match="16 characters"):
        Everywire(secret="guess me")
    monkeypatch.setenv("EVERYWIRE_SECRET", f"{'z' * 16},guess me")
    with pytest.raises(ValueError, match="EVERYWIRE_SECRET: a secret has at least 16 characters"):
        Everywire()
