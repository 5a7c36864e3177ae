"""Answers that take time: what the client does meanwhile, and how long it may take."""

import asyncio

import pytest
from tests.engine.peer import UPGRADE, until
from tests.engine.test_opening import GET, Place, Taken, accept, bodies

from everywire.engine.answers import Accepted
from everywire.errors import AbortHandshake
from everywire.http.request import Response


class Later:
    """Answers each request when the test says so."""

    def __init__(self):
        self.waiting = []

    async def __call__(self, request):
        future = asyncio.get_running_loop().create_future()
        self.waiting.append((request.path, future))
        return await future


async def later(**limits):
    """A place whose answers the test gives."""
    decide = Later()
    place = Place(decide, **limits)
    place.opening.engine.loop = asyncio.get_running_loop()
    return place, decide.waiting


async def test_while_an_answer_is_awaited_no_further_request_is_answered():
    place, waiting = await later()
    assert place.send(GET % b"1") == b""
    place.send(GET % b"2")
    await until(lambda: waiting)
    assert place.pipe.calls == []  # it reads on: how else would it learn that the client goes
    assert [path for path, _ in waiting] == ["/1"]
    waiting[0][1].set_result(Response(200, "one"))
    await until(lambda: len(waiting) == 2)
    assert bodies(place.pipe.written) == [b"one"]
    waiting[1][1].set_result(Response(200, "two"))
    await until(lambda: b"two" in place.pipe.written)


async def test_what_comes_at_once_with_a_request_counts_too():
    place, _ = await later()
    place.send(GET % b"1" + bytes(20_000))
    assert place.pipe.calls == ["stop reading"]


async def test_a_flood_of_requests_ahead_of_an_answer_waits_in_the_kernel():
    place, waiting = await later()
    place.send(GET % b"1")
    for _ in range(16):
        place.send(GET % (b"2" * 1000))
    assert place.pipe.calls[0] == "stop reading"
    await until(lambda: waiting)
    waiting[0][1].set_result(Response(200, "one"))
    await until(lambda: len(waiting) == 2)
    assert place.pipe.calls[-1] == "read"


@pytest.mark.parametrize(("error", "status"), [(AbortHandshake(403, "no"), 403), (ZeroDivisionError(), 500)])
async def test_an_awaited_answer_may_fail(error, status):
    place, waiting = await later()
    place.send(GET % b"1")
    await until(lambda: waiting)
    waiting[0][1].set_exception(error)
    await until(lambda: place.pipe.written)
    assert place.pipe.written.startswith(b"HTTP/1.1 %d " % status)


async def test_an_awaited_answer_that_cannot_be_written_is_our_error(caplog):
    place, waiting = await later()
    place.send(GET % b"1")
    await until(lambda: waiting)
    waiting[0][1].set_result(Response(200, headers=[("X", "a\r\nb")]))
    await until(lambda: place.pipe.written)
    assert place.pipe.written.startswith(b"HTTP/1.1 500 ")
    assert len(caplog.records) == 1


async def test_an_awaited_upgrade():
    place, waiting = await later()
    place.send(GET % b"1")
    await until(lambda: waiting)
    place.send(b"early frame")
    taken = Taken()
    waiting[0][1].set_result(accept(taken)[1](None))
    await until(lambda: taken.data)
    assert taken.data == b"early frame"
    assert place.pipe.calls == []


async def test_an_awaited_upgrade_behind_which_much_came_reads_on():
    place, waiting = await later()
    place.send(GET % b"1")
    await until(lambda: waiting)
    place.send(bytes(20_000))
    taken = Taken()
    waiting[0][1].set_result(accept(taken)[1](None))
    await until(lambda: taken.data)
    assert taken.data == bytes(20_000)
    assert place.pipe.calls == ["stop reading", "read"]


async def test_a_client_that_is_gone_before_its_answer():
    place, waiting = await later()
    place.send(GET % b"1")
    await until(lambda: waiting)
    place.pipe.lost(None)
    assert place.told == ["joined", "left"]
    await until(waiting[0][1].cancelled)
    assert place.pipe.written == b""


async def test_a_client_that_half_closes_before_its_answer_gets_it():
    place, waiting = await later()
    place.send(GET % b"1")
    await until(lambda: waiting)
    place.pipe.ended()
    assert place.pipe.calls == []
    waiting[0][1].set_result(Response(200, "one"))
    await until(lambda: place.pipe.calls)
    assert bodies(place.pipe.written) == [b"one"]
    assert place.pipe.calls == ["finish"]


async def test_a_client_that_half_closes_while_its_answer_is_held_back_is_gone():
    decide = Later()

    def hold(request):
        request.held = True
        return decide(request)

    place = Place(hold)
    place.opening.engine.loop = asyncio.get_running_loop()
    place.send(GET % b"1")
    await until(lambda: decide.waiting)
    place.pipe.ended()
    assert place.pipe.calls == ["finish"]
    await until(decide.waiting[0][1].cancelled)
    assert place.pipe.written == b""


async def test_a_client_that_half_closes_in_its_handshake_ends_the_work():
    place, waiting = await later()
    place.send(f"GET / HTTP/1.1\r\n{UPGRADE}\r\n".encode())
    await until(lambda: waiting)
    place.pipe.ended()
    assert place.pipe.calls == ["finish"]
    await until(waiting[0][1].cancelled)
    assert place.pipe.written == b""


async def test_an_answer_that_was_never_begun_is_given_up():
    place, waiting = await later()
    place.send(GET % b"1")
    place.pipe.lost(None)
    for _ in range(3):
        await asyncio.sleep(0)
    assert waiting == []


async def test_an_application_that_does_not_let_itself_be_cancelled():
    stubborn = asyncio.Event()

    async def answer(request):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            stubborn.set()
        return Response(200, "all the same")

    place = Place(answer)
    place.opening.engine.loop = asyncio.get_running_loop()
    place.send(f"GET / HTTP/1.1\r\n{UPGRADE}\r\n".encode())
    await asyncio.sleep(0)
    place.pipe.ended()
    await stubborn.wait()
    for _ in range(3):
        await asyncio.sleep(0)
    assert place.pipe.written == b""


async def test_the_error_of_an_answer_that_was_given_up_is_told_once(caplog):
    async def answer(request):
        try:
            await asyncio.Event().wait()
        finally:
            raise ZeroDivisionError

    place = Place(answer)
    place.opening.engine.loop = asyncio.get_running_loop()
    place.send(GET % b"1")
    await asyncio.sleep(0)
    place.pipe.lost(None)
    await until(lambda: caplog.records)
    (record,) = caplog.records
    assert "nobody waits" in record.getMessage()
    assert record.exc_info[0] is ZeroDivisionError


async def test_an_error_after_an_awaited_answer_ends_the_connection(caplog):
    class Broken(Taken):
        def feed(self, data):
            raise ZeroDivisionError

    place, waiting = await later()
    place.send(GET % b"1" + b"early")
    await until(lambda: waiting)
    waiting[0][1].set_result(Accepted(Response(101), Broken(), lambda _: 1 / 0))
    await until(lambda: place.pipe.calls)
    assert place.pipe.calls == ["abort"]
    assert "ZeroDivisionError" in caplog.text


async def test_an_answer_that_is_cancelled_by_the_application_is_an_error(caplog):
    place, waiting = await later()
    place.send(GET % b"1")
    await until(lambda: waiting)
    waiting[0][1].cancel()
    await until(lambda: place.pipe.written)
    assert place.pipe.written.startswith(b"HTTP/1.1 500 ")


async def test_the_time_of_an_answer_is_not_the_clients():
    place, waiting = await later()
    place.send(GET % b"1")
    await until(lambda: waiting)
    place.sweep(1, 1000)
    assert place.pipe.written == b""
    waiting[0][1].set_result(Response(200, "late"))
    await until(lambda: place.pipe.written)


async def test_an_awaited_handshake_has_no_more_time_than_any_other():
    place, waiting = await later()
    place.sweep(100)
    place.send(f"GET / HTTP/1.1\r\n{UPGRADE}\r\n".encode())
    await until(lambda: waiting)
    place.sweep(109)
    assert place.pipe.written == b""
    place.sweep(110.1)
    assert place.pipe.written.startswith(b"HTTP/1.1 503 ")
    await until(waiting[0][1].cancelled)


async def test_an_awaited_handshake_on_an_old_connection_has_all_of_its_time():
    place, waiting = await later()
    place.send(GET % b"1")
    await until(lambda: waiting)
    waiting[0][1].set_result(Response(200, "one"))
    await until(lambda: place.pipe.written)
    place.pipe.written = b""
    place.sweep(100, 130)  # idle
    place.send(f"GET / HTTP/1.1\r\n{UPGRADE}\r\n".encode())
    place.sweep(131, 140)
    assert place.pipe.written == b""
    place.sweep(141.1)
    assert place.pipe.written.startswith(b"HTTP/1.1 503 ")
