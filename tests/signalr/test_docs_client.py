"""The program of docs/signalr.md with npm's client, which the document says stays as it is."""

import __future__

from pathlib import Path
from typing import Any

from tests.dialects.signalr.client import Clients
from tests.test_docs import programs

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "signalr.md"


async def test_the_page_stays_as_it_is():
    names: dict[str, Any] = {"__name__": "document"}
    first = programs(DOCUMENT.read_text())[0]
    exec(compile(first.text, str(DOCUMENT), "exec", __future__.annotations.compiler_flag), names)
    async with names["app"].serving() as server, Clients.started() as clients:
        url = f"http://127.0.0.1:{server.port}/chat"
        heard = ["Joined", "ReceiveMessage", "Left", "Closing"]
        ada = await clients.connect(url, tokens=["ada"], hears=heard)
        bob = await clients.connect(url, tokens=["bob"], hears=heard)
        for client in (ada, bob):
            await client.invoke("Join", "tea")
        assert await ada.heard("Joined") == ["bob"]
        assert await bob.invoke("SendMessage", "tea", "hello") == 1
        assert await ada.heard("ReceiveMessage") == ["bob", "hello"]
        assert (await ada.stream("Countdown", 3))["items"] == [3, 2, 1]
        await names["chat"].clients.all.send("Closing", "soon")
        assert await ada.heard("Closing") == ["soon"]
        await bob.stop()
        assert await ada.heard("Left") == ["bob"]
        await clients.part()
