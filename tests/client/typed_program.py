"""What an application writes with the client; the types are checked strictly, by the test beside it."""

from __future__ import annotations

from dataclasses import dataclass

from everywire import Client, Conflict, Policy, SyncClient
from everywire.client.hub import Page, Position, Publication, Subscription


@dataclass
class Message:
    text: str


async def follow(client: Client) -> list[str]:
    room: Subscription[Message] = client.subscribe("room:lobby", type=Message, rewind=10, policy=Policy("latest", 0.5))
    position: Position | None = await room.publish(Message("hi"), exclude=["someone"])
    found: list[str] = [] if position is None else [position.epoch]
    async for publication in room:
        found.append(publication.data.text.upper())
    entry: Publication[Message] | None = room.entries.get("x")
    if entry is not None and entry.sender is not None:
        found.append(entry.sender.session)
    return found


async def look_back(client: Client) -> list[str]:
    page: Page[Message] = await client.history("room:lobby", type=Message, limit=5)
    mine: Page[Message] = await client.subscribe("room:lobby", type=Message).history(reverse=True)
    return [each.data.text.upper() for each in [*page.publications, *mine.publications]]


async def call(client: Client) -> int:
    answered: Message = await client.call("greet", {"name": "Ada"}, type=Message, timeout=2)
    total = len(answered.text)
    async for number in client.stream("count", type=int):
        total += number
    try:
        await client.publish("map:a", 1, entry="x", expect=3, ttl=5.0)
    except Conflict as conflict:
        total += conflict.offset
    return total


def register(client: Client) -> None:
    @client.on("who", type=Message)
    async def who(message: Message) -> str:
        return message.text


def wait() -> str:
    with SyncClient("ws://localhost:8000/everywire", codec="msgpack") as client:
        for publication in client.subscribe("room:lobby", type=Message):
            return publication.data.text
        return client.call("greet", type=Message).text
