"""Several workers as real processes."""

import asyncio
import contextlib
import http.client
import json
import os
import re
import signal
import urllib.request
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.cli.commands import started
from tests.cli.several import APP, PATIENCE, Ear, Mouth, serving, spread

import everywire
from everywire.cli import commands
from everywire.testing import passed


async def test_a_message_crosses_from_one_worker_to_another(tmp_path):
    async with serving(tmp_path) as (run, address), spread(address, 2) as clients:
        ann, ben = clients.values()
        heard = ben.subscribe("log:a")
        await heard.ready()
        await ann.publish("log:a", "hello")
        async with asyncio.timeout(PATIENCE):
            async for publication in heard:
                assert publication.data == "hello"
                break
        assert await run.end() == 0


async def test_a_killed_worker_is_restarted_and_nobody_misses_anything(tmp_path):
    async with serving(tmp_path) as (run, address), spread(address, 2) as clients:
        ears = [Ear(client, "log:a") for client in clients.values()]
        for ear in ears:
            await ear.subscription.ready()
        survivor = [*clients.values()][1]
        mouth = Mouth(survivor, "log:a", 200)
        await mouth.until(20)
        os.kill(next(iter(clients)), signal.SIGKILL)
        await run.says(r"worker \d \(pid \d+\) was killed by SIGKILL; another is started")
        await run.says(r"worker \d \(pid \d+\) is ready")
        await mouth.until(mouth.said + 50)
        last = await mouth.stop()
        for ear in ears:
            await ear.until(last)
            assert ear.whole
        assert await run.end() == 0


async def test_presence_is_right_after_a_worker_died(tmp_path):
    async with serving(tmp_path) as (run, address), spread(address, 2) as clients:
        ann, ben = clients.values()
        left = asyncio.Event()
        await ben.subscribe("room:a", on_leave=lambda _: left.set()).ready()
        await ann.subscribe("room:a").ready()
        assert len(await ben.presence("room:a")) == 2
        gone = ann.session
        await ann.close()
        async with asyncio.timeout(5):
            await left.wait()
        assert gone not in [member.session for member in await ben.presence("room:a")]
        assert await run.end() == 0


async def test_a_dead_broker_process_is_restarted_and_its_loss_is_no_secret(tmp_path):
    async with serving(tmp_path) as (run, address), spread(address, 2) as clients:
        ann, _ = clients.values()
        first = await ann.publish("log:a", 0)
        os.kill(await _authority(run), signal.SIGKILL)
        await run.says("the broker was killed by SIGKILL; it is started again")
        second = await _published(ann, "log:a", 1)
        assert (second.epoch != first.epoch, second.offset) == (True, 1)
        assert await run.end() == 0


async def test_history_survives_the_broker_and_the_whole_server(tmp_path):
    history = ("--history", str(tmp_path / "history"))
    async with serving(tmp_path, *history) as (run, address), spread(address, 2) as clients:
        ears = [Ear(client, "log:a") for client in clients.values()]
        for ear in ears:
            await ear.subscription.ready()
        mouth = Mouth(next(iter(clients.values())), "log:a", 100)
        await mouth.until(20)
        first = await ears[0].client.publish("log:b", 0)
        os.kill(await _authority(run), signal.SIGKILL)
        await run.says("the broker was killed by SIGKILL; it is started again")
        second = await _published(ears[0].client, "log:b", 1)
        assert (second.epoch, second.offset) == (first.epoch, 2)
        assert await run.end() == 0
    async with serving(tmp_path, *history) as (run, address), everywire.Client(address) as client:
        page = await client.history("log:b")
        assert [each.data for each in page.publications] == [0, 1]
        assert page.position == second
        assert await run.end() == 0


async def test_a_history_that_cannot_be_used_is_one_failure(tmp_path):
    (tmp_path / "live.py").write_text(APP)
    options = ("--port", "0", "--workers", "1", "--history", str(tmp_path / "no" / "history"))
    async with started("run", "live:app", *options, cwd=tmp_path) as run:
        assert await run.exit() == 2
    assert run.said == f"Error: cannot use {tmp_path / 'no' / 'history'} for history: No such file or directory\n"


async def test_a_history_that_another_server_uses_is_said_with_its_process(tmp_path):
    history = ("--history", str(tmp_path / "history"))
    async with serving(tmp_path, *history, workers=1) as (run, _):
        async with started("run", "live:app", "--port", "0", "--workers", "1", *history, cwd=tmp_path) as other:
            assert await other.exit() == 2
        pid = run.process.pid
        assert await run.end() == 0
    said = rf"Error: cannot use {history[1]} for history: it is in use by process {pid} \(.*everywire run live:app .*\); stop"
    assert re.match(said, other.said), other.said
    assert len(other.said.splitlines()) == 1


async def test_a_rolling_restart_turns_nobody_away(tmp_path):
    async with serving(tmp_path, "--drain", "1") as (run, address), spread(address, 2) as clients:
        ears = [Ear(client, "log:a") for client in clients.values()]
        for ear in ears:
            await ear.subscription.ready()
        mouth = Mouth(next(iter(clients.values())), "log:a", 200)
        run.process.send_signal(signal.SIGHUP)
        restarted = asyncio.ensure_future(run.says("replaced 2 workers"))
        while not restarted.done():
            async with everywire.Client(address) as client:
                await client.call("pid")
        last = await mouth.stop()
        pids = {await ear.client.call("pid") for ear in ears}
        assert not pids & set(clients)
        for ear in ears:
            await ear.until(last)
            assert ear.whole
        assert await run.end() == 0


async def test_an_application_that_does_not_load_is_one_failure(tmp_path):
    (tmp_path / "live.py").write_text("syntax error here\n")
    async with started("run", "live:app", "--port", "0", "--workers", "2", cwd=tmp_path) as run:
        assert await run.exit() == 2
    assert {*run.said.splitlines()} == {
        f"Error: {tmp_path / 'live.py'}, line 1: SyntaxError: invalid syntax: syntax error here"
    }


async def test_a_supervisor_that_is_killed_takes_its_processes_with_it(tmp_path):
    async with serving(tmp_path) as (run, address), spread(address, 2) as clients:
        processes = [*clients, await _authority(run)]
        run.process.kill()
        for process in processes:
            await _over(process)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--workers", "0"), "neither a number of workers, 1..1024, nor auto"),
        (("--workers", "1025"), "1025 is neither a number of workers, 1..1024, nor auto"),
        (("--workers", "many"), "neither a number of workers, 1..1024, nor auto"),
        (("--workers", "1", "--drain", "nan"), "'--drain': a number of 0 or more is needed"),
        (("--workers", "1", "--pace", "inf"), "'--pace': a number of 1 or more is needed"),
        (("--workers", "1", "--fsync"), "--fsync goes with --history"),
        (("--fsync",), "--fsync goes with --workers"),
        (("--drain", "10"), "--drain goes with --workers"),
        (("--pid-file", "f"), "--pid-file goes with --workers"),
        (("--workers", "2", "--reload"), "--reload goes without --workers"),
        (("--history", "f"), "--history goes with --workers"),
    ],
)
def test_options_that_make_no_sense_are_refused(tmp_path, monkeypatch, options, said):
    monkeypatch.chdir(tmp_path)
    outcome = CliRunner().invoke(commands, ["run", "live:app", *options])
    assert (outcome.exit_code, said in outcome.output) == (2, True), outcome.output


async def test_a_process_that_is_given_such_options_ends(tmp_path):
    async with started("run", "live:app", "--workers", "0", cwd=tmp_path) as run:
        assert await run.exit() == 2
    assert "0 is neither a number of workers, 1..1024, nor auto" in run.said


@pytest.mark.parametrize("options", [("run", "live:app"), ("run", "live:app", "--workers", "2"), ("demo",)])
async def test_a_secret_of_the_environment_that_could_be_guessed_is_refused_once(tmp_path, options):
    (tmp_path / "live.py").write_text(APP)
    async with started(*options, "--port", "0", cwd=tmp_path, EVERYWIRE_SECRET="short") as run:
        assert await run.exit() == 2
    assert run.said == "Error: EVERYWIRE_SECRET: a secret has at least 16 characters\n"


def _children(pid):
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


async def _authority(run):
    """The process id of the authority."""
    for child in _children(run.process.pid):
        if b"authority" in Path(f"/proc/{child}/cmdline").read_bytes():
            return child
    raise AssertionError("there is no authority")


async def _published(client, channel, data):
    """Publish, again while the broker is not there."""
    async with asyncio.timeout(PATIENCE):
        while True:
            with contextlib.suppress(everywire.Refused):
                return await client.publish(channel, data)


async def _over(pid):
    """Wait until a process is gone, or a zombie that nobody waits for."""
    async with asyncio.timeout(PATIENCE):
        while Path(f"/proc/{pid}").exists() and ") Z" not in Path(f"/proc/{pid}/stat").read_text():
            await passed(0.02)


UVLOOP = "import uvloop; uvloop.install()"
LOOP = """
import asyncio

@app.on("loop")
async def loop() -> str:
    return type(asyncio.get_running_loop()).__module__
"""


@pytest.mark.parametrize(("loop", "install"), [("asyncio", ""), ("uvloop", UVLOOP)])
async def test_any_worker_takes_the_requests_of_a_line(tmp_path, loop, install):
    """Each request comes on a connection of its own, which any worker may get; an application may choose another event loop."""
    pytest.importorskip(loop)
    async with serving(tmp_path, more=LOOP + install) as (run, address):
        base = address.replace("ws:", "http:")
        assert json.loads(await _asked("POST", f"{base}/call/loop"))["data"].startswith(loop)
        opened = await _asked("POST", f"{base}/lines", {"type": "connect", "id": 1})
        line = json.loads(opened)["line"]
        await _asked("POST", f"{base}/lines/{line}?seq=1", {"type": "subscribe", "id": 2, "channel": "log:a"})
        after, kinds = 0, []
        for number in range(2, 22):
            await _asked(
                "POST",
                f"{base}/lines/{line}?seq={number}",
                {"type": "publish", "id": 1 + number, "channel": "log:a", "data": 1},
            )
            events = json.loads(await _asked("GET", f"{base}/lines/{line}/poll?after={after}&wait=2000"))
            after += len(events)
            kinds += [event["type"] for event in events]
        assert kinds[:2] == ["connected", "subscribed"]
        assert kinds.count("publication") >= 19
        assert await run.end() == 0


async def _asked(method, url, body=None):
    """The body of an answer over a connection of its own."""
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(url, data, method=method)

    def fetch():
        with urllib.request.urlopen(asked, timeout=PATIENCE) as answer:
            return answer.read()

    return await asyncio.to_thread(fetch)


async def test_options_may_come_from_the_environment(tmp_path):
    (tmp_path / "live.py").write_text(APP)
    environment = {"EVERYWIRE_RUN_WORKERS": "1", "EVERYWIRE_RUN_HISTORY": str(tmp_path / "history")}
    async with started("run", "live:app", "--port", "0", cwd=tmp_path, **environment) as run:
        await run.says("live:app is at")
        assert (tmp_path / "history").exists()
        assert await run.end() == 0
    async with started(
        "run", "live:app", "--port", "0", "--workers", "1", cwd=tmp_path, EVERYWIRE_RUN_PID_FILE="pid"
    ) as run:
        await run.says("live:app is at")
        assert await run.end() == 0


@pytest.mark.slow
async def test_a_worker_that_lets_its_clients_go_is_not_ready(tmp_path):
    async with serving(tmp_path, "--drain", "3", "--pace", "1", workers=1) as (run, address):
        host, port = re.search(r"//([\w.]+):(\d+)", address).groups()
        kept = http.client.HTTPConnection(host, int(port), timeout=PATIENCE)

        def ready():
            kept.request("GET", "/readyz")
            answer = kept.getresponse()
            return answer.status, answer.read()

        async with contextlib.AsyncExitStack() as stack:
            for _ in range(4):
                await stack.enter_async_context(everywire.Client(address))
            assert await asyncio.to_thread(ready) == (200, b"ready\n")
            os.kill(run.process.pid, signal.SIGHUP)
            await run.says(r"worker 1 \(pid \d+\) is ready")
            async with asyncio.timeout(2):
                while await asyncio.to_thread(ready) != (503, b"draining\n"):
                    await passed(0.05)
            await run.says("replaced 1 workers")
            fresh = http.client.HTTPConnection(host, int(port), timeout=PATIENCE)
            fresh.request("GET", "/readyz")
            assert fresh.getresponse().status == 200
            fresh.close()
        kept.close()
        assert await run.end() == 0
