"""Plain WebSocket clients: which requests are theirs, and what they hear."""

from everywire import Everywire, Refused, connect
from everywire.dialects.base import Open
from everywire.dialects.text import TextDialect
from everywire.http.request import Headers, Request


def ask(target, **headers):
    return TextDialect("/raw").accept(Request("GET", target, Headers(headers.items())), lambda: "id")


def test_requests():
    assert isinstance(ask("/raw", Upgrade="websocket"), Open)
    assert ask("/raw").status == 426
    assert ask("/raw/x", Upgrade="websocket") is None


async def test_any_websocket_client_talks_to_a_handler():
    app = Everywire()
    app.websocket("/raw", handler="said")
    app.channel("room")

    @app.on("said", inline=True)
    def said(data):
        if data == "no":
            raise Refused("you may not", 103)
        return data[::-1]

    @app.on_connected
    async def connected(caller, connecting):
        await app.subscribe("room", session=caller.session)

    async with app.serving() as server, connect(f"ws://127.0.0.1:{server.port}/raw") as client:
        heard = []
        for text in ("abc", b"\x01\x02", "no"):
            await client.send(text)
            heard.append(await client.recv())
        await app.publish("room", {"a": 1})
        heard.append(await client.recv())
    assert heard == ["cba", b"\x02\x01", '{"error":{"code":103,"reason":"you may not"}}', '{"a":1}']
