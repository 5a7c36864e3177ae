"""An application as a command, and its reloading."""

import urllib.request

import pytest
from tests.cli.commands import started

import everywire

APP = """
from everywire.app import Everywire
from everywire.http.request import Response

app = Everywire()
app.route("/")(lambda request: Response(200, "{word}"))
"""


def asked(port: int) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as answer:
        return bytes(answer.read())


async def test_an_application_is_served(tmp_path):
    (tmp_path / "live.py").write_text(APP.format(word="here"))
    async with started("run", "live:app", "--host", "127.0.0.1", "--port", "0", cwd=tmp_path) as run:
        port = await run.port()
        assert asked(port) == b"here"
        ws = await everywire.connect(f"ws://127.0.0.1:{port}/everywire", subprotocols=["everywire.v1.json"])
        assert await run.end() == 0
        await ws.wait_closed()
        assert ws.close_code == 1001


async def test_the_environment_has_options_too(tmp_path):
    (tmp_path / "live.py").write_text(APP.format(word="here"))
    environment = {"EVERYWIRE_RUN_PORT": "0", "EVERYWIRE_RUN_HOST": "127.0.0.1"}
    async with started("run", "live", cwd=tmp_path, **environment) as run:
        assert asked(await run.port()) == b"here"
        assert await run.end() == 0


async def test_the_announced_address_is_that_of_the_websocket(tmp_path):
    """With a page at / its address too; without one, a browser would find nothing there."""
    (tmp_path / "bare.py").write_text('import everywire\napp = everywire.Everywire(path="/live")\n')
    (tmp_path / "paged.py").write_text(APP.format(word="here"))
    listen = ("--host", "127.0.0.1", "--port", "0")
    async with started("run", "bare", *listen, cwd=tmp_path) as run:
        address = (await run.says(r"bare is at (ws://127\.0\.0\.1:\d+/live)  \("))[1]
        async with everywire.connect(address, subprotocols=["everywire.v1.json"]) as ws:
            assert ws.subprotocol == "everywire.v1.json"
        assert await run.end() == 0
        assert "http" not in run.said
    async with started("run", "paged", *listen, cwd=tmp_path) as run:
        found = await run.says(r"paged is at ws://127\.0\.0\.1:(\d+)/everywire, its page at (http://\S+/)  \(")
        assert found[2] == f"http://127.0.0.1:{found[1]}/"
        assert await run.end() == 0


@pytest.mark.parametrize("options", [(), ("--workers", "1")])
async def test_who_is_served_beside_is_announced(tmp_path, options):
    (tmp_path / "several.py").write_text(
        "import everywire\napp = everywire.Everywire()\napp.signalr('/chat')\napp.sockjs()\n"
    )
    async with started("run", "several", "--port", "0", *options, cwd=tmp_path) as run:
        await run.says(r"several is at ws://\S+  \(")
        await run.says(r"  and SignalR at /chat, SockJS at /sockjs\n")
        assert await run.end() == 0


@pytest.mark.parametrize("target", ["nothing:app", "live:nothing"])
async def test_a_wrong_target_is_one_line(tmp_path, target):
    (tmp_path / "live.py").write_text(APP.format(word="here"))
    async with started("run", target, "--port", "0", cwd=tmp_path) as run:
        assert await run.exit() == 2
    assert run.said.startswith("Error: ")
    assert len(run.said.splitlines()) == 1


async def test_a_change_is_served_on_the_same_port(tmp_path):
    """A broken version in between is waited out."""
    source = tmp_path / "live.py"
    source.write_text(APP.format(word="old"))
    async with started("run", "live:app", "--reload", "--host", "127.0.0.1", "--port", "0", cwd=tmp_path) as run:
        await run.says("watching ")
        port = await run.port()
        assert asked(port) == b"old"
        source.write_text("syntax error here\n")
        await run.says("live.py changed: starting again")
        await run.says("exit code 2; waiting for a change")
        source.write_text(APP.format(word="a newer one"))
        await run.says("live.py changed: starting again")
        assert await run.port() == port
        assert asked(port) == b"a newer one"
        ws = await everywire.connect(f"ws://127.0.0.1:{port}/everywire", subprotocols=["everywire.v1.json"])
        assert await run.end() == 0
        await ws.wait_closed()
        assert ws.close_code == 1001
