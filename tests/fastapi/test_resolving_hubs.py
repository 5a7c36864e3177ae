"""What FastAPI gives to the methods of hubs as .NET has them."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

import pytest
from fastapi import Depends, HTTPException
from tests.signalr.nets import hall

from everywire import Everywire
from everywire.fastapi import router
from everywire.signalr import Hub
from everywire.testing import Refusal

LOG: list[str] = []


async def session() -> AsyncIterator[str]:
    LOG.append("open")
    yield "session"
    LOG.append("close")


async def current_user() -> dict[str, str]:
    LOG.append("asked")
    return {"username": "ada"}


Session = Annotated[str, Depends(session)]


class Shop(Hub):
    async def buy(self, item: str, db: Session, user: Annotated[dict[str, Any], Depends(current_user)]):
        return [item, db, user]

    async def total(self, db: Session, *prices: int):
        return [db, sum(prices)]

    async def count(self, db: Session, up_to: int):
        for number in range(up_to):
            yield number

    async def shut(self):
        raise HTTPException(403, "shut")


@pytest.fixture
def shop():
    LOG.clear()
    app = Everywire(secret="x" * 16)
    router(app, user=current_user)
    with hall(Shop, app) as made:
        yield made


def test_methods_take_dependencies(shop):
    client = shop.come()
    assert shop.call(client, "Buy", {"item": "tea"}) == ["tea", "session", {"username": "ada"}]
    assert LOG == ["asked", "open", "close"]


def test_methods_with_arguments_and_streams_take_them(shop):
    client = shop.come()
    assert shop.call(client, "Total", 5) == ["session", 5]
    client.send("call", name="count", data={"up_to": 2}, credit=9)
    shop.net.run()
    assert [each["data"] for each in client.events("item")] == [0, 1]


def test_what_fastapi_has_for_a_no_is_one(shop):
    client = shop.come()
    with pytest.raises(Refusal, match="103 shut"):
        shop.call(client, "Shut")
