"""A Django site with its admin, static files and Channels consumers: the same on Daphne, as people know it, and on `everywire run`."""

import asyncio
import contextlib
import hashlib
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
import websockets

pytest.importorskip("channels")
SITE = Path(__file__).parent / "django_site"
PATIENCE = 60


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with a superuser, ann."""
    path = tmp_path_factory.mktemp("site") / "site.sqlite3"
    environment = {**os.environ, "SITE_DATABASE": str(path), "DJANGO_SUPERUSER_PASSWORD": "secret"}
    for command in (
        ["migrate", "--run-syncdb"],
        ["createsuperuser", "--username=ann", "--email=ann@example.org", "--noinput"],
    ):
        subprocess.run(
            [sys.executable, "manage.py", *command], cwd=SITE, env=environment, check=True, capture_output=True
        )
    return path


def command(kind: str, port: int) -> list[str]:
    if kind == "daphne":
        return ["-m", "daphne", "-b", "127.0.0.1", "-p", str(port), "mysite.asgi:application"]
    more = ["--workers", "2"] if kind == "workers" else []
    return ["-m", "everywire", "run", "mysite.asgi", "--host", "127.0.0.1", "--port", str(port), *more]


@pytest.fixture(
    scope="module",
    params=[
        "everywire",
        pytest.param("workers", marks=pytest.mark.slow),
        pytest.param("daphne", marks=pytest.mark.slow),
    ],
)
def site(request: pytest.FixtureRequest, database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The site, served; gives its host and port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    own = tmp_path_factory.mktemp("served") / "site.sqlite3"
    shutil.copy(database, own)
    environment = {**os.environ, "SITE_DATABASE": str(own), "DJANGO_SETTINGS_MODULE": "mysite.settings"}
    with (own.parent / "log").open("w+") as log:
        process = subprocess.Popen(
            [sys.executable, *command(request.param, port)], cwd=SITE, env=environment, stdout=log, stderr=log
        )
        try:
            asyncio.run(_listening(process, port))
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()
            code = process.wait(PATIENCE)
        assert request.param == "daphne" or code == 0, (own.parent / "log").read_text()


async def _listening(process: subprocess.Popen[bytes], port: int) -> None:
    async with asyncio.timeout(PATIENCE), httpx.AsyncClient() as client:
        while True:
            assert process.poll() is None, "it does not start"
            with contextlib.suppress(httpx.TransportError):
                await client.get(f"http://127.0.0.1:{port}/asked/")
                return


@contextlib.asynccontextmanager
async def browsing(site: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"http://{site}", timeout=PATIENCE, trust_env=False) as client:
        yield client


async def token(client: httpx.AsyncClient, path: str) -> str:
    page = await client.get(path)
    assert page.status_code == 200
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
    assert found is not None
    return found[1]


async def log_in(client: httpx.AsyncClient) -> httpx.Response:
    form = {"username": "ann", "password": "secret", "next": "/admin/"}
    return await client.post(
        "/admin/login/?next=/admin/",
        data={**form, "csrfmiddlewaretoken": await token(client, "/admin/login/?next=/admin/")},
    )


async def test_one_logs_into_the_admin_and_adds_a_notice(site):
    async with browsing(site) as client:
        entered = await log_in(client)
        assert (entered.status_code, entered.headers["location"]) == (302, "/admin/")
        path = "/admin/board/notice/add/"
        added = await client.post(path, data={"title": "Föhn & more", "csrfmiddlewaretoken": await token(client, path)})
        assert (added.status_code, added.headers["location"]) == (302, "/admin/board/notice/")
        shown = await client.get("/admin/board/notice/")
        assert "Föhn &amp; more</a>” was added successfully" in shown.text


async def test_a_form_without_its_token_is_refused(site):
    async with browsing(site) as client:
        refused = await client.post("/admin/login/", data={"username": "ann", "password": "secret"})
        assert refused.status_code == 403
        assert "CSRF" in refused.text


async def test_the_admins_style_sheets_are_fetched_and_known_the_next_time(site):
    async with browsing(site) as client:
        page = await client.get("/admin/login/")
        links = re.findall(r'<link rel="stylesheet" href="([^"]+)"', page.text)
        assert len(links) > 2
        for link in links:
            sheet = await client.get(link)
            assert (sheet.status_code, sheet.headers["content-type"].partition(";")[0]) == (200, "text/css")
            assert int(sheet.headers["content-length"]) == len(sheet.content) > 100
            known = await client.get(link, headers={"If-Modified-Since": sheet.headers["last-modified"]})
            assert (known.status_code, known.content) == (304, b"")
        assert (await client.get("/static/none.css")).status_code == 404


async def test_views_see_what_was_asked(site):
    async with browsing(site) as client:
        found = await client.get("/asked/?a=%C3%A4&b", headers=[("X-Twice", "1"), ("X-Twice", "2")])
        assert found.json() == {
            "path": "/asked/?a=%C3%A4&b",
            "method": "GET",
            "secure": False,
            "REMOTE_ADDR": "127.0.0.1",
            "SERVER_PORT": site.partition(":")[2],
            "HTTP_X_TWICE": "1,2",
        }
        head = await client.head("/asked/")
        assert (head.status_code, head.content, int(head.headers["content-length"]) > 0) == (200, b"", True)
        moved = await client.get("/asked")
        assert (moved.status_code, moved.headers["location"]) == (301, "/asked/")


async def test_an_async_view_knows_the_user_of_the_session(site):
    async with browsing(site) as client:
        assert (await client.get("/later/")).json() == {"user": "", "async": True}
        await log_in(client)
        assert (await client.get("/later/")).json() == {"user": "ann", "async": True}


async def test_a_streamed_answer_comes_whole(site):
    async with browsing(site) as client, client.stream("GET", "/counted/?to=50") as answer:
        assert "content-length" not in answer.headers
        assert [int(line) async for line in answer.aiter_lines()] == list(range(50))


async def test_files_are_uploaded_small_ones_and_large_ones(site):
    large = os.urandom(5 << 20)
    async with browsing(site) as client:
        files = {"small": ("ä.txt", b"abc"), "large": ("l.bin", large)}
        answer = await client.post("/uploaded/", files=files, data={"note": "hi"})
        told = answer.json()
    assert told["fields"] == {"note": "hi"}
    assert told["files"]["small"]["name"] == "ä.txt"
    assert told["files"]["large"] == {"name": "l.bin", "size": 5 << 20, "sha256": hashlib.sha256(large).hexdigest()}


async def test_an_error_is_a_500_and_the_next_request_is_answered(site):
    async with browsing(site) as client:
        assert (await client.get("/broken/")).status_code == 500
        assert (await client.get("/asked/")).status_code == 200
        assert (await client.get("/asked/", headers={"Host": "evil.example"})).status_code == 400


async def test_a_consumer_knows_the_sessions_user_and_its_route(site):
    async with browsing(site) as client:
        await log_in(client)
        cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    address = f"ws://{site}/ws/echo/lobby/"
    async with websockets.connect(address, origin=f"http://{site}", additional_headers={"Cookie": cookie}) as ws:  # type: ignore[arg-type]
        await ws.send("hi")
        assert await ws.recv() == "ann in lobby: hi"
        await ws.send(b"abc")
        assert await ws.recv() == b"cba"
    async with websockets.connect(address, origin=f"http://{site}", subprotocols=["one", "two"]) as ws:  # type: ignore[arg-type]
        assert ws.subprotocol == "one"
        await ws.send("hi")
        assert await ws.recv() == "nobody in lobby: hi"
        await ws.send("bye")
        await ws.wait_closed()
        assert ws.close_code == 4001


async def test_pages_of_others_and_other_paths_have_no_consumer(site):
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with websockets.connect(f"ws://{site}/ws/echo/lobby/", origin="http://evil.example"):  # type: ignore[arg-type]
            raise AssertionError("it is open")
    assert refused.value.response.status_code == 403
    with pytest.raises(websockets.InvalidStatus):
        async with websockets.connect(f"ws://{site}/ws/none/", origin=f"http://{site}"):  # type: ignore[arg-type]
            raise AssertionError("it is open")
