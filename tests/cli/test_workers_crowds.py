"""Several workers and many clients: kills, rolling restarts, and everybody at once."""

import asyncio
import contextlib
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
from collections import Counter
from pathlib import Path
from time import perf_counter
from urllib.parse import urlsplit

import pytest
from tests.cli.crowd import Crowd
from tests.cli.others import Others, children
from tests.cli.several import Mouth, serving, spread

import everywire
from everywire.testing import Published, check, passed

LEASE, DEBOUNCE = 3, 2  # seconds: how long a dead node's places stand, and those of who may come back in a moment
EXPERIMENTS = Path(__file__).parents[2] / "bench" / "experiments"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def workers(run):
    """The process ids of the workers that serve."""
    found = []
    for child in children(run.process.pid):
        with contextlib.suppress(FileNotFoundError), open(f"/proc/{child}/cmdline", "rb") as file:
            if b"live:app" in file.read():
                found.append(child)
    return found


def busy(run):
    """Seconds of processor time that the server has taken so far."""
    total = 0
    for pid in workers(run):
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def faults(crowd, mouth):
    """What the checker says about everybody's log; one by one, since they are long."""
    published = [Published(place, "mouth", number) for number, place in mouth.told.items()]
    assert len(published) == mouth.said + 1
    end = max((each.position for each in published), key=lambda place: place.offset)
    return [fault for one in crowd.ones for fault in check([one.log()], published, {"client": end})]


async def right(client, channel, crowd):
    """The time when the list of who is there is the truth, from when everybody is back."""
    while True:
        with contextlib.suppress(everywire.Refused, TimeoutError):
            members = {member.session for member in await client.presence(channel)}
            if members == {one.session for one in crowd.ones if one.live} and len(members) == len(crowd.ones):
                return asyncio.get_running_loop().time()
        await passed(0.1)


@contextlib.contextmanager
def attended(crowd):
    yield crowd
    crowd.end()


async def killed(run, pid, crowd, watcher):
    """Kill a worker, and wait for everybody; gives how long each was away, and when the list was right, without what others had of the processors."""
    loop, others = asyncio.get_running_loop(), Others(run.process.pid)
    crowd.back.clear()
    os.kill(pid, signal.SIGKILL)
    begun = loop.time()
    async with asyncio.timeout(60):
        await passed(0.1)
        shown = asyncio.ensure_future(right(watcher, "hall:a", crowd))
        await crowd.until(lambda one: one.live)
        correct = await shown - begun
    outages = [back - begun for back in crowd.back]
    await passed(max(0, 5 - (loop.time() - begun)))
    return (
        [others.without(outage) for outage in outages],
        others.without(correct, LEASE),
        max(outages, default=0),
        others.share,
    )


async def test_workers_are_killed_every_five_seconds_for_a_minute(tmp_path, capsys):
    """0 lost, 0 doubled, everybody is back within 2 s at the 99th percentile, and presence is right within 5 s of each kill."""
    dice, outages, rights = random.Random(1), [], []
    async with contextlib.AsyncExitStack() as stack:
        run, address = await stack.enter_async_context(serving(tmp_path, workers=4))
        # Who asks who is there is somebody else: the question would stand behind all that the speaker has said.
        speaker, watcher = [await stack.enter_async_context(everywire.Client(address)) for _ in range(2)]
        listening = asyncio.ensure_future(run.process.stdout.read())
        with attended(Crowd(address, "hall:a", 200)) as crowd:
            await crowd.connect()
            mouth, began = Mouth(speaker, "hall:a", 200), perf_counter()
            slowest, taken = [], []
            for _ in range(12):
                found = await killed(run, dice.choice(workers(run)), crowd, watcher)
                outages += found[0]
                for kept, each in zip((rights, slowest, taken), found[1:], strict=True):
                    kept.append(each)
            rate = mouth.said / (perf_counter() - began)
            last = await mouth.stop()
            async with asyncio.timeout(20):
                await crowd.until(lambda one: one.live and one.position[1] == last + 1)
            p99 = statistics.quantiles(outages, n=100)[98]
            with capsys.disabled():
                print(
                    f"\n{last + 1} messages, {rate:.0f} per second; {len(outages)} outages, p50 {statistics.median(outages):.2f} s,"
                    f" p99 {p99:.2f} s, by the clock {max(slowest):.1f} s at most; presence right after {max(rights):.1f} s at most;"
                    f" others had {statistics.mean(taken):.0%} of the processors"
                )
            assert faults(crowd, mouth) == []
            assert (crowd.total("holes"), crowd.total("doubles")) == (0, 0)
            assert crowd.total("refused") == 0
            assert p99 <= 2
            assert max(rights) <= 5
        assert await _ended(run, listening) == 0


async def test_two_of_four_workers_die_under_two_hundred_users_with_three_tabs_each(tmp_path, capsys):
    """The list is the truth within the lease and the debounce; who is gone leaves once, and who comes back at once never did."""
    async with serving(tmp_path, workers=4) as (run, address), spread(address, 4) as clients:
        listening = asyncio.ensure_future(run.process.stdout.read())
        watcher, *_ = clients.values()
        _, one, two, _ = clients
        with attended(Crowd(address, "lobby:a", 600, users=200)) as crowd:
            await crowd.connect(100)
            left, joined = Counter(), Counter()
            seeing = watcher.subscribe(
                "lobby:a",
                on_join=lambda member: joined.update([member.user]),
                on_leave=lambda member: left.update([member.user]),
            )
            await seeing.ready()
            gone = {f"user{number}" for number in range(50)}
            everybody = {f"user{number}": 3 for number in range(200)}
            assert await tabs(watcher) == everybody
            begun, others = perf_counter(), Others(run.process.pid)
            for pid in (one, two):
                os.kill(pid, signal.SIGKILL)
            for each in crowd.ones:
                if each.token in gone:
                    each.leave()
            rest = {user: count for user, count in everybody.items() if user not in gone}
            async with asyncio.timeout(60):
                while await tabs(watcher) != rest:
                    await passed(0.05)
                took = perf_counter() - begun
                while len(left) < len(gone):
                    await passed(0.05)
            told = perf_counter() - begun
            await passed(3)  # for whoever would leave too much
            with capsys.disabled():
                print(f"\nthe list was right after {took:.1f} s, everybody told after {told:.1f} s")
            assert left == Counter(gone)
            assert not joined
            # The places of dead workers stand for the lease, and those whose users were on them alone for the debounce after that.
            assert others.without(took, LEASE + DEBOUNCE) <= LEASE + DEBOUNCE + 1
        assert await _ended(run, listening) == 0


async def tabs(client):
    """Who is in the lobby, with how many tabs; without who only watches."""
    members = await client.presence("lobby:a")
    return {member.user: member.tabs for member in members if member.user is not None}


def spread_of(times):
    """How many there are in each tenth of a second, from the first to the last, the empty ones too."""
    counts = Counter(int((when - min(times)) * 10) for when in times)
    return [counts[tenth] for tenth in range(max(counts) + 1)]


# Each worker writes down when it says goodbye to whom: the clients are too many for one process to hear that in time.
GOODBYES = """
import time
from everywire.transports.websocket import WebSocketTransport

close = WebSocketTransport.close
log = os.open("goodbyes", os.O_CREAT | os.O_APPEND | os.O_WRONLY)

def noting(transport, code, reason=""):
    os.write(log, b"%d %f\\n" % (code, time.monotonic()))
    close(transport, code, reason)

WebSocketTransport.close = noting
"""


async def test_a_rolling_restart_under_two_thousand_clients(tmp_path, capsys):
    """0 refused, 0 lost, 0 doubled; in no tenth of a second are more sent away than one and a half times what an even spread would have."""
    serve = serving(tmp_path, "--drain", "10", workers=2, more=GOODBYES)
    async with serve as (run, address), everywire.Client(address) as speaker:
        # A log that nobody reads would hold up who writes it.
        listening = asyncio.ensure_future(run.process.stdout.read())
        with attended(Crowd(address, "log:a", 2000)) as crowd:
            await crowd.connect(100)
            before = set(workers(run))
            mouth = Mouth(speaker, "log:a", 5)  # ten thousand deliveries a second: this process has to read them all
            run.process.send_signal(signal.SIGHUP)
            async with asyncio.timeout(120):
                while set(workers(run)) & before:
                    await passed(0.1)
            last = await mouth.stop()
            async with asyncio.timeout(60):
                await crowd.until(lambda one: one.live and one.position[1] == last + 1)
            said = [line.split() for line in (tmp_path / "goodbyes").read_text().splitlines()]
            sent, came = (spread_of(times) for times in ([float(when) for _, when in said], crowd.returns))
            with capsys.disabled():
                print(f"\n{last + 1} messages, {len(crowd.returns)} returns")
                print(
                    f"sent away in {len(sent) / 10} s, at most {max(sent)} in 0.1 s; heard in {len(came) / 10} s, at most {max(came)}"
                )
            assert crowd.total("refused") == crowd.total("holes") == crowd.total("doubles") == 0
            assert {code for one in crowd.ones for code in one.closes} == {1012} == {int(code) for code, _ in said}
            assert len(crowd.returns) == 2000
            assert max(sent) <= 1.5 * len(said) / (10 * 10)
        assert await _ended(run, listening) == 0


@pytest.mark.skipif(shutil.which("cc") is None, reason="the clients are in C: they have to cost less than the server")
async def test_ten_thousand_clients_come_back_at_once_and_recover_a_hundred_messages_each(tmp_path, capsys):
    """All are connected within 3 s and have recovered within 6 s, where two cores have nothing else to do; nobody is refused."""
    program = str(tmp_path / "storm")
    subprocess.run(["cc", "-O2", "-o", program, str(EXPERIMENTS / "storm.c")], check=True)
    async with serving(tmp_path, workers=4) as (run, address):
        async with everywire.Client(address) as speaker:
            start = await speaker.publish("log:a", "first")
            for number in range(100):
                await speaker.publish("log:a", {"number": number, "text": "x" * 20})
        words = (str(urlsplit(address).port), "/everywire", "log:a", start.epoch, str(start.offset), "10000", "100")
        spent, others = busy(run), Others(run.process.pid)
        clients = await asyncio.create_subprocess_exec(program, *words, stdout=subprocess.PIPE)
        out, _ = await clients.communicate()
        said, spent = json.loads(out), busy(run) - spent
        with capsys.disabled():
            print(f"\n{said}\nprocessor time of the server: {spent:.1f} s, others had {others.share:.0%}")
        assert [said[what] for what in ("refused", "closed", "odd", "left")] == [0, 0, 0, 0]
        assert others.without(said["connected_all"]) <= 3
        assert others.without(said["recovered_all"]) <= 6
        assert await run.end() == 0


async def _ended(run, listening):
    run.process.send_signal(signal.SIGTERM)
    await listening
    return await run.process.wait()
