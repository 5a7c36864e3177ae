"""What it costs the workers when very many clients come back at once, each of them with messages to recover.

`python bench/experiments/storm.py [--clients N] [--missed N] [--workers N] [--profile FOLDER]`: starts `everywire run --workers`, publishes, lets the
clients of storm.c (built beside a temporary file) come without jitter, and prints when all were connected, when all were recovered, and the processor
time of every process. With `--profile` each worker writes a cProfile of the storm there.
"""

import argparse
import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import everywire

APP = """
import cProfile, os, signal
import everywire

app = everywire.Everywire()
app.channel("log:{name}", history=10_000)
folder = os.environ.get("STORM_PROFILE")
if folder:
    profile = cProfile.Profile()
    signal.signal(signal.SIGUSR1, lambda *_: profile.enable())
    signal.signal(signal.SIGUSR2, lambda *_: (profile.disable(), profile.dump_stats(f"{folder}/{os.getpid()}.prof")))
"""


def children(pid: int) -> dict[int, str]:
    """Name the processes of a supervisor."""
    found = {}
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        command = Path(f"/proc/{child}/cmdline").read_bytes()
        found[int(child)] = "worker" if b"live:app" in command else "authority"
    return found


def busy(pid: int) -> float:
    """Give the seconds of processor time that a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def published(address: str, count: int) -> tuple[str, int]:
    """Publish one message and `count` more; gives the place of the first."""
    async with everywire.Client(address) as speaker:
        start = await speaker.publish("log:a", "first")
        for number in range(count):
            await speaker.publish("log:a", {"number": number, "text": "x" * 20})
        return start.epoch, start.offset


def storm(program: str, port: str, start: tuple[str, int], asked: argparse.Namespace) -> dict[str, float]:
    """Let them come."""
    words = [port, "/everywire", "log:a", start[0], str(start[1]), str(asked.clients), str(asked.missed), "120"]
    done = subprocess.run([program, *words], stdout=subprocess.PIPE, check=False, text=True)
    return json.loads(done.stdout)


def measure(asked: argparse.Namespace, folder: Path) -> None:
    """Start the server, let them come, and print what came out."""
    (folder / "live.py").write_text(APP)
    program = str(folder / "storm")
    subprocess.run(["cc", "-O2", "-o", program, str(Path(__file__).with_suffix(".c"))], check=True)
    environment = {**os.environ, **({"STORM_PROFILE": str(asked.profile.resolve())} if asked.profile else {})}
    words = ["run", "live:app", "--host", "127.0.0.1", "--port", "0", "--workers", str(asked.workers)]
    command = [sys.executable, "-m", "everywire", *words]
    server = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        while not (found := re.search(r"live:app is at (ws://[\w.]+:(\d+)/\S+)", line := server.stdout.readline())):
            print(line, end="")
        start = asyncio.run(published(found[1], asked.missed))
        pids = children(server.pid)
        workers = [pid for pid, name in pids.items() if name == "worker"]
        if asked.profile:
            [os.kill(pid, signal.SIGUSR1) for pid in workers]
            time.sleep(0.3)
        before = {pid: busy(pid) for pid in pids}
        said = storm(program, found[2], start, asked)
        spent = {pid: busy(pid) - before[pid] for pid in pids}
        if asked.profile:
            [os.kill(pid, signal.SIGUSR2) for pid in workers]
            time.sleep(1)
        time.sleep(1)
        late = {pid: busy(pid) - before[pid] - spent[pid] for pid in pids}
    finally:
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=30)
    print(json.dumps(said))
    print("cpu s:", " ".join(f"{name} {spent[pid]:.2f}+{late[pid]:.2f}" for pid, name in pids.items()))
    print(
        f"per client: {sum(spent.values()) / asked.clients * 1e6:.0f} µs, at last {sum([*spent.values(), *late.values()]) / asked.clients * 1e6:.0f} µs"
    )


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--clients", type=int, default=10_000)
    parser.add_argument("--missed", type=int, default=100)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--profile", type=Path)
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    try:
        measure(asked, folder)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
