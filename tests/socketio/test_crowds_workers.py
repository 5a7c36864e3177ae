"""All clients of a room at once, of two real workers: npm's clients, one of which never answers, and a worker that is killed meanwhile."""

import asyncio
import contextlib
import os
import signal

import pytest
from tests.cli.commands import started
from tests.conftest import need
from tests.dialects.socketio.client import PACKAGES, Clients

import testbed

APP = """
import os
from everywire import socketio

sio = socketio.AsyncServer()
app = socketio.ASGIApp(sio)

@sio.event
async def connect(sid, environ):
    await sio.enter_room(sid, "tea")

@sio.event
async def pid(sid):
    return os.getpid()

@sio.event
async def fetch(sid, room):
    found = await sio.fetch_sockets(to=room)
    return [[each.sid, each.rooms[1:], each.transport] for each in found], found.silent

@sio.event
async def ruled(sid, what, *given):
    return [*await getattr(sio, what)(*given)]

@sio.event
async def say(sid, rooms, text):
    await sio.emit("said", text, to=rooms)

@sio.event
async def ask(sid, room, timeout):
    acks = await sio.emit_with_acks("sure", "really", to=room, timeout=timeout)
    return acks.responses, {sid: type(no).__name__ for sid, no in acks.missing.items()}, acks.silent
"""


@contextlib.asynccontextmanager
async def crowd(folder, *options):
    """Serve by two workers; gives a client of each twice, by the worker's process id."""
    need(lambda: testbed.npm(*PACKAGES))
    (folder / "live.py").write_text(APP)
    listen = ("--host", "127.0.0.1", "--port", "0", "--workers", "2")
    async with started("run", "live:app", *listen, *options, cwd=folder) as run, Clients.started() as clients:
        host = (await run.says(r"live:app is at ws://([^/\s]+)\S*  \("))[1]
        found = {}
        async with asyncio.timeout(30):
            while sorted(map(len, found.values())) != [2, 2]:
                client = await clients.connect(f"http://{host}", forceNew=True, reconnection=False)
                client.sid = (await client.next("connect"))["sid"]
                [pid] = await client.ask("pid")
                if len(found.setdefault(pid, [])) < 2:
                    found[pid].append(client)
                else:
                    await client.disconnect()
        yield found


@pytest.mark.slow
async def test_clients_of_both_workers_are_listed_moved_asked_and_sent_away(tmp_path):
    async with crowd(tmp_path) as found:
        (ada, bob), (eve, dan) = found.values()
        everybody = sorted(each.sid for each in (ada, bob, eve, dan))
        listed, silent = await ada.ask("fetch", "tea")
        assert sorted(sid for sid, _, _ in listed) == everybody
        assert {(tuple(rooms), transport in ("polling", "websocket")) for _, rooms, transport in listed} == {
            (("tea",), True)
        }
        assert silent == 0

        assert await ada.ask("ruled", "sockets_join", ["x", "y"], [bob.sid, eve.sid]) == [[2, 2, 0]]
        await dan.ask("say", ["x", "y"], "once")
        await dan.ask("say", "y", "twice")
        for client in (bob, eve):
            assert [await client.event("said") for _ in range(2)] == [["once"], ["twice"]]
        assert await dan.ask("ruled", "sockets_leave", "y", "y") == [[2, 2, 0]]
        listed, _ = await dan.ask("fetch", ["x"])
        assert sorted((sid, rooms) for sid, rooms, _ in listed) == sorted((c.sid, ["tea", "x"]) for c in (bob, eve))

        for client, answer in ((ada, 1), (eve, 2), (dan, 3)):
            await client.on("sure", answer)  # but bob never answers
        responses, missing, silent = await eve.ask("ask", "tea", 1.0)
        assert responses == {ada.sid: 1, eve.sid: 2, dan.sid: 3}
        assert (missing, silent) == ({bob.sid: "TimeoutError"}, 0)

        assert await ada.ask("ruled", "disconnect_sockets", "x") == [[2, 2, 0]]
        for client in (bob, eve):
            assert (await client.next("disconnect"))["reason"] == "io server disconnect"
        listed, _ = await ada.ask("fetch", "tea")
        assert sorted(sid for sid, _, _ in listed) == sorted((ada.sid, dan.sid))


@pytest.mark.slow
async def test_a_worker_that_is_killed_meanwhile_holds_nothing_up_for_long(tmp_path):
    async with crowd(tmp_path) as found:
        (_, (ada, bob)), (pid, (eve, dan)) = found.items()
        await ada.on("sure", 1)
        await bob.on("sure", 2)
        asked = asyncio.ensure_future(ada.ask("ask", "tea", 60.0))
        await asyncio.gather(*[client.event("sure") for client in (ada, bob, eve, dan)])
        os.kill(pid, signal.SIGKILL)
        assert await asked == [{ada.sid: 1, bob.sid: 2}, dict.fromkeys((eve.sid, dan.sid), "TimeoutError"), 1]
        listed, silent = await ada.ask("fetch", "tea")
        assert (sorted(sid for sid, _, _ in listed), silent) == (sorted((ada.sid, bob.sid)), 1)
        assert (await ada.ask("ruled", "sockets_join", "z", "tea"))[0][0] == 2
