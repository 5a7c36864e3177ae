"""Who configures logging for a framework configures ours: loggers called everywire.…, and nothing of our own doing."""

import asyncio
import json
import logging
import re
import subprocess
import sys
from pathlib import Path

import pytest

import everywire
from everywire.ops import logs

APP = """
from everywire import Everywire
app = Everywire()

@app.on("fail")
async def fail() -> None:
    raise ZeroDivisionError("here")
"""
IMPORTED = """
import logging, everywire, everywire.socketio, everywire.signalr, everywire.servers.workers
root, made = logging.getLogger(), logging.Logger.manager.loggerDict
ours = {name: each for name, each in made.items() if name.split(".")[0] == "everywire" and isinstance(each, logging.Logger)}
assert ours, "nobody logs"
for logger in [root, *ours.values()]:
    assert not logger.handlers, logger
assert all(each.level == logging.NOTSET and each.propagate for each in ours.values()), ours
"""
DJANGO = (
    """
import asyncio, django, logging
from django.conf import settings
settings.configure(LOGGING={
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(levelname)s %(name)s %(message)s"}},
    "handlers": {"file": {"class": "logging.FileHandler", "filename": FILE, "formatter": "plain"}},
    "loggers": {"everywire": {"handlers": ["file"], "level": "ERROR", "propagate": False}},
})
django.setup()
"""
    + APP
    + """
import everywire
from everywire.ops import logs

async def main():
    logs.set_up()  # as app.run does
    async with app.serving() as server, everywire.Client(f"ws://127.0.0.1:{server.port}/everywire") as client:
        try:
            await client.call("fail")
        except everywire.Refused:
            pass

asyncio.run(main())
assert not logging.getLogger().handlers
"""
)

DEBUG = """
import asyncio, django, logging
from django.conf import settings
settings.configure(DEBUG=True, ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="quite a secret of some length, indeed")
django.setup()
from django.test import AsyncClient
from django.urls import path
from everywire.ops import logs

def fail(request):
    raise ZeroDivisionError("here")

urlpatterns = [path("fail", fail)]
logs.set_up()  # as everywire run does
client = AsyncClient(raise_request_exception=False)
for where in ("/fail", "/nowhere"):
    asyncio.run(client.get(where))
logging.getLogger("mine").warning("of no handler but ours")
"""


def test_what_is_imported_adds_no_handler():
    subprocess.run([sys.executable, "-c", IMPORTED], check=True, timeout=60)


def test_loggers_are_called_everywire():
    package = Path(everywire.__file__).parent
    paths = [path for path in package.rglob("*.py") if path != package / "uvicorn.py"]  # which is uvicorn's own, there
    named = [name for path in paths for name in re.findall(r'getLogger\("([^"]+)"\)', path.read_text())]
    assert named
    assert {name.split(".")[0] for name in named} == {"everywire"}


def test_djangos_configuration_governs_ours(tmp_path):
    file = tmp_path / "everywire.log"
    done = subprocess.run(
        [sys.executable, "-c", f"FILE = {str(file)!r}\n{DJANGO}"],
        check=True,
        timeout=60,
        capture_output=True,
        cwd=tmp_path,
    )
    said = file.read_text()
    assert said.startswith("ERROR everywire.hub ")
    assert "ZeroDivisionError: here" in said
    assert b"ZeroDivisionError" not in done.stderr


def test_what_django_says_with_debug_is_said_once(tmp_path):
    done = subprocess.run([sys.executable, "-c", DEBUG], check=True, timeout=60, capture_output=True, cwd=tmp_path)
    said = ("ZeroDivisionError: here", "Not Found: /nowhere", "of no handler but ours")
    assert [done.stderr.count(each.encode()) for each in said] == [1, 1, 1]


@pytest.fixture
def configured(tmp_path):
    (tmp_path / "live.py").write_text(APP)
    (tmp_path / "log.json").write_text(
        json.dumps(
            {
                "version": 1,
                "disable_existing_loggers": False,
                "formatters": {"plain": {"format": "%(levelname)s %(name)s %(message)s"}},
                "handlers": {
                    "file": {"class": "logging.FileHandler", "filename": str(tmp_path / "log"), "formatter": "plain"},
                    "console": {"class": "logging.StreamHandler"},
                },
                "loggers": {
                    "uvicorn": {"handlers": ["console"], "level": "INFO"},
                    "everywire": {"handlers": ["file"], "level": "ERROR", "propagate": False},
                },
            }
        )
    )
    return tmp_path


async def test_uvicorns_configuration_governs_ours(configured):
    command = ["-m", "uvicorn", "live:app", "--port", "0", "--log-config", "log.json"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, cwd=configured, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(30):
            while not (found := re.search(rb"http://127\.0\.0\.1:(\d+)", await process.stderr.readline())):
                pass
            async with everywire.Client(f"ws://127.0.0.1:{int(found[1])}/everywire") as client:
                with pytest.raises(everywire.Refused):
                    await client.call("fail")
    finally:
        process.terminate()
        _, rest = await process.communicate()
    said = (configured / "log").read_text()
    assert said.startswith("ERROR everywire.hub ")
    assert "ZeroDivisionError: here" in said
    assert b"ZeroDivisionError" not in rest


def test_what_configured_our_loggers_alone_is_not_added_to(monkeypatch):
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    monkeypatch.setattr(logging.getLogger("everywire"), "handlers", [logging.NullHandler()])
    logs.set_up("DEBUG")
    assert logging.getLogger().handlers == []
