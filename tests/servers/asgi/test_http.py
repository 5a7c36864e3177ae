"""HTTP exchanges over ASGI."""

import asyncio
from types import SimpleNamespace

import pytest
from tests.servers.asgi.hosting import Host, http_scope

from everywire.errors import AbortHandshake
from everywire.http.handed import Handed
from everywire.http.head import HeadLimits
from everywire.http.request import Response
from everywire.http.streamed import Streamed
from everywire.servers.asgi.http import answer_http


class Site(SimpleNamespace):
    """An application that gives `answer`, and keeps what it was asked."""

    def __init__(self, given, **options):
        limits = {"limits": HeadLimits(body=100), "open_timeout": 5.0}
        super().__init__(given=given, asked=[], **{**limits, **options})

    def answer(self, request):
        self.asked.append(request)
        return self.given(request) if callable(self.given) else self.given

    async def __call__(self, scope, receive, send):
        await answer_http(self, scope, receive, send)


class Source:
    """A producer that keeps what it is told, and its outlet."""

    def __init__(self):
        self.told = []
        self.outlet = None

    def start(self, outlet):
        self.outlet = outlet
        return self

    def drained(self):
        self.told.append("drained")

    def gone(self):
        self.told.append("gone")


async def asked(site, *bodies, **scope):
    """What a request is answered by that brings these bodies: status, fields, body."""
    host = Host(site, http_scope(**scope))
    for body in bodies[:-1]:
        host.tell("http.request", body=body, more_body=True)
    host.tell("http.request", **({"body": bodies[-1]} if bodies else {}))
    head, body = await host.hear(), await host.hear()
    await host.over()
    assert host.silent
    assert (head["type"], body["type"]) == ("http.response.start", "http.response.body")
    return head["status"], dict(head["headers"]), body["body"]


async def test_a_request_is_answered():
    site = Site(Response(200, "yes", [("X-One", "1"), ("Connection", "close")]))
    status, fields, body = await asked(site, b"a", b"", b"bc", method="POST")
    assert (status, body, site.asked[0].body) == (200, b"yes", b"abc")
    assert fields == {b"x-one": b"1", b"content-type": b"text/plain; charset=utf-8", b"content-length": b"3"}


@pytest.mark.parametrize(("method", "status", "length"), [("HEAD", 200, b"3"), ("GET", 204, None), ("GET", 304, None)])
async def test_answers_without_a_body(method, status, length):
    found, fields, body = await asked(Site(Response(status, "yes")), method=method)
    assert (found, body, fields.get(b"content-length")) == (status, b"", length)


async def test_an_answer_that_takes_time():
    async def later(request):
        await asyncio.sleep(0)
        return Response(200, "later")

    assert (await asked(Site(later)))[2] == b"later"


async def test_an_error_is_told_in_the_log_alone(caplog):
    def fail(request):
        raise ValueError("our fault")

    async def fail_later(request):
        raise ValueError("our fault")

    def refuse(request):
        raise AbortHandshake(403, "no")

    assert (await asked(Site(fail)))[::2] == (500, b"internal error")
    assert (await asked(Site(fail_later)))[::2] == (500, b"internal error")
    assert caplog.text.count("ValueError: our fault") == 2
    assert (await asked(Site(refuse)))[::2] == (403, b"no\n")


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: x=1", "a\nb", "a\0b", "a\rb"])
async def test_a_field_that_would_split_the_head_is_never_sent(value, caplog):
    status, fields, _ = await asked(Site(Response(200, "yes", [("X-One", value)])))
    assert (status, b"x-one" in fields) == (500, False)
    assert "a header must not hold CR, LF or NUL" in caplog.text
    status, fields, _ = await asked(Site(Streamed(200, Source().start, [("X-One", value)])))
    assert (status, b"x-one" in fields) == (500, False)


async def test_what_cannot_be_an_answer_here():
    assert (await asked(Site(None)))[0] == 426  # it would be an upgrade
    assert (await asked(Site(Handed(print, Response(404, "gone")))))[0] == 404


async def test_a_body_that_is_too_long():
    site = Site(Response(200))
    assert (await asked(site, b"x" * 60, b"x" * 60, method="POST"))[0] == 413
    host = Host(site, http_scope(method="POST", headers=[(b"content-length", b"101")]))
    assert (await host.hear())["status"] == 413  # without waiting for it
    assert site.asked == []


async def test_a_body_that_comes_too_slowly():
    site = Site(Response(200), open_timeout=0.02)
    host = Host(site, http_scope(method="POST"))
    host.tell("http.request", body=b"x", more_body=True)
    assert (await host.hear())["status"] == 408
    assert site.asked == []


async def test_a_client_that_leaves_before_its_request_is_there():
    site = Site(Response(200))
    host = Host(site, http_scope(method="POST"))
    host.tell("http.request", body=b"x", more_body=True)
    host.tell("http.disconnect")
    await host.over()
    assert (site.asked, host.silent) == ([], True)


async def test_a_client_that_leaves_before_it_is_answered():
    ended = asyncio.Event()

    async def never(request):
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    site = Site(never)
    host = Host(site, http_scope())
    host.tell("http.request")
    while not site.asked:
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    host.tell("http.disconnect")
    await host.over()
    await asyncio.wait_for(ended.wait(), 1)
    assert host.silent


async def test_a_host_that_gives_up_while_an_answer_is_awaited():
    ended = asyncio.Event()

    async def never(request):
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    site = Site(never)
    host = Host(site, http_scope())
    host.tell("http.request")
    while not site.asked:
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    host.task.cancel()
    await asyncio.wait_for(ended.wait(), 1)


async def streaming(source):
    """A client that is streamed to."""
    host = Host(Site(Streamed(200, source.start, [("Content-Type", "text/plain")])), http_scope())
    host.tell("http.request")
    head = await host.hear()
    assert head["headers"] == [(b"content-type", b"text/plain")]
    while source.outlet is None:
        await asyncio.sleep(0)
    return host


async def test_a_body_that_is_produced_over_time():
    source = Source()
    host = await streaming(source)
    source.outlet.write(b"one")
    assert await host.hear() == {"type": "http.response.body", "body": b"one", "more_body": True}
    source.outlet.write(b"two")
    source.outlet.end()
    assert await host.hear() == {"type": "http.response.body", "body": b"two", "more_body": True}
    assert await host.hear() == {"type": "http.response.body", "body": b""}
    await host.over()
    assert source.told == []


async def test_a_head_of_a_streamed_body():
    assert (await asked(Site(Streamed(200, Source().start)), method="HEAD"))[::2] == (200, b"")


async def test_a_body_that_is_broken_off_is_not_completed():
    source = Source()
    host = await streaming(source)
    source.outlet.abort()
    await host.over()
    assert host.silent


async def test_a_client_that_leaves_a_stream():
    source = Source()
    host = await streaming(source)
    host.tell("http.disconnect")
    await host.over()
    assert source.told == ["gone"]
    source.outlet.write(b"late")
    assert host.silent


async def test_a_client_that_leaves_while_its_server_sends():
    source = Source()
    host = await streaming(source)
    host.error = BrokenPipeError()
    source.outlet.write(b"one")
    await host.over()
    assert source.told == ["gone"]


async def test_a_client_that_never_reads_is_told_by_what_is_queued():
    source = Source()
    host = await streaming(source)
    host.stuck()
    source.outlet.write(b"one")
    await asyncio.sleep(0)
    source.outlet.write(b"x" * 100_000)
    source.outlet.push()
    assert source.outlet.queued() == 100_003
    source.outlet.abort()
    host.stuck(False)
    await host.over()
    assert (await host.hear())["body"] == b"one"
    assert host.silent


async def test_a_host_that_gives_up_a_stream():
    source = Source()
    host = await streaming(source)
    host.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await host.task
    assert source.told == ["gone"]
