"""Bytes on the wire, of requests that no browser makes: HTTP/1.0, chunks, WebSockets that are broken, many at once."""

import asyncio

import pytest
from tests.dialects.sockjs.serving import TEXT, serving

from everywire import ConnectionClosed, HandshakeError, connect

HEADS = "h" * 2048 + "\n"


async def said(url, request):
    """Say a request, and give what is answered until the connection ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
    writer.write(request.encode())
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()
    head, _, body = answer.decode().partition("\r\n\r\n")
    return head.lower(), body


async def test_http_1_0_is_answered_without_chunks(shared):
    app, url = shared
    head, body = await said(url, f"GET {TEXT} HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n")
    assert body == "Welcome to SockJS!\n"
    assert "content-length: 19" in head
    stream = asyncio.ensure_future(said(url, f"POST {TEXT}/0/ten/xhr_streaming HTTP/1.0\r\nContent-Length: 0\r\n\r\n"))
    await app.until(lambda: app.callers)
    await app.kick(session=app.callers[0].session, code=3000, reason="Go away!")
    head, body = await stream
    assert "transfer-encoding" not in head
    assert "content-length" not in head
    assert body == HEADS + 'o\nc[3000,"Go away!"]\n'


async def test_over_http_1_1_each_frame_is_a_chunk(shared):
    app, url = shared
    request = (
        f"POST {TEXT}/0/eleven/xhr_streaming HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    )
    stream = asyncio.ensure_future(said(url, request))
    await app.until(lambda: app.callers)
    app.callers[0].tell("x", "y")
    await app.kick(session=app.callers[0].session, code=3000, reason="Go away!")
    head, body = await stream
    assert "transfer-encoding: chunked" in head
    chunks = (HEADS, "o\n", 'a["y"]\n', 'c[3000,"Go away!"]\n')
    assert body == "".join(f"{len(chunk):x}\r\n{chunk}\r\n" for chunk in chunks) + "0\r\n\r\n"


async def test_two_websockets_may_have_one_name(shared):
    url = shared[1].replace("http", "ws") + f"{TEXT}/000/same/websocket"
    async with connect(url) as one, connect(url) as other:
        assert [await one.recv(), await other.recv()] == ["o", "o"]
        await one.send('["a"]')
        await other.send("")
        await other.send("[]")
        await other.send('["b"]')
        assert [await one.recv(), await other.recv()] == ['a["a"]', 'a["b"]']


@pytest.mark.parametrize("message", ['["a', "{}", b"\x00", "[1]"])
async def test_broken_framing_ends_a_websocket_without_a_word(shared, message):
    app, url = shared
    async with connect(url.replace("http", "ws") + f"{TEXT}/000/broken/websocket") as client:
        assert await client.recv() == "o"
        await client.send(message)
        with pytest.raises(ConnectionClosed):
            await client.recv()
        assert client.close_code == 1006
    await app.until(lambda: not app.callers)


async def test_a_websocket_without_frames_is_closed_as_the_application_says(shared):
    async with connect(shared[1].replace("http", "ws") + f"{TEXT}/websocket") as client:
        await client.send("as it is")
        assert await client.recv() == "as it is"
        await client.send("leave")
        with pytest.raises(ConnectionClosed):
            await client.recv()
        assert (client.close_code, client.close_reason) == (3000, "Go away!")


async def test_what_an_application_does_not_offer_is_not_there():
    async with serving(sockjs={"websocket": False}) as (_, url):
        with pytest.raises(HandshakeError) as refused:
            await connect(url.replace("http", "ws") + f"{TEXT}/000/abc/websocket")
        assert refused.value.status == 404


async def test_stomp_is_left_as_it_is(shared):
    frame = "SEND\ndestination:/queue/a\ncontent-type:text/plain\n\nhello\n\0"
    async with connect(shared[1].replace("http", "ws") + f"{TEXT}/000/stomp/websocket") as client:
        await client.recv()
        await client.send('["SEND\\ndestination:/queue/a\\ncontent-type:text/plain\\n\\nhello\\n\\u0000"]')
        found = await client.recv()
    assert found == 'a["SEND\\ndestination:/queue/a\\ncontent-type:text/plain\\n\\nhello\\n\\u0000"]'
    assert frame in shared[0].said
