"""The server calls, the client answers. The server is scripted."""

import asyncio
from dataclasses import dataclass

import pytest
from tests.client.scripts import Script, settle
from tests.client.wires import elapse

from everywire.client.hub import Client
from everywire.client.ladder import Ladder
from everywire.errors import Refused
from everywire.testing import VirtualLoop


@dataclass
class Question:
    text: str


def played(test):
    async def play():
        script = Script()
        client = script.client()

        @client.on("double")
        def double(data):
            return 2 * data

        @client.on("slow")
        async def slow(data):
            await elapse(data)
            return "done"

        @client.on("typed", type=Question)
        async def typed(question):
            return question.text

        @client.on("no")
        def no(data):
            raise Refused("not now", 1001)

        @client.on("broken")
        def broken(data):
            return 1 / 0

        async with client:
            await test(script, client)

    with VirtualLoop() as loop:
        loop.run_until_complete(play())


@pytest.mark.parametrize(
    ("called", "answer"),
    [
        ({"name": "double", "data": 4}, {"data": 8}),
        ({"name": "slow", "data": 1}, {"data": "done"}),
        ({"name": "typed", "data": {"text": "hi"}}, {"data": "hi"}),
        ({"name": "slow", "data": 5, "timeout": 1000}, {"error": {"code": 113, "reason": "the call timed out"}}),
        ({"name": "no"}, {"error": {"code": 1001, "reason": "not now"}}),
        ({"name": "broken"}, {"error": {"code": 100, "reason": "internal error"}}),
        ({"name": "nothing"}, {"error": {"code": 109, "reason": "unknown name: nothing"}}),
    ],
    ids=lambda value: value.get("name", "") if isinstance(value, dict) else "",
)
def test_each_call_is_answered_once(called, answer):
    async def test(script, client):
        script.tell(type="call", call=7, **called)
        await elapse(10)
        assert script.all("answer") == [{"type": "answer", "call": 7, **answer}]

    played(test)


def test_data_of_another_type_is_a_bad_request():
    async def test(script, client):
        script.tell(type="call", call=1, name="typed", data={"txet": 1})
        await settle()
        assert script.last("answer")["error"]["code"] == 107

    played(test)


def test_what_is_cancelled_or_lost_is_not_answered():
    async def test(script, client):
        script.tell(type="call", call=1, name="slow", data=5)
        await elapse(1)
        script.tell(type="cancel", call=1)
        script.tell(type="cancel", call=99)
        script.tell(type="call", call=2, name="slow", data=5)
        await elapse(1)
        script.cut()
        await elapse(20)
        assert script.all("answer") == []
        script.tell(type="call", call=1, name="double", data=1)
        await settle()
        assert script.last("answer") == {"type": "answer", "call": 1, "data": 2}

    played(test)


def test_what_ends_late_answers_no_call_of_the_next_connection():
    async def test(script, client):
        cleaned = asyncio.Event()

        @client.on("stubborn")
        async def stubborn(data):
            try:
                await elapse(100)
            except asyncio.CancelledError:
                await cleaned.wait()
            return "late"

        script.tell(type="call", call=1, name="stubborn")
        await elapse(1)
        script.cut()
        await client.connect()
        script.tell(type="call", call=1, name="slow", data=5)
        await settle()
        cleaned.set()
        await settle()
        assert script.all("answer") == []
        script.tell(type="cancel", call=1)  # which is still known
        await elapse(10)
        assert script.all("answer") == []

    played(test)


def test_a_move_to_a_better_transport_waits_until_the_server_is_answered():
    class Climbing(Ladder):
        improvable = True

        def __init__(self, script):
            super().__init__("ws://script", ["websocket"], script.dial, lambda: None)

        async def better(self):
            return True

    async def play():
        script = Script(heartbeat={"every": 1e6, "patience": 1e6})
        client = Client("ws://script", dial=Climbing(script))
        client.on("slow")(elapse)
        async with client:
            script.tell(type="call", call=1, name="slow", data=20)
            script.tell(type="call", call=2, name="slow", data=500)
            await elapse(450)
            assert script.connections == 1
            await elapse(100)
            assert [answer["call"] for answer in script.all("answer")] == [1, 2]
            assert script.connections > 1

    with VirtualLoop() as loop:
        loop.run_until_complete(play())


def test_too_many_at_once_are_refused():
    async def test(script, client):
        for number in range(257):
            script.tell(type="call", call=number + 1, name="slow", data=5)
        await settle()
        assert [answer["error"]["code"] for answer in script.all("answer")] == [108]

    played(test)


def test_a_name_has_one_handler():
    client = Script().client()
    client.on("a")(print)
    with pytest.raises(ValueError, match="already"):
        client.on("a")(print)
