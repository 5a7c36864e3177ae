"""Hubs with npm's clients of SignalR: over every transport, in both protocols, with clients of other languages beside them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from tests.dialects.signalr.client import Client, Clients
from tests.dialects.signalr.serving import EACH
from tests.dialects.socketio import client as socketio
from tests.told import Failed

from everywire import Client as NativeClient
from everywire import Everywire
from everywire.signalr import Hub, HubException


@dataclass
class Note:
    text: str
    at: datetime


class Chat(Hub):
    def __init__(self, board: Board) -> None:
        self.board = board

    async def on_connected(self):
        await self.clients.others.send("Came", self.context.connection_id)
        self.board.note("came", self.context.connection_id)

    async def on_disconnected(self, error):
        self.board.note("went", self.context.connection_id, error is None)

    async def join(self, group: str):
        await self.groups.add(self.context.connection_id, group)

    async def say(self, group: str, text: str):
        await self.clients.group(group).send("Said", self.context.user_identifier, text)

    async def tell(self, user: str, text: str):
        await self.clients.user(user).send("Told", text)

    async def confirm(self, question: str):
        return ["they said", await self.clients.caller.invoke("Confirm", question, returns=str, timeout=5)]

    async def refuse(self):
        raise HubException("not today")

    async def count(self, up_to: int):
        for number in range(up_to):
            yield number

    async def sum(self, first: AsyncIterator[int], factor: int, second: AsyncIterator[int]):
        return factor * (sum([each async for each in first]) + sum([each async for each in second]))

    async def doubled(self, numbers: AsyncIterator[int]):
        async for number in numbers:
            yield 2 * number

    async def postpone(self, note: Note, days: int):
        return Note(note.text, note.at.replace(day=note.at.day + days))

    async def abort(self):
        self.context.abort()


class Other(Hub):
    async def only_here(self):
        return self.context.request.path


class Board:
    """What became of whom."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []
        self._news = asyncio.Event()

    def note(self, *said: Any) -> None:
        """Take notice."""
        self.told.append(said)
        self._news.set()

    async def until(self, there: Callable[[], object]) -> None:
        """Wait until something is so."""
        async with asyncio.timeout(10):
            while not there():
                self._news.clear()
                await self._news.wait()


class House:
    """The application, its address and its clients."""

    def __init__(self, clients: Clients, board: Board, port: int) -> None:
        self.clients, self.board, self.url = clients, board, f"http://127.0.0.1:{port}"

    async def come(self, path: str = "/chat", **options: Any) -> Client:
        """Connect a client."""
        options.setdefault("hears", ["Came", "Said", "Told", "Confirm"])
        return await self.clients.connect(self.url + path, **options)


@contextlib.asynccontextmanager
async def opened(clients: Clients) -> AsyncIterator[House]:
    app, board = Everywire(secret="x" * 16), Board()
    app.channel("room:{name}")
    app.on_connect(lambda connecting: connecting.token)
    app.signalr("/chat", Chat, services={Board: board}, groups="room:{group}")
    app.signalr("/other", Other)
    app.socketio()

    @app.on_connected
    async def connected(caller, connecting):
        if caller.dialect == "socketio":
            await app.subscribe("room:tea", session=caller.session)

    async with app.serving() as server:
        yield House(clients, board, server.port)


@pytest.fixture(scope="module")
async def process():
    async with Clients.started() as clients:
        yield clients


@pytest.fixture
async def house(process):
    async with opened(process) as home:
        yield home
        await process.part()


@pytest.mark.parametrize(("transport", "msgpack"), EACH)
async def test_methods_streams_groups_and_errors(house, transport, msgpack):
    how = {"transport": transport, "msgpack": msgpack}
    ada = await house.come(**how, tokens=["ada"])
    bob = await house.come(**how, tokens=["bob"])
    assert await ada.heard("Came") == [(await bob.state())["connection"]]
    for client in (ada, bob):
        await client.invoke("Join", "tea")
    await ada.invoke("say", "tea", "hello")
    assert await ada.heard("Said") == await bob.heard("Said") == ["ada", "hello"]
    await ada.send("Tell", "bob", "psst")
    assert await bob.heard("Told") == ["psst"]
    assert (await ada.stream("Count", 3))["items"] == [0, 1, 2]
    assert (await ada.stream("Doubled", uploads=[[1, 2]]))["items"] == [2, 4]
    assert await ada.upload("Sum", 10, uploads=[[1, 2], [3]]) == 60
    with pytest.raises(Failed, match="HubException: not today"):
        await ada.invoke("refuse")
    with pytest.raises(Failed, match="Method does not exist"):
        await ada.invoke("OnlyHere")


@pytest.mark.parametrize(("transport", "msgpack"), EACH)
async def test_a_client_is_asked_and_its_answer_is_read(house, transport, msgpack):
    yes = await house.come(transport=transport, msgpack=msgpack, answers={"Confirm": "yes"})
    assert await yes.invoke("Confirm", "sure?") == ["they said", "yes"]
    assert await yes.heard("Confirm") == ["sure?"]
    no = await house.come(transport=transport, msgpack=msgpack, answers={"Confirm": {"$error": "no time"}})
    with pytest.raises(Failed, match="An unexpected error occurred invoking 'Confirm' on the server"):
        await no.invoke("Confirm", "sure?")


async def test_hubs_at_several_paths_share_nothing(house):
    other = await house.come("/other")
    assert await other.invoke("OnlyHere") == "/other"
    with pytest.raises(Failed, match="Method does not exist"):
        await other.invoke("join", "tea")


async def test_times_are_times_in_messagepack_and_text_in_json(house):
    json, packed = await house.come(), await house.come(msgpack=True)
    note = {"text": "tea", "at": "2026-01-02T12:00:00Z"}
    assert await json.invoke("Postpone", note, 1) == {"text": "tea", "at": "2026-01-03T12:00:00Z"}
    assert (await packed.invoke("Postpone", note, 1))["at"] == {}  # a Date, which has no fields for the process to tell


async def test_a_hub_learns_who_left_and_who_was_sent_away(house):
    ada, bob = await house.come(), await house.come()
    ids = [(await client.state())["connection"] for client in (ada, bob)]
    await ada.stop()
    await bob.send("Abort")
    assert (await bob.next("close"))["error"] is None
    await house.board.until(lambda: len(house.board.told) == 4)
    assert house.board.told[2] == ("went", ids[0], True)
    assert house.board.told[3][:2] == ("went", ids[1])


async def test_clients_of_every_language_meet_in_a_group_that_is_a_channel(house):
    signalr = await house.come(tokens=["ada"])
    await signalr.invoke("Join", "tea")
    async with (
        socketio.Clients.started() as others,
        NativeClient(house.url.replace("http", "ws") + "/everywire") as native,
    ):
        talker = await others.connect(house.url)
        await talker.next("connect")
        heard = native.subscribe("room:tea")
        await heard.ready()
        await signalr.invoke("Say", "tea", "to all")
        assert await signalr.heard("Said") == ["ada", "to all"]
        assert await talker.event("Said") == ["ada", "to all"]
        assert (await anext(heard)).data == {"event": "Said", "args": ["ada", "to all"]}
        await native.publish("room:tea", {"event": "Said", "args": ["native", "hi"]})
        assert await signalr.heard("Said") == ["native", "hi"]


async def test_who_comes_back_with_a_key_of_its_own_has_its_groups(house):
    ada = await house.come("/chat?session=a-key-that-nobody-knows", reconnects=[50], tokens=["ada"])
    bob = await house.come(tokens=["bob"])
    for client in (ada, bob):
        await client.invoke("Join", "tea")
    name = house.board.told[0][1]
    await ada.cut()
    await ada.next("reconnected")
    await bob.invoke("Say", "tea", "are you back?")
    assert await ada.heard("Said") == ["bob", "are you back?"]
    assert [said for said in house.board.told if said[1] == name] == [("came", name)]
