"""The supervisor with small processes of its own kind; real workers are in tests/cli/test_workers.py."""

import asyncio
import itertools
import os
import sys

import pytest

from everywire.servers import listening
from everywire.servers.workers.child import Child
from everywire.servers.workers.control import Drain
from everywire.servers.workers.door import Outcome
from everywire.servers.workers.supervisor import Plan, Supervisor

# Ready at once, over when told to drain, or when the line ends.
WORKER = """
import json, os, socket
given = json.loads(os.environ["EVERYWIRE_WORKER"])
line = socket.socket(fileno=given["control"])
line.send(b'{"type":"ready"}\\n')
while True:
    said = line.recv(1000)
    if not said or b"drain" in said:
        break
"""
PATIENCE = 30


@pytest.fixture
def sockets():
    sockets = [listening.tcp("127.0.0.1", 0) for _ in range(2)]
    yield sockets
    for (sock,) in sockets:
        sock.close()


async def running(sockets, code=WORKER, **options):
    """A supervisor of such processes, once they are ready; and the task that runs it."""
    started = asyncio.Event()
    plan = Plan([sys.executable, "-c", code], sockets, **options)
    supervisor = Supervisor(plan, lambda _: started.set())
    run = asyncio.ensure_future(supervisor.run())
    waiting = asyncio.ensure_future(started.wait())
    async with asyncio.timeout(PATIENCE):
        await asyncio.wait([run, waiting], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    return supervisor, run


async def test_each_slot_has_a_worker_and_all_are_over_at_the_end(sockets):
    supervisor, run = await running(sockets)
    children = [slot.current for slot in supervisor.slots]
    assert len({child.pid for child in children}) == 2
    supervisor.stop()
    assert await run == 0
    assert all(child.over.is_set() for child in (*children, supervisor.authority))


async def test_a_worker_that_dies_is_replaced_and_another_stands_in_for_it(sockets):
    supervisor, run = await running(sockets)
    first, second = supervisor.slots
    dead = first.current
    said = []
    other, say = second.current, second.current.say
    other.say = said.append
    dead.signal(9)
    async with asyncio.timeout(PATIENCE):
        await dead.over.wait()
        while first.current is dead or not first.current.ready.is_set() or first.stand_in is not None:
            await asyncio.sleep(0)
    assert [type(each).__name__ for each in said] == ["Adopt", "Release"]
    other.say = say
    supervisor.stop()
    assert await run == 0


async def test_a_successor_that_takes_long_to_start_is_said_to_be_waited_for(sockets, tmp_path):
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    slow = f"import os\nif os.path.exists({str(tmp_path / 'slow')!r}): open({str(gate)!r}).close()\n"
    supervisor, run = await running(sockets[:1], slow + WORKER, long=0.0)
    (tmp_path / "slow").touch()
    said, told = [], asyncio.Event()

    def tell(text):
        said.append(text)
        if text.startswith("waiting"):
            told.set()

    supervisor.watchers.add(tell)
    replacing = supervisor.reload()
    async with asyncio.timeout(PATIENCE):
        await told.wait()
        await asyncio.to_thread(lambda: gate.open("w").close())
        assert (await replacing).whole
    pid = supervisor.slots[0].current.pid
    assert said[1:] == [
        f"waiting for worker 1 (pid {pid}) to load the application",
        f"worker 1 (pid {pid}) is ready",
    ]
    supervisor.stop()
    assert await run == 0


async def test_replacing_all_leaves_the_authority_alone(sockets):
    supervisor, run = await running(sockets)
    before, authority = [slot.current for slot in supervisor.slots], supervisor.authority
    supervisor.reload()
    supervisor.reload()
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*[child.over.wait() for child in before])
    assert not {slot.current for slot in supervisor.slots} & set(before)
    assert supervisor.authority is authority
    supervisor.stop()
    assert await run == 0


@pytest.fixture
def refusing(monkeypatch):
    """Has the system refuse processes: `refusing(1, 2)` lets one start, and refuses two more."""
    start = Child.start

    def refuse(after, times):
        numbers = itertools.count(1)

        async def attempt(*given):
            if after < next(numbers) <= after + times:
                raise BlockingIOError(11, "Resource temporarily unavailable")
            return await start(*given)

        monkeypatch.setattr(Child, "start", attempt)

    return refuse


async def test_where_no_process_can_be_had_those_that_were_replaced_go_and_the_rest_stay(sockets, refusing):
    supervisor, run = await running(sockets)
    first, second = [slot.current for slot in supervisor.slots]
    refusing(1, 1)
    async with asyncio.timeout(PATIENCE):
        outcome = await supervisor.reload()
        await first.over.wait()
    assert outcome == Outcome(
        "worker 2 cannot be started: [Errno 11] Resource temporarily unavailable; 1 of 2 were replaced, the rest stay",
        whole=False,
    )
    assert (supervisor.slots[1].current, second.over.is_set()) == (second, False)
    supervisor.stop()
    assert await run == 0


async def test_a_worker_that_dies_is_replaced_as_soon_as_a_process_can_be_had(sockets, refusing, monkeypatch):
    monkeypatch.setattr("everywire.servers.workers.supervisor._PAUSES", (0.0,))
    supervisor, run = await running(sockets)
    first = supervisor.slots[0]
    dead = first.current
    refusing(0, 2)
    dead.signal(9)
    async with asyncio.timeout(PATIENCE):
        while first.current is dead or not first.current.ready.is_set():
            await asyncio.sleep(0)
    supervisor.stop()
    assert await run == 0


async def test_a_worker_that_does_not_start_is_a_failure(sockets, caplog):
    _, run = await running(sockets, "raise SystemExit(5)")
    assert await run == 1
    assert "a worker does not start: it ended with exit code 5" in caplog.text


async def test_a_process_that_said_what_is_wrong_is_believed(sockets, caplog):
    _, run = await running(sockets, "raise SystemExit(2)")
    assert await run == 2
    assert caplog.text == ""


async def test_one_that_hangs_is_a_failure_in_time(sockets, caplog):
    _, run = await running(sockets, "import time; time.sleep(60)", start=0.3)
    assert await run == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, Drain(5, 100, 5)),
        ({"grace": 60.0}, Drain(10, 100, 30)),
        ({"grace": 30.0, "finish": 0.0}, Drain(10, 100, 0)),
    ],
)
async def test_what_is_under_way_has_half_of_the_time_at_the_end(sockets, options, said):
    supervisor, run = await running(sockets, **options)
    told = []
    for slot in supervisor.slots:
        say = slot.current.say
        slot.current.say = lambda message, say=say: (told.append(message), say(message))
    supervisor.stop()
    assert await run == 0
    assert told == [said, said]


async def test_who_does_not_end_is_killed(sockets):
    stubborn = WORKER + "import time; time.sleep(60)"
    supervisor, run = await running(sockets, stubborn, grace=0.0)
    children = [slot.current for slot in supervisor.slots]
    supervisor.stop()
    supervisor.stop()
    assert await run == 0
    assert [child.code for child in children] == [-9, -9]
