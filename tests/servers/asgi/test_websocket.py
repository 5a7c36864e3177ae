"""WebSockets over ASGI."""

import asyncio
from types import SimpleNamespace

import pytest
from tests.servers.asgi.hosting import Host, websocket_scope

from everywire.errors import EverywireError
from everywire.http.handed import Handed
from everywire.http.head import HeadLimits
from everywire.http.request import Response
from everywire.servers.asgi.websocket import answer_websocket
from everywire.transports.http import LineLimits

DENIAL = {"websocket.http.response": {}}


class Gateway:
    """Keeps what a server tells."""

    def __init__(self):
        self.settings = SimpleNamespace(limits=LineLimits(write_high=1_000, write_limit=10_000))
        self.happened = []
        self.websocket = None
        self.rest = None
        self.fails = ()

    def opened(self, websocket):
        self.websocket = websocket
        self._note("opened")

    def received(self, websocket, message):
        self._note(message)
        return self.rest() if self.rest is not None else None

    def closed(self, websocket, code, reason):
        self._note((code, reason))

    def _note(self, what):
        self.happened.append(what)
        if what in self.fails:
            raise ValueError("our fault")


class Site:
    """An application that answers by `given`; its gateway keeps what happens."""

    def __init__(self, given=None, **options):
        self.given = given
        self.gateway = Gateway()
        self.limits, self.open_timeout, self.close_timeout, self.max_size = HeadLimits(), 5.0, 5.0, 100
        self.opened = set()
        self.__dict__.update(options)

    def answer(self, request):
        return self.given(request) if callable(self.given) else self.given

    def subprotocol(self, offered):
        return offered[0] if offered else None

    async def __call__(self, scope, receive, send):
        await answer_websocket(self, scope, receive, send)


async def opened(site, *protocols):
    """A WebSocket that is open."""
    host = Host(site, websocket_scope("/", *protocols))
    host.tell("websocket.connect")
    assert await host.hear() == {"type": "websocket.accept", "subprotocol": protocols[0] if protocols else None}
    await until(lambda: site.gateway.happened)
    return host


async def until(there):
    async with asyncio.timeout(5):
        while not there():
            await asyncio.sleep(0)


async def refused(site, **scope):
    """What is sent to a client that is refused."""
    host = Host(site, websocket_scope("/", **scope))
    host.tell("websocket.connect")
    said = [await host.hear()]
    await host.over()
    while not host.silent:
        said.append(await host.hear())
    assert site.gateway.happened == []
    return said


async def test_messages_go_both_ways():
    site = Site()
    host = await opened(site, "one", "two")
    assert len(site.opened) == 1
    host.tell("websocket.receive", text="a")
    host.tell("websocket.receive", bytes=b"b", text=None)
    host.tell("websocket.receive", bytes=None, text="")
    await until(lambda: len(site.gateway.happened) == 4)
    site.gateway.websocket.put("c")
    site.gateway.websocket.put(b"")
    assert await host.hear() == {"type": "websocket.send", "text": "c"}
    assert await host.hear() == {"type": "websocket.send", "bytes": b""}
    host.tell("websocket.disconnect", code=4000, reason="enough")
    await host.over()
    assert site.gateway.happened == ["opened", "a", b"b", "", (4000, "enough")]
    assert site.opened == set()


@pytest.mark.parametrize(
    ("event", "told"),
    [
        ({}, (1005, "")),
        ({"code": None}, (1005, "")),
        ({"code": 1006}, (1006, "")),
        ({"code": 1000, "reason": None}, (1000, "")),
    ],
)
async def test_hosts_that_say_less_of_the_end(event, told):
    site = Site()
    host = await opened(site)
    host.tell("websocket.disconnect", **event)
    await host.over()
    assert site.gateway.happened[-1] == told


async def test_what_is_queued_goes_ahead_of_our_end():
    site = Site()
    host = await opened(site)
    site.gateway.websocket.put("a")
    site.gateway.websocket.close(4403, "ä" * 100)
    assert (await host.hear())["text"] == "a"
    assert await host.hear() == {"type": "websocket.close", "code": 4403, "reason": "ä" * 61}
    await host.over()
    assert site.gateway.happened[-1] == (4403, "ä" * 100)


async def test_an_end_without_a_code():
    site = Site()
    host = await opened(site)
    site.gateway.websocket.close(1005)
    assert await host.hear() == {"type": "websocket.close", "code": 1000, "reason": ""}
    await host.over()


async def test_an_abrupt_end_is_no_close():
    site = Site()
    host = await opened(site)
    site.gateway.websocket.ended()
    await host.over()
    assert host.silent
    assert site.gateway.happened[-1] == (1006, "")


async def test_nothing_is_heard_behind_our_end():
    site = Site()
    host = await opened(site)
    host.stuck()
    site.gateway.websocket.close(4403)
    host.tell("websocket.receive", text="late")
    host.tell("websocket.disconnect", code=4403)
    await host.over()
    assert site.gateway.happened == ["opened", (4403, "")]


@pytest.mark.parametrize(
    ("code", "said"), [(1001, 3501), (1009, 3509), (1011, 3511), (1012, 3512), (1002, 4400), (1003, 4400)]
)
async def test_a_host_that_says_no_code_but_private_ones(code, said):
    site = Site()
    host = await opened(site)
    host.refuses = code
    site.gateway.websocket.close(code, "why")
    assert await host.hear() == {"type": "websocket.close", "code": said, "reason": "why"}
    await host.over()
    assert site.gateway.happened[-1][0] == code


async def test_a_message_that_is_too_big():
    for message in ({"bytes": b"x" * 101}, {"text": "x" * 101}, {"text": "ä" * 51}):
        site = Site()
        host = await opened(site)
        host.tell("websocket.receive", text="ä" * 50)
        host.tell("websocket.receive", **message)
        assert await host.hear() == {"type": "websocket.close", "code": 1009, "reason": "message too big"}
        await host.over()
        assert site.gateway.happened == ["opened", "ä" * 50, (1009, "message too big")]


async def test_what_follows_waits_for_what_came_before():
    site, free = Site(), asyncio.Event()
    site.gateway.rest = free.wait
    host = await opened(site)
    host.tell("websocket.receive", text="a")
    host.tell("websocket.receive", text="b")
    await until(lambda: "a" in site.gateway.happened)
    for _ in range(5):
        await asyncio.sleep(0)
    assert "b" not in site.gateway.happened
    free.set()
    await until(lambda: "b" in site.gateway.happened)
    host.tell("websocket.disconnect", code=1000)
    await host.over()


@pytest.mark.parametrize("where", ["opened", "a"])
async def test_an_error_of_ours_closes_and_is_told_in_the_log_alone(where, caplog):
    site = Site()
    site.gateway.fails = (where,)
    host = await opened(site)
    host.tell("websocket.receive", text="a")
    assert await host.hear() == {"type": "websocket.close", "code": 1011, "reason": "internal error"}
    await host.over()
    assert "our fault" in caplog.text


async def test_an_error_in_what_waits(caplog):
    async def fail():
        raise ValueError("our fault")

    site = Site()
    site.gateway.rest = fail
    host = await opened(site)
    host.tell("websocket.receive", text="a")
    assert (await host.hear())["code"] == 1011
    await host.over()
    assert "our fault" in caplog.text


async def test_a_client_that_never_reads_is_cut_off(caplog):
    site = Site(close_timeout=0.02)
    host = await opened(site)
    host.stuck()
    site.gateway.websocket.put("first")
    await until(lambda: site.gateway.websocket._busy)
    while site.gateway.websocket.ending is None:
        site.gateway.websocket.put("x" * 1_000)
    await host.over()  # although it takes nothing
    assert site.gateway.happened[-1] == (4413, "too slow")
    assert "a slow reader was cut off" in caplog.text


async def test_a_client_that_is_gone_when_it_is_sent_to(caplog):
    site = Site()
    host = await opened(site)
    host.error = BrokenPipeError()
    site.gateway.websocket.put("a")
    await host.over()
    assert site.gateway.happened[-1] == (1006, "")
    assert caplog.text == ""


async def test_a_host_that_has_another_word_for_that(caplog):
    site = Site()
    host = await opened(site)
    host.error = RuntimeError("unexpected message")
    site.gateway.websocket.put("a")
    await host.over()
    assert site.gateway.happened[-1] == (1006, "")
    assert "a WebSocket was lost as its server would not send" in caplog.text


async def test_a_host_that_gives_up():
    site = Site()
    host = await opened(site)
    host.task.cancel()
    assert await host.hear() == {"type": "websocket.close", "code": 1001, "reason": "the server is going away"}
    with pytest.raises(asyncio.CancelledError):
        await host.task
    assert site.gateway.happened[-1] == (1006, "")


async def test_a_refusal_is_said_where_the_host_can():
    said = await refused(Site(Response(429, "too many", [("Retry-After", "1")])), extensions=DENIAL)
    assert said == [
        {
            "type": "websocket.http.response.start",
            "status": 429,
            "headers": [
                (b"retry-after", b"1"),
                (b"content-type", b"text/plain; charset=utf-8"),
                (b"content-length", b"8"),
            ],
        },
        {"type": "websocket.http.response.body", "body": b"too many"},
    ]
    for extensions in ({}, None):
        assert await refused(Site(Response(429, "no")), extensions=extensions) == [{"type": "websocket.close"}]


async def test_a_refusal_by_error_or_elsewhere():
    def fail(request):
        raise ValueError("our fault")

    async def fail_later(request):
        raise ValueError("our fault")

    async def refuse(request):
        return Response(401)

    for given, status in ((fail, 500), (fail_later, 500), (refuse, 401), (Handed(print, Response(404)), 404)):
        assert (await refused(Site(given), extensions=DENIAL))[0]["status"] == status


async def test_one_that_is_let_in_after_a_while_loses_nothing():
    async def later(request):
        for _ in range(10):
            await asyncio.sleep(0)

    site = Site(later)
    host = await opened(site)
    host.tell("websocket.receive", text="a")
    await until(lambda: "a" in site.gateway.happened)
    host.tell("websocket.disconnect", code=1000)
    await host.over()


async def test_a_host_that_tells_of_the_connect_again():
    async def later(request):
        for _ in range(10):
            await asyncio.sleep(0)

    site = Site(later)
    host = Host(site, websocket_scope("/"))
    host.tell("websocket.connect")
    host.tell("websocket.connect")
    assert (await host.hear())["type"] == "websocket.accept"
    host.tell("websocket.receive", text="a")
    host.tell("websocket.disconnect", code=1000)
    await host.over()
    assert site.gateway.happened == ["opened", "a", (1000, "")]


async def test_one_that_is_not_answered_in_time():
    async def never(request):
        await asyncio.Event().wait()

    assert (await refused(Site(never, open_timeout=0.01), extensions=DENIAL))[0]["status"] == 503


async def test_a_client_that_leaves_before_it_is_answered():
    ended = asyncio.Event()

    async def never(request):
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    site = Site(never)
    host = Host(site, websocket_scope("/"))
    host.tell("websocket.connect")
    host.tell("websocket.disconnect", code=1006)
    await host.over()
    await asyncio.wait_for(ended.wait(), 1)
    assert (host.silent, site.gateway.happened) == (True, [])


async def test_a_client_that_leaves_before_anything():
    site = Site()
    host = Host(site, websocket_scope("/"))
    host.tell("websocket.disconnect", code=1006)
    await host.over()
    assert (host.silent, site.gateway.happened) == (True, [])


async def test_a_client_that_leaves_as_it_is_let_in():
    site = Site()
    host = Host(site, websocket_scope("/"))
    host.error = BrokenPipeError()
    host.tell("websocket.connect")
    await host.over()
    assert site.gateway.happened == []


async def test_a_message_that_is_neither_or_both():
    for event in ({}, {"text": "a", "bytes": b"a"}):
        site = Site()
        host = await opened(site)
        host.tell("websocket.receive", **event)
        with pytest.raises(EverywireError, match="exactly one of text and bytes"):
            await host.over()
        assert site.gateway.happened[-1] == (1006, "")
