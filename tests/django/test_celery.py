"""Tasks of a real Celery worker publish: to a client of another process, once, in order, until the worker has ended."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.servers.test_machine import authority

from everywire import Client
from everywire.servers.machine import Meeting

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
MANY, PATIENCE, WARM = 40, 20, 10
# They run at the same time. Both are sent before the worker begins: of what is written just then Celery's folders may give it a part.
SEND = f"""
from shop.tasks import shift
shift.delay("early", {MANY}, "r")
shift.delay("late", {MANY}, "w")
"""
# Celery has root told that it had better be somebody else; that no task's result is waited for needs no control by broadcasts either.
QUIET = {"PYTHONWARNINGS": "ignore:You're running the worker:UserWarning"}
ALONE = ("--without-gossip", "--without-mingle", "--without-heartbeat")


@pytest.fixture
def site(tmp_path, monkeypatch):
    """The folder of a site, migrated, and with tasks in its queue."""
    folder = tmp_path / "site"
    shutil.copytree(Path(__file__).with_name("celery_site"), folder)
    for name in ("queue", "control", "processed"):
        (folder / name).mkdir()
    for name in ("meeting", "gate"):
        os.mkfifo(folder / name)
    for name, value in {"DJANGO_SETTINGS_MODULE": "mysite.settings", **QUIET}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), str(ROOT / "src")]))
    with tempfile.TemporaryDirectory(prefix="ew-") as short:  # the path of a Unix socket has no room for pytest's
        monkeypatch.setenv("XDG_RUNTIME_DIR", short)
        manage(folder, "migrate", "--run-syncdb", "-v", "0")
        manage(folder, "shell", "-v", "0", "-c", SEND)
        yield folder
        found = Meeting(f"site {folder}")
        if found.path.exists():
            os.kill(authority(found), signal.SIGTERM)


def manage(folder: Path, *command: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-m", "django", *command], cwd=folder, capture_output=True, text=True, timeout=PATIENCE
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    return ran.stdout


@asynccontextmanager
async def running(folder: Path, *command: str):
    """Run a module; what it complains of is looked at in the end."""
    with (folder / f"{command[0]}.log").open("w+") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", *command, cwd=folder, stdout=subprocess.PIPE, stderr=log, start_new_session=True
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)  # Celery's children, too, which may wait for one another
            await process.communicate()
        log.seek(0)
        complaints = [each for each in log if not each.startswith("closing ")]  # the server's last words
        assert (process.returncode, complaints) == (0, [])


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return str(sock.getsockname()[1])


async def line(process: asyncio.subprocess.Process, text: bytes) -> None:
    """Wait for a line of what a process prints."""
    async for each in process.stdout:
        if text in each:
            return
    raise AssertionError(f"it never said {text!r}")


async def heard(subscription, task: str, n: int | None) -> list[dict]:
    """Give what a client hears until a task has said something."""
    found = []
    while not found or (found[-1]["task"], found[-1].get("n")) != (task, n):
        found.append((await asyncio.wait_for(anext(subscription), PATIENCE)).data)
    return found


async def ended_warmly(folder: Path, worker: asyncio.subprocess.Process) -> None:
    """End a worker whose last task waits at the gate, and is let through when the end has begun."""
    gate = os.open(folder / "gate", os.O_RDWR)
    try:
        async with asyncio.timeout(WARM):
            worker.terminate()
            await line(worker, b"Warm shutdown")
            os.write(gate, b"!")
            await worker.communicate()
    finally:
        os.close(gate)


@pytest.mark.parametrize("pool", ["prefork", "threads"])
async def test_what_tasks_publish_is_heard_once_and_in_order_until_the_worker_has_ended(site, pool):
    port = free_port()
    async with running(site, "everywire", "run", "mysite.asgi:application", "--port", port) as server:
        async with Client(f"ws://localhost:{port}/everywire", connect_timeout=PATIENCE) as client:
            work = client.subscribe("work")
            await work.ready()
            async with running(site, "celery", "-A", "mysite", "worker", "-c", "2", "-P", pool, *ALONE) as worker:
                said = await heard(work, "early holds", 0)
                await ended_warmly(site, worker)
            await client.call("end")
            said += await heard(work, "end", None)
        server.terminate()
        await server.communicate()
    assert manage(site, "everywire_outbox", "--list") == ""
    check(said)
    assert len({each["by"][0] for each in said if "by" in each}) == (2 if pool == "prefork" else 1)


def check(said: list[dict]) -> None:
    """Each task's publications once and in order, of two at a time."""
    by_task: dict[str, list[int]] = {}
    for each in said[:-1]:
        by_task.setdefault(each["task"], []).append(each["n"])
    committed = [n for n in range(MANY) if n % 4 < 2]
    counted = {f"{each} counts": [*range(MANY)] for each in ("early", "late")}
    ordered = {f"{each} orders": committed for each in ("early", "late")}
    assert by_task == counted | ordered | {"early holds": [0, 1]}
    speakers = [{tuple(each["by"]) for each in said if each["task"] == task} for task in counted]
    assert [len(each) for each in speakers] == [1, 1]
    assert speakers[0] != speakers[1]
