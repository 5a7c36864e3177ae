"""Lines as curl sees them: HTTP/1.1, and HTTP/2 on TLS."""

import asyncio
import json

import pytest
from tests.certificates import server_context
from tests.engine.peer import until
from tests.gateway.curl import line_of, needed, serving

pytestmark = needed
SUBSCRIBE = {"type": "subscribe", "id": 2, "channel": "room:a"}


@pytest.fixture(params=["--http1.1", "--http2"])
async def curl(request):
    options = {"ssl": server_context()} if request.param == "--http2" else {}
    async with serving(**options) as curl:
        curl.common.append(request.param)
        yield curl


def publish(number, data):
    return json.dumps({"type": "publish", "id": number, "channel": "room:a", "data": data})


async def test_a_line_from_its_opening_to_its_end(curl):
    line = await curl.open(SUBSCRIBE)
    events = await curl.json(f"{line}/poll")
    assert [event["type"] for event in events] == ["connected", "subscribed"]
    assert await curl(f"{line}?seq=1", "-d", publish(3, "hello")) == (204, "")
    assert [event["type"] for event in await curl.json(f"{line}/poll?after=2")] == ["publication", "published"]
    assert await curl(line, "-X", "DELETE") == (204, "")
    assert (await curl(f"{line}/poll?after=4"))[0] == 410


async def test_a_stream_says_everything_at_once(curl):
    line = await curl.open(SUBSCRIBE)
    stream = await curl.begin(f"{line}/stream?after=1")
    await line_of(stream, lambda text: "subscribed" in text)
    for number in range(1, 4):
        await curl(f"{line}?seq={number}", "-d", publish(number + 2, number))
        heard = json.loads(await line_of(stream, lambda text: '"publication"' in text))
        assert heard["data"] == number
    await curl(line, "-X", "DELETE")
    rest, _ = await stream.communicate()
    assert json.loads(rest.splitlines()[-1])["type"] == "close"
    assert stream.returncode == 0  # the response was complete


async def test_an_event_stream(curl):
    line = await curl.open()
    stream = await curl.begin(f"{line}/sse")
    assert "connected" in await line_of(stream, lambda text: text.startswith("data: "))
    stream.kill()
    await stream.wait()


async def test_a_poll_hangs_until_there_is_something(curl):
    line = await curl.open(SUBSCRIBE)
    poll = await curl.begin(f"{line}/poll?after=2&wait=15000")
    await until(lambda: _asked(curl))
    await curl("publish", "-d", '{"channel":"room:a","data":"hello"}')
    said, _ = await poll.communicate()
    assert json.loads(said)[0]["data"] == "hello"


async def test_a_second_poll_ends_the_first(curl):
    line = await curl.open()
    first = await curl.begin(f"{line}/poll?after=1&wait=15000")
    await until(lambda: _asked(curl))
    second = await curl.begin(f"{line}/poll?after=1&wait=15000")
    assert (await first.communicate())[0] == b"[]"
    second.kill()
    await second.wait()


def _asked(curl):
    """Whether a poll hangs."""
    (line,) = _lines(curl)
    return line.transport.heard


def _lines(curl):
    return [*curl.gateway.lines._lines.values()]


async def test_a_client_that_is_killed_is_noticed(curl):
    line = await curl.open()
    stream = await curl.begin(f"{line}/stream")
    await line_of(stream, lambda text: "connected" in text)
    assert _asked(curl)
    stream.kill()
    await stream.wait()
    await until(lambda: not _asked(curl))


async def test_a_body_that_asks_for_leave(curl):
    line = await curl.open(SUBSCRIBE)
    body = publish(3, "x" * 60_000)
    assert await curl(f"{line}?seq=1", "-H", "Expect: 100-continue", "-d", body) == (204, "")
    assert await curl(
        f"{line}?seq=2", "-H", "Transfer-Encoding: chunked", "-d", body.replace('"id": 3', '"id": 4')
    ) == (
        204,
        "",
    )


async def test_a_body_that_is_too_big(curl, tmp_path):
    line = await curl.open()
    big = tmp_path / "big"
    big.write_bytes(b"x" * (2 << 20))
    process = await curl.begin(f"{line}?seq=1", "-w", "\n%{http_code}", "--data-binary", f"@{big}")
    said, _ = await process.communicate()
    assert b"413" in said
    assert await curl(f"{line}?seq=1", "-d", '{"type":"ping","id":9}') == (204, "")


async def test_a_form_of_another_site(curl):
    evil = ("-H", "Origin: https://evil.example", "-H", "Cookie: session=1")
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        status, _ = await curl("publish", *evil, "-H", f"Content-Type: {kind}", "-d", '{"channel":"room:a","data":1}')
        assert status == 403
    assert (await curl.json("history?channel=room:a"))["publications"] == []


async def test_following_and_publishing_without_a_client(curl):
    stream = await curl.begin("sse?channel=room:a&token=ann")
    await line_of(stream, lambda text: "event: subscribed" in text)
    published = await curl.json("publish", "-H", "Authorization: Bearer bob", "-d", '{"channel":"room:a","data":1}')
    heard = await line_of(stream, lambda text: '"publication"' in text)
    assert json.loads(heard.removeprefix("data: "))["from"]["user"] == "bob"
    last = (await line_of(stream, lambda text: text.startswith("id: "))).removeprefix("id: ").strip()
    stream.kill()
    await stream.wait()
    assert published["offset"] == 1
    await curl("publish", "-d", '{"channel":"room:a","data":2}')
    again = await curl.begin("sse?channel=room:a", "-H", f"Last-Event-ID: {last}")
    recovered = json.loads((await line_of(again, lambda text: text.startswith("data: "))).removeprefix("data: "))
    assert (recovered["recovered"], [each["data"] for each in recovered["publications"]]) == (True, [2])
    again.kill()
    await again.wait()
    assert (await curl.json("presence?channel=room:a"))["channel"] == "room:a"


@pytest.mark.slow
@pytest.mark.parametrize("below", ["stream", "sse"])
async def test_much_comes_no_faster_than_it_is_read(curl, below):
    for number in range(100):
        await curl.app.publish("room:a", f"{number:020000}")
    line = await curl.open({**SUBSCRIBE, "rewind": 100, "pages": 100})
    stream = await curl.begin(f"{line}/{below}", "--limit-rate", "4M")
    found, most = 0, 0
    while found < 100:
        found += (await line_of(stream, lambda text: '"subscribed"' in text)).count('"time"')
        most = max(most, *(each.transport.queued for each in _lines(curl)))
    assert (found, _lines(curl)[0].transport.closed) == (100, None)
    assert most < 1 << 20
    stream.kill()
    await stream.wait()


@pytest.mark.slow
async def test_following_comes_no_faster_than_it_is_read(curl):
    for number in range(100):
        await curl.app.publish("room:a", f"{number:020000}")
    stream = await curl.begin("sse?channel=room:a&rewind=100", "--limit-rate", "4M")
    found = 0
    while found < 100:
        found += (await line_of(stream, lambda text: '"subscribed"' in text)).count('"time"')
    await curl.app.publish("room:a", "live")
    assert '"live"' in await line_of(stream, lambda text: '"publication"' in text)
    stream.kill()
    await stream.wait()


async def test_a_server_that_goes_away_does_not_wait_for_its_streams(curl):
    line, other = await curl.open(), await curl.open()
    stream = await curl.begin(f"{line}/stream")
    await line_of(stream, lambda text: "connected" in text)
    poll = await curl.begin(f"{other}/poll?after=1&wait=15000", "-w", "%{http_code}")
    await until(lambda: all(each.transport.heard for each in _lines(curl)))
    curl.gateway.close()
    async with asyncio.timeout(5):
        said, _ = await stream.communicate()
        assert json.loads(said.splitlines()[-1]) == {
            "type": "close",
            "code": 1001,
            "reason": "the server is going away",
        }
        assert b"410" in (await poll.communicate())[0]
