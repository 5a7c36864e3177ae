"""The small HTTP client: connections are kept, bodies come as they come, what is broken says so."""

import asyncio
import contextlib
import ssl

import pytest
import trustme
from tests.client.relays import http_proxy, listening

from everywire import engine as engines
from everywire.client.http import Ask, Broken, Http


@pytest.fixture(params=engines.available())
def kind(request):
    return request.param


class Canned:
    """A server that gives its answers in turn, each connection from where the last stopped; counts connections."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []
        self.connections = 0

    async def serve(self, reader, writer):
        self.connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError):
            while self.answers:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = next(
                    (int(line[15:]) for line in head.split("\r\n") if line.lower().startswith("content-length")), 0
                )
                self.asked.append((head, await reader.readexactly(length)))
                answer = self.answers.pop(0)
                for part in answer if isinstance(answer, list) else [answer]:
                    writer.write(part)
                    await writer.drain()
                    await asyncio.sleep(0)
                if b"close" in b"".join(answer):
                    return


def ok(body, more=b""):
    return [b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%s\r\n" % (len(body), more), body]


@contextlib.asynccontextmanager
async def serving(kind, *answers, **options):
    canned = Canned(*answers)
    async with listening(canned.serve) as port:
        http = Http(f"ws://127.0.0.1:{port}/everywire?x=1", {"engine": kind, "proxy": None, **options})
        yield http, canned
        http.close()


async def test_a_connection_is_kept(kind):
    empty = [b"HTTP/1.1 204 No Content\r\n\r\n"]
    async with serving(kind, ok(b"one"), empty, ok(b"three")) as (http, canned):
        first = await http.ask(Ask("POST", http.target("lines"), b"body", (("X-A", "b"),)), 5)
        second = await http.ask(Ask("DELETE", http.target("lines/x", seq=3)), 5)
        third = await http.ask(Ask("GET", "/"), 5)
        assert [first.body, second.status, third.body] == [b"one", 204, b"three"]
        assert canned.connections == 1
        head, body = canned.asked[0]
        assert head.startswith("POST /everywire/lines?x=1 HTTP/1.1\r\nHost: 127.0.0.1:")
        assert "\r\nX-A: b\r\n" in head
        assert body == b"body"
        assert canned.asked[1][0].startswith("DELETE /everywire/lines/x?x=1&seq=3 ")


async def test_what_is_given_for_everybody_is_sent(kind):
    options = {"headers": {"Cookie": "c=1"}, "origin": "https://here", "user_agent": None}
    async with serving(kind, ok(b""), **options) as (http, canned):
        await http.ask(Ask("GET", "/"), 5)
        head = canned.asked[0][0]
        assert "Cookie: c=1" in head
        assert "Origin: https://here" in head
        assert "User-Agent" not in head


async def test_two_at_once_take_two_connections(kind):
    async with serving(kind, ok(b"a"), ok(b"b"), ok(b"c")) as (http, canned):
        await asyncio.gather(http.ask(Ask("GET", "/"), 5), http.ask(Ask("GET", "/"), 5))
        await http.ask(Ask("GET", "/"), 5)
        assert canned.connections == 2


async def test_a_stream_is_heard_as_it_comes(kind):
    chunks = [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"3\r\nabc\r\n", b"2\r\nde\r\n", b"0\r\n\r\n"]
    heard = []
    async with serving(kind, chunks, ok(b"next")) as (http, canned):
        response = await http.stream(Ask("GET", "/", hear=heard.append))
        assert (response.status, b"".join(heard)) == (200, b"abcde")
        assert (await http.ask(Ask("GET", "/"), 5)).body == b"next"
        assert canned.connections == 1


async def test_a_refused_stream_has_its_body(kind):
    answer = [b"HTTP/1.1 410 Gone\r\nContent-Length: 4\r\n\r\n", b"gone"]
    async with serving(kind, answer) as (http, _):
        response = await http.stream(Ask("GET", "/", hear=pytest.fail))
        assert (response.status, response.body) == (410, b"gone")


async def test_a_body_without_a_length_ends_with_the_connection(kind):
    answer = [b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", b"all"]
    async with serving(kind, answer, ok(b"next")) as (http, canned):
        assert (await http.ask(Ask("GET", "/"), 5)).body == b"all"
        assert (await http.ask(Ask("GET", "/"), 5)).body == b"next"
        assert canned.connections == 2


async def test_what_is_not_the_answer_yet_is_passed_over(kind):
    async with serving(kind, [b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", *ok(b"late")]) as (http, _):
        response = await http.ask(Ask("GET", "/"), 5)
        assert (response.status, response.body) == (200, b"late")
        assert "link" not in response.headers


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX: close\r\n\r\nnonsense",
        b"SSH-2.0 close\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000 + b"close",
    ],
)
async def test_what_is_broken_says_so(kind, answer):
    async with serving(kind, [answer]) as (http, _):
        with pytest.raises(Broken):
            await http.ask(Ask("GET", "/"), 5)


async def test_what_takes_too_long_is_given_up(kind):
    async def silent(reader, writer):
        await reader.read()

    async with listening(silent) as port:
        http = Http(f"ws://127.0.0.1:{port}/", {"engine": kind, "proxy": None})
        with pytest.raises(TimeoutError, match=rf"^no response to GET from 127.0.0.1:{port} within 0.01 s$"):
            await http.ask(Ask("GET", "/"), 0.01)
        waiting = asyncio.ensure_future(http.ask(Ask("GET", "/"), 60))
        for _ in range(20):
            await asyncio.sleep(0)
        http.close()
        waiting.cancel()
        with pytest.raises((asyncio.CancelledError, Broken)):
            await waiting


async def test_it_goes_through_a_proxy(kind):
    async with http_proxy() as (proxy, asked):
        async with serving(kind, ok(b"there"), proxy=f"http://127.0.0.1:{proxy}") as (http, _):
            assert (await http.ask(Ask("GET", "/"), 5)).body == b"there"
            assert asked[0].startswith("CONNECT 127.0.0.1:")


async def test_it_speaks_tls(kind):
    authority = trustme.CA()
    theirs, ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("localhost").configure_cert(theirs)
    authority.configure_trust(ours)
    canned = Canned(ok(b"secret"))
    async with listening(canned.serve, ssl=theirs) as port:
        http = Http(f"wss://localhost:{port}/", {"engine": kind, "proxy": None, "ssl": ours})
        assert (await http.ask(Ask("GET", "/"), 5)).body == b"secret"
        http.close()
        with pytest.raises(ssl.SSLError):
            await Http(f"wss://localhost:{port}/", {"engine": kind, "proxy": None}).ask(Ask("GET", "/"), 5)
