"""The application that `ASGIApp` makes."""

import asyncio

import aiohttp
import pytest

from everywire import Everywire, socketio
from everywire.app import Everywire as Application


async def test_files_and_folders_are_served(tmp_path):
    (tmp_path / "page.html").write_text("a page")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "x.txt").write_text("more")
    files = {
        "/": str(tmp_path / "page.html"),
        "/more": tmp_path / "more",
        "/odd": {"filename": tmp_path / "page.html", "content_type": "text/odd"},
    }
    app = socketio.ASGIApp(socketio.AsyncServer(), static_files=files)
    async with app.serving() as server, aiohttp.ClientSession() as session:
        for path, status, body, kind in (
            ("/", 200, "a page", "text/html"),
            ("/more/x.txt", 200, "more", "text/plain"),
            ("/odd", 200, "a page", "text/odd"),
            ("/page.html", 404, "not found\n", "text/plain"),
        ):
            async with session.get(f"http://127.0.0.1:{server.port}{path}") as response:
                assert (response.status, await response.text(), response.content_type) == (status, body, kind)
    with pytest.raises(FileNotFoundError, match="no file"):
        socketio.ASGIApp(socketio.AsyncServer(), static_files={"/": tmp_path / "nothing"})


async def test_what_is_done_at_the_beginning_and_at_the_end():
    sio, done = socketio.AsyncServer(), []

    async def begin():
        done.append("begun")
        sio.start_background_task(work, 1, two=2)
        await sio.sleep(0)

    async def work(one, two):
        done.append((one, two))
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            done.append("cancelled")
            raise

    app = socketio.ASGIApp(sio, on_startup=begin, on_shutdown=lambda: done.append("ended"))
    assert isinstance(app, Application)
    assert isinstance(app, Everywire)
    async with app.serving():
        assert done == ["begun", (1, 2)]
    assert done[2:] == ["ended", "cancelled"]


def test_what_cannot_be_is_said():
    sio = socketio.AsyncServer()
    with pytest.raises(Exception, match=r"ASGIApp\(sio\) makes it"):
        sio.rooms("1")
    with pytest.raises(ValueError, match="mount this one in that"):
        socketio.ASGIApp(sio, object())
    with pytest.raises(TypeError, match="no option 'on_start'; did you mean 'on_startup'"):
        socketio.ASGIApp(sio, on_start=print)
    socketio.ASGIApp(sio)
    with pytest.raises(ValueError, match="already"):
        socketio.ASGIApp(sio)


async def test_another_server_runs_it():
    done, said = [], []
    app = socketio.ASGIApp(
        socketio.AsyncServer(max_http_buffer_size=1 << 21, cors_allowed_origins="*"),
        on_startup=lambda: done.append("begun"),
        on_shutdown=lambda: done.append("ended"),
    )
    events = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]

    async def receive():
        return events.pop(0)

    async def send(event):
        said.append((event["type"], *done))

    await app({"type": "lifespan"}, receive, send)
    assert said == [("lifespan.startup.complete", "begun"), ("lifespan.shutdown.complete", "begun", "ended")]


async def test_another_path():
    app = socketio.ASGIApp(socketio.AsyncServer(), socketio_path="/a/b/")
    async with app.serving() as server, aiohttp.ClientSession() as session:
        for path, status in (("/a/b/", 200), ("/socket.io/", 404)):
            url = f"http://127.0.0.1:{server.port}{path}?EIO=4&transport=polling"
            async with session.get(url) as response:
                assert response.status == status
