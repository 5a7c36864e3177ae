"""Does one slow reader hurt the others, or the server's memory?

Subscribers of one channel, in a process of their own; one more that reads about 1 kB per second. Per policy of the slow one, against no
slow one at all: the others' latency (99th percentile), and how far the server's memory grew.

    python bench/experiments/slow_reader.py [--subscribers 49] [--size 50000] [--rate 100] [--seconds 8]

What came out, on two busy cores (five runs; the 99th percentile without a slow reader was anything from 17 to 196 ms, from 11 to 288 ms with one):

    no slow reader   p50    6.5 ms  p99  124.7 ms  cpu  12 %  memory + 0.0 MB  5.9 MB/s each
    reliable         p50    2.1 ms  p99   10.9 ms  cpu  11 %  memory + 1.1 MB  5.2 MB/s each   (closed with 4413 at 1 MiB queued)
    latest           p50    3.0 ms  p99   11.0 ms  cpu  12 %  memory + 0.0 MB  5.1 MB/s each
    drop_oldest      p50    4.1 ms  p99   18.1 ms  cpu  14 %  memory + 0.0 MB  5.2 MB/s each
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

from everywire import Everywire, connect
from everywire.hub.settings import Settings

SUBPROTOCOL = "everywire.v1.json"
POLICIES = (None, None, {"kind": "reliable"}, {"kind": "latest", "interval": 100}, {"kind": "drop_oldest", "size": 8})


async def serve(size: int, rate: float) -> None:
    app = Everywire(settings=Settings())
    app.channel("feed", history=16)
    pad = "x" * size
    async with app.serving(compression=None) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        due = time.monotonic()
        while True:
            app.publish("feed", {"at": time.monotonic(), "pad": pad})
            due += 1 / rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))


def said(policy: dict[str, object] | None) -> list[str]:
    subscribe = {"type": "subscribe", "id": 2, "channel": "feed", **({"policy": policy} if policy else {})}
    return [json.dumps({"type": "connect", "id": 1}), json.dumps(subscribe)]


async def listen(port: int, delays: list[float], got: list[int]) -> None:
    """Follow the feed, and note how old each publication is."""
    async with connect(
        f"ws://127.0.0.1:{port}/everywire", subprotocols=[SUBPROTOCOL], compression=None, max_size=None
    ) as ws:
        for command in said(None):
            await ws.send(command)
        async for message in ws:
            if message.startswith("[") or '"at":' not in message[:200]:
                continue
            sent = float(message.partition('"at":')[2].partition(",")[0])
            delays.append(time.monotonic() - sent)
            got[0] += len(message)


async def crawl(port: int, policy: dict[str, object]) -> int:
    """Read 1 kB per second of the feed, for ever; gives how often the server closed the connection."""
    closed = 0
    while True:
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(sock, ("127.0.0.1", port))
            await loop.sock_sendall(sock, _handshake(port) + b"".join(map(_frame, said(policy))))
            try:
                while await loop.sock_recv(sock, 1024):
                    await asyncio.sleep(1)
            except ConnectionError:
                pass
            closed += 1
        await asyncio.sleep(0.5)


def _handshake(port: int) -> bytes:
    lines = [
        "GET /everywire HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
        f"Sec-WebSocket-Protocol: {SUBPROTOCOL}",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def _frame(text: str) -> bytes:
    data = text.encode()
    return bytes([0x81, 0x80 | 126]) + len(data).to_bytes(2, "big") + bytes(4) + data  # masked with zeros


def rss(pid: int) -> int:
    """Kilobytes in memory."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


def cpu(pid: int) -> float:
    """Seconds of processor time so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def measure(port: int, pid: int, policy: dict[str, object] | None, given: argparse.Namespace) -> None:
    delays: list[float] = []
    got = [0]
    tasks = [asyncio.ensure_future(listen(port, delays, got)) for _ in range(given.subscribers)]
    await asyncio.sleep(1)
    before = rss(pid)
    if policy is not None:
        tasks.append(asyncio.ensure_future(crawl(port, policy)))
    await asyncio.sleep(1)
    delays.clear()
    got[0] = 0
    most, worked = 0, cpu(pid)
    for _ in range(given.seconds * 10):
        await asyncio.sleep(0.1)
        most = max(most, rss(pid))
    worked = cpu(pid) - worked
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    ordered = sorted(delays)
    half, most_of = (1000 * ordered[int(part * (len(ordered) - 1))] for part in (0.5, 0.99))
    name = policy["kind"] if policy else "no slow reader"
    speed = got[0] / given.seconds / given.subscribers / 1e6
    load = 100 * worked / given.seconds
    grown = (most - before) / 1000
    print(
        f"{name:15}  p50 {half:6.1f} ms  p99 {most_of:6.1f} ms  cpu {load:3.0f} %  memory +{grown:4.1f} MB  {speed:.1f} MB/s each"
    )


async def main(given: argparse.Namespace) -> None:
    command = [sys.executable, __file__, "--serve", "--size", str(given.size), "--rate", str(given.rate)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ) as server:  # noqa: ASYNC220
        assert server.stdout is not None
        port = int(server.stdout.readline())
        try:
            for policy in POLICIES:
                await measure(port, server.pid, policy, given)
        finally:
            server.terminate()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--subscribers", type=int, default=49)
    parser.add_argument("--size", type=int, default=50_000)
    parser.add_argument("--rate", type=float, default=100)
    parser.add_argument("--seconds", type=int, default=8)
    parser.add_argument("--serve", action="store_true")
    chosen = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(chosen.size, chosen.rate) if chosen.serve else main(chosen))
