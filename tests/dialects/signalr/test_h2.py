"""A negotiated line that WebSockets over HTTP/2 carry, as browsers open them (RFC 8441)."""

import asyncio
import json
import ssl
import urllib.request

import pytest
import trustme
from tests.dialects.signalr.serving import serving

import everywire
from everywire.errors import HandshakeError

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def contexts():
    """A server's and a client's TLS context."""
    authority = trustme.CA()
    context, trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(trusting)
    return context, trusting


def text(**message):
    return json.dumps(message) + "\x1e"


async def heard(websocket):
    """Give the messages in the next WebSocket message that is no ping."""
    while True:
        said = [json.loads(each) for each in (await websocket.recv()).split("\x1e")[:-1]]
        if said != [{"type": 6}]:
            return said


async def test_it_carries_a_line_and_goes_on_with_it(contexts):
    context, trusting = contexts
    async with serving(ssl=context) as (_app, url):
        place = url.removeprefix("http://")

        def negotiate():
            asked = f"https://{place}/negotiate?negotiateVersion=1&useStatefulReconnect=true"
            with urllib.request.urlopen(asked, data=b"", context=trusting) as answer:
                return json.load(answer)["connectionToken"]

        address = f"wss://{place}?id={await asyncio.to_thread(negotiate)}"
        how = {"ssl": trusting, "proxy": None, "http2": True}
        first = await everywire.connect(address, **how)
        assert first.request.version == "2"
        await first.send(text(protocol="json", version=2))
        assert await heard(first) == [{}]
        await first.send(text(type=1, invocationId="1", target="echo", arguments=[1]))
        assert await heard(first) == [{"type": 3, "invocationId": "1", "result": 1}]
        again = await everywire.connect(address, **how)
        assert await heard(again) == [{"type": 9, "sequenceId": 1}]
        assert await heard(again) == [{"type": 3, "invocationId": "1", "result": 1}]
        with pytest.raises(everywire.ConnectionClosedError) as caught:
            await first.recv()
        assert caught.value.code == 4409
        await again.send(text(type=9, sequenceId=2) + text(type=1, invocationId="2", target="echo", arguments=[2]))
        assert await heard(again) == [{"type": 3, "invocationId": "2", "result": 2}]
        await again.close()
        with pytest.raises(HandshakeError):
            await everywire.connect(address.replace("id=", "id=x"), **how)
