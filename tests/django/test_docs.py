"""docs/django.md: its files are a site, and that does what the page says."""

import asyncio
import os
import re
import socket
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from everywire import Client

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "django.md").read_text()
FILE = re.compile(r'^```python title="([\w/.]+)"\n(.*?)^```$', re.MULTILINE | re.DOTALL)
# What every site has, and the page need not say.
USUAL = """
from pathlib import Path
BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY, DEBUG, ROOT_URLCONF, USE_TZ = "a site for tests", True, "mysite.views", True
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "everywire.django"]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "site.sqlite3"}}
"""
MANAGE = """
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "mysite.settings"
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The site that the page describes, migrated."""
    folder = tmp_path_factory.mktemp("documented")
    files = {"mysite/settings.py": USUAL, "manage.py": MANAGE}
    for name, text in FILE.findall(PAGE):
        files[name] = files.get(name, "") + text
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    manage(folder, "migrate", "-v", "0")
    return folder


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT / "src")}


def manage(folder: Path, *command: str) -> str:
    ran = subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@asynccontextmanager
async def served(folder: Path, *command: str):
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *command, "mysite.asgi:application", "--port", str(port), cwd=folder, env=environment()
    )
    try:
        async with Client(f"ws://localhost:{port}/everywire", connect_timeout=60) as client:
            yield f"http://localhost:{port}", client
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def heard(subscription) -> object:
    return (await asyncio.wait_for(anext(subscription), 20)).data


@pytest.mark.parametrize("command", [("uvicorn",), ("everywire", "run")], ids=["uvicorn", "everywire"])
async def test_what_views_and_other_processes_publish_is_heard(site, command):
    async with served(site, *command) as (url, client), aiohttp.ClientSession() as http:
        assert await client.call("whoami") == ""
        news, order = client.subscribe("news"), client.subscribe("order:7")
        await asyncio.gather(news.ready(), order.ready())
        for path in ("headline/?text=one", "later/?text=two", "ship/7/?stop", "ship/7/"):
            async with http.get(f"{url}/{path}") as answer:
                assert answer.status == 200, await answer.text()
        said = "from everywire.django import publish; publish('news', {'text': 'three'})"
        await asyncio.to_thread(manage, site, "shell", "-c", said)
        assert [await heard(news) for _ in range(3)] == [{"text": "one"}, {"text": "two"}, {"text": "three"}]
        assert await heard(order) == {"shipped": True}


def test_nothing_is_missing(site):
    assert "no issues" in manage(site, "check")
    assert manage(site, "everywire_outbox", "--list") == ""


def test_the_settings_are_those_that_there_are():
    from everywire.django.settings import _NAMES

    listed = re.findall(r"^\| `([A-Z_]+)` \|", PAGE, re.MULTILINE)
    assert sorted(listed) == sorted(_NAMES)
