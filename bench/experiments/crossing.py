"""What a publication costs a whole server, from its publisher's WebSocket to its subscriber's: in one process, within a worker, between two.

`python bench/experiments/crossing.py [--messages N] [--speakers N] [--at-once N]`: the processor time of every process of the server, per
message that is published by one of many clients and delivered to one other, all real ones over real sockets. With several workers the log is
the authority's, also where both are at one worker.

On two cores (AMD EPYC, Python 3.11), three runs: one process 40 to 46 µs, one worker of two 82 to 91, two workers 77 to 93: what crosses costs 1.0 times
what stays in its worker, and 1.9 times what needs no authority at all.
"""

import argparse
import asyncio
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

import everywire

APP = """
import os
import everywire

app = everywire.Everywire()
app.channel("c", history=100)

@app.on("where")
def where() -> int:
    return os.getpid()
"""
TICK = os.sysconf("SC_CLK_TCK")


def spent(root: int) -> float:
    """Seconds of processor time of a process and all below it."""
    told = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        told[int(path.parent.name)] = (int(fields[1]), (int(fields[11]) + int(fields[12])) / TICK)
    family = {root}
    while more := {pid for pid, (parent, _) in told.items() if parent in family} - family:
        family |= more
    return sum(told[pid][1] for pid in family)


async def server(folder: str, workers: int) -> tuple[asyncio.subprocess.Process, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "everywire", "run", "crossed:app", "--host", "127.0.0.1", "--port", "0"),
        *(("--workers", str(workers)) if workers else ()),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    while b"ws://" not in (line := await process.stdout.readline()):
        pass
    return process, "ws://" + line.decode().split("ws://")[1].split()[0].rstrip(",;")


async def pinned(address: str, speakers: int, *, apart: bool) -> tuple[list[everywire.Client], everywire.Client]:
    """Connect until there are so many clients at one worker, and one more there, or at another."""
    workers: dict[int, list[everywire.Client]] = {}
    while True:
        client = everywire.Client(address)
        await client.connect()
        workers.setdefault(await client.call("where"), []).append(client)
        for worker, clients in workers.items():
            others = [other for place, there in workers.items() if (place != worker) is apart for other in there]
            rest = [other for other in others if other not in clients[:speakers]]
            if len(clients) >= speakers and rest:
                return clients[:speakers], rest[0]


async def publish(speaker: everywire.Client, messages: int, at_once: int) -> None:
    for first in range(0, messages, at_once):
        numbers = range(first, min(first + at_once, messages))
        await asyncio.gather(*[speaker.publish("c", {"text": "hello to everybody", "n": n}) for n in numbers])


async def measured(given: argparse.Namespace, workers: int, *, apart: bool) -> float:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "crossed.py").write_text(APP)
        process, address = await server(folder, workers)
        try:
            speakers, hearer = await pinned(address, given.speakers, apart=apart)
            subscription = hearer.subscribe("c")
            await subscription.ready()

            each = given.messages // given.speakers
            messages = each * given.speakers

            async def hear() -> None:
                for _ in range(messages):
                    await anext(subscription)

            hearing = asyncio.create_task(hear())
            begun = spent(process.pid)
            await asyncio.gather(*[publish(speaker, each, given.at_once) for speaker in speakers])
            await hearing
            return (spent(process.pid) - begun) / messages * 1e6
        finally:
            process.send_signal(signal.SIGKILL)
            await process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=30_000)
    parser.add_argument("--speakers", type=int, default=50)
    parser.add_argument("--at-once", type=int, default=10)
    given = parser.parse_args()
    for name, workers, apart in (("one process", 0, False), ("one worker of two", 2, False), ("two workers", 2, True)):
        begun = time.monotonic()
        cost = asyncio.run(measured(given, workers, apart=apart))
        print(f"{name:18} {cost:6.1f} µs a message ({time.monotonic() - begun:.0f} s)", flush=True)


if __name__ == "__main__":
    main()
