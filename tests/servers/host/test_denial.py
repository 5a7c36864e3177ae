"""A denying response's body: room for it, and a client that goes."""

import asyncio

import pytest

from everywire.errors import Disconnected
from everywire.http.request import Response
from everywire.servers.host.denial import Denial


class Outlet:
    def __init__(self):
        self.parts = []
        self.waiting = 0
        self.asked = None

    def write(self, data):
        self.parts.append(data)

    def queued(self):
        return self.waiting

    def crowd(self, low):
        self.asked = low

    def end(self):
        self.parts.append(None)

    def abort(self):
        self.parts.append("aborted")


def begun():
    denial = Denial(402, [("Content-Length", "9"), ("X-Why", "money")], asyncio.get_running_loop())
    return denial, denial.answer(b"one", more=True)


async def test_a_whole_body_is_a_response():
    denial = Denial(402, [("content-length", "9"), ("X-Why", "money")], asyncio.get_running_loop())
    answer = denial.answer(b"all", more=False)
    assert isinstance(answer, Response)
    assert (answer.status, answer.body, [*answer.headers]) == (402, b"all", [("X-Why", "money")])


async def test_pieces_wait_for_the_head_and_for_room():
    denial, answer = begun()
    assert [*answer.headers] == [("X-Why", "money")]
    second = asyncio.create_task(denial.write(b"two", more=True))
    await asyncio.sleep(0)
    outlet = Outlet()
    assert answer.start(outlet) is denial
    await second
    outlet.waiting = 1 << 20
    third = asyncio.create_task(denial.write(b"", more=False))
    await asyncio.sleep(0)
    assert outlet.asked is not None
    assert not third.done()
    outlet.waiting = 0
    denial.drained()
    await third
    assert outlet.parts == [b"one", b"two", None]


async def test_a_client_that_goes_meanwhile():
    denial, answer = begun()
    waiting = asyncio.create_task(denial.write(b"two", more=True))
    await asyncio.sleep(0)
    answer.missed()
    with pytest.raises(Disconnected):
        await waiting


async def test_what_is_not_completed_is_broken_off():
    denial, answer = begun()
    outlet = Outlet()
    answer.start(outlet)
    denial.break_off()
    assert outlet.parts == [b"one", "aborted"]
