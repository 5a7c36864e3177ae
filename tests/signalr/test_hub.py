"""What a hub knows of who calls."""

from threading import get_ident

import pytest
from tests.signalr.nets import hall, heard

from everywire import Everywire, Identity, connect
from everywire.signalr import Hub


class Known(Hub):
    async def me(self):
        context = self.context
        return {
            "id": context.connection_id,
            "user": context.user_identifier,
            "info": context.user.info,
            "path": context.request.path,
            "transport": context.transport,
            "called": context.caller.called,
        }

    async def count(self):
        self.context.items["calls"] = self.context.items.get("calls", 0) + 1
        return self.context.items["calls"]

    async def another(self):
        return str(id(self))

    async def leave(self):
        self.context.abort()

    def depart(self):
        self.context.abort()


def test_a_call_knows_its_connection():
    app = Everywire()
    app.on_connect(lambda connecting: Identity(connecting.token, info={"name": "Ada"}))
    with hall(Known, app) as running:
        client = running.come(token="ada")
        assert running.call(client, "me") == {
            "id": client.session,
            "user": "ada",
            "info": {"name": "Ada"},
            "path": "/everywire",
            "transport": "memory",
            "called": "me",
        }


def test_items_are_the_connections_and_each_call_has_a_hub_of_its_own():
    with hall(Known) as running:
        ada, bob = running.come(), running.come()
        assert [running.call(each, "count") for each in (ada, ada, bob)] == [1, 2, 1]


def test_who_is_sent_away_does_not_come_back():
    with hall(Known) as running:
        client = running.come()
        client.send("call", name="leave")
        running.net.run()
        assert client.closed == (4404, "")


async def test_who_is_sent_away_in_a_thread_goes_on_the_loop(monkeypatch):
    app, message = Everywire(secret="x" * 16), '{"type":1,"target":"depart","arguments":[]}\x1e'
    app.signalr("/hub", Known)
    calls, threads = app._hosted[0]._calls, []
    close = calls.close
    monkeypatch.setattr(calls, "close", lambda id: threads.append(get_ident()) or close(id))
    async with app.serving() as server, connect(f"ws://127.0.0.1:{server.port}/hub") as client:
        await client.send('{"protocol":"json","version":1}\x1e' + message)
        assert [await client.recv(), await client.recv()] == ["{}\x1e", '{"type":7}\x1e']
    assert threads == [get_ident()]


def test_a_hub_that_was_made_for_no_call_knows_nobody():
    with pytest.raises(RuntimeError, match="not made for a call"):
        Known().clients  # noqa: B018


def test_a_hub_is_said_something_from_outside():
    with hall(Known) as running:
        ada, bob = running.come(), running.come()
        running.do(running.context.groups.add(ada.session, "tea"))
        running.do(running.context.clients.group("tea").send("Brewed", 1))
        running.do(running.context.clients.all.send("Open"))
        running.do(running.context.clients.client(bob.session).send("You"))
        assert heard(ada) == [("Brewed", 1), ("Open",)]
        assert heard(bob) == [("Open",), ("You",)]
